//! EPCIS events: one alone, and the document item that stands before captured ones.
//!
//! ```text
//! 'D' item  {"count": events of the whole document, "device": …, "header": what surrounds the events | null,
//!            "items": events that follow it in its submission, "mediaType": …, "operator": …, "part": 0-based,
//!            "parts": submissions of the document, "sha256": base64 of the bytes received, "type": "document"}
//! ```
//!
//! A document of several submissions has one such item first in each; only part 0 carries the header.

use medtrace_event::{Document, Fault, Json, SealedEvent, document::DocumentKind, json::Object, scan::Who};
use medtrace_ledger::{Hash, ItemKind, item::ITEM_BYTES_MAX};
use medtrace_service::Problem;

use super::Speaker;
use crate::{refused::Refused, seal::Body};

/// What a document item says.
pub struct Part<'a> {
    pub header: &'a Json,
    pub media_type: &'a str,
    /// SHA-256 of the bytes received.
    pub sha256: Hash,
    /// Events of the whole document.
    pub count: usize,
    pub part: usize,
    pub parts: usize,
    /// Events that follow it in its submission.
    pub items: usize,
    pub who: &'a Who,
}

/// The document item; a header that no item holds is refused.
pub fn document_item(part: &Part<'_>) -> Result<Body, Fault> {
    let text = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
    let number = |n: usize| Json::Number(n as f64);
    let members = [
        ("type", Json::from("document")),
        ("mediaType", Json::from(part.media_type)),
        ("sha256", Json::from(part.sha256.to_string())),
        ("count", number(part.count)),
        ("part", number(part.part)),
        ("parts", number(part.parts)),
        ("items", number(part.items)),
        ("operator", text(&part.who.operator)),
        ("device", text(&part.who.device)),
    ];
    let mut object: Object = members.into_iter().collect();
    if part.part == 0 {
        object.insert("header", part.header.clone());
    }
    let bytes = Json::from(object).to_jcs();
    if bytes.len() > ITEM_BYTES_MAX {
        let detail = format!(
            "what surrounds the events makes {} bytes; at most {ITEM_BYTES_MAX} are taken, send master data as notices",
            bytes.len()
        );
        return Err(Fault::limit("", "header-too-large", detail));
    }
    Ok(Body { kind: ItemKind::Document, bytes, identifiers: 0 })
}

/// Admits the body of `POST /events`: one event, and its document item.
pub fn one_event(
    body: &[u8],
    media_type: &str,
    who: &Who,
    speaker: Speaker<'_>,
) -> Result<(SealedEvent, Body), Problem> {
    let mut refused = Refused::default();
    let admitted = read_one(body).and_then(|document| {
        let part = Part {
            header: &document.header,
            media_type,
            sha256: Hash::of(body),
            count: 1,
            part: 0,
            parts: 1,
            items: 1,
            who,
        };
        Ok((document_item(&part).map_err(|fault| vec![fault])?, document))
    });
    match admitted {
        Ok((item, document)) => {
            let event = document.events.first().and_then(|entry| speaker.event(entry, "", &mut refused));
            match event {
                Some(event) if refused.is_empty() => Ok((event, item)),
                _ => Err(refused.into_problem()),
            }
        }
        Err(faults) => {
            refused.faults("", &faults);
            Err(refused.into_problem())
        }
    }
}

fn read_one(body: &[u8]) -> Result<Document, Vec<Fault>> {
    let document = Document::parse(body)?;
    match document.kind {
        DocumentKind::Event => Ok(document),
        DocumentKind::Capture | DocumentKind::Query => {
            Err(vec![Fault::new("/type", "document-type", "one event should stand here; documents go to /capture")])
        }
    }
}

//! Submissions signed at the party: the note is checked as the chainer will check it, then every item on its own.
//!
//! ```text
//! {"note": "<the signed note>", "items": [{"kind": "E" | "D" | "N", "salt": "<base64, 16 bytes>", "body": {…}}, …]}
//! ```
//!
//! A body is read as I-JSON; its bytes are its RFC 8785 form, which is what its leaf was made of.

use medtrace_event::{Fault, Json, SealedEvent, seal};
use medtrace_ledger::{
    ItemKind, PartyId, PublicKey, Salt, Submission,
    item::ITEM_BYTES_MAX,
    submission::{Expected, SubmissionKind, check_time, open_submission, submission_leaf},
};
use medtrace_log::record::Record;
use medtrace_registry::Refusal;
use medtrace_service::{Kind, Problem};

use super::{Speaker, item};
use crate::{
    refused::Refused,
    seal::{Body, Consortium, Sealed, Size, Stamp},
};

/// A note that verifies, with its items; what they say is not judged yet.
#[derive(Debug, Clone)]
pub struct HomeSigned {
    pub submission: Submission,
    pub note: String,
    pub salts: Vec<Salt>,
    pub items: Vec<Body>,
}

/// Reads a home-signed body and checks its note: exact signatures, leaves, time, and that it is the caller's own.
pub fn home_signed(
    body: &[u8],
    kind: SubmissionKind,
    consortium: &Consortium,
    caller: &PartyId,
    now_ms: u64,
) -> Result<HomeSigned, Problem> {
    let (note, salts, items) = read(body, kind).map_err(|faults| {
        let mut refused = Refused::default();
        refused.faults("", &faults);
        refused.into_problem()
    })?;
    let leaves: Vec<_> = items.iter().zip(&salts).map(|(body, salt)| body.with(*salt).leaf()).collect();
    let expected = Expected { kind, origin: &consortium.origin, genesis: consortium.genesis };
    let submission = open_submission(&note, &leaves, &expected)
        .and_then(|submission| check_time(submission.time_ms, now_ms).map(|()| submission))
        .map_err(|no| {
            Kind::Validation.because("the note does not hold; nothing was stored").at("/note", no.reason, no.detail)
        })?;
    if submission.party != *caller {
        let detail = format!("the note is {}'s, the token {caller}'s", submission.party);
        return Err(Kind::Forbidden.because("send it with a token of the party that signed").at(
            "/note",
            "another-party",
            detail,
        ));
    }
    Ok(HomeSigned { submission, note, salts, items })
}

impl HomeSigned {
    /// The one key that signed events.
    pub fn key(&self) -> PublicKey {
        self.submission.public_keys[0]
    }

    /// As it goes into the log.
    pub fn seal(&self) -> Result<Sealed, Problem> {
        let items = self.items.iter().zip(&self.salts).map(|(body, salt)| body.with(*salt));
        let value = Record::pack(self.note.clone(), items).and_then(Record::encode).map_err(|error| {
            Kind::Validation.because("the submission makes no record; nothing was stored").at(
                "",
                "record",
                error.to_string(),
            )
        })?;
        Ok(Sealed { stamp: Stamp { id: self.submission.id(), leaf: submission_leaf(&self.note) }, value })
    }

    /// Judges every event as if it had been sent in the clear.
    pub fn events(&self, speaker: Speaker<'_>) -> Result<Vec<SealedEvent>, Problem> {
        let mut refused = Refused::default();
        if !speaker.registry.now().key_valid(speaker.party, &speaker.key) {
            let detail = format!("{} is not a valid key of {}", speaker.key, speaker.party);
            refused.right("/note", &Refusal { path: String::new(), code: "unknown-key", detail });
            return Err(refused.into_problem());
        }
        let mut events = Vec::new();
        let mut size = Size::default();
        for (index, body) in self.items.iter().enumerate().filter(|(_, body)| body.kind == ItemKind::Event) {
            let prefix = format!("/items/{index}/body");
            match seal::admit(&body.bytes, speaker.party.as_str()) {
                Ok(sealed) => {
                    size = size.plus(item(&sealed).size());
                    events.extend(speaker.may(sealed, &prefix, &mut refused));
                }
                Err(faults) => refused.faults(&prefix, &faults),
            }
        }
        if size.identifiers > Size::MAX.identifiers {
            let detail = format!(
                "{} identifiers; at most {} are taken in one submission",
                size.identifiers,
                Size::MAX.identifiers
            );
            refused.fault("/items", &Fault::limit("", "too-many-identifiers", detail));
        }
        refused.check()?;
        Ok(events)
    }
}

type Read = (String, Vec<Salt>, Vec<Body>);

fn read(body: &[u8], kind: SubmissionKind) -> Result<Read, Vec<Fault>> {
    let json = Json::parse(body).map_err(|fault| vec![fault.into()])?;
    let note =
        json.get_str("note").ok_or_else(|| vec![Fault::new("/note", "missing", "note should be the signed note")])?;
    let list = json.get("items").and_then(Json::as_array);
    let list = list.ok_or_else(|| vec![Fault::new("/items", "missing", "items should be a list")])?;
    if list.is_empty() {
        return Err(vec![Fault::new("/items", "empty", "there should be at least one item")]);
    }
    if list.len() > Size::MAX.items {
        let detail = format!("{} items; a submission has at most {}", list.len(), Size::MAX.items);
        return Err(vec![Fault::limit("/items", "too-many-items", detail)]);
    }
    let mut faults = Vec::new();
    let (mut salts, mut items) = (Vec::with_capacity(list.len()), Vec::with_capacity(list.len()));
    for (index, json) in list.iter().enumerate() {
        match read_item(json, kind) {
            Ok((salt, body)) => {
                salts.push(salt);
                items.push(body);
            }
            Err(fault) => faults.push(fault.under(&format!("/items/{index}"))),
        }
    }
    if faults.is_empty() { Ok((note.to_owned(), salts, items)) } else { Err(faults) }
}

fn read_item(json: &Json, submission: SubmissionKind) -> Result<(Salt, Body), Fault> {
    let kind = match (json.get("kind"), submission) {
        (None, SubmissionKind::Notices) => Some(ItemKind::Notice),
        (kind, _) => kind.and_then(Json::as_str).and_then(|kind| kind.parse().ok()),
    };
    let kind = kind.filter(|kind| submission.admits(*kind)).ok_or_else(|| {
        let detail = match submission {
            SubmissionKind::Events => "an item of events is of kind E or D",
            SubmissionKind::Notices => "an item of notices is of kind N",
        };
        Fault::new("/kind", "wrong-kind", detail)
    })?;
    let salt = json.get_str("salt").and_then(|salt| salt.parse().ok());
    let salt = salt.ok_or_else(|| Fault::new("/salt", "salt", "a salt is 16 bytes as canonical base64"))?;
    let body = json.get("body").ok_or_else(|| Fault::new("/body", "missing", "body should be the item's JSON"))?;
    let bytes = body.to_jcs();
    if bytes.len() > ITEM_BYTES_MAX {
        let detail = format!("{} bytes; an item has at most {ITEM_BYTES_MAX}", bytes.len());
        return Err(Fault::limit("/body", "too-large", detail));
    }
    Ok((salt, Body { kind, bytes, identifiers: 0 }))
}

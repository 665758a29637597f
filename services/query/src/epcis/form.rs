//! How an answer is written: which syntax, which spelling of identifiers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use medtrace_event::document::DocumentKind;
use medtrace_event::spelling::respell;
use medtrace_event::xml::{WriteError, Writer};
use medtrace_event::{Context, Json, time};
use medtrace_registry::At;
use medtrace_service::{Kind, Problem};
use serde::{Deserialize, Serialize};

use super::page::document;

/// Media types of an answer, the first unless asked otherwise.
const TYPES: [&str; 4] = ["application/json", "application/ld+json", "application/xml", "text/xml"];
/// Those of an answer that is no query document.
const JSON_TYPES: [&str; 2] = [TYPES[0], TYPES[1]];
const EPC_FORMAT: HeaderName = HeaderName::from_static("gs1-epc-format");
const CBV_XML_FORMAT: HeaderName = HeaderName::from_static("gs1-cbv-xml-format");

/// `GS1-EPC-Format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spelling {
    /// As each was sealed: `No_Preference` and `Never_Translates`.
    #[serde(rename = "Never_Translates")]
    Sealed,
    #[serde(rename = "Always_GS1_Digital_Link")]
    DigitalLink,
    /// Where the company prefix is known; the others are given as they were sealed.
    #[serde(rename = "Always_EPC_URN")]
    Urn,
}

impl Spelling {
    fn of(text: Option<&str>) -> Result<Spelling, Problem> {
        match text {
            None | Some("No_Preference" | "Never_Translates") => Ok(Spelling::Sealed),
            Some("Always_GS1_Digital_Link") => Ok(Spelling::DigitalLink),
            Some("Always_EPC_URN") => Ok(Spelling::Urn),
            Some(other) => {
                let all = "No_Preference, Never_Translates, Always_GS1_Digital_Link or Always_EPC_URN";
                Err(Kind::NotAcceptable.because(format!("GS1-EPC-Format is {all}, not {other:?}")))
            }
        }
    }

    /// As the header says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Spelling::Sealed => "Never_Translates",
            Spelling::DigitalLink => "Always_GS1_Digital_Link",
            Spelling::Urn => "Always_EPC_URN",
        }
    }

    /// Spells the identifiers of these events.
    pub fn spell(self, events: &mut [Json], at: At<'_>) {
        for event in events {
            match self {
                Spelling::Sealed => {}
                Spelling::DigitalLink => respell(event, &|thing| Some(thing.uri())),
                Spelling::Urn => respell(event, &|thing| thing.epc_urn(at.company_prefix(thing)?)),
            }
        }
    }
}

/// What the headers of a request ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    media_type: &'static str,
    pub spelling: Spelling,
}

impl Form {
    /// # Errors
    /// 406 for another media type, or for a form that there is none of.
    pub fn of(headers: &HeaderMap) -> Result<Form, Problem> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let spelling = Spelling::of(text(&EPC_FORMAT))?;
        // Words of the CBV are URNs in XML.
        if let Some(other) = text(&CBV_XML_FORMAT).filter(|form| !["No_Preference", "Always_URN"].contains(form)) {
            let detail = format!("GS1-CBV-XML-Format is No_Preference or Always_URN, not {other:?}");
            return Err(Kind::NotAcceptable.because(detail));
        }
        Ok(Form { media_type: media_type(headers, &TYPES)?, spelling })
    }

    /// As [`Form::of`], of what is answered in JSON alone.
    ///
    /// # Errors
    /// As [`Form::of`]; 406 where only XML is accepted, too.
    pub fn of_json(headers: &HeaderMap) -> Result<Form, Problem> {
        let form = Form::of(headers)?;
        Ok(Form { media_type: media_type(headers, &JSON_TYPES)?, ..form })
    }

    /// A query document of these events.
    ///
    /// # Errors
    /// 406 where XML has no way to say an event.
    pub fn answer(self, answer: Answer<'_>, at: At<'_>) -> Result<Response, Problem> {
        let Answer { query_name, mut events, created_us } = answer;
        self.spelling.spell(&mut events, at);
        let bytes = match self.media_type {
            "application/xml" | "text/xml" => xml(query_name, &events, created_us)?,
            _ => document(query_name, None, events, created_us).to_jcs(),
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type)),
            (EPC_FORMAT, HeaderValue::from_static(self.spelling.as_str())),
        ];
        Ok((headers, bytes).into_response())
    }
}

/// What a query gave.
pub struct Answer<'a> {
    pub query_name: &'a str,
    pub events: Vec<Json>,
    /// µs since 1970-01-01 UTC.
    pub created_us: i64,
}

fn xml(query_name: &str, events: &[Json], created_us: i64) -> Result<Vec<u8>, Problem> {
    let unsaid = |id: &str, error: WriteError| {
        let why = match error {
            WriteError::Fault(fault) => format!("{} at {}", fault.detail, fault.path),
            WriteError::Io(error) => error.to_string(),
        };
        Kind::NotAcceptable.because(format!("event {id} cannot be said in XML: {why}; ask for application/json"))
    };
    let whole = |error| unsaid("list", error);
    let envelope = document(query_name, None, Vec::new(), created_us);
    let mut writer =
        Writer::start(Vec::new(), DocumentKind::Query, &envelope, &time::text(created_us)).map_err(whole)?;
    for event in events {
        let id = event.get_str("eventID").unwrap_or_default();
        let context = Context::of_event(event).map_err(|fault| unsaid(id, WriteError::Fault(fault)))?;
        writer.event(event, &context).map_err(|error| unsaid(id, error))?;
    }
    writer.finish().map_err(whole)
}

/// The first of these that is accepted.
fn media_type(headers: &HeaderMap, types: &[&'static str]) -> Result<&'static str, Problem> {
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accepted.is_empty() {
        return Ok(types[0]);
    }
    let ranges = accepted.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|range| !is_refusal(range));
    let ranges: Vec<&str> = ranges.map(|range| range.split(';').next().unwrap_or_default().trim()).collect();
    let any = |range: &&str| ["*/*", "application/*"].contains(range);
    let named = |media_type: &&str| ranges.iter().any(|range| range.eq_ignore_ascii_case(media_type));
    match types.iter().copied().find(named) {
        Some(media_type) => Ok(media_type),
        None if ranges.iter().any(any) => Ok(types[0]),
        None => Err(Kind::NotAcceptable.because(format!("answers are {}", types.join(" or ")))),
    }
}

/// `;q=0`: anything but this.
fn is_refusal(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1).map(str::trim);
    parameters.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse::<f32>() == Ok(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> Result<&'static str, u16> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]);
        Form::of(&headers).map(|form| form.media_type).map_err(|problem| problem.status)
    }

    #[test]
    fn answers_are_json_or_xml_or_nothing() {
        assert_eq!(Form::of(&HeaderMap::new()).unwrap().media_type, "application/json");
        for (value, answer) in [
            ("*/*", Ok("application/json")),
            ("text/html, application/ld+json;q=0.9", Ok("application/ld+json")),
            ("Application/JSON", Ok("application/json")),
            ("text/html,application/*;q=0.1", Ok("application/json")),
            ("application/xml", Ok("application/xml")),
            ("text/csv, text/xml", Ok("text/xml")),
            ("text/csv", Err(406)),
            ("application/json;q=0", Err(406)),
        ] {
            assert_eq!(accept(value), answer, "{value}");
        }
        for (value, status) in
            [("application/xml", Err(406)), ("text/xml, */*;q=0.1", Ok(())), ("application/ld+json", Ok(()))]
        {
            let headers = HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())]);
            assert_eq!(Form::of_json(&headers).map(|_| ()).map_err(|problem| problem.status), status, "{value}");
        }
        let with = |name: HeaderName, value: &str| Form::of(&HeaderMap::from_iter([(name, value.parse().unwrap())]));
        assert_eq!(with(EPC_FORMAT, "Always_EPC_URN").unwrap().spelling, Spelling::Urn);
        assert_eq!(with(EPC_FORMAT, "always").unwrap_err().status, 406);
        assert_eq!(with(CBV_XML_FORMAT, "Always_Web_URI").unwrap_err().status, 406);
    }
}

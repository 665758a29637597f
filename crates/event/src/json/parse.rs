//! Reading I-JSON (RFC 7493).

use super::{Json, Object, number};
use json_event_parser::{JsonEvent, JsonSyntaxError, SliceJsonParser};

/// Deepest nesting of arrays and objects, in levels.
pub const DEPTH_MAX: usize = 32;

/// Why bytes are not I-JSON, and where.
///
/// Codes: `utf8`, `syntax`, `depth`, `duplicate-member`, `lone-surrogate`, `inexact-number`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} at {path:?}")]
pub struct JsonFault {
    /// RFC 6901 pointer to the value being read.
    pub path: String,
    pub code: &'static str,
    pub detail: String,
}

impl JsonFault {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        JsonFault { path: String::new(), code, detail: detail.into() }
    }

    fn under(mut self, token: &str) -> Self {
        self.path.insert_str(0, &super::pointer(token));
        self
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonFault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|fault| JsonFault::new("utf8", format!("invalid UTF-8 after byte {}", fault.valid_up_to())))?;
    let mut reader = Reader { text, events: SliceJsonParser::new(bytes) };
    let first = reader.next()?;
    let value = reader.value(first, 0)?;
    reader.next()?; // the end, or a fault: the parser takes one value
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    events: SliceJsonParser<'a>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<JsonEvent<'a>, JsonFault> {
        self.events.parse_next().map_err(|fault| explain(self.text, &fault))
    }

    fn value(&mut self, event: JsonEvent<'a>, depth: usize) -> Result<Json, JsonFault> {
        match event {
            JsonEvent::Null => Ok(Json::Null),
            JsonEvent::Boolean(value) => Ok(Json::Bool(value)),
            JsonEvent::String(text) => Ok(Json::String(text.into_owned())),
            JsonEvent::Number(text) => number::read(&text).map(Json::Number).ok_or_else(|| {
                JsonFault::new("inexact-number", format!("{} does not survive as a double; send a string", clip(&text)))
            }),
            JsonEvent::StartArray | JsonEvent::StartObject if depth == DEPTH_MAX => {
                Err(JsonFault::new("depth", format!("nested deeper than {DEPTH_MAX} levels")))
            }
            JsonEvent::StartArray => self.array(depth + 1),
            JsonEvent::StartObject => self.object(depth + 1),
            JsonEvent::EndArray | JsonEvent::EndObject | JsonEvent::ObjectKey(_) | JsonEvent::Eof => {
                Err(JsonFault::new("syntax", "a value is missing"))
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonFault> {
        let mut items = Vec::new();
        loop {
            let under = |fault: JsonFault| fault.under(&items.len().to_string());
            match self.next().map_err(under)? {
                JsonEvent::EndArray => return Ok(Json::Array(items)),
                event => {
                    let item = self.value(event, depth).map_err(under)?;
                    items.push(item);
                }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonFault> {
        let mut members: Vec<(String, Json)> = Vec::new();
        loop {
            match self.next()? {
                JsonEvent::ObjectKey(name) => {
                    let value = self.next().and_then(|event| self.value(event, depth));
                    let value = value.map_err(|fault| fault.under(&name))?;
                    members.push((name.into_owned(), value));
                }
                JsonEvent::EndObject => break,
                _ => return Err(JsonFault::new("syntax", "a member name is missing")),
            }
        }
        Object::from_members(members).map(Json::Object).map_err(|name| {
            JsonFault::new("duplicate-member", format!("{:?} stands more than once", clip(&name))).under(&name)
        })
    }
}

/// Names the rule: the parser reports every fault as text, and a surrogate cut off by the end of input as the end.
fn explain(text: &str, fault: &JsonSyntaxError) -> JsonFault {
    let at = usize::try_from(fault.location().start.offset).unwrap_or(usize::MAX);
    if fault.message().contains("surrogate") || text.get(at..).is_some_and(starts_with_lone_surrogate) {
        return JsonFault::new("lone-surrogate", format!("half of a surrogate pair near byte {at}"));
    }
    JsonFault::new("syntax", format!("{} at byte {at}", fault.message()))
}

/// Whether `text` starts with a string token that holds an unpaired `\uD800`..`\uDFFF`.
fn starts_with_lone_surrogate(text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix('"') else {
        return false;
    };
    let escape = |text: &str| text.strip_prefix("\\u").and_then(|hex| u32::from_str_radix(hex.get(..4)?, 16).ok());
    while let Some(at) = rest.find(['\\', '"']) {
        rest = &rest[at..];
        match escape(rest) {
            Some(0xd800..=0xdbff) if matches!(escape(&rest[6..]), Some(0xdc00..=0xdfff)) => rest = &rest[12..],
            Some(0xd800..=0xdfff) => return true,
            Some(_) => rest = &rest[6..],
            None if rest.starts_with('"') => return false,
            None => rest = rest.char_indices().nth(2).map_or("", |(next, _)| &rest[next..]),
        }
    }
    false
}

fn clip(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    if text.chars().count() <= SHOWN_CHARS {
        text.to_owned()
    } else {
        text.chars().take(SHOWN_CHARS).collect::<String>() + "…"
    }
}

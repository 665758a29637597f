//! One spelling for each value: times in UTC, exact decimals, CBV words as web addresses, canonical identifiers.

use super::Rules;
use crate::json::{self, Json};
use crate::time;
use crate::vocab::{self, Vocabulary};
use medtrace_gs1::{Scheme, Thing};
use std::borrow::Cow;

/// Where the words of sensors stand.
const VOC: &str = "https://ref.gs1.org/voc/";
const COMPONENT: &str = "https://ref.gs1.org/cbv/Comp-";
/// `! ( ) * + , :` percent-encoded, and as they are.
const DELIMITERS: [(&str, &str); 7] =
    [("%21", "!"), ("%28", "("), ("%29", ")"), ("%2A", "*"), ("%2B", "+"), ("%2C", ","), ("%3A", ":")];

/// An instant in UTC with three decimals, the fourth rounded half up; other text as it is.
pub(super) fn time(value: &Json) -> Option<String> {
    let text = value.as_str()?.trim();
    Some(time::milliseconds(text).unwrap_or_else(|| text.to_owned()))
}

impl Rules<'_> {
    /// Any scalar; nothing for lists, objects and null.
    pub(super) fn text(self, value: &Json) -> Option<String> {
        match value {
            Json::String(text) => Some(self.normal(text.trim())),
            Json::Number(number) => Some(json::plain(*number)),
            Json::Bool(value) => Some(value.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// As [`Rules::text`], where the sender's own prefixes are expanded.
    pub(super) fn identifier(self, value: &Json) -> Option<String> {
        let text = value.as_str().filter(|text| text.contains(':'));
        match text.and_then(|text| self.context.expand_inline(text.trim())) {
            Some(full) => Some(self.normal(&full)),
            None => self.text(value),
        }
    }

    fn normal(self, text: &str) -> String {
        if let Some(number) = decimal(text) {
            return number.into_owned();
        }
        if !text.contains(':') {
            return text.to_owned();
        }
        if let Some(word) = vocab::web_of_urn(text) {
            return word;
        }
        match Thing::from_uri(text) {
            Ok(thing) if thing.scheme() != Scheme::Uri => self.delimiters(thing.uri()),
            _ => text.to_owned(),
        }
    }

    fn delimiters(self, uri: String) -> String {
        if !self.raw_delimiters || !uri.contains('%') {
            return uri;
        }
        DELIMITERS.iter().fold(uri, |uri, (encoded, raw)| uri.replace(encoded, raw))
    }

    pub(super) fn word(self, value: &Json, vocabulary: Vocabulary) -> Option<String> {
        let text = value.as_str()?.trim();
        Some(match vocabulary.canonical(text, self.context) {
            Some(word) if !word.contains(':') => vocabulary.web(&word),
            Some(uri) => self.normal(&uri),
            None => vocabulary.web(text),
        })
    }

    /// A word of the GS1 Web vocabulary.
    pub(super) fn measurement(self, value: &Json) -> Option<String> {
        let text = value.as_str()?.trim();
        let full = self.context.expand(text);
        let uri = full.as_deref().unwrap_or(text);
        let bases = ["https://gs1.org/voc/", "https://www.gs1.org/voc/", VOC];
        let bare = bases.iter().find_map(|base| uri.strip_prefix(base)).unwrap_or(uri);
        Some(if bare.contains(':') { bare.to_owned() } else { format!("{VOC}{bare}") })
    }

    pub(super) fn component(self, value: &Json) -> Option<String> {
        let text = value.as_str()?.trim();
        if !text.contains(':') {
            return Some(format!("{COMPONENT}{text}"));
        }
        Some(self.context.expand(text).unwrap_or_else(|| text.to_owned()))
    }
}

/// A decimal without superfluous zeros and `+`; nothing if the text is no decimal. Exact, of any length.
fn decimal(text: &str) -> Option<Cow<'_, str>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if !negative && fraction.is_empty() && !whole.is_empty() && whole.len() == text.len() {
        return Some(Cow::Borrowed(text));
    }
    let zero = whole.is_empty() && fraction.is_empty();
    let sign = if negative && !zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Cow::Owned([sign, whole, point, fraction].concat()))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals() {
        let of = |text| decimal(text).map(|text| text.into_owned());
        for (text, exact) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("0010", "10"),
            ("+5", "5"),
            ("452.0", "452"),
            ("23.50", "23.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-07.10", "-7.1"),
            ("0.10000000000000000000000000000000000001", "0.10000000000000000000000000000000000001"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            assert_eq!(of(text).as_deref(), Some(exact), "{text}");
        }
        assert!(
            ["", ".", "+", "-.", "1e3", "1.2.3", "NaN", "١", "0x10", "--1", "1 2"]
                .iter()
                .all(|text| of(text).is_none())
        );
    }
}

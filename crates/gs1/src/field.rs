//! Whether a value is right for its application identifier.

use crate::ai::{Ai, Entry, Part, Set, entry};
use crate::digits::is_digits;
use crate::error::quote;
use crate::{CodeError, Gtin, rule};

/// Checks length, characters, check digit and whatever else the table asks of the value.
pub(crate) fn check(ai: Ai, value: &str) -> Result<(), CodeError> {
    let entry = entry(ai).ok_or_else(|| unknown(&ai.to_string()))?;
    let mut rest = value;
    for part in entry.parts {
        if part.optional && rest.is_empty() {
            break;
        }
        let here = head(rest, part.max);
        if let Some(wrong) = here.chars().find(|c| !part.set.holds(*c)) {
            return Err(charset(ai, part.set, wrong, value));
        }
        if here.len() < part.min || here.chars().count() < part.min {
            return Err(length(ai, entry, value));
        }
        check_rules(ai, entry, part, here)?;
        rest = &rest[here.len()..];
    }
    if rest.is_empty() { Ok(()) } else { Err(length(ai, entry, value)) }
}

/// At most so many characters from the beginning.
fn head(text: &str, chars: usize) -> &str {
    // No text has more characters than bytes.
    let end = if text.len() > chars { text.char_indices().nth(chars) } else { None };
    end.map_or(text, |(end, _)| &text[..end])
}

fn check_rules(ai: Ai, entry: &Entry, part: &Part, value: &str) -> Result<(), CodeError> {
    for rule in part.rules {
        rule::check(*rule, value).map_err(|(code, wrong)| {
            CodeError::new(code, format!("AI {ai} ({}) {}: {wrong}", entry.title, quote(value)))
        })?;
    }
    Ok(())
}

pub(crate) fn unknown(text: &str) -> CodeError {
    CodeError::new("unknown-ai", format!("{} begins with no GS1 application identifier", quote(text)))
}

/// Shortest and longest value, in characters.
pub(crate) fn lengths(entry: &Entry) -> (usize, usize) {
    let min = entry.parts.iter().filter(|part| !part.optional).map(|part| part.min).sum();
    (min, entry.parts.iter().map(|part| part.max).sum())
}

fn length(ai: Ai, entry: &Entry, value: &str) -> CodeError {
    let has = value.chars().count();
    let should = match lengths(entry) {
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    };
    let noun = if entry.parts.iter().all(|part| part.set == Set::N) { "digits" } else { "characters" };
    let mut detail = format!("AI {ai} ({}) {} has {has} {noun} and should have {should}", entry.title, quote(value));
    if matches!(ai.0, 1..=3)
        && let Ok(gtin) = Gtin::parse(value)
    {
        detail += &format!(": write the GTIN as {gtin}");
    }
    CodeError::new("length", detail)
}

fn charset(ai: Ai, set: Set, wrong: char, value: &str) -> CodeError {
    let should = match set {
        Set::N => "digits",
        Set::X => "letters, digits and !\"%&'()*+,-./:;<=>?_",
        Set::Y => "capital letters, digits and #-/",
        Set::Z => "base64url characters",
    };
    CodeError::new("charset", format!("AI {ai} {} holds {wrong:?} and should hold only {should}", quote(value)))
}

impl Set {
    fn holds(self, c: char) -> bool {
        match self {
            Set::N => c.is_ascii_digit(),
            Set::X => matches!(c, '!' | '"' | '%'..='?' | 'A'..='Z' | '_' | 'a'..='z'),
            Set::Y => matches!(c, '#' | '-' | '/' | '0'..='9' | 'A'..='Z'),
            Set::Z => matches!(c, '-' | '=' | '0'..='9' | 'A'..='Z' | '_' | 'a'..='z'),
        }
    }
}

/// The 14 digits of AI 01 from a GTIN of 8, 12 or 13 digits; anything else as it is.
pub(crate) fn pad_gtin(value: &str) -> Option<String> {
    (matches!(value.len(), 8 | 12 | 13) && is_digits(value)).then(|| format!("{value:0>14}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(ai: &str, value: &str) -> Result<(), String> {
        check(Ai::parse(ai).expect("a known AI"), value).map_err(|e| format!("{}: {}", e.code, e.detail))
    }

    #[test]
    fn takes_what_the_standard_takes() {
        for (ai, value) in [
            ("00", "106141412345678908"),
            ("01", "09521141012345"),
            ("10", "A-1/(2)%\"<>_"),
            ("17", "280200"),
            ("253", "9521141111116DOC/1"),
            ("253", "9521141111116"),
            ("3103", "001750"),
            ("3910", "9780123"),
            ("423", "124"),
            ("423", "124826"),
            ("4309", "02790858483015297971"),
            ("3911", "1560123"),
            ("422", "156"),
            ("4307", "CN"),
            ("7030", "999ABC"),
            ("7041", "PLP"),
            ("7041", "8"),
            ("8110", "012345612345611110123"),
            ("8112", "001234561234560123456"),
            ("8112", "061234567890121234569123456789012345"),
            ("4330", "012345-"),
            ("4330", "012345"),
            ("7003", "2802291359"),
            ("7007", "280101280131"),
            ("7040", "1ABC"),
            ("7258", "1/3"),
            ("8003", "09521141111116ABC"),
            ("8006", "095211410123450102"),
            ("8007", "GB82WEST12345698765432"),
            ("8008", "28010112"),
            ("8008", "280101123059"),
            ("8013", "1987654Ad4X4bL5ttr2310c2K"),
            ("8030", "aGVsbG8_"),
        ] {
            assert_eq!(checked(ai, value), Ok(()), "({ai}){value}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_what_would_be_right() {
        for (ai, value, wanted) in [
            (
                "00",
                "106141412345678907",
                "check-digit: AI 00 (SSCC) \"106141412345678907\": check digit should be 8, not 7",
            ),
            ("01", "9521141012345", "write the GTIN as 09521141012345"),
            ("01", "0952114101234X", "charset: "),
            ("10", "", "length: AI 10 (BATCH/LOT) \"\" has 0 characters and should have 1 to 20"),
            ("10", "123456789012345678901", "length: "),
            ("10", "A B", "charset: AI 10 \"A B\" holds ' '"),
            ("10", "A#", "charset: "),
            ("10", "批号", "charset: "),
            ("17", "281301", "date: "),
            ("17", "2812", "has 4 digits and should have 6"),
            ("401", "123", "value: "),
            ("423", "1248", "length: "),
            ("422", "999", "should be the number of a country"),
            ("3911", "0010123", "should be the number of a currency"),
            ("4307", "XX", "the two letters of a country"),
            ("7030", "000A", "or 999 for several"),
            ("8112", "201234561234560123456", "should be a coupon code; a format of 0 or 1 is missing"),
            ("8112", "0012345612345601234567", "an end"),
            ("8112", "07", "a funder of 6 to 12 digits"),
            ("8110", "0123456", "an offer code of 6 digits"),
            ("7041", "000", "should be a package type"),
            ("7041", "pf", "should be a package type"),
            ("4326", "280200", "date: "),
            ("4330", "012345A", "value: "),
            ("7003", "2802292400", "value: "),
            ("8003", "195211411111116", "value: "),
            ("8006", "095211410123450302", "value: "),
            ("8010", "952114abc", "charset: "),
            ("8011", "0123", "value: "),
            ("8007", "GB82WEST12345698765431", "check-digit: "),
            ("8013", "1987654Ad4X4bL5ttr2310cXK", "check-digit: "),
            ("4300", "A%0g", "percent: "),
        ] {
            let refused = checked(ai, value).expect_err(value);
            assert!(refused.contains(wanted), "({ai}){value}: {refused}");
        }
    }
}

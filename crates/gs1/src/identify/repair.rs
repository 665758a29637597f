//! The ways in which codes go wrong between the pack and the program, each tried by itself.
//!
//! A change counts only if the text then reads whole, check digits included; so a wrong guess is rare where there is a
//! check digit, and told as merely possible where there is none.

use super::{Candidate, Confidence};
use crate::raw::GS;
use crate::{CodeError, digits::is_digits, hibcc, parse};

/// Longest text that is changed digit by digit, in bytes.
const EDITED_BYTES_MAX: usize = 128;
/// Places of a lost FNC1 that are told.
const SPLITS_MAX: usize = 3;
/// Characters of an AI 01 or 00 with its value, where letters can only be misread digits.
const KEY_CHARS: [usize; 2] = [16, 20];

/// Spellings near a refused text that read.
pub(super) fn repaired(text: &str, error: &CodeError) -> Vec<Candidate> {
    let mut found = Vec::new();
    let clean = clean(text);
    let mut attempt = |confidence, spelling: String, reason: &str| found.extend(read(confidence, spelling, reason));
    attempt(Confidence::Likely, clean.clone(), "without marks and wide characters that stand in no code");
    dressed(&clean, &mut attempt);
    lettered(&clean, &mut attempt);
    digits_lost(&clean, &mut attempt);
    if error.code == "check-digit" && text.len() <= EDITED_BYTES_MAX {
        check_digits(&clean, &error.detail, &mut attempt);
    }
    if matches!(error.code, "fnc1" | "length" | "charset") {
        found.extend(separated(text, "FNC1 was lost on the way"));
    }
    found
}

/// A candidate, if the spelling reads.
fn read(confidence: Confidence, spelling: String, reason: &str) -> Option<Candidate> {
    let code = parse(&spelling).ok().filter(|code| code.thing.scheme() != crate::Scheme::Uri)?;
    Some(Candidate { confidence, code, spelling: Some(spelling), reasons: vec![reason.to_owned()] })
}

/// Without what is invisible or only prints; wide forms as ASCII.
fn clean(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' | '\u{2060}' => None,
        '\u{a0}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2014}' => Some('-'),
        '【' | '〔' => Some('('),
        '】' | '〕' => Some(')'),
        c => Some(c),
    };
    text.trim().chars().filter_map(narrow).collect()
}

/// What stands around a code or was left out in front of it.
fn dressed(text: &str, attempt: &mut impl FnMut(Confidence, String, &str)) {
    use Confidence::{Likely, Possible};
    if let Some((label, rest)) = text.split_once([':', '=', ' ']).filter(|(label, _)| label.len() <= 8)
        && label.chars().all(char::is_alphanumeric)
        && label.contains(char::is_alphabetic)
    {
        attempt(Likely, rest.trim().to_owned(), "without the label before it");
    }
    if ["d2", "C1", "Q3", "J1", "e0"].iter().any(|name| text.starts_with(name)) {
        attempt(Likely, format!("]{text}"), "the ] of the symbology identifier was lost");
    }
    if text.starts_with('[') || text.starts_with('{') {
        let brackets = text.replace(['[', '{'], "(").replace([']', '}'], ")");
        attempt(Likely, brackets, "with round brackets around the identifiers");
    }
    if let Some((half, other)) = text.split_at_checked(text.len() / 2)
        && half == other
    {
        attempt(Likely, half.to_owned(), "it was scanned twice");
    }
    if text.split_once('/').is_some_and(|(host, _)| host.contains('.')) {
        attempt(Likely, format!("https://{text}"), "with https:// before the address");
    }
    let trimmed = text.trim_end_matches(['.', ',', ';', '"', '\'', ')']).trim_start_matches(['"', '\'']);
    attempt(Likely, trimmed.to_owned(), "without punctuation around it");
    attempt(Likely, format!("+{text}"), "the + of a HIBCC code was lost");
    attempt(Possible, format!("({text}"), "the first bracket was lost");
    if text.get(..14).is_some_and(is_digits) {
        attempt(Possible, format!("01{text}"), "the application identifier 01 was lost");
    }
    let spaceless: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    attempt(Likely, spaceless.clone(), "without the spaces inside");
    let joined: String = spaceless.chars().filter(|c| !matches!(c, '-' | '.' | '_')).collect();
    if is_digits(&joined) {
        attempt(Likely, joined, "without the marks between the digits");
    }
}

/// Case, and letters that look like digits.
fn lettered(text: &str, attempt: &mut impl FnMut(Confidence, String, &str)) {
    let capitals = text.to_ascii_uppercase();
    if capitals != text && !text.contains("://") {
        attempt(Confidence::Likely, capitals, "in capital letters");
    }
    let digit = |c: char| match c {
        'O' | 'o' | 'Q' | 'D' => '0',
        'I' | 'l' | 'i' | '|' => '1',
        c => c,
    };
    let reason = "with the digits 0 and 1 in place of letters that look like them";
    for chars in KEY_CHARS.into_iter().chain([usize::MAX]) {
        let fixed: String = text.chars().enumerate().map(|(at, c)| if at < chars { digit(c) } else { c }).collect();
        if fixed != text {
            attempt(Confidence::Likely, fixed, reason);
        }
    }
}

/// Leading zeros that a spreadsheet drops.
fn digits_lost(text: &str, attempt: &mut impl FnMut(Confidence, String, &str)) {
    let reason = "zeros before the first digit were lost";
    if is_digits(text) {
        let widths = [8, 12, 13, 14, 18].into_iter().filter(|width| (text.len() + 1..=text.len() + 3).contains(width));
        widths.for_each(|width| attempt(Confidence::Possible, format!("{text:0>width$}"), reason));
    }
    if let Some(rest) = text.strip_prefix("(01)") {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits < 14 {
            attempt(Confidence::Likely, format!("(01){:0>14}{}", &rest[..digits], &rest[digits..]), reason);
        }
    }
}

/// A wrong check digit: itself, two digits exchanged, or another one mistyped.
fn check_digits(text: &str, wrong: &str, attempt: &mut impl FnMut(Confidence, String, &str)) {
    if text.starts_with('+') {
        let mut body = text.to_owned();
        body.pop();
        let fixed = |body: &str| hibcc::check_character(body).map(|check| format!("{body}{check}"));
        fixed(&body).into_iter().for_each(|fixed| attempt(Confidence::Likely, fixed, wrong));
        fixed(text).into_iter().for_each(|fixed| attempt(Confidence::Possible, fixed, "the check character was lost"));
        return;
    }
    let with = |at: usize, digits: &[u8]| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at..at + digits.len()].copy_from_slice(digits);
        String::from_utf8(bytes).ok()
    };
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).copied().filter(u8::is_ascii_digit);
    // Every digit of the key has one value that makes it right; the last of them is the check digit.
    let right = |at: usize| {
        let old = digit(at)?;
        let others = (b'0'..=b'9').filter(|new| *new != old);
        others.filter_map(|new| with(at, &[new])).find(|text| reads(text))
    };
    let key = (0..bytes.len()).skip_while(|at| right(*at).is_none()).take_while(|at| right(*at).is_some());
    if let Some(fixed) = key.last().and_then(right) {
        attempt(Confidence::Likely, fixed, wrong);
    }
    for at in 0..bytes.len().saturating_sub(1) {
        let (Some(first), Some(second)) = (digit(at), digit(at + 1)) else { continue };
        if let Some(fixed) = with(at, &[second, first]).filter(|_| first != second) {
            let [first, second] = [first, second].map(char::from);
            attempt(Confidence::Possible, fixed, &format!("with {second}{first} in place of {first}{second}"));
        }
    }
}

fn reads(text: &str) -> bool {
    parse(text).is_ok_and(|code| code.thing.scheme() != crate::Scheme::Uri)
}

/// With FNC1 before a date, lot or serial that the end of an element reads on like; dates first, for they are checked.
pub(super) fn separated(text: &str, reason: &str) -> Vec<Candidate> {
    if text.len() > EDITED_BYTES_MAX || text.contains(GS) {
        return Vec::new();
    }
    let places = |names: &'static [&'static str]| {
        let starts = (1..text.len()).filter(|at| text.is_char_boundary(*at));
        starts.filter(move |at| names.iter().any(|name| text[*at..].starts_with(name)))
    };
    let split = |at: usize| {
        let spelling = format!("{}{GS}{}", &text[..at], &text[at..]);
        read(Confidence::Possible, spelling, reason).filter(|candidate| candidate.code.doubt.is_none())
    };
    let mut found: Vec<Candidate> = places(&["17", "11", "15"]).filter_map(split).take(SPLITS_MAX).collect();
    if found.is_empty() {
        found = places(&["10", "21"]).filter_map(split).take(SPLITS_MAX).collect();
    }
    found
}

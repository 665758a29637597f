//! Element strings as scanners send them, and as people type them in brackets.
//!
//! ```text
//! ]d2 01 09521141012345 17 281231 10 LOT-1 GS 21 ABC123        raw: GS = 0x1D after each field that needs an end
//! (01)09521141012345(17)281231(10)LOT-1(21)ABC123              bracketed: a ( inside a value is written \(
//! ```

use std::borrow::Cow;

use crate::ai::{Ai, entry, find};
use crate::date::yymmdd;
use crate::elements::Elements;
use crate::error::quote;
use crate::{CodeError, code, field};

/// FNC1 as scanners transmit it.
pub(crate) const GS: char = '\u{1d}';

/// What keyboards, paste buffers and label programs make of FNC1, in any case. The first that a text holds is meant.
const SPELLED_FNC1: [&str; 15] = [
    "<GS>", "<FNC1>", "{GS}", "{FNC1}", "[GS]", "[FNC1]", "\\x1d", "\\u001d", "\\F", "\u{241d}", "^]", "^", "|", "~",
    "]",
];

/// Lots and serials: the open ends where a lost FNC1 would change which thing the code names.
const DOUBTED: [u16; 3] = [10, 21, 235];

/// A raw element string without its symbology identifier.
pub(crate) fn read(text: &str) -> Result<Elements<'_>, CodeError> {
    let mut elements = Elements::new();
    let mut rest = text.strip_prefix(GS).unwrap_or(text);
    let mut last = None;
    while !rest.is_empty() {
        let ai = find(rest).ok_or_else(|| no_identifier(rest, last))?;
        let (value, after) = split(ai, &rest[ai.width()..])?;
        elements.push(ai, value)?;
        last = Some(ai);
        rest = after;
    }
    if last.is_none() {
        return Err(CodeError::new("empty", "the code holds no element"));
    }
    Ok(elements)
}

/// The value of `ai` at the beginning of `rest`, and what follows its end.
fn split(ai: Ai, rest: &str) -> Result<(&str, &str), CodeError> {
    let (field, after) = rest.split_once(GS).unwrap_or((rest, ""));
    let Some(row) = entry(ai) else {
        return Err(field::unknown(rest));
    };
    let max = field::lengths(row).1;
    let end = if field.len() > max { field.char_indices().nth(max).map(|(end, _)| end) } else { None };
    match end {
        None => Ok((field, after)),
        Some(end) if !row.fnc1 => Ok((&rest[..end], &rest[end..])),
        Some(_) => {
            let (many, title) = (field.chars().count(), row.title);
            let detail = format!(
                "AI {ai} ({title}) holds at most {max} characters but {many} follow it: FNC1 (the byte 0x1D) should end it \
                 and was lost on the way; set the scanner to transmit it"
            );
            Err(CodeError::new("fnc1", detail))
        }
    }
}

fn no_identifier(rest: &str, last: Option<Ai>) -> CodeError {
    match last {
        _ if rest.starts_with(GS) => {
            CodeError::new("fnc1", "an element should stand between two FNC1 (the byte 0x1D), and none does")
        }
        None => field::unknown(rest),
        Some(ai) => {
            let detail = format!("{} after AI {ai} begins with no GS1 application identifier", quote(rest));
            CodeError::new("unknown-ai", detail)
        }
    }
}

/// How FNC1 is spelled in a text that does not hold it as the byte 0x1D.
pub(crate) fn spelled_fnc1(text: &str) -> Option<&'static str> {
    // One pass over what nearly every text is: none of them.
    let doubtful = |b: u8| matches!(b, b'<' | b'{' | b'[' | b'\\' | b']'..=b'^' | b'|' | b'~' | 0xe2);
    if !text.bytes().any(doubtful) || text.contains(GS) {
        return None;
    }
    SPELLED_FNC1.into_iter().find(|spelled| position(text, spelled).is_some())
}

pub(crate) fn begins_with_fnc1(text: &str) -> bool {
    SPELLED_FNC1.iter().any(|spelled| position(text, spelled) == Some(0))
}

/// The text with FNC1 in place of each spelling.
pub(crate) fn with_fnc1(text: &str, spelled: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = position(rest, spelled) {
        out.push_str(&rest[..at]);
        out.push(GS);
        rest = &rest[at + spelled.len()..];
    }
    out + rest
}

fn position(text: &str, spelled: &str) -> Option<usize> {
    let here = |at: &usize| text.get(*at..at + spelled.len()).is_some_and(|part| part.eq_ignore_ascii_case(spelled));
    (0..text.len()).find(here)
}

/// Whether a lost FNC1 is likely: the open end of a text without any FNC1 reads on like a date and perhaps a lot or serial.
pub(crate) fn doubt(text: &str) -> Option<CodeError> {
    let mut rest = text;
    while let Some(ai) = find(rest) {
        let (value, after) = split(ai, &rest[ai.width()..]).ok()?;
        if after.is_empty() {
            return DOUBTED.contains(&ai.0).then(|| doubt_of(ai, value))?;
        }
        rest = after;
    }
    None
}

fn doubt_of(ai: Ai, value: &str) -> Option<CodeError> {
    let further = |at: &usize| {
        let tail = &value[*at..];
        let dated = ["11", "15", "17"].iter().find_map(|date| tail.strip_prefix(date))?;
        let (date, after) = dated.split_at_checked(6)?;
        yymmdd(date, code::CENTURY_YEAR, true)?;
        (after.is_empty() || (after.len() > 2 && (after.starts_with("10") || after.starts_with("21")))).then_some(())
    };
    let at = (1..value.len()).filter(|at| value.is_char_boundary(*at)).find(|at| further(at).is_some())?;
    let (before, after) = value.split_at(at);
    let detail = format!(
        "AI {ai} reads {value}; if FNC1 (the byte 0x1D) was lost on the way, it should be {before}, followed by {after}"
    );
    Some(CodeError::new("fnc1", detail))
}

/// A bracketed element string. Spaces around values are dropped.
pub(crate) fn read_bracketed(text: &str) -> Result<Elements<'_>, CodeError> {
    let mut elements = Elements::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (ai, after) = bracket(rest)?;
        let end = end_of_value(after);
        elements.push(ai, unescaped(after[..end].trim()))?;
        rest = &after[end..];
    }
    Ok(elements)
}

/// The application identifier in the bracket that `rest` begins with, and what follows it.
fn bracket(rest: &str) -> Result<(Ai, &str), CodeError> {
    let inside = rest.strip_prefix('(').and_then(|inside| inside.split_once(')'));
    let Some((digits, after)) = inside.filter(|(digits, _)| matches!(digits.trim().len(), 2..=4)) else {
        let detail = format!(
            "{} should begin with an application identifier such as (01); a ( inside a value is written \\(",
            quote(rest)
        );
        return Err(CodeError::new("brackets", detail));
    };
    let unknown = || CodeError::new("unknown-ai", format!("({digits}) is no GS1 application identifier"));
    Ok((Ai::parse(digits.trim()).ok_or_else(unknown)?, after))
}

/// Where the next bracket that is not escaped opens.
fn end_of_value(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' if !escaped => return at,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

/// No value may hold a backslash, so one before a bracket can only be an escape.
fn unescaped(value: &str) -> Cow<'_, str> {
    if value.contains('\\') { value.replace("\\(", "(").replace("\\)", ")").into() } else { value.into() }
}

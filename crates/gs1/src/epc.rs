//! EPC pure-identity URNs (Tag Data Standard, chapter 6): they show where the company prefix ends and leave out check
//! digits, and are turned into GS1 keys here and back. Tag URIs (chapter 12) name the same things and are read too.
//!
//! ```text
//! urn:epc:id:sgtin:0614141.107346.2017      prefix . indicator and item . serial    → (01)10614141073464(21)2017
//! urn:epc:class:lgtin:0614141.107346.ABC    prefix . indicator and item . lot       → (01)10614141073464(10)ABC
//! urn:epc:idpat:sgtin:0614141.107346.*      any serial                              → (01)10614141073464
//! urn:epc:tag:sgtin-96:3.0614141.107346.2017   encoding, filter value, then as in id
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::ai::Ai;
use crate::digits::{check_digit, is_digits};
use crate::elements::Elements;
use crate::error::quote;
use crate::uri::percent_decode;
use crate::{CodeError, Thing};

/// GS1 company prefixes, in digits.
const PREFIX_DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// Company prefix, reference, piece, total and serial.
const FIELDS_MAX: usize = 5;
/// Keys that need no second allocation.
const KEY_BYTES_TYPICAL: usize = 32;

/// One scheme: its name, the key's AI, digits of prefix and reference together (0: they are text and simply joined),
/// whether the first digit of the reference stands before the prefix, and what follows.
struct Scheme {
    name: &'static str,
    ai: u16,
    digits: usize,
    indicator: bool,
    tail: Tail,
}

/// What follows prefix and reference.
#[derive(PartialEq)]
enum Tail {
    Nothing,
    /// A field of its own under this AI.
    Element(u16),
    /// Text at the end of the key itself.
    Serial,
    /// Piece, total and serial of an ITIP.
    Piece,
}

#[rustfmt::skip]
const SCHEMES: [Scheme; 16] = [
    Scheme { name: "sgtin", ai: 1,    digits: 13, indicator: true,  tail: Tail::Element(21) },
    Scheme { name: "lgtin", ai: 1,    digits: 13, indicator: true,  tail: Tail::Element(10) },
    Scheme { name: "upui",  ai: 1,    digits: 13, indicator: true,  tail: Tail::Element(235) },
    Scheme { name: "itip",  ai: 8006, digits: 13, indicator: true,  tail: Tail::Piece },
    Scheme { name: "sscc",  ai: 0,    digits: 17, indicator: true,  tail: Tail::Nothing },
    Scheme { name: "sgln",  ai: 414,  digits: 12, indicator: false, tail: Tail::Element(254) },
    Scheme { name: "pgln",  ai: 417,  digits: 12, indicator: false, tail: Tail::Nothing },
    Scheme { name: "grai",  ai: 8003, digits: 12, indicator: false, tail: Tail::Serial },
    Scheme { name: "gdti",  ai: 253,  digits: 12, indicator: false, tail: Tail::Serial },
    Scheme { name: "sgcn",  ai: 255,  digits: 12, indicator: false, tail: Tail::Serial },
    Scheme { name: "gsrn",  ai: 8018, digits: 17, indicator: false, tail: Tail::Nothing },
    Scheme { name: "gsrnp", ai: 8017, digits: 17, indicator: false, tail: Tail::Nothing },
    Scheme { name: "gsin",  ai: 402,  digits: 16, indicator: false, tail: Tail::Nothing },
    Scheme { name: "giai",  ai: 8004, digits: 0,  indicator: false, tail: Tail::Nothing },
    Scheme { name: "ginc",  ai: 401,  digits: 0,  indicator: false, tail: Tail::Nothing },
    Scheme { name: "cpi",   ai: 8010, digits: 0,  indicator: false, tail: Tail::Element(8011) },
];

/// What follows `urn:epc:`. None for what is no GS1 key, or a pattern that covers more than one class: just a URI.
pub(crate) fn read(text: &str) -> Result<Option<Thing>, CodeError> {
    let mut parts = text.splitn(3, ':');
    let (Some(kind), Some(name), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let (kind, name, body) = match kind {
        "tag" => match untagged(text, name, body)? {
            Some((name, body)) => ("id", name, body),
            None => return Ok(None),
        },
        _ => (kind, name, body),
    };
    let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == name) else {
        return Ok(None);
    };
    let pattern = kind == "idpat";
    match kind {
        "id" if name == "lgtin" => {
            return Err(wrong(text, "class in place of id, for a lot is a class"));
        }
        "class" if name != "lgtin" => return Err(wrong(text, "id or idpat in place of class")),
        "id" | "class" | "idpat" => {}
        _ => return Ok(None),
    }
    let count = 2 + match scheme.tail {
        Tail::Nothing => 0,
        Tail::Element(_) | Tail::Serial => 1,
        Tail::Piece => 3,
    };
    let mut fields = [""; FIELDS_MAX];
    let found = body.splitn(count, '.').zip(&mut fields).map(|(text, field)| *field = text).count();
    let fields = &fields[..count];
    if found != count || fields[0].is_empty() {
        return Err(wrong(text, &format!("{count} fields between dots")));
    }
    let any = |field: &&str| pattern && *field == "*";
    let stars = fields.iter().filter(|field| any(field)).count();
    // A location with any extension and an asset of any number are not classes of goods.
    let one_class = scheme.tail != Tail::Nothing && scheme.tail != Tail::Element(254);
    if stars > 1 || (stars == 1 && (!one_class || fields[count - 1] != "*")) {
        return Ok(None);
    }
    let tail = if count > 2 && stars == 0 { Some(percent_decode(fields[count - 1])?) } else { None };
    elements(scheme, text, fields, tail)?.thing().map(Some)
}

/// Encodings of tags by scheme; those of others (gid, usdod, adi) stay URIs.
#[rustfmt::skip]
const ENCODINGS: [&str; 19] = [
    "sgtin-96", "sgtin-198", "sscc-96", "sgln-96", "sgln-195", "grai-96", "grai-170", "giai-96", "giai-202", "gsrn-96",
    "gsrnp-96", "gdti-96", "gdti-113", "gdti-174", "cpi-96", "cpi-var", "sgcn-96", "itip-110", "itip-212",
];
/// Encodings whose serial is a number, which has no leading zeros.
const NUMBERED: [&str; 6] = ["sgtin-96", "sgln-96", "grai-96", "gdti-96", "cpi-96", "itip-110"];

/// Scheme and fields of a tag URI, without encoding and filter value.
fn untagged<'a>(text: &str, encoding: &'a str, body: &'a str) -> Result<Option<(&'a str, &'a str)>, CodeError> {
    if !ENCODINGS.contains(&encoding) {
        return Ok(None);
    }
    let Some((_, fields)) = body.split_once('.').filter(|(filter, _)| matches!(filter.as_bytes(), [b'0'..=b'7']))
    else {
        return Err(wrong(text, "a filter value from 0 to 7 before its fields"));
    };
    let serial = fields.rsplit('.').next().unwrap_or("");
    if NUMBERED.contains(&encoding) && (!is_digits(serial) || (serial.len() > 1 && serial.starts_with('0'))) {
        return Err(wrong(text, "a number without leading zeros as its serial"));
    }
    Ok(encoding.split_once('-').map(|(scheme, _)| (scheme, fields)))
}

fn elements<'a>(
    scheme: &Scheme,
    text: &str,
    fields: &[&'a str],
    tail: Option<Cow<'a, str>>,
) -> Result<Elements<'a>, CodeError> {
    let mut key = key(scheme, text, fields[0], fields[1])?;
    match scheme.tail {
        Tail::Piece => key.extend([fields[2], fields[3]]),
        Tail::Serial if tail.as_deref() == Some("") => return Err(wrong(text, "a serial after the last dot")),
        Tail::Serial => key.push_str(tail.as_deref().unwrap_or("")),
        Tail::Element(_) | Tail::Nothing => {}
    }
    let mut elements = Elements::new();
    elements.push(Ai(scheme.ai), key)?;
    match (tail, &scheme.tail) {
        (Some(tail), Tail::Element(ai)) => elements.push(Ai(*ai), tail)?,
        (Some(tail), Tail::Piece) => elements.push(Ai(21), tail)?,
        _ => {}
    }
    Ok(elements)
}

/// The GS1 key without its tail, check digit included.
fn key(scheme: &Scheme, text: &str, prefix: &str, reference: &str) -> Result<String, CodeError> {
    if !is_digits(prefix) || !PREFIX_DIGITS.contains(&prefix.len()) {
        return Err(wrong(text, "a company prefix of 4 to 12 digits"));
    }
    let mut key = String::with_capacity(KEY_BYTES_TYPICAL);
    if scheme.digits == 0 {
        key.extend([prefix, &percent_decode(reference)?]);
        return Ok(key);
    }
    if !is_digits(reference) || prefix.len() + reference.len() != scheme.digits {
        return Err(wrong(text, &format!("{} digits before the serial", scheme.digits)));
    }
    let (indicator, reference) = reference.split_at_checked(usize::from(scheme.indicator)).unwrap_or(("", reference));
    key.extend([indicator, prefix, reference]);
    key.extend(check_digit(&key).map(|digit| char::from(b'0' + digit)));
    if scheme.ai == 8003 {
        key.insert(0, '0');
    }
    Ok(key)
}

fn wrong(text: &str, right: &str) -> CodeError {
    CodeError::new("epc", format!("{} should have {right}", quote(&format!("urn:epc:{text}"))))
}

/// The URN of a thing whose company prefix has this many digits. None if the thing has no URN, or not with such a prefix.
pub(crate) fn write(thing: &Thing, prefix_digits: usize) -> Option<String> {
    use crate::Scheme::{Cpi, Gcn, Gdti, Grai, Itip, Lot, Place, Product};
    let ((ai, value), second) = thing.elements()?;
    let fits = |scheme: &&Scheme| match (&scheme.tail, &second) {
        (Tail::Element(tail), Some((second, _))) => scheme.ai == ai.0 && *tail == second.0,
        (Tail::Piece, Some((second, _))) => scheme.ai == ai.0 && second.0 == 21,
        _ => scheme.ai == ai.0,
    };
    let scheme = SCHEMES.iter().find(fits).filter(|_| PREFIX_DIGITS.contains(&prefix_digits))?;
    let kind = match thing.scheme() {
        Lot => "class",
        Product => "idpat",
        Grai | Gdti | Gcn | Cpi | Itip if thing.serial().is_none() => "idpat",
        _ => "id",
    };
    let key = value.get(usize::from(ai.0 == 8003)..)?;
    let (key, rest) = if scheme.digits == 0 { (key, "") } else { key.split_at_checked(scheme.digits)? };
    let (indicator, key) = key.split_at_checked(usize::from(scheme.indicator))?;
    let (prefix, reference) = key.split_at_checked(prefix_digits).filter(|(prefix, _)| is_digits(prefix))?;
    let head = format!("urn:epc:{kind}:{}:{prefix}.{indicator}{}", scheme.name, Escaped(reference));
    let tail = match &second {
        Some((_, tail)) => tail.as_str(),
        None if scheme.tail == Tail::Serial && rest.len() > 1 => &rest[1..],
        None if thing.scheme() == Place => "0",
        None => "*",
    };
    let tail: &dyn fmt::Display = if tail == "*" && kind == "idpat" { &tail } else { &Escaped(tail) };
    Some(match scheme.tail {
        Tail::Nothing => head,
        Tail::Element(_) | Tail::Serial => format!("{head}.{tail}"),
        Tail::Piece => format!("{head}.{}.{}.{tail}", rest.get(1..3)?, rest.get(3..5)?),
    })
}

/// Text of a URN: what a URN may not hold is percent-encoded (Tag Data Standard, table A-1).
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '#' | '%' | '&' | '/' | '<' | '>' | '?' => write!(f, "%{:02X}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

//! Canonical URIs of things, and things from URIs.
//!
//! ```text
//! https://id.gs1.org/01/09521141012345/21/ABC%2F123     key and qualifier of any GS1 scheme, percent-encoded but for
//!                                                       A-Z a-z 0-9 - . _ ~
//! urn:medtrace:cn-drug:81234561234567890123             20 digits; 7 for the class
//! urn:medtrace:ma:… hibcc:… isbt128:… cn-insurance:…                  drawn in `device`
//! anything:else                                         verbatim
//! ```

use std::borrow::Cow;
use std::fmt;

use crate::digits::{is_digits, number};
use crate::error::quote;
use crate::link::{self, Link};
use crate::{Class, CodeError, Scheme, Thing, device, epc};

/// Longest URI or other code that is read, in bytes.
pub const CODE_BYTES_MAX: usize = 2048;

const CN_DRUG: &str = "urn:medtrace:cn-drug:";
/// Drug identification code and serial of a Chinese drug traceability code, in digits.
const CN_DRUG_CLASS_DIGITS: usize = 7;
const CN_DRUG_DIGITS: usize = 20;

pub(crate) fn write(thing: &Thing, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match thing.scheme() {
        Scheme::Uri => return f.write_str(thing.id()),
        Scheme::Ma | Scheme::Hibcc | Scheme::Isbt128 | Scheme::CnInsurance => return device::write_uri(thing, f),
        Scheme::CnDrug => return write!(f, "{CN_DRUG}{:07}{}", thing.class().value(), thing.id()),
        _ => f.write_str("https://id.gs1.org")?,
    }
    let Some(((ai, value), second)) = thing.elements() else {
        return Ok(());
    };
    write!(f, "/{ai}/{}", PercentEncoded(&value))?;
    match second {
        Some((ai, value)) => write!(f, "/{ai}/{}", PercentEncoded(&value)),
        None => Ok(()),
    }
}

pub(crate) fn read(text: &str) -> Result<Thing, CodeError> {
    if let Some(address) = address(text) {
        let link = Link::new(address);
        return match link.has_key().then(|| link.identity()?.thing()) {
            Some(Err(fault)) if link.is_canonical_domain() => Err(fault),
            Some(Ok(thing)) => Ok(thing),
            None if link.is_canonical_domain() => link::misshapen(address).map_or_else(|| other(text), Err),
            Some(Err(_)) | None => other(text),
        };
    }
    if let Some(epc) = strip_prefix(text, "urn:epc:") {
        return epc::read(epc)?.map_or_else(|| other(text), Ok);
    }
    match strip_prefix(text, CN_DRUG) {
        Some(digits) => cn_drug(digits),
        None => device::read_uri(text).unwrap_or_else(|| other(text)),
    }
}

/// What follows `https://` or `http://`.
pub(crate) fn address(text: &str) -> Option<&str> {
    strip_prefix(text, "https://").or_else(|| strip_prefix(text, "http://"))
}

/// Schemes and namespaces of URIs know no case.
pub(crate) fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A Chinese drug traceability code of 20 digits, or its class of 7.
pub(crate) fn cn_drug(digits: &str) -> Result<Thing, CodeError> {
    if !is_digits(digits) || !matches!(digits.len(), CN_DRUG_CLASS_DIGITS | CN_DRUG_DIGITS) {
        let detail = format!("drug traceability code {} should have 20 digits, or 7 for its class", quote(digits));
        return Err(CodeError::new("length", detail));
    }
    let (class, serial) = digits.split_at(CN_DRUG_CLASS_DIGITS);
    Ok(Thing::new(Class::new(Scheme::CnDrug, number(class)), serial))
}

/// Any other absolute URI, as it is.
fn other(text: &str) -> Result<Thing, CodeError> {
    if text.len() > CODE_BYTES_MAX {
        let detail = format!("the URI has {} bytes and should have at most {CODE_BYTES_MAX}", text.len());
        return Err(CodeError::new("too-long", detail));
    }
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !named || rest.is_empty() {
        let detail = format!("{} should be an absolute URI, such as https://example.org/1 or urn:uuid:…", quote(text));
        return Err(CodeError::new("uri", detail));
    }
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(c);
    if let Some(wrong) = rest.chars().find(|c| forbidden(*c)) {
        let detail = format!("{} holds {wrong:?}, which should be percent-encoded in a URI", quote(text));
        return Err(CodeError::new("uri", detail));
    }
    Ok(Thing::new(Class::new(Scheme::Uri, 0), text))
}

/// Everything but unreserved characters (RFC 3986, 2.3) as `%XX`.
pub(crate) struct PercentEncoded<'a>(pub &'a str);

impl fmt::Display for PercentEncoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reserved = |b: &u8| !(b.is_ascii_alphanumeric() || b"-._~".contains(b));
        let mut rest = self.0;
        while let Some(at) = rest.bytes().position(|b| reserved(&b)) {
            f.write_str(&rest[..at])?;
            let next = rest[at..].chars().next().map_or(rest.len(), |c| at + c.len_utf8());
            rest[at..next].bytes().try_for_each(|b| write!(f, "%{b:02X}"))?;
            rest = &rest[next..];
        }
        f.write_str(rest)
    }
}

/// A path segment or query value decoded; `+` is itself.
pub(crate) fn percent_decode(text: &str) -> Result<Cow<'_, str>, CodeError> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    let wrong =
        || CodeError::new("percent", format!("{}: % should begin two hexadecimal digits of UTF-8", quote(text)));
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or("").as_bytes());
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2).ok_or_else(wrong)?;
        let digits = hex.bytes().all(|b| b.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| digits).ok_or_else(wrong)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| wrong())
}

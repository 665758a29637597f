//! GS1 Digital Links: a key in the path of a web address, on any domain, and further elements in the query string.
//!
//! ```text
//! https://example.org/any/stem/01/09521141012345/10/LOT-1/21/ABC%2F123?17=281231&linkType=all#anything
//!                             key AI  value     qualifiers           attributes
//! ```
//!
//! Read leniently where the key stays the same: qualifiers in any order, a GTIN of 8, 12 or 13 digits, the names of
//! version 1.1 (`/gtin/…/ser/…`).

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::ai::{Ai, entry, find};
use crate::digits::is_digits;
use crate::elements::Elements;
use crate::error::quote;
use crate::uri::percent_decode;
use crate::{CodeError, field};

/// A key and three qualifiers, each with its value.
const SEGMENTS_MAX: usize = 8;

/// The names of Digital Link 1.1 for keys and qualifiers.
#[rustfmt::skip]
const NAMES: [(&str, u16); 22] = [
    ("sscc", 0), ("gtin", 1), ("lot", 10), ("ser", 21), ("cpv", 22), ("tpx", 235), ("gdti", 253), ("glnx", 254),
    ("gcn", 255), ("ginc", 401), ("gsin", 402), ("gln", 414), ("party", 417), ("grai", 8003), ("giai", 8004),
    ("itip", 8006), ("cpid", 8010), ("cpsn", 8011), ("gsrnp", 8017), ("gsrn", 8018), ("srin", 8019), ("uic", 7040),
];

/// A compressed key of 13 digits has 7 bytes with its identifier.
const COMPRESSED_CHARS_MIN: usize = 10;

/// Primary keys that name nothing here: payment slips and product models.
const KEYS_WITHOUT_THING: [u16; 2] = [415, 8013];

/// The parts of an address that may be a Digital Link.
pub(crate) struct Link<'a> {
    host: &'a str,
    /// Key AI, its value, qualifiers and their values.
    segments: [&'a str; SEGMENTS_MAX],
    /// Where in `segments` the key stands; `SEGMENTS_MAX` if there is none.
    from: usize,
    query: &'a str,
}

impl<'a> Link<'a> {
    /// The text without its `https://` or `http://`.
    pub fn new(address: &'a str) -> Link<'a> {
        let address = address.split_once('#').map_or(address, |(before, _)| before);
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let mut segments = [""; SEGMENTS_MAX];
        let (mut from, mut at) = (SEGMENTS_MAX, SEGMENTS_MAX);
        for segment in path.strip_suffix('/').unwrap_or(path).rsplit('/').take(SEGMENTS_MAX) {
            at -= 1;
            segments[at] = segment;
            if (SEGMENTS_MAX - at).is_multiple_of(2) && is_key(&segments[at..]) {
                from = at;
            }
        }
        Link { host, segments, from, query }
    }

    /// Whether the path has the shape of a key, whatever its values are worth.
    pub fn has_key(&self) -> bool {
        self.from < SEGMENTS_MAX
    }

    /// Whether the address is in GS1's own domain for identifiers, where a faulty key cannot be another's address.
    pub fn is_canonical_domain(&self) -> bool {
        self.host.eq_ignore_ascii_case("id.gs1.org")
    }

    /// The doubt of an address that names itself and could be a key in other clothes: on another domain than GS1's own,
    /// where nothing but its shape tells.
    pub fn maybe_compressed(&self) -> Option<CodeError> {
        let last = self.segments[SEGMENTS_MAX - 1];
        is_compressed(last).then(|| {
            let detail = format!(
                "{} looks like a compressed Digital Link, which is not read: the address names only itself; if a product \
                 is meant, give the plain form",
                quote(last)
            );
            CodeError::new("unsupported", detail)
        })
    }

    /// The elements of the path.
    pub fn path(&self) -> Result<Elements<'a>, CodeError> {
        let mut elements = Elements::new();
        for pair in self.segments[self.from..].chunks_exact(2) {
            let ai = identifier(pair[0]).ok_or_else(|| field::unknown(pair[0]))?;
            push(&mut elements, ai, percent_decode(pair[1])?)?;
        }
        Ok(elements)
    }

    /// The elements of path and query, without the parameters of others.
    pub fn whole(&self) -> Result<Elements<'a>, CodeError> {
        let mut elements = self.path()?;
        for (name, value) in self.parameters() {
            if !is_digits(name) {
                continue;
            }
            let ai = Ai::parse(name).ok_or_else(|| field::unknown(name))?;
            if !entry(ai).is_some_and(|row| row.attribute) {
                let detail = format!("AI {ai} ({}) should stand in the path of a link, not in its query", ai.title());
                return Err(CodeError::new("link", detail));
            }
            push(&mut elements, ai, percent_decode(value)?)?;
        }
        Ok(elements)
    }

    /// The elements that decide the thing: those of the path, and a lot in the query, which is as good as one in the path.
    pub fn identity(&self) -> Result<Elements<'a>, CodeError> {
        let mut elements = self.path()?;
        if let Some((_, lot)) = self.parameters().find(|(name, _)| *name == "10") {
            push(&mut elements, Ai(10), percent_decode(lot)?)?;
        }
        Ok(elements)
    }

    /// Parameters whose names are no numbers belong to others, such as `linkType`: kept, decoded where that is possible.
    pub fn others(&self) -> Vec<(SmolStr, SmolStr)> {
        let decoded = |text: &str| percent_decode(text).map_or_else(|_| SmolStr::new(text), SmolStr::new);
        let others = self.parameters().filter(|(name, _)| !is_digits(name));
        others.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }

    fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.query.split(['&', ';']).filter_map(|parameter| parameter.split_once('='))
    }
}

fn push<'a>(elements: &mut Elements<'a>, ai: Ai, value: Cow<'a, str>) -> Result<(), CodeError> {
    match field::pad_gtin(&value).filter(|_| ai == Ai(1)) {
        Some(gtin) => elements.push(ai, gtin),
        None => elements.push(ai, value),
    }
}

/// The identifier that a path segment names, by its digits or its name of version 1.1.
fn identifier(segment: &str) -> Option<Ai> {
    match segment.as_bytes().first()? {
        b'0'..=b'9' => Ai::parse(segment),
        _ => NAMES.iter().find(|(name, _)| *name == segment).map(|(_, ai)| Ai(*ai)),
    }
}

/// One segment of base64url whose first byte is, as two digits, the beginning of a key's identifier (compressed links
/// begin with it): 00, 01, 25, 40, 41 or 80.
fn is_compressed(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let base64 = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let key = match path.as_bytes() {
        [b'A' | b'Q', second, ..] => matches!(second, b'A'..=b'Z' | b'a'..=b'f'),
        [b'J', second, ..] => matches!(second, b'Q'..=b'Z' | b'a'..=b'f'),
        [b'g', second, ..] => matches!(second, b'A'..=b'P'),
        _ => false,
    };
    base64
        && key
        && path.len() >= COMPRESSED_CHARS_MIN
        && path.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// A primary key, its value, and only its own qualifiers after it.
fn is_key(segments: &[&str]) -> bool {
    let Some(key) = identifier(segments[0]).filter(|ai| !KEYS_WITHOUT_THING.contains(&ai.0)) else {
        return false;
    };
    let Some(qualifiers) = entry(key).and_then(|row| row.key) else {
        return false;
    };
    segments.chunks_exact(2).enumerate().all(|(at, pair)| {
        let known = |ai: Ai| qualifiers.iter().any(|ais| ais.contains(ai));
        !pair[1].is_empty() && (at == 0 || identifier(pair[0]).is_some_and(known))
    })
}

/// What is wrong with an address on GS1's own domain whose path begins like a key but is none; nothing if it does not.
pub(crate) fn misshapen(address: &str) -> Option<CodeError> {
    let path = address.split_once('/')?.1;
    if is_compressed(path) {
        let detail = format!("{} is a compressed Digital Link, which is not read: give its plain form", quote(path));
        return Some(CodeError::new("unsupported", detail));
    }
    let first = path.split(['/', '?', '#']).next()?;
    let key = identifier(first).filter(|ai| find(first) == Some(*ai) && !KEYS_WITHOUT_THING.contains(&ai.0))?;
    entry(key)?.key?;
    let detail = format!(
        "{} should hold AI {key}, its value and only the qualifiers of that key in its path; other elements belong in the \
         query",
        quote(path)
    );
    Some(CodeError::new("link", detail))
}

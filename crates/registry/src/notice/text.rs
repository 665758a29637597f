//! The small texts that notices are made of. Each has one constructor that checks it, used by serde too.

use std::fmt;

use medtrace_gs1::{Class, Scheme, Thing};
use serde::{Deserialize, Serialize};

use crate::limits::{NAME_CHARS_MAX, URI_BYTES_MAX};

/// The name that an owner gives a product or a recall: `[a-z0-9][a-z0-9.-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Checks the form.
    pub fn new(text: impl Into<String>) -> Result<Name, String> {
        let text = text.into();
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = text.as_bytes();
        let good = bytes.len() <= NAME_CHARS_MAX
            && bytes.first().copied().is_some_and(plain)
            && bytes.iter().all(|&c| plain(c) || c == b'.' || c == b'-');
        match good {
            true => Ok(Name(text)),
            false => Err(format!(
                "{text:?} is not a name: 1 to {NAME_CHARS_MAX} of a-z 0-9 . - beginning with a letter or digit"
            )),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A language-tagged text. At least one of the two is there; `in_language` falls back to the other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Simplified Chinese.
    #[serde(rename = "zh-CN", default, skip_serializing_if = "Option::is_none")]
    pub zh_cn: Option<String>,
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Texts {
    /// The same text in both languages, for names that have only one.
    pub fn both(text: &str) -> Texts {
        Texts { zh_cn: Some(text.to_owned()), en: Some(text.to_owned()) }
    }

    /// Text in this language (`zh-CN`, `en`), or in the other one where it is missing.
    pub fn in_language(&self, language: &str) -> &str {
        let (first, second) = match language {
            "en" => (&self.en, &self.zh_cn),
            _ => (&self.zh_cn, &self.en),
        };
        first.as_deref().or(second.as_deref()).unwrap_or_default()
    }
}

/// A prefix that the authority has seen a party to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Prefix {
    /// A GS1 company prefix: 4 to 12 digits.
    Company(String),
    /// The beginning of absolute URIs, up to a delimiter (see [`Thing::issued_under`]).
    Uri(String),
}

impl Prefix {
    /// Digits are a company prefix, anything with a scheme is a URI prefix.
    pub fn new(text: impl Into<String>) -> Result<Prefix, String> {
        let text = text.into();
        if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
            return match text.len() {
                4..=12 => Ok(Prefix::Company(text)),
                n => Err(format!("a GS1 company prefix has 4 to 12 digits, {text} has {n}")),
            };
        }
        match is_uri(&text) {
            true => Ok(Prefix::Uri(text)),
            false => {
                Err(format!("{text:?} is neither a GS1 company prefix (4 to 12 digits) nor the beginning of a URI"))
            }
        }
    }

    /// As written in the notice.
    pub fn as_str(&self) -> &str {
        match self {
            Prefix::Company(text) | Prefix::Uri(text) => text,
        }
    }

    /// Whether this thing was issued under it.
    pub fn covers(&self, thing: &Thing) -> bool {
        let uri = thing.scheme() == Scheme::Uri;
        uri == matches!(self, Prefix::Uri(_)) && thing.issued_under(self.as_str())
    }

    /// Whether one of the two lies within the other, so that both cannot belong to different parties.
    pub fn overlaps(&self, other: &Prefix) -> bool {
        match (self, other) {
            (Prefix::Company(a), Prefix::Company(b)) => a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
            (Prefix::Uri(a), Prefix::Uri(b)) => self.covers(&uri_thing(b)) || other.covers(&uri_thing(a)),
            _ => false,
        }
    }
}

fn uri_thing(uri: &str) -> Thing {
    Thing::new(Class::new(Scheme::Uri, 0), uri)
}

/// An ISO 3166 region: a country, or one of its subdivisions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// `CN` (3166-1) or `CN-43` (3166-2).
    pub fn new(text: impl Into<String>) -> Result<Region, String> {
        let text = text.into();
        let (country, part) = text.split_once('-').map_or((text.as_str(), None), |(c, p)| (c, Some(p)));
        let good = country.len() == 2
            && country.bytes().all(|c| c.is_ascii_uppercase())
            && part.is_none_or(|p| {
                (1..=3).contains(&p.len()) && p.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            });
        match good {
            true => Ok(Region(text)),
            false => Err(format!("{text:?} is not an ISO 3166 region like CN or CN-43")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the other region is this one or lies in it.
    pub fn covers(&self, other: &Region) -> bool {
        self == other || (self.0.len() == 2 && other.0.starts_with(&self.0))
    }
}

/// A point on the globe as a `geo` URI (RFC 5870) of latitude and longitude in degrees, WGS 84: `geo:29.56,106.55`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Geo(String);

impl Geo {
    /// Latitude -90 to 90, longitude -180 to 180, plain decimals.
    pub fn new(text: impl Into<String>) -> Result<Geo, String> {
        let text = text.into();
        match degrees(&text) {
            Some((lat, lon)) if lat.abs() <= 90.0 && lon.abs() <= 180.0 => Ok(Geo(text)),
            _ => Err(format!("{text:?} is not a point like geo:29.56,106.55")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Latitude and longitude in degrees.
    pub fn degrees(&self) -> (f64, f64) {
        degrees(&self.0).unwrap_or_default()
    }
}

fn degrees(text: &str) -> Option<(f64, f64)> {
    let (lat, lon) = text.strip_prefix("geo:")?.split_once(',')?;
    let plain = |t: &str| t.len() <= 20 && t.bytes().all(|c| c.is_ascii_digit() || c == b'.' || c == b'-');
    (plain(lat) && plain(lon)).then_some((lat.parse().ok()?, lon.parse().ok()?))
}

/// Whether a text looks like an absolute URI of a length we keep: a scheme, a colon, then printable ASCII.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    text.len() <= URI_BYTES_MAX
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
        && !rest.is_empty()
        && rest.bytes().all(|c| c.is_ascii_graphic())
}

/// An instant in UTC, as RFC 3339 with `Z`. One spelling: a fraction only where it is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instant(jiff::Timestamp);

impl Instant {
    /// Reads RFC 3339 in its one spelling, UTC with `Z`.
    pub fn new(text: &str) -> Result<Instant, String> {
        match text.parse::<jiff::Timestamp>() {
            Ok(at) if at.to_string() == text => Ok(Instant(at)),
            Ok(at) => Err(format!("{text:?} should be written {at}")),
            Err(_) => Err(format!("{text:?} is not an instant like 2026-03-01T08:00:00Z")),
        }
    }

    /// Milliseconds since 1970 UTC.
    pub fn unix_ms(&self) -> i64 {
        self.0.as_millisecond()
    }
}

impl TryFrom<String> for Instant {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Instant::new(&text)
    }
}

impl From<Instant> for String {
    fn from(at: Instant) -> String {
        at.to_string()
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `TryFrom<String>`, `From<_> for String` and `Display` of a text with `new` and `as_str`.
macro_rules! checked_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                $name::new(text)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.as_str().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}
checked_text!(Name, Prefix, Region, Geo);

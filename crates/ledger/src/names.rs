//! Names as they stand in signed texts: one word each, printable ASCII, with one rule and one limit.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Why a word is refused; the text says what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// Longest origin and key name, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest party id, in bytes.
pub const PARTY_BYTES_MAX: usize = 63;
/// Longest role or reason, in bytes.
pub const WORD_BYTES_MAX: usize = 32;
/// Longest topic name, in bytes (Kafka's own limit).
pub const TOPIC_BYTES_MAX: usize = 249;

/// Serialises a type as the text of its `Display` and reads it back through `FromStr`.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let valid: fn(&[u8]) -> bool = $valid;
                if valid(text.as_bytes()) { Ok($name(text.into())) } else { Err(Invalid($rule)) }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        serde_as_text!($name);
    };
}

name!(
    /// The consortium's name: the origin of its checkpoints and of every text signed for it.
    Origin,
    "an origin is 1 to 128 printable ASCII characters without space and +",
    |text| is_note_name(text)
);
name!(
    /// The name of a key in a signed note (C2SP signed-note, narrowed to ASCII).
    KeyName,
    "a key name is 1 to 128 printable ASCII characters without space and +",
    |text| is_note_name(text)
);
name!(
    /// A party of the consortium: `[a-z0-9][a-z0-9.-]{0,62}`. Also the name of its keys.
    PartyId,
    "a party is [a-z0-9][a-z0-9.-]{0,62}",
    |text| is_word(text, PARTY_BYTES_MAX, |c| c.is_ascii_digit() || c.is_ascii_lowercase(), b".-")
);
name!(
    /// A role of a party or the reason of a refusal: `[a-z][a-z0-9-]{0,31}`.
    Word,
    "a word is [a-z][a-z0-9-]{0,31}",
    |text| is_word(text, WORD_BYTES_MAX, |c| c.is_ascii_lowercase(), b"-")
);
name!(
    /// A Kafka topic: `[a-zA-Z0-9._-]{1,249}`, but neither `.` nor `..`.
    TopicName,
    "a topic is [a-zA-Z0-9._-]{1,249}, but not . or ..",
    |text| {
        (1..=TOPIC_BYTES_MAX).contains(&text.len())
            && text != b"."
            && text != b".."
            && text.iter().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(c))
    }
);

fn is_note_name(text: &[u8]) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.iter().all(|c| c.is_ascii_graphic() && *c != b'+')
}

fn is_word(text: &[u8], bytes_max: usize, first: fn(&u8) -> bool, more: &[u8]) -> bool {
    let rest = |c: &u8| c.is_ascii_digit() || c.is_ascii_lowercase() || more.contains(c);
    text.len() <= bytes_max && text.first().is_some_and(first) && text.iter().all(rest)
}

impl From<PartyId> for KeyName {
    fn from(party: PartyId) -> KeyName {
        KeyName(party.0)
    }
}

impl From<Origin> for KeyName {
    fn from(origin: Origin) -> KeyName {
        KeyName(origin.0)
    }
}

/// Kafka's id of a topic, spelled as Kafka's own tools spell it: 22 characters of unpadded URL-safe base64.
/// A topic that was deleted and made again has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicUuid(pub [u8; 16]);

impl TopicUuid {
    /// From the two halves that Kafka clients report.
    pub fn from_halves(most_significant: u64, least_significant: u64) -> TopicUuid {
        let [most, least] = [most_significant.to_be_bytes(), least_significant.to_be_bytes()];
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&most);
        bytes[8..].copy_from_slice(&least);
        TopicUuid(bytes)
    }
}

impl fmt::Display for TopicUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for TopicUuid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(TopicUuid).ok_or(Invalid("a topic uuid is 16 bytes as unpadded URL-safe base64"))
    }
}

serde_as_text!(TopicUuid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_keeps_to_its_rule() {
        for good in ["a", "0", "acme.cn", "county-hospital-3", &"a".repeat(63)] {
            assert!(good.parse::<PartyId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "a b", "a+", "ä", "a\n", &"a".repeat(64)] {
            assert!(bad.parse::<PartyId>().is_err(), "{bad}");
        }
        for bad in ["", "a b", "a+b", "a\u{a0}b", "é", &"a".repeat(129)] {
            assert!(bad.parse::<KeyName>().is_err() && bad.parse::<Origin>().is_err(), "{bad}");
        }
        for bad in ["", "1a", "-a", "Bad", "a_b", &"a".repeat(33)] {
            assert!(bad.parse::<Word>().is_err(), "{bad}");
        }
        for bad in ["", ".", "..", "a b", "a/b", &"a".repeat(250)] {
            assert!(bad.parse::<TopicName>().is_err(), "{bad}");
        }
        assert!("scan-events".parse::<TopicName>().is_ok());
    }

    #[test]
    fn a_topic_uuid_has_one_spelling() {
        let uuid = TopicUuid::from_halves(1, 2);
        assert_eq!(uuid.to_string(), "AAAAAAAAAAEAAAAAAAAAAg");
        assert_eq!("AAAAAAAAAAEAAAAAAAAAAg".parse(), Ok(uuid));
        for bad in ["AAAAAAAAAAEAAAAAAAAAAh", "AAAAAAAAAAEAAAAAAAAAAg==", "AAAAAAAAAAEAAAAAAAAAA", ""] {
            assert!(bad.parse::<TopicUuid>().is_err(), "{bad}");
        }
    }
}

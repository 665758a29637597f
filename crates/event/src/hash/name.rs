//! The hash as a name (RFC 6920).

use std::fmt;
use std::str::FromStr;

use super::CbvVersion;

const SCHEME: &str = "ni:///sha-256;";
const VERSIONS: [CbvVersion; 2] = [CbvVersion::V2_0, CbvVersion::V2_1];

/// The hash of an event under one edition of the rules: `ni:///sha-256;<64 hex digits>?ver=CBV2.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHash {
    pub digest: [u8; 32],
    pub version: CbvVersion,
}

/// Why a text is not the hash of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEventHash {
    #[error("an event hash begins with {SCHEME}")]
    Scheme,
    #[error("an event hash has 64 hexadecimal digits")]
    Digits,
    #[error("an event hash ends in ?ver=CBV2.0 or ?ver=CBV2.1")]
    Version,
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "?ver={}", self.version.name())
    }
}

impl FromStr for EventHash {
    type Err = NotEventHash;

    /// Digits of either case, as a URI may carry them.
    fn from_str(text: &str) -> Result<EventHash, NotEventHash> {
        let rest = text.strip_prefix(SCHEME).ok_or(NotEventHash::Scheme)?;
        let (digits, version) = rest.split_once("?ver=").ok_or(NotEventHash::Version)?;
        let version = VERSIONS.into_iter().find(|v| v.name() == version).ok_or(NotEventHash::Version)?;
        let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return Err(NotEventHash::Digits) };
        let mut digest = [0; 32];
        if pairs.len() != digest.len() {
            return Err(NotEventHash::Digits);
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(NotEventHash::Digits);
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = (nibble(*high)? << 4 | nibble(*low)?) as u8;
        }
        Ok(EventHash { digest, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let text = format!("ni:///sha-256;{}ff?ver=CBV2.1", "0a".repeat(31));
        let hash: EventHash = text.parse().unwrap();
        assert_eq!((hash.digest[0], hash.digest[31], hash.version), (10, 255, CbvVersion::V2_1));
        assert_eq!(hash.to_string(), text);
        let refused = |text: &str| text.parse::<EventHash>().unwrap_err();
        assert_eq!(refused("urn:uuid:1"), NotEventHash::Scheme);
        assert_eq!(refused(&text.replace("0a0a", "0a")), NotEventHash::Digits);
        assert_eq!(refused(&text.replace("0a0a", "0a0é")), NotEventHash::Digits);
        assert_eq!(refused(&text.replace("ff?", "f+?")), NotEventHash::Digits);
        assert_eq!(refused(&text.replace("2.1", "3.0")), NotEventHash::Version);
    }
}

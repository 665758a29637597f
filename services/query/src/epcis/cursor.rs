//! Where a page ends: the height at which its query is answered, and the last event given. See [`crate::token`].
//!
//! ```text
//! fields of the token:
//!   version   u8       2
//!   known     u64 BE   height that all pages reflect
//!   t         i64 BE   eventTime of the last event given, µs
//!   block     u64 BE   its name
//!   idx       u32 BE
//!   given     u64 BE   events of the pages so far
//!   expires   u64 BE   Unix seconds
//! ```

use medtrace_ledger::Hash;

use crate::token::{Binding, Refused, fields, number};

/// How long a token may be used, seconds.
pub const EXPIRY_S: u64 = 24 * 60 * 60;

const VERSION: u8 = 2;
const FIELDS: usize = 1 + 8 + 8 + 8 + 4 + 8 + 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub known: u64,
    pub after: Place,
    pub given: u64,
    pub expires_s: u64,
}

/// An event in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub t: i64,
    pub block: u64,
    pub idx: u32,
}

impl Cursor {
    pub fn token(&self, genesis: &Hash, fingerprint: &[u8; 32]) -> String {
        let Cursor { known, after: Place { t, block, idx }, given, expires_s } = self;
        binding(genesis, fingerprint).write(fields::<FIELDS>(&[
            &[VERSION],
            &known.to_be_bytes(),
            &t.to_be_bytes(),
            &block.to_be_bytes(),
            &idx.to_be_bytes(),
            &given.to_be_bytes(),
            &expires_s.to_be_bytes(),
        ]))
    }

    /// # Errors
    /// A token that is none, another query's, or expired.
    pub fn read(token: &str, genesis: &Hash, fingerprint: &[u8; 32], now_s: u64) -> Result<Cursor, Refused> {
        let fields = binding(genesis, fingerprint).read::<FIELDS>(token)?;
        let after = Place {
            t: number(&fields, 9).cast_signed(),
            block: number(&fields, 17),
            idx: u32::from_be_bytes(std::array::from_fn(|i| fields[25 + i])),
        };
        let cursor =
            Cursor { known: number(&fields, 1), after, given: number(&fields, 29), expires_s: number(&fields, 37) };
        if fields[0] == VERSION && cursor.expires_s >= now_s { Ok(cursor) } else { Err(Refused::Expired) }
    }
}

fn binding(genesis: &Hash, fingerprint: &[u8; 32]) -> Binding {
    Binding { label: "medtrace/next-page/v1", genesis: *genesis, fingerprint: *fingerprint }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_767_225_600;

    fn cursor() -> Cursor {
        let after = Place { t: -5, block: u64::MAX - 1, idx: 0x0102_0304 };
        Cursor { known: 41, after, given: 30, expires_s: NOW + EXPIRY_S }
    }

    #[test]
    fn a_token_comes_back_as_it_was() {
        let genesis = Hash::of("genesis");
        let token = cursor().token(&genesis, &[7; 32]);
        assert_eq!(Cursor::read(&token, &genesis, &[7; 32], NOW).unwrap(), cursor());
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{token}");
    }

    #[test]
    fn every_other_token_is_refused() {
        let genesis = Hash::of("genesis");
        let token = cursor().token(&genesis, &[7; 32]);
        let read = |token: &str| Cursor::read(token, &genesis, &[7; 32], NOW);
        assert_eq!(Cursor::read(&token, &genesis, &[8; 32], NOW), Err(Refused::Foreign));
        assert_eq!(Cursor::read(&token, &Hash::of("another"), &[7; 32], NOW), Err(Refused::Foreign));
        assert_eq!(Cursor::read(&token, &genesis, &[7; 32], NOW + EXPIRY_S + 1), Err(Refused::Expired));
        assert_eq!(read(""), Err(Refused::None));
        assert!(read(&token[1..]).is_err());
        assert!(read(&format!("{token}AA")).is_err());
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            assert!(read(&format!("{}{other}{}", &token[..at], &token[at + 1..])).is_err(), "{at}");
        }
    }

    /// SHA-256 over what the layout says, by another program: Python's `hashlib` and `struct`.
    #[test]
    fn a_token_is_what_others_compute() {
        assert_eq!(
            cursor().token(&Hash([1; 32]), &[7; 32]),
            "AgAAAAAAAAAp__________v__________gECAwQAAAAAAAAAHgAAAABpVwqAnvwyjTaA1lqOISC-VLyjng"
        );
    }

    proptest! {
        #[test]
        fn any_cursor_comes_back(known: u64, t: i64, block: u64, idx: u32, given: u64, left: u64, query: [u8; 32]) {
            let genesis = Hash::of("genesis");
            let cursor = Cursor { known, after: Place { t, block, idx }, given, expires_s: NOW.saturating_add(left) };
            prop_assert_eq!(Cursor::read(&cursor.token(&genesis, &query), &genesis, &query, NOW), Ok(cursor));
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in vec(any::<u8>(), 0..=80), text: String) {
            let genesis = Hash::of("genesis");
            for token in [URL_SAFE_NO_PAD.encode(bytes), text] {
                if let Ok(cursor) = Cursor::read(&token, &genesis, &[7; 32], 0) {
                    prop_assert_eq!(cursor.token(&genesis, &[7; 32]), token);
                }
            }
        }

        /// As above, of fields whose check is right: only these are read at all.
        #[test]
        fn checked_fields_are_read_or_refused(mut fields: [u8; FIELDS], version in 0..4_u8) {
            fields[0] = version;
            let genesis = Hash::of("genesis");
            let token = binding(&genesis, &[7; 32]).write(fields);
            match Cursor::read(&token, &genesis, &[7; 32], 0) {
                Ok(cursor) => prop_assert_eq!((version, cursor.token(&genesis, &[7; 32])), (VERSION, token)),
                Err(refused) => prop_assert_eq!((version == VERSION, refused), (false, Refused::Expired)),
            }
        }
    }
}

//! Where a page ends: the height at which its query is answered, and the last event given. Bound to the query, so that a
//! token changed by mistake or taken from elsewhere is refused. It is no secret: what it points at is for whoever may
//! ask the query.
//!
//! ```text
//! token = base64url, not padded, of:
//!   version   u8       2
//!   known     u64 BE   height that all pages reflect
//!   t         i64 BE   eventTime of the last event given, µs
//!   block     u64 BE   its name
//!   idx       u32 BE
//!   given     u64 BE   events of the pages so far
//!   expires   u64 BE   Unix seconds
//!   check     16 B     SHA-256( "medtrace/next-page/v1\n" ‖ H(genesis) ‖ fingerprint of the query ‖ all before )[..16]
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use medtrace_ledger::Hash;
use medtrace_ledger::hash::sha256;
use medtrace_service::Problem;
use medtrace_store::rows::EventRow;

use crate::params::wrong;

/// How long a token may be used, seconds.
pub const EXPIRY_S: u64 = 24 * 60 * 60;

const VERSION: u8 = 2;
const FIELDS: usize = 1 + 8 + 8 + 8 + 4 + 8 + 8;
const CHECK: usize = 16;

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

impl From<&EventRow> for Place {
    fn from(row: &EventRow) -> Place {
        Place { t: row.t, block: row.block, idx: row.idx }
    }
}

impl Cursor {
    pub fn token(&self, genesis: &Hash, fingerprint: &[u8; 32]) -> String {
        let fields = self.fields();
        URL_SAFE_NO_PAD.encode([&fields[..], &check(genesis, fingerprint, &fields)].concat())
    }

    /// # Errors
    /// A token that is none, another query's, or expired.
    pub fn read(token: &str, genesis: &Hash, fingerprint: &[u8; 32], now_s: u64) -> Result<Cursor, Problem> {
        let refused = |detail: &str| wrong("nextPageToken", "token", format!("nextPageToken {detail}"));
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused("is not one that was given here"))?;
        let (fields, given) =
            bytes.split_first_chunk::<FIELDS>().ok_or_else(|| refused("is not one that was given here"))?;
        if given != check(genesis, fingerprint, fields) {
            return Err(refused("is not of this query: repeat the query that it was given for, unchanged"));
        }
        let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| fields[at + i]));
        let after = Place {
            t: number(9).cast_signed(),
            block: number(17),
            idx: u32::from_be_bytes(std::array::from_fn(|i| fields[25 + i])),
        };
        let cursor = Cursor { known: number(1), after, given: number(29), expires_s: number(37) };
        if fields[0] != VERSION || cursor.expires_s < now_s {
            return Err(refused("has expired: ask for the first page again"));
        }
        Ok(cursor)
    }

    fn fields(&self) -> [u8; FIELDS] {
        let Cursor { known, after: Place { t, block, idx }, given, expires_s } = self;
        let parts: [&[u8]; 7] = [
            &[VERSION],
            &known.to_be_bytes(),
            &t.to_be_bytes(),
            &block.to_be_bytes(),
            &idx.to_be_bytes(),
            &given.to_be_bytes(),
            &expires_s.to_be_bytes(),
        ];
        let mut fields = [0; FIELDS];
        fields.iter_mut().zip(parts.concat()).for_each(|(to, from)| *to = from);
        fields
    }
}

fn check(genesis: &Hash, fingerprint: &[u8; 32], fields: &[u8]) -> [u8; CHECK] {
    let hash = sha256(&[b"medtrace/next-page/v1\n", &genesis.0, fingerprint, fields]).0;
    std::array::from_fn(|i| hash[i])
}

#[cfg(test)]
mod tests {
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
        let refused = |token: &str, genesis: &Hash, query: [u8; 32], now: u64| {
            let problem = Cursor::read(token, genesis, &query, now).unwrap_err();
            assert_eq!((problem.status, problem.errors[0].path.as_str()), (400, "/nextPageToken"));
        };
        refused(&token, &genesis, [8; 32], NOW);
        refused(&token, &Hash::of("another"), [7; 32], NOW);
        refused(&token, &genesis, [7; 32], NOW + EXPIRY_S + 1);
        refused("", &genesis, [7; 32], NOW);
        refused(&token[1..], &genesis, [7; 32], NOW);
        refused(&format!("{token}AA"), &genesis, [7; 32], NOW);
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            refused(&format!("{}{other}{}", &token[..at], &token[at + 1..]), &genesis, [7; 32], NOW);
        }
    }
}

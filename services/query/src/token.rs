//! Texts that say where a client is in a query, bound to that query: so one that is changed by mistake or taken from elsewhere
//! is refused, and nothing has to be remembered here. They are no secret: what they point at is for whoever may ask the query.
//!
//! ```text
//! token = base64url, not padded, of:
//!   fields    N B      what it says; the first byte is the version of their layout
//!   check     16 B     SHA-256( label ‖ "\n" ‖ H(genesis) ‖ fingerprint of the query ‖ fields )[..16]
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use medtrace_ledger::Hash;
use medtrace_ledger::hash::sha256;

const CHECK: usize = 16;

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What kind of token it is.
    pub label: &'static str,
    pub genesis: Hash,
    /// Of the query.
    pub fingerprint: [u8; 32],
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("is not one that was given here")]
    None,
    #[error("is not of this query: repeat the query that it was given for, unchanged")]
    Foreign,
    #[error("has expired: ask for the first page again")]
    Expired,
}

impl Binding {
    pub fn write<const N: usize>(&self, fields: [u8; N]) -> String {
        URL_SAFE_NO_PAD.encode([&fields[..], &self.check(&fields)].concat())
    }

    /// # Errors
    /// [`Refused::None`] and [`Refused::Foreign`].
    pub fn read<const N: usize>(&self, token: &str) -> Result<[u8; N], Refused> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refused::None)?;
        let (fields, given) = bytes.split_first_chunk::<N>().ok_or(Refused::None)?;
        if given == self.check(fields) { Ok(*fields) } else { Err(Refused::Foreign) }
    }

    fn check(&self, fields: &[u8]) -> [u8; CHECK] {
        let hash = sha256(&[self.label.as_bytes(), b"\n", &self.genesis.0, &self.fingerprint, fields]).0;
        std::array::from_fn(|i| hash[i])
    }
}

/// Fields one after the other; their lengths are N together.
pub fn fields<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut fields = [0; N];
    fields.iter_mut().zip(parts.concat()).for_each(|(to, from)| *to = from);
    fields
}

/// The big-endian number at a place in the fields.
pub fn number(fields: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|i| fields.get(at + i).copied().unwrap_or(0)))
}

//! Verifier keys as others write them (C2SP): how a log's or a witness's key stands in a policy.
//!
//! ```text
//! <name>+<key id as 8 hex digits>+<base64(algorithm[1] ‖ public key[32])>
//!
//! algorithm    0x01 Ed25519: signs notes      0x04 cosignature: signs checkpoints with a time
//! ```
//!
//! Lower-case hex and canonical base64 (which may hold a `+` itself); the key id must be the key's.
//! Source: <https://c2sp.org/signed-note#verifier-keys>, <https://c2sp.org/tlog-cosignature>.

use crate::hash::{array_from_base64, base64};
use crate::key::PublicKey;
use crate::note::VerifierKey;
use crate::text::FormatError;

/// Longest verifier key, in bytes: name, `+`, 8 digits, `+`, 33 bytes as base64.
pub const VKEY_BYTES_MAX: usize = crate::names::NAME_BYTES_MAX + 1 + 8 + 1 + 44;

const FORMAT: &str = "verifier key";

/// What a key signs; its byte stands in the verifier key and in the key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyUse {
    /// Notes as they are: the chainer, the authority, services, parties.
    Ed25519 = 0x01,
    /// Checkpoints, with a time: witnesses.
    Cosignature = 0x04,
}

impl VerifierKey {
    /// The key as `<name>+<key id>+<base64>`.
    pub fn vkey(&self, usage: KeyUse) -> String {
        let key = [&[usage as u8][..], self.public.as_bytes()].concat();
        format!("{}+{}+{}", self.name, hex(self.key_id_as(usage)), base64(&key))
    }

    /// Parses what [`VerifierKey::vkey`] prints.
    ///
    /// # Errors
    /// Any other spelling, a key id that is not the key's, another algorithm, a key that is weak or not canonical.
    pub fn parse_vkey(text: &str) -> Result<(VerifierKey, KeyUse), FormatError> {
        let fault = |problem: &str| FormatError::whole(FORMAT, problem);
        if text.len() > VKEY_BYTES_MAX {
            return Err(fault("longer than any"));
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(fault("must be <name>+<key id>+<base64>"));
        };
        let name = name.parse().map_err(|e| FormatError::whole(FORMAT, format!("{e}")))?;
        let [algorithm, key @ ..] =
            array_from_base64::<33>(encoded).ok_or_else(|| fault("must end in 33 bytes as canonical base64"))?;
        let usage = [KeyUse::Ed25519, KeyUse::Cosignature].into_iter().find(|usage| *usage as u8 == algorithm);
        let usage = usage.ok_or_else(|| fault("the algorithm is neither Ed25519 (1) nor a cosignature (4)"))?;
        let public = PublicKey::from_bytes(&key).map_err(|e| FormatError::whole(FORMAT, format!("{e}")))?;
        let key = VerifierKey { name, public };
        match id == hex(key.key_id_as(usage)) {
            true => Ok((key, usage)),
            false => Err(fault("the key id is not this key's")),
        }
    }

    fn key_id_as(&self, usage: KeyUse) -> [u8; 4] {
        match usage {
            KeyUse::Ed25519 => self.key_id(),
            KeyUse::Cosignature => self.cosigner_id(),
        }
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

//! Ed25519 keys. A public key is its 32 bytes in canonical base64; weak and non-canonical ones are refused when parsed,
//! so that nothing inside checks again. Signatures are verified strictly (RFC 8032 without cofactor, canonical R and S).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;

use crate::hash::{array_from_base64, base64};
use crate::names::Invalid;

/// A public key that is canonical and not of small order. Ordered by its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, Invalid> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| Invalid("a public key is a curve point"))?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(Invalid("a public key is a canonical encoding"));
        }
        if key.is_weak() {
            return Err(Invalid("a public key is not of small order"));
        }
        Ok(PublicKey(key))
    }

    /// Parses 44 characters of canonical base64.
    pub fn parse(text: &str) -> Result<PublicKey, Invalid> {
        let bytes = array_from_base64(text).ok_or(Invalid("a public key is 32 bytes as canonical base64"))?;
        PublicKey::from_bytes(&bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether `signature` is this key's over `message`, strictly.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        PublicKey::parse(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

crate::names::serde_as_text!(PublicKey);

/// A private key. Its bytes are wiped when it is dropped and never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From the 32-byte seed of RFC 8032 (the caller brings the randomness).
    pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for writing a key file.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public())
    }
}

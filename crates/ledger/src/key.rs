//! Ed25519 keys. A public key is its 32 bytes in canonical base64; weak and non-canonical ones are refused when parsed,
//! so that nothing inside checks again. Signatures are verified strictly (RFC 8032 without cofactor, canonical R and S).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

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

/// What signs with one private key, wherever that key is: in this process's memory, in a PKCS#11 token, in a KMS.
///
/// In memory there is [`SigningKey::from_seed`]; anything else stands behind [`SigningKey::held_by`].
pub trait Sign: Send + Sync {
    /// The public side. Never changes.
    fn public(&self) -> PublicKey;

    /// The Ed25519 signature (RFC 8032, not pre-hashed) over `message`. May block; may be asked again, as nothing is
    /// changed by it.
    ///
    /// # Errors
    /// In words why the holder did not sign; nothing was signed then, or nobody got to see it.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String>;

    /// The 32-byte seed of RFC 8032, where the holder gives it out: only software does.
    fn seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

/// A key in memory. Its bytes are wiped when it is dropped.
struct InMemory(ed25519_dalek::SigningKey);

impl Sign for InMemory {
    fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        Ok(self.0.sign(message).to_bytes())
    }

    fn seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        Some(Zeroizing::new(self.0.to_bytes()))
    }
}

/// A private key that did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to sign with the key {key}: {reason}")]
pub struct SignError {
    /// Its public side, base64.
    pub key: String,
    /// In words, as its holder says it.
    pub reason: String,
}

/// A private key, never printed. Clones share it.
#[derive(Clone)]
pub struct SigningKey(Arc<dyn Sign>);

impl SigningKey {
    /// From the 32-byte seed of RFC 8032 (the caller brings the randomness).
    pub fn from_seed(seed: &[u8; 32]) -> SigningKey {
        SigningKey(Arc::new(InMemory(ed25519_dalek::SigningKey::from_bytes(seed))))
    }

    /// A key that something else holds: a device, a service.
    pub fn held_by(holder: Arc<dyn Sign>) -> SigningKey {
        SigningKey(holder)
    }

    /// The seed, for writing a key file; `None` of a key that its holder does not give out.
    pub fn seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.0.seed()
    }

    /// The public side.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// The signature over `message`.
    ///
    /// # Errors
    /// The holder did not sign, or gave what does not verify.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let key = self.public();
        let failed = |reason| SignError { key: key.to_string(), reason };
        let signature = self.0.sign(message).map_err(failed)?;
        // A faulty device must not get a record into the log that everybody will call forged.
        match self.0.seed().is_some() || key.verifies(message, &signature) {
            true => Ok(signature),
            false => Err(failed("its holder gave a signature that does not verify".to_owned())),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1, test 1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];

    /// A device: holds a key of which it says another's public side, or does not answer.
    struct Device {
        inside: InMemory,
        says: PublicKey,
        answers: bool,
    }

    impl Sign for Device {
        fn public(&self) -> PublicKey {
            self.says
        }

        fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
            match self.answers {
                true => self.inside.sign(message),
                false => Err("the token is not in its slot".into()),
            }
        }
    }

    fn device(says: PublicKey, answers: bool) -> SigningKey {
        let inside = InMemory(ed25519_dalek::SigningKey::from_bytes(&SEED));
        SigningKey::held_by(Arc::new(Device { inside, says, answers }))
    }

    #[test]
    fn a_device_signs_as_a_key_in_memory_does_and_gives_nothing_out() {
        let memory = SigningKey::from_seed(&SEED);
        let held = device(memory.public(), true);
        assert_eq!(held.sign(b""), memory.sign(b""));
        assert_eq!(held.seed(), None);
        assert_eq!(*memory.seed().unwrap_or_default(), SEED);
    }

    #[test]
    fn a_device_that_fails_or_lies_signs_nothing() {
        let memory = SigningKey::from_seed(&SEED);
        let away = device(memory.public(), false).sign(b"text").map_err(|error| error.to_string());
        let text = format!("failed to sign with the key {}: the token is not in its slot", memory.public());
        assert_eq!(away, Err(text));
        let other = SigningKey::from_seed(&[1; 32]).public();
        let lie = device(other, true).sign(b"text").map_err(|error| error.reason);
        assert_eq!(lie, Err("its holder gave a signature that does not verify".to_owned()));
    }

    #[test]
    fn nothing_prints_a_seed() {
        let shown = format!("{:?}", SigningKey::from_seed(&SEED));
        assert_eq!(shown, "SigningKey(of 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=)");
    }
}

//! The one-line text form of a private key.

use base64::{Engine, engine::general_purpose::STANDARD};
use medtrace_ledger::{KeyName, Signer, SigningKey};
use zeroize::Zeroizing;

const PREFIX: &str = "PRIVATE+KEY+";
const ALGORITHM_ED25519: u8 = 1;
/// Bytes of the algorithm and the seed.
const KEY_BYTES: usize = 33;
/// Longest line, in bytes, with its end: name, key id and key, parted by `+`.
const LINE_BYTES_MAX: usize = PREFIX.len() + medtrace_ledger::names::NAME_BYTES_MAX + 1 + 8 + 1 + 44 + 1;

/// The line, with its end; `None` of a key whose seed its holder does not give out.
pub(super) fn encode(signer: &Signer) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new([ALGORITHM_ED25519; KEY_BYTES]);
    key[1..].copy_from_slice(&*signer.key.seed()?);
    let key = Zeroizing::new(STANDARD.encode(&key[..]));
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    line.extend_from_slice(format!("{PREFIX}{}+{:08x}+", signer.name, key_id(signer)).as_bytes());
    line.extend_from_slice(key.as_bytes());
    line.push(b'\n');
    Some(line)
}

/// Reads a line, with or without its end.
pub(super) fn decode(text: &str) -> Result<Signer, &'static str> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let parts = line.strip_prefix(PREFIX).ok_or("it does not begin with PRIVATE+KEY+")?;
    // Neither a name nor a key id has a +; base64 may.
    let mut parts = parts.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a name, a key id and a key must follow PRIVATE+KEY+, parted by +");
    };
    let name: KeyName = name.parse().map_err(|_| "the name is no key name")?;
    let key = STANDARD.decode(key).map(Zeroizing::new).map_err(|_| "the key is no base64")?;
    let seed: &[u8; 32] = match key.split_first() {
        Some((&ALGORITHM_ED25519, seed)) => seed.try_into().map_err(|_| "the seed is not 32 bytes")?,
        _ => return Err("the key is not of algorithm 1 (Ed25519)"),
    };
    let signer = Signer::new(name, SigningKey::from_seed(seed));
    match id == format!("{:08x}", key_id(&signer)) {
        true => Ok(signer),
        false => Err("the key id is not that of this name and key"),
    }
}

fn key_id(signer: &Signer) -> u32 {
    u32::from_be_bytes(signer.verifier().key_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The private key of the Go documentation of `note` (package example), and its verifier key's id.
    const FOREIGN: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    #[test]
    fn reads_and_writes_the_form_of_go() {
        let signer = decode(FOREIGN).unwrap();
        assert_eq!(signer.name.as_str(), "PeterNeumann");
        assert_eq!(*encode(&signer).unwrap(), format!("{FOREIGN}\n").into_bytes());
        // PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
        assert_eq!(signer.key.public().to_string(), "GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=");
    }

    #[test]
    fn what_is_not_a_key_says_why() {
        for (text, reason) in [
            ("", "it does not begin with PRIVATE+KEY+"),
            ("PRIVATE+KEY+a", "a name, a key id and a key must follow PRIVATE+KEY+, parted by +"),
            ("PRIVATE+KEY+a b+00000000+AA==", "the name is no key name"),
            ("PRIVATE+KEY+a+00000000+?", "the key is no base64"),
            ("PRIVATE+KEY+a+00000000+BAAA", "the key is not of algorithm 1 (Ed25519)"),
            ("PRIVATE+KEY+a+00000000+AQAA", "the seed is not 32 bytes"),
            (&FOREIGN.replace("c74f20a3", "c74f20a4"), "the key id is not that of this name and key"),
            (&FOREIGN.replace("Peter", "Petra"), "the key id is not that of this name and key"),
        ] {
            assert_eq!(decode(text).unwrap_err(), reason, "{text}");
        }
    }
}

//! The age file around a key's line.

use std::{
    fmt,
    io::{Read, Write},
};

use age::{
    DecryptError, Decryptor, Encryptor, Identity, Recipient,
    armor::{ArmoredReader, ArmoredWriter, Format},
};
use zeroize::Zeroizing;

/// How an age file begins, armoured and binary.
const BEGINNINGS: [&[u8]; 2] = [b"-----BEGIN AGE ENCRYPTED FILE-----", b"age-encryption.org/v1\n"];

/// Why an encrypted key file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Nothing to open it with is configured.
    Locked,
    /// It is under a passphrase, and only identities are configured.
    NeedsPassphrase,
    /// It is to identities, and only a passphrase is configured.
    NeedsIdentity,
    WrongPassphrase,
    WrongIdentity,
    /// Opening it would cost more work and memory than is given to any key file.
    TooCostly,
    Damaged,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Closed::Locked => {
                "it is encrypted; name what opens it in MEDTRACE_KEYS_PASSPHRASE_FILE or MEDTRACE_KEYS_IDENTITY_FILE"
            }
            Closed::NeedsPassphrase => "it is under a passphrase; name its file in MEDTRACE_KEYS_PASSPHRASE_FILE",
            Closed::NeedsIdentity => "it is to an identity; name its file in MEDTRACE_KEYS_IDENTITY_FILE",
            Closed::WrongPassphrase => "the passphrase is not its own, or the file is damaged",
            Closed::WrongIdentity => "it is not to this identity, or the file is damaged",
            Closed::TooCostly => {
                "its passphrase costs more than a work factor of 18 (256 MiB); encrypt it again with a smaller one"
            }
            Closed::Damaged => "the file is damaged",
        })
    }
}

/// Whether these bytes are an age file.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// Encrypts, armoured.
pub(super) fn seal(recipient: &dyn Recipient, plain: &[u8]) -> Result<Vec<u8>, String> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient)).map_err(|error| error.to_string())?;
    let written = || {
        let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armour)?;
        writer.write_all(plain)?;
        writer.finish()?.finish()
    };
    written().map_err(|error: std::io::Error| error.to_string())
}

/// Opens a file, by its kind with the one or the other.
pub(super) fn open(
    bytes: &[u8],
    passphrase: Option<&dyn Identity>,
    identities: &[&dyn Identity],
) -> Result<Zeroizing<Vec<u8>>, Closed> {
    if passphrase.is_none() && identities.is_empty() {
        return Err(Closed::Locked);
    }
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(|_| Closed::Damaged)?;
    let of_passphrase = decryptor.is_scrypt();
    let keys: Vec<&dyn Identity> = match (of_passphrase, passphrase) {
        (true, Some(passphrase)) => vec![passphrase],
        (true, None) => return Err(Closed::NeedsPassphrase),
        (false, _) if identities.is_empty() => return Err(Closed::NeedsIdentity),
        (false, _) => identities.to_vec(),
    };
    let mut reader = decryptor.decrypt(keys.into_iter()).map_err(|error| reason(&error, of_passphrase))?;
    // Room for all of it at once: what a growing vector leaves behind is not wiped.
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    reader.read_to_end(&mut plain).map_err(|_| Closed::Damaged)?;
    Ok(plain)
}

fn reason(error: &DecryptError, of_passphrase: bool) -> Closed {
    match error {
        DecryptError::ExcessiveWork { .. } => Closed::TooCostly,
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            if of_passphrase {
                Closed::WrongPassphrase
            } else {
                Closed::WrongIdentity
            }
        }
        _ => Closed::Damaged,
    }
}

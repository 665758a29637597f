//! Who calls, and what the log may know of it: pseudonyms of operator and device, the same for the same person and
//! scanner of a party, and worthless without this service's secret.
//!
//! ```text
//! pseudonym = base64url( SHA-256( "medtrace/pseudonym/v1\n" ‖ secret[32] ‖ party ‖ "\n" ‖ "operator" | "device" ‖ "\n" ‖ name )[..16] )
//! ```
//!
//! Nothing random: a request that is sent again gives the same bytes.

use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use medtrace_event::scan::Who;
use medtrace_ledger::{KeyName, Signer, hash::sha256};
use medtrace_service::{
    keys::{self, Keyring, KeysError, Protection},
    tokens::Caller,
};
use zeroize::Zeroizing;

/// Name of the file (without `.key`) and of the key in it whose seed is the secret.
const SECRET: &str = "pseudonyms";

/// Makes pseudonyms. Services that serve the same party must share the secret's file.
pub struct Pseudonyms {
    secret: Zeroizing<[u8; 32]>,
}

impl Pseudonyms {
    /// Reads the secret from the folder of keys, or makes it at the very first start.
    pub fn open(folder: &Path, ring: &Keyring, protection: &Protection) -> Result<Pseudonyms, KeysError> {
        let name: KeyName = SECRET.parse().expect("a constant that is a key name");
        let signer: Signer = match ring.of(&name).into_iter().next() {
            Some(signer) => signer,
            None => {
                let signer = keys::generate(name)?;
                keys::write(&folder.join(SECRET).with_extension("key"), &signer, protection)?;
                signer
            }
        };
        let secret = signer.key.seed().ok_or_else(|| KeysError::Held(signer.name.clone()))?;
        Ok(Pseudonyms { secret })
    }

    pub fn new(secret: [u8; 32]) -> Pseudonyms {
        Pseudonyms { secret: Zeroizing::new(secret) }
    }

    /// What the log may know of a caller.
    pub fn of(&self, caller: &Caller) -> Who {
        let pseudonym = |what: &str, name: &str| {
            let parts = [caller.party.as_str(), what, name].join("\n");
            let hash = sha256(&[b"medtrace/pseudonym/v1\n", &self.secret[..], parts.as_bytes()]);
            Some(URL_SAFE_NO_PAD.encode(&hash.as_bytes()[..16]))
        };
        Who { operator: pseudonym("operator", &caller.operator), device: pseudonym("device", &caller.device) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_stays_and_tells_parties_people_and_scanners_apart() {
        let caller = |party: &str, operator: &str, device: &str| Caller {
            party: party.into(),
            operator: operator.into(),
            device: device.into(),
        };
        let of = |caller| Pseudonyms::new([7; 32]).of(&caller);
        let who = of(caller("a", "li", "li"));
        assert_eq!(who, of(caller("a", "li", "li")));
        assert_ne!(who.operator, who.device);
        assert_ne!(who.operator, of(caller("b", "li", "li")).operator);
        assert_ne!(who.operator, Pseudonyms::new([8; 32]).of(&caller("a", "li", "li")).operator);
        assert_eq!(who.operator.map(|text| text.len()), Some(22));
    }
}

//! The keys that a process may use: all `*.key` files of a folder.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs,
    path::{Path, PathBuf},
};

use medtrace_ledger::{KeyName, Signer};

use super::{KeysError, Protection, read};
use crate::reload::{Reloaded, Stamp, stamp};

/// All `*.key` files of a folder, read again when the folder changes.
pub struct Keyring(Reloaded<Keys, KeysError>);

/// What was read. A file that has not changed is not opened again: a passphrase costs some tenths of a second.
struct Keys {
    files: BTreeMap<PathBuf, (Stamp, Signer)>,
    names: HashMap<KeyName, Vec<Signer>>,
}

impl Keyring {
    /// Reads the folder; a file that is not private, not a key or does not open is an error. Later versions with such a
    /// file keep the former keys in force.
    pub fn open(folder: &Path, protection: Protection) -> Result<Self, KeysError> {
        Reloaded::open(folder, move |folder, former| load(folder, &protection, former)).map(Self)
    }

    /// All keys of this name, in the order of their files; empty if there are none.
    pub fn of(&self, name: &KeyName) -> Vec<Signer> {
        let found = |keys: &Keys| keys.names.get(name).cloned();
        // A folder's time is coarse: before saying that there is no such key, look once more.
        found(&self.0.get()).or_else(|| found(&self.0.get_anew())).unwrap_or_default()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

fn load(folder: &Path, protection: &Protection, former: Option<&Keys>) -> Result<Keys, KeysError> {
    let failed = |source| KeysError::Io { path: folder.to_owned(), source };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "key") {
            continue;
        }
        // The stamp is taken before reading: a change in between is seen at the next use.
        let now = stamp(&path).map_err(failed)?;
        let known = former.and_then(|former| former.files.get(&path)).filter(|(then, _)| *then == now);
        let signer = known.map_or_else(|| read(&path, protection), |(_, signer)| Ok(signer.clone()))?;
        files.insert(path, (now, signer));
    }
    let mut names = HashMap::<_, Vec<_>>::new();
    for (_, signer) in files.values() {
        names.entry(signer.name.clone()).or_default().push(signer.clone());
    }
    Ok(Keys { files, names })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{
        Closed, rewrite,
        tests::{PASSPHRASE, folder, foreign, passphrase},
    };

    #[test]
    fn a_file_that_has_not_changed_is_not_opened_again() {
        let folder = folder("once");
        let path = folder.join("a.key");
        fs::rename(foreign(&folder, "passphrase.age"), &path).unwrap();
        let (right, wrong) = (passphrase(&folder, PASSPHRASE), passphrase(&folder, "no longer the passphrase"));
        let first = load(&folder, &right, None).unwrap();
        let name = first.names.keys().next().unwrap();
        // The wrong passphrase does no harm: nothing is decrypted anew.
        let second = load(&folder, &wrong, Some(&first)).unwrap();
        assert_eq!(second.names[name][0].key.seed(), first.names[name][0].key.seed());
        // Written anew, it is.
        rewrite(&path, &first.names[name][0], &right).unwrap();
        let refused = load(&folder, &wrong, Some(&second)).err();
        assert!(matches!(refused, Some(KeysError::Closed { reason: Closed::WrongPassphrase, .. })), "{refused:?}");
        // A file that is gone is a key that is gone.
        fs::remove_file(&path).unwrap();
        assert!(load(&folder, &wrong, Some(&second)).unwrap().names.is_empty());
    }
}

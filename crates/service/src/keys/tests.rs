//! Key files as a process meets them: plain, encrypted here, encrypted by others, damaged, not private.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::Env;

/// The key in the files that others encrypted.
const FOREIGN: &str = "GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=";
pub(super) const PASSPHRASE: &str = "correct horse battery staple";

pub(super) fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("medtrace-keys-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A private file.
fn put(path: PathBuf, bytes: impl AsRef<[u8]>) -> PathBuf {
    files::replace(&path, bytes.as_ref(), 0o600).unwrap();
    path
}

/// One of the files that others encrypted, private.
pub(super) fn foreign(folder: &Path, name: &str) -> PathBuf {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/age").join(name)).unwrap();
    put(folder.join(name), bytes)
}

pub(super) fn passphrase(folder: &Path, passphrase: &str) -> Protection {
    Protection::passphrase(&put(folder.join("passphrase"), format!("{passphrase}\n"))).unwrap()
}

fn identity(folder: &Path) -> Protection {
    Protection::identities(&put(folder.join("new-identity"), Protection::new_identity().as_bytes())).unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, KeysError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn what_others_encrypted_is_read() {
    let folder = folder("foreign");
    let identities = Protection::identities(&foreign(&folder, "identity")).unwrap();
    let words = passphrase(&folder, PASSPHRASE);
    for (name, protection) in
        [("to-identities.age", &identities), ("passphrase.age", &words), ("passphrase-binary.age", &words)]
    {
        let signer = read(&foreign(&folder, name), protection).unwrap();
        assert_eq!((signer.name.as_str(), signer.key.public().to_string()), ("PeterNeumann", FOREIGN.to_owned()));
    }
    // Both at once: each file is opened by its own.
    let env = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (phrase_file, identity_file) = (env("passphrase"), env("identity"));
    let both = Protection::from_env(&Env::of([(PASSPHRASE_FILE, &phrase_file), (IDENTITY_FILE, &identity_file)]));
    let both = both.unwrap();
    for name in ["to-identities.age", "passphrase.age"] {
        assert!(read(&folder.join(name), &both).is_ok(), "{name}");
    }
}

#[test]
fn what_does_not_open_says_what_is_missing() {
    let folder = folder("closed");
    let (words, wrong) = (passphrase(&folder, PASSPHRASE), passphrase(&folder, "incorrect horse"));
    let (none, other) = (Protection::default(), identity(&folder));
    for (name, protection, closed) in [
        ("passphrase.age", &none, Closed::Locked),
        ("passphrase.age", &other, Closed::NeedsPassphrase),
        ("passphrase.age", &wrong, Closed::WrongPassphrase),
        ("to-identities.age", &words, Closed::NeedsIdentity),
        ("to-identities.age", &other, Closed::WrongIdentity),
        // A file that would take 512 MiB and seconds to open is not tried at all.
        ("costly.age", &words, Closed::TooCostly),
    ] {
        let path = foreign(&folder, name);
        let error = refused(read(&path, protection));
        assert_eq!(error, format!("failed to open {}: {closed}", path.display()), "{name}");
    }
}

#[test]
fn a_damaged_file_is_refused_wherever_it_is_damaged() {
    let folder = folder("damaged");
    let protection = passphrase(&folder, PASSPHRASE);
    let path = foreign(&folder, "passphrase-binary.age");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        put(path.clone(), &bytes);
        assert!(read(&path, &protection).is_err(), "byte {at}");
    }
    for length in (0..whole.len()).step_by(7) {
        put(path.clone(), &whole[..length]);
        assert!(read(&path, &protection).is_err(), "cut at {length}");
    }
    put(path.clone(), vec![b'-'; 9000]);
    assert_eq!(
        refused(read(&path, &protection)),
        format!("failed to read {} as a key file: longer than any such file", path.display())
    );
}

#[test]
fn a_key_goes_from_plain_to_a_passphrase_to_an_identity_and_back() {
    let folder = folder("change");
    let (words, identity, plain) = (passphrase(&folder, PASSPHRASE), identity(&folder), Protection::default());
    let path = folder.join("factory-01.key");
    let signer = generate("factory-01".parse().unwrap()).unwrap();
    write(&path, &signer, &plain).unwrap();
    assert!(matches!(write(&path, &signer, &words), Err(KeysError::Io { .. })), "a key is never overwritten");
    for (protection, encrypted) in [(&words, true), (&identity, true), (&plain, false)] {
        rewrite(&path, &signer, protection).unwrap();
        assert_eq!(is_encrypted(&path).unwrap(), encrypted);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let seed = fs::read_to_string(&path).unwrap().contains("PRIVATE+KEY");
        assert_eq!(seed, !encrypted);
        assert_eq!(read(&path, protection).unwrap().key.seed(), signer.key.seed());
    }
}

#[test]
fn what_opens_keys_is_private_and_long_enough() {
    let folder = folder("protection");
    let open = put(folder.join("open"), "correct horse battery staple\n");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    let path = open.to_str().unwrap();
    for (variable, read) in
        [(PASSPHRASE_FILE, Protection::passphrase as fn(&Path) -> _), (IDENTITY_FILE, Protection::identities)]
    {
        assert!(matches!(read(&open), Err(KeysError::Readable { mode: 0o640, .. })));
        let error = Protection::from_env(&Env::of([(variable, path)])).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{variable}: failed to accept {path} as private")), "{error}");
        let error = Protection::from_env(&Env::of([(variable, "/nowhere")])).unwrap_err();
        assert_eq!(error.reason, "failed to use /nowhere: No such file or directory (os error 2)");
    }
    assert!(Protection::from_env(&Env::default()).unwrap().is_none());

    for (bytes, reason) in [
        (&b""[..], "a passphrase: it is one line that is not empty"),
        (b"one\ntwo\n", "a passphrase: it is one line that is not empty"),
        (b"\xff", "a passphrase: it is no text"),
    ] {
        let path = put(folder.join("bad"), bytes);
        assert_eq!(refused(Protection::passphrase(&path)), format!("failed to read {} as {reason}", path.display()));
    }
    for (text, reason) in [
        ("# nothing\n", "it holds 1 to 16 identities, here are 0"),
        ("AGE-SECRET-KEY-1SECRET\n", "line 1 is no X25519 identity"),
    ] {
        let path = put(folder.join("bad"), text);
        let error = refused(Protection::identities(&path));
        assert_eq!(error, format!("failed to read {} as age identities: {reason}", path.display()));
    }

    // Nothing is encrypted under a short passphrase.
    let signer = generate("factory-01".parse().unwrap()).unwrap();
    let path = folder.join("short.key");
    let error = refused(write(&path, &signer, &passphrase(&folder, "elevenchars")));
    assert_eq!(error, "failed to encrypt a key: a passphrase has at least 12 characters");
    assert!(!path.exists());
}

#[test]
fn a_key_that_others_may_read_is_refused_and_a_new_one_is_seen() {
    let folder = folder("ring");
    let (name, other): (KeyName, KeyName) = ("factory-01".parse().unwrap(), "factory-02".parse().unwrap());
    let (first, identity) = (generate(name.clone()).unwrap(), identity(&folder));
    write(&folder.join("factory-01.key"), &first, &Protection::default()).unwrap();
    let ring = Keyring::open(&folder, identity.clone()).unwrap();
    assert_eq!(ring.of(&name).len(), 1);
    assert_eq!(ring.of(&other).len(), 0);

    // An encrypted one beside a plain one.
    write(&folder.join("factory-02.key"), &generate(other.clone()).unwrap(), &identity).unwrap();
    assert_eq!(ring.of(&other).len(), 1);

    let open = folder.join("factory-02.key");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Keyring::open(&folder, identity), Err(KeysError::Readable { mode: 0o640, .. })));
    assert_eq!(ring.of(&name)[0].key.seed(), first.key.seed());
}

#[test]
fn nothing_prints_a_secret() {
    let folder = folder("debug");
    let identities = put(folder.join("new-identity"), Protection::new_identity().as_bytes());
    let secret = fs::read_to_string(&identities).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap().to_owned();
    let (words, identity) = (passphrase(&folder, PASSPHRASE), Protection::identities(&identities).unwrap());
    let signer = generate("factory-01".parse().unwrap()).unwrap();
    write(&folder.join("a.key"), &signer, &words).unwrap();
    let ring = Keyring::open(&folder, words.clone()).unwrap();
    let shown = format!("{words:?} {identity:?} {signer:?} {ring:?} {:#?}", (&words, &identity, &signer));
    let seed = signer.key.seed().unwrap();
    let forms = [
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, *seed),
        seed.iter().map(|byte| format!("{byte:02x}")).collect(),
        format!("{:?}", *seed),
        PASSPHRASE.to_owned(),
        secret,
    ];
    for form in forms {
        assert!(!shown.contains(&form), "{shown}");
    }
    assert!(
        shown.starts_with("Protection(passphrase: true, identities: 0) Protection(passphrase: false, identities: 1)")
    );
}

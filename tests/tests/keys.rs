//! Keys and parties by the tool alone, as a consortium does it whose members sit apart.
//!
//! ```text
//! 1  a clinic makes its root key, encrypted; without the passphrase, or with a wrong one, it stays closed
//! 2  the authority drafts the clinic's admission, looks at it, signs the id it was shown, submits it
//! 3  the clinic adds a key that it holds itself
//! 4  and another one, whose machine is not that of the root key: a draft, signed apart, put together
//! 5  that one is replaced: the new one speaks, the old one does not
//! 6  the first is revoked with `since`; a place is lent
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use medtrace_ledger::{Genesis, SigningKey};
use medtrace_service::{
    files,
    keys::{self, PASSPHRASE_FILE, Protection},
};
use medtrace_tests::{
    Client, Options, Stack,
    codes::uri,
    home::Home,
    placed,
    tool::{Ran, medtrace_with},
};
use serde_json::{Value, json};

const CLINIC: &str = "clinic";
const GLN: &str = "9506000500010";
/// Bad configuration.
const EXIT_CONFIG: i32 = 78;

struct World {
    stack: Stack,
    query: Client,
    /// What the members carry about.
    folder: PathBuf,
    passphrase: PathBuf,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_who_sit_apart_admit_enrol_replace_and_revoke() -> anyhow::Result<()> {
    let stack = Stack::start(Options::default()).await?;
    let folder = stack.data().join("apart");
    fs::create_dir(&folder)?;
    let passphrase = folder.join("passphrase");
    files::replace(&passphrase, b"correct horse battery staple\n", 0o600)?;
    let world = World { query: stack.query()?, stack, folder, passphrase };
    let root = world.make("root")?;
    closed(&world)?;
    admitted(&world, &root).await?;

    let one = world.make("one")?;
    world.taken(&["keys", "add", CLINIC, "--root", "root.key", "--key", "one.key"]).await?;
    let two = world.make("two")?;
    signed_apart(&world, &root, &two).await?;
    assert_eq!(world.says("two.key").await?, 200, "two keys speak");

    world.make("three")?;
    let replace = ["keys", "replace", CLINIC, "--root", "root.key", "--key", "three.key", "--old", &two];
    world.taken(&replace).await?;
    assert_eq!((world.says("two.key").await?, world.says("three.key").await?), (403, 200));

    world
        .taken(&["keys", "revoke", CLINIC, &one, "--since", "0", "--root", "root.key"])
        .await
        .err()
        .context("since")?;
    let height = world.query.height().await?.to_string();
    world.taken(&["keys", "revoke", CLINIC, &one, "--since", &height, "--root", "root.key"]).await?;
    assert_eq!(world.says("one.key").await?, 403);
    let lend = ["delegate", "manufacturer", "--as", CLINIC, "--gln", GLN, "--step", "receive", "--key", "three.key"];
    world.taken(&lend).await?;
    let again = world.run(&lend)?;
    assert!(again.stderr.contains("the next revision is 2, not 1"), "{again:?}");
    world.stack.finish()
}

/// The root key stays closed, and says what is missing.
fn closed(world: &World) -> anyhow::Result<()> {
    let show = |protection: &[(&str, &Path)]| {
        medtrace_with(
            Some(world.stack.data()),
            &["keys", "show", world.file("root.key").to_str().unwrap_or_default()],
            protection,
        )
    };
    let locked = show(&[])?;
    assert_eq!(locked.code, Some(1));
    assert!(
        locked.stderr.contains("it is encrypted; name what opens it in MEDTRACE_KEYS_PASSPHRASE_FILE"),
        "{locked:?}"
    );
    let wrong = world.file("wrong");
    files::replace(&wrong, b"incorrect horse battery\n", 0o600)?;
    let refused = show(&[(PASSPHRASE_FILE, &wrong)])?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the passphrase is not its own, or the file is damaged"), "{refused:?}");
    let open = world.file("open");
    files::replace(&open, b"correct horse battery staple\n", 0o644)?;
    let readable = show(&[(PASSPHRASE_FILE, &open)])?;
    assert_eq!(readable.code, Some(EXIT_CONFIG), "{readable:?}");
    assert!(readable.stderr.contains("mode 644 lets others use it; make it 600"), "{readable:?}");
    Ok(())
}

async fn admitted(world: &World, root: &str) -> anyhow::Result<()> {
    let party = json!({
        "type": "party", "party": CLINIC, "revision": 1, "name": {"en": "Clinic"}, "rootKey": root,
        "roles": ["hospital"], "glns": [GLN], "prefixes": ["95060005"], "regions": ["CN"],
    });
    fs::write(world.file("clinic.json"), party.to_string())?;
    let drafted = world.good(&["notice", "draft", "clinic.json", "--signer", "authority", "-o", "clinic.draft"])?;
    let key = world.stack.layout().keys("authority").join("authority.key");
    let key = key.to_str().context("a path")?;
    let sign = |more: &[&str]| world.run(&[&["notice", "sign", "clinic.draft", "--key", key], more].concat());
    let shown = sign(&[])?;
    assert_eq!(shown.code, Some(1));
    assert_eq!(shown.json()?["says"][0][0], "admit the party clinic", "{shown:?}");
    let id = drafted["id"].as_str().context("a draft has an id")?;
    ensure!(shown.stderr.contains(&format!("nothing was signed; to sign what is shown, add --yes {id}")), "{shown:?}");
    let other = sign(&["--yes", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])?;
    ensure!(other.code == Some(1) && other.stderr.contains("no longer the one that was shown"), "{other:?}");
    let signed = sign(&["--yes", id])?;
    assert_eq!(signed.json()?["signers"][0]["signed"], true, "{signed:?}");
    // Something else under the same signature is not taken any further.
    let altered = fs::read_to_string(world.file("clinic.draft"))?.replace("Clinic", "Chapel");
    fs::write(world.file("altered.draft"), altered)?;
    let altered = world.run(&["notice", "submit", "altered.draft"])?;
    ensure!(altered.stderr.contains("one of the two was changed"), "{altered:?}");
    world.taken(&["notice", "submit", "clinic.draft"]).await?;
    world.good(&["keys", "token", "--party", CLINIC, "--operator", "li", "--device", "desk"]).map(drop)
}

/// An enrolment that the root key signs on one machine and the new key on another.
async fn signed_apart(world: &World, root: &str, new: &str) -> anyhow::Result<()> {
    let notice = json!({
        "type": "key", "party": CLINIC, "revision": 1, "publicKey": new, "action": "enrol", "custody": "own",
    });
    fs::write(world.file("key.json"), json!([notice]).to_string())?;
    let draft = ["notice", "draft", "key.json", "--as", CLINIC, "--signer", root, "--signer", new, "-o", "a.draft"];
    let id = world.good(&draft)?["id"].as_str().context("a draft has an id")?.to_owned();
    fs::copy(world.file("a.draft"), world.file("b.draft"))?;
    for (draft, key) in [("a.draft", "root.key"), ("b.draft", "two.key")] {
        world.good(&["notice", "sign", draft, "--key", key, "--yes", &id])?;
    }
    let again = world.run(&["notice", "sign", "a.draft", "--key", "root.key", "--yes", &id])?;
    ensure!(again.stderr.contains("has signed already"), "{again:?}");
    let one = world.run(&["notice", "submit", "a.draft"])?;
    ensure!(one.stderr.contains(&format!("signatures are missing: {new}")), "{one:?}");
    let shown = world.good(&["notice", "show", "a.draft", "b.draft"])?;
    let signers = shown["signers"].as_array().context("a list")?;
    assert!(signers.len() == 2 && signers.iter().all(|signer| signer["signed"] == true), "{shown}");
    world.taken(&["notice", "submit", "a.draft", "b.draft"]).await
}

impl World {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs the tool; what looks like a file of the members' is one.
    fn run(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let endings = [".key", ".draft", ".json"];
        let ours = |text: &str| endings.iter().any(|ending| text.ends_with(ending)) && !text.contains('/');
        let place = |text: &&str| match ours(text) {
            true => self.file(text).to_string_lossy().into_owned(),
            false => (*text).to_owned(),
        };
        let arguments: Vec<String> = arguments.iter().map(place).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        medtrace_with(Some(self.stack.data()), &arguments, &[(PASSPHRASE_FILE, &self.passphrase)])
    }

    fn good(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let ran = self.run(arguments)?;
        ensure!(ran.code == Some(0), "{arguments:?}: {ran:?}");
        ran.json()
    }

    /// Makes an encrypted key of the clinic; its public side.
    fn make(&self, name: &str) -> anyhow::Result<String> {
        let file = format!("{name}.key");
        let made = self.good(&["keys", "generate", CLINIC, "-o", &file])?;
        assert_eq!(made[0]["encrypted"], true, "{made}");
        Ok(made[0]["publicKey"].as_str().context("a public key")?.to_owned())
    }

    /// Runs what posts a notice, and waits until it is in force.
    async fn taken(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let answer = self.good(arguments)?;
        let receipt = answer["results"][0]["receipt"].as_str().context("the answer has a receipt")?;
        self.stack.speaker("authority")?.until_in_force(&placed(receipt)?).await
    }

    /// Lets a key say that a pack was received; the status of the answer.
    async fn says(&self, key: &str) -> anyhow::Result<u16> {
        let key: SigningKey = keys::read(&self.file(key), &Protection::passphrase(&self.passphrase)?)?.key;
        let genesis = Genesis::parse(&fs::read_to_string(self.stack.layout().genesis())?)?;
        let event = json!({
            "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "receiving", "disposition": "in_progress",
            "eventID": format!("urn:uuid:{}", uuid::Uuid::new_v4()),
            "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "epcList": [uri::item("09506000100012", "1")], "readPoint": {"id": uri::place(GLN)},
        });
        let body = Home::new(&genesis, CLINIC, key)?.events(&[event])?;
        let client = self.stack.speaker(CLINIC)?.client;
        Ok(client.post("/v1/submissions", &body).await?.status)
    }
}

//! Stacks side by side: what each test relies on, and whoever runs two of them on one machine.
//!
//! ```text
//! two at once             each ready on ports of its own, and each a consortium of its own; the second one's keys are
//!                         encrypted from its first start on
//! a second one in a       refused, exit 78
//! folder that is in use
//! kill -9 of a process    it comes back under another process id; the other stack notices nothing
//! stopped                 its archive audits by itself
//! started again           the same consortium, with the same blocks
//! ```

use std::{fs, path::Path};

use medtrace_service::{
    files,
    keys::{self, IDENTITY_FILE, Protection},
};
use medtrace_tests::{Options, Stack, tool::medtrace};

/// Bad configuration.
const EXIT_CONFIG: i32 = 78;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stacks_know_nothing_of_each_other() -> anyhow::Result<()> {
    let origin = |name: &str| Options { origin: Some(name.to_owned()), ..Options::default() };
    let identity = std::env::temp_dir().join(format!("medtrace-identity-{}", std::process::id()));
    files::replace(&identity, Protection::new_identity().as_bytes(), 0o600)?;
    let environment = vec![(IDENTITY_FILE.to_owned(), identity.to_string_lossy().into_owned())];
    let encrypted = Options { environment, ..origin("two.example") };
    let (one, two) = tokio::try_join!(Stack::start(origin("one.example")), Stack::start(encrypted))?;
    let (first, second) = (one.endpoints()?, two.endpoints()?);
    assert!(first.query != second.query && first.kafka != second.kafka && first.clickhouse != second.clickhouse);
    for (stack, origin) in [(&one, "one.example"), (&two, "two.example")] {
        let genesis = stack.query()?.get("/log/genesis", &[]).await?.text();
        assert!(genesis.contains(&format!("\n{origin}\n")), "{genesis}");
        let health = medtrace(Some(stack.data()), &["health"])?;
        assert_eq!(health.code, Some(0), "{health:?}");
    }
    let again = medtrace(Some(one.data()), &["up", "--ports", "0"])?;
    assert_eq!(again.code, Some(EXIT_CONFIG), "{again:?}");
    assert!(again.stderr.contains("a stack is running in"), "{again:?}");

    one.kill("query").await?;
    assert_ne!(one.endpoints()?.pids["query"], first.pids["query"]);
    assert_eq!(two.endpoints()?.pids, second.pids);
    encrypted_keys(two.data(), &Protection::identities(&identity)?)?;
    two.finish()?;
    fs::remove_file(identity)?;

    let checkpoint = one.query()?.get("/log/checkpoint", &[]).await?.text();
    let data = one.stop()?;
    assert!(!data.join("endpoints.json").exists(), "nobody is sent to a stack that has stopped");
    let (archive, genesis) = (data.join("archive"), data.join("genesis.note"));
    let paths = [&archive, &genesis].map(|path| path.to_str().unwrap_or_default());
    let audited = medtrace(None, &["audit", "--archive", paths[0], "--genesis", paths[1]])?;
    assert_eq!(audited.code, Some(0), "{audited:?}");
    let size: u64 = checkpoint.lines().nth(1).unwrap_or_default().parse()?;
    let audited: serde_json::Value = serde_json::from_str(&audited.stdout)?;
    assert_eq!((&audited["clean"], &audited["chain"]["checkpoints"]), (&true.into(), &1.into()));
    assert!(audited["chain"]["blocks"].as_u64() >= Some(size), "what is archived outlives the stack: {audited}");
    let one = Stack::start(Options { data: Some(data), ..Options::default() }).await?;
    let after = one.query()?.get("/log/checkpoint", &[]).await?.text();
    let head = |note: &str| note.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(head(&after), head(&checkpoint), "origin, size and root");
    one.finish()
}

/// Every key of the stack is encrypted, and opens.
fn encrypted_keys(data: &Path, protection: &Protection) -> anyhow::Result<()> {
    let mut found = 0;
    for folder in fs::read_dir(data.join("keys"))? {
        for file in fs::read_dir(folder?.path())? {
            let path = file?.path();
            assert!(keys::is_encrypted(&path)?, "{}", path.display());
            keys::read(&path, protection)?;
            found += 1;
        }
    }
    // Authority, chainer, witness, three receipts and three times the secret of pseudonyms.
    assert!(found >= 9, "{found} keys");
    Ok(())
}

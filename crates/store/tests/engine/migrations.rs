//! Numbered files, applied once each and recorded.

use medtrace_store::migrate::{MIGRATIONS, MigrateError, Migration, apply, check, drop_database, migrate};

use crate::support::{Endpoint, Folder};

const FIRST: Migration = Migration {
    name: "0001_first",
    sql: "-- Two statements; and a comment.\nCREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = MergeTree ORDER BY n;\n\
          CREATE TABLE IF NOT EXISTS b (n UInt8 DEFAULT length(';')) ENGINE = MergeTree ORDER BY n;\n",
};
const SECOND: Migration = Migration { name: "0002_second", sql: "ALTER TABLE a ADD COLUMN IF NOT EXISTS m UInt8" };

#[tokio::test]
async fn each_file_once() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let client = endpoint.store("trial").client();
    assert_eq!(apply(&client, &[FIRST]).await.unwrap(), ["0001_first"]);
    assert_eq!(apply(&client, &[FIRST]).await.unwrap(), [""; 0]);
    assert_eq!(apply(&client, &[FIRST, SECOND]).await.unwrap(), ["0002_second"]);
    assert_eq!(
        endpoint.ask("SELECT name FROM system.columns WHERE database = 'trial' AND table = 'a'").await,
        "n\nm\n"
    );
    assert_eq!(endpoint.ask("SELECT engine FROM system.databases WHERE name = 'trial'").await, "Atomic\n");
    let record = "SELECT number, name, lower(hex(SHA256('ALTER TABLE a ADD COLUMN IF NOT EXISTS m UInt8'))) = sha256
                  FROM trial.schema_migration WHERE number = 2";
    assert_eq!(endpoint.ask(record).await, "2\t0002_second\t1\n");
    // Rows that are acknowledged are on disk.
    let durable = "SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'";
    assert_eq!(endpoint.ask(durable).await, "1\n");
    drop_database(&client).await.unwrap();
    assert_eq!(endpoint.ask("EXISTS DATABASE trial").await, "0\n");
    assert_eq!(apply(&client, &[FIRST, SECOND]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn history_is_not_rewritten() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let client = endpoint.store("trial").client();
    apply(&client, &[FIRST, SECOND]).await.unwrap();
    let changed = Migration { sql: "SELECT 1", ..FIRST };
    assert!(matches!(apply(&client, &[changed, SECOND]).await, Err(MigrateError::Changed("0001_first"))));
    assert!(matches!(apply(&client, &[FIRST]).await, Err(MigrateError::Newer(name)) if name == "0002_second"));
    assert!(matches!(apply(&client, &[SECOND, FIRST]).await, Err(MigrateError::Name("0001_first"))));
    let broken = Migration { name: "0003_broken", sql: "SELECT 1; CREATE TABLE a (n UInt8) ENGINE = Memory; SELECT 2" };
    let error = apply(&client, &[FIRST, SECOND, broken]).await.unwrap_err();
    let MigrateError::Statement { name: "0003_broken", statement: 2, source } = error else { panic!("{error:?}") };
    assert!(source.to_string().contains("Code: 57. "), "{source}");
    // It is not recorded, and can be put right.
    let mended = Migration { name: "0003_mended", sql: "SELECT 1" };
    assert_eq!(apply(&client, &[FIRST, SECOND, mended]).await.unwrap(), ["0003_mended"]);
}

/// The files of this build, on this engine.
#[tokio::test]
async fn the_schema_applies() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    let client = endpoint.store("medtrace").client();
    assert_eq!(migrate(&client).await.unwrap().len(), MIGRATIONS.len());
    check(&client).await.unwrap();
    assert_eq!(migrate(&client).await.unwrap(), [""; 0]);
}

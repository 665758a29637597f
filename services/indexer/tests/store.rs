//! Rows in the real engine: written, read back, held against the log.
//!
//! ```text
//! 1  everything is written twice; the audit is clean
//! 2  one row of each table is altered, one removed, one added: each is named, and nothing else
//! 3  one cell of each column of each table is altered: table, row and column are named
//! 4  a version from the future does not hide a row
//! 5  the store has gone on meanwhile, or is about to: the audit follows, and is clean
//! 6  the mark is set: the database is gone, and what is derived again is the same
//! ```
#![allow(clippy::unwrap_used)]

mod world;

use clickhouse::Client;
use clickhouse::sql::Identifier;
use medtrace_event::Json;
use medtrace_indexer::audit::{Auditor, Chain, Difference, Report, What, compare};
use medtrace_indexer::derive::{Deriver, Rows};
use medtrace_indexer::hashes;
use medtrace_indexer::keyed::Memory;
use medtrace_indexer::rebuild::{self, Folder};
use medtrace_indexer::tables::{EachTable, Table, each};
use medtrace_indexer::write::{next_height, write};
use medtrace_ledger::EventRef;
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedBlock;
use medtrace_store::migrate::migrate;
use medtrace_store::read::hashed_to;
use medtrace_store::rows::LotItemRow;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::sync::watch;
use world::engine::{Engine, Scratch};
use world::simulation::{happenings, said};
use world::{Said, genesis, parties};

/// A log that is there already, and is told of each time somebody asks how long it is.
struct Blocks<'a>(&'a [SealedBlock], watch::Sender<u32>);

impl Chain for Blocks<'_> {
    async fn size(&mut self) -> anyhow::Result<u64> {
        self.1.send_modify(|asked| *asked += 1);
        Ok(self.0.len() as u64)
    }

    async fn block(&mut self, height: u64) -> anyhow::Result<SealedBlock> {
        Ok(self.0[height as usize].clone())
    }
}

/// Notices, worlds of events with replays and refusals, so that every table has rows.
fn blocks() -> Vec<SealedBlock> {
    let mut runner = TestRunner::deterministic();
    let happenings = prop::collection::vec(happenings(14), 10).new_tree(&mut runner).unwrap().current().concat();
    let mut said = said(&happenings);
    said.push(said[0].clone());
    // The same under two eventIDs.
    let seen = |number| world::event(number, 0, json!({"epcList": ["https://id.gs1.org/01/09521321000018/21/again"]}));
    said.push(Said::events("maker", world::NOW_MS, &[seen(9_001), seen(9_002)]));
    let header = json!({"type": "document", "header": {"epcisHeader": {"epcisMasterData": {"vocabularyList": [
        {"type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": [{"id": world::MAKER_GLN}]}]}}}});
    let header = (medtrace_ledger::ItemKind::Document, header.to_string().into_bytes());
    said.push(Said::items(medtrace_ledger::SubmissionKind::Events, "maker", &["maker"], world::NOW_MS, &[header]));
    let nonsense = (medtrace_ledger::ItemKind::Event, b"{}".to_vec());
    said.push(Said::items(medtrace_ledger::SubmissionKind::Events, "maker", &["maker"], world::NOW_MS, &[nonsense]));
    let mut chain = world::Chain::default();
    let all = parties().into_iter().chain(said.chunks(8).map(<[_]>::to_vec));
    let mut blocks: Vec<SealedBlock> = all.map(|said| chain.block(&said)).collect();
    // One of those two is erased; something else follows.
    let bytes = Json::try_from(&seen(9_001)).unwrap().to_jcs();
    let erased = blocks.iter().find_map(|block| {
        block.records.iter().find_map(|record| {
            let unpacked = Record::decode(&record.value).ok()?;
            let same = |index: &usize| unpacked.item(*index).is_some_and(|item| item.bytes == bytes);
            let index = (0..unpacked.len()).find(same)?;
            EventRef::new(block.header.height, record.ordinal, index as u32)
        })
    });
    let notice = json!({"type": "erasure", "event": erased.unwrap(), "revision": 1, "reason": {"en": "a name"},
        "replacement": seen(9_001)});
    blocks.push(chain.block(&[Said::notice(world::AUTHORITY, &[world::AUTHORITY], &notice)]));
    blocks.push(chain.block(&[Said::events("maker", world::NOW_MS, &[seen(9_003)])]));
    blocks
}

struct Case<'a> {
    client: Client,
    blocks: &'a [SealedBlock],
    scratch: &'a Scratch,
    audits: u32,
    /// How often audits have asked how long the log is.
    asked: watch::Sender<u32>,
}

impl Case<'_> {
    /// What the audit says after deriving the first `taken` blocks here.
    async fn audit(&mut self, taken: usize) -> Report {
        self.audits += 1;
        let folder = self.scratch.folder(&format!("audit-{}", self.audits));
        let mut auditor = Auditor::new(&folder, &genesis()).unwrap();
        self.blocks[..taken].iter().for_each(|block| auditor.take(block).unwrap());
        let mut log = Blocks(self.blocks, self.asked.clone());
        let report = compare(&self.client, &mut log, &mut auditor, |_, _| {}).await.unwrap();
        drop(auditor);
        std::fs::remove_dir_all(folder).unwrap();
        report
    }

    async fn remove<T: Table>(&self, row: &T) {
        let row = serde_json::to_value(row).unwrap();
        let condition = |name: &&str| match &row[*name] {
            Value::String(text) => format!("{name} = '{text}'"),
            Value::Array(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{:02x}", byte.as_u64().unwrap())).collect();
                format!("{name} = unhex('{hex}')")
            }
            other => format!("{name} = {other}"),
        };
        let conditions: Vec<String> = T::KEY.iter().map(condition).collect();
        let delete = format!("ALTER TABLE {} DELETE WHERE {}", T::TABLE, conditions.join(" AND "));
        self.client.query_raw(&delete).with_setting("mutations_sync", "2").execute().await.unwrap();
    }

    async fn insert<T: Table>(&self, row: &T) {
        let mut insert = self.client.insert::<T>(T::TABLE).await.unwrap();
        insert.write(row).await.unwrap();
        insert.end().await.unwrap();
    }
}

/// The same row with one column changed: of those that are no key if it can be, or of those that are.
fn changed<T: Table>(row: &T, key: bool) -> T {
    let may = |name: &&String| {
        T::KEY.contains(&name.as_str()) == key && !["ver", "is_deleted", "block"].contains(&name.as_str())
    };
    names(row).iter().find(may).map_or_else(|| row.clone(), |name| with_changed(row, name))
}

fn names<T: Table>(row: &T) -> Vec<String> {
    serde_json::to_value(row).unwrap().as_object().unwrap().keys().cloned().collect()
}

/// The row with another value in this column.
fn with_changed<T: Table>(row: &T, name: &str) -> T {
    let columns = serde_json::to_value(row).unwrap();
    let others = match columns[name].clone() {
        Value::String(text) => vec![Value::String(format!("{text}?"))],
        Value::Bool(is) => vec![Value::Bool(!is)],
        // One of them is a flag, to the store too.
        Value::Number(flag) if name == "is_deleted" => vec![(flag.as_u64().unwrap() ^ 1).into()],
        Value::Number(number) => vec![number.as_u64().map_or(Value::from(1), |number| (number ^ 64).into())],
        // Bytes stay as many; of other lists one more, or one less.
        Value::Array(mut list) => match list.first_mut() {
            Some(Value::Number(byte)) => {
                *byte = (byte.as_u64().unwrap() ^ 1).into();
                vec![Value::Array(list)]
            }
            _ => {
                let less = list.iter().skip(1).cloned().collect();
                [json!("?"), json!(1)]
                    .map(|more| [&list[..], &[more]].concat().into())
                    .into_iter()
                    .chain([less])
                    .collect()
            }
        },
        other => panic!("{other} is no column"),
    };
    let with = |other| {
        let mut columns = columns.clone();
        columns[name] = other;
        serde_json::from_value(columns).ok().filter(|changed| changed != row)
    };
    others.into_iter().find_map(with).unwrap_or_else(|| panic!("{} of {} can be changed", name, T::TABLE))
}

/// Alters one cell of each column of each table: of keys in one row, which makes others of it; of the others each in a row of
/// its own, so many in a round as a table has rows.
struct Cells<'a, 'b> {
    case: &'a Case<'b>,
    round: usize,
    /// Table, key of the row, column; none where the key is another.
    altered: Vec<(&'static str, String, Option<String>)>,
}

impl EachTable for Cells<'_, '_> {
    type Error = anyhow::Error;

    async fn table<T: Table>(&mut self) -> anyhow::Result<()> {
        let query = self.case.client.query("SELECT ?fields FROM ? FINAL ORDER BY ALL");
        let rows = query.bind(Identifier(T::TABLE)).fetch_all::<T>().await?;
        let (keys, others): (Vec<_>, Vec<_>) =
            rows.first().map(names).unwrap_or_default().into_iter().partition(|name| T::KEY.contains(&&**name));
        // The height of a block says how far the store is.
        let keys = keys.iter().filter(|name| self.round == 0 && (T::TABLE, &***name) != ("block", "height"));
        for (row, name) in rows.iter().take(1).cycle().zip(keys) {
            let other = with_changed(row, name);
            self.case.insert(&other).await;
            self.altered.push((T::TABLE, Difference::missing(&other).key, None));
        }
        for (row, name) in rows.iter().zip(others.iter().skip(self.round * rows.len())) {
            if name == "ver" {
                // Or the newer one would hide it.
                self.case.remove(row).await;
            }
            self.case.insert(&with_changed(row, name)).await;
            self.altered.push((T::TABLE, Difference::missing(row).key, Some(name.clone())));
        }
        Ok(())
    }
}

/// Whether the audit names an altered cell: its row, and the column.
fn is_named(report: &Report, (table, key, column): &(&'static str, String, Option<String>)) -> bool {
    let of_row = |difference: &&Difference| (difference.table, &difference.key) == (*table, key);
    report.differences.iter().filter(of_row).any(|difference| match (&difference.what, column) {
        (What::Differs(columns), Some(column)) => columns.iter().any(|found| found.name == *column),
        (What::Unexpected, None) => true,
        // A row that says that it is deleted is none.
        (What::Missing, Some(column)) => column == "is_deleted",
        _ => false,
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Altered,
    Removed,
    Added,
}

/// Does the wrong to one row of each table, and notes what an audit must say.
struct Wronging<'a, 'b> {
    case: &'a Case<'b>,
    wrong: Wrong,
    /// (table, what) in the order of the tables.
    expected: Vec<(&'static str, &'static str)>,
}

impl EachTable for Wronging<'_, '_> {
    type Error = anyhow::Error;

    async fn table<T: Table>(&mut self) -> anyhow::Result<()> {
        let query = self.case.client.query("SELECT ?fields FROM ? FINAL ORDER BY ALL LIMIT 1");
        // The last block's marker is how far the store is: the first is altered.
        let rows = query.bind(Identifier(T::TABLE)).fetch_all::<T>().await?;
        let row = rows.first().unwrap_or_else(|| panic!("{} has a row", T::TABLE));
        let mut column_names = serde_json::to_value(row)?;
        column_names.as_object_mut().unwrap().retain(|name, _| !T::KEY.contains(&name.as_str()) && name != "ver");
        let all_key = column_names.as_object().unwrap().is_empty();
        match self.wrong {
            Wrong::Altered if all_key => {}
            Wrong::Altered => {
                self.case.remove(row).await;
                self.case.insert(&changed(row, false)).await;
                self.expected.push((T::TABLE, "differs"));
            }
            Wrong::Removed => {
                self.case.remove(row).await;
                self.expected.push((T::TABLE, "missing"));
            }
            Wrong::Added => {
                self.case.insert(&changed(row, true)).await;
                self.expected.push((T::TABLE, "unexpected"));
            }
        }
        Ok(())
    }
}

fn kind(difference: &Difference) -> (&'static str, &'static str) {
    let kind = match difference.what {
        What::Missing => "missing",
        What::Unexpected => "unexpected",
        What::Differs(_) => "differs",
        What::Unsettled => "unsettled",
    };
    (difference.table, kind)
}

async fn fill(client: &Client, rows: &[Rows]) {
    migrate(client).await.unwrap();
    for rows in rows {
        write(client, rows).await.unwrap();
    }
    hash(client).await;
}

/// Until nothing is left to be hashed.
async fn hash(client: &Client) {
    while hashed_to(client).await.unwrap() < next_height(client).await.unwrap() {
        hashes::step(client).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_held_against_the_log() {
    let scratch = Scratch::new("store");
    let engine = Engine::start(scratch.folder("clickhouse")).await;
    let blocks = blocks();
    let mut deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
    let rows: Vec<Rows> = blocks.iter().map(|block| deriver.derive(block).unwrap()).collect();
    let asked = watch::Sender::new(0);
    let mut case = Case { client: engine.client("audited"), blocks: &blocks, scratch: &scratch, audits: 0, asked };

    // 1
    fill(&case.client, &rows).await;
    fill(&case.client, &rows).await;
    let clean = case.audit(blocks.len()).await;
    assert_eq!((clean.differing, clean.behind, clean.blocks), (0, 0, blocks.len() as u64), "{clean:#?}");
    assert!(clean.rows > 500, "{clean:?}");

    // 2
    for wrong in [Wrong::Altered, Wrong::Removed, Wrong::Added] {
        let mut wronging = Wronging { case: &case, wrong, expected: Vec::new() };
        each(&mut wronging).await.unwrap();
        let mut expected = wronging.expected;
        let report = case.audit(blocks.len()).await;
        let mut found: Vec<_> = report.differences.iter().map(kind).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{wrong:?}: {:#?}", report.differences);
        assert_eq!(report.differing, found.len() as u64);
        medtrace_store::migrate::drop_database(&case.client).await.unwrap();
        fill(&case.client, &rows).await;
    }

    // 3
    let mut columns = 0;
    for round in 0.. {
        let mut cells = Cells { case: &case, round, altered: Vec::new() };
        each(&mut cells).await.unwrap();
        let altered = cells.altered;
        if altered.is_empty() {
            break;
        }
        let report = case.audit(blocks.len()).await;
        let unnoticed: Vec<_> = altered.iter().filter(|cell| !is_named(&report, cell)).collect();
        assert!(unnoticed.is_empty(), "{unnoticed:?}: {:#?}", report.differences);
        columns += altered.len();
        medtrace_store::migrate::drop_database(&case.client).await.unwrap();
        fill(&case.client, &rows).await;
    }
    println!("a cell of each of {columns} columns was altered");

    // 4
    let lots = case.client.query("SELECT ?fields FROM lot_item FINAL").fetch_all::<LotItemRow>().await.unwrap();
    let future = LotItemRow { ver: u64::MAX, condition: "recalled".to_owned(), ..lots[0].clone() };
    let hiding = LotItemRow { ver: u64::MAX, is_deleted: 1, ..lots[1].clone() };
    case.insert(&future).await;
    case.insert(&hiding).await;
    let report = case.audit(blocks.len()).await;
    let mut found: Vec<_> = report.differences.iter().map(kind).collect();
    found.sort();
    assert_eq!(found, [("lot_item", "differs"), ("lot_item", "missing")], "{:#?}", report.differences);
    let mut all = report.differences.iter();
    let differing = all.find_map(|difference| match &difference.what {
        What::Differs(columns) => Some(columns),
        _ => None,
    });
    let columns = differing.unwrap();
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["condition", "ver"]);
    assert_eq!(columns[0].found, "recalled");

    // 5
    case.client = engine.client("moving");
    let last = rows.len() - 1;
    fill(&case.client, &rows[..last]).await;
    let report = case.audit(last / 2).await;
    assert_eq!((report.differing, report.blocks), (0, last as u64), "{report:#?}");
    let unmarked = Rows { blocks: vec![], ..rows[last].clone() };
    insert_all(&case.client, &unmarked).await;
    let (client, marked) = (case.client.clone(), rows[last].clone());
    let mut asked = case.asked.subscribe();
    let begun = *asked.borrow();
    let finishing = tokio::spawn(async move {
        // After a round that finds it unfinished: each asks several times.
        asked.wait_for(|asked| *asked > begun + 3).await.unwrap();
        write(&client, &marked).await.unwrap();
        hash(&client).await;
    });
    let report = case.audit(last).await;
    assert_eq!((report.differing, report.blocks), (0, rows.len() as u64), "{report:#?}");
    finishing.await.unwrap();

    // 6
    let folder = Folder(scratch.folder("indexer"));
    std::fs::create_dir_all(folder.timelines()).unwrap();
    rebuild::if_marked(&folder, &case.client).await.unwrap();
    assert_eq!(next_height(&case.client).await.unwrap(), rows.len() as u64, "not marked, not dropped");
    std::fs::write(folder.0.join("rebuild"), "").unwrap();
    rebuild::if_marked(&folder, &case.client).await.unwrap();
    assert!(!folder.timelines().exists() && !folder.is_marked().unwrap());
    assert!(next_height(&case.client).await.is_err(), "the database is gone");
    fill(&case.client, &rows).await;
    assert_eq!(case.audit(blocks.len()).await.differing, 0);

    drop(case);
    engine.stop().await;
    std::fs::remove_dir_all(&scratch.0).unwrap();
}

/// Every table but the markers.
async fn insert_all(client: &Client, rows: &Rows) {
    struct Into<'a>(&'a Client, Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>>);
    impl medtrace_indexer::tables::TakeRows for Into<'_> {
        type Error = ();
        fn take<T: Table>(&mut self, rows: &[T]) -> Result<(), ()> {
            let (client, rows) = (self.0, rows.to_vec());
            self.1.push(Box::pin(async move {
                if rows.is_empty() {
                    return;
                }
                let mut insert = client.insert::<T>(T::TABLE).await.unwrap();
                for row in &rows {
                    insert.write(row).await.unwrap();
                }
                insert.end().await.unwrap();
            }));
            Ok(())
        }
    }
    let mut into = Into(client, Vec::new());
    rows.show(&mut into).unwrap();
    for insert in into.1 {
        insert.await;
    }
}

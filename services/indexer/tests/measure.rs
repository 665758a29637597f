//! How fast blocks become rows, and which engine keeps the state. Not run by default:
//!
//! ```text
//! cargo test -p medtrace-indexer --test measure -- --ignored --nocapture --test-threads 1
//! ```
//!
//! The figures of the development machine stand in `src/derive.rs` and `src/keyed.rs`.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::{Duration, Instant};

use medtrace_indexer::derive::Deriver;
use medtrace_indexer::keyed::{Changes, Disk, Keyed, Memory, Pairs};
use medtrace_log::sealed::SealedBlock;
use redb::ReadableDatabase;
use serde_json::{Value, json};
use world::{Chain, MAKER_GLN, NOW_MS, OTHER_GLN, Said, event, genesis, parties};

type Guard<'a> = redb::AccessGuard<'a, &'static [u8]>;

const CASE: &str = "https://id.gs1.org/00/095213210000000018";
const LOT: &str = "https://id.gs1.org/01/09521321000117/10/L1";

fn pack(n: u32) -> String {
    format!("https://id.gs1.org/01/09521321000117/21/{n:09}")
}

fn at(place: &str, mut members: Value) -> Value {
    members["readPoint"] = json!({"id": place});
    members["bizLocation"] = json!({"id": place});
    members
}

/// One event of one pack: about 600 B.
fn single(n: u32) -> Value {
    event(
        n,
        n / 100,
        at(
            MAKER_GLN,
            json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active",
        "epcList": [pack(n)], "ilmd": {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-01-31"}}),
        ),
    )
}

/// The pack of event n moves on: shipped, received, stored.
fn moved(n: u32, round: u32) -> Value {
    let number = 1_000_000 * (round + 1) + n;
    let seconds = 3_000 + 100 * round;
    let to = json!([{"type": "location", "destination": OTHER_GLN}]);
    match round {
        0 => event(
            number,
            seconds,
            at(
                MAKER_GLN,
                json!({"bizStep": "shipping", "disposition": "in_transit",
            "epcList": [pack(n)], "destinationList": to}),
            ),
        ),
        1 => event(
            number,
            seconds,
            at(
                OTHER_GLN,
                json!({"bizStep": "receiving", "disposition": "in_progress",
            "epcList": [pack(n)]}),
            ),
        ),
        _ => event(
            number,
            seconds,
            at(
                OTHER_GLN,
                json!({"bizStep": "storing", "disposition": "sellable_accessible",
            "epcList": [pack(n)]}),
            ),
        ),
    }
}

fn packed(n: u32) -> Value {
    event(
        n,
        n / 10,
        at(
            MAKER_GLN,
            json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing",
        "parentID": CASE, "childEPCs": [pack(n)]}),
        ),
    )
}

fn of_lot(n: u32) -> Value {
    let (action, step) = if n.is_multiple_of(2) { ("ADD", "commissioning") } else { ("OBSERVE", "storing") };
    event(
        n,
        n / 10,
        at(
            MAKER_GLN,
            json!({"action": action, "bizStep": step, "disposition": "active",
        "quantityList": [{"epcClass": LOT, "quantity": 10}]}),
        ),
    )
}

/// The parties, then the events: so many a submission, so many submissions a block.
fn blocks(events: impl Iterator<Item = Value>, submission: usize, block: usize) -> Vec<SealedBlock> {
    let events: Vec<Value> = events.collect();
    let said: Vec<Said> = events.chunks(submission).map(|some| Said::events("maker", NOW_MS, some)).collect();
    let mut chain = Chain::default();
    let all = parties().into_iter().chain(said.chunks(block).map(<[_]>::to_vec));
    all.map(|said| chain.block(&said)).collect()
}

/// What was used between two moments: of the clock, and of processors, by all threads.
#[derive(Clone, Copy, Default)]
struct Used {
    clock: Duration,
    processor: Duration,
}

struct Began(Instant, Duration);

impl Began {
    fn now() -> Began {
        Began(Instant::now(), processor())
    }

    fn used(&self) -> Used {
        Used { clock: self.0.elapsed(), processor: processor().saturating_sub(self.1) }
    }
}

impl std::ops::AddAssign for Used {
    fn add_assign(&mut self, more: Used) {
        self.clock += more.clock;
        self.processor += more.processor;
    }
}

/// Time of every thread of this process on processors.
fn processor() -> Duration {
    let thread = |entry: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
        let text = std::fs::read_to_string(entry.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    Duration::from_nanos(std::fs::read_dir("/proc/self/task").unwrap().filter_map(thread).sum())
}

fn told(what: &str, events: u32, used: Used) {
    let per = |duration: Duration| duration.as_secs_f64() * 1e6 / f64::from(events);
    println!(
        "{what:54} {:7.1} µs of a processor, {:7.1} µs by the clock, an event",
        per(used.processor),
        per(used.clock)
    );
}

/// Deriving, and committing after each block.
fn run<K: Keyed>(base: K, blocks: &[SealedBlock]) -> (Used, Used) {
    let mut deriver = Deriver::open(base, &genesis()).unwrap();
    let (mut deriving, mut committing) = (Used::default(), Used::default());
    for block in blocks {
        let began = Began::now();
        deriver.derive(block).unwrap();
        deriving += began.used();
        let began = Began::now();
        deriver.commit().unwrap();
        committing += began.used();
    }
    (deriving, committing)
}

fn derived(what: &str, events: u32, blocks: &[SealedBlock]) {
    told(what, events, run(Memory::default(), blocks).0);
}

/// Commissioned, shipped, received, stored: four events a pack.
fn way(packs: u32) -> impl Iterator<Item = Value> {
    (0..packs).map(single).chain((0..3).flat_map(move |round| (0..packs).map(move |n| moved(n, round))))
}

#[test]
#[ignore = "a measurement"]
fn derive_alone() {
    derived("one pack an event, submissions of 500", 20_000, &blocks((0..20_000).map(single), 500, 10));
    derived("its whole way, four events a pack", 20_000, &blocks(way(5_000), 500, 10));
    for events in [2_500, 5_000, 10_000] {
        derived(&format!("a case packed one by one, {events} times"), events, &blocks((0..events).map(packed), 20, 1));
        derived(&format!("a lot with {events} events"), events, &blocks((0..events).map(of_lot), 20, 1));
    }
}

/// What deriving cannot do without.
#[test]
#[ignore = "a measurement"]
fn reading_alone() {
    let blocks = blocks((0..20_000).map(single), 500, 10);
    let records: Vec<_> = blocks.iter().flat_map(|block| &block.records).filter(|r| r.topic == "scan-events").collect();
    let began = Began::now();
    let unpacked: Vec<_> = records.iter().map(|r| medtrace_log::record::Record::decode(&r.value).unwrap()).collect();
    told("unpacking records", 20_000, began.used());
    let items: Vec<Vec<u8>> =
        unpacked.iter().flat_map(|u| (0..u.len()).map(|i| u.item(i).unwrap().bytes.to_vec())).collect();
    let began = Began::now();
    let events: Vec<_> = items.iter().map(|bytes| medtrace_event::Event::from_bytes(bytes).unwrap()).collect();
    told("reading events", 20_000, began.used());
    let began = Began::now();
    items.iter().for_each(|bytes| assert_ne!(medtrace_event::event_key("maker", bytes), [0; 32]));
    told("event keys", 20_000, began.used());
    let began = Began::now();
    items.iter().for_each(|bytes| assert!(medtrace_event::open(bytes, "maker").is_ok()));
    told("reading events as they must be sealed, keys included", 20_000, began.used());
    let mut deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
    blocks[..2].iter().for_each(|block| assert!(deriver.derive(block).is_ok()));
    let (party, key) = ("maker".parse().unwrap(), world::key("maker").public());
    let at = deriver.registry().at(2);
    let began = Began::now();
    events.iter().for_each(|event| assert!(medtrace_registry::may(at, &party, Some(&key), event).is_ok()));
    told("rights", 20_000, began.used());
}

/// The same work over each engine, on disk.
#[test]
#[ignore = "a measurement"]
fn engines() {
    let packs = 50_000;
    let (events, blocks) = (4 * packs, blocks(way(packs), 500, 10));
    let folder = std::env::temp_dir().join(format!("medtrace-engines-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let report = |name: &str, (deriving, committing): (Used, Used), at: &std::path::Path| {
        told(&format!("{name}: derive"), events, deriving);
        told(&format!("{name}: commit"), events, committing);
        println!("{name}: {} B on disk an event", size(at) / u64::from(events));
    };
    report("memory", run(Memory::default(), &blocks), &folder);
    let fjall = folder.join("fjall");
    report("fjall", run(Disk::open(&fjall).unwrap(), &blocks), &fjall);
    let redb = folder.join("redb");
    report("redb", run(Redb(redb::Database::create(&redb).unwrap()), &blocks), &redb);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn size(path: &std::path::Path) -> u64 {
    let metadata = std::fs::metadata(path).unwrap();
    match metadata.is_dir() {
        true => std::fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum(),
        false => metadata.len(),
    }
}

const PAIRS: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("timelines");

struct Redb(redb::Database);

impl Keyed for Redb {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let read = self.0.begin_read()?;
        match read.open_table(PAIRS) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_vec())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], most: usize) -> anyhow::Result<Pairs> {
        let read = self.0.begin_read()?;
        let table = match read.open_table(PAIRS) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let pair = |pair: Result<(Guard<'_>, Guard<'_>), redb::StorageError>| {
            let (key, value) = pair?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        };
        table.range::<&[u8]>(from..to)?.take(most).map(pair).collect()
    }

    fn commit(&mut self, changes: Changes) -> anyhow::Result<()> {
        let write = self.0.begin_write()?;
        {
            let mut table = write.open_table(PAIRS)?;
            for (key, value) in changes {
                match value {
                    Some(value) => table.insert(&*key, &*value)?,
                    None => table.remove(&*key)?,
                };
            }
        }
        Ok(write.commit()?)
    }
}

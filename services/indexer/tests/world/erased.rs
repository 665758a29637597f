//! Erasures to test with: a story around some, blocks as an archive keeps them, all rows of all tables.

use std::collections::BTreeMap;
use std::path::Path;

use medtrace_indexer::audit::Auditor;
use medtrace_indexer::tables::{EachTable, Table, each};
use medtrace_ledger::EventRef;
use medtrace_log::record::Record;
use medtrace_log::sealed::{Erased, SealedBlock};
use medtrace_store::rows::ErasureRow;
use serde_json::{Value, json};

use super::*;

pub const PACK: &str = "https://id.gs1.org/01/09521321000117/21/A1";
pub const OTHER_PACK: &str = "https://id.gs1.org/01/09521321000117/21/A2";
/// What must go. No compression shortens it, so that it can be looked for in files.
pub const SECRET: &str = "q7Zp2Xw9Kd4Vn8Tb3Ry6Hm1Jc5Lf0GsAeUoIyQzPxWkDvNtBrRhMjClFg";

pub fn told(number: u32, second: u32, members: Value) -> Value {
    let mut event = event(number, second, members);
    event["@context"] =
        json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": "https://x.example/"}]);
    event["readPoint"] = json!({"id": MAKER_GLN});
    event["x:ward"] = json!("3");
    event
}

pub fn commission(number: u32, second: u32, pack: &str) -> Value {
    let ilmd = json!({"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-01-31"});
    told(number, second, json!({"action": "ADD", "bizStep": "commissioning", "epcList": [pack], "ilmd": ilmd}))
}

pub fn ship(number: u32, second: u32, pack: &str) -> Value {
    let to = json!([{"type": "location", "destination": OTHER_GLN}]);
    let advice = json!([{"type": "desadv", "bizTransaction": "urn:x:1"}]);
    let members = json!({"bizStep": "shipping", "disposition": "in_transit", "epcList": [pack], "destinationList": to,
        "bizTransactionList": advice});
    told(number, second, members)
}

pub fn secret(mut event: Value) -> Value {
    event["x:patient"] = json!(SECRET);
    event
}

pub fn erasure(of: &str, copies: &[&str], revision: u32, replacement: &Value) -> Value {
    json!({"type": "erasure", "event": of, "copies": copies, "revision": revision, "reason": {"en": "a name"},
        "replacement": replacement})
}

pub fn say(events: &[Value]) -> Vec<Said> {
    vec![Said::events("maker", NOW_MS, events)]
}

pub fn notice(value: &Value) -> Vec<Said> {
    vec![Said::notice(AUTHORITY, &[AUTHORITY], value)]
}

/// Blocks 0 and 1 are the parties. Notices that do nothing, and what happens around those that do.
pub fn story() -> Vec<Vec<Said>> {
    let (first, shipped) = (commission(1, 0, PACK), ship(2, 10, PACK));
    let declared = declaration(&secret(shipped.clone()), "did_not_occur", &[]);
    let mut lot = first.clone();
    lot["ilmd"]["cbvmda:lotNumber"] = json!("L2");
    let mut same_hash = secret(first.clone());
    same_hash["eventID"] = json!(event_id(9));
    let mut same_hash_2 = same_hash.clone();
    same_hash_2["eventID"] = json!(event_id(10));
    let mut conflict = secret(first.clone());
    conflict["disposition"] = json!("damaged");
    let mut told = parties();
    told.extend([
        // 2: the event, beside others; 3: again, and the same under other names; 4: a conflict.
        say(&[commission(7, 0, OTHER_PACK), secret(first.clone()), ship(8, 30, OTHER_PACK)]),
        say(&[secret(first.clone()), same_hash, same_hash_2]),
        say(&[secret(first.clone()), conflict.clone()]),
        // 5: a shipment, 6: withdrawn.
        say(&[secret(shipped.clone())]),
        say(std::slice::from_ref(&declared)),
        // 7..10: what does nothing.
        notice(&erasure("2-1", &["3-0", "4-0"], 1, &lot)),
        notice(&erasure("2-1", &["3-0"], 2, &first)),
        notice(&erasure("3-0", &["4-0"], 1, &first)),
        notice(&erasure("2-9", &[], 1, &first)),
        // 11: the event goes with its copies; 12: the conflict; 13: the shipment, 14: what withdrew it.
        notice(&erasure("2-1", &["3-0", "4-0"], 3, &first)),
        notice(&erasure("4-1", &[], 1, &without_secret(&conflict))),
        notice(&erasure("5-0", &[], 1, &shipped)),
        notice(&erasure("6-0", &[], 1, &without_secret(&declared))),
        // 15: too late; 16: the original once more, which is a conflict now; life goes on.
        notice(&erasure("2-1", &["3-0", "4-0"], 4, &first)),
        say(&[secret(first), ship(20, 50, PACK)]),
    ]);
    told
}

pub fn without_secret(event: &Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().unwrap().remove("x:patient").unwrap();
    event
}

pub fn blocks(story: &[Vec<Said>]) -> Vec<SealedBlock> {
    let mut chain = Chain::default();
    story.iter().map(|said| chain.block(said)).collect()
}

/// As an archive keeps these blocks after the erasures.
pub fn archived(blocks: &[SealedBlock], erasures: &[ErasureRow]) -> Vec<SealedBlock> {
    let mut blocks = blocks.to_vec();
    for row in erasures {
        let item = EventRef { height: row.block, idx: row.idx };
        let block = &mut blocks[item.height as usize];
        let record = block.records.iter_mut().find(|record| record.ordinal == item.ordinal()).unwrap();
        let kept = Record::decode(&record.value).unwrap().record.erase([item.index()]).unwrap();
        record.value = kept.encode().unwrap();
        let of = EventRef { height: row.of_block, idx: row.of_idx };
        let by = EventRef { height: row.by_block, idx: row.by_idx };
        block.erased.insert(item, Erased { of, by, replacement: row.replacement.clone().into_bytes() });
    }
    blocks
}

/// Every row of every table, as text.
pub type Tables = BTreeMap<&'static str, Vec<Value>>;

struct Reading<'a>(&'a mut Auditor, Tables);

impl EachTable for Reading<'_> {
    type Error = anyhow::Error;

    async fn table<T: Table>(&mut self) -> anyhow::Result<()> {
        let rows = self.0.expected.all::<T>()?;
        let rows = rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
        self.1.insert(T::TABLE, rows);
        Ok(())
    }
}

/// What the tables hold after these blocks.
pub async fn tables(folder: &Path, blocks: &[SealedBlock]) -> Tables {
    let mut auditor = auditor(folder, blocks);
    let mut reading = Reading(&mut auditor, Tables::new());
    each(&mut reading).await.unwrap();
    reading.1
}

pub fn auditor(folder: &Path, blocks: &[SealedBlock]) -> Auditor {
    std::fs::create_dir_all(folder).unwrap();
    let mut auditor = Auditor::new(folder, &genesis()).unwrap();
    blocks.iter().for_each(|block| auditor.take(block).unwrap());
    auditor
}

pub fn of(tables: &Tables, table: &str, block: u64, idx: u32) -> Vec<Value> {
    tables[table].iter().filter(|row| row["block"] == block && row["idx"] == idx).cloned().collect()
}

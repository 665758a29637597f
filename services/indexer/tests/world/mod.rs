//! A small consortium to test with: one authority, parties whose keys are made from their names, blocks without Kafka.
#![allow(dead_code, clippy::unwrap_used)]

pub mod engine;
pub mod erased;
pub mod simulation;

use medtrace_event::Json;
use medtrace_gs1::Thing;
use medtrace_indexer::audit::Expected;
use medtrace_indexer::derive::{Deriver, Rows};
use medtrace_indexer::keyed::{Keyed, Memory};
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::merkle::{self, Frontier};
use medtrace_ledger::submission::{submission_leaf, undecodable_leaf};
use medtrace_ledger::{
    Bad, Cut, Genesis, Hash, Header, Item, ItemKind, KeyName, Policy, Salt, SigningKey, SubmissionKind, TopicUuid,
    VerifierKey, seal_submission,
};
use medtrace_log::record::Record;
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_registry::Notice;
use medtrace_store::rows::FactRow;
use medtrace_timeline::Fact;
use serde_json::{Value, json};

pub const AUTHORITY: &str = "authority";
/// The clock of the first block, Unix ms.
pub const NOW_MS: u64 = 1_772_400_000_000;

pub const MAKER_GLN: &str = "https://id.gs1.org/414/9521321000018";
pub const OTHER_GLN: &str = "https://id.gs1.org/414/9521555000013";

pub fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&Hash::of(name).0)
}

pub fn genesis() -> Genesis {
    let verifier = |name: &str| VerifierKey { name: name.parse::<KeyName>().unwrap(), public: key(name).public() };
    Genesis {
        origin: "county.example/log".parse().unwrap(),
        time_ms: NOW_MS - 1_000,
        authority: Quorum { threshold: 1, keys: vec![verifier(AUTHORITY)] },
        policy: Policy::alone(verifier("county.example/log")),
    }
}

/// A record on its way into a block.
#[derive(Clone)]
pub struct Said {
    topic: &'static str,
    value: Vec<u8>,
    bad: Option<String>,
}

impl Said {
    /// One submission of events, as the party would sign it.
    pub fn events(party: &str, time_ms: u64, events: &[Value]) -> Said {
        let bytes = |event: &Value| Json::parse(event.to_string().as_bytes()).unwrap().to_jcs();
        let items: Vec<_> = events.iter().map(|event| (ItemKind::Event, bytes(event))).collect();
        Said::items(SubmissionKind::Events, party, &[party], time_ms, &items)
    }

    pub fn notice(party: &str, keys: &[&str], notice: &Value) -> Said {
        let notice = Notice::read(notice.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
        Said::items(SubmissionKind::Notices, party, keys, NOW_MS, &[(ItemKind::Notice, notice.to_jcs())])
    }

    pub fn items(
        kind: SubmissionKind,
        party: &str,
        keys: &[&str],
        time_ms: u64,
        items: &[(ItemKind, Vec<u8>)],
    ) -> Said {
        let salt = |index: usize| Salt(Hash::of(format!("{index} {party}")).0[..16].try_into().unwrap());
        let items: Vec<Item<'_>> =
            items.iter().enumerate().map(|(i, (kind, bytes))| Item { kind: *kind, salt: salt(i), bytes }).collect();
        let leaves: Vec<_> = items.iter().map(Item::leaf).collect();
        let keys: Vec<_> = keys.iter().map(|name| key(name)).collect();
        let (genesis, party) = (genesis(), party.parse().unwrap());
        let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &party, &keys, time_ms, &leaves).unwrap();
        let value = Record::pack(sealed.note, items).unwrap().encode().unwrap();
        Said { topic: kind.topic(), value, bad: None }
    }

    /// What the chainer would name bad.
    pub fn bad(mut self, reason: &str) -> Said {
        self.bad = Some(reason.to_owned());
        self
    }

    /// As the chainer would never seal it: not named bad.
    pub fn good(mut self) -> Said {
        self.bad = None;
        self
    }

    pub fn undecodable(bytes: &[u8]) -> Said {
        Said { topic: "scan-events", value: bytes.to_vec(), bad: Some("undecodable".to_owned()) }
    }
}

/// Lays records into blocks, as the chainer would; only the keys are left out.
#[derive(Clone, Default)]
pub struct Chain {
    headers: Frontier,
    offsets: [u64; 2],
}

impl Chain {
    pub fn block(&mut self, said: &[Said]) -> SealedBlock {
        let (mut cuts, mut records, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        for (topic, offset) in ["notices", "scan-events"].into_iter().zip(&mut self.offsets) {
            let (from, first) = (*offset, records.len());
            for said in said.iter().filter(|said| said.topic == topic) {
                let ordinal = records.len() as u32;
                bad.extend(said.bad.iter().map(|reason| Bad {
                    topic: topic.parse().unwrap(),
                    partition: 0,
                    ordinal,
                    reason: reason.parse().unwrap(),
                }));
                records.push(SealedRecord {
                    ordinal,
                    topic: topic.to_owned(),
                    partition: 0,
                    offset: *offset,
                    timestamp_ms: 0,
                    value: said.value.clone(),
                    bad: said.bad.clone(),
                });
                *offset += 1;
            }
            if *offset > from {
                cuts.push(Cut {
                    topic: topic.parse().unwrap(),
                    uuid: TopicUuid([1; 16]),
                    partition: 0,
                    from,
                    to: *offset,
                    records: (*offset - from) as u32,
                    root: merkle::root(records[first..].iter().map(leaf)),
                });
            }
        }
        let height = self.headers.size();
        let header = Header {
            origin: genesis().origin,
            height,
            log_root: if height == 0 { genesis().hash() } else { self.headers.root() },
            time_ms: NOW_MS + 200 * height,
            keys: (0, Hash([0; 32])),
            cuts,
            bad,
        };
        self.headers.push(header.leaf());
        SealedBlock { text: header.text(), header, records, erased: Default::default() }
    }
}

fn leaf(record: &SealedRecord) -> Hash {
    match Record::decode(&record.value) {
        Ok(unpacked) => submission_leaf(&unpacked.record.note),
        Err(_) => undecodable_leaf(&record.value),
    }
}

/// An indexer without a store: what its tables would show.
pub struct World {
    pub chain: Chain,
    pub deriver: Deriver<Memory>,
    pub tables: Expected<Memory>,
    /// Rows of the last block.
    pub last: Rows,
}

impl World {
    pub fn new() -> World {
        let deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
        World { chain: Chain::default(), deriver, tables: Expected::new(Memory::default()), last: Rows::default() }
    }

    /// With [`parties`].
    pub fn with_parties() -> World {
        let mut world = World::new();
        for said in parties() {
            world.seal(&said);
            assert!(world.last.notices.iter().all(|notice| notice.refusal.is_empty()), "{:?}", world.last.notices);
        }
        world
    }

    /// Seals these records as the next block.
    pub fn seal(&mut self, said: &[Said]) -> &Rows {
        let block = self.chain.block(said);
        self.last = self.deriver.derive(&block).unwrap();
        self.tables.take(&self.last).unwrap();
        &self.last
    }

    /// Seals the events as one submission in a block of its own.
    pub fn say(&mut self, party: &str, events: &[Value]) -> &Rows {
        self.seal(&[Said::events(party, NOW_MS, events)])
    }

    /// Everything in memory is lost; what was committed is taken up again.
    pub fn restart(&mut self) {
        self.deriver.commit().unwrap();
        let base = self.deriver.base().clone();
        self.deriver = Deriver::open(base, &genesis()).unwrap();
    }

    pub fn facts(&mut self) -> Vec<Fact> {
        facts(&mut self.tables)
    }
}

/// The maker (with its prefix and place) and another party, each with a working key of its own name: two blocks.
pub fn parties() -> Vec<Vec<Said>> {
    let one = |(party, role, gln, prefix): (&str, &str, &str, &str)| {
        let root = format!("{party}-root");
        let admission = json!({"type": "party", "party": party, "revision": 1, "name": {"en": party},
            "rootKey": key(&root).public(), "roles": [role], "glns": [gln], "prefixes": [prefix], "regions": ["CN"]});
        let enrolment = json!({"type": "key", "party": party, "revision": 1, "publicKey": key(party).public(),
            "action": "enrol", "custody": "own"});
        vec![Said::notice(AUTHORITY, &[AUTHORITY], &admission), Said::notice(party, &[&root, party], &enrolment)]
    };
    let parties =
        [("maker", "manufacturer", "9521321000018", "9521321"), ("other", "distributor", "9521555000013", "9521555")];
    parties.map(one).into()
}

pub fn facts<K: Keyed>(tables: &mut Expected<K>) -> Vec<Fact> {
    tables.all::<FactRow>().unwrap().into_iter().map(|row| row.try_into().unwrap()).collect()
}

pub fn thing(uri: &str) -> Thing {
    Thing::from_uri(uri).unwrap()
}

/// An event with this number for a name, at 08:00 plus so many seconds.
pub fn event(number: u32, second: u32, members: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent",
        "eventID": event_id(number),
        "eventTime": format!("2026-03-01T08:{:02}:{:02}.000Z", second / 60, second % 60),
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

pub fn event_id(number: u32) -> String {
    format!("urn:uuid:00000000-0000-8000-8000-{number:012}")
}

/// The same event, declared wrong.
pub fn declaration(original: &Value, reason: &str, corrective: &[u32]) -> Value {
    let mut event = original.clone();
    let corrective: Vec<String> = corrective.iter().map(|number| event_id(*number)).collect();
    event["errorDeclaration"] = json!({"declarationTime": "2026-03-01T12:00:00.000Z", "reason": reason});
    if !corrective.is_empty() {
        event["errorDeclaration"]["correctiveEventIDs"] = json!(corrective);
    }
    event
}

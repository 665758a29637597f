//! A chain made from fixed seeds: notices and events are signed, sealed into blocks and indexed by the indexer's own code.

use std::collections::BTreeMap;

use clickhouse::Client;
use medtrace_event::{Context, Json, seal};
use medtrace_indexer::derive::Deriver;
use medtrace_indexer::keyed::Memory;
use medtrace_ledger::block::{Bad, Cut, Header};
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::keys::KeySet;
use medtrace_ledger::merkle::{self, Tree};
use medtrace_ledger::submission::{reason, submission_leaf, undecodable_leaf};
use medtrace_ledger::*;
use medtrace_log::record::Record;
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_registry::{Notice, Registry};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z
pub const START_MS: u64 = 1_767_225_600_000;
/// Between two blocks, milliseconds.
pub const STEP_MS: u64 = 200;
pub const ORIGIN: &str = "log.example/county";

/// A submission that waits to be sealed.
#[derive(Clone)]
pub struct Pending {
    topic: &'static str,
    partition: u32,
    value: Vec<u8>,
    /// `None` for what cannot be decoded.
    sealed: Option<(Submission, String, Vec<Vec<u8>>)>,
}

/// The log and its index.
pub struct Chain {
    pub genesis: Genesis,
    pub genesis_note: String,
    client: Client,
    registry: Registry,
    deriver: Deriver<Memory>,
    tree: Tree,
    offsets: BTreeMap<(TopicUuid, &'static str, u32), u64>,
}

pub fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
}

pub fn genesis() -> (Genesis, String) {
    let genesis = Genesis {
        origin: ORIGIN.parse().unwrap(),
        time_ms: START_MS,
        authority: Quorum { threshold: 1, keys: vec![signer("authority").verifier()] },
        policy: Policy::alone(signer(ORIGIN).verifier()),
    };
    let note = genesis.sign(&[signer("authority")]).unwrap();
    (genesis, note)
}

/// Admits a party with the key of its name.
pub fn admission(name: &str, roles: Value, glns: Value, prefixes: Value) -> Value {
    json!({"type": "party", "party": name, "revision": 1, "name": {"en": name}, "rootKey": signer(name).key.public(),
           "roles": roles, "glns": glns, "prefixes": prefixes, "regions": ["CN"]})
}

/// The members that every event has, with others.
pub fn event(kind: &str, time: &str, more: Value) -> Value {
    let mut event = json!({"type": kind, "eventTime": time, "eventTimeZoneOffset": "+08:00"});
    let members = event.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    event
}

impl Chain {
    pub fn new(client: Client) -> Chain {
        let (genesis, genesis_note) = genesis();
        Chain {
            registry: Registry::from_genesis(&genesis),
            deriver: Deriver::open(Memory::default(), &genesis).unwrap(),
            tree: Tree::default(),
            offsets: BTreeMap::new(),
            client,
            genesis,
            genesis_note,
        }
    }

    fn pend(&self, kind: SubmissionKind, party: &str, partition: u32, items: Vec<(ItemKind, Vec<u8>)>) -> Pending {
        let items: Vec<(ItemKind, Salt, Vec<u8>)> = items
            .into_iter()
            .map(|(kind, bytes)| (kind, Salt(std::array::from_fn(|i| Hash::of(&bytes).0[i])), bytes))
            .collect();
        let items = || items.iter().map(|(kind, salt, bytes)| Item { kind: *kind, salt: *salt, bytes });
        let leaves: Vec<ItemLeaf> = items().map(|item| item.leaf()).collect();
        let time_ms = START_MS + self.tree.size() * STEP_MS - 50;
        let (origin, genesis) = (&self.genesis.origin, self.genesis.hash());
        let keys = [signer(party).key];
        let party = party.parse().unwrap();
        let sealed = seal_submission(kind, origin, genesis, &party, &keys, time_ms, &leaves).unwrap();
        let value = Record::pack(sealed.note.clone(), items()).unwrap().encode().unwrap();
        let bytes = items().map(|item| item.bytes.to_vec()).collect();
        Pending { topic: kind.topic(), partition, value, sealed: Some((sealed.submission, sealed.note, bytes)) }
    }

    /// Notices of one signer.
    pub fn notices(&self, party: &str, notices: &[Value]) -> Pending {
        let jcs = |value: &Value| Notice::read(value.to_string().as_bytes()).unwrap().to_jcs();
        let items = notices.iter().map(|notice| (ItemKind::Notice, jcs(notice))).collect();
        self.pend(SubmissionKind::Notices, party, 0, items)
    }

    /// Events of one party, with a source document before them.
    pub fn events(&self, party: &str, partition: u32, events: &[Value]) -> Pending {
        let document = Json::parse(br#"{"type":"document"}"#).unwrap().to_jcs();
        let sealed = events.iter().map(|event| {
            let json = Json::try_from(event).unwrap();
            let context = Context::of_event(&json).unwrap();
            (ItemKind::Event, seal(json, &context, party).unwrap().bytes)
        });
        let items = std::iter::once((ItemKind::Document, document)).chain(sealed).collect();
        self.pend(SubmissionKind::Events, party, partition, items)
    }

    /// A source document, and no event.
    pub fn document(&self, party: &str, document: &Value) -> Pending {
        let bytes = Json::try_from(document).unwrap().to_jcs();
        self.pend(SubmissionKind::Events, party, 0, vec![(ItemKind::Document, bytes)])
    }

    /// Events that are sealed already, and nothing else.
    pub fn sealed_events(&self, party: &str, partition: u32, events: Vec<Vec<u8>>) -> Pending {
        let items = events.into_iter().map(|bytes| (ItemKind::Event, bytes)).collect();
        self.pend(SubmissionKind::Events, party, partition, items)
    }

    /// A record of `scan-events` that is none.
    pub fn rubbish(&self, partition: u32) -> Pending {
        Pending { topic: "scan-events", partition, value: b"not a record".to_vec(), sealed: None }
    }

    /// Seals a block, writes its rows and hashes its events.
    pub async fn seal(&mut self, pending: Vec<Pending>) -> u64 {
        let height = self.seal_only(pending).await;
        self.hash().await;
        height
    }

    /// Hashes the events of all blocks.
    pub async fn hash(&self) {
        medtrace_indexer::hashes::step(&self.client).await.unwrap();
    }

    /// Seals a block and writes its rows, but for event hashes.
    pub async fn seal_only(&mut self, pending: Vec<Pending>) -> u64 {
        let height = self.tree.size();
        let time_ms = START_MS + height * STEP_MS;
        let mut cuts: BTreeMap<(&'static str, u32), Vec<Pending>> = BTreeMap::new();
        for one in pending {
            cuts.entry((one.topic, one.partition)).or_default().push(one);
        }
        let (mut header_cuts, mut bad, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for ((topic, partition), cut) in &cuts {
            let id = self.registry.now().topic(&topic.parse().unwrap()).map(|id| id.value);
            let uuid = id.unwrap_or(TopicUuid::from_halves(1, 2));
            let from = self.offsets.get(&(uuid, *topic, *partition)).copied().unwrap_or(0);
            for (at, one) in cut.iter().enumerate() {
                let ordinal = records.len() as u32;
                if one.sealed.is_none() {
                    let (topic, reason) = (topic.parse().unwrap(), reason::UNDECODABLE.parse().unwrap());
                    bad.push(Bad { topic, partition: *partition, ordinal, reason });
                }
                self.apply_notices(height, time_ms, ordinal, one);
                records.push(SealedRecord {
                    ordinal,
                    topic: (*topic).to_owned(),
                    partition: *partition as i32,
                    offset: from + at as u64,
                    timestamp_ms: time_ms as i64,
                    value: one.value.clone(),
                    bad: one.sealed.is_none().then(|| reason::UNDECODABLE.to_owned()),
                });
            }
            let to = from + cut.len() as u64;
            self.offsets.insert((uuid, topic, *partition), to);
            header_cuts.push(Cut {
                topic: topic.parse().unwrap(),
                uuid,
                partition: *partition,
                from,
                to,
                records: cut.len() as u32,
                root: merkle::root(cut.iter().map(leaf)),
            });
        }
        let header = Header {
            origin: self.genesis.origin.clone(),
            height,
            log_root: if height == 0 { self.genesis.hash() } else { self.tree.root() },
            time_ms,
            keys: KeySet::new(self.registry.now().key_entries()).count_and_root(),
            cuts: header_cuts,
            bad,
        };
        header.check().unwrap();
        self.registry.seal(&header);
        self.tree.push(header.leaf());
        let block = SealedBlock { text: header.text(), header, records, erased: Default::default() };
        let rows = self.deriver.derive(&block).unwrap();
        self.deriver.commit().unwrap();
        medtrace_indexer::write::write(&self.client, &rows).await.unwrap();
        height
    }

    fn apply_notices(&mut self, height: u64, time_ms: u64, ordinal: u32, pending: &Pending) {
        if let Some((submission, _, bytes)) = pending.sealed.as_ref().filter(|_| pending.topic == "notices") {
            let notices = bytes.iter().enumerate().map(|(index, bytes)| (index as u32, bytes.as_slice()));
            for applied in self.registry.apply_submission(height, time_ms, ordinal, submission, notices) {
                applied.outcome.unwrap();
            }
        }
    }

    /// The checkpoint over everything sealed so far.
    pub fn checkpoint(&self) -> String {
        let checkpoint =
            Checkpoint { origin: self.genesis.origin.clone(), size: self.tree.size(), root: self.tree.root() };
        checkpoint.sign(&signer(ORIGIN)).unwrap().to_string()
    }
}

fn leaf(pending: &Pending) -> Hash {
    match &pending.sealed {
        Some((_, note, _)) => submission_leaf(note),
        None => undecodable_leaf(&pending.value),
    }
}

//! A small consortium with everything that a ledger has, made from fixed seeds: five blocks, two partitions of events,
//! one of notices, bad records, a hosted key, two witnesses.
#![allow(dead_code, clippy::unwrap_used)]

pub mod evidence;
pub mod policies;

use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::hash::sha256;
use medtrace_ledger::merkle::{self, Tree};
use medtrace_ledger::policy::{Group, Threshold, Witness};
use medtrace_ledger::proof::Parts;
use medtrace_ledger::submission::{reason, undecodable_leaf};
use medtrace_ledger::*;

pub const START_MS: u64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
pub const BLOCKS: u64 = 5;
/// The block with erasures; only [`erasing`] goes so far.
pub const ERASING: u64 = 5;

/// An item with its own bytes.
#[derive(Clone)]
pub struct OwnItem {
    pub kind: ItemKind,
    pub salt: Salt,
    pub bytes: String,
}

impl OwnItem {
    pub fn new(kind: ItemKind, bytes: impl Into<String>) -> OwnItem {
        let bytes = bytes.into();
        let salt = sha256(&[b"salt", bytes.as_bytes()]).0;
        OwnItem { kind, salt: Salt(salt[..16].try_into().unwrap()), bytes }
    }

    pub fn item(&self) -> Item<'_> {
        Item { kind: self.kind, salt: self.salt, bytes: self.bytes.as_bytes() }
    }
}

/// A record of the log: a submission with its items, or bytes that cannot be decoded.
pub enum Record {
    Sealed(Box<SealedSubmission>, Vec<OwnItem>),
    Undecodable(Vec<u8>),
}

impl Record {
    pub fn leaf(&self) -> Hash {
        match self {
            Record::Sealed(sealed, _) => sealed.leaf,
            Record::Undecodable(value) => undecodable_leaf(value),
        }
    }
}

pub struct Block {
    pub header: Header,
    pub keys: KeySet,
    /// The records of each cut.
    pub cuts: Vec<Vec<Record>>,
}

pub struct World {
    pub genesis: Genesis,
    pub genesis_note: String,
    pub blocks: Vec<Block>,
    pub log: Tree,
    pub checkpoint: Note,
}

/// The private key called `name`.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&sha256(&[b"seed of ", name.as_bytes()]).0)
}

pub fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), key(name))
}

pub fn party(name: &str) -> PartyId {
    name.parse().unwrap()
}

pub const ORIGIN: &str = "stents.example/county";
pub const AUTHORITY: [&str; 3] = ["authority-a", "authority-b", "authority-c"];
pub const WITNESSES: [&str; 3] =
    ["witness.example/hospital", "witness.example/regulator", "witness.example/university"];

pub fn genesis() -> Genesis {
    let verifiers = |names: &[&str]| names.iter().map(|name| signer(name).verifier()).collect();
    Genesis {
        origin: ORIGIN.parse().unwrap(),
        time_ms: START_MS,
        authority: Quorum { threshold: 2, keys: verifiers(&AUTHORITY) },
        policy: policy(),
    }
}

/// What the witnesses are called in the policy, in its order.
pub const COSIGNERS: [&str; 3] = ["hospital", "regulator", "university"];

/// The regulator, or one of the two others.
pub fn policy() -> Policy {
    let name = |name: &str| name.parse::<KeyName>().unwrap();
    let witness = |(called, key): (&&str, &&str)| Witness {
        name: name(called),
        key: signer(key).verifier(),
        url: (*called == "regulator").then(|| "https://regulator.example/witness".to_owned()),
    };
    let group = |called, threshold, members: [&str; 2]| Group {
        name: name(called),
        threshold,
        members: members.map(name).into(),
    };
    Policy {
        log: signer(ORIGIN).verifier(),
        log_url: None,
        witnesses: COSIGNERS.iter().zip(&WITNESSES).map(witness).collect(),
        groups: vec![
            group("local", Threshold::Any, ["hospital", "university"]),
            group("enough", Threshold::Count(1), ["regulator", "local"]),
        ],
        quorum: Some(name("enough")),
    }
}

pub fn entry(name: &str, custody: Custody, roles: &[&str], enrolled: u64) -> KeyEntry {
    let roles = roles.iter().map(|role| role.parse().unwrap()).collect();
    KeyEntry { party: party(name), public_key: key(name).public(), custody, roles, enrolled }
}

pub fn event(serial: u32, step: &str) -> OwnItem {
    let time = format!("2026-01-01T00:00:{:02}.000Z", serial % 60);
    OwnItem::new(
        ItemKind::Event,
        format!(
            concat!(
                r#"{{"action":"OBSERVE","bizStep":"{}","epcList":["https://id.gs1.org/01/09506000134352/21/S{}"],"#,
                r#""eventID":"urn:uuid:00000000-0000-8000-8000-{:012}","eventTime":"{}","#,
                r#""eventTimeZoneOffset":"+08:00","example:note":"县医院 – store","type":"ObjectEvent"}}"#
            ),
            step, serial, serial, time
        ),
    )
}

pub fn notice(subject: &str, revision: u32) -> OwnItem {
    OwnItem::new(ItemKind::Notice, format!(r#"{{"party":"{subject}","revision":{revision},"type":"party"}}"#))
}

fn seal(kind: SubmissionKind, who: &str, keys: &[&str], time_ms: u64, items: Vec<OwnItem>) -> Record {
    let leaves: Vec<ItemLeaf> = items.iter().map(|item| item.item().leaf()).collect();
    let keys: Vec<SigningKey> = keys.iter().map(|name| key(name)).collect();
    let genesis = genesis();
    let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &party(who), &keys, time_ms, &leaves).unwrap();
    Record::Sealed(Box::new(sealed), items)
}

pub fn seal_events(who: &str, time_ms: u64, items: Vec<OwnItem>) -> Record {
    seal(SubmissionKind::Events, who, &[who], time_ms, items)
}

pub fn seal_notices(who: &str, keys: &[&str], time_ms: u64, items: Vec<OwnItem>) -> Record {
    seal(SubmissionKind::Notices, who, keys, time_ms, items)
}

fn cut(topic: &str, partition: u32, from: u64, records: &[Record]) -> Cut {
    let gap = u64::from(from > 0); // a marker between the records of a later cut
    Cut {
        topic: topic.parse().unwrap(),
        uuid: TopicUuid::from_halves(0x4d65_6474_7261_6365, topic.len() as u64),
        partition,
        from,
        to: from + records.len() as u64 + gap,
        records: records.len() as u32,
        root: merkle::root(records.iter().map(Record::leaf)),
    }
}

/// (topic, partition, first offset, records)
pub type Cutting = (&'static str, u32, u64, Vec<Record>);

/// The records of block `height`.
fn records(height: u64) -> Vec<Cutting> {
    let now = START_MS + height * 200;
    let several = |who: &str, first: u32, count: u32| {
        seal_events(who, now - 50, (first..first + count).map(|serial| event(serial, "shipping")).collect())
    };
    match height {
        0 => vec![(
            "notices",
            0,
            0,
            vec![
                seal_notices("authority-a", &["authority-a", "authority-b"], now, vec![notice("factory", 1)]),
                seal_notices("authority-a", &["authority-a"], now, vec![notice("hospital", 1), notice("carrier", 1)]),
            ],
        )],
        1 => vec![("scan-events", 0, 0, vec![several("factory", 1, 1)])],
        2 => vec![
            ("notices", 0, 2, vec![seal_notices("authority-b", &["authority-b"], now, vec![notice("hospital", 2)])]),
            (
                "scan-events",
                0,
                1,
                vec![
                    several("factory", 10, 2),
                    Record::Undecodable(b"not a record".to_vec()),
                    seal_events("stranger", now, vec![event(20, "receiving")]),
                    several("hospital", 30, 3),
                    several("carrier", 40, 1),
                ],
            ),
            ("scan-events", 1, 0, (0..4).map(|n| several("factory", 100 + 10 * n, 7)).collect()),
        ],
        3 => vec![], // a block without cuts: time goes on
        ERASING => evidence::erasing(now),
        _ => vec![(
            "scan-events",
            1,
            5,
            vec![seal_events(
                "hospital",
                now - 1_000,
                vec![
                    event(50, "receiving"),
                    OwnItem::new(ItemKind::Document, r#"{"count":1,"mediaType":"application/json"}"#),
                ],
            )],
        )],
    }
}

fn key_set(height: u64) -> KeySet {
    let hosted = Custody::Hosted(party("distributor-service"));
    let mut entries = genesis().authority_entries();
    entries.push(entry("factory", Custody::Own, &["manufacturer"], 0));
    entries.push(entry("hospital", Custody::Own, &["hospital", "regulator"], 0));
    entries.push(entry("carrier", hosted, &["carrier"], 0));
    entries.push(entry(evidence::SERVICE, Custody::Own, &["service"], 0));
    if height >= 2 {
        entries.push(entry("agent", Custody::Own, &["distributor"], 2));
    }
    if height >= ERASING {
        let second = entry(evidence::SECOND_KEY, Custody::Own, &["authority"], ERASING);
        entries.push(KeyEntry { party: party(AUTHORITY[0]), ..second });
    }
    KeySet::new(entries)
}

fn block(height: u64, log_root: Hash) -> Block {
    let keys = key_set(height);
    let parts = records(height);
    let bad = |ordinal, reason: &str| Bad {
        topic: "scan-events".parse().unwrap(),
        partition: 0,
        ordinal,
        reason: reason.parse().unwrap(),
    };
    let header = Header {
        origin: ORIGIN.parse().unwrap(),
        height,
        log_root,
        time_ms: START_MS + height * 200,
        keys: keys.count_and_root(),
        cuts: parts.iter().map(|(topic, partition, from, records)| cut(topic, *partition, *from, records)).collect(),
        bad: if height == 2 { vec![bad(2, reason::UNDECODABLE), bad(3, reason::UNKNOWN_KEY)] } else { vec![] },
    };
    header.check().unwrap();
    Block { header, keys, cuts: parts.into_iter().map(|(_, _, _, records)| records).collect() }
}

pub fn world() -> World {
    world_of(BLOCKS)
}

/// The same log, one block later: events are erased.
pub fn erasing() -> World {
    world_of(ERASING + 1)
}

fn world_of(size: u64) -> World {
    let genesis = genesis();
    let genesis_note = genesis.sign(&[signer("authority-a"), signer("authority-c")]).unwrap();
    let (mut blocks, mut log) = (Vec::new(), Tree::default());
    for height in 0..size {
        let log_root = if height == 0 { genesis.hash() } else { log.root() };
        let block = block(height, log_root);
        log.push(block.header.leaf());
        blocks.push(block);
    }
    let checkpoint = checkpoint(&genesis, &log, size, &[WITNESSES[2], WITNESSES[0]]);
    World { genesis, genesis_note, blocks, log, checkpoint }
}

pub fn checkpoint(genesis: &Genesis, log: &Tree, size: u64, witnesses: &[&str]) -> Note {
    let root = log.root_at(size).unwrap();
    let alone = Checkpoint { origin: genesis.origin.clone(), size, root }.sign(&signer(ORIGIN)).unwrap();
    let time_s = START_MS / 1000 + 2;
    let lines: Vec<_> = witnesses.iter().map(|name| cosign(&signer(name), alone.text(), time_s).unwrap()).collect();
    Checkpoint::with_cosignatures(&alone, &lines, genesis).unwrap()
}

impl World {
    /// Log and checkpoint again, after headers were changed.
    pub fn rebuild_log(&mut self) {
        self.log = self.blocks.iter().map(|block| block.header.leaf()).collect();
        self.checkpoint = checkpoint(&self.genesis, &self.log, self.log.size(), &WITNESSES);
    }

    /// The proof of a sealed item.
    pub fn prove(&self, event: EventRef) -> Result<Proof, Broken> {
        self.with_parts(event, |parts, items| parts.prove(items[event.index() as usize].item()))
    }

    /// That an item was erased by a notice, of which only the leaf is used.
    pub fn prove_erased(&self, event: EventRef, notice: EventRef) -> Result<Erased, Broken> {
        let notice = self.prove(notice)?;
        self.with_parts(event, |parts, _| parts.prove_erased(notice))
    }

    fn with_parts<T>(&self, event: EventRef, prove: impl FnOnce(Parts<'_>, &[OwnItem]) -> T) -> T {
        let block = &self.blocks[event.height as usize];
        let (number, range) = (block.header.cuts_with_ordinals().map(|(_, range)| range).enumerate())
            .find(|(_, range)| range.contains(&event.ordinal()))
            .unwrap();
        let Record::Sealed(sealed, items) = &block.cuts[number][(event.ordinal() - range.start) as usize] else {
            panic!("no proof of an undecodable record")
        };
        let item_leaves: Vec<Hash> = items.iter().map(|item| item.item().leaf_hash()).collect();
        let cut_leaves: Vec<Hash> = block.cuts[number].iter().map(Record::leaf).collect();
        let parts = Parts {
            event,
            item_leaves: &item_leaves,
            note: &sealed.note,
            cut_leaves: &cut_leaves,
            keys: &block.keys,
            header: &block.header,
            log_nodes: &mut |level, index| self.log.node(level, index),
            checkpoint_size: self.log.size(),
            checkpoint: &self.checkpoint,
        };
        prove(parts, items)
    }

    /// Names of all items of all submissions, bad ones included.
    pub fn items(&self) -> Vec<EventRef> {
        let mut names = Vec::new();
        for block in &self.blocks {
            for (ordinal, record) in block.cuts.iter().flatten().enumerate() {
                if let Record::Sealed(_, items) = record {
                    let name = |index| EventRef::new(block.header.height, ordinal as u32, index).unwrap();
                    names.extend((0..items.len() as u32).map(name));
                }
            }
        }
        names
    }
}

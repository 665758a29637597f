//! A small consortium to test with: one authority, and parties whose keys are made from their names.
#![allow(dead_code, clippy::unwrap_used)]

pub mod load;
pub mod process;
pub mod tamper;
pub mod witness;

use medtrace_chainer::inspect::{Consortium, Inspected, inspect};
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::note::sign_note;
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, KeyName, Policy, PublicKey, Salt, Signer, SigningKey, Submission, SubmissionKind,
    TopicUuid, VerifierKey, seal_submission,
};
use medtrace_log::producer::Producer;
use medtrace_log::record::Record;
use medtrace_registry::Notice;
use serde_json::{Value, json};

pub const AUTHORITY: &str = "authority";
pub const CHAINER: &str = "county.example/log";
/// The clock of the pure tests, Unix ms.
pub const NOW_MS: u64 = 1_772_400_000_000;

pub fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&Hash::of(name).0)
}

pub fn public(name: &str) -> PublicKey {
    key(name).public()
}

pub fn chainer() -> Signer {
    Signer::new(CHAINER.parse::<KeyName>().unwrap(), key(CHAINER))
}

pub fn genesis() -> Genesis {
    let verifier = |name: &str| VerifierKey { name: name.parse::<KeyName>().unwrap(), public: public(name) };
    Genesis {
        origin: CHAINER.parse().unwrap(),
        time_ms: NOW_MS - 1_000,
        authority: Quorum { threshold: 1, keys: vec![verifier(AUTHORITY)] },
        policy: Policy::alone(verifier(CHAINER)),
    }
}

/// A genesis note, signed by the authority.
pub fn note_of(genesis: &Genesis) -> String {
    genesis.sign(&[Signer::new(AUTHORITY.parse::<KeyName>().unwrap(), key(AUTHORITY))]).unwrap()
}

pub fn consortium() -> Consortium {
    Consortium::of(&genesis())
}

pub fn uuid(topic: &str) -> TopicUuid {
    TopicUuid(Hash::of(topic).0[..16].try_into().unwrap())
}

/// A submission on its way: what a test may spoil before it becomes a record.
#[derive(Clone, Debug)]
pub struct Draft {
    pub kind: SubmissionKind,
    pub party: String,
    pub keys: Vec<String>,
    pub time_ms: u64,
    pub genesis: Genesis,
    pub items: Vec<(ItemKind, Vec<u8>)>,
}

impl Draft {
    pub fn events(party: &str, items: impl IntoIterator<Item = String>) -> Draft {
        let items = items.into_iter().map(|item| (ItemKind::Event, item.into_bytes())).collect();
        let keys = vec![party.to_owned()];
        Draft { kind: SubmissionKind::Events, party: party.into(), keys, time_ms: NOW_MS, genesis: genesis(), items }
    }

    pub fn notice(party: &str, keys: &[&str], notice: &Value) -> Draft {
        let notice = Notice::read(notice.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let items = vec![(ItemKind::Notice, notice.to_jcs())];
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Draft { kind: SubmissionKind::Notices, party: party.into(), keys, time_ms: NOW_MS, genesis: genesis(), items }
    }

    pub fn at(self, time_ms: u64) -> Draft {
        Draft { time_ms, ..self }
    }

    fn salted(&self) -> Vec<Item<'_>> {
        let salt = |index: usize| Salt(Hash::of(format!("{index} {}", self.party)).0[..16].try_into().unwrap());
        self.items.iter().enumerate().map(|(i, (kind, bytes))| Item { kind: *kind, salt: salt(i), bytes }).collect()
    }

    /// The note over the items, with whatever they are.
    pub fn note(&self) -> String {
        let leaves: Vec<_> = self.salted().iter().map(Item::leaf).collect();
        let keys: Vec<_> = self.keys.iter().map(|name| key(name)).collect();
        let (origin, hash, party) = (&self.genesis.origin, self.genesis.hash(), self.party.parse().unwrap());
        if let Ok(sealed) = seal_submission(self.kind, origin, hash, &party, &keys, self.time_ms, &leaves) {
            return sealed.note;
        }
        // What no honest signer would sign: by hand.
        let submission = Submission {
            kind: self.kind,
            origin: origin.clone(),
            genesis: hash,
            party: party.clone(),
            public_keys: keys.iter().map(SigningKey::public).collect(),
            time_ms: self.time_ms,
            count: u32::try_from(leaves.len()).unwrap(),
            root: medtrace_ledger::merkle::root(leaves.iter().map(|leaf| leaf.hash)),
        };
        let signers: Vec<_> = keys.into_iter().map(|key| Signer::new(party.clone(), key)).collect();
        sign_note(submission.text(), &signers).unwrap().to_string()
    }

    pub fn record(&self) -> Record {
        Record::pack(self.note(), self.salted()).unwrap()
    }

    /// The Kafka value.
    pub fn value(&self) -> Vec<u8> {
        self.record().encode().unwrap()
    }

    pub fn inspected(&self, offset: u64) -> Inspected {
        inspect(self.kind, &consortium(), offset, self.value())
    }
}

pub fn event(number: u64) -> String {
    json!({"eventID": format!("urn:uuid:00000000-0000-8000-8000-{number:012x}"), "type": "ObjectEvent"}).to_string()
}

pub fn admission(party: &str) -> Draft {
    let notice = json!({"type": "party", "party": party, "revision": 1, "name": {"en": party},
        "rootKey": public(party), "roles": ["manufacturer"]});
    Draft::notice(AUTHORITY, &[AUTHORITY], &notice)
}

/// An admission whose record takes more than one KiB, because its names do not compress.
pub fn long_admission(party: &str) -> Draft {
    let bytes: Vec<u8> = (0..13).flat_map(|number| Hash::of(format!("{party} {number}")).0).collect();
    let (en, zh) = (medtrace_ledger::hash::base64(&bytes[..144]), bytes[..400].chunks(2));
    let zh: String =
        zh.filter_map(|two| char::from_u32(0x4e00 + u32::from(two[0]) * 64 + u32::from(two[1] % 64))).collect();
    let notice = json!({"type": "party", "party": party, "revision": 1, "name": {"en": en, "zh-CN": zh},
        "rootKey": public(party), "roles": ["manufacturer"]});
    Draft::notice(AUTHORITY, &[AUTHORITY], &notice)
}

pub fn enrolment(party: &str, new: &str) -> Draft {
    let notice = json!({"type": "key", "party": party, "revision": 1, "publicKey": public(new), "action": "enrol",
        "custody": "own"});
    Draft::notice(party, &[party, new], &notice)
}

pub fn revocation(party: &str, old: &str) -> Draft {
    let notice = json!({"type": "key", "party": party, "revision": 2, "publicKey": public(old), "action": "revoke"});
    Draft::notice(party, &[party], &notice)
}

/// A topic was made anew: its ids, made from names.
pub fn gap(topic: &str, revision: u32, lost: &str, new: &str) -> Draft {
    gap_between(topic, revision, uuid(lost), uuid(new))
}

pub fn gap_between(topic: &str, revision: u32, lost: TopicUuid, new: TopicUuid) -> Draft {
    let notice = json!({"type": "gap", "topic": topic, "revision": revision, "lost": lost, "new": new,
        "reason": {"en": "a disk"}});
    Draft::notice(AUTHORITY, &[AUTHORITY], &notice)
}

/// Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Puts a submission of now into the log.
pub async fn send(producer: &Producer, draft: &Draft) {
    send_of(producer, &draft.genesis, draft).await;
}

/// The same, to a consortium of another genesis.
pub async fn send_of(producer: &Producer, genesis: &Genesis, draft: &Draft) {
    let value = Draft { genesis: genesis.clone(), ..draft.clone() }.at(now_ms()).value();
    producer.send(draft.kind.topic(), None, draft.party.as_bytes(), &value).await.unwrap();
}

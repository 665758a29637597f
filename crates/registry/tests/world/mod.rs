//! A small consortium to test with: an authority of two members who must both sign, a maker, a trader, a hospital, a
//! regulator. Keys are made from the names, so every test has the same.
#![allow(dead_code, clippy::unwrap_used)]

use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::policy::Witness;
use medtrace_ledger::{
    Cut, Genesis, Hash, Header, KeyName, PartyId, Policy, PublicKey, SigningKey, TopicUuid, VerifierKey,
};
use medtrace_registry::{Effect, Notice, Position, Refusal, Registry};
use serde_json::{Value, json};

pub const MAKER_GTIN: &str = "09521321000117";
pub const MAKER_GLN: &str = "9521321000018";
pub const TRADER_GLN: &str = "9521555000013";
pub const HOSPITAL_GLN: &str = "9521987000018";

/// Who signs: party and key name.
pub type Signer = (&'static str, &'static str);
pub const BOTH: &[Signer] = &[("authority-a", "authority-a"), ("authority-b", "authority-b")];

pub struct World {
    pub registry: Registry,
    pub height: u64,
}

pub fn party(name: &str) -> PartyId {
    name.parse().unwrap()
}

pub fn public(key: &str) -> PublicKey {
    SigningKey::from_seed(&Hash::of(key).0).public()
}

pub fn notice(value: &Value) -> Notice {
    Notice::read(value.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
}

pub fn genesis() -> Genesis {
    let key = |name: &str| VerifierKey { name: name.parse::<KeyName>().unwrap(), public: public(name) };
    Genesis {
        origin: "county.example/log".parse().unwrap(),
        time_ms: 1_772_323_200_000,
        authority: Quorum { threshold: 2, keys: vec![key("authority-a"), key("authority-b")] },
        policy: Policy {
            witnesses: vec![Witness { name: "witness".parse().unwrap(), key: key("witness"), url: None }],
            ..Policy::alone(key("county.example/log"))
        },
    }
}

pub fn admission(name: &str, revision: u32, roles: Value, glns: Value, prefixes: Value) -> Value {
    json!({"type": "party", "party": name, "revision": revision, "name": {"en": name}, "rootKey": public(name),
           "roles": roles, "glns": glns, "prefixes": prefixes, "regions": ["CN"]})
}

pub fn enrolment(name: &str, key: &str) -> Value {
    json!({"type": "key", "party": name, "revision": 1, "publicKey": public(key), "action": "enrol", "custody": "own"})
}

pub fn revocation(name: &str, key: &str) -> Value {
    json!({"type": "key", "party": name, "revision": 2, "publicKey": public(key), "action": "revoke"})
}

pub fn stent(revision: u32) -> Value {
    json!({"type": "product", "product": "stent", "revision": revision, "owner": "maker", "gtin": MAKER_GTIN,
           "codes": [{"scheme": "cn-drug", "code": "8123456"}], "name": {"en": "stent"}, "kind": "device",
           "serialised": true, "lotRequired": true})
}

pub fn recall(id: &str, revision: u32, scope: Value) -> Value {
    json!({"type": "recall", "recall": id, "revision": revision, "action": "issue", "class": 1, "scope": scope,
           "reason": {"en": "coating comes off"}, "instructions": {"en": "set aside"}, "jurisdiction": "CN",
           "effective": "2026-03-01T00:00:00Z"})
}

pub fn recall_end(id: &str, revision: u32, action: &str) -> Value {
    json!({"type": "recall", "recall": id, "revision": revision, "action": action, "reason": {"en": "done"}})
}

pub fn place(gln: &str, owner: &str) -> Value {
    json!({"type": "place", "place": format!("https://id.gs1.org/414/{gln}"), "revision": 1, "party": owner,
           "name": {"en": gln}, "region": "CN-CQ"})
}

pub fn erasure(event: &str, revision: u32) -> Value {
    json!({"type": "erasure", "event": event, "revision": revision, "reason": {"en": "a name"},
           "replacement": {"type": "ObjectEvent"}})
}

/// The id of a topic, made from a name.
pub fn uuid(name: &str) -> TopicUuid {
    TopicUuid(Hash::of(name).0[..16].try_into().unwrap())
}

pub fn gap(topic: &str, revision: u32, lost: &str, new: &str) -> Value {
    json!({"type": "gap", "topic": topic, "revision": revision, "lost": uuid(lost), "new": uuid(new),
           "reason": {"en": "a disk"}})
}

pub fn acknowledgement(recall: &str, holder: &str, revision: u32, status: &str) -> Value {
    json!({"type": "acknowledgement", "recall": recall, "party": holder, "revision": revision, "status": status})
}

impl World {
    /// Only the genesis.
    pub fn empty() -> World {
        World { registry: Registry::from_genesis(&genesis()), height: 0 }
    }

    /// All parties admitted (heights 1 to 4), the maker's working key enrolled (5), its product known (6).
    pub fn new() -> World {
        let mut world = World::empty();
        world.good(BOTH, admission("maker", 1, json!(["manufacturer"]), json!([MAKER_GLN]), json!(["9521321"])));
        world.good(BOTH, admission("trader", 1, json!(["distributor"]), json!([TRADER_GLN]), json!(["9521555"])));
        world.good(BOTH, admission("hospital", 1, json!(["hospital"]), json!([HOSPITAL_GLN]), json!([])));
        world.good(BOTH, admission("nmpa", 1, json!(["regulator"]), json!([]), json!([])));
        world.good(&[("maker", "maker"), ("maker", "maker-2")], enrolment("maker", "maker-2"));
        world.good(&[("maker", "maker-2")], stent(1));
        world
    }

    /// Applies the next notice, in a block of its own.
    pub fn say(&mut self, signers: &[Signer], value: &Value) -> Result<Effect, Refusal> {
        let position = self.next();
        let result = self.registry.apply(position, &verified(signers), &notice(value));
        if result.is_ok() {
            self.height += 1;
        }
        result
    }

    pub fn good(&mut self, signers: &[Signer], value: Value) -> Effect {
        self.say(signers, &value).unwrap_or_else(|refusal| panic!("{value}: {refusal}"))
    }

    /// A block, without notices, that cuts a topic under this id.
    pub fn cut(&mut self, topic: &str, id: &str) {
        self.height += 1;
        let (topic, uuid, root) = (topic.parse().unwrap(), uuid(id), Hash::of(""));
        let cuts = vec![Cut { topic, uuid, partition: 0, from: 0, to: 1, records: 1, root }];
        let (origin, height) = (genesis().origin, self.height);
        self.registry.seal(&Header { origin, height, log_root: root, time_ms: 1, keys: (1, root), cuts, bad: vec![] });
    }

    /// Where the next notice will stand.
    pub fn next(&self) -> Position {
        Position { height: self.height + 1, idx: 0, time_ms: 1_772_323_200_000 + self.height * 200 }
    }
}

pub fn verified(signers: &[Signer]) -> Vec<(PartyId, PublicKey)> {
    signers.iter().map(|(name, key)| (party(name), public(key))).collect()
}

//! A whole ingest service in this process: a real registry, real keys, tokens and HTTP; tables at the edges.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

mod edges;
pub mod large;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use edges::*;
use medtrace_ingest::{
    App, Edges, Parts, Service, http,
    log::{AppendError, Log},
    view::View,
};
use medtrace_ledger::{
    Bad, Cut, Genesis, Hash, Header, Item, ItemKind, PartyId, Policy, Salt, Signer, SigningKey, TopicUuid, VerifierKey,
    genesis::Quorum,
    submission::{SubmissionKind, seal_submission},
};
use medtrace_log::{
    record::Record,
    sealed::{SealedBlock, SealedRecord},
};
use medtrace_service::{
    Shutdown, keys, life,
    tokens::{Caller, mint},
};
use serde_json::{Value, json};

/// This test world's clock: 2026-03-01T08:00:00Z.
pub const NOW_MS: u64 = 1_772_352_000_000;

pub fn now_ms() -> u64 {
    NOW_MS
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub fn party(name: &str) -> PartyId {
    name.parse().unwrap()
}

pub fn uuid() -> TopicUuid {
    TopicUuid::from_halves(1, 2)
}

/// The authority is `moh` with seed 1; the chainer has seed 2.
pub fn genesis() -> Genesis {
    let key =
        |name: &str, seed| VerifierKey::new(name.parse::<medtrace_ledger::KeyName>().unwrap(), key(seed).public());
    Genesis {
        origin: "test.medtrace".parse().unwrap(),
        time_ms: NOW_MS - 1_000,
        authority: Quorum { threshold: 1, keys: vec![key("moh", 1)] },
        policy: Policy::alone(key("test.medtrace", 2)),
    }
}

/// A submission of notices as a sealed record.
pub fn sealed_notices(signer: &str, keys: &[SigningKey], notices: &[Value]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = notices
        .iter()
        .map(|notice| medtrace_registry::Notice::read(notice.to_string().as_bytes()).unwrap().to_jcs())
        .collect();
    let items: Vec<Item<'_>> =
        bytes.iter().map(|bytes| Item { kind: ItemKind::Notice, salt: Salt([0; 16]), bytes }).collect();
    let leaves: Vec<_> = items.iter().map(Item::leaf).collect();
    let genesis = genesis();
    let kind = SubmissionKind::Notices;
    let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &party(signer), keys, NOW_MS, &leaves).unwrap();
    Record::pack(sealed.note, items).unwrap().encode().unwrap()
}

/// A block at this height that holds these records of `notices`.
pub fn block(height: u64, values: &[Vec<u8>]) -> SealedBlock {
    let header = Header {
        origin: genesis().origin,
        height,
        log_root: Hash::default(),
        time_ms: NOW_MS,
        keys: (0, Hash::default()),
        cuts: vec![],
        bad: vec![],
    };
    let record = |(ordinal, value): (usize, &Vec<u8>)| SealedRecord {
        ordinal: ordinal as u32,
        topic: "notices".into(),
        partition: 0,
        offset: ordinal as u64,
        timestamp_ms: 0,
        value: value.clone(),
        bad: None,
    };
    let records = values.iter().enumerate().map(record).collect();
    SealedBlock { text: header.text(), header, records, erased: Default::default() }
}

pub fn party_notice(name: &str, seed: u8, roles: &[&str], gln: &str, prefixes: &[&str]) -> Value {
    let mut notice = json!({ "type": "party", "party": name, "revision": 1, "name": { "en": name },
                             "rootKey": key(seed).public(), "roles": roles, "glns": [gln] });
    if !prefixes.is_empty() {
        notice["prefixes"] = json!(prefixes);
    }
    notice
}

/// A block at this height that names so many records of a partition of `scan-events` bad, from offset 0 on.
pub fn bad_block(height: u64, partition: u32, count: u32) -> SealedBlock {
    let mut block = block(height, &[]);
    let topic: medtrace_ledger::TopicName = "scan-events".parse().unwrap();
    block.header.cuts.push(Cut {
        topic: topic.clone(),
        uuid: uuid(),
        partition,
        from: 0,
        to: count.into(),
        records: count,
        root: Hash::default(),
    });
    let reason = "root".parse::<medtrace_ledger::Word>().unwrap();
    let bad = |ordinal| Bad { topic: topic.clone(), partition, ordinal, reason: reason.clone() };
    block.header.bad = (0..count).map(bad).collect();
    block
}

/// Block 0: a factory (seed 10, GLN 9506000134352), a hospital (seed 11, GLN 9506000140445), a distributor that is not
/// hosted here (seed 12), and the service (seed 20).
pub fn world() -> Arc<View> {
    let view = View::new(&genesis());
    let parties = [
        party_notice("factory-01", 10, &["manufacturer"], "9506000134352", &["9506000"]),
        party_notice("hospital-01", 11, &["hospital"], "9506000140445", &[]),
        party_notice("carrier-01", 12, &["carrier"], "9506000164908", &[]),
    ];
    view.apply(&block(0, &[sealed_notices("moh", &[key(1)], &parties)])).unwrap();
    view.set_head(Some(0));
    Arc::new(view)
}

/// An empty folder of this test's own.
pub fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("medtrace-ingest-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("keys")).unwrap();
    folder
}

/// A running service.
pub struct Running {
    pub base: String,
    pub http: reqwest::Client,
    /// Tokens of `factory-01`, `hospital-01`, `carrier-01`, `moh` and `nobody`.
    pub tokens: [String; 5],
    pub app: Arc<App>,
    pub shutdown: Shutdown,
    pub log: Arc<FakeLog>,
    pub index: Arc<FakeIndex>,
    pub died: Arc<Mutex<Vec<AppendError>>>,
}

pub const FACTORY: usize = 0;
pub const HOSPITAL: usize = 1;
pub const CARRIER: usize = 2;
pub const AUTHORITY: usize = 3;
pub const NOBODY: usize = 4;

/// Starts the service on the world of [`world`], keeping its files in `folder`.
pub async fn start(service: Service, folder: &Path, view: Arc<View>, log: Arc<FakeLog>) -> Running {
    Running { log: log.clone(), ..start_on(service, folder, view, log).await }
}

/// The same on another log.
pub async fn start_on(service: Service, folder: &Path, view: Arc<View>, log: Arc<dyn Log>) -> Running {
    let keys = folder.join("keys");
    for (name, seed) in [("factory-01", 10), ("hospital-01", 11), ("moh", 1), (service.name, 20), ("pseudonyms", 30)] {
        let path = keys.join(format!("{name}.key"));
        if !path.exists() {
            let name: medtrace_ledger::KeyName = name.parse().unwrap();
            keys::write(&path, &Signer::new(name, key(seed)), &keys::Protection::default()).unwrap();
        }
    }
    let file = folder.join("tokens.json");
    let tokens = ["factory-01", "hospital-01", "carrier-01", "moh", "nobody"].map(|party| {
        let caller = Caller { party: party.into(), operator: "li".into(), device: "scanner-3".into() };
        mint(&file, &caller, 1).unwrap()
    });
    let (index, shutdown) = (Arc::new(FakeIndex::default()), Shutdown::new());
    let died: Arc<Mutex<Vec<AppendError>>> = Arc::default();
    let fatal = died.clone();
    let edges = Edges {
        log,
        index: index.clone(),
        clock: now_ms,
        fatal: Box::new(move |error| fatal.lock().unwrap().push(error)),
    };
    let genesis = genesis();
    let parts = Parts {
        service,
        genesis: &genesis,
        name: service.name.parse().unwrap(),
        tokens: &file,
        keys: &keys,
        protection: keys::Protection::default(),
        data: &folder.join("data"),
        view,
    };
    let mut metrics = prometheus_client::registry::Registry::default();
    let app = Arc::new(App::open(parts, edges, &mut metrics, shutdown.clone()).unwrap());
    let listener = life::bind("test", ([127, 0, 0, 1], 0).into()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(life::serve(listener, http::router(app.clone()), shutdown.clone()));
    let http = reqwest::Client::new();
    Running { base, http, tokens, app, shutdown, log: FakeLog::new(), index, died }
}

/// One answer: status, headers that matter, body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Running {
    pub fn post(&self, who: usize, path: &str) -> reqwest::RequestBuilder {
        self.post_as(who, path, "application/json")
    }

    pub fn post_as(&self, who: usize, path: &str, media_type: &str) -> reqwest::RequestBuilder {
        let post = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.tokens[who]);
        post.header("content-type", media_type)
    }

    pub fn get(&self, who: usize, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.tokens[who])
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// Asks again and again until the job answers as `wanted`; fails after 60 s.
    pub async fn job_until(&self, who: usize, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let last = Mutex::new(Value::Null);
        let asked = async {
            loop {
                let answer = self.send(self.get(who, path)).await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                *last.lock().unwrap() = answer.body.clone();
                if wanted(&answer.body) {
                    return answer.body;
                }
                // Only so that asking does not take the time that the job needs.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let got = tokio::time::timeout(Duration::from_secs(60), asked).await;
        got.unwrap_or_else(|_| panic!("the job should get there: {:?}", last.lock().unwrap()))
    }
}

/// Takes what is random or signed out of an answer, so that it can be compared.
pub fn steady(mut answer: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    match (name.as_str(), &value) {
                        ("receipt" | "submission", Value::String(_)) => *value = "…".into(),
                        _ => walk(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut answer);
    answer
}

/// A commissioning of one item of the factory.
pub fn commission(n: u32) -> Value {
    json!({
        "id": format!("0190e0a0-0000-4000-8000-{n:012}"),
        "step": "commission", "time": "2026-03-01T08:00:00+08:00", "place": "9506000134352",
        "items": [{ "code": format!("(01)09506000134352(21)S{n}(10)LOT1(17)271231") }],
    })
}

/// An EPCIS event: the factory sees this item.
pub fn seen(serial: &str) -> Value {
    json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "inspecting",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": [format!("https://id.gs1.org/01/09506000134352/21/{serial}")],
        "readPoint": { "id": "https://id.gs1.org/414/9506000134352" },
    })
}

pub fn document(events: &[Value]) -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z",
        "epcisBody": { "eventList": events },
    })
}

/// A body for `/v1/submissions` or `/v1/notices`, signed by this party's key.
pub fn home_signed(signer: &str, seed: u8, kind: SubmissionKind, items: &[(&str, Value)]) -> Value {
    let bytes: Vec<Vec<u8>> =
        items.iter().map(|(_, body)| medtrace_event::Json::try_from(body).unwrap().to_jcs()).collect();
    let leaf = |(n, ((kind, _), bytes)): (usize, (&(&str, Value), &Vec<u8>))| {
        Item { kind: kind.parse().unwrap(), salt: Salt([n as u8; 16]), bytes }.leaf()
    };
    let leaves: Vec<_> = items.iter().zip(&bytes).enumerate().map(leaf).collect();
    let genesis = genesis();
    let sealed =
        seal_submission(kind, &genesis.origin, genesis.hash(), &party(signer), &[key(seed)], NOW_MS, &leaves).unwrap();
    let item = |(n, (kind, body)): (usize, &(&str, Value))| json!({ "kind": kind, "salt": Salt([n as u8; 16]).to_string(), "body": body });
    json!({ "note": sealed.note, "items": items.iter().enumerate().map(item).collect::<Vec<_>>() })
}

/// The hospital receives an item.
pub fn receiving(id: &str) -> Value {
    json!({
        "type": "ObjectEvent", "eventID": id, "action": "OBSERVE", "bizStep": "receiving", "disposition": "in_progress",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": ["https://id.gs1.org/01/09506000134352/21/S1"],
        "readPoint": { "id": "https://id.gs1.org/414/9506000140445" },
    })
}

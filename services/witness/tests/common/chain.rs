//! A real chainer on a real Kafka, in this process, and what somebody does to its log.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::merkle::Tree;
use medtrace_ledger::policy::Witness;
use medtrace_ledger::{
    AddCheckpoint, Checkpoint, ForeignCheckpoint, Hash, Item, ItemKind, Salt, Signer, SubmissionKind, TopicUuid,
    seal_submission,
};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, Message, RangeReader, last};
use medtrace_log::embedded::Scratch as Kafka;
use medtrace_log::producer::Producer;
use medtrace_log::record::Record;
use medtrace_log::sealed::read_header;
use medtrace_log::topics::{BLOCKS, CHECKPOINTS};
use medtrace_log::transactions::{Transactions, Write};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::{AUTHORITY, ORIGIN, Running, WITNESS, genesis, signer};

/// Longest wait for anything.
pub const WAIT: Duration = Duration::from_secs(60);

/// Asks again and again until it is so.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + WAIT;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The chainer of this Kafka, which asks the witness there.
pub fn chainer_config(kafka: &Kafka, witness: &str) -> medtrace_chainer::Config {
    let witness = Witness { url: Some(witness.to_owned()), ..genesis().policy.witnesses[0].clone() };
    let data = kafka.folder().join("chainer");
    std::fs::create_dir_all(&data).unwrap();
    medtrace_chainer::Config {
        admin: "127.0.0.1:0".parse().unwrap(),
        kafka: kafka.cluster(),
        genesis: genesis(),
        data,
        signer: signer(ORIGIN),
        witnesses: vec![witness],
        archive: None,
        heartbeat: Duration::from_secs(60),
        clock: medtrace_chainer::Clock::default(),
    }
}

/// Stands in for the witness where the chainer takes over: it says that it has what it is asked for, and cosigns nothing new.
/// Its address.
fn stand_in() -> String {
    let answer = async |body: String| {
        let asked = AddCheckpoint::parse(&body).unwrap();
        let checkpoint = ForeignCheckpoint::parse(&asked.note).unwrap();
        match asked.old_size == checkpoint.size() {
            true => {
                format!("{}\n", cosign(&signer(WITNESS), checkpoint.text(), now_ms() / 1000).unwrap()).into_response()
            }
            false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/add-checkpoint", post(answer));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// A chainer, started again whenever it ends.
pub fn chainer(kafka: &Kafka, witness: Option<&str>) -> Running {
    let config = chainer_config(kafka, &witness.map_or_else(stand_in, str::to_owned));
    Running::start(async move |until| {
        while !until.is_cancelled() {
            let metrics = medtrace_chainer::Metrics::register(&mut Registry::default());
            let status = medtrace_chainer::Status::default();
            if let Err(stop) = medtrace_chainer::run(&config, &metrics, &status, until.clone()).await {
                eprintln!("the chainer is started again after it stopped: {stop}");
            }
        }
    })
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// One submission of one item, as a record.
fn value(kind: SubmissionKind, item: ItemKind, party: &str, bytes: &str) -> Vec<u8> {
    let items = [Item { kind: item, salt: Salt([7; 16]), bytes: bytes.as_bytes() }];
    let leaves = items.each_ref().map(Item::leaf);
    let (genesis, keys) = (genesis(), [signer(party).key]);
    let party = party.parse().unwrap();
    let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &party, &keys, now_ms(), &leaves).unwrap();
    Record::pack(sealed.note, items).unwrap().encode().unwrap()
}

/// A topic was made anew.
pub fn gap(lost: TopicUuid, new: TopicUuid) -> Value {
    json!({"type": "gap", "topic": "scan-events", "revision": 1, "lost": lost, "new": new, "reason": {"en": "a disk"}})
}

/// The authority posts a notice; the size once a block has sealed it.
pub async fn notify(cluster: &Cluster, notice: &Value) -> u64 {
    let value = value(SubmissionKind::Notices, ItemKind::Notice, AUTHORITY, &notice.to_string());
    let before = head(cluster).await.map_or(0, |(size, _, _)| size);
    send(cluster, SubmissionKind::Notices, &value, before).await
}

/// Sends a record, and waits for the next block; the size.
async fn send(cluster: &Cluster, kind: SubmissionKind, value: &[u8], before: u64) -> u64 {
    Producer::open(cluster).unwrap().send(kind.topic(), Some(0), b"", value).await.unwrap();
    until("the next block", || async { head(cluster).await.map(|(size, _, _)| size).filter(|size| *size > before) })
        .await
}

/// Has the log grow by one block: a party is admitted, and later says something. Returns the size.
pub async fn grow(cluster: &Cluster, number: u64) -> u64 {
    let before = head(cluster).await.map_or(0, |(size, _, _)| size);
    let (kind, value) = match number {
        0 => {
            let notice = json!({"type": "party", "party": "acme", "revision": 1, "name": {"en": "acme"},
                "rootKey": signer("acme").key.public(), "roles": ["manufacturer"]});
            let kind = SubmissionKind::Notices;
            (kind, value(kind, ItemKind::Notice, AUTHORITY, &notice.to_string()))
        }
        _ => {
            let id = format!("urn:uuid:00000000-0000-8000-8000-{number:012x}");
            let event = json!({"eventID": id, "type": "ObjectEvent"}).to_string();
            (SubmissionKind::Events, value(SubmissionKind::Events, ItemKind::Event, "acme", &event))
        }
    };
    send(cluster, kind, &value, before).await
}

/// The last published checkpoint: size, root and note.
pub async fn head(cluster: &Cluster) -> Option<(u64, Hash, String)> {
    let message = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap()?;
    let note = String::from_utf8(message.value).unwrap();
    let (checkpoint, _) = Checkpoint::open(&note, &genesis()).unwrap();
    Some((checkpoint.size, checkpoint.root, note))
}

/// Every published checkpoint, in order.
pub async fn published(cluster: &Cluster) -> Vec<String> {
    let messages = all_of(cluster, CHECKPOINTS).await;
    messages.into_iter().map(|message| String::from_utf8(message.value).unwrap()).collect()
}

/// The header log as Kafka holds it.
pub async fn headers(cluster: &Cluster) -> Tree {
    all_of(cluster, BLOCKS).await.iter().map(|message| read_header(message).unwrap().0.leaf()).collect()
}

async fn all_of(cluster: &Cluster, topic: &str) -> Vec<Message> {
    let end = last(cluster, topic, 0, Isolation::Committed).await.unwrap().unwrap().offset + 1;
    let mut reader = RangeReader::open(cluster, topic, 0, Isolation::Committed).unwrap();
    let (messages, next) = reader.read(0, end, 1 << 24).await.unwrap();
    assert_eq!(next, end);
    messages
}

/// Asks for a cosignature of this size, as the chainer would.
pub fn ask(tree: &Tree, old_size: u64, size: u64) -> AddCheckpoint {
    let root = tree.root_at(size).unwrap();
    let note = Checkpoint { origin: ORIGIN.parse().unwrap(), size, root }.sign(&signer(ORIGIN)).unwrap().to_string();
    AddCheckpoint { old_size, proof: tree.consistency_path(old_size, size).unwrap_or_default(), note }
}

/// Writes a record as somebody with access to Kafka would.
pub async fn write(cluster: &Cluster, topic: &'static str, value: Vec<u8>) {
    let cluster = cluster.clone();
    let written = tokio::task::spawn_blocking(move || {
        let write = Write { topic, partition: 0, key: b"", value: &value };
        Transactions::open(&cluster, "somebody").unwrap().commit(&[write])
    });
    written.await.unwrap().unwrap();
}

/// A checkpoint that the log's key signs although the log is another.
pub fn forged(size: u64, signed_by: &Signer) -> String {
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size, root: Hash::of("another history") };
    checkpoint.sign(signed_by).unwrap().to_string()
}

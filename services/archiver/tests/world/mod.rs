//! Kafka, a chainer and archivers, all in this process but Kafka; one party that posts.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use medtrace_archive::Archive;
use medtrace_archiver::{Config, Metrics, Status, Stop};
use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::policy::Policy;
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, KeyName, Salt, Signer, SigningKey, SubmissionKind, VerifierKey, seal_submission,
};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::record::Record;
use medtrace_log::sealed::read_header;
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, NOTICES, SCAN_EVENTS};
use medtrace_registry::Notice;
use medtrace_service::{Env, Shutdown, keys};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

pub const AUTHORITY: &str = "authority";
const CHAINER: &str = "county.example/log";
/// Longest wait for anything in these tests.
const WAIT: Duration = Duration::from_secs(60);

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(&Hash::of(name).0)
}

pub fn chainer() -> Signer {
    Signer::new(CHAINER.parse::<KeyName>().unwrap(), key(CHAINER))
}

pub fn genesis() -> Genesis {
    let verifier = |name: &str| VerifierKey { name: name.parse::<KeyName>().unwrap(), public: key(name).public() };
    Genesis {
        origin: CHAINER.parse().unwrap(),
        time_ms: 1_772_400_000_000,
        authority: Quorum { threshold: 1, keys: vec![verifier(AUTHORITY)] },
        policy: Policy::alone(verifier(CHAINER)),
    }
}

pub struct World {
    pub cluster: Cluster,
    producer: Producer,
    chainer: Option<(Shutdown, JoinHandle<()>)>,
    kafka: Scratch,
}

/// A running archiver.
pub struct Archiver {
    shutdown: Shutdown,
    task: JoinHandle<Result<(), Stop>>,
}

impl World {
    pub async fn start() -> World {
        let kafka = Scratch::start().await;
        let folder = kafka.folder();
        for name in ["keys", "chainer", "archive"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let note = genesis().sign(&[Signer::new(AUTHORITY.parse::<KeyName>().unwrap(), key(AUTHORITY))]).unwrap();
        fs::write(folder.join("genesis.note"), note).unwrap();
        keys::write(&folder.join("keys/chainer.key"), &chainer(), &keys::Protection::default()).unwrap();
        let cluster = kafka.cluster();
        let producer = Producer::open(&cluster).unwrap();
        let mut world = World { cluster, producer, chainer: None, kafka };
        world.start_chainer();
        world
    }

    pub fn start_chainer(&mut self) {
        let config = medtrace_chainer::Config::read(&self.env()).unwrap();
        let (shutdown, status) = (Shutdown::new(), medtrace_chainer::Status::default());
        let metrics = medtrace_chainer::Metrics::register(&mut Default::default());
        let over = shutdown.clone();
        let task = spawn_blocking(move || {
            Handle::current().block_on(medtrace_chainer::run(&config, &metrics, &status, over)).unwrap()
        });
        self.chainer = Some((shutdown, task));
    }

    pub async fn stop_chainer(&mut self) {
        if let Some((shutdown, task)) = self.chainer.take() {
            shutdown.cancel();
            task.await.unwrap();
        }
    }

    /// The chainer's memory is lost.
    pub fn forget_chainer(&self) {
        let folder = self.kafka.folder().join("chainer");
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(folder).unwrap();
    }

    pub fn archiver(&self) -> Archiver {
        self.archiver_keeping(None)
    }

    /// One that removes from Kafka what is archived and so old.
    pub fn archiver_keeping(&self, retention: Option<Duration>) -> Archiver {
        let config = Config { retention, ..Config::read(&self.env()).unwrap() };
        let (shutdown, metrics, status) = (Shutdown::new(), Metrics::default(), Status::default());
        let over = shutdown.clone();
        let task = spawn_blocking(move || {
            Handle::current().block_on(medtrace_archiver::run(&config, &metrics, &status, over))
        });
        Archiver { shutdown, task }
    }

    fn env(&self) -> Env {
        let folder = self.kafka.folder();
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        Env::of([
            ("MEDTRACE_KAFKA", self.cluster.bootstrap()),
            ("MEDTRACE_GENESIS", &path("genesis.note")),
            ("MEDTRACE_KEYS", &path("keys")),
            ("MEDTRACE_DATA", &path("chainer")),
            ("MEDTRACE_ARCHIVE", &path("archive")),
        ])
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.kafka.folder().join("archive").join(name)
    }

    pub fn archive(&self) -> Archive {
        Archive::open(self.folder("").to_str().unwrap()).unwrap()
    }

    pub async fn audit(&self) -> medtrace_chainer::Report {
        medtrace_archiver::verify_archive(&self.archive(), &genesis(), |_| {}).await.unwrap()
    }

    /// All files below a folder of the archive.
    pub fn files(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.clone(), fs::read(path).unwrap())),
                }
            }
        }
        files
    }

    /// Changes every byte of every file of the archive, one after the other: an audit must name the file, or the block of
    /// which a record then differs. Returns how many bytes were changed.
    pub async fn each_flip_is_named(&self) -> u64 {
        let blocks = async || {
            let (mut reading, mut blocks) = (self.archive().blocks(0).await.ok()?, Vec::new());
            while let Some(block) = reading.next().await.ok()? {
                blocks.push(format!("{block:?}"));
            }
            Some(blocks)
        };
        let (root, all, mut flipped) = (self.folder(""), blocks().await.unwrap(), 0);
        for (path, whole) in self.files("") {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let mut unnoticed = Vec::new();
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 1 << (at % 8);
                fs::write(&path, &changed).unwrap();
                let findings = self.audit().await.findings;
                let named = match name.split('/').next() {
                    Some("block" | "erased") => findings.iter().any(|finding| finding.height < all.len() as u64),
                    _ => findings.iter().any(|finding| finding.what.contains(&name)),
                };
                // Other bytes of the compression say the same.
                let same = name.starts_with("block/") && findings.is_empty() && blocks().await.as_ref() == Some(&all);
                if !named && !same {
                    unnoticed.push((at, findings));
                }
                flipped += 1;
            }
            fs::write(&path, &whole).unwrap();
            assert!(unnoticed.is_empty(), "{name}: {unnoticed:?}");
        }
        flipped
    }

    /// Asks again and again until there is an answer.
    pub async fn until<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        let deadline = Instant::now() + WAIT;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < deadline, "it does not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn admit(&self, party: &str) {
        let notice = serde_json::json!({"type": "party", "party": party, "revision": 1, "name": {"en": party},
            "rootKey": key(party).public(), "roles": ["manufacturer"]});
        let notice = Notice::read(notice.to_string().as_bytes()).unwrap().to_jcs();
        self.send(SubmissionKind::Notices, AUTHORITY, vec![(ItemKind::Notice, notice)]).await;
    }

    /// Posts so many events and waits until they are sealed: the number of blocks then.
    pub async fn post(&self, party: &str, events: usize, round: usize) -> u64 {
        let event = |number: usize| {
            let id = format!("urn:uuid:00000000-0000-8000-{:04x}-{number:012x}", 0x8000 + round);
            let event = serde_json::json!({"action": "OBSERVE",
                "epcList": [format!("https://id.gs1.org/01/09521321000018/21/{round}x{number}")], "eventID": id,
                "eventTime": format!("2026-03-01T08:{round:02}:{number:02}.000Z"), "eventTimeZoneOffset": "+00:00",
                "type": "ObjectEvent"});
            let event = event.to_string();
            (ItemKind::Event, event.into_bytes())
        };
        let offset = self.send(SubmissionKind::Events, party, (0..events).map(event).collect()).await;
        self.until(async || {
            let message = last(&self.cluster, BLOCKS, 0, Isolation::Committed).await.unwrap()?;
            let header = read_header(&message).unwrap().0;
            // One party's events are in one partition, in the order in which they were posted.
            let sealed = header.cuts.iter().any(|cut| cut.topic.as_str() == SCAN_EVENTS && cut.to > offset);
            let checkpoint = last(&self.cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap()?;
            let note = String::from_utf8(checkpoint.value).unwrap();
            let size = medtrace_ledger::Checkpoint::open(&note, &genesis()).unwrap().0.size;
            (sealed && size > header.height).then_some(header.height + 1)
        })
        .await
    }

    pub async fn send(&self, kind: SubmissionKind, party: &str, items: Vec<(ItemKind, Vec<u8>)>) -> u64 {
        let items = items.iter().enumerate().map(|(index, (kind, bytes))| Item {
            kind: *kind,
            salt: Salt(Hash::of(index.to_string()).0[..16].try_into().unwrap()),
            bytes,
        });
        let items: Vec<Item<'_>> = items.collect();
        let leaves: Vec<_> = items.iter().map(Item::leaf).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let (genesis, party) = (genesis(), party.parse().unwrap());
        let keys = [key(&format!("{party}"))];
        let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &party, &keys, now, &leaves).unwrap();
        let value = Record::pack(sealed.note, items).unwrap().encode().unwrap();
        let topic = kind.topic();
        assert!([NOTICES, SCAN_EVENTS].contains(&topic));
        self.producer.send(topic, None, party.as_str().as_bytes(), &value).await.unwrap().offset
    }

    /// Writes into a topic of the chainer, as only the chainer should.
    pub async fn write(&self, topic: &str, text: &str) {
        self.producer.send(topic, Some(0), b"", text.as_bytes()).await.unwrap();
    }
}

impl Archiver {
    pub async fn stop(self) -> Result<(), Stop> {
        self.shutdown.cancel();
        self.task.await.unwrap()
    }

    /// Why it has stopped by itself.
    pub async fn ended(self) -> Stop {
        tokio::time::timeout(WAIT, self.task).await.unwrap().unwrap().unwrap_err()
    }
}

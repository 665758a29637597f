//! The world that a model test puts around the chainer: a log, witnesses, disks and clocks, all in memory, in which any
//! call can fail in any way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use medtrace_chainer::Standing;
use medtrace_chainer::inspect::{Inspected, inspect};
use medtrace_ledger::block::{Cut, Header};
use medtrace_ledger::{Checkpoint, Genesis, Hash, ItemKind, SubmissionKind, TopicUuid};
use medtrace_log::consumer::Message;
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, NOTICES, SCAN_EVENTS, Topic};
use tokio::time::Instant;

use crate::world::witness::witnessed;
use crate::world::*;

/// Processes that may lead, and witnesses, of which two must cosign.
pub const PROCESSES: usize = 3;
pub const WITNESSES: [&str; 3] = ["w1.example", "w2.example", "w3.example"];
/// Partitions of `scan-events` at first and at most.
const PARTITIONS: usize = 2;
const PARTITIONS_MAX: usize = 5;

/// How often `scan-events` may be made anew, and how often eight days may pass.
pub const REMADE_MAX: usize = 3;
pub const PASSES_MAX: usize = 3;
pub const PASS_MS: u64 = 8 * 24 * 60 * 60 * 1000;

/// The id of `scan-events` after it was made anew so often.
pub fn id(remade: usize) -> TopicUuid {
    match remade {
        0 => uuid(SCAN_EVENTS),
        _ => uuid(&format!("{SCAN_EVENTS} {remade}")),
    }
}

/// What a record in the pool is, to the simple model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Events by this key of `acme`.
    Events(&'static str),
    /// Sealed, and bad wherever it stands.
    Bad(&'static str),
    Admit,
    Enrol,
    Revoke,
    /// From the id of this number to the next one, signed after so many passes of eight days.
    Gap(usize, usize),
}

/// Records that were made and inspected once.
pub struct Pool {
    pub genesis: Genesis,
    pub notices: Vec<(Meaning, Inspected)>,
    pub events: Vec<(Meaning, Inspected)>,
}

impl Pool {
    pub fn new() -> Pool {
        let genesis = witnessed(&WITNESSES.map(|name| (name, "http://nowhere.example")), 2);
        let consortium = medtrace_chainer::inspect::Consortium::of(&genesis);
        let made = |kind, value| inspect(kind, &consortium, 0, value);
        let of = |draft: Draft| made(draft.kind, Draft { genesis: genesis.clone(), ..draft }.value());
        let by = |key: &str, number| Draft { keys: vec![key.into()], ..Draft::events("acme", [event(number)]) };
        let other = Genesis { time_ms: 1, ..genesis.clone() };
        let mut notices = vec![
            (Meaning::Admit, of(admission("acme"))),
            (Meaning::Enrol, of(enrolment("acme", "acme-2"))),
            (Meaning::Revoke, of(revocation("acme", "acme-2"))),
            (Meaning::Bad("undecodable"), made(SubmissionKind::Notices, b"?".to_vec())),
        ];
        for (lost, passes) in (0..REMADE_MAX).flat_map(|lost| (0..=PASSES_MAX).map(move |passes| (lost, passes))) {
            let draft = gap_between(SCAN_EVENTS, lost as u32 + 1, id(lost), id(lost + 1));
            notices.push((Meaning::Gap(lost, passes), of(draft.at(NOW_MS + passes as u64 * PASS_MS))));
        }
        let garbage = |bytes: &[u8]| (Meaning::Bad("undecodable"), made(SubmissionKind::Events, bytes.to_vec()));
        let twisted = Draft { items: vec![(ItemKind::Notice, b"{}".to_vec())], ..by("acme", 9) };
        let elsewhere = Draft { genesis: other, ..by("acme", 8) };
        let events = vec![
            (Meaning::Events("acme"), of(by("acme", 1))),
            (Meaning::Events("acme"), of(by("acme", 2))),
            (Meaning::Events("acme-2"), of(by("acme-2", 3))),
            (Meaning::Events("acme-2"), of(by("acme-2", 4))),
            (Meaning::Events("mallory"), of(by("mallory", 5))),
            garbage(b""),
            garbage(b"no record"),
            (Meaning::Bad("wrong-kind"), of(twisted)),
            (Meaning::Bad("wrong-genesis"), made(SubmissionKind::Events, elsewhere.value())),
        ];
        Pool { genesis, notices, events }
    }
}

/// One partition of a sealed topic: offsets (with gaps) and indexes into the pool.
#[derive(Clone, Default)]
pub struct Partition {
    pub records: Vec<(u64, usize)>,
    pub end: u64,
}

/// What became of a call, as the schedule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    NotDone,
    DoneButFailed,
    /// Reported failed; whether it is done is decided when the next leader opens the log.
    Open,
    /// Done, and the process dies before it learns of it.
    DoneAndDead,
}

/// A transaction whose outcome nobody knows yet.
pub struct InFlight {
    pub topic: &'static str,
    pub records: Vec<(String, String)>,
}

/// A process's machine.
#[derive(Default)]
pub struct Machine {
    /// Every standing file that was written; the last is what stands there.
    pub disk: Vec<Standing>,
    /// What becomes of the next write to the disk.
    pub fault: Option<Outcome>,
}

/// Everything outside of the chainer.
pub struct World {
    pub pool: Arc<Pool>,
    pub dice: fastrand::Rng,
    /// Every turn seals all that waits.
    pub orderly: bool,
    /// The true time, which is the broker's, is this plus what has passed since.
    pub base_ms: u64,
    begun: Instant,
    /// `notices/0`, then the partitions of `scan-events`.
    pub partitions: Vec<Partition>,
    /// All partitions as they were each time that `scan-events` was made anew: what an archive has.
    pub lost: Vec<Vec<Partition>>,
    pub blocks: Vec<Message>,
    pub checkpoints: Vec<Message>,
    ends: BTreeMap<&'static str, u64>,
    /// The writer that may write.
    pub epoch: u64,
    pub in_flight: Option<InFlight>,
    /// Whether each witness answers, and what it has cosigned.
    pub witnesses: [(bool, u64, Option<Hash>); 3],
    pub machines: [Machine; PROCESSES],
    /// Every checkpoint that has left a process, by its size: whether it arrived or not.
    pub signed: BTreeMap<u64, BTreeSet<Hash>>,
    /// The most headers that a quorum has cosigned.
    pub quorum: u64,
    /// How often somebody has taken the log over.
    pub taken_over: u64,
    /// What the broker's clock said when each block was written.
    pub written_ms: Vec<u64>,
}

impl World {
    pub fn new(pool: Arc<Pool>, dice: fastrand::Rng) -> World {
        World {
            pool,
            dice,
            orderly: false,
            base_ms: NOW_MS,
            begun: Instant::now(),
            partitions: vec![Partition::default(); 1 + PARTITIONS],
            lost: Vec::new(),
            blocks: Vec::new(),
            checkpoints: Vec::new(),
            ends: BTreeMap::new(),
            epoch: 0,
            in_flight: None,
            witnesses: [(true, 0, None); 3],
            machines: Default::default(),
            signed: BTreeMap::new(),
            quorum: 0,
            taken_over: 0,
            written_ms: Vec::new(),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.base_ms + u64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }

    /// Topic, number in it, and the records that may stand in a partition.
    pub fn partition(&self, index: usize) -> (&'static str, u32, &[(Meaning, Inspected)]) {
        match index {
            0 => (NOTICES, 0, &self.pool.notices),
            _ => (SCAN_EVENTS, u32::try_from(index - 1).unwrap(), &self.pool.events),
        }
    }

    /// Appends a record of the pool to a partition.
    pub fn append(&mut self, index: usize) {
        // Gaps are told on purpose.
        let kinds = self.partition(index).2.iter().filter(|(meaning, _)| !matches!(meaning, Meaning::Gap(..))).count();
        let which = self.dice.usize(..kinds);
        let partition = &mut self.partitions[index];
        partition.records.push((partition.end, which));
        partition.end += 1;
    }

    /// The last record of a partition once more, or offsets without a record, as aborted transactions leave them.
    pub fn repeat(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        match partition.records.last().copied() {
            Some((_, which)) if self.dice.bool() => {
                partition.records.push((partition.end, which));
                partition.end += 1;
            }
            _ => partition.end += 2,
        }
    }

    /// `scan-events` loses what it holds and is made anew, once something of it has been sealed.
    pub fn make_anew(&mut self) {
        let cut = self.headers().iter().any(|header| header.cuts.iter().any(|cut| cut.topic.as_str() == SCAN_EVENTS));
        if cut && self.lost.len() < REMADE_MAX {
            self.lost.push(self.partitions.clone());
            self.partitions.truncate(1);
            self.partitions.resize(1 + PARTITIONS, Partition::default());
        }
    }

    /// A gap notice is posted, signed now: from the id of this number.
    pub fn tell_gap(&mut self, lost: usize) {
        let passes = usize::try_from((self.base_ms - NOW_MS) / PASS_MS).unwrap();
        let which = self.pool.notices.iter().position(|(meaning, _)| *meaning == Meaning::Gap(lost, passes));
        let notices = &mut self.partitions[0];
        notices.records.push((notices.end, which.unwrap()));
        notices.end += 1;
    }

    /// The partition that a cut is of, as it is or was.
    pub fn partition_of(&self, cut: &Cut) -> &Partition {
        let index = self.index_of(cut);
        let lost = (0..self.lost.len()).find(|number| index > 0 && id(*number) == cut.uuid);
        lost.map_or_else(|| &self.partitions[index], |number| &self.lost[number][index])
    }

    pub fn grow(&mut self) {
        if self.partitions.len() <= PARTITIONS_MAX {
            self.partitions.push(Partition::default());
        }
    }

    pub fn topics(&self) -> Vec<Topic> {
        let topic = |name: &str, uuid: TopicUuid, partitions: usize| Topic {
            name: name.into(),
            uuid,
            partitions: i32::try_from(partitions).unwrap(),
            replicas: 1,
        };
        let events = id(self.lost.len());
        vec![topic(NOTICES, uuid(NOTICES), 1), topic(SCAN_EVENTS, events, self.partitions.len() - 1)]
    }

    /// Writes a transaction; the records of `blocks` and `checkpoints` are kept.
    pub fn write(&mut self, topic: &'static str, records: &[(String, String)]) {
        let now_ms = self.now_ms();
        let end = self.ends.entry(topic).or_default();
        for (key, value) in records {
            let (key, value) = (key.clone().into_bytes(), value.clone().into_bytes());
            let message = Message { partition: 0, offset: *end, timestamp_ms: now_ms.cast_signed(), key, value };
            *end += 1;
            match topic {
                BLOCKS => {
                    self.blocks.push(message);
                    self.written_ms.push(now_ms);
                }
                CHECKPOINTS => self.checkpoints.push(message),
                _ => {}
            }
        }
        // The transaction's marker.
        *end += 1;
    }

    /// A writer is opened: whoever wrote before is shut out, and what it has left is done or not.
    pub fn open(&mut self) -> u64 {
        self.epoch += 1;
        self.taken_over += 1;
        if let Some(InFlight { topic, records }) = self.in_flight.take()
            && self.dice.bool()
        {
            self.write(topic, &records);
        }
        self.epoch
    }

    /// Notes what was signed, the moment that it leaves its process.
    pub fn note_signed(&mut self, records: &[(String, String)]) {
        for (_, note) in records {
            let (Checkpoint { size, root, .. }, _) = Checkpoint::open(note, &self.pool.genesis).unwrap();
            self.signed.entry(size).or_default().insert(root);
        }
    }

    pub fn headers(&self) -> Vec<Header> {
        self.blocks.iter().map(|message| Header::parse(std::str::from_utf8(&message.value).unwrap()).unwrap()).collect()
    }

    /// Headers that the last checkpoint covers.
    pub fn published(&self) -> u64 {
        let last = self.checkpoints.last();
        last.map_or(0, |message| String::from_utf8_lossy(&message.value).lines().nth(1).unwrap().parse().unwrap())
    }
}

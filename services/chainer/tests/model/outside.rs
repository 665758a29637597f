//! The chainer's calls into the model's world. Each waits until the schedule lets it go on, and says how it ends.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use medtrace_archive::ArchiveError;
use medtrace_chainer::outside::{Blocks, Headers, Outside, Records, Writer};
use medtrace_chainer::recover::Published;
use medtrace_chainer::{Standing, Stop};
use medtrace_ledger::block::Header;
use medtrace_ledger::{KeyName, merkle};
use medtrace_log::LogError;
use medtrace_log::consumer::Message;
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, Topic};
use medtrace_log::transactions::TransactionError;
use rdkafka::error::KafkaError;
use tokio::sync::{Notify, oneshot};

use crate::log::{InFlight, Outcome, PROCESSES, WITNESSES, World};

/// What a process waits at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The process itself: what it does next.
    Turn,
    Open,
    Last(&'static str),
    Headers,
    ReadBack,
    Blocks,
    Block,
    Topics,
    AskWitnesses,
    Cosign,
    Commit(&'static str),
}

/// Where a process stands.
#[derive(Default)]
pub struct Place {
    pub waits: Mutex<Option<(Call, oneshot::Sender<Outcome>)>>,
    /// What it ended with.
    pub ended: Mutex<Option<String>>,
    pub moved: Notify,
}

/// One process's way into the world.
#[derive(Clone)]
pub struct Simulated {
    pub id: usize,
    pub world: Arc<Mutex<World>>,
    pub places: Arc<[Place; PROCESSES]>,
}

impl Simulated {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn place(&self) -> &Place {
        &self.places[self.id]
    }

    /// Waits for the schedule.
    pub async fn gate(&self, call: Call) -> Outcome {
        let (go, gone) = oneshot::channel();
        *self.place().waits.lock().unwrap() = Some((call, go));
        self.place().moved.notify_one();
        match gone.await {
            Ok(outcome) => outcome,
            Err(_) => pending().await,
        }
    }

    async fn call<T>(&self, call: Call, act: impl FnOnce(&mut World) -> T) -> Result<T, LogError> {
        let outcome = self.gate(call).await;
        let done = match outcome {
            Outcome::NotDone | Outcome::Open => None,
            _ => Some(act(&mut self.world())),
        };
        match (outcome, done) {
            (Outcome::Done, Some(done)) => Ok(done),
            (Outcome::DoneAndDead, _) => pending().await,
            _ => Err(LogError::Timeout { doing: format!("{call:?}"), waited_ms: 0 }),
        }
    }

    /// Asks one witness to cosign what was published; true if its line came back.
    pub async fn cosign(&self, which: usize, size: u64) -> bool {
        let asked = self.call(Call::Cosign, |world| {
            let leaves: Vec<_> = world.headers().iter().map(Header::leaf).collect();
            let root = merkle::root(leaves[..usize::try_from(size).unwrap()].iter().copied());
            let (up, has, seen) = world.witnesses[which];
            let held = usize::try_from(has).unwrap();
            let follows = has == 0 || (has <= size && seen == Some(merkle::root(leaves[..held].iter().copied())));
            if !up || !follows {
                return false;
            }
            world.witnesses[which] = (up, size, Some(root));
            let mut sizes = world.witnesses.map(|(_, size, _)| size);
            sizes.sort_unstable();
            world.quorum = world.quorum.max(sizes[1]);
            true
        });
        asked.await.unwrap_or_default()
    }
}

impl Outside for Simulated {
    type Writer = SimulatedWriter;
    type Headers = Following;
    type Blocks = Following;

    async fn writer(&self) -> Result<SimulatedWriter, LogError> {
        let epoch = self.call(Call::Open, World::open).await?;
        Ok(SimulatedWriter { outside: self.clone(), epoch })
    }

    async fn last(&self, topic: &'static str) -> Result<Option<Message>, LogError> {
        self.call(Call::Last(topic), |world| match topic {
            BLOCKS => world.blocks.last().cloned(),
            _ => world.checkpoints.last().cloned(),
        })
        .await
    }

    async fn headers(&self, from: u64) -> Result<Following, LogError> {
        let at = self.call(Call::Headers, |world| world.blocks.iter().filter(|block| block.offset < from).count());
        Ok(Following { outside: self.clone(), at: at.await?, topic: None })
    }

    async fn blocks(&self, height: u64, topic: Option<&'static str>) -> Result<Following, LogError> {
        self.call(Call::Blocks, |_| {}).await?;
        Ok(Following { outside: self.clone(), at: usize::try_from(height).unwrap(), topic })
    }

    async fn topics(&self) -> Result<Vec<Topic>, LogError> {
        self.call(Call::Topics, |world| world.topics()).await
    }

    async fn ask_witnesses(&self, published: Option<&Published>) -> Result<Vec<KeyName>, Stop> {
        let (size, root) = published.map_or((0, None), |p| (p.checkpoint.size, Some(p.checkpoint.root)));
        let has = self.call(Call::AskWitnesses, |world| world.witnesses).await.unwrap_or_default();
        let mut agreed = Vec::new();
        for (name, (up, has, seen)) in WITNESSES.iter().zip(has) {
            let witness: KeyName = name.parse().unwrap();
            match up {
                false => continue,
                true if has > size => return Err(Stop::WitnessAhead { witness, has, published: size }),
                true if has == size && has > 0 && seen != root => return Err(Stop::WitnessDiffers { witness }),
                true => agreed.push(witness),
            }
        }
        Ok(agreed)
    }

    fn remember(&self, standing: &Standing) -> Result<(), Stop> {
        let mut world = self.world();
        let machine = &mut world.machines[self.id];
        let fault = machine.fault.take();
        if fault != Some(Outcome::NotDone) {
            machine.disk.push(standing.clone());
        }
        let failed = || std::io::Error::other("the disk");
        fault.map_or(Ok(()), |_| Err(Stop::Folder { doing: "write".into(), source: failed() }))
    }
}

pub struct SimulatedWriter {
    outside: Simulated,
    epoch: u64,
}

impl Writer for SimulatedWriter {
    async fn commit(&mut self, topic: &'static str, records: Records) -> Result<Option<i64>, TransactionError> {
        if topic == CHECKPOINTS {
            self.outside.world().note_signed(&records);
        }
        let outcome = self.outside.gate(Call::Commit(topic)).await;
        let source = KafkaError::Canceled;
        {
            let mut world = self.outside.world();
            match outcome {
                _ if world.epoch != self.epoch => return Err(TransactionError::Fenced { source }),
                Outcome::NotDone => return Err(TransactionError::NotDone { source }),
                Outcome::Open => world.in_flight = Some(InFlight { topic, records: records.to_vec() }),
                _ => world.write(topic, &records),
            }
            match outcome {
                Outcome::Done => return Ok(Some(world.now_ms().cast_signed())),
                Outcome::DoneAndDead => {}
                _ => return Err(TransactionError::Unknown { source }),
            }
        }
        pending().await
    }
}

/// A place in `blocks`.
pub struct Following {
    outside: Simulated,
    at: usize,
    /// Records of this topic only.
    topic: Option<&'static str>,
}

impl Headers for Following {
    async fn next(&mut self) -> Result<Message, LogError> {
        let at = self.at;
        match self.outside.call(Call::ReadBack, |world| world.blocks.get(at).cloned()).await? {
            Some(message) => {
                self.at += 1;
                Ok(message)
            }
            None => pending().await,
        }
    }
}

impl Blocks for Following {
    async fn next(&mut self) -> Result<SealedBlock, ArchiveError> {
        let (at, topic) = (self.at, self.topic);
        let block = self.outside.call(Call::Block, |world| world.sealed(at, topic)).await?;
        self.at += 1;
        Ok(block)
    }
}

impl World {
    /// A block with its records, all or those of one topic.
    pub fn sealed(&self, at: usize, only: Option<&str>) -> SealedBlock {
        let text = String::from_utf8(self.blocks[at].value.clone()).unwrap();
        let header = Header::parse(&text).unwrap();
        let mut records = Vec::new();
        for (cut, ordinals) in header.cuts_with_ordinals() {
            let index = self.index_of(cut);
            let (topic, number, pool) = self.partition(index);
            if only.is_some_and(|only| only != topic) {
                continue;
            }
            let within = self.partition_of(cut).records.iter().filter(|(at, _)| (cut.from..cut.to).contains(at));
            for (ordinal, (offset, which)) in ordinals.zip(within) {
                records.push(SealedRecord {
                    ordinal,
                    topic: topic.to_owned(),
                    partition: number.cast_signed(),
                    offset: *offset,
                    timestamp_ms: 0,
                    value: pool[*which].1.value.clone(),
                    bad: header.bad_reason(ordinal).map(ToString::to_string),
                });
            }
        }
        SealedBlock { header, text, records, erased: Default::default() }
    }
}

//! The witnesses of the policy: asked before a leader signs anything, then told of checkpoints beside the sealing, which
//! never waits for them.
//!
//! ```text
//! newest checkpoint ─▶ round ─▶ one task for each witness: add-checkpoint ─▶ cosignatures ─▶ quorum?
//!                        ▲                                                                    │
//!                        └── the next, once all have answered or a round's time is over ◀─────┴─▶ published with them
//! ```

mod ask;
mod attend;
mod headers;
mod question;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use medtrace_ledger::note::SignatureLine;
use medtrace_ledger::{Checkpoint, Genesis, KeyName, Note};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

pub(crate) use ask::ask;

use crate::{Config, Metrics, Status};

/// Longest round, milliseconds: who has not answered by then is asked again with the next checkpoint.
const ROUND_MS: u64 = 5_000;
/// Cosignatures beyond the quorum are waited for so long, milliseconds.
const MORE_MS: u64 = 500;
/// Cosignatures that are on their way.
const QUEUE: usize = 64;

/// A checkpoint that is to be cosigned.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    /// Running number: the same checkpoint told again is cosigned again.
    pub number: u64,
    pub size: u64,
    /// With the chainer's line alone.
    pub note: Arc<Note>,
}

/// What one witness has answered.
#[derive(Debug)]
struct Cosigned {
    number: u64,
    witness: KeyName,
    line: SignatureLine,
}

/// The witnesses at work. They end when this is dropped.
pub(crate) struct Witnesses {
    genesis: Genesis,
    told: u64,
    newest: Option<Newest>,
    round: watch::Sender<Option<Newest>>,
    current: Option<Round>,
    answers: mpsc::Receiver<Cosigned>,
    /// Number of witnesses that can be asked.
    asked: usize,
    _tasks: JoinSet<()>,
}

/// One checkpoint and who has cosigned it.
struct Round {
    newest: Newest,
    begun: Instant,
    lines: Vec<SignatureLine>,
    cosigned: BTreeSet<KeyName>,
    /// So many lines have been published.
    published: usize,
}

impl Witnesses {
    /// Starts a task for each witness.
    pub fn start(config: &Config, metrics: &Metrics, status: &Status) -> Witnesses {
        let (round, asked) = watch::channel(None);
        let (answered, answers) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        for witness in &config.witnesses {
            let attending = attend::Attending::new(&config.kafka, witness, metrics, status);
            tasks.spawn(attending.run(asked.clone(), answered.clone()));
        }
        let genesis = config.genesis.clone();
        let asked = tasks.len();
        Witnesses { genesis, told: 0, newest: None, round, current: None, answers, asked, _tasks: tasks }
    }

    /// Tells them of a checkpoint. Returns at once.
    pub fn tell(&mut self, size: u64, note: Note) {
        self.told += 1;
        self.newest = Some(Newest { number: self.told, size, note: Arc::new(note) });
    }

    /// The next checkpoint with so many cosignatures that the quorum is reached. Cancelling loses nothing.
    pub async fn next(&mut self) -> Note {
        loop {
            if self.current.is_none() {
                match self.newest.take().filter(|_| self.asked > 0) {
                    Some(newest) => self.begin(newest),
                    // Nothing to do until somebody tells of one, which ends this wait.
                    None => std::future::pending().await,
                }
            }
            let Some(round) = &mut self.current else { continue };
            let quorum = round.published > 0;
            let over = round.begun + Duration::from_millis(if quorum { MORE_MS } else { ROUND_MS });
            let answer = tokio::select! {
                biased;
                answer = self.answers.recv() => answer,
                () = sleep_until(over) => None,
            };
            match answer {
                Some(answer) => round.add(answer),
                None => {
                    if let Some(note) = self.end() {
                        return note;
                    }
                    continue;
                }
            }
            let first = round.published == 0 && self.genesis.policy.is_met(&round.cosigned);
            if round.cosigned.len() == self.asked {
                if let Some(note) = self.end() {
                    return note;
                }
            } else if first && let Some(note) = round.publish(&self.genesis) {
                return note;
            }
        }
    }

    fn begin(&mut self, newest: Newest) {
        self.round.send_replace(Some(newest.clone()));
        let (begun, lines, cosigned) = (Instant::now(), Vec::new(), BTreeSet::new());
        self.current = Some(Round { newest, begun, lines, cosigned, published: 0 });
    }

    /// Ends the round; what has not been published yet, if the quorum is reached.
    fn end(&mut self) -> Option<Note> {
        let mut round = self.current.take()?;
        match self.genesis.policy.is_met(&round.cosigned) {
            true => round.publish(&self.genesis),
            false => None,
        }
    }
}

impl Round {
    fn add(&mut self, answer: Cosigned) {
        if answer.number == self.newest.number && self.cosigned.insert(answer.witness) {
            self.lines.push(answer.line);
        }
    }

    /// The checkpoint with all lines, if there are more than have been published.
    fn publish(&mut self, genesis: &Genesis) -> Option<Note> {
        if self.lines.len() <= self.published {
            return None;
        }
        self.published = self.lines.len();
        match Checkpoint::with_cosignatures(&self.newest.note, &self.lines, genesis) {
            Ok(note) => Some(note),
            Err(error) => {
                tracing::error!(error = %error, "cosignatures cannot be put under a checkpoint");
                None
            }
        }
    }
}

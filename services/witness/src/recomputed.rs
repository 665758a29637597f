//! What a full witness knows by its own work: the root of the log at every size, and the checkpoints held against it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use medtrace_ledger::{Hash, merkle};
use medtrace_service::unix_ms;
use tokio::sync::watch;

use crate::alarms::{Alarm, Alarms, Finding};
use crate::cosigner::Signed;
use crate::refusal::Refusal;

/// How long a checkpoint beyond what is recomputed is waited for before the client is told to come again, milliseconds; less
/// than our chainer waits for an answer.
pub const WAIT_MS: u64 = 3_000;
/// Most checkpoints that wait to be compared.
pub const AHEAD_MAX: usize = 1_024;
/// A log that does not give what it signed for so long makes the witness not ready, seconds.
const AHEAD_READY_S: u64 = 30;

/// The log as it was recomputed, 32 bytes a header.
#[derive(Debug)]
pub struct Recomputed {
    origin: String,
    alarms: Arc<Alarms>,
    state: Mutex<State>,
    size: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// What the log had published when this run began is recomputed.
    caught_up: bool,
    /// At index n the root of the first n + 1 headers.
    roots: Vec<Hash>,
    /// Notes beyond that, by size and root, and since when.
    ahead: BTreeMap<(u64, Hash), (String, Instant)>,
}

impl Recomputed {
    /// Nothing recomputed yet.
    pub fn new(origin: String, alarms: Arc<Alarms>) -> Recomputed {
        Recomputed { origin, alarms, state: Mutex::default(), size: watch::Sender::new(0) }
    }

    /// Number of headers that were recomputed.
    pub fn size(&self) -> u64 {
        *self.size.borrow()
    }

    /// The largest size that a checkpoint beyond that says, and for how many seconds the first of them has been waiting.
    pub fn ahead(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        let since = state.ahead.values().map(|(_, since)| since.elapsed().as_secs()).max()?;
        Some((state.ahead.last_key_value()?.0.0, since))
    }

    /// Keeps up with what the log signs, and has found nothing wrong.
    pub fn is_ready(&self) -> bool {
        let keeps_up = self.ahead().is_none_or(|(_, since_s)| since_s < AHEAD_READY_S);
        self.lock().caught_up && keeps_up && !self.alarms.refuses(&self.origin)
    }

    /// What the log had published when this run began is recomputed.
    pub fn caught_up(&self) {
        self.lock().caught_up = true;
    }

    /// One more header follows. Compares the checkpoints that waited for it.
    pub fn grew(&self, root: Hash) {
        let mut state = self.lock();
        state.roots.push(root);
        let size = state.roots.len() as u64;
        let later = state.ahead.split_off(&(size + 1, Hash::default()));
        let due = std::mem::replace(&mut state.ahead, later);
        drop(state);
        for ((_, found), (note, _)) in due {
            self.compare(size, found, root, &note);
        }
        self.size.send_replace(size);
    }

    /// Holds a checkpoint against the own root of that size; one that is beyond is kept until the log gets there, if there
    /// is room.
    ///
    /// # Errors
    /// It differs (an alarm), did so before, or is beyond.
    pub fn judge(&self, signed: &Signed) -> Result<(), Refusal> {
        let (size, found) = signed.head();
        let mut state = self.lock();
        let own = match size.checked_sub(1) {
            None => Some(merkle::empty_root()),
            Some(index) => usize::try_from(index).ok().and_then(|index| state.roots.get(index).copied()),
        };
        let room = state.ahead.len() < AHEAD_MAX;
        if own.is_none() && room {
            state.ahead.entry((size, found)).or_insert_with(|| (signed.note(), Instant::now()));
        }
        let verified = state.roots.len() as u64;
        drop(state);
        if let Some(own) = own {
            self.compare(size, found, own, &signed.note());
        }
        match own {
            _ if self.alarms.refuses(&self.origin) => Err(Refusal::Contradicted),
            None => Err(Refusal::Behind { verified }),
            Some(_) => Ok(()),
        }
    }

    /// Like [`Recomputed::judge`], but waits for the log to get there.
    ///
    /// # Errors
    /// As there.
    pub async fn judge_in_time(&self, signed: &Signed, wait: Duration) -> Result<(), Refusal> {
        match self.judge(signed) {
            Err(Refusal::Behind { .. }) => {}
            judged => return judged,
        }
        self.reached(signed.head().0, wait).await;
        self.judge(signed)
    }

    /// Whether the log gets to a size in time.
    pub async fn reached(&self, size: u64, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.get_to(size)).await.is_ok()
    }

    /// Resolves when the log gets to a size.
    pub async fn get_to(&self, size: u64) {
        // The sender lives as long as this does.
        let _ = self.size.subscribe().wait_for(|recomputed| *recomputed >= size).await;
    }

    /// Whether one more checkpoint that is beyond would be kept.
    pub fn has_room(&self) -> bool {
        self.lock().ahead.len() < AHEAD_MAX
    }

    /// Raises an alarm of this log.
    pub fn alarm(&self, finding: Finding) {
        self.alarms.raise(Alarm { origin: self.origin.clone(), time_ms: unix_ms(), finding });
    }

    fn compare(&self, size: u64, found: Hash, own: Hash, note: &str) {
        if found != own {
            self.alarm(Finding::Checkpoint { size, note: note.to_owned(), computed: own });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

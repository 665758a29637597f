//! The edges as tables: a log that fails as told, an index that reaches as far as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use medtrace_ingest::{
    jobs::{Index, Positions},
    log::{AppendError, Log, Placed},
};
use medtrace_ledger::{ItemKind, PartyId, submission::SubmissionKind};
use medtrace_log::record::{Record, Unpacked};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::uuid;

/// What an append of the fake log does.
#[derive(Clone, Debug)]
pub enum Act {
    Take,
    /// Not done.
    Refuse,
    /// Done, but reported as unknown.
    TakeUnseen,
    /// Not done, and reported as unknown.
    Lose,
    Die,
}

/// One record that the fake log has taken.
#[derive(Clone)]
pub struct Taken {
    pub kind: SubmissionKind,
    pub party: PartyId,
    pub value: Vec<u8>,
}

impl Taken {
    pub fn unpacked(&self) -> Unpacked {
        Record::decode(&self.value).unwrap()
    }

    /// Kinds and bodies of its items.
    pub fn items(&self) -> Vec<(ItemKind, Value)> {
        let unpacked = self.unpacked();
        let item = |n| unpacked.item(n).map(|item| (item.kind, serde_json::from_slice(item.bytes).unwrap())).unwrap();
        (0..unpacked.len()).map(item).collect()
    }
}

/// The log as a table. Each append needs a permit of `gate` and follows the next act of `script` (then `Take`).
pub struct FakeLog {
    pub taken: Mutex<Vec<Taken>>,
    pub script: Mutex<VecDeque<Act>>,
    pub gate: Semaphore,
    /// Appends begun.
    pub begun: Semaphore,
}

impl FakeLog {
    pub fn new() -> Arc<FakeLog> {
        FakeLog::gated(Semaphore::MAX_PERMITS / 2)
    }

    pub fn gated(permits: usize) -> Arc<FakeLog> {
        Arc::new(FakeLog {
            taken: Mutex::default(),
            script: Mutex::default(),
            gate: Semaphore::new(permits),
            begun: Semaphore::new(0),
        })
    }

    pub fn scripted(acts: impl IntoIterator<Item = Act>) -> Arc<FakeLog> {
        let log = FakeLog::new();
        log.script.lock().unwrap().extend(acts);
        log
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

impl Log for FakeLog {
    fn append<'a>(
        &'a self,
        kind: SubmissionKind,
        party: &'a PartyId,
        value: &'a [u8],
    ) -> BoxFuture<'a, Result<Placed, AppendError>> {
        Box::pin(async move {
            self.begun.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
            let act = self.script.lock().unwrap().pop_front().unwrap_or(Act::Take);
            let take = || {
                let mut taken = self.taken.lock().unwrap();
                taken.push(Taken { kind, party: party.clone(), value: value.to_vec() });
                Placed { uuid: uuid(), partition: 2, offset: taken.len() as u64 - 1 }
            };
            match act {
                Act::Take => Ok(take()),
                Act::Refuse => Err(AppendError::NotDone("refused".into())),
                Act::Lose => Err(AppendError::Unknown("lost".into())),
                Act::Die => Err(AppendError::Fatal("fenced".into())),
                Act::TakeUnseen => {
                    take();
                    Err(AppendError::Unknown("timed out".into()))
                }
            }
        })
    }
}

/// The index as a number that the test sets.
#[derive(Default)]
pub struct FakeIndex(pub Mutex<Positions>);

impl FakeIndex {
    /// Everything of partition 2 below `next` is indexed, up to block 0.
    pub fn reach(&self, next: u64) {
        *self.0.lock().unwrap() = Positions { height: Some(0), scan_events: vec![0, 0, next, 0] };
    }
}

impl Index for FakeIndex {
    fn positions(&self) -> BoxFuture<'_, Result<Positions, String>> {
        Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
    }
}

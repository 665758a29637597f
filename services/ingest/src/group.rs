//! Group commit: requests of one party that arrive together share one submission under the party's hosted key.
//!
//! ```text
//! request ─▶ queue of its party ─▶ group ─▶ seal ─▶ append ─▶ receipt ─▶ each request's own answer
//!             bounded: 429          closes when full, after GROUP_WAIT_MS, or when nothing of this party is in flight
//! ```
//!
//! A request is admitted alone before it comes here, and never spans submissions. Once queued it is carried out whether
//! or not anybody still waits for the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use medtrace_ledger::{Hash, PartyId, SigningKey, Submission, submission::SubmissionKind};
use medtrace_service::{Kind, Problem};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{
    log::{AppendError, Log, Placed},
    metrics::Metrics,
    seal::{Body, Consortium, Receipts, Sealed, Size, seal},
};

/// How long a group waits for more while a record of its party is in flight, in milliseconds.
pub const GROUP_WAIT_MS: u64 = 5;
/// Requests of one party that wait.
pub const QUEUE_REQUESTS_MAX: usize = 4_096;
/// Bytes of items of all parties that wait or are in flight (32 MiB).
pub const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Records of one party that are in flight.
pub const IN_FLIGHT_MAX: usize = 4;

/// Where an acknowledged request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Id of the submission that it shares.
    pub submission: Hash,
    /// Index of its first item in the submission.
    pub first: usize,
    pub placed: Placed,
    /// The signed receipt of the submission.
    pub receipt: Arc<str>,
}

/// Why a request is not known to be in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    #[error("failed to queue: too much is waiting")]
    Full,
    #[error("failed to sign: no hosted key of this party is valid here")]
    NoKey,
    #[error("failed to seal: {0}")]
    Unsealable(String),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("failed to wait for the outcome: the service is ending")]
    Ending,
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Problem {
        const AGAIN: &str = "send the same request again: what was stored already counts once";
        match error {
            CommitError::Full => {
                Kind::TooManyRequests.because("too much is waiting; nothing was stored, send it again")
            }
            CommitError::NoKey => Kind::Forbidden.because(
                "no key of this party that is hosted here is valid; enrol one, or sign at home and use /v1/submissions",
            ),
            CommitError::Unsealable(_) => {
                Kind::Implementation.because("the request could not be sealed; nothing was stored")
            }
            CommitError::Append(AppendError::NotDone(_)) => {
                Kind::Unavailable.because("the log did not take it; nothing was stored, send it again")
            }
            CommitError::Append(AppendError::Unknown(_) | AppendError::Fatal(_)) | CommitError::Ending => {
                Kind::Unavailable.because(format!("the outcome is unknown; {AGAIN}"))
            }
        }
    }
}

/// The hosted key by which a party signs at this moment.
pub type HostedKey = dyn Fn(&PartyId) -> Option<SigningKey> + Send + Sync;

/// What every lane uses.
pub struct Shared {
    pub consortium: Consortium,
    pub log: Arc<dyn Log>,
    pub receipts: Receipts,
    pub hosted: Box<HostedKey>,
    /// Unix milliseconds.
    pub clock: fn() -> u64,
    pub metrics: Metrics,
    /// Called once an append says that this process can send nothing any more.
    pub fatal: Box<dyn Fn(AppendError) + Send + Sync>,
}

/// One lane per party and kind of submission.
pub struct Groups {
    shared: Arc<Shared>,
    bytes: Arc<Semaphore>,
    lanes: Mutex<HashMap<(PartyId, SubmissionKind), mpsc::Sender<Pending>>>,
}

struct Pending {
    bodies: Vec<Body>,
    size: Size,
    answer: oneshot::Sender<Result<Committed, CommitError>>,
    _bytes: OwnedSemaphorePermit,
}

impl Groups {
    pub fn new(shared: Arc<Shared>) -> Groups {
        Groups { shared, bytes: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)), lanes: Mutex::default() }
    }

    /// Commits one request's items (which fit into a submission, see [`Size::fits`]) and waits for the outcome.
    pub async fn commit(
        &self,
        party: &PartyId,
        kind: SubmissionKind,
        bodies: Vec<Body>,
    ) -> Result<Committed, CommitError> {
        let size = bodies.iter().map(Body::size).fold(Size::default(), Size::plus);
        let bytes = u32::try_from(size.bytes).map_err(|_| CommitError::Full)?;
        let permit = self.bytes.clone().try_acquire_many_owned(bytes).map_err(|_| CommitError::Full)?;
        let (answer, outcome) = oneshot::channel();
        let pending = Pending { bodies, size, answer, _bytes: permit };
        self.lane(party, kind).try_send(pending).map_err(|_| CommitError::Full)?;
        outcome.await.unwrap_or(Err(CommitError::Ending))
    }

    /// Appends a submission that was signed at the party.
    pub async fn append(&self, sealed: Sealed, submission: &Submission) -> Result<Committed, CommitError> {
        let bytes = u32::try_from(sealed.value.len()).map_err(|_| CommitError::Full)?;
        let permit = self.bytes.clone().try_acquire_many_owned(bytes).map_err(|_| CommitError::Full)?;
        let (shared, party, kind) = (self.shared.clone(), submission.party.clone(), submission.kind);
        let items = submission.count as usize;
        // A task of its own: it outlives the client's disconnect.
        let appended = tokio::spawn(async move {
            let committed = append(&shared, &party, kind, &sealed, 1, items).await;
            drop(permit);
            committed
        });
        appended.await.unwrap_or(Err(CommitError::Ending))
    }

    fn lane(&self, party: &PartyId, kind: SubmissionKind) -> mpsc::Sender<Pending> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let start = || {
            let (sender, queue) = mpsc::channel(QUEUE_REQUESTS_MAX);
            tokio::spawn(run_lane(self.shared.clone(), party.clone(), kind, queue));
            sender
        };
        lanes.entry((party.clone(), kind)).or_insert_with(start).clone()
    }

    /// Takes nothing more and waits until everything queued has its outcome.
    pub async fn drain(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let _ = self.bytes.acquire_many(QUEUE_BYTES_MAX as u32).await;
    }
}

/// Gathers requests into groups, one after the other, until the queue is closed and empty.
async fn run_lane(shared: Arc<Shared>, party: PartyId, kind: SubmissionKind, mut queue: mpsc::Receiver<Pending>) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut previous: Option<oneshot::Receiver<()>> = None;
    let mut held: Option<Pending> = None;
    loop {
        let first = match held.take() {
            Some(first) => first,
            None => match queue.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut size = first.size;
        let mut group = vec![first];
        let waited = tokio::time::sleep(Duration::from_millis(GROUP_WAIT_MS));
        tokio::pin!(waited);
        while !size.is_full() {
            tokio::select! {
                // In this order: whatever is there already belongs to the group.
                biased;
                next = queue.recv() => match next {
                    Some(next) if size.plus(next.size).fits() => {
                        size = size.plus(next.size);
                        group.push(next);
                    }
                    next => {
                        held = next;
                        break;
                    }
                },
                () = ended(&mut previous) => break,
                () = &mut waited => break,
            }
        }
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        let (done, acknowledged) = oneshot::channel();
        previous = Some(acknowledged);
        let (shared, party) = (shared.clone(), party.clone());
        tokio::spawn(async move {
            publish(&shared, &party, kind, group).await;
            drop((permit, done));
        });
    }
}

/// Resolves when the record before is no longer in flight; at once if there is none.
async fn ended(previous: &mut Option<oneshot::Receiver<()>>) {
    if let Some(previous) = previous.as_mut() {
        let _ = previous.await;
    }
    *previous = None;
}

async fn publish(shared: &Shared, party: &PartyId, kind: SubmissionKind, group: Vec<Pending>) {
    let outcome = seal_and_append(shared, party, kind, &group).await;
    if let Err(error) = &outcome {
        tracing::warn!(%party, kind = kind.topic(), requests = group.len(), %error, "a group was not acknowledged");
    }
    let mut first = 0;
    for Pending { bodies, answer, .. } in group {
        // An answer that nobody waits for any more is dropped: the request is carried out all the same.
        let _ = answer.send(outcome.clone().map(|committed| Committed { first, ..committed }));
        first += bodies.len();
    }
}

async fn seal_and_append(
    shared: &Shared,
    party: &PartyId,
    kind: SubmissionKind,
    group: &[Pending],
) -> Result<Committed, CommitError> {
    let key = (shared.hosted)(party).ok_or(CommitError::NoKey)?;
    let bodies = group.iter().flat_map(|pending| &pending.bodies);
    let items = bodies.clone().count();
    let sealed = seal(&shared.consortium, kind, party, &key, (shared.clock)(), bodies)
        .map_err(|error| CommitError::Unsealable(error.to_string()))?;
    append(shared, party, kind, &sealed, group.len(), items).await
}

async fn append(
    shared: &Shared,
    party: &PartyId,
    kind: SubmissionKind,
    sealed: &Sealed,
    requests: usize,
    items: usize,
) -> Result<Committed, CommitError> {
    let begun = std::time::Instant::now();
    // The commit point: before it nothing has happened, after it every item counts exactly once.
    let placed = shared.log.append(kind, party, &sealed.value).await.inspect_err(|error| {
        if let AppendError::Fatal(_) = error {
            (shared.fatal)(error.clone());
        }
    })?;
    shared.metrics.appended(kind, requests, items, sealed.value.len(), begun.elapsed());
    let receipt = shared.receipts.sign(kind, sealed.stamp, placed, (shared.clock)());
    let receipt = receipt.ok_or_else(|| AppendError::Unknown("the receipt could not be signed".into()))?;
    Ok(Committed { submission: sealed.stamp.id, first: 0, placed, receipt })
}

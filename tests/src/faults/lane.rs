//! Lanes: parties that say events at a steady pace, each batch again and again until it is acknowledged.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use medtrace_service::Shutdown;
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{Dice, EventId, Flight, Way};
use crate::{Client, Placed, placed};

/// Batches of one lane under way at a time.
const WORKERS: usize = 4;
/// Pause before the same is sent again, in milliseconds.
const AGAIN_MS: u64 = 50;
/// Longest wait for the end of a capture job, in milliseconds.
const JOB_MS_MAX: u64 = 120_000;
/// Of the batches of an impatient lane whose answer is lost, one in so many is never sent again.
const ABANDONED_ONE_IN: u64 = 3;

/// What is known of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not said, or not to the end yet.
    Open,
    Acknowledged,
    /// Said, never acknowledged, and not said again: it may be in the log or not.
    Abandoned,
}

/// One party's way of speaking.
pub struct Lane {
    pub number: u16,
    /// Which process it speaks to.
    pub service: &'static str,
    pub way: Way,
    /// Events of a batch.
    pub batch: u32,
    /// Events a second.
    pub rate: f64,
    /// Sometimes gives up.
    pub impatient: bool,
    /// One client a worker.
    pub clients: Vec<(Client, Flight)>,
    pub said: Said,
}

/// How far a lane is.
#[derive(Default)]
pub struct Said {
    turns: AtomicU64,
    fates: Mutex<Vec<Fate>>,
    acknowledged: AtomicU64,
    /// Answers that did not come or were a 503.
    unknown: AtomicU64,
}

/// All lanes at work.
pub struct Lanes {
    pub lanes: Vec<Arc<Lane>>,
    /// The next offset of each partition after everything that was acknowledged.
    pub reached: Arc<Mutex<BTreeMap<usize, u64>>>,
    stop: Shutdown,
    workers: JoinSet<anyhow::Result<()>>,
}

impl Lane {
    /// Speaks to a service directly, and with its first worker through the query service.
    pub fn new(number: u16, service: &'static str, way: Way, clients: [(Client, Flight); 2]) -> Lane {
        let [direct, forwarded] = clients;
        let clients = [forwarded].into_iter().chain(std::iter::repeat_n(direct, WORKERS - 1)).collect();
        Lane { number, service, way, batch: 20, rate: 0.0, impatient: false, clients, said: Said::default() }
    }

    pub fn acknowledged(&self) -> u64 {
        self.said.acknowledged.load(Ordering::Relaxed)
    }

    /// The fate of every event, by its number.
    pub fn fates(&self) -> Vec<Fate> {
        self.fates_now().clone()
    }

    /// Events said so far.
    pub fn next(&self) -> u32 {
        u32::try_from(self.fates_now().len()).unwrap_or(u32::MAX)
    }

    /// Answers that did not come, or that said that nothing is known.
    pub fn unknown(&self) -> u64 {
        self.said.unknown.load(Ordering::Relaxed)
    }

    fn fates_now(&self) -> MutexGuard<'_, Vec<Fate>> {
        self.said.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Range<u32> {
        let mut fates = self.fates_now();
        let said = fates.len();
        fates.resize(said + self.batch as usize, Fate::Open);
        let first = u32::try_from(said).unwrap_or(u32::MAX);
        first..first + self.batch
    }

    fn settle(&self, numbers: Range<u32>, fate: Fate) {
        self.fates_now()[numbers.start as usize..numbers.end as usize].fill(fate);
        if fate == Fate::Acknowledged {
            self.said.acknowledged.fetch_add(u64::from(self.batch), Ordering::Relaxed);
        }
    }

    /// Says one batch; the places that it was acknowledged at, or `None` if it was given up.
    async fn say(&self, worker: usize, numbers: Range<u32>) -> anyhow::Result<Option<Vec<Placed>>> {
        let (client, flight) = &self.clients[worker];
        let about = EventId { lane: self.number, number: numbers.start }.packed();
        let mut dice = Dice::new(about);
        let body = self.way.body(self.number, numbers)?;
        loop {
            let ticket = flight.depart(about);
            if let Some(taken) = self.once(client, &body).await? {
                ticket.answered();
                return Ok(Some(taken));
            }
            drop(ticket);
            self.said.unknown.fetch_add(1, Ordering::Relaxed);
            if self.impatient && dice.once_in(ABANDONED_ONE_IN) {
                return Ok(None);
            }
            sleep(Duration::from_millis(AGAIN_MS)).await;
        }
    }

    /// `None` if nothing is known: no answer, or one that says to send the same again. Anything else is wrong, for what
    /// is said is right.
    async fn once(&self, client: &Client, body: &[u8]) -> anyhow::Result<Option<Vec<Placed>>> {
        let path = self.way.path();
        let Ok(answer) = client.post_bytes(path, "application/json", body.to_vec()).await else { return Ok(None) };
        match answer.status {
            200 => {
                let answer = answer.json()?;
                let receipt = answer["results"][0]["receipt"].as_str();
                Ok(Some(vec![placed(receipt.context("an answer without a receipt")?)?]))
            }
            202 => {
                let job = answer.header("location").context("a capture has the Location of its job")?;
                captured(client, job).await
            }
            429 | 503 => Ok(None),
            status => bail!("{path} of lane {} answered {status}: {}", self.number, answer.text()),
        }
    }
}

/// Waits for the end of a job; `None` if the service went away meanwhile.
async fn captured(client: &Client, path: &str) -> anyhow::Result<Option<Vec<Placed>>> {
    let deadline = Instant::now() + Duration::from_millis(JOB_MS_MAX);
    loop {
        let Ok(answer) = client.get(path, &[]).await else { return Ok(None) };
        let job = match answer.status {
            200 => answer.json()?,
            429 | 503 => return Ok(None),
            status => bail!("{path} answered {status}: {}", answer.text()),
        };
        if job["running"] == false {
            ensure!(job["success"] == true, "a capture job failed: {job}");
            let receipts = job["receipts"].as_array().into_iter().flatten().filter_map(Value::as_str);
            return receipts.map(placed).collect::<anyhow::Result<_>>().map(Some);
        }
        ensure!(Instant::now() < deadline, "a capture job does not end: {job}");
        sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

impl Lanes {
    /// Sets them all to work.
    pub fn start(lanes: Vec<Lane>) -> Lanes {
        let lanes: Vec<_> = lanes.into_iter().map(Arc::new).collect();
        let (reached, stop) = (Arc::<Mutex<BTreeMap<usize, u64>>>::default(), Shutdown::new());
        let mut workers = JoinSet::new();
        for (lane, worker) in lanes.iter().flat_map(|lane| (0..lane.clients.len()).map(move |worker| (lane, worker))) {
            workers.spawn(work(lane.clone(), worker, reached.clone(), stop.clone()));
        }
        Lanes { lanes, reached, stop, workers }
    }

    pub fn acknowledged(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.acknowledged()).sum()
    }

    /// An error if a lane was told anything that it should not have been told.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.workers.try_join_next() {
            Some(ended) => ended?.and(Err(anyhow::anyhow!("a lane ended by itself"))),
            None => Ok(()),
        }
    }

    /// Ends: every batch under way is said until it is acknowledged.
    pub async fn finish(mut self) -> anyhow::Result<Vec<Arc<Lane>>> {
        self.stop.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended??;
        }
        Ok(self.lanes)
    }
}

async fn work(
    lane: Arc<Lane>,
    worker: usize,
    reached: Arc<Mutex<BTreeMap<usize, u64>>>,
    stop: Shutdown,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        // By an absolute schedule: what a fault holds up is caught up with afterwards.
        let turn = lane.said.turns.fetch_add(1, Ordering::Relaxed);
        let due = begun + Duration::from_secs_f64(turn as f64 * f64::from(lane.batch) / lane.rate);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = sleep_until(due) => {}
        }
        let numbers = lane.take();
        let Some(taken) = lane.say(worker, numbers.clone()).await? else {
            lane.settle(numbers, Fate::Abandoned);
            continue;
        };
        lane.settle(numbers, Fate::Acknowledged);
        let mut reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
        for Placed { partition, offset, .. } in taken {
            let next = reached.entry(partition).or_default();
            *next = (*next).max(offset + 1);
        }
    }
}

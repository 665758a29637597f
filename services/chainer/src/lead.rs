//! The chainer's life: stand by until the lease is held, find the end of the chain, seal until the lease or the process
//! ends.

use std::sync::Arc;
use std::time::Duration;

use medtrace_ledger::SubmissionKind;
use medtrace_log::consumer::{Ends, Isolation};
use medtrace_log::lease::Lease;
use medtrace_log::topics::{self, CHAINER_LEASE};
use medtrace_service::Shutdown;
use tokio::time::{Instant, sleep};

use crate::feed::Feed;
use crate::inspect::Consortium;
use crate::leader::{Leader, TopicsWatch};
use crate::outside::Machine;
use crate::pending::Pending;
use crate::recover::{Followed, made_anew};
use crate::standby::stand_by;
use crate::standing::{Folder, Standing};
use crate::stop::Stop;
use crate::takeover::take_over;
use crate::witnesses::Witnesses;
use crate::{Config, Metrics, Status};

/// Pause before the log is tried again, milliseconds.
const RETRY_MS: u64 = 500;

/// Runs until the shutdown or until something is wrong.
pub async fn run(config: &Config, metrics: &Metrics, status: &Status, shutdown: Shutdown) -> Result<(), Stop> {
    let folder = Arc::new(Folder::open(&config.data)?);
    let instance = folder.instance()?;
    status.does("reaching Kafka");
    while let Err(error) = tokio::select! {
        reached = config.kafka.wait(Duration::from_millis(60_000)) => reached,
        () = shutdown.cancelled() => return Ok(()),
    } {
        tracing::warn!(error = %error, "Kafka does not answer yet");
    }
    topics::ensure(&config.kafka).await?;
    let consortium = Arc::new(Consortium::of(&config.genesis));
    let machine = Machine::new(config, folder.clone());
    let mut lease = Lease::join(&config.kafka, CHAINER_LEASE, &instance)?;
    let mut followed = Followed::begin(&config.genesis);
    loop {
        let standing = folder.standing()?;
        status.does("waiting for the lease");
        let waited = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            acquired = lease.acquired() => acquired.map_err(Stop::from),
            followed = stand_by(config, &machine, &consortium, standing.as_ref(), &mut followed, status) => followed.map(|never| match never {}),
        };
        let ended = match waited {
            Ok(()) => {
                status.does("reading the chain");
                let followed = std::mem::replace(&mut followed, Followed::begin(&config.genesis));
                let role = Role { config, metrics, status, machine: &machine, consortium: &consortium };
                tokio::select! {
                    led = role.lead(followed, standing) => led,
                    () = lease.lost() => Err(Stop::Lost),
                    () = shutdown.cancelled() => return Ok(()),
                }
            }
            Err(stop) => Err(stop),
        };
        match ended {
            Ok(reason) => tracing::info!(reason, "leadership begins anew"),
            Err(stop) if stop.passes() => {
                tracing::warn!(error = %stop, cause = %causes(&stop), "the log cannot be used at the moment");
                sleep(Duration::from_millis(RETRY_MS)).await;
            }
            Err(stop) => return Err(stop),
        }
    }
}

/// What a leader is given.
struct Role<'a> {
    config: &'a Config,
    metrics: &'a Metrics,
    status: &'a Status,
    machine: &'a Machine,
    consortium: &'a Arc<Consortium>,
}

impl Role<'_> {
    /// Leads: everything from the end of the chain to the end of leadership, which it returns the reason of.
    async fn lead(&self, followed: Followed<Machine>, standing: Option<Standing>) -> Result<&'static str, Stop> {
        let Role { config, metrics, status, machine, consortium } = *self;
        let (sealer, topics) = take_over(machine.clone(), config, consortium, status, standing, followed).await?;
        let watch = TopicsWatch::start(config.kafka.clone(), topics.clone());
        let gap = made_anew(&sealer.chain, &topics);
        let mut feeds = Vec::new();
        for (kind, topic) in [SubmissionKind::Notices, SubmissionKind::Events].into_iter().zip(topics) {
            feeds.push(Feed::open(&config.kafka, kind, topic, &sealer.chain, consortium.clone()).await?);
        }
        tracing::info!(size = sealer.chain.size(), root = %sealer.chain.root(), "leading");
        status.leads(sealer.chain.size());
        if let Some(gap) = &gap {
            tracing::error!(gap, "nothing but notices is sealed until a gap notice of the authority says so");
            status.waits_for_gap(gap);
        }
        metrics.size.set(sealer.chain.size().cast_signed());
        let leader = Leader {
            config,
            metrics,
            status,
            sealer,
            feeds,
            topics: watch,
            ends: Ends::open(&config.kafka, Isolation::Everything)?,
            pending: Pending::default(),
            witnesses: Witnesses::start(config, metrics, status),
            notices_end: 0,
            due: Instant::now(),
            held: false,
            waits_for_gap: gap.is_some(),
            mean: 1.0,
        };
        leader.work().await
    }
}

/// The causes of an error, for a log line.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

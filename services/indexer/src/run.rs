//! The loop: blocks in, rows out.
//!
//! Order of durability: rows of all tables, then the block marker, then the keyed state. Whatever the process dies in,
//! the next start derives from where the keyed state ends; inserting the same rows again changes nothing.

use std::time::{Duration, Instant};

use anyhow::Context;
use clickhouse::Client;
use medtrace_log::Cluster;
use medtrace_log::consumer::{self, Isolation};
use medtrace_log::sealed::{SealedBlock, read_header};
use medtrace_log::topics::BLOCKS;
use medtrace_service::{Shutdown, admin, life};
use medtrace_store::migrate::migrate;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::derive::{Deriver, Foreign, Rows};
use crate::feed;
use crate::hashes;
use crate::keyed::Disk;
use crate::rebuild::{self, Folder, Rebuilder};
use crate::status::{Lag, Metrics, Status};
use crate::write::{WriteError, next_height, write};

/// Blocks are gathered this long while more are waiting, milliseconds.
const GATHER_MS: u64 = 400;
/// Rows of one batch, about: bounds the memory whatever the backlog.
const GATHER_ROWS: usize = 200_000;
/// Blocks read ahead of the one being derived; a block is at most 32 MiB, unpacked: that bounds its facts too.
const READ_AHEAD: usize = 2;
/// Wait before the store or the log is tried again, milliseconds.
const RETRY_MS: u64 = 250;
/// How often the end of the log is looked at, milliseconds.
const LAG_MS: u64 = 500;

/// Indexes until the shutdown.
///
/// # Errors
/// What cannot be mended by waiting: a log that contradicts itself, a keyed state that cannot be read, a store whose
/// tables are not ours. A log of another chain ends nothing: it is told on `/readyz`, and nothing is indexed.
pub async fn run(admin_listener: TcpListener, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let status = Status::default();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let folder = Folder(config.data.clone());
    let rebuilder = Rebuilder::new(folder.clone(), status.clone());
    let asked = status.clone();
    let mut routes = admin::router(registry, move || asked.readiness());
    // Whoever reaches the port could drop what is derived: only this machine may.
    if admin_listener.local_addr()?.ip().is_loopback() {
        routes = routes.merge(rebuild::router(rebuilder.clone()));
    }
    let admin = life::serve(admin_listener, routes, shutdown.clone());
    let work = Work { config, folder, status, metrics };
    let index = async {
        // One turn ends when everything is to be derived again, or with the process.
        while !shutdown.is_cancelled() {
            work.turn(rebuilder.begin(&shutdown)).await?;
        }
        Ok(())
    };
    tokio::select! {
        ended = index => ended,
        ended = admin => ended,
    }
}

/// What every turn works with.
struct Work {
    config: Config,
    folder: Folder,
    status: Status,
    metrics: Metrics,
}

impl Work {
    async fn turn(&self, over: Shutdown) -> anyhow::Result<()> {
        let Work { config, folder, status, metrics } = self;
        let client = config.store.client();
        status.begin();
        let dropped = until(&over, status, || rebuild::if_marked(folder, &client));
        if dropped.await.is_none() || until(&over, status, || migrate(&client)).await.is_none() {
            return Ok(());
        }
        let Some(deriver) = self.open(&client, &over).await? else { return Ok(()) };
        if let Some(cluster) = config.cluster.clone() {
            tokio::spawn(watch_lag(cluster, status.clone(), metrics.clone(), over.clone()));
        }
        let hashing = tokio::spawn(hashes::run(client.clone(), status.clone(), metrics.clone(), over.clone()));
        let ended = match follow(config, deriver, &client, status, metrics, &over).await {
            // Nothing is written any more; whoever asks reads why, and may have everything derived again.
            Err(error) if error.is::<Foreign>() => {
                tracing::error!(error = format!("{error:#}"), "another chain stands in the log");
                status.hindered(error.to_string());
                over.cancelled().await;
                Ok(())
            }
            ended => ended,
        };
        if ended.is_ok() {
            // A step under way must not say of the next turn's tables how far they are hashed.
            hashing.await.context("the hashing of events ended")?;
        }
        ended
    }

    /// The keyed state, made anew if it is ahead of the store: then the store was restored from a backup.
    async fn open(&self, client: &Client, over: &Shutdown) -> anyhow::Result<Option<Deriver<Disk>>> {
        let folder = self.folder.timelines();
        let open = || Deriver::open(Disk::open(&folder)?, &self.config.genesis);
        let deriver = open()?;
        let Some(marker) = until(over, &self.status, || next_height(client)).await else { return Ok(None) };
        tracing::info!(keyed_state = deriver.next_height(), store = marker, "next heights at start");
        if deriver.next_height() <= marker {
            return Ok(Some(deriver));
        }
        tracing::warn!("the keyed state is ahead of the store: it is derived again from the log");
        drop(deriver);
        std::fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
        open().map(Some)
    }
}

async fn follow(
    config: &Config,
    mut deriver: Deriver<Disk>,
    client: &Client,
    status: &Status,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let (sender, mut blocks) = mpsc::channel(READ_AHEAD);
    let reader = tokio::spawn(feed::read(config.clone(), deriver.next_height(), sender, shutdown.clone()));
    status.indexed(deriver.next_height(), None);
    loop {
        let first = tokio::select! {
            block = blocks.recv() => block,
            () = shutdown.cancelled() => return Ok(()),
        };
        let Some(first) = first else {
            return reader.await.context("the reader of the log ended")?.context("failed to read the sealed log");
        };
        let last = first.header.clone();
        let began = Instant::now();
        let (rows, last) = gather(first, &mut blocks, &mut deriver, last)?;
        metrics.derive.observe(began.elapsed().as_secs_f64());

        let began = Instant::now();
        if !insert(client, &rows, status, shutdown).await? {
            return Ok(());
        }
        metrics.insert.observe(began.elapsed().as_secs_f64());

        let began = Instant::now();
        tokio::task::block_in_place(|| deriver.commit())?;
        metrics.commit.observe(began.elapsed().as_secs_f64());
        metrics.blocks.inc_by(rows.blocks.len() as u64);
        metrics.events.inc_by(rows.events.len() as u64);
        metrics.facts.inc_by(rows.facts.len() as u64);
        status.indexed(deriver.next_height(), Some((&last, &rows)));
    }
}

/// Whole blocks: those that wait already, for at most [`GATHER_MS`].
fn gather(
    first: SealedBlock,
    blocks: &mut mpsc::Receiver<SealedBlock>,
    deriver: &mut Deriver<Disk>,
    mut last: medtrace_ledger::Header,
) -> anyhow::Result<(Rows, medtrace_ledger::Header)> {
    let until = Instant::now() + Duration::from_millis(GATHER_MS);
    let mut rows = tokio::task::block_in_place(|| deriver.follow(&first))?;
    while Instant::now() < until && rows.facts.len() + rows.events.len() < GATHER_ROWS {
        let Ok(block) = blocks.try_recv() else { break };
        rows.append(tokio::task::block_in_place(|| deriver.follow(&block))?);
        last = block.header;
    }
    Ok((rows, last))
}

/// Inserts until the store has it all; false if the shutdown came first.
async fn insert(client: &Client, rows: &Rows, status: &Status, shutdown: &Shutdown) -> anyhow::Result<bool> {
    loop {
        match write(client, rows).await {
            Ok(()) => return Ok(true),
            Err(error @ (WriteError::Refused { .. } | WriteError::Damaged { .. })) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "insert will be tried again");
                status.hindered("the store cannot be reached".to_owned());
            }
        }
        if !wait(shutdown).await {
            return Ok(false);
        }
    }
}

/// Looks at the end of the log, so that lag is known also while nothing is read.
async fn watch_lag(cluster: Cluster, status: Status, metrics: Metrics, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        // Before the look: what is indexed by then stands in the log, if it is the same log.
        let indexed = status.next();
        if let Ok(end) = consumer::last(&cluster, BLOCKS, 0, Isolation::Committed).await
            && let Ok(end) = end.map(|message| read_header(&message)).transpose()
        {
            status.sealed(indexed, end.as_ref().map(|(header, _)| header));
        }
        let Lag { records, events, seconds } = status.lag();
        metrics.lag_records.set(records as i64);
        metrics.lag_events.set(events as i64);
        metrics.lag.set(seconds);
        tokio::time::sleep(Duration::from_millis(LAG_MS)).await;
    }
}

/// Tries until it succeeds; `None` if the shutdown came first.
async fn until<T, E, F>(shutdown: &Shutdown, status: &Status, mut attempt: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Result<T, E>>,
    E: Into<anyhow::Error>,
{
    loop {
        match attempt().await {
            Ok(value) => return Some(value),
            Err(error) => {
                let error = format!("{:#}", error.into());
                tracing::warn!(error, "waiting for the store");
                status.hindered(error);
            }
        }
        if !wait(shutdown).await {
            return None;
        }
    }
}

/// False if the shutdown came.
pub(crate) async fn wait(shutdown: &Shutdown) -> bool {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(RETRY_MS)) => true,
        () = shutdown.cancelled() => false,
    }
}

/// Binds the admin port and runs.
pub async fn main(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener = life::bind("admin", config.admin).await?;
    run(listener, config, shutdown).await
}

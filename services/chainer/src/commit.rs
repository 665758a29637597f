//! From records to a signed checkpoint, with the one commit point of the chainer.

use std::sync::Arc;
use std::time::Duration;

use medtrace_ledger::block::Header;
use medtrace_ledger::{Checkpoint, Genesis, Note, Signer};
use medtrace_log::cluster::REQUEST_MS;
use medtrace_log::topics::{BLOCKS, CHAINER_LEASE, CHECKPOINTS};
use medtrace_log::transactions::TransactionError;
use medtrace_log::{LogError, sealed::read_header};
use tokio::time::Instant;

use crate::chain::{Chain, Part, confirm};
use crate::clock::{Clock, Reading, Told};
use crate::outside::{Headers as _, Machine, Outside, Writer as _};
use crate::standing::Standing;
use crate::stop::Stop;

/// How often a transaction that was surely not done is tried again.
const COMMIT_TRIES: u32 = 5;

/// The name under which one process at a time writes `blocks` and `checkpoints`.
pub const TRANSACTIONAL_ID: &str = "medtrace-chainer";

/// Everything that sealing a block needs. One at a time leads.
pub struct Sealer<O: Outside = Machine> {
    pub chain: Chain,
    pub(crate) signer: Signer,
    pub(crate) genesis: Genesis,
    pub(crate) outside: O,
    pub(crate) writer: O::Writer,
    /// Stands behind the last block of the chain.
    pub(crate) blocks: O::Headers,
    /// The last header of the chain, if there is one.
    pub(crate) last: Option<Header>,
    /// What time the broker said it was, the last time it took a record.
    pub(crate) told: Option<Told>,
    /// When the last checkpoint was published by this process, and its note.
    pub(crate) published: Instant,
    pub(crate) checkpoint: Option<Note>,
}

/// What one block was and what it took.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub header: Header,
    /// Records taken of each part.
    pub taken: Vec<usize>,
    pub cut: Duration,
    pub commit: Duration,
    pub sign: Duration,
}

impl<O: Outside> Sealer<O> {
    /// Seals the next records of each part (as [`Chain::derive`] takes them), as many as fit into one block.
    pub async fn seal(&mut self, clock_ms: u64, parts: &[Part<'_>]) -> Result<Sealed, Stop> {
        let started = Instant::now();
        let derived = self.chain.derive(clock_ms, parts)?;
        confirm(&derived.header, parts)?;
        let (header, cut) = (derived.header, started.elapsed());

        // The commit point. Before it everything can be thrown away: nobody has seen the block. After it everything
        // can be redone: `blocks` says what was sealed, and a start reads it and concludes what is not concluded yet.
        let started = Instant::now();
        let key = header.height.to_string();
        self.commit(header.height, BLOCKS, vec![(key, header.text())]).await?;
        self.read_back(&header).await?;
        let commit = started.elapsed();

        let started = Instant::now();
        self.chain.append(&header)?;
        self.last = Some(header.clone());
        self.conclude().await?;
        Ok(Sealed { header, taken: derived.taken, cut, commit, sign: started.elapsed() })
    }

    /// Makes the chain's end known: durably to itself first, then signed to everybody. Also called at start, for a
    /// block that was committed by a process that ended before this. Signing the same end twice gives the same bytes.
    pub(crate) async fn conclude(&mut self) -> Result<(), Stop> {
        self.remember()?;
        self.publish().await
    }

    /// Writes the chain's end into the own folder; on disk when it returns.
    pub(crate) fn remember(&self) -> Result<(), Stop> {
        let (size, root) = (self.chain.size(), self.chain.root());
        let standing = self.last.as_ref().map(|header| Standing { size, root, header: header.clone() });
        standing.map_or(Ok(()), |standing| self.outside.remember(&standing))
    }

    /// Publishes a checkpoint of the chain's end, if there is a block, which must have been remembered before.
    pub async fn publish(&mut self) -> Result<(), Stop> {
        self.published = Instant::now();
        let Some(height) = self.last.as_ref().map(|last| last.height) else { return Ok(()) };
        let (size, root) = (self.chain.size(), self.chain.root());
        let checkpoint = Checkpoint { origin: self.genesis.origin.clone(), size, root };
        let note = checkpoint.sign(&self.signer)?;
        self.commit(height, CHECKPOINTS, vec![(size.to_string(), note.to_string())]).await?;
        self.checkpoint = Some(note);
        Ok(())
    }

    /// Publishes an earlier checkpoint again, with cosignatures. The newest follows at once, so that the last record of
    /// `checkpoints` is always the longest chain that was signed.
    pub async fn publish_cosigned(&mut self, cosigned: &Note) -> Result<(), Stop> {
        let note = |note: &Note| (note.text().lines().nth(1).unwrap_or_default().to_owned(), note.to_string());
        let records = [Some(cosigned), self.checkpoint.as_ref()].into_iter().flatten().map(note).collect();
        self.commit(self.chain.size(), CHECKPOINTS, records).await
    }

    /// This machine's time and how far it is ahead of the broker's, who is asked if its last word is old or another.
    pub async fn time(&mut self, clock: Clock) -> Result<Reading, Stop> {
        if !self.told.is_some_and(|told| told.agrees(clock.now_ms())) {
            // By a record that nobody reads.
            self.commit(self.chain.size(), CHAINER_LEASE, vec![("time".into(), String::new())]).await?;
        }
        let now_ms = clock.now_ms();
        Ok(Reading { now_ms, ahead_ms: self.told.map_or(0, |told| told.ahead_ms(now_ms)) })
    }

    /// Writes records (keys and values) in one transaction.
    async fn commit(&mut self, height: u64, topic: &'static str, records: Vec<(String, String)>) -> Result<(), Stop> {
        let records = Arc::new(records);
        let mut outcome = self.writer.commit(topic, records.clone()).await;
        for _ in 1..COMMIT_TRIES {
            match outcome {
                Err(TransactionError::NotDone { .. }) => outcome = self.writer.commit(topic, records.clone()).await,
                _ => break,
            }
        }
        let told = outcome.map_err(|source| Stop::Commit { height, source })?;
        self.told = told.map(Told::now).or(self.told);
        Ok(())
    }

    /// The next record of `blocks` must be the header just committed.
    async fn read_back(&mut self, header: &Header) -> Result<(), Stop> {
        let waited_ms = REQUEST_MS;
        let message = tokio::time::timeout(Duration::from_millis(waited_ms), self.blocks.next()).await;
        let doing = || format!("read back block {}", header.height);
        let message = message.map_err(|_| LogError::Timeout { doing: doing(), waited_ms })??;
        let (_, text) = read_header(&message)?;
        match text == header.text() {
            true => Ok(()),
            false => Err(Stop::ReadBack { height: header.height, found: text }),
        }
    }
}

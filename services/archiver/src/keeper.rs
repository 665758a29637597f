//! The archive as this process keeps it: recomputed up to its end, published up to a checkpoint.

use std::collections::{BTreeMap, VecDeque};

use medtrace_archive::{Archive, Writer};
use medtrace_chainer::verify::Verifier;
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_ledger::{Genesis, Header};
use medtrace_log::sealed::SealedBlock;

use crate::erase::{Due, due, erase};
use crate::feed::Signed;
use crate::stop::Stop;

/// Headers that wait for their checkpoint; when there are more, checkpoints of the older half are not waited for.
const WAITING_HEADERS_MAX: usize = 65_536;
/// Checkpoints that wait for their blocks; when there are more, the oldest is forgotten.
const WAITING_CHECKPOINTS_MAX: usize = 20_000;
/// Full tiles that are made before they are written (about 256 headers each).
const TILES_WAITING: usize = 16;

/// The one who writes.
pub(crate) struct Keeper {
    archive: Archive,
    verifier: Verifier,
    writer: Writer,
    /// Tiles of the headers before those in `headers`.
    edge: Edge,
    headers: VecDeque<String>,
    /// By size.
    checkpoints: BTreeMap<u64, Signed>,
    published: Option<Signed>,
    /// Erasures of archived blocks that are still to be done, in the order of the log.
    due: VecDeque<Due>,
}

impl Keeper {
    /// Recomputes the whole archive, and holds its checkpoint against it. `read` hears of every block.
    pub async fn open(archive: &Archive, genesis: &Genesis, mut read: impl FnMut(&Header)) -> Result<Keeper, Stop> {
        let writer = archive.write().await?;
        let own = |reason: String| Stop::Own(format!("its checkpoint: {reason}"));
        let published = match archive.checkpoint().await? {
            Some(note) => match Signed::open(&note, genesis).map_err(own)? {
                None => return Err(own("it has too few cosignatures".to_owned())),
                signed => signed,
            },
            None => None,
        };
        let mut keeper = Keeper {
            archive: archive.clone(),
            verifier: Verifier::begin(genesis),
            writer,
            edge: Edge::default(),
            headers: VecDeque::new(),
            checkpoints: BTreeMap::new(),
            published: None,
            due: VecDeque::new(),
        };
        let covered = published.as_ref().map_or(0, |signed| signed.size);
        while let Some(block) = keeper.writer.next_written().await? {
            keeper.recompute(&block).await?;
            read(&block.header);
            if keeper.size() <= covered {
                // Its tiles were written before the checkpoint was.
                keeper.edge.push(block.text.as_bytes(), &mut Tiles::new()).map_err(|fault| own(fault.to_string()))?;
            } else {
                keeper.wait(block.text).await?;
            }
        }
        if keeper.edge.size() < covered {
            let held = keeper.size();
            return Err(own(format!("it covers {covered} headers, the block files hold {held}")));
        }
        if let Some(signed) = &published {
            keeper.same_root(signed)?;
        }
        keeper.published = published;
        // What was begun before is finished; what was done before is found done.
        keeper.erase_due().await?;
        Ok(keeper)
    }

    /// Number of blocks archived, or about to be.
    pub fn size(&self) -> u64 {
        self.verifier.chain().size()
    }

    /// Number of headers that the archive's checkpoint covers.
    pub fn published(&self) -> u64 {
        self.published.as_ref().map_or(0, |signed| signed.size)
    }

    /// Size of the newest checkpoint that is known.
    pub fn signed(&self) -> u64 {
        self.checkpoints.last_key_value().map_or(0, |(size, _)| *size).max(self.published())
    }

    /// Recomputes the next block and appends it: its number of records. Durable after [`Keeper::commit`].
    pub async fn keep(&mut self, block: SealedBlock) -> Result<usize, Stop> {
        self.recompute(&block).await?;
        self.writer.append(&block).await?;
        let records = block.records.len();
        self.wait(block.text).await?;
        Ok(records)
    }

    /// Takes up a checkpoint, to be published once its blocks are archived.
    pub fn offer(&mut self, signed: Signed) {
        // Of one size, the one with more cosignatures is the better one.
        let better = |old: &Signed| (signed.size, signed.note.len()) > (old.size, old.note.len());
        let known = self.checkpoints.get(&signed.size);
        if known.is_none_or(better) && self.published.as_ref().is_none_or(better) {
            self.checkpoints.insert(signed.size, signed);
        }
        if self.checkpoints.len() > WAITING_CHECKPOINTS_MAX {
            self.checkpoints.pop_first();
        }
    }

    /// Makes everything kept durable, then publishes the newest checkpoint that it covers.
    ///
    /// The commit point is the last step. Before it everything is written again by the next start, with the same bytes.
    pub async fn commit(&mut self) -> Result<(), Stop> {
        self.writer.flush().await?;
        self.publish().await?;
        self.erase_due().await
    }

    async fn publish(&mut self) -> Result<(), Stop> {
        let later = self.checkpoints.split_off(&(self.size() + 1));
        let due = std::mem::replace(&mut self.checkpoints, later).pop_last().map(|(_, signed)| signed);
        let Some(signed) = due.filter(|signed| signed.size >= self.edge.size()) else { return Ok(()) };
        self.advance(signed.size).await?;
        self.same_root(&signed)?;
        self.writer.tiles(self.edge.partial()).await?;
        self.writer.publish(&signed.note).await?;
        self.published = Some(signed);
        Ok(())
    }

    /// Takes out what notices of archived blocks erase.
    async fn erase_due(&mut self) -> Result<(), Stop> {
        while let Some(due) = self.due.front() {
            let (event, notice) = (due.erasure.event, due.by);
            match erase(&self.archive, &mut self.writer, due).await? {
                Ok(()) => tracing::info!(%event, %notice, "an event is erased from the archive"),
                Err(reason) => tracing::warn!(%event, %notice, reason, "an erasure has no effect"),
            }
            self.due.pop_front();
        }
        Ok(())
    }

    async fn recompute(&mut self, block: &SealedBlock) -> Result<(), Stop> {
        let recomputed = self.verifier.next(block).await?;
        match recomputed.differences.is_empty() && recomputed.follows {
            true => {
                self.due.extend(due(block, self.verifier.chain().registry()));
                Ok(())
            }
            false => Err(Stop::Block { height: block.header.height, what: recomputed.differences.join("; ") }),
        }
    }

    /// Has a header wait for its checkpoint.
    async fn wait(&mut self, header: String) -> Result<(), Stop> {
        self.headers.push_back(header);
        if self.headers.len() > WAITING_HEADERS_MAX {
            self.advance(self.edge.size() + WAITING_HEADERS_MAX as u64 / 2).await?;
        }
        Ok(())
    }

    /// Makes the tiles of the first `size` headers and writes those that are full.
    async fn advance(&mut self, size: u64) -> Result<(), Stop> {
        let mut full = Tiles::new();
        while self.edge.size() < size {
            let Some(header) = self.headers.pop_front() else { break };
            self.edge.push(header.as_bytes(), &mut full).map_err(|fault| Stop::Own(fault.to_string()))?;
            if full.len() >= TILES_WAITING {
                self.writer.tiles(std::mem::take(&mut full)).await?;
            }
        }
        Ok(self.writer.tiles(full).await?)
    }

    /// The chainer's word for it, against ours.
    fn same_root(&self, signed: &Signed) -> Result<(), Stop> {
        let (size, signed, found) = (signed.size, signed.root, self.edge.root());
        match signed == found {
            true => Ok(()),
            false => Err(Stop::Fork { size, signed, found }),
        }
    }
}

//! An archive, recomputed from its own bytes: what a stranger would do who has the folder and the genesis, and no Kafka.

use medtrace_archive::{Archive, ArchiveError};
use medtrace_chainer::audit::FINDINGS_MAX;
use medtrace_chainer::verify::Verifier;
use medtrace_chainer::{Finding, Report};
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_ledger::{Checkpoint, Genesis};
use medtrace_log::sealed::SealedBlock;

/// Recomputes every block of the archive, and holds its checkpoint and its tiles against them. `visit` sees each block as
/// it is archived, true or not, in order.
///
/// What does not recompute is a finding; an error means that the archive could not be read.
///
/// # Errors
/// Those of the store.
pub async fn verify_archive(
    archive: &Archive,
    genesis: &Genesis,
    mut visit: impl FnMut(&SealedBlock),
) -> Result<Report, ArchiveError> {
    // The checkpoint first: an archive that grows meanwhile is not ahead of itself.
    let mut report = Report::default();
    let checkpoint = own_checkpoint(archive, genesis, &mut report).await?;
    let covered = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let (mut verifier, mut edge, mut full) = (Verifier::begin(genesis), Edge::default(), Tiles::new());
    let mut blocks = archive.blocks(0).await?;
    while report.findings.len() < FINDINGS_MAX {
        let block = match blocks.next().await {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) if error.contradicts() => {
                finding(&mut report, verifier.chain().size(), error.to_string());
                break;
            }
            Err(error) => return Err(error),
        };
        let height = block.header.height;
        let recomputed = verifier.next(&block).await?;
        let follows = recomputed.follows;
        report.add(&block, recomputed);
        visit(&block);
        if !follows {
            break;
        }
        report.end = Some((verifier.chain().size(), verifier.chain().root()));
        if height < covered && edge.push(block.text.as_bytes(), &mut full).is_ok() {
            check_tiles(archive, covered, std::mem::take(&mut full), &mut report).await?;
        }
    }
    for (height, what) in verifier.unsettled() {
        finding(&mut report, height, what);
    }
    let Some(Checkpoint { size, root, .. }) = checkpoint else { return Ok(report) };
    report.published = size;
    if edge.size() < size {
        let held = edge.size();
        finding(&mut report, held, format!("the checkpoint covers {size} headers, {held} are archived and true"));
    } else if edge.root() != root {
        let found = edge.root();
        finding(
            &mut report,
            size - 1,
            format!("the checkpoint of {size} headers says {root}, the blocks give {found}"),
        );
    } else {
        check_tiles(archive, covered, edge.partial(), &mut report).await?;
    }
    Ok(report)
}

async fn own_checkpoint(
    archive: &Archive,
    genesis: &Genesis,
    report: &mut Report,
) -> Result<Option<Checkpoint>, ArchiveError> {
    let opened = match archive.checkpoint().await {
        Ok(None) => return Ok(None),
        Ok(Some(note)) => Checkpoint::open(&note, genesis).map_err(|error| error.to_string()),
        Err(error) if error.contradicts() => Err(error.to_string()),
        Err(error) => return Err(error),
    };
    report.checkpoints = 1;
    match opened {
        Ok((checkpoint, _)) => Ok(Some(checkpoint)),
        Err(error) => {
            finding(report, 0, format!("the archive's checkpoint is none: {error}"));
            Ok(None)
        }
    }
}

/// The archive must have these tiles with these bytes.
async fn check_tiles(archive: &Archive, size: u64, tiles: Tiles, report: &mut Report) -> Result<(), ArchiveError> {
    for (tile, expected) in tiles {
        for (narrower, found) in archive.narrower(tile).await? {
            if narrower.cut(&expected).is_none_or(|expected| expected != found) {
                finding(report, size - 1, format!("{narrower} holds other bytes than the blocks give"));
            }
        }
        let what = match archive.tile(tile, size).await {
            Ok(Some(found)) if found == expected => continue,
            Ok(Some(_)) => format!("{tile} holds other bytes than the blocks give"),
            Ok(None) => format!("{tile} is missing"),
            Err(error) if error.contradicts() => error.to_string(),
            Err(error) => return Err(error),
        };
        finding(report, size - 1, what);
    }
    Ok(())
}

fn finding(report: &mut Report, height: u64, what: String) {
    report.findings.push(Finding { height, what });
}

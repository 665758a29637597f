//! `/log/…`: what a stranger needs beside a proof, and the whole header log as tiles, as C2SP tlog-tiles names them.
//! `/v1/log/…`: evidence that the log only grows, or of what is wrong with it.
//!
//! Tiles and the checkpoint that is served with them come from the archive: what it names is there.

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use medtrace_archive::{Archive, ArchiveError};
use medtrace_ledger::{Checkpoint, Tile};
use medtrace_service::{Kind, Problem};

use crate::app::App;
use crate::checkpoints::Signed;
use crate::evidence;
use crate::params::{Params, wrong};
use crate::requests;

/// Largest size of a log.
const SIZE_MAX: u64 = medtrace_ledger::HEIGHT_MAX + 1;

/// Media type of signed texts and proofs.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// Media type of tiles.
const BYTES: &str = "application/octet-stream";
/// A full tile never changes: kept for a year.
const FULL: &str = "public, max-age=31536000, immutable";
/// A partial tile does not change either, but soon there is a wider one: kept for a minute.
const PARTIAL: &str = "public, max-age=60";
/// The checkpoint may be another one the next moment.
const CHANGING: &str = "no-cache";

/// The newest checkpoint, with its cosignatures: of the archive if there is one, so that its tiles are there.
pub async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let note = match &app.config.archive {
        Some(archive) => archived(&app, archive).await?.map(|(note, _)| note),
        None => app.checkpoints.newest().map(|newest| newest.note.to_string()),
    };
    let note = note.ok_or_else(|| Kind::Unavailable.because("no checkpoint is known yet; ask again"))?;
    Ok(([(header::CACHE_CONTROL, CHANGING)], text(note)).into_response())
}

/// The genesis note.
pub async fn genesis(State(app): State<App>) -> Response {
    text(app.config.genesis_note.clone())
}

/// `GET /v1/log/consistency?from=…&to=…`: between two checkpoints that are kept here.
pub async fn consistency(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let snapshot = app.view.now();
    let mut params = Params::read(query.as_deref())?;
    let newest = app.checkpoints.covering(0, snapshot.headers_known()).map_or(1, |newest| newest.size);
    let (from, to) = (params.number("from", 0, 1, SIZE_MAX)?, params.number("to", newest, 1, SIZE_MAX)?);
    params.end("from and to")?;
    if from == 0 || from > to {
        let detail = format!("from is a size, at most {to}");
        return Err(wrong("from", "range", detail));
    }
    let kept = |size| -> Result<Signed, Problem> {
        let none = format!("no checkpoint of {size} blocks is kept here; send one that you hold instead");
        app.checkpoints.of_size(size).ok_or_else(|| Kind::NoSuchResource.because(none))
    };
    evidence::between(&app, &snapshot, &kept(from)?, &kept(to)?).map(text)
}

/// `POST /v1/log/consistency` with a checkpoint that somebody holds.
pub async fn since(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    evidence::since(&app, &app.view.now(), &String::from_utf8_lossy(&body)).map(text)
}

/// `POST /v1/log/missing` with a receipt.
pub async fn missing(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    evidence::missing(&app, &app.view.now(), &String::from_utf8_lossy(&body)).await.map(text)
}

/// A tile or a bundle of entries, full or partial, of the log that the checkpoint names.
pub async fn tile(State(app): State<App>, OriginalUri(uri): OriginalUri) -> Result<Response, Problem> {
    let none = || Kind::NoSuchResource.because("the log has no such tile");
    let archive = of_archive(&app)?;
    // The path as it was sent: a tile has one spelling.
    let tile: Tile = uri.path().strip_prefix("/log/").and_then(|path| path.parse().ok()).ok_or_else(none)?;
    let size = archived(&app, archive).await?.map_or(0, |(_, size)| size);
    let bytes = archive.tile(tile, size).await.map_err(unreadable)?.ok_or_else(none)?;
    let keep = if tile.is_full() { FULL } else { PARTIAL };
    Ok(([(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, keep)], bytes).into_response())
}

/// The names of the archive's block files, a line each: what an archive over HTTP is found by.
pub async fn block_files(State(app): State<App>) -> Result<Response, Problem> {
    let names = of_archive(&app)?.block_files().await.map_err(unreadable)?;
    let names = names.into_iter().map(|name| name + "\n").collect();
    Ok(([(header::CACHE_CONTROL, CHANGING)], text(names)).into_response())
}

/// Which items of the blocks are erased, and by which notices.
pub async fn erased(State(app): State<App>) -> Result<Response, Problem> {
    let none = || Kind::NoSuchResource.because("nothing of the archive is erased");
    let bytes = of_archive(&app)?.erased().await.map_err(unreadable)?.ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, CHANGING)], bytes).into_response())
}

/// A file of blocks with their records, by the height of its first one. The last file grows,
/// and an erasure takes bytes away.
pub async fn block_file(State(app): State<App>, Path(first): Path<String>) -> Result<Response, Problem> {
    let none = || Kind::NoSuchResource.because("the archive has no such file");
    let bytes = of_archive(&app)?.block_file(&first).await.map_err(unreadable)?.ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, CHANGING)], bytes).into_response())
}

fn of_archive(app: &App) -> Result<&Archive, Problem> {
    let none = || Kind::NoSuchResource.because("nothing archived is served here: the service was given no archive");
    app.config.archive.as_ref().ok_or_else(none)
}

/// The archive's checkpoint and its size.
async fn archived(app: &App, archive: &Archive) -> Result<Option<(String, u64)>, Problem> {
    let Some(note) = archive.checkpoint().await.map_err(unreadable)? else { return Ok(None) };
    let (checkpoint, _) = Checkpoint::open(&note, &app.config.genesis).map_err(|fault| {
        requests::because(format!("the archive's checkpoint is none: {fault}"));
        Kind::Implementation.because("the archive is damaged")
    })?;
    Ok(Some((note, checkpoint.size)))
}

fn unreadable(error: ArchiveError) -> Problem {
    let contradicts = error.contradicts();
    requests::because(format!("{:#}", anyhow::Error::from(error)));
    match contradicts {
        true => Kind::Implementation.because("the archive is damaged"),
        false => Kind::Unavailable.because("the archive does not answer; ask again"),
    }
}

pub fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], body).into_response()
}

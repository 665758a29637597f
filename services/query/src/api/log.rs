//! `/log/checkpoint` and `/log/genesis`: what a stranger needs beside a proof, as the texts that were signed. `/v1/log`:
//! evidence that the log only grows, or of what is wrong with it.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use medtrace_service::{Kind, Problem};

use crate::app::App;
use crate::checkpoints::Signed;
use crate::evidence;
use crate::params::{Params, wrong};

/// Largest size of a log.
const SIZE_MAX: u64 = medtrace_ledger::HEIGHT_MAX + 1;

/// Media type of signed texts and proofs.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// The newest checkpoint, with its cosignatures.
pub async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let newest = app.checkpoints.newest();
    let newest = newest.ok_or_else(|| Kind::Unavailable.because("no checkpoint is known yet; ask again"))?;
    Ok(text(newest.note.to_string()))
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

pub fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], body).into_response()
}

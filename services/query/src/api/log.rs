//! `/log/checkpoint` and `/log/genesis`: what a stranger needs beside a proof, as the texts that were signed.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use medtrace_service::{Kind, Problem};

use crate::app::App;

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

pub fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], body).into_response()
}

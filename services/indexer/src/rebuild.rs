//! Deriving everything again: the store's database and the keyed state are dropped, the log stays what it is.
//!
//! ```text
//! POST /rebuild (admin port, loopback only, a JSON body) ─▶ 202 {"height", "begun_ms"}; done when /readyz tells of a
//!   later `begun_ms` and of that height again
//! the mark is written ─▶ the indexer begins again ─▶ mark there? ─▶ no block counts as complete ─▶ a second for readers to notice ─▶ database dropped ─▶ keyed state
//!   removed ─▶ mark removed ─▶ the log from block 0
//! ```
//!
//! The mark goes last, so whatever the process dies in, the next start does it all again. An operator without a way to
//! the port makes the mark by hand (`touch MEDTRACE_DATA/rebuild`) and restarts the indexer.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router, http::StatusCode};
use clickhouse::Client;
use medtrace_service::{Kind, Problem, Shutdown, files};
use serde_json::{Value, json};

use crate::keyed::FORMAT;
use crate::status::Status;

/// What readers have to notice that no block is complete any more, milliseconds: before, they would take missing rows
/// for an answer.
const NOTICE_MS: u64 = 1_000;
/// Name of the mark in the indexer's folder.
const MARK: &str = "rebuild";
/// Beginning of the names of the keyed state's folders; the layout's number follows.
const TIMELINES: &str = "timelines-";

/// The indexer's own folder.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// Where the keyed state lies.
    pub fn timelines(&self) -> PathBuf {
        self.0.join(format!("{TIMELINES}{FORMAT}"))
    }

    /// Whether everything is to be derived again: asked for, or because the keyed state is in another layout.
    pub fn is_marked(&self) -> io::Result<bool> {
        let mut others = fs::read_dir(&self.0)?.filter_map(|entry| entry.ok()).filter(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with("timelines") && entry.path() != self.timelines()
        });
        Ok(self.mark().try_exists()? || others.next().is_some())
    }

    fn mark(&self) -> PathBuf {
        self.0.join(MARK)
    }

    /// Durable when it returns.
    fn make_mark(&self) -> io::Result<()> {
        File::create(self.mark())?.sync_all()?;
        files::sync_folder(&self.0)
    }

    /// Removes every keyed state, then the mark.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("timelines") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        files::sync_folder(&self.0)?;
        files::remove_if_there(&self.mark())?;
        files::sync_folder(&self.0)
    }
}

/// Drops everything derived, if that is marked. Repeatable.
///
/// # Errors
/// Those of the store, of which nothing is known then, and of the folder.
pub async fn if_marked(folder: &Folder, client: &Client) -> anyhow::Result<()> {
    if !folder.is_marked().context("failed to read the indexer's folder")? {
        return Ok(());
    }
    tracing::warn!("everything derived is dropped, and derived again from the log");
    let database = client.database().unwrap_or(medtrace_store::client::DATABASE_DEFAULT);
    let count = client.clone().with_database("default");
    let exists = count.query("SELECT count() FROM system.tables WHERE database = ? AND name = 'block'").bind(database);
    if exists.fetch_one::<u64>().await? > 0 {
        client.query("TRUNCATE TABLE block").execute().await?;
        tokio::time::sleep(Duration::from_millis(NOTICE_MS)).await;
    }
    medtrace_store::migrate::drop_database(client).await?;
    folder.clear().context("failed to remove the keyed state")
}

/// What the admin port needs.
#[derive(Clone)]
pub struct Rebuilder {
    folder: Folder,
    status: Status,
    /// Ends the turn under way.
    turn: Arc<Mutex<Shutdown>>,
}

impl Rebuilder {
    pub fn new(folder: Folder, status: Status) -> Rebuilder {
        Rebuilder { folder, status, turn: Arc::default() }
    }

    /// A turn begins: cancelled when it is over, be it that everything begins again or ends.
    pub fn begin(&self, shutdown: &Shutdown) -> Shutdown {
        let turn = shutdown.child_token();
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn.clone();
        turn
    }
}

/// The route, to be served beside `/readyz`.
pub fn router(rebuilder: Rebuilder) -> Router {
    Router::new().route("/rebuild", post(rebuild)).with_state(rebuilder)
}

/// A body of JSON, so that no web page can ask for it unasked.
async fn rebuild(
    State(rebuilder): State<Rebuilder>,
    Json(_): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (height, begun_ms) = (rebuilder.status.height(), rebuilder.status.begun_ms());
    let marked = rebuilder.folder.make_mark();
    marked.map_err(|error| Kind::Implementation.because(format!("failed to mark the folder: {error}")))?;
    rebuilder.turn.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    Ok((StatusCode::ACCEPTED, Json(json!({ "height": height, "begun_ms": begun_ms }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_or_a_state_in_another_layout_asks_for_it_and_clearing_answers() {
        let path = std::env::temp_dir().join(format!("medtrace-indexer-rebuild-{}", std::process::id()));
        let folder = Folder(path.clone());
        fs::create_dir_all(folder.timelines()).unwrap();
        assert!(!folder.is_marked().unwrap());
        folder.make_mark().unwrap();
        assert!(folder.is_marked().unwrap());
        folder.clear().unwrap();
        assert!(!folder.is_marked().unwrap() && !folder.timelines().exists());
        fs::create_dir_all(path.join("timelines")).unwrap();
        assert!(folder.is_marked().unwrap());
        folder.clear().unwrap();
        assert!(!folder.is_marked().unwrap());
        fs::remove_dir_all(path).unwrap();
    }
}

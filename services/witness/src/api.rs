//! The witness over HTTP, for anybody: C2SP's `add-checkpoint`, and what lets others compare.
//!
//! ```text
//! POST /add-checkpoint          a cosignature line, or why not (see the refusals)
//! GET  /checkpoint?origin=…     the latest note cosigned of a log
//! GET  /vkey                    the own public key, type 0x04
//! GET  /alarms                  {"alarms": […]}
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use medtrace_ledger::AddCheckpoint;
use medtrace_ledger::add_checkpoint::ADD_CHECKPOINT_BYTES_MAX;
use medtrace_ledger::vkey::KeyUse;
use medtrace_service::{Kind, Problem, problem, unix_ms};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::alarms::{Alarm, Alarms, Finding};
use crate::cosigner::{Cosigner, Signed};
use crate::metrics::Metrics;
use crate::recomputed::{Recomputed, WAIT_MS};
use crate::refusal::Refusal;

/// Most checkpoints that are looked at at once.
pub const REQUESTS_MAX: usize = 256;
/// What a body has to arrive in, milliseconds.
const BODY_MS_MAX: u64 = 10_000;

const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct App {
    pub cosigner: Arc<Cosigner>,
    pub alarms: Arc<Alarms>,
    /// Of a full witness: its log's origin and what it recomputed.
    pub full: Option<(String, Arc<Recomputed>)>,
    /// Origin of the log of the genesis.
    pub own: String,
    pub metrics: Metrics,
    /// One permit for each checkpoint that may be looked at.
    pub room: Arc<Semaphore>,
}

/// Every route.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/checkpoint", get(checkpoint))
        .route("/vkey", get(vkey))
        .route("/alarms", get(alarms));
    problem::everywhere(routes.with_state(app))
}

async fn add_checkpoint(State(app): State<App>, body: Body) -> Response {
    match app.answer(body).await {
        Ok(line) => {
            app.metrics.cosigned.inc();
            (TEXT, line).into_response()
        }
        Err(refusal) => {
            app.metrics.refused(refusal.status());
            tracing::debug!(status = refusal.status(), %refusal, "a checkpoint is not cosigned");
            if let Refusal::NotDurable(error) = &refusal {
                tracing::error!(%error, "a checkpoint could not be made durable; it was not cosigned");
            }
            refusal.into_response()
        }
    }
}

impl App {
    async fn answer(&self, body: Body) -> Result<String, Refusal> {
        let Ok(_permit) = self.room.clone().try_acquire_owned() else { return Err(Refusal::Busy) };
        let body = timeout(Duration::from_millis(BODY_MS_MAX), to_bytes(body, ADD_CHECKPOINT_BYTES_MAX)).await;
        self.cosign(&body.map_err(|_| Refusal::Late)?.map_err(|_| Refusal::TooLarge)?).await
    }

    async fn cosign(&self, body: &[u8]) -> Result<String, Refusal> {
        let asked = AddCheckpoint::parse(std::str::from_utf8(body).map_err(|_| Refusal::NotText)?)?;
        let signed = self.cosigner.read(&asked.note)?;
        if let Err(refusal) = self.cosigner.check(&signed, &asked) {
            self.look_at_refused(&signed, &refusal);
            return Err(refusal);
        }
        if let Some(recomputed) = self.full_of(&signed) {
            recomputed.judge_in_time(&signed, Duration::from_millis(WAIT_MS)).await?;
        }
        // On a thread of its own: a client that goes away must not leave a write behind that nobody waits for.
        let (cosigner, time_s, own) = (self.cosigner.clone(), unix_ms() / 1000, self.own.clone());
        let (size, metrics) = (signed.head().0, self.metrics.clone());
        let work = move || {
            let line = cosigner.cosign(&signed, &asked, time_s)?;
            tracing::debug!(origin = signed.checkpoint.origin(), size, "cosigned");
            if signed.checkpoint.origin() == own {
                metrics.size.set(size.cast_signed());
            }
            Ok(format!("{line}\n"))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Refusal::NotDurable(std::io::Error::other(error))),
        }
    }

    /// What a log signed and asked for in vain may show that it has two histories.
    fn look_at_refused(&self, signed: &Signed, refusal: &Refusal) {
        if let Some(recomputed) = self.full_of(signed) {
            _ = recomputed.judge(signed);
        }
        if let Refusal::Fork { latest } = refusal {
            let latest = self.cosigner.read(latest).map_or_else(|_| latest.clone(), |latest| latest.note());
            let (origin, size) = (signed.checkpoint.origin().to_owned(), signed.head().0);
            let finding = Finding::Fork { size, notes: [latest, signed.note()] };
            self.alarms.raise(Alarm { origin, time_ms: unix_ms(), finding });
        }
    }

    fn full_of(&self, signed: &Signed) -> Option<&Recomputed> {
        let (origin, recomputed) = self.full.as_ref()?;
        (origin == signed.checkpoint.origin()).then_some(recomputed)
    }
}

#[derive(Deserialize)]
struct Of {
    origin: String,
}

async fn checkpoint(State(app): State<App>, Query(Of { origin }): Query<Of>) -> Result<impl IntoResponse, Problem> {
    let note = app.cosigner.latest(&origin).and_then(|latest| latest.note);
    let nothing = || Kind::NoSuchResource.because(format!("nothing of {origin} was cosigned here"));
    Ok((TEXT, note.ok_or_else(nothing)?))
}

async fn vkey(State(app): State<App>) -> impl IntoResponse {
    (TEXT, format!("{}\n", app.cosigner.verifier().vkey(KeyUse::Cosignature)))
}

async fn alarms(State(app): State<App>) -> Json<Value> {
    Json(json!({ "alarms": app.alarms.all() }))
}

//! `GET /queries/{name}/events` with `Upgrade: websocket`: a subscription that lasts as long as its connection.
//!
//! `stream=true`, or a schedule by `second`, `minute`, `hour`, `dayOfMonth`, `month`, `dayOfWeek`; `reportIfEmpty` and
//! `initialRecordTime` as for webhooks. Each text message is an EPCISQueryDocument.
//!
//! Nothing is remembered here, and nobody is asked for a token, as nobody is who reads. Each document carries its id
//! (`medtrace:delivery`), and the answer that opens the connection one for what is before the first
//! (`Medtrace-Delivery-Id`). Not of the standard: who comes back with the id of the last delivery that it took, as
//! `resumeAfter` with the same query and controls, is told all that comes after it, and nothing before.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use medtrace_service::{Kind, Problem};
use tokio::sync::OwnedSemaphorePermit;

use super::subscriptions::{may_be_subscribed, record_time};
use crate::app::App;
use crate::epcis::form::Form;
use crate::metrics::Metrics;
use crate::named::NamedQuery;
use crate::params::{Params, wrong};
use crate::subscribe::feed::{Feed, beginning};
use crate::subscribe::record::{Controls, Progress};
use crate::subscribe::resume::LABEL;
use crate::subscribe::schedule::Fields;
use crate::subscribe::send::DELIVERY_ID;
use crate::token::Binding;
use crate::view::Snapshot;

/// WebSockets open at the same time.
pub const SOCKETS_MAX: usize = 256;
/// Longest message from a client, bytes: none is expected.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// For a client to take one message, milliseconds.
const SEND_MS_MAX: u64 = 10_000;
/// Between two pings of a silent connection, seconds.
const PING_S: u64 = 15;

/// Counts as open until it is dropped.
struct Room {
    _permit: OwnedSemaphorePermit,
    metrics: Metrics,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.metrics.sockets.dec();
    }
}

/// Answers 101, or says why not.
pub async fn open(
    app: App,
    headers: &HeaderMap,
    named: &NamedQuery,
    query: Option<&str>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (controls, resume_after) = controls(query)?;
    let ask = named.ask()?;
    may_be_subscribed(&ask)?;
    let spelling = Form::of(headers)?.spelling;
    let upgrade = upgrade.map_err(|refused| Kind::Validation.because(refused.body_text()))?;
    let permit = app.sockets.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Kind::TooManyRequests.because("too many WebSockets are open; ask again later"))?;
    app.metrics.sockets.inc();
    let room = Room { _permit: permit, metrics: app.metrics.clone() };
    let now_ms = app.book.tools().source.clock.now_ms();
    let snapshot = app.view.now();
    let binding = Binding { label: LABEL, genesis: app.config.genesis.hash(), fingerprint: ask.fingerprint };
    let progress = match resume_after {
        Some(id) => resumed(&id, &binding, &snapshot)?,
        None => Progress { after: beginning(&controls, &snapshot), run: None, ran_ms: now_ms },
    };
    let id = HeaderValue::try_from(progress.id(&binding));
    let gone = named.gone.clone();
    let mut feed = Feed::new(&named.name, &uuid::Uuid::new_v4().to_string(), ask, controls, spelling);
    feed.resumable = Some(binding);
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX);
    let mut answer = upgrade.on_upgrade(move |socket| async move {
        let mut socket = socket;
        let end = tokio::select! {
            () = tell(&app, &mut socket, feed, progress) => None,
            () = gone.cancelled() => Some((close_code::NORMAL, "the query was deleted")),
            () = app.shutdown.cancelled() => Some((close_code::AWAY, "the service ends")),
        };
        if let Some((code, reason)) = end {
            let close = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            taken(&mut socket, Message::Close(Some(close))).await;
        }
        drop(room);
    });
    answer.headers_mut().extend(id.ok().map(|id| (DELIVERY_ID, id)));
    Ok(answer)
}

/// Where a client stands that took the delivery with this id.
fn resumed(id: &str, binding: &Binding, snapshot: &Snapshot) -> Result<Progress, Problem> {
    let refused = |why: &str| wrong("resumeAfter", "delivery", format!("resumeAfter {why}"));
    let progress = Progress::of_id(id, binding).map_err(|why| refused(&why.to_string()))?;
    let heights = [progress.after.map(|at| at.block), progress.run.as_ref().map(|run| run.known)];
    match heights.into_iter().flatten().all(|height| height < snapshot.headers_known()) {
        true => Ok(progress),
        false => Err(refused("is of a longer log than this one is here: ask again later, or for everything anew")),
    }
}

/// The controls, and the delivery after which to go on.
fn controls(query: Option<&str>) -> Result<(Controls, Option<String>), Problem> {
    let mut params = Params::read(query)?;
    let words = [("true", true), ("false", false)];
    let stream = params.word("stream", &words)?.unwrap_or(false);
    let report_if_empty = params.word("reportIfEmpty", &words)?.unwrap_or(false);
    let initial_record_us = params.take("initialRecordTime").as_deref().map(record_time).transpose()?;
    let fields = Fields {
        second: params.take("second"),
        minute: params.take("minute"),
        hour: params.take("hour"),
        day_of_month: params.take("dayOfMonth"),
        month: params.take("month"),
        day_of_week: params.take("dayOfWeek"),
    };
    let resume_after = params.take("resumeAfter");
    params.end(
        "stream, reportIfEmpty, initialRecordTime, second, minute, hour, dayOfMonth, month, dayOfWeek and resumeAfter",
    )?;
    let schedule = (fields != Fields::default()).then_some(fields);
    Ok((Controls::read(stream, schedule, report_if_empty, initial_record_us)?, resume_after))
}

/// Tells until the client leaves or is too slow.
async fn tell(app: &App, socket: &mut WebSocket, feed: Feed, mut progress: Progress) {
    let source = &app.book.tools().source;
    loop {
        let mut next = std::pin::pin!(feed.next(source, progress.clone()));
        let delivery = loop {
            tokio::select! {
                delivery = &mut next => break delivery,
                // Pongs are given by the socket itself while it is read.
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
                () = tokio::time::sleep(Duration::from_secs(PING_S)) => {
                    if !taken(socket, Message::Ping(Bytes::new())).await {
                        return;
                    }
                }
            }
        };
        // JCS is UTF-8.
        let Ok(text) = String::from_utf8(delivery.body) else { return };
        if !taken(socket, Message::Text(text.into())).await {
            return;
        }
        progress = delivery.then;
    }
}

/// Whether the client took it in time.
async fn taken(socket: &mut WebSocket, message: Message) -> bool {
    let sent = tokio::time::timeout(Duration::from_millis(SEND_MS_MAX), socket.send(message)).await;
    matches!(sent, Ok(Ok(())))
}

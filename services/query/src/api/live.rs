//! `GET /v1/live`: server-sent events (HTML Living Standard § 9.2). `Last-Event-ID` is the height of the last block seen.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use medtrace_service::{Kind, Problem};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::app::App;
use crate::live::{Live, Message, RESUME_BLOCKS_MAX, Told};
use crate::metrics::Metrics;
use crate::view::Snapshot;

/// Between two comments that keep a silent stream open, seconds.
const HEARTBEAT_S: u64 = 15;
/// Before the store is asked again, milliseconds.
const RETRY_MS: u64 = 1_000;

/// One client's place.
struct Listener {
    live: Live,
    changes: watch::Receiver<Snapshot>,
    next: u64,
    /// Told before anything else.
    first: Option<Message>,
    _room: Room,
}

/// Counts as an open stream until it is dropped.
struct Room {
    _permit: OwnedSemaphorePermit,
    metrics: Metrics,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.metrics.live_clients.dec();
    }
}

pub async fn live(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let seen = last_event_id(&headers)?;
    let permit = app
        .live
        .room
        .clone()
        .try_acquire_owned()
        .map_err(|_| Kind::TooManyRequests.because("too many live streams are open; ask again later"))?;
    app.metrics.live_clients.inc();
    let room = Room { _permit: permit, metrics: app.metrics.clone() };
    let changes = app.view.changes();
    let end = changes.borrow().height.map_or(0, |height| height + 1);
    let wanted = seen.map_or(end, |height| height.saturating_add(1));
    let next = wanted.max(end.saturating_sub(RESUME_BLOCKS_MAX));
    let first = (next > wanted).then(|| Message {
        event: "skipped",
        id: None,
        data: json!({ "from": wanted, "to": next - 1 }),
    });
    let listener = Listener { live: app.live.clone(), changes, next, first, _room: room };
    let shutdown = app.live.shutdown.clone();
    let events = told(listener).take_until(shutdown.cancelled_owned());
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_S)).text("");
    Ok(Sse::new(events).keep_alive(heartbeat).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let height = value.to_str().ok().and_then(|text| text.parse().ok());
    height.map(Some).ok_or_else(|| Kind::Validation.because("Last-Event-ID is the height of the last block seen"))
}

fn told(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    let batches = stream::unfold(listener, |mut listener| async {
        let messages = match listener.first.take() {
            Some(first) => vec![first],
            None => listener.more().await?.iter().flat_map(|(_, messages)| messages.iter().cloned()).collect(),
        };
        Some((messages, listener))
    });
    batches.flat_map(|messages| stream::iter(messages.into_iter().map(|message| Ok(event(message)))))
}

impl Listener {
    /// The next blocks, as soon as there are any; `None` when the view has ended.
    async fn more(&mut self) -> Option<Vec<Told>> {
        loop {
            let next = self.next;
            let snapshot = self.changes.wait_for(|s| s.height.is_some_and(|height| height >= next)).await.ok()?.clone();
            match self.live.since(next, &snapshot).await {
                Ok(blocks) => {
                    self.next = blocks.last().map_or(next, |(height, _)| height + 1);
                    if self.next > next {
                        return Some(blocks);
                    }
                }
                Err(error) => tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "live stands still"),
            }
            tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
        }
    }
}

fn event(message: Message) -> Event {
    let event = Event::default().event(message.event).data(message.data.to_string());
    match message.id {
        Some(height) => event.id(height.to_string()),
        None => event,
    }
}

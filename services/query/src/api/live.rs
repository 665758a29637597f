//! `GET /v1/live`: server-sent events (HTML Living Standard § 9.2). `Last-Event-ID` is the id of the last event seen, or the
//! height of a block.

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
use crate::live::{Live, Message, Place, RESUME_BLOCKS_MAX, Told, Track};
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
    place: Place,
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
    let now = {
        let snapshot = changes.borrow();
        Place { sealed: snapshot.headers_known(), hashed: snapshot.hashed }
    };
    let wanted = seen.unwrap_or(now);
    let oldest = now.sealed.saturating_sub(RESUME_BLOCKS_MAX);
    let place = Place { sealed: wanted.sealed.max(oldest), hashed: wanted.hashed.max(oldest) };
    let skipped = json!({ "from": wanted.sealed, "to": place.sealed.saturating_sub(1) });
    let first = (place.sealed > wanted.sealed).then_some(Message { event: "skipped", data: skipped });
    let listener = Listener { live: app.live.clone(), changes, place, first, _room: room };
    let shutdown = app.live.shutdown.clone();
    let events = told(listener).take_until(shutdown.cancelled_owned());
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_S)).text("");
    Ok(Sse::new(events).keep_alive(heartbeat).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Place>, Problem> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    let place = value.to_str().ok().and_then(|text| text.parse().ok());
    let detail = "Last-Event-ID is the id of the last event seen, or the height of the last block seen";
    place.map(Some).ok_or_else(|| Kind::Validation.because(detail))
}

fn told(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    let batches = stream::unfold(listener, |mut listener| async {
        let events = match listener.first.take() {
            Some(first) => vec![event(&first)],
            None => listener.more().await?,
        };
        Some((events, listener))
    });
    batches.flat_map(|events| stream::iter(events.into_iter().map(Ok)))
}

impl Listener {
    /// What comes next, as soon as there is anything; `None` when the view has ended.
    async fn more(&mut self) -> Option<Vec<Event>> {
        loop {
            let Place { sealed, hashed } = self.place;
            let news = |s: &Snapshot| s.headers_known() > sealed || s.hashed > hashed;
            let snapshot = self.changes.wait_for(news).await.ok()?.clone();
            // A block comes before what is suspected of it: all blocks first.
            let (track, next) = match snapshot.headers_known() > sealed {
                true => (Track::Sealed, sealed),
                false => (Track::Suspected, hashed),
            };
            match self.live.since(track, next, &snapshot).await {
                Ok(told) if !told.is_empty() => return Some(self.pass(track, told)),
                Ok(_) => {}
                Err(error) => tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "live stands still"),
            }
            tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
        }
    }

    /// The events of blocks on one track, the last of each with the place that it leads to.
    fn pass(&mut self, track: Track, told: Vec<Told>) -> Vec<Event> {
        let mut events = Vec::new();
        for (height, messages) in told {
            match track {
                Track::Sealed => self.place.sealed = height + 1,
                Track::Suspected => self.place.hashed = height + 1,
            }
            let last = messages.len().saturating_sub(1);
            let id = self.place.to_string();
            events.extend(messages.iter().enumerate().map(|(at, message)| match at == last {
                true => event(message).id(&id),
                false => event(message),
            }));
        }
        events
    }
}

fn event(message: &Message) -> Event {
    Event::default().event(message.event).data(message.data.to_string())
}

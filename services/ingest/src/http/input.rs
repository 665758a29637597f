//! Taking a request in: who, how much, which media type.

use std::sync::Arc;
use std::time::Duration;

use axum::{
    body::BodyDataStream,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use medtrace_event::scan::Who;
use medtrace_ledger::PartyId;
use medtrace_service::{Kind, Problem};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::App;

/// Bytes of bodies of all requests that are in work at the same time (32 MiB).
pub const BODIES_BYTES_MAX: usize = 32 << 20;
/// Longest that a body may take to arrive, in milliseconds: 4 MiB at 35 KiB/s.
pub const BODY_MS_MAX: u64 = 120_000;
/// Bodies larger than this are worked on off the threads that serve requests, in bytes.
const OFF_THREAD_BYTES: usize = 64 << 10;

/// Who calls, by the token.
pub(super) struct Caller {
    pub party: PartyId,
    /// What the log may know of operator and device.
    pub who: Who,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = app.tokens.caller(&parts.headers)?;
        if !app.view.has_caught_up() {
            let detail = "this service has not read the chain to its end yet; nothing was stored, send it again";
            return Err(Kind::Unavailable.because(detail));
        }
        let party = caller.party.parse().map_err(|_| {
            let detail = format!("the token is bound to {:?}, which is no party's name", caller.party);
            Kind::Unauthenticated.because(detail)
        })?;
        Ok(Caller { party, who: app.pseudonyms.of(&caller) })
    }
}

/// How much a body may be, and how long it may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub bytes_max: usize,
    /// For the whole, in milliseconds.
    pub ms_max: u64,
    /// Between two pieces, in milliseconds.
    pub pause_ms_max: u64,
}

/// A body that arrives. Holds its share of what all may have together as long as it lives; while it arrives, as much as
/// has arrived, so that whoever sends nothing keeps nobody out.
pub(super) struct Arriving {
    body: BodyDataStream,
    bytes: usize,
    limits: Limits,
    until: Instant,
    too_large: String,
    all: Arc<Semaphore>,
    share: Option<OwnedSemaphorePermit>,
}

impl Arriving {
    /// Checks what can be said before the first byte. `all` holds the bytes that all such bodies may have together.
    pub fn open(request: Request, app: &App, all: &Arc<Semaphore>, limits: Limits) -> Result<Arriving, Problem> {
        let (path, max) = (request.uri().path(), limits.bytes_max);
        let too_large = format!("one request to {path} has at most {max} bytes; nothing was stored");
        let declared = declared_length(request.headers());
        if declared.is_some_and(|length| length > max) {
            return Err(Kind::CaptureLimitExceeded.because(too_large));
        }
        if let Some(ahead_ms) = app.view.ahead_ms(app.now_ms()) {
            let detail = format!(
                "the chain's clock is {} s ahead of this service's, and what is signed here would be sealed as too old; \
                 nothing was stored: an operator has to put the clocks right",
                ahead_ms / 1_000
            );
            return Err(Kind::Unavailable.because(detail));
        }
        if declared.is_some_and(|length| length > all.available_permits()) {
            return Err(busy());
        }
        let body = request.into_body().into_data_stream();
        let until = Instant::now() + Duration::from_millis(limits.ms_max);
        Ok(Arriving { body, bytes: 0, limits, until, too_large, all: all.clone(), share: None })
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let pause = Instant::now() + Duration::from_millis(self.limits.pause_ms_max);
        let (until, ms) = match pause < self.until {
            true => (pause, self.limits.pause_ms_max),
            false => (self.until, self.limits.ms_max),
        };
        let late = |_| {
            let detail = format!("the body did not come within {} s; nothing was stored", ms / 1_000);
            Kind::RequestTimeout.because(detail)
        };
        let Some(some) = timeout_at(until, self.body.next()).await.map_err(late)? else { return Ok(None) };
        let ended = |_| Kind::Validation.because("the body ended before it was whole; nothing was stored");
        let some = some.map_err(ended)?;
        let too_large = || Kind::CaptureLimitExceeded.because(self.too_large.as_str());
        if some.len() > self.limits.bytes_max - self.bytes {
            return Err(too_large());
        }
        let more = u32::try_from(some.len()).map_err(|_| too_large())?;
        let more = self.all.clone().try_acquire_many_owned(more).map_err(|_| busy())?;
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        self.bytes += some.len();
        Ok(Some(some))
    }

    /// Bytes that have arrived.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn busy() -> Problem {
    Kind::TooManyRequests.because("too many large requests are in work; nothing was stored, send it again")
}

/// A whole body of at most `MAX` bytes in memory, with its share of [`BODIES_BYTES_MAX`].
pub(super) struct Sent<const MAX: usize> {
    pub bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl<const MAX: usize> FromRequest<Arc<App>> for Sent<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let limits = Limits { bytes_max: MAX, ms_max: BODY_MS_MAX, pause_ms_max: BODY_MS_MAX };
        let mut arriving = Arriving::open(request, app, &app.bodies, limits)?;
        let mut bytes = BytesMut::new();
        while let Some(some) = arriving.next().await? {
            bytes.extend_from_slice(&some);
        }
        Ok(Sent { bytes: bytes.freeze(), _share: arriving.share })
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Media types of JSON; a missing one is taken as the first.
pub(super) const JSON_TYPES: [&str; 2] = ["application/json", "application/ld+json"];

/// The media type of a body that must be JSON.
pub(super) fn json_type(headers: &HeaderMap) -> Result<&'static str, Problem> {
    media_type(headers, &JSON_TYPES)
}

/// Which of these media types a body has; the first if it names none.
pub(super) fn media_type(headers: &HeaderMap, taken: &[&'static str]) -> Result<&'static str, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(taken[0]) };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    taken.iter().find(|taken| essence.eq_ignore_ascii_case(taken)).copied().ok_or_else(|| {
        let detail = format!("{essence:?} is not taken here; send {}", taken.join(" or "));
        Kind::UnsupportedMediaType.because(detail)
    })
}

/// Runs `work` here if the body is small, else on a thread for long work.
pub(super) async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if bytes <= OFF_THREAD_BYTES {
        return work();
    }
    let lost = |_| Kind::Implementation.because("the request could not be worked on; nothing was stored");
    tokio::task::spawn_blocking(work).await.map_err(lost).flatten()
}

//! Taking a request in: who, how much, which media type.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use medtrace_event::scan::Who;
use medtrace_ledger::PartyId;
use medtrace_service::{Kind, Problem};
use tokio::sync::OwnedSemaphorePermit;

use crate::App;

/// Bytes of bodies of all requests that are in work at the same time (32 MiB).
pub const BODIES_BYTES_MAX: usize = 32 << 20;
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

/// A whole body of at most `MAX` bytes. Holds its share of [`BODIES_BYTES_MAX`] as long as it lives.
pub(super) struct Sent<const MAX: usize> {
    pub bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl<const MAX: usize> FromRequest<Arc<App>> for Sent<MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let detail = format!("one request to {} has at most {MAX} bytes; nothing was stored", request.uri().path());
        let too_large = || Kind::CaptureLimitExceeded.because(detail.as_str());
        let declared = declared_length(request.headers());
        if declared.is_some_and(|length| length > MAX) {
            return Err(too_large());
        }
        let share = u32::try_from(declared.unwrap_or(MAX)).map_err(|_| too_large())?;
        let share = app.bodies.clone().try_acquire_many_owned(share).map_err(|_| {
            Kind::TooManyRequests.because("too many large requests are in work; nothing was stored, send it again")
        })?;
        match to_bytes(request.into_body(), MAX).await {
            Ok(bytes) => Ok(Sent { bytes, _share: share }),
            Err(error) if is_length_limit(&error) => Err(too_large()),
            Err(_) => Err(Kind::Validation.because("the body ended before it was whole; nothing was stored")),
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.to_string().contains("length limit"))
}

/// The media type of a body that must be JSON; a missing one is taken as `application/json`.
pub(super) fn json_type(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok("application/json") };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    let taken = ["application/json", "application/ld+json"];
    match taken.iter().find(|taken| essence.eq_ignore_ascii_case(taken)) {
        Some(taken) => Ok(taken),
        None => {
            let detail = format!("{essence:?} is not taken here; send {}", taken.join(" or "));
            Err(Kind::UnsupportedMediaType.because(detail))
        }
    }
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

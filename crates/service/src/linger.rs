//! Lets a client read why it was refused while it is still sending: the rest of its body is taken in and thrown away.
//!
//! Without this, a service that answers early (413 before anything is read, 401 before that) closes a connection on which
//! bytes are still arriving, and the client sees a broken pipe instead of the answer (RFC 9112, section 9.6). What a
//! client declares to be larger than [`LINGER_BYTES_MAX`] is cut off all the same. A client that asks first (`Expect:
//! 100-continue`) has not sent anything yet, and need not.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use futures::{StreamExt, stream};
use tokio::time::timeout;

/// Most that is taken in of a body that nobody wants (16 MiB).
pub const LINGER_BYTES_MAX: u64 = 16 << 20;
/// Longest that such a body is waited for, in milliseconds.
const LINGER_MS_MAX: u64 = 5_000;

/// A body that the handler reads, and of which the rest can be read after it.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Shared {
    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::Error>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}

/// The layer.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    if !still_sending(request.headers()) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let shared = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let lent = shared.clone();
    let body = Body::from_stream(stream::poll_fn(move |context| lent.poll(context)));
    let answer = next.run(Request::from_parts(head, body)).await;
    if answer.status().is_client_error() || answer.status().is_server_error() {
        // Whether all of it comes in time or not: the answer is the same.
        let _ = timeout(Duration::from_millis(LINGER_MS_MAX), throw_away(&shared)).await;
    }
    answer
}

/// Whether a body is on its way that could be taken in.
fn still_sending(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let comes = chunked || length.is_some_and(|length| (1..=LINGER_BYTES_MAX).contains(&length));
    comes && !headers.contains_key(header::EXPECT)
}

async fn throw_away(rest: &Shared) {
    let mut taken = 0;
    while let Some(Ok(bytes)) = poll_fn(|context| rest.poll(context)).await {
        taken += bytes.len() as u64;
        if taken > LINGER_BYTES_MAX {
            return;
        }
    }
}

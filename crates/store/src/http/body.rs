//! A request's body as pieces of plain bytes, read as they are wanted.

use std::pin::Pin;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::native;
use crate::engine::IDLE;
use crate::exception::{Code, Exception};

/// The body, unpacked if it comes in compressed blocks.
pub struct Source {
    /// `None` once it has ended or failed.
    body: Option<Pin<Box<BodyDataStream>>>,
    /// Bytes of a block that has not arrived whole.
    packed: Option<BytesMut>,
}

impl Source {
    /// `blocks`: the body consists of ClickHouse's compressed blocks.
    pub fn new(body: Body, blocks: bool, headers: &HeaderMap) -> Result<Self, Exception> {
        match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
            None | Some(b"identity") => {}
            Some(other) => {
                let message = format!("Content-Encoding {} is not supported", String::from_utf8_lossy(other));
                return Err(Exception::new(Code::UnsupportedMediaType, message));
            }
        }
        Ok(Self { body: Some(Box::pin(body.into_data_stream())), packed: blocks.then(BytesMut::new) })
    }

    pub fn empty() -> Self {
        Self { body: None, packed: None }
    }

    /// Whether all of the body has been read.
    pub fn ended(&self) -> bool {
        self.body.is_none()
    }

    /// The next piece, `None` after a body that ended as its framing said; everything else is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Exception> {
        loop {
            if let Some(packed) = &mut self.packed
                && let Some(piece) = native::unpack(packed)?
            {
                return Ok(Some(piece));
            }
            let Some(body) = &mut self.body else { return Ok(None) };
            let received = tokio::time::timeout(IDLE, body.next()).await.map_err(|_| {
                Exception::new(Code::SocketTimeout, format_args!("Nothing was received for {} s", IDLE.as_secs()))
            });
            match (received?, &mut self.packed) {
                (Some(Ok(piece)), None) => return Ok(Some(piece)),
                (Some(Ok(piece)), Some(packed)) => packed.extend_from_slice(&piece),
                (Some(Err(error)), _) => {
                    self.body = None;
                    return Err(Exception::new(Code::NetworkError, format_args!("The body broke off: {error}")));
                }
                (None, packed) => {
                    self.body = None;
                    if packed.as_ref().is_some_and(|packed| !packed.is_empty()) {
                        return Err(Exception::new(Code::CannotDecompress, "The body ends inside a block"));
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Reads on without use, up to a limit, so that the sender is not cut off before it reads the answer.
    pub async fn drain(&mut self, mut limit: usize) {
        self.packed = None;
        while limit > 0
            && let Ok(Some(piece)) = self.next().await
        {
            limit = limit.saturating_sub(piece.len());
        }
    }
}

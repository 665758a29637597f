//! Answers: rows, the summary of a write, or an exception, with ClickHouse's headers.
//!
//! An exception before the first row is the answer: its HTTP status, its code in `X-ClickHouse-Exception-Code`, its text
//! the body. One after the first row ends the body, under the tag that the headers announced, and the connection is
//! closed before the body's end, so that nobody takes the answer for whole (ClickHouse 25.11 and later):
//!
//! ```text
//! <rows>\r\n__exception__\r\n<tag>\r\n<text>\n<length of text and \n> <tag>\r\n__exception__\r\n
//! ```

use std::time::Instant;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::stream;
use uuid::Uuid;

use super::arguments::Arguments;
use super::encoding::Encoding;
use crate::engine::{Answer, Progress, WHOLE_ANSWER_BYTES_MAX};
use crate::exception::{Code, Exception};

/// What a request came to.
pub enum Outcome {
    /// Nothing was asked.
    Ok,
    /// An insert is on disk.
    Written(Progress),
    /// A query runs, or has run.
    Rows(Answer),
    /// A query's gathered answer.
    Gathered(Bytes, Progress),
}

impl Outcome {
    /// Waits for the end of the rows, so that an exception is not missed.
    pub async fn gathered(self) -> Result<Self, Exception> {
        let Self::Rows(mut answer) = self else { return Ok(self) };
        let (mut bytes, mut progress) = (BytesMut::new(), Progress::default());
        while let Some(chunk) = answer.next().await? {
            bytes.extend_from_slice(&chunk.bytes);
            add(&mut progress, &chunk.progress);
            if bytes.len() as u64 > WHOLE_ANSWER_BYTES_MAX {
                let message = format_args!("The answer to gather has more than {WHOLE_ANSWER_BYTES_MAX} bytes");
                return Err(Exception::new(Code::QueryIsTooLarge, message));
            }
        }
        Ok(Self::Gathered(bytes.freeze(), progress))
    }
}

fn add(sum: &mut Progress, more: &Progress) {
    sum.elapsed = sum.elapsed.max(more.elapsed);
    sum.result_rows += more.result_rows;
    sum.read_rows += more.read_rows;
    sum.read_bytes += more.read_bytes;
    sum.written_rows += more.written_rows;
    sum.written_bytes += more.written_bytes;
}

/// What every answer to one request has in common.
pub struct Answering {
    headers: HeaderMap,
    version: String,
    /// 16 random characters that rows cannot be expected to hold.
    tag: String,
    began: Instant,
}

impl Answering {
    pub fn new(parts: &Parts, version: &str) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        Self {
            headers: parts.headers.clone(),
            version: version.to_owned(),
            tag: random[16..].to_owned(),
            began: Instant::now(),
        }
    }

    /// The answer to what went well, so far.
    pub async fn succeed(self, arguments: &Arguments, outcome: Outcome) -> Response {
        let encoding = Encoding::wanted(&self.headers, arguments);
        let format = arguments.default_format.as_str();
        let (progress, first, rest) = match outcome {
            Outcome::Ok => (Progress::default(), Bytes::from_static(b"Ok.\n"), None),
            Outcome::Written(progress) => (progress, Bytes::new(), None),
            Outcome::Gathered(bytes, progress) => (progress, bytes, None),
            Outcome::Rows(mut answer) => match answer.next().await {
                Ok(chunk) => {
                    let chunk = chunk.unwrap_or_default();
                    (chunk.progress, chunk.bytes, Some(answer))
                }
                Err(exception) => return self.fail(&exception),
            },
        };
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        set(headers, CONTENT_TYPE, content_type(format));
        set(headers, HeaderName::from_static("x-clickhouse-format"), format);
        set(headers, HeaderName::from_static("x-clickhouse-exception-tag"), &self.tag);
        set(headers, HeaderName::from_static("x-clickhouse-summary"), &summary(&progress, self.began));
        let id = arguments.query_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        set(headers, HeaderName::from_static("x-clickhouse-query-id"), &id);
        if let Some(encoding) = encoding.header() {
            set(headers, CONTENT_ENCODING, encoding);
        }
        *response.body_mut() = match rest {
            None => encoding.pack(first).map_or_else(|_| Body::empty(), Body::from),
            Some(answer) => self.stream(first, answer, encoding),
        };
        response
    }

    /// Rows as they come. The answer's end, an exception or a lost client end the stream.
    fn stream(self, first: Bytes, answer: Answer, encoding: Encoding) -> Body {
        enum Next {
            First(Bytes),
            More,
            Break,
        }
        Body::from_stream(stream::unfold((Next::First(first), answer), move |(next, mut answer)| {
            let (version, tag) = (self.version.clone(), self.tag.clone());
            async move {
                let piece = match next {
                    Next::First(first) => first,
                    Next::More => match answer.next().await {
                        Ok(chunk) => chunk?.bytes,
                        Err(exception) => {
                            let tail = encoding.pack(tail(&exception, &version, &tag));
                            return Some((tail, (Next::Break, answer)));
                        }
                    },
                    Next::Break => {
                        // Let what is buffered go out first: the server flushes whenever the body makes it wait.
                        tokio::task::yield_now().await;
                        return Some((Err(std::io::ErrorKind::ConnectionAborted.into()), (Next::Break, answer)));
                    }
                };
                Some((encoding.pack(piece), (Next::More, answer)))
            }
        }))
    }

    /// The answer to what went wrong.
    pub fn fail(&self, exception: &Exception) -> Response {
        let mut response = Response::new(Body::from(text(exception, &self.version)));
        *response.status_mut() = exception.status();
        let headers = response.headers_mut();
        set(headers, CONTENT_TYPE, "text/plain; charset=UTF-8");
        set(headers, HeaderName::from_static("x-clickhouse-exception-code"), &exception.code.to_string());
        if exception.status() == StatusCode::UNAUTHORIZED {
            set(headers, WWW_AUTHENTICATE, "Basic realm=\"ClickHouse server HTTP API\"");
        }
        response
    }
}

fn text(exception: &Exception, version: &str) -> String {
    format!("{} (version {version})\n", exception.text)
}

fn tail(exception: &Exception, version: &str, tag: &str) -> Bytes {
    let text = text(exception, version);
    let length = text.len();
    format!("\r\n__exception__\r\n{tag}\r\n{text}{length} {tag}\r\n__exception__\r\n").into()
}

/// `X-ClickHouse-Summary`: numbers as JSON strings. Of a streamed answer, what its first block took.
fn summary(progress: &Progress, began: Instant) -> String {
    let Progress { elapsed: _, result_rows, read_rows, read_bytes, written_rows, written_bytes } = progress;
    let elapsed = began.elapsed().as_nanos();
    format!(
        r#"{{"read_rows":"{read_rows}","read_bytes":"{read_bytes}","written_rows":"{written_rows}","written_bytes":"{written_bytes}","total_rows_to_read":"0","result_rows":"{result_rows}","result_bytes":"0","elapsed_ns":"{elapsed}"}}"#
    )
}

/// Sets a header, unless a client's own text (a format's name, a query's id) cannot be one.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn content_type(format: &str) -> &'static str {
    let format = format.to_ascii_lowercase();
    let starts = |prefix: &str| format.starts_with(prefix);
    if starts("tabseparated") || starts("tsv") {
        "text/tab-separated-values; charset=UTF-8"
    } else if starts("csv") {
        "text/csv; charset=UTF-8"
    } else if starts("json") && format.contains("eachrow") {
        "application/x-ndjson; charset=UTF-8"
    } else if starts("json") {
        "application/json; charset=UTF-8"
    } else if starts("pretty") || starts("vertical") || starts("values") {
        "text/plain; charset=UTF-8"
    } else {
        "application/octet-stream"
    }
}

//! An archive in a bucket of S3, or of whatever speaks its protocol.
//!
//! ```text
//! s3://<bucket>[/<prefix>]      AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ALLOW_HTTP, …
//! ```
//!
//! Everything but the place comes from the environment, under the names that `object_store` gives; where that names no keys, the
//! machine's role is asked for. The bucket must do conditional writes (`If-None-Match`, `If-Match`), as S3 does: they are what keeps a
//! second writer out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use medtrace_service::client::{AskError, Client};
use object_store::ClientOptions;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::ArchiveError;
use crate::format::{CONTENT_BYTES_MAX, FILE_BYTES};

/// How a bucket's address begins.
pub(crate) const SCHEME: &str = "s3://";
/// Longest wait for one answer, milliseconds.
const ANSWER_MS: u64 = 60_000;
/// Most bytes of one answer.
const ANSWER_BYTES_MAX: usize = FILE_BYTES + CONTENT_BYTES_MAX + (1 << 20);
/// How often a request is repeated, and for how long, milliseconds. Whoever asked tries again after that.
const RETRIES_MAX: usize = 4;
const RETRY_MS_MAX: u64 = 30_000;

/// The store at `s3://…`, with these variables as settings; others than those of S3 are passed over.
pub(crate) fn open(
    place: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>, ArchiveError> {
    let wrong = |reason: String| ArchiveError::Place { place: place.to_owned(), reason };
    let (bucket, prefix) = place.trim_start_matches(SCHEME).split_once('/').unwrap_or((&place[SCHEME.len()..], ""));
    if bucket.is_empty() {
        return Err(wrong("it names no bucket".to_owned()));
    }
    let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| wrong(error.to_string()))?;
    let client = Client::new(ANSWER_MS).map_err(|error| wrong(error.to_string()))?;
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES_MAX,
        retry_timeout: Duration::from_millis(RETRY_MS_MAX),
    };
    let settings = variables.into_iter().filter_map(|(name, value)| {
        let setting =
            name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>().ok())??;
        Some((setting, value))
    });
    let builder =
        settings.fold(AmazonS3Builder::new(), |builder, (setting, value)| builder.with_config(setting, value));
    let store = builder
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry)
        .with_http_connector(Over(client))
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(match prefix.as_ref().is_empty() {
        true => Arc::new(store),
        false => Arc::new(PrefixStore::new(store, prefix)),
    })
}

/// Requests go over the client that everything else here uses.
#[derive(Clone, Debug)]
struct Over(Client);

impl HttpConnector for Over {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Over {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let body = std::mem::replace(request.body_mut(), HttpRequestBody::empty());
        let body: Bytes = body.collect().await?.to_bytes();
        let answer = self.0.ask(request.map(|_| Full::from(body)), ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(|error| HttpError::new(kind(&error), error))?;
        let mut response = HttpResponse::new(answer.body.into());
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
        Ok(response)
    }
}

/// What may have been done is repeated only if repeating it is harmless.
fn kind(error: &AskError) -> HttpErrorKind {
    match error {
        AskError::Address(_) => HttpErrorKind::Unknown,
        AskError::Unreached(_) => HttpErrorKind::Interrupted,
        AskError::Late(_) => HttpErrorKind::Timeout,
        AskError::TooLong(_) => HttpErrorKind::Decode,
    }
}

//! Asking others over HTTP: TLS to whom this machine's certificate authorities vouch for, no redirect followed, no proxy
//! asked, time and size of the answer limited.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// How long a connection is kept for the next question, milliseconds.
const IDLE_MS_MAX: u64 = 30_000;
/// Connections that are kept to one server.
const IDLE_MAX: usize = 8;

/// Asks others. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    answer_ms: u64,
}

/// A whole answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. What was asked for may have been done, unless the address is none.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("{0:?} is no address of a server")]
    Address(String),
    /// With its causes: who was not reached, or not believed.
    #[error("{0}")]
    Unreached(String),
    #[error("no answer within {0} ms")]
    Late(u64),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Client {
    /// Waits so long for a whole answer, milliseconds, and believes whom the machine's authorities vouch for.
    ///
    /// # Errors
    /// Those of [`machine_tls`].
    pub fn new(answer_ms: u64) -> Result<Client, rustls::Error> {
        Ok(Client::believing(machine_tls()?, answer_ms))
    }

    /// The same with other authorities.
    pub fn believing(tls: ClientConfig, answer_ms: u64) -> Client {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector.wrap_connector(plain));
        Client { inner, answer_ms }
    }

    /// `GET`; an answer of at most so many bytes.
    ///
    /// # Errors
    /// There is no answer, or it is too long.
    pub async fn get(&self, url: &str, bytes_max: usize) -> Result<Answer, AskError> {
        self.ask(request(Method::GET, url, Bytes::new())?, bytes_max).await
    }

    /// `POST` of a body without a type; an answer of at most so many bytes.
    ///
    /// # Errors
    /// As of [`Client::get`].
    pub async fn post(&self, url: &str, body: impl Into<Bytes>, bytes_max: usize) -> Result<Answer, AskError> {
        self.ask(request(Method::POST, url, body.into())?, bytes_max).await
    }

    /// Any request; an answer of at most so many bytes.
    ///
    /// # Errors
    /// As of [`Client::get`].
    pub async fn ask(&self, request: Request<Full<Bytes>>, bytes_max: usize) -> Result<Answer, AskError> {
        let exchange = async {
            let answer = self.inner.request(request).await.map_err(|error| AskError::Unreached(with_causes(&error)))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
                match error.is::<LengthLimitError>() {
                    true => AskError::TooLong(bytes_max),
                    false => AskError::Unreached(with_causes(&*error)),
                }
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        timeout(Duration::from_millis(self.answer_ms), exchange).await.unwrap_or(Err(AskError::Late(self.answer_ms)))
    }
}

fn request(method: Method, url: &str, body: Bytes) -> Result<Request<Full<Bytes>>, AskError> {
    let none = || AskError::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| none())?;
    let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    // A port that is none would be passed over.
    let port = uri.port_u16().is_some() || uri.authority().is_some_and(|authority| authority.as_str().ends_with(host));
    if !["http", "https"].contains(&scheme) || host.is_empty() || !port {
        return Err(none());
    }
    Request::builder().method(method).uri(uri).body(Full::from(body)).map_err(|_| none())
}

/// TLS with the machine's certificate authorities: those in the file `SSL_CERT_FILE` or the folder `SSL_CERT_DIR` if one is
/// set, else those of the system. Whoever controls them can pass for any server. A machine that has none believes nobody.
///
/// # Errors
/// The library's own: it has no protocol version.
pub fn machine_tls() -> Result<ClientConfig, rustls::Error> {
    let provider = || ring::default_provider().into();
    let builder = || ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    match builder()?.with_native_roots() {
        Ok(roots) => Ok(roots.with_no_client_auth()),
        Err(error) => {
            let error: io::Error = error;
            tracing::warn!(%error, "no certificate authority is known here: whatever needs https will fail");
            Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
    }
}

/// An error with all its causes, in one line.
pub fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

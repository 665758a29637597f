//! One delivery to a webhook.
//!
//! ```text
//! POST <dest>
//! Content-Type: application/json               an EPCISQueryDocument
//! Medtrace-Delivery-Id: 6f1d…                  the same for the same document, however often it comes: drop what came before
//! GS1-Signature: t=1767225600,v1=<hex>         v1 = HMAC-SHA-256( signatureToken, t ‖ "." ‖ body )
//! ```
//!
//! Any 2xx acknowledges. The answer's body is not read, redirects are not followed, no proxy is asked.
//!
//! A receiver takes `t` and `v1` apart, computes v1 over the bytes it received before it parses them, compares in constant
//! time (`hmac.compare_digest`, `crypto.timingSafeEqual`), and refuses a `t` that is minutes old: so nobody can send
//! an old delivery again. Each attempt has a new `t`.

use medtrace_ledger::hash::hex;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderName, Method, Request, Uri};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use medtrace_service::client::with_causes;
use rustls::ClientConfig;
use sha2::Sha256;

use super::address::Guard;
use super::feed::Delivery;
use super::record::{Secret, Subscription};

/// To reach a receiver, milliseconds.
const CONNECT_MS_MAX: u64 = 5_000;
/// For the whole exchange, milliseconds.
pub const EXCHANGE_MS_MAX: u64 = 10_000;
/// How long a connection is kept for the next delivery, milliseconds.
const IDLE_MS_MAX: u64 = 30_000;
/// What is kept of a failure, characters.
const ERROR_CHARS_MAX: usize = 300;

pub const DELIVERY_ID: HeaderName = HeaderName::from_static("medtrace-delivery-id");
pub const SIGNATURE: HeaderName = HeaderName::from_static("gs1-signature");

/// The way to receivers. No redirect is followed and no proxy is known to it.
pub struct Sender {
    client: Client<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>,
    guard: Guard,
}

impl Sender {
    pub fn new(guard: Guard, tls: ClientConfig) -> Sender {
        let mut plain = HttpConnector::new_with_resolver(guard.clone());
        plain.set_connect_timeout(Some(Duration::from_millis(CONNECT_MS_MAX)));
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_millis(IDLE_MS_MAX))
            .pool_max_idle_per_host(1)
            .build(connector.wrap_connector(plain));
        Sender { client, guard }
    }

    /// What is wrong with the address of a webhook.
    pub fn check(&self, dest: &str) -> Result<(), String> {
        self.guard.check(dest).map(drop)
    }

    /// Sends once; `now_s` in Unix seconds.
    ///
    /// # Errors
    /// Why it counts as not received, in words that hold neither secrets nor the address. It may have been received.
    pub async fn send(&self, to: &Subscription, delivery: &Delivery, now_s: u64) -> Result<(), String> {
        let url = self.guard.check(&to.dest)?;
        let uri: Uri = url.as_str().parse().map_err(|_| "the address is none".to_owned())?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("medtrace/", env!("CARGO_PKG_VERSION")))
            .header("GS1-EPCIS-Version", "2.0.0")
            .header("GS1-CBV-Version", "2.0.0")
            .header(DELIVERY_ID, &delivery.id);
        if let Some(secret) = &to.signature_token {
            request = request.header(SIGNATURE, signature(secret, now_s, &delivery.body));
        }
        let request = request.body(Full::from(delivery.body.clone())).map_err(|error| error.to_string())?;
        let exchange = tokio::time::timeout(Duration::from_millis(EXCHANGE_MS_MAX), self.client.request(request));
        let answer = exchange.await.map_err(|_| format!("no answer within {EXCHANGE_MS_MAX} ms"))?;
        match answer.map_err(|error| said(&error))?.status() {
            status if status.is_success() => Ok(()),
            status if status.is_redirection() => Err(format!("answered {status}; redirects are not followed")),
            status => Err(format!("answered {status}")),
        }
    }
}

fn said(error: &(dyn std::error::Error + 'static)) -> String {
    with_causes(error).chars().take(ERROR_CHARS_MAX).collect()
}

/// The value of the header that shows who sent a body and when; `now_s` in Unix seconds.
pub fn signature(secret: &Secret, now_s: u64, body: &[u8]) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes()) else { return String::new() };
    mac.update(format!("{now_s}.").as_bytes());
    mac.update(body);
    format!("t={now_s},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with OpenSSL: `printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac 13df38d8275b13f05704629e5f1cf3d45d6132d5`
    #[test]
    fn a_signature_is_what_others_compute() {
        let secret = Secret("13df38d8275b13f05704629e5f1cf3d45d6132d5".to_owned());
        assert_eq!(
            signature(&secret, 1_767_225_600, br#"{"a":1}"#),
            "t=1767225600,v1=142b6524f7f6f9fd85fd8006ac05d841f1f5fe56d216d4b790fff37e6040aa1c"
        );
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}

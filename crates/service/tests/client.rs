//! Asking others: over TLS only whom an authority vouches for, and never longer or more than was agreed.
#![allow(clippy::unwrap_used)]

mod tls;

use axum::Router;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{any, get};
use medtrace_service::client::{AskError, Client, machine_tls};
use tls::Authority;

/// Longest answer of these tests, bytes.
const BYTES_MAX: usize = 64;
/// Longest wait for an answer that comes, milliseconds.
const ANSWER_MS: u64 = 20_000;

/// A server's port: it says back what it is told, says too much, says nothing, or sends elsewhere.
async fn server() -> u16 {
    let routes = Router::new()
        .route("/echo", any(|headers: HeaderMap, body: String| async move { (headers, body) }))
        .route("/long", get(|| async { "x".repeat(BYTES_MAX + 1) }))
        .route("/silent", get(std::future::pending::<()>))
        .route("/away", get(|| async { (StatusCode::FOUND, [(LOCATION, "/echo")]) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    port
}

#[tokio::test]
async fn over_tls_only_whom_an_authority_vouches_for() {
    let (authority, behind) = (Authority::new(), server().await);
    let (ours, others) = (authority.front("127.0.0.1", behind).await, authority.front("elsewhere", behind).await);
    let trusting = Client::believing(authority.believed(), ANSWER_MS);
    let answer = trusting.post(&format!("https://127.0.0.1:{ours}/echo"), "said", BYTES_MAX).await.unwrap();
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, &b"said"[..]));
    assert!(!answer.headers.contains_key("user-agent"), "nothing is said that was not asked for");

    let unknown = Client::believing(machine_tls().unwrap(), ANSWER_MS);
    let refused = unknown.get(&format!("https://127.0.0.1:{ours}/echo"), BYTES_MAX).await.unwrap_err().to_string();
    assert!(refused.contains("invalid peer certificate: UnknownIssuer"), "{refused}");
    let another = trusting.get(&format!("https://127.0.0.1:{others}/echo"), BYTES_MAX).await.unwrap_err().to_string();
    assert!(another.contains("certificate not valid for name \"127.0.0.1\""), "{another}");
    let plain = trusting.get(&format!("https://127.0.0.1:{behind}/echo"), BYTES_MAX).await;
    assert!(matches!(plain, Err(AskError::Unreached(_))), "a server without TLS: {plain:?}");
}

#[tokio::test]
async fn an_answer_has_its_limits() {
    let port = server().await;
    let client = Client::new(500).unwrap();
    let get = async |path: &str| client.get(&format!("http://127.0.0.1:{port}{path}"), BYTES_MAX).await;
    assert_eq!(get("/nothing").await.unwrap().status.as_u16(), 404);
    assert_eq!(get("/away").await.unwrap().status.as_u16(), 302, "nobody is followed");
    assert!(matches!(get("/long").await, Err(AskError::TooLong(BYTES_MAX))));
    assert!(matches!(get("/silent").await, Err(AskError::Late(500))));
    for none in ["", "127.0.0.1:1/x", "ftp://127.0.0.1/", "http://", "/x", "https:///x", "http://127.0.0.1:99999/"] {
        let error = client.get(none, BYTES_MAX).await.unwrap_err();
        assert!(matches!(error, AskError::Address(_)), "{none:?}: {error}");
    }
}

//! Every error at the HTTP edge is a problem; the admin port tells the truth; tokens come and go with their file.
#![allow(clippy::unwrap_used)]

use std::{
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path},
    http::{HeaderMap, HeaderValue, header},
    routing::{get, post},
};
use medtrace_service::{
    Kind, Shutdown,
    admin::{self, Readiness},
    life, problem,
    tokens::{Caller, Tokens, TokensError, mint},
};
use prometheus_client::{metrics::counter::Counter, registry::Registry};
use serde_json::{Value, json};

/// Serves a router on a free port for the length of a test.
async fn serve(router: Router) -> String {
    let listener = life::bind("test", ([127, 0, 0, 1], 0).into()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(life::serve(listener, router, Shutdown::new()));
    base
}

/// Status, media type and body.
async fn answer(request: reqwest::RequestBuilder) -> (u16, String, Value) {
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.json().await.unwrap())
}

#[tokio::test]
async fn what_extractors_layers_and_the_router_refuse_is_a_problem() {
    let routes = Router::new()
        .route("/numbers/{n}", get(|Path(n): Path<u8>| async move { n.to_string() }))
        .route("/json", post(|Json(value): Json<Value>| async { Json(value) }))
        .route("/own", get(|| async { Kind::Validation.because("refused").at("/a", "a.rule", "say b") }))
        .layer(DefaultBodyLimit::max(16));
    let base = serve(problem::everywhere(routes)).await;
    let http = reqwest::Client::new();
    let json_body =
        |body: &'static str| http.post(format!("{base}/json")).header("content-type", "application/json").body(body);
    let mut table = Vec::new();
    for (what, request) in [
        ("unknown path", http.get(format!("{base}/nowhere"))),
        ("other method", http.delete(format!("{base}/own"))),
        ("path that does not parse", http.get(format!("{base}/numbers/300"))),
        ("body over the limit", json_body("[1,2,3,4,5,6,7,8,9]")),
        ("body of another type", http.post(format!("{base}/json")).body("1")),
        ("broken JSON", json_body("{")),
        ("own problem", http.get(format!("{base}/own"))),
    ] {
        let (status, kind, body) = answer(request).await;
        assert_eq!(kind, problem::MEDIA_TYPE, "{what}");
        assert_eq!(body["status"], status, "{what}");
        table.push(json!({"request": what, "answer": body}));
    }
    insta::assert_json_snapshot!(table);
    let good = json_body("[1]").send().await.unwrap();
    assert_eq!((good.status().as_u16(), good.text().await.unwrap()), (200, "[1]".to_owned()));
}

#[tokio::test]
async fn the_admin_port_says_alive_ready_and_counts() {
    let (mut metrics, counted) = (Registry::default(), Counter::<u64>::default());
    metrics.register("events", "Events seen", counted.clone());
    let caught_up = Arc::new(AtomicBool::new(false));
    let asked = caught_up.clone();
    let ready = move || Readiness::new(asked.load(Ordering::SeqCst), json!({"lag_events": 7}));
    let base = serve(admin::router(metrics, ready)).await;
    let http = reqwest::Client::new();

    let (status, _, body) = answer(http.get(format!("{base}/readyz"))).await;
    assert_eq!((status, body), (503, json!({"ready": false, "lag_events": 7})));
    caught_up.store(true, Ordering::SeqCst);
    let (status, _, body) = answer(http.get(format!("{base}/readyz"))).await;
    assert_eq!((status, body), (200, json!({"ready": true, "lag_events": 7})));
    let (status, _, body) = answer(http.get(format!("{base}/livez"))).await;
    assert_eq!((status, body), (200, json!({"live": true})));
    counted.inc_by(3);
    let page = http.get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("\nevents_total 3\n") && page.ends_with("# EOF\n"), "{page}");
}

/// An empty folder of this test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("medtrace-{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn caller(operator: &str) -> Caller {
    Caller { party: "factory-01".into(), operator: operator.into(), device: "line-3".into() }
}

fn bearing(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

#[test]
fn a_token_is_known_from_its_minting_until_its_entry_is_gone() {
    let path = folder("tokens").join("tokens.json");
    let first = mint(&path, &caller("op-1"), 1).unwrap();
    let tokens = Tokens::open(&path).unwrap();
    let second = mint(&path, &caller("op-2"), 2).unwrap();
    assert_ne!(first, second);
    assert_eq!(tokens.of(&first), Some(caller("op-1")));
    assert_eq!(tokens.of(&second), Some(caller("op-2")));
    assert_eq!(tokens.of(&second[..second.len() - 1]), None);

    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(!stored.contains(&first[4..20]) && !stored.contains(&second[4..20]));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // A version that cannot be read changes nothing; one without the entry revokes.
    std::fs::write(&path, "{\"tokens\": [").unwrap();
    assert_eq!(tokens.of(&first), Some(caller("op-1")));
    let mut file: Value = serde_json::from_str(&stored).unwrap();
    file["tokens"].as_array_mut().unwrap().remove(0);
    std::fs::write(&path, file.to_string()).unwrap();
    assert_eq!(tokens.of(&first), None);
    assert_eq!(tokens.of(&second), Some(caller("op-2")));
}

#[test]
fn a_call_without_a_known_bearer_token_is_not_authenticated() {
    let path = folder("callers").join("tokens.json");
    let token = mint(&path, &caller("op-1"), 1).unwrap();
    let tokens = Tokens::open(&path).unwrap();
    assert_eq!(tokens.caller(&bearing(&format!("bearer {token}"))), Ok(caller("op-1")));
    let (hash, _) = tokens.bearer(&bearing(&format!("Bearer {token}"))).unwrap();
    assert_eq!(tokens.of_hash(&hash), Some(caller("op-1")));
    assert_eq!(tokens.of_hash(&[0; 32]), None);
    for headers in [HeaderMap::new(), bearing(&token), bearing(&format!("Basic {token}")), bearing("Bearer mt_unknown")]
    {
        let problem = tokens.caller(&headers).unwrap_err();
        assert_eq!((problem.status, problem.title.as_str()), (401, "Not authenticated"));
        assert!(!problem.detail.contains(&token));
    }
}

#[test]
fn names_that_could_break_a_line_are_not_minted() {
    let path = folder("names").join("tokens.json");
    for operator in ["", "Li Hua", "op\n1", "李", &"x".repeat(129)] {
        assert!(matches!(mint(&path, &caller(operator), 1), Err(TokensError::Name { .. })));
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn a_client_that_is_still_sending_gets_to_read_why_it_was_refused() {
    let routes = Router::new()
        // Refuses by the declared length, before anything is read.
        .route("/early", post(|| async { Kind::CaptureLimitExceeded.because("too much") }))
        .route("/json", post(|Json(value): Json<Value>| async { Json(value) }))
        .layer(DefaultBodyLimit::max(1 << 10));
    let base = serve(problem::everywhere(routes)).await;
    let http = reqwest::Client::new();
    for path in ["/early", "/json", "/nowhere"] {
        for megabytes in [1, 8] {
            let body = vec![b' '; megabytes << 20];
            let request = http.post(format!("{base}{path}")).header("content-type", "application/json").body(body);
            let status = answer(request).await.0;
            assert_eq!(status, if path == "/nowhere" { 404 } else { 413 }, "{megabytes} MiB to {path}");
        }
        let chunks = (0..8).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20]));
        let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
        let request = http.post(format!("{base}{path}")).header("content-type", "application/json").body(body);
        assert_eq!(answer(request).await.0, if path == "/nowhere" { 404 } else { 413 }, "8 MiB in chunks to {path}");
    }
}

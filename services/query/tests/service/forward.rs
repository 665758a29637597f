//! Posts reach the caller's own ingest service, whole and in time, and its answers come back.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::{Json, Router};
use futures::TryStreamExt;
use medtrace_query::config::IngestUrls;
use medtrace_query::forward::{BODY_BYTES_MAX, CAPTURE_BYTES_MAX};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::story::told;
use crate::support::chain::admission;
use crate::support::service::{Service, answered};

/// A service that answers with what it was sent.
async fn echo(name: &'static str) -> String {
    let answer = move |uri: Uri, headers: HeaderMap, body: Body| async move {
        // Counted as it comes: a document is larger than what a test should hold.
        let counted = body.into_data_stream().map_ok(|piece| piece.len()).try_fold(0, async |sum, more| Ok(sum + more));
        let Ok(bytes) = counted.await else { return StatusCode::BAD_REQUEST.into_response() };
        let text = |header: &str| headers.get(header).map(|value| value.to_str().unwrap().to_owned());
        let said = json!({
            "service": name, "path": uri.to_string(), "bytes": bytes, "type": text("content-type"),
            "token": text("authorization"), "behaviour": text("gs1-capture-error-behaviour"), "te": text("te"),
        });
        (StatusCode::ACCEPTED, [("location", "/capture/1"), ("gs1-epcis-capture-limit", "500000")], Json(said))
            .into_response()
    };
    listen(Router::new().fallback(answer)).await
}

async fn listen(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, routes.layer(axum::extract::DefaultBodyLimit::disable())).await.unwrap()
    });
    url
}

async fn service() -> Service {
    let [manufacturer, distributor, hospital] =
        [echo("manufacturer").await, echo("distributor").await, echo("hospital").await];
    let mut service = Service::start_with(IngestUrls { manufacturer, distributor, hospital }).await;
    told(&mut service).await;
    let third = admission("carrier", json!(["carrier"]), json!([]), json!([]));
    let pending = service.chain.notices("authority", &[third]);
    let height = service.chain.seal(vec![pending]).await;
    service.reflects(height).await;
    service
}

impl Service {
    async fn post(&self, path: &str, party: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(self.token(party));
        let request =
            request.header("content-type", "application/ld+json").header("gs1-capture-error-behaviour", "proceed");
        request.header("te", "trailers").body(body).send().await.unwrap()
    }
}

// epcis: POST /capture Location GS1-EPCIS-Capture-Limit
// epcis: GET /capture/{id}
// epcis: OPTIONS /capture /capture/{id} GS1-EPCIS-Capture-Limit
#[tokio::test]
async fn each_party_reaches_its_own_service() {
    let service = service().await;
    for (party, path, name) in [
        ("factory", "/v1/scans", "manufacturer"),
        ("factory", "/capture?a=b", "manufacturer"),
        ("carrier", "/events", "distributor"),
        ("hospital", "/v1/submissions", "hospital"),
        ("hospital", "/v1/notices", "hospital"),
        ("authority", "/v1/notices", "manufacturer"),
    ] {
        let answer = service.post(path, party, "{}").await;
        assert_eq!(answer.headers()["location"], "/capture/1");
        assert_eq!(answer.headers()["gs1-epcis-capture-limit"], "500000");
        let said: Value = answered(202, answer).await;
        assert_eq!((&said["service"], &said["path"]), (&json!(name), &json!(path)));
        assert_eq!((&said["type"], &said["bytes"]), (&json!("application/ld+json"), &json!(2)));
        assert_eq!((&said["behaviour"], &said["te"]), (&json!("proceed"), &Value::Null));
        assert!(said["token"].as_str().unwrap().starts_with("Bearer mt_"));
    }
    let job = service.get("/capture/1").bearer_auth(service.token("hospital")).send().await.unwrap();
    assert_eq!(answered(202, job).await["service"], "hospital");
    let limits =
        service.http.request(reqwest::Method::OPTIONS, format!("{}/capture", service.url)).send().await.unwrap();
    assert_eq!(limits.headers()["gs1-epcis-capture-limit"], "500000");
    let job =
        service.http.request(reqwest::Method::OPTIONS, format!("{}/capture/1", service.url)).send().await.unwrap();
    assert_eq!(job.headers()["gs1-epcis-capture-limit"], "500000");
}

// epcis: POST /capture
// epcis: exception CaptureLimitExceededException
#[tokio::test]
async fn a_body_is_streamed_and_bounded() {
    let service = service().await;
    // Only documents may be large, and only where they are posted.
    for (path, bytes_max) in
        [("/capture", CAPTURE_BYTES_MAX), ("/events", BODY_BYTES_MAX), ("/v1/submissions", BODY_BYTES_MAX)]
    {
        let pieces = |mib: usize| {
            let pieces = futures::stream::iter((0..mib).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
            reqwest::Body::wrap_stream(pieces)
        };
        let whole = answered(202, service.post(path, "factory", pieces(bytes_max >> 20)).await).await;
        assert_eq!(whole["bytes"], bytes_max);
        // Without a declared length it is counted on the way.
        let counted = answered(413, service.post(path, "factory", pieces((bytes_max >> 20) + 1)).await).await;
        assert_eq!(counted["type"], "epcisException:CaptureLimitExceededException");
        let declared = service.http.post(format!("{}{path}", service.url)).bearer_auth(service.token("factory"));
        let nothing = futures::stream::pending::<std::io::Result<Vec<u8>>>();
        let declared = declared.header("content-length", bytes_max + 1).body(reqwest::Body::wrap_stream(nothing));
        let declared = answered(413, declared.send().await.unwrap()).await;
        assert_eq!(counted["detail"], declared["detail"]);
    }
}

#[tokio::test]
async fn strangers_get_no_further() {
    let service = service().await;
    let post = |request: reqwest::RequestBuilder| async move { request.body("{}").send().await.unwrap() };
    let url = format!("{}/v1/scans", service.url);
    let none = answered(401, post(service.http.post(&url)).await).await;
    assert_eq!(none["type"], "epcisException:SecurityException");
    answered(401, post(service.http.post(&url).bearer_auth("mt_guessed")).await).await;
    let unknown = answered(403, service.post("/v1/scans", "nobody", "{}").await).await;
    assert_eq!(unknown["errors"][0]["code"], "unknown-party");
    let wrong = answered(403, service.post("/v1/scans", "authority", "{}").await).await;
    assert_eq!(wrong["errors"][0]["code"], "wrong-service");
}

#[tokio::test]
async fn a_service_that_is_away_is_said_to_be() {
    let mut service = Service::start().await;
    told(&mut service).await;
    let away = service.post("/v1/scans", "factory", "{}").await;
    assert_eq!(away.headers()["retry-after"], "1");
    let problem = answered(503, away).await;
    assert_eq!(problem["detail"], "the manufacturer service is away; nothing was stored, send it again");
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_the_outcome_open() {
    // A service that is killed after it has read the request: its connection ends without an answer.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut some = [0; 16];
            tokio::io::AsyncReadExt::read_exact(&mut connection, &mut some).await.unwrap();
        }
    });
    let mut service =
        Service::start_with(IngestUrls { manufacturer: url.clone(), distributor: url.clone(), hospital: url }).await;
    told(&mut service).await;
    let problem = answered(503, service.post("/v1/scans", "factory", "{}").await).await;
    assert_eq!(
        problem["detail"],
        "the manufacturer service did not answer; the outcome is unknown, send the same again"
    );
}

/// Answers stay what they were: also problems, with their headers.
#[tokio::test]
async fn refusals_come_back_unchanged() {
    let refuse = |_: Request| async {
        let problem = medtrace_service::Kind::Conflict.because("eventID taken");
        problem.at("/0/id", "conflict", "other content").into_response()
    };
    let url = listen(Router::new().fallback(refuse)).await;
    let mut service =
        Service::start_with(IngestUrls { manufacturer: url.clone(), distributor: url.clone(), hospital: url }).await;
    told(&mut service).await;
    let problem = answered(409, service.post("/v1/scans", "factory", "{}").await).await;
    assert_eq!(problem["errors"][0]["path"], "/0/id");
}

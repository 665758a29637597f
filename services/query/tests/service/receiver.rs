//! A receiver of webhooks, told by the test what to answer each time.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Longest wait for a delivery.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to answer.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    With(u16),
    /// The connection ends after the request was read.
    Nothing,
    /// Not before the test ends.
    Never,
    /// Elsewhere.
    Redirect,
}

/// One request that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Arrived {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header("medtrace-delivery-id")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// What its events say of themselves: bizStep and the time at which each was sealed.
    pub fn steps(&self) -> Vec<String> {
        steps(&self.json())
    }
}

/// The steps of the events of a document.
pub fn steps(document: &Value) -> Vec<String> {
    let results = &document["epcisBody"]["queryResults"];
    let events = results["resultsBody"]["eventList"].as_array().unwrap();
    events.iter().map(|event| event["bizStep"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Listens until it is dropped.
pub struct Receiver {
    pub url: String,
    answers: mpsc::UnboundedSender<Answer>,
    arrived: mpsc::UnboundedReceiver<Arrived>,
}

#[derive(Clone)]
struct Side {
    answers: std::sync::Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Answer>>>,
    arrived: mpsc::UnboundedSender<Arrived>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (answers, to_give) = mpsc::unbounded_channel();
        let (arriving, arrived) = mpsc::unbounded_channel();
        let side = Side { answers: std::sync::Arc::new(tokio::sync::Mutex::new(to_give)), arrived: arriving };
        let routes = Router::new().fallback(receive).with_state(side);
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Receiver { url, answers, arrived }
    }

    /// The next delivery, answered so.
    pub async fn answers(&mut self, answer: Answer) -> Arrived {
        self.answers.send(answer).unwrap();
        tokio::time::timeout(PATIENCE, self.arrived.recv()).await.expect("nothing was delivered").unwrap()
    }

    pub async fn acknowledges(&mut self) -> Arrived {
        self.answers(Answer::With(204)).await
    }

    /// Nothing has arrived that was not asked for.
    pub fn is_quiet(&mut self) -> bool {
        self.arrived.try_recv().is_err()
    }
}

async fn receive(State(side): State<Side>, headers: HeaderMap, bytes: Bytes) -> Response {
    let _ = side.arrived.send(Arrived { headers, bytes: bytes.to_vec() });
    let answer = side.answers.lock().await.recv().await;
    match answer {
        Some(Answer::With(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Answer::Redirect) => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
        // What ends the connection without an answer.
        Some(Answer::Nothing) => panic!("the receiver is killed here"),
        Some(Answer::Never) | None => std::future::pending().await,
    }
}

//! The live stream: what happens, in order, once, and from where one left off.

use axum::body::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use medtrace_query::live::CLIENTS_MAX;
use reqwest::Response;
use serde_json::{Value, json};

use crate::story::{commissioning, service, told};
use crate::support::chain::event;
use crate::support::service::Service;

/// One event: its kind, data and id.
type Told = (String, Value, Option<String>);

/// A stream as it is read.
struct Stream {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    text: String,
}

impl Stream {
    fn of(answer: Response) -> Stream {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Stream { bytes: answer.bytes_stream().boxed(), text: String::new() }
    }

    async fn next(&mut self) -> Told {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n").map(|(m, r)| (m.to_owned(), r.to_owned())) {
                self.text = rest;
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let Some(kind) = field("event: ") else { continue };
                return (kind, serde_json::from_str(&field("data: ").unwrap()).unwrap(), field("id: "));
            }
            self.text.push_str(std::str::from_utf8(&self.bytes.next().await.unwrap().unwrap()).unwrap());
        }
    }

    /// Everything until a block of this height has been told.
    async fn until(&mut self, height: u64) -> Vec<Told> {
        let mut told = Vec::new();
        loop {
            told.push(self.next().await);
            let (kind, data, _) = &told[told.len() - 1];
            if kind == "block" && data["height"] == height {
                return told;
            }
        }
    }
}

async fn until(answer: Response, height: u64) -> Vec<Told> {
    Stream::of(answer).until(height).await
}

async fn listen(service: &Service, last: Option<&str>) -> Response {
    let request = service.get("/v1/live");
    last.into_iter().fold(request, |request, id| request.header("last-event-id", id)).send().await.unwrap()
}

#[tokio::test]
async fn everything_is_told_from_the_first_block_on() {
    let mut service = Service::start().await;
    let answer = listen(&service, None).await;
    told(&mut service).await;
    let told = until(answer, 4).await;
    let blocks: Vec<_> = told.iter().filter(|(kind, ..)| kind == "block").collect();
    assert_eq!(blocks.len(), 5);
    assert_eq!(blocks[1].1, json!({"height": 1, "time": "2026-01-01T00:00:00.200Z", "events": 3, "notices": 0}));
    // How far event hashes were then is a matter of chance.
    assert_eq!(blocks[1].2.as_ref().unwrap().split('/').next(), Some("1"));
    let recall = told.iter().position(|(kind, ..)| kind == "recall").unwrap();
    assert_eq!(told[recall].1, json!({"event": "4-1", "id": "r-1", "state": "open"}));
    // The block is the last of what it holds.
    assert_eq!(told.last().unwrap().1["height"], 4);
    assert!(recall < told.len() - 1 && told[recall].2.is_none());
}

#[tokio::test]
async fn whoever_comes_back_misses_nothing() {
    let mut service = service().await;
    let answer = listen(&service, Some("2")).await;
    // Somebody observes what was never made: an alert.
    let stranger = event(
        "ObjectEvent",
        "2026-01-01T07:59:00+08:00",
        json!({
            "action": "ADD", "bizStep": "commissioning", "epcList": ["https://id.gs1.org/01/04006381333931/21/X"],
        }),
    );
    let pending = service.chain.events("hospital", 1, &[stranger]);
    service.chain.seal(vec![pending]).await;
    let told = until(answer, 5).await;
    let heights: Vec<_> =
        told.iter().filter(|(kind, ..)| kind == "block").map(|(_, data, _)| data["height"].clone()).collect();
    assert_eq!(heights, [3, 4, 5]);
    let alert = &told.iter().find(|(kind, data, _)| kind == "alert" && data["event"] == "5-1").unwrap().1;
    assert_eq!((&alert["code"], &alert["party"]), (&json!("signer-not-entitled"), &json!("hospital")));
    // All see the same, whether it was kept or is read again.
    let without_ids = |told: Vec<Told>| told.into_iter().map(|(kind, data, _)| (kind, data)).collect::<Vec<_>>();
    assert_eq!(without_ids(until(listen(&service, Some("2")).await, 5).await), without_ids(told));
}

#[tokio::test]
async fn a_suspected_duplicate_is_told_once_it_is_known() {
    let mut service = service().await;
    let mut stream = Stream::of(listen(&service, Some("4")).await);
    let mut again = commissioning();
    again["eventID"] = json!("urn:uuid:00000000-0000-4000-8000-00000000000a");
    let pending = service.chain.events("factory", 0, &[again]);
    service.chain.seal_only(vec![pending]).await;
    let told = stream.until(5).await;
    assert!(told.iter().all(|(kind, data, _)| kind != "alert" || data["code"] != "suspected-duplicate"), "{told:?}");
    // Of block 5 it is not known yet.
    assert_eq!(told.last().unwrap().2.as_deref(), Some("5/5"));
    service.chain.hash().await;
    let suspicion = stream.next().await;
    let place = format!("https://id.gs1.org/414/{}", crate::story::FACTORY_GLN);
    let alert = json!({"event": "5-1", "code": "suspected-duplicate", "key": null, "party": "factory", "place": place,
                       "detail": "1-1"});
    assert_eq!(suspicion, ("alert".to_owned(), alert, Some("5".to_owned())));
    // Who left before that hears of it, who left after it does not.
    assert_eq!(Stream::of(listen(&service, Some("5/5")).await).next().await, suspicion);
    let mut later = Stream::of(listen(&service, Some("5")).await);
    service.chain.seal(vec![]).await;
    assert_eq!(later.next().await.0, "block");
}

#[tokio::test]
async fn clients_are_bounded() {
    let service = service().await;
    let room = service.app.live.room.clone().acquire_many_owned(CLIENTS_MAX as u32 - 1).await.unwrap();
    let first = listen(&service, Some("3")).await;
    assert_eq!(listen(&service, None).await.status(), 429);
    assert_eq!(service.app.metrics.live_clients.get(), 1);
    until(first, 4).await;
    drop(room);
    assert_eq!(listen(&service, None).await.status(), 200);
    let wrong = crate::support::service::answered(400, listen(&service, Some("four")).await).await;
    assert_eq!(wrong["detail"], "Last-Event-ID is the id of the last event seen, or the height of the last block seen");
}

//! WebSockets: the same documents, for as long as the connection lasts.

use futures::{SinkExt, StreamExt};
use medtrace_event::Document;
use medtrace_event::json::Object;
use medtrace_query::api::socket::SOCKETS_MAX;
use medtrace_query::named::NamedQuery;
use medtrace_query::subscribe::feed::DELIVERY_EVENTS_MAX;
use medtrace_query::subscribe::record::{At, Progress};
use medtrace_query::subscribe::resume::LABEL;
use medtrace_query::token::Binding;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::receiver::steps;
use crate::story::using_in;
use crate::subscriber::named;
use crate::support::service::Service;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(service: &Service, query: &str) -> Result<Socket, Error> {
    let url = format!("{}/queries/all/events?{query}", service.url.replace("http://", "ws://"));
    connect_async(url).await.map(|(socket, _)| socket)
}

/// The next document.
async fn told(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(std::time::Duration::from_secs(30), socket.next()).await;
        match message.expect("nothing was told").unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

// epcis: GET /queries/{}/events stream initialRecordTime
#[tokio::test]
async fn a_stream_tells_what_happens_to_all_who_listen() {
    let mut service = named().await;
    let mut now = connect(&service, "stream=true").await.unwrap();
    let mut all = connect(&service, "stream=true&initialRecordTime=2026-01-01T00:00:00Z").await.unwrap();
    let past = told(&mut all).await;
    assert_eq!(steps(&past).len(), 10);
    for step in ["storing", "loading"] {
        service.happens(step).await;
        let documents = [told(&mut now).await, told(&mut all).await];
        for document in &documents {
            assert_eq!(steps(document), [step]);
            assert_eq!(document["epcisBody"]["queryResults"]["queryName"], "all");
        }
        let id = |document: &Value| document["epcisBody"]["queryResults"]["subscriptionID"].clone();
        assert_ne!(id(&documents[0]), id(&documents[1]));
    }
    // Who leaves makes room.
    assert_eq!(service.app.metrics.sockets.get(), 2);
    now.send(Message::Close(None)).await.unwrap();
    while now.next().await.is_some() {}
    let room = service.app.sockets.clone();
    drop(room.acquire_many(SOCKETS_MAX as u32 - 1).await.unwrap());
    assert_eq!(service.app.metrics.sockets.get(), 1);
}

/// The id of a delivery.
fn id(document: &Value) -> String {
    document["medtrace:delivery"].as_str().unwrap().to_owned()
}

/// Steps of the next documents, until there are so many.
async fn steps_of(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(steps(&told(socket).await));
    }
    all
}

// epcis: GET /queries/{}/events resumeAfter
#[tokio::test]
async fn who_comes_back_goes_on_behind_the_last_delivery() {
    let mut service = named().await;
    let mut socket = connect(&service, "stream=true").await.unwrap();
    service.happens("storing").await;
    let first = told(&mut socket).await;
    // A document like any other.
    assert_eq!(Document::parse(first.to_string().as_bytes()).unwrap().events.len(), 1);
    service.happens("loading").await;
    let second = told(&mut socket).await;
    assert_eq!((steps(&first), steps(&second)), (vec!["storing".to_owned()], vec!["loading".to_owned()]));
    // Nobody listens, and the service starts again meanwhile.
    drop(socket);
    service.happens("unloading").await;
    let mut service = service.restart(|_| ()).await;
    service.happens("stocking").await;
    let after = async |id: &str| connect(&service, &format!("stream=true&resumeAfter={id}")).await.unwrap();
    let mut late = after(&id(&second)).await;
    assert_eq!(steps_of(&mut late, 2).await, ["unloading", "stocking"]);
    // Taken or not: what comes after the id comes again.
    let mut later = after(&id(&first)).await;
    assert_eq!(steps_of(&mut later, 3).await, ["loading", "unloading", "stocking"]);
    service.happens("packing").await;
    for socket in [&mut late, &mut later] {
        assert_eq!(steps(&told(socket).await), ["packing"]);
    }
}

#[tokio::test]
async fn who_took_nothing_yet_goes_on_from_where_it_came_in() {
    let mut service = named().await;
    let url = format!("{}/queries/all/events?stream=true", service.url.replace("http://", "ws://"));
    let (socket, answer) = connect_async(url).await.unwrap();
    let id = answer.headers()["medtrace-delivery-id"].to_str().unwrap().to_owned();
    drop(socket);
    service.happens("storing").await;
    let mut socket = connect(&service, &format!("stream=true&resumeAfter={id}")).await.unwrap();
    assert_eq!(steps(&told(&mut socket).await), ["storing"]);
}

#[tokio::test]
async fn the_pieces_of_a_run_go_on_where_they_broke_off() {
    let mut service = named().await;
    let mut socket = connect(&service, "second=0,30").await.unwrap();
    let all: Vec<String> = (0..2 * DELIVERY_EVENTS_MAX + 50).map(|at| format!("https://example.org/{at}")).collect();
    let pending = service.chain.events("hospital", 1, &all.iter().map(|step| using_in(step)).collect::<Vec<_>>());
    let height = service.chain.seal(vec![pending]).await;
    service.reflects(height).await;
    service.passes(30_000);
    let first = told(&mut socket).await;
    drop(socket);
    // The rest of the run is due at once; what happened since at the next time, and at once where that has passed.
    service.happens("storing").await;
    let mut socket = connect(&service, &format!("second=0,30&resumeAfter={}", id(&first))).await.unwrap();
    let (second, third) = (told(&mut socket).await, told(&mut socket).await);
    assert_eq!([steps(&first), steps(&second), steps(&third)].concat(), all);
    drop(socket);
    service.passes(30_000);
    let mut socket = connect(&service, &format!("second=0,30&resumeAfter={}", id(&third))).await.unwrap();
    assert_eq!(steps(&told(&mut socket).await), ["storing"]);
}

// epcis: GET /queries/{}/events second minute hour dayOfMonth month dayOfWeek reportIfEmpty
#[tokio::test]
async fn a_schedule_tells_at_its_time() {
    let mut service = named().await;
    let mut socket = connect(&service, "second=0,30&reportIfEmpty=true").await.unwrap();
    service.happens("storing").await;
    service.passes(30_000);
    assert_eq!(steps(&told(&mut socket).await), ["storing"]);
    service.passes(30_000);
    let empty = told(&mut socket).await;
    assert_eq!((steps(&empty).len(), &empty["creationDate"]), (0, &json!("2026-01-01T00:01:00Z")));
    // 2 January 2026 is a Friday; it is 08:01 of the day before in the service's +08:00.
    let fields = "second=0&minute=0&hour=8&dayOfMonth=2&month=1&dayOfWeek=5&reportIfEmpty=true";
    let mut socket = connect(&service, fields).await.unwrap();
    service.passes(24 * 60 * 60 * 1_000);
    assert_eq!(told(&mut socket).await["creationDate"], "2026-01-02T00:00:00Z");
}

// epcis: exception SubscriptionControlsException
#[tokio::test]
async fn what_is_wrong_is_refused_before_the_upgrade() {
    let service = named().await;
    let refused = async |query: &str| match connect(&service, query).await {
        Err(Error::Http(answer)) => {
            let problem: Value = serde_json::from_slice(answer.body().as_ref().unwrap()).unwrap();
            (answer.status().as_u16(), problem["type"].as_str().unwrap().to_owned())
        }
        other => panic!("{query}: {:?}", other.map(|_| "open")),
    };
    let controls = "epcisException:SubscriptionControlsException".to_owned();
    for query in ["", "stream=false", "stream=true&second=0", "second=60", "stream=true&reportIfEmpty=true"] {
        assert_eq!(refused(query).await, (400, controls.clone()), "{query}");
    }
    assert_eq!(refused("stream=true&perPage=5").await, (400, "epcisException:QueryParameterException".to_owned()));
    // No id, one of another query, and one of a log that has a block more.
    let parameter = (400, "epcisException:QueryParameterException".to_owned());
    let genesis = service.chain.genesis.hash();
    let id = |query: Value, block: u64| {
        let named = NamedQuery::propose(
            serde_json::from_value(json!({"name": "q", "query": query})).unwrap(),
            &Object::new(),
            "factory",
            0,
        );
        let binding = Binding { label: LABEL, genesis, fingerprint: named.unwrap().ask().unwrap().fingerprint };
        Progress { after: Some(At::end_of(block)), ..Progress::default() }.id(&binding)
    };
    let ours = id(json!({}), 4);
    connect(&service, &format!("stream=true&resumeAfter={ours}")).await.unwrap();
    for other in ["", "x", &ours[1..], &id(json!({"EQ_action": ["ADD"]}), 4), &id(json!({}), 5)] {
        assert_eq!(refused(&format!("stream=true&resumeAfter={other}")).await, parameter, "{other}");
    }
    let room = service.app.sockets.clone().acquire_many_owned(SOCKETS_MAX as u32).await.unwrap();
    assert_eq!(refused("stream=true").await.0, 429);
    drop(room);
    connect(&service, "stream=true").await.unwrap();
}

#[tokio::test]
async fn the_end_is_said() {
    let service = named().await;
    let mut socket = connect(&service, "stream=true").await.unwrap();
    assert_eq!(service.delete("/queries/all", "factory").await.status(), 204);
    let message = socket.next().await.unwrap().unwrap();
    assert!(matches!(&message, Message::Close(Some(frame)) if frame.reason == "the query was deleted"), "{message:?}");
    let service = named().await;
    let mut socket = connect(&service, "stream=true").await.unwrap();
    service.app.shutdown.cancel();
    let message = socket.next().await.unwrap().unwrap();
    assert!(matches!(&message, Message::Close(Some(frame)) if frame.reason == "the service ends"), "{message:?}");
}

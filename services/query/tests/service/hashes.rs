//! Event hashes: found by them, said of every event, and the ground of suspicion.

use medtrace_event::{CbvVersion, Json, event_hash};
use serde_json::{Value, json};

use crate::story::{commissioning, item, told};
use crate::support::service::Service;

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn ids(document: &Value) -> Vec<String> {
    let list = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap();
    list.iter().map(|event| event["eventID"].as_str().unwrap().to_owned()).collect()
}

// epcis: GET /events EQ_eventID
// epcis: GET /events/{}
#[tokio::test]
async fn the_same_under_two_event_ids_is_found_by_one_hash_and_suspected() {
    let mut service = Service::start().await;
    told(&mut service).await;
    let mut again = commissioning();
    again["eventID"] = json!("urn:uuid:00000000-0000-4000-8000-00000000000a");
    // As another client would write it.
    again["bizStep"] = json!("https://ref.gs1.org/cbv/BizStep-commissioning");
    let pending = service.chain.events("factory", 0, &[again.clone()]);
    let height = service.chain.seal(vec![pending]).await;
    service.reflects(height).await;

    let hash = event_hash(&Json::parse(again.to_string().as_bytes()).unwrap(), CbvVersion::V2_0).to_string();
    let first = service.json(200, "/v1/events/1-1").await;
    let second = service.json(200, "/v1/events/5-1").await;
    for (event, alike) in [(&first, "5-1"), (&second, "1-1")] {
        assert_eq!(event["hashes"], json!([hash, hash.replace("2.0", "2.1")]));
        assert_eq!(event["alike"], json!([alike]));
    }
    assert_eq!(service.json(200, "/v1/events/1-2").await["alike"], json!([]));

    let expected = [first["eventID"].as_str().unwrap(), again["eventID"].as_str().unwrap()];
    for version in ["2.0", "2.1"] {
        let hash = encoded(&hash.replace("2.0", version));
        for path in [format!("/events/{hash}"), format!("/events?EQ_eventID=urn:x:none%7C{hash}")] {
            assert_eq!(ids(&service.json(200, &path).await), expected, "{path}");
        }
        let lines = service.json(200, &format!("/v1/events?hash={hash}")).await;
        let names: Vec<&Value> = lines["events"].as_array().unwrap().iter().map(|line| &line["event"]).collect();
        assert_eq!(names, ["1-1", "5-1"]);
    }
    let other = encoded(&hash.replace(['0', '1'], "2"));
    service.json(404, &format!("/events/{}", other.replace("ver%3DCBV2.2", "ver%3DCBV2.0"))).await;
    let problem = service.json(400, &format!("/v1/events?hash={}", encoded("ni:///sha-256;0?ver=CBV2.0"))).await;
    assert_eq!(problem["errors"][0]["detail"], "hash: an event hash has 64 hexadecimal digits");

    let way = service.json(200, &format!("/v1/provenance?code={}", encoded(&item("S1")))).await;
    let suspected = way["history"].as_array().unwrap().iter();
    let suspected = suspected.filter(|line| line["flags"].as_array().unwrap().contains(&json!("suspected-duplicate")));
    assert_eq!(suspected.map(|line| line["event"].as_str().unwrap()).collect::<Vec<_>>(), ["5-1"]);
}

#[tokio::test]
async fn suspected_duplicates_are_listed_newest_first() {
    let mut service = Service::start().await;
    told(&mut service).await;
    let hashed = async |service: &Service, blocks: u64| {
        service.app.view.changes().wait_for(|now| now.hashed == blocks).await.unwrap();
    };
    hashed(&service, 5).await;
    assert_eq!(
        service.json(200, "/v1/duplicates").await,
        json!({"height": 4, "hashed": 4, "duplicates": [], "next": null})
    );
    let said = |number: u32| {
        let mut again = commissioning();
        again["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-8000-{number:012}"));
        again
    };
    for (party, partition, number) in [("factory", 0, 1), ("hospital", 1, 2), ("factory", 0, 3)] {
        let pending = service.chain.events(party, partition, &[said(number)]);
        service.chain.seal(vec![pending]).await;
    }
    // One more, whose hash is not known yet.
    let pending = service.chain.events("hospital", 1, &[said(4)]);
    let height = service.chain.seal_only(vec![pending]).await;
    service.reflects(height).await;
    hashed(&service, height).await;

    let page = async |query: &str| {
        let answer = service.json(200, &format!("/v1/duplicates?{query}")).await;
        assert_eq!((&answer["height"], &answer["hashed"]), (&json!(8), &json!(7)));
        let line = |line: &Value| (line["event"]["event"].clone(), line["of"]["event"].clone());
        let lines: Vec<_> = answer["duplicates"].as_array().unwrap().iter().map(line).collect();
        (lines, answer["next"].as_str().map(str::to_owned))
    };
    let all = ["7-1", "6-1", "5-1"].map(|again| (json!(again), json!("1-1")));
    assert_eq!(page("").await, (all.to_vec(), None));
    let (first, next) = page("perPage=2").await;
    assert_eq!(first, all[..2]);
    // What becomes known meanwhile comes before: the second page is the same.
    service.chain.hash().await;
    hashed(&service, height + 1).await;
    let answer = service.json(200, &format!("/v1/duplicates?perPage=2&cursor={}", next.unwrap())).await;
    assert_eq!((answer["duplicates"][0]["event"]["event"].as_str(), &answer["next"]), (Some("5-1"), &Value::Null));
    assert_eq!(answer["duplicates"].as_array().unwrap().len(), 1);

    let of_party = service.json(200, "/v1/duplicates?party=hospital&perPage=1").await;
    assert_eq!((&of_party["duplicates"][0]["event"]["event"], &of_party["next"]), (&json!("8-1"), &json!("8-1")));
    let more = service.json(200, "/v1/duplicates?party=hospital&perPage=1&cursor=8-1").await;
    let shown = &more["duplicates"][0];
    assert_eq!((&shown["event"]["event"], &shown["event"]["party"]), (&json!("6-1"), &json!("hospital")));
    assert_eq!((&shown["of"]["party"], &shown["of"]["eventID"]), (&json!("factory"), &told_first(&service).await));
    assert_eq!(service.json(200, "/v1/duplicates?party=nobody").await["duplicates"], json!([]));
    for wrong in ["party=No%20body", "cursor=x", "perPage=0", "to=1"] {
        service.json(400, &format!("/v1/duplicates?{wrong}")).await;
    }
}

async fn told_first(service: &Service) -> Value {
    service.json(200, "/v1/events/1-1").await["eventID"].clone()
}

#[tokio::test]
async fn a_question_by_hash_waits_for_the_hashes_or_says_that_it_did() {
    let mut service = Service::start().await;
    told(&mut service).await;
    let client = service.app.client.clone();
    let hash = service.json(200, "/v1/events/1-1").await["hashes"][0].as_str().unwrap().to_owned();
    client.query("TRUNCATE TABLE hashed").execute().await.unwrap();
    let path = format!("/events?EQ_eventID={}", encoded(&hash));
    let problem = service.json(503, &path).await;
    assert_eq!(problem["detail"], "event hashes are not known up to block 4 yet; ask again");
    service.json(200, "/events?EQ_eventID=urn:x:none").await;
    let (found, _) =
        tokio::join!(service.json(200, &path), async { medtrace_indexer::hashes::step(&client).await.unwrap() });
    assert_eq!(ids(&found).len(), 1);
}

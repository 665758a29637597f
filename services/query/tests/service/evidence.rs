//! Blocks, events, proofs and the log's own texts.

use medtrace_archive::Archive;
use medtrace_ledger::tile::{self, Edge, Tiles};
use medtrace_ledger::{EventRef, Evidence, Genesis, Hash, Proof, Shown, merkle};
use serde_json::json;

use crate::story::{NAMES, OBSERVED, service};
use crate::support::chain::START_MS;
use crate::support::service::{Service, answered};

#[tokio::test]
async fn every_item_proves_with_what_is_served_and_nothing_else() {
    let service = service().await;
    let genesis = Genesis::parse(&service.text(200, "/log/genesis").await).unwrap();
    let mut proven = 0;
    for height in 0..5u64 {
        let block = service.json(200, &format!("/v1/blocks/{height}")).await;
        for submission in block["submissionsList"].as_array().unwrap() {
            let ordinal = submission["ordinal"].as_u64().unwrap() as u32;
            for index in 0..4 {
                let name = EventRef::new(height, ordinal, index).unwrap().to_string();
                let answer = service.get(&format!("/v1/events/{name}/proof")).send().await.unwrap();
                let status = answer.status().as_u16();
                let text = answer.text().await.unwrap();
                match (submission["bad"].as_str(), status) {
                    (Some(_), status) => assert_eq!(status, 409, "{text}"),
                    // Beyond the last item.
                    (None, 404) => assert!(index > 0),
                    (None, _) => {
                        let verified = Proof::parse(&text).unwrap().check(&genesis).unwrap();
                        assert_eq!(verified.event.to_string(), name);
                        assert_eq!(verified.party.as_str(), submission["party"].as_str().unwrap());
                        assert_eq!(verified.checkpoint_size, 5);
                        assert_eq!(verified.block_ms, START_MS + height * 200);
                        proven += 1;
                    }
                }
            }
        }
    }
    // Notices; events, one of them sealed twice; the documents before them.
    assert_eq!(proven, 4 + NAMES.len() + 1 + 5);
}

#[tokio::test]
async fn many_items_prove_in_one_file() {
    let service = service().await;
    let ask = async |status: u16, names: serde_json::Value| {
        let answer = service.http.post(format!("{}/v1/proofs", service.url)).json(&names).send().await.unwrap();
        assert_eq!(answer.status(), status, "{names}");
        answer.text().await.unwrap()
    };
    let mut names = NAMES.to_vec();
    names.reverse();
    names.push(NAMES[3]);
    let text = ask(200, json!({"events": names})).await;
    let Shown::Batch(shown) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&service.chain.genesis).unwrap()
    else {
        panic!("{text}")
    };
    let shown: Vec<String> = shown.iter().map(|one| one.event.to_string()).collect();
    assert_eq!(shown, NAMES);
    // One that has no proof spoils it: what is asked for is answered whole or not at all.
    assert!(ask(404, json!({"events": ["1-1", "1-400"]})).await.contains("1-400"));
    ask(404, json!({"events": ["9-0"]})).await;
    for bad in [json!({"events": []}), json!({"events": ["1"]}), json!({}), json!({"events": vec!["1-1"; 1001]})] {
        ask(400, bad).await;
    }
}

#[tokio::test]
async fn a_proof_waits_for_its_checkpoint() {
    let mut service = Service::start().await;
    service.json(503, "/log/checkpoint").await;
    crate::story::told(&mut service).await;
    let chain = &mut service.chain;
    let pending = chain.events("factory", 0, &[crate::story::using()]);
    let height = chain.seal(vec![pending]).await;
    service.app.view.at_least(height, std::time::Duration::from_secs(30)).await.unwrap();
    let path = format!("/v1/events/{height}-1/proof");
    let problem = service.json(503, &path).await;
    assert_eq!(problem["detail"], "block 5 is not checkpointed yet; ask again");
    service.reflects(height).await;
    assert!(service.text(200, &path).await.starts_with("medtrace/proof/v1\nevent 5-1\n"));
    assert_eq!(service.text(200, "/log/checkpoint").await, service.chain.checkpoint());
}

#[tokio::test]
async fn what_does_not_hold_is_not_sent() {
    let service = service().await;
    let path = "/v1/events/1-1/proof";
    service.text(200, path).await;
    // Somebody changes a leaf of the cut, and then a header.
    let client = &service.app.client;
    let swap = "ALTER TABLE submission UPDATE leaf = unhex(repeat('00', 32)) WHERE block = 1 AND ordinal = 1
                SETTINGS mutations_sync = 1";
    client.query(swap).execute().await.unwrap();
    let problem = service.json(500, path).await;
    assert_eq!(problem["detail"], "the stored evidence of 1-1 does not hold (submission-path); run an audit");
    client
        .query("ALTER TABLE block UPDATE header = replaceOne(header, '1\n', '2\n') WHERE height = 1 SETTINGS mutations_sync = 1")
        .execute()
        .await
        .unwrap();
    service.json(500, path).await;
    assert_eq!(service.app.metrics.proofs_broken.get(), 1);
}

#[tokio::test]
async fn an_event_is_shown_with_what_became_of_it() {
    let service = service().await;
    let shown = service.json(200, "/v1/events/2-513").await;
    insta::assert_json_snapshot!("an_event_that_did_not_occur", shown);
    assert_eq!(shown["voidedBy"], "3-1");
    let declaration = service.json(200, "/v1/events/3-1").await;
    assert_eq!(declaration["related"][0]["relation"], "declared");
    assert_eq!(declaration["flags"], json!(["declaration"]));
    let first = service.json(200, "/v1/events/1-1").await;
    assert_eq!(first["replays"], json!(["2-2"]));
    assert_eq!(first["things"], 3);
    let again = service.json(200, "/v1/events/2-2").await;
    assert_eq!((&again["replayOf"], &again["json"]["epcList"]), (&json!("1-1"), &first["json"]["epcList"]));
    assert_eq!(service.json(200, "/v1/events/1-0").await["kind"], "document");
    let notice = service.json(200, "/v1/events/4-1").await;
    assert_eq!((&notice["kind"], &notice["json"]["recall"]), (&json!("notice"), &json!("r-1")));
    assert_eq!(notice["json"].get("recordTime"), None);
}

#[tokio::test]
async fn events_are_found_by_id_and_by_key() {
    let service = service().await;
    let found = service.json(200, &format!("/v1/events?eventID={OBSERVED}")).await;
    let names: Vec<_> = found["events"].as_array().unwrap().iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["2-513", "3-1"]);
    for name in NAMES {
        let key = service.json(200, &format!("/v1/events/{name}")).await["key"].as_str().unwrap().to_owned();
        let found = service.json(200, &format!("/v1/events?key={key}")).await;
        assert_eq!(found["events"].as_array().unwrap().len(), 1);
        assert_eq!(found["events"][0]["event"], name);
    }
    let none = service.json(200, &format!("/v1/events?key={}", Hash::of("nobody's"))).await;
    assert_eq!(none["events"], json!([]));
}

#[tokio::test]
async fn blocks_are_listed_and_shown_with_their_headers() {
    let service = service().await;
    let newest = service.json(200, "/v1/blocks?limit=2").await;
    let heights: Vec<_> = newest["blocks"].as_array().unwrap().iter().map(|block| &block["height"]).collect();
    assert_eq!((heights, &newest["height"]), (vec![&json!(3), &json!(4)], &json!(4)));
    let first = service.json(200, "/v1/blocks?from=1&limit=1").await;
    assert_eq!(first["blocks"][0]["events"], 3);
    let block = service.json(200, "/v1/blocks/1").await;
    insta::assert_json_snapshot!("a_block", block);
    let header = medtrace_ledger::Header::parse(block["header"].as_str().unwrap()).unwrap();
    assert_eq!(block["hash"], header.leaf().to_string());
    assert_eq!(block["bad"][0]["reason"], "undecodable");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let service = service().await;
    for (status, path) in [
        (404, "/v1/blocks/5"),
        (400, "/v1/blocks/five"),
        (400, "/v1/blocks?limit=0"),
        (400, "/v1/blocks?until=3"),
        (404, "/v1/events/5-0"),
        (404, "/v1/events/1-7"),
        (404, "/v1/events/1-4096"),
        (400, "/v1/events/1-511"),
        (400, "/v1/events/01-1"),
        (409, "/v1/events/1-512"),
        (409, "/v1/events/1-512/proof"),
        (404, "/v1/events/1-4096/proof"),
        (404, "/v1/events/5-0/proof"),
        (400, "/v1/events"),
        (400, "/v1/events?key=AA=="),
        (400, "/v1/events?eventID=a&key=b"),
        (404, "/v2/blocks"),
    ] {
        let problem = service.json(status, path).await;
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
    }
    let long = format!("/v1/events?eventID={}", "a".repeat(16 << 10));
    assert_eq!(service.json(414, &long).await["type"], "epcisException:URITooLongException");
}

#[tokio::test]
async fn readiness_tells_how_far_behind() {
    let mut service = service().await;
    let ready = medtrace_query::run::readiness(&service.app);
    assert_eq!((&ready.details["height"], &ready.details["lag_blocks"]), (&json!(4), &json!(0)));
    // Nobody follows the topic in this test, so the service is not called ready.
    assert!(!ready.ready);
    let pending = service.chain.rubbish(0);
    // The checkpoint of a block that is in the log, and another that is not in the store yet.
    service.chain.seal(vec![pending]).await;
    service.reflects(5).await;
    assert_eq!(medtrace_query::run::readiness(&service.app).details["checkpoint_size"], json!(6));
}

#[tokio::test]
async fn nobody_is_judged_by_a_service_that_knows_nothing_yet() {
    let service = Service::start_blind().await;
    for path in ["/v1/positions", "/v1/verify?code=(01)09521321000117(21)1", "/v1/blocks", "/events", "/v1/recalls"] {
        let problem = service.json(503, path).await;
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("has just started")), "{path}");
    }
    let scan = service.http.post(format!("{}/v1/scans", service.url)).bearer_auth(service.token("factory"));
    // Not 403 because the factory is unknown.
    answered(503, scan.body("{}").send().await.unwrap()).await;
    assert!(!medtrace_query::run::readiness(&service.app).ready);
}

#[tokio::test]
async fn a_plus_in_a_code_is_a_plus() {
    let service = service().await;
    let verdict = service.json(200, "/v1/verify?code=(01)09521321000117(21)A+B").await;
    assert_eq!(verdict["item"]["serial"], "A+B");
    let unknown = service.json(400, "/v1/verify?code=1&when=now").await;
    assert_eq!(unknown["type"], "epcisException:QueryParameterException");
}

#[tokio::test]
async fn tiles_are_served_from_the_archive_up_to_its_checkpoint() {
    let folder = std::env::temp_dir().join(format!("medtrace-tiles-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let archive = Archive::open(folder.to_str().unwrap()).unwrap();
    let service = service().await.restart(|config| config.archive = Some(archive.clone())).await;
    // What is signed is not what is archived.
    service.json(503, "/log/checkpoint").await;
    service.json(404, "/log/tile/0/000.p/1").await;
    let mut headers = Vec::new();
    for height in 0..5 {
        let block = service.json(200, &format!("/v1/blocks/{height}")).await;
        headers.push(block["header"].as_str().unwrap().to_owned());
    }
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    let mut writer = archive.write().await.unwrap();
    for header in &headers {
        edge.push(header.as_bytes(), &mut full).unwrap();
    }
    // A full tile of what no checkpoint names yet, as it may be there for a moment.
    writer.tiles(vec![("tile/1/000".parse().unwrap(), vec![0; 256 * 32])]).await.unwrap();
    writer.tiles(edge.partial()).await.unwrap();
    writer.publish(&service.chain.checkpoint()).await.unwrap();

    let answer = service.get("/log/checkpoint").send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-cache");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    let note = answer.text().await.unwrap();
    assert_eq!(note, service.chain.checkpoint());
    let leaves: Vec<u8> = headers.iter().flat_map(|header| merkle::leaf_hash(header.as_bytes()).0).collect();
    for width in 1..=5usize {
        let answer = service.get(&format!("/log/tile/0/000.p/{width}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/octet-stream");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=60");
        assert_eq!(answer.bytes().await.unwrap(), leaves[..width * 32]);
        let answer = service.get(&format!("/log/tile/entries/000.p/{width}")).send().await.unwrap();
        let bundle = answer.bytes().await.unwrap();
        assert_eq!(tile::entries(&bundle).unwrap(), headers[..width].iter().map(String::as_bytes).collect::<Vec<_>>());
    }
    for none in [
        "0/000.p/6",
        "0/000",
        "0/001.p/1",
        "1/000",
        "1/000.p/1",
        "64/000",
        "00/000.p/1",
        "0/0.p/1",
        "0/000.p/05",
        "entries",
        "0/000%2Ep/1",
        "0//000.p/1",
        "0/000.p/1/",
    ] {
        service.json(404, &format!("/log/tile/{none}")).await;
    }
    std::fs::write(folder.join("checkpoint"), note.replacen("\n5\n", "\n6\n", 1)).unwrap();
    for path in ["/log/checkpoint", "/log/tile/0/000.p/1"] {
        assert_eq!(service.json(500, path).await["detail"], "the archive is damaged");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

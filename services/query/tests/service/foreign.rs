//! Foreign EPCIS 2.0 documents and events: sealed by one party, every one comes back as it was sent, page by page, and
//! its proof holds. They are found through `MEDTRACE_CONFORMANCE`; without it this says that it was skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medtrace_event::{Document, Json, event_key, seal};
use medtrace_ledger::{Genesis, Hash, Proof};
use serde_json::Value;

use crate::story::told;
use crate::support::service::Service;

/// Events sealed in one submission.
const AT_ONCE: usize = 20;

fn files() -> Option<Vec<PathBuf>> {
    let Some(root) = std::env::var_os("MEDTRACE_CONFORMANCE") else {
        println!("skipped: MEDTRACE_CONFORMANCE is not set");
        return None;
    };
    let folders = ["documents", "events"].map(|folder| Path::new(&root).join("epcis").join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

/// The event but for what sealing and answering may change.
fn content(json: &Json) -> Json {
    let mut json = json.clone();
    let object = json.as_object_mut().unwrap();
    for name in ["@context", "eventID", "recordTime"] {
        object.remove(name);
    }
    json
}

#[tokio::test]
async fn what_was_sent_comes_back() {
    let Some(files) = files() else { return };
    let mut service = Service::start().await;
    told(&mut service).await;
    // By their bytes: what several files hold alike is a replay.
    let mut sent: BTreeMap<Vec<u8>, Json> = BTreeMap::new();
    for file in files {
        for entry in Document::parse(&std::fs::read(file).unwrap()).unwrap().events {
            let sealed = seal(entry.json.clone(), &entry.context, "factory").unwrap();
            sent.insert(sealed.bytes, entry.json);
        }
    }
    let all: Vec<Vec<u8>> = sent.keys().cloned().collect();
    let mut height = 0;
    for some in all.chunks(AT_ONCE) {
        let pending = service.chain.sealed_events("factory", 0, some.to_vec());
        height = service.chain.seal(vec![pending]).await;
    }
    service.reflects(height).await;

    let genesis = Genesis::parse(&service.text(200, "/log/genesis").await).unwrap();
    let mut path = "/events?perPage=7&GE_recordTime=2026-01-01T00:00:01.000Z".to_owned();
    let mut found = 0;
    loop {
        let answer = service.get(&path).send().await.unwrap();
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let document = Document::parse(&answer.bytes().await.unwrap()).unwrap();
        for entry in document.events {
            let mut event = entry.json;
            assert!(event.as_object_mut().unwrap().remove("recordTime").is_some());
            let bytes = event.to_jcs();
            let sent = sent.get(&bytes).unwrap_or_else(|| panic!("nobody sent {event}"));
            assert_eq!(content(&event), content(sent));
            let key = Hash(event_key("factory", &bytes));
            let named: Value = service.json(200, &format!("/v1/events?key={key}")).await;
            let name = named["events"][0]["event"].as_str().unwrap();
            let proof = Proof::parse(&service.text(200, &format!("/v1/events/{name}/proof")).await).unwrap();
            assert_eq!(proof.check(&genesis).unwrap().bytes.into_bytes(), bytes);
            found += 1;
        }
        match link {
            Some(link) => path = link[1..link.find('>').unwrap()].to_owned(),
            None => break,
        }
    }
    assert_eq!(found, sent.len());
}

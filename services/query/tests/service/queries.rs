//! Named queries: who may make and delete them, and that they answer what the same question answers.

use medtrace_query::subscribe::book::QUERIES_PER_PARTY_MAX;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::story::{HOSPITAL_GLN, service};
use crate::support::service::{Service, answered};

impl Service {
    /// A request of a party.
    pub fn ask(&self, method: Method, path: &str, party: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(self.token(party))
    }

    /// Makes a named query.
    pub async fn name(&self, party: &str, name: &str, query: Value) -> reqwest::Response {
        let body = json!({"name": name, "query": query});
        self.ask(Method::POST, "/queries", party).json(&body).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str, party: &str) -> reqwest::Response {
        self.ask(Method::DELETE, path, party).send().await.unwrap()
    }
}

fn shipped() -> Value {
    json!({"EQ_bizStep": ["shipping", "packing"], "GE_eventTime": "2026-01-01T00:00:00+08:00"})
}

fn list(document: &Value) -> &Vec<Value> {
    document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap()
}

// epcis: POST /queries
// epcis: GET /queries /queries/{} /queries/{}/events
// epcis: DELETE /queries/{}
// epcis: exception NoSuchNameException
#[tokio::test]
async fn a_query_is_named_shown_asked_and_deleted() {
    let service = service().await;
    let made = service.name("factory", "to-us", shipped()).await;
    assert_eq!(made.headers()["location"], "/queries/to-us");
    let expected = json!({"name": "to-us", "query": shipped()});
    assert_eq!(answered(201, made).await, expected);
    assert_eq!(service.json(200, "/queries/to-us").await, expected);
    let answer = service.json(200, "/queries/to-us/events").await;
    let same = "/events?EQ_bizStep=shipping%7Cpacking&GE_eventTime=2026-01-01T00:00:00%2B08:00";
    assert_eq!(list(&answer), list(&service.json(200, same).await));
    assert_eq!(list(&answer).len(), 2);
    assert_eq!(answer["epcisBody"]["queryResults"]["queryName"], "to-us");
    // Another party's stays; its own goes.
    let refused = answered(403, service.delete("/queries/to-us", "hospital").await).await;
    assert_eq!(refused["type"], "epcisException:SecurityException");
    assert_eq!(service.delete("/queries/to-us", "factory").await.status(), StatusCode::NO_CONTENT);
    for path in ["/queries/to-us", "/queries/to-us/events"] {
        assert_eq!(service.json(404, path).await["type"], "epcisException:NoSuchNameException");
    }
    answered(404, service.delete("/queries/to-us", "factory").await).await;
    assert_eq!(service.json(200, "/queries").await, json!([]));
}

// epcis: GET /queries/{}/events perPage nextPageToken
#[tokio::test]
async fn pages_and_forms_are_those_of_events() {
    let service = service().await;
    answered(201, service.name("factory", "all", json!({})).await).await;
    let first = service.get("/queries/all/events?perPage=6").send().await.unwrap();
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    assert!(next.starts_with("/queries/all/events?perPage=6&nextPageToken="), "{next}");
    assert_eq!(first.headers()["gs1-epcis-version"], "2.0.0");
    let second = service.get(next).send().await.unwrap();
    assert!(!second.headers().contains_key("link"));
    let (first, second): (Value, Value) = (first.json().await.unwrap(), second.json().await.unwrap());
    let both: Vec<&Value> = list(&first).iter().chain(list(&second)).collect();
    assert_eq!(both, list(&service.json(200, "/events").await).iter().collect::<Vec<_>>());
    let xml = service.get("/queries/all/events").header("accept", "application/xml").send().await.unwrap();
    assert!(xml.text().await.unwrap().contains("<queryName>all</queryName>"));
    let unknown = service.json(400, "/queries/all/events?EQ_action=ADD").await;
    assert_eq!(unknown["errors"][0]["path"], "/EQ_action");
    service.json(400, "/queries/all/events?perPage=501").await;
}

// epcis: exception ResourceAlreadyExistsException QueryValidationException
#[tokio::test]
async fn what_is_wrong_is_refused() {
    let service = service().await;
    let none = service.http.post(format!("{}/queries", service.url)).json(&json!({"name": "a", "query": {}}));
    answered(401, none.send().await.unwrap()).await;
    answered(403, service.name("nobody", "a", json!({})).await).await;
    let unknown = answered(400, service.name("factory", "a", json!({"EQ_bizstep": ["shipping"]})).await).await;
    assert_eq!(unknown["type"], "epcisException:QueryParameterException");
    assert_eq!(unknown["errors"][0]["path"], "/query/EQ_bizstep");
    let name = answered(400, service.name("factory", "a/b", json!({})).await).await;
    assert_eq!(
        (&name["type"], &name["errors"][0]["path"]),
        (&json!("epcisException:QueryValidationException"), &json!("/name"))
    );
    for (body, path) in [(json!({"name": "a"}), ""), (json!({"name": "a", "query": []}), "/query"), (json!([]), "")] {
        let posted = service.ask(Method::POST, "/queries", "factory").json(&body).send().await.unwrap();
        let problem = answered(400, posted).await;
        assert_eq!(problem["type"], "epcisException:QueryValidationException");
        assert_eq!(problem["errors"][0]["path"], path, "{body}");
    }
    answered(201, service.name("factory", "a", json!({})).await).await;
    for party in ["factory", "hospital"] {
        let taken = answered(409, service.name(party, "a", shipped()).await).await;
        assert_eq!(taken["type"], "epcisException:ResourceAlreadyExistsException");
    }
    let long = json!({"EQ_eventID": vec!["x".repeat(1000); 60]});
    let large = answered(413, service.name("factory", "b", long).await).await;
    assert_eq!(large["type"], "epcisException:QueryTooComplexException");
}

#[tokio::test]
async fn the_standards_own_names_say_what_stands_for_them() {
    let service = service().await;
    for (name, instead) in [("SimpleEventQuery", "GET /events"), ("SimpleMasterDataQuery", "GET /v1/masterdata")] {
        let taken = answered(409, service.name("factory", name, json!({})).await).await;
        let mut said = vec![taken["detail"].clone()];
        for path in [format!("/queries/{name}"), format!("/queries/{name}/events?vocabularyName=x")] {
            let none = service.json(404, &path).await;
            assert_eq!(none["type"], "epcisException:NoSuchNameException");
            said.push(none["detail"].clone());
        }
        assert!(said.iter().all(|detail| detail.as_str().unwrap().contains(instead)), "{said:?}");
    }
}

// epcis: GET /queries perPage nextPageToken
#[tokio::test]
async fn a_party_has_so_many_and_all_are_listed_in_pages() {
    let service = service().await;
    for at in 0..QUERIES_PER_PARTY_MAX {
        answered(201, service.name("factory", &format!("q{at:03}"), json!({})).await).await;
    }
    let full = answered(429, service.name("factory", "more", json!({})).await).await;
    assert_eq!(full["detail"], "there are 100 named queries of your party already; delete one first");
    answered(201, service.name("hospital", "more", json!({})).await).await;
    let (mut path, mut names) = ("/queries?perPage=40".to_owned(), Vec::new());
    loop {
        let answer = service.get(&path).send().await.unwrap();
        let next = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let page: Vec<Value> = answer.json().await.unwrap();
        assert!(next.iter().all(|link| link.contains("nextPageToken=")));
        names.extend(page.iter().map(|query| query["name"].as_str().unwrap().to_owned()));
        match next {
            Some(next) => path = next.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned(),
            None => break,
        }
    }
    let expected = std::iter::once("more".to_owned()).chain((0..QUERIES_PER_PARTY_MAX).map(|at| format!("q{at:03}")));
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn they_are_there_after_a_restart_and_a_damaged_file_stops_it() {
    let service = service().await;
    let place = json!({"EQ_readPoint": [format!("https://id.gs1.org/414/{HOSPITAL_GLN}")]});
    answered(201, service.name("factory", "kept", place.clone()).await).await;
    let files = std::cell::RefCell::new(std::path::PathBuf::new());
    let service = service.restart(|config| *files.borrow_mut() = config.data.join("queries")).await;
    assert_eq!(list(&service.json(200, "/queries/kept/events").await).len(), 3);
    answered(409, service.name("factory", "kept", json!({})).await).await;
    let file = files.borrow().join("kept.json");
    std::fs::write(&file, "{").unwrap();
    let error = service.refuses_to_start().await;
    assert_eq!(error.variable, "MEDTRACE_DATA");
    assert!(error.reason.contains("queries/kept.json"), "{error}");
}

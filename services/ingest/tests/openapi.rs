//! `schemas/openapi/ingest.json` says what the service does: every path answers, every example is taken, and every answer
//! fits its schema.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use medtrace_ingest::MANUFACTURER;
use medtrace_ledger::submission::SubmissionKind;
use serde_json::{Value, json};

fn api() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/openapi/ingest.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Fails with what does not fit.
fn fits(api: &Value, schema: &Value, value: &Value, what: &str) {
    let mut schema = schema.clone();
    schema["components"] = api["components"].clone();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{value:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_taken_and_answers_fit() {
    let (api, running) = (api(), start(MANUFACTURER, &folder("openapi"), world(), FakeLog::new()).await);
    let mut asked = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            let request = match (method.as_str(), &content["example"]) {
                ("get", _) if !path.contains('{') => running.get(FACTORY, path),
                ("post", Value::Null) => continue,
                ("post", example) => {
                    fits(&api, &content["schema"], example, path);
                    running.post(FACTORY, path).json(example)
                }
                _ => continue,
            };
            let answer = running.send(request).await;
            let (expected, described) =
                operation["responses"].as_object().unwrap().iter().find(|(status, _)| status.starts_with('2')).unwrap();
            assert_eq!(&answer.status.to_string(), expected, "{method} {path}: {}", answer.body);
            fits(&api, &described["content"]["application/json"]["schema"], &answer.body, path);
            asked += 1;
        }
    }
    assert_eq!(asked, 5, "scans, events, capture twice, notices");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_signed_bodies_and_problems_fit() {
    let (api, running) = (api(), start(MANUFACTURER, &folder("openapi-2"), world(), FakeLog::new()).await);
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let capture = running.send(running.post(FACTORY, "/capture").json(&document(&[seen("S1")]))).await;
    let path = capture.headers["location"].to_str().unwrap();
    running.index.reach(1);
    let job = running.job_until(FACTORY, path, |job| job["running"] == false).await;
    fits(&api, &schema("CaptureJob"), &job, "a finished job");

    let mut event = seen("S1");
    event["eventID"] = "urn:uuid:0190e0a0-0000-4000-8000-000000000001".into();
    let signed = home_signed("factory-01", 10, SubmissionKind::Events, &[("E", event)]);
    fits(&api, &schema("HomeSigned"), &signed, "a home-signed submission");
    let answer = running.send(running.post(FACTORY, "/v1/submissions").json(&signed)).await;
    fits(&api, &schema("SubmissionResults"), &answer.body, "its answer");

    let refused = running.send(running.post(FACTORY, "/v1/scans").json(&json!([{}]))).await;
    assert_eq!(refused.status, 400);
    fits(&api, &schema("Problem"), &refused.body, "a refusal");
    fits(&api, &schema("Problem"), &running.send(running.get(FACTORY, "/v1/scans")).await.body, "a wrong method");
}

//! The checked-in description names every route of the router, and no other.

use std::collections::BTreeSet;

use medtrace_query::run::router;
use reqwest::Method;
use serde_json::Value;

use crate::support::service::Service;

const FILE: &str = "../../schemas/openapi/query.json";

fn described() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The paths of a router, from what it prints of itself.
fn paths(service: &Service) -> BTreeSet<String> {
    let printed = format!("{:?}", router(service.app.clone()));
    let paths: BTreeSet<String> = printed
        .split("RouteId(")
        .filter_map(|part| part.split_once("): \"")?.1.split_once('"'))
        // OpenAPI has no word for a parameter of several segments.
        .map(|(path, _)| path.replace("{*", "{"))
        // The fallback's.
        .filter(|path| path != "/" && !path.contains("__private"))
        .collect();
    assert!(paths.contains("/v1/verify"), "the router prints its paths no more: {printed}");
    paths
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let service = Service::start().await;
    let description = described();
    // Resources that are alike share one description.
    let item = |item: &'_ Value| match item["$ref"].as_str() {
        Some(reference) => description.pointer(&reference[1..]).unwrap().clone(),
        None => item.clone(),
    };
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, found)| {
            let item = item(found);
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(|method| (path.clone(), method.to_uppercase())).collect::<Vec<_>>()
        })
        .collect();
    let mut served = BTreeSet::new();
    for path in paths(&service) {
        // No route answers TRACE, so each says what it does answer.
        let url = format!("{}{}", service.url, path.replace(['{', '}'], ""));
        let answer = service.http.request(Method::TRACE, url).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
        let methods = allow.split(',').map(str::trim).filter(|method| *method != "HEAD");
        served.extend(methods.map(|method| (path.clone(), method.to_owned())));
    }
    assert_eq!(described, served, "left: {FILE}, right: the router");
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(root: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|member| check(root, member));
            }
            Value::Array(items) => items.iter().for_each(|item| check(root, item)),
            _ => {}
        }
    }
    let described = described();
    check(&described, &described);
    assert_eq!(described["openapi"], "3.1.0");
}

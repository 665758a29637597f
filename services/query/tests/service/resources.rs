//! The top-level resources list what there is, and what names no event is not there.

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::goods::gln;
use crate::parameters::world;
use crate::story::{FACTORY_GLN, item};
use crate::support::service::{Service, answered};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

// epcis: GET /eventTypes /epcs /bizSteps /bizLocations /readPoints /dispositions perPage Link
// epcis: GET /bizSteps nextPageToken
// epcis: GET /eventTypes/{value} /epcs/{value} /bizSteps/{value}
// epcis: GET /eventTypes/{value}/events /epcs/{value}/events /bizSteps/{value}/events
// epcis: exception NoSuchResourceException
#[tokio::test]
async fn resources_list_what_there_is() {
    let world = world().await;
    let factory = gln(FACTORY_GLN);
    for (resource, members) in [
        ("eventTypes", json!(["ObjectEvent", "TransformationEvent"])),
        ("bizSteps", json!(["commissioning"])),
        ("dispositions", json!(["active"])),
        ("bizLocations", json!([factory])),
        ("readPoints", json!([factory, format!("{factory}/254/dock-1"), format!("{factory}/254/dock-2")])),
        ("epcs", json!([item("I1"), item("O1"), item("P1"), item("P2")])),
    ] {
        let answer = world.0.json(200, &format!("/{resource}")).await;
        assert_eq!((&answer["type"], &answer["member"]), (&json!("Collection"), &members), "{resource}");
        // Page by page it is the same.
        let (mut path, mut found) = (format!("/{resource}?perPage=1"), Vec::new());
        loop {
            let answer = world.0.get(&path).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: Value = answer.json().await.unwrap();
            found.extend(page["member"].as_array().unwrap().clone());
            let Some(link) = link else { break };
            path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
        assert_eq!(json!(found), members, "{resource}");
    }
    let epc = item("P1").replace(':', "%3A").replace('/', "%2F");
    assert_eq!(world.0.json(200, &format!("/epcs/{epc}")).await["member"], json!(["events"]));
    let count = async |path: &str| {
        let document = world.0.json(200, path).await;
        document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("/epcs/{epc}/events")).await, 1);
    assert_eq!(count("/bizSteps/commissioning/events").await, 3);
    assert_eq!(count("/eventTypes/ObjectEvent/events?EQ_stringValue=s-2").await, 2);
    for path in ["/bizSteps/shipping", "/bizSteps/nonsense", "/eventTypes/QuantityEvent", "/epcs/nothing"] {
        let problem = world.0.json(404, path).await;
        assert_eq!(problem["type"], "epcisException:NoSuchResourceException", "{path}");
    }
    world.0.json(400, "/bizSteps/commissioning/events?EQ_bizStep=shipping").await;
    world.0.json(400, "/bizSteps?nextPageToken=!").await;
}

// epcis: exception NotAcceptableException
#[tokio::test]
async fn what_is_answered_in_json_alone_is_refused_as_xml() {
    let world = world().await;
    for path in ["/eventTypes", "/bizSteps", "/bizSteps/commissioning", "/epcs", "/queries"] {
        let refused = world.0.get(path).header("accept", "application/xml").send().await.unwrap();
        let problem = answered(406, refused).await;
        assert_eq!(problem["type"], "epcisException:NotAcceptableException", "{path}");
        let either =
            world.0.get(path).header("accept", "application/xml, application/json;q=0.5").send().await.unwrap();
        assert_eq!((either.status().as_u16(), &either.headers()["content-type"]), (200, &JSON), "{path}");
    }
    let body = json!({"name": "all", "query": {}});
    let query = || world.0.ask(Method::POST, "/queries", "factory").json(&body);
    answered(406, query().header("accept", "text/xml").send().await.unwrap()).await;
    answered(201, query().send().await.unwrap()).await;
    for path in ["/queries/all", "/queries/all/subscriptions"] {
        let refused = world.0.ask(Method::GET, path, "factory").header("accept", "application/xml");
        answered(406, refused.send().await.unwrap()).await;
        world.0.ask(Method::GET, path, "factory").send().await.unwrap().error_for_status().unwrap();
    }
}

/// A value as a path has it.
fn encoded(value: &str) -> String {
    value.replace(':', "%3A").replace('/', "%2F")
}

// epcis: GET /eventTypes /epcs /bizSteps /bizLocations /readPoints /dispositions nextPageToken
// epcis: GET /eventTypes/{value} /epcs/{value} /bizSteps/{value} /bizLocations/{value} /readPoints/{value}
// epcis: GET /dispositions/{value} /dispositions/{value}/events
// epcis: GET /eventTypes/{value}/events /epcs/{value}/events /bizSteps/{value}/events /bizLocations/{value}/events
// epcis: GET /readPoints/{value}/events
#[tokio::test]
async fn each_value_leads_to_its_events() {
    let world = world().await;
    let factory = gln(FACTORY_GLN);
    for (resource, value, count, stranger) in [
        ("eventTypes", "ObjectEvent", 3, "AssociationEvent"),
        ("epcs", &item("P1"), 1, &item("P9")),
        ("bizSteps", "commissioning", 3, "shipping"),
        ("bizLocations", &factory, 4, &gln("9521987000017")),
        ("readPoints", &format!("{factory}/254/dock-1"), 1, &format!("{factory}/254/dock-9")),
        ("dispositions", "active", 3, "recalled"),
    ] {
        let value = encoded(value);
        assert_eq!(world.0.json(200, &format!("/{resource}/{value}")).await["member"], json!(["events"]), "{resource}");
        let document = world.0.json(200, &format!("/{resource}/{value}/events")).await;
        let events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len();
        assert_eq!(events, count, "{resource}");
        world.0.json(404, &format!("/{resource}/{}", encoded(stranger))).await;
        let problem = world.0.json(400, &format!("/{resource}?nextPageToken=!")).await;
        assert_eq!(problem["errors"][0]["path"], "/nextPageToken", "{resource}");
    }
}

// epcis: OPTIONS /events /queries GS1-EPCIS-Version GS1-EPCIS-Min GS1-EPCIS-Max GS1-CBV-Version GS1-CBV-Min GS1-CBV-Max
// epcis: OPTIONS /events/{eventID} /queries/{} /queries/{}/events /queries/{}/subscriptions /queries/{}/subscriptions/{}
// epcis: OPTIONS /eventTypes /epcs /bizSteps /bizLocations /readPoints /dispositions GS1-EPCIS-Version
// epcis: OPTIONS /eventTypes /epcs /bizSteps /bizLocations /readPoints /dispositions GS1-EPCIS-Min GS1-EPCIS-Max
// epcis: OPTIONS /eventTypes/{value} /epcs/{value} /bizSteps/{value} /bizLocations/{value} /readPoints/{value}
// epcis: OPTIONS /dispositions/{value} /dispositions/{value}/events /readPoints/{value}/events
// epcis: OPTIONS /eventTypes/{value}/events /epcs/{value}/events /bizSteps/{value}/events /bizLocations/{value}/events
#[tokio::test]
async fn each_resource_says_what_it_takes() {
    let service = Service::start().await;
    let read = "GET, HEAD, OPTIONS";
    let (collection, removable) = ("GET, HEAD, POST, OPTIONS", "GET, HEAD, DELETE, OPTIONS");
    let mut all: Vec<(String, &str)> = [
        ("/events", collection),
        ("/events/2-513", read),
        ("/queries", collection),
        ("/queries/a", removable),
        ("/queries/a/events", read),
        ("/queries/a/subscriptions", collection),
        ("/queries/a/subscriptions/b", removable),
    ]
    .map(|(path, methods)| (path.to_owned(), methods))
    .to_vec();
    for resource in ["eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"] {
        all.extend(["", "/a", "/a/events"].map(|rest| (format!("/{resource}{rest}"), read)));
    }
    for (path, methods) in all {
        let options = service.http.request(Method::OPTIONS, format!("{}{path}", service.url)).send().await.unwrap();
        assert_eq!((options.status().as_u16(), options.headers()["allow"].to_str().unwrap()), (204, methods), "{path}");
        for version in
            ["gs1-epcis-version", "gs1-epcis-min", "gs1-epcis-max", "gs1-cbv-version", "gs1-cbv-min", "gs1-cbv-max"]
        {
            assert_eq!(options.headers()[version], "2.0.0", "{version} of {path}");
        }
    }
}

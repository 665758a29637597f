//! Master data from the headers of documents: told, used in answers, asked for in queries; the owner's only.

use serde_json::{Value, json};

use crate::story::{FACTORY_GLN, GTIN, HOSPITAL_GLN, NAMES, item, told};
use crate::support::service::{Service, answered};

fn document(kind: &str, gln: &str, attributes: &[(&str, &str)]) -> Value {
    let attributes: Vec<Value> =
        attributes.iter().map(|(id, text)| json!({"id": format!("cbvmda:{id}"), "attribute": text})).collect();
    json!({"type": "document", "header": {"epcisHeader": {"epcisMasterData": {"vocabularyList": [
        {"type": format!("urn:epcglobal:epcis:vtype:{kind}"), "vocabularyElementList": [
            {"id": format!("https://id.gs1.org/414/{gln}"), "attributes": attributes}]}]}}}})
}

async fn count(service: &Service, query: &str) -> usize {
    let answer = service.json(200, &format!("/events?perPage=100&{query}")).await;
    answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len()
}

// epcis: GET /events EQATTR_* HASATTR_*
#[tokio::test]
async fn what_owners_say_is_used_and_what_others_say_is_told() {
    let mut service = Service::start().await;
    told(&mut service).await;
    let all = count(&service, "").await;
    assert_eq!(all, NAMES.len());
    let at_factory = count(&service, &format!("EQ_readPoint=https://id.gs1.org/414/{FACTORY_GLN}")).await;
    assert_eq!(count(&service, "HASATTR_readPoint_city").await, 0);

    let chain = &mut service.chain;
    let says = |party: &str, kind: &str, gln: &str, attributes: &[(&str, &str)]| {
        chain.document(party, &document(kind, gln, attributes))
    };
    let first = vec![
        says("factory", "ReadPoint", FACTORY_GLN, &[("city", "Wuhan"), ("name", "Old plant")]),
        // Not its own.
        says("factory", "ReadPoint", HOSPITAL_GLN, &[("city", "Paris"), ("name", "Ours")]),
    ];
    let old = chain.seal(first).await;
    let newer = vec![
        chain.document("factory", &document("ReadPoint", FACTORY_GLN, &[("city", "Wuhan"), ("name", "South plant")])),
    ];
    let height = chain.seal(newer).await;
    service.reflects(height).await;

    assert!(at_factory > 0);
    for (query, expected) in [
        ("HASATTR_readPoint_city", at_factory),
        ("HASATTR_readPoint_cbvmda:city", at_factory),
        ("EQATTR_readPoint_city=Wuhan%7CParis", at_factory),
        ("EQATTR_readPoint_city=Paris", 0),
        // The newest counts.
        ("EQATTR_readPoint_name=Old%20plant", 0),
        ("EQATTR_readPoint_name=South%20plant", at_factory),
        ("HASATTR_bizLocation_city", 0),
    ] {
        assert_eq!(count(&service, query).await, expected, "{query}");
    }
    let problem = service.json(400, "/events?HASATTR_readPoint_city=1").await;
    assert_eq!(problem["errors"][0]["path"], "/HASATTR_readPoint_city");
    service.json(400, "/events?EQATTR_disposition_city=1").await;

    let told = service.json(200, &format!("/v1/masterdata?id=https://id.gs1.org/414/{FACTORY_GLN}")).await;
    assert_eq!(
        told["statements"],
        json!([{"vocabulary": "ReadPoint", "party": "factory", "partyName": {"zh-CN": "factory", "en": "factory"}, "entitled": true,
                "document": format!("{height}-0"), "attributes": {"city": "Wuhan", "name": "South plant"}, "children": []}])
    );
    let before = service.json(200, &format!("/v1/masterdata?id=(414){FACTORY_GLN}&known={old}")).await;
    assert_eq!(before["statements"][0]["attributes"]["name"], "Old plant");
    let others = service.json(200, &format!("/v1/masterdata?id=urn:epc:id:sgln:{}.00001.0", &HOSPITAL_GLN[..7])).await;
    assert_eq!(others["statements"][0]["entitled"], false);

    let names = async |known: u64| {
        let code: String = form_urlencoded::byte_serialize(item("S1").as_bytes()).collect();
        let way = service.json(200, &format!("/v1/provenance?code={code}&known={known}")).await;
        let named = |line: &Value| {
            Some((line["place"].as_str()?.to_owned(), line["placeName"]["en"].as_str().map(str::to_owned)))
        };
        let names: std::collections::BTreeMap<_, _> =
            way["history"].as_array().unwrap().iter().filter_map(named).collect();
        (
            names[&format!("https://id.gs1.org/414/{FACTORY_GLN}")].clone(),
            names[&format!("https://id.gs1.org/414/{HOSPITAL_GLN}")].clone(),
        )
    };
    assert_eq!(names(height).await, (Some("South plant".to_owned()), None));
    assert_eq!(names(old).await, (Some("Old plant".to_owned()), None));
    assert_eq!(names(old - 1).await, (None, None));

    // Everywhere else, too: the verdict on what lies there, what was sent from there, who holds it, what is called back.
    let south = json!({"zh-CN": "South plant", "en": "South plant"});
    let code = item("S3");
    for (path, pointer) in [
        (format!("/v1/verify?code={code}"), "/item/placeName"),
        (format!("/v1/provenance?code={code}"), "/item/placeName"),
        ("/v1/deliveries".to_owned(), "/deliveries/0/from/placeName"),
        ("/v1/deliveries/2-1".to_owned(), "/from/placeName"),
        (format!("/v1/reach?gtin={GTIN}&lot=L1"), "/holders/0/placeName"),
        ("/v1/recalls/r-1/reach".to_owned(), "/holders/0/placeName"),
    ] {
        let answer = service.json(200, &path).await;
        assert_eq!(answer.pointer(pointer), Some(&south), "{path}: {answer}");
    }
    let several = service.http.post(format!("{}/v1/verify", service.url)).json(&json!({"codes": [code, item("S2")]}));
    let several = answered(200, several.send().await.unwrap()).await;
    assert_eq!(several["verdicts"][0]["item"]["placeName"], south);
    // What a notice says goes before it.
    let notice = json!({"type": "place", "place": format!("https://id.gs1.org/414/{FACTORY_GLN}"), "revision": 1,
                        "party": "factory", "region": "CN", "name": {"en": "Plant 1"}});
    let chain = &mut service.chain;
    let pending = chain.notices("factory", &[notice]);
    let height = chain.seal(vec![pending]).await;
    service.reflects(height).await;
    let answer = service.json(200, &format!("/v1/verify?code={code}")).await;
    assert_eq!(answer["item"]["placeName"]["en"], "Plant 1");
}

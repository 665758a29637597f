//! Notices that are no notices, do not follow from what holds, or are not the party's to give.

use medtrace_ledger::SigningKey;
use medtrace_tests::{
    codes::uri,
    county::{AGENT, FACTORY, STENT},
};
use serde_json::{Value, json};

use crate::{
    row::{BLANK, Row},
    world::{HOME, World},
};

/// A place notice.
pub fn place(gln: &str, party: &str, revision: u32) -> Value {
    json!({
        "type": "place", "place": uri::place(gln), "revision": revision, "party": party, "name": {"en": "somewhere"},
        "region": "CN",
    })
}

/// A product of the factory that would be taken.
pub fn product(changes: Value) -> Value {
    with(
        json!({
            "type": "product", "product": "balloon", "revision": 1, "owner": "factory", "gtin": "09506000100098",
            "name": {"en": "Balloon"}, "kind": "device", "serialised": true, "lotRequired": true,
        }),
        changes,
    )
}

/// A recall by the factory that would be taken.
pub fn recall(changes: Value) -> Value {
    with(
        json!({
            "type": "recall", "recall": "r1", "revision": 1, "action": "issue", "class": 1,
            "scope": [{"gtin": STENT, "lots": ["A"]}], "reason": {"en": "why"}, "instructions": {"en": "what"},
            "jurisdiction": "CN", "effective": "2026-03-01T08:00:00Z",
        }),
        changes,
    )
}

fn with(mut notice: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().into_iter().flatten() {
        match change {
            Value::Null => drop(notice.as_object_mut().map(|members| members.remove(name))),
            change => notice[name] = change.clone(),
        }
    }
    notice
}

pub fn rows(world: &World) -> anyhow::Result<Vec<Row>> {
    let sent = |what, notice: Value| Row::post(what, "/v1/notices", &notice);
    let conflict = |row: Row, violations: &[&'static str]| row.gets(409, BLANK, violations);
    let mut rows = vec![
        sent("no notice at all", json!({"type": "rumour"})).invalid(&["malformed /type"]),
        sent("an empty list of notices", json!([])).invalid(&["empty "]),
        sent("501 notices", json!(vec![json!({}); 501])).too_much(&["too-many-notices "]),
        sent("a product without an owner", product(json!({"owner": null}))).invalid(&["malformed "]),
        sent("a product with a colour", product(json!({"colour": "red"}))).invalid(&["malformed /colour"]),
        sent("a product with a wrong check digit", product(json!({"gtin": "09506000100099"}))).invalid(&["malformed /gtin"]),
        sent("a product without a code", product(json!({"gtin": null}))).invalid(&["no-code "]),
        sent("a product with a short drug code", product(json!({"codes": [{"scheme": "cn-drug", "code": "123"}]})))
            .invalid(&["bad-code /codes/0/code"]),
        sent("a product with two names alike", product(json!({"name": {}}))).invalid(&["empty /name"]),
        sent("a product kept between fire and ice", product(json!({"storage": {"minCelsius": 8, "maxCelsius": 2}})))
            .invalid(&["bad-range /storage"]),
        sent("a place in a region that is none", with(place(FACTORY, "factory", 2), json!({"region": "China"})))
            .invalid(&["malformed /region"]),
        sent("a recall of class 4", recall(json!({"class": 4}))).invalid(&["bad-class /class"]),
        sent("a recall of nothing", recall(json!({"scope": []}))).invalid(&["empty /scope"]),
        sent("a recall of no lot", recall(json!({"scope": [{"gtin": STENT}]}))).invalid(&["bad-scope /scope/0"]),
        sent("a recall of a lot twice", recall(json!({"scope": [{"gtin": STENT, "lots": ["A", "A"]}]})))
            .invalid(&["twice /scope/0/lots/1"]),
        sent("a recall of serials backwards", recall(json!({"scope": [{"gtin": STENT, "serials": [{"from": "9", "to": "1"}]}]})))
            .invalid(&["bad-range /scope/0/serials/0"]),
        sent("a recall from when", recall(json!({"effective": "2026-03-01T08:00:00+08:00"}))).invalid(&["malformed /effective"]),
        sent("a recall without instructions", recall(json!({"instructions": null}))).invalid(&["malformed "]),
        sent("the second of two is none", json!([product(json!({})), {"type": "rumour"}])).invalid(&["malformed /1/type"]),
        // What does not follow.
        conflict(sent("a revision again", place(FACTORY, "factory", 1)), &["revision /revision"]),
        conflict(sent("a revision left out", place(FACTORY, "factory", 3)), &["revision /revision"]),
        conflict(sent("a product's code is taken", product(json!({"gtin": STENT}))), &["code-taken "]),
        sent("a recall of an unknown product", recall(json!({"scope": [{"product": "nothing", "all": true}]})))
            .forbidden(&["unknown-product /scope/0/product"]),
        sent("an answer to no recall", json!({"type": "acknowledgement", "recall": "r9", "party": "factory", "revision": 1, "status": "none"}))
            .forbidden(&["unknown-recall /recall"]),
        sent("lifted before it was issued", json!({"type": "recall", "recall": "r9", "revision": 1, "action": "lift", "reason": {"en": "why"}}))
            .forbidden(&["not-issued /action"]),
        // What is not this party's to say.
        sent("another's place", place(AGENT, "factory", 2)).forbidden(&["foreign-place /place"]),
        sent("another's prefix", product(json!({"gtin": "09506000700014"}))).forbidden(&["foreign-prefix /gtin"]),
        sent("a product of an unknown owner", product(json!({"owner": "nobody"}))).forbidden(&["unknown-party /owner"]),
        sent("a recall of another's product", recall(json!({}))).by("agent").forbidden(&["not-entitled "]),
        sent("an answer for somebody else", json!({"type": "acknowledgement", "recall": "r9", "party": "agent", "revision": 1, "status": "none"}))
            .forbidden(&["not-signed-by /party"]),
        sent("others' places lent", json!({"type": "delegation", "from": "factory", "to": "agent", "revision": 1, "glns": [AGENT], "steps": ["pack"]}))
            .forbidden(&["foreign-place /glns/0"]),
        sent("lent to oneself", json!({"type": "delegation", "from": "factory", "to": "factory", "revision": 1}))
            .invalid(&["same-party /to"]),
        sent("a party admits a party", party("friend", &SigningKey::from_seed(&[55; 32]))).forbidden(&["not-authority "]),
    ];
    rows.extend(keys(world)?);
    Ok(rows)
}

fn party(id: &str, key: &SigningKey) -> Value {
    json!({
        "type": "party", "party": id, "revision": 1, "name": {"en": id}, "rootKey": key.public().to_string(),
        "roles": ["distributor"],
    })
}

/// Key notices, signed at home.
fn keys(world: &World) -> anyhow::Result<Vec<Row>> {
    let fresh = SigningKey::from_seed(&[56; 32]);
    let enrol = |key: &SigningKey| {
        json!({
            "type": "key", "party": HOME, "revision": 1, "publicKey": key.public().to_string(), "action": "enrol",
            "custody": "own",
        })
    };
    let signed = |what, keys: Vec<SigningKey>, notice: Value| -> anyhow::Result<Row> {
        let home = medtrace_tests::home::Home { keys, ..world.home.clone() };
        Ok(Row::post(what, "/v1/notices", &home.notices(&[notice])?).by(HOME))
    };
    let root = world.home.keys[0].clone();
    let revoked = world.revoked.keys[0].clone();
    Ok(vec![
        signed("a key that does not sign its own enrolment", vec![root.clone()], enrol(&fresh))?
            .forbidden(&["no-possession /items/0/body"]),
        signed("a key that enrols itself", vec![fresh.clone()], enrol(&fresh))?.forbidden(&["key-not-valid "]),
        signed("a revoked key comes back", vec![root.clone(), revoked.clone()], enrol(&revoked))?
            .forbidden(&["key-not-valid /items/0/body"]),
        signed("a notice by a revoked key", vec![revoked], enrol(&fresh))?.forbidden(&["key-not-valid "]),
        signed(
            "a revoked key is revoked",
            vec![root],
            json!({
                "type": "key", "party": HOME, "revision": 2, "action": "revoke",
                "publicKey": world.revoked.keys[0].public().to_string(),
            }),
        )?
        .forbidden(&["key-revoked /items/0/body/publicKey"]),
    ])
}

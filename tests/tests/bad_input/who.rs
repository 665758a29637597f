//! Who asks, how, and for what.

use medtrace_tests::county::FACTORY;
use reqwest::Method;
use serde_json::json;

use crate::{
    row::{BLANK, Row, SECURITY, Who},
    scans::commission,
    world::World,
};

const UNSUPPORTED: &str = "epcisException:UnsupportedMediaTypeException";
const UNACCEPTABLE: &str = "epcisException:NotAcceptableException";
const URI_TOO_LONG: &str = "epcisException:URITooLongException";

pub fn rows(world: &World) -> anyhow::Result<Vec<Row>> {
    let scans = |what| Row::post(what, "/v1/scans", &commission());
    let xml = |what, text: &str| Row::bytes(what, "/capture", text).header("content-type", "application/xml");
    let unauthenticated = |row: Row| row.gets(401, SECURITY, &[]);
    let token = |text: &str| Who::Token(text.to_owned());
    let factory = world.token("factory")?;
    let reversed: String = factory.chars().rev().collect();
    Ok(vec![
        unauthenticated(scans("no token").by_whom(Who::Nobody)),
        unauthenticated(scans("no token, at the service itself").by_whom(Who::Nobody).at("manufacturer")),
        unauthenticated(scans("a token that nobody made").by_whom(token("mt_x"))),
        unauthenticated(scans("a token backwards").by_whom(token(&reversed))),
        unauthenticated(scans("a token in another letter case").by_whom(token(&factory.to_uppercase()))),
        unauthenticated(scans("a password").by_whom(Who::Nobody).header("authorization", "Basic ZmFjdG9yeTpmYWN0b3J5")),
        unauthenticated(Row::bytes("no token and too much", "/v1/scans", vec![b' '; 5 << 20]).by_whom(Who::Nobody)),
        unauthenticated(Row::post("a document without a token", "/capture", &json!({})).by_whom(Who::Nobody)),
        unauthenticated(Row::post("a notice without a token", "/v1/notices", &json!({})).by_whom(Who::Nobody)),
        unauthenticated(Row::get("a job without a token", "/capture/0190e0a0-0000-4000-8000-000000000001")),
        scans("a party that nobody admitted").by_whom(token(&world.stranger)).forbidden(&["unknown-party "]),
        scans("another's token: a hospital commissions").by("county-hospital").forbidden(&[
            "not-entitled /step",
            "foreign-place /place",
            "foreign-prefix /items/0/code",
        ]),
        scans("a service that serves others").by("county-hospital").at("manufacturer").forbidden(&["wrong-service "]),
        scans("a party that says nothing of goods").by("authority").forbidden(&["wrong-service "]),
        Row::get("another's job", "/capture/0190e0a0-0000-4000-8000-000000000001").by_whom(token(&factory)).not_there(),
        scans("a method that is not there").method(Method::PUT).gets(405, BLANK, &[]),
        Row::get("a path that is not there", "/v1/nothing").not_there(),
        Row::get("a path that is not there, at a service", "/v1/verify").at("hospital").not_there(),
        Row::bytes("a table", "/capture", "a;b").header("content-type", "text/csv").gets(415, UNSUPPORTED, &[]),
        Row::bytes("an event in XML", "/events", "<x/>").header("content-type", "text/xml").gets(415, UNSUPPORTED, &[]),
        xml("XML that is no document", "<x/>").invalid(&["document-type /x"]),
        xml("XML that ends too early", "<EPCISDocument").invalid(&["syntax "]),
        xml("XML with a type of its own", "<!DOCTYPE x [<!ENTITY e \"e\">]><x>&e;</x>").invalid(&["dtd "]),
        scans("text").header("content-type", "text/plain; charset=utf-8").gets(415, UNSUPPORTED, &[]),
        Row::post("an error behaviour that is none", "/capture", &json!({}))
            .header("gs1-capture-error-behaviour", "maybe")
            .invalid(&[]),
        Row::get("an answer as a table", "/events").header("accept", "text/csv").gets(406, UNACCEPTABLE, &[]),
        Row::get("identifiers in a form of the asker's", "/events").header("gs1-epc-format", "Always_Short").gets(
            406,
            UNACCEPTABLE,
            &[],
        ),
        Row::get("an address without end", &format!("/v1/verify?code={}", "1".repeat(20_000))).gets(
            414,
            URI_TOO_LONG,
            &[],
        ),
        scans("a place of another, with the right token").by("agent").forbidden(&[
            "not-entitled /step",
            "foreign-place /place",
            "foreign-prefix /items/0/code",
        ]),
        Row::post("a notice for another's place", "/v1/notices", &crate::notices::place(FACTORY, "factory", 2))
            .by("agent")
            .forbidden(&["not-signed-by /party"]),
    ])
}

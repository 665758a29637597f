//! Questions that cannot be answered.

use medtrace_tests::county::{FACTORY, STENT};
use serde_json::{Value, json};

use crate::row::{NO_NAME, NO_RESOURCE, Row};

pub fn rows() -> Vec<Row> {
    let get = |what, path: &str| Row::get(what, path);
    let ask = |what, path: &str, body: Value| Row::post(what, path, &body);
    let stent = format!("(01){STENT}(21)1");
    vec![
        // Verdicts. An unreadable code is a verdict, not an error: the journey asks for it.
        get("verify what", "/v1/verify").wrong_parameter(&["missing /code"]),
        get("verify with an unknown parameter", "/v1/verify?code=1&colour=red")
            .wrong_parameter(&["unknown-parameter /colour"]),
        get("verify a code twice", "/v1/verify?code=1&code=2").wrong_parameter(&["twice /code"]),
        get("verify at no place", &format!("/v1/verify?code={stent}&place=here")).invalid(&["uri /place"]),
        get("verify for no purpose", &format!("/v1/verify?code={stent}&purpose=fun"))
            .wrong_parameter(&["value /purpose"]),
        ask("verify nothing", "/v1/verify", json!({})).invalid(&["missing "]),
        ask("verify one and many", "/v1/verify", json!({"code": stent, "codes": [stent]})).invalid(&["missing "]),
        ask("verify none", "/v1/verify", json!({"codes": []})).invalid(&["count /codes"]),
        ask("verify 501", "/v1/verify", json!({"codes": vec![stent.clone(); 501]})).invalid(&["count /codes"]),
        ask("verify a number", "/v1/verify", json!({"code": 7})).invalid(&["malformed /code"]),
        ask("verify with an unknown member", "/v1/verify", json!({"code": stent, "colour": "red"}))
            .invalid(&["malformed /colour"]),
        ask("verify a code without end", "/v1/verify", json!({"code": "1".repeat(5_000)})).invalid(&["too-long /code"]),
        ask(
            "verify at a place with a wrong check digit",
            "/v1/verify",
            json!({"code": stent, "place": "9506000100013"}),
        )
        .invalid(&["check-digit /place"]),
        Row::bytes("verify twice", "/v1/verify", r#"{"code":"1","code":"2"}"#).invalid(&["duplicate-member /code"]),
        // Provenance.
        get("the way of what", "/v1/provenance").wrong_parameter(&["missing /code"]),
        get("the way of no code", "/v1/provenance?code=hello").wrong_parameter(&["not-a-code /code"]),
        get("the way at no time", &format!("/v1/provenance?code={stent}&at=noon")).wrong_parameter(&["time /at"]),
        get("the way at a time without a zone", &format!("/v1/provenance?code={stent}&at=2026-03-01T08:00:00"))
            .wrong_parameter(&["time /at"]),
        get("the way as known never", &format!("/v1/provenance?code={stent}&known=soon"))
            .wrong_parameter(&["time /known"]),
        get("the way as known to come", &format!("/v1/provenance?code={stent}&known=999999"))
            .wrong_parameter(&["range /known"]),
        get("the way as known before anything", &format!("/v1/provenance?code={stent}&known=1999-01-01T00:00:00Z"))
            .wrong_parameter(&["range /known"]),
        // Deliveries.
        get("deliveries in no state", "/v1/deliveries?state=lost").wrong_parameter(&["value /state"]),
        get("deliveries to nowhere", "/v1/deliveries?to=9506000100013").wrong_parameter(&["check-digit /to"]),
        get("a page of nothing", "/v1/deliveries?perPage=0").wrong_parameter(&["range /perPage"]),
        get("a page of everything", "/v1/deliveries?perPage=100000").wrong_parameter(&["range /perPage"]),
        get("a cursor that nobody gave", "/v1/deliveries?cursor=x").wrong_parameter(&["cursor /cursor"]),
        get("a delivery that is not there", "/v1/deliveries/999999-0").not_there(),
        ask("a check of no delivery", "/v1/deliveries/999999-0/check", json!({"codes": [stent]})).not_there(),
        // Reach and recalls.
        get("reach of what", "/v1/reach").wrong_parameter(&["missing /gtin"]),
        get("reach of a wrong check digit", "/v1/reach?gtin=09506000100013").wrong_parameter(&["check-digit /gtin"]),
        get("reach of an unknown product", "/v1/reach?product=nothing").not_there(),
        get("recalls in no state", "/v1/recalls?state=forgotten").wrong_parameter(&["value /state"]),
        get("a recall that is not there", "/v1/recalls/nothing").not_there(),
        get("the reach of no recall", "/v1/recalls/nothing/reach").not_there(),
        // Evidence.
        get("a block to come", "/v1/blocks/999999").not_there(),
        get("a block of no number", "/v1/blocks/first").invalid(&[]),
        get("blocks without end", "/v1/blocks?limit=100000").wrong_parameter(&["range /limit"]),
        get("blocks from no number", "/v1/blocks?from=first").wrong_parameter(&["range /from"]),
        get("events of what", "/v1/events").wrong_parameter(&[]),
        get("an event key that is none", "/v1/events?key=x").wrong_parameter(&["key /key"]),
        get("an event of no name", "/v1/events/first").invalid(&[]),
        get("an event to come", "/v1/events/999999-0").not_there(),
        get("a proof to come", "/v1/events/999999-0/proof").not_there(),
        get("a proof of no name", "/v1/events/first/proof").invalid(&[]),
        get("duplicates of no party", "/v1/duplicates?party=No%20body").wrong_parameter(&["party /party"]),
        get("duplicates behind nothing", "/v1/duplicates?cursor=x").wrong_parameter(&["cursor /cursor"]),
        get("live since when", "/v1/live").header("last-event-id", "yesterday").invalid(&[]),
        // EPCIS.
        get("an unknown parameter", "/events?EQ_colour=red").wrong_parameter(&["unknown-parameter /EQ_colour"]),
        get("a parameter twice", "/events?EQ_action=ADD&EQ_action=OBSERVE").wrong_parameter(&["twice /EQ_action"]),
        get("a step of nobody", "/events?EQ_bizStep=shiping").wrong_parameter(&["value /EQ_bizStep"]),
        get("a time without a zone", "/events?GE_eventTime=2026-03-01").wrong_parameter(&["time /GE_eventTime"]),
        get("an identifier that is none", "/events?MATCH_epc=hello").wrong_parameter(&["value /MATCH_epc"]),
        get("no events a page", "/events?perPage=0").wrong_parameter(&["range /perPage"]),
        get("501 events a page", "/events?perPage=501").wrong_parameter(&["range /perPage"]),
        get("a token that nobody gave", "/events?nextPageToken=x").wrong_parameter(&["token /nextPageToken"]),
        get("an event that is not there", "/events/urn:uuid:0190e0a0-0000-4000-8000-00000000ffff").gets(
            404,
            NO_RESOURCE,
            &[],
        ),
        get("master data as SOAP has it", "/queries/SimpleMasterDataQuery/events").gets(404, NO_NAME, &[]),
        get("jobs with an unknown parameter", "/capture?page=1").by("factory").wrong_parameter(&[]),
        get("deliveries with an unknown parameter", &format!("/v1/deliveries?from={FACTORY}"))
            .wrong_parameter(&["unknown-parameter /from"]),
    ]
}

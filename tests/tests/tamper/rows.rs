//! Rows of the store changed by somebody who has its password.

use std::fs;

use anyhow::{Context, ensure};
use medtrace_tests::{
    Client,
    codes::uri,
    county::{County, STENT},
    tool::{FINDING, medtrace},
};
use medtrace_tool::stack::Endpoints;

use crate::clean;

/// What somebody does to the store, and the table that the audit must name.
const CHANGES: &[(&str, &str, &str)] = &[
    ("a fact is gone", "fact", "DELETE FROM fact WHERE id = 'T7'"),
    ("a stent is used", "lot_item", "ALTER TABLE lot_item UPDATE condition = 'dispensed' WHERE id = 'T7'"),
    ("an event happened elsewhere", "event", "ALTER TABLE event UPDATE read_point = 'urn:x:1' WHERE step = 'shipping'"),
    (
        "a note reads otherwise",
        "submission",
        "ALTER TABLE submission UPDATE note = concat(note, ' ') WHERE ordinal = 0",
    ),
    (
        "a box holds one more",
        "containment",
        "INSERT INTO containment SELECT * REPLACE ('X' AS child_id) FROM containment LIMIT 1",
    ),
    ("a shipment goes elsewhere", "delivery", "ALTER TABLE delivery UPDATE destinations = ['urn:x:1'] WHERE 1"),
];

/// Changes one after the other, each of which must be named; then derives them anew.
pub async fn changed(county: &County) -> anyhow::Result<()> {
    clean(&county.stack)?;
    let endpoints = county.stack.endpoints()?;
    for (what, table, sql) in CHANGES {
        execute(&endpoints, sql).await.with_context(|| (*what).to_owned())?;
        let audit = medtrace(Some(county.stack.data()), &["audit"])?;
        assert_eq!(audit.code, Some(FINDING), "{what}: {audit:?}");
        let found = audit.json()?;
        let differences = found["rows"]["differences"].as_array().cloned().unwrap_or_default();
        assert!(differences.iter().any(|row| row["table"] == *table), "{what}: {table} is not named: {found}");
        assert_eq!(found["chain"]["findings"], serde_json::json!([]), "{what}: the chain is sound");
    }
    // A rebuild derives what should be there, and the audit is clean again.
    let rebuilt = medtrace(Some(county.stack.data()), &["rebuild"])?;
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
    clean(&county.stack)?;
    let answer = county.query.verify(&uri::item(STENT, "T7")).await?;
    assert_eq!(answer["verdict"], "accept", "{answer}");
    Ok(())
}

async fn execute(endpoints: &Endpoints, sql: &str) -> anyhow::Result<()> {
    let password = fs::read_to_string(&endpoints.clickhouse_password_file)?;
    let client = Client::new(&endpoints.clickhouse, None)?;
    let path = format!("/?database={}&mutations_sync=2", endpoints.clickhouse_database);
    let answer = client
        .send(reqwest::Method::POST, &path, |request| {
            request.basic_auth(&endpoints.clickhouse_user, Some(password.trim())).body(sql.to_owned())
        })
        .await?;
    ensure!(answer.status == 200, "{sql}: {}: {}", answer.status, answer.text());
    Ok(())
}

//! `GET /v1/positions`: how far the log is indexed.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::item::time_of_ms;

/// `{"height", "time", "positions": {"scan-events": [next offset of each partition]}}`.
pub async fn positions(State(app): State<App>) -> Json<Value> {
    let snapshot = app.view.now();
    let mut topics: Map<String, Value> = Map::new();
    for ((topic, partition), next) in &snapshot.positions {
        let offsets = topics.entry(topic).or_insert_with(|| json!([]));
        if let Value::Array(offsets) = offsets {
            offsets.resize((*partition as usize).max(offsets.len()), json!(0));
            offsets.push(json!(next));
        }
    }
    let time = snapshot.height.map(|_| time_of_ms(snapshot.time_ms));
    Json(json!({ "height": snapshot.height, "time": time, "positions": topics }))
}

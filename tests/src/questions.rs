//! The questions of the query service, each as one call.

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    Client, Placed,
    wait::{SOON_MS, until},
};

impl Client {
    /// Waits until a submission is indexed; the height that the index then has.
    pub async fn until_indexed(&self, placed: &Placed) -> anyhow::Result<u64> {
        let indexed = async || {
            let answer = self.ask("/v1/positions", &[]).await?;
            let next = answer["positions"][&placed.topic][placed.partition].as_u64();
            Ok(next.filter(|next| *next > placed.offset).and(answer["height"].as_u64()))
        };
        until(&format!("{placed:?} to be indexed"), SOON_MS, indexed).await
    }

    /// The height of the newest block that answers reflect.
    pub async fn height(&self) -> anyhow::Result<u64> {
        self.ask("/v1/positions", &[]).await?["height"].as_u64().context("the index is empty")
    }

    /// The verdict on one code.
    pub async fn verify(&self, code: &str) -> anyhow::Result<Value> {
        self.post("/v1/verify", &json!({ "code": code })).await?.good()
    }

    /// The verdict on one code for somebody at a place; `purpose` is `receive`, `use` or `ask`.
    pub async fn verify_at(&self, code: &str, place: &str, purpose: &str) -> anyhow::Result<Value> {
        self.post("/v1/verify", &json!({ "code": code, "place": place, "purpose": purpose })).await?.good()
    }

    /// The way of a thing as true at `at` (RFC 3339) and as known at `known` (a height).
    pub async fn provenance(&self, code: &str, at: Option<&str>, known: Option<u64>) -> anyhow::Result<Value> {
        let known = known.map(|height| height.to_string());
        let mut query = vec![("code", code)];
        query.extend(at.map(|at| ("at", at)));
        query.extend(known.as_deref().map(|known| ("known", known)));
        self.ask("/v1/provenance", &query).await
    }

    /// The events with this eventID, as `/v1/events` answers them.
    pub async fn events(&self, event_id: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.ask("/v1/events", &[("eventID", event_id)]).await?;
        Ok(answer["events"].as_array().cloned().unwrap_or_default())
    }

    /// The name `<height>-<idx>` of the first event with this eventID.
    pub async fn name_of(&self, event_id: &str) -> anyhow::Result<String> {
        let events = self.events(event_id).await?;
        let name = events.first().and_then(|event| event["event"].as_str());
        name.map(str::to_owned).with_context(|| format!("no event {event_id} is indexed"))
    }

    /// The proof file of an event, once a signed checkpoint covers it.
    pub async fn proof(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("/v1/events/{name}/proof");
        let proof = async || {
            let answer = self.get(&path, &[]).await?;
            match answer.status {
                200 => Ok(Some(answer.text())),
                503 => Ok(None),
                status => anyhow::bail!("{path} answered {status}: {}", answer.text()),
            }
        };
        until(&format!("the proof of {name}"), SOON_MS, proof).await
    }
}

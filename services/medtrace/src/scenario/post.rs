//! Posting in a party's name, and waiting until it is indexed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::{StreamExt, TryStreamExt, stream};
use medtrace_ledger::{Note, Receipt};
use medtrace_service::Problem;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::stack::Layout;

/// Scan requests of one post, and codes in all of them: well below the limits of events, identifiers and bytes.
const REQUESTS_PER_POST: usize = 200;
const CODES_PER_POST: usize = 10_000;
/// Posts under way at a time.
const POSTS_AT_ONCE: usize = 4;
/// Longest wait until what was posted is indexed, milliseconds.
const INDEXED_MS_MAX: u64 = 600_000;
/// Pause between two looks, milliseconds.
const LOOK_PAUSE_MS: u64 = 25;

/// Posts through the query service, remembers how far the log must be indexed.
pub struct Poster {
    layout: Layout,
    url: String,
    /// Offset of the last record by topic and partition.
    posted: BTreeMap<(String, usize), u64>,
}

impl Poster {
    pub fn new(layout: Layout, url: String) -> Poster {
        Poster { layout, url, posted: BTreeMap::new() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn client(&self, party: &str) -> anyhow::Result<Client> {
        let token = std::fs::read_to_string(self.layout.token(party))
            .with_context(|| format!("failed to read the token of {party}"))?;
        Client::new(&self.url, Some(token.trim().to_owned()))
    }

    /// One notice, signed by the service for the party; one that is in force already is left as it is.
    pub async fn notice(&mut self, party: &str, notice: Value) -> anyhow::Result<()> {
        match self.client(party)?.post_json("/v1/notices", &notice).await {
            Ok(answer) => self.remember(&answer),
            Err(error) if is_said_already(&error) => Ok(()),
            Err(error) => Err(error.context(format!("failed to post a notice of {party}"))),
        }
    }

    /// Scan requests of one party; `each` is told how many went out.
    pub async fn scans(&mut self, party: &str, scans: Vec<Value>, each: impl Fn(u64)) -> anyhow::Result<()> {
        let client = self.client(party)?;
        let posts = batches(scans).into_iter().map(|some| {
            let (client, count, body) = (client.clone(), some.len(), Value::Array(some));
            async move { anyhow::Ok((client.post_json("/v1/scans", &body).await?, count)) }
        });
        let mut posts = stream::iter(posts).buffer_unordered(POSTS_AT_ONCE);
        while let Some((answer, count)) = posts.try_next().await? {
            self.remember(&answer)?;
            each(count as u64);
        }
        Ok(())
    }

    fn remember(&mut self, answer: &Value) -> anyhow::Result<()> {
        for result in answer["results"].as_array().into_iter().flatten() {
            let Some(receipt) = result["receipt"].as_str() else { continue };
            let note = Note::parse(receipt).context("failed to read a receipt")?;
            let receipt = Receipt::parse(note.text()).context("failed to read a receipt")?;
            let last = self.posted.entry((receipt.topic.to_string(), receipt.partition as usize)).or_default();
            *last = (*last).max(receipt.offset);
        }
        Ok(())
    }

    /// Waits until everything posted is indexed; says at which height.
    pub async fn indexed(&self) -> anyhow::Result<u64> {
        let client = Client::new(&self.url, None)?;
        let deadline = Instant::now() + Duration::from_millis(INDEXED_MS_MAX);
        while Instant::now() < deadline {
            let positions = client.get("/v1/positions", &[]).await?;
            let reached = |((topic, partition), last): (&(String, usize), &u64)| {
                positions["positions"][topic][*partition].as_u64().is_some_and(|next| next > *last)
            };
            if let Some(height) = positions["height"].as_u64()
                && self.posted.iter().all(reached)
            {
                return Ok(height);
            }
            sleep(Duration::from_millis(LOOK_PAUSE_MS)).await;
        }
        bail!("what was posted is not indexed after {INDEXED_MS_MAX} ms")
    }
}

/// Cuts a list so that each part is within the limits; a request that is beyond them stands alone.
fn batches(scans: Vec<Value>) -> Vec<Vec<Value>> {
    let mut batches: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for scan in scans {
        let codes = scan["items"].as_array().map_or(0, Vec::len);
        match batches.last_mut().filter(|batch| batch.len() < REQUESTS_PER_POST && codes <= room) {
            Some(batch) => batch.push(scan),
            None => {
                room = CODES_PER_POST;
                batches.push(vec![scan]);
            }
        }
        room = room.saturating_sub(codes);
    }
    batches
}

/// Refused because the same was said before: the scenario is played again.
fn is_said_already(error: &anyhow::Error) -> bool {
    let problem = error.chain().find_map(|cause| cause.downcast_ref::<Problem>());
    problem.is_some_and(|problem| problem.errors.iter().any(|violation| violation.code.starts_with("revision")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_post_has_neither_too_many_requests_nor_too_many_codes() {
        let scans = |count, codes: usize| -> Vec<Value> { vec![json!({ "items": vec![0; codes] }); count] };
        let lengths = |scans| batches(scans).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(scans(450, 1)), [200, 200, 50]);
        assert_eq!(lengths(scans(45, 500)), [20, 20, 5]);
        assert_eq!(lengths(scans(2, 30_000)), [1, 1]);
        assert_eq!(lengths([scans(1, 9_999), scans(3, 1)].concat()), [2, 2]);
    }
}

//! A party that speaks: scans, EPCIS documents, notices, each with its receipt.

use anyhow::{Context, ensure};
use medtrace_ledger::{Note, Receipt};
use medtrace_tool::stack::{Endpoints, INGEST};
use serde_json::{Value, json};

use crate::{
    Client, Scan,
    wait::{SOON_MS, until},
};

/// A party with its token, at the one base URL that clients need.
#[derive(Debug, Clone)]
pub struct Speaker {
    pub party: String,
    pub client: Client,
    endpoints: Endpoints,
}

/// Where the log has taken a submission, as its receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub topic: String,
    pub partition: usize,
    pub offset: u64,
}

/// The place that a signed receipt names.
pub fn placed(receipt: &str) -> anyhow::Result<Placed> {
    let note = Note::parse(receipt).context("failed to read the receipt's note")?;
    let receipt = Receipt::parse(note.text()).context("failed to read the receipt")?;
    Ok(Placed { topic: receipt.topic.to_string(), partition: receipt.partition as usize, offset: receipt.offset })
}

impl Speaker {
    pub fn new(endpoints: Endpoints, party: &str, token: &str) -> anyhow::Result<Speaker> {
        Ok(Speaker { party: party.to_owned(), client: Client::new(&endpoints.query, Some(token))?, endpoints })
    }

    /// The same party at one of the ingest services itself.
    pub fn at(&self, service: &str) -> Speaker {
        let base = match service {
            "manufacturer" => &self.endpoints.manufacturer,
            "distributor" => &self.endpoints.distributor,
            "hospital" => &self.endpoints.hospital,
            _ => &self.endpoints.query,
        };
        let mut there = self.clone();
        there.client.base.clone_from(base);
        there
    }

    /// Posts scans in one request, all of which must be accepted.
    pub async fn scan(&self, scans: &[Scan]) -> anyhow::Result<Placed> {
        let body = scans.iter().map(|scan| scan.0.clone()).collect();
        self.taken("/v1/scans", &body).await
    }

    /// Posts notices in one request, all of which must be accepted.
    pub async fn notices(&self, notices: &[Value]) -> anyhow::Result<Placed> {
        self.taken("/v1/notices", &json!(notices)).await
    }

    /// Posts what answers with results and a receipt.
    pub async fn taken(&self, path: &str, body: &Value) -> anyhow::Result<Placed> {
        let answer = self.client.post(path, body).await?.good()?;
        placed(answer["results"][0]["receipt"].as_str().context("the answer has no receipt")?)
    }

    /// Captures a document and waits for the end of its job, which it returns.
    pub async fn capture(&self, document: Vec<u8>) -> anyhow::Result<Value> {
        self.captured(document, |job| job["running"] == false).await
    }

    /// Captures a document and waits until the log has taken all of it, or its job has failed.
    pub async fn capture_into_log(&self, document: Vec<u8>) -> anyhow::Result<Value> {
        self.captured(document, |job| job["running"] == false || job["receipts"] != json!([])).await
    }

    async fn captured(&self, document: Vec<u8>, far_enough: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let answer = self.client.post_bytes("/capture", "application/ld+json", document).await?;
        ensure!(answer.status == 202, "/capture answered {}: {}", answer.status, answer.text());
        let job = answer.header("location").context("a capture has the Location of its job")?.to_owned();
        let far = async || {
            let job = self.client.ask(&job, &[]).await?;
            Ok(far_enough(&job).then_some(job))
        };
        until("a capture job to proceed", SOON_MS, far).await
    }

    /// Waits until a notice is in force: indexed, and followed by every ingest service.
    pub async fn until_in_force(&self, notice: &Placed) -> anyhow::Result<()> {
        let height = self.client.until_indexed(notice).await?;
        for service in INGEST {
            let admin = self.endpoints.admin.get(service).with_context(|| format!("{service} has no admin port"))?;
            let admin = Client::new(admin, None)?;
            let follows = async || {
                let ready = admin.get("/readyz", &[]).await?.json()?;
                Ok(ready["height"].as_u64().filter(|reached| *reached >= height).map(drop))
            };
            until(&format!("{service} to follow to block {height}"), SOON_MS, follows).await?;
        }
        Ok(())
    }
}

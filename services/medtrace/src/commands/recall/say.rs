//! What is said of recalls: notices, signed by the ingest service under the party's hosted key.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use medtrace_registry::Notice;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::Client,
    context::{Context, Done, Outcome},
    output::Tone,
};

/// Longest wait until a notice is in force, in milliseconds.
const IN_FORCE_MS_MAX: u64 = 10_000;
/// Pause between two looks, in milliseconds.
const LOOK_PAUSE_MS: u64 = 50;

#[derive(Debug, clap::Args)]
pub struct Issue {
    /// The recall's id, chosen by who issues it
    pub recall: String,
    /// 1 (gravest) to 3
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub class: u8,
    /// The product, by its GTIN
    #[arg(long, required_unless_present = "product", conflicts_with = "product")]
    pub gtin: Option<String>,
    /// The product, by the id of its notice: all of its codes
    #[arg(long)]
    pub product: Option<String>,
    /// A lot, exactly as printed; may be repeated
    #[arg(long = "lot", value_name = "LOT")]
    pub lots: Vec<String>,
    /// Serials FROM..TO, both included and of the same length; may be repeated
    #[arg(long = "serials", value_name = "FROM..TO", value_parser = parse_range)]
    pub serials: Vec<(String, String)>,
    /// Every pack of the product
    #[arg(long, required_unless_present_any = ["lots", "serials"], conflicts_with_all = ["lots", "serials"])]
    pub all: bool,
    /// Why
    #[arg(long)]
    pub reason: String,
    /// What a holder must do
    #[arg(long)]
    pub instructions: String,
    /// Where it applies: an ISO 3166 region such as CN or CN-43
    #[arg(long, value_name = "REGION")]
    pub jurisdiction: String,
    /// From when the clocks run (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub effective: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Ack {
    /// The recall's id
    pub recall: String,
    /// How far
    #[arg(long)]
    pub status: Status,
    /// How many packs that is about
    #[arg(long)]
    pub quantity: Option<u32>,
    /// Free words, never about a patient
    #[arg(long)]
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Status {
    /// Read and understood; looking for the goods
    Received,
    /// Holds none of it
    None,
    /// Set aside
    Quarantined,
    /// Sent back
    Returned,
    Destroyed,
    /// Used on patients before the recall arrived
    Used,
    /// Not to be found
    Unaccounted,
}

#[derive(Debug, clap::Args)]
pub struct End {
    /// The recall's id
    pub recall: String,
    /// Why
    #[arg(long)]
    pub reason: String,
}

impl Issue {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client_with_token()?;
        let effective = self.effective.clone().unwrap_or_else(|| {
            let now = jiff::Timestamp::now();
            jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
        });
        let mut scope = json!({});
        scope["gtin"] = json!(self.gtin);
        scope["product"] = json!(self.product);
        scope["lots"] = json!(self.lots);
        scope["serials"] = self.serials.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
        scope["all"] = json!(self.all);
        let notice = json!({
            "type": "recall", "recall": self.recall, "revision": revision(&client, &self.recall).await? + 1,
            "action": "issue", "class": self.class, "scope": [scope], "reason": both(&self.reason),
            "instructions": both(&self.instructions), "jurisdiction": self.jurisdiction, "effective": effective,
        });
        say(context, &client, notice).await
    }
}

impl End {
    /// `action` is `lift` or `close`.
    pub async fn run(self, context: &Context, action: &str) -> Done {
        let client = context.client_with_token()?;
        let notice = json!({
            "type": "recall", "recall": self.recall, "revision": revision(&client, &self.recall).await? + 1,
            "action": action, "reason": both(&self.reason),
        });
        say(context, &client, notice).await
    }
}

impl Ack {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client_with_token()?;
        let party = context.party()?.as_str();
        let revision = answered(&client, &self.recall, party).await? + 1;
        let status = self.status.to_possible_value();
        let notice = json!({
            "type": "acknowledgement", "recall": self.recall, "party": party, "revision": revision,
            "status": status.as_ref().map(|status| status.get_name()), "quantity": self.quantity, "note": self.note,
        });
        say(context, &client, notice).await
    }
}

/// Checks the notice's shape here, posts it, and waits until it is in force.
async fn say(context: &Context, client: &Client, notice: Value) -> Done {
    let notice = Notice::read(notice.to_string().as_bytes()).map_err(|refusals| {
        let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", reasons.join("\n"))
    });
    let notice = notice.context("failed to accept the notice")?;
    let body: Value = serde_json::from_slice(&notice.to_jcs())?;
    let answer = client.post_json("/v1/notices", &body).await?;
    in_force(client, &notice).await?;
    context.out.show(&answer, |out| out.line(format!("{}  {}", out.tone(Tone::Good, "in force"), notice.subject())))?;
    Ok(Outcome::Fine)
}

/// Waits until the query service answers with this revision.
async fn in_force(client: &Client, notice: &Notice) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_millis(IN_FORCE_MS_MAX);
    while Instant::now() < deadline {
        let revision = match notice {
            Notice::Acknowledgement(answer) => answered(client, answer.recall.as_str(), answer.party.as_str()).await?,
            Notice::Recall(recall) => revision(client, recall.recall.as_str()).await?,
            other => bail!("{} is not about a recall", other.subject()),
        };
        if revision >= u64::from(notice.revision()) {
            return Ok(());
        }
        sleep(Duration::from_millis(LOOK_PAUSE_MS)).await;
    }
    bail!("the log has taken the notice, but it is not in force after {IN_FORCE_MS_MAX} ms; see `medtrace health`")
}

/// Revision of the recall's last notice; 0 if there is none.
async fn revision(client: &Client, recall: &str) -> anyhow::Result<u64> {
    let found = client.find(&format!("/v1/recalls/{recall}"), &[]).await?;
    Ok(found.and_then(|recall| recall["revision"].as_u64()).unwrap_or(0))
}

/// Revision of a holder's last answer; 0 if there is none.
async fn answered(client: &Client, recall: &str, party: &str) -> anyhow::Result<u64> {
    let answers = client.get(&format!("/v1/recalls/{recall}/acknowledgements"), &[]).await?;
    let answers = answers["acknowledgements"].as_array().into_iter().flatten();
    let mine = answers.filter(|answer| answer["party"] == party);
    Ok(mine.filter_map(|answer| answer["revision"].as_u64()).max().unwrap_or(0))
}

fn both(words: &str) -> Value {
    json!({"zh-CN": words, "en": words})
}

fn parse_range(text: &str) -> Result<(String, String), String> {
    match text.split_once("..") {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("write it FROM..TO".to_owned()),
    }
}

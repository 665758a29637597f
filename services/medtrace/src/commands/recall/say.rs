//! What is said of recalls: notices, signed by the ingest service under the party's hosted key.

use anyhow::Context as _;
use clap::ValueEnum;
use medtrace_registry::Notice;
use serde_json::{Value, json};

use crate::{
    client::Client,
    commands::show::words,
    context::{Context, Done, Outcome},
    output::Tone,
};

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
            "type": "recall", "recall": self.recall, "revision": next_revision(&client, &self.recall).await?,
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
            "type": "recall", "recall": self.recall, "revision": next_revision(&client, &self.recall).await?,
            "action": action, "reason": both(&self.reason),
        });
        say(context, &client, notice).await
    }
}

impl Ack {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client_with_token()?;
        let party = context.party()?.as_str();
        let path = format!("/v1/recalls/{}/acknowledgements", self.recall);
        let answers = client.get(&path, &[]).await?;
        let mine =
            answers["acknowledgements"].as_array().into_iter().flatten().filter(|answer| answer["party"] == party);
        // An answer that does not tell its revision is the first one.
        let revision = mine.map(|answer| answer["revision"].as_u64().unwrap_or(1)).max().unwrap_or(0) + 1;
        let status = self.status.to_possible_value();
        let notice = json!({
            "type": "acknowledgement", "recall": self.recall, "party": party, "revision": revision,
            "status": status.as_ref().map(|status| status.get_name()), "quantity": self.quantity, "note": self.note,
        });
        say(context, &client, notice).await
    }
}

/// Checks the notice's shape here, posts it, tells the receipt.
async fn say(context: &Context, client: &Client, notice: Value) -> Done {
    let notice = Notice::read(notice.to_string().as_bytes()).map_err(|refusals| {
        let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", reasons.join("\n"))
    });
    let notice: Value = serde_json::from_slice(&notice.context("failed to accept the notice")?.to_jcs())?;
    let answer = client.post_json("/v1/notices", &notice).await?;
    context.out.show(&answer, |out| {
        let what = out.tone(Tone::Good, "taken by the log");
        out.line(format!("{what}: {} {}", words(&notice["type"]), words(&notice["recall"])))
    })?;
    Ok(Outcome::Fine)
}

/// One more than the recall's notices so far.
async fn next_revision(client: &Client, recall: &str) -> anyhow::Result<u64> {
    let found = client.find(&format!("/v1/recalls/{recall}"), &[]).await?;
    let before = found.map_or(0, |recall| recall["history"].as_array().map_or(0, Vec::len));
    Ok(before as u64 + 1)
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

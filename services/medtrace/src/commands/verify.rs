//! `medtrace verify`: may these packs be accepted, and if not, why.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    commands::show::{text, words},
    context::{Context, Done, Outcome},
    output::{Output, Tone},
};

#[derive(Debug, clap::Args)]
pub struct Verify {
    /// Codes as scanned or printed: GS1 element strings, Digital Links, SSCC, EPC URNs, the 20-digit Chinese code
    #[arg(required = true, value_name = "CODE")]
    pub codes: Vec<String>,
    /// Where the pack is now: GLN or URI
    #[arg(long, value_name = "GLN")]
    pub place: Option<String>,
    /// What it is asked for [default: receive if a place is given, else ask]
    #[arg(long)]
    pub purpose: Option<Purpose>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Purpose {
    Receive,
    Use,
    Ask,
}

impl Verify {
    pub async fn run(self, context: &Context) -> Done {
        let mut request = json!({"codes": self.codes});
        if let Some(place) = &self.place {
            request["place"] = json!(place);
        }
        if let Some(purpose) = self.purpose.and_then(|purpose| purpose.to_possible_value()) {
            request["purpose"] = json!(purpose.get_name());
        }
        let answer = context.client()?.post_json("/v1/verify", &request).await?;
        let verdicts = answer["verdicts"].as_array().cloned().unwrap_or_default();
        anyhow::ensure!(verdicts.len() == self.codes.len(), "the answer has not one verdict for each code");
        context.out.show(&answer, |out| {
            verdicts.iter().try_for_each(|verdict| show(out, verdict))?;
            out.line(
                out.tone(Tone::Quiet, format!("as of block {}; {}", answer["height"], words(&verdicts[0]["note"]))),
            )
        })?;
        let rejected = verdicts.iter().any(|verdict| verdict["verdict"] == "reject");
        Ok(if rejected { Outcome::Finding } else { Outcome::Fine })
    }
}

fn show(out: &Output, verdict: &Value) -> anyhow::Result<()> {
    let word = words(&verdict["verdict"]);
    let tone = match word.as_str() {
        "accept" => Tone::Good,
        "check" => Tone::Doubtful,
        _ => Tone::Bad,
    };
    out.line(format!("{}  {}", out.tone(tone, word.to_uppercase()), words(&verdict["code"])))?;
    for reason in verdict["reasons"].as_array().into_iter().flatten() {
        let events: Vec<String> = reason["events"].as_array().into_iter().flatten().map(words).collect();
        let events = if events.is_empty() { String::new() } else { format!("  [{}]", events.join(", ")) };
        let code = out.tone(Tone::Quiet, words(&reason["code"]));
        out.line(format!("  {}  {code}{}", text(&reason["text"]), out.tone(Tone::Quiet, events)))?;
    }
    let item = &verdict["item"];
    if item.is_null() {
        return Ok(());
    }
    let name = match text(&item["placeName"]) {
        name if name.is_empty() => words(&item["place"]),
        name => name,
    };
    let facts = [
        ("product", text(&item["product"]["name"])),
        ("lot", words(&item["lot"])),
        ("serial", words(&item["serial"])),
        ("expiry", words(&item["expiry"])),
        ("state", words(&item["state"])),
        ("at", name),
        ("holder", words(&item["holder"])),
        ("inside", item["containers"].as_array().into_iter().flatten().map(words).collect::<Vec<_>>().join(" < ")),
    ];
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let line: Vec<String> = known.map(|(name, value)| format!("{} {value}", out.tone(Tone::Quiet, name))).collect();
    out.line(format!("  {}", line.join("  ")))
}

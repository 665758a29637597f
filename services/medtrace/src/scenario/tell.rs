//! What a hospital and a regulator now see: each line is asked for and compared before it is told.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::Value;

use super::Script;
use super::cast::HOSPITAL;
use super::goods::GTIN;
use super::play::{MARKED, RECALL};
use crate::client::Client;

/// One line of the story, with the command that shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub who: &'static str,
    pub told: String,
    pub command: String,
    /// It is as the scenario made it. What was done since then may have changed it.
    pub holds: bool,
}

/// A serial number that the factory never gave out.
const COUNTERFEIT: u32 = 9_999_999;

/// A pack with its label, and the verdict that it must have, for one reason at least.
struct Case {
    told: &'static str,
    code: String,
    verdict: &'static str,
    reason: &'static str,
}

struct Teller<'a> {
    client: &'a Client,
    lines: Vec<Line>,
}

/// Asks everything and tells it. `genesis` is the file that proofs are checked against.
///
/// # Errors
/// If the implantation's event is not to be found. An answer that is not as the scenario made it is told as it is.
pub async fn tell(script: Script, before_late: u64, client: &Client, genesis: &Path) -> anyhow::Result<Vec<Line>> {
    let goods = script.goods();
    let (used, recalled) = (goods.used.name, goods.recalled.name);
    let case = |told, code, verdict, reason| Case { told, code, verdict, reason };
    let cases = [
        case("a pack in the store is genuine", goods.label(MARKED.in_store, used), "accept", "genuine"),
        case(
            "a counterfeit: this serial was never made",
            goods.label(COUNTERFEIT, used),
            "reject",
            "never-commissioned",
        ),
        case("one pack was recorded as implanted twice", goods.label(MARKED.used_twice, used), "reject", "used-twice"),
        case(
            "a pack that failed inspection by mistake is fine again",
            goods.label(MARKED.corrected, used),
            "accept",
            "corrected",
        ),
        case(
            "a pack of the recalled lot, still on the road",
            goods.label(goods.recalled.first, recalled),
            "reject",
            "recalled",
        ),
    ];
    let mut teller = Teller { client, lines: Vec::new() };
    for case in cases {
        teller.verdict(case).await;
    }
    teller.late(&goods.pack(MARKED.late), before_late).await;
    teller.delivery().await;
    teller.reach(goods.recalled.count, recalled).await;
    teller.proof(&goods.id("implant").to_string(), genesis).await?;
    let told = "every block, signature and row can be recomputed from the log".to_owned();
    teller.line("regulator", Ok(told), "medtrace audit".to_owned());
    Ok(teller.lines)
}

impl Teller<'_> {
    fn line(&mut self, who: &'static str, told: anyhow::Result<String>, command: String) {
        let holds = told.is_ok();
        let told = told.unwrap_or_else(|error| format!("no longer as it was played: {error:#}"));
        self.lines.push(Line { who, told, command, holds });
    }

    async fn verdict(&mut self, case: Case) {
        let place = HOSPITAL.gln(0);
        let told = self.is_judged(&case, &place).await;
        self.line("hospital", told, format!("medtrace verify '{}' --place {place}", case.code));
    }

    async fn is_judged(&self, Case { told, code, verdict, reason }: &Case, place: &str) -> anyhow::Result<String> {
        let answer = self.client.get("/v1/verify", &[("code", code), ("place", place)]).await?;
        let reasons: Vec<&str> = list(&answer["reasons"]).filter_map(|r| r["code"].as_str()).collect();
        let (found, reasons_found) = (answer["verdict"].as_str().unwrap_or_default(), reasons.join(", "));
        ensure!(
            found == *verdict && reasons.contains(reason),
            "{told}: {verdict} ({reason}) was expected, now {found} ({reasons_found})"
        );
        Ok(format!("{told}: {verdict} ({reasons_found})"))
    }

    /// Before its packing was reported, nobody knew how the late case travelled.
    async fn late(&mut self, code: &str, before: u64) {
        let command = format!("medtrace trace '{code}'; medtrace trace '{code}' --known {before}");
        let told = self.came_late(code, before).await;
        self.line("hospital", told, command);
    }

    async fn came_late(&self, code: &str, before: u64) -> anyhow::Result<String> {
        let then = self.client.get("/v1/provenance", &[("code", code), ("known", &before.to_string())]).await?;
        let now = self.client.get("/v1/provenance", &[("code", code)]).await?;
        let hands = |answer: &Value| list(&answer["history"]).filter(|line| line["step"] == "receiving").count();
        let (then, now) = (hands(&then), hands(&now));
        ensure!(then < now, "the late packing event should add to the way of {code}: {then} and {now} receipts");
        Ok(format!("a packing event came late: {then} receipts were known of this pack, now {now}"))
    }

    async fn delivery(&mut self) {
        let to = HOSPITAL.gln(0);
        let told = self.has_arrived(&to).await;
        self.line("hospital", told, format!("curl '{}/v1/deliveries?to={to}'", self.client.base()));
    }

    async fn has_arrived(&self, to: &str) -> anyhow::Result<String> {
        let answer = self.client.get("/v1/deliveries", &[("to", to)]).await?;
        let states: Vec<&Value> = list(&answer["deliveries"]).map(|d| &d["state"]).collect();
        ensure!(states == ["received"], "the hospital should have received one delivery, got {states:?}");
        Ok("its delivery of 20 cases has arrived whole".to_owned())
    }

    async fn reach(&mut self, packs: u32, lot: &str) {
        let told = self.is_on_the_road(packs, lot).await;
        self.line("regulator", told, format!("medtrace recall reach {RECALL}"));
        let told = format!("who holds how many of any lot of {GTIN}");
        self.line("regulator", Ok(told), format!("curl '{}/v1/reach?gtin={GTIN}&lot={lot}'", self.client.base()));
    }

    async fn is_on_the_road(&self, packs: u32, lot: &str) -> anyhow::Result<String> {
        let answer = self.client.get(&format!("/v1/recalls/{RECALL}/reach"), &[]).await?;
        let amount = packs.to_string();
        let on_the_road = list(&answer["states"]).find(|s| s["state"] == "in_transit").map(|s| &s["amount"]);
        ensure!(
            answer["commissioned"] == *amount && on_the_road.is_some_and(|found| *found == *amount),
            "all {packs} packs of {lot} should be in transit, got {}",
            answer["states"]
        );
        let acknowledged = list(&answer["holders"]).filter(|h| !h["acknowledged"].is_null()).count();
        ensure!(acknowledged == 1, "one holder should have acknowledged, got {acknowledged}");
        Ok(format!("recall {RECALL} of lot {lot}: {packs} packs, all on the road, their holder has acknowledged"))
    }

    async fn proof(&mut self, id: &str, genesis: &Path) -> anyhow::Result<()> {
        let id = format!("urn:uuid:{id}");
        let answer = self.client.get("/v1/events", &[("eventID", &id)]).await?;
        let event = list(&answer["events"]).next().and_then(|e| e["event"].as_str()).map(str::to_owned);
        let event = event.with_context(|| format!("the implantation {id} is not to be found"))?;
        let told = "who implanted it, when and where, with a proof that anybody checks offline".to_owned();
        let check = format!("medtrace proof check implant.proof --genesis {}", genesis.display());
        self.line("regulator", Ok(told), format!("medtrace proof get {event} -o implant.proof && {check}"));
        Ok(())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

//! What a hospital and a regulator now see: each line is asked for and compared before it is told.

use anyhow::ensure;
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
}

#[derive(Debug, Clone, Serialize)]
pub struct Story {
    pub lines: Vec<Line>,
}

struct Teller<'a> {
    client: &'a Client,
    lines: Vec<Line>,
}

/// Asks everything and tells it.
///
/// # Errors
/// The first answer that is not as the scenario made it.
pub async fn tell(script: Script, before_late: u64, client: &Client) -> anyhow::Result<Story> {
    let goods = script.goods();
    let store = HOSPITAL.gln(0);
    let mut teller = Teller { client, lines: Vec::new() };
    let used = goods.used.name;

    let good = goods.label(MARKED.in_store, used);
    teller.verdict("hospital", &good, &store, "accept", "genuine", "a pack in the store is genuine").await?;
    let fake = goods.label(9_999_999, used);
    teller
        .verdict("hospital", &fake, &store, "reject", "never-commissioned", "a counterfeit: this serial was never made")
        .await?;
    let twice = goods.label(MARKED.used_twice, used);
    teller
        .verdict("hospital", &twice, &store, "reject", "used-twice", "one pack was recorded as implanted twice")
        .await?;
    let corrected = goods.label(MARKED.corrected, used);
    teller
        .verdict(
            "hospital",
            &corrected,
            &store,
            "accept",
            "corrected",
            "a pack that failed inspection by mistake is fine again",
        )
        .await?;
    let recalled = goods.label(goods.recalled.first, goods.recalled.name);
    teller
        .verdict("hospital", &recalled, &store, "reject", "recalled", "a pack of the recalled lot, still on the road")
        .await?;
    teller.late(&goods.pack(MARKED.late), before_late).await?;
    teller.delivery().await?;
    teller.reach(goods.recalled.count, goods.recalled.name).await?;
    teller.proof(&goods.id("implant").to_string()).await?;
    let told = "every block, signature and row can be recomputed from the log".to_owned();
    teller.lines.push(Line { who: "regulator", told, command: "medtrace audit".to_owned() });
    Ok(Story { lines: teller.lines })
}

impl Teller<'_> {
    async fn verdict(
        &mut self,
        who: &'static str,
        code: &str,
        place: &str,
        verdict: &str,
        reason: &str,
        told: &str,
    ) -> anyhow::Result<()> {
        let answer = self.client.get("/v1/verify", &[("code", code), ("place", place)]).await?;
        let reasons: Vec<&str> = list(&answer["reasons"]).filter_map(|r| r["code"].as_str()).collect();
        ensure!(
            answer["verdict"] == verdict && reasons.contains(&reason),
            "{code}: expected {verdict} because of {reason}, got {} because of {}",
            answer["verdict"],
            reasons.join(", ")
        );
        let command = format!("medtrace verify '{code}' --place {place}");
        self.lines.push(Line { who, told: format!("{told}: {verdict} ({})", reasons.join(", ")), command });
        Ok(())
    }

    /// Before its packing was reported, nobody knew how the late case travelled.
    async fn late(&mut self, code: &str, before: u64) -> anyhow::Result<()> {
        let known = before.to_string();
        let then = self.client.get("/v1/provenance", &[("code", code), ("known", &known)]).await?;
        let now = self.client.get("/v1/provenance", &[("code", code)]).await?;
        let hands = |answer: &Value| list(&answer["history"]).filter(|line| line["step"] == "receiving").count();
        let (then, now) = (hands(&then), hands(&now));
        ensure!(then < now, "the late packing event should add to the way of {code}: {then} and {now} receipts");
        let told = format!("a packing event came late: {then} receipts were known of this pack, now {now}");
        let command = format!("medtrace trace '{code}'; medtrace trace '{code}' --known {known}");
        self.lines.push(Line { who: "hospital", told, command });
        Ok(())
    }

    async fn delivery(&mut self) -> anyhow::Result<()> {
        let to = HOSPITAL.gln(0);
        let answer = self.client.get("/v1/deliveries", &[("to", &to)]).await?;
        let states: Vec<&Value> = list(&answer["deliveries"]).map(|d| &d["state"]).collect();
        ensure!(states == ["received"], "the hospital should have received one delivery, got {states:?}");
        let told = "its delivery of 20 cases has arrived whole".to_owned();
        let command = format!("curl '{}/v1/deliveries?to={to}'", self.client.base());
        self.lines.push(Line { who: "hospital", told, command });
        Ok(())
    }

    async fn reach(&mut self, packs: u32, lot: &str) -> anyhow::Result<()> {
        let answer = self.client.get(&format!("/v1/recalls/{RECALL}/reach"), &[]).await?;
        let on_the_road = list(&answer["states"]).find(|s| s["state"] == "in_transit").map(|s| &s["amount"]);
        ensure!(
            answer["commissioned"].as_str() == Some(&packs.to_string())
                && on_the_road == Some(&Value::from(packs.to_string())),
            "all {packs} packs of {lot} should be in transit, got {}",
            answer["states"]
        );
        let acknowledged = list(&answer["holders"]).filter(|h| !h["acknowledged"].is_null()).count();
        ensure!(acknowledged == 1, "one holder should have acknowledged, got {acknowledged}");
        let told =
            format!("recall {RECALL} of lot {lot}: {packs} packs, all on the road, their holder has acknowledged");
        self.lines.push(Line { who: "regulator", told, command: format!("medtrace recall reach {RECALL}") });
        let told = format!("who holds how many of any lot of {GTIN}");
        let command = format!("curl '{}/v1/reach?gtin={GTIN}&lot={lot}'", self.client.base());
        self.lines.push(Line { who: "regulator", told, command });
        Ok(())
    }

    async fn proof(&mut self, id: &str) -> anyhow::Result<()> {
        let id = format!("urn:uuid:{id}");
        let answer = self.client.get("/v1/events", &[("eventID", &id)]).await?;
        let event = list(&answer["events"]).next().and_then(|e| e["event"].as_str()).map(str::to_owned);
        let Some(event) = event else { anyhow::bail!("the implantation {id} is not to be found") };
        let told = "who implanted it, when and where, with a proof that anybody checks offline".to_owned();
        let command = format!(
            "medtrace proof get {event} -o implant.proof && medtrace proof check implant.proof --genesis genesis.note"
        );
        self.lines.push(Line { who: "regulator", told, command });
        Ok(())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

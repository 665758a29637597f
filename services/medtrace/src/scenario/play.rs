//! The acts, in the order in which they are posted.

use anyhow::Context as _;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::Script;
use super::cast::{AGENT, COUNTY, FACTORY, HOSPITAL, Hand, PROVINCE};
use super::goods::{CASES_PER_PALLET, EXPIRY, Goods, Lot, PACKS_PER_CASE};
use super::post::Poster;

/// Packs named by one commissioning or inspection event.
const PACKS_PER_EVENT: u32 = 500;
/// Pallets named by one shipment.
const PALLETS_PER_EVENT: usize = 100;
/// The recall's id.
pub const RECALL: &str = "huaxin-2026-10";
/// Where the story's pallet numbers begin within the lot that goes to the hospital.
const PALLET: u32 = PACKS_PER_CASE * CASES_PER_PALLET;

/// The packs that the story tells of; all in the first pallet.
pub struct Marked {
    pub implanted: u32,
    pub used_twice: u32,
    pub corrected: u32,
    pub in_store: u32,
    /// First pack of the case whose packing is reported late.
    pub late: u32,
}

pub const MARKED: Marked = Marked { implanted: 0, used_twice: 1, corrected: 2, in_store: 3, late: PACKS_PER_CASE };

struct Stage<'a> {
    goods: Goods,
    poster: &'a mut Poster,
    bar: ProgressBar,
}

/// How many scan requests the scenario posts, about.
pub fn requests(script: Script) -> u64 {
    let goods = script.goods();
    let packs: u32 = goods.lots().iter().map(|lot| lot.count).sum();
    u64::from(packs / PACKS_PER_CASE + packs / PALLET + 2 * packs / PACKS_PER_EVENT)
}

/// Plays everything but the late packing event, waits, then posts that one. Says at which height it was not known yet.
pub async fn play(script: Script, poster: &mut Poster, bar: ProgressBar) -> anyhow::Result<u64> {
    let mut stage = Stage { goods: script.goods(), poster, bar };
    stage.make().await?;
    stage.pack().await?;
    stage.move_on().await?;
    stage.arrive().await?;
    stage.use_up().await?;
    stage.recall().await?;
    let before = stage.poster.indexed().await?;
    stage.report_late().await?;
    stage.poster.indexed().await.context("failed to finish the scenario")?;
    Ok(before)
}

/// Hours after 2026-10-05 08:00 in China.
fn hour(hours: u32) -> String {
    let (day, hour) = (5 + (8 + hours) / 24, (8 + hours) % 24);
    format!("2026-10-{day:02}T{hour:02}:00:00+08:00")
}

impl Stage<'_> {
    async fn say(&mut self, hand: &Hand, scans: Vec<Value>) -> anyhow::Result<()> {
        let bar = self.bar.clone();
        self.poster.scans(hand.party, scans, |count| bar.inc(count)).await
    }

    fn scan(&self, name: &str, step: &str, hours: u32, place: String, items: Vec<String>) -> Value {
        let items: Vec<Value> = items.into_iter().map(|code| json!({ "code": code })).collect();
        json!({ "id": self.goods.id(name), "step": step, "time": hour(hours), "place": place, "items": items })
    }

    /// Commissioning, then the inspection report of each part of a lot, by its digest.
    async fn make(&mut self) -> anyhow::Result<()> {
        let mut scans = Vec::new();
        for lot in self.goods.lots() {
            for first in lot.every(PACKS_PER_EVENT) {
                let packs: Vec<String> =
                    (first..(first + PACKS_PER_EVENT).min(lot.first + lot.count)).map(|n| self.goods.pack(n)).collect();
                let mut made =
                    self.scan(&format!("commission {first}"), "commission", 0, FACTORY.gln(0), packs.clone());
                made["lot"] = json!(lot.name);
                made["expiry"] = json!(EXPIRY);
                let mut inspected = self.scan(&format!("inspect {first}"), "inspect", 2, FACTORY.gln(0), packs);
                inspected["result"] = json!("pass");
                inspected["documents"] = json!([{ "type": "testres", "id": self.report(lot) }]);
                scans.extend([made, inspected]);
            }
        }
        self.say(&FACTORY, scans).await
    }

    /// The inspection report itself stays at the factory; its digest is in the log.
    fn report(&self, lot: &Lot) -> String {
        let digest = self.goods.digest(&format!("inspection report of lot {}", lot.name));
        format!("ni:///sha-256;{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    async fn pack(&mut self) -> anyhow::Result<()> {
        let mut scans = Vec::new();
        for lot in self.goods.lots() {
            for first in lot.every(PACKS_PER_CASE) {
                let packs = (first..first + PACKS_PER_CASE).map(|n| self.goods.pack(n)).collect();
                scans.push(self.packing(&format!("case {first}"), 4, self.goods.case(first), packs));
            }
            for first in lot.every(PALLET) {
                let cases = (first..first + PALLET).step_by(PACKS_PER_CASE as usize).filter(|n| *n != MARKED.late);
                let cases = cases.map(|n| self.goods.case(n)).collect();
                scans.push(self.packing(&format!("pallet {first}"), 5, self.goods.pallet(first), cases));
            }
        }
        self.say(&FACTORY, scans).await
    }

    fn packing(&self, name: &str, hours: u32, parent: String, items: Vec<String>) -> Value {
        let mut scan = self.scan(name, "pack", hours, FACTORY.gln(0), items);
        scan["parent"] = json!(parent);
        scan
    }

    /// From the factory to the county: two lots all the way, one stays with the agent, one is caught on the road.
    async fn move_on(&mut self) -> anyhow::Result<()> {
        let [used, recalled, kept] = self.goods.lots().map(Clone::clone);
        for lot in [&used, &recalled, &kept] {
            self.ship(lot, &FACTORY, &AGENT, 10).await?;
            self.receive(lot, &AGENT, 58).await?;
        }
        for lot in [&used, &recalled] {
            self.ship(lot, &AGENT, &PROVINCE, 72).await?;
            self.receive(lot, &PROVINCE, 96).await?;
        }
        self.ship(&used, &PROVINCE, &COUNTY, 120).await?;
        self.receive(&used, &COUNTY, 126).await?;
        self.ship(&recalled, &PROVINCE, &COUNTY, 240).await
    }

    async fn ship(&mut self, lot: &Lot, from: &Hand, to: &Hand, hours: u32) -> anyhow::Result<()> {
        let pallets: Vec<String> = lot.every(PALLET).map(|n| self.goods.pallet(n)).collect();
        let shipment = |(n, some): (usize, &[String])| {
            let name = format!("ship {} {} {n}", from.party, lot.name);
            let mut scan = self.scan(&name, "ship", hours, from.gln(0), some.to_vec());
            scan["to"] = json!(to.gln(0));
            scan["documents"] = json!([{ "type": "desadv", "id": format!("DA-{}-{}-{n}", from.party, lot.name) }]);
            scan
        };
        let scans = pallets.chunks(PALLETS_PER_EVENT).enumerate().map(shipment).collect();
        self.say(from, scans).await
    }

    async fn receive(&mut self, lot: &Lot, at: &Hand, hours: u32) -> anyhow::Result<()> {
        let pallets: Vec<String> = lot.every(PALLET).map(|n| self.goods.pallet(n)).collect();
        let arrival = |(n, some): (usize, &[String])| {
            let name = format!("receive {} {} {n}", at.party, lot.name);
            self.scan(&name, "receive", hours, at.gln(0), some.to_vec())
        };
        let scans = pallets.chunks(PALLETS_PER_EVENT).enumerate().map(arrival).collect();
        self.say(at, scans).await
    }

    /// The county opens the first pallet and sends its cases to the hospital, which receives them unopened.
    async fn arrive(&mut self) -> anyhow::Result<()> {
        let cases: Vec<String> = (0..PALLET).step_by(PACKS_PER_CASE as usize).map(|n| self.goods.case(n)).collect();
        let mut opened = self.scan("open pallet", "unpack", 130, COUNTY.gln(0), vec![]);
        opened["parent"] = json!(self.goods.pallet(0));
        let mut sent = self.scan("ship county", "ship", 144, COUNTY.gln(0), cases.clone());
        sent["to"] = json!(HOSPITAL.gln(0));
        sent["documents"] = json!([{ "type": "desadv", "id": "DA-county-hospital" }]);
        self.say(&COUNTY, vec![opened, sent]).await?;
        let received = self.scan("receive hospital", "receive", 150, HOSPITAL.gln(0), cases);
        self.say(&HOSPITAL, vec![received]).await
    }

    /// In the hospital: one case opened, packs moved to the cath lab and implanted; one is recorded as used again three
    /// days later, one failed inspection by a slip of the hand, which is undone.
    async fn use_up(&mut self) -> anyhow::Result<()> {
        let pack = |n: u32| self.goods.pack(n);
        let mut opened = self.scan("open case", "unpack", 152, HOSPITAL.gln(0), vec![]);
        opened["parent"] = json!(self.goods.case(0));
        let moved = vec![pack(MARKED.implanted), pack(MARKED.used_twice)];
        let mut moved = self.scan("to the cath lab", "transfer", 160, HOSPITAL.gln(0), moved);
        moved["to"] = json!(HOSPITAL.gln(1));
        let implanted = self.scan("implant", "implant", 170, HOSPITAL.gln(1), vec![pack(MARKED.implanted)]);
        let used = self.scan("first use", "implant", 171, HOSPITAL.gln(1), vec![pack(MARKED.used_twice)]);
        let again = self.scan("second use", "implant", 243, HOSPITAL.gln(1), vec![pack(MARKED.used_twice)]);
        let mut failed = self.scan("failed inspection", "inspect", 172, HOSPITAL.gln(0), vec![pack(MARKED.corrected)]);
        failed["result"] = json!("fail");
        let mut undone = self.scan("undo", "undo", 173, HOSPITAL.gln(0), vec![pack(MARKED.corrected)]);
        undone["event"] = json!(format!("urn:uuid:{}", self.goods.id("failed inspection")));
        undone["reason"] = json!("did_not_occur");
        self.say(&HOSPITAL, vec![opened, moved, implanted, used, again, failed, undone]).await
    }

    /// The factory calls back a lot that is between province and county; the province answers.
    async fn recall(&mut self) -> anyhow::Result<()> {
        let recall = json!({
            "type": "recall", "recall": RECALL, "revision": 1, "action": "issue", "class": 1,
            "scope": [{ "gtin": super::goods::GTIN, "lots": [self.goods.recalled.name] }],
            "reason": { "zh-CN": "输送系统球囊泄漏", "en": "delivery balloon may leak" },
            "instructions": { "zh-CN": "立即停用并隔离，等待退回", "en": "stop using, set aside, await return" },
            "jurisdiction": "CN", "effective": "2026-10-15T02:00:00Z",
        });
        self.poster.notice(FACTORY.party, recall).await?;
        self.poster.indexed().await?;
        let answer = json!({
            "type": "acknowledgement", "recall": RECALL, "party": PROVINCE.party, "revision": 1, "status": "received",
        });
        self.poster.notice(PROVINCE.party, answer).await
    }

    /// Ten days late, the packing line's buffer is found: one case had gone onto the pallet too.
    async fn report_late(&mut self) -> anyhow::Result<()> {
        let case = vec![self.goods.case(MARKED.late)];
        let scan = self.packing("late case", 5, self.goods.pallet(MARKED.late), case);
        self.say(&FACTORY, vec![scan]).await
    }
}

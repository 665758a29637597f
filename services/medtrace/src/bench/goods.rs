//! What is said under load: packs are commissioned, one event each, by a few factories. The events are those that the
//! services make of scans, so that both ways carry the same bytes.
//!
//! ```text
//! submission signed at home   POST /v1/submissions   {"note", "items": [{"kind": "E", "salt", "body"} …]}
//! list of scans               POST /v1/scans         [{"id", "step", "time", "place", "items": [{"code"}]} …]
//! single request              POST /v1/scans         one of these
//! ```

use std::{
    fmt::Write as _,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, anyhow};
use medtrace_event::{
    scan::{ScanItem, ScanRequest, Who},
    seal,
};
use medtrace_gs1::{Gln, check_digit};
use medtrace_ledger::{Genesis, Item, ItemKind, PartyId, Salt, Signer, SubmissionKind, seal_submission};
use medtrace_log::record::Record;
use medtrace_registry::notice::{Prefix, Region, Role, Texts};
use medtrace_service::unix_ms;
use serde_json::json;
use uuid::Uuid;

use crate::{
    client::{Body, Client},
    consortium::{Consortium, Enrolment},
    stack::{Endpoints, Layout, genesis},
};

/// Factories that speak: the log keeps one partition for each party's words, so one alone would use one partition.
const MAKERS: u32 = 4;
/// Packs of one lot.
const LOT_ITEMS: u64 = 10_000;
/// When the packs were made.
const MADE: &str = "2026-03-01T08:15:00+08:00";

/// One factory.
pub struct Maker {
    pub party: PartyId,
    gln: String,
    gtin: String,
    /// Its root key, with which it signs at home.
    key: Signer,
    /// Of its ingest service.
    pub client: Client,
}

/// An item of a submission: its salt and its bytes.
type Sealed = (Salt, Vec<u8>);

/// All factories, and the serials that are given out.
pub struct Goods {
    pub makers: Vec<Maker>,
    genesis: Genesis,
    serials: AtomicU64,
}

impl Goods {
    /// Enrols the factories and their products.
    pub async fn enrol(layout: &Layout, endpoints: &Endpoints) -> anyhow::Result<Goods> {
        let consortium = Consortium::new(layout.clone(), endpoints.clone())?;
        let enrolments = (0..MAKERS).map(enrolment).collect::<anyhow::Result<Vec<_>>>()?;
        consortium.enrol(&enrolments).await.context("failed to enrol the factories")?;
        let mut makers = Vec::new();
        for (number, enrolment) in (0..MAKERS).zip(enrolments) {
            let token = std::fs::read_to_string(layout.token(enrolment.party.as_str()))?;
            let maker = Maker {
                gln: with_check_digit(&format!("{}0000", prefix(number)))?,
                gtin: with_check_digit(&format!("0{}0001", prefix(number)))?,
                key: consortium.root_key(&enrolment.party)?,
                client: Client::new(&endpoints.manufacturer, Some(token.trim().to_owned()))?,
                party: enrolment.party,
            };
            let product = json!({
                "type": "product", "product": format!("stent-{number}"), "revision": 1, "owner": maker.party.as_str(),
                "gtin": maker.gtin, "name": { "en": "Drug-eluting stent" }, "kind": "device", "serialised": true,
                "lotRequired": true,
            });
            maker.client.post_json("/v1/notices", &product).await.context("failed to name a product")?;
            makers.push(maker);
        }
        Ok(Goods { makers, genesis: genesis(layout)?, serials: AtomicU64::new(0) })
    }

    /// Which factory made this pack of those that all factories made in equal parts.
    pub fn maker_of(&self, serial: u64, serials: &Range<u64>) -> Option<&Maker> {
        let per_maker = (serials.end - serials.start) / self.makers.len() as u64;
        self.makers.get(((serial - serials.start) / per_maker.max(1)) as usize)
    }

    /// The next packs of a factory.
    pub fn take(&self, count: u64) -> Range<u64> {
        let first = self.serials.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// Commissions packs in one event of several packs each.
    fn scans(&self, maker: &Maker, serials: Range<u64>, per_event: usize) -> Vec<ScanRequest> {
        let codes: Vec<ScanItem> = serials.map(|n| ScanItem { code: maker.code(n), ..ScanItem::default() }).collect();
        let scan = |items: &[ScanItem]| ScanRequest {
            id: Uuid::new_v4(),
            step: "commission".to_owned(),
            time: MADE.to_owned(),
            place: maker.gln.clone(),
            items: items.to_vec(),
            parent: None,
            from: None,
            to: None,
            documents: Vec::new(),
            temperature: None,
            lot: None,
            expiry: None,
            result: None,
            reason: None,
            event: None,
            corrective: Vec::new(),
        };
        codes.chunks(per_event).map(scan).collect()
    }

    /// A list of scans, or one, as a body.
    pub fn list(&self, maker: &Maker, serials: Range<u64>) -> anyhow::Result<Body> {
        let scans = self.scans(maker, serials, 1);
        let bytes = match scans.as_slice() {
            [one] => serde_json::to_vec(one),
            list => serde_json::to_vec(list),
        };
        Ok(Body { bytes: bytes?, media_type: "application/json" })
    }

    /// The same events, sealed and signed by the factory itself.
    pub fn submission(&self, maker: &Maker, serials: Range<u64>, per_event: usize) -> anyhow::Result<Body> {
        let (note, items) = self.sealed(maker, serials, per_event)?;
        let mut text = format!("{{\"note\":{},\"items\":[", serde_json::to_string(&note)?);
        for (n, (salt, bytes)) in items.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let body = std::str::from_utf8(bytes)?;
            write!(text, "{comma}{{\"kind\":\"E\",\"salt\":\"{salt}\",\"body\":{body}}}")?;
        }
        text.push_str("]}");
        Ok(Body { bytes: text.into_bytes(), media_type: "application/json" })
    }

    /// Mean bytes of a sealed event, and bytes of the record that carries so many.
    pub fn sizes(&self, events: u64) -> anyhow::Result<(usize, usize)> {
        let maker = self.makers.first().context("there is no factory")?;
        let (note, items) = self.sealed(maker, self.take(events), 1)?;
        let bytes: usize = items.iter().map(|(_, bytes)| bytes.len()).sum();
        let record = Record::pack(note, items.iter().map(|(salt, bytes)| item(*salt, bytes)))?.encode()?;
        Ok((bytes / items.len().max(1), record.len()))
    }

    fn sealed(&self, maker: &Maker, serials: Range<u64>, per_event: usize) -> anyhow::Result<(String, Vec<Sealed>)> {
        let mut items = Vec::new();
        for request in self.scans(maker, serials, per_event) {
            let scanned = request.events(&Who::default());
            if let Some(fault) = scanned.all_faults().next() {
                return Err(anyhow!("a scan of the load is wrong: {fault:?}"));
            }
            for entry in scanned.events {
                let sealed = seal(entry.json, &entry.context, maker.party.as_str());
                let mut salt = [0; 16];
                getrandom::fill(&mut salt).context("failed to gather random bytes")?;
                items.push((Salt(salt), sealed.map_err(|faults| anyhow!("{faults:?}"))?.bytes));
            }
        }
        let leaves: Vec<_> = items.iter().map(|(salt, bytes)| item(*salt, bytes).leaf()).collect();
        let (genesis, keys) = (&self.genesis, std::slice::from_ref(&maker.key.key));
        let kind = SubmissionKind::Events;
        let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), &maker.party, keys, unix_ms(), &leaves)?;
        Ok((sealed.note, items))
    }
}

impl Maker {
    /// Pack `n` as documents name it.
    pub fn digital_link(&self, n: u64) -> String {
        format!("https://id.gs1.org/01/{}/21/{n}", self.gtin)
    }

    /// Where the factory sees its packs, as documents name it.
    pub fn place(&self) -> String {
        format!("https://id.gs1.org/414/{}", self.gln)
    }

    /// What a scanner sends for pack `n`.
    pub fn code(&self, n: u64) -> String {
        format!("]d201{}1729022810{}\u{1d}21{n}", self.gtin, Maker::lot(n))
    }

    /// The lot of pack `n`.
    pub fn lot(n: u64) -> String {
        format!("L{}", n / LOT_ITEMS)
    }
}

fn item(salt: Salt, bytes: &[u8]) -> Item<'_> {
    Item { kind: ItemKind::Event, salt, bytes }
}

/// GS1 company prefix of a factory, 8 digits.
fn prefix(number: u32) -> String {
    format!("69{number:06}")
}

fn with_check_digit(digits: &str) -> anyhow::Result<String> {
    let digit = check_digit(digits).context("failed to make a check digit")?;
    Ok(format!("{digits}{digit}"))
}

fn enrolment(number: u32) -> anyhow::Result<Enrolment> {
    let gln = with_check_digit(&format!("{}0000", prefix(number)))?;
    Ok(Enrolment {
        party: format!("factory-{number}").parse().context("failed to name a factory")?,
        revision: 1,
        name: Texts::both(&format!("Factory {number}")),
        roles: vec![Role::Manufacturer],
        glns: vec![Gln::parse(&gln).context("failed to make a GLN")?],
        prefixes: vec![Prefix::new(prefix(number)).map_err(anyhow::Error::msg)?],
        regions: vec![Region::new("CN").map_err(anyhow::Error::msg)?],
        contact: None,
        root_key: None,
        hosts: vec!["manufacturer".to_owned()],
    })
}

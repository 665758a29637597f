//! Where the story plays: the county, its packs and boxes, and its calendar.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use medtrace_tests::{
    Chain, Options, Scan, Speaker,
    codes::{label, pack, sscc},
    county::{County, PREFIX, STENT},
    tool::Proofs,
};
use tokio::sync::Mutex;

/// The story began this many days ago.
const DAYS_AGO: i64 = 40;
/// Prefix of the provincial distributor, who has boxes of its own.
const PROVINCE_PREFIX: &str = "95060003";

pub struct World {
    pub county: County,
    pub proofs: Proofs,
    chain: Mutex<Chain>,
    first_day: Date,
    /// As printed on the stents, YYMMDD.
    pub expiry: String,
}

/// A box of the factory by its number.
pub fn factory_box(number: u32) -> String {
    sscc(PREFIX, number)
}

/// A box of the province by its number.
pub fn province_box(number: u32) -> String {
    sscc(PROVINCE_PREFIX, number)
}

pub const CASE_1: u32 = 1;
pub const CASE_2: u32 = 2;
pub const PALLET: u32 = 100;

impl World {
    pub async fn start() -> anyhow::Result<World> {
        let county = County::start(Options::default()).await?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let expiry = today.checked_add(Span::new().years(2))?;
        let proofs = Proofs::new(&county.stack.data().join("proofs"), &county.stack.layout().genesis())?;
        Ok(World {
            chain: Mutex::new(Chain::new(&county.query).await?),
            proofs,
            county,
            first_day: today.checked_sub(Span::new().days(DAYS_AGO))?,
            expiry: expiry.strftime("%y%m%d").to_string(),
        })
    }

    /// A time of the story: day 0 is its first, `clock` is like `08:15`, in China.
    pub fn time(&self, day: i64, clock: &str) -> String {
        let date = self.first_day.checked_add(Span::new().days(day)).expect("a few weeks of this century");
        format!("{date}T{clock}:00+08:00")
    }

    /// The whole code on a stent of lot A: GTIN, expiry, lot, serial.
    pub fn stent(&self, serial: &str) -> String {
        pack(STENT, "A", &self.expiry, serial)
    }

    /// Posts scans that must be accepted, waits until they are indexed, and verifies the chain up to its newest
    /// checkpoint; the height of the index.
    pub async fn done(&self, by: &Speaker, scans: &[Scan]) -> anyhow::Result<u64> {
        let placed = by.scan(scans).await?;
        let height = self.county.query.until_indexed(&placed).await?;
        self.verify_chain().await?;
        Ok(height)
    }

    /// The whole chain so far, with nothing in it named bad.
    pub async fn verify_chain(&self) -> anyhow::Result<()> {
        let mut chain = self.chain.lock().await;
        let blocks = chain.verify(&self.county.query).await?;
        anyhow::ensure!(blocks > 0, "nothing is sealed");
        anyhow::ensure!(chain.bad.is_empty(), "records are named bad: {:?}", chain.bad);
        Ok(())
    }

    pub async fn finish(self) -> anyhow::Result<()> {
        self.county.finish().await
    }
}

/// Labels of boxes, as scanned.
pub fn labels(boxes: &[String]) -> Vec<String> {
    boxes.iter().map(|sscc| label(sscc)).collect()
}

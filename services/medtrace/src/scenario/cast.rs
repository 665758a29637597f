//! Who takes part: parties, their places, the product.

use anyhow::Context as _;
use medtrace_gs1::{Gln, check_digit};
use medtrace_ledger::PartyId;
use medtrace_registry::notice::{Contact, Prefix, Region, Role, Texts};
use serde_json::{Value, json};

use super::goods::{COMPANY, GTIN};
use super::post::Poster;
use crate::consortium::{Consortium, Enrolment};

/// One hand that the stents pass through.
pub struct Hand {
    pub party: &'static str,
    role: Role,
    /// Company prefix of its GLNs.
    prefix: &'static str,
    name: (&'static str, &'static str),
    /// Names of its places, in the order of their GLNs.
    places: &'static [(&'static str, &'static str)],
}

pub const FACTORY: Hand = Hand {
    party: "huaxin",
    role: Role::Manufacturer,
    prefix: COMPANY,
    name: ("华心支架厂", "Huaxin Stents"),
    places: &[("华心支架厂一车间", "Huaxin plant 1")],
};
pub const AGENT: Hand = Hand {
    party: "national-agent",
    role: Role::Distributor,
    prefix: "6902345",
    name: ("全国总代理", "National agent"),
    places: &[("总代理中心仓", "Agent's central warehouse")],
};
pub const PROVINCE: Hand = Hand {
    party: "provincial",
    role: Role::Distributor,
    prefix: "6903456",
    name: ("省级配送企业", "Provincial distributor"),
    places: &[("省级配送中心", "Provincial distribution centre")],
};
pub const COUNTY: Hand = Hand {
    party: "county-store",
    role: Role::Logistics,
    prefix: "6904567",
    name: ("县域医共体仓库", "County warehouse"),
    places: &[("县医共体中心库", "County consortium's store")],
};
pub const HOSPITAL: Hand = Hand {
    party: "county-hospital",
    role: Role::Hospital,
    prefix: "6905678",
    name: ("县人民医院", "County hospital"),
    places: &[("医院高值耗材库", "Hospital store"), ("导管室", "Cath lab")],
};
const REGULATOR: Hand = Hand {
    party: "mpa",
    role: Role::Regulator,
    prefix: "6906789",
    name: ("省药品监督管理局", "Provincial regulator"),
    places: &[],
};
const CAST: [&Hand; 6] = [&FACTORY, &AGENT, &PROVINCE, &COUNTY, &HOSPITAL, &REGULATOR];

impl Hand {
    /// GLN of its place number `n`.
    pub fn gln(&self, n: usize) -> String {
        let digits = format!("{}{n:05}", self.prefix);
        let check = check_digit(&digits).map_or_else(String::new, |digit| digit.to_string());
        format!("{digits}{check}")
    }

    fn glns(&self) -> impl Iterator<Item = String> {
        (0..self.places.len().max(1)).map(|n| self.gln(n))
    }

    fn enrolment(&self) -> anyhow::Result<Enrolment> {
        let party: PartyId = self.party.parse().context("failed to name a party")?;
        let glns = self.glns().map(|gln| Gln::parse(&gln).context("failed to make a GLN"));
        let prefixes = (self.role == Role::Manufacturer).then(|| Prefix::new(COMPANY).map_err(anyhow::Error::msg));
        Ok(Enrolment {
            party,
            revision: 1,
            name: Texts { zh_cn: Some(self.name.0.to_owned()), en: Some(self.name.1.to_owned()) },
            roles: vec![self.role],
            glns: glns.collect::<anyhow::Result<_>>()?,
            prefixes: prefixes.into_iter().collect::<anyhow::Result<_>>()?,
            regions: vec![Region::new("CN").map_err(anyhow::Error::msg)?],
            contact: Some(Contact { phone: Some(format!("+86 10 {}", self.prefix)), email: None }),
            root_key: None,
            hosts: crate::consortium::host_of(&[self.role]).map(str::to_owned).into_iter().collect(),
        })
    }

    fn place_notices(&self) -> Vec<Value> {
        let notice = |(n, (zh, en)): (usize, &(&str, &str))| {
            json!({
                "type": "place", "place": format!("https://id.gs1.org/414/{}", self.gln(n)), "revision": 1,
                "party": self.party, "name": { "zh-CN": zh, "en": en }, "region": "CN-43",
            })
        };
        self.places.iter().enumerate().map(notice).collect()
    }
}

/// Admits everybody, names their places and the product. What is there already is left as it is.
pub async fn enrol(consortium: &Consortium, poster: &mut Poster) -> anyhow::Result<()> {
    let enrolments = CAST.iter().map(|hand| hand.enrolment()).collect::<anyhow::Result<Vec<_>>>()?;
    consortium.enrol(&enrolments).await?;
    for hand in CAST {
        for notice in hand.place_notices() {
            poster.notice(hand.party, notice).await?;
        }
    }
    let product = json!({
        "type": "product", "product": "huaxin-stent-3.0x18", "revision": 1, "owner": FACTORY.party, "gtin": GTIN,
        "name": { "zh-CN": "冠状动脉药物洗脱支架 3.0×18 mm", "en": "Drug-eluting coronary stent 3.0 × 18 mm" },
        "kind": "device", "serialised": true, "lotRequired": true,
    });
    poster.notice(FACTORY.party, product).await
}

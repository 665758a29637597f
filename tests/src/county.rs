//! The county consortium of cardiac stents, enrolled by ordinary notices as any consortium would be.
//!
//! ```text
//! factory ──▶ agent ──▶ province ──▶ warehouse ──▶ county-hospital: store ──▶ cath lab          regulator (all of CN)
//! ```

use anyhow::Context;
use medtrace_gs1::Gln;
use medtrace_ledger::PublicKey;
use medtrace_registry::notice::{Contact, Prefix, Region, Role, Texts};
use medtrace_tool::consortium::{Consortium, Enrolment, host_of};
use serde_json::{Value, json};

use crate::{Client, Options, Speaker, Stack, codes::uri};

/// GLNs of the places; each party's company prefix is the first 8 digits.
pub const FACTORY: &str = "9506000100012";
pub const AGENT: &str = "9506000200019";
pub const PROVINCE: &str = "9506000300016";
pub const WAREHOUSE: &str = "9506000400013";
pub const STORE: &str = "9506000500010";
pub const CATH_LAB: &str = "9506000500027";
pub const REGULATOR: &str = "9506000600017";

/// The factory's GS1 company prefix.
pub const PREFIX: &str = "95060001";
/// GTIN of the stent: every pack has a serial and a lot.
pub const STENT: &str = "09506000100012";
/// GTIN of the heparin, whose packs also carry the Chinese drug code.
pub const HEPARIN: &str = "09506000100029";
/// First 7 digits of the heparin's Chinese drug code.
pub const HEPARIN_CODE: &str = "8312345";
/// GTIN of the guide wires: lots without serials.
pub const WIRES: &str = "09506000100036";

/// A party of a test consortium.
pub struct Member<'a> {
    pub party: &'a str,
    pub role: Role,
    pub glns: &'a [&'a str],
    /// GS1 company prefixes and URI prefixes.
    pub prefixes: &'a [&'a str],
    /// Signs at home with this key; otherwise the service of its trade signs for it.
    pub root_key: Option<PublicKey>,
}

impl Member<'_> {
    /// What the tool is told of it.
    pub fn enrolment(&self) -> anyhow::Result<Enrolment> {
        let wrong = |error: String| anyhow::anyhow!("{}: {error}", self.party);
        let glns = self.glns.iter().map(|gln| Gln::parse(gln).map_err(|error| wrong(error.to_string())));
        let host = host_of(&[self.role]).filter(|_| self.root_key.is_none());
        Ok(Enrolment {
            party: self.party.parse().map_err(|error| wrong(format!("{error}")))?,
            revision: 1,
            name: Texts::both(self.party),
            roles: vec![self.role],
            glns: glns.collect::<Result<_, _>>()?,
            prefixes: self.prefixes.iter().map(|p| Prefix::new(*p).map_err(wrong)).collect::<Result<_, _>>()?,
            regions: vec![Region::new("CN").map_err(wrong)?],
            contact: Some(Contact { phone: None, email: Some(format!("recalls@{}.example", self.party)) }),
            root_key: self.root_key,
            hosts: host.map(str::to_owned).into_iter().collect(),
        })
    }
}

/// Admits parties and enrols their keys; returns when all of it is in force.
pub async fn enrol(stack: &Stack, members: &[Member<'_>]) -> anyhow::Result<()> {
    let enrolments = members.iter().map(Member::enrolment).collect::<anyhow::Result<Vec<_>>>()?;
    admit(stack, &enrolments).await
}

/// As [`enrol`], for members that are not of the ordinary kind.
pub async fn admit(stack: &Stack, enrolments: &[Enrolment]) -> anyhow::Result<()> {
    let consortium = Consortium::new(stack.layout().clone(), stack.endpoints()?)?;
    consortium.enrol(enrolments).await.context("failed to enrol")?;
    Ok(())
}

/// The consortium on a stack of its own.
pub struct County {
    pub stack: Stack,
    /// Asked by nobody in particular.
    pub query: Client,
    pub factory: Speaker,
    pub agent: Speaker,
    pub province: Speaker,
    pub warehouse: Speaker,
    pub hospital: Speaker,
    pub regulator: Speaker,
}

impl County {
    /// Starts a stack and enrols everybody, with their places and the factory's products.
    pub async fn start(options: Options) -> anyhow::Result<County> {
        let stack = Stack::start(options).await?;
        let member = |party, role, glns, prefixes| Member { party, role, glns, prefixes, root_key: None };
        let members = [
            member("factory", Role::Manufacturer, &[FACTORY][..], &[PREFIX][..]),
            member("agent", Role::Distributor, &[AGENT], &[]),
            member("province", Role::Distributor, &[PROVINCE], &["95060003"]),
            member("warehouse", Role::Logistics, &[WAREHOUSE], &[]),
            member("county-hospital", Role::Hospital, &[STORE, CATH_LAB], &[]),
            member("regulator", Role::Regulator, &[REGULATOR], &[]),
        ];
        enrol(&stack, &members).await?;
        let speaker = |party| stack.speaker(party);
        let county = County {
            query: stack.query()?,
            factory: speaker("factory")?,
            agent: speaker("agent")?,
            province: speaker("province")?,
            warehouse: speaker("warehouse")?,
            hospital: speaker("county-hospital")?,
            regulator: speaker("regulator")?,
            stack,
        };
        county.master_data().await?;
        Ok(county)
    }

    async fn master_data(&self) -> anyhow::Result<()> {
        let factory = [
            place(FACTORY, "factory", "支架工厂", "Stent factory"),
            product("stent-3x18", STENT, None, "药物洗脱支架 3×18", "Drug-eluting stent 3×18", true),
            product("heparin-5ml", HEPARIN, Some(HEPARIN_CODE), "肝素钠注射液", "Heparin 5 ml", true),
            product("guide-wire", WIRES, None, "导丝", "Guide wire", false),
        ];
        let hospital = [
            place(STORE, "county-hospital", "县医院库房", "Hospital store"),
            place(CATH_LAB, "county-hospital", "导管室", "Catheterisation laboratory"),
        ];
        let mut last = self.factory.notices(&factory).await?;
        for (speaker, gln, zh, en) in [
            (&self.agent, AGENT, "全国代理", "National agent"),
            (&self.province, PROVINCE, "省级经销商", "Provincial distributor"),
            (&self.warehouse, WAREHOUSE, "县仓库", "County warehouse"),
        ] {
            last = speaker.notices(&[place(gln, &speaker.party, zh, en)]).await?;
        }
        // The topic of notices has one partition: the last one in force is all of them.
        last = match self.hospital.notices(&hospital).await? {
            placed if placed.offset > last.offset => placed,
            _ => last,
        };
        self.hospital.until_in_force(&last).await
    }

    pub async fn finish(self) -> anyhow::Result<()> {
        self.stack.finish()
    }
}

/// A place notice.
pub fn place(gln: &str, party: &str, zh: &str, en: &str) -> Value {
    json!({
        "type": "place", "place": uri::place(gln), "revision": 1, "party": party, "name": {"zh-CN": zh, "en": en},
        "region": "CN",
    })
}

fn product(id: &str, gtin: &str, code: Option<&str>, zh: &str, en: &str, serialised: bool) -> Value {
    let codes: Vec<Value> = code.iter().map(|code| json!({"scheme": "cn-drug", "code": code})).collect();
    json!({
        "type": "product", "product": id, "revision": 1, "owner": "factory", "gtin": gtin, "codes": codes,
        "name": {"zh-CN": zh, "en": en}, "kind": if code.is_some() { "drug" } else { "device" },
        "serialised": serialised, "lotRequired": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn the_constants_have_their_check_digits() {
        let glns = [FACTORY, AGENT, PROVINCE, WAREHOUSE, STORE, REGULATOR].map(|gln| codes::gln(&gln[..8], 1));
        assert_eq!(glns, [FACTORY, AGENT, PROVINCE, WAREHOUSE, STORE, REGULATOR]);
        assert_eq!(codes::gln(&STORE[..8], 2), CATH_LAB);
        assert_eq!([1, 2, 3].map(|item| codes::gtin(PREFIX, item)), [STENT, HEPARIN, WIRES]);
    }
}

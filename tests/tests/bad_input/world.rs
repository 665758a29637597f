//! The county, a factory that signs at home, and how much is stored.

use std::fs;

use anyhow::{Context, ensure};
use medtrace_ledger::{Custody, Genesis, SigningKey};
use medtrace_registry::Role;
use medtrace_service::tokens::{self, Caller};
use medtrace_tests::{
    Options, Placed, Scan,
    county::{County, FACTORY, Member, STENT, enrol},
    home::{Home, now_ms},
};
use medtrace_tool::{consortium::Consortium, stack::make_token};

/// Party that signs at home, its company prefix, its GLN and a GTIN of its own.
pub const HOME: &str = "homeworks";
pub const HOME_PREFIX: &str = "95060007";
pub const HOME_GLN: &str = "9506000700014";

pub struct World {
    pub county: County,
    /// Signs for [`HOME`]: its root key.
    pub home: Home,
    /// A key of [`HOME`] that is revoked.
    pub revoked: Home,
    /// A token of a party that nobody has admitted.
    pub stranger: String,
}

/// What the log and the index hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Records of `scan-events`, all partitions together.
    submissions: u64,
    notices: u64,
    /// Events, replays among them, of all blocks.
    events: u64,
}

impl Stored {
    pub fn plus(self, submissions: u64, events: u64) -> Stored {
        Stored { submissions: self.submissions + submissions, events: self.events + events, ..self }
    }
}

impl World {
    pub async fn start() -> anyhow::Result<World> {
        let county = County::start(Options::default()).await?;
        let stack = &county.stack;
        let genesis = Genesis::parse(&county.query.get("/log/genesis", &[]).await?.text())?;
        let (root, second) = (SigningKey::from_seed(&[7; 32]), SigningKey::from_seed(&[8; 32]));
        let member = Member {
            party: HOME,
            role: Role::Manufacturer,
            glns: &[HOME_GLN],
            prefixes: &[HOME_PREFIX],
            root_key: Some(root.public()),
        };
        enrol(stack, &[member]).await?;
        make_token(stack.layout(), HOME, "operator", "home")?;

        let home = Home::new(&genesis, HOME, root.clone())?;
        let revoked = Home { keys: vec![second.clone()], ..home.clone() };
        let consortium = Consortium::new(stack.layout().clone(), stack.endpoints()?)?;
        let signer = |key: &SigningKey| medtrace_ledger::Signer::new(home.party.clone(), key.clone());
        let taken =
            consortium.enrol_key(&home.party, &signer(&root), &signer(&second), Custody::Own, Vec::new()).await?;
        consortium.in_force(&taken).await?;
        let taken = consortium.revoke_key(&home.party, &signer(&root), second.public(), None).await?;
        consortium.in_force(&taken).await?;

        let caller = Caller { party: "stranger".into(), operator: "operator".into(), device: "scanner".into() };
        let stranger = tokens::mint(&stack.layout().tokens(), &caller, now_ms().cast_signed())?;
        let world = World { home, revoked, stranger, county };
        world.good_event().await?;
        Ok(world)
    }

    /// Commissions one more stent, and waits until it is indexed: whatever was taken before it is indexed, too.
    pub async fn good_event(&self) -> anyhow::Result<Placed> {
        let serial = format!("G{}", now_ms());
        let code = format!("(01){STENT}(10)G(21){serial}");
        let scan = Scan::new("commission", "2026-03-01T08:00:00+08:00", FACTORY, [code]);
        let placed = self.county.factory.scan(&[scan]).await?;
        self.county.query.until_indexed(&placed).await?;
        Ok(placed)
    }

    pub async fn stored(&self) -> anyhow::Result<Stored> {
        let query = &self.county.query;
        let positions = query.ask("/v1/positions", &[]).await?;
        let sum = |topic: &str| {
            let next = positions["positions"][topic].as_array().into_iter().flatten();
            next.filter_map(|offset| offset.as_u64()).sum()
        };
        let blocks = query.ask("/v1/blocks", &[("from", "0"), ("limit", "1000")]).await?;
        let blocks = blocks["blocks"].as_array().context("blocks is a list")?;
        ensure!(blocks.len() < 1000, "more blocks than one answer shows");
        let events = blocks.iter().filter_map(|block| block["events"].as_u64()).sum();
        Ok(Stored { submissions: sum("scan-events"), notices: sum("notices"), events })
    }

    pub fn token(&self, party: &str) -> anyhow::Result<String> {
        let token = fs::read_to_string(self.county.stack.layout().token(party));
        Ok(token.with_context(|| format!("failed to read the token of {party}"))?.trim().to_owned())
    }

    pub fn url(&self, process: &str) -> anyhow::Result<String> {
        let endpoints = self.county.stack.endpoints()?;
        Ok(match process {
            "manufacturer" => endpoints.manufacturer,
            "distributor" => endpoints.distributor,
            "hospital" => endpoints.hospital,
            _ => endpoints.query,
        })
    }

    pub async fn finish(self) -> anyhow::Result<()> {
        self.county.finish().await
    }
}

//! Submissions signed at the party: the whole note made here, well or badly, as a test wants it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use medtrace_event::{Json, context::Context as JsonLd};
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, Origin, PartyId, Salt, SigningKey, SubmissionKind, seal_submission,
};
use serde_json::{Value, json};

/// Who signs, for which consortium, and when.
#[derive(Debug, Clone)]
pub struct Home {
    pub origin: Origin,
    /// H(genesis text).
    pub genesis: Hash,
    pub party: PartyId,
    pub keys: Vec<SigningKey>,
    /// Unix milliseconds.
    pub time_ms: u64,
}

/// This machine's clock, Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Home {
    pub fn new(genesis: &Genesis, party: &str, key: SigningKey) -> anyhow::Result<Home> {
        let party = party.parse().map_err(|error| anyhow::anyhow!("{party}: {error}"))?;
        let (origin, genesis) = (genesis.origin.clone(), genesis.hash());
        Ok(Home { origin, genesis, party, keys: vec![key], time_ms: now_ms() })
    }

    /// The body of `POST /v1/submissions` with these EPCIS events, each in its sealed form.
    pub fn events(&self, events: &[Value]) -> anyhow::Result<Value> {
        let sealed = events.iter().map(|event| {
            let json = Json::try_from(event).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            let context = JsonLd::of_event(&json).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            let sealed = medtrace_event::seal(json, &context, self.party.as_str());
            Ok(sealed.map_err(|faults| anyhow::anyhow!("{faults:?}"))?.bytes)
        });
        self.body(SubmissionKind::Events, &sealed.collect::<anyhow::Result<Vec<_>>>()?)
    }

    /// The body of `POST /v1/notices` with these notices.
    pub fn notices(&self, notices: &[Value]) -> anyhow::Result<Value> {
        let bytes = notices.iter().map(|notice| {
            let notice = medtrace_registry::Notice::read(notice.to_string().as_bytes());
            Ok(notice.map_err(|faults| anyhow::anyhow!("{faults:?}"))?.to_jcs())
        });
        self.body(SubmissionKind::Notices, &bytes.collect::<anyhow::Result<Vec<_>>>()?)
    }

    /// A body of items that are what they are: nothing is checked here.
    pub fn body(&self, kind: SubmissionKind, items: &[Vec<u8>]) -> anyhow::Result<Value> {
        let mut salts = vec![[0; 16]; items.len()];
        getrandom::fill(salts.as_flattened_mut()).context("failed to gather random bytes")?;
        let item_kind = match kind {
            SubmissionKind::Events => ItemKind::Event,
            SubmissionKind::Notices => ItemKind::Notice,
        };
        let items = items.iter().zip(salts).map(|(bytes, salt)| Item { kind: item_kind, salt: Salt(salt), bytes });
        let leaves: Vec<_> = items.clone().map(|item| item.leaf()).collect();
        let Home { origin, genesis, party, keys, time_ms } = self;
        let sealed = seal_submission(kind, origin, *genesis, party, keys, *time_ms, &leaves)?;
        let shown = items.map(|item| {
            let body: Value = serde_json::from_slice(item.bytes)?;
            Ok(json!({ "kind": item_kind.to_string(), "salt": item.salt.to_string(), "body": body }))
        });
        Ok(json!({ "note": sealed.note, "items": shown.collect::<anyhow::Result<Vec<Value>>>()? }))
    }
}

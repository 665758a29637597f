//! Notices that only the holder of a key may sign: by the authority who takes part, by a party's root key which further
//! keys speak for it. Signed here, posted to an ingest service as a whole submission.
//!
//! ```text
//! POST /v1/notices  {"note": "<signed note>", "items": [{"kind": "N", "salt": "<base64>", "body": {…}}]}
//! ```

mod enrol;

use std::time::Duration;

use anyhow::{Context, bail};
use medtrace_ledger::{
    Custody, Genesis, Item, ItemKind, Note, PartyId, PublicKey, Receipt, Salt, Signer, SubmissionKind, seal_submission,
};
use medtrace_registry::{
    Notice,
    notice::{Key, KeyAction, Party, Role},
};
use medtrace_service::{Problem, unix_ms};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::Client,
    stack::{AUTHORITY, Endpoints, INGEST, Layout, Stack, genesis, signer},
};

/// Longest wait until a notice is sealed and every service acts on it, in milliseconds.
const IN_FORCE_MS_MAX: u64 = 30_000;
/// Pause between two looks, in milliseconds.
const LOOK_PAUSE_MS: u64 = 25;
pub use enrol::{Enrolled, Enrolment, host_of};

/// A consortium of which this machine holds the authority's key.
pub struct Consortium {
    layout: Layout,
    genesis: Genesis,
    endpoints: Endpoints,
}

/// A notice that the log has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Offset in the notices topic (it has one partition).
    offset: u64,
    /// What the service answered.
    pub answer: Value,
}

impl Consortium {
    pub fn new(layout: Layout, endpoints: Endpoints) -> anyhow::Result<Consortium> {
        Ok(Consortium { genesis: genesis(&layout)?, layout, endpoints })
    }

    pub fn of_stack(stack: &Stack) -> anyhow::Result<Consortium> {
        Consortium::new(stack.layout.clone(), stack.endpoints())
    }

    /// The authority's key.
    pub fn authority(&self) -> anyhow::Result<Signer> {
        signer(&self.layout.keys(AUTHORITY), AUTHORITY)
    }

    /// A party notice under the authority's signature.
    pub async fn admit(&self, party: Party) -> anyhow::Result<Taken> {
        let by: PartyId = AUTHORITY.parse().context("failed to name the authority")?;
        self.post(&by, &[self.authority()?], &Notice::Party(party)).await
    }

    /// Enrols a further key of a party: signed by its root key and by the new key itself.
    pub async fn enrol_key(
        &self,
        party: &PartyId,
        root: &Signer,
        key: &Signer,
        custody: Custody,
        roles: Vec<Role>,
    ) -> anyhow::Result<Taken> {
        let notice = Notice::Key(Key {
            party: party.clone(),
            revision: 1,
            public_key: key.key.public(),
            action: KeyAction::Enrol { custody, roles },
        });
        self.post(party, &[root.clone(), key.clone()], &notice).await
    }

    /// Ends a key of a party; signed by its root key. What it signed in blocks from `since` on is suspect.
    pub async fn revoke_key(
        &self,
        party: &PartyId,
        root: &Signer,
        key: PublicKey,
        since: Option<u32>,
    ) -> anyhow::Result<Taken> {
        let notice = Notice::Key(Key {
            party: party.clone(),
            revision: 2,
            public_key: key,
            action: KeyAction::Revoke { since },
        });
        self.post(party, std::slice::from_ref(root), &notice).await
    }

    /// Posts one notice of a party under these keys.
    pub async fn post(&self, party: &PartyId, keys: &[Signer], notice: &Notice) -> anyhow::Result<Taken> {
        let body = sealed(&self.genesis, party, keys, std::slice::from_ref(notice))?;
        let token = std::fs::read_to_string(self.layout.token(party.as_str()))
            .with_context(|| format!("failed to read the token of {party}; make one with `medtrace keys token`"))?;
        let client = Client::new(&self.endpoints.manufacturer, Some(token.trim().to_owned()))?;
        let answer = client.post_json("/v1/notices", &body).await?;
        let receipt = answer["results"][0]["receipt"].as_str().context("the answer has no receipt")?;
        let receipt = Note::parse(receipt).context("failed to read the receipt")?;
        let offset = Receipt::parse(receipt.text()).context("failed to read the receipt")?.offset;
        Ok(Taken { offset, answer })
    }

    /// Waits until a notice is indexed, and every ingest service has followed to the block that holds it.
    pub async fn in_force(&self, taken: &Taken) -> anyhow::Result<()> {
        let query = Client::new(&self.endpoints.query, None)?;
        let deadline = Instant::now() + Duration::from_millis(IN_FORCE_MS_MAX);
        let mut height = None;
        while Instant::now() < deadline {
            if height.is_none() {
                let positions = query.get("/v1/positions", &[]).await?;
                let next = positions["positions"]["notices"][0].as_u64();
                height = next.filter(|next| *next > taken.offset).and(positions["height"].as_u64());
            }
            if let Some(height) = height
                && self.ingest_follows(height).await
            {
                return Ok(());
            }
            sleep(Duration::from_millis(LOOK_PAUSE_MS)).await;
        }
        bail!("a notice was taken by the log but is not in force after {IN_FORCE_MS_MAX} ms")
    }

    async fn ingest_follows(&self, height: u64) -> bool {
        for service in INGEST {
            let Some(admin) = self.endpoints.admin.get(service) else { return false };
            let Ok(client) = Client::new(admin, None) else { return false };
            let followed = client.text("/readyz").await.ok();
            let followed = followed.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok());
            if followed.and_then(|ready| ready["height"].as_u64()).is_none_or(|reached| reached < height) {
                return false;
            }
        }
        true
    }
}

/// Notices of a party under these keys, as an ingest service takes them: one submission.
pub fn sealed(genesis: &Genesis, party: &PartyId, keys: &[Signer], notices: &[Notice]) -> anyhow::Result<Value> {
    let (mut leaves, mut items) = (Vec::new(), Vec::new());
    for notice in notices {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).context("failed to gather random bytes")?;
        let (salt, bytes) = (Salt(salt), notice.to_jcs());
        leaves.push(Item { kind: ItemKind::Notice, salt, bytes: &bytes }.leaf());
        let body: Value = serde_json::from_slice(&bytes).context("failed to read the notice")?;
        items.push(json!({"kind": "N", "salt": salt, "body": body}));
    }
    let keys: Vec<_> = keys.iter().map(|signer| signer.key.clone()).collect();
    let kind = SubmissionKind::Notices;
    let sealed = seal_submission(kind, &genesis.origin, genesis.hash(), party, &keys, unix_ms(), &leaves)
        .context("failed to sign the notice")?;
    Ok(json!({"note": sealed.note, "items": items}))
}

/// Whether a service refused with this violation.
pub fn refused_for(error: &anyhow::Error, code: &str) -> bool {
    let problem = error.chain().find_map(|cause| cause.downcast_ref::<Problem>());
    problem.is_some_and(|problem| problem.errors.iter().any(|violation| violation.code == code))
}

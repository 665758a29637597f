//! Notices: read, written in their one spelling, and judged one after the other as the chain will judge them.
//!
//! ```text
//! {"type": "place", …}      or      [{"type": "place", …}, …]      or      {"notices": [ … ]}
//! ```

use medtrace_event::{Fault, Json};
use medtrace_ledger::{ItemKind, PartyId, PublicKey};
use medtrace_registry::{Notice, Position, Registry};
use medtrace_service::Problem;
use serde_json::{Value, json};

use super::HomeSigned;
use crate::{
    refused::Refused,
    seal::{Body, Size},
};

/// Notices that hold, each as an item.
#[derive(Debug, Clone)]
pub struct AdmittedNotices {
    pub notices: Vec<Notice>,
    pub items: Vec<Body>,
}

impl AdmittedNotices {
    /// What stands for them in the answer.
    pub fn answer(&self) -> Vec<Value> {
        let line = |notice: &Notice| json!({ "subject": notice.subject(), "revision": notice.revision() });
        self.notices.iter().map(line).collect()
    }
}

/// Admits plain notices, to be signed by this key of the party.
pub fn plain_notices(
    body: &[u8],
    registry: &Registry,
    party: &PartyId,
    key: PublicKey,
) -> Result<AdmittedNotices, Problem> {
    let mut refused = Refused::default();
    let json = Json::parse(body).map_err(|fault| {
        refused.fault("", &fault.into());
        std::mem::take(&mut refused).into_problem()
    })?;
    let (list, prefix): (&[Json], &str) = match (&json, json.get("notices")) {
        (Json::Array(list), _) => (list, ""),
        (_, Some(Json::Array(list))) => (list, "/notices"),
        (one, _) => (std::slice::from_ref(one), ""),
    };
    let path =
        |index: usize| if std::ptr::eq(list.as_ptr(), &json) { String::new() } else { format!("{prefix}/{index}") };
    if list.is_empty() {
        refused.fault(prefix, &Fault::new("", "empty", "there should be at least one notice"));
    }
    if list.len() > Size::MAX.items {
        let detail = format!("{} notices; one request takes at most {}", list.len(), Size::MAX.items);
        refused.fault(prefix, &Fault::limit("", "too-many-notices", detail));
    }
    refused.clone().check()?;
    let mut notices = Vec::with_capacity(list.len());
    for (index, json) in list.iter().enumerate() {
        match Notice::read(&json.to_jcs()) {
            Ok(notice) => notices.push(notice),
            Err(faults) => refused.shapes(&path(index), &faults),
        }
    }
    refused.clone().check()?;
    let items = notices.iter().map(|notice| item(notice.to_jcs())).collect::<Vec<_>>();
    let size = items.iter().map(Body::size).fold(Size::default(), Size::plus);
    if !size.fits() {
        let detail = format!("{} bytes; one request takes {}", size.bytes, Size::MAX.bytes);
        refused.fault("", &Fault::limit("", "too-large", detail));
    }
    judge(registry, party, &[key], &notices, path, &mut refused);
    refused.check()?;
    Ok(AdmittedNotices { notices, items })
}

impl HomeSigned {
    /// Judges every notice of a home-signed submission.
    pub fn notices(&self, registry: &Registry) -> Result<AdmittedNotices, Problem> {
        let mut refused = Refused::default();
        let path = |index: usize| format!("/items/{index}/body");
        let mut notices = Vec::with_capacity(self.items.len());
        for (index, body) in self.items.iter().enumerate() {
            match Notice::parse(&body.bytes) {
                Ok(notice) => notices.push(notice),
                Err(faults) => refused.shapes(&path(index), &faults),
            }
        }
        refused.clone().check()?;
        judge(registry, &self.submission.party, &self.submission.public_keys, &notices, path, &mut refused);
        refused.check()?;
        Ok(AdmittedNotices { notices, items: self.items.clone() })
    }
}

/// Applies them to a copy of what holds now, as the next block would.
fn judge(
    registry: &Registry,
    party: &PartyId,
    keys: &[PublicKey],
    notices: &[Notice],
    path: impl Fn(usize) -> String,
    refused: &mut Refused,
) {
    let signers = match registry.signers(party, keys) {
        Ok(signers) => signers,
        Err(refusal) => return refused.right("", &refusal),
    };
    let position = |index: usize| Position { height: u64::MAX, idx: index as u32, time_ms: 0 };
    if let [notice] = notices {
        if let Err(refusal) = registry.check(position(0), &signers, notice) {
            refused.right(&path(0), &refusal);
        }
        return;
    }
    let mut copy = registry.clone();
    for (index, notice) in notices.iter().enumerate() {
        if let Err(refusal) = copy.apply(position(index), &signers, notice) {
            refused.right(&path(index), &refusal);
        }
    }
}

fn item(bytes: Vec<u8>) -> Body {
    Body { kind: ItemKind::Notice, bytes, identifiers: 0 }
}

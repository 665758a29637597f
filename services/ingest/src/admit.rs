//! Admission: size → decode → identifiers → may this party say this → items. Pure: everything it needs is handed in, and
//! nothing it says no to leaves a trace.

mod events;
mod home;
mod notices;
mod scans;

use medtrace_event::{Fault, SealedEvent, document::Entry};
use medtrace_ledger::{ItemKind, PartyId, PublicKey};
use medtrace_registry::{Registry, Role, may};
use medtrace_service::{Kind, Problem};

pub use events::{Part, document_item, one_event};
pub use home::{HomeSigned, home_signed};
pub use notices::{AdmittedNotices, plain_notices};
pub use scans::{AdmittedScan, AdmittedScans, scans};

use crate::{Service, refused::Refused, seal::Body};

/// How far ahead of this service's clock an event may be, in seconds.
pub const AHEAD_S_MAX: i64 = 300;

/// Who speaks, and against what it is judged.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    pub registry: &'a Registry,
    pub party: &'a PartyId,
    /// The key that will sign (hosted) or has signed (at home).
    pub key: PublicKey,
    /// This service's clock, Unix milliseconds.
    pub now_ms: u64,
}

impl Speaker<'_> {
    /// Makes the sealed bytes of an event and checks them and the party's rights. Paths are the event's own.
    pub fn event(&self, entry: &Entry, prefix: &str, refused: &mut Refused) -> Option<SealedEvent> {
        match medtrace_event::seal(entry.json.clone(), &entry.context, self.party.as_str()) {
            Ok(sealed) => self.may(sealed, prefix, refused),
            Err(faults) => {
                refused.faults(prefix, &faults);
                None
            }
        }
    }

    /// Checks an event's time and the party's rights.
    pub fn may(&self, sealed: SealedEvent, prefix: &str, refused: &mut Refused) -> Option<SealedEvent> {
        let ahead = sealed.event.time / 1_000_000 - (self.now_ms / 1000).cast_signed();
        if ahead > AHEAD_S_MAX {
            let detail =
                format!("the event is {ahead} s ahead of this service's clock; at most {AHEAD_S_MAX} s are taken");
            refused.fault(prefix, &Fault::new("/eventTime", "future", detail));
            return None;
        }
        match may(self.registry.now(), self.party, Some(&self.key), &sealed.event) {
            Ok(()) => Some(sealed),
            Err(refusals) => {
                refused.rights(prefix, &refusals);
                None
            }
        }
    }
}

/// Whether this service serves a party: its roles, or the 403 that names the right service.
pub fn served(service: Service, registry: &Registry, party: &PartyId) -> Result<(), Problem> {
    let Some(known) = registry.now().party(party) else {
        let detail = format!("there is no party {party}; the authority admits it by a party notice");
        return Err(Kind::Forbidden.because("the party is not known").at("", "unknown-party", detail));
    };
    let roles: &[Role] = &known.roles;
    if service.serves(roles) {
        return Ok(());
    }
    let detail = match Service::of(roles) {
        Some(right) => format!("{party} is served by the {} service, not by {}", right.name, service.name),
        None => format!("{party} has no role that says anything of goods"),
    };
    Err(Kind::Forbidden.because(detail.clone()).at("", "wrong-service", detail))
}

/// An admitted event as an item.
pub fn item(sealed: &SealedEvent) -> Body {
    Body { kind: ItemKind::Event, identifiers: sealed.event.things().count(), bytes: sealed.bytes.clone() }
}

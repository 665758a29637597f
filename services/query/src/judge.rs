//! The verdict on one code: of the pack, of what is inside a container, of where a lot lies.

mod inside;
mod lot;
mod said;

use std::collections::BTreeMap;

use medtrace_gs1::{Code, Level, Thing};
use medtrace_ledger::EventRef;
use medtrace_registry::{At, Coverage};
use medtrace_service::Problem;
use medtrace_timeline::{Caller, Cut, Purpose, Recall, Scan, Story, Verdict, judge as judge_story};
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::body::erased;
use crate::item::item;
use crate::suspect::suspect;
use crate::view::Snapshot;

pub use inside::THINGS_MAX;
pub use said::Said;

/// For whom a verdict is.
pub struct Asker {
    /// Where the asker stands.
    pub place: Option<Thing>,
    /// What for; to receive if a place is given.
    pub purpose: Option<Purpose>,
}

/// A verdict with its reasons, worst first, and the height it reflects.
pub struct Judged {
    pub verdict: Verdict,
    pub reasons: Vec<Said>,
    pub item: Value,
    /// Events of the reasons that are erased, with the notices that erased them.
    pub erased: BTreeMap<EventRef, EventRef>,
    pub height: Option<u64>,
}

/// Judges one code. `left`: how many things inside containers may still be looked at; what is looked at is taken off.
///
/// # Errors
/// 413 for a history longer than is read, 503 if the store does not answer.
pub async fn judge(
    app: &App,
    snapshot: &Snapshot,
    code: &Code,
    asker: &Asker,
    left: &mut usize,
) -> Result<Judged, Problem> {
    let thing = &code.thing;
    let parts = match thing.level() {
        Level::Instance => None,
        Level::Lot | Level::Class => Some(lot::parts(app, thing).await?),
    };
    let snapshot = parts.as_ref().map_or(snapshot, |(_, newer)| newer);
    let cut = Cut { at: i64::MAX, known: snapshot.known() };
    let story = medtrace_store::read::story(&app.client, thing.clone(), cut).await.map_err(store_failed)?;
    let inside = inside::judge(app, snapshot, &story, left).await?;
    let told = story.entries.iter().filter(|entry| entry.in_force).map(|entry| entry.fact.head.position);
    let suspect = suspect(app, snapshot, snapshot.known(), told).await?;

    let (reasons, item) = {
        let registry = snapshot.registry()?;
        let at = registry.at(snapshot.known());
        let caller = caller(app, code, &story, asker, at);
        let of_itself = judge_story(&story, &scan_of(code), &caller);
        let mut others: Vec<Said> = inside.iter().filter_map(|inside| inside.said_beside(&of_itself.reasons)).collect();
        if let Some((parts, _)) = &parts {
            others.extend(lot::judge(parts, &caller));
        }
        others.extend(Said::suspect(&suspect));
        // What is accepted has a first reason that says why.
        let why = usize::from(of_itself.verdict == Verdict::Accept && !others.is_empty());
        let mut reasons: Vec<Said> = of_itself.reasons.iter().skip(why).map(Said::of).chain(others).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level));
        (reasons, item(thing, &story, at))
    };
    let verdict = match reasons.first().map(|worst| worst.level) {
        Some(medtrace_timeline::Level::Reject) => Verdict::Reject,
        Some(medtrace_timeline::Level::Check) => Verdict::Check,
        _ => Verdict::Accept,
    };
    let erased = erased(app, snapshot, reasons.iter().flat_map(|reason| reason.events.iter().copied())).await?;
    Ok(Judged { verdict, reasons, item, erased, height: snapshot.height })
}

fn scan_of(code: &Code) -> Scan {
    Scan { lot: code.lot.as_ref().map(ToString::to_string), expiry: code.expiry.map(days) }
}

/// Days since 1970-01-01.
pub fn days(date: jiff::civil::Date) -> i32 {
    date.since(jiff::civil::date(1970, 1, 1)).map_or(i32::MIN, |span| span.get_days())
}

fn caller(app: &App, code: &Code, story: &Story, asker: &Asker, at: At<'_>) -> Caller {
    let place = asker.place.as_ref();
    let party = place.and_then(|place| at.owner_of_place(place));
    let known = party.and_then(|party| at.party(party));
    let glns = known.iter().flat_map(|party| &party.glns);
    let mut addresses: Vec<String> = glns.flat_map(|gln| [gln.place().uri(), gln.party().uri()]).collect();
    addresses.extend(place.map(Thing::uri));
    Caller {
        purpose: asker.purpose.unwrap_or(if place.is_some() { Purpose::Receive } else { Purpose::Ask }),
        place: place.map(Thing::uri),
        party: party.map(ToString::to_string),
        addresses,
        ..nobody(app, story, code.lot.as_deref(), at)
    }
}

/// Somebody of whom nothing is known, who asks of the product and its recalls. `label`: the lot on the pack; of one that
/// was never commissioned only that is known.
fn nobody(app: &App, story: &Story, label: Option<&str>, at: At<'_>) -> Caller {
    let lot = [&*story.state.lot, label.unwrap_or_default()].into_iter().find(|lot| !lot.is_empty());
    let covering = story.things.iter().flat_map(|thing| at.recalls_covering(thing, lot));
    let recalls = covering.map(|covered| Recall {
        id: covered.recall.recall.as_str().to_owned(),
        notice: EventRef { height: covered.recall.position.height, idx: covered.recall.position.idx },
        certain: covered.coverage == Coverage::Certain,
    });
    let mut recalls: Vec<Recall> = recalls.collect();
    // The second code of a pack is of the same product.
    recalls.sort_by(|a, b| (&a.id, !a.certain).cmp(&(&b.id, !b.certain)));
    recalls.dedup_by(|a, b| a.id == b.id);
    Caller {
        product_known: story.things.iter().any(|thing| at.product_of(thing).is_some()),
        recalls,
        today: app.config.utc_offset.day(jiff::Timestamp::now()),
        ..Caller::default()
    }
}

/// What no single answer can show.
const NOTE: &str = "that nothing was withheld is shown only by a full witness or an audit";

/// The answer for a code that cannot be read.
pub fn unreadable(text: &str, fault: &str, snapshot: &Snapshot) -> Value {
    let reason = Said {
        code: "unreadable",
        level: medtrace_timeline::Level::Reject,
        zh: format!("无法识别的编码：{fault}"),
        en: format!("this code cannot be read: {fault}"),
        events: Vec::new(),
        inside: None,
    };
    let height = snapshot.height;
    Judged { verdict: Verdict::Reject, reasons: vec![reason], item: Value::Null, erased: BTreeMap::new(), height }
        .json(text)
}

impl Judged {
    /// `{"code", "verdict", "reasons", "item", "erased", "height", "note"}`.
    pub fn json(&self, text: &str) -> Value {
        json!({
            "code": text,
            "verdict": self.verdict,
            "reasons": self.reasons.iter().map(Said::json).collect::<Vec<_>>(),
            "item": self.item,
            "erased": self.erased.iter().map(erasure).collect::<Vec<_>>(),
            "height": self.height,
            "note": NOTE,
        })
    }
}

fn erasure((event, by): (&EventRef, &EventRef)) -> Value {
    json!({ "event": event.to_string(), "by": by.to_string() })
}

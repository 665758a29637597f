//! What is inside a container, judged: nobody unpacks a pallet to learn that a lot on it was recalled.
//!
//! Each thing inside is judged by its own story, as if it were scanned, but for where it is: that the container says. What
//! several things have in common is one reason that says which and how many.

use std::collections::BTreeMap;

use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_service::Problem;
use medtrace_timeline::{Cut, Level, Reason, ReasonCode, Role, Scan, Story, judge as judge_story};
use serde_json::json;

use super::{Said, nobody};
use crate::app::{App, store_failed};
use crate::contents::{contents, lots_inside};
use crate::view::Snapshot;

/// Things inside containers that one request looks at. A container with more is not judged whole.
pub const THINGS_MAX: usize = 10_000;
/// Stories held at one time.
const STORIES_AT_ONCE: usize = 2_000;
/// Things, events and particulars named in one reason.
const SHOWN_MAX: usize = 5;

/// What some of the things inside have in common.
pub enum Inside {
    Some {
        code: ReasonCode,
        particulars: Vec<String>,
        things: Vec<Thing>,
        events: Vec<EventRef>,
        count: usize,
        of: usize,
    },
    /// There is more inside than was looked at.
    NotWhole,
}

/// The reasons of what is inside a container; none of a thing that nothing was ever packed into.
///
/// # Errors
/// As [`super::judge`].
pub async fn judge(
    app: &App,
    snapshot: &Snapshot,
    container: &Story,
    left: &mut usize,
) -> Result<Vec<Inside>, Problem> {
    if !container.entries.iter().any(|entry| entry.fact.role == Role::Parent && entry.via.is_none()) {
        return Ok(Vec::new());
    }
    let cut = Cut { at: i64::MAX, known: snapshot.known() };
    let Some(inside) = contents(&app.client, &container.things, cut, *left).await.map_err(store_failed)? else {
        return Ok(vec![Inside::NotWhole]);
    };
    let mut units: Vec<Thing> = container.things.iter().chain(inside.keys()).cloned().collect();
    units.sort();
    units.dedup();
    let lots = lots_inside(&app.client, &units, cut).await?;
    let whole = lots.is_some();
    let mut things: Vec<Thing> = inside.into_keys().collect();
    things.extend(lots.into_iter().flatten().map(|((lot, _), _)| lot));
    things.sort();
    things.dedup();
    *left = left.saturating_sub(things.len());

    let (mut found, mut of) = (BTreeMap::<ReasonCode, Inside>::new(), 0);
    for some in things.chunks(STORIES_AT_ONCE) {
        let stories = medtrace_store::read::stories(&app.client, some.iter().cloned(), cut).await;
        let stories = stories.map_err(store_failed)?;
        let registry = snapshot.registry()?;
        let at = registry.at(snapshot.known());
        for (thing, story) in some.iter().zip(&stories) {
            // A pack with several codes is inside under each.
            if story.things.iter().any(|other| other < thing && things.binary_search(other).is_ok()) {
                continue;
            }
            of += 1;
            let judgement = judge_story(story, &Scan::default(), &nobody(app, story, None, at));
            let mut reasons = judgement.reasons;
            reasons.retain(|reason| reason.code.level() > Level::Note);
            reasons.sort_by_key(|reason| reason.code);
            for same in reasons.chunk_by(|a, b| a.code == b.code) {
                found.entry(same[0].code).or_insert_with(|| Inside::none(same[0].code)).add(thing, same);
            }
        }
    }
    let found = found.into_values().map(|inside| inside.among(of));
    Ok(found.chain((!whole).then_some(Inside::NotWhole)).collect())
}

impl Inside {
    fn none(code: ReasonCode) -> Inside {
        let (particulars, things, events) = Default::default();
        Inside::Some { code, particulars, things, events, count: 0, of: 0 }
    }

    /// Told of so many things in all.
    fn among(mut self, all: usize) -> Inside {
        if let Inside::Some { of, .. } = &mut self {
            *of = all;
        }
        self
    }

    /// Adds a thing with its reasons of this code.
    fn add(&mut self, thing: &Thing, same: &[Reason]) {
        let Inside::Some { particulars, things, events, count, .. } = self else { return };
        *count += 1;
        if things.len() < SHOWN_MAX {
            things.push(thing.clone());
        }
        for reason in same {
            if particulars.len() < SHOWN_MAX && !particulars.contains(&reason.particular) {
                particulars.push(reason.particular.clone());
            }
            let new = reason.events.iter().filter(|event| !events.contains(event));
            let new: Vec<EventRef> = new.take(SHOWN_MAX.saturating_sub(events.len())).copied().collect();
            events.extend(new);
        }
    }

    /// Whether the container's own reasons say the same already: what happens to a container happens to what is in it.
    fn is_said_by(&self, own: &[Reason]) -> bool {
        let Inside::Some { code, particulars, .. } = self else { return false };
        particulars.iter().all(|said| own.iter().any(|reason| reason.code == *code && reason.particular == *said))
    }

    /// As a reason of the container beside its own.
    pub fn said_beside(&self, own: &[Reason]) -> Option<Said> {
        (!self.is_said_by(own)).then(|| self.said())
    }

    fn said(&self) -> Said {
        let Inside::Some { code, particulars, things, events, count, of } = self else { return not_whole() };
        let reason = Reason { code: *code, particular: particulars.join(", "), events: events.clone() };
        let said = Said::of(&reason);
        let keys: Vec<String> = things.iter().map(Thing::uri).collect();
        let more = if *count > keys.len() { " …" } else { "" };
        let named = keys.join(", ");
        Said {
            zh: format!("内装 {of} 件中 {count} 件：{}（{named}{more}）", said.zh),
            en: format!("{count} of {of} things inside: {} ({named}{more})", said.en),
            inside: Some(json!({ "count": count, "of": of, "keys": keys })),
            ..said
        }
    }
}

fn not_whole() -> Said {
    Said {
        code: "not-judged-whole",
        level: Level::Check,
        zh: "内装物过多，未全部判定；请逐个核验内层包装".to_owned(),
        en: "there is more inside than was judged; verify the packages inside one by one".to_owned(),
        events: Vec::new(),
        inside: None,
    }
}

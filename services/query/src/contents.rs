//! What is inside containers: things with a number of their own from the containment assertions, lots without serials
//! from the packing events.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::{Client, Row};
use futures::{StreamExt, TryStreamExt};
use medtrace_event::Action;
use medtrace_gs1::{Class, Level, Scheme, Thing};
use medtrace_ledger::EventRef;
use medtrace_service::Problem;
use medtrace_store::rows::OPEN;
use medtrace_timeline::{Cut, DEPTH_MAX, Fact, Flags, Role, Sealed, facts_of};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::app::store_failed;
use crate::body::{event_in, submission_at};

/// Containers of one statement: a literal list is limited to 256 KiB of SQL text.
const UNITS_PER_QUERY: usize = 2_000;
/// Most things that one answer unfolds.
pub const CONTENTS_MAX: usize = 200_000;
/// Submissions of packing events that are read to know the lots inside.
const PACKINGS_MAX: usize = 256;
/// Of those, read at one time.
const PACKINGS_AT_ONCE: usize = 4;

#[derive(Row, Deserialize)]
struct Inside {
    parent_class: u64,
    parent_id: String,
    child_class: u64,
    child_id: String,
}

/// Everything that was inside `units` at the cut, at any depth: each thing with the container it was directly in. `None`
/// if that is more than `max`.
///
/// # Errors
/// Those of the store.
pub async fn contents(
    client: &Client,
    units: &[Thing],
    cut: Cut,
    max: usize,
) -> clickhouse::error::Result<Option<BTreeMap<Thing, Thing>>> {
    let mut found: BTreeMap<Thing, Thing> = BTreeMap::new();
    let mut level = units.to_vec();
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for some in level.chunks(UNITS_PER_QUERY) {
            for row in inside(client, some, cut, max + 1).await? {
                let (Some(parent), Some(child)) = (Class::from_u64(row.parent_class), Class::from_u64(row.child_class))
                else {
                    continue;
                };
                let child = Thing::new(child, &row.child_id);
                if found.insert(child.clone(), Thing::new(parent, &row.parent_id)).is_none() {
                    next.push(child);
                }
            }
            if found.len() > max {
                return Ok(None);
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok(Some(found))
}

async fn inside(client: &Client, units: &[Thing], cut: Cut, limit: usize) -> clickhouse::error::Result<Vec<Inside>> {
    let keys: Vec<(u64, &str)> = units.iter().map(|t| (t.class().to_u64(), t.id())).collect();
    client
        .query(
            "SELECT parent_class, parent_id, child_class, child_id FROM containment FINAL
             WHERE (parent_class, parent_id) IN ? AND block <= ?
             GROUP BY parent_class, parent_id, child_class, child_id, from_t, until_t
             HAVING sum(sign) > 0 AND from_t <= ? AND until_t > ? LIMIT ?",
        )
        .bind(keys)
        .bind(cut.known)
        .bind(cut.at)
        // A stay that is not over is over never, not at the end of time.
        .bind(cut.at.min(OPEN - 1))
        .bind(limit as u64)
        .fetch_all::<Inside>()
        .await
}

/// Of these things, those that are another code of a pack that is among them by its first code too: a pack that was put
/// into a container is inside under all its codes.
///
/// # Errors
/// Those of the store.
pub async fn second_codes(
    client: &Client,
    things: &BTreeSet<Thing>,
    cut: Cut,
) -> clickhouse::error::Result<BTreeSet<Thing>> {
    // The first code is a GTIN with a serial, where there is one.
    let others = things.iter().filter(|thing| !matches!(thing.scheme(), Scheme::Item | Scheme::Unit));
    let others: Vec<Thing> = others.cloned().collect();
    let facts = medtrace_store::read::facts_as(client, &others, &[Role::SameAs], cut.known).await?;
    let joined = facts.into_iter().filter(|fact| fact.counts(cut));
    let second =
        |fact: &Fact| fact.counterpart.as_ref().is_some_and(|first| *first < fact.thing && things.contains(first));
    Ok(joined.filter(second).map(|fact| fact.thing).collect())
}

/// How much of which lots is directly inside which of `units` at the cut: what packing events put in less what they took
/// out. Zero where no event said a number of pieces. `None` where more than [`PACKINGS_MAX`] submissions would have to be
/// read.
///
/// # Errors
/// Those of the store and of [`submission_at`].
pub async fn lots_inside(
    client: &Client,
    units: &[Thing],
    cut: Cut,
) -> Result<Option<BTreeMap<(Thing, Thing), Decimal>>, Problem> {
    let facts = medtrace_store::read::facts_as(client, units, &[Role::Parent, Role::Emptied], cut.known).await;
    let mut facts = facts.map_err(store_failed)?;
    facts.retain(|fact| fact.counts(cut));
    facts.sort_by_key(Fact::order);
    let mut packings: BTreeMap<(u64, u32), BTreeSet<EventRef>> = BTreeMap::new();
    for head in facts.iter().map(|fact| &fact.head).filter(|head| head.flags.has(Flags::QUANTITIES)) {
        packings.entry((head.position.height, head.position.ordinal())).or_default().insert(head.position);
    }
    if packings.len() > PACKINGS_MAX {
        return Ok(None);
    }
    let reads: Vec<_> = packings.into_values().map(|of_one| packed_lots(client, of_one)).collect();
    let packed = futures::stream::iter(reads).buffered(PACKINGS_AT_ONCE).try_concat();
    let packed: Vec<(EventRef, Vec<Fact>)> = packed.await?;
    let packed: BTreeMap<EventRef, Vec<Fact>> = packed.into_iter().collect();
    let mut found: BTreeMap<(Thing, Thing), Decimal> = BTreeMap::new();
    for fact in &facts {
        if fact.role == Role::Emptied {
            found.retain(|(_, unit), _| *unit != fact.thing);
        }
        for packed in packed.get(&fact.head.position).into_iter().flatten() {
            pack(&mut found, &fact.thing, packed);
        }
    }
    Ok(Some(found))
}

/// What packing events of one submission say of the lots that they pack.
async fn packed_lots(client: &Client, positions: BTreeSet<EventRef>) -> Result<Vec<(EventRef, Vec<Fact>)>, Problem> {
    let Some(first) = positions.first() else { return Ok(Vec::new()) };
    let (_, unpacked) = submission_at(client, *first).await?;
    let mut lots = Vec::with_capacity(positions.len());
    for position in positions.iter().copied() {
        let event = event_in(client, &unpacked, position).await?;
        let (party, flags, submission) = Default::default();
        let mut facts = facts_of(&event, &Sealed { position, note_ms: 0, submission, index: 0, party, flags });
        facts.retain(|fact| fact.role == Role::Child && fact.thing.level() != Level::Instance);
        lots.push((position, facts));
    }
    Ok(lots)
}

fn pack(found: &mut BTreeMap<(Thing, Thing), Decimal>, unit: &Thing, packed: &Fact) {
    let key = (packed.thing.clone(), unit.clone());
    let amount = packed.quantity.unwrap_or_default();
    match packed.head.action {
        Some(Action::Add) => {
            let inside = found.entry(key).or_default();
            *inside = inside.saturating_add(amount);
        }
        Some(Action::Delete) => {
            if let Some(inside) = found.get_mut(&key) {
                *inside = inside.saturating_sub(amount);
                if *inside <= Decimal::ZERO {
                    found.remove(&key);
                }
            }
        }
        _ => {}
    }
}

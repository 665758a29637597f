//! Reach: who holds how much of a lot, in which state, sealed inside which container.
//!
//! Items are counted in the store by their own words (container, place, holder, condition), a few groups whatever the
//! size of the lot; each group is then seen through its containers, looked up once each. Lots without serials come from
//! their balances.

mod scope;

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::{Client, Row};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{LotBalanceRow, UnitStateRow, moment};
use medtrace_timeline::{Balance, DEPTH_MAX, State, Whereabouts};
use rust_decimal::Decimal;
use serde::Deserialize;

pub use scope::Scope;

/// Containers of one statement: a literal list is limited to 256 KiB of SQL text.
const UNITS_PER_QUERY: usize = 2_000;

/// One part of the goods, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub amount: Decimal,
    pub condition: String,
    /// Canonical URI; empty while on the way or unknown.
    pub place: String,
    pub holder: String,
    /// Canonical URI of where it is bound.
    pub heading: String,
    /// The outermost container it is sealed in.
    pub sealed_in: Option<Thing>,
    /// The newest event that any of it was scanned in: instant in µs and name.
    pub last: Option<(i64, EventRef)>,
}

/// All parts. `commissioned = Σ parts + unaccounted`.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    pub parts: Vec<Part>,
    pub commissioned: Decimal,
    pub unaccounted: Decimal,
    /// Items that were only ever scanned; in no part.
    pub never_commissioned: Decimal,
    /// The business step of every part's last event; empty where it said none.
    pub steps: BTreeMap<EventRef, String>,
    /// The newest block that any row reflects.
    pub height: u64,
}

/// Items that share their own words.
#[derive(Row, Deserialize)]
struct Group {
    commissioned: bool,
    container_class: u64,
    container_id: String,
    condition: String,
    place: String,
    holder: String,
    heading: String,
    amount: u64,
    placed: i64,
    held: i64,
    disposed: i64,
    last_t: i64,
    last_block: u64,
    last_idx: u32,
    newest: u64,
}

/// Adds up the reach of several scopes. Every pack is counted once, however many codes it carries and however many
/// scopes name it.
///
/// # Errors
/// Those of the store; a row that nothing writes.
pub async fn reach(client: &Client, scopes: &[Scope]) -> clickhouse::error::Result<Reach> {
    let mut groups = Vec::new();
    let mut balances = Vec::new();
    for scope in Scope::disjoint(scopes) {
        groups.extend(items(client, &scope).await?);
        balances.extend(lots(client, &scope).await?);
    }
    let mut units: BTreeSet<Thing> = groups.iter().filter_map(Group::container).collect();
    units.extend(balances.iter().flat_map(|(b, _)| b.parts.keys()).filter_map(|bin| match &bin.whereabouts {
        Whereabouts::Inside(unit) => Some(unit.clone()),
        _ => None,
    }));
    let (states, newest) = states_upward(client, units).await?;
    let mut reach = Reach { height: newest >> 32, ..Reach::default() };
    for group in groups {
        reach.height = reach.height.max(group.newest >> 32);
        if !group.commissioned {
            reach.never_commissioned += Decimal::from(group.amount);
            continue;
        }
        reach.commissioned += Decimal::from(group.amount);
        reach.parts.push(seen_through(group, &states));
    }
    for (balance, ver) in balances {
        reach.height = reach.height.max(ver >> 32);
        reach.commissioned += balance.commissioned;
        reach.unaccounted += balance.unaccounted();
        reach.parts.extend(balance_parts(&balance, &states));
    }
    reach.steps = steps(client, reach.parts.iter().filter_map(|part| part.last).map(|(_, event)| event)).await?;
    Ok(reach)
}

async fn steps(
    client: &Client,
    events: impl Iterator<Item = EventRef>,
) -> clickhouse::error::Result<BTreeMap<EventRef, String>> {
    let names: BTreeSet<(u64, u32)> = events.map(|event| (event.height, event.idx)).collect();
    let names: Vec<(u64, u32)> = names.into_iter().collect();
    let mut steps = BTreeMap::new();
    for some in names.chunks(UNITS_PER_QUERY) {
        let query = client.query("SELECT block, idx, step FROM event FINAL WHERE (block, idx) IN ?").bind(some);
        let rows = query.fetch_all::<(u64, u32, String)>().await?;
        steps.extend(rows.into_iter().map(|(height, idx, step)| (EventRef { height, idx }, step)));
    }
    Ok(steps)
}

async fn items(client: &Client, scope: &Scope) -> clickhouse::error::Result<Vec<Group>> {
    let mut conditions = vec!["class IN ? AND NOT alias".to_owned()];
    if !scope.all {
        let ranges = scope.serials.iter().map(|_| " OR (length(id) = ? AND id >= ? AND id <= ?)");
        conditions.push(format!("(lot IN ?{})", ranges.collect::<String>()));
    }
    let sql = format!(
        "SELECT commissioned, container_class, container_id, condition, place, holder, heading, count() AS amount,
                max(placed) AS placed, max(held) AS held, max(disposed) AS disposed, max(l.last_t) AS last_t,
                argMax(l.last_block, (l.last_t, l.last_block, l.last_idx)) AS last_block,
                argMax(l.last_idx, (l.last_t, l.last_block, l.last_idx)) AS last_idx, max(ver) AS newest
         FROM lot_item AS l FINAL WHERE {}
         GROUP BY commissioned, container_class, container_id, condition, place, holder, heading",
        conditions.join(" AND ")
    );
    let classes: Vec<u64> = scope.classes.iter().map(|class| class.to_u64()).collect();
    let mut query = client.query(&sql).bind(classes);
    if !scope.all {
        query = query.bind(&scope.lots);
        for range in &scope.serials {
            query = query.bind(range.from.len() as u64).bind(&range.from).bind(&range.to);
        }
    }
    query.fetch_all::<Group>().await
}

async fn lots(client: &Client, scope: &Scope) -> clickhouse::error::Result<Vec<(Balance, u64)>> {
    let sql = match scope.all {
        true => "SELECT ?fields FROM lot_balance FINAL WHERE class IN ?",
        false => "SELECT ?fields FROM lot_balance FINAL WHERE class IN ? AND lot IN ?",
    };
    let classes: Vec<u64> = scope.classes.iter().map(|class| class.to_u64()).collect();
    let mut query = client.query(sql).bind(classes);
    if !scope.all {
        query = query.bind(&scope.lots);
    }
    let rows = query.fetch_all::<LotBalanceRow>().await?;
    rows.into_iter().map(|row| Ok((parse(&row.balance)?, row.ver))).collect()
}

/// The own states of these containers and of all that they are in, with the newest version of any of them.
///
/// # Errors
/// Those of the store; a state that nothing writes.
async fn states_upward(
    client: &Client,
    mut wanted: BTreeSet<Thing>,
) -> clickhouse::error::Result<(BTreeMap<Thing, State>, u64)> {
    let mut states: BTreeMap<Thing, State> = BTreeMap::new();
    let mut newest = 0;
    while !wanted.is_empty() {
        let keys: Vec<(u64, &str)> = wanted.iter().map(|t| (t.class().to_u64(), t.id())).collect();
        let mut rows = Vec::new();
        for some in keys.chunks(UNITS_PER_QUERY) {
            let query = client.query("SELECT ?fields FROM unit_state FINAL WHERE (class, id) IN ?").bind(some);
            rows.extend(query.fetch_all::<UnitStateRow>().await?);
        }
        for row in rows {
            newest = newest.max(row.ver);
            if let Some(class) = Class::from_u64(row.class) {
                states.insert(Thing::new(class, &row.id), parse(&row.state)?);
            }
        }
        let above = states.values().filter_map(|state| state.inside.as_ref()).map(|(outer, _)| outer.clone());
        let next: BTreeSet<Thing> =
            above.filter(|outer| !states.contains_key(outer) && !wanted.contains(outer)).collect();
        wanted = next;
    }
    Ok((states, newest))
}

fn parse<T: for<'a> Deserialize<'a>>(json: &str) -> clickhouse::error::Result<T> {
    serde_json::from_str(json)
        .map_err(|e| clickhouse::error::Error::Custom(format!("a state that nothing writes: {e}")))
}

impl Group {
    fn container(&self) -> Option<Thing> {
        (self.container_class != 0)
            .then(|| Class::from_u64(self.container_class))
            .flatten()
            .map(|class| Thing::new(class, &self.container_id))
    }
}

/// Containers from the innermost outward, with their states.
fn chain<'a>(
    innermost: &Thing,
    states: &'a BTreeMap<Thing, State>,
) -> impl Iterator<Item = (Thing, Option<&'a State>)> {
    let mut next = Some(innermost.clone());
    std::iter::from_fn(move || {
        let unit = next.take()?;
        let state = states.get(&unit);
        next = state.and_then(|s| s.inside.as_ref()).map(|(outer, _)| outer.clone());
        Some((unit, state))
    })
    .take(DEPTH_MAX)
}

/// A group as its containers make it now: of each field the latest word counts.
fn seen_through(group: Group, states: &BTreeMap<Thing, State>) -> Part {
    let container = group.container();
    let mut part = Part {
        amount: Decimal::from(group.amount),
        condition: group.condition,
        place: group.place,
        holder: group.holder,
        heading: group.heading,
        sealed_in: None,
        last: Some((group.last_t, EventRef { height: group.last_block, idx: group.last_idx })),
    };
    let Some(container) = container else { return part };
    let ended = matches!(&*part.condition, "dispensed" | "destroyed" | "inactive");
    let (mut placed, mut held, mut disposed) = (group.placed, group.held, group.disposed);
    for (unit, state) in chain(&container, states) {
        part.sealed_in = Some(unit);
        let Some(state) = state.filter(|_| !ended) else { continue };
        if moment(state.placed) > placed {
            placed = moment(state.placed);
            part.place = state.place.to_string();
            part.heading = state.heading.as_deref().unwrap_or_default().to_owned();
        }
        if moment(state.held) > held {
            held = moment(state.held);
            part.holder = state.holder.to_string();
        }
        if moment(state.disposed) > disposed && state.ended.is_none() && part.condition != "partially_dispensed" {
            disposed = moment(state.disposed);
            part.condition = state.condition().to_owned();
        }
        part.last = part.last.max(state.last.as_ref().map(|mark| (mark.order.at, mark.position)));
    }
    part
}

fn balance_parts(balance: &Balance, states: &BTreeMap<Thing, State>) -> Vec<Part> {
    let part = |(bin, amount): (&medtrace_timeline::Bin, &Decimal)| {
        let mut part = Part {
            amount: *amount,
            condition: bin.condition.to_string(),
            place: String::new(),
            holder: bin.holder.to_string(),
            heading: String::new(),
            sealed_in: None,
            last: balance.last,
        };
        match &bin.whereabouts {
            Whereabouts::Place(place) => part.place = place.to_string(),
            Whereabouts::Heading(heading) => part.heading = heading.to_string(),
            Whereabouts::Inside(unit) => {
                for (unit, state) in chain(unit, states) {
                    part.sealed_in = Some(unit);
                    let Some(state) = state else { continue };
                    (part.place, part.holder) = (state.place.to_string(), state.holder.to_string());
                    part.heading = state.heading.as_deref().unwrap_or_default().to_owned();
                    part.condition = state.condition().to_owned();
                }
            }
        }
        part
    };
    balance.parts.iter().map(part).collect()
}

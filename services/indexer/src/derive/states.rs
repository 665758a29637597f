//! What a new fold says in rows: the state, stays withdrawn and asserted, alerts.

use medtrace_gs1::{Scheme, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{AlertRow, ContainmentRow, LotBalanceRow, LotItemRow, OPEN, UnitStateRow, moment, version};
use medtrace_timeline::{Balance, Irregular, Settled, State, Stay};

use super::Work;

/// Irregularities that raise an alert when a fold first shows them, with the alert's code.
const ALERTS: &[(Irregular, &str)] = &[
    (Irregular::COMMISSIONED_TWICE, "commissioned-twice"),
    (Irregular::BEFORE_COMMISSIONING, "before-commissioning"),
    (Irregular::AFTER_END, "after-end"),
    (Irregular::USED_TWICE, "used-twice"),
    (Irregular::TWO_CONTAINERS, "two-containers"),
    (Irregular::RECEIVED_NOT_SHIPPED, "received-not-shipped"),
    (Irregular::SHIPPED_NOT_HELD, "shipped-not-held"),
];

/// What is known of a serialised thing beside its fold; see [`super::memo::ThingMemo`].
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub container: bool,
    pub alias: bool,
}

/// The rows of a serialised thing; `before` is `None` if it is new.
pub(super) fn settled_rows(
    thing: &Thing,
    before: Option<&Settled>,
    after: &Settled,
    kept: Kept,
    by: EventRef,
    work: &mut Work<'_>,
) -> anyhow::Result<()> {
    assert_stays(thing, before.map_or(&[], |before| &before.stays), &after.stays, by, work);
    alert(thing, &after.state, before.map_or(Irregular::default(), |before| before.state.irregular), by, work);
    if thing.product().is_some() {
        list_item(thing, &after.state, kept.alias, before.map(|before| &*before.state.lot), by, work);
    }
    // A logistic unit or asset, or anything that was packed into.
    if kept.container || matches!(thing.scheme(), Scheme::Unit | Scheme::Grai | Scheme::Giai) {
        work.rows.unit_states.push(UnitStateRow {
            class: thing.class().to_u64(),
            id: thing.id().to_owned(),
            state: serde_json::to_string(&after.state)?,
            ver: version(by),
        });
    }
    Ok(())
}

pub(super) fn balance_row(lot: &Thing, balance: &Balance, by: EventRef) -> anyhow::Result<LotBalanceRow> {
    let balance = serde_json::to_string(balance)?;
    Ok(LotBalanceRow { class: lot.class().to_u64(), lot: lot.id().to_owned(), balance, ver: version(by) })
}

/// −1 for each stay that the new fold no longer tells, +1 for each that it tells anew.
fn assert_stays(child: &Thing, before: &[Stay], after: &[Stay], by: EventRef, work: &mut Work<'_>) {
    let (before, after) = (told(before), told(after));
    let mut assert = |(parent, from_t, until_t): &(&Thing, i64, i64), sign: i8| {
        work.rows.containments.push(ContainmentRow {
            parent_class: parent.class().to_u64(),
            parent_id: parent.id().to_owned(),
            child_class: child.class().to_u64(),
            child_id: child.id().to_owned(),
            from_t: *from_t,
            until_t: *until_t,
            block: by.height,
            idx: by.idx,
            sign,
        });
    };
    before.iter().filter(|stay| !after.contains(stay)).for_each(|stay| assert(stay, -1));
    after.iter().filter(|stay| !before.contains(stay)).for_each(|stay| assert(stay, 1));
}

/// Stays as the table tells them, by instants: two within one instant are one.
fn told(stays: &[Stay]) -> Vec<(&Thing, i64, i64)> {
    let mut told: Vec<_> =
        stays.iter().map(|stay| (&stay.container, stay.from.at, stay.to.map_or(OPEN, |to| to.at))).collect();
    told.sort();
    told.dedup();
    told
}

fn alert(thing: &Thing, state: &State, before: Irregular, by: EventRef, work: &mut Work<'_>) {
    let last = state.last.as_ref();
    let news = |what: &Irregular| state.irregular.has(*what) && !before.has(*what);
    for (_, code) in ALERTS.iter().filter(|(what, _)| news(what)) {
        work.rows.alerts.push(AlertRow {
            block: by.height,
            idx: by.idx,
            code: (*code).to_owned(),
            class: thing.class().to_u64(),
            id: thing.id().to_owned(),
            party: last.map_or_else(String::new, |m| m.party.to_string()),
            place: last.map_or_else(String::new, |m| m.place.to_string()),
            detail: String::new(),
        });
    }
}

/// The item's row under its lot; under a lot that it had before, a tombstone.
fn list_item(thing: &Thing, state: &State, alias: bool, before: Option<&str>, by: EventRef, work: &mut Work<'_>) {
    let (container, since) = state.inside.as_ref().map_or((None, 0), |(c, since)| (Some(c), since.at));
    let last = state.last.as_ref();
    let row = LotItemRow {
        class: thing.class().to_u64(),
        lot: state.lot.to_string(),
        id: thing.id().to_owned(),
        container_class: container.map_or(0, |c| c.class().to_u64()),
        container_id: container.map_or_else(String::new, |c| c.id().to_owned()),
        since,
        condition: state.condition().to_owned(),
        place: state.place.to_string(),
        holder: state.holder.to_string(),
        heading: state.heading.as_deref().unwrap_or_default().to_owned(),
        placed: moment(state.placed),
        held: moment(state.held),
        disposed: moment(state.disposed),
        irregular: state.irregular.0,
        commissioned: state.commissioned.is_some(),
        alias,
        last_t: last.map_or(0, |m| m.order.at),
        last_block: last.map_or(0, |m| m.position.height),
        last_idx: last.map_or(0, |m| m.position.idx),
        ver: version(by),
        is_deleted: 0,
    };
    if let Some(lot) = before.filter(|lot| *lot != row.lot) {
        work.rows.lot_items.push(LotItemRow { lot: lot.to_owned(), is_deleted: 1, ..row.clone() });
    }
    work.rows.lot_items.push(row);
}

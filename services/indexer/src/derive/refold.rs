//! Folding the touched things again: state rows, containment assertions, alerts.

use std::collections::BTreeMap;
use std::rc::Rc;

use medtrace_event::Action;
use medtrace_gs1::{Level, Scheme, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{AlertRow, ContainmentRow, FactRow, LotBalanceRow, LotItemRow, OPEN, UnitStateRow, moment, version};
use medtrace_timeline::{Balance, Cut, Fact, Irregular, Role, State, Story, Walk};

use super::memo::{FoldMemo, Stay, ThingKey};
use super::{Deriver, Things, Touch, Work};
use crate::keyed::{Key, Keyed, Overlay};

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

impl<K: Keyed> Deriver<K> {
    pub(super) fn refold(&mut self, work: &mut Work<'_>) -> anyhow::Result<()> {
        self.touch_dependents(work)?;
        let mut read = Facts::default();
        for (thing, touch) in std::mem::take(&mut work.touched) {
            let facts = read.of(&self.keyed, &thing)?;
            match thing.level() {
                Level::Instance => self.refold_instance(&thing, &facts, &mut read, touch.by, work)?,
                Level::Lot | Level::Class => {
                    let balance = serde_json::to_string(&Balance::of(&facts, Cut::ALL))?;
                    let (class, lot) = (thing.class().to_u64(), thing.id().to_owned());
                    work.rows.lot_balances.push(LotBalanceRow { class, lot, balance, ver: version(touch.by) });
                }
            }
        }
        Ok(())
    }

    /// What else folds again with what was touched: whatever was in a container that was emptied, or that something is
    /// now told of at a time when others had not left it yet; and the other codes on the same pack.
    fn touch_dependents(&self, work: &mut Work<'_>) -> anyhow::Result<()> {
        let mut open: Vec<Thing> = work.touched.keys().cloned().collect();
        while let Some(thing) = open.pop() {
            let Some(Touch { by, earliest }) = work.touched.get(&thing).copied() else { continue };
            let mut dependents: Vec<Thing> = Vec::new();
            let emptied = !self.keyed.scan::<FactRow>(&Key::of(b'M').thing(&thing).end())?.is_empty();
            let left: Option<i64> = self.keyed.get(&Key::of(b'L').thing(&thing).end())?;
            if emptied || left.is_some_and(|left| earliest <= left) {
                let children = self.keyed.scan::<ThingKey>(&Key::of(b'C').thing(&thing).end())?;
                dependents.extend(children.iter().filter_map(|(_, child)| child.thing()));
            }
            dependents.extend(self.same_as(&thing)?);
            for dependent in dependents {
                if work.touch(&dependent, by, earliest) {
                    open.push(dependent);
                }
            }
        }
        Ok(())
    }

    fn refold_instance(
        &mut self,
        thing: &Thing,
        facts: &[Fact],
        read: &mut Facts,
        by: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let story = self.settled(thing, read)?;
        let state = &story.state;
        let slot = Key::of(b'S').thing(thing).end();
        let before: FoldMemo = self.keyed.get(&slot)?.unwrap_or_default();
        let after = FoldMemo {
            lot: state.lot.to_string(),
            irregular: state.irregular.0,
            stays: story.stays.iter().map(stay).collect(),
            listed: thing.product().is_some(),
        };
        self.remember_leaving(&story)?;
        assert_stays(thing, &before.stays, &after.stays, by, work);
        alert(thing, state, before.irregular, by, work);
        if after.listed {
            list_item(thing, state, &before, by, work);
        }
        if is_container(thing, facts) {
            work.rows.unit_states.push(UnitStateRow {
                class: thing.class().to_u64(),
                id: thing.id().to_owned(),
                state: serde_json::to_string(state)?,
                ver: version(by),
            });
        }
        self.keyed.put(slot, &after)
    }

    /// The thing's own part of the present. Of a container that it is in and never left before, only the emptyings are
    /// read: a container may have been packed a thousand times.
    fn settled(&self, thing: &Thing, read: &mut Facts) -> anyhow::Result<Story> {
        let mut walk = Walk::new(thing.clone(), Cut::ALL);
        let own = read.of(&self.keyed, thing)?;
        let left: Things = own
            .iter()
            .filter(|f| f.role == Role::Child && f.head.action == Some(Action::Delete))
            .filter_map(|f| f.counterpart.clone())
            .collect();
        let packed = own.iter().filter(|f| f.role == Role::Child && f.head.action == Some(Action::Add)).count();
        loop {
            let wanted = walk.wanted();
            let Some(next) = wanted.first() else { return Ok(walk.finish_settled()) };
            let only_emptyings = next != thing && packed == 1 && left.is_empty() && !self.was_emptied(next)?;
            let facts = if only_emptyings { Vec::new() } else { read.of(&self.keyed, next)?.to_vec() };
            walk.supply(next.clone(), facts);
        }
    }

    fn was_emptied(&self, container: &Thing) -> anyhow::Result<bool> {
        Ok(!self.keyed.scan::<FactRow>(&Key::of(b'M').thing(container).end())?.is_empty())
    }

    fn remember_leaving(&mut self, story: &Story) -> anyhow::Result<()> {
        for (container, to) in story.stays.iter().filter_map(|s| Some((&s.container, s.to?))) {
            let slot = Key::of(b'L').thing(container).end();
            if self.keyed.get::<i64>(&slot)?.is_none_or(|left| left < to.at) {
                self.keyed.put(slot, &to.at)?;
            }
        }
        Ok(())
    }

    fn same_as(&self, thing: &Thing) -> anyhow::Result<Vec<Thing>> {
        let prefix = Key::of(b'J').thing(thing).end();
        Ok(self.keyed.scan::<ThingKey>(&prefix)?.iter().filter_map(|(_, other)| other.thing()).collect())
    }
}

/// The facts read while one block is folded.
#[derive(Default)]
struct Facts(BTreeMap<Thing, Rc<[Fact]>>);

impl Facts {
    /// Every fact of a thing, withdrawn ones included.
    fn of<K: Keyed>(&mut self, keyed: &Overlay<K>, thing: &Thing) -> anyhow::Result<Rc<[Fact]>> {
        if let Some(facts) = self.0.get(thing) {
            return Ok(facts.clone());
        }
        let rows = keyed.scan::<FactRow>(&Key::of(b'F').thing(thing).end())?;
        let facts: anyhow::Result<Rc<[Fact]>> = rows.into_iter().map(|(_, row)| Ok(Fact::try_from(row)?)).collect();
        let facts = facts?;
        self.0.insert(thing.clone(), facts.clone());
        Ok(facts)
    }
}

/// A logistic unit or asset, or anything that was packed into.
fn is_container(thing: &Thing, facts: &[Fact]) -> bool {
    matches!(thing.scheme(), Scheme::Unit | Scheme::Grai | Scheme::Giai)
        || facts
            .iter()
            .any(|f| matches!(f.role, Role::Parent | Role::Emptied) && f.head.action != Some(Action::Observe))
}

fn stay(stay: &medtrace_timeline::Stay) -> Stay {
    Stay { parent: ThingKey::from(&stay.container), from: stay.from.at, until: stay.to.map_or(OPEN, |to| to.at) }
}

/// −1 for each stay that the new fold no longer tells, +1 for each that it tells anew.
fn assert_stays(child: &Thing, before: &[Stay], after: &[Stay], by: EventRef, work: &mut Work<'_>) {
    let mut assert = |stay: &Stay, sign: i8| {
        work.rows.containments.push(ContainmentRow {
            parent_class: stay.parent.0,
            parent_id: stay.parent.1.clone(),
            child_class: child.class().to_u64(),
            child_id: child.id().to_owned(),
            from_t: stay.from,
            until_t: stay.until,
            block: by.height,
            idx: by.idx,
            sign,
        });
    };
    before.iter().filter(|stay| !after.contains(stay)).for_each(|stay| assert(stay, -1));
    after.iter().filter(|stay| !before.contains(stay)).for_each(|stay| assert(stay, 1));
}

fn alert(thing: &Thing, state: &State, before: u32, by: EventRef, work: &mut Work<'_>) {
    let last = state.last.as_ref();
    let news = |what: &Irregular| state.irregular.has(*what) && before & what.0 == 0;
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
fn list_item(thing: &Thing, state: &State, before: &FoldMemo, by: EventRef, work: &mut Work<'_>) {
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
        last_t: last.map_or(0, |m| m.order.at),
        last_block: last.map_or(0, |m| m.position.height),
        last_idx: last.map_or(0, |m| m.position.idx),
        ver: version(by),
        is_deleted: 0,
    };
    if before.listed && before.lot != row.lot {
        work.rows.lot_items.push(LotItemRow { lot: before.lot.clone(), is_deleted: 1, ..row.clone() });
    }
    work.rows.lot_items.push(row);
}

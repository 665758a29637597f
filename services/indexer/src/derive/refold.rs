//! Folding the touched things again: by applying what is new where it comes last in order, else from all facts.

use std::collections::{BTreeMap, BTreeSet};

use medtrace_event::Action;
use medtrace_gs1::{Level, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::OPEN;
use medtrace_timeline::{Balance, Cut, Fact, Role, Settled, Walk};

pub(super) use super::reader::Reader;

use super::memo::{Fold, ThingKey, ThingMemo};
use super::states::{Kept, balance_row, settled_rows};
use super::{Deriver, Touch, Work};
use crate::keyed::{Key, Keyed, Parts, after};

/// A thing to be folded.
struct Job {
    touch: Touch,
    before: Option<ThingMemo>,
    container: bool,
    codes: BTreeSet<ThingKey>,
}

impl<K: Keyed> Deriver<K> {
    pub(super) fn refold(&mut self, work: &mut Work<'_>) -> anyhow::Result<()> {
        let mut reader = Reader::default();
        for (thing, job) in self.jobs(std::mem::take(&mut work.touched))? {
            let by = job.touch.by;
            let (fold, alias) = match thing.level() {
                Level::Instance => {
                    let (before, after, alias) = self.fold_instance(&thing, &job, &mut reader)?;
                    self.depend(&thing, &tellers(&before), &tellers(&after))?;
                    let before = job.before.is_some().then_some(&before);
                    settled_rows(&thing, before, &after, Kept { container: job.container, alias }, by, work)?;
                    (Fold::One(Box::new(after)), alias)
                }
                Level::Lot | Level::Class => {
                    let balance = self.fold_lot(&thing, &job, &mut reader)?;
                    work.rows.lot_balances.push(balance_row(&thing, &balance, by)?);
                    (Fold::Many(Box::new(balance)), false)
                }
            };
            let memo = ThingMemo { fold, container: job.container, codes: job.codes, alias };
            self.keyed.put(memo_slot(&thing), &memo)?;
        }
        Ok(())
    }

    /// What was touched, and whatever folds with it: the other codes on the same pack, and whatever was in a container
    /// of which something is now told at a time when it was inside.
    fn jobs(&self, touched: BTreeMap<Thing, Touch>) -> anyhow::Result<BTreeMap<Thing, Job>> {
        let mut jobs = BTreeMap::new();
        for (thing, touch) in touched {
            jobs.insert(thing.clone(), self.job(&thing, touch)?);
        }
        let mut open: Vec<Thing> = jobs.keys().cloned().collect();
        while let Some(thing) = open.pop() {
            let Some(job) = jobs.get(&thing) else { continue };
            let Touch { by, earliest, .. } = job.touch;
            for dependent in self.dependents(&thing, job)? {
                let news = match jobs.get_mut(&dependent) {
                    Some(job) => job.touch.anew(by, earliest, false),
                    None => {
                        let mut touch = Touch::new(by, earliest);
                        touch.anew(by, earliest, false);
                        jobs.insert(dependent.clone(), self.job(&dependent, touch)?);
                        true
                    }
                };
                if news {
                    open.push(dependent);
                }
            }
        }
        Ok(jobs)
    }

    fn job(&self, thing: &Thing, touch: Touch) -> anyhow::Result<Job> {
        let before: Option<ThingMemo> = self.keyed.get(&memo_slot(thing))?;
        let (mut container, mut codes) =
            before.as_ref().map_or_else(Default::default, |b| (b.container, b.codes.clone()));
        for fact in &touch.facts {
            let opens = matches!(fact.role, Role::Parent | Role::Emptied);
            container |= opens && fact.head.action != Some(Action::Observe);
            codes.extend(fact.counterpart.iter().filter(|_| fact.role == Role::SameAs).map(ThingKey::from));
        }
        Ok(Job { touch, before, container, codes })
    }

    fn dependents(&self, thing: &Thing, job: &Job) -> anyhow::Result<Vec<Thing>> {
        if thing.level() != Level::Instance {
            return Ok(Vec::new());
        }
        let mut dependents: Vec<Thing> = job.codes.iter().filter_map(ThingKey::thing).collect();
        if job.container {
            let told = Key::of(b'D').thing(thing).end();
            let from = Key::of(b'D').thing(thing).instant(job.touch.earliest).end();
            // What is inside now sees nothing of the container but its emptyings.
            let to = match job.touch.emptied {
                true => after(&told),
                false => Key::of(b'D').thing(thing).instant(OPEN).end(),
            };
            let found = self.keyed.range(&from.clone().min(to.clone()), &to)?;
            dependents.extend(found.iter().filter_map(|(key, _)| Parts(key.get(from.len()..)?).thing()));
        }
        dependents.retain(|dependent| dependent != thing);
        Ok(dependents)
    }

    /// The folds before and after, and whether another code stands for the pack now.
    fn fold_instance(&self, thing: &Thing, job: &Job, reader: &mut Reader) -> anyhow::Result<(Settled, Settled, bool)> {
        let before = match job.before.as_ref().map(|memo| &memo.fold) {
            Some(Fold::One(settled)) => (**settled).clone(),
            _ => Settled::default(),
        };
        if !job.touch.anew {
            let mut settled = before.clone();
            let mut all = true;
            for fact in in_order(&job.touch.facts) {
                let emptied = reader.last_emptied(&self.keyed, fact)?;
                all = all && settled.append(fact, |_| emptied);
            }
            if all {
                return Ok((before, settled, job.before.as_ref().is_some_and(|memo| memo.alias)));
            }
        }
        let (after, alias) = self.settled(thing, reader)?;
        Ok((before, after, alias))
    }

    /// The thing's own part of the present, from all facts, and whether another code stands for the pack. Of the one
    /// container that it was ever in, never left and that was never emptied, nothing is read: it may have been packed a
    /// thousand times.
    fn settled(&self, thing: &Thing, reader: &mut Reader) -> anyhow::Result<(Settled, bool)> {
        let own = reader.facts_of(&self.keyed, thing)?;
        let joined = own.iter().any(|fact| fact.role == Role::SameAs);
        let mut packed = own.iter().filter(|fact| fact.role == Role::Child);
        let mut still_in = match (packed.next(), packed.next()) {
            (Some(fact), None) if !joined && fact.head.action == Some(Action::Add) => fact.counterpart.clone(),
            _ => None,
        };
        if let Some(container) = &still_in
            && reader.emptyings(&self.keyed, container)?.is_some()
        {
            still_in = None;
        }
        let mut walk = Walk::new(thing.clone(), Cut::ALL);
        loop {
            let wanted = walk.wanted();
            let Some(next) = wanted.first() else {
                let alias = walk.group().iter().any(|other| other < thing && other.product().is_some());
                return Ok((walk.settle(), alias));
            };
            let skip = still_in.as_ref() == Some(next) && next != thing;
            let facts = if skip { Vec::new() } else { reader.facts_of(&self.keyed, next)?.to_vec() };
            walk.supply(next.clone(), facts);
        }
    }

    fn fold_lot(&mut self, lot: &Thing, job: &Job, reader: &mut Reader) -> anyhow::Result<Balance> {
        let mut balance = match job.before.as_ref().map(|memo| &memo.fold) {
            Some(Fold::Many(balance)) => (**balance).clone(),
            _ => Balance::default(),
        };
        let mut facts = job.touch.facts.clone();
        let mut all = !job.touch.anew;
        for fact in in_order(&facts) {
            let emptied = reader.last_emptied(&self.keyed, fact)?;
            all = all && balance.append(fact, |_| emptied);
        }
        if !all {
            facts = reader.facts_of(&self.keyed, lot)?.to_vec();
            for container in containers(&facts).keys() {
                facts.extend(reader.emptied(&self.keyed, container)?);
            }
            balance = Balance::of(&facts, Cut::ALL);
        }
        for (container, told) in containers(&facts) {
            let until = if balance.is_in(&container) { OPEN } else { told };
            self.keep_until(lot, &container, until)?;
        }
        Ok(balance)
    }

    fn keep_until(&mut self, lot: &Thing, container: &Thing, until: i64) -> anyhow::Result<()> {
        let slot = Key::of(b'Q').thing(lot).thing(container).end();
        let before: Option<i64> = self.keyed.get(&slot)?;
        let at = |until: i64| BTreeSet::from([(container.clone(), until)]);
        self.depend(lot, &before.map(at).unwrap_or_default(), &at(until))?;
        self.keyed.put(slot, &until)
    }

    fn depend(&mut self, thing: &Thing, before: &Tellers, after: &Tellers) -> anyhow::Result<()> {
        let slot =
            |(container, until): &(Thing, i64)| Key::of(b'D').thing(container).instant(*until).thing(thing).end();
        before.difference(after).for_each(|told| self.keyed.remove(slot(told)));
        after.difference(before).try_for_each(|told| self.keyed.put(slot(told), &()))
    }
}

/// Containers of which a fold tells, each with the instant up to which; [`OPEN`] of the one that it is in.
type Tellers = BTreeSet<(Thing, i64)>;

fn tellers(settled: &Settled) -> Tellers {
    let open = settled.stays.last().filter(|stay| stay.to.is_none()).map(|stay| (stay.container.clone(), OPEN));
    settled.told_by.iter().map(|(container, until)| (container.clone(), *until)).chain(open).collect()
}

/// The containers that a lot was put into or taken out of, with the last instant of that or of their emptying.
fn containers(facts: &[Fact]) -> BTreeMap<Thing, i64> {
    let mut found = BTreeMap::new();
    for fact in facts {
        let container = match fact.role {
            Role::Child => fact.counterpart.as_ref(),
            Role::Emptied => Some(&fact.thing),
            _ => None,
        };
        if let Some(container) = container {
            let until: &mut i64 = found.entry(container.clone()).or_insert(i64::MIN);
            *until = fact.order().at.max(*until);
        }
    }
    found
}

fn in_order(facts: &[Fact]) -> Vec<&Fact> {
    let mut facts: Vec<&Fact> = facts.iter().collect();
    facts.sort_by_key(|fact| (fact.order(), fact.role));
    facts
}

fn memo_slot(thing: &Thing) -> Vec<u8> {
    Key::of(b'S').thing(thing).end()
}

impl Touch {
    pub(super) fn new(by: EventRef, earliest: i64) -> Touch {
        Touch { by, earliest, emptied: false, anew: false, facts: Vec::new() }
    }

    /// Something was said of it, now or formerly, at this instant. Says whether that was news.
    pub(super) fn widen(&mut self, by: EventRef, at: i64, emptied: bool) -> bool {
        let news = by > self.by || at < self.earliest || (emptied && !self.emptied);
        (self.by, self.earliest) = (by.max(self.by), at.min(self.earliest));
        self.emptied |= emptied;
        news
    }

    /// As [`Touch::widen`], by something other than a new fact of its own.
    pub(super) fn anew(&mut self, by: EventRef, at: i64, emptied: bool) -> bool {
        self.anew = true;
        self.widen(by, at, emptied)
    }
}

impl Work<'_> {
    pub(super) fn take_fact(&mut self, fact: Fact) {
        let (by, at, emptied) = (fact.head.position, fact.order().at, fact.role == Role::Emptied);
        let touch = self.touched.entry(fact.thing.clone()).or_insert_with(|| Touch::new(by, at));
        touch.widen(by, at, emptied);
        touch.facts.push(fact);
    }

    pub(super) fn touch_anew(&mut self, thing: &Thing, by: EventRef, at: i64, emptied: bool) {
        self.touched.entry(thing.clone()).or_insert_with(|| Touch::new(by, at)).anew(by, at, emptied);
    }
}

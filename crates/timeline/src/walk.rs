//! The fold over a thing and its containers: provenance, and the state it ends in.
//!
//! A walk asks for the facts of things in rounds, so that any reader can feed it:
//!
//! ```text
//! let mut walk = Walk::new(thing, cut);
//! loop { let wanted = walk.wanted(); if wanted.is_empty() { break }; for each: walk.supply(thing, facts) }
//! let story = walk.finish();
//! ```

use std::collections::{BTreeMap, BTreeSet};

use medtrace_gs1::{Level, Thing};

use crate::fact::{compare, in_order};
use crate::words::{ending, ends_contents};
use crate::{Cut, DEPTH_MAX, Fact, Inside, Order, Role, Settled, State, Stay, intervals};

/// One line of a thing's story.
#[derive(Clone, Debug)]
pub struct Entry {
    pub fact: Fact,
    /// The container through which the event reached the thing: inferred, not scanned.
    pub via: Option<Thing>,
    /// Counts in the state: not withdrawn, not a conflict, not itself a declaration.
    pub in_force: bool,
}

/// A thing's whole way up to the cut.
#[derive(Clone, Debug)]
pub struct Story {
    /// The thing asked for, and the other codes on the same pack.
    pub things: Vec<Thing>,
    /// In order; those not in force are kept, so that a correction is seen beside what it corrects.
    pub entries: Vec<Entry>,
    pub state: State,
    /// Its stays in containers, in order: only the last can be open.
    pub stays: Vec<Stay>,
    /// Containers it is in now, innermost first.
    pub containers: Vec<Thing>,
}

/// See the module's page.
pub struct Walk {
    cut: Cut,
    group: Vec<Thing>,
    facts: BTreeMap<Thing, Vec<Fact>>,
    depth: BTreeMap<Thing, usize>,
    wanted: BTreeSet<Thing>,
}

/// What a walk found to tell.
struct Told<'a> {
    /// In order, each with the container through which it reached the thing.
    facts: Vec<(&'a Fact, Option<&'a Thing>)>,
    /// See [`Settled::told_by`].
    told_by: BTreeMap<Thing, i64>,
    stays: Vec<Inside<'a>>,
    state: State,
}

impl Walk {
    pub fn new(thing: Thing, cut: Cut) -> Self {
        Walk {
            cut,
            depth: BTreeMap::from([(thing.clone(), 0)]),
            wanted: BTreeSet::from([thing.clone()]),
            group: vec![thing],
            facts: BTreeMap::new(),
        }
    }

    /// The things whose facts are needed next; empty when the walk is done.
    pub fn wanted(&self) -> Vec<Thing> {
        self.wanted.iter().cloned().collect()
    }

    /// All facts of one wanted thing, in any order; those outside the cut may be among them.
    pub fn supply(&mut self, thing: Thing, facts: Vec<Fact>) {
        self.wanted.remove(&thing);
        let depth = self.depth.get(&thing).copied().unwrap_or(0);
        let cut = self.cut;
        for fact in facts.iter().filter(|f| f.counts(cut)) {
            let Some(other) = &fact.counterpart else { continue };
            match fact.role {
                // A lot is many packs: it is never the same as one.
                Role::SameAs if self.joins(&thing, other) => {
                    if !self.group.contains(other) {
                        self.group.push(other.clone());
                    }
                    self.want(other, depth);
                }
                Role::Child if depth < DEPTH_MAX && thing.level() == Level::Instance => self.want(other, depth + 1),
                _ => {}
            }
        }
        self.facts.insert(thing, facts);
    }

    /// The thing asked for, and the other codes on the same pack as far as the supplied facts tell.
    pub fn group(&self) -> &[Thing] {
        &self.group
    }

    fn joins(&self, thing: &Thing, other: &Thing) -> bool {
        let single = thing.level() == Level::Instance && other.level() == Level::Instance;
        single && self.group.contains(thing) && self.group.len() < DEPTH_MAX
    }

    fn want(&mut self, thing: &Thing, depth: usize) {
        if !self.facts.contains_key(thing) {
            self.depth.entry(thing.clone()).or_insert(depth);
            self.wanted.insert(thing.clone());
        }
    }

    /// The story from what was supplied.
    pub fn finish(self) -> Story {
        let Told { facts, stays, state, .. } = self.tell(true);
        let entry = |(fact, via): &(&Fact, Option<&Thing>)| Entry {
            fact: (*fact).clone(),
            via: via.cloned(),
            in_force: fact.head.in_force(self.cut),
        };
        Story {
            things: self.group.clone(),
            entries: facts.iter().map(entry).collect(),
            state,
            containers: self.containers(stays.last()),
            stays: stays.iter().map(Stay::from).collect(),
        }
    }

    /// The story less what the container it is in now has gone through: the thing's own part of the present, which
    /// [`crate::present`] completes. It does not change when that container moves on. Of that container only the
    /// emptyings need have been supplied.
    pub fn settle(self) -> Settled {
        let Told { facts, stays, state, told_by } = self.tell(false);
        let newest = facts.iter().rev().find(|(fact, _)| fact.head.in_force(self.cut)).map(|(fact, _)| fact.order());
        Settled { state, stays: stays.iter().map(Stay::from).collect(), told_by, newest }
    }

    fn tell(&self, with_open_stay: bool) -> Told<'_> {
        let own = self.group_facts();
        let effective: Vec<&Fact> = own.iter().copied().filter(|f| f.head.in_force(self.cut)).collect();
        if self.group[0].level() != Level::Instance {
            let facts = own.iter().map(|f| (*f, None)).collect();
            return Told { facts, told_by: BTreeMap::new(), stays: Vec::new(), state: State::of_many(&effective) };
        }
        let (stays, irregular) = intervals(&effective, |container| self.emptied(container));
        let facts = own.iter().map(|f| (*f, None)).collect();
        let mut told = Told { facts, told_by: BTreeMap::new(), stays: Vec::new(), state: State::default() };
        for stay in &stays {
            told.facts.extend(stay.ended_by.filter(|f| f.role == Role::Emptied).map(|f| (f, Some(&f.thing))));
            if with_open_stay || stay.to.is_some() {
                self.inherit(stay, &mut vec![], &mut told);
            }
        }
        told.facts.sort_by(|(a, _), (b, _)| compare(a, b));
        let in_force = told.facts.iter().filter(|(f, _)| f.head.in_force(self.cut));
        told.state = State::fold(in_force.map(|(f, via)| (*f, via.is_some())), &stays, irregular);
        told.stays = stays;
        told
    }

    /// Visible facts of the thing under all its codes; an event that names several of them counts once.
    fn group_facts(&self) -> Vec<&Fact> {
        let mut seen = BTreeSet::new();
        let all = self.group.iter().flat_map(|thing| self.facts_of(thing));
        let mut own = in_order(all.filter(|f| f.head.visible(self.cut)));
        own.retain(|f| f.role == Role::SameAs || seen.insert((f.head.position, f.role, f.counterpart.clone())));
        own
    }

    fn facts_of(&self, thing: &Thing) -> &[Fact] {
        self.facts.get(thing).map_or(&[], Vec::as_slice)
    }

    fn effective(&self, thing: &Thing) -> Vec<&Fact> {
        in_order(self.facts_of(thing).iter().filter(|f| f.counts(self.cut)))
    }

    fn emptied(&self, container: &Thing) -> Vec<&Fact> {
        let mut facts = self.effective(container);
        facts.retain(|f| f.role == Role::Emptied);
        facts
    }

    /// What happened to the container during the stay happened to the thing; and so on upward.
    fn inherit<'a>(&'a self, stay: &Inside<'_>, path: &mut Vec<Thing>, told: &mut Told<'a>) {
        if path.len() >= DEPTH_MAX || path.contains(&stay.container) {
            return;
        }
        let until = stay.to.map_or(i64::MAX, |to| to.at);
        let known = told.told_by.entry(stay.container.clone()).or_insert(until);
        *known = until.max(*known);
        let facts = self.effective(&stay.container);
        let (above, _) = intervals(&facts, |container| self.emptied(container));
        told.facts.extend(
            facts.iter().filter(|f| stay.covers(f.order()) && reaches_contents(f)).map(|f| (*f, Some(&f.thing))),
        );
        path.push(stay.container.clone());
        for outer in above {
            let ended_by = outer.ended_by.filter(|f| f.role == Role::Emptied && stay.covers(f.order()));
            told.facts.extend(ended_by.and_then(|f| self.own_copy(f)));
            if let Some(overlap) = overlap(stay, outer) {
                self.inherit(&overlap, path, told);
            }
        }
        path.pop();
    }

    /// The same fact, borrowed from the walk instead of from a temporary list.
    fn own_copy<'a>(&'a self, fact: &Fact) -> Option<(&'a Fact, Option<&'a Thing>)> {
        self.facts_of(&fact.thing).iter().find(|f| *f == fact).map(|f| (f, Some(&f.thing)))
    }

    /// The chain of containers at the cut, innermost first.
    fn containers(&self, stay: Option<&Inside<'_>>) -> Vec<Thing> {
        let mut chain = Vec::new();
        let mut next = stay.filter(|s| s.to.is_none()).map(|s| s.container.clone());
        while let Some(container) = next.filter(|c| !chain.contains(c) && chain.len() < DEPTH_MAX) {
            let facts = self.effective(&container);
            let (stays, _) = intervals(&facts, |outer| self.emptied(outer));
            next = stays.last().filter(|s| s.to.is_none()).map(|s| s.container.clone());
            chain.push(container);
        }
        chain
    }
}

/// Whether a container's fact tells of its contents too: its movements and dispositions, and that it was destroyed or
/// used; not its birth, nor that its code was retired.
fn reaches_contents(fact: &Fact) -> bool {
    match fact.role {
        Role::Subject => !fact.begins() && (ending(&fact.head).is_none() || ends_contents(&fact.head.step)),
        Role::Child | Role::Parent => true,
        _ => false,
    }
}

fn overlap<'a>(inner: &Inside<'_>, outer: Inside<'a>) -> Option<Inside<'a>> {
    let from = inner.from.max(outer.from);
    let to = match (inner.to, outer.to) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let empty = to.is_some_and(|to: Order| to <= from);
    (!empty).then_some(Inside { from, to, ..outer })
}

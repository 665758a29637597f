//! Facts read back from the keyed state while one block is folded, each thing and event once.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_timeline::{EventHead, Fact, Order, Role};

use super::event::{event_slot, facts_slot};
use super::memo::{EventMemo, FactMemo};
use crate::keyed::{Key, Keyed, Overlay, Parts};

#[derive(Default)]
pub(super) struct Reader {
    facts: BTreeMap<Thing, Rc<[Fact]>>,
    heads: BTreeMap<EventRef, Arc<EventHead>>,
    emptyings: BTreeMap<Thing, Option<Order>>,
}

impl Reader {
    /// Every fact of a thing, withdrawn ones included.
    pub(super) fn facts_of<K: Keyed>(&mut self, keyed: &Overlay<K>, thing: &Thing) -> anyhow::Result<Rc<[Fact]>> {
        if let Some(facts) = self.facts.get(thing) {
            return Ok(facts.clone());
        }
        let facts: Rc<[Fact]> = self.under(keyed, thing, &facts_slot(thing).end())?.into();
        self.facts.insert(thing.clone(), facts.clone());
        Ok(facts)
    }

    /// The facts of a thing whose keys begin with `prefix`.
    pub(super) fn under<K: Keyed>(
        &mut self,
        keyed: &Overlay<K>,
        thing: &Thing,
        prefix: &[u8],
    ) -> anyhow::Result<Vec<Fact>> {
        let skipped = prefix.len() - facts_slot(thing).end().len();
        let mut facts = Vec::new();
        for (rest, memo) in keyed.scan::<FactMemo>(prefix)? {
            let key = [&prefix[prefix.len() - skipped..], &rest].concat();
            let mut parts = Parts(&key);
            let (position, role) = (parts.position(), parts.u8().and_then(Role::from_u8));
            let (position, role) = position.zip(role).context("failed to read the key of a fact")?;
            facts.push(Fact {
                thing: thing.clone(),
                role,
                counterpart: parts.thing(),
                quantity: memo.quantity,
                lot: memo.lot,
                expiry: memo.expiry,
                head: self.head(keyed, position)?,
            });
        }
        Ok(facts)
    }

    /// The facts that emptied a container.
    pub(super) fn emptied<K: Keyed>(&mut self, keyed: &Overlay<K>, container: &Thing) -> anyhow::Result<Vec<Fact>> {
        let mut facts = Vec::new();
        for (rest, _) in keyed.scan::<Order>(&Key::of(b'M').thing(container).end())? {
            let prefix = facts_slot(container).bytes(&rest).bytes(&[Role::Emptied.to_u8()]).end();
            facts.extend(self.under(keyed, container, &prefix)?);
        }
        Ok(facts)
    }

    /// The last emptying of a container, be it withdrawn or not.
    pub(super) fn emptyings<K: Keyed>(
        &mut self,
        keyed: &Overlay<K>,
        container: &Thing,
    ) -> anyhow::Result<Option<Order>> {
        if let Some(known) = self.emptyings.get(container) {
            return Ok(*known);
        }
        let found = keyed.scan::<Order>(&Key::of(b'M').thing(container).end())?;
        let last = found.into_iter().map(|(_, order)| order).max();
        self.emptyings.insert(container.clone(), last);
        Ok(last)
    }

    /// The last emptying of the container that this fact is about, if it is about one.
    pub(super) fn last_emptied<K: Keyed>(&mut self, keyed: &Overlay<K>, fact: &Fact) -> anyhow::Result<Option<Order>> {
        match (&fact.counterpart, fact.role) {
            (Some(container), Role::Child) => self.emptyings(keyed, container),
            _ => Ok(None),
        }
    }

    fn head<K: Keyed>(&mut self, keyed: &Overlay<K>, position: EventRef) -> anyhow::Result<Arc<EventHead>> {
        if let Some(head) = self.heads.get(&position) {
            return Ok(head.clone());
        }
        let memo: Option<EventMemo> = keyed.get(&event_slot(position))?;
        let head = memo.with_context(|| format!("the keyed state has facts of {position}, not the event"))?.head();
        self.heads.insert(position, head.clone());
        Ok(head)
    }
}

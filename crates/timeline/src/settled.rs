//! A thing's own part of the present, kept from fact to fact: what comes last in order is applied to what was folded
//! before; whatever else happens is folded anew from all facts. Both give the same, and the first costs the same
//! however long the history is.

use std::collections::BTreeMap;

use medtrace_event::Action;
use medtrace_gs1::Thing;
use serde::{Deserialize, Serialize};

use crate::{Cut, Fact, Irregular, Order, Role, State, Stay};

/// See [`crate::Walk::settle`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub state: State,
    /// Its stays in containers, in order: only the last can be open.
    pub stays: Vec<Stay>,
    /// The containers, and theirs, that it was in and is out of, each with the instant (µs UTC) up to which what is said
    /// of that container is part of this fold.
    pub told_by: BTreeMap<Thing, i64>,
    /// The last fact in it.
    pub newest: Option<Order>,
}

impl Settled {
    /// Applies one of the thing's own facts. `emptied` tells when a container was last emptied, as far as is known.
    ///
    /// False, and nothing is changed, where the fact does not simply come after all others: then the whole has to be
    /// folded again.
    pub fn append(&mut self, fact: &Fact, emptied: impl FnOnce(&Thing) -> Option<Order>) -> bool {
        if !fact.head.in_force(Cut::ALL) {
            return true;
        }
        if self.newest.is_some_and(|newest| fact.order() <= newest) || !self.contain(fact, emptied) {
            return false;
        }
        self.state.apply(fact, false);
        self.newest = Some(fact.order());
        true
    }

    /// The containment part: false if the fact ends a stay (what the container went through then becomes part of the
    /// fold) or joins two things.
    fn contain(&mut self, fact: &Fact, emptied: impl FnOnce(&Thing) -> Option<Order>) -> bool {
        let container = match (fact.role, &fact.counterpart) {
            (Role::Child, Some(container)) => container,
            (Role::SameAs, _) => return false,
            _ => return true,
        };
        let open = self.stays.last().filter(|stay| stay.to.is_none()).map(|stay| stay.container == *container);
        match (fact.head.action, open) {
            (Some(Action::Add), None) => {
                let from = fact.order();
                if emptied(container).is_some_and(|last| last > from) {
                    return false;
                }
                self.stays.push(Stay { container: container.clone(), from, to: None });
                self.state.inside = Some((container.clone(), from));
                self.state.left = None;
            }
            (Some(Action::Add), Some(true)) => {}
            (Some(Action::Add), Some(false)) | (Some(Action::Delete), Some(true)) => return false,
            (Some(Action::Delete), _) => {
                if !self.stays.iter().any(|stay| stay.container == *container) {
                    self.state.flag(Irregular::NOT_IN_CONTAINER);
                }
            }
            (_, Some(true)) => {}
            (_, _) => self.state.flag(Irregular::NOT_IN_CONTAINER),
        }
        true
    }
}

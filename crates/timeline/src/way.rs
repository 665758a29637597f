//! Whether a thing is on the road, and where it is bound.

use serde::{Deserialize, Serialize};

use crate::Order;

/// The latest of each that was said: at rest, on the road, bound for. Who leaves without naming a destination does not
/// take back the one that was named before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    rest: Option<Order>,
    road: Option<Order>,
    /// Canonical URI.
    bound: Option<(Order, Box<str>)>,
}

impl Way {
    pub(crate) fn rest(&mut self, order: Order) {
        self.rest = Some(order);
    }

    /// Leaves for `destination`, a canonical URI; empty if not said.
    pub(crate) fn leave(&mut self, order: Order, destination: &str) {
        self.road = Some(order);
        if !destination.is_empty() {
            self.bound = Some((order, destination.into()));
        }
    }

    /// Bound for: canonical URI; empty if nobody named a destination. `None`: at rest.
    pub fn heading(&self) -> Option<&str> {
        if self.road <= self.rest {
            return None;
        }
        let bound = self.bound.as_ref().filter(|(order, _)| Some(*order) > self.rest);
        Some(bound.map_or("", |(_, destination)| destination))
    }

    /// With what was said later, and after `from`, of a container.
    pub(crate) fn with(self, container: &Way, from: Order) -> Way {
        let later = |own: Option<Order>, other: Option<Order>| if other > own.max(Some(from)) { other } else { own };
        let said = |bound: &Option<(Order, Box<str>)>| bound.as_ref().map(|(order, _)| *order);
        let bound = match said(&container.bound) > said(&self.bound).max(Some(from)) {
            true => container.bound.clone(),
            false => self.bound,
        };
        Way { rest: later(self.rest, container.rest), road: later(self.road, container.road), bound }
    }
}

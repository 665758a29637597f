//! Containment: the intervals a thing spent in its containers.
//!
//! Opened by an ADD, closed by a DELETE, by an ADD to another container, or by a DELETE of everything in the
//! container. An OBSERVE asserts membership at a moment and changes nothing.

use medtrace_event::Action;
use medtrace_gs1::Thing;
use serde::{Deserialize, Serialize};

use crate::{Fact, Irregular, Order, Role};

/// A stay in a container: `from` included, `to` excluded, `None` while it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub container: Thing,
    pub from: Order,
    pub to: Option<Order>,
}

impl From<&Inside<'_>> for Stay {
    fn from(inside: &Inside<'_>) -> Self {
        Stay { container: inside.container.clone(), from: inside.from, to: inside.to }
    }
}

/// A stay with what ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside<'a> {
    pub container: Thing,
    pub from: Order,
    /// `None`: still inside.
    pub to: Option<Order>,
    /// The fact that ended the stay: the thing's own, or the container's emptying.
    pub ended_by: Option<&'a Fact>,
}

impl Inside<'_> {
    /// Whether the stay covers this point in the order.
    pub fn covers(&self, order: Order) -> bool {
        self.from < order && self.to.is_none_or(|to| order < to)
    }
}

/// The stays that `own` facts tell, in order. `own` and every list of `emptied` are those that count, sorted;
/// `emptied(container)` are the [`Role::Emptied`] facts of that container.
///
/// Also says what did not fit: an ADD while in another container, a DELETE from one it was not in.
pub fn intervals<'a>(own: &[&'a Fact], emptied: impl Fn(&Thing) -> Vec<&'a Fact>) -> (Vec<Inside<'a>>, Irregular) {
    let mut stays: Vec<Inside<'a>> = Vec::new();
    let mut irregular = Irregular::default();
    // When the open stay's container was emptied, if it was.
    let mut emptying: Option<&'a Fact> = None;

    for fact in own.iter().filter(|f| f.role == Role::Child) {
        let (Some(container), order) = (&fact.counterpart, fact.order()) else { continue };
        if let Some(end) = emptying.filter(|e| e.order() < order) {
            close(&mut stays, end);
            emptying = None;
        }
        let open = stays.last().filter(|s| s.to.is_none());
        match fact.head.action {
            Some(Action::Add) => {
                if let Some(stay) = open {
                    if stay.container == *container {
                        continue;
                    }
                    irregular = irregular.with(Irregular::TWO_CONTAINERS);
                    close(&mut stays, fact);
                }
                emptying = emptied(container).into_iter().find(|e| e.order() > order);
                stays.push(Inside { container: container.clone(), from: order, to: None, ended_by: None });
            }
            Some(Action::Delete) => {
                if open.is_some_and(|stay| stay.container == *container) {
                    close(&mut stays, fact);
                    emptying = None;
                } else if !stays.iter().any(|s| s.container == *container && s.from < order) {
                    irregular = irregular.with(Irregular::NOT_IN_CONTAINER);
                }
            }
            _ => {
                if open.is_none_or(|stay| stay.container != *container) {
                    irregular = irregular.with(Irregular::NOT_IN_CONTAINER);
                }
            }
        }
    }
    if let Some(end) = emptying {
        close(&mut stays, end);
    }
    (stays, irregular)
}

fn close<'a>(stays: &mut [Inside<'a>], by: &'a Fact) {
    if let Some(stay) = stays.last_mut() {
        stay.to = Some(by.order());
        stay.ended_by = Some(by);
    }
}

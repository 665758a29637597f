//! Requests to one process that nobody has answered yet: what is in flight when it is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The requests under way to one process. Cheap to clone: all see the same.
#[derive(Debug, Clone, Default)]
pub struct Flight(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// What each open request is about.
    open: BTreeMap<u64, u64>,
    /// Those that were open when the process was killed and are not settled yet.
    watched: BTreeSet<u64>,
    /// What those were about that ended without a good answer.
    lost: Vec<u64>,
}

/// One request under way. Dropped without [`Ticket::answered`], it is lost.
#[derive(Debug)]
pub struct Ticket {
    flight: Flight,
    id: u64,
}

impl Flight {
    /// A request departs.
    pub fn depart(&self, about: u64) -> Ticket {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.open.insert(id, about);
        Ticket { flight: self.clone(), id }
    }

    /// Requests without an answer.
    pub fn open(&self) -> usize {
        self.lock().open.len()
    }

    /// From now on those that are open at this moment are watched; how many they are.
    pub fn watch(&self) -> usize {
        let mut state = self.lock();
        state.watched = state.open.keys().copied().collect();
        state.lost.clear();
        state.watched.len()
    }

    /// What the watched requests were about that got no good answer, once all of them are settled.
    pub fn lost(&self) -> Option<Vec<u64>> {
        let mut state = self.lock();
        state.watched.is_empty().then(|| std::mem::take(&mut state.lost))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, id: u64, lost: bool) {
        let mut state = self.lock();
        let Some(about) = state.open.remove(&id) else { return };
        if state.watched.remove(&id) && lost {
            state.lost.push(about);
        }
    }
}

impl Ticket {
    /// The process has done what it was asked.
    pub fn answered(self) {
        self.flight.settle(self.id, false);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.flight.settle(self.id, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_open_at_the_kill_counts_as_lost() {
        let flight = Flight::default();
        flight.depart(1).answered();
        drop(flight.depart(2));
        let (third, fourth) = (flight.depart(3), flight.depart(4));
        assert_eq!((flight.open(), flight.watch()), (2, 2));
        drop(flight.depart(5));
        third.answered();
        assert_eq!(flight.lost(), None, "the fourth is not settled");
        drop(fourth);
        assert_eq!(flight.lost(), Some(vec![4]));
        assert_eq!(flight.open(), 0);
    }
}

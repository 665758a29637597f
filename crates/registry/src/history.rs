//! A value and all its earlier ones, by position: so that every question can be asked as of any block.

use std::ops::Deref;

use crate::Position;

/// A value and the notice that set it. Its event name is `<height>-<idx>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<T> {
    /// Where in the log.
    pub position: Position,
    /// What it says.
    pub value: T,
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Values in log order. Several may share a height (several notices in one block); the last of them is what holds after
/// that block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History<T>(Vec<Recorded<T>>);

impl<T> Default for History<T> {
    fn default() -> Self {
        History(Vec::new())
    }
}

impl<T> History<T> {
    /// Adds the value that holds from here. Positions only rise.
    pub fn push(&mut self, position: Position, value: T) {
        debug_assert!(self.0.last().is_none_or(|last| last.position <= position));
        self.0.push(Recorded { position, value });
    }

    /// What holds after the block at this height.
    pub fn at(&self, height: u64) -> Option<&Recorded<T>> {
        self.until(height).last()
    }

    /// Every value up to the block at this height.
    pub fn until(&self, height: u64) -> &[Recorded<T>] {
        let end = self.0.partition_point(|recorded| recorded.position.height <= height);
        &self.0[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::Position;

    #[test]
    fn answers_for_any_height() {
        let mut history = History::default();
        for (height, value) in [(3, "a"), (5, "b"), (5, "c"), (9, "d")] {
            history.push(Position { height, idx: 0, time_ms: 0 }, value);
        }
        let seen: Vec<_> = (2..=10).map(|height| history.at(height).map(|recorded| recorded.value)).collect();
        let want = [None, Some("a"), Some("a"), Some("c"), Some("c"), Some("c"), Some("c"), Some("d"), Some("d")];
        assert_eq!(seen, want);
        assert_eq!(history.until(5).len(), 3);
    }
}

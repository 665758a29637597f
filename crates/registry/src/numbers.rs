//! Class numbers for product codes that have no number of their own (MA, HIBCC, ICCBBA: schemes 41 to 49).
//!
//! A class is a scheme and a number of at most 56 bits. Where the code is text, its number is assigned by the first
//! accepted product notice that carries it, in log order: 1, 2, 3 … in each scheme. Stored facts refer to the number, so
//! it never changes and is never reused. No scheme that notices may use today needs it.

use std::collections::BTreeMap;

/// Schemes that get numbers.
pub const NUMBERED_SCHEMES: std::ops::RangeInclusive<u8> = 41..=49;

/// Numbers given so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassNumbers {
    by_code: BTreeMap<(u8, String), u64>,
    last: BTreeMap<u8, u64>,
}

impl ClassNumbers {
    /// The number of a code, if it has one.
    pub fn of(&self, scheme: u8, code: &str) -> Option<u64> {
        self.by_code.get(&(scheme, code.to_owned())).copied()
    }

    /// The number of a code; the scheme's next one if it had none.
    pub fn assign(&mut self, scheme: u8, code: &str) -> u64 {
        if let Some(number) = self.of(scheme, code) {
            return number;
        }
        let last = self.last.entry(scheme).or_default();
        *last += 1;
        self.by_code.insert((scheme, code.to_owned()), *last);
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::ClassNumbers;

    #[test]
    fn numbers_rise_in_each_scheme_and_stay() {
        let mut numbers = ClassNumbers::default();
        let given = [(41, "MA.156.M0.A"), (42, "+A123"), (41, "MA.156.M0.B"), (41, "MA.156.M0.A")]
            .map(|(scheme, code)| numbers.assign(scheme, code));
        assert_eq!(given, [1, 1, 2, 1]);
        assert_eq!(numbers.of(41, "MA.156.M0.B"), Some(2));
        assert_eq!(numbers.of(41, "+A123"), None);
    }
}

//! Medians and quantiles.

use serde::Serialize;

/// What a list of durations says, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    pub count: usize,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Quantiles {
    /// Nearest rank. All zero for none.
    pub fn of(mut ms: Vec<f64>) -> Quantiles {
        ms.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let rank = (share * ms.len() as f64).ceil() as usize;
            ms.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Quantiles { count: ms.len(), p50: rank(0.5), p99: rank(0.99), max: rank(1.0) }
    }
}

/// The middle one; of an even number the lower.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let quantiles = Quantiles::of((1..=200).rev().map(f64::from).collect());
        assert_eq!(quantiles, Quantiles { count: 200, p50: 100.0, p99: 198.0, max: 200.0 });
        assert_eq!(Quantiles::of(vec![7.0]).p99, 7.0);
        assert_eq!(Quantiles::of(vec![]), Quantiles::default());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}

//! Owns latency distributions as counts of cells, and the bounds of their 95th percentile.
//! Must not know windows or sources. A cell says only that its requests took between `lo` and `hi`; nothing is assumed
//! about where within.

use super::interval::Interval;
use super::statistics::p95_ranks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nanoseconds in a millisecond: latencies are kept in whole nanoseconds.
const NANOS: f64 = 1e6;

/// Significant bits that an exact latency keeps: a cell is at most 1/64 of its value wide.
const BITS: u32 = 7;

/// Requests that took between `lo` and `hi` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    pub lo: u64,
    /// `u64::MAX` where there is no upper bound.
    pub hi: u64,
    pub count: u64,
}

/// A distribution: cells in ascending order of (lo, hi), each pair once.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Histogram {
    cells: Vec<Cell>,
}

impl Histogram {
    /// How many requests the distribution holds.
    pub fn count(&self) -> u64 {
        self.cells.iter().map(|cell| cell.count).fold(0, u64::saturating_add)
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Adds `count` requests that took between `lo` and `hi` nanoseconds.
    pub fn add(&mut self, lo: u64, hi: u64, count: u64) {
        if count == 0 {
            return;
        }
        match self.cells.binary_search_by_key(&(lo, hi), |cell| (cell.lo, cell.hi)) {
            Ok(place) => self.cells[place].count = self.cells[place].count.saturating_add(count),
            Err(place) => self.cells.insert(place, Cell { lo, hi, count }),
        }
    }

    /// Adds one request of exactly `nanos`, kept to seven significant bits.
    pub fn observe(&mut self, nanos: u64) {
        let (lo, hi) = cell_of(nanos);
        self.add(lo, hi, 1);
    }

    /// Adds all of another distribution.
    pub fn merge(&mut self, other: &Histogram) {
        for cell in &other.cells {
            self.add(cell.lo, cell.hi, cell.count);
        }
    }

    /// What this distribution holds beyond an earlier one of the same counter; `None` if it contains less, so that it cannot
    /// have grown from it. If one of them is coarser, so is the difference.
    pub fn without(&self, earlier: &Histogram) -> Option<Histogram> {
        let mut cells = self.cells.clone();
        for gone in &earlier.cells {
            let met = |cell: &Cell| cell.lo <= gone.hi && gone.lo <= cell.hi;
            let (first, last) = (cells.iter().position(met)?, cells.iter().rposition(met)?);
            let whole = cells[first..=last].iter().fold(Cell { count: 0, ..*gone }, |whole, cell| Cell {
                lo: whole.lo.min(cell.lo),
                hi: whole.hi.max(cell.hi),
                count: whole.count.saturating_add(cell.count),
            });
            let left = whole.count.checked_sub(gone.count)?;
            cells.splice(first..=last, [Cell { count: left, ..whole }]);
        }
        cells.retain(|cell| cell.count > 0);
        Some(Histogram { cells })
    }

    /// The 95 % confidence interval of the 95th percentile, in milliseconds: its order statistics, widened by the
    /// cells that they fall into.
    pub fn p95(&self) -> Interval {
        let (lower, upper) = p95_ranks(self.count());
        let lo = lower.map_or(0.0, |rank| self.bound(rank, |cell| cell.lo));
        let hi = upper.map_or(f64::INFINITY, |rank| self.bound(rank, |cell| cell.hi));
        Interval::new(lo, hi.max(lo))
    }

    /// The `rank`-th smallest of the cells' bounds, in milliseconds.
    fn bound(&self, rank: u64, bound: fn(&Cell) -> u64) -> f64 {
        let mut bounds: Vec<(u64, u64)> = self.cells.iter().map(|cell| (bound(cell), cell.count)).collect();
        bounds.sort_unstable();
        let mut seen = 0u64;
        for (value, count) in bounds {
            seen = seen.saturating_add(count);
            if seen >= rank {
                return if value == u64::MAX { f64::INFINITY } else { value as f64 / NANOS };
            }
        }
        f64::INFINITY
    }
}

/// The cell of an exact latency.
fn cell_of(nanos: u64) -> (u64, u64) {
    let bits = u64::BITS - nanos.leading_zeros();
    let shift = bits.saturating_sub(BITS);
    let lo = (nanos >> shift) << shift;
    (lo, lo + (1u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_holds_its_value_and_is_narrow() {
        for nanos in [0, 1, 127, 128, 1_000_000, 123_456_789, u64::MAX / 2] {
            let (lo, hi) = cell_of(nanos);
            assert!(lo <= nanos && nanos <= hi);
            assert!((hi - lo) as f64 <= nanos as f64 / 64.0 + 1.0);
        }
    }

    proptest! {
        #[test]
        fn merging_is_adding(first in prop::collection::vec(0u64..10_000_000_000, 0..50), second in prop::collection::vec(0u64..10_000_000_000, 0..50)) {
            let mut one = Histogram::default();
            first.iter().for_each(|nanos| one.observe(*nanos));
            let mut two = Histogram::default();
            second.iter().for_each(|nanos| two.observe(*nanos));
            let mut all = Histogram::default();
            first.iter().chain(&second).for_each(|nanos| all.observe(*nanos));
            one.merge(&two);
            prop_assert_eq!(&one, &all);
            prop_assert_eq!(all.count(), (first.len() + second.len()) as u64);
        }

        #[test]
        fn the_bounds_hold_the_order_statistics(mut values in prop::collection::vec(0u64..5_000_000_000, 100..400)) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|nanos| histogram.observe(*nanos));
            values.sort_unstable();
            let p95 = histogram.p95();
            let middle = values[(values.len() * 95).div_ceil(100) - 1] as f64 / NANOS;
            prop_assert!(p95.lo() <= middle && middle <= p95.hi(), "{:?} {}", p95, middle);
        }
    }
}

//! Owns a metric point as instrumentation sends it, in any protocol. Must not know protocols, or what a point means
//! for the engine.

use super::histogram::Histogram;
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// Names with values, as sent: attributes, or labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a>(pub Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Labels<'_> {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_ref())
    }
}

/// What a sum or a distribution counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// From the source's last point.
    Delta,
    /// From when its process began.
    Cumulative,
}

/// How often values fell into ranges: `counts[i]` of them were at most `bounds[i]` and above the bound before; one more
/// count than bounds holds those above the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    pub bounds: Vec<f64>,
    pub counts: Vec<u64>,
    /// The least and greatest value, where the source says so.
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Buckets {
    /// How many values there are; `None` where that cannot be counted.
    pub fn count(&self) -> Option<u64> {
        self.counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count))
    }

    /// The distribution in nanoseconds, a value of 1 being `nanos` of them; `None` where it is no distribution of times.
    pub fn in_nanos(&self, nanos: f64) -> Option<Histogram> {
        let ascending = self.bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if self.counts.len() != self.bounds.len() + 1 || !ascending || self.bounds.iter().any(|bound| bound.is_nan()) {
            return None;
        }
        let atoms = |value: f64| if value.is_finite() { (value * nanos).max(0.0).round() as u64 } else { u64::MAX };
        let mut histogram = Histogram::default();
        let mut lo = 0;
        for (place, count) in self.counts.iter().enumerate() {
            let hi = self.bounds.get(place).map_or(u64::MAX, |bound| atoms(*bound));
            histogram.add(lo.min(hi), hi, *count);
            lo = hi.saturating_add(1);
        }
        Some(histogram)
    }
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub enum PointValue {
    /// What is.
    Gauge(f64),
    /// What has been counted.
    Sum { temporality: Temporality, value: f64 },
    /// How values were spread, and what they add up to where the source says so.
    Distribution { buckets: Buckets, sum: Option<f64>, temporality: Temporality },
}

/// One point of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Point<'a> {
    pub at: DateTime<Utc>,
    /// What tells the point from others of its metric and process.
    pub labels: Labels<'a>,
    pub metric: Cow<'a, str>,
    /// When counting began, where the source says so.
    pub start: Option<DateTime<Utc>>,
    /// As in UCUM (`s`, `ms`, `1`, `%`, `{token}`); empty where the source does not say.
    pub unit: Cow<'a, str>,
    pub value: PointValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_become_cells_of_nanoseconds() {
        let buckets = Buckets { bounds: vec![0.1, 0.5], counts: vec![3, 2, 1], min: None, max: None };
        let cells: Vec<(u64, u64, u64)> =
            buckets.in_nanos(1e9).unwrap().cells().iter().map(|cell| (cell.lo, cell.hi, cell.count)).collect();
        assert_eq!(cells, [(0, 100_000_000, 3), (100_000_001, 500_000_000, 2), (500_000_001, u64::MAX, 1)]);
        for (bounds, counts) in [(vec![0.5, 0.1], vec![1, 1, 1]), (vec![0.1], vec![1]), (vec![f64::NAN], vec![1, 1])] {
            assert_eq!(Buckets { bounds, counts, min: None, max: None }.in_nanos(1e9), None);
        }
    }
}

//! Owns minute roll-ups: what is kept of the samples of one minute, and how samples and rows are added up.
//! Must not know windows or where rows are stored. Adding is associative, so any split of the data gives the same row.

use super::histogram::Histogram;
use super::signal::{Aggregation, Kind};
use super::telemetry::{Measurement, Sample};
use serde::{Deserialize, Serialize};

/// Milliseconds in a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Latencies that a source has aggregated, added up: bounds always, the mean where every count is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregated {
    /// Requests that the values stand for; `None` where one of them does not say.
    pub count: Option<u64>,
    /// Greatest and least value, in nanoseconds.
    pub max: u64,
    pub min: u64,
    /// Sum of value times count, in nanoseconds.
    pub weighted: u128,
}

impl Aggregated {
    fn of(nanos: u64, count: Option<u64>) -> Aggregated {
        Aggregated { count, max: nanos, min: nanos, weighted: u128::from(nanos) * u128::from(count.unwrap_or(0)) }
    }

    pub fn merge(&mut self, other: &Aggregated) {
        self.count = self.count.zip(other.count).map(|(one, two)| one.saturating_add(two));
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
        self.weighted = self.weighted.saturating_add(other.weighted);
    }
}

/// The latencies of one minute, each form by itself.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LatencyRow {
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub histogram: Histogram,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Aggregated>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<Aggregated>,
}

impl LatencyRow {
    fn side(&mut self, aggregation: Aggregation) -> &mut Option<Aggregated> {
        match aggregation {
            Aggregation::P95 => &mut self.p95,
            Aggregation::Mean => &mut self.mean,
        }
    }

    pub fn merge(&mut self, other: &LatencyRow) {
        self.histogram.merge(&other.histogram);
        for aggregation in [Aggregation::P95, Aggregation::Mean] {
            let theirs = match aggregation {
                Aggregation::P95 => &other.p95,
                Aggregation::Mean => &other.mean,
            };
            match (self.side(aggregation), theirs) {
                (Some(own), Some(theirs)) => own.merge(theirs),
                (own @ None, Some(theirs)) => *own = Some(theirs.clone()),
                (_, None) => {}
            }
        }
    }
}

/// The samples of one series of one source within one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinuteRow {
    /// When the newest of them reached this store, in milliseconds since 1970.
    pub fetched_at: i64,
    /// The value of the earliest sample, in atoms.
    pub first: u64,
    /// The time of the earliest sample, in milliseconds since 1970.
    pub first_at: i64,
    /// Only part of one of the samples is known: the total is this much at least. Of a gauge, only part of the latest.
    pub is_open: bool,
    /// The value of the latest sample, in atoms.
    pub last: u64,
    /// The time of the latest sample, in milliseconds since 1970.
    pub last_at: i64,
    /// Latencies only.
    pub latency: Option<Box<LatencyRow>>,
    /// The end of the minute, in minutes since 1970: samples after `minute - 1` and up to `minute`.
    pub minute: i64,
    pub samples: u64,
    /// The sum of the values, in atoms.
    pub total: u64,
}

/// The minute that a time falls into: the one that ends at or after it.
pub const fn minute_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(MINUTE_MS) + if at_ms.rem_euclid(MINUTE_MS) == 0 { 0 } else { 1 }
}

impl MinuteRow {
    /// The row of one sample that reached the store at `fetched_at` (milliseconds since 1970).
    pub fn of(sample: &Sample, fetched_at: i64) -> MinuteRow {
        let at = sample.at.timestamp_millis();
        let (atoms, latency) = match &sample.measurement {
            Measurement::AtLeast(atoms) | Measurement::Value(atoms) => (*atoms, None),
            Measurement::Aggregated { aggregation, count, nanos } => {
                let mut latency = LatencyRow::default();
                *latency.side(*aggregation) = Some(Aggregated::of(*nanos, *count));
                (*nanos, Some(Box::new(latency)))
            }
            Measurement::Histogram(histogram) => {
                let latency = LatencyRow { histogram: histogram.clone(), ..LatencyRow::default() };
                (0, Some(Box::new(latency)))
            }
        };
        MinuteRow {
            fetched_at,
            first: atoms,
            first_at: at,
            is_open: matches!(sample.measurement, Measurement::AtLeast(_)),
            last: atoms,
            last_at: at,
            latency,
            minute: minute_of(at),
            samples: 1,
            total: atoms,
        }
    }

    /// Adds another row of the same minute; where two samples share a time, the one added later counts as the later.
    pub fn merge(&mut self, other: &MinuteRow, kind: Kind) {
        debug_assert_eq!(self.minute, other.minute, "rows of two minutes are never one");
        if other.first_at < self.first_at {
            self.first = other.first;
            self.first_at = other.first_at;
        }
        let is_later = other.last_at >= self.last_at;
        // Of a gauge the latest sample alone counts.
        self.is_open = match kind {
            Kind::Gauge if is_later => other.is_open,
            Kind::Gauge => self.is_open,
            Kind::Sum | Kind::Level | Kind::Distribution => self.is_open || other.is_open,
        };
        if is_later {
            self.last = other.last;
            self.last_at = other.last_at;
        }
        self.fetched_at = self.fetched_at.max(other.fetched_at);
        self.samples += other.samples;
        self.total = self.total.saturating_add(other.total);
        match (&mut self.latency, &other.latency) {
            (Some(own), Some(theirs)) => own.merge(theirs),
            (own @ None, Some(theirs)) => *own = Some(theirs.clone()),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_known_as_its_latest_sample_is_and_a_sum_as_all_of_them_are() {
        let row = |at: i64, is_open: bool| {
            let measurement = if is_open { Measurement::AtLeast(1) } else { Measurement::Value(1) };
            let at = chrono::DateTime::from_timestamp_millis(at).unwrap();
            let series = crate::signal::Series::WarningsCritical;
            MinuteRow::of(&Sample { at, exact: None, id: None, measurement, series }, 0)
        };
        for (first, second, gauge, sum) in [
            (row(1, true), row(2, false), false, true),
            (row(1, false), row(2, true), true, true),
            (row(2, false), row(1, true), false, true),
            (row(2, true), row(1, false), true, true),
            (row(1, true), row(1, false), false, true),
            (row(1, false), row(2, false), false, false),
        ] {
            for (kind, expected) in [(Kind::Gauge, gauge), (Kind::Sum, sum)] {
                let mut merged = first.clone();
                merged.merge(&second, kind);
                assert_eq!(merged.is_open, expected, "{first:?} {second:?} {kind:?}");
            }
        }
    }

    #[test]
    fn a_time_belongs_to_the_minute_that_ends_at_or_after_it() {
        for (at, minute) in [(0, 0), (1, 1), (59_999, 1), (60_000, 1), (60_001, 2), (-1, 0)] {
            assert_eq!(minute_of(at), minute, "{at} ms");
        }
    }
}

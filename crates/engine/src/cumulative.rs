//! Owns cumulative readings: counters that only grow until their process starts anew, and what they counted between two
//! readings. Must not know where a reading came from or how its state is kept.
//!
//! The first reading of a counter only marks where counting begins, unless it is known that nothing was counted before: a
//! process that was heard before names a new attribute set, or a process began after its source was first heard. A reading
//! that is not newer than the one before it adds nothing: its count is in the newer one already.

use super::counting::{Key, Price, Sums, Total, Unpriced};
use super::signal::Series;
use super::telemetry::Sample;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// One reading of one counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub at: DateTime<Utc>,
    /// The counters that are read together: those of one metric of one process.
    pub family: Key,
    pub key: Key,
    /// `None` where the count itself is the measurement.
    pub price: Option<Price>,
    pub series: Series,
    /// When the counter began at zero, where its source says so.
    pub start: Option<DateTime<Utc>>,
    pub total: Total,
}

/// What is kept of a counter, or (with a count of zero) of a family: its newest reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub at: DateTime<Utc>,
    pub start: Option<DateTime<Utc>>,
    pub total: Total,
}

/// What is kept of the counters of one source.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub states: HashMap<(Series, Key), State>,
    /// Since when the source has been heard, for each series.
    pub heard_since: HashMap<Series, DateTime<Utc>>,
}

/// What readings come to.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    pub samples: Vec<Sample>,
    /// What has moved.
    pub states: HashMap<(Series, Key), State>,
    pub unpriced: Unpriced,
}

/// What has been counted since what is known, one sample for each series and time.
pub fn count(readings: &[Reading], known: &Known) -> Counted {
    let mut readings: Vec<&Reading> = readings.iter().collect();
    readings.sort_by_key(|reading| (reading.at, reading.series, reading.key));
    let mut counted = Counted::default();
    let mut sums = Sums::default();
    // A family counts as heard by what was known before this time, not by its own other readings.
    let mut families: HashMap<(Series, Key), DateTime<Utc>> = HashMap::new();
    for reading in readings {
        let place = (reading.series, reading.key);
        let family = (reading.series, reading.family);
        let before = counted.states.get(&place).or_else(|| known.states.get(&place));
        if before.is_some_and(|before| reading.at <= before.at) {
            continue;
        }
        let first = *families.entry(family).or_insert(reading.at);
        let heard = known.states.get(&family).is_some_and(|heard| heard.at < reading.at) || first < reading.at;
        let since = known.heard_since.get(&reading.series);
        let began_later = since.zip(reading.start).is_some_and(|(since, start)| *since <= start);
        let grown = match before {
            Some(before) => growth(before, reading),
            None if heard || began_later => Some(reading.total.clone()),
            None => None,
        };
        let state = State { at: reading.at, start: reading.start, total: reading.total.clone() };
        counted.states.insert(place, state);
        counted.states.insert(family, State { at: reading.at, start: None, total: Total::Count(0) });
        if let Some(grown) = grown {
            sums.add(reading.series, reading.at, &reading.key, grown, reading.price.as_ref());
        }
    }
    (counted.samples, counted.unpriced) = sums.finish();
    counted
}

/// What a counter has counted since its last reading; all of it where it began anew.
fn growth(before: &State, now: &Reading) -> Option<Total> {
    let began_anew = before.start.zip(now.start).is_some_and(|(before, now)| before != now);
    let grown = match (&before.total, &now.total) {
        _ if began_anew => None,
        (Total::Count(before), Total::Count(now)) => now.checked_sub(*before).map(Total::Count),
        (Total::Latency(before), Total::Latency(now)) => now.without(before).map(Total::Latency),
        // The same counter under another form: where its counting began is not known.
        _ => return None,
    };
    Some(grown.unwrap_or_else(|| now.total.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::decimal::Decimal;
    use super::super::histogram::Histogram;
    use super::super::telemetry::Measurement;
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap()
    }

    fn reading(key: u8, minute: i64, start: Option<i64>, count: u64) -> Reading {
        Reading {
            at: at(minute),
            family: [255; 16],
            key: [key; 16],
            price: None,
            series: Series::InfraRequests,
            start: start.map(at),
            total: Total::Count(count),
        }
    }

    /// What readings come to, each group of them in a request of its own.
    fn counts(requests: &[&[Reading]]) -> Vec<(i64, u64)> {
        let mut known = Known::default();
        let mut all = Vec::new();
        for request in requests {
            let counted = count(request, &known);
            for reading in *request {
                known.heard_since.entry(reading.series).or_insert(reading.at);
            }
            known.states.extend(counted.states);
            all.extend(counted.samples.iter().map(|sample| {
                let Measurement::Value(count) = sample.measurement else { panic!("a count") };
                ((sample.at - at(0)).num_minutes(), count)
            }));
        }
        all
    }

    #[test]
    fn the_first_reading_only_marks_where_counting_begins() {
        assert_eq!(counts(&[&[reading(1, 0, None, 1000)], &[reading(1, 1, None, 1010)]]), [(1, 10)]);
    }

    #[test]
    fn a_process_that_starts_anew_has_counted_all_it_says() {
        let with_start = [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 2, Some(1), 1200)]];
        assert_eq!(counts(&with_start), [(2, 1200)]);
        let without = [&[reading(1, 0, None, 1000)][..], &[reading(1, 1, None, 7)]];
        assert_eq!(counts(&without), [(1, 7)]);
    }

    #[test]
    fn the_first_error_of_a_known_process_is_counted() {
        let requests =
            [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 1, Some(-9), 1010), reading(2, 1, Some(-9), 1)]];
        assert_eq!(counts(&requests), [(1, 11)]);
    }

    #[test]
    fn a_new_process_of_a_known_source_is_counted_from_its_start() {
        let mut new = reading(3, 5, Some(4), 40);
        new.family = [9; 16];
        let mut old = reading(4, 5, Some(-90), 4000);
        old.family = [8; 16];
        assert_eq!(counts(&[&[reading(1, 0, Some(-9), 1000)], &[new, old]]), [(5, 40)]);
    }

    #[test]
    fn what_is_delivered_again_or_late_adds_nothing() {
        let first = [reading(1, 0, None, 5), reading(1, 1, None, 8), reading(1, 3, None, 12)];
        assert_eq!(counts(&[&first, &first, &[reading(1, 2, None, 9)]]), [(1, 3), (3, 4)]);
    }

    #[test]
    fn what_has_no_price_costs_nobody_knows_how_much() {
        let mut known = Known::default();
        known.heard_since.insert(Series::AiSpend, at(0));
        let priced = |key: u8, price: Price| Reading {
            price: Some(price),
            series: Series::AiSpend,
            ..reading(key, 2, Some(1), 2_000_000)
        };
        let each = Price::Usd(Decimal::parse("0.0000015").unwrap());
        let counted = count(&[priced(1, each.clone())], &known);
        assert_eq!(counted.samples[0].measurement, Measurement::Value(3_000_000));
        let counted = count(&[priced(1, each), priced(2, Price::Unknown("new-model".to_owned()))], &known);
        assert_eq!(counted.samples[0].measurement, Measurement::AtLeast(3_000_000));
        assert_eq!(counted.unpriced.keys().collect::<Vec<_>>(), ["new-model"]);
    }

    #[test]
    fn a_distribution_grows_by_its_cells() {
        let mut before = Histogram::default();
        before.add(0, 100, 5);
        before.add(101, 200, 1);
        // The same counts said more coarsely, and three more.
        let mut now = Histogram::default();
        now.add(0, 200, 9);
        let grown = now.without(&before).unwrap();
        assert_eq!((grown.count(), grown.cells().len()), (3, 1));
        assert_eq!(before.without(&now), None);
        // Said more coarsely before: what is left is only known to lie within that.
        let mut later = Histogram::default();
        later.add(0, 100, 8);
        later.add(101, 200, 2);
        let grown = later.without(&now).unwrap();
        assert_eq!(grown.cells().iter().map(|cell| (cell.lo, cell.hi, cell.count)).collect::<Vec<_>>(), [(0, 200, 1)]);
    }
}

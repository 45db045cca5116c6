//! Owns what several exporters of one gauge come to that share a source's name: replicas of a service, or the shards of a sender.
//! They are several measurements of the same number. While they agree it is known; while they do not, it is not, no matter which
//! spoke last. Must not know protocols, or how what was said is kept.

use super::counter::State;
use super::counting::{Key, Total};
use super::mapping::{Combine, joined};
use super::signal::Series;
use super::telemetry::{Measurement, Sample};
use chrono::{DateTime, Duration, Utc};
use std::collections::{HashMap, HashSet};

/// How long a report of an exporter counts beside those of others: a few intervals of an export. One that ends is left out
/// after that, or sooner where the next one says when it began.
pub const TOGETHER: Duration = Duration::minutes(5);
/// Parts that rules combine are of one time where they lie within this.
const SAME_TIME: Duration = Duration::minutes(1);
/// How far from each other two that agree may be, as a share of the larger.
const AGREE: f64 = 0.05;

/// What one exporter says of a gauge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub at: DateTime<Utc>,
    pub atoms: u64,
    /// What tells it from the others of its source: its process and its labels.
    pub key: Key,
    /// Since when it counts, where it says so.
    pub start: Option<DateTime<Utc>>,
}

/// What the exporters of one request say of a gauge at one time; the sample of that series and time is what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub at: DateTime<Utc>,
    pub combine: Option<Combine>,
    pub parts: Vec<Part>,
    pub series: Series,
}

/// What each exporter of a gauge has said last.
pub type Exporters = HashMap<Key, State>;

/// Sets what was just said beside what other exporters of the same gauges have said, and puts it into the samples: combined as
/// a rule has it, or left open where they disagree. A value that is delivered again is taken out: it is stored as it was then.
/// `known` is brought up to date.
pub fn meet(samples: &mut Vec<Sample>, spoken: &[Spoken], known: &mut HashMap<Series, Exporters>) {
    let mut spoken: Vec<&Spoken> = spoken.iter().collect();
    spoken.sort_by_key(|spoken| spoken.at);
    let place = |(index, sample): (usize, &Sample)| ((sample.series, sample.at), index);
    let places: HashMap<(Series, DateTime<Utc>), usize> = samples.iter().enumerate().map(place).collect();
    let mut again = HashSet::new();
    for spoken in spoken {
        let exporters = known.entry(spoken.series).or_default();
        let is_there = |part: &Part| {
            let said = (part.at, Total::Count(part.atoms));
            exporters.get(&part.key).is_some_and(|known| (known.at, &known.total) == (said.0, &said.1))
        };
        if spoken.parts.iter().all(is_there) {
            again.insert((spoken.series, spoken.at));
            continue;
        }
        let others: Vec<(Duration, u64)> = exporters
            .iter()
            .filter(|(key, other)| speaks_beside(spoken, key, other))
            .filter_map(|(_, other)| match other.total {
                Total::Count(atoms) => Some(((spoken.at - other.at).abs(), atoms)),
                Total::Latency(_) => None,
            })
            .collect();
        if let Some(sample) = places.get(&(spoken.series, spoken.at)).and_then(|place| samples.get_mut(*place))
            && let Measurement::Value(own) = sample.measurement
        {
            sample.measurement = together(spoken, own, &others);
        }
        for part in &spoken.parts {
            let said = State::said(part.at, part.start, Total::Count(part.atoms));
            let newest = exporters.entry(part.key).or_insert_with(|| said.clone());
            if said.at >= newest.at {
                *newest = said;
            }
        }
        let newest = exporters.values().map(|state| state.at).max();
        exporters.retain(|_, state| newest.is_none_or(|newest| newest - state.at <= TOGETHER * 2));
    }
    samples.retain(|sample| !again.contains(&(sample.series, sample.at)));
}

/// Whether another exporter speaks at the same time as those that have just spoken.
fn speaks_beside(spoken: &Spoken, key: &Key, other: &State) -> bool {
    let has_ended = |part: &Part| part.start.is_some_and(|start| start > other.at);
    let had_ended = |part: &Part| other.start.is_some_and(|start| start > part.at);
    let is_another = spoken.parts.iter().all(|part| part.key != *key);
    let is_over = spoken.parts.iter().all(|part| has_ended(part) || had_ended(part));
    is_another && !is_over && (spoken.at - other.at).abs() <= TOGETHER
}

/// What one value and those of other exporters come to.
fn together(spoken: &Spoken, own: u64, others: &[(Duration, u64)]) -> Measurement {
    if others.is_empty() {
        return Measurement::Value(own);
    }
    let least = others.iter().map(|(_, atoms)| *atoms).min().unwrap_or(own).min(own);
    let Some(combine) = spoken.combine else {
        let agree = |atoms: u64| own.abs_diff(atoms) as f64 <= AGREE * own.max(atoms) as f64;
        let all_agree = others.iter().all(|(_, atoms)| agree(*atoms));
        return if all_agree { Measurement::Value(own) } else { Measurement::AtLeast(least) };
    };
    let parts: Vec<u64> =
        spoken.parts.iter().map(|part| part.atoms).chain(others.iter().map(|(_, atoms)| *atoms)).collect();
    match joined(&parts, Some(combine)) {
        Some(atoms) if others.iter().all(|(apart, _)| *apart <= SAME_TIME) => Measurement::Value(atoms),
        // Whether those that are silent for a minute are still there is not known yet.
        _ => Measurement::AtLeast(least),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    /// What each of several requests comes to: by exporter, second, start and value.
    fn said(combine: Option<Combine>, requests: &[(u8, i64, Option<i64>, u64)]) -> Vec<Measurement> {
        let mut known = HashMap::new();
        let one = |(key, second, start, atoms): &(u8, i64, Option<i64>, u64)| {
            let (series, at_time) = (Series::ClientsActive, at(*second));
            let part = Part { at: at_time, atoms: *atoms, key: [*key; 16], start: start.map(at) };
            let spoken = Spoken { at: at_time, combine, parts: vec![part], series };
            let measurement = Measurement::Value(*atoms);
            let mut samples = vec![Sample { at: at_time, exact: None, id: None, measurement, series }];
            meet(&mut samples, &[spoken], &mut known);
            samples.pop().map(|sample| sample.measurement)
        };
        requests.iter().filter_map(one).collect()
    }

    #[test]
    fn exporters_that_disagree_leave_a_gauge_open_whichever_spoke_last() {
        let (seven, five) = (Measurement::Value(7), Measurement::AtLeast(5));
        assert_eq!(
            said(None, &[(1, 0, None, 7), (2, 1, None, 5), (1, 60, None, 7), (2, 61, None, 5)]),
            [seven.clone(), five.clone(), five.clone(), five.clone()]
        );
        // Both began before the other spoke.
        assert_eq!(said(None, &[(1, 0, Some(-600), 7), (2, 1, Some(-599), 5)]), [seven, five]);
    }

    #[test]
    fn exporters_that_agree_are_known() {
        let values = said(None, &[(1, 0, None, 100), (2, 1, None, 100), (1, 60, None, 104), (2, 61, None, 104)]);
        assert!(values.iter().all(|value| matches!(value, Measurement::Value(_))), "{values:?}");
    }

    #[test]
    fn an_exporter_that_has_ended_contradicts_nobody() {
        // It is silent.
        assert_eq!(said(None, &[(1, 0, None, 7), (2, 301, None, 5)])[1], Measurement::Value(5));
        // The next one began after it had spoken, or what it said comes late.
        assert_eq!(said(None, &[(1, 0, Some(-600), 7), (2, 20, Some(10), 5)])[1], Measurement::Value(5));
        assert_eq!(said(None, &[(2, 20, Some(10), 5), (1, 0, Some(-600), 7)])[1], Measurement::Value(7));
    }

    #[test]
    fn parts_of_several_requests_are_combined_as_a_rule_has_it() {
        let requests = [(1, 0, None, 8), (2, 1, None, 4), (1, 60, None, 9), (2, 60, None, 4), (1, 200, None, 9)];
        let expected = [
            Measurement::Value(8),
            Measurement::Value(12),
            Measurement::Value(13),
            Measurement::Value(13),
            // Nobody knows whether the other is still there.
            Measurement::AtLeast(4),
        ];
        assert_eq!(said(Some(Combine::Sum), &requests), expected);
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let requests = [(1, 0, None, 7), (2, 1, None, 5), (2, 1, None, 5), (1, 0, None, 7)];
        assert_eq!(said(None, &requests), [Measurement::Value(7), Measurement::AtLeast(5)]);
    }
}

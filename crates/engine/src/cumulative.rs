//! Owns readings of counters: what the readings of a request have counted since what is known of them. Must not know where a
//! reading came from or how its state is kept. Specification: docs/engine.md, section 19 "Counters".
//!
//! The first reading of a counter only marks where counting begins, unless it is known that nothing was counted before. A
//! reading that isn't newer than the one before it adds nothing: its count is in the newer one already.

use super::counter::{Counter, Grown};
use super::counting::{Key, Price, Sums, Total, Unpriced, Who};
use super::doubt::{Doubt, Doubts};
use super::signal::Series;
use super::telemetry::Sample;
use super::told::{Told, ToldPoint};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap, HashSet};

/// One reading of one counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub at: DateTime<Utc>,
    /// The counters that are read together: those of one metric of one process.
    pub family: Key,
    /// It says what was counted since `start`, not since the process began.
    pub is_delta: bool,
    pub key: Key,
    /// `None` where the count itself is the measurement.
    pub price: Option<Price>,
    /// Which of several replicas of the same measurement says it; 0 if there is one.
    pub replica: u64,
    pub series: Series,
    /// When the counter began at zero, where its source says so.
    pub start: Option<DateTime<Utc>>,
    pub total: Total,
}

/// The state of the counters of one metric of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    pub counters: BTreeMap<Key, Counter>,
    /// Its newest cumulative reading.
    pub heard_at: Option<DateTime<Utc>>,
    /// The newest start that a fallen count has proven.
    pub renewed_at: Option<DateTime<Utc>>,
    /// Delta points that were counted.
    pub told: BTreeMap<Key, Told>,
}

/// The families of one source.
pub type Families = BTreeMap<(Series, Key), Family>;

/// The state of the counters of one source.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// At least those that the readings speak of.
    pub families: Families,
    /// Since when the source has been heard, for each series.
    pub heard_since: HashMap<Series, DateTime<Utc>>,
    /// The starts of all its processes, if one of the families is new.
    pub starts: HashMap<Series, HashSet<DateTime<Utc>>>,
}

/// What readings come to.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// What isn't known, with the newest time of each.
    pub doubts: Doubts,
    pub samples: Vec<Sample>,
    pub unpriced: Unpriced,
}

/// The growth since the readings that are known, one sample for each series and time. The new readings become the known ones.
pub fn count(readings: &[Reading], known: &mut Known) -> Counted {
    let mut sorted: Vec<&Reading> = readings.iter().collect();
    sorted.sort_by_key(|reading| (reading.at, reading.series, reading.family, reading.key));
    let (begun, renewals, sums) = (HashMap::new(), HashMap::new(), Sums::default());
    let mut counting = Counting { begun, known, renewals, sorted: &sorted, sums };
    let together =
        |one: &&Reading, other: &&Reading| (one.at, one.series, one.family) == (other.at, other.series, other.family);
    for group in sorted.chunk_by(together) {
        counting.take(group);
    }
    let (samples, unpriced, doubts) = counting.sums.finish();
    Counted { doubts, samples, unpriced }
}

struct Counting<'r> {
    /// The starts of processes that these readings were the first to name, with when each was read first.
    begun: HashMap<(Series, DateTime<Utc>), DateTime<Utc>>,
    known: &'r mut Known,
    /// When the processes of families are known to have restarted, as far as that was looked for.
    renewals: HashMap<Key, Option<DateTime<Utc>>>,
    sorted: &'r [&'r Reading],
    sums: Sums,
}

impl Counting<'_> {
    /// Takes the readings of one family and time, ascending by key.
    fn take(&mut self, group: &[&Reading]) {
        let Some(first) = group.first() else { return };
        let place = (first.series, first.family);
        let heard_at = self.known.families.get(&place).and_then(|family| family.heard_at);
        let mut continued = None;
        for reading in group {
            let grown = if reading.is_delta {
                self.told(reading)
            } else {
                let family = self.known.families.entry(place).or_default();
                let grown = match family.counters.get_mut(&reading.key) {
                    None => self.first(reading, heard_at, group, &mut continued),
                    Some(counter) => match counter.read(reading) {
                        Some(grown) => grown,
                        None => self.begin(reading),
                    },
                };
                if let Some(family) = self.known.families.get_mut(&place) {
                    family.heard_at = family.heard_at.max(Some(reading.at));
                    family.renewed_at = family.renewed_at.max(grown.renewed);
                }
                grown
            };
            self.add(reading, grown);
        }
    }

    fn add(&mut self, reading: &Reading, grown: Grown) {
        let who = Who { at: reading.at, key: &reading.key, series: reading.series, start: reading.start };
        if let Some(doubt) = grown.doubt {
            self.sums.doubt(who, doubt);
        }
        if let Some(total) = grown.total {
            self.sums.add(who, total, reading.price.as_ref());
            self.known.heard_since.entry(reading.series).or_insert(reading.at);
        }
    }

    /// A delta point counts once.
    fn told(&mut self, reading: &Reading) -> Grown {
        let family = self.known.families.entry((reading.series, reading.family)).or_default();
        let point = ToldPoint { at: reading.at, check: check(&reading.total), start: reading.start };
        match family.told.entry(reading.key).or_default().take(point) {
            Ok(true) => Grown::by(reading.total.clone()),
            Ok(false) => Grown::default(),
            Err(doubt) => Grown::unknown(doubt),
        }
    }

    fn begins(&mut self, reading: &Reading) {
        if let Some(start) = reading.start {
            self.begun.entry((reading.series, start)).or_insert(reading.at);
        }
    }

    /// A counter that is known, of a process that isn't.
    fn begin(&mut self, reading: &Reading) -> Grown {
        self.begins(reading);
        let renewed = match self.renewals.get(&reading.family) {
            Some(renewed) => *renewed,
            None => {
                let renewed = renewal(&self.known.families, self.sorted, &reading.family);
                self.renewals.insert(reading.family, renewed);
                renewed
            }
        };
        let family = self.known.families.entry((reading.series, reading.family)).or_default();
        family.renewed_at = family.renewed_at.max(renewed);
        let renewed = family.renewed_at;
        family.counters.get_mut(&reading.key).map(|counter| counter.begin(reading, renewed)).unwrap_or_default()
    }

    /// A counter that isn't known. `heard_at` is when its family was read before.
    fn first(
        &mut self,
        reading: &Reading,
        heard_at: Option<DateTime<Utc>>,
        group: &[&Reading],
        continued: &mut Option<bool>,
    ) -> Grown {
        let since = self.known.heard_since.get(&reading.series).copied();
        let is_known = |start: DateTime<Utc>| {
            self.known.starts.get(&reading.series).is_some_and(|all| all.contains(&start))
                || self.begun.get(&(reading.series, start)).is_some_and(|at| *at < reading.at)
        };
        let family = self.known.families.get(&(reading.series, reading.family));
        let mut goes_on = || {
            let counters = family.map(|family| &family.counters);
            *continued.get_or_insert_with(|| counters.is_some_and(|counters| is_continued(counters, heard_at, group)))
        };
        let doubt = match (reading.start.filter(|start| *start < reading.at), heard_at) {
            (None, _) if reading.start.is_some() => Some(Doubt::StartUnknown),
            (None, _) => Some(Doubt::Appeared),
            // It began after all of its family was read.
            (Some(start), Some(heard_at)) if start >= heard_at => None,
            // All that its family said before it goes on to say: what is new beside it began at zero.
            (Some(_), Some(heard_at)) if heard_at < reading.at && goes_on() => None,
            (Some(start), None) if is_known(start) => Some(Doubt::SeveralProcesses),
            (Some(start), None) if since.is_some_and(|since| since <= start) => None,
            _ => Some(Doubt::Appeared),
        };
        if let Some(family) = self.known.families.get_mut(&(reading.series, reading.family)) {
            family.counters.insert(reading.key, Counter::first(reading));
        }
        self.begins(reading);
        let Some(doubt) = doubt else {
            return Grown::by(reading.total.clone());
        };
        // Before anything was heard, nothing is missing.
        let is_missing = since.is_some_and(|since| since < reading.at) && reading.total.size() > 0;
        Grown { doubt: is_missing.then_some(doubt), ..Grown::default() }
    }
}

/// Whether each counter that a family told when it was last heard is among the readings of this time.
fn is_continued(counters: &BTreeMap<Key, Counter>, heard_at: Option<DateTime<Utc>>, group: &[&Reading]) -> bool {
    counters
        .iter()
        .filter(|(_, counter)| Some(counter.newest_at()) == heard_at)
        .all(|(key, _)| group.binary_search_by_key(&key, |reading| &reading.key).is_ok())
}

/// When the process of a family is known to have restarted: a fallen count of any of its counters proves it for all.
fn renewal(families: &Families, readings: &[&Reading], key: &Key) -> Option<DateTime<Utc>> {
    let known = Series::ALL.into_iter().filter_map(|series| families.get(&(series, *key))?.renewed_at).max();
    let own = readings.iter().filter(|reading| reading.family == *key && !reading.is_delta);
    let said = own.filter_map(|reading| {
        let counter = families.get(&(reading.series, *key))?.counters.get(&reading.key)?;
        counter.restart(reading)
    });
    known.max(said.max())
}

/// Tells values of one point apart.
fn check(total: &Total) -> u32 {
    let mix = |hash: u64, value: u64| (hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let hash = match total {
        Total::Count(count) => mix(1, *count),
        Total::Latency(histogram) => {
            histogram.cells().iter().fold(2, |hash, cell| mix(mix(mix(hash, cell.lo), cell.hi), cell.count))
        }
    };
    (hash ^ (hash >> 32)) as u32
}

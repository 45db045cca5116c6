//! Owns putting classic histograms together: each of their buckets is a series of its own, and a request may end between two of
//! them. What came without its last bucket waits for it a while; a histogram that lacks a bucket in between is only coarser,
//! never wrong, and what it holds is in the next one as well.

use crate::domain::metric::{Buckets, Labels, Point, PointValue, Temporality};
use chrono::{DateTime, Duration, Utc};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// How long the first buckets of a histogram wait for the rest.
const PATIENCE: Duration = Duration::seconds(30);
/// The most histograms that wait.
const MOST: usize = 10_000;
/// The most buckets that wait of one histogram.
const MOST_PARTS: usize = 4096;

/// Which histogram a bucket is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// Milliseconds since 1970.
    pub at: i64,
    pub job: String,
    /// All but the bucket's bound.
    pub labels: Vec<(String, String)>,
    pub metric: String,
}

impl Place {
    pub(super) fn process(&self) -> Labels<'_> {
        self.those(|name| name == "instance")
    }

    fn those(&self, which: impl Fn(&str) -> bool) -> Labels<'_> {
        let own = self.labels.iter().filter(|(name, _)| which(name));
        Labels(own.map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value.as_str()))).collect())
    }
}

/// One bucket: how many values are at most its bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub bound: f64,
    pub count: u64,
    pub start: Option<DateTime<Utc>>,
}

/// A histogram with its last bucket.
#[derive(Debug)]
pub(super) struct Classic {
    buckets: Buckets,
    start: Option<DateTime<Utc>>,
}

impl Classic {
    /// How many buckets it is made of.
    pub(super) fn buckets(&self) -> usize {
        self.buckets.counts.len()
    }

    pub(super) fn point<'p>(self, place: &'p Place) -> Point<'p> {
        Point {
            at: DateTime::from_timestamp_millis(place.at).unwrap_or(DateTime::UNIX_EPOCH),
            labels: place.those(|name| name != "instance"),
            metric: Cow::Borrowed(&place.metric),
            start: self.start,
            unit: Cow::Borrowed(""),
            value: PointValue::Distribution { buckets: self.buckets, sum: None, temporality: Temporality::Cumulative },
        }
    }
}

#[derive(Debug)]
struct Waiting {
    parts: Vec<Part>,
    since: DateTime<Utc>,
}

/// The histograms that wait for the rest of them.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: Mutex<HashMap<(String, Place), Waiting>>,
}

impl Pending {
    /// The histograms of an environment that `parts` make whole. The rest waits, and is forgotten in time.
    pub(super) fn join(
        &self,
        environment: &str,
        parts: Vec<(Place, Part)>,
        now: DateTime<Utc>,
    ) -> Vec<(Place, Classic)> {
        if parts.is_empty() {
            return Vec::new();
        }
        let groups = grouped(parts);
        let mut whole = Vec::new();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, one| now - one.since < PATIENCE);
        for (place, mut parts) in groups {
            let key = (environment.to_owned(), place);
            let is_last = parts.iter().any(|part| part.bound == f64::INFINITY);
            match waiting.remove(&key) {
                Some(earlier) => parts.extend(earlier.parts),
                None if is_last || waiting.len() >= MOST => {}
                None => {
                    waiting.insert(key, Waiting { parts, since: now });
                    continue;
                }
            }
            if let Some(classic) = classic(parts.clone()) {
                whole.push((key.1, classic));
            } else if waiting.len() < MOST && parts.len() <= MOST_PARTS {
                waiting.insert(key, Waiting { parts, since: now });
            }
        }
        whole
    }
}

fn grouped(parts: Vec<(Place, Part)>) -> BTreeMap<Place, Vec<Part>> {
    let mut groups: BTreeMap<Place, Vec<Part>> = BTreeMap::new();
    for (place, part) in parts {
        groups.entry(place).or_default().push(part);
    }
    groups
}

/// The histograms of buckets that came all at once; one without its last bucket is left out.
pub(super) fn whole(parts: Vec<(Place, Part)>) -> Vec<(Place, Classic)> {
    grouped(parts).into_iter().filter_map(|(place, parts)| Some((place, classic(parts)?))).collect()
}

/// The histogram of buckets; `None` without its last one, or where counts fall as bounds rise.
fn classic(mut parts: Vec<Part>) -> Option<Classic> {
    parts.sort_by(|one, other| one.bound.total_cmp(&other.bound));
    parts.dedup_by_key(|part| part.bound.to_bits());
    let last = parts.last().filter(|last| last.bound == f64::INFINITY)?;
    let start = last.start;
    let mut below = 0;
    let mut counts = Vec::with_capacity(parts.len());
    for part in &parts {
        counts.push(part.count.checked_sub(below)?);
        below = part.count;
    }
    let bounds = parts.iter().map(|part| part.bound).filter(|bound| bound.is_finite()).collect();
    Some(Classic { buckets: Buckets { bounds, counts, max: None, min: None }, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(bounds: &[(f64, u64)]) -> Vec<(Place, Part)> {
        let place = Place { at: 1, job: "shop".to_owned(), labels: Vec::new(), metric: "duration".to_owned() };
        bounds
            .iter()
            .map(|(bound, count)| (place.clone(), Part { bound: *bound, count: *count, start: None }))
            .collect()
    }

    #[test]
    fn buckets_in_two_requests_are_one_histogram() {
        let (pending, now) = (Pending::default(), DateTime::UNIX_EPOCH);
        assert!(pending.join("production", parts(&[(0.1, 3)]), now).is_empty());
        assert!(pending.join("staging", parts(&[(0.5, 1)]), now).is_empty());
        let whole = pending.join("production", parts(&[(0.5, 5), (f64::INFINITY, 6)]), now);
        assert_eq!(whole[0].1.buckets.bounds, [0.1, 0.5]);
        assert_eq!(whole[0].1.buckets.counts, [3, 2, 1]);
    }

    #[test]
    fn what_waits_too_long_is_left_out_and_falling_counts_are_no_histogram() {
        let (pending, now) = (Pending::default(), DateTime::UNIX_EPOCH);
        assert!(pending.join("production", parts(&[(0.1, 3)]), now).is_empty());
        let whole = pending.join("production", parts(&[(0.5, 5), (f64::INFINITY, 6)]), now + PATIENCE);
        assert_eq!(whole[0].1.buckets.counts, [5, 1]);
        assert!(pending.join("production", parts(&[(0.1, 7), (f64::INFINITY, 6)]), now + PATIENCE).is_empty());
    }
}

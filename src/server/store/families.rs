//! Owns the bytes in which a family of counters is kept. Must not know SQL, or how growth is counted; the domain does that.

use super::StoreError;
use super::rows::{At, corrupt, corrupt_by, millis, time};
use crate::domain::counter::{Counter, Held, State};
use crate::domain::counting::{Key, Total};
use crate::domain::cumulative::Family;
use crate::domain::histogram::Histogram;
use crate::domain::told::{Told, ToldPoint};
use chrono::{DateTime, Utc};
use prost::Message;
use std::collections::BTreeMap;

/// The row is a count that fell: what is held back of the row before it.
const HELD: u32 = 1;
/// The process is known to be another than those with nearly the same start.
const DISTINCT: u32 = 2;
/// Of what is held back, a part may have been missed.
const LOSSY: u32 = 4;

/// The counters of a family as they are kept: column by column, one row for each process that counts under a key. One row of the
/// store for a family, not one for a counter: counters are sent by the family, thousands of times a day.
#[derive(Clone, PartialEq, prost::Message)]
struct Columns {
    /// 16 bytes each.
    #[prost(bytes = "vec", tag = "1")]
    keys: Vec<u8>,
    /// In milliseconds since 1970.
    #[prost(sint64, repeated, tag = "2")]
    at: Vec<i64>,
    /// The same; 0 where it is not known.
    #[prost(sint64, repeated, tag = "3")]
    start: Vec<i64>,
    #[prost(uint64, repeated, tag = "4")]
    count: Vec<u64>,
    #[prost(message, repeated, tag = "5")]
    distributions: Vec<Distribution>,
    /// Empty if all are 0.
    #[prost(uint32, repeated, tag = "6")]
    flags: Vec<u32>,
    /// Milliseconds between the last two readings; empty in what older versions have kept.
    #[prost(uint64, repeated, tag = "7")]
    step: Vec<u64>,
    /// Empty if all are 0.
    #[prost(fixed64, repeated, tag = "8")]
    replica: Vec<u64>,
    /// When the process is known to have restarted, in milliseconds since 1970; 0 where it is not.
    #[prost(sint64, tag = "9")]
    renewed: i64,
    #[prost(message, repeated, tag = "10")]
    told: Vec<ToldColumns>,
}

/// What the counter at a place has counted, where that is a distribution.
#[derive(Clone, PartialEq, prost::Message)]
struct Distribution {
    #[prost(uint32, tag = "1")]
    place: u32,
    #[prost(uint64, repeated, tag = "2")]
    lo: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    hi: Vec<u64>,
    #[prost(uint64, repeated, tag = "4")]
    count: Vec<u64>,
}

/// The delta points of one set of attributes, each time as its distance in milliseconds from the one before.
#[derive(Clone, PartialEq, prost::Message)]
struct ToldColumns {
    /// 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    /// In milliseconds since 1970; 0 where nothing was forgotten.
    #[prost(sint64, tag = "2")]
    forgotten: i64,
    #[prost(sint64, repeated, tag = "3")]
    at: Vec<i64>,
    /// Milliseconds from the start to the point, and one more; 0 where the start is not known.
    #[prost(sint64, repeated, tag = "4")]
    length: Vec<i64>,
    #[prost(fixed32, repeated, tag = "5")]
    check: Vec<u32>,
}

/// The family that bytes hold.
pub(super) fn decode(bytes: &[u8], heard_at: At) -> Result<Family, StoreError> {
    let columns = Columns::decode(bytes).map_err(|error| corrupt_by("counters", error))?;
    let (keys, rest) = columns.keys.as_chunks::<16>();
    let length = keys.len();
    let may_lack = |column: usize| column == 0 || column == length;
    if !rest.is_empty()
        || [columns.at.len(), columns.start.len(), columns.count.len()] != [length; 3]
        || ![columns.flags.len(), columns.step.len(), columns.replica.len()].into_iter().all(may_lack)
    {
        return Err(corrupt("counters of several lengths"));
    }
    let mut distributions: BTreeMap<usize, Distribution> =
        columns.distributions.into_iter().map(|one| (one.place as usize, one)).collect();
    let mut states: Vec<(Key, State)> = Vec::with_capacity(length);
    for (place, key) in keys.iter().enumerate() {
        let at = time(columns.at[place])?;
        let total = match distributions.remove(&place) {
            Some(distribution) => Total::Latency(histogram(&distribution)),
            None => Total::Count(columns.count[place]),
        };
        let flags = columns.flags.get(place).copied().unwrap_or(0);
        if flags & HELD != 0 {
            let (_, state) = states.last_mut().ok_or_else(|| corrupt("a held count of no counter"))?;
            state.held = Some(Box::new(Held { at, is_lossy: flags & LOSSY != 0, total }));
            continue;
        }
        let state = State {
            at,
            held: None,
            is_distinct: flags & DISTINCT != 0,
            replica: columns.replica.get(place).copied().unwrap_or(0),
            start: maybe(columns.start[place])?,
            step: columns.step.get(place).map_or(0, |step| i64::try_from(*step).unwrap_or(i64::MAX)),
            total,
        };
        states.push((*key, state));
    }
    let mut family = Family { renewed_at: maybe(columns.renewed)?, ..Family::default() };
    family.heard_at = if states.is_empty() { None } else { Some(heard_at.time()?) };
    for (key, state) in states {
        match family.counters.get_mut(&key) {
            Some(counter) => counter.push(state),
            None => {
                family.counters.insert(key, Counter::new(state));
            }
        }
    }
    for told in columns.told {
        let key = Key::try_from(told.key.as_slice()).map_err(|_| corrupt("the key of delta points"))?;
        family.told.insert(key, points(&told)?);
    }
    Ok(family)
}

fn maybe(millis: i64) -> Result<Option<DateTime<Utc>>, StoreError> {
    Some(millis).filter(|millis| *millis != 0).map(time).transpose()
}

fn histogram(distribution: &Distribution) -> Histogram {
    let mut histogram = Histogram::default();
    for ((lo, hi), count) in distribution.lo.iter().zip(&distribution.hi).zip(&distribution.count) {
        histogram.add(*lo, *hi, *count);
    }
    histogram
}

fn points(told: &ToldColumns) -> Result<Told, StoreError> {
    let mut points = Vec::with_capacity(told.at.len());
    let mut at = 0i64;
    for ((step, length), check) in told.at.iter().zip(&told.length).zip(&told.check) {
        at = at.saturating_add(*step);
        let start = if *length == 0 { None } else { Some(time(at.saturating_sub(length - 1))?) };
        points.push(ToldPoint { at: time(at)?, check: *check, start });
    }
    Ok(Told { forgotten: maybe(told.forgotten)?, points })
}

/// The bytes of a family.
pub(super) fn encode(family: &Family) -> Vec<u8> {
    let mut columns = Columns { renewed: family.renewed_at.map_or(0, millis), ..Columns::default() };
    columns.keys.reserve(16 * family.counters.len());
    for (key, counter) in &family.counters {
        for state in counter.states() {
            let flags = if state.is_distinct { DISTINCT } else { 0 };
            row(&mut columns, key, (state.at, state.start, &state.total), (flags, state.step, state.replica));
            if let Some(held) = &state.held {
                let flags = if held.is_lossy { HELD | LOSSY } else { HELD };
                row(&mut columns, key, (held.at, state.start, &held.total), (flags, 0, 0));
            }
        }
    }
    if columns.flags.iter().all(|flags| *flags == 0) {
        columns.flags.clear();
    }
    if columns.replica.iter().all(|replica| *replica == 0) {
        columns.replica.clear();
    }
    for (key, told) in &family.told {
        let mut one = ToldColumns { key: key.to_vec(), ..ToldColumns::default() };
        one.forgotten = told.forgotten.map_or(0, millis);
        let mut before = 0;
        for point in &told.points {
            let at = millis(point.at);
            one.at.push(at - before);
            one.length.push(point.start.map_or(0, |start| at - millis(start) + 1));
            one.check.push(point.check);
            before = at;
        }
        columns.told.push(one);
    }
    columns.encode_to_vec()
}

type Read<'s> = (DateTime<Utc>, Option<DateTime<Utc>>, &'s Total);

fn row(columns: &mut Columns, key: &Key, (at, start, total): Read<'_>, (flags, step, replica): (u32, i64, u64)) {
    if let Total::Latency(histogram) = total {
        let cells = histogram.cells();
        columns.distributions.push(Distribution {
            place: u32::try_from(columns.at.len()).unwrap_or(u32::MAX),
            lo: cells.iter().map(|cell| cell.lo).collect(),
            hi: cells.iter().map(|cell| cell.hi).collect(),
            count: cells.iter().map(|cell| cell.count).collect(),
        });
    }
    columns.count.push(match total {
        Total::Count(count) => *count,
        Total::Latency(_) => 0,
    });
    columns.keys.extend_from_slice(key);
    columns.at.push(millis(at));
    columns.start.push(start.map_or(0, millis));
    columns.flags.push(flags);
    columns.step.push(u64::try_from(step).unwrap_or(0));
    columns.replica.push(replica);
}

/// When the first of a family's counters to be forgotten was last read, and when the newest was; `None` if it has none.
pub(super) fn extent(family: &Family) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let counters = family.counters.values().map(Counter::newest_at);
    let times = counters.chain(family.told.values().filter_map(Told::newest_at));
    times.fold(None, |extent, at| match extent {
        None => Some((at, at)),
        Some((oldest, newest)) => Some((at.min(oldest), at.max(newest))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_read_back_as_it_was() {
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        let mut durations = Histogram::default();
        durations.add(0, 100, 7);
        durations.add(101, u64::MAX, 2);
        let held = Held { at: at(70), is_lossy: true, total: Total::Count(3) };
        let state = State {
            at: at(60),
            held: Some(Box::new(held)),
            is_distinct: true,
            replica: 9,
            start: Some(at(-5)),
            step: 60_000,
            total: Total::Count(100),
        };
        let mut counter = Counter::new(state.clone());
        counter.push(State { held: None, is_distinct: false, start: None, ..state.clone() });
        let latency = State { held: None, replica: 0, total: Total::Latency(durations), ..state };
        let points = [(10, Some(0)), (20, Some(10)), (20, None), (25, Some(25))];
        let points = points.map(|(end, start)| ToldPoint { at: at(end), check: 77, start: start.map(at) }).to_vec();
        let family = Family {
            counters: [([1; 16], counter), ([2; 16], Counter::new(latency))].into_iter().collect(),
            heard_at: Some(at(60)),
            renewed_at: Some(at(-5)),
            told: [([3; 16], Told { forgotten: Some(at(1)), points })].into_iter().collect(),
        };
        let bytes = encode(&family);
        assert_eq!(decode(&bytes, At::of(at(60))).unwrap(), family);
        assert!(decode(&bytes[..bytes.len() - 1], At::of(at(60))).is_err());
        assert_eq!(extent(&family), Some((at(25), at(60))));
    }
}

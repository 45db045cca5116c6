//! Owns what is kept of counters: the newest reading of each, and what has no price. Must not know how growth is
//! counted; the domain does that.

use super::super::StoreError;
use super::super::rows::{At, corrupt, corrupt_by, millis, time};
use super::super::moving::Value;
use super::super::seal::Seal;
use super::ingest::Streams;
use super::{Connection, Db, seals};
use crate::domain::counting::{Key, Total, Unpriced};
use crate::domain::cumulative::{Counted, Known, Reading, State, count};
use crate::domain::histogram::Histogram;
use crate::domain::signal::Series;
use chrono::{DateTime, Utc};
use prost::Message;
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

/// Families read by one statement.
const ROWS: usize = 64;

/// The counters of a family as they are kept: column by column, all of the same length. One row a family, not one a counter:
/// whoever sends counters sends them by the family, thousands of times a day.
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

/// A family: the newest reading of each of its counters, and when it was heard.
#[derive(Default)]
struct Family {
    counters: BTreeMap<Key, State>,
    heard_at: Option<DateTime<Utc>>,
}

impl Family {
    fn decode(bytes: &[u8], heard_at: At) -> Result<Family, StoreError> {
        let columns = Columns::decode(bytes).map_err(|error| corrupt_by("counters", error))?;
        let (keys, rest) = columns.keys.as_chunks::<16>();
        let length = keys.len();
        if !rest.is_empty() || [columns.at.len(), columns.start.len(), columns.count.len()] != [length; 3] {
            return Err(corrupt("counters of several lengths"));
        }
        let mut counters = BTreeMap::new();
        for (place, key) in keys.iter().enumerate() {
            let start = Some(columns.start[place]).filter(|start| *start != 0).map(time).transpose()?;
            let total = Total::Count(columns.count[place]);
            counters.insert(*key, State { at: time(columns.at[place])?, start, total });
        }
        for distribution in columns.distributions {
            let key = keys.get(distribution.place as usize).ok_or_else(|| corrupt("a distribution of no counter"))?;
            let mut histogram = Histogram::default();
            for ((lo, hi), count) in distribution.lo.iter().zip(&distribution.hi).zip(&distribution.count) {
                histogram.add(*lo, *hi, *count);
            }
            if let Some(state) = counters.get_mut(key) {
                state.total = Total::Latency(histogram);
            }
        }
        Ok(Family { counters, heard_at: Some(heard_at.time()?) })
    }

    fn encode(&self) -> Vec<u8> {
        let mut columns = Columns::default();
        for (place, (key, state)) in self.counters.iter().enumerate() {
            columns.keys.extend_from_slice(key);
            columns.at.push(millis(state.at));
            columns.start.push(state.start.map_or(0, millis));
            match &state.total {
                Total::Count(count) => columns.count.push(*count),
                Total::Latency(histogram) => {
                    columns.count.push(0);
                    let cells = histogram.cells();
                    columns.distributions.push(Distribution {
                        place: u32::try_from(place).unwrap_or(u32::MAX),
                        lo: cells.iter().map(|cell| cell.lo).collect(),
                        hi: cells.iter().map(|cell| cell.hi).collect(),
                        count: cells.iter().map(|cell| cell.count).collect(),
                    });
                }
            }
        }
        columns.encode_to_vec()
    }

    fn oldest_at(&self) -> Option<DateTime<Utc>> {
        self.counters.values().map(|state| state.at).min()
    }
}

/// The families that readings speak of, by series.
type Families = BTreeMap<(Series, Key), Family>;

/// Counts what readings have grown by since they were last read, and moves what is kept.
pub(super) async fn advance(
    db: &mut Connection,
    streams: &Streams,
    readings: &[Reading],
) -> Result<Counted, StoreError> {
    let mut families: Families = BTreeMap::new();
    for reading in readings {
        families.entry((reading.series, reading.family)).or_default();
    }
    let mut known = Known::default();
    for (series, stream) in streams {
        let since = stream.first_at.map(|first| stream.counters_since.map_or(first, |since| since.max(first)));
        known.heard_since.extend(since.map(time).transpose()?.map(|since| (*series, since)));
        let own = (*series, Key::default())..=(*series, [u8::MAX; 16]);
        let keys: Vec<Key> = families.range(own).map(|((_, family), _)| *family).collect();
        for chunk in keys.chunks(ROWS) {
            read(db, stream.id, *series, chunk, &mut families).await?;
        }
    }
    for ((series, key), family) in &families {
        if let Some(at) = family.heard_at {
            known.states.insert((*series, *key), State { at, start: None, total: Total::Count(0) });
        }
        known.states.extend(family.counters.iter().map(|(key, state)| ((*series, *key), state.clone())));
    }
    let mut counted = count(readings, &known);
    for reading in readings {
        if let Some(family) = families.get_mut(&(reading.series, reading.family))
            && let Some(state) = counted.states.remove(&(reading.series, reading.key))
        {
            family.heard_at = family.heard_at.max(Some(state.at));
            family.counters.insert(reading.key, state);
        }
    }
    for ((series, key), family) in &families {
        if let Some(stream) = streams.get(series) {
            write(db, stream.id, key, family).await?;
        }
    }
    Ok(counted)
}

async fn read(
    db: &mut Connection,
    stream: i64,
    series: Series,
    keys: &[Key],
    families: &mut Families,
) -> Result<(), StoreError> {
    let mut query =
        QueryBuilder::<Db>::new("SELECT family, heard_at, counters FROM counter_families WHERE stream_id = ");
    query.push_bind(stream).push(" AND family IN (");
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key.as_slice());
    }
    list.push_unseparated(")");
    let rows: Vec<(Vec<u8>, At, Vec<u8>)> =
        query.build_query_as().persistent(keys.len() == ROWS || keys.len() == 1).fetch_all(db).await?;
    for (key, heard_at, counters) in rows {
        let key = Key::try_from(key).map_err(|_| corrupt("the key of counters"))?;
        families.insert((series, key), Family::decode(&counters, heard_at)?);
    }
    Ok(())
}

/// What one family of a stream has said last, by counter.
pub(super) async fn family(
    db: &mut Connection,
    stream: i64,
    series: Series,
    key: Key,
) -> Result<BTreeMap<Key, State>, StoreError> {
    let mut families = Families::new();
    read(db, stream, series, &[key], &mut families).await?;
    Ok(families.remove(&(series, key)).unwrap_or_default().counters)
}

/// Keeps what one family has said last.
pub(super) async fn keep_family(
    db: &mut Connection,
    stream: i64,
    key: Key,
    counters: BTreeMap<Key, State>,
) -> Result<(), StoreError> {
    let heard_at = counters.values().map(|state| state.at).max();
    write(db, stream, &key, &Family { counters, heard_at }).await
}

async fn write(db: &mut Connection, stream: i64, key: &Key, family: &Family) -> Result<(), StoreError> {
    let (Some(heard_at), Some(oldest_at)) = (family.heard_at, family.oldest_at()) else {
        return Ok(());
    };
    let counters = family.encode();
    let seal = Seal::of("counter_families").whole(stream).bytes(key.as_slice());
    let seal = seal.time(millis(heard_at)).time(millis(oldest_at)).bytes(&counters);
    sqlx::query(
        "INSERT INTO counter_families (stream_id, family, heard_at, oldest_at, counters, seal) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (stream_id, family) DO UPDATE SET heard_at = excluded.heard_at, oldest_at = excluded.oldest_at, \
         counters = excluded.counters, seal = excluded.seal",
    )
    .bind(stream)
    .bind(key.as_slice())
    .bind(At::of(heard_at))
    .bind(At::of(oldest_at))
    .bind(&counters)
    .bind(seal.end())
    .execute(db)
    .await?;
    Ok(())
}

/// Remembers what has no price.
pub(super) async fn remember_unpriced(
    db: &mut Connection,
    streams: &Streams,
    unpriced: &Unpriced,
) -> Result<(), StoreError> {
    let Some(stream) = streams.get(&Series::AiSpend) else {
        return Ok(());
    };
    for (name, at) in unpriced {
        sqlx::query(
            concat!(
                "INSERT INTO unpriced (stream_id, name, last_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (stream_id, name) DO UPDATE SET last_at = ",
                greatest!(),
                "(unpriced.last_at, excluded.last_at)"
            ),
        )
        .bind(stream.id)
        .bind(name)
        .bind(At::of(*at))
        .execute(&mut *db)
        .await?;
        seals::reseal(db, "unpriced", &[Value::Whole(stream.id), Value::Text(name.clone())]).await?;
    }
    Ok(())
}

/// What a stream has counted without a price after a time, by name.
pub(super) async fn unpriced_since(
    db: &mut Connection,
    stream: i64,
    from: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM unpriced WHERE stream_id = $1 AND last_at > $2 ORDER BY name")
        .bind(stream)
        .bind(At(from))
        .fetch_all(db)
        .await?)
}

/// Forgets counters that were last read before a time; returns how many.
pub(super) async fn prune(db: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let old: Vec<(i64, Vec<u8>, At, Vec<u8>)> =
        sqlx::query_as("SELECT stream_id, family, heard_at, counters FROM counter_families WHERE oldest_at < $1")
            .bind(At::of(before))
            .fetch_all(&mut *db)
            .await?;
    let mut forgotten = 0;
    for (stream, key, heard_at, counters) in old {
        // One that is heard again, and began before, may be one that was forgotten: nobody knows what of it was counted.
        sqlx::query(concat!(
            "UPDATE streams SET counters_since = ",
            greatest!(),
            "(coalesce(counters_since, $1), $1) WHERE id = $2"
        ))
            .bind(At::of(before))
            .bind(stream)
            .execute(&mut *db)
            .await?;
        seals::reseal_stream(db, stream).await?;
        let key = Key::try_from(key).map_err(|_| corrupt("the key of counters"))?;
        let mut family = Family::decode(&counters, heard_at)?;
        let all = family.counters.len();
        family.counters.retain(|_, state| state.at >= before);
        forgotten += (all - family.counters.len()) as u64;
        if family.counters.is_empty() {
            sqlx::query("DELETE FROM counter_families WHERE stream_id = $1 AND family = $2")
                .bind(stream)
                .bind(key.as_slice())
                .execute(&mut *db)
                .await?;
        } else {
            write(db, stream, &key, &family).await?;
        }
    }
    Ok(forgotten)
}

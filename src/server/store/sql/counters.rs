//! Owns what is kept of counters: the newest reading of each, what has no price, and what could not be counted. Must not know how
//! growth is counted; the domain does that.

use super::super::moving::Value;
use super::super::rows::{At, corrupt, millis, time};
use super::super::seal::Seal;
use super::super::{StoreError, families};
use super::ingest::Streams;
use super::{Connection, Db, seals};
use crate::domain::counter::{Counter, State};
use crate::domain::counting::{Key, Unpriced};
use crate::domain::cumulative::{Counted, Families, Family, Known, Reading, count};
use crate::domain::doubt::{Doubt, Doubts};
use crate::domain::signal::Series;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, HashSet};

/// Families read by one statement.
const ROWS: usize = 64;
/// The most families whose starts are looked at where one is new.
const MOST_FAMILIES: i64 = 2_000;

/// Counts what readings have grown by since they were last read, and moves what is kept.
pub(super) async fn advance(
    db: &mut Connection,
    streams: &Streams,
    readings: &[Reading],
) -> Result<Counted, StoreError> {
    let mut known = Known::default();
    for reading in readings {
        known.families.entry((reading.series, reading.family)).or_default();
    }
    for (series, stream) in streams {
        let since = stream.first_at.map(|first| stream.counters_since.map_or(first, |since| since.max(first)));
        known.heard_since.extend(since.map(time).transpose()?.map(|since| (*series, since)));
        let own = (*series, Key::default())..=(*series, [u8::MAX; 16]);
        let keys: Vec<Key> = known.families.range(own).map(|((_, family), _)| *family).collect();
        let mut found = 0;
        for chunk in keys.chunks(ROWS) {
            found += read(db, stream.id, *series, chunk, &mut known.families).await?;
        }
        if found < keys.len() && stream.first_at.is_some() {
            known.starts.insert(*series, starts(db, stream.id).await?);
        }
    }
    let counted = count(readings, &mut known);
    for ((series, key), family) in &known.families {
        if let Some(stream) = streams.get(series) {
            write(db, stream.id, key, family).await?;
        }
    }
    Ok(counted)
}

/// Reads families; how many there are.
async fn read(
    db: &mut Connection,
    stream: i64,
    series: Series,
    keys: &[Key],
    families: &mut Families,
) -> Result<usize, StoreError> {
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
    let found = rows.len();
    for (key, heard_at, counters) in rows {
        let key = Key::try_from(key).map_err(|_| corrupt("the key of counters"))?;
        families.insert((series, key), families::decode(&counters, heard_at)?);
    }
    Ok(found)
}

/// When the processes of a stream began, as far as they say so.
async fn starts(db: &mut Connection, stream: i64) -> Result<HashSet<DateTime<Utc>>, StoreError> {
    let rows: Vec<(At, Vec<u8>)> = sqlx::query_as(
        "SELECT heard_at, counters FROM counter_families WHERE stream_id = $1 ORDER BY heard_at DESC LIMIT $2",
    )
    .bind(stream)
    .bind(MOST_FAMILIES)
    .fetch_all(db)
    .await?;
    let mut starts = HashSet::new();
    for (heard_at, counters) in rows {
        let family = families::decode(&counters, heard_at)?;
        starts.extend(family.counters.values().flat_map(|counter| counter.states()).filter_map(|state| state.start));
    }
    Ok(starts)
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
    let counters = families.remove(&(series, key)).unwrap_or_default().counters;
    Ok(counters.into_iter().filter_map(|(key, counter)| Some((key, counter.states().first()?.clone()))).collect())
}

/// Keeps what one family has said last.
pub(super) async fn keep_family(
    db: &mut Connection,
    stream: i64,
    key: Key,
    counters: BTreeMap<Key, State>,
) -> Result<(), StoreError> {
    let heard_at = counters.values().map(|state| state.at).max();
    let counters = counters.into_iter().map(|(key, state)| (key, Counter::new(state))).collect();
    write(db, stream, &key, &Family { counters, heard_at, ..Family::default() }).await
}

async fn write(db: &mut Connection, stream: i64, key: &Key, family: &Family) -> Result<(), StoreError> {
    let Some((oldest_at, newest_at)) = families::extent(family) else {
        return Ok(());
    };
    let heard_at = family.heard_at.unwrap_or(newest_at);
    let counters = families::encode(family);
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

/// Remembers what could not be counted, and why.
pub(super) async fn remember_doubts(db: &mut Connection, streams: &Streams, doubts: &Doubts) -> Result<(), StoreError> {
    for ((series, doubt), at) in doubts {
        let Some(stream) = streams.get(series) else { continue };
        sqlx::query(
            concat!(
                "INSERT INTO doubts (stream_id, code, last_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (stream_id, code) DO UPDATE SET last_at = ",
                greatest!(),
                "(doubts.last_at, excluded.last_at)"
            ),
        )
        .bind(stream.id)
        .bind(doubt.code())
        .bind(At::of(*at))
        .execute(&mut *db)
        .await?;
        seals::reseal(db, "doubts", &[Value::Whole(stream.id), Value::Text(doubt.code().to_owned())]).await?;
    }
    Ok(())
}

/// Why a stream could not count all after a time. A code that this version doesn't know is left out.
pub(super) async fn doubts_since(db: &mut Connection, stream: i64, from: i64) -> Result<Vec<Doubt>, StoreError> {
    let codes: Vec<String> =
        sqlx::query_scalar("SELECT code FROM doubts WHERE stream_id = $1 AND last_at > $2 ORDER BY code")
            .bind(stream)
            .bind(At(from))
            .fetch_all(db)
            .await?;
    Ok(codes.iter().filter_map(|code| Doubt::from_code(code)).collect())
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
        let mut family = families::decode(&counters, heard_at)?;
        let all = family.counters.len() + family.told.len();
        family.counters.retain(|_, counter| counter.forget(before));
        family.told.retain(|_, told| told.newest_at().is_some_and(|newest| newest >= before));
        let left = family.counters.len() + family.told.len();
        forgotten += (all - left) as u64;
        if left == 0 {
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

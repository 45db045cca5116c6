//! Owns what is kept of counters in SQLite: the newest reading of each, and what has no price. Must not know how growth is
//! counted; the domain does that.

use super::super::StoreError;
use super::super::rows::{column, corrupt, corrupt_by, millis, time, unsigned};
use super::ingest::Streams;
use crate::domain::counting::{Key, Total, Unpriced};
use crate::domain::cumulative::{Counted, Known, Reading, State, count};
use crate::domain::signal::Series;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// Counters read, or written, by one statement.
const ROWS: usize = 256;

type CounterColumns = (Vec<u8>, i64, Option<i64>, i64, Option<String>);

/// Counts what readings have grown by since they were last read, and moves what is kept.
pub(super) async fn advance(
    db: &mut SqliteConnection,
    streams: &Streams,
    readings: &[Reading],
) -> Result<Counted, StoreError> {
    let mut known = Known::default();
    let mut keys: BTreeMap<Series, BTreeSet<Key>> = BTreeMap::new();
    for reading in readings {
        keys.entry(reading.series).or_default().extend([reading.key, reading.family]);
    }
    for (series, keys) in &keys {
        let Some(stream) = streams.get(series) else {
            continue;
        };
        known.heard_since.extend(stream.first_at.map(time).transpose()?.map(|since| (*series, since)));
        let keys: Vec<&Key> = keys.iter().collect();
        for chunk in keys.chunks(ROWS) {
            read(db, stream.id, *series, chunk, &mut known).await?;
        }
    }
    let counted = count(readings.to_vec(), &known);
    let mut rows = Vec::with_capacity(counted.states.len());
    for ((series, key), state) in &counted.states {
        rows.extend(streams.get(series).map(|stream| (stream.id, key, state)));
    }
    // In the order of the table: neighbours share its pages.
    rows.sort_unstable_by_key(|(stream, key, _)| (*stream, **key));
    for chunk in rows.chunks(ROWS) {
        write(db, chunk).await?;
    }
    Ok(counted)
}

async fn read(
    db: &mut SqliteConnection,
    stream: i64,
    series: Series,
    keys: &[&Key],
    known: &mut Known,
) -> Result<(), StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT key, at, start_at, atoms, histogram FROM counters WHERE stream_id = ");
    query.push_bind(stream).push(" AND key IN (");
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key.as_slice());
    }
    list.push_unseparated(")");
    let rows: Vec<CounterColumns> = query.build_query_as().persistent(keys.len() == ROWS).fetch_all(db).await?;
    for (key, at, start, atoms, histogram) in rows {
        let key = Key::try_from(key).map_err(|_| corrupt("a counter's key"))?;
        let total = match histogram {
            Some(text) => {
                Total::Latency(serde_json::from_str(&text).map_err(|error| corrupt_by("a counter's histogram", error))?)
            }
            None => Total::Count(unsigned(atoms)?),
        };
        let state = State { at: time(at)?, start: start.map(time).transpose()?, total };
        known.states.insert((series, key), state);
    }
    Ok(())
}

async fn write(db: &mut SqliteConnection, rows: &[(i64, &Key, &State)]) -> Result<(), StoreError> {
    let rows = rows
        .iter()
        .map(|(stream, key, state)| {
            let (atoms, histogram) = match &state.total {
                Total::Count(count) => (column(*count), None),
                Total::Latency(histogram) => {
                    let text =
                        serde_json::to_string(histogram).map_err(|error| corrupt_by("a counter's histogram", error))?;
                    (0, Some(text))
                }
            };
            Ok((*stream, key.as_slice(), millis(state.at), state.start.map(millis), atoms, histogram))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT OR REPLACE INTO counters (stream_id, key, at, start_at, atoms, histogram) ",
    );
    query.push_values(&rows, |mut columns, (stream, key, at, start, atoms, histogram)| {
        columns.push_bind(stream).push_bind(*key).push_bind(at).push_bind(start).push_bind(atoms).push_bind(histogram);
    });
    query.build().persistent(rows.len() == ROWS).execute(db).await?;
    Ok(())
}

/// Remembers what has no price.
pub(super) async fn remember_unpriced(
    db: &mut SqliteConnection,
    streams: &Streams,
    unpriced: &Unpriced,
) -> Result<(), StoreError> {
    let Some(stream) = streams.get(&Series::AiSpend) else {
        return Ok(());
    };
    for (name, at) in unpriced {
        sqlx::query(
            "INSERT INTO unpriced (stream_id, name, last_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at)",
        )
        .bind(stream.id)
        .bind(name)
        .bind(millis(*at))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// What a stream has counted without a price after a time, by name.
pub(super) async fn unpriced_since(
    db: &mut SqliteConnection,
    stream: i64,
    from: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM unpriced WHERE stream_id = $1 AND last_at > $2 ORDER BY name")
        .bind(stream)
        .bind(from)
        .fetch_all(db)
        .await?)
}

/// Forgets counters that were last read before a time; returns how many.
pub(super) async fn prune(db: &mut SqliteConnection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM counters WHERE at < $1").bind(millis(before)).execute(db).await?;
    Ok(done.rows_affected())
}

//! Owns the minute roll-ups: adding new samples to them, and making again those whose samples were revised.

use super::super::StoreError;
use super::super::rows::{MINUTE_COLUMNS, MinuteColumns, minute_columns, minute_row};
use super::super::seal::Seal;
use super::ingest::{StreamState, Streams};
use super::samples::{self, Row};
use super::seals;
use super::{Connection, Db};
use crate::domain::rollup::{MINUTE_MS, MinuteRow, minute_of};
use crate::domain::telemetry::RowError;
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// Rows written, or read, by one statement.
const ROWS: usize = 256;

/// Adds new samples, ascending by stream and time, to the minutes that they fall into.
pub(super) async fn add(
    db: &mut Connection,
    streams: &Streams,
    new: &[Row<'_>],
    fetched_at: i64,
    conflicts: &mut Vec<RowError>,
) -> Result<(), StoreError> {
    let states: BTreeMap<i64, &StreamState> = streams.values().map(|state| (state.id, state)).collect();
    let mut rows: BTreeMap<(i64, i64), MinuteRow> = BTreeMap::new();
    for row in new {
        let of = MinuteRow::of(row.sample, fetched_at);
        match rows.get_mut(&(row.stream, of.minute)) {
            Some(sum) => sum.merge(&of, row.sample.series.signal().kind()),
            None => {
                rows.insert((row.stream, of.minute), of);
            }
        }
    }
    let there = existing(db, &states, &rows).await?;
    for row in new {
        let place = (row.stream, minute_of(row.at));
        let pruned = states.get(&row.stream).and_then(|state| state.pruned_before);
        if there.contains_key(&place) && pruned.is_some_and(|pruned| row.at <= pruned) {
            conflicts.push(row.conflict(
                "at",
                "lies in a minute whose single samples are no longer kept: it cannot be told from what is counted",
            ));
        }
    }
    for (place, mut earlier) in there {
        if let (Some(sum), Some(state)) = (rows.get_mut(&place), states.get(&place.0)) {
            earlier.merge(sum, state.series.signal().kind());
            *sum = earlier;
        }
    }
    write(db, rows).await
}

/// The stored rows of the minutes that are touched, by stream and minute.
async fn existing(
    db: &mut Connection,
    states: &BTreeMap<i64, &StreamState>,
    touched: &BTreeMap<(i64, i64), MinuteRow>,
) -> Result<BTreeMap<(i64, i64), MinuteRow>, StoreError> {
    let mut found = BTreeMap::new();
    for (stream, state) in states {
        // Nothing is stored after the stream's newest sample.
        let Some(last) = state.last_at.map(minute_of) else {
            continue;
        };
        let minutes: Vec<i64> =
            touched.range((*stream, i64::MIN)..=(*stream, last)).map(|((_, minute), _)| *minute).collect();
        for chunk in minutes.chunks(ROWS) {
            let mut query =
                QueryBuilder::<Db>::new(format!("SELECT {MINUTE_COLUMNS} FROM minutes WHERE stream_id = "));
            query.push_bind(stream);
            // The range first: without statistics PostgreSQL would read all of the stream for a list of minutes.
            query.push(" AND minute >= ").push_bind(chunk.first().copied());
            query.push(" AND minute <= ").push_bind(chunk.last().copied()).push(" AND minute IN (");
            let mut list = query.separated(", ");
            for minute in chunk {
                list.push_bind(minute);
            }
            list.push_unseparated(")");
            let rows: Vec<MinuteColumns> =
                query.build_query_as().persistent(chunk.len() == ROWS || chunk.len() == 1).fetch_all(&mut *db).await?;
            for columns in rows {
                let row = minute_row(columns)?;
                found.insert((*stream, row.minute), row);
            }
        }
    }
    Ok(found)
}

/// The seal of a minute's row.
fn seal(stream: i64, row: &MinuteColumns) -> i64 {
    Seal::of("minutes")
        .whole(stream)
        .whole(row.0)
        .time(row.1.0)
        .whole(row.2)
        .time(row.3.0)
        .whole(row.4)
        .whole(row.5)
        .whole(row.6)
        .time(row.7.0)
        .maybe_text(row.8.as_deref())
        .flag(row.9)
        .end()
}

async fn write(db: &mut Connection, rows: BTreeMap<(i64, i64), MinuteRow>) -> Result<(), StoreError> {
    let rows: Vec<(i64, MinuteColumns)> =
        rows.iter().map(|((stream, _), row)| Ok((*stream, minute_columns(row)?))).collect::<Result<_, StoreError>>()?;
    for chunk in rows.chunks(ROWS) {
        let mut query =
            QueryBuilder::<Db>::new(format!("INSERT INTO minutes (stream_id, {MINUTE_COLUMNS}, seal) "));
        query.push_values(chunk, |mut columns, (stream, row)| {
            columns
                .push_bind(stream)
                .push_bind(row.0)
                .push_bind(row.1)
                .push_bind(row.2)
                .push_bind(row.3)
                .push_bind(row.4)
                .push_bind(row.5)
                .push_bind(row.6)
                .push_bind(row.7)
                .push_bind(&row.8)
                .push_bind(row.9)
                .push_bind(seal(*stream, row));
        });
        query.push(
            " ON CONFLICT (stream_id, minute) DO UPDATE SET first_at = excluded.first_at, first = excluded.first, \
             last_at = excluded.last_at, last = excluded.last, samples = excluded.samples, total = excluded.total, \
             fetched_at = excluded.fetched_at, latency = excluded.latency, is_open = excluded.is_open, seal = excluded.seal",
        );
        query.build().persistent(chunk.len() == ROWS || chunk.len() == 1).execute(&mut *db).await?;
    }
    Ok(())
}

/// Names the revised samples of minutes that can no longer be made again.
pub(super) fn refuse_closed(streams: &Streams, revised: &[(Row<'_>, (i64, i64))], conflicts: &mut Vec<RowError>) {
    let is_closed = |stream: i64, at: i64| {
        let state = streams.values().find(|state| state.id == stream);
        state.and_then(|state| state.pruned_before).is_some_and(|pruned| at <= pruned)
    };
    for (row, (stream, at)) in revised {
        if is_closed(*stream, *at) || is_closed(row.stream, row.at) {
            conflicts.push(
                row.conflict("at", "lies in a minute whose single samples are no longer kept: it cannot be revised"),
            );
        }
    }
}

/// Makes the minutes of revised samples again from what is stored, and their streams' bounds with them.
pub(super) async fn rebuild(
    db: &mut Connection,
    streams: &Streams,
    revised: &[(Row<'_>, (i64, i64))],
) -> Result<(), StoreError> {
    let minutes: BTreeSet<(i64, i64)> = revised
        .iter()
        .flat_map(|(row, (stream, at))| [(row.stream, minute_of(row.at)), (*stream, minute_of(*at))])
        .collect();
    let mut rows: BTreeMap<(i64, i64), MinuteRow> = BTreeMap::new();
    for (stream, minute) in &minutes {
        let Some(state) = streams.values().find(|state| state.id == *stream) else {
            continue;
        };
        sqlx::query("DELETE FROM minutes WHERE stream_id = $1 AND minute = $2")
            .bind(stream)
            .bind(minute)
            .execute(&mut *db)
            .await?;
        let to = minute * MINUTE_MS;
        for (sample, fetched_at) in samples::between(db, *stream, state.series, to - MINUTE_MS, to).await? {
            let of = MinuteRow::of(&sample, fetched_at);
            let kind = state.series.signal().kind();
            rows.entry((*stream, *minute)).and_modify(|sum| sum.merge(&of, kind)).or_insert(of);
        }
    }
    write(db, rows).await?;
    for stream in minutes.iter().map(|(stream, _)| *stream).collect::<BTreeSet<i64>>() {
        sqlx::query(
            "UPDATE streams SET \
             first_at = (SELECT first_at FROM minutes WHERE stream_id = $1 ORDER BY minute LIMIT 1), \
             last_at = (SELECT last_at FROM minutes WHERE stream_id = $1 ORDER BY minute DESC LIMIT 1) WHERE id = $1",
        )
        .bind(stream)
        .execute(&mut *db)
        .await?;
        seals::reseal_stream(db, stream).await?;
    }
    Ok(())
}

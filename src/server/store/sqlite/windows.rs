//! Owns reading the minutes and spans of an environment's streams in SQLite, stream by stream: each read is a range of an index.

use super::super::StoreError;
use super::super::rows::{At, MinuteColumns, minute_row};
use crate::domain::rollup::{MinuteRow, minute_of};
use crate::domain::stream::Span;
use sqlx::{Row, SqliteConnection};
use std::collections::BTreeMap;

/// The newest row of each stream whose samples all lie at or before a time.
pub(super) async fn newest_before(
    db: &mut SqliteConnection,
    streams: &[i64],
    from: i64,
) -> Result<BTreeMap<i64, MinuteRow>, StoreError> {
    let mut newest = BTreeMap::new();
    for stream in streams {
        let columns: Option<MinuteColumns> = sqlx::query_as(
            "SELECT minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open FROM minutes \
             WHERE stream_id = $1 AND minute <= $2 AND last_at <= $3 ORDER BY minute DESC LIMIT 1",
        )
        .bind(stream)
        .bind(minute_of(from))
        .bind(At(from))
        .fetch_optional(&mut *db)
        .await?;
        if let Some(columns) = columns {
            newest.insert(*stream, minute_row(columns)?);
        }
    }
    Ok(newest)
}

/// The rows of each stream within a span, ascending.
pub(super) async fn minutes(
    db: &mut SqliteConnection,
    streams: &[i64],
    span: Span,
) -> Result<BTreeMap<i64, Vec<MinuteRow>>, StoreError> {
    let mut all = BTreeMap::new();
    for stream in streams {
        all.insert(*stream, of_stream(db, *stream, span).await?);
    }
    Ok(all)
}

async fn of_stream(db: &mut SqliteConnection, stream: i64, span: Span) -> Result<Vec<MinuteRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open FROM minutes \
         WHERE stream_id = $1 AND minute BETWEEN $2 AND $3 AND last_at > $4 AND last_at <= $5 ORDER BY minute",
    )
    .bind(stream)
    .bind(minute_of(span.from))
    .bind(minute_of(span.to))
    .bind(At(span.from))
    .bind(At(span.to))
    .fetch_all(db)
    .await?;
    let mut minutes = Vec::with_capacity(rows.len());
    for row in rows {
        minutes.push(minute_row((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
            row.try_get(6)?,
            row.try_get(7)?,
            row.try_get(8)?,
            row.try_get(9)?,
        ))?);
    }
    Ok(minutes)
}

/// The vouched spans of each stream that reach into a span, and the newest before it.
pub(super) async fn spans(
    db: &mut SqliteConnection,
    streams: &[i64],
    span: Span,
) -> Result<BTreeMap<i64, Vec<Span>>, StoreError> {
    let mut all = BTreeMap::new();
    for stream in streams {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT from_ms, to_ms FROM spans WHERE stream_id = $1 AND from_ms <= $3 AND to_ms >= coalesce( \
                 (SELECT max(to_ms) FROM spans WHERE stream_id = $1 AND to_ms < $2), $2) ORDER BY to_ms",
        )
        .bind(stream)
        .bind(span.from)
        .bind(span.to)
        .fetch_all(&mut *db)
        .await?;
        all.insert(*stream, rows.into_iter().map(|(from, to)| Span { from, to }).collect());
    }
    Ok(all)
}

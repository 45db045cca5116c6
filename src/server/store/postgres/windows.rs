//! Owns reading the minutes and spans of all of an environment's streams in PostgreSQL: one statement for all of them, since each
//! statement is a way to the database and back.

use super::super::StoreError;
use super::super::rows::{At, MinuteColumns, minute_row};
use crate::domain::rollup::{MinuteRow, minute_of};
use crate::domain::stream::Span;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::BTreeMap;

/// The newest row of each stream whose samples all lie at or before a time.
pub(super) async fn newest_before(
    db: &mut PgConnection,
    streams: &[i64],
    from: i64,
) -> Result<BTreeMap<i64, MinuteRow>, StoreError> {
    let found = sqlx::query(
        "SELECT wanted.id, newest.* FROM unnest($1::bigint[]) AS wanted (id), LATERAL ( \
             SELECT minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open FROM minutes \
             WHERE stream_id = wanted.id AND minute <= $2 AND last_at <= $3 ORDER BY minute DESC LIMIT 1) AS newest",
    )
    .bind(streams)
    .bind(minute_of(from))
    .bind(At(from))
    .fetch_all(db)
    .await?;
    found.iter().map(row).collect()
}

/// The rows of each stream within a span, ascending.
pub(super) async fn minutes(
    db: &mut PgConnection,
    streams: &[i64],
    span: Span,
) -> Result<BTreeMap<i64, Vec<MinuteRow>>, StoreError> {
    let found = sqlx::query(
        "SELECT stream_id, minute, first_at, first, last_at, last, samples, total, fetched_at, latency, is_open FROM minutes \
         WHERE stream_id = ANY($1) AND minute BETWEEN $2 AND $3 AND last_at > $4 AND last_at <= $5 ORDER BY stream_id, minute",
    )
    .bind(streams)
    .bind(minute_of(span.from))
    .bind(minute_of(span.to))
    .bind(At(span.from))
    .bind(At(span.to))
    .fetch_all(db)
    .await?;
    let mut minutes: BTreeMap<i64, Vec<MinuteRow>> = BTreeMap::new();
    for found in &found {
        let (stream, row) = row(found)?;
        minutes.entry(stream).or_default().push(row);
    }
    Ok(minutes)
}

/// The vouched spans of each stream that reach into a span, and the newest before it.
pub(super) async fn spans(
    db: &mut PgConnection,
    streams: &[i64],
    span: Span,
) -> Result<BTreeMap<i64, Vec<Span>>, StoreError> {
    // Stream by stream: each begins where its own newest span before this one ends.
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT wanted.id, own.from_ms, own.to_ms FROM unnest($1::bigint[]) AS wanted (id), LATERAL ( \
             SELECT from_ms, to_ms FROM spans WHERE stream_id = wanted.id AND from_ms <= $3 AND to_ms >= coalesce( \
                 (SELECT max(to_ms) FROM spans WHERE stream_id = wanted.id AND to_ms < $2), $2) OFFSET 0) AS own \
         ORDER BY wanted.id, own.to_ms",
    )
    .bind(streams)
    .bind(span.from)
    .bind(span.to)
    .fetch_all(db)
    .await?;
    let mut spans: BTreeMap<i64, Vec<Span>> = BTreeMap::new();
    for (stream, from, to) in found {
        spans.entry(stream).or_default().push(Span { from, to });
    }
    Ok(spans)
}

/// A stream and a row of its minutes.
fn row(found: &PgRow) -> Result<(i64, MinuteRow), StoreError> {
    let columns: MinuteColumns = (
        found.try_get(1)?,
        found.try_get(2)?,
        found.try_get(3)?,
        found.try_get(4)?,
        found.try_get(5)?,
        found.try_get(6)?,
        found.try_get(7)?,
        found.try_get(8)?,
        found.try_get(9)?,
        found.try_get(10)?,
    );
    Ok((found.try_get(0)?, minute_row(columns)?))
}

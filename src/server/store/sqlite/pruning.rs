//! Owns deleting raw samples that are old, in SQLite: the oldest first, some at a time.

use super::super::StoreError;
use super::seals;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

/// Raw samples deleted in one transaction.
const AT_ONCE: i64 = 20_000;

/// Closes the whole minutes before a time to samples that can no longer be compared; returns the streams with raw
/// samples in them, each with the last time to be deleted.
pub(super) async fn begin(db: &mut SqliteConnection, before: DateTime<Utc>) -> Result<Vec<(i64, i64)>, StoreError> {
    let until = super::super::pruned_until(before);
    let streams: Vec<i64> = sqlx::query_scalar(
        "UPDATE streams SET pruned_before = max(coalesce(pruned_before, $1), $1) \
         WHERE EXISTS (SELECT 1 FROM samples WHERE stream_id = streams.id AND at <= $1) RETURNING id",
    )
    .bind(until)
    .fetch_all(&mut *db)
    .await?;
    for stream in &streams {
        seals::reseal_stream(db, *stream).await?;
    }
    Ok(streams.into_iter().map(|stream| (stream, until)).collect())
}

/// Deletes some of a stream's raw samples up to a time, the oldest first; 0 where none is left.
pub(super) async fn some(db: &mut SqliteConnection, stream: i64, until: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM samples WHERE stream_id = $1 AND at <= min($2, coalesce( \
             (SELECT at FROM samples WHERE stream_id = $1 ORDER BY at LIMIT 1 OFFSET $3), $2))",
    )
    .bind(stream)
    .bind(until)
    .bind(AT_ONCE)
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

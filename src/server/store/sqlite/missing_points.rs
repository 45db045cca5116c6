//! Owns making the points of charts again, where a file of SQLite is older than they are.

use super::super::rows;
use super::{StoreError, points};
use crate::domain::trend::TrendPoint;
use sqlx::SqliteConnection;

/// Snapshots read at once.
const AT_ONCE: i64 = 500;

/// Whether there are snapshots but no points: the store was made before there were any.
pub(super) async fn are_missing(db: &mut SqliteConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM snapshots) AND NOT EXISTS (SELECT 1 FROM points)")
        .fetch_one(db)
        .await?)
}

/// Makes the points of every snapshot again.
pub(super) async fn make_again(db: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let found: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT row_id, environment_id, body FROM snapshots WHERE row_id > $1 ORDER BY row_id LIMIT $2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .fetch_all(&mut *db)
        .await?;
        let Some((last, ..)) = found.last() else {
            return Ok(());
        };
        after = *last;
        for (_, environment, body) in &found {
            points::insert(db, *environment, &[TrendPoint::of(&rows::body(body)?)]).await?;
        }
    }
}

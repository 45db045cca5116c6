//! Owns reading snapshots and ticks. What is read must give its digest.

use super::super::StoreError;
use super::super::rows::{self, At, corrupt, corrupt_by};
use super::{Connection, Db};
use crate::domain::breach::BreachSet;
use crate::domain::decision::Recommendation;
use crate::domain::recent::Tick;
use crate::domain::snapshot::{Origin, Snapshot};
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

type SnapshotColumns = (String, String, Vec<u8>);

pub(super) async fn one(db: &mut Connection, id: &str) -> Result<Snapshot, StoreError> {
    let row: Option<SnapshotColumns> =
        sqlx::query_as("SELECT id, digest, body FROM snapshots WHERE id = $1").bind(id).fetch_optional(db).await?;
    let (id, digest, body) = row.ok_or_else(|| StoreError::UnknownSnapshot(id.to_owned()))?;
    rows::snapshot(id, digest, &body)
}

/// A page of snapshots by (`as_of`, id), newest first.
pub(super) async fn page(
    db: &mut Connection,
    environment: i64,
    limit: u32,
    before: Option<(DateTime<Utc>, String)>,
    origin: Option<Origin>,
) -> Result<Vec<Snapshot>, StoreError> {
    let mut query = QueryBuilder::<Db>::new("SELECT id, digest, body FROM snapshots");
    query.push(match origin {
        Some(_) => indexed!("snapshots_by_origin"),
        None => indexed!("snapshots_by_time"),
    });
    query.push(" WHERE environment_id = ").push_bind(environment);
    if let Some(origin) = origin {
        query.push(" AND origin = ").push_bind(origin.name());
    }
    if let Some((as_of, id)) = before {
        query.push(" AND (as_of, id) < (").push_bind(At::of(as_of)).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY as_of DESC, id DESC LIMIT ").push_bind(i64::from(limit));
    let found: Vec<SnapshotColumns> = query.build_query_as().fetch_all(db).await?;
    found.into_iter().map(|(id, digest, body)| rows::snapshot(id, digest, &body)).collect()
}

/// The ids of the newest snapshots by (`as_of`, id), newest first.
pub(super) async fn newest_ids(
    db: &mut Connection,
    environment: i64,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar(concat!(
        "SELECT id FROM snapshots",
        indexed!("snapshots_by_time"),
        " WHERE environment_id = $1 ORDER BY as_of DESC, id DESC LIMIT $2"
    ))
    .bind(environment)
    .bind(i64::from(limit))
    .fetch_all(db)
    .await?;
    Ok(ids)
}

#[derive(sqlx::FromRow)]
struct TickRow {
    as_of: At,
    ruled: String,
    conditions_met: bool,
    standing: i64,
    clear: i64,
}

impl TickRow {
    fn tick(self) -> Result<Tick, StoreError> {
        Ok(Tick {
            at: self.as_of.time()?,
            clear: breaches(self.clear)?,
            conditions_met: self.conditions_met,
            ruled: Recommendation::from_name(&self.ruled).ok_or_else(|| corrupt("a tick's answer"))?,
            standing: breaches(self.standing)?,
        })
    }
}

fn breaches(bits: i64) -> Result<BreachSet, StoreError> {
    u8::try_from(bits).map(BreachSet::from_bits).map_err(|error| corrupt_by("a set of breaches", error))
}

pub(super) async fn ticks(
    db: &mut Connection,
    environment: i64,
    from: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<Vec<Tick>, StoreError> {
    let found: Vec<TickRow> = sqlx::query_as(
        concat!(
            "SELECT as_of, ruled, conditions_met, standing, clear FROM snapshots",
            indexed!("snapshots_ticks"),
            " WHERE environment_id = $1 AND ",
            is!("is_tick"),
            " AND as_of < $3 AND as_of >= coalesce( \
                 (SELECT max(as_of) FROM snapshots WHERE environment_id = $1 AND ",
            is!("is_tick"),
            " AND as_of < $2), $2) ORDER BY as_of"
        ),
    )
    .bind(environment)
    .bind(At::of(from))
    .bind(At::of(before))
    .fetch_all(db)
    .await?;
    found.into_iter().map(TickRow::tick).collect()
}

pub(super) async fn has_tick(
    db: &mut Connection,
    environment: i64,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        concat!(
            "SELECT EXISTS (SELECT 1 FROM snapshots WHERE environment_id = $1 AND ",
            is!("is_tick"),
            " AND as_of = $2)"
        ),
    )
    .bind(environment)
    .bind(At::of(at))
    .fetch_one(db)
    .await?)
}

pub(super) async fn latest_daily(
    db: &mut Connection,
    environment: i64,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<At> =
        sqlx::query_scalar("SELECT max(as_of) FROM snapshots WHERE environment_id = $1 AND origin = $2")
            .bind(environment)
            .bind(Origin::Daily.name())
            .fetch_one(db)
            .await?;
    at.map(At::time).transpose()
}

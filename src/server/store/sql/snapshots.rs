//! Owns reading snapshots and ticks. What is read must give its digest.

use super::super::StoreError;
use super::super::rows::{self, At, corrupt, corrupt_by};
use super::environments::Environment;
use super::{Connection, Db};
use crate::domain::breach::BreachSet;
use crate::domain::decision::Recommendation;
use crate::domain::policy::EnvironmentKind;
use crate::domain::recent::Tick;
use crate::domain::snapshot::{Origin, Snapshot};
use crate::server::clock::LEEWAY;
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

/// The ids of the newest snapshots, the newest first: in a live environment by the order in which they were recorded,
/// without those of the future; in others by (`as_of`, id).
pub(super) async fn newest_ids(
    db: &mut Connection,
    environment: &Environment,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let statement = if environment.kind == EnvironmentKind::Live {
        concat!(
            "SELECT id FROM snapshots",
            indexed!("snapshots_by_row"),
            " WHERE environment_id = $1 AND as_of <= $3 ORDER BY row_id DESC LIMIT $2"
        )
    } else {
        concat!(
            "SELECT id FROM snapshots",
            indexed!("snapshots_by_time"),
            " WHERE environment_id = $1 AND $3 IS NOT NULL ORDER BY as_of DESC, id DESC LIMIT $2"
        )
    };
    let ids = sqlx::query_scalar(statement)
        .bind(environment.id)
        .bind(i64::from(limit))
        .bind(At::of(now + LEEWAY))
        .fetch_all(db)
        .await?;
    Ok(ids)
}

/// The newest snapshot, as [`newest_ids`] has it.
pub(super) async fn newest(
    db: &mut Connection,
    environment: &Environment,
    now: DateTime<Utc>,
) -> Result<Option<Snapshot>, StoreError> {
    match newest_ids(db, environment, 1, now).await?.pop() {
        Some(id) => one(db, &id).await.map(Some),
        None => Ok(None),
    }
}

/// A query of ticks, by its condition and its order.
macro_rules! ticks {
    ($condition:expr, $order:literal) => {
        concat!(
            "SELECT row_id, as_of, ruled, conditions_met, standing, clear FROM snapshots",
            indexed!("snapshots_ticks"),
            " WHERE environment_id = $1 AND ",
            is!("is_tick"),
            " ",
            $condition,
            " ",
            $order
        )
    };
}

#[derive(sqlx::FromRow)]
struct TickRow {
    row_id: i64,
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

/// The ticks with `from <= as_of < before`, ascending, and before them the newest one earlier than `from`.
pub(super) async fn ticks(
    db: &mut Connection,
    environment: &Environment,
    from: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<Vec<Tick>, StoreError> {
    if environment.kind != EnvironmentKind::Live {
        return ticks_by_time(db, environment.id, from, before).await;
    }
    let earlier = recorded_last_before(db, environment.id, from).await?;
    let found: Vec<TickRow> = sqlx::query_as(ticks!("AND as_of >= $2 AND as_of < $3", "ORDER BY as_of, again DESC"))
        .bind(environment.id)
        .bind(At::of(from))
        .bind(At::of(before))
        .fetch_all(db)
        .await?;
    let rows: Vec<TickRow> = earlier.into_iter().chain(found).collect();
    counting(rows, |row| row.row_id, None).into_iter().map(TickRow::tick).collect()
}

/// The same where ticks are replayed in any order, and each time has one.
async fn ticks_by_time(
    db: &mut Connection,
    environment: i64,
    from: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<Vec<Tick>, StoreError> {
    let found: Vec<TickRow> = sqlx::query_as(
        ticks!(
            concat!(
                "AND as_of < $3 AND as_of >= coalesce( \
                 (SELECT max(as_of) FROM snapshots WHERE environment_id = $1 AND ",
                is!("is_tick"),
                " AND as_of < $2), $2)"
            ),
            "ORDER BY as_of"
        ),
    )
    .bind(environment)
    .bind(At::of(from))
    .bind(At::of(before))
    .fetch_all(db)
    .await?;
    found.into_iter().map(TickRow::tick).collect()
}

/// Of the ticks earlier than a time the one recorded last: the newest of them that counts.
async fn recorded_last_before(
    db: &mut Connection,
    environment: i64,
    time: DateTime<Utc>,
) -> Result<Option<TickRow>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "SELECT row_id, as_of, ruled, conditions_met, standing, clear FROM snapshots",
        indexed!("snapshots_by_row"),
        " WHERE environment_id = $1 AND ",
        is!("is_tick"),
        " AND as_of < $2 ORDER BY row_id DESC LIMIT 1"
    ))
    .bind(environment)
    .bind(At::of(time))
    .fetch_optional(db)
    .await?)
}

/// The row of the tick that was recorded last of those earlier than a time.
pub(super) async fn last_row_before(
    db: &mut Connection,
    environment: i64,
    time: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    Ok(recorded_last_before(db, environment, time).await?.map(|row| row.row_id))
}

/// Of rows that ascend in time, of one time the one recorded last first, those that count: none recorded before one of the same or an earlier time. `last` is the
/// row recorded last of those before them.
pub(super) fn counting<T>(rows: Vec<T>, row_id: impl Fn(&T) -> i64, last: Option<i64>) -> Vec<T> {
    let mut last = last.unwrap_or(i64::MIN);
    let mut kept: Vec<T> = Vec::with_capacity(rows.len());
    for row in rows {
        if row_id(&row) > last {
            last = row_id(&row);
            kept.push(row);
        }
    }
    kept
}

/// The id of the tick that counts for a time, if there is one.
pub(super) async fn standing_tick(
    db: &mut Connection,
    environment: &Environment,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let newest: Option<(i64, String)> = sqlx::query_as(concat!(
        "SELECT row_id, id FROM snapshots",
        indexed!("snapshots_ticks"),
        " WHERE environment_id = $1 AND ",
        is!("is_tick"),
        " AND as_of = $2 ORDER BY again DESC LIMIT 1"
    ))
    .bind(environment.id)
    .bind(At::of(at))
    .fetch_optional(&mut *db)
    .await?;
    let Some((row, id)) = newest else { return Ok(None) };
    if environment.kind != EnvironmentKind::Live {
        return Ok(Some(id));
    }
    // Reads the rows recorded after it: none, or few until one is found.
    let is_overtaken: bool = sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT 1 FROM snapshots",
        indexed!("snapshots_by_row"),
        " WHERE environment_id = $1 AND row_id > $2 AND ",
        is!("is_tick"),
        " AND (as_of < $3 OR as_of > $4))"
    ))
    .bind(environment.id)
    .bind(row)
    .bind(At::of(at))
    .bind(At::of(now + LEEWAY))
    .fetch_one(db)
    .await?;
    Ok((!is_overtaken).then_some(id))
}

/// The time of the newest daily decision that counts.
pub(super) async fn latest_daily(
    db: &mut Connection,
    environment: &Environment,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at: Option<At> = sqlx::query_scalar(concat!(
        "SELECT as_of FROM snapshots AS own",
        indexed!("snapshots_by_origin"),
        " WHERE own.environment_id = $1 AND own.origin = $2 AND own.as_of <= $3 AND NOT EXISTS ( \
             SELECT 1 FROM snapshots AS later",
        indexed!("snapshots_by_row"),
        " WHERE later.environment_id = $1 AND later.row_id > own.row_id AND later.as_of <= own.as_of AND ",
        is!("later.is_tick"),
        ") ORDER BY own.as_of DESC LIMIT 1"
    ))
    .bind(environment.id)
    .bind(Origin::Daily.name())
    .bind(At::of(now))
    .fetch_optional(db)
    .await?;
    at.map(At::time).transpose()
}

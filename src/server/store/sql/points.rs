//! Owns the points of charts: written with each snapshot, read as hulls of equal stretches of time. They are
//! derived from snapshots.

use super::super::rows::{At, corrupt, unsigned};
use super::super::{StoreError, TrendQuery};
use super::{Connection, bulk};
use crate::domain::decision::Recommendation;
use crate::domain::interval::Interval;
use crate::domain::mode::Mode;
use crate::domain::trend::TrendPoint;
use chrono::{DateTime, Utc};

/// Keeps the points of snapshots; one for the same time takes the place of the one before it.
pub(super) async fn insert(
    db: &mut Connection,
    environment: i64,
    points: &[TrendPoint],
) -> Result<(), StoreError> {
    for chunk in points.chunks(bulk::ROWS) {
        bulk::insert_points(db, environment, chunk).await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct PointRow {
    newest: At,
    mode: i64,
    strictest: i64,
    overall_lo: f64,
    overall_hi: f64,
    load_lo: f64,
    load_hi: Option<f64>,
    clients_lo: i64,
    clients_hi: Option<i64>,
    clients_limit: i64,
    snapshots: i64,
}

impl PointRow {
    fn point(self) -> Result<TrendPoint, StoreError> {
        let answer = usize::try_from(self.strictest).ok().and_then(|place| Recommendation::ALL.get(place));
        let mode = usize::try_from(self.mode).ok().and_then(|place| Mode::ALL.get(place));
        Ok(TrendPoint {
            answer: *answer.ok_or_else(|| corrupt("a point's answer"))?,
            at: self.newest.time()?,
            clients_lo: unsigned(self.clients_lo)?,
            clients_hi: self.clients_hi.map(unsigned).transpose()?,
            clients_limit: unsigned(self.clients_limit)?,
            load: Interval::new(self.load_lo, self.load_hi.unwrap_or(f64::INFINITY)),
            mode: *mode.ok_or_else(|| corrupt("a point's mode"))?,
            overall: Interval::new(self.overall_lo, self.overall_hi),
            snapshots: unsigned(self.snapshots)?,
        })
    }
}

/// The hulls of equal stretches, ascending. The newest row's mode is found by putting it behind the time.
pub(super) async fn trend(
    db: &mut Connection,
    environment: i64,
    query: &TrendQuery,
) -> Result<Vec<TrendPoint>, StoreError> {
    let found: Vec<PointRow> = sqlx::query_as(
        concat!(
            "SELECT max(at) AS newest, max(",
            millis!("at"),
            " * 4 + mode) % 4 AS mode, max(answer) AS strictest, min(overall_lo) AS overall_lo, \
             max(overall_hi) AS overall_hi, min(load_lo) AS load_lo, \
             CASE WHEN count(load_hi) = count(*) THEN max(load_hi) END AS load_hi, min(clients_lo) AS clients_lo, \
             CASE WHEN count(clients_hi) = count(*) THEN max(clients_hi) END AS clients_hi, \
             max(clients_limit) AS clients_limit, \
             count(*) AS snapshots \
         FROM points WHERE environment_id = $1 AND at > $2 AND at <= $3 GROUP BY (",
            millis!("at"),
            " - ",
            millis!("$2"),
            " - 1) / $4 ORDER BY newest"
        ),
    )
    .bind(environment)
    .bind(At::of(query.from))
    .bind(At::of(query.to))
    .bind(query.step.num_milliseconds().max(1))
    .fetch_all(db)
    .await?;
    found.into_iter().map(PointRow::point).collect()
}

#[derive(sqlx::FromRow)]
struct StoredPoint {
    at: At,
    mode: i64,
    answer: i64,
    overall_lo: f64,
    overall_hi: f64,
    load_lo: f64,
    load_hi: Option<f64>,
    clients_lo: i64,
    clients_hi: Option<i64>,
    clients_limit: i64,
}

/// Points as they are stored, after a time, ascending.
pub(super) async fn after(
    db: &mut Connection,
    environment: i64,
    after: Option<DateTime<Utc>>,
    limit: u32,
) -> Result<Vec<TrendPoint>, StoreError> {
    let found: Vec<StoredPoint> = sqlx::query_as(
        "SELECT at, mode, answer, overall_lo, overall_hi, load_lo, load_hi, clients_lo, clients_hi, clients_limit \
         FROM points WHERE environment_id = $1 AND at > $2 ORDER BY at LIMIT $3",
    )
    .bind(environment)
    .bind(after.map_or(At::EARLIEST, At::of))
    .bind(i64::from(limit))
    .fetch_all(db)
    .await?;
    found
        .into_iter()
        .map(|row| {
            PointRow {
                newest: row.at,
                mode: row.mode,
                strictest: row.answer,
                overall_lo: row.overall_lo,
                overall_hi: row.overall_hi,
                load_lo: row.load_lo,
                load_hi: row.load_hi,
                clients_lo: row.clients_lo,
                clients_hi: row.clients_hi,
                clients_limit: row.clients_limit,
                snapshots: 1,
            }
            .point()
        })
        .collect()
}

//! Owns reading for `verify`: rows as they are stored, and digests over the state of whole tables. Must not know what was recorded.

use super::super::StoreError;
use super::super::moving::{Sum, Value};
use super::super::proving::{ConfigRow, ConfigRows, MinuteApart, ProvingStore, SnapshotRow};
use super::super::rows::{At, MINUTE_COLUMNS, MinuteColumns, minute_row, series, unsigned};
use super::contract::{READ, read};
use super::{Backend, Connection, access_rows, environments, points, samples, seals, sessions};
use crate::domain::canonical;
use crate::domain::rollup::{MINUTE_MS, MinuteRow};
use crate::domain::signal::Series;
use crate::domain::trend::TrendPoint;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Minutes compared at a time: a day.
const MINUTES: i64 = 1_440;

/// A digest of the sources that were added to an environment, of none as well.
pub(super) async fn sources_digest(db: &mut Connection, environment: i64) -> Result<String, StoreError> {
    let rows: Vec<(String, String, At)> = sqlx::query_as(
        "SELECT name, definition, changed_at FROM added_sources WHERE environment_id = $1 ORDER BY name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?;
    let mut sum = Sum::default();
    for (name, definition, at) in rows {
        sum.add(&vec![Value::Text(name), Value::Text(definition), Value::Time(at.0)]);
    }
    Ok(canonical::digest(format!("added_sources {sum}\n").as_bytes()))
}

async fn config_rows(db: &mut Connection, environment: &str) -> Result<ConfigRows, StoreError> {
    let (id, kind, created_at, version): (i64, String, At, i64) =
        sqlx::query_as("SELECT id, kind, created_at, version FROM environments WHERE name = $1")
            .bind(environment)
            .fetch_one(&mut *db)
            .await?;
    let rows: Vec<(i64, At, String)> =
        sqlx::query_as("SELECT version, at, digest FROM configs WHERE environment_id = $1 ORDER BY version")
            .bind(id)
            .fetch_all(db)
            .await?;
    let versions = rows
        .into_iter()
        .map(|(version, at, digest)| Ok(ConfigRow { at: at.time()?, digest, version: unsigned(version)? }))
        .collect::<Result<_, StoreError>>()?;
    Ok(ConfigRows { created_at: created_at.time()?, in_force: unsigned(version)?, kind, versions })
}

#[derive(sqlx::FromRow)]
struct SnapshotColumns {
    row_id: i64,
    id: String,
    as_of: At,
    origin: String,
    is_tick: bool,
    digest: String,
    ruled: Option<String>,
    conditions_met: Option<bool>,
    standing: Option<i64>,
    clear: Option<i64>,
    overall_lo: f64,
    overall_hi: f64,
    body: Vec<u8>,
    again: i64,
}

async fn snapshot_rows(
    db: &mut Connection,
    environment: i64,
    after: i64,
    limit: u32,
) -> Result<Vec<SnapshotRow>, StoreError> {
    let found: Vec<SnapshotColumns> = sqlx::query_as(concat!(
        "SELECT row_id, id, as_of, origin, is_tick, digest, ruled, conditions_met, standing, clear, overall_lo, overall_hi, \
         body, again FROM snapshots WHERE row_id > $1 AND ",
        in_order_of_rows!("environment_id"),
        " = $2 ORDER BY row_id LIMIT $3"
    ))
    .bind(after)
    .bind(environment)
    .bind(i64::from(limit))
    .fetch_all(db)
    .await?;
    found
        .into_iter()
        .map(|row| {
            Ok(SnapshotRow {
                again: row.again,
                as_of: row.as_of.time()?,
                body: row.body,
                clear: row.clear,
                conditions_met: row.conditions_met,
                digest: row.digest,
                id: row.id,
                is_tick: row.is_tick,
                origin: row.origin,
                overall: (row.overall_lo, row.overall_hi),
                row: row.row_id,
                ruled: row.ruled,
                standing: row.standing,
            })
        })
        .collect()
}

/// Compares roll-ups with raw samples, stream by stream and day by day, over the minutes whose raw samples are all kept.
async fn minute_apart(db: &mut Connection, environment: i64) -> Result<Option<MinuteApart>, StoreError> {
    type StreamColumns = (i64, String, i64, Option<At>, Option<At>, Option<At>);
    let streams: Vec<StreamColumns> = sqlx::query_as(
        "SELECT streams.id, sources.name, series, first_at, last_at, pruned_before FROM streams \
         JOIN sources ON sources.id = source_id WHERE environment_id = $1 ORDER BY streams.id",
    )
    .bind(environment)
    .fetch_all(&mut *db)
    .await?;
    for (stream, source, code, first_at, last_at, pruned_before) in streams {
        let series = series(code)?;
        let apart = |minute: i64| {
            let at = At(minute.saturating_mul(MINUTE_MS)).time()?;
            Ok(Some(MinuteApart { at, source: source.clone(), stream }))
        };
        let open = pruned_before.map(|at| at.0.div_euclid(MINUTE_MS));
        let bounds: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT min(minute), max(minute) FROM minutes WHERE stream_id = $1")
                .bind(stream)
                .fetch_one(&mut *db)
                .await?;
        let sampled: (Option<At>, Option<At>) =
            sqlx::query_as("SELECT min(at), max(at) FROM samples WHERE stream_id = $1")
                .bind(stream)
                .fetch_one(&mut *db)
                .await?;
        let minute = |at: At| at.0.div_euclid(MINUTE_MS) + i64::from(at.0.rem_euclid(MINUTE_MS) > 0);
        let first = [bounds.0, sampled.0.map(minute)].into_iter().flatten().min();
        let last = [bounds.1, sampled.1.map(minute)].into_iter().flatten().max();
        let (Some(first), Some(last)) = (first, last) else {
            // A stream with bounds must have samples.
            match first_at.or(last_at) {
                Some(at) if pruned_before.is_none() => return apart(minute(at)),
                _ => continue,
            }
        };
        // The bounds of a stream are those of its roll-ups.
        if bounds.0.is_some() {
            let kept: (At, At) = sqlx::query_as(
                "SELECT (SELECT first_at FROM minutes WHERE stream_id = $1 ORDER BY minute LIMIT 1), \
                 (SELECT last_at FROM minutes WHERE stream_id = $1 ORDER BY minute DESC LIMIT 1)",
            )
            .bind(stream)
            .fetch_one(&mut *db)
            .await?;
            if (first_at, last_at) != (Some(kept.0), Some(kept.1)) {
                return apart(last);
            }
        }
        let mut from = open.map_or(first, |open| first.max(open + 1));
        while from <= last {
            let to = last.min(from + MINUTES - 1);
            let stored = stored_minutes(db, stream, (from, to)).await?;
            let made = made_minutes(db, stream, series, (from, to)).await?;
            if stored != made {
                let differs = |minute: &&i64| stored.get(*minute) != made.get(*minute);
                let first = stored.keys().chain(made.keys()).filter(differs).min().copied();
                return apart(first.unwrap_or(from));
            }
            from = to + 1;
        }
    }
    Ok(None)
}

async fn stored_minutes(
    db: &mut Connection,
    stream: i64,
    (from, to): (i64, i64),
) -> Result<BTreeMap<i64, MinuteRow>, StoreError> {
    let rows: Vec<MinuteColumns> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT {MINUTE_COLUMNS} FROM minutes WHERE stream_id = $1 AND minute >= $2 AND minute <= $3"
    )))
    .bind(stream)
    .bind(from)
    .bind(to)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|columns| {
            let row = minute_row(columns)?;
            Ok((row.minute, row))
        })
        .collect()
}

async fn made_minutes(
    db: &mut Connection,
    stream: i64,
    series: Series,
    (from, to): (i64, i64),
) -> Result<BTreeMap<i64, MinuteRow>, StoreError> {
    let mut made: BTreeMap<i64, MinuteRow> = BTreeMap::new();
    for (sample, fetched_at) in samples::between(db, stream, series, (from - 1) * MINUTE_MS, to * MINUTE_MS).await? {
        let of = MinuteRow::of(&sample, fetched_at);
        made.entry(of.minute).and_modify(|sum| sum.merge(&of, series.signal().kind())).or_insert(of);
    }
    Ok(made)
}

#[async_trait]
impl ProvingStore for Backend {
    async fn config_rows(&self, environment: &str) -> Result<ConfigRows, StoreError> {
        read!(self, |tx| { config_rows(&mut tx, environment).await })
    }

    async fn snapshot_rows(&self, environment: &str, after: i64, limit: u32) -> Result<Vec<SnapshotRow>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            snapshot_rows(&mut tx, found.id, after, limit).await
        })
    }

    async fn point_rows(
        &self,
        environment: &str,
        after: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<TrendPoint>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            points::after(&mut tx, found.id, after, limit).await
        })
    }

    async fn minute_apart(&self, environment: &str) -> Result<Option<MinuteApart>, StoreError> {
        // All raw samples are read: that takes longer than what serves somebody may.
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        minute_apart(&mut tx, found.id).await
    }

    async fn access_digest(&self, change: u64) -> Result<Option<String>, StoreError> {
        read!(self, |tx| { access_rows::digest(&mut tx, change).await })
    }

    async fn access_difference(&self, change: u64, left: &[&str]) -> Result<Option<String>, StoreError> {
        read!(self, |tx| { access_rows::difference(&mut tx, change, left).await })
    }

    async fn sources_digest(&self, environment: &str) -> Result<String, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            sources_digest(&mut tx, found.id).await
        })
    }

    async fn broken_seal(&self) -> Result<Option<(&'static str, String)>, StoreError> {
        // All rows are read, which takes longer than serving may.
        let mut tx = self.reading().await?;
        seals::broken(&mut tx).await
    }

    async fn altered_session(&self) -> Result<Option<String>, StoreError> {
        read!(self, |tx| { sessions::altered(&mut tx, self.session_key()).await })
    }

    async fn missing_triggers(&self) -> Result<Vec<String>, StoreError> {
        read!(self, |tx| { super::missing_triggers(&mut tx).await })
    }
}

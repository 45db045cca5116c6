//! Owns the partitions of what grows with time: made before they are needed, dropped when all in them is past its time.

use super::super::moving::{Row, Table, Value};
use super::super::rows::At;
use super::{PostgresStore, StoreError, seals};
use crate::domain::rollup::MINUTE_MS;
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A week, the shortest stretch of any partition, in milliseconds.
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// The most partitions made for one batch; what lies elsewhere goes to the default ones.
const MOST_WEEKS: usize = 64;
/// Rows deleted in one transaction.
const AT_ONCE: i64 = 20_000;

/// The weeks that are known to have their partitions, counted from 1970.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<BTreeSet<i64>>);

impl Known {
    fn without(&self, weeks: BTreeSet<i64>) -> Vec<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        weeks.into_iter().filter(|week| !known.contains(week)).collect()
    }

    fn add(&self, week: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(week);
    }
}

impl PostgresStore {
    /// Makes the partitions that a batch's times lie in. Where that fails they go to the default one.
    pub(super) async fn make_room_for(&self, batch: &AcceptedBatch) -> Result<(), StoreError> {
        let times = batch.samples.iter().map(|sample| sample.at);
        let times = times.chain(batch.readings.iter().map(|reading| reading.at));
        let weeks: BTreeSet<i64> = times.map(|at| at.timestamp_millis().div_euclid(WEEK_MS)).collect();
        self.make_room_for_weeks(weeks).await
    }

    async fn make_room_for_weeks(&self, weeks: BTreeSet<i64>) -> Result<(), StoreError> {
        for week in self.known.without(weeks).into_iter().take(MOST_WEEKS) {
            self.make_room(At(week * WEEK_MS), At((week + 1) * WEEK_MS - 1)).await?;
            self.known.add(week);
        }
        Ok(())
    }

    /// The same for rows of a copy.
    pub(super) async fn make_room_for_rows(&self, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
        let place = match table.name {
            "samples" => 1,
            "history" => 2,
            "minutes" => 1,
            _ => return Ok(()),
        };
        let times = rows.iter().filter_map(|row| match row[place] {
            Value::Time(at) => Some(at),
            Value::Whole(minute) => Some(minute * MINUTE_MS),
            _ => None,
        });
        self.make_room_for_weeks(times.map(|at| at.div_euclid(WEEK_MS)).collect()).await
    }

    async fn make_room(&self, first: At, last: At) -> Result<(), StoreError> {
        let mut tx = self.begin("BEGIN").await?;
        let made = sqlx::query("SELECT make_room($1, $2)").bind(first).bind(last).execute(&mut *tx).await;
        match made {
            Ok(_) => Ok(tx.commit().await?),
            Err(error @ sqlx::Error::Database(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a partition could not be made");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the partitions of the coming weeks.
    pub(super) async fn make_room_ahead(&self) -> Result<(), StoreError> {
        let mut tx = self.reading().await?;
        let now: At = sqlx::query_scalar("SELECT now()").fetch_one(&mut *tx).await?;
        tx.rollback().await?;
        self.make_room(now, At(now.0 + 5 * WEEK_MS)).await
    }

    /// Deletes raw samples before a time: whole partitions first, then what is left, some at a time.
    pub(super) async fn prune_samples_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.make_room_ahead().await?;
        let until = super::super::pruned_until(before);
        let mut tx = self.writing().await?;
        let streams: Vec<i64> = sqlx::query_scalar(
            "UPDATE streams SET pruned_before = greatest(coalesce(pruned_before, $1), $1) \
             WHERE EXISTS (SELECT 1 FROM samples WHERE stream_id = streams.id AND at <= $1) RETURNING id",
        )
        .bind(At(until))
        .fetch_all(&mut *tx)
        .await?;
        for stream in &streams {
            seals::reseal_stream(&mut tx, *stream).await?;
        }
        self.commit(tx).await?;
        let mut total = self.drop_partitions(until).await?;
        for stream in streams {
            total += self
                .delete(
                    "DELETE FROM samples WHERE stream_id = $1 AND at <= least($2, coalesce( \
                         (SELECT at FROM samples WHERE stream_id = $1 ORDER BY at LIMIT 1 OFFSET $3), $2))",
                    stream,
                    until,
                )
                .await?;
        }
        self.delete(
            "DELETE FROM sample_ids WHERE $1 = 0 AND (source_id, id) IN \
                 (SELECT source_id, id FROM sample_ids WHERE at <= $2 LIMIT $3)",
            0,
            until,
        )
        .await?;
        Ok(total)
    }

    async fn drop_partitions(&self, until: i64) -> Result<u64, StoreError> {
        let mut tx = self.begin("BEGIN").await?;
        let dropped: Result<i64, sqlx::Error> =
            sqlx::query_scalar("SELECT drop_samples($1)").bind(At(until)).fetch_one(&mut *tx).await;
        match dropped {
            Ok(dropped) => {
                tx.commit().await?;
                super::super::rows::unsigned(dropped)
            }
            Err(error @ sqlx::Error::Database(_)) => {
                // Somebody reads them: they are deleted row by row.
                tracing::info!(error = &error as &dyn std::error::Error, "old partitions could not be dropped now");
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes in many short transactions, so that ingestion never waits long.
    async fn delete(&self, statement: &'static str, of: i64, until: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut tx = self.begin("BEGIN; SET LOCAL statement_timeout = '60s'").await?;
            let done =
                sqlx::query(statement).bind(of).bind(At(until)).bind(AT_ONCE).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            total += done;
            if done == 0 {
                return Ok(total);
            }
        }
    }
}

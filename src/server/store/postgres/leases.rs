//! Owns which of the replicas has the lead: a row with an end, judged by the database's clock alone, so that replicas whose clocks
//! differ agree. Whoever has it and ends, or hangs, loses it when its time is over.

use super::super::rows::At;
use super::super::{Lead, StoreError};
use super::PostgresStore;
use chrono::Duration;

impl PostgresStore {
    pub(super) async fn take_lead(&self, holder: &str, how_long: Duration) -> Result<Lead, StoreError> {
        let mut tx = self.begin("BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'").await?;
        // Of two that ask at once the second sees what the first has made of the row.
        let taken: Option<bool> = sqlx::query_scalar(
            "INSERT INTO leases (name, holder, until) VALUES ('lead', $1, clock_timestamp() + $2 * interval '1 millisecond') \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE leases.holder = excluded.holder OR leases.until < clock_timestamp() RETURNING true",
        )
        .bind(holder)
        .bind(how_long.num_milliseconds() as f64)
        .fetch_optional(&mut *tx)
        .await?;
        let now: At = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(Lead { leads: taken.is_some(), now: Some(now.time()?) })
    }

    pub(super) async fn give_lead(&self, holder: &str) -> Result<(), StoreError> {
        let mut tx = self.begin("BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'").await?;
        sqlx::query("UPDATE leases SET until = '-infinity' WHERE name = 'lead' AND holder = $1")
            .bind(holder)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

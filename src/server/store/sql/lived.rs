//! Owns what is kept of the clock: rows of the table of single numbers.

use super::super::StoreError;
use super::super::lived::LivedStore;
use super::super::rows::{At, corrupt, millis};
use super::contract::{READ, WRITE, read, write};
use super::{Backend, Connection};
use crate::domain::policy::EnvironmentKind;
use crate::server::lived::{Jump, Lived};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;

const UNTIL: &str = "lived_until";
const SEEN_AT: &str = "lived_seen_at";
const TRIAL: &str = "lived_trial_ms";
const TRIAL_SINCE: &str = "lived_trial_since";
const JUMPED_AT: &str = "clock_jumped_at";
/// 0 without a jump.
const JUMPED_BY: &str = "clock_jumped_by_ms";

#[async_trait]
impl LivedStore for Backend {
    async fn lived(&self) -> Result<Option<Lived>, StoreError> {
        read!(self, |tx| { kept(&mut tx).await })
    }

    async fn keep_lived(&self, lived: &Lived) -> Result<(), StoreError> {
        write!(self, |tx| keep(&mut tx, lived))
    }

    async fn newest_recorded(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        read!(self, |tx| {
            let at: Option<At> = sqlx::query_scalar(
                "SELECT max(at) FROM environments JOIN history ON environment_id = id AND seq = head_seq WHERE kind = $1",
            )
            .bind(EnvironmentKind::Live.name())
            .fetch_one(&mut *tx)
            .await?;
            at.map(At::time).transpose()
        })
    }
}

async fn kept(db: &mut Connection) -> Result<Option<Lived>, StoreError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, value FROM meta WHERE name LIKE 'lived%' OR name LIKE 'clock%'")
            .fetch_all(db)
            .await?;
    let values: HashMap<String, i64> = rows.into_iter().collect();
    if !values.contains_key(UNTIL) {
        return Ok(None);
    }
    let value = |name: &str| values.get(name).copied().ok_or_else(|| corrupt("how far time was lived through"));
    let time = |name: &str| At(value(name)?).time();
    let by_ms = value(JUMPED_BY)?;
    Ok(Some(Lived {
        jump: if by_ms == 0 { None } else { Some(Jump { at: time(JUMPED_AT)?, by_ms }) },
        seen_at: time(SEEN_AT)?,
        trial: Duration::try_milliseconds(value(TRIAL)?).ok_or_else(|| corrupt("the length of a trial"))?,
        trial_since: time(TRIAL_SINCE)?,
        until: time(UNTIL)?,
    }))
}

async fn keep(db: &mut Connection, lived: &Lived) -> Result<(), StoreError> {
    let jump = lived.jump.unwrap_or(Jump { at: lived.seen_at, by_ms: 0 });
    for (name, value) in [
        (UNTIL, millis(lived.until)),
        (SEEN_AT, millis(lived.seen_at)),
        (TRIAL, lived.trial.num_milliseconds()),
        (TRIAL_SINCE, millis(lived.trial_since)),
        (JUMPED_AT, millis(jump.at)),
        (JUMPED_BY, jump.by_ms),
    ] {
        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// The time that ages are measured by: now, or the lived time if it is known and earlier.
pub(super) async fn present(db: &mut Connection, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let until: Option<i64> =
        sqlx::query_scalar("SELECT value FROM meta WHERE name = $1").bind(UNTIL).fetch_optional(db).await?;
    Ok(until.map(|until| At(until).time()).transpose()?.map_or(now, |until| until.min(now)))
}

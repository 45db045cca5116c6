//! Owns idempotency keys: the first answer to a write, kept in the write's own transaction.

use super::super::rows::{At, corrupt_by};
use super::super::{IdempotencyKey, StoreError};
use super::Connection;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Which write a key was used for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Act,
    Ingest,
    Record,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Act => "act",
            Kind::Ingest => "ingest",
            Kind::Record => "record",
        }
    }
}

/// What the first request with this key was answered; `None` where this is the first.
pub(super) async fn first_use<T: DeserializeOwned>(
    db: &mut Connection,
    environment: i64,
    key: Option<&IdempotencyKey>,
    kind: Kind,
) -> Result<Option<T>, StoreError> {
    let Some(key) = key else { return Ok(None) };
    let row: Option<(String, String, String)> =
        sqlx::query_as("SELECT request_digest, kind, result FROM idempotency WHERE environment_id = $1 AND key = $2")
            .bind(environment)
            .bind(&key.key)
            .fetch_optional(db)
            .await?;
    match row {
        None => Ok(None),
        Some((digest, name, result)) if digest == key.request_digest && name == kind.name() => {
            serde_json::from_str(&result).map(Some).map_err(|error| corrupt_by("the answer kept under a key", error))
        }
        Some(_) => Err(StoreError::KeyReused),
    }
}

pub(super) async fn remember(
    db: &mut Connection,
    environment: i64,
    key: Option<&IdempotencyKey>,
    kind: Kind,
    result: &impl Serialize,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    let result = serde_json::to_string(result).map_err(|error| corrupt_by("an answer to keep under a key", error))?;
    sqlx::query("INSERT INTO idempotency (environment_id, key, request_digest, kind, result, at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(environment)
        .bind(&key.key)
        .bind(&key.request_digest)
        .bind(kind.name())
        .bind(result)
        .bind(At::of(at))
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets the keys first used before a time.
pub(super) async fn prune(db: &mut Connection, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM idempotency WHERE at < $1").bind(At::of(before)).execute(db).await?;
    Ok(done.rows_affected())
}

//! Owns environments and their configurations, and what the founder's acts do to them.

use super::super::rows::{At, corrupt, corrupt_by, unsigned, whole_millis};
use super::super::{Changed, EnvironmentSummary, IdempotencyKey, StoreError};
use super::idempotency::Kind;
use super::{Connection, history, idempotency, proposals};
use crate::domain::act::{self, Act};
use crate::domain::canonical;
use crate::domain::history::{Actor, EventType, Head, NewEvent};
use crate::domain::policy::{Config, EnvironmentKind};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An environment's row.
#[derive(Debug)]
pub(super) struct Environment {
    pub id: i64,
    pub head: Head,
    pub kind: EnvironmentKind,
    version: i64,
}

/// The environment of this name.
pub(super) async fn find(db: &mut Connection, name: &str) -> Result<Environment, StoreError> {
    let row: Option<(i64, i64, i64, String, String)> =
        sqlx::query_as("SELECT id, version, head_seq, head_hash, kind FROM environments WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *db)
            .await?;
    let Some((id, version, seq, hash, kind)) = row else {
        let existing = sqlx::query_scalar("SELECT name FROM environments ORDER BY name").fetch_all(db).await?;
        return Err(StoreError::UnknownEnvironment { name: name.to_owned(), existing });
    };
    let head = Head { environment: name.to_owned(), hash, seq: unsigned(seq)? };
    let kind = EnvironmentKind::from_name(&kind).ok_or_else(|| corrupt("an environment's kind"))?;
    Ok(Environment { id, head, kind, version })
}

pub(super) async fn all(db: &mut Connection) -> Result<Vec<EnvironmentSummary>, StoreError> {
    let rows: Vec<(String, String, At)> =
        sqlx::query_as("SELECT name, kind, created_at FROM environments ORDER BY name").fetch_all(db).await?;
    rows.into_iter()
        .map(|(name, kind, created_at)| {
            Ok(EnvironmentSummary {
                created_at: created_at.time()?,
                kind: EnvironmentKind::from_name(&kind).ok_or_else(|| corrupt("an environment's kind"))?,
                name,
            })
        })
        .collect()
}

pub(super) async fn heads(db: &mut Connection) -> Result<Vec<Head>, StoreError> {
    let rows: Vec<(String, i64, String)> =
        sqlx::query_as("SELECT name, head_seq, head_hash FROM environments ORDER BY name").fetch_all(db).await?;
    rows.into_iter().map(|(environment, seq, hash)| Ok(Head { environment, hash, seq: unsigned(seq)? })).collect()
}

pub(super) async fn create(
    db: &mut Connection,
    config: &Config,
    actor: Actor<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let name = &config.environment;
    let head = Head::genesis(name);
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO environments (name, kind, created_at, version, head_seq, head_hash) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(name)
    .bind(config.kind.name())
    .bind(At::of(now))
    .bind(version_column(config.version)?)
    .bind(0i64)
    .bind(&head.hash)
    .fetch_optional(&mut *db)
    .await?;
    let id = id.ok_or_else(|| StoreError::EnvironmentExists(name.clone()))?;
    let digest = insert_config(db, id, config, now).await?;
    let mut event = NewEvent::new(EventType::ConfigChanged, actor, now);
    event.reason = Some("created".to_owned());
    event.digest = Some(digest);
    history::append_new(db, id, head, [event]).await
}

fn version_column(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|error| corrupt_by("a configuration's version", error))
}

/// Stores a version of the configuration; returns its digest.
async fn insert_config(
    db: &mut Connection,
    environment: i64,
    config: &Config,
    at: DateTime<Utc>,
) -> Result<String, StoreError> {
    let body = String::from_utf8(canonical::to_vec(config)).map_err(|error| corrupt_by("a configuration", error))?;
    let digest = canonical::digest(body.as_bytes());
    sqlx::query("INSERT INTO configs (environment_id, version, at, digest, body) VALUES ($1, $2, $3, $4, $5)")
        .bind(environment)
        .bind(version_column(config.version)?)
        .bind(At::of(at))
        .bind(&digest)
        .bind(body)
        .execute(db)
        .await?;
    Ok(digest)
}

pub(super) async fn config_at(
    db: &mut Connection,
    environment: i64,
    version: u64,
) -> Result<Option<Config>, StoreError> {
    let Ok(version) = i64::try_from(version) else {
        return Ok(None);
    };
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT digest, body FROM configs WHERE environment_id = $1 AND version = $2")
            .bind(environment)
            .bind(version)
            .fetch_optional(db)
            .await?;
    row.map(|(digest, body)| {
        if canonical::digest(body.as_bytes()) != digest {
            return Err(corrupt("a configuration whose content does not give its digest"));
        }
        serde_json::from_str(&body).map_err(|error| corrupt_by("a configuration", error))
    })
    .transpose()
}

pub(super) async fn config_in_force(
    db: &mut Connection,
    environment: &Environment,
) -> Result<Config, StoreError> {
    config_at(db, environment.id, unsigned(environment.version)?)
        .await?
        .ok_or_else(|| corrupt("an environment whose configuration is missing"))
}

/// What is kept of an act under an idempotency key.
#[derive(Serialize, Deserialize)]
struct ActResult {
    changed: bool,
    version: u64,
}

pub(super) async fn act(
    db: &mut Connection,
    environment: &str,
    act: &Act,
    actor: Actor<'_>,
    now: DateTime<Utc>,
    key: Option<&IdempotencyKey>,
) -> Result<Changed, StoreError> {
    let found = find(db, environment).await?;
    if let Some(first) = idempotency::first_use::<ActResult>(db, found.id, key, Kind::Act).await? {
        let config = config_at(db, found.id, first.version)
            .await?
            .ok_or_else(|| corrupt("a configuration that a key was used for"))?;
        return Ok(Changed { config, changed: first.changed });
    }
    let changed = apply(db, found, act, actor, now).await?;
    let result = ActResult { changed: changed.0.changed, version: changed.0.config.version };
    idempotency::remember(db, changed.1, key, Kind::Act, &result, now).await?;
    Ok(changed.0)
}

/// Lets the domain decide and stores what it says; the environment's id comes back with it.
async fn apply(
    db: &mut Connection,
    found: Environment,
    act: &Act,
    actor: Actor<'_>,
    now: DateTime<Utc>,
) -> Result<(Changed, i64), StoreError> {
    let config = config_in_force(db, &found).await?;
    let proposal = match act {
        Act::AcceptProposal { id, .. } | Act::DismissProposal { id, .. } => proposals::one(db, found.id, id).await?,
        _ => None,
    };
    let effect = act::apply(&config, proposal.as_ref(), act, actor, whole_millis(now))?;
    let changed = effect.config.is_some() || !effect.events.is_empty() || effect.proposal.is_some();
    let config = match effect.config {
        None => config,
        Some(next) => {
            insert_config(db, found.id, &next, now).await?;
            sqlx::query("UPDATE environments SET version = $1 WHERE id = $2")
                .bind(version_column(next.version)?)
                .bind(found.id)
                .execute(&mut *db)
                .await?;
            next
        }
    };
    if let Some((id, status)) = effect.proposal {
        proposals::set_status(db, &id, status).await?;
    }
    history::append_new(db, found.id, found.head, effect.events).await?;
    Ok((Changed { config, changed }, found.id))
}

//! Owns the sources that a founder has added: their definitions as they were written. Must not know what stands in one.

use super::super::rows::At;
use super::super::{AddedSource, IdempotencyKey, SourceEdit, StoreError};
use super::idempotency::Kind;
use super::{Connection, environments, history, idempotency, proving, senders};
use crate::domain::history::NewEvent;
use crate::domain::source::MOST_ADDED;

/// Those of one environment, or of all; by environment and name.
pub(super) async fn all(db: &mut Connection, environment: Option<&str>) -> Result<Vec<AddedSource>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT environments.name, added_sources.name, definition FROM added_sources \
         JOIN environments ON environments.id = environment_id \
         WHERE $1 IS NULL OR environments.name = $1 ORDER BY environments.name, added_sources.name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(environment, name, definition)| AddedSource { definition, environment, name }).collect())
}

/// What the first request with this key has left.
pub(super) async fn under(
    db: &mut Connection,
    environment: i64,
    key: &IdempotencyKey,
) -> Result<Option<String>, StoreError> {
    idempotency::first_use(db, environment, Some(key), Kind::Act).await
}

/// Changes a definition that is still as it was read, and adds the event.
pub(super) async fn change(
    db: &mut Connection,
    environment: &str,
    edit: &SourceEdit,
    event: &NewEvent,
    key: Option<&IdempotencyKey>,
) -> Result<(), StoreError> {
    let found = environments::find(db, environment).await?;
    if idempotency::first_use::<String>(db, found.id, key, Kind::Act).await?.is_some() {
        return Ok(());
    }
    let now: Option<String> =
        sqlx::query_scalar("SELECT definition FROM added_sources WHERE environment_id = $1 AND name = $2")
            .bind(found.id)
            .bind(&edit.name)
            .fetch_optional(&mut *db)
            .await?;
    if now != edit.before {
        return Err(StoreError::SourceMoved(edit.name.clone()));
    }
    let at = event.at;
    if now.is_none() && edit.after.is_some() {
        let asked: i64 = sqlx::query_scalar("SELECT count(*) FROM added_sources").fetch_one(&mut *db).await?;
        if asked >= i64::from(MOST_ADDED) {
            return Err(StoreError::TooManyAsked(MOST_ADDED));
        }
    }
    match &edit.after {
        Some(definition) => {
            sqlx::query(
                "INSERT INTO added_sources (environment_id, name, definition, changed_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (environment_id, name) DO UPDATE SET \
                 definition = excluded.definition, changed_at = excluded.changed_at",
            )
            .bind(found.id)
            .bind(&edit.name)
            .bind(definition)
            .bind(At::of(at))
            .execute(&mut *db)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM added_sources WHERE environment_id = $1 AND name = $2")
                .bind(found.id)
                .bind(&edit.name)
                .execute(&mut *db)
                .await?;
            senders::disown(db, found.id, &edit.name).await?;
        }
    }
    // How asking went was of what it was asked before: what is new is asked for from as far back as the first time.
    sqlx::query(
        "DELETE FROM pulls WHERE source_id IN (SELECT id FROM sources WHERE environment_id = $1 AND name = $2)",
    )
    .bind(found.id)
    .bind(&edit.name)
    .execute(&mut *db)
    .await?;
    let event = NewEvent { digest: Some(proving::sources_digest(db, found.id).await?), ..event.clone() };
    history::append_new(db, found.id, found.head, [event]).await?;
    if let Some(left) = edit.after.as_ref().or(edit.before.as_ref()) {
        idempotency::remember(db, found.id, key, Kind::Act, left, at).await?;
    }
    Ok(())
}

//! Owns API tokens. Must not know what a scope allows.

use super::super::access::{ApiToken, Entry, NewToken};
use super::super::rows::{At, corrupt};
use super::super::StoreError;
use super::{Connection, people};
use crate::domain::access::{Reach, Scope};
use chrono::{DateTime, Utc};

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: i64,
    name: String,
    prefix: String,
    environment: String,
    scopes: String,
    created_by: String,
    created_at: At,
    expires_at: Option<At>,
    used_at: Option<At>,
    revoked_at: Option<At>,
}

impl TokenRow {
    fn token(self, sources: Vec<String>) -> Result<ApiToken, StoreError> {
        let scopes = self.scopes.split(' ').filter(|name| !name.is_empty()).map(Scope::from_name);
        Ok(ApiToken {
            created_at: self.created_at.time()?,
            created_by: self.created_by,
            expires_at: self.expires_at.map(At::time).transpose()?,
            id: self.id,
            name: self.name,
            prefix: self.prefix,
            reach: Reach::from_text(&self.environment),
            revoked_at: self.revoked_at.map(At::time).transpose()?,
            scopes: scopes.collect::<Option<_>>().ok_or_else(|| corrupt("a token's scopes"))?,
            sources,
            used_at: self.used_at.map(At::time).transpose()?,
        })
    }
}

macro_rules! token_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, prefix, environment, scopes, created_by, created_at, expires_at, used_at, revoked_at FROM tokens ",
            $rest
        )
    };
}

pub(super) async fn all(db: &mut Connection) -> Result<Vec<ApiToken>, StoreError> {
    let rows: Vec<TokenRow> =
        sqlx::query_as(token_columns!("ORDER BY created_at DESC, id DESC")).fetch_all(&mut *db).await?;
    let bound: Vec<(i64, String)> =
        sqlx::query_as("SELECT token_id, name FROM token_sources ORDER BY token_id, name").fetch_all(db).await?;
    rows.into_iter()
        .map(|row| {
            let own = bound.iter().filter(|(id, _)| *id == row.id);
            let sources = own.map(|(_, name)| name.clone()).collect();
            row.token(sources)
        })
        .collect()
}

pub(super) async fn by_hash(db: &mut Connection, secret_hash: &str) -> Result<Option<ApiToken>, StoreError> {
    let row: Option<TokenRow> =
        sqlx::query_as(token_columns!("WHERE secret_hash = $1")).bind(secret_hash).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(None) };
    let sources = sqlx::query_scalar("SELECT name FROM token_sources WHERE token_id = $1 ORDER BY name")
        .bind(row.id)
        .fetch_all(db)
        .await?;
    row.token(sources).map(Some)
}

pub(super) async fn add(db: &mut Connection, token: &NewToken, entry: &Entry) -> Result<ApiToken, StoreError> {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO tokens (name, prefix, secret_hash, environment, scopes, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(&token.name)
    .bind(&token.prefix)
    .bind(&token.secret_hash)
    .bind(token.reach.text())
    .bind(scopes.join(" "))
    .bind(&token.created_by)
    .bind(At::of(token.at))
    .bind(token.expires_at.map(At::of))
    .fetch_optional(&mut *db)
    .await?;
    let id = id.ok_or_else(|| StoreError::NameTaken(token.name.clone()))?;
    for source in &token.sources {
        sqlx::query("INSERT INTO token_sources (token_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(source)
            .execute(&mut *db)
            .await?;
    }
    people::write_entry(db, entry).await?;
    by_hash(db, &token.secret_hash).await?.ok_or_else(|| corrupt("a token that was just made"))
}

pub(super) async fn see(db: &mut Connection, id: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET used_at = $1 WHERE id = $2 AND (used_at IS NULL OR used_at < $1)")
        .bind(At::of(now))
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn revoke(
    db: &mut Connection,
    id: i64,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
        .bind(At::of(now))
        .bind(id)
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    people::write_entry(db, entry).await
}

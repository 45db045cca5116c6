//! Owns share links. Must not know what a view shows.

use super::super::access::{Entry, NewSession, NewShareLink, ShareLink};
use super::super::rows::{At, corrupt, unsigned};
use super::super::session_key::SessionKey;
use super::super::StoreError;
use super::{Connection, people, sessions};
use chrono::{DateTime, Utc};

#[derive(sqlx::FromRow)]
struct LinkRow {
    id: i64,
    name: String,
    environment: String,
    views: String,
    from_at: Option<At>,
    to_at: Option<At>,
    passphrase: Option<String>,
    created_by: String,
    created_at: At,
    expires_at: At,
    revoked_at: Option<At>,
    opened: i64,
    opened_at: Option<At>,
}

impl LinkRow {
    fn link(self) -> Result<(ShareLink, Option<String>), StoreError> {
        let link = ShareLink {
            created_at: self.created_at.time()?,
            created_by: self.created_by,
            environment: self.environment,
            expires_at: self.expires_at.time()?,
            from: self.from_at.map(At::time).transpose()?,
            has_passphrase: self.passphrase.is_some(),
            id: self.id,
            name: self.name,
            opened: unsigned(self.opened)?,
            opened_at: self.opened_at.map(At::time).transpose()?,
            revoked_at: self.revoked_at.map(At::time).transpose()?,
            to: self.to_at.map(At::time).transpose()?,
            views: self.views.split(' ').filter(|view| !view.is_empty()).map(str::to_owned).collect(),
        };
        Ok((link, self.passphrase))
    }
}

macro_rules! link_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, environment, views, from_at, to_at, passphrase, created_by, created_at, expires_at, \
             revoked_at, opened, opened_at FROM share_links ",
            $rest
        )
    };
}

pub(super) async fn all(db: &mut Connection) -> Result<Vec<ShareLink>, StoreError> {
    let rows: Vec<LinkRow> = sqlx::query_as(link_columns!("ORDER BY created_at DESC, id DESC")).fetch_all(db).await?;
    rows.into_iter().map(|row| row.link().map(|(link, _)| link)).collect()
}

pub(super) async fn by_id(db: &mut Connection, id: i64) -> Result<ShareLink, StoreError> {
    let row: Option<LinkRow> = sqlx::query_as(link_columns!("WHERE id = $1")).bind(id).fetch_optional(db).await?;
    row.ok_or_else(|| corrupt("a share link that is referred to"))?.link().map(|(link, _)| link)
}

pub(super) async fn by_hash(
    db: &mut Connection,
    token_hash: &str,
) -> Result<Option<(ShareLink, Option<String>)>, StoreError> {
    let row: Option<LinkRow> =
        sqlx::query_as(link_columns!("WHERE token_hash = $1")).bind(token_hash).fetch_optional(db).await?;
    row.map(LinkRow::link).transpose()
}

pub(super) async fn add(db: &mut Connection, link: &NewShareLink, entry: &Entry) -> Result<ShareLink, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO share_links (name, token_hash, environment, views, from_at, to_at, passphrase, created_by, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(&link.name)
    .bind(&link.token_hash)
    .bind(&link.environment)
    .bind(link.views.join(" "))
    .bind(link.from.map(At::of))
    .bind(link.to.map(At::of))
    .bind(&link.passphrase)
    .bind(&link.created_by)
    .bind(At::of(link.at))
    .bind(At::of(link.expires_at))
    .fetch_optional(&mut *db)
    .await?;
    let id = id.ok_or_else(|| StoreError::NameTaken(link.name.clone()))?;
    people::write_entry(db, entry).await?;
    by_id(db, id).await
}

pub(super) async fn open(
    db: &mut Connection,
    key: &SessionKey,
    id: i64,
    session: &NewSession,
    entry: &Entry,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE share_links SET opened = opened + 1, opened_at = $1 WHERE id = $2")
        .bind(At::of(session.at))
        .bind(id)
        .execute(&mut *db)
        .await?;
    sessions::begin(db, key, None, Some(id), session).await?;
    people::write_entry(db, entry).await
}

pub(super) async fn revoke(
    db: &mut Connection,
    id: i64,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE share_links SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
        .bind(At::of(now))
        .bind(id)
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query("DELETE FROM sessions WHERE link_id = $1").bind(id).execute(&mut *db).await?;
    people::write_entry(db, entry).await
}

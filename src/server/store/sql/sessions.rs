//! Owns sessions: who is signed in, and who has opened a share link. Must not know for how long one lasts.

use super::super::access::{NewSession, Session, SessionLine, SessionOf};
use super::super::rows::{At, corrupt, unsigned};
use super::super::session_key::{Sealed, SessionKey};
use super::super::StoreError;
use super::{Connection, people, share_links};
use crate::server::clock::LEEWAY;
use chrono::{DateTime, Utc};

#[derive(sqlx::FromRow)]
struct SessionRow {
    token_hash: String,
    person_id: Option<i64>,
    link_id: Option<i64>,
    created_at: At,
    seen_at: At,
    is_whole: bool,
    address: String,
    agent: String,
    seal: String,
}

impl SessionRow {
    /// All that the seal covers.
    fn sealed_text(&self) -> String {
        let (of, times) = ((self.person_id, self.link_id), (self.created_at.0, self.seen_at.0));
        format!("{} {of:?} {times:?} {} {:?} {:?}", self.token_hash, self.is_whole, self.address, self.agent)
    }

    fn made_seal(&self, key: &SessionKey) -> String {
        key.seal(&self.sealed_text())
    }

    fn sealed(&self, key: &SessionKey) -> Sealed {
        key.check(&self.sealed_text(), &self.seal)
    }

    /// Whether this program has made the row as it is.
    fn is_unaltered(&self, key: &SessionKey) -> bool {
        self.sealed(key) == Sealed::Matches
    }
}

pub(super) async fn begin(
    db: &mut Connection,
    key: &SessionKey,
    person: Option<i64>,
    link: Option<i64>,
    session: &NewSession,
) -> Result<(), StoreError> {
    let mut row = SessionRow {
        address: session.address.clone(),
        agent: session.agent.clone(),
        created_at: At::of(session.at),
        is_whole: session.is_whole,
        link_id: link,
        person_id: person,
        seal: String::new(),
        seen_at: At::of(session.at),
        token_hash: session.token_hash.clone(),
    };
    row.seal = row.made_seal(key);
    sqlx::query(
        "INSERT INTO sessions (token_hash, person_id, link_id, created_at, seen_at, is_whole, address, agent, seal) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(row.token_hash)
    .bind(row.person_id)
    .bind(row.link_id)
    .bind(row.created_at)
    .bind(row.seen_at)
    .bind(row.is_whole)
    .bind(row.address)
    .bind(row.agent)
    .bind(row.seal)
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn one(db: &mut Connection, key: &SessionKey, token_hash: &str) -> Result<Option<Session>, StoreError> {
    let row: Option<SessionRow> = sqlx::query_as("SELECT * FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .fetch_optional(&mut *db)
        .await?;
    // One that was invented, or altered since it began, lets nobody in.
    let Some(row) = row.filter(|row| row.is_unaltered(key)) else { return Ok(None) };
    let of = match (row.person_id, row.link_id) {
        (Some(person), None) => SessionOf::Person(people::by_id(db, person).await?),
        (None, Some(link)) => SessionOf::Link(share_links::by_id(db, link).await?),
        _ => return Err(corrupt("a session of nobody")),
    };
    Ok(Some(Session {
        address: row.address,
        agent: row.agent,
        created_at: row.created_at.time()?,
        is_whole: row.is_whole,
        of,
        seen_at: row.seen_at.time()?,
        token_hash: row.token_hash,
    }))
}

/// Whose session was invented, or altered since it began, if there is one. Without a key nothing can be said; a session that another key has
/// sealed opens nothing here.
pub(super) async fn altered(db: &mut Connection, key: &SessionKey) -> Result<Option<String>, StoreError> {
    if key.is_none() {
        return Ok(None);
    }
    let rows: Vec<SessionRow> =
        sqlx::query_as("SELECT * FROM sessions ORDER BY token_hash").fetch_all(&mut *db).await?;
    let Some(row) = rows.into_iter().find(|row| row.sealed(key) == Sealed::Altered) else { return Ok(None) };
    Ok(Some(match (row.person_id, row.link_id) {
        (Some(person), _) => format!("person {person}"),
        (_, Some(link)) => format!("share link {link}"),
        _ => "nobody".to_owned(),
    }))
}

/// How many sessions another key has sealed.
pub(super) async fn of_other_keys(db: &mut Connection, key: &SessionKey) -> Result<u64, StoreError> {
    let prefix = key.prefix();
    let count = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE substr(seal, 1, $1) <> $2")
        .bind(i32::try_from(prefix.len()).unwrap_or(i32::MAX))
        .bind(prefix)
        .fetch_one(db)
        .await?;
    unsigned(count)
}

pub(super) async fn see(
    db: &mut Connection,
    key: &SessionKey,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // One seen in the future was seen while a clock was ahead.
    let row: Option<SessionRow> = sqlx::query_as("SELECT * FROM sessions WHERE token_hash = $1")
        .bind(token_hash)
        .fetch_optional(&mut *db)
        .await?;
    // One that was altered is not sealed again.
    let Some(row) = row.filter(|row| row.is_unaltered(key)) else { return Ok(()) };
    let seal = SessionRow { seen_at: At::of(now), ..row }.made_seal(key);
    sqlx::query("UPDATE sessions SET seen_at = $1, seal = $4 WHERE token_hash = $2 AND (seen_at < $1 OR seen_at > $3)")
        .bind(At::of(now))
        .bind(token_hash)
        .bind(At::of(now + LEEWAY))
        .bind(seal)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn of_person(db: &mut Connection, person: i64) -> Result<Vec<SessionLine>, StoreError> {
    let rows: Vec<SessionRow> =
        sqlx::query_as("SELECT * FROM sessions WHERE person_id = $1 AND is_whole ORDER BY seen_at DESC, token_hash")
            .bind(person)
            .fetch_all(db)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok(SessionLine {
                address: row.address,
                agent: row.agent,
                created_at: row.created_at.time()?,
                seen_at: row.seen_at.time()?,
                token_hash: row.token_hash,
            })
        })
        .collect()
}

pub(super) async fn end(db: &mut Connection, token_hash: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash).execute(&mut *db).await?;
    people::count_change(db).await
}

pub(super) async fn know_device(
    db: &mut Connection,
    person: i64,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO devices (token_hash, person_id, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (token_hash) DO UPDATE SET person_id = excluded.person_id, seen_at = excluded.seen_at",
    )
    .bind(token_hash)
    .bind(person)
    .bind(At::of(now))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn knows_browser(db: &mut Connection, token_hash: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM devices WHERE token_hash = $1)")
        .bind(token_hash)
        .fetch_one(db)
        .await?)
}

pub(super) async fn knows_device(db: &mut Connection, email: &str, token_hash: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM devices JOIN people ON people.id = person_id WHERE token_hash = $1 AND email = $2)",
    )
    .bind(token_hash)
    .bind(email)
    .fetch_one(db)
    .await?)
}

/// Forgets sessions not seen since, or begun before, browsers and invitations that are as old, and ceremonies that have expired.
pub(super) async fn prune(
    db: &mut Connection,
    unseen_since: DateTime<Utc>,
    begun_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let sessions = sqlx::query("DELETE FROM sessions WHERE seen_at < $1 OR created_at < $2")
        .bind(At::of(unseen_since))
        .bind(At::of(begun_before))
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM devices WHERE seen_at < $1").bind(At::of(begun_before)).execute(&mut *db).await?;
    // The link of a start that nobody has used. Other invitations go with a change that is recorded.
    let invitations = sqlx::query("DELETE FROM invitations WHERE expires_at < $1 AND email = ''")
        .bind(At::of(begun_before))
        .execute(&mut *db)
        .await?;
    let ceremonies =
        sqlx::query("DELETE FROM ceremonies WHERE expires_at < $1").bind(At::of(now)).execute(db).await?;
    Ok(sessions.rows_affected() + invitations.rows_affected() + ceremonies.rows_affected())
}

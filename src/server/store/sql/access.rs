//! Owns which module does the work of each method about who may do what, and in which kind of transaction. Must not know a dialect.

use super::super::StoreError;
use super::super::access::{
    AccessStore, ApiToken, Entry, Invitation, JoinedBy, NewSession, NewShareLink, NewToken, Person, Proofs, Session, SessionLine,
    ShareLink,
};
use super::super::session_key::SessionKey;
use super::contract::{READ, WRITE, change, read, write};
use super::{Backend, Connection, Db, people, sessions, share_links, tokens};
use crate::domain::access::{Reach, Role};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Transaction;
use std::sync::atomic::{AtomicU64, Ordering};

async fn invite(db: &mut Connection, invitation: &Invitation, entry: Option<&Entry>) -> Result<(), StoreError> {
    people::invite(db, invitation).await?;
    match entry {
        Some(entry) => people::write_entry(db, entry).await,
        None => Ok(()),
    }
}

async fn add_person(
    db: &mut Connection,
    person: (&str, &str),
    password: &str,
    roles: &[(Reach, Role)],
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Person, StoreError> {
    let made = people::add(db, person, Some(password), roles, now).await?;
    people::write_entry(db, entry).await?;
    Ok(made)
}

async fn take_stock(db: &mut Connection, entry: &Entry) -> Result<bool, StoreError> {
    let due = sqlx::query("DELETE FROM meta WHERE name = 'access_stock_due'").execute(&mut *db).await?;
    let is_due = due.rows_affected() > 0;
    if is_due {
        people::write_entry(db, entry).await?;
    }
    Ok(is_due)
}

/// For a store that has not been given a key.
static NO_KEY: SessionKey = SessionKey::none();

impl Backend {
    /// The key that sessions are sealed with.
    pub(super) fn session_key(&self) -> &SessionKey {
        self.session_key.get().unwrap_or(&NO_KEY)
    }

    /// Ends a write that can take a right away. It is counted before its end and after it, also if it fails: what is read meanwhile
    /// may be what was right before.
    pub(super) async fn commit_access(&self, tx: Transaction<'static, Db>) -> Result<(), StoreError> {
        let _after = Counted(&self.access_commits);
        self.access_commits.fetch_add(1, Ordering::SeqCst);
        self.commit(tx).await
    }
}

/// Counts once more when it ends.
struct Counted<'a>(&'a AtomicU64);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl AccessStore for Backend {
    fn seal_sessions_with(&self, key: SessionKey) {
        // The first key stays.
        let _ = self.session_key.set(key);
    }

    fn own_access_changes(&self) -> u64 {
        self.access_commits.load(Ordering::SeqCst)
    }

    async fn sessions_of_other_keys(&self) -> Result<u64, StoreError> {
        read!(self, |tx| { sessions::of_other_keys(&mut tx, self.session_key()).await })
    }

    async fn access_changes(&self) -> Result<i64, StoreError> {
        read!(self, |tx| {
            let changes: Option<i64> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'access_changes'")
                .fetch_optional(&mut *tx)
                .await?;
            Ok(changes.unwrap_or_default())
        })
    }

    async fn take_stock(&self, entry: &Entry) -> Result<bool, StoreError> {
        change!(self, |tx| take_stock(&mut tx, entry))
    }

    async fn has_people(&self) -> Result<bool, StoreError> {
        read!(self, |tx| { people::any(&mut tx).await })
    }

    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        read!(self, |tx| { people::all(&mut tx).await })
    }

    async fn proofs(&self, email: &str) -> Result<Option<Proofs>, StoreError> {
        read!(self, |tx| { people::proofs(&mut tx, email).await })
    }

    async fn invite(&self, invitation: &Invitation, entry: Option<&Entry>) -> Result<(), StoreError> {
        change!(self, |tx| invite(&mut tx, invitation, entry))
    }

    async fn invitation(&self, token_hash: &str, now: DateTime<Utc>) -> Result<Option<Invitation>, StoreError> {
        read!(self, |tx| { people::invitation(&mut tx, token_hash, now).await })
    }

    async fn invitations(&self, now: DateTime<Utc>) -> Result<Vec<Invitation>, StoreError> {
        read!(self, |tx| { people::invitations(&mut tx, now).await })
    }

    async fn join(&self, token_hash: &str, person: (&str, &str), by: JoinedBy<'_>, now: DateTime<Utc>, entry: &Entry) -> Result<Person, StoreError> {
        change!(self, |tx| people::join(&mut tx, token_hash, person, by, now, entry))
    }

    async fn add_person(&self, person: (&str, &str), password: &str, roles: &[(Reach, Role)], now: DateTime<Utc>, entry: &Entry) -> Result<Person, StoreError> {
        change!(self, |tx| add_person(&mut tx, person, password, roles, now, entry))
    }

    async fn set_password(&self, person: i64, password: &str, keep: Option<&str>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| people::set_password(&mut tx, person, password, keep, entry))
    }

    async fn set_role(&self, person: i64, reach: &Reach, role: Option<Role>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| people::set_role(&mut tx, person, reach, role, entry))
    }

    async fn set_disabled(&self, person: i64, disabled_at: Option<DateTime<Utc>>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| people::set_disabled(&mut tx, person, disabled_at, entry))
    }

    async fn begin_session(&self, person: i64, session: &NewSession) -> Result<(), StoreError> {
        write!(self, |tx| sessions::begin(&mut tx, self.session_key(), Some(person), None, session))
    }

    async fn session(&self, token_hash: &str) -> Result<Option<Session>, StoreError> {
        read!(self, |tx| { sessions::one(&mut tx, self.session_key(), token_hash).await })
    }

    async fn see_session(&self, token_hash: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        write!(self, |tx| sessions::see(&mut tx, self.session_key(), token_hash, now))
    }

    async fn sessions(&self, person: i64) -> Result<Vec<SessionLine>, StoreError> {
        read!(self, |tx| { sessions::of_person(&mut tx, person).await })
    }

    async fn end_session(&self, token_hash: &str) -> Result<(), StoreError> {
        change!(self, |tx| sessions::end(&mut tx, token_hash))
    }

    async fn end_other_sessions(&self, person: i64, keep: &str) -> Result<(), StoreError> {
        change!(self, |tx| people::end_sessions(&mut tx, person, Some(keep)))
    }

    async fn know_device(&self, person: i64, token_hash: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        write!(self, |tx| sessions::know_device(&mut tx, person, token_hash, now))
    }

    async fn knows_browser(&self, token_hash: &str) -> Result<bool, StoreError> {
        read!(self, |tx| { sessions::knows_browser(&mut tx, token_hash).await })
    }

    async fn knows_device(&self, email: &str, token_hash: &str) -> Result<bool, StoreError> {
        read!(self, |tx| { sessions::knows_device(&mut tx, email, token_hash).await })
    }

    async fn prune_access(&self, unseen_since: DateTime<Utc>, begun_before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        write!(self, |tx| sessions::prune(&mut tx, unseen_since, begun_before, now))
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        read!(self, |tx| { tokens::all(&mut tx).await })
    }

    async fn token(&self, secret_hash: &str) -> Result<Option<ApiToken>, StoreError> {
        read!(self, |tx| { tokens::by_hash(&mut tx, secret_hash).await })
    }

    async fn add_token(&self, token: &NewToken, entry: &Entry) -> Result<ApiToken, StoreError> {
        change!(self, |tx| tokens::add(&mut tx, token, entry))
    }

    async fn see_token(&self, id: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
        write!(self, |tx| tokens::see(&mut tx, id, now))
    }

    async fn revoke_token(&self, id: i64, now: DateTime<Utc>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| tokens::revoke(&mut tx, id, now, entry))
    }

    async fn share_links(&self) -> Result<Vec<ShareLink>, StoreError> {
        read!(self, |tx| { share_links::all(&mut tx).await })
    }

    async fn share_link(&self, token_hash: &str) -> Result<Option<(ShareLink, Option<String>)>, StoreError> {
        read!(self, |tx| { share_links::by_hash(&mut tx, token_hash).await })
    }

    async fn add_share_link(&self, link: &NewShareLink, entry: &Entry) -> Result<ShareLink, StoreError> {
        change!(self, |tx| share_links::add(&mut tx, link, entry))
    }

    async fn open_share_link(&self, id: i64, session: &NewSession, entry: &Entry) -> Result<(), StoreError> {
        write!(self, |tx| share_links::open(&mut tx, self.session_key(), id, session, entry))
    }

    async fn revoke_share_link(&self, id: i64, now: DateTime<Utc>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| share_links::revoke(&mut tx, id, now, entry))
    }
}

//! Owns the store's contract about who may do what: people, their roles and sessions, invitations, tokens, share links. What changes
//! any of it adds its event in the same transaction. Must not know how a secret is made or checked: only hashes come in here.

use super::StoreError;
use super::proofs::ProviderAccount;
use super::session_key::SessionKey;
use crate::domain::access::{Reach, Role, Scope};
use crate::domain::history::NewEvent;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub email: String,
    pub has_password: bool,
    pub has_totp: bool,
    pub id: i64,
    pub name: String,
    pub roles: Vec<(Reach, Role)>,
}

/// What a person proves themselves by.
#[derive(Clone, PartialEq, Eq)]
pub struct Proofs {
    pub person: Person,
    /// argon2id, as a PHC string.
    pub password: Option<String>,
    /// The secret of one-time codes, encrypted.
    pub totp: Option<Vec<u8>>,
    /// The time step of the newest code that was used.
    pub totp_step: u64,
}

/// Says whom it is of, and nothing of the proofs.
impl std::fmt::Debug for Proofs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Proofs").field("person", &self.person).finish_non_exhaustive()
    }
}

/// A link that lets somebody choose a password once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    /// Empty where whoever has the link says it.
    pub email: String,
    pub expires_at: DateTime<Utc>,
    pub roles: Vec<(Reach, Role)>,
    /// SHA-256 of the link's secret, in hexadecimal.
    pub token_hash: String,
}

/// What somebody who comes by a link will prove themselves by.
#[derive(Clone, Copy)]
pub enum JoinedBy<'a> {
    /// argon2id, as a PHC string.
    Password(&'a str),
    Provider(&'a ProviderAccount),
}

/// Who somebody with a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionOf {
    Link(ShareLink),
    Person(Person),
}

/// Somebody who is signed in, or has opened a share link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub address: String,
    pub agent: String,
    pub created_at: DateTime<Utc>,
    /// False as long as a second proof is missing.
    pub is_whole: bool,
    pub of: SessionOf,
    pub seen_at: DateTime<Utc>,
    pub token_hash: String,
}

/// A session that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub address: String,
    pub agent: String,
    pub at: DateTime<Utc>,
    pub is_whole: bool,
    pub token_hash: String,
}

/// A session in the list of a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    pub address: String,
    pub agent: String,
    pub created_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub token_hash: String,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub id: i64,
    pub name: String,
    /// Its beginning, by which it is told from others.
    pub prefix: String,
    pub reach: Reach,
    pub revoked_at: Option<DateTime<Utc>>,
    pub scopes: Vec<Scope>,
    /// The sources that it speaks for; empty for any.
    pub sources: Vec<String>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A token that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    pub at: DateTime<Utc>,
    pub created_by: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub name: String,
    pub prefix: String,
    pub reach: Reach,
    pub scopes: Vec<Scope>,
    /// SHA-256 of the token, in hexadecimal.
    pub secret_hash: String,
    /// The sources that it speaks for; empty for any.
    pub sources: Vec<String>,
}

/// A link that shows chosen views of an environment to whoever has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareLink {
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub environment: String,
    pub expires_at: DateTime<Utc>,
    pub from: Option<DateTime<Utc>>,
    pub has_passphrase: bool,
    pub id: i64,
    pub name: String,
    /// How often it was opened.
    pub opened: u64,
    pub opened_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Names of the views.
    pub views: Vec<String>,
}

/// A share link that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShareLink {
    pub at: DateTime<Utc>,
    pub created_by: String,
    pub environment: String,
    pub expires_at: DateTime<Utc>,
    pub from: Option<DateTime<Utc>>,
    pub name: String,
    /// argon2id, as a PHC string.
    pub passphrase: Option<String>,
    pub to: Option<DateTime<Utc>>,
    /// SHA-256 of the link's secret, in hexadecimal.
    pub token_hash: String,
    pub views: Vec<String>,
}

/// An event, and the environment in whose history it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub environment: String,
    pub event: NewEvent,
}

/// Who may do what. Every method that writes is one transaction, with its entry where one is given.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// Whether any person exists. From then on everything needs a credential.
    async fn has_people(&self) -> Result<bool, StoreError>;

    /// Seals sessions with this key from now on: sessions that another key, or none, has sealed open nothing. The first key given stays.
    fn seal_sessions_with(&self, key: SessionKey);

    /// How often this process may have taken a right away, or ended a session. The number only grows, without asking the database.
    fn own_access_changes(&self) -> u64;

    /// How many sessions another key has sealed, such as that of another server on the same database.
    async fn sessions_of_other_keys(&self) -> Result<u64, StoreError>;

    /// How often access has changed, the ends of sessions among it. The number only grows.
    async fn access_changes(&self) -> Result<i64, StoreError>;

    /// Records who may act, once, in a store that is older than such records; the event of it. Says whether there was anything to record.
    async fn take_stock(&self, entry: &Entry) -> Result<bool, StoreError>;

    /// Everybody, by e-mail address.
    async fn people(&self) -> Result<Vec<Person>, StoreError>;

    /// What the person with this e-mail address proves themselves by.
    async fn proofs(&self, email: &str) -> Result<Option<Proofs>, StoreError>;

    /// Makes an invitation. One to the same e-mail address that was not used is replaced.
    async fn invite(&self, invitation: &Invitation, entry: Option<&Entry>) -> Result<(), StoreError>;

    /// The invitation of this hash, if it was not used and has not expired.
    async fn invitation(&self, token_hash: &str, now: DateTime<Utc>) -> Result<Option<Invitation>, StoreError>;

    /// All invitations that can still be used, newest first.
    async fn invitations(&self, now: DateTime<Utc>) -> Result<Vec<Invitation>, StoreError>;

    /// Uses an invitation: the person of its e-mail address is made, or has their proof set anew; roles are added. All sessions that
    /// they had end. The invitation cannot be used again.
    ///
    /// # Errors
    /// [`StoreError::NoInvitation`] where it was used, has expired, or never was; [`StoreError::PersonExists`] where whoever is there already
    /// may not be met by it, or by an account at a provider; [`StoreError::NameTaken`] where that account is somebody's already.
    async fn join(
        &self,
        token_hash: &str,
        person: (&str, &str),
        by: JoinedBy<'_>,
        now: DateTime<Utc>,
        entry: &Entry,
    ) -> Result<Person, StoreError>;

    /// Makes a person at once, as the command line does.
    ///
    /// # Errors
    /// [`StoreError::PersonExists`].
    async fn add_person(
        &self,
        person: (&str, &str),
        password: &str,
        roles: &[(Reach, Role)],
        now: DateTime<Utc>,
        entry: &Entry,
    ) -> Result<Person, StoreError>;

    /// Sets a password; all sessions end but the one of `keep`.
    async fn set_password(
        &self,
        person: i64,
        password: &str,
        keep: Option<&str>,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Gives a role somewhere, or takes it away.
    ///
    /// # Errors
    /// [`StoreError::LastFounder`] where nobody would be left who may do everything.
    async fn set_role(&self, person: i64, reach: &Reach, role: Option<Role>, entry: &Entry) -> Result<(), StoreError>;

    /// Keeps a person from signing in, and ends their sessions; or lets them in again.
    ///
    /// # Errors
    /// [`StoreError::LastFounder`] where nobody would be left who may do everything.
    async fn set_disabled(
        &self,
        person: i64,
        disabled_at: Option<DateTime<Utc>>,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Begins a session of a person.
    async fn begin_session(&self, person: i64, session: &NewSession) -> Result<(), StoreError>;

    /// The session of this hash, whoever it is of, whether or not it has expired.
    async fn session(&self, token_hash: &str) -> Result<Option<Session>, StoreError>;

    /// Notes that a session was used.
    async fn see_session(&self, token_hash: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// A person's sessions, the newest seen first.
    async fn sessions(&self, person: i64) -> Result<Vec<SessionLine>, StoreError>;

    /// Ends a session.
    async fn end_session(&self, token_hash: &str) -> Result<(), StoreError>;

    /// Ends all sessions of a person but one.
    async fn end_other_sessions(&self, person: i64, keep: &str) -> Result<(), StoreError>;

    /// Notes that a person has signed in in this browser.
    async fn know_device(&self, person: i64, token_hash: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Whether anybody has signed in in this browser before.
    async fn knows_browser(&self, token_hash: &str) -> Result<bool, StoreError>;

    /// Whether the person with this e-mail address has signed in in this browser before.
    async fn knows_device(&self, email: &str, token_hash: &str) -> Result<bool, StoreError>;

    /// Forgets sessions and browsers not seen since, or begun before, invitations that expired before that, and ceremonies that have
    /// expired now; returns how many.
    async fn prune_access(
        &self,
        unseen_since: DateTime<Utc>,
        begun_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// All tokens, newest first.
    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError>;

    /// The token with this hash, whether or not it has expired.
    async fn token(&self, secret_hash: &str) -> Result<Option<ApiToken>, StoreError>;

    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`].
    async fn add_token(&self, token: &NewToken, entry: &Entry) -> Result<ApiToken, StoreError>;

    /// Notes that a token was used.
    async fn see_token(&self, id: i64, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Revokes a token; nothing where it was revoked before.
    async fn revoke_token(&self, id: i64, now: DateTime<Utc>, entry: &Entry) -> Result<(), StoreError>;

    /// All share links, newest first.
    async fn share_links(&self) -> Result<Vec<ShareLink>, StoreError>;

    /// The share link with this hash, and its passphrase, whether or not it has expired.
    async fn share_link(&self, token_hash: &str) -> Result<Option<(ShareLink, Option<String>)>, StoreError>;

    /// Makes a share link.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`].
    async fn add_share_link(&self, link: &NewShareLink, entry: &Entry) -> Result<ShareLink, StoreError>;

    /// Opens a share link: it is counted, and a session begins.
    async fn open_share_link(&self, id: i64, session: &NewSession, entry: &Entry) -> Result<(), StoreError>;

    /// Revokes a share link, and ends what is open of it; nothing where it was revoked before.
    async fn revoke_share_link(&self, id: i64, now: DateTime<Utc>, entry: &Entry) -> Result<(), StoreError>;
}

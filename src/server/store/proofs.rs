//! Owns the store's contract about further proofs of who somebody is: one-time and recovery codes, passkeys, accounts at a provider,
//! and what was begun with a browser and is not done. What changes any of it adds its event in the same transaction. Must not know how
//! a proof is checked: only hashes, public keys and what is sealed come in here.

use super::StoreError;
use super::access::{Entry, Person};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// One-time codes that are turned on.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    /// SHA-256 of each recovery code, in hexadecimal.
    pub recovery: &'a [String],
    /// The secret, sealed.
    pub secret: &'a [u8],
    /// The time step of the code that proved that it was taken over.
    pub step: u64,
}

/// A passkey in the list of a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    pub created_at: DateTime<Utc>,
    /// Its public key and what its authenticator said of itself, as JSON.
    pub credential: String,
    /// Its name among all passkeys, in hexadecimal.
    pub id: String,
    pub name: String,
    pub used_at: Option<DateTime<Utc>>,
}

/// An account at a provider of sign-in. Issuer and subject together are never given to anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderAccount {
    pub issuer: String,
    /// What the provider calls it.
    pub label: String,
    pub subject: String,
}

/// What was begun with a browser and is not done.
#[derive(Clone, Copy)]
pub struct Ceremony<'a> {
    pub expires_at: DateTime<Utc>,
    /// SHA-256 of what the browser has to name it by, in hexadecimal.
    pub id_hash: &'a str,
    pub kind: &'a str,
    /// Its state, sealed.
    pub sealed: &'a [u8],
}

/// Further proofs. Every method that writes is one transaction, with its entry where one is given.
#[async_trait]
pub trait ProofStore: Send + Sync {
    /// Turns one-time codes on, or off, with new recovery codes or none; all sessions end but the one of `keep`.
    async fn set_codes(
        &self,
        person: i64,
        codes: Option<Codes<'_>>,
        keep: Option<&str>,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Takes a time step as used; false where it, or a later one, was used before.
    async fn use_totp_step(&self, person: i64, step: u64) -> Result<bool, StoreError>;

    /// Takes a recovery code as used; false where there is none such, or it was used before. The event is added only if it was taken.
    async fn use_recovery_code(
        &self,
        person: i64,
        code_hash: &str,
        now: DateTime<Utc>,
        entry: &Entry,
    ) -> Result<bool, StoreError>;

    /// How many recovery codes can still be used.
    async fn recovery_codes_left(&self, person: i64) -> Result<u64, StoreError>;

    /// A person's passkeys, newest first.
    async fn passkeys(&self, person: i64) -> Result<Vec<Passkey>, StoreError>;

    /// The passkey of this name among all, and whose it is.
    async fn passkey(&self, id: &str) -> Result<Option<(Person, Passkey)>, StoreError>;

    /// Adds a passkey; all sessions end but the one of `keep`.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] where somebody has it already.
    async fn add_passkey(&self, person: i64, passkey: &Passkey, keep: &str, entry: &Entry) -> Result<(), StoreError>;

    /// Notes that a passkey was used, with what its authenticator says of itself now, if it is still as it was read; false otherwise.
    async fn use_passkey(&self, before: &Passkey, credential: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Removes a passkey, and ends all sessions but the one of `keep`; nothing where the person has none such.
    ///
    /// # Errors
    /// [`StoreError::LastWayIn`] where they could not sign in any more.
    async fn remove_passkey(&self, person: i64, id: &str, keep: &str, entry: &Entry) -> Result<(), StoreError>;

    /// Whose account at a provider it is.
    async fn person_of(&self, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError>;

    /// A person's accounts at providers.
    async fn provider_accounts(&self, person: i64) -> Result<Vec<ProviderAccount>, StoreError>;

    /// Lets a person sign in by an account at a provider; all sessions end but the one of `keep`.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] where the account is somebody's already.
    async fn connect(
        &self,
        person: i64,
        account: &ProviderAccount,
        keep: &str,
        now: DateTime<Utc>,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Undoes it, and ends all sessions but the one of `keep`.
    ///
    /// # Errors
    /// [`StoreError::LastWayIn`] where they could not sign in any more.
    async fn disconnect(
        &self,
        person: i64,
        account: &ProviderAccount,
        keep: &str,
        entry: &Entry,
    ) -> Result<(), StoreError>;

    /// Takes codes, passkeys and accounts at providers from somebody, and ends their sessions: their password is left.
    async fn reset_proofs(&self, person: i64, entry: &Entry) -> Result<(), StoreError>;

    /// Keeps a ceremony; one of the same name is replaced.
    async fn begin_ceremony(&self, ceremony: Ceremony<'_>) -> Result<(), StoreError>;

    /// The sealed state of a ceremony that has not expired, which stays.
    async fn ceremony(&self, id_hash: &str, kind: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError>;

    /// The sealed state of a ceremony that has not expired, which nobody can take again.
    async fn take_ceremony(&self, id_hash: &str, kind: &str, now: DateTime<Utc>)
    -> Result<Option<Vec<u8>>, StoreError>;
}

//! Owns the store's contract with `verify`: the rows behind what is in force, shown and decided, as they are stored, so that they can be
//! held against the history. Nothing here is read to serve anybody. Must not judge what it reads.

use super::{StoreError, rows};
use crate::domain::trend::TrendPoint;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A version of a configuration, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRow {
    pub at: DateTime<Utc>,
    pub digest: String,
    pub version: u64,
}

/// What an environment's own row says, and the versions of its configuration, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRows {
    pub created_at: DateTime<Utc>,
    /// The version in force.
    pub in_force: u64,
    pub kind: String,
    pub versions: Vec<ConfigRow>,
}

/// A snapshot's row, each column as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotRow {
    /// How many ticks of its time were recorded before it.
    pub again: i64,
    pub as_of: DateTime<Utc>,
    /// Compressed.
    pub body: Vec<u8>,
    pub clear: Option<i64>,
    pub conditions_met: Option<bool>,
    pub digest: String,
    pub id: String,
    pub is_tick: bool,
    pub origin: String,
    pub overall: (f64, f64),
    pub row: i64,
    pub ruled: Option<String>,
    pub standing: Option<i64>,
}

impl SnapshotRow {
    /// The bytes that its digest is of.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where they cannot be unpacked.
    pub fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        rows::decompress(&self.body)
    }
}

/// A minute whose roll-up is not that of its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinuteApart {
    /// The end of the minute.
    pub at: DateTime<Utc>,
    pub source: String,
    pub stream: i64,
}

/// What `verify` reads.
#[async_trait]
pub trait ProvingStore: Send + Sync {
    /// An environment's row and its configurations.
    async fn config_rows(&self, environment: &str) -> Result<ConfigRows, StoreError>;

    /// Up to `limit` snapshots after a row number, in the order in which they were recorded.
    async fn snapshot_rows(&self, environment: &str, after: i64, limit: u32) -> Result<Vec<SnapshotRow>, StoreError>;

    /// Up to `limit` points of the charts after a time, ascending.
    async fn point_rows(
        &self,
        environment: &str,
        after: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<TrendPoint>, StoreError>;

    /// The first minute whose roll-up is not what its raw samples give, as far back as raw samples are kept.
    async fn minute_apart(&self, environment: &str) -> Result<Option<MinuteApart>, StoreError>;

    /// A digest of everything that says who may act, as the change of that number left it: people and their proofs, roles, invitations,
    /// tokens and share links. When something was used last is not in it. `None` where nobody and nothing is there.
    async fn access_digest(&self, change: u64) -> Result<Option<String>, StoreError>;

    /// The first row of those tables that is not as the newest change left it, in words. `left` holds the digests that the newest changes
    /// left. `None` if it cannot be told.
    async fn access_difference(&self, change: u64, left: &[&str]) -> Result<Option<String>, StoreError>;

    /// A digest of the sources that were added to an environment, of none as well.
    async fn sources_digest(&self, environment: &str) -> Result<String, StoreError>;

    /// The first row of telemetry that does not match its seal: its table, and its key for people to read.
    async fn broken_seal(&self) -> Result<Option<(&'static str, String)>, StoreError>;

    /// Whose session was invented, or altered since it began, if there is one. Nothing without the key that seals sessions.
    async fn altered_session(&self) -> Result<Option<String>, StoreError>;

    /// The triggers that keep the history append-only and are not there.
    async fn missing_triggers(&self) -> Result<Vec<String>, StoreError>;
}

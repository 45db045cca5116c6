//! Owns the contract of what is kept of the clock. Must not know what a jump is.

use super::StoreError;
use crate::server::lived::Lived;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// The state of the clock in the store.
#[async_trait]
pub trait LivedStore {
    /// How far time was lived through; `None` before the first step.
    async fn lived(&self) -> Result<Option<Lived>, StoreError>;

    /// Keeps how far time was lived through.
    async fn keep_lived(&self, lived: &Lived) -> Result<(), StoreError>;

    /// The latest time of the events that were recorded last in each live environment.
    async fn newest_recorded(&self) -> Result<Option<DateTime<Utc>>, StoreError>;
}

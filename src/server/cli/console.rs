//! What commands need to call an act: an open store, and the principal `local`.

use super::{CliError, open};
use crate::server::acts::{Context, Principal};
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::store::Store;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// An open store with the principal of the command line.
pub(super) struct Console<'s> {
    now: DateTime<Utc>,
    principal: Principal,
    settings: &'s Settings,
    pub(super) store: Arc<dyn Store>,
}

impl<'s> Console<'s> {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub(super) async fn open(settings: &'s Settings) -> Result<Console<'s>, CliError> {
        let store = open(settings).await?;
        Ok(Console { now: clock::now(), principal: Principal::command_line(), settings, store })
    }

    /// The context of an act.
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            observer: &(),
            principal: &self.principal,
            settings: self.settings,
            store: self.store.as_ref(),
        }
    }

    /// Closes the store after pending writes.
    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

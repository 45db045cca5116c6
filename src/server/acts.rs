//! The acts: one function for each thing that somebody can have done. Pages, JSON endpoints, the command line and the scheduler all call
//! them, so that an act does the same whichever way it is asked for. `catalogue.rs` lists every act with its ways; `tests/server/ways.rs`
//! runs each by all of them.
//!
//! An act takes the time, who asks and what it works with as a [`Context`], decides by the domain, writes to the store, and refuses with a
//! [`Refusal`]. It knows neither HTTP nor the command line.

pub mod access_log;
pub mod catalogue;
pub mod configuration;
pub mod environments;
pub mod evaluation;
pub mod export;
pub mod history;
pub mod invitations;
pub mod people;
mod refusal;
pub mod share_links;
mod source_ends;
pub mod sources;
pub mod telemetry;
pub mod tokens;

pub use refusal::Refusal;

use super::config::Settings;
use super::permission;
use super::store::Store;
use crate::domain::access::{Identity, Permission};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::policy::{Config, is_environment_name};
use crate::domain::signal::Signal;
use chrono::{DateTime, Utc};
use std::net::IpAddr;
use std::time::Duration;

/// The environment that is meant where none is named. What holds everywhere stands in its history.
pub const DEFAULT_ENVIRONMENT: &str = "production";

/// Who has something done.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Where the request came from; `None` on the command line.
    pub address: Option<IpAddr>,
    pub identity: Identity,
}

impl Principal {
    /// Somebody at this machine's command line. Nothing is asked of them: who can run the program on the store can change it anyway.
    pub fn command_line() -> Principal {
        Principal { address: None, identity: Identity::local() }
    }
}

/// A secret that was just made: it is shown once, and stored nowhere.
pub struct NewSecret {
    /// What it is called, or whom it is for.
    pub name: String,
    pub secret: String,
}

/// Says whose it is, and nothing of the secret.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a running server does beside an act, so that nobody waits for it. The command line does nothing: a server notices its commits.
pub trait Observer: Sync {
    /// An evaluation was made and stored.
    fn evaluated(&self, _took: Duration) {}

    /// Telemetry of these signals has come into an environment.
    fn telemetry_changed(&self, _environment: &str, _signals: Vec<Signal>) {}

    /// The sources that are polled are others now.
    fn sources_changed(&self) {}

    /// That many rows of a batch were stored as new, and that many refused.
    fn rows_counted(&self, _accepted: u64, _refused: u64) {}
}

/// Nobody watches.
impl Observer for () {}

/// What an act works with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// When the act happens: the time of its events, and of the evaluation that follows it.
    pub now: DateTime<Utc>,
    pub observer: &'a dyn Observer,
    pub principal: &'a Principal,
    pub settings: &'a Settings,
    pub store: &'a dyn Store,
}

impl<'a> Context<'a> {
    /// Who acts, as the history names them. `name` is what [`Context::actor_name`] gave.
    pub fn actor<'n>(&self, name: &'n str) -> Actor<'n> {
        Actor { address: self.principal.address, name }
    }

    /// The name of who acts, such as `person:anna@example.com`, or `local` on the command line.
    pub fn actor_name(&self) -> String {
        self.principal.identity.actor()
    }

    /// An event of who acts, at the time of the act.
    pub fn event(&self, event_type: EventType, reason: String) -> NewEvent {
        let name = self.actor_name();
        let mut event = NewEvent::new(event_type, self.actor(&name), self.now);
        event.reason = Some(reason);
        event
    }

    /// The configuration in force of an environment, [`DEFAULT_ENVIRONMENT`] where none is named, to whoever may do this there.
    ///
    /// # Errors
    /// `unknown-environment`, naming those that they see, and `not-allowed`.
    pub async fn config(&self, permission: Permission, environment: Option<&str>) -> Result<Config, Refusal> {
        let name = environment.unwrap_or(DEFAULT_ENVIRONMENT);
        let identity = &self.principal.identity;
        // A name that cannot exist is looked up all the same: the answer lists those that do.
        let name = if is_environment_name(name) { name } else { "?" };
        let config = self.store.config(name).await.map_err(|error| permission::visible_to(identity, error))?;
        permission::allow(identity, permission, &config.environment)?;
        Ok(config)
    }
}

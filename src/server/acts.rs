//! The acts: one function for each use case. Pages, JSON endpoints, the command line and the scheduler call them, so an act has the same
//! result by each way. `catalogue.rs` lists every act with its ways, and `tests/server/ways.rs` runs them all.
//!
//! An act gets a [`Context`] (time, principal, store, settings), checks the permission, lets the domain decide, writes to the store, and
//! returns a [`Refusal`] if it does nothing. Acts import neither HTTP nor command line code.

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

/// The environment of requests that name none. Changes that apply to all environments are recorded in its history.
pub const DEFAULT_ENVIRONMENT: &str = "production";

/// The person, token or program that asks for an act.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The address of the request; `None` on the command line.
    pub address: Option<IpAddr>,
    pub identity: Identity,
}

impl Principal {
    /// A user of the command line. They have all permissions: anyone who can run the program on the store can change it anyway.
    pub fn command_line() -> Principal {
        Principal { address: None, identity: Identity::local() }
    }
}

/// A new secret. It's shown once; the store has only its hash.
pub struct NewSecret {
    /// The name of the token or link, or the e-mail address of the person it's for.
    pub name: String,
    pub secret: String,
}

/// Leaves the secret out.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NewSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a running server does after an act: metrics, live messages, polling. The command line does nothing; servers notice its commits.
pub trait Observer: Sync {
    /// An evaluation was stored.
    fn evaluated(&self, _took: Duration) {}

    /// An environment got telemetry for these signals.
    fn telemetry_changed(&self, _environment: &str, _signals: Vec<Signal>) {}

    /// The list of polled sources changed.
    fn sources_changed(&self) {}

    /// A batch had this many new rows and this many refused ones.
    fn rows_counted(&self, _accepted: u64, _refused: u64) {}
}

/// Does nothing.
impl Observer for () {}

/// The time, principal, store and settings of an act.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The time of the act's events, and of the evaluation after it.
    pub now: DateTime<Utc>,
    pub observer: &'a dyn Observer,
    pub principal: &'a Principal,
    pub settings: &'a Settings,
    pub store: &'a dyn Store,
}

impl<'a> Context<'a> {
    /// The actor of the act's events. `name` comes from [`Context::actor_name`].
    pub fn actor<'n>(&self, name: &'n str) -> Actor<'n> {
        Actor { address: self.principal.address, name }
    }

    /// The actor's name in the history, such as `person:anna@example.com`, or `local` on the command line.
    pub fn actor_name(&self) -> String {
        self.principal.identity.actor()
    }

    /// A new event by this actor, at the time of the act.
    pub fn event(&self, event_type: EventType, reason: String) -> NewEvent {
        let name = self.actor_name();
        let mut event = NewEvent::new(event_type, self.actor(&name), self.now);
        event.reason = Some(reason);
        event
    }

    /// The current configuration of an environment ([`DEFAULT_ENVIRONMENT`] if none is named), if the principal has the permission there.
    ///
    /// # Errors
    /// `unknown-environment`, with the environments that the principal can see, and `not-allowed`.
    pub async fn config(&self, permission: Permission, environment: Option<&str>) -> Result<Config, Refusal> {
        let name = environment.unwrap_or(DEFAULT_ENVIRONMENT);
        let identity = &self.principal.identity;
        // An invalid name is looked up too, because the refusal lists the existing environments.
        let name = if is_environment_name(name) { name } else { "?" };
        let config = self.store.config(name).await.map_err(|error| permission::visible_to(identity, error))?;
        permission::allow(identity, permission, &config.environment)?;
        Ok(config)
    }
}

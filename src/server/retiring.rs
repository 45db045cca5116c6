//! Owns retiring a source that has gone: the page, scripts and the command line all come here. Must not know who asks.

use super::clock;
use super::config::Settings;
use super::puller;
use super::store::{Store, StoreError};
use crate::domain::history::{Actor, EventType, NewEvent};

/// Why a source was not retired.
#[derive(Debug, thiserror::Error)]
pub enum RetiringError {
    /// It would be back as soon as it is asked.
    #[error("the server asks the source \"{0}\": remove it first, on the connections page or from the settings file")]
    Asked(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Retires a source: evaluations expect nothing of it, and it counts against no limit, until it sends again. What it has said stays.
///
/// # Errors
/// If the server polls the source, if the source is unknown, or if the store is unavailable.
pub async fn retire(
    settings: &Settings,
    store: &dyn Store,
    (environment, name): (&str, &str),
    actor: Actor<'_>,
    why: Option<&str>,
) -> Result<(), RetiringError> {
    if puller::known(settings, store, Some(environment)).await?.iter().any(|known| known.name == name) {
        return Err(RetiringError::Asked(name.to_owned()));
    }
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let mut event = NewEvent::new(EventType::Note, actor, clock::now());
    event.reason = Some(format!("source {name} was retired and is no longer expected; its numbers stay{why}"));
    Ok(store.retire_source(environment, name, event).await?)
}

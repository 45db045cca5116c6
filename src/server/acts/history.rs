//! Reads the history.

use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::history::Event;
use crate::server::store::EventFilter;

/// A page of an environment's events, newest first, at most `limit`.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, and what the store says.
pub async fn read(
    context: &Context<'_>,
    environment: Option<&str>,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<Event>, Refusal> {
    let config = context.config(Permission::Read, environment).await?;
    Ok(context.store.events(&config.environment, filter, limit).await?)
}

//! What server functions do with their request: find its state, who sent it and its key, and read what they may read. [`ActRequest`] turns
//! it into what an act works with.

use super::identity::allow;
use super::peer::Peer;
use super::{AppState, guard, problem};
use crate::domain::access::{Identity, Permission, Who};
use crate::domain::canonical;
use crate::domain::policy::{Config, is_environment_name};
use crate::domain::snapshot::Snapshot;
use crate::error::{Code, WireError};
use crate::server::acts::{Context, DEFAULT_ENVIRONMENT, Principal};
use crate::server::clock;
use crate::server::permission::of_store;
use crate::server::store::{FounderPage, FounderPageQuery, IdempotencyKey, Newest, StoreError};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use leptos::prelude::use_context;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest Idempotency-Key, in characters.
const MAX_KEY: usize = 255;

/// The state of the request that is being answered.
pub fn state() -> Result<AppState, WireError> {
    use_context::<AppState>().ok_or_else(|| WireError::new(Code::Internal, "The cause is in the server's log."))
}

/// The environment's name, `production` where none is given.
pub fn name(environment: Option<String>) -> String {
    environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned())
}

/// This server's address as the request names it; the guard has seen that the name is its own.
pub fn base_url() -> String {
    use_context::<Parts>().as_ref().map_or_else(|| "http://localhost:3008".to_owned(), guard::base_url)
}

/// Who is asking. The doors have let nobody unknown come so far; where it is asked all the same, the answer is no.
pub fn identity() -> Result<Identity, WireError> {
    use_context::<Parts>()
        .and_then(|parts| parts.extensions.get::<Identity>().cloned())
        .ok_or_else(|| WireError::new(Code::SignInRequired, "Sign in on the page, or send a token."))
}

/// A request for an act: principal, time and application state.
pub struct ActRequest {
    now: DateTime<Utc>,
    principal: Principal,
    state: AppState,
}

impl ActRequest {
    /// The request of the running server function.
    ///
    /// # Errors
    /// `sign-in-required` if the request has no identity.
    pub fn here() -> Result<ActRequest, WireError> {
        Ok(ActRequest::of(&state()?, &identity()?, peer_address()))
    }

    /// A request outside a server function.
    pub fn of(state: &AppState, identity: &Identity, address: Option<IpAddr>) -> ActRequest {
        let principal = Principal { address, identity: identity.clone() };
        ActRequest { now: clock::now(), principal, state: state.clone() }
    }

    /// The context of an act.
    pub fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            observer: &self.state,
            principal: &self.principal,
            settings: &self.state.settings,
            store: self.state.store.as_ref(),
        }
    }
}

/// The address that the request came from, where it came from one.
pub fn peer_address() -> Option<IpAddr> {
    let parts = use_context::<Parts>()?;
    parts.extensions.get::<Peer>().map(|peer| peer.address).filter(|address| !address.is_unspecified())
}

/// The configuration in force, to whoever may read.
pub async fn config(environment: Option<String>) -> Result<Config, WireError> {
    newest(environment).await.map(|newest| newest.config.clone())
}

/// The newest answer with its configuration, if the reader may read it. Read from the store once for each commit and minute.
pub async fn newest(environment: Option<String>) -> Result<Arc<Newest>, WireError> {
    let (state, identity) = (state()?, identity()?);
    let name = name(environment);
    let newest = state.newest.read(&state.commits, state.store.as_ref(), looked_up(&name)).await;
    let newest = newest.map_err(|error| of_store(&identity, error))?;
    allow(&identity, Permission::Read, &newest.config.environment)?;
    Ok(newest)
}

/// All that the founder's page shows, to whoever may read.
pub async fn founder_page(name: &str, query: &FounderPageQuery) -> Result<FounderPage, WireError> {
    let (state, identity) = (state()?, identity()?);
    let read = state.store.founder_page(looked_up(name), query).await.map_err(|error| of_store(&identity, error))?;
    allow(&identity, Permission::Read, &read.config.environment)?;
    Ok(read)
}

/// A name that cannot exist is looked up all the same: the answer lists those that do.
fn looked_up(name: &str) -> &str {
    if is_environment_name(name) { name } else { "?" }
}

/// The configuration in force, to whoever may do this in the environment.
pub async fn allowed(permission: Permission, environment: Option<String>) -> Result<Config, WireError> {
    allowed_to(&state()?, &identity()?, permission, environment).await
}

/// The same, where the request is not a server function's.
pub async fn allowed_to(
    state: &AppState,
    identity: &Identity,
    permission: Permission,
    environment: Option<String>,
) -> Result<Config, WireError> {
    let name = name(environment);
    let config = state.store.config(looked_up(&name)).await.map_err(|error| of_store(identity, error))?;
    allow(identity, permission, &config.environment)?;
    Ok(config)
}

/// The request's Idempotency-Key with the digest of what it asks for.
pub async fn idempotency(body: &impl Serialize) -> Result<Option<IdempotencyKey>, WireError> {
    let Some(parts) = use_context::<Parts>() else {
        return Ok(None);
    };
    let Some(key) = parts.headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len())).ok_or_else(|| {
        WireError::new(Code::Malformed, "The Idempotency-Key needs 1 to 255 visible ASCII characters.")
            .at("Idempotency-Key")
    })?;
    let mut request = format!("{} {}\n", parts.method, parts.uri.path()).into_bytes();
    canonical::write(body, &mut request);
    // A token's keys are its own, so that no other takes one first. No header holds a line's end.
    let key = match identity()?.who {
        Who::Token { id, .. } => format!("token {id}\n{key}"),
        _ => key.to_owned(),
    };
    Ok(Some(IdempotencyKey { key, request_digest: canonical::digest(&request) }))
}

/// Gives the response that is being made the status of an error: a page that could not be made says so in its status too.
pub fn with_status<T>(result: Result<T, WireError>) -> Result<T, WireError> {
    if let Err(error) = &result
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(error.status)
    {
        response.set_status(status);
    }
    result
}

/// One snapshot.
pub async fn snapshot(id: &str) -> Result<Snapshot, WireError> {
    let snapshot = state()?.store.snapshot(id).await.map_err(problem::of_store)?;
    let identity = identity()?;
    // One of an environment that they do not see is not there for them.
    if !identity.sees(&snapshot.body.environment) {
        return Err(problem::of_store(StoreError::UnknownSnapshot(id.to_owned())));
    }
    allow(&identity, Permission::Read, &snapshot.body.environment)?;
    Ok(snapshot)
}

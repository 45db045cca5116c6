//! Owns what server functions do with the state of their request: read a configuration, act, evaluate, take telemetry in.
//! Must not hold rules; each function is a call of the store around one of the domain.

use super::identity::{allow, of_store};
use super::peer::Peer;
use super::{AppState, guard, problem};
use crate::domain::access::{Identity, Permission, Who};
use crate::domain::act::ActError;
use crate::domain::change::{Action, ConfigChange};
use crate::domain::history::Actor;
use crate::domain::policy::{Config, FieldError, is_environment_name};
use crate::domain::snapshot::{Origin, Snapshot};
use crate::domain::telemetry::{self, AcceptedBatch, Batch, Receipt, RowError, Taken};
use crate::domain::{canonical, decision::Recommendation, mode::Mode};
use crate::error::{Code, WireError};
use crate::server::evaluation::{Occasion, evaluate_and_record};
use crate::server::live::Message;
use crate::server::store::{Changed, FounderPage, FounderPageQuery, IdempotencyKey, Newest, StoreError};
use crate::server::{calendar, clock};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use leptos::prelude::use_context;
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Who acts on the command line, and while no person exists.
pub const ACTOR: &str = "local";

/// The environment that is meant where none is named.
pub const DEFAULT_ENVIRONMENT: &str = "production";

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

/// Who asks, and from where, as the actor of what they do.
pub struct Asker {
    address: Option<IpAddr>,
    name: String,
}

impl Asker {
    pub fn actor(&self) -> Actor<'_> {
        Actor { address: self.address, name: &self.name }
    }
}

/// Who asks, and from where.
pub fn asker() -> Result<Asker, WireError> {
    Ok(Asker { address: peer_address(), name: identity()?.actor() })
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

/// What somebody must be allowed to for an act.
const fn permission(action: Action) -> Permission {
    match action {
        Action::AcceptProposal | Action::DismissProposal | Action::SetAutoMode | Action::SetMode => {
            Permission::ChangeMode
        }
        Action::Freeze | Action::Unfreeze => Permission::Freeze,
        Action::Update => Permission::ChangePolicy,
    }
}

/// Does one of the founder's acts.
pub async fn change(body: ConfigChange, key: Option<IdempotencyKey>) -> Result<Changed, WireError> {
    let state = state()?;
    let config = allowed(permission(body.action), body.environment.clone()).await?;
    if body.action == Action::Update
        && let Some(expected) = body.version
        && expected != config.version
    {
        let now = config.version;
        return Err(problem::of_store(ActError::VersionMoved { expected, now }.into()));
    }
    if let Some(zone) = &body.time_zone
        && let Err(detail) = calendar::zone(zone)
    {
        return Err(WireError::of_fields(vec![FieldError::new("time_zone", detail)]));
    }
    let recommended = match (body.action, &body.proposal_id) {
        (Action::AcceptProposal, Some(id)) => Some(recommended_now(&state, &config, id).await?),
        _ => None,
    };
    let decides = !matches!(body.action, Action::SetAutoMode | Action::DismissProposal);
    let act = body.into_act(&config, recommended).map_err(WireError::of_fields)?;
    let changed = state
        .store
        .act(&config.environment, &act, asker()?.actor(), clock::now(), key.as_ref())
        .await
        .map_err(problem::of_store)?;
    // The answer of before was given under what has just been changed. The act is done whether or not a new one can be
    // given at once: the next tick gives it.
    if changed.changed
        && decides
        && let Err(error) = evaluate_in(&state, &config.environment, None).await
    {
        tracing::warn!(problem = error.code_name(), "no answer could be given right after the change");
    }
    Ok(changed)
}

/// What is recommended at this moment, freshly evaluated and stored, with the snapshot's id. For a proposal that is not
/// open nothing is evaluated: the act is refused whatever is recommended.
async fn recommended_now(
    state: &AppState,
    config: &Config,
    proposal: &str,
) -> Result<((Recommendation, Option<Mode>), String), WireError> {
    let open = state.store.open_proposal(&config.environment).await.map_err(problem::of_store)?;
    if open.is_none_or(|open| open.id != proposal) {
        return Ok(((Recommendation::Hold, None), String::new()));
    }
    let snapshot = evaluate_in(state, &config.environment, None).await?;
    let answer = (snapshot.body.recommendation, snapshot.body.target_mode);
    Ok((answer, snapshot.id))
}

/// Evaluates now and stores the snapshot.
pub async fn evaluate(environment: Option<String>, key: Option<IdempotencyKey>) -> Result<Snapshot, WireError> {
    let state = state()?;
    let config = allowed(Permission::Evaluate, environment).await?;
    if let Some(key) = &key
        && let Some(snapshot) = state.store.recorded_under(&config.environment, key).await.map_err(problem::of_store)?
    {
        return Ok(snapshot);
    }
    evaluate_in(&state, &config.environment, key.as_ref()).await
}

/// Evaluates now in an environment in which whoever asks may have it done, or has just done what asks for it.
async fn evaluate_in(state: &AppState, environment: &str, key: Option<&IdempotencyKey>) -> Result<Snapshot, WireError> {
    let started = clock::instant();
    let asker = asker()?;
    let occasion = Occasion {
        actor: asker.actor(),
        as_of: clock::now(),
        origin: Origin::OnDemand,
        tick_minutes: state.settings.tick_minutes,
    };
    let snapshot =
        evaluate_and_record(state.store.as_ref(), environment, occasion, key).await.map_err(problem::of_store)?;
    state.metrics.observe_evaluation(started.elapsed());
    Ok(snapshot)
}

/// Takes a batch of telemetry in: the rows that can be taken.
///
/// # Errors
/// What keeps all of it out, or the rows that were left out; the others are stored then.
pub async fn ingest(batch: &Batch, key: Option<IdempotencyKey>) -> Result<Receipt, WireError> {
    let state = state()?;
    take(&state, &identity()?, batch, (clock::now(), Once::Key(key.as_ref()))).await
}

/// How often a batch may be taken.
#[derive(Clone, Copy)]
pub enum Once<'k> {
    /// As an event that is taken once, whatever else is sent under its name.
    Event(&'k IdempotencyKey),
    /// As often as it is sent, but once for a key.
    Key(Option<&'k IdempotencyKey>),
}

/// How often a batch is read again without the rows that the store has refused: those that contradict what is stored, and then
/// those in minutes that are closed.
const AGAIN: usize = 3;

/// Stores the rows of a batch that can be taken. Only a batch without mistakes takes its key: put right, the same can be sent again,
/// and what is stored already changes nothing.
///
/// # Errors
/// What keeps all of it out, or the rows that were left out; the others are stored then.
pub async fn take(
    state: &AppState,
    identity: &Identity,
    batch: &Batch,
    (now, once): (DateTime<Utc>, Once<'_>),
) -> Result<Receipt, WireError> {
    let config = allowed_to(state, identity, Permission::SendTelemetry, batch.environment.clone()).await?;
    let environment = &config.environment;
    let mut refused: Vec<RowError> = Vec::new();
    for attempt in 0.. {
        let Taken { mut accepted, errors, places } = telemetry::accept_rows(batch, now, &refused)
            .map_err(|errors| told_of(identity, left_out(batch, errors, false)))?;
        accepted.sender = identity.sender(state.settings.most_sources);
        let stored = match once {
            Once::Event(key) if errors.is_empty() => state.store.ingest_once(environment, &accepted, now, key).await,
            Once::Key(key) if errors.is_empty() => state.store.ingest(environment, &accepted, now, key).await,
            Once::Event(_) | Once::Key(_) => state.store.ingest(environment, &accepted, now, None).await,
        };
        match stored {
            Ok(receipt) => {
                tell(state, environment, &accepted, receipt);
                state.metrics.count_refused(errors.len() as u64);
                return if errors.is_empty() {
                    Ok(receipt)
                } else {
                    Err(told_of(identity, left_out(batch, errors, true)))
                };
            }
            Err(StoreError::Conflicts(rows)) if attempt < AGAIN => {
                let place = |index: u32| places.get(index as usize).copied();
                refused.extend(rows.into_iter().map(|row| RowError { index: row.index.and_then(place), ..row }));
                if refused.iter().any(|row| row.index.is_none()) {
                    return Err(told_of(identity, left_out(batch, refused, false)));
                }
            }
            Err(error) => return Err(problem::of_store(error)),
        }
    }
    Err(told_of(identity, left_out(batch, refused, false)))
}

/// Says in the log who sent rows that were refused, and why the first of them was.
fn told_of(identity: &Identity, error: WireError) -> WireError {
    let (who, why) = (identity.actor(), error.errors.first().map(|row| row.detail.as_str()));
    tracing::info!(who, rows = error.errors.len(), why, "rows of telemetry were refused");
    error
}

/// The rows that were left out, as a problem.
fn left_out(batch: &Batch, errors: Vec<RowError>, is_stored: bool) -> WireError {
    let rows = errors.iter().filter_map(|error| error.index).collect::<BTreeSet<u32>>().len();
    let rest = match batch.samples.len().saturating_sub(rows) {
        _ if !is_stored => "nothing of it was stored",
        0 => "what it says beside its rows is stored",
        _ => "all its other rows are stored",
    };
    let what = match rows {
        0 => "The batch has mistakes".to_owned(),
        1 => format!("1 of the batch's {} rows cannot be taken", batch.samples.len()),
        rows => format!("{rows} of the batch's {} rows cannot be taken", batch.samples.len()),
    };
    let cure = "Put right what errors names and send the batch again: what is stored already changes nothing.";
    WireError::new(Code::Rejected, format!("{what}; {rest}. {cure}")).with_errors(errors)
}

/// Counts what was stored, and tells those who listen that it has come.
pub fn tell(state: &AppState, environment: &str, stored: &AcceptedBatch, receipt: Receipt) {
    state.metrics.count_samples(receipt.accepted);
    state.feed.tell(environment, &Message::Telemetry { signals: stored.signals() });
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

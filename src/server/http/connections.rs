//! Owns what is read for the page of connections, and asking a source at once.

use super::context::{allowed, config, identity, state};
use super::{parameters, problem};
use crate::domain::access::Permission;
use crate::domain::asked_notes::Notes;
use crate::domain::connection::{Asking, Connection, Connections, Failure};
use crate::domain::stream::Span;
use crate::error::{Code, WireError};
use crate::server::puller::{Known, Unasked};
use crate::server::sources::outgoing::general;
use crate::server::store::{PullFailure, PullState};
use crate::server::{clock, puller};
use chrono::Duration;
use std::collections::BTreeSet;

/// How far back streams are read: the last day, and before it enough to know a source's usual step.
const REACH: Duration = Duration::hours(50);

/// How many sources stand on a page if nothing else is asked for.
const PAGE: u32 = 50;

/// A page of an environment's sources: those that have sent, and those that are asked.
pub async fn connections(
    environment: Option<String>,
    after: Option<String>,
    limit: Option<String>,
) -> Result<Connections, WireError> {
    let limit = parameters::limit(limit, PAGE)? as usize;
    let state = state()?;
    let config = config(environment).await?;
    let name = &config.environment;
    let is_founder = identity()?.may(Permission::AddSources, name);
    let now = clock::now();
    let span = Span { from: (now - REACH).timestamp_millis(), to: now.timestamp_millis() };
    let sources = state.store.sources(name).await.map_err(problem::of_store)?;
    let pulls = state.store.pull_states(name).await.map_err(problem::of_store)?;
    let asked = puller::known(&state.settings, state.store.as_ref(), Some(name)).await.map_err(problem::of_store)?;
    let names: BTreeSet<&str> = sources
        .iter()
        .map(|source| source.source.as_str())
        .chain(asked.iter().map(|known| known.name.as_str()))
        .collect();
    let total = names.len() as u64;
    let mut rest = names.into_iter().filter(|name| after.as_deref().is_none_or(|after| *name > after));
    let page: Vec<String> = rest.by_ref().take(limit).map(str::to_owned).collect();
    let next = rest.next().and_then(|_| page.last().cloned());
    let streams = state.store.streams_of(name, span, &page).await.map_err(problem::of_store)?;
    let alerts =
        state.store.open_alerts(name, &page, state.settings.alert_repeats, now).await.map_err(problem::of_store)?;
    let subscribers = state.store.subscribers(name, &page).await.map_err(problem::of_store)?;
    let connections = page
        .iter()
        .map(String::as_str)
        .map(|name| {
            let heard = |series| {
                let own = sources.iter().find(|own| own.source == name && own.series == series)?;
                own.data_through.or(own.last_at)
            };
            let own = alerts.iter().filter(|(source, _)| source == name).map(|(_, alert)| alert.clone()).collect();
            let connection = Connection::of(name, &streams, heard, &config, now)
                .telling(own, subscribers.iter().any(|source| source == name));
            let Some(Known { is_added, source, .. }) = asked.iter().find(|known| known.name == name) else {
                return connection;
            };
            let connection = connection.added(*is_added);
            let source = match source {
                Ok(source) => source,
                Err(unasked) => return connection.failing(unaskable(unasked)),
            };
            let pulled = pulls.iter().find(|(own, _)| own == name).map(|(_, pulled)| pulled);
            let asking = Asking {
                address: source.address(),
                every_seconds: u32::try_from(source.every.num_seconds()).unwrap_or(u32::MAX),
            };
            let succeeded_at = pulled.and_then(|pulled| pulled.succeeded_at);
            connection
                .asked(asking, succeeded_at, pulled.and_then(|pulled| failure(pulled, is_founder)))
                .noticed(pulled.and_then(|pulled| Notes::read(pulled.notice.as_deref()).words(is_founder)))
        })
        .collect();
    let prices_version = state.settings.prices.version.clone();
    Ok(Connections { as_of: now, config, connections, next, prices_version, total })
}

/// Why asking failed, without what only founders may read.
fn failure(pulled: &PullState, is_founder: bool) -> Option<Failure> {
    let PullFailure { code, cure, mut problem } = pulled.failure.clone()?;
    if !is_founder && let Some(general) = general(&code) {
        problem = general.to_owned();
    }
    Some(Failure { code, cure, problem })
}

/// Why an added source is not asked at all.
fn unaskable(Unasked { code, cure, problem }: &Unasked) -> Failure {
    Failure { code: code.name().to_owned(), cure: cure.clone(), problem: problem.clone() }
}

/// Asks a source at once; how it went is on the page then.
pub async fn ask_now(environment: Option<String>, source: &str) -> Result<(), WireError> {
    let state = state()?;
    let config = allowed(Permission::OperateSources, environment).await?;
    let known = puller::known(&state.settings, state.store.as_ref(), Some(&config.environment))
        .await
        .map_err(problem::of_store)?;
    let found = known
        .iter()
        .filter(|known| known.name == source)
        .find_map(|known| known.source.as_ref().ok())
        .ok_or_else(|| WireError::new(Code::OutOfRange, "No source of that name is asked here.").at("source"))?;
    // What went wrong has been noted: it stands on the page, with its cure.
    let _ = puller::pull(found, state.store.as_ref(), &state.feed).await;
    Ok(())
}

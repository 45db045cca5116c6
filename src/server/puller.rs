//! Owns asking other systems for their numbers, each in a task of its own: one that is silent or fails stops none of the
//! others, and what it leaves out stays unknown. Joins sources with the store; must not know either's insides.

use super::clock;
use super::config::PulledSource;
use super::live::{Feed, Message};
use super::observability;
use super::sources::outgoing::{AskError, Outgoing};
use super::sources::prometheus::{self, Stretch};
use super::store::{PullFailure, PullState, Store, StoreError};
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many parts of a long stretch are asked for before the others have their turn.
const PARTS: usize = 50;
/// How many steps are asked for again: what arrived late in the system that is asked.
const STEPS_AGAIN: i32 = 3;

/// Asks a source whenever its time has come, until it is told to stop.
pub async fn run(source: PulledSource, store: Arc<dyn Store>, feed: Feed, stop: CancellationToken) {
    loop {
        // The outcome is kept in the store, where the page and the doctor find it.
        let _ = pull(&source, store.as_ref(), &feed).await;
        let wait = source.every.to_std().unwrap_or(std::time::Duration::from_secs(60));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Asks a source for all that it has since it was last asked, stores that, and notes how it went.
///
/// # Errors
/// What went wrong, in words for a founder; it is noted as well.
pub async fn pull(source: &PulledSource, store: &dyn Store, feed: &Feed) -> Result<(), AskError> {
    let now = clock::now();
    let result = ask_all(source, store, feed, now).await;
    let failure = result.as_ref().err().map(|error| PullFailure {
        code: error.code().to_owned(),
        cure: error.cure().to_owned(),
        problem: error.to_string(),
    });
    if let Some(failure) = &failure {
        tracing::warn!(
            source = source.name,
            environment = source.environment,
            problem = failure.problem,
            "a source failed"
        );
    }
    let state =
        PullState { asked_through: None, attempted_at: now, succeeded_at: failure.is_none().then_some(now), failure };
    note(source, store, &state).await;
    result
}

async fn note(source: &PulledSource, store: &dyn Store, state: &PullState) {
    if let Err(error) = store.note_pull(&source.environment, &source.name, state).await {
        observability::log_error("how asking a source went could not be noted", &error);
    }
}

fn not_stored(error: &StoreError) -> AskError {
    observability::log_error("what a source said could not be stored", error);
    AskError::NotStored
}

async fn ask_all(source: &PulledSource, store: &dyn Store, feed: &Feed, now: DateTime<Utc>) -> Result<(), AskError> {
    let token = match &source.token {
        None => None,
        Some(token) => match &token.value {
            Some(value) => Some(value.reveal()),
            None => return Err(AskError::NoCredentials(token.variable.clone())),
        },
    };
    let outgoing = Outgoing::new(source.allowed.clone())?;
    let states = store.pull_states(&source.environment).await.map_err(|error| not_stored(&error))?;
    let asked = states.into_iter().find(|(name, _)| *name == source.name).and_then(|(_, state)| state.asked_through);
    let mut from = asked.map_or(now - source.backfill, |asked| asked - source.every * STEPS_AGAIN);
    for _ in 0..PARTS {
        let part = Stretch { from, step: source.every, to: now }.first_part();
        if part.to < part.from {
            return Ok(());
        }
        let mapped = prometheus::ask(&outgoing, &source.url, token, &source.questions, part).await?;
        if let Some(why) = mapped.refused.keys().next() {
            let query = source
                .questions
                .iter()
                .enumerate()
                .find(|(place, _)| why.starts_with(&prometheus::metric_of(*place)))
                .map_or("", |(_, question)| question.query.as_str());
            let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why);
            return Err(AskError::Unreadable(format!("{why} (query: {query})")));
        }
        let batch = AcceptedBatch {
            readings: mapped.readings,
            revises: true,
            samples: mapped.samples,
            source: source.name.clone(),
            step_minutes: u32::try_from(source.every.num_seconds()).ok().map(|seconds| seconds.div_ceil(60)),
            unpriced: mapped.unpriced,
            ..AcceptedBatch::default()
        };
        let signals = batch.signals();
        if !signals.is_empty() {
            store.ingest(&source.environment, &batch, now, None).await.map_err(|error| not_stored(&error))?;
            feed.tell(&source.environment, &Message::Telemetry { signals });
        }
        let reached =
            PullState { asked_through: Some(part.to), attempted_at: now, failure: None, succeeded_at: Some(now) };
        note(source, store, &reached).await;
        from = part.to;
    }
    Ok(())
}

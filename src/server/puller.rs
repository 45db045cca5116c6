//! Owns asking other systems for their numbers, each in a task of its own: one that is silent or fails stops none of the
//! others, and what it leaves out stays unknown. Joins sources with the store; must not know either's insides.

mod database;
mod metrics;
mod supervisor;

pub use supervisor::{Known, Supervisor, Unasked, known};

use super::clock;
use super::config::{Ask, PulledSource};
use super::leadership::Leadership;
use super::live::{Feed, Message};
use super::observability;
use super::sources::outgoing::{AskError, general};
use super::store::{PullFailure, PullState, Store, StoreError};
use crate::domain::asked_notes::Notes;
use crate::domain::history::NewEvent;
use crate::domain::sender::Sender;
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many parts of a long stretch are asked for before the others have their turn.
const PARTS: usize = 50;

/// What asking needs: a source, and where its numbers go.
#[derive(Clone, Copy)]
struct Pull<'a> {
    feed: &'a Feed,
    now: DateTime<Utc>,
    source: &'a PulledSource,
    store: &'a dyn Store,
}

/// What is to be remembered of asking a source: what was before, and what is new.
#[derive(Debug, Default)]
struct Remembered {
    before: Notes,
    new: Notes,
}

impl Remembered {
    fn all(&self, now: DateTime<Utc>) -> Notes {
        self.new.clone().after(self.before.clone(), now)
    }
}

/// Asks a source whenever its time has come, until it is told to stop.
async fn run(source: PulledSource, store: Arc<dyn Store>, feed: Feed, leadership: Leadership, stop: CancellationToken) {
    loop {
        // The outcome is kept in the store, where the page and the doctor find it. What is cut off has stored whole batches or
        // none, and is asked for again.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = pull_as_leader(&source, store.as_ref(), &feed, &leadership) => {}
        }
        // Another server may have ended that led: whether this one does now is soon looked again.
        let every = source.every.to_std().unwrap_or(std::time::Duration::from_secs(60));
        let wait = if leadership.leads() { every } else { every.min(leadership.pace.renew) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Of several servers one asks.
async fn pull_as_leader(source: &PulledSource, store: &dyn Store, feed: &Feed, leadership: &Leadership) {
    if leadership.leads() {
        let _ = pull(source, store, feed).await;
    }
}

/// Asks a source for all that it has since it was last asked, stores that, and notes how it went.
///
/// # Errors
/// What went wrong, in words for a founder; it is noted as well.
pub async fn pull(source: &PulledSource, store: &dyn Store, feed: &Feed) -> Result<(), AskError> {
    let pull = Pull { feed, now: clock::now(), source, store };
    let mut remembered = Remembered::default();
    let result = pull.ask(&mut remembered).await;
    let failure = result.as_ref().err().map(|error| PullFailure {
        code: error.code().to_owned(),
        cure: error.cure().to_owned(),
        problem: error.to_string(),
    });
    let (name, environment) = (&source.name, &source.environment);
    if let Some(failure) = &failure {
        // People who read the log need not be founders.
        let problem = general(&failure.code).unwrap_or(&failure.problem);
        tracing::warn!(source = name, environment, code = failure.code, problem, "a source failed");
    }
    if let Some(notice) = remembered.new.words(false) {
        tracing::warn!(source = name, environment, notice, "a source answers, but");
    }
    let succeeded_at = failure.is_none().then_some(pull.now);
    let notice = remembered.all(pull.now).text();
    pull.note(PullState { asked_through: None, attempted_at: pull.now, failure, notice, succeeded_at }).await;
    result
}

fn not_stored(error: &StoreError) -> AskError {
    observability::log_error("what a source said could not be stored", error);
    AskError::NotStored
}

impl Pull<'_> {
    async fn ask(self, remembered: &mut Remembered) -> Result<(), AskError> {
        let states = self.store.pull_states(&self.source.environment).await.map_err(|error| not_stored(&error))?;
        let known = states.into_iter().find(|(name, _)| *name == self.source.name);
        remembered.before = Notes::read(known.as_ref().and_then(|(_, state)| state.notice.as_deref()));
        // One of the future was noted while the clock was ahead: then it is not known up to when it was asked.
        let asked = known.and_then(|(_, state)| state.asked_through).filter(|asked| *asked <= self.now + clock::LEEWAY);
        match &self.source.ask {
            Ask::Prometheus { questions, token, url } => {
                metrics::ask(self, asked, (questions, token.as_ref(), url), remembered).await
            }
            Ask::Sql { engine, late, questions, url } => {
                let database = database::Database { engine: *engine, late: *late, questions, url };
                database::ask(self, asked, database, remembered).await
            }
        }
    }

    /// Stores what was said, with the event that speaks of it where there is one, and tells the pages that are open.
    async fn keep(self, batch: AcceptedBatch, event: Option<NewEvent>) -> Result<(), AskError> {
        let environment = &self.source.environment;
        let batch = &AcceptedBatch { sender: Sender::asked(), ..batch };
        let stored = match event {
            Some(event) => self.store.revise(environment, batch, event, self.now).await,
            None => self.store.ingest(environment, batch, self.now, None).await,
        };
        stored.map_err(|error| not_stored(&error))?;
        self.feed.tell(environment, &Message::Telemetry { signals: batch.signals() });
        Ok(())
    }

    /// Notes up to when all was asked and stored.
    async fn reached(self, through: DateTime<Utc>, remembered: &Remembered) {
        self.note(PullState {
            asked_through: Some(through),
            attempted_at: self.now,
            failure: None,
            notice: remembered.all(self.now).text(),
            succeeded_at: Some(self.now),
        })
        .await;
    }

    async fn note(self, state: PullState) {
        if let Err(error) = self.store.note_pull(&self.source.environment, &self.source.name, &state).await {
            observability::log_error("how asking a source went could not be noted", &error);
        }
    }
}

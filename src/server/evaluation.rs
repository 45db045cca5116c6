//! Owns the joining of store and domain for one evaluation: reads what it needs, evaluates, stores the result with its
//! events. Must not know why an evaluation is made or who asked for it.

use super::calendar;
use super::store::{IdempotencyKey, Recording, Store, StoreError};
use crate::domain::decision::Recommendation;
use crate::domain::evaluate::{Evaluation, SealedConfig, evaluate};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::input::Input;
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::prepare;
use crate::domain::proposal::{self, Proposal};
use crate::domain::recent::{self, Tick};
use crate::domain::snapshot::{Origin, Snapshot};
use crate::domain::stream::{Span, Stream};
use chrono::{DateTime, Duration, Utc};

/// Who has an evaluation made, when, and how often ticks come.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub actor: Actor<'a>,
    pub as_of: DateTime<Utc>,
    pub origin: Origin,
    pub tick_minutes: u32,
}

/// Evaluates an environment and stores the snapshot with its events in one transaction. A tick that is stored already is
/// returned as it is.
///
/// # Errors
/// What the store says; nothing is stored then.
pub async fn evaluate_and_record(
    store: &dyn Store,
    environment: &str,
    occasion: Occasion<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Snapshot, StoreError> {
    evaluate_and_record_at(store, environment, occasion, super::clock::now(), key).await
}

/// The same at a time that is told: a tick is dated by the clock by which it is due, not by the server's own.
///
/// # Errors
/// What the store says; nothing is stored then.
pub async fn evaluate_and_record_at(
    store: &dyn Store,
    environment: &str,
    occasion: Occasion<'_>,
    now: DateTime<Utc>,
    key: Option<&IdempotencyKey>,
) -> Result<Snapshot, StoreError> {
    let sealed = SealedConfig::new(store.config(environment).await?);
    let streams = streams_for(store, &sealed.config, occasion.as_of).await?;
    let ticks = ticks_before(store, &sealed.config, occasion.as_of).await?;
    let evaluation = evaluate_streams(&sealed, &streams, &ticks, occasion);
    let open = store.open_proposal(environment).await?;
    let recording = recording(&sealed.config, &evaluation, ticks.last(), open.as_ref(), occasion, now);
    let mut stored = store.record(environment, &[recording], key).await?;
    stored.pop().ok_or(StoreError::Corrupt { what: "a recorded snapshot", source: None })
}

/// What an evaluation of the environment would read at that time.
///
/// # Errors
/// What the store says.
pub async fn read_inputs(store: &dyn Store, environment: &str, as_of: DateTime<Utc>) -> Result<Vec<Input>, StoreError> {
    let config = store.config(environment).await?;
    let streams = streams_for(store, &config, as_of).await?;
    Ok(prepare::inputs(&streams, &config, as_of, calendar::day_start(&config.policy.time_zone, as_of)))
}

/// The streams that an evaluation reads: bounded by the windows, whatever the age of the store.
async fn streams_for(store: &dyn Store, config: &Config, as_of: DateTime<Utc>) -> Result<Vec<Stream>, StoreError> {
    let to = as_of.timestamp_millis();
    let from = to - prepare::reach_ms(config);
    let streams = store.streams(&config.environment, Span { from, to }).await?;
    if !prepare::needs_long_reach(&streams, config, as_of, from) {
        return Ok(streams);
    }
    let from = to - prepare::long_reach_ms(config);
    store.streams(&config.environment, Span { from, to }).await
}

async fn ticks_before(store: &dyn Store, config: &Config, as_of: DateTime<Utc>) -> Result<Vec<Tick>, StoreError> {
    store.ticks(&config.environment, as_of - recent::reach(config), as_of).await
}

/// Evaluates from what was read; pure but for its arguments.
pub fn evaluate_streams(
    sealed: &SealedConfig,
    streams: &[Stream],
    ticks: &[Tick],
    occasion: Occasion<'_>,
) -> Evaluation {
    let config = &sealed.config;
    let day_start = calendar::day_start(&config.policy.time_zone, occasion.as_of);
    let inputs = prepare::inputs(streams, config, occasion.as_of, day_start);
    let recent = recent::summarise(ticks, occasion.as_of, config, occasion.tick_minutes);
    evaluate(sealed, inputs, recent, occasion.as_of, occasion.origin)
}

/// What is to be stored of an evaluation: a changed recommendation and, in auto-mode, proposals are the ticks' affair;
/// an evaluation on demand leaves nothing but itself.
pub fn recording<'a>(
    config: &Config,
    evaluation: &'a Evaluation,
    previous: Option<&Tick>,
    open: Option<&Proposal>,
    occasion: Occasion<'a>,
    now: DateTime<Utc>,
) -> Recording<'a> {
    let snapshot = &evaluation.snapshot;
    let mut recording = Recording {
        actor: occasion.actor,
        // A recording's history reads in the recording's own time.
        at: if config.kind == EnvironmentKind::Live { now } else { occasion.as_of },
        bytes: &evaluation.bytes,
        events: Vec::new(),
        expire: None,
        open: None,
        snapshot,
        tick: evaluation.tick,
    };
    let Some(tick) = evaluation.tick else {
        return recording;
    };
    let changed = previous.map(|previous| previous.ruled).filter(|ruled| *ruled != tick.ruled);
    if let Some(before) = changed
        && config.kind != EnvironmentKind::Synthetic
    {
        recording.events.push(change_event(before, snapshot, &recording));
    }
    propose(config, open, &mut recording);
    recording
}

fn change_event(before: Recommendation, snapshot: &Snapshot, recording: &Recording<'_>) -> NewEvent {
    let mut event = NewEvent::new(EventType::RecommendationChanged, recording.actor, recording.at);
    let body = &snapshot.body;
    event.reason = Some(format!("{} to {}. {}", before.name(), body.recommendation.name(), body.verdict));
    event.snapshot_id = Some(snapshot.id.clone());
    event
}

/// Lets the open proposal lapse and opens another, as auto-mode asks.
fn propose(config: &Config, open: Option<&Proposal>, recording: &mut Recording<'_>) {
    let body = &recording.snapshot.body;
    let lifetime = Duration::hours(i64::from(config.policy.windows.proposal_hours));
    let answer = (body.recommendation, body.target_mode);
    let step =
        proposal::step(open, config.auto_mode, config.frozen, answer, &recording.snapshot.id, recording.at, lifetime);
    if let Some((proposal, reason)) = open.zip(step.expire) {
        let mut event = NewEvent::new(EventType::ProposalExpired, recording.actor, recording.at);
        event.new_mode = proposal.target_mode;
        event.reason = Some(reason.to_owned());
        event.snapshot_id = Some(proposal.snapshot_id.clone());
        recording.events.push(event);
        recording.expire = Some(proposal.id.clone());
    }
    if let Some(proposal) = step.open {
        let mut event = NewEvent::new(EventType::ProposalOpened, recording.actor, recording.at);
        event.old_mode = Some(config.mode);
        event.new_mode = proposal.target_mode;
        event.reason = Some(body.verdict.clone());
        event.snapshot_id = Some(proposal.snapshot_id.clone());
        recording.events.push(event);
        recording.open = Some(proposal);
    }
}

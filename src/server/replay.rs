//! Owns replay: evaluating a stretch of the past as of each instant, with every stored sample up to it. Evaluating runs
//! on one thread while the writer stores on another. Must not know what the answers mean.

use super::evaluation::{Occasion, evaluate_streams, recording};
use super::store::{Store, StoreError};
use crate::domain::decision::Recommendation;
use crate::domain::evaluate::{Evaluation, SealedConfig};
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::prepare;
use crate::domain::recent::{self, Tick};
use crate::domain::snapshot::Origin;
use crate::domain::stream::{Span, Stream};
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Evaluations stored by one transaction.
const BATCH: usize = 1_000;
/// The longest stretch whose telemetry is held in memory at a time.
const STRETCH: Duration = Duration::days(60);

/// What is to be replayed.
#[derive(Clone, Debug)]
pub struct Plan {
    pub environment: String,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub every_minutes: u32,
}

impl Plan {
    /// The instants to evaluate, both ends included.
    fn instants(&self) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (to, step) = (self.to, Duration::minutes(i64::from(self.every_minutes)));
        std::iter::successors(Some(self.from), move |at| Some(*at + step)).take_while(move |at| *at <= to)
    }

    /// How many evaluations the plan holds.
    pub fn len(&self) -> u64 {
        let minutes = (self.to - self.from).num_minutes();
        u64::try_from(minutes / i64::from(self.every_minutes.max(1)) + 1).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.to < self.from
    }
}

/// A change of the answer, with what brought it about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub at: DateTime<Utc>,
    pub from: Recommendation,
    pub to: Recommendation,
    pub held: bool,
    pub why: String,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub environment: String,
    pub evaluations: u64,
    /// False where the environment is no recording: nothing was stored then.
    pub stored: bool,
    pub increase: u64,
    pub hold: u64,
    pub decrease: u64,
    pub freeze: u64,
    /// Evaluations whose evidence was not whole.
    pub incomplete: u64,
    /// Inputs, over all evaluations, that were covered only in part.
    pub partial_inputs: u64,
    pub changes: Vec<Change>,
}

impl Summary {
    fn count(&mut self, evaluation: &Evaluation, previous: Option<Recommendation>) {
        let body = &evaluation.snapshot.body;
        self.evaluations += 1;
        *match body.recommendation {
            Recommendation::Increase => &mut self.increase,
            Recommendation::Hold => &mut self.hold,
            Recommendation::Decrease => &mut self.decrease,
            Recommendation::Freeze => &mut self.freeze,
        } += 1;
        self.incomplete += u64::from(body.truth.completeness < 1.0);
        self.partial_inputs +=
            body.inputs.iter().filter(|input| input.state == crate::domain::input::InputState::Partial).count() as u64;
        if let Some(from) = previous.filter(|from| *from != body.recommendation) {
            self.changes.push(Change {
                at: body.as_of,
                from,
                to: body.recommendation,
                held: body.held,
                why: body.verdict.clone(),
            });
        }
    }
}

/// Replays a plan. In a recorded (or synthetic) environment every evaluation is stored; elsewhere it is a dry run. One
/// that is stored already for its instant stays as it is.
///
/// # Errors
/// What the store says; what was stored before stays.
pub async fn replay(store: Arc<dyn Store>, plan: &Plan, progress: impl Fn(u64) + Send) -> Result<Summary, StoreError> {
    let mut config = store.config(&plan.environment).await?;
    let stores = config.kind != EnvironmentKind::Live;
    if !stores {
        // A dry run asks what this configuration would have said, as if it had been in force all the while.
        config.policy_since = DateTime::UNIX_EPOCH;
        config.last_mode_change_at = None;
    }
    let sealed = Arc::new(SealedConfig::new(config));
    let (sender, receiver) = mpsc::channel::<Vec<Evaluation>>(2);
    let writer = tokio::spawn(write(store.clone(), sealed.clone(), receiver, stores));
    let evaluated = evaluate_all(store.as_ref(), &sealed, plan, sender, progress).await;
    let written = writer
        .await
        .map_err(|error| StoreError::Corrupt { what: "the end of a replay", source: Some(Box::new(error)) })?;
    written?;
    evaluated.map(|summary| Summary { stored: stores, ..summary })
}

/// Stores evaluations as they come, a batch a transaction.
async fn write(
    store: Arc<dyn Store>,
    sealed: Arc<SealedConfig>,
    mut receiver: mpsc::Receiver<Vec<Evaluation>>,
    stores: bool,
) -> Result<(), StoreError> {
    let config = &sealed.config;
    let mut previous: Option<Tick> = None;
    while let Some(batch) = receiver.recv().await {
        if !stores {
            continue;
        }
        let mut recordings = Vec::with_capacity(batch.len());
        for evaluation in &batch {
            let occasion = occasion(evaluation.snapshot.body.as_of, evaluation.snapshot.body.recent.tick_minutes);
            recordings.push(recording(config, evaluation, previous.as_ref(), None, occasion, occasion.as_of));
            previous = evaluation.tick;
        }
        store.record(&config.environment, &recordings, None).await?;
    }
    Ok(())
}

fn occasion(as_of: DateTime<Utc>, tick_minutes: u32) -> Occasion<'static> {
    Occasion { actor: "replay".into(), as_of, origin: Origin::Replay, tick_minutes }
}

async fn evaluate_all(
    store: &dyn Store,
    sealed: &Arc<SealedConfig>,
    plan: &Plan,
    sender: mpsc::Sender<Vec<Evaluation>>,
    progress: impl Fn(u64) + Send,
) -> Result<Summary, StoreError> {
    let config = &sealed.config;
    let mut summary = Summary { environment: plan.environment.clone(), ..Summary::default() };
    let mut ticks = store.ticks(&plan.environment, plan.from - recent::reach(config), plan.from).await?;
    let mut streams: Arc<Vec<Stream>> = Arc::default();
    let mut loaded_to = plan.from - Duration::milliseconds(1);
    let mut last: Option<Recommendation> = None;
    let mut instants = plan.instants().peekable();
    while instants.peek().is_some() {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH
            && let Some(at) = instants.next()
        {
            if at > loaded_to {
                loaded_to = (at + STRETCH).min(plan.to.max(at));
                streams = Arc::new(load(store, config, at, loaded_to).await?);
            }
            let evaluation = evaluate_streams(sealed, &streams, &ticks, occasion(at, plan.every_minutes));
            summary.count(&evaluation, last);
            last = Some(evaluation.snapshot.body.recommendation);
            ticks.extend(evaluation.tick);
            batch.push(evaluation);
        }
        forget(&mut ticks, config);
        progress(batch.len() as u64);
        // A writer that has failed says why when it is joined.
        if sender.send(batch).await.is_err() {
            break;
        }
    }
    Ok(summary)
}

async fn load(
    store: &dyn Store,
    config: &Config,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Stream>, StoreError> {
    let span = Span { from: from.timestamp_millis() - prepare::long_reach_ms(config), to: to.timestamp_millis() };
    store.streams(&config.environment, span).await
}

/// Drops the ticks that no later evaluation looks at.
fn forget(ticks: &mut Vec<Tick>, config: &Config) {
    let Some(newest) = ticks.last().map(|tick| tick.at) else {
        return;
    };
    let keep_from = newest - recent::reach(config);
    let first = ticks.partition_point(|tick| tick.at < keep_from);
    ticks.drain(..first);
}

//! Owns the views of an environment that pages and endpoints share: the overview, the checklist of signals, and all that
//! the founder's page shows. Must not know how any of it was fetched or how it is drawn.

use crate::domain::decision::Recommendation;
use crate::domain::headroom::Headroom;
use crate::domain::history::Event;
use crate::domain::input::{InputState, Value};
use crate::domain::interval::Interval;
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, ModeLimits};
use crate::domain::proposal::Proposal;
use crate::domain::signal::{Severity, Signal, Unit};
use crate::domain::snapshot::{Origin, Scores, Snapshot, Utilisation};
use crate::domain::trend::OverTime;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer at one glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    pub as_of: Option<DateTime<Utc>>,
    pub auto_mode: bool,
    pub clients: Option<Value>,
    pub confidence: Option<f64>,
    /// Up to when the data of the answer reaches: the oldest of its inputs'.
    pub data_through: Option<DateTime<Utc>>,
    pub demand: Option<Interval>,
    pub environment: String,
    pub frozen: bool,
    pub headroom: Option<Headroom>,
    /// Whether the answer is prolonged.
    pub held: bool,
    pub kind: EnvironmentKind,
    /// The limits of the mode in force.
    pub limits: ModeLimits,
    pub mode: Mode,
    pub proposal: Option<Proposal>,
    pub recommendation: Recommendation,
    pub scores: Option<Scores>,
    pub snapshot_id: Option<String>,
    pub target_mode: Option<Mode>,
    pub utilisation: Option<Utilisation>,
    pub verdict: String,
}

/// The text while the newest answer was given under another mode or policy.
pub const CHANGED_SINCE: &str = "Hold: the mode or the configuration was changed since the last evaluation";

/// The text before anything was evaluated.
pub const NOT_YET_EVALUATED: &str = "Hold: nothing has been evaluated yet";

impl Overview {
    /// The overview of the newest snapshot under the configuration in force.
    pub fn of(config: &Config, snapshot: Option<&Snapshot>, proposal: Option<Proposal>) -> Overview {
        // An answer given under another mode or policy says nothing about this one.
        let outdated = snapshot.is_some_and(|snapshot| snapshot.body.as_of < config.policy_since);
        let body = snapshot.filter(|_| !outdated).map(|snapshot| &snapshot.body);
        let deciding =
            || body.into_iter().flat_map(|body| &body.inputs).filter(|input| crate::domain::facts::decides(input));
        let clients = deciding().find(|input| input.signal == Signal::ClientsActive).and_then(|input| input.value);
        Overview {
            as_of: snapshot.map(|snapshot| snapshot.body.as_of),
            auto_mode: config.auto_mode,
            clients,
            confidence: body.map(|body| body.confidence),
            data_through: deciding().filter_map(|input| input.data_through).min(),
            demand: body.map(|body| body.demand),
            environment: config.environment.clone(),
            frozen: config.frozen,
            headroom: body.map(|body| body.headroom.clone()),
            held: body.is_some_and(|body| body.held),
            kind: config.kind,
            limits: *config.limits(),
            mode: config.mode,
            proposal,
            recommendation: body.map_or(Recommendation::Hold, |body| body.recommendation),
            scores: body.map(|body| body.scores),
            snapshot_id: snapshot.map(|snapshot| snapshot.id.clone()),
            target_mode: body.and_then(|body| body.target_mode),
            utilisation: body.map(|body| body.utilisation),
            verdict: match body {
                Some(body) => body.verdict.clone(),
                None if outdated => CHANGED_SINCE.to_owned(),
                None => NOT_YET_EVALUATED.to_owned(),
            },
        }
    }
}

/// An environment that can be switched to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentName {
    pub kind: EnvironmentKind,
    pub name: String,
}

/// One signal of the first-run checklist: whether it is connected, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChecklistItem {
    pub connected: bool,
    pub data_through: Option<DateTime<Utc>>,
    pub severity: Option<Severity>,
    pub signal: Signal,
    pub sources: Vec<String>,
    pub state: InputState,
    pub unit: Unit,
}

/// A snapshot in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotLine {
    pub as_of: DateTime<Utc>,
    pub confidence: f64,
    pub held: bool,
    pub id: String,
    pub mode: Mode,
    pub origin: Origin,
    pub overall: Interval,
    pub recommendation: Recommendation,
    pub verdict: String,
}

impl SnapshotLine {
    pub fn of(snapshot: &Snapshot) -> SnapshotLine {
        let body = &snapshot.body;
        SnapshotLine {
            as_of: body.as_of,
            confidence: body.confidence,
            held: body.held,
            id: snapshot.id.clone(),
            mode: body.mode,
            origin: body.origin,
            overall: body.scores.overall,
            recommendation: body.recommendation,
            verdict: body.verdict.clone(),
        }
    }
}

/// One raw sample behind a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SampleLine {
    pub at: DateTime<Utc>,
    pub fetched_at: DateTime<Utc>,
    pub source: String,
    /// The value with its unit, as text: exact, in every unit.
    pub value: String,
}

/// What a form has just done, or why it did not: shown once on the page that the form leads back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub is_error: bool,
    pub text: String,
}

/// A jump of the server's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockJump {
    /// The clock's time when the server noticed the jump.
    pub at: DateTime<Utc>,
    /// "The server's clock jumped back by 1 hour".
    pub words: String,
}

/// Everything that the founder's page shows, read from one state of the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageData {
    /// This server's own address, as the reader reached it, for commands to copy.
    pub base_url: String,
    pub checklist: Vec<ChecklistItem>,
    /// The newest jump of the server's clock, until it has been steady for a day.
    pub clock: Option<ClockJump>,
    pub config: Config,
    pub environments: Vec<EnvironmentName>,
    pub events: Vec<Event>,
    /// Where the next page of events begins.
    pub events_next: Option<u64>,
    /// The newest event's place in the chain; 0 before the first.
    pub head: u64,
    pub now: DateTime<Utc>,
    pub over_time: OverTime,
    pub overview: Overview,
    pub snapshot: Option<Snapshot>,
    pub snapshots: Vec<SnapshotLine>,
}

/// The configuration in force, as it is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigView {
    pub auto_mode: bool,
    pub environment: String,
    pub frozen: bool,
    pub guardrails: crate::domain::policy::Guardrails,
    pub kind: EnvironmentKind,
    pub last_mode_change_at: Option<DateTime<Utc>>,
    pub limits: crate::domain::policy::Limits,
    pub mode: Mode,
    pub not_applicable: std::collections::BTreeSet<Signal>,
    pub policy_since: DateTime<Utc>,
    pub preferred_sources: std::collections::BTreeMap<Signal, Vec<String>>,
    pub scoring: crate::domain::policy::Scoring,
    pub time_zone: String,
    pub version: u64,
    pub weights: crate::domain::policy::Weights,
    pub windows: crate::domain::policy::Windows,
}

impl From<&Config> for ConfigView {
    fn from(config: &Config) -> ConfigView {
        let policy = config.policy.clone();
        ConfigView {
            auto_mode: config.auto_mode,
            environment: config.environment.clone(),
            frozen: config.frozen,
            guardrails: policy.guardrails,
            kind: config.kind,
            last_mode_change_at: config.last_mode_change_at,
            limits: policy.limits,
            mode: config.mode,
            not_applicable: policy.not_applicable,
            policy_since: config.policy_since,
            preferred_sources: policy.preferred_sources,
            scoring: policy.scoring,
            time_zone: policy.time_zone,
            version: config.version,
            weights: policy.weights,
            windows: policy.windows,
        }
    }
}

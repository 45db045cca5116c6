//! Owns the invented businesses of the styleguide and the snapshots that the engine makes of them. Must not answer
//! anything itself: every outcome, score and sentence of an example is the engine's.

use crate::domain::breach::BreachSet;
use crate::domain::evaluate::{SealedConfig, evaluate};
use crate::domain::input::{Input, InputState, Value, Window, WindowName};
use crate::domain::interval::{Count, Interval};
use crate::domain::mode::Mode;
use crate::domain::money::Usd;
use crate::domain::policy::{Config, EnvironmentKind, Policy};
use crate::domain::recent::{Recent, Stabilization};
use crate::domain::signal::{Aggregation, Severity, Signal};
use crate::domain::snapshot::{Origin, Snapshot};
use chrono::{DateTime, Duration, Utc};

/// A name that no environment can have (it has a capital letter), so that no form of an example can act on one.
pub const EXAMPLE: &str = "Example";

/// When every example was evaluated: 10 March 2026, 12:00.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_773_144_000, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A business whose numbers are all known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Business {
    pub at_risk: u64,
    pub clients: u64,
    pub cpu: f64,
    pub dollars: u64,
    pub latency_ms: f64,
    pub posts: u64,
    pub warnings: u64,
}

impl Business {
    /// All is well in pilot, and there is demand.
    pub const WELL: Business =
        Business { at_risk: 0, clients: 13, cpu: 0.35, dollars: 12, latency_ms: 180.0, posts: 60, warnings: 1 };

    /// The inputs that it gives, in the order in which an evaluation reads them.
    pub fn inputs(self) -> Vec<Input> {
        use Signal::*;
        use WindowName::*;
        let count = |value: u64| Value::Count(Count::exactly(value));
        let real = |value: f64| Value::Real(Interval::exactly(value));
        let spend = Value::Money(Count::exactly(Usd::dollars(self.dollars).micros()));
        vec![
            known(ClientsActive, Latest, None, count(self.clients)),
            known(ClientsAtRisk, Latest, None, count(self.at_risk)),
            known(WarningsOpen, Latest, Some(Severity::Info), count(2)),
            known(WarningsOpen, Latest, Some(Severity::Warning), count(self.warnings)),
            known(WarningsOpen, Latest, Some(Severity::Critical), count(0)),
            known(PostsPublished, Trailing, None, count(self.posts)),
            known(AiSpend, Trailing, None, spend),
            known(InfraCpu, LastHour, None, real(self.cpu)),
            known(InfraLatency, LastHour, None, real(self.latency_ms)),
            known(InfraLatency, Evidence, None, real(self.latency_ms)),
            known(InfraRequests, LastHour, None, count(10_000)),
            known(InfraRequests, Evidence, None, count(240_000)),
            known(InfraErrors, LastHour, None, count(1)),
            known(InfraErrors, Evidence, None, count(30)),
            known(PostsPublished, Today, None, count(self.posts / 2)),
            known(AiSpend, Today, None, spend),
        ]
    }
}

fn known(signal: Signal, name: WindowName, severity: Option<Severity>, value: Value) -> Input {
    let to = noon();
    let length = match name {
        WindowName::Latest => Duration::zero(),
        WindowName::Trailing | WindowName::Evidence => Duration::hours(24),
        WindowName::LastHour => Duration::hours(1),
        WindowName::Today => Duration::hours(12),
    };
    Input {
        aggregation: (signal == Signal::InfraLatency).then_some(Aggregation::P95),
        coverage: 1.0,
        data_through: Some(to),
        fetched_at: Some(to),
        note: None,
        samples: 24,
        severity,
        signal,
        source: Some("invented".to_owned()),
        state: InputState::Known,
        unit: signal.unit(),
        value: Some(value),
        window: Window { from: to - length, name, to },
    }
}

/// The same input in another state, as preparing it would put it.
pub fn put(input: &mut Input, state: InputState) {
    input.state = state;
    match state {
        InputState::Known | InputState::Synthetic => return,
        InputState::Partial => {
            input.coverage = 0.5;
            input.value = input.value.map(at_least);
            return;
        }
        InputState::Contradictory => {
            input.note = Some("the sources disagree; the interval spans them".into());
            input.value = input.value.map(twice_as_wide);
            return;
        }
        InputState::Stale => input.note = Some("40 h old; it counts up to 36 h".into()),
        InputState::Missing | InputState::NotApplicable => {
            (input.source, input.data_through, input.fetched_at) = (None, None, None);
        }
    }
    (input.value, input.coverage, input.samples) = (None, 0.0, 0);
}

fn at_least(value: Value) -> Value {
    match value {
        Value::Count(count) => Value::Count(Count::at_least(count.lo)),
        Value::Money(count) => Value::Money(Count::at_least(count.lo)),
        Value::Real(real) => Value::Real(Interval::new(real.lo() / 2.0, real.hi() / 2.0 + 0.5)),
    }
}

fn twice_as_wide(value: Value) -> Value {
    match value {
        Value::Count(count) => Value::Count(Count { lo: count.lo, hi: count.hi * 2 }),
        Value::Money(count) => Value::Money(Count { lo: count.lo, hi: count.hi * 2 }),
        Value::Real(real) => Value::Real(Interval::new(real.lo(), real.hi() * 2.0)),
    }
}

/// An environment that has long been as it is.
pub fn config(kind: EnvironmentKind, mode: Mode) -> Config {
    Config::new(EXAMPLE, kind, mode, Policy::default(), noon() - Duration::days(60))
}

/// Earlier evaluations at all of which the conditions of an Increase held.
pub fn settled() -> Recent {
    let stabilization = Stabilization { expected: 96, held: 96, last_three: true, unsafe_ticks: 0 };
    Recent { previous: None, recovered: BreachSet::all(), stabilization, tick_minutes: 15 }
}

/// What the engine makes of it.
pub fn snapshot(config: &Config, inputs: Vec<Input>, recent: Recent) -> Snapshot {
    evaluate(&SealedConfig::new(config.clone()), inputs, recent, noon(), Origin::Scheduled).snapshot
}

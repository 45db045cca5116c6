//! Owns the picture of a business in which everything is known, and the inputs it gives.

use super::noon;
use chrono::Duration;
use scaling_mode_engine::input::{Input, InputState, Value, Window, WindowName};
use scaling_mode_engine::interval::{Count, Interval};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::policy::{Config, EnvironmentKind, Policy};
use scaling_mode_engine::recent::{Previous, Recent, Stabilization};
use scaling_mode_engine::signal::{Severity, Signal};

/// Everything an evaluation looks at, complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    pub clients: u64,
    pub at_risk: u64,
    pub info: u64,
    pub warnings: u64,
    pub critical: u64,
    pub posts: Count,
    /// Micro-dollars.
    pub spend: Count,
    pub cpu: Interval,
    pub latency_hour: Interval,
    pub latency_evidence: Interval,
    pub requests_hour: Count,
    pub requests_evidence: Count,
    pub errors_hour: Count,
    pub errors_evidence: Count,
}

impl Picture {
    /// A business in perfect health, with so many clients and no load.
    pub fn healthy(clients: u64) -> Picture {
        Picture {
            clients,
            at_risk: 0,
            info: 0,
            warnings: 0,
            critical: 0,
            posts: Count::exactly(0),
            spend: Count::exactly(0),
            cpu: Interval::exactly(0.2),
            latency_hour: Interval::exactly(120.0),
            latency_evidence: Interval::exactly(130.0),
            requests_hour: Count::exactly(10_000),
            requests_evidence: Count::exactly(10_000),
            errors_hour: Count::exactly(0),
            errors_evidence: Count::exactly(0),
        }
    }

    /// The inputs in the order in which `prepare` gives them.
    pub fn inputs(&self, config: &Config) -> Vec<Input> {
        use Signal::*;
        use WindowName::*;
        let count = |value: u64| Value::Count(Count::exactly(value));
        let mut inputs = vec![
            input(ClientsActive, Latest, None, count(self.clients)),
            input(ClientsAtRisk, Latest, None, count(self.at_risk)),
            input(WarningsOpen, Latest, Some(Severity::Info), count(self.info)),
            input(WarningsOpen, Latest, Some(Severity::Warning), count(self.warnings)),
            input(WarningsOpen, Latest, Some(Severity::Critical), count(self.critical)),
            input(PostsPublished, Trailing, None, Value::Count(self.posts)),
            input(AiSpend, Trailing, None, Value::Money(self.spend)),
            input(InfraCpu, LastHour, None, Value::Real(self.cpu)),
            input(InfraLatency, LastHour, None, Value::Real(self.latency_hour)),
            input(InfraLatency, Evidence, None, Value::Real(self.latency_evidence)),
            input(InfraRequests, LastHour, None, Value::Count(self.requests_hour)),
            input(InfraRequests, Evidence, None, Value::Count(self.requests_evidence)),
            input(InfraErrors, LastHour, None, Value::Count(self.errors_hour)),
            input(InfraErrors, Evidence, None, Value::Count(self.errors_evidence)),
            input(PostsPublished, Today, None, Value::Count(self.posts)),
            input(AiSpend, Today, None, Value::Money(self.spend)),
        ];
        for input in &mut inputs {
            let without_requests = input.signal == InfraErrors && !config.policy.applies(InfraRequests);
            if !config.policy.applies(input.signal) || without_requests {
                hide(input, InputState::NotApplicable);
            } else if config.kind == EnvironmentKind::Synthetic {
                input.state = InputState::Synthetic;
            }
        }
        inputs
    }
}

/// One known input.
pub fn input(signal: Signal, name: WindowName, severity: Option<Severity>, value: Value) -> Input {
    let to = noon();
    let length = match name {
        WindowName::Latest => Duration::zero(),
        WindowName::Trailing => Duration::hours(24),
        WindowName::LastHour => Duration::hours(1),
        WindowName::Evidence => Duration::hours(30),
        WindowName::Today => Duration::hours(12),
    };
    Input {
        aggregation: None,
        coverage: 1.0,
        data_through: Some(to),
        fetched_at: Some(to),
        note: None,
        samples: 60,
        severity,
        signal,
        source: Some("test".to_owned()),
        state: InputState::Known,
        unit: signal.unit(),
        value: Some(value),
        window: Window { from: to - length, name, to },
    }
}

/// Takes an input's value away.
pub fn hide(input: &mut Input, state: InputState) {
    input.state = state;
    input.value = None;
    input.coverage = 0.0;
    input.samples = 0;
    match state {
        InputState::Missing | InputState::NotApplicable => {
            input.source = None;
            input.data_through = None;
            input.fetched_at = None;
        }
        InputState::Stale => input.note = Some("40 h old; it counts up to 36 h".into()),
        InputState::Contradictory => input.note = Some("more than there are".into()),
        _ => {}
    }
}

/// The place of an input among those that [`Picture::inputs`] gives.
pub fn place(inputs: &[Input], signal: Signal, name: WindowName, severity: Option<Severity>) -> usize {
    inputs
        .iter()
        .position(|input| input.signal == signal && input.window.name == name && input.severity == severity)
        .expect("every picture holds every input")
}

/// A live environment in `mode` with the default policy, long since untouched.
pub fn config(mode: Mode) -> Config {
    config_with(mode, Policy::default())
}

pub fn config_with(mode: Mode, policy: Policy) -> Config {
    Config::new("production", EnvironmentKind::Live, mode, policy, noon() - Duration::days(60))
}

/// Recent evaluations at all of which the conditions held.
pub fn stable() -> Recent {
    Recent {
        previous: None,
        recovered: scaling_mode_engine::breach::BreachSet::all(),
        stabilization: Stabilization { expected: 96, held: 96, last_three: true, unsafe_ticks: 0 },
        tick_minutes: 15,
    }
}

/// [`stable`], but that the last tick answered `ruled` with these breaches standing.
pub fn after(
    ruled: scaling_mode_engine::decision::Recommendation,
    standing: scaling_mode_engine::breach::BreachSet,
) -> Recent {
    Recent { previous: Some(Previous { at: noon() - Duration::minutes(15), ruled, standing }), ..stable() }
}

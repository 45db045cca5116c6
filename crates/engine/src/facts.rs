//! Owns the bare numbers of an evaluation: what the inputs of a snapshot say, without their provenance.
//! Must not know thresholds; unknown inputs are the widest interval that their meaning allows.

use super::input::{Input, InputState, Reading, WindowName};
use super::interval::{Count, Interval};
use super::signal::{Severity, Signal};

/// A number seen over the last hour and over the evidence window. Trouble counts from the first, health from the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired<T> {
    pub evidence: T,
    pub last_hour: T,
}

/// Failed requests among all requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorCount {
    pub errors: Count,
    pub requests: Count,
}

impl ErrorCount {
    const UNKNOWN: ErrorCount = ErrorCount { errors: Count::UNKNOWN, requests: Count::UNKNOWN };
}

/// The prepared numbers that scores, rules and the answer are made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    pub at_risk: Count,
    pub clients: Count,
    /// Every input that applies is complete, so nothing about them can still change.
    pub complete: bool,
    /// Mean CPU, 0-1; `None` where not applicable.
    pub cpu: Option<Interval>,
    /// Open critical warnings.
    pub critical: Count,
    /// `None` where not applicable.
    pub errors: Option<Paired<ErrorCount>>,
    /// 95th percentile (or the source's own aggregate) in milliseconds; `None` where not applicable.
    pub latency: Option<Paired<Interval>>,
    /// `None` where not applicable.
    pub posts: Option<Count>,
    /// Micro-dollars.
    pub spend: Count,
    /// Some input is invented, so nothing may be decided from it.
    pub synthetic: bool,
    /// Open warnings of severity warning.
    pub warnings: Count,
}

impl Facts {
    /// Nothing is known of anything.
    pub const UNKNOWN: Facts = Facts {
        at_risk: Count::UNKNOWN,
        clients: Count::UNKNOWN,
        complete: false,
        cpu: Some(Interval::UNIT),
        critical: Count::UNKNOWN,
        errors: Some(Paired { evidence: ErrorCount::UNKNOWN, last_hour: ErrorCount::UNKNOWN }),
        latency: Some(Paired { evidence: Interval::NON_NEGATIVE, last_hour: Interval::NON_NEGATIVE }),
        posts: Some(Count::UNKNOWN),
        spend: Count::UNKNOWN,
        synthetic: false,
        warnings: Count::UNKNOWN,
    };

    /// Open warnings that count: warning and critical. `info` is only shown.
    pub fn counted_warnings(&self) -> Count {
        self.warnings.plus(self.critical)
    }

    /// Reads the facts out of a snapshot's inputs. An input that is absent is unknown.
    pub fn from_inputs(inputs: &[Input]) -> Facts {
        Facts::from_readings(inputs.iter().map(Reading::of))
    }

    /// The same from what the inputs say alone.
    pub fn from_readings(inputs: impl Iterator<Item = Reading>) -> Facts {
        let mut facts = Facts { complete: true, ..Facts::UNKNOWN };
        let mut errors = (Paired::same(ErrorCount::UNKNOWN), true);
        let mut latency = Paired::same(Interval::NON_NEGATIVE);
        let mut hour_known = HourKnown::default();
        let mut found = Found::default();
        for input in inputs.filter(Reading::decides) {
            facts.complete &= is_settled(input.state);
            facts.synthetic |= input.state == InputState::Synthetic;
            let is_complete = matches!(input.state, InputState::Known | InputState::Synthetic);
            let applies = input.state != InputState::NotApplicable;
            let count = usable(&input).and_then(|value| value.count()).unwrap_or(Count::UNKNOWN);
            let last_hour = input.window == WindowName::LastHour;
            found.mark(input.signal, input.severity, last_hour);
            match input.signal {
                Signal::ClientsActive => facts.clients = count,
                Signal::ClientsAtRisk => facts.at_risk = count,
                Signal::WarningsOpen => match input.severity {
                    Some(Severity::Warning) => facts.warnings = count,
                    Some(Severity::Critical) => facts.critical = count,
                    Some(Severity::Info) | None => {}
                },
                Signal::PostsPublished => facts.posts = applies.then_some(count),
                Signal::AiSpend => facts.spend = count,
                Signal::InfraCpu => {
                    facts.cpu = applies.then(|| real(&input, Interval::UNIT));
                }
                Signal::InfraLatency => {
                    if !applies {
                        facts.latency = None;
                    }
                    *latency.side(last_hour) = real(&input, Interval::NON_NEGATIVE);
                    if last_hour {
                        hour_known.latency = is_complete;
                    }
                }
                Signal::InfraRequests => {
                    errors.1 &= applies;
                    errors.0.side(last_hour).requests = count;
                    if last_hour {
                        hour_known.requests = is_complete;
                    }
                }
                Signal::InfraErrors => {
                    errors.1 &= applies;
                    errors.0.side(last_hour).errors = count;
                    if last_hour {
                        hour_known.errors = is_complete;
                    }
                }
            }
        }
        // The evidence window contains the last hour: where that hour is incomplete, health is not proven.
        if !(hour_known.requests && hour_known.errors) {
            errors.0.evidence = ErrorCount::UNKNOWN;
        }
        if !hour_known.latency {
            latency.evidence = Interval::NON_NEGATIVE;
        }
        facts.errors = errors.1.then_some(errors.0);
        facts.latency = facts.latency.map(|_| latency);
        facts.complete &= found.all(&facts);
        facts
    }
}

#[derive(Default)]
struct HourKnown {
    errors: bool,
    latency: bool,
    requests: bool,
}

/// Which of the deciding inputs were there at all, as a bit each.
#[derive(Default)]
struct Found(u16);

impl Found {
    fn mark(&mut self, signal: Signal, severity: Option<Severity>, last_hour: bool) {
        let place = match (signal, severity) {
            (Signal::ClientsActive, _) => 0,
            (Signal::ClientsAtRisk, _) => 1,
            (Signal::WarningsOpen, Some(Severity::Warning)) => 2,
            (Signal::WarningsOpen, _) => 3,
            (Signal::PostsPublished, _) => 4,
            (Signal::AiSpend, _) => 5,
            (Signal::InfraCpu, _) => 6,
            (Signal::InfraLatency, _) => 7 + u16::from(last_hour),
            (Signal::InfraRequests, _) => 9 + u16::from(last_hour),
            (Signal::InfraErrors, _) => 11 + u16::from(last_hour),
        };
        self.0 |= 1 << place;
    }

    fn all(&self, facts: &Facts) -> bool {
        let mut wanted = 0b1_1111_1111_1111u16;
        if facts.posts.is_none() {
            wanted &= !(1 << 4);
        }
        if facts.cpu.is_none() {
            wanted &= !(1 << 6);
        }
        if facts.latency.is_none() {
            wanted &= !(0b11 << 7);
        }
        if facts.errors.is_none() {
            wanted &= !(0b1111 << 9);
        }
        self.0 & wanted == wanted
    }
}

impl<T: Copy> Paired<T> {
    fn same(value: T) -> Paired<T> {
        Paired { evidence: value, last_hour: value }
    }

    fn side(&mut self, last_hour: bool) -> &mut T {
        if last_hour { &mut self.last_hour } else { &mut self.evidence }
    }
}

/// Whether an input takes part in decisions: today's totals and info warnings are only shown.
pub fn decides(input: &Input) -> bool {
    Reading::of(input).decides()
}

/// Whether nothing about an input can still turn out differently.
fn is_settled(state: InputState) -> bool {
    matches!(state, InputState::Known | InputState::Synthetic | InputState::NotApplicable)
}

/// The value of an input that may be used: a stale, missing or self-contradictory input has no such value.
fn usable(input: &Reading) -> Option<super::input::Value> {
    match input.state {
        InputState::Known | InputState::Partial | InputState::Synthetic | InputState::Contradictory => input.value,
        InputState::Stale | InputState::Missing | InputState::NotApplicable => None,
    }
}

fn real(input: &Reading, widest: Interval) -> Interval {
    usable(input).and_then(|value| value.real()).unwrap_or(widest)
}

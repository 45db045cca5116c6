//! Owns how each score is named, explained and traced: its formula, its inputs, the rules whose lines it is held
//! against. Must not compute a score.

use super::format::{self, Measure};
use crate::domain::input::{Input, WindowName};
use crate::domain::interval::Interval;
use crate::domain::policy::Policy;
use crate::domain::rule::RuleId;
use crate::domain::signal::{Severity, Signal};
use crate::domain::snapshot::SnapshotBody;

/// A score that the panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    Overall,
    Infra,
    AiCost,
    Warnings,
    Churn,
}

impl Score {
    pub const ALL: [Score; 5] = [Score::Overall, Score::Infra, Score::AiCost, Score::Warnings, Score::Churn];

    /// The name that its `details` element is linked by.
    pub const fn id(self) -> &'static str {
        match self {
            Score::Overall => "score-overall",
            Score::Infra => "score-infra-health",
            Score::AiCost => "score-ai-cost-pressure",
            Score::Warnings => "score-warning-density",
            Score::Churn => "score-churn-risk",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Score::Overall => "Overall health",
            Score::Infra => "Infra health",
            Score::AiCost => "AI cost pressure",
            Score::Warnings => "Warning density",
            Score::Churn => "Churn risk",
        }
    }

    pub const fn direction(self) -> &'static str {
        match self {
            Score::Overall | Score::Infra => "higher is better",
            Score::AiCost | Score::Warnings | Score::Churn => "lower is better",
        }
    }

    pub fn range(self, body: &SnapshotBody) -> Interval {
        let scores = &body.scores;
        match self {
            Score::Overall => scores.overall,
            Score::Infra => scores.infra_health,
            Score::AiCost => scores.ai_cost_pressure,
            Score::Warnings => scores.warning_density,
            Score::Churn => scores.churn_risk,
        }
    }

    /// The range in words: unknown is said, with what it may be.
    pub fn points_text(self, body: &SnapshotBody) -> String {
        match format::interval(self.range(body), Measure::Points) {
            text if text == format::UNKNOWN => "unknown (0–100)".to_owned(),
            text => text,
        }
    }

    /// The rule whose outcome is shown beside the score.
    pub const fn rule(self) -> RuleId {
        match self {
            Score::Overall => RuleId::IncreaseHealth,
            Score::Infra => RuleId::GuardrailInfraHealth,
            Score::AiCost => RuleId::GuardrailAiCostPressure,
            Score::Warnings => RuleId::GuardrailWarningDensity,
            Score::Churn => RuleId::GuardrailChurnRisk,
        }
    }

    /// The rules whose thresholds are marked on the bar.
    pub const fn marked(self) -> &'static [RuleId] {
        match self {
            Score::Overall => &[RuleId::FreezeHealth, RuleId::IncreaseHealth],
            Score::Infra => &[RuleId::GuardrailInfraHealth],
            Score::AiCost => &[RuleId::GuardrailAiCostPressure],
            Score::Warnings => &[RuleId::GuardrailWarningDensity],
            Score::Churn => &[RuleId::GuardrailChurnRisk],
        }
    }

    /// How many points one unit of its rules' thresholds is.
    pub const fn points(self) -> f64 {
        match self {
            Score::Overall | Score::Infra => 1.0,
            Score::AiCost | Score::Warnings | Score::Churn => 100.0,
        }
    }

    /// Its weight in overall health, 0-1; overall health itself has 1.
    pub const fn weight(self, policy: &Policy) -> f64 {
        match self {
            Score::Overall => 1.0,
            Score::Infra => policy.weights.infra,
            Score::AiCost => policy.weights.ai_cost,
            Score::Warnings => policy.weights.warnings,
            Score::Churn => policy.weights.churn,
        }
    }

    /// Whether an input enters the score.
    pub fn reads(self, input: &Input) -> bool {
        let signals: &[Signal] = match self {
            Score::Overall => return false,
            Score::Infra => &[Signal::InfraCpu, Signal::InfraLatency, Signal::InfraRequests, Signal::InfraErrors],
            Score::AiCost => &[Signal::AiSpend],
            Score::Warnings => &[Signal::WarningsOpen, Signal::ClientsActive],
            Score::Churn => &[Signal::ClientsAtRisk, Signal::ClientsActive],
        };
        signals.contains(&input.signal)
            && input.window.name != WindowName::Today
            && input.severity != Some(Severity::Info)
    }

    /// How the score is made; with the policy's numbers where they are those that the snapshot was made under.
    pub fn formula(self, policy: Option<&Policy>) -> String {
        match self {
            Score::Overall => {
                let weight = |weight: fn(&Policy) -> f64, name: &str| {
                    policy.map_or_else(|| format!("its weight × {name}"), |policy| format!("{:.2} × {name}", weight(policy)))
                };
                format!(
                    "{} + {} + {} + {}, in interval arithmetic: the low end from every worst case, the high end from every best.",
                    weight(|policy| policy.weights.infra, "infra health"),
                    weight(|policy| policy.weights.ai_cost, "(100 − AI cost pressure)"),
                    weight(|policy| policy.weights.warnings, "(100 − warning density)"),
                    weight(|policy| policy.weights.churn, "(100 − churn risk)"),
                )
            }
            Score::Infra => {
                let lines = policy.map_or_else(String::new, |policy| {
                    let scoring = &policy.scoring;
                    let line = |good: f64, bad: f64, measure: Measure| {
                        let written = |number: f64| format::interval(Interval::exactly(number), measure);
                        format!("{} is 100, {} is 0", written(good), written(bad))
                    };
                    format!(
                        " CPU: {}. Latency: {}. Failed requests: {}; a straight line in between.",
                        line(scoring.cpu.good, scoring.cpu.bad, Measure::Share),
                        line(scoring.latency_ms.good, scoring.latency_ms.bad, Measure::Milliseconds),
                        line(scoring.error_rate.good, scoring.error_rate.bad, Measure::Share),
                    )
                });
                format!(
                    "The weakest of CPU, latency and error rate.{lines} For latency and errors the best case is the last hour's, the worst case the evidence window's."
                )
            }
            Score::AiCost => "100 × AI spend of the trailing day / the mode's daily limit, at most 100.".to_owned(),
            Score::Warnings => {
                "100 × open warnings (warning and critical) / active clients, at most 100. Notices of severity info are only shown.".to_owned()
            }
            Score::Churn => "100 × clients at risk / active clients.".to_owned(),
        }
    }
}

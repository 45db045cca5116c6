//! Owns the comparison of two snapshots: which rules flipped, which numbers moved. Must not judge which is better; it
//! reads nothing but the two.

use super::input::{Input, WindowName};
use super::interval::Interval;
use super::snapshot::{Rule, Snapshot, SnapshotBody};

/// A rule whose outcome is another than before, or whose threshold is.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleChange {
    pub after: Rule,
    pub before: Rule,
    /// Its outcome is another, not only what it was compared with.
    pub flipped: bool,
}

/// An input that one of the two has otherwise, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct InputChange {
    pub after: Option<Input>,
    pub before: Option<Input>,
}

/// A number of the scores or of the load that moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    pub after: Interval,
    pub before: Interval,
    pub name: Number,
}

/// What can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Overall,
    InfraHealth,
    AiCostPressure,
    WarningDensity,
    ChurnRisk,
    Demand,
    Utilisation,
}

impl Number {
    const ALL: [Number; 7] = [
        Number::Overall,
        Number::InfraHealth,
        Number::AiCostPressure,
        Number::WarningDensity,
        Number::ChurnRisk,
        Number::Demand,
        Number::Utilisation,
    ];

    fn of(self, body: &SnapshotBody) -> Interval {
        match self {
            Number::Overall => body.scores.overall,
            Number::InfraHealth => body.scores.infra_health,
            Number::AiCostPressure => body.scores.ai_cost_pressure,
            Number::WarningDensity => body.scores.warning_density,
            Number::ChurnRisk => body.scores.churn_risk,
            Number::Demand => body.demand,
            Number::Utilisation => body.utilisation.worst,
        }
    }
}

/// All that differs between two snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Inputs whose value or state is another, in the order of the later snapshot.
    pub inputs: Vec<InputChange>,
    pub moved: Vec<Moved>,
    /// Rules in their order: the flipped ones and those with another threshold.
    pub rules: Vec<RuleChange>,
}

/// Compares two snapshots, the first being the one before.
pub fn compare(before: &Snapshot, after: &Snapshot) -> Comparison {
    let (before, after) = (&before.body, &after.body);
    let moved = Number::ALL
        .into_iter()
        .map(|name| Moved { after: name.of(after), before: name.of(before), name })
        .filter(|moved| moved.after != moved.before);
    let rules = after.rules.iter().filter_map(|rule| {
        let old = before.rules.iter().find(|old| old.rule == rule.rule)?;
        let flipped = old.outcome != rule.outcome;
        (flipped || old.threshold != rule.threshold).then(|| RuleChange {
            after: rule.clone(),
            before: old.clone(),
            flipped,
        })
    });
    Comparison { inputs: inputs(before, after), moved: moved.collect(), rules: rules.collect() }
}

fn inputs(before: &SnapshotBody, after: &SnapshotBody) -> Vec<InputChange> {
    let same = |one: &Input, two: &Input| {
        (one.signal, one.severity, one.window.name) == (two.signal, two.severity, two.window.name)
    };
    let decides = |input: &&Input| input.window.name != WindowName::Today;
    let mut changes: Vec<InputChange> = Vec::new();
    for input in after.inputs.iter().filter(decides) {
        let old = before.inputs.iter().find(|old| same(old, input));
        if old.is_none_or(|old| (old.value, old.state, &old.source) != (input.value, input.state, &input.source)) {
            changes.push(InputChange { after: Some(input.clone()), before: old.cloned() });
        }
    }
    for old in before.inputs.iter().filter(decides) {
        if !after.inputs.iter().any(|input| same(old, input)) {
            changes.push(InputChange { after: None, before: Some(old.clone()) });
        }
    }
    changes
}

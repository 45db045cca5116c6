//! Owns how rules are named, grouped and measured on the screen, and finding one in a snapshot.
//! Must not judge: outcomes, observed values and thresholds are the snapshot's.

use super::format::{self, Measure};
use crate::domain::rule::RuleId;
use crate::domain::snapshot::{Rule, SnapshotBody};

/// The parts of the decision, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Freeze,
    Limits,
    Guardrails,
    WayBack,
    Increase,
    Recovery,
}

impl Group {
    pub const ALL: [Group; 6] =
        [Group::Freeze, Group::Limits, Group::Guardrails, Group::WayBack, Group::Increase, Group::Recovery];

    pub const fn title(self) -> &'static str {
        match self {
            Group::Freeze => "Freeze line",
            Group::Limits => "Limits of the mode",
            Group::Guardrails => "Guardrails",
            Group::WayBack => "The way back",
            Group::Increase => "Conditions of an Increase",
            Group::Recovery => "Recovery",
        }
    }

    pub const fn explanation(self) -> &'static str {
        match self {
            Group::Freeze => "Freeze when overall health is certainly below this line.",
            Group::Limits => "Over a limit, and an Increase certainly out of reach: Freeze.",
            Group::Guardrails => "One of them certainly broken: Decrease where there is a way back, otherwise Freeze.",
            Group::WayBack => "Looked at only when a guardrail is certainly broken: whether it is Decrease or Freeze.",
            Group::Increase => "Increase only when every one of these certainly holds.",
            Group::Recovery => {
                "Freeze and Decrease are left only once what caused them has been clear for long enough."
            }
        }
    }

    /// The group of a rule, by its stable name.
    pub fn of(rule: &str) -> Group {
        match rule.split('.').next() {
            Some("freeze") => Group::Freeze,
            Some("limit") => Group::Limits,
            Some("guardrail") => Group::Guardrails,
            Some("decrease") => Group::WayBack,
            Some("recovery") => Group::Recovery,
            _ => Group::Increase,
        }
    }
}

/// The rule of a snapshot.
pub fn find(body: &SnapshotBody, id: RuleId) -> Option<&Rule> {
    body.rules.iter().find(|rule| rule.rule == id.name())
}

/// What a rule asks, in words.
pub fn title(rule: &Rule) -> String {
    RuleId::from_name(&rule.rule).map_or_else(|| rule.rule.to_string(), |id| title_of(id).to_owned())
}

/// What a rule asks, in words.
pub const fn title_of(id: RuleId) -> &'static str {
    match id {
        RuleId::FreezeHealth => "Overall health is above the freeze line",
        RuleId::OverLimitClients => "Clients are within the limit",
        RuleId::OverLimitPosts => "Posts are within the limit",
        RuleId::OverLimitAiSpend => "AI spend is within the limit",
        RuleId::GuardrailWarningDensity | RuleId::IncreaseWarningDensity => "Warnings per client are few enough",
        RuleId::GuardrailChurnRisk | RuleId::IncreaseChurnRisk => "Few enough clients are at risk",
        RuleId::GuardrailAiCostPressure | RuleId::IncreaseAiCostPressure => "AI spend keeps clear of its limit",
        RuleId::GuardrailInfraHealth | RuleId::IncreaseInfraHealth => "Infrastructure is healthy enough",
        RuleId::DecreaseFits => "Today's load fits the mode below",
        RuleId::IncreaseNextMode => "There is a mode above",
        RuleId::IncreaseDemand => "Demand is a reason to grow",
        RuleId::IncreaseHealth => "Overall health is high enough",
        RuleId::IncreaseUtilisation => "The load leaves room",
        RuleId::IncreaseCriticalWarnings => "No critical warnings stand in the way",
        RuleId::IncreaseConfidence => "The evidence is complete enough",
        RuleId::IncreaseNotFrozen => "The founder has not frozen the environment",
        RuleId::IncreaseCooldown => "The last mode change is long enough ago",
        RuleId::IncreaseStabilization => "The conditions have held long enough",
        RuleId::Recovery => "Nothing is still recovering",
    }
}

/// What the numbers of a rule measure.
fn measure(rule: &str) -> Measure {
    match RuleId::from_name(rule) {
        Some(
            RuleId::FreezeHealth | RuleId::IncreaseHealth | RuleId::GuardrailInfraHealth | RuleId::IncreaseInfraHealth,
        ) => Measure::Points,
        Some(RuleId::OverLimitClients | RuleId::DecreaseFits) => Measure::CLIENTS,
        Some(RuleId::OverLimitPosts) => Measure::POSTS,
        Some(RuleId::OverLimitAiSpend) => Measure::Money,
        Some(RuleId::GuardrailWarningDensity | RuleId::IncreaseWarningDensity) => Measure::PerClient,
        Some(RuleId::GuardrailChurnRisk | RuleId::IncreaseChurnRisk) => Measure::Part,
        Some(RuleId::IncreaseCriticalWarnings) => Measure::WARNINGS,
        Some(RuleId::IncreaseCooldown | RuleId::Recovery) => Measure::HOURS,
        Some(RuleId::IncreaseStabilization) => Measure::EVALUATIONS,
        _ => Measure::Share,
    }
}

/// The value that was found, in words if the rule compares no number.
pub fn observed(rule: &Rule) -> String {
    rule.observed.map_or_else(|| "nothing to compare".to_owned(), |value| format::value(value, measure(&rule.rule)))
}

/// What the rule asks for, with its direction.
pub fn asked(rule: &Rule) -> String {
    let Some(threshold) = rule.threshold else {
        return "yes".to_owned();
    };
    let number = format::threshold(threshold, measure(&rule.rule));
    let at_least = matches!(
        RuleId::from_name(&rule.rule),
        Some(
            RuleId::FreezeHealth
                | RuleId::GuardrailInfraHealth
                | RuleId::IncreaseDemand
                | RuleId::IncreaseHealth
                | RuleId::IncreaseInfraHealth
                | RuleId::IncreaseConfidence
                | RuleId::IncreaseCooldown
                | RuleId::IncreaseStabilization
                | RuleId::Recovery
        )
    );
    format!("{} {number}", if at_least { "at least" } else { "at most" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_group_of_its_own_name() {
        for id in RuleId::ALL {
            let group = Group::of(id.name());
            assert_eq!(group == Group::Increase, id.is_increase_condition(), "{}", id.name());
            assert_eq!(group == Group::Recovery, id == RuleId::Recovery);
        }
    }
}

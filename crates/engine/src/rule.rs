//! Owns the list of rules: their identities, stable names and order, and how one outcome is recorded. Specification:
//! docs/engine.md, section 8 "Rules and the answer".

use super::input::Value;
use super::interval::Outcome;
use super::snapshot::Threshold;

/// Every rule and condition, in the order in which they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RuleId {
    FreezeHealth,
    OverLimitClients,
    OverLimitPosts,
    OverLimitAiSpend,
    GuardrailWarningDensity,
    GuardrailChurnRisk,
    GuardrailAiCostPressure,
    GuardrailInfraHealth,
    DecreaseFits,
    IncreaseNextMode,
    IncreaseDemand,
    IncreaseHealth,
    IncreaseUtilisation,
    IncreaseWarningDensity,
    IncreaseChurnRisk,
    IncreaseAiCostPressure,
    IncreaseInfraHealth,
    IncreaseCriticalWarnings,
    IncreaseConfidence,
    IncreaseNotFrozen,
    IncreaseCooldown,
    IncreaseStabilization,
    Recovery,
}

/// How many rules and conditions there are.
pub const RULES: usize = 23;

impl RuleId {
    pub const ALL: [RuleId; RULES] = [
        RuleId::FreezeHealth,
        RuleId::OverLimitClients,
        RuleId::OverLimitPosts,
        RuleId::OverLimitAiSpend,
        RuleId::GuardrailWarningDensity,
        RuleId::GuardrailChurnRisk,
        RuleId::GuardrailAiCostPressure,
        RuleId::GuardrailInfraHealth,
        RuleId::DecreaseFits,
        RuleId::IncreaseNextMode,
        RuleId::IncreaseDemand,
        RuleId::IncreaseHealth,
        RuleId::IncreaseUtilisation,
        RuleId::IncreaseWarningDensity,
        RuleId::IncreaseChurnRisk,
        RuleId::IncreaseAiCostPressure,
        RuleId::IncreaseInfraHealth,
        RuleId::IncreaseCriticalWarnings,
        RuleId::IncreaseConfidence,
        RuleId::IncreaseNotFrozen,
        RuleId::IncreaseCooldown,
        RuleId::IncreaseStabilization,
        RuleId::Recovery,
    ];

    /// The stable name: its rule, then what is looked at.
    pub const fn name(self) -> &'static str {
        match self {
            RuleId::FreezeHealth => "freeze.health",
            RuleId::OverLimitClients => "limit.clients",
            RuleId::OverLimitPosts => "limit.posts",
            RuleId::OverLimitAiSpend => "limit.ai_spend",
            RuleId::GuardrailWarningDensity => "guardrail.warning_density",
            RuleId::GuardrailChurnRisk => "guardrail.churn_risk",
            RuleId::GuardrailAiCostPressure => "guardrail.ai_cost_pressure",
            RuleId::GuardrailInfraHealth => "guardrail.infra_health",
            RuleId::DecreaseFits => "decrease.fits_lower_mode",
            RuleId::IncreaseNextMode => "increase.next_mode",
            RuleId::IncreaseDemand => "increase.demand",
            RuleId::IncreaseHealth => "increase.health",
            RuleId::IncreaseUtilisation => "increase.utilisation",
            RuleId::IncreaseWarningDensity => "increase.warning_density",
            RuleId::IncreaseChurnRisk => "increase.churn_risk",
            RuleId::IncreaseAiCostPressure => "increase.ai_cost_pressure",
            RuleId::IncreaseInfraHealth => "increase.infra_health",
            RuleId::IncreaseCriticalWarnings => "increase.critical_warnings",
            RuleId::IncreaseConfidence => "increase.confidence",
            RuleId::IncreaseNotFrozen => "increase.not_frozen",
            RuleId::IncreaseCooldown => "increase.cooldown",
            RuleId::IncreaseStabilization => "increase.stabilization",
            RuleId::Recovery => "recovery",
        }
    }

    pub fn from_name(name: &str) -> Option<RuleId> {
        RuleId::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Whether this is one of the conditions of rule 4.
    pub const fn is_increase_condition(self) -> bool {
        matches!(
            self,
            RuleId::IncreaseNextMode
                | RuleId::IncreaseDemand
                | RuleId::IncreaseHealth
                | RuleId::IncreaseUtilisation
                | RuleId::IncreaseWarningDensity
                | RuleId::IncreaseChurnRisk
                | RuleId::IncreaseAiCostPressure
                | RuleId::IncreaseInfraHealth
                | RuleId::IncreaseCriticalWarnings
                | RuleId::IncreaseConfidence
                | RuleId::IncreaseNotFrozen
                | RuleId::IncreaseCooldown
                | RuleId::IncreaseStabilization
        )
    }

    /// Whether this condition of rule 4 speaks of past time rather than of what is now.
    pub const fn is_about_time(self) -> bool {
        matches!(self, RuleId::IncreaseCooldown | RuleId::IncreaseStabilization)
    }
}

/// One rule with what was found, what was asked for, and how the two stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleResult {
    pub observed: Option<Value>,
    pub outcome: Outcome,
    pub rule: RuleId,
    pub threshold: Option<Threshold>,
}

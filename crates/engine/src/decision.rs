//! Owns the decision: the rules in their order, every outcome recorded, and the answer. Nothing here allocates, reads a
//! clock or words a sentence. Specification: docs/engine.md, section 8 "Rules and the answer".

use super::breach::{Breach, BreachSet};
use super::facts::Facts;
use super::health::{self, Health};
use super::input::Value;
use super::interval::{Count, Interval, Outcome};
use super::policy::{Config, EnvironmentKind, Guardrails, ModeLimits};
use super::recent::{Recent, Tick};
use super::rule::{RULES, RuleId, RuleResult};
use super::snapshot::Threshold;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The four answers, in the order of their caution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recommendation {
    Increase,
    Hold,
    Decrease,
    Freeze,
}

impl Recommendation {
    pub const ALL: [Recommendation; 4] =
        [Recommendation::Increase, Recommendation::Hold, Recommendation::Decrease, Recommendation::Freeze];

    pub const fn name(self) -> &'static str {
        match self {
            Recommendation::Increase => "increase",
            Recommendation::Hold => "hold",
            Recommendation::Decrease => "decrease",
            Recommendation::Freeze => "freeze",
        }
    }

    pub fn from_name(name: &str) -> Option<Recommendation> {
        Recommendation::ALL.into_iter().find(|answer| answer.name() == name)
    }
}

/// The answer with all that it was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// Guardrails certainly clear by the recovery margin.
    pub clear: BreachSet,
    /// The conditions of an Increase hold, time aside.
    pub conditions_met: bool,
    pub health: Health,
    /// The answer is prolonged beyond what today's numbers ask for.
    pub held: bool,
    /// Clients, posts or AI spend are certainly over the mode's limit.
    pub over_limit: bool,
    /// What the rules answer before synthetic data is silenced.
    pub ruled: Recommendation,
    pub recommendation: Recommendation,
    pub results: [RuleResult; RULES],
    pub standing: BreachSet,
    /// The environment or some input of it is invented: nothing is decided.
    pub synthetic: bool,
}

impl Assessment {
    pub fn result(&self, rule: RuleId) -> &RuleResult {
        &self.results[rule as usize]
    }

    /// Whether the line that a breach would cross is certainly kept.
    pub fn breach_outcome(&self, breach: Breach) -> Outcome {
        match breach {
            Breach::Health => self.result(RuleId::FreezeHealth).outcome,
            Breach::OverLimit => Outcome::Passed,
            Breach::WarningDensity => self.result(RuleId::GuardrailWarningDensity).outcome,
            Breach::ChurnRisk => self.result(RuleId::GuardrailChurnRisk).outcome,
            Breach::AiCostPressure => self.result(RuleId::GuardrailAiCostPressure).outcome,
            Breach::InfraHealth => self.result(RuleId::GuardrailInfraHealth).outcome,
        }
    }

    /// What the answer leaves for the evaluations after it, where it is a tick's.
    pub const fn tick(&self, at: DateTime<Utc>) -> Tick {
        Tick { at, clear: self.clear, conditions_met: self.conditions_met, ruled: self.ruled, standing: self.standing }
    }

    /// The conditions of rule 4.
    pub fn conditions(&self) -> impl Iterator<Item = &RuleResult> {
        self.results.iter().filter(|result| result.rule.is_increase_condition())
    }

    /// An Increase that only unknown data prevents.
    pub fn blocked_by_the_unknown(&self) -> bool {
        self.ruled == Recommendation::Hold
            && self.conditions().all(|result| result.outcome != Outcome::Failed)
            && self.conditions().any(|result| result.outcome == Outcome::Unknown)
    }
}

/// Answers the question from prepared numbers: scores, all rules, the answer.
pub fn assess(facts: &Facts, config: &Config, recent: &Recent, as_of: DateTime<Utc>) -> Assessment {
    let rails = &config.policy.guardrails;
    let limits = config.limits();
    let health = health::score(facts, &config.policy, limits);
    let lower = config.mode.previous().map(|mode| config.policy.limits.of(mode));
    let mut results = Results::new();

    results.at_least(RuleId::FreezeHealth, health.scores.overall, rails.freeze_below_health);
    judge_limits(&mut results, facts, limits);
    judge_guardrails(&mut results, facts, &health, rails);
    let fits = judge_fit(&mut results, facts, lower);
    judge_conditions(&mut results, facts, &health, config, recent, as_of);

    let conditions = || RuleId::ALL.into_iter().filter(|rule| rule.is_increase_condition());
    let conditions_met =
        conditions().filter(|rule| !rule.is_about_time()).all(|rule| results.outcome(rule) == Outcome::Passed);
    let may_increase = conditions().all(|rule| results.outcome(rule) == Outcome::Passed);
    // Thin evidence keeps an Increase away, but it is no certain failure: more data may resolve it, so it brings no Freeze.
    let cannot_increase = conditions()
        .filter(|rule| *rule != RuleId::IncreaseConfidence)
        .any(|rule| results.outcome(rule) == Outcome::Failed);
    let over_rules = [RuleId::OverLimitClients, RuleId::OverLimitPosts, RuleId::OverLimitAiSpend];
    let over_limit = over_rules.iter().any(|rule| results.outcome(*rule) == Outcome::Failed);
    let within_limits = over_rules.iter().all(|rule| results.outcome(*rule) == Outcome::Passed);

    let broken = broken_now(&results, over_limit && cannot_increase);
    let clear = clear_now(facts, &health, rails);
    let fresh = fresh_answer(broken, fits, may_increase);
    let standing = standing_now(broken, clear, recent, within_limits || may_increase);
    let held_answer = held_answer(standing, broken, fits, recent);
    let ruled = held_answer.map_or(fresh, |held| held.max(fresh));
    let recovered = ruled == fresh && standing == broken;
    results.set(
        RuleId::Recovery,
        Outcome::from_bool(recovered),
        None,
        Some(Threshold::Count(u64::from(rails.recovery_hours))),
    );
    let synthetic = facts.synthetic || config.kind == EnvironmentKind::Synthetic;
    Assessment {
        clear,
        conditions_met,
        health,
        held: ruled != fresh && !synthetic,
        over_limit,
        ruled,
        recommendation: if synthetic { Recommendation::Hold } else { ruled },
        results: results.0,
        standing,
        synthetic,
    }
}

/// The outcomes while they are being found.
struct Results([RuleResult; RULES]);

impl Results {
    fn new() -> Results {
        Results(RuleId::ALL.map(|rule| RuleResult { observed: None, outcome: Outcome::Unknown, rule, threshold: None }))
    }

    fn outcome(&self, rule: RuleId) -> Outcome {
        self.0[rule as usize].outcome
    }

    fn set(&mut self, rule: RuleId, outcome: Outcome, observed: Option<Value>, threshold: Option<Threshold>) {
        self.0[rule as usize] = RuleResult { observed, outcome, rule, threshold };
    }

    fn at_least(&mut self, rule: RuleId, observed: Interval, threshold: f64) {
        let outcome = observed.at_least(threshold);
        self.set(rule, outcome, Some(Value::Real(observed)), Some(Threshold::Number(threshold)));
    }

    fn at_most(&mut self, rule: RuleId, observed: Interval, threshold: f64) {
        let outcome = observed.at_most(threshold);
        self.set(rule, outcome, Some(Value::Real(observed)), Some(Threshold::Number(threshold)));
    }
}

/// Rule 2's limits: failed where certainly over.
fn judge_limits(results: &mut Results, facts: &Facts, limits: &ModeLimits) {
    let clients = limits.max_clients.get();
    results.set(
        RuleId::OverLimitClients,
        facts.clients.at_most(clients),
        Some(Value::Count(facts.clients)),
        Some(Threshold::Count(clients)),
    );
    let posts = limits.max_posts_per_day.get();
    results.set(
        RuleId::OverLimitPosts,
        facts.posts.map_or(Outcome::Passed, |count| count.at_most(posts)),
        facts.posts.map(Value::Count),
        Some(Threshold::Count(posts)),
    );
    let spend = limits.max_ai_spend_per_day;
    results.set(
        RuleId::OverLimitAiSpend,
        facts.spend.at_most(spend.micros()),
        Some(Value::Money(facts.spend)),
        Some(Threshold::Money(spend)),
    );
}

/// One event is no trend: a density or churn is broken only with at least this many events or clients in question.
const AT_LEAST_IN_QUESTION: u64 = 2;

/// Rule 3's guardrails: failed where certainly broken.
fn judge_guardrails(results: &mut Results, facts: &Facts, health: &Health, rails: &Guardrails) {
    for (rule, ratio, most, events) in [
        (RuleId::GuardrailWarningDensity, health.density, rails.max_warning_density, facts.counted_warnings()),
        (RuleId::GuardrailChurnRisk, health.churn, rails.max_churn_risk, facts.at_risk),
    ] {
        let outcome = if events.hi < AT_LEAST_IN_QUESTION {
            Outcome::Passed
        } else {
            match ratio.at_most(most) {
                Outcome::Failed if events.lo < AT_LEAST_IN_QUESTION => Outcome::Unknown,
                other => other,
            }
        };
        results.set(rule, outcome, Some(Value::Real(ratio)), Some(Threshold::Number(most)));
    }
    results.at_most(RuleId::GuardrailAiCostPressure, health.ai_pressure, rails.max_ai_cost_pressure);
    results.at_least(RuleId::GuardrailInfraHealth, health.scores.infra_health, rails.min_infra_health);
}

/// Whether a lower mode exists and today's load certainly fits its limits.
fn judge_fit(results: &mut Results, facts: &Facts, lower: Option<&ModeLimits>) -> bool {
    let outcome = lower.map_or(Outcome::Failed, |lower| {
        let parts = [
            facts.clients.at_most(lower.max_clients.get()),
            facts.posts.map_or(Outcome::Passed, |posts| posts.at_most(lower.max_posts_per_day.get())),
            facts.spend.at_most(lower.max_ai_spend_per_day.micros()),
        ];
        all_of(parts)
    });
    results.set(
        RuleId::DecreaseFits,
        outcome,
        lower.map(|_| Value::Count(facts.clients)),
        lower.map(|lower| Threshold::Count(lower.max_clients.get())),
    );
    outcome == Outcome::Passed
}

fn all_of(parts: [Outcome; 3]) -> Outcome {
    if parts.contains(&Outcome::Failed) {
        Outcome::Failed
    } else if parts.contains(&Outcome::Unknown) {
        Outcome::Unknown
    } else {
        Outcome::Passed
    }
}

/// Rule 4's conditions.
fn judge_conditions(
    results: &mut Results,
    facts: &Facts,
    health: &Health,
    config: &Config,
    recent: &Recent,
    as_of: DateTime<Utc>,
) {
    let rails = &config.policy.guardrails;
    let next = Outcome::from_bool(config.mode.next().is_some());
    results.set(RuleId::IncreaseNextMode, next, None, None);
    results.at_least(RuleId::IncreaseDemand, health.demand, rails.min_demand_for_increase);
    results.at_least(RuleId::IncreaseHealth, health.scores.overall, rails.min_health_for_increase);
    results.at_most(RuleId::IncreaseUtilisation, health.utilisation.worst, rails.max_utilisation_for_increase);
    results.at_most(RuleId::IncreaseWarningDensity, health.density, rails.max_warning_density);
    results.at_most(RuleId::IncreaseChurnRisk, health.churn, rails.max_churn_risk);
    results.at_most(RuleId::IncreaseAiCostPressure, health.ai_pressure, rails.max_ai_cost_pressure);
    results.at_least(RuleId::IncreaseInfraHealth, health.scores.infra_health, rails.min_infra_health);
    results.set(
        RuleId::IncreaseCriticalWarnings,
        facts.critical.at_most(rails.max_critical_warnings),
        Some(Value::Count(facts.critical)),
        Some(Threshold::Count(rails.max_critical_warnings)),
    );
    // Low confidence is certain only where no input can still turn out differently; else more data may raise it.
    let confidence = match Outcome::from_bool(health.confidence >= rails.min_confidence_for_change) {
        Outcome::Failed if !facts.complete => Outcome::Unknown,
        other => other,
    };
    results.set(
        RuleId::IncreaseConfidence,
        confidence,
        Some(Value::Real(Interval::exactly(health.confidence))),
        Some(Threshold::Number(rails.min_confidence_for_change)),
    );
    results.set(RuleId::IncreaseNotFrozen, Outcome::from_bool(!config.frozen), None, None);
    let hours_since = config.last_mode_change_at.map(|at| (as_of - at).num_hours().max(0).unsigned_abs());
    results.set(
        RuleId::IncreaseCooldown,
        Outcome::from_bool(hours_since.is_none_or(|hours| hours >= u64::from(rails.cooldown_hours))),
        hours_since.map(|hours| Value::Count(Count::exactly(hours))),
        Some(Threshold::Count(u64::from(rails.cooldown_hours))),
    );
    let stable = &recent.stabilization;
    results.set(
        RuleId::IncreaseStabilization,
        Outcome::from_bool(stable.is_stable()),
        Some(Value::Count(Count::exactly(stable.held))),
        Some(Threshold::Count(stable.needed())),
    );
}

/// The breaches that are certain now.
fn broken_now(results: &Results, over_and_stuck: bool) -> BreachSet {
    let mut broken = BreachSet::EMPTY;
    for (breach, rule) in [
        (Breach::Health, RuleId::FreezeHealth),
        (Breach::WarningDensity, RuleId::GuardrailWarningDensity),
        (Breach::ChurnRisk, RuleId::GuardrailChurnRisk),
        (Breach::AiCostPressure, RuleId::GuardrailAiCostPressure),
        (Breach::InfraHealth, RuleId::GuardrailInfraHealth),
    ] {
        if results.outcome(rule) == Outcome::Failed {
            broken.insert(breach);
        }
    }
    if over_and_stuck {
        broken.insert(Breach::OverLimit);
    }
    broken
}

/// The lines that are certainly kept with the recovery margin to spare.
fn clear_now(facts: &Facts, health: &Health, rails: &Guardrails) -> BreachSet {
    let points = rails.recovery_margin;
    let share = 1.0 - rails.recovery_share();
    let few = |events: Count| events.hi < AT_LEAST_IN_QUESTION;
    let mut clear = BreachSet::EMPTY;
    for (breach, holds) in [
        (Breach::Health, health.scores.overall.lo() >= (rails.freeze_below_health + points).min(100.0)),
        (
            Breach::WarningDensity,
            few(facts.counted_warnings()) || health.density.hi() <= rails.max_warning_density * share,
        ),
        (Breach::ChurnRisk, few(facts.at_risk) || health.churn.hi() <= rails.max_churn_risk * share),
        (Breach::AiCostPressure, health.ai_pressure.hi() <= rails.max_ai_cost_pressure * share),
        (Breach::InfraHealth, health.scores.infra_health.lo() >= (rails.min_infra_health + points).min(100.0)),
    ] {
        if holds {
            clear.insert(breach);
        }
    }
    clear
}

/// Rules 1 to 5 on today's numbers alone.
fn fresh_answer(broken: BreachSet, fits_lower_mode: bool, may_increase: bool) -> Recommendation {
    if broken.contains(Breach::Health) || broken.contains(Breach::OverLimit) {
        Recommendation::Freeze
    } else if !broken.is_empty() {
        step_back(fits_lower_mode)
    } else if may_increase {
        Recommendation::Increase
    } else {
        Recommendation::Hold
    }
}

const fn step_back(fits_lower_mode: bool) -> Recommendation {
    if fits_lower_mode { Recommendation::Decrease } else { Recommendation::Freeze }
}

/// The breaches that are certain now, and those of the last tick that are not yet recovered from.
fn standing_now(broken: BreachSet, clear: BreachSet, recent: &Recent, over_limit_ends: bool) -> BreachSet {
    let mut standing = broken;
    let Some(previous) = &recent.previous else {
        return standing;
    };
    for breach in previous.standing.iter() {
        let over = if breach == Breach::OverLimit {
            over_limit_ends
        } else {
            clear.contains(breach) && recent.recovered.contains(breach)
        };
        if !over {
            standing.insert(breach);
        }
    }
    standing
}

/// The answer that breaches of the past keep up, if any does. A Freeze stays one for as long as any of its breaches
/// is active, be it broken or not yet recovered from: else making a breach worse could turn Freeze into Decrease.
fn held_answer(
    standing: BreachSet,
    broken: BreachSet,
    fits_lower_mode: bool,
    recent: &Recent,
) -> Option<Recommendation> {
    let previous = recent.previous.as_ref()?;
    let of_the_past = standing.intersection(previous.standing);
    match previous.ruled {
        Recommendation::Freeze => (!of_the_past.is_empty()).then_some(Recommendation::Freeze),
        Recommendation::Decrease | Recommendation::Hold | Recommendation::Increase => {
            (standing != broken).then(|| step_back(fits_lower_mode))
        }
    }
}

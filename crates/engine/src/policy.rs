//! Owns the configuration of an environment: limits, guardrails, weights, windows and scoring lines, their defaults
//! and what makes a set of them valid. Must not know what is measured or who changes it.

use super::mode::Mode;
use super::money::Usd;
use super::signal::Signal;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

/// What an environment is filled with; fixed when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// Telemetry as it happens.
    Live,
    /// Recordings, filled by import and replay.
    Recorded,
    /// Invented data for showing the product; it decides nothing.
    Synthetic,
}

impl EnvironmentKind {
    pub const fn name(self) -> &'static str {
        match self {
            EnvironmentKind::Live => "live",
            EnvironmentKind::Recorded => "recorded",
            EnvironmentKind::Synthetic => "synthetic",
        }
    }

    pub fn from_name(name: &str) -> Option<EnvironmentKind> {
        [EnvironmentKind::Live, EnvironmentKind::Recorded, EnvironmentKind::Synthetic]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The most that a mode carries. Zero cannot be represented: a limit of nothing would make every ratio meaningless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeLimits {
    /// US dollars of AI spend in any trailing 24 hours, above zero.
    pub max_ai_spend_per_day: Usd,
    /// Active clients, above zero.
    pub max_clients: NonZeroU64,
    /// Posts published in any trailing 24 hours, above zero.
    pub max_posts_per_day: NonZeroU64,
}

/// The limits of every mode, lowest first; each cap rises strictly from mode to mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub growth: ModeLimits,
    pub lab: ModeLimits,
    pub pilot: ModeLimits,
    pub scale: ModeLimits,
}

impl Limits {
    pub const fn of(&self, mode: Mode) -> &ModeLimits {
        match mode {
            Mode::Lab => &self.lab,
            Mode::Pilot => &self.pilot,
            Mode::Growth => &self.growth,
            Mode::Scale => &self.scale,
        }
    }

    pub const fn of_mut(&mut self, mode: Mode) -> &mut ModeLimits {
        match mode {
            Mode::Lab => &mut self.lab,
            Mode::Pilot => &mut self.pilot,
            Mode::Growth => &mut self.growth,
            Mode::Scale => &mut self.scale,
        }
    }

    /// The client counts that a mode is meant for: from the lower mode's cap + 1 (0 in lab) to its own cap.
    pub fn band(&self, mode: Mode) -> (u64, u64) {
        let from = mode.previous().map_or(0, |lower| self.of(lower).max_clients.get() + 1);
        (from, self.of(mode).max_clients.get())
    }
}

const fn limits_of(clients: u64, posts: u64, dollars: u64) -> ModeLimits {
    ModeLimits {
        max_ai_spend_per_day: Usd::dollars(dollars),
        max_clients: NonZeroU64::new(clients).expect("defaults are above zero"),
        max_posts_per_day: NonZeroU64::new(posts).expect("defaults are above zero"),
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lab: limits_of(5, 50, 10),
            pilot: limits_of(15, 200, 50),
            growth: limits_of(50, 1_000, 200),
            scale: limits_of(500, 10_000, 2_000),
        }
    }
}

/// The lines that are not to be crossed. A `max_` or `min_` passes at equality; "below" is strict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardrails {
    /// Hours, 0-720, after a change of mode during which no Increase is given.
    pub cooldown_hours: u32,
    /// Overall health, 0-100, below which the answer is Freeze.
    pub freeze_below_health: f64,
    /// AI spend as a share of its limit, 0-1.
    pub max_ai_cost_pressure: f64,
    /// At-risk clients as a share of the active ones, 0-1.
    pub max_churn_risk: f64,
    /// Open critical warnings with which an Increase may still be given.
    pub max_critical_warnings: u64,
    /// The higher of posts and AI spend as a share of its limit, 0-1, for an Increase.
    pub max_utilisation_for_increase: f64,
    /// Open warnings (warning and critical) per active client, 0-1000.
    pub max_warning_density: f64,
    /// Completeness of the evidence, 0-1, that an Increase needs.
    pub min_confidence_for_change: f64,
    /// Active clients as a share of the limit, 0-1, from which an Increase has a reason.
    pub min_demand_for_increase: f64,
    /// Overall health, 0-100, that an Increase needs.
    pub min_health_for_increase: f64,
    /// Infra health, 0-100, below which a guardrail is broken.
    pub min_infra_health: f64,
    /// Hours, 0-720, for which a breach must have been clear before Freeze or Decrease is left.
    pub recovery_hours: u32,
    /// Points of a score by which a breach must be clear (a ratio: twice as many per cent, so 5 points are 10 %).
    pub recovery_margin: f64,
    /// Hours, 1-720, through which the conditions of an Increase must have held.
    pub stabilization_hours: u32,
}

impl Default for Guardrails {
    fn default() -> Self {
        Guardrails {
            cooldown_hours: 24,
            freeze_below_health: 40.0,
            max_ai_cost_pressure: 0.8,
            max_churn_risk: 0.2,
            max_critical_warnings: 0,
            max_utilisation_for_increase: 0.7,
            max_warning_density: 0.3,
            min_confidence_for_change: 0.7,
            min_demand_for_increase: 0.8,
            min_health_for_increase: 80.0,
            min_infra_health: 50.0,
            recovery_hours: 6,
            recovery_margin: 5.0,
            stabilization_hours: 24,
        }
    }
}

impl Guardrails {
    /// The share of a ratio by which a breach must be clear: 10 % at the default margin of 5 points.
    pub fn recovery_share(&self) -> f64 {
        self.recovery_margin / 50.0
    }
}

/// How much each part counts in overall health; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    pub ai_cost: f64,
    pub churn: f64,
    pub infra: f64,
    pub warnings: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { ai_cost: 0.25, churn: 0.20, infra: 0.30, warnings: 0.25 }
    }
}

/// A line from `good` (score 100) to `bad` (score 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreLine {
    pub bad: f64,
    pub good: f64,
}

/// Where the three parts of infra health are good and where they are bad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    /// CPU as a ratio, 0-1.
    pub cpu: ScoreLine,
    /// Errors per request, 0-1.
    pub error_rate: ScoreLine,
    /// 95th percentile of the latency, in milliseconds.
    pub latency_ms: ScoreLine,
}

impl Default for Scoring {
    fn default() -> Self {
        Scoring {
            cpu: ScoreLine { good: 0.60, bad: 0.95 },
            error_rate: ScoreLine { good: 0.001, bad: 0.05 },
            latency_ms: ScoreLine { good: 300.0, bad: 2000.0 },
        }
    }
}

/// How far back each kind of evidence reaches and how old it may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// Relative difference, 0-1, up to which two sources of one signal are taken to agree.
    pub agreement_tolerance: f64,
    /// Most days, 1-7, that the evidence window reaches back.
    pub evidence_max_days: u32,
    /// Requests that the evidence window must hold, 1 or more.
    pub evidence_requests: u64,
    /// Oldest age, in hours (1-168), of a gauge that still counts.
    pub gauge_max_age_hours: u32,
    /// Minutes (1-1440) that infra's data-through may lie behind; two of the source's steps where that is longer.
    pub infra_max_lag_minutes: u32,
    /// Minutes (10-1440) of the infra window.
    pub infra_window_minutes: u32,
    /// Hours (1-168) that a proposal stays open.
    pub proposal_hours: u32,
    /// Hours (1-48) that a sum's data-through may lie behind.
    pub sum_max_lag_hours: u32,
    /// Hours (1-168) of the sums' trailing window. Limits are per day: 24 unless there is a reason.
    pub sum_window_hours: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Windows {
            agreement_tolerance: 0.05,
            evidence_max_days: 7,
            evidence_requests: 2_000,
            gauge_max_age_hours: 36,
            infra_max_lag_minutes: 15,
            infra_window_minutes: 60,
            proposal_hours: 24,
            sum_max_lag_hours: 6,
            sum_window_hours: 24,
        }
    }
}

/// The most sources of a signal that are put in order.
const MOST_PREFERRED: usize = 10;

/// Everything about an environment that a founder may edit as configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub guardrails: Guardrails,
    pub limits: Limits,
    /// Signals declared not to exist for this business; they leave their formula.
    pub not_applicable: BTreeSet<Signal>,
    /// Which of several sources of a signal counts: the first of the list that says something. Sources that are not listed
    /// come after it, all together; where nothing is listed all sources count, and disagreement widens the interval.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub preferred_sources: BTreeMap<Signal, Vec<String>>,
    pub scoring: Scoring,
    /// IANA name of the zone whose calendar days are shown and in which the daily decision falls.
    pub time_zone: String,
    pub weights: Weights,
    pub windows: Windows,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            guardrails: Guardrails::default(),
            limits: Limits::default(),
            not_applicable: BTreeSet::new(),
            preferred_sources: BTreeMap::new(),
            scoring: Scoring::default(),
            time_zone: "UTC".to_owned(),
            weights: Weights::default(),
            windows: Windows::default(),
        }
    }
}

/// One thing that is wrong with a proposed configuration or body: the field, as a dotted path, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    pub detail: String,
    pub field: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> FieldError {
        FieldError { detail: detail.into(), field: field.into() }
    }
}

impl Policy {
    /// Everything that is wrong with the policy; empty when it is valid. The time zone's name is checked where a zone
    /// database is at hand (the server), since the domain has none.
    pub fn validate(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_limits(&self.limits, &mut errors);
        validate_guardrails(&self.guardrails, &mut errors);
        validate_weights(&self.weights, &mut errors);
        validate_windows(&self.windows, &mut errors);
        validate_scoring(&self.scoring, &mut errors);
        validate_not_applicable(&self.not_applicable, &mut errors);
        let is_order = |sources: &Vec<String>| {
            sources.len() <= MOST_PREFERRED && sources.iter().all(|source| !source.is_empty() && source.len() <= 512)
        };
        if !self.preferred_sources.values().all(is_order) {
            let sentence = format!("needs the names of at most {MOST_PREFERRED} sources for each signal");
            errors.push(FieldError::new("preferred_sources", sentence));
        }
        if self.time_zone.is_empty() || self.time_zone.len() > 64 {
            errors.push(FieldError::new("time_zone", "needs the IANA name of a time zone, such as Europe/Berlin"));
        }
        errors
    }

    pub fn applies(&self, signal: Signal) -> bool {
        !self.not_applicable.contains(&signal)
    }

    /// Whether the two differ in anything that changes answers (all but the time zone): such a change restarts
    /// stabilization and ends held answers.
    pub fn decides_differently(&self, other: &Policy) -> bool {
        self.guardrails != other.guardrails
            || self.limits != other.limits
            || self.not_applicable != other.not_applicable
            || self.preferred_sources != other.preferred_sources
            || self.scoring != other.scoring
            || self.weights != other.weights
            || self.windows != other.windows
    }
}

fn validate_limits(limits: &Limits, errors: &mut Vec<FieldError>) {
    for mode in Mode::ALL {
        let own = limits.of(mode);
        if own.max_ai_spend_per_day.micros() == 0 {
            errors.push(FieldError::new(format!("limits.{mode}.max_ai_spend_per_day"), "must be above zero"));
        }
        let Some(lower) = mode.previous() else {
            continue;
        };
        let below = limits.of(lower);
        let rises = [
            ("max_clients", own.max_clients > below.max_clients),
            ("max_posts_per_day", own.max_posts_per_day > below.max_posts_per_day),
            ("max_ai_spend_per_day", own.max_ai_spend_per_day > below.max_ai_spend_per_day),
        ];
        for (field, holds) in rises {
            if !holds {
                errors.push(FieldError::new(
                    format!("limits.{mode}.{field}"),
                    format!("must be higher than in {lower}, the mode below"),
                ));
            }
        }
    }
}

fn in_range(errors: &mut Vec<FieldError>, field: &str, value: f64, lo: f64, hi: f64) {
    if !(lo..=hi).contains(&value) {
        errors.push(FieldError::new(field, format!("must lie from {lo} to {hi}")));
    }
}

fn validate_guardrails(rails: &Guardrails, errors: &mut Vec<FieldError>) {
    for (field, value, hi) in [
        ("freeze_below_health", rails.freeze_below_health, 100.0),
        ("min_health_for_increase", rails.min_health_for_increase, 100.0),
        ("min_infra_health", rails.min_infra_health, 100.0),
        ("max_ai_cost_pressure", rails.max_ai_cost_pressure, 1.0),
        ("max_churn_risk", rails.max_churn_risk, 1.0),
        ("max_utilisation_for_increase", rails.max_utilisation_for_increase, 1.0),
        ("min_confidence_for_change", rails.min_confidence_for_change, 1.0),
        ("min_demand_for_increase", rails.min_demand_for_increase, 1.0),
        ("max_warning_density", rails.max_warning_density, 1_000.0),
        ("recovery_margin", rails.recovery_margin, 25.0),
        ("cooldown_hours", f64::from(rails.cooldown_hours), 720.0),
        ("recovery_hours", f64::from(rails.recovery_hours), 720.0),
    ] {
        in_range(errors, &format!("guardrails.{field}"), value, 0.0, hi);
    }
    in_range(errors, "guardrails.stabilization_hours", f64::from(rails.stabilization_hours), 1.0, 720.0);
    if rails.min_health_for_increase < rails.freeze_below_health {
        errors.push(FieldError::new(
            "guardrails.min_health_for_increase",
            "must not lie below freeze_below_health: one health cannot ask for Increase and Freeze",
        ));
    }
}

fn validate_weights(weights: &Weights, errors: &mut Vec<FieldError>) {
    for (field, value) in [
        ("ai_cost", weights.ai_cost),
        ("churn", weights.churn),
        ("infra", weights.infra),
        ("warnings", weights.warnings),
    ] {
        in_range(errors, &format!("weights.{field}"), value, 0.0, 1.0);
    }
    let sum = weights.ai_cost + weights.churn + weights.infra + weights.warnings;
    if sum.is_nan() || (sum - 1.0).abs() > 1e-9 {
        errors.push(FieldError::new("weights", format!("must sum to 1, not {}", super::interval::settle(sum))));
    }
}

fn validate_windows(windows: &Windows, errors: &mut Vec<FieldError>) {
    in_range(errors, "windows.agreement_tolerance", windows.agreement_tolerance, 0.0, 1.0);
    for (field, value, lo, hi) in [
        ("evidence_max_days", windows.evidence_max_days, 1, 7),
        ("gauge_max_age_hours", windows.gauge_max_age_hours, 1, 168),
        ("infra_max_lag_minutes", windows.infra_max_lag_minutes, 1, 1_440),
        ("infra_window_minutes", windows.infra_window_minutes, 10, 1_440),
        ("proposal_hours", windows.proposal_hours, 1, 168),
        ("sum_max_lag_hours", windows.sum_max_lag_hours, 1, 48),
        ("sum_window_hours", windows.sum_window_hours, 1, 168),
    ] {
        in_range(errors, &format!("windows.{field}"), f64::from(value), f64::from(lo), f64::from(hi));
    }
    if !(1..=1_000_000_000).contains(&windows.evidence_requests) {
        errors.push(FieldError::new("windows.evidence_requests", "must lie from 1 to 1000000000"));
    }
}

fn validate_scoring(scoring: &Scoring, errors: &mut Vec<FieldError>) {
    for (field, line, hi) in [
        ("cpu", scoring.cpu, 1.0),
        ("error_rate", scoring.error_rate, 1.0),
        ("latency_ms", scoring.latency_ms, 3_600_000.0),
    ] {
        in_range(errors, &format!("scoring.{field}.good"), line.good, 0.0, hi);
        in_range(errors, &format!("scoring.{field}.bad"), line.bad, 0.0, hi);
        if line.good.is_nan() || line.bad.is_nan() || line.good >= line.bad {
            errors.push(FieldError::new(format!("scoring.{field}.bad"), "must be higher than good"));
        }
    }
}

fn validate_not_applicable(signals: &BTreeSet<Signal>, errors: &mut Vec<FieldError>) {
    for signal in signals.iter().filter(|signal| !signal.may_be_not_applicable()) {
        errors.push(FieldError::new(
            "not_applicable",
            format!("{signal} cannot be declared not applicable: the answer stands on it"),
        ));
    }
    let gone = |signal| signals.contains(&signal);
    let errors_gone = gone(Signal::InfraErrors) || gone(Signal::InfraRequests);
    if gone(Signal::InfraCpu) && gone(Signal::InfraLatency) && errors_gone {
        errors.push(FieldError::new(
            "not_applicable",
            "at least one of CPU, latency and error rate must remain: infra health cannot rest on nothing",
        ));
    }
}

/// The configuration in force: what the founder has set, and the facts about past acts that decisions depend on.
/// Its canonical JSON is kept for each version, so that a snapshot can be proved later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Config {
    pub auto_mode: bool,
    pub environment: String,
    /// Frozen by the founder.
    pub frozen: bool,
    pub kind: EnvironmentKind,
    /// When the mode was last changed; `None` while it is the one the environment was created with.
    pub last_mode_change_at: Option<DateTime<Utc>>,
    pub mode: Mode,
    pub policy: Policy,
    /// Since when mode, limits, guardrails, weights, windows and scoring are what they are.
    pub policy_since: DateTime<Utc>,
    /// Rises by one with every change.
    pub version: u64,
}

impl Config {
    /// The configuration of a new environment: version 1, not frozen, auto-mode off. A live one is in force from `now`
    /// on, a recording's from its first sample on, whenever that was.
    pub fn new(environment: &str, kind: EnvironmentKind, mode: Mode, policy: Policy, now: DateTime<Utc>) -> Config {
        let policy_since = match kind {
            EnvironmentKind::Live => now,
            EnvironmentKind::Recorded | EnvironmentKind::Synthetic => DateTime::UNIX_EPOCH,
        };
        Config {
            auto_mode: false,
            environment: environment.to_owned(),
            frozen: false,
            kind,
            last_mode_change_at: None,
            mode,
            policy,
            policy_since,
            version: 1,
        }
    }

    pub fn limits(&self) -> &ModeLimits {
        self.policy.limits.of(self.mode)
    }
}

/// Whether a name may name an environment: 1-64 characters of `a-z`, `0-9`, `-`, `_`, beginning with a letter or digit.
pub fn is_environment_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with(['-', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(policy: &Policy) -> Vec<String> {
        policy.validate().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn the_defaults_are_valid_and_bands_meet_without_gap_or_overlap() {
        let policy = Policy::default();
        assert_eq!(policy.validate(), []);
        let bands = Mode::ALL.map(|mode| policy.limits.band(mode));
        assert_eq!(bands, [(0, 5), (6, 15), (16, 50), (51, 500)]);
    }

    #[test]
    fn caps_that_do_not_rise_are_named() {
        let mut policy = Policy::default();
        policy.limits.pilot.max_clients = policy.limits.lab.max_clients;
        policy.limits.lab.max_ai_spend_per_day = Usd(0);
        assert_eq!(fields(&policy), ["limits.lab.max_ai_spend_per_day", "limits.pilot.max_clients"]);
    }

    #[test]
    fn a_zero_limit_cannot_be_represented() {
        let text = r#"{"max_ai_spend_per_day":"10.00","max_clients":0,"max_posts_per_day":50}"#;
        assert!(serde_json::from_str::<ModeLimits>(text).is_err());
    }

    /// ASVS 2.2.3.
    #[test]
    fn out_of_range_and_contradictory_guardrails_are_named() {
        let mut policy = Policy::default();
        policy.guardrails.max_churn_risk = f64::NAN;
        policy.guardrails.min_health_for_increase = 30.0;
        policy.weights.infra = 0.5;
        assert_eq!(fields(&policy), ["guardrails.max_churn_risk", "guardrails.min_health_for_increase", "weights"]);
    }

    #[test]
    fn infra_may_lose_parts_but_never_all_and_money_none() {
        let mut policy = Policy::default();
        policy.not_applicable.extend([Signal::InfraCpu, Signal::PostsPublished, Signal::InfraErrors]);
        assert_eq!(policy.validate(), []);
        policy.not_applicable.insert(Signal::InfraLatency);
        policy.not_applicable.insert(Signal::AiSpend);
        assert_eq!(fields(&policy), ["not_applicable", "not_applicable"]);
    }

    #[test]
    fn a_typo_in_a_guardrail_is_refused_by_name() {
        let text = r#"{"guardrails":{"max_chrun_risk":0.1}}"#;
        let error = serde_json::from_str::<Policy>(text).unwrap_err().to_string();
        assert!(error.contains("max_chrun_risk"), "{error}");
    }
}

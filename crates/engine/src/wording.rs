//! Owns the sentences: rule details, verdict and narrative, as templates over recorded values.
//! Must not know how anything was computed; it says only what a snapshot holds.

use super::breach::Breach;
use super::decision::{Assessment, Recommendation};
use super::facts::{Facts, decides};
use super::headroom::Headroom;
use super::input::{Input, InputState};
use super::interval::{Count, Interval, Outcome};
use super::policy::Config;
use super::recent::Recent;
use super::rule::RuleId;
use super::snapshot::Truth;
use std::borrow::Cow;
use std::fmt::Write;

/// A score or a ratio's per cent, to one decimal where it has one: `92`, `92.3`.
pub fn number(value: f64) -> String {
    let tenths = (value * 10.0).round();
    let whole = tenths as u64;
    if whole as f64 != tenths || whole >= 1 << 50 {
        return (tenths / 10.0).to_string();
    }
    match (whole / 10, whole % 10) {
        (ones, 0) => ones.to_string(),
        (ones, tenth) => format!("{ones}.{tenth}"),
    }
}

/// An interval in words: `92`, `62 to 85`, `at least 5`.
pub fn interval(value: Interval) -> String {
    if value.is_exact() || number(value.lo()) == number(value.hi()) {
        number(value.lo())
    } else if value.hi().is_finite() {
        format!("{} to {}", number(value.lo()), number(value.hi()))
    } else if value.lo() > 0.0 {
        format!("at least {}", number(value.lo()))
    } else {
        "unknown".to_owned()
    }
}

/// A score in words; one of which nothing is known is unknown, not everything.
fn score(value: Interval) -> String {
    if value == Interval::SCORE { "unknown".to_owned() } else { interval(value) }
}

/// A count in words.
pub fn count(value: Count) -> String {
    if value.is_exact() {
        value.lo.to_string()
    } else if value.is_bounded() {
        format!("{} to {}", value.lo, value.hi)
    } else if value.lo > 0 {
        format!("at least {}", value.lo)
    } else {
        "unknown".to_owned()
    }
}

/// What a breach is called in a sentence.
pub const fn breach_words(breach: Breach) -> &'static str {
    match breach {
        Breach::Health => "overall health",
        Breach::OverLimit => "the mode's limits",
        Breach::WarningDensity => "warning density",
        Breach::ChurnRisk => "churn risk",
        Breach::AiCostPressure => "AI cost pressure",
        Breach::InfraHealth => "infra health",
    }
}

/// What binds headroom, in words.
pub fn binding_words(binding: &str) -> &'static str {
    match binding {
        "clients" => "the client limit",
        "posts" => "posts",
        "ai_spend" | "ai_cost_pressure" => "AI spend",
        "warning_density" => "warning density",
        "churn_risk" => "churn risk",
        "infra_health" => "infra health",
        "health" => "overall health",
        "frozen" => "your own freeze",
        _ => "the freeze",
    }
}

/// What a rule asks, in one sentence.
pub fn rule_detail(rule: RuleId, recent: &Recent) -> Cow<'static, str> {
    Cow::Borrowed(match rule {
        RuleId::FreezeHealth => "overall health must not lie below the freeze line",
        RuleId::OverLimitClients => "active clients within the mode's limit",
        RuleId::OverLimitPosts => "posts of the trailing day within the mode's limit",
        RuleId::OverLimitAiSpend => "AI spend of the trailing day within the mode's limit",
        RuleId::GuardrailWarningDensity => "warnings per client; a single warning breaks nothing",
        RuleId::GuardrailChurnRisk => "share of clients at risk; a single client breaks nothing",
        RuleId::GuardrailAiCostPressure => "AI spend as a share of its limit",
        RuleId::GuardrailInfraHealth => "the weakest of CPU, latency and error rate",
        RuleId::DecreaseFits => "a lower mode exists and today's load fits its limits",
        RuleId::IncreaseNextMode => "there is a mode above",
        RuleId::IncreaseDemand => "clients as a share of the limit: the reason to move",
        RuleId::IncreaseHealth => "overall health, at its worst",
        RuleId::IncreaseUtilisation => "the higher of posts and AI spend, at its worst",
        RuleId::IncreaseWarningDensity => "warnings per client, at their worst",
        RuleId::IncreaseChurnRisk => "share of clients at risk, at its worst",
        RuleId::IncreaseAiCostPressure => "AI spend as a share of its limit, at its worst",
        RuleId::IncreaseInfraHealth => "infra health, at its worst",
        RuleId::IncreaseCriticalWarnings => "open critical warnings",
        RuleId::IncreaseConfidence => "how complete the evidence is",
        RuleId::IncreaseNotFrozen => "the founder has not frozen the environment",
        RuleId::IncreaseCooldown => "hours since the mode was last changed",
        RuleId::IncreaseStabilization => {
            let stable = &recent.stabilization;
            return if stable.unsafe_ticks > 0 {
                Cow::Borrowed("ticks that met the conditions; a Freeze or Decrease lies among them")
            } else if !stable.last_three {
                Cow::Borrowed("ticks that met the conditions; one of the last three did not")
            } else {
                Cow::Borrowed("ticks of the stabilization window that met the conditions")
            };
        }
        RuleId::Recovery => "no breach of the past is still to be recovered from, in hours",
    })
}

/// The deciding inputs that are incomplete.
fn unsettled(inputs: &[Input]) -> impl Iterator<Item = &Input> {
    inputs.iter().filter(|input| {
        decides(input) && !matches!(input.state, InputState::Known | InputState::Synthetic | InputState::NotApplicable)
    })
}

/// A signal's name as a founder says it.
fn plain_name(input: &Input) -> &'static str {
    use super::signal::{Severity, Signal};
    match (input.signal, input.severity) {
        (Signal::ClientsActive, _) => "the number of clients",
        (Signal::ClientsAtRisk, _) => "churn data",
        (Signal::WarningsOpen, Some(Severity::Critical)) => "critical warnings",
        (Signal::WarningsOpen, _) => "warnings",
        (Signal::PostsPublished, _) => "posts",
        (Signal::AiSpend, _) => "AI spend",
        (Signal::InfraCpu, _) => "CPU",
        (Signal::InfraLatency, _) => "latency",
        (Signal::InfraRequests, _) => "requests",
        (Signal::InfraErrors, _) => "errors",
    }
}

/// Why an input is not known, with the input's own words where it has some.
fn plain_state(input: &Input) -> Cow<'_, str> {
    match (&input.note, input.state) {
        (Some(note), InputState::Stale) => Cow::Owned(format!("stale ({note})")),
        (Some(note), InputState::Contradictory) => Cow::Owned(format!("contradictory ({note})")),
        (_, InputState::Partial) => Cow::Borrowed("covered only in part"),
        (_, state) => Cow::Borrowed(state.name()),
    }
}

/// The names of what is not known, each once, in the order of the inputs.
fn unknown_names(inputs: &[Input]) -> Vec<(&'static str, Cow<'_, str>)> {
    let mut names: Vec<(&'static str, Cow<'_, str>)> = Vec::new();
    for input in unsettled(inputs) {
        let name = plain_name(input);
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, plain_state(input)));
        }
    }
    names
}

/// One sentence that answers the question; it leads with clients.
pub fn verdict(config: &Config, inputs: &[Input], assessment: &Assessment, headroom: &Headroom) -> String {
    let mode = config.mode;
    if assessment.synthetic {
        return "Hold: synthetic data decides nothing".to_owned();
    }
    match assessment.recommendation {
        Recommendation::Increase => match mode.next() {
            Some(next) => format!("Move up to {next}: every condition holds"),
            None => "Hold".to_owned(),
        },
        Recommendation::Freeze => format!("Freeze, take nobody: {}", cause(assessment)),
        Recommendation::Decrease => match mode.previous() {
            Some(lower) => format!("Step back to {lower}: {}", cause(assessment)),
            None => "Freeze".to_owned(),
        },
        Recommendation::Hold => hold_verdict(config, inputs, assessment, headroom),
    }
}

fn hold_verdict(config: &Config, inputs: &[Input], assessment: &Assessment, headroom: &Headroom) -> String {
    let mode = config.mode;
    if config.frozen {
        return format!("Hold in {mode}, take nobody: you have frozen it");
    }
    if assessment.over_limit {
        return format!("Hold in {mode}: over the limit, take nobody");
    }
    let connected = inputs
        .iter()
        .any(|input| decides(input) && input.state != InputState::Missing && input.state != InputState::NotApplicable);
    if !connected {
        return format!("Hold in {mode}: nothing is connected yet");
    }
    if headroom.clients == 0
        && let Some((name, state)) = unknown_names(inputs).into_iter().next()
    {
        return format!("Hold in {mode}: {name} {} {state}", verb(name));
    }
    match headroom.clients {
        0 => format!("Stay in {mode}: no room for more clients; {} binds", binding_words(&headroom.binding)),
        1 => format!("Stay in {mode}: room for 1 more client; {} binds first", binding_words(&headroom.binding)),
        room => {
            format!("Stay in {mode}: room for {room} more clients; {} binds first", binding_words(&headroom.binding))
        }
    }
}

fn verb(name: &str) -> &'static str {
    match name {
        "critical warnings" | "warnings" | "posts" | "requests" | "errors" => "are",
        _ => "is",
    }
}

/// The first breach that is certain today.
fn fresh_cause(assessment: &Assessment) -> Option<Breach> {
    Breach::ALL.into_iter().find(|breach| match breach {
        Breach::OverLimit => assessment.over_limit && assessment.standing.contains(Breach::OverLimit),
        breach => assessment.breach_outcome(*breach) == Outcome::Failed,
    })
}

/// What brought about a Freeze or Decrease.
fn cause(assessment: &Assessment) -> String {
    match fresh_cause(assessment) {
        Some(Breach::Health) => format!("overall health is {}", interval(assessment.health.scores.overall)),
        Some(Breach::OverLimit) => "over the limit, and an increase is out of reach".to_owned(),
        Some(Breach::InfraHealth) => format!("infra health is {}", interval(assessment.health.scores.infra_health)),
        Some(breach) => format!("{} is over its guardrail", breach_words(breach)),
        None => match assessment.standing.iter().next() {
            Some(Breach::OverLimit) => "it is not known that the limits are kept again".to_owned(),
            Some(breach) => format!("{} has not been clear for long enough", breach_words(breach)),
            None => "a guardrail is broken".to_owned(),
        },
    }
}

/// The answer told in a few sentences, from recorded values only.
pub fn narrative(
    config: &Config,
    inputs: &[Input],
    facts: &Facts,
    assessment: &Assessment,
    truth: &Truth,
    recent: &Recent,
) -> String {
    let health = &assessment.health;
    let mut text = String::with_capacity(512);
    let limit = config.limits().max_clients;
    let _ = if facts.clients == Count::UNKNOWN {
        write!(text, "In {}, for at most {limit} clients; how many there are is not known. ", config.mode)
    } else {
        write!(text, "In {} with {} of {limit} clients. ", config.mode, count(facts.clients))
    };
    let _ = write!(
        text,
        "Overall health is {}: infra {}, AI cost pressure {}, warning density {}, churn risk {}. ",
        score(health.scores.overall),
        score(health.scores.infra_health),
        score(health.scores.ai_cost_pressure),
        score(health.scores.warning_density),
        score(health.scores.churn_risk),
    );
    let _ = write!(text, "Evidence is complete to {} %. ", number(health.confidence * 100.0));
    match assessment.recommendation {
        Recommendation::Increase => {
            let stable = &recent.stabilization;
            let _ = write!(text, "The conditions have held at {} of {} ticks.", stable.held, stable.expected);
        }
        Recommendation::Freeze | Recommendation::Decrease => {
            let _ = write!(text, "The answer is {}: {}", assessment.recommendation.name(), cause(assessment));
            text.push_str(match (assessment.held, fresh_cause(assessment)) {
                (false, _) => ".",
                (true, None) => "; it is prolonged until that has lasted.",
                (true, Some(_)) => "; the answer before is kept until that has been clear for long enough.",
            });
        }
        Recommendation::Hold => {
            let failing = assessment.conditions().filter(|result| result.outcome == Outcome::Failed).count();
            if let Some(blocked) = &truth.blocked {
                let _ = write!(text, "{} is blocked: {}.", capital(blocked.recommendation), blocked.reason);
            } else if failing > 0 {
                text.push_str("Not every condition of an increase holds:");
                let mut separator = " ";
                for result in assessment.conditions().filter(|result| result.outcome == Outcome::Failed) {
                    let _ = write!(text, "{separator}{}", condition_words(result.rule));
                    separator = ", ";
                }
                text.push('.');
            }
        }
    }
    let unknown = unknown_names(inputs);
    if !unknown.is_empty() {
        text.push_str(" Not known whole: ");
        for (place, (name, state)) in unknown.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            let _ = write!(text, "{separator}{name} ({state})");
        }
        text.push('.');
    }
    text
}

/// An answer at the beginning of a sentence.
pub const fn capital(recommendation: Recommendation) -> &'static str {
    match recommendation {
        Recommendation::Increase => "Increase",
        Recommendation::Hold => "Hold",
        Recommendation::Decrease => "Decrease",
        Recommendation::Freeze => "Freeze",
    }
}

/// A condition of an increase, as a thing that may be lacking.
pub const fn condition_words(rule: RuleId) -> &'static str {
    match rule {
        RuleId::IncreaseNextMode => "a mode above",
        RuleId::IncreaseDemand => "demand",
        RuleId::IncreaseHealth => "overall health",
        RuleId::IncreaseUtilisation => "utilisation",
        RuleId::IncreaseWarningDensity => "warning density",
        RuleId::IncreaseChurnRisk => "churn risk",
        RuleId::IncreaseAiCostPressure => "AI cost pressure",
        RuleId::IncreaseInfraHealth => "infra health",
        RuleId::IncreaseCriticalWarnings => "critical warnings",
        RuleId::IncreaseConfidence => "evidence",
        RuleId::IncreaseNotFrozen => "your own freeze",
        RuleId::IncreaseCooldown => "the cool-down",
        RuleId::IncreaseStabilization => "stabilization",
        _ => "a rule",
    }
}

/// Why an Increase is blocked by what is not known.
pub fn unknown_reason(inputs: &[Input]) -> String {
    let names = unknown_names(inputs);
    if names.is_empty() {
        return "there is too little evidence yet".to_owned();
    }
    let list: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    format!("it depends on what is not known: {}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_has_one_decimal_or_none(thousandths in 0u64..10_000_000, huge in any::<f64>()) {
            for value in [thousandths as f64 / 1_000.0, thousandths as f64, huge.abs()] {
                prop_assert_eq!(number(value), format!("{}", (value * 10.0).round() / 10.0));
            }
        }
    }
}

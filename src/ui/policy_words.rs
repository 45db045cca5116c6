//! Owns the words for the fields of the policy: label, unit and one line of help for each, and the names of its parts.
//! Must not know values, ranges or defaults: the domain's list of fields does.

use super::words;
use crate::domain::mode::Mode;
use crate::domain::policy_fields::{Group, Kind, PolicyField};
use crate::domain::signal::Signal;

/// The name of a part of the policy, as a heading.
pub const fn group(group: Group) -> &'static str {
    match group {
        Group::Limits(_) => "Limits",
        Group::Guardrails => "Guardrails",
        Group::Weights => "Weights",
        Group::Windows => "Windows",
        Group::Scoring => "Scoring lines",
        Group::Business => "Your business",
    }
}

/// What a part of the policy is for, in one line.
pub const fn about(group: Group) -> &'static str {
    match group {
        Group::Limits(_) => "The most that each mode carries. Every limit rises from mode to mode.",
        Group::Guardrails => "The lines that are not to be crossed. A number that meets its line exactly is within it.",
        Group::Weights => "How much each part counts in overall health. Together they make 1.",
        Group::Windows => "How far back the evidence reaches and how old it may be.",
        Group::Scoring => "Where a part of infra health is good and where it is bad. Good lies below bad.",
        Group::Business => "What holds for your business alone.",
    }
}

/// The unit that is written after the number; empty if the field isn't a number.
pub const fn unit(field: PolicyField) -> &'static str {
    match field.kind() {
        Kind::Clients => "clients",
        Kind::Posts => "posts a day",
        Kind::Requests => "requests",
        Kind::Warnings => "warnings",
        Kind::Hours => "hours",
        Kind::Minutes => "minutes",
        Kind::Days => "days",
        Kind::Usd => "USD a day",
        Kind::Ratio => "of 1",
        Kind::ErrorsPerRequest => "per request",
        Kind::Points => "points",
        Kind::WarningsPerClient => "per client",
        Kind::Milliseconds => "ms",
        Kind::TimeZone | Kind::Signals => "",
    }
}

/// The field's name for people; each its own.
pub fn label(field: PolicyField) -> &'static str {
    about_field(field).0
}

/// What the field holds, in one line.
pub fn help(field: PolicyField) -> &'static str {
    about_field(field).1
}

/// The name of a limit beside its mode, as the head of a column.
pub const fn cap(kind: Kind) -> &'static str {
    match kind {
        Kind::Clients => "Most clients",
        Kind::Posts => "Most posts per day",
        _ => "Most AI spend per day",
    }
}

/// A value as the page writes it: with its unit, signals by their names for people.
pub fn value(field: PolicyField, text: &str) -> String {
    match field.kind() {
        Kind::Signals if text.is_empty() => "none".to_owned(),
        Kind::Signals => {
            let names = text.split(',').filter_map(Signal::from_name).map(|signal| words::signal(signal, None));
            names.collect::<Vec<_>>().join(", ")
        }
        Kind::TimeZone => text.to_owned(),
        _ => [text, " ", unit(field)].concat(),
    }
}

/// The mistake, as a sentence for the place beside its field.
pub fn sentence(detail: &str) -> String {
    // A name such as ai.spend is written as it is.
    let is_name = detail.split(' ').next().is_some_and(|first| first.contains('.'));
    match detail.chars().next() {
        Some(first) if !is_name => [&first.to_ascii_uppercase().to_string(), &detail[first.len_utf8()..], "."].concat(),
        _ => [detail, "."].concat(),
    }
}

fn about_field(field: PolicyField) -> (&'static str, &'static str) {
    match field.group() {
        Group::Limits(mode) => limit(mode, field.kind()),
        Group::Guardrails => guardrail(field.path()),
        Group::Weights | Group::Scoring => score(field.path()),
        Group::Windows => window(field.path()),
        Group::Business => business(field.kind()),
    }
}

const fn limit(mode: Mode, kind: Kind) -> (&'static str, &'static str) {
    match (mode, kind) {
        (Mode::Lab, Kind::Clients) => ("Most clients in Lab", "Active clients that this mode carries at most."),
        (Mode::Lab, Kind::Posts) => ("Most posts per day in Lab", "Posts published in any 24 hours."),
        (Mode::Lab, _) => ("Most AI spend per day in Lab", "AI spend in any 24 hours."),
        (Mode::Pilot, Kind::Clients) => ("Most clients in Pilot", "Active clients that this mode carries at most."),
        (Mode::Pilot, Kind::Posts) => ("Most posts per day in Pilot", "Posts published in any 24 hours."),
        (Mode::Pilot, _) => ("Most AI spend per day in Pilot", "AI spend in any 24 hours."),
        (Mode::Growth, Kind::Clients) => ("Most clients in Growth", "Active clients that this mode carries at most."),
        (Mode::Growth, Kind::Posts) => ("Most posts per day in Growth", "Posts published in any 24 hours."),
        (Mode::Growth, _) => ("Most AI spend per day in Growth", "AI spend in any 24 hours."),
        (Mode::Scale, Kind::Clients) => ("Most clients in Scale", "Active clients that this mode carries at most."),
        (Mode::Scale, Kind::Posts) => ("Most posts per day in Scale", "Posts published in any 24 hours."),
        (Mode::Scale, _) => ("Most AI spend per day in Scale", "AI spend in any 24 hours."),
    }
}

fn guardrail(path: &str) -> (&'static str, &'static str) {
    match path {
        "guardrails.freeze_below_health" => {
            ("Freeze below this health", "Overall health below this line means Freeze.")
        }
        "guardrails.min_health_for_increase" => {
            ("Least health for an Increase", "Overall health that an Increase needs. Not below the Freeze line.")
        }
        "guardrails.min_infra_health" => ("Least infra health", "Infra health below this line is a breach."),
        "guardrails.max_ai_cost_pressure" => {
            ("Most AI cost pressure", "AI spend as a share of its limit. More is a breach.")
        }
        "guardrails.max_churn_risk" => {
            ("Most churn risk", "Clients at risk as a share of active clients. More is a breach.")
        }
        "guardrails.max_warning_density" => {
            ("Most warnings per client", "Open warnings per active client. More is a breach.")
        }
        "guardrails.max_critical_warnings" => (
            "Most critical warnings for an Increase",
            "Open critical warnings with which an Increase may still be given.",
        ),
        "guardrails.max_utilisation_for_increase" => {
            ("Most utilisation for an Increase", "The higher of posts and AI spend as a share of its limit.")
        }
        "guardrails.min_demand_for_increase" => (
            "Least demand for an Increase",
            "Active clients as a share of the limit, from which an Increase has a reason.",
        ),
        "guardrails.min_confidence_for_change" => {
            ("Least confidence for an Increase", "How complete the evidence must be for an Increase.")
        }
        "guardrails.stabilization_hours" => ("Stabilization", "How long the conditions of an Increase must have held."),
        "guardrails.cooldown_hours" => ("Cooldown", "No Increase for so long after a change of mode."),
        "guardrails.recovery_hours" => {
            ("Recovery", "How long a breach must have been clear before Freeze or Decrease is left.")
        }
        "guardrails.recovery_margin" => {
            ("Recovery margin", "Points by which a breach must be clear. For a ratio, twice as many per cent.")
        }
        _ => ("", ""),
    }
}

fn score(path: &str) -> (&'static str, &'static str) {
    match path {
        "weights.infra" => ("Weight of infra health", "How much infra health counts in overall health."),
        "weights.ai_cost" => ("Weight of AI cost", "How much AI cost pressure counts in overall health."),
        "weights.warnings" => ("Weight of warnings", "How much open warnings count in overall health."),
        "weights.churn" => ("Weight of churn risk", "How much churn risk counts in overall health."),
        "scoring.cpu.good" => ("CPU: good", "CPU use up to this scores 100."),
        "scoring.cpu.bad" => ("CPU: bad", "CPU use from this on scores 0."),
        "scoring.error_rate.good" => ("Error rate: good", "Errors per request up to this score 100."),
        "scoring.error_rate.bad" => ("Error rate: bad", "Errors per request from this on score 0."),
        "scoring.latency_ms.good" => ("Latency: good", "A 95th percentile up to this scores 100."),
        "scoring.latency_ms.bad" => ("Latency: bad", "A 95th percentile from this on scores 0."),
        _ => ("", ""),
    }
}

fn window(path: &str) -> (&'static str, &'static str) {
    match path {
        "windows.sum_window_hours" => (
            "Window of posts and AI spend",
            "How far back they are added up. Limits are per day, so leave it at 24 unless there is a reason.",
        ),
        "windows.sum_max_lag_hours" => {
            ("Oldest data on posts and AI spend", "How far their data may lie behind and still count.")
        }
        "windows.gauge_max_age_hours" => {
            ("Oldest count of clients and warnings", "How old the newest count may be and still count.")
        }
        "windows.infra_window_minutes" => ("Window of infra", "How far back CPU, latency and errors are looked at."),
        "windows.infra_max_lag_minutes" => {
            ("Oldest data on infra", "How far infra data may lie behind and still count.")
        }
        "windows.evidence_requests" => {
            ("Requests that prove health", "How many requests the evidence of infra health must hold.")
        }
        "windows.evidence_max_days" => ("Farthest evidence", "How many days back those requests may be looked for."),
        "windows.agreement_tolerance" => {
            ("Agreement of two sources", "Relative difference up to which two sources of one signal agree.")
        }
        "windows.proposal_hours" => ("Proposals stay open", "How long a proposal may be accepted."),
        _ => ("", ""),
    }
}

const fn business(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Signals => (
            "What your business does not have",
            "A signal ticked here leaves its formula. One part of infra must remain.",
        ),
        _ => ("Time zone", "IANA name, such as Europe/Berlin. The daily decision falls in it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_name_of_its_own_a_line_of_help_and_a_unit_where_it_is_a_number() {
        for (place, field) in PolicyField::ALL.iter().enumerate() {
            assert!(!label(*field).is_empty() && help(*field).ends_with('.'), "{field:?}");
            assert_eq!(unit(*field).is_empty(), !field.is_number(), "{field:?}");
            for other in &PolicyField::ALL[place + 1..] {
                assert_ne!(label(*field), label(*other));
            }
        }
    }

    #[test]
    fn values_and_mistakes_are_put_in_words() {
        let told = |path, text| value(PolicyField::by_path(path).unwrap(), text);
        assert_eq!(told("limits.lab.max_ai_spend_per_day", "10.00"), "10.00 USD a day");
        assert_eq!(told("not_applicable", "infra.cpu,posts.published"), "CPU, Posts published");
        assert_eq!(told("not_applicable", ""), "none");
        assert_eq!(sentence("must lie from 0 to 1"), "Must lie from 0 to 1.");
        assert_eq!(sentence("ai.spend cannot be left out"), "ai.spend cannot be left out.");
    }
}

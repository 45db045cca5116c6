//! Owns the words for what the domain names: answers, signals, states, events, windows. Must not decide anything.

use super::format;
use crate::domain::consequence::{Consequence, Load};
use crate::domain::decision::Recommendation;
use crate::domain::history::EventType;
use crate::domain::input::{InputState, Window, WindowName};
use crate::domain::interval::Outcome;
use crate::domain::mode::Mode;
use crate::domain::signal::{Aggregation, Severity, Signal, Unit};
use crate::domain::snapshot::Origin;
use format::Measure;

pub const fn answer(recommendation: Recommendation) -> &'static str {
    match recommendation {
        Recommendation::Increase => "Increase",
        Recommendation::Hold => "Hold",
        Recommendation::Decrease => "Decrease",
        Recommendation::Freeze => "Freeze",
    }
}

pub const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Lab => "Lab",
        Mode::Pilot => "Pilot",
        Mode::Growth => "Growth",
        Mode::Scale => "Scale",
    }
}

pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "Passed",
        Outcome::Failed => "Failed",
        Outcome::Unknown => "Unknown",
    }
}

pub const fn state(state: InputState) -> &'static str {
    match state {
        InputState::Known => "Known",
        InputState::Partial => "Partial",
        InputState::Stale => "Stale",
        InputState::Missing => "Missing",
        InputState::Contradictory => "Contradictory",
        InputState::Synthetic => "Synthetic",
        InputState::NotApplicable => "Not applicable",
    }
}

pub const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Scheduled => "Scheduled",
        Origin::Daily => "Daily decision",
        Origin::OnDemand => "On demand",
        Origin::Replay => "Replay",
    }
}

pub const fn event(event_type: EventType) -> &'static str {
    match event_type {
        EventType::ModeChanged => "Mode changed",
        EventType::Frozen => "Frozen",
        EventType::Unfrozen => "Unfrozen",
        EventType::ConfigChanged => "Configuration changed",
        EventType::AutoModeChanged => "Auto-mode changed",
        EventType::SnapshotRecorded => "Snapshot recorded",
        EventType::RecommendationChanged => "Recommendation changed",
        EventType::ProposalOpened => "Proposal opened",
        EventType::ProposalAccepted => "Proposal accepted",
        EventType::ProposalDismissed => "Proposal dismissed",
        EventType::ProposalExpired => "Proposal expired",
        EventType::AccessChanged => "Access changed",
        EventType::Accessed => "Read from outside",
        EventType::Exported => "History exported",
        EventType::Note => "Note",
    }
}

pub fn signal(signal: Signal, severity: Option<Severity>) -> &'static str {
    match (signal, severity) {
        (Signal::ClientsActive, _) => "Active clients",
        (Signal::ClientsAtRisk, _) => "Clients at risk",
        (Signal::WarningsOpen, Some(Severity::Critical)) => "Open critical warnings",
        (Signal::WarningsOpen, Some(Severity::Info)) => "Open notices (info)",
        (Signal::WarningsOpen, _) => "Open warnings",
        (Signal::PostsPublished, _) => "Posts published",
        (Signal::AiSpend, _) => "AI spend",
        (Signal::InfraCpu, _) => "CPU",
        (Signal::InfraLatency, _) => "Latency",
        (Signal::InfraRequests, _) => "Requests",
        (Signal::InfraErrors, _) => "Failed requests",
    }
}

/// How a value of a unit is written.
pub const fn measure(unit: Unit) -> Measure {
    match unit {
        Unit::Clients => Measure::CLIENTS,
        Unit::Events => Measure::WARNINGS,
        Unit::Posts => Measure::POSTS,
        Unit::Usd => Measure::Money,
        Unit::Requests => Measure::REQUESTS,
        Unit::Milliseconds => Measure::Milliseconds,
        Unit::Ratio | Unit::Percent => Measure::Part,
    }
}

/// What a latency is: an aggregate is never passed off as a percentile of requests.
pub const fn aggregation(aggregation: Option<Aggregation>) -> &'static str {
    match aggregation {
        None => "95th percentile",
        Some(Aggregation::P95) => "95th percentile, as its source had it",
        Some(Aggregation::Mean) => "mean, as its source had it",
    }
}

/// Which stretch of time a window is, with its length.
pub fn window(window: &Window) -> String {
    let length = format::length(window.to - window.from);
    match window.name {
        WindowName::Latest => "Latest value".to_owned(),
        WindowName::Trailing => format!("Trailing {length}"),
        WindowName::LastHour => format!("Last {length}"),
        WindowName::Evidence => format!("Evidence window, {length}"),
        WindowName::Today => "Today so far".to_owned(),
    }
}

/// What choosing a mode would mean, in one or two sentences.
pub fn consequence(consequence: &Consequence, load: &Load, current: Mode) -> String {
    let limits = &consequence.limits;
    let caps = format!(
        "{} carries up to {}, {} and {} of AI spend a day.",
        mode(consequence.mode),
        format::value(exactly(limits.max_clients.get()), Measure::CLIENTS),
        format::value(exactly(limits.max_posts_per_day.get()), Measure::POSTS),
        format::money(limits.max_ai_spend_per_day),
    );
    let parts = [
        (Some(consequence.clients), "clients", format::value(load.clients, Measure::CLIENTS)),
        (consequence.posts, "posts", load.posts.map_or_else(String::new, |posts| format::value(posts, Measure::POSTS))),
        (
            Some(consequence.ai_spend),
            "AI spend",
            format!("{} of AI spend", format::value(load.ai_spend, Measure::Money)),
        ),
    ];
    let named = |wanted: Outcome, in_numbers: bool| {
        let named: Vec<&str> = parts
            .iter()
            .filter(|(outcome, ..)| *outcome == Some(wanted))
            .map(|(_, name, number)| if in_numbers { number.as_str() } else { name })
            .collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    let fit = match (named(Outcome::Failed, true), named(Outcome::Unknown, false)) {
        (Some(over), _) => format!("Today's load would be over it: {over}."),
        (None, Some(unknown)) => format!("Whether today's load fits is not known: {unknown}."),
        (None, None) => "Today's load fits.".to_owned(),
    };
    let now = if consequence.mode == current { " It is the mode in force." } else { "" };
    format!("{caps} {fit}{now}")
}

fn exactly(count: u64) -> crate::domain::input::Value {
    crate::domain::input::Value::Count(crate::domain::interval::Count::exactly(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::consequence::consequence as consequence_of;
    use crate::domain::interval::Count;
    use crate::domain::policy::Limits;

    #[test]
    fn a_consequence_says_caps_and_what_is_over_or_not_known() {
        let limits = Limits::default();
        let load = Load {
            clients: exactly(12),
            posts: Some(exactly(20)),
            ai_spend: crate::domain::input::Value::Money(Count::exactly(2_000_000)),
        };
        let said = |load: &Load, mode| consequence(&consequence_of(&limits, load, mode), load, Mode::Pilot);
        assert_eq!(
            said(&load, Mode::Lab),
            "Lab carries up to 5 clients, 50 posts and $10.00 of AI spend a day. Today's load would be over it: 12 clients."
        );
        assert!(said(&load, Mode::Pilot).ends_with("Today's load fits. It is the mode in force."));
        assert!(said(&Load::UNKNOWN, Mode::Scale).ends_with("is not known: clients, posts, AI spend."));
    }
}

//! Owns what can be shared with somebody from outside. Must not hold anything that is not meant for them.

use crate::decision::Recommendation;
use crate::history::{Event, EventType};
use crate::interval::Interval;
use crate::mode::Mode;
use crate::policy::EnvironmentKind;
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A view that can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedView {
    /// The recommendation, and the mode that it is for.
    Answer,
    /// The five scores.
    Scores,
    /// When modes changed and growth was frozen, without reasons and names.
    Timeline,
}

impl SharedView {
    pub const ALL: [SharedView; 3] = [SharedView::Answer, SharedView::Scores, SharedView::Timeline];

    pub const fn name(self) -> &'static str {
        match self {
            SharedView::Answer => "answer",
            SharedView::Scores => "scores",
            SharedView::Timeline => "timeline",
        }
    }

    pub fn from_name(name: &str) -> Option<SharedView> {
        SharedView::ALL.into_iter().find(|view| view.name() == name)
    }

    pub const fn says(self) -> &'static str {
        match self {
            SharedView::Answer => "the answer and the mode",
            SharedView::Scores => "the five scores",
            SharedView::Timeline => "when the mode changed, without reasons and names",
        }
    }
}

/// The answer as it is shared: without limits, inputs and sources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedAnswer {
    pub as_of: DateTime<Utc>,
    pub frozen: bool,
    pub mode: Mode,
    pub recommendation: Recommendation,
    pub target_mode: Option<Mode>,
}

/// A score as it is shared, from 0 to 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedScore {
    pub name: String,
    pub value: Interval,
}

/// A change as it is shared: what, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedEvent {
    pub at: DateTime<Utc>,
    pub event_type: EventType,
    pub new_mode: Option<Mode>,
    pub old_mode: Option<Mode>,
}

/// What events are shared.
pub const SHARED_EVENTS: [EventType; 3] = [EventType::Frozen, EventType::ModeChanged, EventType::Unfrozen];

/// All that a shared page shows; what was not shared is not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shared {
    pub answer: Option<SharedAnswer>,
    pub environment: String,
    pub events: Vec<SharedEvent>,
    pub from: Option<DateTime<Utc>>,
    pub kind: EnvironmentKind,
    pub now: DateTime<Utc>,
    pub scores: Vec<SharedScore>,
    pub to: Option<DateTime<Utc>>,
    pub views: Vec<SharedView>,
}

impl SharedAnswer {
    pub fn of(snapshot: &Snapshot) -> SharedAnswer {
        let body = &snapshot.body;
        SharedAnswer {
            as_of: body.as_of,
            frozen: body.frozen,
            mode: body.mode,
            recommendation: body.recommendation,
            target_mode: body.target_mode,
        }
    }
}

/// The scores of a snapshot.
pub fn scores(snapshot: &Snapshot) -> Vec<SharedScore> {
    let scores = &snapshot.body.scores;
    [
        ("Overall", scores.overall),
        ("Infrastructure health", scores.infra_health),
        ("AI cost pressure", scores.ai_cost_pressure),
        ("Warning density", scores.warning_density),
        ("Churn risk", scores.churn_risk),
    ]
    .into_iter()
    .map(|(name, value)| SharedScore { name: name.to_owned(), value })
    .collect()
}

impl SharedEvent {
    pub fn of(event: &Event) -> SharedEvent {
        SharedEvent { at: event.at, event_type: event.event_type, new_mode: event.new_mode, old_mode: event.old_mode }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for view in SharedView::ALL {
            assert_eq!(SharedView::from_name(view.name()), Some(view));
        }
    }

    #[test]
    fn of_an_event_neither_reason_nor_name_is_shared() {
        let mut event = crate::history::NewEvent::new(EventType::Frozen, "person:a@b.example", DateTime::UNIX_EPOCH);
        event.reason = Some("the runway is short".to_owned());
        let event = crate::history::link(&crate::history::Head::genesis("production"), event);
        let shared = serde_json::to_string(&SharedEvent::of(&event)).unwrap();
        assert!(!shared.contains("runway") && !shared.contains("a@b.example"), "{shared}");
    }
}

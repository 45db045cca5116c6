//! Owns what is shown over time: the few numbers that a chart draws of each snapshot, how several become one point, and
//! the spans of modes and freezes. Must not know how points are kept or drawn; nothing is averaged or made up between them.

use super::decision::Recommendation;
use super::history::{Event, EventType};
use super::interval::{Count, Interval};
use super::mode::Mode;
use super::rule::RuleId;
use super::snapshot::{SnapshotBody, Threshold};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One point of a chart: one snapshot, or the hull of several that lie close together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendPoint {
    /// The most cautious of the answers.
    pub answer: Recommendation,
    /// When the newest of the snapshots was made.
    pub at: DateTime<Utc>,
    /// Active clients, at least.
    pub clients_lo: u64,
    /// Active clients, at most; `None` where that is not known.
    pub clients_hi: Option<u64>,
    /// The most clients that the mode carried.
    pub clients_limit: u64,
    /// The fullest load as a share of its limit, from its least to its greatest value.
    pub load: Interval,
    /// The mode of the newest of the snapshots.
    pub mode: Mode,
    /// Overall health, 0-100, from its least to its greatest value.
    pub overall: Interval,
    /// How many snapshots it stands for, 1 or more.
    pub snapshots: u64,
}

impl TrendPoint {
    /// The point of one snapshot.
    pub fn of(body: &SnapshotBody) -> TrendPoint {
        let rule = body.rules.iter().find(|rule| rule.rule == RuleId::OverLimitClients.name());
        let clients = rule.and_then(|rule| rule.observed).and_then(|value| value.count()).unwrap_or(Count::UNKNOWN);
        let limit = match rule.and_then(|rule| rule.threshold) {
            Some(Threshold::Count(limit)) => limit,
            _ => 0,
        };
        let load = body.utilisation.worst.max(body.demand);
        TrendPoint {
            answer: body.recommendation,
            at: body.as_of,
            clients_lo: clients.lo,
            clients_hi: clients.is_bounded().then_some(clients.hi),
            clients_limit: limit,
            load,
            mode: body.mode,
            overall: body.scores.overall,
            snapshots: 1,
        }
    }
}

/// How far back charts reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Range {
    #[default]
    Week,
    Month,
    Quarter,
    Year,
}

impl Range {
    pub const ALL: [Range; 4] = [Range::Week, Range::Month, Range::Quarter, Range::Year];

    /// How many days it is.
    pub const fn days(self) -> u32 {
        match self {
            Range::Week => 7,
            Range::Month => 30,
            Range::Quarter => 90,
            Range::Year => 365,
        }
    }

    /// How many hours one point of a chart stands for: about ninety points in all, which a chart can show one by one.
    pub const fn step_hours(self) -> u32 {
        match self {
            Range::Week => 2,
            Range::Month => 8,
            Range::Quarter => 24,
            Range::Year => 96,
        }
    }

    pub fn from_days(days: u32) -> Option<Range> {
        Range::ALL.into_iter().find(|range| range.days() == days)
    }
}

/// A chart as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// What it shows, in words, for those who cannot see it.
    pub description: String,
    /// A name for its place on the page.
    pub id: String,
    pub svg: String,
    pub title: String,
}

/// What the page shows over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverTime {
    pub charts: Vec<Chart>,
    pub from: DateTime<Utc>,
    /// Ascending.
    pub points: Vec<TrendPoint>,
    pub range: Range,
    pub spans: Spans,
    pub to: DateTime<Utc>,
}

/// A stretch of time in one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeSpan {
    pub from: DateTime<Utc>,
    pub mode: Mode,
    pub to: DateTime<Utc>,
}

/// A stretch of time during which the founder had frozen the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FreezeSpan {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// The modes and freezes between two times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spans {
    pub freezes: Vec<FreezeSpan>,
    /// Without a gap, in their order.
    pub modes: Vec<ModeSpan>,
}

/// The spans from `from` to `to`, calculated backwards from the state at `to` through the events between them, newest first.
pub fn spans(events: &[Event], state: (Mode, bool), from: DateTime<Utc>, to: DateTime<Utc>) -> Spans {
    let mut spans = Spans::default();
    let (mut mode, mut frozen) = state;
    let (mut mode_end, mut freeze_end) = (to, to);
    for event in events.iter().filter(|event| event.at >= from && event.at <= to) {
        match event.event_type {
            EventType::ModeChanged => {
                spans.modes.push(ModeSpan { from: event.at, mode, to: mode_end });
                mode = event.old_mode.unwrap_or(mode);
                mode_end = event.at;
            }
            EventType::Frozen => {
                spans.freezes.push(FreezeSpan { from: event.at, to: freeze_end });
                frozen = false;
            }
            EventType::Unfrozen => {
                freeze_end = event.at;
                frozen = true;
            }
            _ => {}
        }
    }
    spans.modes.push(ModeSpan { from, mode, to: mode_end });
    if frozen {
        spans.freezes.push(FreezeSpan { from, to: freeze_end });
    }
    spans.modes.reverse();
    spans.freezes.reverse();
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hour * 3_600, 0).unwrap()
    }

    fn event(event_type: EventType, hour: i64, modes: Option<(Mode, Mode)>) -> Event {
        Event {
            actor: "local".to_owned(),
            address: None,
            at: at(hour),
            digest: None,
            environment: "production".to_owned(),
            hash: String::new(),
            new_mode: modes.map(|(_, new)| new),
            old_mode: modes.map(|(old, _)| old),
            prev_hash: String::new(),
            reason: None,
            seq: 1,
            snapshot_id: None,
            event_type,
        }
    }

    #[test]
    fn spans_are_calculated_back_from_the_present_state() {
        let events = [
            event(EventType::Frozen, 9, None),
            event(EventType::ModeChanged, 7, Some((Mode::Pilot, Mode::Growth))),
            event(EventType::Unfrozen, 5, None),
            event(EventType::ModeChanged, 3, Some((Mode::Lab, Mode::Pilot))),
        ];
        let spans = spans(&events, (Mode::Growth, true), at(0), at(10));
        let modes: Vec<_> = spans.modes.iter().map(|span| (span.mode, span.from, span.to)).collect();
        assert_eq!(modes, [(Mode::Lab, at(0), at(3)), (Mode::Pilot, at(3), at(7)), (Mode::Growth, at(7), at(10))]);
        let freezes: Vec<_> = spans.freezes.iter().map(|span| (span.from, span.to)).collect();
        assert_eq!(freezes, [(at(0), at(5)), (at(9), at(10))], "frozen before the span began, and again since");
    }

    #[test]
    fn without_an_event_the_state_of_now_has_held_throughout() {
        let spans = spans(&[], (Mode::Lab, false), at(0), at(10));
        assert_eq!(spans.modes, [ModeSpan { from: at(0), mode: Mode::Lab, to: at(10) }]);
        assert_eq!(spans.freezes, []);
    }

    #[test]
    fn what_is_outside_the_time_asked_for_is_left_out() {
        let events = [event(EventType::ModeChanged, 12, Some((Mode::Lab, Mode::Pilot)))];
        assert_eq!(spans(&events, (Mode::Pilot, false), at(0), at(10)).modes.len(), 1);
    }
}

//! What the founder's page is read by, and what comes of it: one state of the store.

use super::{EnvironmentSummary, EventFilter, SourceSummary, TrendQuery};
use crate::domain::history::{Event, EventType};
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::proposal::Proposal;
use crate::domain::snapshot::Snapshot;
use crate::domain::trend::{Range, TrendPoint};
use chrono::{DateTime, Duration, NaiveTime, Utc};
use std::collections::HashSet;

/// The newest answer of an environment, with the configuration and the open proposal beside it, all read at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    pub config: Config,
    pub proposal: Option<Proposal>,
    /// `None` before the first evaluation.
    pub snapshot: Option<Snapshot>,
}

/// What the founder's page shows of an environment.
#[derive(Clone, Debug)]
pub struct FounderPageQuery {
    /// The head and the end of the charts that are drawn already: those need not be read again.
    pub drawn: Option<(u64, DateTime<Utc>)>,
    pub event_rows: u32,
    pub events: EventFilter,
    /// Snapshots that need not be read again: a snapshot never changes.
    pub known: HashSet<String>,
    /// How many snapshots, newest first.
    pub snapshots: u32,
    pub trend: TrendRange,
}

/// The range of the charts, and the time now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendRange {
    pub now: DateTime<Utc>,
    pub range: Range,
}

impl TrendRange {
    /// The time that the charts show: up to now, or, where time does not go on, up to the newest snapshot.
    pub fn span(self, kind: EnvironmentKind, newest: Option<DateTime<Utc>>) -> TrendSpan {
        let to = if kind == EnvironmentKind::Live { self.now } else { newest.unwrap_or(self.now) };
        TrendSpan { from: to - Duration::days(i64::from(self.range.days())), range: self.range, to }
    }
}

/// The time that charts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendSpan {
    pub from: DateTime<Utc>,
    pub range: Range,
    pub to: DateTime<Utc>,
}

impl TrendSpan {
    /// The time that one point stands for.
    pub fn step(&self) -> Duration {
        Duration::hours(i64::from(self.range.step_hours()))
    }

    /// The points of the charts.
    pub fn points(&self) -> TrendQuery {
        TrendQuery { from: self.from, step: self.step(), to: self.to }
    }

    /// One point for each day (UTC), where the range is long enough to show days.
    pub fn days(&self) -> Option<TrendQuery> {
        // A day has its midnight and not the next: points are read after `from` and up to each step's end.
        let midnight = self.from.date_naive().and_time(NaiveTime::MIN).and_utc() - Duration::milliseconds(1);
        let shows_days = self.range.days() >= Range::Quarter.days();
        shows_days.then_some(TrendQuery { from: midnight, step: Duration::days(1), to: self.to })
    }

    /// The changes of mode and the freezes.
    pub fn changes(&self) -> EventFilter {
        EventFilter {
            types: vec![EventType::ModeChanged, EventType::Frozen, EventType::Unfrozen],
            from: Some(self.from),
            to: Some(self.to + Duration::milliseconds(1)),
            ..EventFilter::default()
        }
    }
}

/// What charts are drawn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendReading {
    pub days: Vec<TrendPoint>,
    /// Newest first, at most [`TrendReading::MOST_EVENTS`].
    pub events: Vec<Event>,
    pub points: Vec<TrendPoint>,
}

impl TrendReading {
    /// The most changes of mode and freezes that are shown.
    pub const MOST_EVENTS: u32 = 500;
}

/// A snapshot of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListedSnapshot {
    /// One that the query knows, by its id.
    Known(String),
    Read(Box<Snapshot>),
}

/// All that the founder's page shows of an environment, read at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct FounderPage {
    pub config: Config,
    pub environments: Vec<EnvironmentSummary>,
    pub events: Vec<Event>,
    /// The newest event's number.
    pub head: u64,
    pub proposal: Option<Proposal>,
    /// Newest first. The newest one is always read.
    pub snapshots: Vec<ListedSnapshot>,
    pub sources: Vec<SourceSummary>,
    pub span: TrendSpan,
    /// `None` where the charts that are drawn already show the same.
    pub trend: Option<TrendReading>,
}

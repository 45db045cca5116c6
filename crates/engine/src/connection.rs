//! Owns what is shown of a source: whether it speaks, for which signals, how much of the last day it covers. Must not know how
//! a source is reached.

use super::alert::KnownAlert;
use super::doubt::Uncounted;
use super::policy::Config;
use super::prepare;
use super::rollup::MINUTE_MS;
use super::signal::{Series, Severity, Signal};
use super::stream::{Span, Stream};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cells of a day's strip: a quarter of an hour each.
pub const CELLS: i64 = 96;
const CELL_MS: i64 = 15 * MINUTE_MS;

/// What a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionState {
    /// The newest attempt to ask it failed.
    Failing,
    /// Something of it is too old to count.
    Late,
    /// All that it sends is fresh enough to count.
    Receiving,
    /// Nothing has come yet.
    Waiting,
}

impl ConnectionState {
    pub const fn name(self) -> &'static str {
        match self {
            ConnectionState::Failing => "failing",
            ConnectionState::Late => "late",
            ConnectionState::Receiving => "receiving",
            ConnectionState::Waiting => "waiting",
        }
    }
}

/// How a source's numbers come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    /// Without what must not be shown.
    pub address: String,
    pub every_seconds: u32,
}

/// Why a source could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub code: String,
    pub cure: String,
    pub problem: String,
}

/// One signal of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectedSignal {
    /// How much of each quarter of an hour of the last day is covered, 0 to 100, the oldest first.
    pub cells: Vec<u8>,
    pub data_through: Option<DateTime<Utc>>,
    pub fetched_at: Option<DateTime<Utc>>,
    /// Whether it is fresh enough to count.
    pub is_fresh: bool,
    pub severity: Option<Severity>,
    pub signal: Signal,
    /// Why part of what it counted in the last two days isn't known, and what to do.
    pub uncounted: Vec<Uncounted>,
    /// The models and tokens that were used and have no price, by name.
    pub unpriced: Vec<String>,
}

impl ConnectedSignal {
    /// How much of the last day is covered, in percent.
    pub fn covered(&self) -> f64 {
        self.cells.iter().map(|cell| f64::from(*cell)).sum::<f64>() / self.cells.len().max(1) as f64
    }

    fn of(stream: &Stream, heard: Option<DateTime<Utc>>, config: &Config, as_of: DateTime<Utc>) -> ConnectedSignal {
        let now = as_of.timestamp_millis();
        let start = now - CELLS * CELL_MS;
        let cells = (0..CELLS).map(|cell| {
            let span = Span { from: start + cell * CELL_MS, to: start + (cell + 1) * CELL_MS };
            (stream.coverage(span, now) * 100.0).round() as u8
        });
        let time = |millis: i64| DateTime::from_timestamp_millis(millis);
        ConnectedSignal {
            cells: cells.collect(),
            data_through: stream.data_through(now).and_then(time).or(heard),
            fetched_at: stream.latest(now).and_then(|row| time(row.fetched_at)),
            is_fresh: prepare::is_fresh(stream, config, as_of),
            severity: stream.series().severity(),
            signal: stream.series().signal(),
            uncounted: stream.doubts.iter().copied().map(Uncounted::from).collect(),
            unpriced: stream.unpriced.clone(),
        }
    }
}

/// A source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Its open alerts, at most 100.
    pub alerts: Vec<KnownAlert>,
    /// `None` where it sends by itself.
    pub asking: Option<Asking>,
    pub failure: Option<Failure>,
    /// Whether it sends subscriptions, whose clients can be ended.
    pub has_subscriptions: bool,
    /// Whether it was added on the page or by a script, and can be removed there.
    pub is_added: bool,
    pub name: String,
    /// What needs fixing although the source answers.
    pub notice: Option<String>,
    pub signals: Vec<ConnectedSignal>,
    pub state: ConnectionState,
    /// When it was last asked with success, for a source that is asked.
    pub succeeded_at: Option<DateTime<Utc>>,
}

impl Connection {
    /// A source of a name, as its streams show it; `streams` may hold those of others. `heard` says up to when a series of it
    /// reaches that the streams, which go back only so far, no longer show.
    pub fn of(
        name: &str,
        streams: &[Stream],
        heard: impl Fn(Series) -> Option<DateTime<Utc>>,
        config: &Config,
        as_of: DateTime<Utc>,
    ) -> Connection {
        let own = streams.iter().filter(|stream| stream.source() == name);
        let signals: Vec<ConnectedSignal> =
            own.map(|stream| ConnectedSignal::of(stream, heard(stream.series()), config, as_of)).collect();
        let state = if signals.iter().all(|signal| signal.data_through.is_none()) {
            ConnectionState::Waiting
        } else if signals.iter().all(|signal| signal.is_fresh) {
            ConnectionState::Receiving
        } else {
            ConnectionState::Late
        };
        let name = name.to_owned();
        Connection {
            alerts: Vec::new(),
            asking: None,
            failure: None,
            has_subscriptions: false,
            is_added: false,
            name,
            notice: None,
            signals,
            state,
            succeeded_at: None,
        }
    }

    /// The same source, with its open alerts, and whether it sends subscriptions.
    #[must_use]
    pub fn telling(self, alerts: Vec<KnownAlert>, has_subscriptions: bool) -> Connection {
        Connection { alerts, has_subscriptions, ..self }
    }

    /// The same source, with what needs fixing.
    #[must_use]
    pub fn noticed(self, notice: Option<String>) -> Connection {
        Connection { notice, ..self }
    }

    /// The same source, which may have been added.
    #[must_use]
    pub fn added(self, is_added: bool) -> Connection {
        Connection { is_added, ..self }
    }

    /// The same source, which fails.
    #[must_use]
    pub fn failing(self, failure: Failure) -> Connection {
        Connection { failure: Some(failure), state: ConnectionState::Failing, ..self }
    }

    /// The same source, which is asked, as its newest attempt went.
    #[must_use]
    pub fn asked(self, asking: Asking, succeeded_at: Option<DateTime<Utc>>, failure: Option<Failure>) -> Connection {
        let asked = Connection { asking: Some(asking), succeeded_at, ..self };
        match failure {
            Some(failure) => asked.failing(failure),
            None => asked,
        }
    }
}

/// A page of an environment's sources, by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    pub as_of: DateTime<Utc>,
    pub config: Config,
    pub connections: Vec<Connection>,
    /// The name after which the next page begins; null on the last.
    pub next: Option<String>,
    /// What AI costs is known up to here, by the founder's own name for it.
    pub prices_version: Option<String>,
    /// How many sources there are on all pages.
    pub total: u64,
}

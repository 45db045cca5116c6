//! Owns the closed set of signals: what may be measured, in which unit, and what kind of number it is.
//! Must not know where a number came from or what is made of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a warning is. `info` is only shown; the other two enter the warning density.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// One of the signals that the engine listens to; there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Signal {
    #[serde(rename = "clients.active")]
    ClientsActive,
    #[serde(rename = "clients.at_risk")]
    ClientsAtRisk,
    #[serde(rename = "warnings.open")]
    WarningsOpen,
    #[serde(rename = "posts.published")]
    PostsPublished,
    #[serde(rename = "ai.spend")]
    AiSpend,
    #[serde(rename = "infra.cpu")]
    InfraCpu,
    #[serde(rename = "infra.latency")]
    InfraLatency,
    #[serde(rename = "infra.requests")]
    InfraRequests,
    #[serde(rename = "infra.errors")]
    InfraErrors,
}

/// What the numbers of a signal are, and so how a window of them becomes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// States what is; the latest counts.
    Gauge,
    /// Counts what happened since the source's previous sample; a window is a total.
    Sum,
    /// A level over time; a window is its time-weighted mean.
    Level,
    /// A distribution; a window is a percentile.
    Distribution,
}

impl Signal {
    pub const ALL: [Signal; 9] = [
        Signal::ClientsActive,
        Signal::ClientsAtRisk,
        Signal::WarningsOpen,
        Signal::PostsPublished,
        Signal::AiSpend,
        Signal::InfraCpu,
        Signal::InfraLatency,
        Signal::InfraRequests,
        Signal::InfraErrors,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Signal::ClientsActive => "clients.active",
            Signal::ClientsAtRisk => "clients.at_risk",
            Signal::WarningsOpen => "warnings.open",
            Signal::PostsPublished => "posts.published",
            Signal::AiSpend => "ai.spend",
            Signal::InfraCpu => "infra.cpu",
            Signal::InfraLatency => "infra.latency",
            Signal::InfraRequests => "infra.requests",
            Signal::InfraErrors => "infra.errors",
        }
    }

    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.name() == name)
    }

    pub const fn kind(self) -> Kind {
        match self {
            Signal::ClientsActive | Signal::ClientsAtRisk | Signal::WarningsOpen => Kind::Gauge,
            Signal::PostsPublished | Signal::AiSpend | Signal::InfraRequests | Signal::InfraErrors => Kind::Sum,
            Signal::InfraCpu => Kind::Level,
            Signal::InfraLatency => Kind::Distribution,
        }
    }

    /// The unit that the signal's values are kept in.
    pub const fn unit(self) -> Unit {
        match self {
            Signal::ClientsActive | Signal::ClientsAtRisk => Unit::Clients,
            Signal::WarningsOpen => Unit::Events,
            Signal::PostsPublished => Unit::Posts,
            Signal::AiSpend => Unit::Usd,
            Signal::InfraCpu => Unit::Ratio,
            Signal::InfraLatency => Unit::Milliseconds,
            Signal::InfraRequests | Signal::InfraErrors => Unit::Requests,
        }
    }

    /// Whether a founder may declare that this signal does not exist for the business (docs/engine.md, section 5 "Inputs").
    pub const fn may_be_not_applicable(self) -> bool {
        matches!(
            self,
            Signal::PostsPublished
                | Signal::InfraCpu
                | Signal::InfraLatency
                | Signal::InfraRequests
                | Signal::InfraErrors
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    #[serde(rename = "clients")]
    Clients,
    #[serde(rename = "events")]
    Events,
    #[serde(rename = "posts")]
    Posts,
    #[serde(rename = "USD")]
    Usd,
    #[serde(rename = "requests")]
    Requests,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "ratio")]
    Ratio,
    /// Accepted for ratios on the way in, never kept.
    #[serde(rename = "percent")]
    Percent,
}

impl Unit {
    pub const ALL: [Unit; 8] = [
        Unit::Clients,
        Unit::Events,
        Unit::Posts,
        Unit::Usd,
        Unit::Requests,
        Unit::Milliseconds,
        Unit::Ratio,
        Unit::Percent,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Unit::Clients => "clients",
            Unit::Events => "events",
            Unit::Posts => "posts",
            Unit::Usd => "USD",
            Unit::Requests => "requests",
            Unit::Milliseconds => "ms",
            Unit::Ratio => "ratio",
            Unit::Percent => "percent",
        }
    }

    pub fn from_name(name: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Decimal places of the whole units (*atoms*) that values of this unit are kept as: micro-dollars,
    /// billionths of a ratio, nanoseconds; counts are integers.
    pub const fn decimals(self) -> u32 {
        match self {
            Unit::Clients | Unit::Events | Unit::Posts | Unit::Requests => 0,
            Unit::Usd | Unit::Milliseconds => 6,
            Unit::Ratio | Unit::Percent => 9,
        }
    }

    /// How many atoms make one unit.
    pub const fn atoms(self) -> u64 {
        10u64.pow(self.decimals())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A signal, split by severity where it has one: the key under which samples are kept and windows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Series {
    ClientsActive = 0,
    ClientsAtRisk = 1,
    WarningsInfo = 2,
    WarningsWarning = 3,
    WarningsCritical = 4,
    PostsPublished = 5,
    AiSpend = 6,
    InfraCpu = 7,
    InfraLatency = 8,
    InfraRequests = 9,
    InfraErrors = 10,
}

impl Series {
    pub const ALL: [Series; 11] = [
        Series::ClientsActive,
        Series::ClientsAtRisk,
        Series::WarningsInfo,
        Series::WarningsWarning,
        Series::WarningsCritical,
        Series::PostsPublished,
        Series::AiSpend,
        Series::InfraCpu,
        Series::InfraLatency,
        Series::InfraRequests,
        Series::InfraErrors,
    ];

    /// The number under which a store keeps the series. It never changes its meaning.
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Series> {
        Series::ALL.get(usize::from(code)).copied()
    }

    /// The series of a signal; `None` where a severity is needed and missing, or given and meaningless.
    pub fn of(signal: Signal, severity: Option<Severity>) -> Option<Series> {
        Series::ALL.into_iter().find(|series| series.signal() == signal && series.severity() == severity)
    }

    /// The signal's name, with its severity where it has one.
    pub fn shown(self) -> String {
        match self.severity() {
            Some(severity) => format!("{} ({})", self.signal().name(), severity.name()),
            None => self.signal().name().to_owned(),
        }
    }

    pub const fn signal(self) -> Signal {
        match self {
            Series::ClientsActive => Signal::ClientsActive,
            Series::ClientsAtRisk => Signal::ClientsAtRisk,
            Series::WarningsInfo | Series::WarningsWarning | Series::WarningsCritical => Signal::WarningsOpen,
            Series::PostsPublished => Signal::PostsPublished,
            Series::AiSpend => Signal::AiSpend,
            Series::InfraCpu => Signal::InfraCpu,
            Series::InfraLatency => Signal::InfraLatency,
            Series::InfraRequests => Signal::InfraRequests,
            Series::InfraErrors => Signal::InfraErrors,
        }
    }

    pub const fn severity(self) -> Option<Severity> {
        match self {
            Series::WarningsInfo => Some(Severity::Info),
            Series::WarningsWarning => Some(Severity::Warning),
            Series::WarningsCritical => Some(Severity::Critical),
            _ => None,
        }
    }

    /// The name for people: the signal, with its severity where it has one.
    pub const fn label(self) -> &'static str {
        match self {
            Series::WarningsInfo => "warnings.open (info)",
            Series::WarningsWarning => "warnings.open (warning)",
            Series::WarningsCritical => "warnings.open (critical)",
            other => other.signal().name(),
        }
    }
}

/// What a source has done to a latency before sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// The 95th percentile of the sample's requests.
    P95,
    /// The arithmetic mean of the sample's requests; shown as a mean, never as a percentile.
    Mean,
}

impl Aggregation {
    pub const fn name(self) -> &'static str {
        match self {
            Aggregation::P95 => "p95",
            Aggregation::Mean => "mean",
        }
    }

    pub fn from_name(name: &str) -> Option<Aggregation> {
        [Aggregation::P95, Aggregation::Mean].into_iter().find(|aggregation| aggregation.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_codes_are_their_places_and_every_series_is_found_by_its_parts() {
        for (place, series) in Series::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(series.code()), place);
            assert_eq!(Series::from_code(series.code()), Some(series));
            assert_eq!(Series::of(series.signal(), series.severity()), Some(series));
        }
        assert_eq!(Series::of(Signal::WarningsOpen, None), None);
        assert_eq!(Series::of(Signal::AiSpend, Some(Severity::Info)), None);
    }

    #[test]
    fn wire_names_are_the_names_that_people_see() {
        for signal in Signal::ALL {
            assert_eq!(serde_json::to_value(signal).unwrap(), signal.name());
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
        }
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.name());
            assert_eq!(Unit::from_name(unit.name()), Some(unit));
        }
    }
}

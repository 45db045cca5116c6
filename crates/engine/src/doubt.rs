//! Owns why part of a count isn't known, in words for the person who can change it. Must not know how a doubt was found.

use super::signal::Series;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Doubts with the newest time of each.
pub type Doubts = BTreeMap<(Series, Doubt), DateTime<Utc>>;

/// Why it isn't known what a source counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// A counter was first read after it had begun to count.
    Appeared,
    /// A delta point came again with another value.
    Contradicted,
    /// A delta point is older than the points that are remembered.
    Forgotten,
    /// A counter names a new start, but its count didn't fall.
    RestartUnclear,
    /// Several processes count under one identity.
    SeveralProcesses,
    /// The start of one process differs from reading to reading.
    StartMoves,
    /// A reading names its own time as its start.
    StartUnknown,
}

impl Doubt {
    pub const ALL: [Doubt; 7] = [
        Doubt::Appeared,
        Doubt::Contradicted,
        Doubt::Forgotten,
        Doubt::RestartUnclear,
        Doubt::SeveralProcesses,
        Doubt::StartMoves,
        Doubt::StartUnknown,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Doubt::Appeared => "counter-appeared",
            Doubt::Contradicted => "delta-contradicts",
            Doubt::Forgotten => "delta-too-old",
            Doubt::RestartUnclear => "restart-unclear",
            Doubt::SeveralProcesses => "several-processes",
            Doubt::StartMoves => "start-moves",
            Doubt::StartUnknown => "start-unknown",
        }
    }

    pub fn from_code(code: &str) -> Option<Doubt> {
        Doubt::ALL.into_iter().find(|doubt| doubt.code() == code)
    }

    /// The problem.
    pub const fn problem(self) -> &'static str {
        match self {
            Doubt::Appeared => "a counter was first read after it had begun, so its first count isn't known",
            Doubt::Contradicted => "a delta point came again with another value",
            Doubt::Forgotten => "a delta point came too late to tell it from points that were counted",
            Doubt::RestartUnclear => {
                "a counter names a new start but its count didn't fall, so it may not have restarted"
            }
            Doubt::SeveralProcesses => "several processes send counters under one identity",
            Doubt::StartMoves => "one process names a different start in each reading",
            Doubt::StartUnknown => "a reading doesn't say when its count began, and it fell or is new",
        }
    }

    /// What to do.
    pub const fn cure(self) -> &'static str {
        match self {
            Doubt::Appeared => {
                "Nothing to do: later readings count. Send start times (OpenTelemetry, or Prometheus' created timestamps) to count from the beginning."
            }
            Doubt::Contradicted | Doubt::SeveralProcesses => {
                "Give each process its own service.instance.id (Prometheus: instance). Add labels that only name a replica to replica_labels."
            }
            Doubt::Forgotten => "Let the exporter deliver within an hour, or send cumulative counters.",
            Doubt::RestartUnclear => {
                "Nothing to do if this happened once. Otherwise send the start of the process, not of the collector."
            }
            Doubt::StartMoves => "Send the same start time in every reading of a process.",
            Doubt::StartUnknown => {
                "Nothing to do if a collector has restarted: the next reading counts. Otherwise send the start of the process."
            }
        }
    }
}

/// A doubt as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Uncounted {
    /// The stable code.
    pub code: String,
    /// What to do.
    pub cure: String,
    /// The problem.
    pub problem: String,
}

impl From<Doubt> for Uncounted {
    fn from(doubt: Doubt) -> Uncounted {
        let [code, cure, problem] = [doubt.code(), doubt.cure(), doubt.problem()].map(str::to_owned);
        Uncounted { code, cure, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_has_a_code_of_its_own() {
        for doubt in Doubt::ALL {
            assert_eq!(Doubt::from_code(doubt.code()), Some(doubt));
        }
        assert_eq!(Doubt::from_code("nothing"), None);
    }
}

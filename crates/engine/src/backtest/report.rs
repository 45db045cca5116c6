//! Owns what a backtest tells: counts on both sides, the evaluations that would have answered differently, what a reader
//! must know. Must not know how it was found.

use super::super::decision::Recommendation;
use super::super::interval::Outcome;
use super::super::mode::Mode;
use super::super::policy::EnvironmentKind;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many runs of differing evaluations are listed at most; all are counted.
pub const MOST_DIFFERENCES: usize = 100;

/// How often an answer was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Evaluations that gave it.
    pub evaluations: u64,
    /// Times that it came up: runs of evaluations one after the other.
    pub times: u64,
}

/// How often each answer was given, and how often the answer changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answers {
    /// Changes of the answer from one evaluation to the next.
    pub changes: u64,
    pub decrease: Tally,
    pub freeze: Tally,
    pub hold: Tally,
    pub increase: Tally,
}

impl Answers {
    pub const fn of(&self, answer: Recommendation) -> Tally {
        match answer {
            Recommendation::Increase => self.increase,
            Recommendation::Hold => self.hold,
            Recommendation::Decrease => self.decrease,
            Recommendation::Freeze => self.freeze,
        }
    }

    /// Counts an answer that came after `last`.
    pub(super) fn add(&mut self, answer: Recommendation, last: Option<Recommendation>) {
        let begins = last != Some(answer);
        self.changes += u64::from(begins && last.is_some());
        let tally = match answer {
            Recommendation::Increase => &mut self.increase,
            Recommendation::Hold => &mut self.hold,
            Recommendation::Decrease => &mut self.decrease,
            Recommendation::Freeze => &mut self.freeze,
        };
        tally.evaluations += 1;
        tally.times += u64::from(begins);
    }
}

/// The evaluations of one mode. A backtest moves no mode: limits of a mode that was never set are not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeShare {
    pub different: u64,
    pub evaluations: u64,
    pub mode: Mode,
}

/// A rule that would have come out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleTurn {
    pub proposed: Outcome,
    pub recorded: Outcome,
    /// The rule's stable name, such as `limit.clients`.
    pub rule: String,
}

/// A run of evaluations, one after the other, that would have answered differently in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub evaluations: u64,
    /// The first of them.
    #[serde(serialize_with = "super::super::moment::serialize")]
    pub from: DateTime<Utc>,
    pub mode: Mode,
    pub proposed: Recommendation,
    pub recorded: Recommendation,
    /// The rules that the difference comes from, at the first of them.
    pub rules: Vec<RuleTurn>,
    /// The stored snapshot of the first of them.
    pub snapshot_id: String,
    /// The last of them.
    #[serde(serialize_with = "super::super::moment::serialize")]
    pub to: DateTime<Utc>,
    /// The rules in words.
    pub why: String,
}

/// What a backtest found. It is hypothetical: nothing of it was measured or stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestReport {
    /// Evaluations that would have answered differently.
    pub different: u64,
    /// The first [`MOST_DIFFERENCES`] runs of them, in order.
    pub differences: Vec<Difference>,
    /// All such runs, listed or not.
    pub differences_total: u64,
    pub environment: String,
    /// Stored evaluations that were judged.
    pub evaluations: u64,
    /// The first of them, if any.
    #[serde(serialize_with = "super::super::moment::serialize_option")]
    pub from: Option<DateTime<Utc>>,
    /// The result, in a sentence.
    pub headline: String,
    /// Always true: this says what would have been, not what was.
    pub hypothetical: bool,
    pub kind: EnvironmentKind,
    pub modes: Vec<ModeShare>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// What the proposed policy would have answered.
    pub proposed: Answers,
    /// The answer that was given.
    pub recorded: Answers,
    /// The last evaluation that was judged.
    #[serde(serialize_with = "super::super::moment::serialize_option")]
    pub to: Option<DateTime<Utc>>,
}

impl BacktestReport {
    /// The first run of evaluations that would have answered differently.
    pub fn first(&self) -> Option<&Difference> {
        self.differences.first()
    }
}

//! Owns the snapshot: the whole record of one evaluation, its canonical form and its digest.
//! Must not know how it is stored or shown; making one reads nothing but its arguments.

use super::canonical;
use super::decision::Recommendation;
use super::headroom::Headroom;
use super::input::{Input, Value};
use super::interval::Interval;
use super::mode::Mode;
use super::policy::EnvironmentKind;
use super::recent::Recent;
use super::rule::RuleResult;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Changes whenever the same configuration, inputs, recent evaluations and time give another snapshot; a golden test
/// forces it.
pub const ENGINE_VERSION: &str = "1.0.0";

/// Why an evaluation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A tick of the scheduler.
    Scheduled,
    /// The tick that is the day's decision.
    Daily,
    /// Asked for by somebody; it never counts toward stabilization or recovery.
    OnDemand,
    /// A tick of a replay.
    Replay,
}

impl Origin {
    pub const ALL: [Origin; 4] = [Origin::Scheduled, Origin::Daily, Origin::OnDemand, Origin::Replay];

    pub const fn name(self) -> &'static str {
        match self {
            Origin::Scheduled => "scheduled",
            Origin::Daily => "daily",
            Origin::OnDemand => "on_demand",
            Origin::Replay => "replay",
        }
    }

    pub fn from_name(name: &str) -> Option<Origin> {
        Origin::ALL.into_iter().find(|origin| origin.name() == name)
    }

    /// Whether the evaluation is one of the ticks that stabilization and recovery look at.
    pub const fn is_tick(self) -> bool {
        !matches!(self, Origin::OnDemand)
    }
}

/// The scores, each an interval within 0-100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scores {
    pub ai_cost_pressure: Interval,
    pub churn_risk: Interval,
    pub infra_health: Interval,
    pub overall: Interval,
    pub warning_density: Interval,
}

/// The three parts of infra health, each an interval within 0-100; `None` where declared not applicable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InfraParts {
    pub cpu: Option<Interval>,
    pub error_rate: Option<Interval>,
    pub latency: Option<Interval>,
}

/// The load already carried, as shares of the mode's limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Utilisation {
    pub ai_spend: Interval,
    /// `None` where posts are declared not applicable.
    pub posts: Option<Interval>,
    pub worst: Interval,
}

/// One line of the decision's proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    pub detail: Cow<'static, str>,
    /// The value that was found, or `None` if the rule compares nothing.
    pub observed: Option<Value>,
    pub outcome: super::interval::Outcome,
    /// The rule's stable name, such as `increase.demand`.
    pub rule: Cow<'static, str>,
    /// The value that was asked for; decimal text for money.
    pub threshold: Option<Threshold>,
}

/// The number that a rule compares with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Threshold {
    Count(u64),
    Number(f64),
    Money(super::money::Usd),
}

/// An answer that the truth layer held back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blocked {
    pub reason: String,
    pub recommendation: Recommendation,
}

/// What the truth layer has to say of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Truth {
    pub blocked: Option<Blocked>,
    /// The share, 0-1, of the inputs that apply which are complete.
    pub completeness: f64,
    pub notes: Vec<Cow<'static, str>>,
}

/// Everything about an evaluation but its id and digest, in canonical (alphabetical) order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotBody {
    #[serde(serialize_with = "super::moment::serialize")]
    pub as_of: DateTime<Utc>,
    /// 1 - (hi - lo) / 100 of overall health: how complete the evidence is.
    pub confidence: f64,
    /// Digest of the configuration in force, kept under its version.
    pub config_digest: String,
    pub config_version: u64,
    /// Active clients as a share of the mode's limit.
    pub demand: Interval,
    pub engine_version: Cow<'static, str>,
    pub environment: String,
    pub frozen: bool,
    pub headroom: Headroom,
    /// The answer is prolonged: what caused it is over, but not yet for long enough.
    pub held: bool,
    pub infra: InfraParts,
    pub inputs: Vec<Input>,
    pub kind: EnvironmentKind,
    pub mode: Mode,
    pub narrative: String,
    pub origin: Origin,
    pub recent: Recent,
    pub recommendation: Recommendation,
    pub rules: Vec<Rule>,
    pub scores: Scores,
    /// The mode that the answer points to, where it is Increase or Decrease.
    pub target_mode: Option<Mode>,
    pub truth: Truth,
    pub utilisation: Utilisation,
    /// One sentence that answers the question.
    pub verdict: String,
}

/// A snapshot as it is stored, served and proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    #[serde(flatten)]
    pub body: SnapshotBody,
    /// SHA-256 of the body's canonical JSON.
    pub digest: String,
    /// Made from the digest: the same evaluation has the same id.
    pub id: String,
}

impl Snapshot {
    /// The id and digest of a body, with its canonical bytes.
    pub fn seal(body: SnapshotBody) -> (Snapshot, Vec<u8>) {
        let bytes = {
            let mut bytes = Vec::with_capacity(12 * 1024);
            canonical::write(&body, &mut bytes);
            bytes
        };
        let digest = canonical::digest(&bytes);
        let id = Snapshot::id_of(&digest);
        (Snapshot { body, digest, id }, bytes)
    }

    /// The id that belongs to a digest.
    pub fn id_of(digest: &str) -> String {
        format!("snapshot-{}", &digest[..24.min(digest.len())])
    }
}

/// What a rule's result looks like on the wire.
pub(crate) fn rule_line(result: &RuleResult, detail: Cow<'static, str>) -> Rule {
    Rule {
        detail,
        observed: result.observed,
        outcome: result.outcome,
        rule: Cow::Borrowed(result.rule.name()),
        threshold: result.threshold,
    }
}

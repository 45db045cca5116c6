//! Owns proposals: what auto-mode lays before the founder, and when it lapses. A proposal forces nothing.
//! Must not know how one is stored or accepted.

use super::decision::Recommendation;
use super::mode::Mode;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProposalStatus {
    Open,
    Accepted,
    Dismissed,
    Expired,
}

impl ProposalStatus {
    pub const ALL: [ProposalStatus; 4] =
        [ProposalStatus::Open, ProposalStatus::Accepted, ProposalStatus::Dismissed, ProposalStatus::Expired];

    pub const fn name(self) -> &'static str {
        match self {
            ProposalStatus::Open => "open",
            ProposalStatus::Accepted => "accepted",
            ProposalStatus::Dismissed => "dismissed",
            ProposalStatus::Expired => "expired",
        }
    }

    pub fn from_name(name: &str) -> Option<ProposalStatus> {
        ProposalStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A recommendation laid before the founder, with the snapshot that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    pub expires_at: DateTime<Utc>,
    pub id: String,
    pub opened_at: DateTime<Utc>,
    pub recommendation: Recommendation,
    pub snapshot_id: String,
    pub status: ProposalStatus,
    /// The mode that accepting sets; `None` for a Freeze.
    pub target_mode: Option<Mode>,
}

impl Proposal {
    /// The id of the proposal that rests on a snapshot.
    pub fn id_of(snapshot_id: &str) -> String {
        format!("proposal-{}", snapshot_id.trim_start_matches("snapshot-"))
    }
}

/// What a new tick does to the proposal that is open, and whether it opens one.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalStep {
    /// The open proposal lapses, for this reason.
    pub expire: Option<&'static str>,
    pub open: Option<Proposal>,
}

/// The step of auto-mode at a tick whose snapshot recommends `recommendation` toward `target_mode`.
///
/// A proposal is opened for Increase and Decrease, and for a Freeze that is not yet in force; Hold proposes nothing.
pub fn step(
    open: Option<&Proposal>,
    auto_mode: bool,
    frozen: bool,
    answer: (Recommendation, Option<Mode>),
    snapshot_id: &str,
    now: DateTime<Utc>,
    lifetime: chrono::Duration,
) -> ProposalStep {
    let (recommendation, target_mode) = answer;
    let wanted =
        auto_mode && recommendation != Recommendation::Hold && !(recommendation == Recommendation::Freeze && frozen);
    let expire = open.and_then(|proposal| {
        if !auto_mode {
            Some("auto-mode was switched off")
        } else if now >= proposal.expires_at {
            Some("its time ran out")
        } else if !wanted || (proposal.recommendation, proposal.target_mode) != answer {
            Some("the recommendation has changed")
        } else {
            None
        }
    });
    let keeps_open = open.is_some() && expire.is_none();
    let opens = wanted && !keeps_open;
    ProposalStep {
        expire,
        open: opens.then(|| Proposal {
            expires_at: now + lifetime,
            id: Proposal::id_of(snapshot_id),
            opened_at: now,
            recommendation,
            snapshot_id: snapshot_id.to_owned(),
            status: ProposalStatus::Open,
            target_mode,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + hour * 3600, 0).unwrap()
    }

    fn increase() -> (Recommendation, Option<Mode>) {
        (Recommendation::Increase, Some(Mode::Growth))
    }

    fn opened() -> Proposal {
        step(None, true, false, increase(), "snapshot-1", at(0), Duration::hours(24)).open.unwrap()
    }

    #[test]
    fn a_proposal_stays_open_while_the_recommendation_lasts() {
        let proposal = opened();
        let cases = [
            (true, increase(), 1, None, false),
            (true, (Recommendation::Hold, None), 1, Some("the recommendation has changed"), false),
            (true, (Recommendation::Freeze, None), 1, Some("the recommendation has changed"), true),
            (true, increase(), 24, Some("its time ran out"), true),
            (false, increase(), 1, Some("auto-mode was switched off"), false),
        ];
        for (auto_mode, answer, hour, expire, opens) in cases {
            let result = step(Some(&proposal), auto_mode, false, answer, "snapshot-2", at(hour), Duration::hours(24));
            assert_eq!((result.expire, result.open.is_some()), (expire, opens), "{answer:?} at {hour} h");
        }
    }

    #[test]
    fn without_auto_mode_nothing_is_proposed_and_a_freeze_in_force_is_not_proposed_again() {
        let off = step(None, false, false, increase(), "snapshot-1", at(0), Duration::hours(24));
        let frozen = step(None, true, true, (Recommendation::Freeze, None), "snapshot-1", at(0), Duration::hours(24));
        assert_eq!((off.open, frozen.open), (None, None));
    }
}

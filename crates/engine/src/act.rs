//! Owns the founder's acts: what each does to the configuration, which event it leaves, and when it is refused.
//! Must not know who may act or how a change is stored. An act that changes nothing leaves no event.

use super::access::is_hidden;
use super::canonical;
use super::decision::Recommendation;
use super::history::{Actor, EventType, NewEvent};
use super::mode::Mode;
use super::policy::{Config, EnvironmentKind, FieldError, Policy};
use super::policy_fields;
use super::proposal::{Proposal, ProposalStatus};
use chrono::{DateTime, Utc};

/// The longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// Something that the founder does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    SetMode {
        mode: Mode,
        /// The mode that the founder saw; refused when it is no longer the mode.
        old_mode: Mode,
        reason: Option<String>,
    },
    SetAutoMode {
        enabled: bool,
    },
    Freeze {
        reason: String,
    },
    Unfreeze {
        reason: String,
    },
    /// Does what the proposal says, if the recommendation evaluated just now is still the proposal's.
    AcceptProposal {
        id: String,
        now_recommended: (Recommendation, Option<Mode>),
        snapshot_id: String,
    },
    DismissProposal {
        id: String,
        reason: Option<String>,
    },
    /// Replaces the policy that was read at `version`.
    Update {
        policy: Box<Policy>,
        version: u64,
        reason: Option<String>,
    },
}

/// What an act does, to be stored in one transaction.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Effect {
    /// The new configuration, its version already raised; `None` where it stays as it is.
    pub config: Option<Config>,
    pub events: Vec<NewEvent>,
    pub proposal: Option<(String, ProposalStatus)>,
}

/// Why an act is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    #[error("the mode is {now}, no longer {expected}: look again before changing it")]
    ModeMoved { expected: Mode, now: Mode },
    #[error("the configuration is at version {now}, no longer {expected}: someone changed it in between")]
    VersionMoved { expected: u64, now: u64 },
    #[error("there is no such proposal")]
    UnknownProposal,
    #[error("the proposal is no longer open: it was {}", .0.name())]
    ProposalClosed(ProposalStatus),
    #[error("the recommendation has changed since the proposal was opened: it is now {}", .0.name())]
    RecommendationChanged(Recommendation),
    #[error("the configuration has mistakes")]
    Invalid(Vec<FieldError>),
}

/// Applies an act to the configuration in force. `proposal` is the one that the act names, where it names one.
///
/// # Errors
/// [`ActError`]; nothing is to be stored then. Versions and old modes are checked before anything else.
pub fn apply(
    config: &Config,
    proposal: Option<&Proposal>,
    act: &Act,
    actor: Actor<'_>,
    now: DateTime<Utc>,
) -> Result<Effect, ActError> {
    match act {
        Act::SetMode { mode, old_mode, reason } => {
            if *old_mode != config.mode {
                return Err(ActError::ModeMoved { expected: *old_mode, now: config.mode });
            }
            let reason = checked_reason(reason.as_deref(), false)?;
            Ok(set_mode(config, *mode, reason, actor, now))
        }
        Act::SetAutoMode { enabled } => Ok(set_auto_mode(config, *enabled, actor, now)),
        Act::Freeze { reason } => {
            let reason = checked_reason(Some(reason), true)?;
            Ok(set_frozen(config, true, reason, actor, now))
        }
        Act::Unfreeze { reason } => {
            let reason = checked_reason(Some(reason), true)?;
            Ok(set_frozen(config, false, reason, actor, now))
        }
        Act::AcceptProposal { id, now_recommended, snapshot_id } => {
            let proposal = open_proposal(proposal, id)?;
            if now >= proposal.expires_at {
                return Err(ActError::ProposalClosed(ProposalStatus::Expired));
            }
            if (proposal.recommendation, proposal.target_mode) != *now_recommended {
                return Err(ActError::RecommendationChanged(now_recommended.0));
            }
            Ok(accept(config, proposal, snapshot_id, actor, now))
        }
        Act::DismissProposal { id, reason } => {
            let proposal = open_proposal(proposal, id)?;
            let mut event = NewEvent::new(EventType::ProposalDismissed, actor, now);
            event.reason = checked_reason(reason.as_deref(), false)?;
            event.new_mode = proposal.target_mode;
            event.snapshot_id = Some(proposal.snapshot_id.clone());
            Ok(Effect { config: None, events: vec![event], proposal: Some((id.clone(), ProposalStatus::Dismissed)) })
        }
        Act::Update { policy, version, reason } => {
            if *version != config.version {
                return Err(ActError::VersionMoved { expected: *version, now: config.version });
            }
            let errors = policy.validate();
            if !errors.is_empty() {
                return Err(ActError::Invalid(errors));
            }
            let reason = checked_reason(reason.as_deref(), false)?;
            Ok(update(config, policy, reason, actor, now))
        }
    }
}

fn open_proposal<'p>(proposal: Option<&'p Proposal>, id: &str) -> Result<&'p Proposal, ActError> {
    let proposal = proposal.filter(|proposal| proposal.id == id).ok_or(ActError::UnknownProposal)?;
    if proposal.status == ProposalStatus::Open { Ok(proposal) } else { Err(ActError::ProposalClosed(proposal.status)) }
}

/// The reason as it is kept: trimmed, not too long, there where it must be.
fn checked_reason(reason: Option<&str>, required: bool) -> Result<Option<String>, ActError> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let refuse = |detail: &str| Err(ActError::Invalid(vec![FieldError::new("reason", detail)]));
    match reason {
        None if required => refuse("is required: say why, for those who read the history"),
        Some(reason) if reason.chars().count() > MAX_REASON => refuse("is longer than 500 characters"),
        Some(reason) if reason.chars().any(is_hidden) => refuse("must not hold characters that cannot be seen"),
        reason => Ok(reason.map(str::to_owned)),
    }
}

/// The next version of the configuration, changed by `change`.
fn next(config: &Config, change: impl FnOnce(&mut Config)) -> Config {
    let mut next = config.clone();
    next.version += 1;
    change(&mut next);
    next
}

/// A recording is replayed under one configuration from its first sample on: a change made today has no time in it.
fn is_recording(config: &Config) -> bool {
    config.kind == EnvironmentKind::Recorded
}

fn set_mode(config: &Config, mode: Mode, reason: Option<String>, actor: Actor<'_>, now: DateTime<Utc>) -> Effect {
    if mode == config.mode {
        return Effect::default();
    }
    let mut event = NewEvent::new(EventType::ModeChanged, actor, now);
    event.old_mode = Some(config.mode);
    event.new_mode = Some(mode);
    event.reason = reason;
    changed_by(
        event,
        next(config, |next| {
            next.mode = mode;
            if !is_recording(config) {
                next.last_mode_change_at = Some(now);
                next.policy_since = now;
            }
        }),
    )
}

fn set_auto_mode(config: &Config, enabled: bool, actor: Actor<'_>, now: DateTime<Utc>) -> Effect {
    if enabled == config.auto_mode {
        return Effect::default();
    }
    let mut event = NewEvent::new(EventType::AutoModeChanged, actor, now);
    event.reason = Some(if enabled { "switched on" } else { "switched off" }.to_owned());
    changed_by(event, next(config, |next| next.auto_mode = enabled))
}

fn set_frozen(config: &Config, frozen: bool, reason: Option<String>, actor: Actor<'_>, now: DateTime<Utc>) -> Effect {
    if frozen == config.frozen {
        return Effect::default();
    }
    let event_type = if frozen { EventType::Frozen } else { EventType::Unfrozen };
    let mut event = NewEvent::new(event_type, actor, now);
    event.reason = reason;
    changed_by(event, next(config, |next| next.frozen = frozen))
}

fn accept(config: &Config, proposal: &Proposal, snapshot_id: &str, actor: Actor<'_>, now: DateTime<Utc>) -> Effect {
    let reason = Some(format!("accepted {}", proposal.id));
    let mut accepted = NewEvent::new(EventType::ProposalAccepted, actor, now);
    accepted.new_mode = proposal.target_mode;
    accepted.snapshot_id = Some(snapshot_id.to_owned());
    accepted.reason.clone_from(&reason);
    let mut effect = match proposal.target_mode {
        Some(mode) => set_mode(config, mode, reason, actor, now),
        None => set_frozen(config, true, reason, actor, now),
    };
    effect.events.insert(0, accepted);
    effect.proposal = Some((proposal.id.clone(), ProposalStatus::Accepted));
    effect
}

fn update(config: &Config, policy: &Policy, reason: Option<String>, actor: Actor<'_>, now: DateTime<Utc>) -> Effect {
    if *policy == config.policy {
        return Effect::default();
    }
    let changed = next(config, |next| {
        if policy.decides_differently(&config.policy) && !is_recording(config) {
            next.policy_since = now;
        }
        next.policy = policy.clone();
    });
    let mut event = NewEvent::new(EventType::ConfigChanged, actor, now);
    let changes = policy_fields::differences(&config.policy, policy);
    event.reason = reason.or_else(|| Some(format!("changed {}", policy_fields::summary(&changes))));
    changed_by(event, changed)
}

/// A new configuration with the event that carries its digest into the chain.
fn changed_by(mut event: NewEvent, changed: Config) -> Effect {
    event.digest = Some(canonical::digest(&canonical::to_vec(&changed)));
    Effect { config: Some(changed), events: vec![event], proposal: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T03:00:00Z".parse().unwrap()
    }

    fn config() -> Config {
        let created = "2026-11-01T00:00:00Z".parse().unwrap();
        Config::new("production", EnvironmentKind::Live, Mode::Lab, Policy::default(), created)
    }

    fn set(mode: Mode, old_mode: Mode) -> Act {
        Act::SetMode { mode, old_mode, reason: None }
    }

    #[test]
    fn a_mode_is_set_only_from_the_mode_that_was_seen() {
        let effect = apply(&config(), None, &set(Mode::Pilot, Mode::Lab), "local".into(), now()).unwrap();
        let changed = effect.config.unwrap();
        assert_eq!((changed.mode, changed.version, changed.policy_since), (Mode::Pilot, 2, now()));
        assert_eq!(effect.events.len(), 1);
        let refused = apply(&config(), None, &set(Mode::Growth, Mode::Pilot), "local".into(), now());
        assert!(matches!(refused, Err(ActError::ModeMoved { .. })));
    }

    #[test]
    fn an_act_that_changes_nothing_leaves_no_event() {
        let acts = [
            set(Mode::Lab, Mode::Lab),
            Act::SetAutoMode { enabled: false },
            Act::Unfreeze { reason: "all well".into() },
            Act::Update { policy: Box::default(), version: 1, reason: None },
        ];
        for act in acts {
            assert_eq!(apply(&config(), None, &act, "local".into(), now()), Ok(Effect::default()), "{act:?}");
        }
    }

    #[test]
    fn freezing_needs_a_reason_and_does_not_restart_stabilization() {
        let blank = Act::Freeze { reason: "  ".into() };
        assert!(matches!(apply(&config(), None, &blank, "local".into(), now()), Err(ActError::Invalid(_))));
        let freeze = Act::Freeze { reason: "payment outage".into() };
        let frozen = apply(&config(), None, &freeze, "local".into(), now()).unwrap().config.unwrap();
        assert!(frozen.frozen);
        assert_eq!(frozen.policy_since, config().policy_since);
    }

    #[test]
    fn an_accepted_proposal_must_still_be_the_recommendation() {
        let proposal = Proposal {
            expires_at: now() + chrono::Duration::hours(1),
            id: "proposal-1".into(),
            opened_at: now(),
            recommendation: Recommendation::Increase,
            snapshot_id: "snapshot-1".into(),
            status: ProposalStatus::Open,
            target_mode: Some(Mode::Pilot),
        };
        let accept = |now_recommended| Act::AcceptProposal {
            id: "proposal-1".into(),
            now_recommended,
            snapshot_id: "snapshot-2".into(),
        };
        let effect = apply(
            &config(),
            Some(&proposal),
            &accept((Recommendation::Increase, Some(Mode::Pilot))),
            "local".into(),
            now(),
        )
        .unwrap();
        assert_eq!(effect.config.unwrap().mode, Mode::Pilot);
        let types: Vec<_> = effect.events.iter().map(|event| event.event_type).collect();
        assert_eq!(types, [EventType::ProposalAccepted, EventType::ModeChanged]);
        let refused = apply(&config(), Some(&proposal), &accept((Recommendation::Hold, None)), "local".into(), now());
        assert_eq!(refused, Err(ActError::RecommendationChanged(Recommendation::Hold)));
    }

    #[test]
    fn only_a_change_that_decides_restarts_stabilization() {
        let zone = Policy { time_zone: "Europe/Berlin".into(), ..Policy::default() };
        let act = Act::Update { policy: Box::new(zone), version: 1, reason: None };
        let changed = apply(&config(), None, &act, "local".into(), now()).unwrap().config.unwrap();
        assert_eq!(changed.policy_since, config().policy_since);
        let mut stricter = Policy::default();
        stricter.guardrails.max_churn_risk = 0.1;
        let act = Act::Update { policy: Box::new(stricter), version: 1, reason: None };
        let changed = apply(&config(), None, &act, "local".into(), now()).unwrap().config.unwrap();
        assert_eq!(changed.policy_since, now());
    }
}

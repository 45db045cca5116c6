//! Owns that proposals are those that events opened, with the status that events left them in.

use super::chain::Recorded;
use super::snapshots::Answers;
use super::{Problem, found, whole};
use crate::domain::history::EventType;
use crate::domain::proposal::{Proposal, ProposalStatus};
use crate::server::store::{Store, StoreError};
use std::collections::BTreeMap;

/// More than there ever are.
const ALL: u32 = 1_000_000;

/// Holds the stored proposals against the events.
pub(super) async fn check(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
    answers: &Answers,
) -> Result<Result<(), Problem>, StoreError> {
    let stored = whole!(found(environment, "proposals", store.proposals(environment, None, ALL).await)?);
    let mut stored: BTreeMap<String, Proposal> =
        stored.into_iter().map(|proposal| (proposal.id.clone(), proposal)).collect();
    let broken = |what: String| Ok(Err(Problem::of(environment, "proposals", what)));
    let mut open: Option<(String, Proposal)> = None;
    for event in &recorded.proposals {
        let status = match event.event_type {
            EventType::ProposalAccepted => ProposalStatus::Accepted,
            EventType::ProposalDismissed => ProposalStatus::Dismissed,
            EventType::ProposalExpired => ProposalStatus::Expired,
            _ => ProposalStatus::Open,
        };
        if status != ProposalStatus::Open {
            let Some((id, proposal)) = open.take() else {
                return broken(format!("event {} ends a proposal, but none was open", event.seq));
            };
            if proposal.status != status {
                return broken(format!(
                    "{id} is {}, but event {} says {}",
                    proposal.status.name(),
                    event.seq,
                    status.name()
                ));
            }
            continue;
        }
        let snapshot = event.snapshot_id.clone().unwrap_or_default();
        let id = Proposal::id_of(&snapshot);
        let Some(proposal) = stored.remove(&id) else {
            return broken(format!("event {} opened {id}, which is missing", event.seq));
        };
        let answer = answers.get(&snapshot);
        let is_as_opened = proposal.snapshot_id == snapshot
            && proposal.opened_at == event.at
            && proposal.target_mode == event.new_mode
            && answer.is_some_and(|answer| {
                (answer.recommendation, answer.target_mode) == (proposal.recommendation, proposal.target_mode)
                    && answer.lifetime.is_none_or(|lifetime| proposal.expires_at == proposal.opened_at + lifetime)
            });
        if !is_as_opened {
            return broken(format!("{id} is not as event {} opened it", event.seq));
        }
        open = Some((id, proposal));
    }
    if let Some((id, proposal)) = open.filter(|(_, proposal)| proposal.status != ProposalStatus::Open) {
        return broken(format!("{id} is {}, but no event says so", proposal.status.name()));
    }
    match stored.keys().next() {
        Some(id) => broken(format!("no event opened {id}")),
        None => Ok(Ok(())),
    }
}

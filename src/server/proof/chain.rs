//! Owns walking a chain, and remembering what it says was recorded.

use super::{PAGE, Problem, Report, found, whole};
use crate::domain::history::{ChainVerifier, Event, EventType};
use crate::domain::signed_head::{Place, Places};
use crate::server::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// A configuration that an event recorded.
pub(super) struct RecordedConfig {
    pub at: DateTime<Utc>,
    pub digest: String,
    pub seq: u64,
}

/// A snapshot that an event recorded.
pub(super) struct RecordedSnapshot {
    pub digest: String,
    pub seq: u64,
}

/// A digest of a state, in the newest event that carries one.
pub(super) struct Left {
    pub digest: String,
    pub seq: u64,
}

/// The records of a chain.
#[derive(Default)]
pub(super) struct Recorded {
    /// The newest state of who may act that an event of this chain left, and how many such events there are.
    pub access: Option<Left>,
    pub access_changes: u64,
    /// In order: one event for each version.
    pub configs: Vec<RecordedConfig>,
    /// What happened to proposals, in order.
    pub proposals: Vec<Event>,
    pub snapshots: HashMap<String, RecordedSnapshot>,
    /// The newest state of the added sources that an event left.
    pub sources: Option<Left>,
}

impl Recorded {
    fn add(&mut self, event: &Event) {
        let left = |digest: &String| Some(Left { digest: digest.clone(), seq: event.seq });
        match (event.event_type, &event.snapshot_id, &event.digest) {
            (EventType::SnapshotRecorded, Some(id), Some(digest)) => {
                self.snapshots.insert(id.clone(), RecordedSnapshot { digest: digest.clone(), seq: event.seq });
            }
            (EventType::AccessChanged, _, Some(digest)) => {
                self.access = left(digest);
                self.access_changes += 1;
            }
            (EventType::Note, _, Some(digest)) => self.sources = left(digest),
            (
                EventType::ConfigChanged
                | EventType::ModeChanged
                | EventType::Frozen
                | EventType::Unfrozen
                | EventType::AutoModeChanged,
                _,
                Some(digest),
            ) => self.configs.push(RecordedConfig { at: event.at, digest: digest.clone(), seq: event.seq }),
            (
                EventType::ProposalOpened
                | EventType::ProposalAccepted
                | EventType::ProposalDismissed
                | EventType::ProposalExpired,
                ..,
            ) => self.proposals.push(event.clone()),
            _ => {}
        }
    }
}

/// Walks one chain; a kept head of it must lie on the way.
pub(super) async fn walk(
    store: &dyn Store,
    environment: &str,
    kept: Option<&str>,
    signed: &Places,
    report: &mut Report,
) -> Result<Result<Recorded, Problem>, StoreError> {
    let kept = kept.filter(|kept| kept.starts_with(&format!("{environment}:")));
    let mut met = kept.is_none();
    let mut signed = signed.of(environment).peekable();
    let mut recorded = Recorded::default();
    let mut verifier = ChainVerifier::new(environment);
    loop {
        let seq = verifier.head().seq;
        let Ok(mut events) = found(environment, "history", store.events_after(environment, seq, PAGE).await)? else {
            return Ok(Err(Problem::at(environment, seq + 1, "cannot be read")));
        };
        for event in &mut events {
            if let Err(broken) = verifier.next(event) {
                return Ok(Err(broken.into()));
            }
            if let Some((_, place)) = signed.next_if(|(seq, _)| *seq == event.seq)
                && place.hash != event.hash
            {
                return Ok(Err(Problem::at(environment, event.seq, not_signed(place))));
            }
            recorded.add(event);
            report.events += 1;
            met |= kept.is_some_and(|kept| kept == verifier.head().to_string());
        }
        if events.is_empty() {
            break;
        }
    }
    let head = verifier.head().clone();
    let cut = |what: &str| Ok(Err(Problem::at(environment, head.seq + 1, what)));
    let heads = whole!(found(environment, "environments", store.heads().await)?);
    let stored = heads.into_iter().find(|stored| stored.environment == environment);
    if stored.is_some_and(|stored| stored != head) {
        return cut("is missing: the newest events were cut off");
    }
    if let Some((seq, _)) = signed.next() {
        return cut(&format!(
            "is missing: the history was signed up to event {seq}, and its newest events were cut off"
        ));
    }
    if !met {
        return cut("is missing: the head that was kept is not in this history");
    }
    report.heads.push(head);
    Ok(Ok(recorded))
}

fn not_signed(place: &Place) -> String {
    format!(
        "is not the one that was signed at {}: this history, or what comes before, was rewritten since",
        place.signed_at.format("%Y-%m-%d %H:%M:%S UTC")
    )
}

//! Owns the history of an environment: its events, their canonical form, the hash chain over them and its proof.
//! Must not know how events are stored.

use super::canonical;
use super::mode::Mode;
use chrono::{DateTime, Utc};
use core::net::IpAddr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// People, roles, tokens or share links.
    AccessChanged,
    /// Somebody from outside read what was shared with them.
    Accessed,
    ModeChanged,
    Frozen,
    Unfrozen,
    ConfigChanged,
    AutoModeChanged,
    SnapshotRecorded,
    RecommendationChanged,
    ProposalOpened,
    ProposalAccepted,
    ProposalDismissed,
    ProposalExpired,
    Exported,
    Note,
}

impl EventType {
    pub const ALL: [EventType; 15] = [
        EventType::AccessChanged,
        EventType::Accessed,
        EventType::ModeChanged,
        EventType::Frozen,
        EventType::Unfrozen,
        EventType::ConfigChanged,
        EventType::AutoModeChanged,
        EventType::SnapshotRecorded,
        EventType::RecommendationChanged,
        EventType::ProposalOpened,
        EventType::ProposalAccepted,
        EventType::ProposalDismissed,
        EventType::ProposalExpired,
        EventType::Exported,
        EventType::Note,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            EventType::AccessChanged => "access_changed",
            EventType::Accessed => "accessed",
            EventType::ModeChanged => "mode_changed",
            EventType::Frozen => "frozen",
            EventType::Unfrozen => "unfrozen",
            EventType::ConfigChanged => "config_changed",
            EventType::AutoModeChanged => "auto_mode_changed",
            EventType::SnapshotRecorded => "snapshot_recorded",
            EventType::RecommendationChanged => "recommendation_changed",
            EventType::ProposalOpened => "proposal_opened",
            EventType::ProposalAccepted => "proposal_accepted",
            EventType::ProposalDismissed => "proposal_dismissed",
            EventType::ProposalExpired => "proposal_expired",
            EventType::Exported => "exported",
            EventType::Note => "note",
        }
    }

    pub fn from_name(name: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|event_type| event_type.name() == name)
    }
}

/// The hash before the first event of a chain.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The actor of an act, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor<'a> {
    pub name: &'a str,
    /// The address that it was asked from; `None` for what no request asked for.
    pub address: Option<IpAddr>,
}

/// An actor without an address: the program itself, or its command line.
impl<'a> From<&'a str> for Actor<'a> {
    fn from(name: &'a str) -> Actor<'a> {
        Actor { name, address: None }
    }
}

/// An event before it has its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    pub actor: String,
    /// The address that the act was asked from, in its text form.
    pub address: Option<String>,
    pub at: DateTime<Utc>,
    /// Digest of what the event speaks of (a snapshot's, a configuration's), where there is one.
    pub digest: Option<String>,
    pub event_type: EventType,
    pub new_mode: Option<Mode>,
    pub old_mode: Option<Mode>,
    pub reason: Option<String>,
    pub snapshot_id: Option<String>,
}

impl NewEvent {
    /// An event with nothing but its type, its actor and its time.
    pub fn new<'a>(event_type: EventType, actor: impl Into<Actor<'a>>, at: DateTime<Utc>) -> NewEvent {
        let actor = actor.into();
        NewEvent {
            actor: actor.name.to_owned(),
            address: actor.address.map(|address| address.to_canonical().to_string()),
            at,
            digest: None,
            event_type,
            new_mode: None,
            old_mode: None,
            reason: None,
            snapshot_id: None,
        }
    }
}

/// One event of an environment's history. Fields are in alphabetical order: this is the canonical form, less `hash`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    pub actor: String,
    /// The address that the act was asked from. Without one it is left out, also of what the hash covers: events from
    /// before addresses were kept have the hashes that they always had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub at: DateTime<Utc>,
    pub digest: Option<String>,
    pub environment: String,
    /// SHA-256 over the canonical event without this field; it covers `prev_hash`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    pub new_mode: Option<Mode>,
    pub old_mode: Option<Mode>,
    pub prev_hash: String,
    pub reason: Option<String>,
    /// 1 for the first event of the environment, then without a gap.
    pub seq: u64,
    pub snapshot_id: Option<String>,
    #[serde(rename = "type")]
    pub event_type: EventType,
}

/// The newest event's place and hash: what to keep elsewhere to show that nothing was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    pub environment: String,
    pub hash: String,
    pub seq: u64,
}

impl Head {
    /// The head of a chain without events.
    pub fn genesis(environment: &str) -> Head {
        Head { environment: environment.to_owned(), hash: GENESIS.to_owned(), seq: 0 }
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.environment, self.seq, self.hash)
    }
}

/// The head of a whole store: SHA-256 over its environments' heads, sorted by name, one a line.
pub fn store_head(heads: &[Head]) -> String {
    let mut lines: Vec<String> = heads.iter().map(|head| format!("{head}\n")).collect();
    lines.sort();
    canonical::digest(lines.concat().as_bytes())
}

/// Gives an event its place after `head`.
pub fn link(head: &Head, event: NewEvent) -> Event {
    let mut linked = Event {
        actor: event.actor,
        address: event.address,
        at: event.at,
        digest: event.digest,
        environment: head.environment.clone(),
        hash: String::new(),
        new_mode: event.new_mode,
        old_mode: event.old_mode,
        prev_hash: head.hash.clone(),
        reason: event.reason,
        seq: head.seq + 1,
        snapshot_id: event.snapshot_id,
        event_type: event.event_type,
    };
    linked.hash = hash_of(&mut linked);
    linked
}

impl Event {
    pub fn head(&self) -> Head {
        Head { environment: self.environment.clone(), hash: self.hash.clone(), seq: self.seq }
    }
}

/// The hash that the event should carry. The stored hash is set aside while hashing and put back.
fn hash_of(event: &mut Event) -> String {
    let stored = std::mem::take(&mut event.hash);
    let hash = canonical::digest(&canonical::to_vec(event));
    event.hash = stored;
    hash
}

/// Why a chain is not intact, at the first event where it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{environment}: event {seq}: {what}")]
pub struct ChainBreak {
    pub environment: String,
    /// The first bad sequence number; one past the newest where the end was cut off.
    pub seq: u64,
    pub what: String,
}

/// Walks a chain from its beginning, event by event, so that a store can stream through it.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    head: Head,
}

impl ChainVerifier {
    pub fn new(environment: &str) -> ChainVerifier {
        ChainVerifier { head: Head::genesis(environment) }
    }

    /// Checks the next event.
    ///
    /// # Errors
    /// [`ChainBreak`] with the sequence number that should have come and did not, or whose content was altered.
    pub fn next(&mut self, event: &mut Event) -> Result<(), ChainBreak> {
        let expected = self.head.seq + 1;
        let broken = |what: &str| ChainBreak {
            environment: self.head.environment.clone(),
            seq: expected,
            what: what.to_owned(),
        };
        if event.seq != expected {
            return Err(broken("is missing"));
        }
        if event.environment != self.head.environment {
            return Err(broken("belongs to another environment"));
        }
        if event.prev_hash != self.head.hash {
            return Err(broken("does not follow from the event before it"));
        }
        if hash_of(event) != event.hash {
            return Err(broken("was altered: its content does not give its hash"));
        }
        self.head.seq = expected;
        self.head.hash.clone_from(&event.hash);
        Ok(())
    }

    /// The head reached so far.
    pub fn head(&self) -> &Head {
        &self.head
    }
}

/// Walks a whole chain.
///
/// # Errors
/// The first [`ChainBreak`].
pub fn verify(environment: &str, events: &mut [Event]) -> Result<Head, ChainBreak> {
    let mut verifier = ChainVerifier::new(environment);
    for event in events {
        verifier.next(event)?;
    }
    Ok(verifier.head().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chain(length: u64) -> Vec<Event> {
        let mut head = Head::genesis("production");
        (0..length)
            .map(|place| {
                let at = DateTime::from_timestamp(1_800_000_000 + place as i64, 0).unwrap();
                let mut event = NewEvent::new(EventType::Note, "local", at);
                event.reason = Some(format!("note {place}"));
                let event = link(&head, event);
                head = event.head();
                event
            })
            .collect()
    }

    #[test]
    fn a_whole_chain_verifies_to_its_head() {
        let mut events = chain(20);
        let head = events.last().unwrap().head();
        assert_eq!(verify("production", &mut events), Ok(head));
    }

    #[test]
    fn an_event_without_an_address_has_the_hash_that_it_always_had() {
        let at = "2026-11-24T05:02:26.338Z".parse().unwrap();
        let mut event = NewEvent::new(EventType::ConfigChanged, "local", at);
        event.reason = Some("created".into());
        event.digest = Some("89a341ba6adb5e4f30abbd2f022ae3b8e8811a0a92719ac8ade9c693fe40d11d".into());
        let linked = link(&Head::genesis("production"), event.clone());
        assert_eq!(linked.hash, "0ece4ebedacfde4dc5b13f8d65389e7654bbe628cad245008f426a01e88f18ce");
        // One that has an address is covered with it; an IPv4 address is written as one, however it came.
        let address = Some("::ffff:203.0.113.7".parse().unwrap());
        let from = NewEvent::new(EventType::ConfigChanged, Actor { name: "local", address }, at);
        assert_eq!(from.address.as_deref(), Some("203.0.113.7"));
        let addressed = link(&Head::genesis("production"), NewEvent { address: from.address, ..event });
        assert_ne!(addressed.hash, linked.hash);
    }

    #[test]
    fn the_canonical_event_has_ascending_keys() {
        let mut event = chain(1).remove(0);
        event.address = Some("203.0.113.7".into());
        let event = &event;
        let text = String::from_utf8(canonical::to_vec(event)).unwrap();
        assert!(canonical::keys_ascend(&serde_json::from_str(&text).unwrap(), &text), "{text}");
    }

    proptest! {
        #[test]
        fn any_edit_deletion_or_swap_is_found_at_its_place(length in 2u64..40, place in any::<prop::sample::Index>(), what in 0..6) {
            let mut events = chain(length);
            let place = place.index(events.len() - 1);
            let first_bad = place as u64 + 1;
            match what {
                0 => events[place].reason = Some("never said".into()),
                1 => { events.remove(place); }
                2 => events.swap(place, place + 1),
                3 => events[place].address = Some("203.0.113.7".into()),
                4 => events[place].address = Some(String::new()),
                _ => events[place].actor = "founder".into(),
            }
            prop_assert_eq!(verify("production", &mut events).unwrap_err().seq, first_bad);
        }
    }
}

//! Owns the recording of evaluations: snapshots, their events and what they do to proposals, in one
//! transaction. Recording is idempotent: a tick or snapshot that is there already is left as it is.

use super::super::rows::{At, millis};
use super::super::{IdempotencyKey, Recording, StoreError};
use super::environments::Environment;
use super::idempotency::Kind;
use super::{Connection, bulk, environments, history, idempotency, points, proposals, snapshots};
use crate::domain::history::{Event, EventType, Head, NewEvent};
use crate::domain::policy::EnvironmentKind;
use crate::domain::proposal::{Proposal, ProposalStatus};
use crate::domain::snapshot::Snapshot;
use crate::domain::trend::TrendPoint;
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// What becomes of the recordings of one call.
#[derive(Default)]
struct Plan<'a> {
    /// Recordings that are new, by their place.
    new: Vec<usize>,
    events: Vec<Event>,
    proposals: Vec<ProposalChange<'a>>,
    /// The id of the snapshot that stands for each recording.
    ids: Vec<String>,
}

enum ProposalChange<'a> {
    Expire(&'a str),
    Open(&'a Proposal),
}

/// Snapshots that are there already: ticks by time, and all by id.
#[derive(Default)]
struct Known {
    ids: HashSet<String>,
    ticks: HashMap<i64, String>,
    /// How many ticks of a time there are that no longer count.
    overtaken: HashMap<i64, i64>,
}

impl Known {
    fn stands_for(&self, recording: &Recording<'_>) -> Option<&String> {
        let snapshot = recording.snapshot;
        let tick = snapshot.body.origin.is_tick().then(|| self.ticks.get(&millis(snapshot.body.as_of)));
        tick.flatten().or_else(|| self.ids.get(&snapshot.id))
    }

    fn add(&mut self, snapshot: &Snapshot) {
        self.ids.insert(snapshot.id.clone());
        if snapshot.body.origin.is_tick() {
            self.ticks.insert(millis(snapshot.body.as_of), snapshot.id.clone());
        }
    }
}

pub(super) async fn record(
    db: &mut Connection,
    environment: &str,
    recordings: &[Recording<'_>],
    bodies: &[Vec<u8>],
    key: Option<&IdempotencyKey>,
) -> Result<Vec<Snapshot>, StoreError> {
    let found = environments::find(db, environment).await?;
    if let Some(key) = key
        && let Some(snapshots) = under(db, found.id, key).await?
    {
        return Ok(snapshots);
    }
    let Some(at) = recordings.iter().map(|recording| recording.at).max() else {
        return Ok(Vec::new());
    };
    let mut known = known(db, &found, recordings, at).await?;
    let mut open = proposals::open_id(db, found.id).await?;
    let plan = plan(recordings, &mut known, found.head, &mut open);
    let rows: Vec<bulk::SnapshotRow<'_>> = plan
        .new
        .iter()
        .filter_map(|place| {
            let recording = &recordings[*place];
            let again = known.overtaken.get(&millis(recording.snapshot.body.as_of));
            Some((recording, bodies.get(*place)?.as_slice(), again.copied().filter(|_| recording.tick.is_some())))
        })
        .map(|(recording, body, again)| (recording, body, again.unwrap_or_default()))
        .collect();
    for chunk in rows.chunks(bulk::ROWS) {
        bulk::insert_snapshots(db, found.id, chunk).await?;
    }
    let drawn: Vec<TrendPoint> = rows.iter().map(|(recording, ..)| TrendPoint::of(&recording.snapshot.body)).collect();
    points::insert(db, found.id, &drawn).await?;
    for change in &plan.proposals {
        match change {
            ProposalChange::Expire(id) => proposals::set_status(db, id, ProposalStatus::Expired).await?,
            ProposalChange::Open(proposal) => proposals::open(db, found.id, proposal).await?,
        }
    }
    history::append(db, found.id, &plan.events).await?;
    idempotency::remember(db, found.id, key, Kind::Record, &plan.ids, at).await?;
    stored(db, recordings, plan.ids).await
}

/// The snapshots that a key was first used for.
pub(super) async fn under(
    db: &mut Connection,
    environment: i64,
    key: &IdempotencyKey,
) -> Result<Option<Vec<Snapshot>>, StoreError> {
    let Some(ids) = idempotency::first_use::<Vec<String>>(db, environment, Some(key), Kind::Record).await? else {
        return Ok(None);
    };
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(snapshots::one(db, &id).await?);
    }
    Ok(Some(found))
}

/// Decides in order what is new, and links its events. What no longer applies to a proposal leaves no event.
fn plan<'a>(recordings: &'a [Recording<'_>], known: &mut Known, mut head: Head, open: &mut Option<String>) -> Plan<'a> {
    let mut plan = Plan::default();
    for (place, recording) in recordings.iter().enumerate() {
        if let Some(id) = known.stands_for(recording) {
            plan.ids.push(id.clone());
            continue;
        }
        known.add(recording.snapshot);
        plan.new.push(place);
        plan.ids.push(recording.snapshot.id.clone());
        let expires = recording.expire.as_deref().filter(|id| open.as_deref() == Some(*id));
        if let Some(id) = expires {
            *open = None;
            plan.proposals.push(ProposalChange::Expire(id));
        }
        let opens = recording.open.as_ref().filter(|_| open.is_none());
        if let Some(proposal) = opens {
            *open = Some(proposal.id.clone());
            plan.proposals.push(ProposalChange::Open(proposal));
        }
        let applies = |event: &&NewEvent| match event.event_type {
            EventType::ProposalExpired => expires.is_some(),
            EventType::ProposalOpened => opens.is_some(),
            _ => true,
        };
        let recorded = recorded_event(recording);
        let events = std::iter::once(&recorded).chain(recording.events.iter().filter(applies));
        plan.events.extend(events.map(|event| history::link(&mut head, event.clone())));
    }
    plan
}

fn recorded_event(recording: &Recording<'_>) -> NewEvent {
    let mut event = NewEvent::new(EventType::SnapshotRecorded, recording.actor, recording.at);
    event.digest = Some(recording.snapshot.digest.clone());
    event.snapshot_id = Some(recording.snapshot.id.clone());
    event
}

async fn known(
    db: &mut Connection,
    environment: &Environment,
    recordings: &[Recording<'_>],
    now: DateTime<Utc>,
) -> Result<Known, StoreError> {
    let mut known = Known::default();
    for chunk in recordings.chunks(bulk::ROWS) {
        known.ids.extend(bulk::known_ids(db, chunk).await?);
        for (at, id) in bulk::known_ticks(db, environment.id, chunk).await? {
            *known.overtaken.entry(at.0).or_default() += 1;
            known.ticks.insert(at.0, id);
        }
    }
    // In a live environment a tick of this time may have been recorded while a clock was ahead.
    let times: Vec<i64> = known.ticks.keys().copied().collect();
    for at in times.into_iter().filter(|_| environment.kind == EnvironmentKind::Live) {
        match snapshots::standing_tick(db, environment, At(at).time()?, now).await? {
            Some(id) => known.ticks.insert(at, id),
            None => known.ticks.remove(&at),
        };
    }
    Ok(known)
}

/// The snapshot that stands for each recording: its own, or the one that was there.
async fn stored(
    db: &mut Connection,
    recordings: &[Recording<'_>],
    ids: Vec<String>,
) -> Result<Vec<Snapshot>, StoreError> {
    let mut all = Vec::with_capacity(ids.len());
    for (recording, id) in recordings.iter().zip(ids) {
        all.push(if recording.snapshot.id == id {
            recording.snapshot.clone()
        } else {
            snapshots::one(db, &id).await?
        });
    }
    Ok(all)
}

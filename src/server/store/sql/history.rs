//! Owns the history: adding events to a chain, and reading pages of it whose cost does not grow with it.

use super::super::rows::{At, corrupt, millis, mode, unsigned, whole_millis};
use super::super::{EventFilter, StoreError};
use super::environments::{self, Environment};
use super::{Connection, Db, bulk};
use crate::domain::history::{self, Event, EventType, Head, NewEvent};
use sqlx::QueryBuilder;

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    at: At,
    r#type: String,
    actor: String,
    address: Option<String>,
    old_mode: Option<String>,
    new_mode: Option<String>,
    reason: Option<String>,
    snapshot_id: Option<String>,
    digest: Option<String>,
    prev_hash: String,
    hash: String,
}

impl EventRow {
    fn event(self, environment: &str) -> Result<Event, StoreError> {
        Ok(Event {
            actor: self.actor,
            address: self.address,
            at: self.at.time()?,
            digest: self.digest,
            environment: environment.to_owned(),
            hash: self.hash,
            new_mode: mode(self.new_mode)?,
            old_mode: mode(self.old_mode)?,
            prev_hash: self.prev_hash,
            reason: self.reason,
            seq: unsigned(self.seq)?,
            snapshot_id: self.snapshot_id,
            event_type: EventType::from_name(&self.r#type).ok_or_else(|| corrupt("an event's type"))?,
        })
    }
}

pub(super) const COLUMNS: &str = "SELECT h.seq, h.at, h.type, h.actor, h.address, h.old_mode, h.new_mode, h.reason, h.snapshot_id, h.digest, h.prev_hash, h.hash FROM ";

/// Gives an event its place after `head`, which moves on to it. Its time is cut to what the store keeps.
pub(super) fn link(head: &mut Head, mut event: NewEvent) -> Event {
    event.at = whole_millis(event.at);
    let event = history::link(head, event);
    head.seq = event.seq;
    head.hash.clone_from(&event.hash);
    event
}

/// Links new events onto `head` and adds them.
pub(super) async fn append_new(
    db: &mut Connection,
    environment: i64,
    mut head: Head,
    events: impl IntoIterator<Item = NewEvent>,
) -> Result<(), StoreError> {
    let events: Vec<Event> = events.into_iter().map(|event| link(&mut head, event)).collect();
    append(db, environment, &events).await
}

/// Links one event to an environment's chain and adds it.
pub(super) async fn append_one(
    db: &mut Connection,
    environment: &str,
    event: &NewEvent,
) -> Result<Event, StoreError> {
    let found = environments::find(db, environment).await?;
    let mut head = found.head;
    let event = link(&mut head, event.clone());
    append(db, found.id, std::slice::from_ref(&event)).await?;
    Ok(event)
}

/// Adds linked events and moves the environment's head to the last of them.
pub(super) async fn append(db: &mut Connection, environment: i64, events: &[Event]) -> Result<(), StoreError> {
    let Some(last) = events.last() else {
        return Ok(());
    };
    for chunk in events.chunks(bulk::ROWS) {
        bulk::insert_events(db, environment, chunk).await?;
    }
    sqlx::query("UPDATE environments SET head_seq = $1, head_hash = $2 WHERE id = $3")
        .bind(seq_column(last.seq))
        .bind(&last.hash)
        .bind(environment)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) fn seq_column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Events after a sequence number, ascending. An event that cannot be read ends the answer before it, so that a
/// verifier reaches it; asked for as the first one it is an error.
pub(super) async fn after(
    db: &mut Connection,
    environment: &Environment,
    seq: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(COLUMNS);
    query.push("history h WHERE environment_id = ").push_bind(environment.id);
    query.push(" AND seq > ").push_bind(seq_column(seq));
    query.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<EventRow> = query.build_query_as().fetch_all(db).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match row.event(&environment.head.environment) {
            Ok(event) => events.push(event),
            Err(_) if !events.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

/// Where a page ends: events before this place. Without a time filter the order is the chain's, else that of time.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Seq(i64),
    Time(i64, i64),
}

/// A page of events, newest first: in the order of the chain, or, where a time is asked for, by time and then place
/// (the two differ only where a clock was set back).
pub(super) async fn page(
    db: &mut Connection,
    environment: &Environment,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let Some(before) = before(db, environment.id, filter).await? else {
        return Ok(Vec::new());
    };
    let mut query = page_query(COLUMNS, environment.id, filter, before, limit);
    // Planning takes PostgreSQL longer than reading. The other forms are too many to be kept prepared.
    let is_usual = filter.types.len() <= 1 && filter.actor.is_none();
    let rows: Vec<EventRow> = query.build_query_as().persistent(is_usual).fetch_all(db).await?;
    rows.into_iter().map(|row| row.event(&environment.head.environment)).collect()
}

/// Each type is one range of one index, read no further than the page is long; the ranges are joined, and only the
/// page's own events are looked up.
pub(super) fn page_query(
    select: &str,
    environment: i64,
    filter: &EventFilter,
    before: Before,
    limit: u32,
) -> QueryBuilder<Db> {
    let order = match before {
        Before::Seq(_) => " ORDER BY seq DESC",
        Before::Time(..) => " ORDER BY at DESC, seq DESC",
    };
    let mut types: Vec<Option<EventType>> = Vec::new();
    for event_type in &filter.types {
        if !types.contains(&Some(*event_type)) {
            types.push(Some(*event_type));
        }
    }
    if types.is_empty() {
        // An actor's events are found type by type.
        let all = || EventType::ALL.into_iter().map(Some);
        types.extend(if filter.actor.is_some() { all().collect() } else { vec![None] });
    }
    let mut query = QueryBuilder::<Db>::new(select);
    query.push("(SELECT seq, at FROM (");
    for (place, event_type) in types.into_iter().enumerate() {
        query.push(if place > 0 { " UNION ALL " } else { "" }).push("SELECT * FROM (");
        push_range(&mut query, environment, event_type, before, filter);
        query.push(order).push(" LIMIT ").push(limit).push(") AS part");
    }
    // A limit that is not known when it is planned would have PostgreSQL plan each time anew.
    query.push(") AS parts").push(order).push(" LIMIT ").push(limit).push(") AS place ");
    // The few places first, then their events.
    query.push(concat!(in_order!(), " history h ON h.seq = place.seq AND h.at = place.at AND h.environment_id = "));
    query.push_bind(environment);
    query.push(match before {
        Before::Seq(_) => " ORDER BY place.seq DESC",
        Before::Time(..) => " ORDER BY place.at DESC, place.seq DESC",
    });
    query
}

/// Where the page ends; `None` where nothing can come before.
async fn before(
    db: &mut Connection,
    environment: i64,
    filter: &EventFilter,
) -> Result<Option<Before>, StoreError> {
    let seq = filter.before.map_or(i64::MAX, seq_column);
    if filter.from.is_none() && filter.to.is_none() && filter.actor.is_none() {
        return Ok(Some(Before::Seq(seq)));
    }
    let end = (filter.to.map_or(i64::MAX, millis), 0);
    let Some(before) = filter.before else {
        return Ok(Some(Before::Time(end.0, end.1)));
    };
    let at: Option<At> = sqlx::query_scalar("SELECT at FROM history WHERE environment_id = $1 AND seq = $2")
        .bind(environment)
        .bind(seq)
        .fetch_optional(db)
        .await?;
    Ok(match at {
        Some(at) => {
            let (at, seq) = end.min((at.0, seq));
            Some(Before::Time(at, seq))
        }
        // Past the newest event, or before the first one.
        None if before > 0 => Some(Before::Time(end.0, end.1)),
        None => None,
    })
}

/// One range of one index: the places of the events of a type, or of all.
fn push_range(
    query: &mut QueryBuilder<Db>,
    environment: i64,
    event_type: Option<EventType>,
    before: Before,
    filter: &EventFilter,
) {
    query.push("SELECT seq, at FROM history");
    query.push(match (event_type, before, &filter.actor) {
        (_, _, Some(_)) => indexed!("history_by_actor"),
        (None, Before::Seq(_), None) => "",
        (Some(_), Before::Seq(_), None) => indexed!("history_by_type"),
        (None, Before::Time(..), None) => indexed!("history_by_time"),
        (Some(_), Before::Time(..), None) => indexed!("history_by_type_and_time"),
    });
    query.push(" WHERE environment_id = ").push_bind(environment);
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor.clone());
    }
    if let Some(event_type) = event_type {
        query.push(" AND type = ").push_bind(event_type.name());
    }
    match before {
        Before::Seq(seq) => {
            query.push(" AND seq < ").push_bind(seq);
        }
        Before::Time(at, seq) => {
            query.push(" AND (at, seq) < (").push_bind(At(at)).push(", ").push_bind(seq).push(")");
        }
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(At::of(from));
    }
}

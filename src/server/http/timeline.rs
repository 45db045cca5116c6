//! Owns the reading of history for a page or an endpoint. Must not write anything.

use super::context::{ActRequest, config, state};
use super::{parameters, problem};
use crate::api::{EventView, HistoryPage};
use crate::domain::history::{Event, EventType};
use crate::error::{Code, WireError};
use crate::server::acts;
use crate::server::store::EventFilter;

/// How many events the page shows at once.
pub const PAGE_ROWS: u32 = 20;

/// What is asked of the history, as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub actor: Option<String>,
    pub before: Option<String>,
    pub event_type: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// `GET history`.
pub async fn history(
    environment: Option<String>,
    asked: Asked,
    page_limit: Option<String>,
) -> Result<HistoryPage, WireError> {
    let limit = parameters::limit(page_limit, 50)?;
    let filter = EventFilter {
        actor: parameters::actor(asked.actor)?,
        before: parameters::sequence(asked.before)?,
        from: parameters::time("from", asked.from)?,
        to: parameters::time("to", asked.to)?,
        types: parameters::event_types(asked.event_type)?,
    };
    let request = ActRequest::here()?;
    let events = acts::history::read(&request.context(), environment.as_deref(), &filter, limit).await?;
    Ok(HistoryPage { next: next(&events, limit), events })
}

/// The events of the founder's page: days instead of times, and no snapshots unless they are asked for.
///
/// # Errors
/// Names the parameter that cannot be read.
pub fn page_filter(asked: Asked) -> Result<EventFilter, WireError> {
    let mut types = parameters::event_types(asked.event_type)?;
    if types.is_empty() {
        types.extend(EventType::ALL.into_iter().filter(|event_type| *event_type != EventType::SnapshotRecorded));
    }
    Ok(EventFilter {
        actor: parameters::actor(asked.actor)?,
        before: parameters::sequence(asked.before)?,
        from: parameters::day("from", asked.from, false)?,
        to: parameters::day("to", asked.to, true)?,
        types,
    })
}

/// Where the next page of events begins; `None` at the end.
pub fn next(events: &[Event], limit: u32) -> Option<u64> {
    (events.len() == limit as usize).then(|| events.last().map(|event| event.seq)).flatten()
}

/// One event, with its neighbours in the chain.
pub async fn event(environment: Option<String>, seq: &str) -> Result<EventView, WireError> {
    let missing = || WireError::new(Code::UnknownEvent, "There is no event of that number here.");
    let seq: u64 = seq.parse().ok().filter(|seq| *seq > 0).ok_or_else(missing)?;
    let state = state()?;
    let config = config(environment).await?;
    let events = state.store.events_after(&config.environment, seq - 1, 2).await.map_err(problem::of_store)?;
    let mut events = events.into_iter();
    let event: Event = events.next().filter(|event| event.seq == seq).ok_or_else(missing)?;
    Ok(EventView { event, kind: config.kind, next: events.next().map(|next| next.seq) })
}

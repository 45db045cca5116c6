//! Owns the stream of server-sent events: one environment's new events and arriving telemetry, from where a listener left
//! off. Must not know what a page does with them.

use super::{AppState, problem};
use crate::error::{Code, WireError};
use crate::server::live::{Listening, Message, Told};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are caught up with at most; a listener further behind is told to look anew.
const CAUGHT_UP: u32 = 200;

/// What a listener asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The newest event that the listener knows; what came after it is told first.
    after: Option<u64>,
    environment: Option<String>,
}

/// `GET /api/scaling-mode/events`.
pub async fn listen(
    State(state): State<AppState>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let opened = match asked {
        Ok(Query(asked)) => open(&state, asked, &headers).await,
        Err(_) => Err(WireError::new(Code::Malformed, "It takes environment, a name, and after, a whole number.")),
    };
    opened.unwrap_or_else(|error| problem::response(&error))
}

async fn open(state: &AppState, asked: Asked, headers: &HeaderMap) -> Result<Response, WireError> {
    let environment = super::context::name(asked.environment);
    // An environment that does not exist is said so, before anything is opened.
    let lookup = if crate::domain::policy::is_environment_name(&environment) { environment.as_str() } else { "?" };
    state.store.config(lookup).await.map_err(problem::of_store)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    // Listening begins before the past is read, so that nothing falls between the two.
    let listening = state.feed.listen(&environment).ok_or_else(|| {
        WireError::new(Code::Unavailable, "Too many pages are listening already; this one works without.")
    })?;
    let after: Option<u64> = last.or(asked.after);
    let missed = match after {
        Some(seq) => state.store.events_after(&environment, seq, CAUGHT_UP).await.map_err(problem::of_store)?,
        None => Vec::new(),
    };
    let told = missed.last().map(|event| event.seq).or(after).unwrap_or(0);
    let past = stream::iter(missed.iter().map(|event| Told::of(&Message::of(event)).event).collect::<Vec<_>>());
    let stream = past.chain(present(listening, told)).map(Ok::<_, Infallible>);
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers up would hold the stream back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What is told from now on, without what was told already.
fn present(listening: Listening, told: u64) -> impl Stream<Item = Event> {
    stream::unfold((listening, told), |(mut listening, told)| async move {
        loop {
            let received = tokio::select! {
                () = listening.stop.cancelled() => return None,
                received = listening.messages.recv() => received,
            };
            match received {
                Ok(message) => match message.seq {
                    Some(seq) if seq <= told => {}
                    seq => return Some((message.event.clone(), (listening, seq.unwrap_or(told)))),
                },
                Err(RecvError::Lagged(_)) => {
                    return Some((Event::default().event("behind").data("{}"), (listening, told)));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

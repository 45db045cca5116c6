//! Owns the stream of server-sent events: one environment's new events and arriving telemetry, from where a listener left
//! off. Must not know what a page does with them.

use super::{AppState, context, identity, problem};
use crate::domain::access::{Identity, Permission};
use crate::error::{Code, WireError};
use crate::server::http::identity::Credential;
use crate::server::live::{Listening, Message, Told};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether its listener may still listen.
const LOOKS_AGAIN: Duration = Duration::from_secs(15);
/// Events that are caught up with at most; a listener further behind is told to look anew.
const CAUGHT_UP: u32 = 200;

/// What a listener asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The newest event that the listener knows; what came after it is told first.
    after: Option<u64>,
    environment: Option<String>,
    /// When the listener's page was made, in milliseconds since 1970: telemetry that has come since is told first.
    since: Option<i64>,
}

/// `GET /api/scaling-mode/events`.
pub async fn listen(
    State(state): State<AppState>,
    asked: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Response {
    let listener = Listener {
        credential: request.extensions().get::<Credential>().cloned(),
        identity: identity::of(&request),
        last: request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok()),
    };
    let opened = match asked {
        Ok(Query(asked)) => open(&state, asked, listener).await,
        Err(_) => Err(WireError::new(Code::Malformed, "It takes environment, a name, and after, a whole number.")),
    };
    opened.unwrap_or_else(|error| problem::response(&error))
}

/// Who listens.
struct Listener {
    credential: Option<Credential>,
    identity: Result<Identity, WireError>,
    /// The newest event that was told before the connection was lost.
    last: Option<u64>,
}

async fn open(state: &AppState, asked: Asked, listener: Listener) -> Result<Response, WireError> {
    let environment = context::name(asked.environment);
    // An environment that does not exist is said so, before anything is opened.
    context::allowed_to(state, &listener.identity?, Permission::Read, Some(environment.clone())).await?;
    // Listening begins before the past is read, so that nothing falls between the two.
    let listening = state.feed.listen(&environment).ok_or_else(|| {
        WireError::new(Code::Unavailable, "Too many pages are listening already; this one works without.")
    })?;
    let after: Option<u64> = listener.last.or(asked.after);
    let missed = match after {
        Some(seq) => state.store.events_after(&environment, seq, CAUGHT_UP).await.map_err(problem::of_store)?,
        None => Vec::new(),
    };
    let told = missed.last().map(|event| event.seq).or(after).unwrap_or(0);
    let since = asked.since.and_then(DateTime::from_timestamp_millis);
    let has_come = since.is_some_and(|since| state.feed.has_telemetry_since(&environment, since));
    let telemetry = has_come.then_some(Message::Telemetry { signals: Vec::new() });
    let past = missed.iter().map(Message::of).chain(telemetry);
    let past = stream::iter(past.map(|message| Told::of(&message).event).collect::<Vec<_>>());
    let until = ended(state.clone(), listener.credential, environment);
    let stream = past.chain(present(listening, told)).map(Ok::<_, Infallible>).take_until(Box::pin(until));
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers up would hold the stream back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Waits until the listener may no longer listen: signed out, revoked, or without the role.
async fn ended(state: AppState, credential: Option<Credential>, environment: String) {
    let Some(credential) = credential else { return };
    loop {
        tokio::time::sleep(LOOKS_AGAIN).await;
        if !identity::still_may(&state, &credential, Permission::Read, &environment).await {
            return;
        }
    }
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

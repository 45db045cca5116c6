//! Owns the stream of server-sent events: one environment's new events and arriving telemetry, from where a listener left
//! off. Must not know what a page does with them.

use super::{AppState, context, identity, problem};
use crate::domain::access::{Identity, Permission};
use crate::domain::history;
use crate::error::{Code, WireError};
use crate::server::clock;
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
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;

/// How often a silent stream says that it is alive. Pages take a connection for lost after three of these (`ui/live_page.rs`).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether its listener may still listen.
const LOOKS_AGAIN: Duration = Duration::from_secs(15);
/// For how long a listener's right to listen is taken as checked while events are sent to them.
const CHECKED_FOR: Duration = Duration::from_millis(500);
/// Events that are caught up with at most; a listener further behind gets `behind`.
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
        last: request.headers().get("last-event-id").filter(|id| !id.is_empty()).map(|id| {
            // What is no number is no place in this history.
            id.to_str().ok().and_then(|id| id.parse().ok()).unwrap_or(u64::MAX)
        }),
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
    let credential = match &listener.credential {
        Some(Credential::Session(hash) | Credential::Token(hash)) => Some(hash.as_str()),
        Some(Credential::Nothing(_)) | None => None,
    };
    let listening = state.feed.listen(&environment, credential).ok_or_else(|| {
        WireError::new(Code::Busy, "Too many pages are listening already. This page works without live updates.")
            .retry_after(30)
    })?;
    let after: Option<u64> = listener.last.or(asked.after);
    let Missed { events: missed, head } = match after {
        Some(seq) => missed_since(state, &environment, seq).await?,
        None => Missed { events: Vec::new(), head: None },
    };
    let behind = head.map(|head| Event::default().event("behind").id(head.to_string()).data("{}"));
    let told = head.or_else(|| missed.last().map(|event| event.seq)).or(after).unwrap_or(0);
    let since = asked.since.and_then(DateTime::from_timestamp_millis);
    let has_come = since.is_some_and(|since| state.feed.has_telemetry_since(&environment, since));
    let telemetry = has_come.then_some(Message::Telemetry { signals: Vec::new() });
    let past = missed.iter().map(Message::of).chain(telemetry);
    let past = stream::iter(past.map(|message| Told::of(&message).event).chain(behind).collect::<Vec<_>>());
    let listens =
        Listens { checked: clock::instant(), credential: listener.credential, environment, state: state.clone() };
    let until = ended(listens.clone());
    let stream = past.chain(present(listening, told, listens)).map(Ok::<_, Infallible>).take_until(Box::pin(until));
    // An event and no comment: a browser shows comments to nobody, and a connection that died in silence would seem to live.
    let beat = KeepAlive::new().interval(HEARTBEAT).event(Event::default().event("beat").data("{}"));
    let mut response = Sse::new(stream).keep_alive(beat).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers up would hold the stream back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What a listener has missed.
struct Missed {
    /// The oldest of it.
    events: Vec<history::Event>,
    /// The newest event, if the listener has to read the history again: it has missed more than this, or knows events that this
    /// history does not have, as after a backup was restored.
    head: Option<u64>,
}

async fn missed_since(state: &AppState, environment: &str, after: u64) -> Result<Missed, WireError> {
    // The event that the listener knows comes first, where there is one.
    let known = u32::from(after > 0);
    let read = async |seq: u64, limit: u32| {
        let is_a_place = i64::try_from(seq).is_ok();
        let events = if is_a_place { state.store.events_after(environment, seq, limit).await } else { Ok(Vec::new()) };
        events.map_err(problem::of_store)
    };
    let mut events = read(after.saturating_sub(1), known + CAUGHT_UP + 1).await?;
    let is_known = after == 0 || events.first().is_some_and(|event| event.seq == after);
    events.drain(..events.len().min(known as usize));
    let is_all = events.len() <= CAUGHT_UP as usize;
    if is_known && is_all {
        return Ok(Missed { events, head: None });
    }
    events.truncate(if is_known { CAUGHT_UP as usize } else { 0 });
    let heads = state.store.heads().await.map_err(problem::of_store)?;
    let head = heads.into_iter().find(|head| head.environment == environment).map_or(0, |head| head.seq);
    Ok(Missed { events, head: Some(head) })
}

/// The right by which a stream goes on.
#[derive(Clone)]
struct Listens {
    /// When it was last checked.
    checked: Instant,
    credential: Option<Credential>,
    environment: String,
    state: AppState,
}

impl Listens {
    /// Whether the listener may still listen: not signed out, not revoked, not without the role.
    async fn still_may(&self) -> bool {
        let Some(credential) = &self.credential else { return false };
        identity::still_may(&self.state, credential, Permission::Read, &self.environment).await
    }

    /// The same before an event is sent, checked again where the last check is old.
    async fn may_have_it(&mut self) -> bool {
        if self.checked.elapsed() < CHECKED_FOR {
            return true;
        }
        self.checked = clock::instant();
        self.still_may().await
    }
}

/// Waits until the listener may no longer listen.
async fn ended(listens: Listens) {
    loop {
        tokio::time::sleep(LOOKS_AGAIN).await;
        if !listens.still_may().await {
            return;
        }
    }
}

/// What is told from now on, without what was told already. Nothing is told to a listener who may no longer listen.
fn present(listening: Listening, told: u64, listens: Listens) -> impl Stream<Item = Event> {
    stream::unfold((listening, told, listens), |(mut listening, told, mut listens)| async move {
        loop {
            let received = tokio::select! {
                () = listening.stop.cancelled() => return None,
                received = listening.messages.recv() => received,
            };
            let (event, told) = match received {
                Ok(message) => match message.seq {
                    Some(seq) if seq <= told => continue,
                    seq => (message.event.clone(), seq.unwrap_or(told)),
                },
                Err(RecvError::Lagged(_)) => (Event::default().event("behind").data("{}"), told),
                Err(RecvError::Closed) => return None,
            };
            return if listens.may_have_it().await { Some((event, (listening, told, listens))) } else { None };
        }
    })
}

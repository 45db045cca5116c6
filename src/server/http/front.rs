//! What every request passes through, in one function: who the peer is, whether the request is meant for this server, who asks, and
//! whether the answer is already there. Only what has to be computed reaches the router behind it.

use super::bodies::Share;
use super::identity::{Credential, Refused};
use super::kept::{Encoding, Kept};
use super::last_good::{self, LARGEST};
use super::{
    AppState, bodies, cloud_events, cookie_header, guard, headers, identity, pages, peer, probes, problem, stripe,
    theme, unsent,
};
use crate::error::{Code, WireError};
use crate::server::access::guesses::network_of;
use crate::server::clock;
use crate::server::sources::requests;
use axum::body::{HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// The longest time until an answer begins.
const LONGEST: Duration = Duration::from_secs(120);

/// Readings whose answer depends on the store alone, so that it can be given again while nothing has been committed.
const OF_THE_STORE_ALONE: [&str; 4] =
    ["/api/scaling-mode/config", "/api/scaling-mode/health", "/api/scaling-mode/history", "/api/scaling-mode/snapshot"];

/// Serves a request.
pub async fn serve(State((state, door)): State<(AppState, peer::Door)>, mut request: Request, next: Next) -> Response {
    let began = clock::instant();
    let is_counted = requests::is_counted(request.uri().path());
    let peer = peer::tell(&door, &mut request);
    let mut response = if is_probe(&request) {
        match guard::check(&state, &mut request) {
            Ok(()) => probes::alive().await.into_response(),
            Err(refused) => *refused,
        }
    } else {
        cookie_header::join(request.headers_mut());
        match bodies::bound(&state.bodies, request) {
            Ok((mut request, share)) => match guard::check(&state, &mut request) {
                Ok(()) => in_time(&state, request, next, &share).await,
                Err(refused) => *refused,
            },
            Err(refused) => *refused,
        }
    };
    let status = response.status();
    state.metrics.count_request(status.as_u16());
    if is_counted {
        state.requests.add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX), status.is_server_error());
    }
    headers::protect(response.headers_mut());
    if let Some(strict) = door.strict_transport(peer) {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, strict);
    }
    response
}

/// Answers within [`LONGEST`], and says so where the body was not read to its end.
async fn in_time(state: &AppState, request: Request, next: Next, share: &Share) -> Response {
    match tokio::time::timeout(LONGEST, admitted(state, request, next, share)).await {
        Ok(response) => share.refused().unwrap_or(response),
        Err(_) => problem::response(&WireError::new(
            Code::Busy,
            format!(
                "The answer was not ready within {} s. What was asked for may have been done: look before you ask again.",
                LONGEST.as_secs()
            ),
        )),
    }
}

/// A probe asks whether the process lives: nothing else is looked at, and no body is read.
fn is_probe(request: &Request) -> bool {
    request.uri().path() == "/healthz" && matches!(*request.method(), Method::GET | Method::HEAD)
}

async fn admitted(state: &AppState, request: Request, next: Next, share: &Share) -> Response {
    let mut request = match identity::admit(state, request).await {
        Ok(request) => request,
        Err(refused) => return turned_away(*refused, share).await,
    };
    let sent = unsent::sent(request.method(), request.uri().path(), request.headers());
    let is_packed = request.headers().contains_key(header::CONTENT_ENCODING);
    if let Err(error) = stripe::admit(state, &request) {
        return problem::response(&error);
    }
    if !request.body().is_end_stream() {
        share.sent_by(sender(&request));
        // A body may take long. The credential must still be good when it has come: it is looked at again before anything is done.
        request = match bodies::whole(request).await {
            Ok(request) => request,
            Err(error) => {
                tracing::debug!(%error, "a body was not read to its end");
                let unread = WireError::new(Code::Malformed, "The body ended before its announced length.");
                return problem::response(&unread);
            }
        };
        request = match identity::again(state, request).await {
            Ok(request) => request,
            Err(refused) => return turned_away(*refused, share).await,
        };
    }
    let mut response = if is_packed || share.is_large() {
        Aside(Box::pin(answered(state, request, next))).await
    } else {
        answered(state, request, next).await
    };
    if let Some(forgotten) = sent.filter(|_| !response.status().is_server_error()) {
        response.headers_mut().append(header::SET_COOKIE, forgotten);
    }
    response
}

/// Work that may compute for long without a pause, such as reading a large body: the other requests go on meanwhile, on threads that
/// take over.
struct Aside<'w>(Pin<Box<dyn Future<Output = Response> + Send + 'w>>);

impl Future for Aside<'_> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::MultiThread => tokio::task::block_in_place(|| self.0.as_mut().poll(context)),
            _ => self.0.as_mut().poll(context),
        }
    }
}

async fn turned_away(refused: Refused, share: &Share) -> Response {
    match refused {
        Refused::With(response) => response,
        Refused::Unsent(request) => {
            share.sent_by(sender(&request));
            unsent::lead_to_sign_in(request).await
        }
    }
}

/// The credential of a request, or the address of a sender without one: of IPv6 the /64.
fn sender(request: &Request) -> String {
    match request.extensions().get::<Credential>() {
        Some(Credential::Session(hash) | Credential::Token(hash)) => hash.clone(),
        Some(Credential::Nothing(_)) | None => request
            .extensions()
            .get::<peer::Peer>()
            .map_or_else(String::new, |peer| network_of(peer.address).to_string()),
    }
}

/// How an answer may be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// Given again until the next commit, and as the last good one while the store is unavailable.
    UntilACommit,
    /// Only as the last good one.
    ForAnOutage,
    Not,
}

fn keeping(request: &Request) -> Keeping {
    let path = request.uri().path();
    if pages::may_be_kept(request) || (request.method() == Method::GET && OF_THE_STORE_ALONE.contains(&path)) {
        Keeping::UntilACommit
    } else if request.method() == Method::GET && path.starts_with("/api/scaling-mode/") {
        Keeping::ForAnOutage
    } else {
        Keeping::Not
    }
}

/// Answers from memory where the answer is there, else has it made.
async fn answered(state: &AppState, request: Request, next: Next) -> Response {
    let keeping = keeping(&request);
    let encoding = Encoding::taken(request.headers());
    let is_api = request.uri().path().starts_with("/api/");
    if keeping == Keeping::Not {
        return not_kept(state, request, next, encoding, is_api).await;
    }
    let now = clock::now();
    let key = key(&request);
    // Read before the answer is made: what is committed meanwhile makes it another answer.
    let at = state.commits.newest().map(|commit| (commit, now.timestamp().div_euclid(60)));
    if keeping == Keeping::UntilACommit
        && let Some(kept) = at.and_then(|at| state.kept.find(at, &key))
    {
        return kept.response(encoding);
    }
    let response = problem::as_document(next.run(request).await, is_api).await;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE
        && let Some((at, last)) = state.kept.last.find(&key, now)
    {
        return as_it_was(&last, now - at, at, encoding);
    }
    // What sets a cookie is for this one reader, this once: it may show a secret.
    let cookies: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let made = match finished(state, response).await {
        Ok(made) => Arc::new(made),
        Err(response) => return *response,
    };
    let mut response = made.response(encoding);
    if !cookies.is_empty() {
        response.headers_mut().extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
    } else if made.status == StatusCode::OK {
        state.kept.last.keep(&key, made.clone(), made.plain.len(), now);
        if let Some(at) = at.filter(|_| keeping == Keeping::UntilACommit) {
            state.kept.keep(at, key, made);
        }
    }
    response
}

/// The last good answer, which says how old it is, while the store is unavailable.
fn as_it_was(last: &Kept, age: chrono::Duration, at: DateTime<Utc>, encoding: Encoding) -> Response {
    let mut response = match last.policy {
        Some(_) => pages::with_banner(last, at, age).response(encoding),
        None => last.response(encoding),
    };
    response.headers_mut().extend(last_good::marks(age));
    response
}

/// A response as a finished answer: a page, or JSON that is not too large to keep.
async fn finished(state: &AppState, response: Response) -> Result<Kept, Box<Response>> {
    let response = match pages::finished(response, !state.leptos.hash_files).await {
        Err(response) => *response,
        page => return page,
    };
    let is_small = HttpBody::size_hint(response.body()).upper().is_some_and(|upper| upper <= LARGEST as u64);
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    let status = response.status();
    let is_json = kind.as_ref().is_some_and(|kind| kind == "application/json") && status == StatusCode::OK;
    match kind {
        Some(kind) if is_small && is_json => match to_bytes(response.into_body(), LARGEST).await {
            Ok(body) => Ok(Kept::new(status, kind, None, body)),
            Err(_) => Err(Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response())),
        },
        _ => Err(Box::new(response)),
    }
}

/// An answer that is made for this request alone.
async fn not_kept(state: &AppState, request: Request, next: Next, encoding: Encoding, is_api: bool) -> Response {
    let response = if cloud_events::is_one(&request) {
        cloud_events::receive(State(state.clone()), request).await
    } else {
        next.run(request).await
    };
    let response = problem::as_document(response, is_api).await;
    let cookies: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    match pages::finished(response, !state.leptos.hash_files).await {
        Ok(page) => {
            let mut response = page.response(encoding);
            response.headers_mut().extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(response) => *response,
    }
}

/// What an answer depends on beside the store and the time: the address, the name and scheme under which it was asked for, the reader
/// and their theme.
fn key(request: &Request) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let theme = theme::chosen(request.headers()).unwrap_or_default();
    let is_https = request.extensions().get::<peer::Peer>().is_some_and(|peer| peer.is_https);
    let reader = identity::key(request);
    format!("{is_https} {host} {theme} {reader} {}", request.uri())
}

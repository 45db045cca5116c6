//! Owns who is asking: the credential that a request carries is looked up here, and nowhere else; and the one place that refuses what
//! they may not do. Must not know what an endpoint does.

use super::doors::{Door, door};
use super::last_good::LastGood;
use super::peer::Peer;
use super::remembered::{Record, Remembered};
use super::{AppState, cookies, doors, limits, problem, sign_in, unsent};
use crate::domain::access::{Identity, Permission};
use crate::domain::canonical;
use crate::error::{Code, WireError};
use crate::server::access::calls::Calls;
use crate::server::access::guesses::Guesses;
use crate::server::access::password::Hasher;
use crate::server::access::provider::Provider;
use crate::server::access::seal::Sealer;
use crate::server::access::{absolute_timeout, idle_timeout, second_proof_timeout, secret};
use crate::server::clock;
use crate::server::local::Ends;
use crate::server::permission::not_allowed;
use crate::server::store::access::{Session, SessionOf};
use crate::server::store::{Store, StoreError};
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Duration, Utc};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration as Pause;
use tokio_util::sync::CancellationToken;

pub use crate::server::permission::{allow, check};

/// How exact the time is at which a session or a token was last used: each note of it is a write.
fn seen_every() -> Duration {
    Duration::minutes(5)
}

/// What is kept of those who ask, for as long as the server runs.
#[derive(Default)]
pub struct Access {
    pub calls: Calls,
    pub guesses: Guesses,
    pub hasher: Hasher,
    /// The provider by which people may sign in.
    pub provider: Option<Provider>,
    /// What seals secrets that are stored; nothing where there is no key.
    pub sealer: Option<Arc<Sealer>>,
    /// Who was known of late, by the hash of their credential: while the store cannot be reached they may go on reading.
    known: LastGood<Known>,
    /// What the store said of credentials, until the next commit.
    remembered: Remembered,
    /// Whether some person exists. Once one does it stays so: people are kept from signing in, never removed.
    has_people: AtomicBool,
    /// Whether a request has come through a proxy: then what connects from this machine may be a proxy, too.
    is_behind_a_proxy: AtomicBool,
    /// The file that keeps this over a restart.
    proxy_mark: Option<PathBuf>,
}

/// Who a credential belonged to when the store was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// How often this server had taken rights away before it asked: after another time nobody is known as they were.
    changes: u64,
    identity: Identity,
    /// When the credential ends by itself.
    until: Option<DateTime<Utc>>,
}

impl Known {
    /// Whether nothing is known to have ended the credential since.
    fn counts(&self, changes: u64, now: DateTime<Utc>) -> bool {
        self.changes == changes && self.until.is_none_or(|until| now < until)
    }
}

/// The pause between two looks at the changes of access.
const BETWEEN_LOOKS: Pause = Pause::from_millis(250);

/// What a request came with, as an extension of it: secrets by their hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing, from this machine, while no person exists: proved again while the connection lasts.
    Nothing(Ends),
    Session(String),
    Token(String),
}

impl Access {
    /// `data_dir` keeps over a restart that a request has come through a proxy.
    pub fn new(provider: Option<Provider>, sealer: Option<Arc<Sealer>>, calls: Calls, data_dir: &Path) -> Access {
        let mark = data_dir.join("behind-a-proxy");
        let is_behind_a_proxy = AtomicBool::new(mark.exists());
        Access { calls, is_behind_a_proxy, provider, proxy_mark: Some(mark), sealer, ..Access::default() }
    }

    /// Notes that a request has come through a proxy.
    fn note_proxy(&self) {
        if self.is_behind_a_proxy.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!("a request came through a proxy: from now on every request needs a credential");
        let kept = self.proxy_mark.as_ref().map_or(Ok(()), |mark| std::fs::write(mark, ""));
        if let Err(error) = kept {
            tracing::warn!(%error, "the next start does not know that a request came through a proxy");
        }
    }

    /// Looks known identities up again at every change of access: an outage of the database brings no revoked right back. Runs until
    /// told to stop.
    pub async fn forget_at_changes(state: AppState, stop: CancellationToken) {
        let mut commits = state.store.commits();
        let mut seen = None;
        loop {
            if let Ok(changes) = state.store.access_changes().await
                && seen.replace(changes).is_some_and(|before| before != changes)
            {
                for key in state.access.known.keys() {
                    // Either forgets the key if the store no longer knows it, and a session is no token.
                    let _ = of_token(&state, &key).await;
                    let _ = of_session(&state, &key).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = commits.changed() => if changed.is_err() { return },
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Whether some person exists.
    pub async fn has_people(&self, store: &dyn Store) -> Result<bool, StoreError> {
        if self.has_people.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let has = store.has_people().await?;
        if has {
            self.has_people.store(true, Ordering::Relaxed);
        }
        Ok(has)
    }
}

/// A request that goes no further.
pub enum Refused {
    With(Response),
    /// A browser's form without a session: what was entered is worth keeping.
    Unsent(Request),
}

impl Refused {
    fn boxed(response: Response) -> Box<Refused> {
        Box::new(Refused::With(response))
    }
}

/// Says who a request is from, as extensions of it, or refuses it.
pub async fn admit(state: &AppState, request: Request) -> Result<Request, Box<Refused>> {
    let (mut parts, body) = request.into_parts();
    let door = door(&parts.method, parts.uri.path());
    let found = match find(state, &parts, door).await {
        Ok(found) => found,
        // Where nothing is asked for, a credential that opens nothing does no harm.
        Err(_) if door == Door::Open => None,
        Err(error) => return Err(Refused::boxed(refuse(&parts, &error))),
    };
    if let Some(found) = found {
        if let Err(error) = opens(door, &found.identity) {
            let is_kept_out = limits::lacks_codes(state, &found.credential).await;
            let error = if is_kept_out { limits::codes_required() } else { error };
            let is_page = parts.method == Method::GET && parts.uri.path().starts_with("/founder/");
            if is_page && parts.uri.path() == super::PAGE && found.identity.may_somewhere(Permission::ReadShared) {
                return Err(Refused::boxed(Redirect::to("/founder/shared").into_response()));
            }
            if is_page && is_kept_out {
                return Err(Refused::boxed(
                    Redirect::to("/founder/account?notice=codes-required#notice").into_response(),
                ));
            }
            // A page says by itself what its reader may not do: the functions that it is made from refuse.
            if !is_page {
                return Err(Refused::boxed(refuse(&parts, &error)));
            }
        }
        parts.extensions.insert(found.credential);
        parts.extensions.insert(found.identity);
    } else if door != Door::Open {
        return Err(without_session(parts, body));
    }
    Ok(Request::from_parts(parts, body))
}

/// The refusal of a request whose sender is not known.
fn without_session(parts: Parts, body: Body) -> Box<Refused> {
    if unsent::is_a_form(&parts.method, parts.uri.path(), &parts.headers) {
        return Box::new(Refused::Unsent(Request::from_parts(parts, body)));
    }
    Refused::boxed(refuse(&parts, &sign_in_required()))
}

fn sign_in_required() -> WireError {
    WireError::new(
        Code::SignInRequired,
        "Sign in on the page, or send a token: Authorization: Bearer sm_... A session that has ended has to be begun anew.",
    )
}

fn opens(door: Door, identity: &Identity) -> Result<(), WireError> {
    match door {
        Door::Open | Door::SignedIn => Ok(()),
        Door::Needs(any) if any.iter().any(|permission| identity.may_somewhere(*permission)) => Ok(()),
        Door::Needs(any) => Err(not_allowed(any[0])),
    }
}

/// What tells the answers to this request from those to others: who asks, and what they may do. An answer that was given under other rights
/// is never given again.
pub fn key(request: &Request) -> String {
    request.extensions().get::<Identity>().map_or_else(|| "nobody".to_owned(), reader)
}

fn reader(identity: &Identity) -> String {
    let rights = canonical::digest(format!("{:?}", identity.rights).as_bytes());
    format!("{} {}", identity.key(), &rights[..16])
}

/// Who a request is from, for what is no server function.
///
/// # Errors
/// 401 where nobody was found: the doors let nobody through so, and if one did this would not.
pub fn of(request: &Request) -> Result<Identity, WireError> {
    request.extensions().get::<Identity>().cloned().ok_or_else(sign_in_required)
}

/// The request with its sender's present rights: they can change while a body arrives.
pub async fn again(state: &AppState, request: Request) -> Result<Request, Box<Refused>> {
    let Some(credential) = request.extensions().get::<Credential>().cloned() else { return Ok(request) };
    let (mut parts, body) = request.into_parts();
    let door = door(&parts.method, parts.uri.path());
    let found = match &credential {
        Credential::Nothing(ends) => of_nothing(state, ends).await,
        Credential::Session(hash) => of_session(state, hash).await,
        Credential::Token(hash) => of_token(state, hash).await,
    };
    let gone = || if matches!(credential, Credential::Token(_)) { unknown_token() } else { sign_in_required() };
    match found.and_then(|identity| identity.ok_or_else(gone)) {
        Ok(identity) => {
            if let Err(error) = opens(door, &identity) {
                return Err(Refused::boxed(refuse(&parts, &error)));
            }
            parts.extensions.insert(identity);
        }
        Err(_) if door == Door::Open => {
            parts.extensions.remove::<Credential>();
            parts.extensions.remove::<Identity>();
        }
        Err(error) if error.code() == Some(Code::SignInRequired) => return Err(without_session(parts, body)),
        Err(error) => return Err(Refused::boxed(refuse(&parts, &error))),
    }
    Ok(Request::from_parts(parts, body))
}

/// Whether the bearer of this credential may still do what they were admitted for. While the store is unavailable, they may.
pub async fn still_may(state: &AppState, credential: &Credential, permission: Permission, environment: &str) -> bool {
    let found = match credential {
        Credential::Nothing(ends) => of_nothing(state, ends).await,
        Credential::Session(hash) => of_session(state, hash).await,
        Credential::Token(hash) => of_token(state, hash).await,
    };
    match found {
        Ok(identity) => identity.is_some_and(|identity| identity.may(permission, environment)),
        Err(error) => error.code() == Some(Code::Unavailable),
    }
}

struct Found {
    credential: Credential,
    identity: Identity,
}

async fn find(state: &AppState, parts: &Parts, door: Door) -> Result<Option<Found>, WireError> {
    let headers = &parts.headers;
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let token = authorization.to_str().ok().and_then(bearer).ok_or_else(|| {
            WireError::new(Code::InvalidCredential, "The Authorization header must be Bearer and a token.")
        })?;
        let hash = secret::hash(token);
        limits::count(state, door, &hash)?;
        let identity =
            or_as_last_known(state, parts, &hash, of_token(state, &hash).await)?.ok_or_else(unknown_token)?;
        return Ok(Some(Found { credential: Credential::Token(hash), identity }));
    }
    // Whoever is signed in is that; what was shared with them comes after.
    for value in cookies::session(headers).into_iter().chain(cookies::share(headers)) {
        let hash = secret::hash(value);
        limits::count(state, door, &hash)?;
        if let Some(identity) = or_as_last_known(state, parts, &hash, of_session(state, &hash).await)? {
            // A browser says which page a write comes from. What says nothing of it is no browser's doing, and has no cookie.
            if !is_reading(&parts.method) && !names_its_page(headers) {
                return Err(WireError::new(
                    Code::ForeignOrigin,
                    "A write with the sign-in cookie must say from which page it comes (Origin). Scripts use a token.",
                ));
            }
            return Ok(Some(Found { credential: Credential::Session(hash), identity }));
        }
        if door != Door::Open {
            let address = parts.extensions.get::<Peer>().map(|peer| peer.address.to_string());
            let path = doors::template(parts.uri.path());
            tracing::info!(method = %parts.method, path, address, "a session that has ended, or is none, was used");
        }
    }
    let ends = is_local(state, parts).await?;
    Ok(ends.map(|ends| Found { credential: Credential::Nothing(ends), identity: Identity::local() }))
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn names_its_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

/// Who was found, or, while the store is unavailable and the request only reads, who the credential was of when it was last looked up.
fn or_as_last_known(
    state: &AppState,
    parts: &Parts,
    hash: &str,
    found: Result<Option<Identity>, WireError>,
) -> Result<Option<Identity>, WireError> {
    match found {
        Err(error) if error.code() == Some(Code::Unavailable) && is_reading(&parts.method) => {
            match state.access.known.find(hash, clock::now()) {
                Some((_, known)) if known.counts(state.store.own_access_changes(), clock::now()) => {
                    Ok(Some(known.identity))
                }
                _ => Err(error),
            }
        }
        found => found,
    }
}

fn unknown_token() -> WireError {
    WireError::new(
        Code::InvalidCredential,
        "This token is not known, has expired, or was revoked. Make a new one on the page of people.",
    )
}

/// What the store says of a credential: from memory while nothing has been committed since it was read, else read now. `true` where it
/// was read now.
async fn record(
    state: &AppState,
    key: &str,
    read: impl Future<Output = Result<Option<Record>, StoreError>>,
) -> Result<Option<(Arc<Record>, bool)>, WireError> {
    // Taken before the store is read: what is committed meanwhile is read again by the next request.
    let commit = state.commits.newest();
    if let Some(record) = commit.and_then(|commit| state.access.remembered.find(commit, key)) {
        return Ok(Some((record, false)));
    }
    let Some(record) = read.await.map_err(problem::of_store)?.map(Arc::new) else {
        state.access.known.forget(key);
        return Ok(None);
    };
    if let Some(commit) = commit {
        state.access.remembered.keep(commit, key, record.clone());
    }
    Ok(Some((record, true)))
}

/// Keeps an identity that was just read, for the time when the store is unavailable; forgets one that counts no longer.
fn noted(state: &AppState, hash: &str, known: Option<Known>, is_new: bool) -> Option<Identity> {
    match &known {
        Some(known) if is_new => state.access.known.keep(hash, known.clone(), hash.len(), clock::now()),
        Some(_) => {}
        None => state.access.known.forget(hash),
    }
    known.map(|known| known.identity)
}

async fn of_token(state: &AppState, hash: &str) -> Result<Option<Identity>, WireError> {
    let (now, changes) = (clock::now(), state.store.own_access_changes());
    let found = record(state, hash, async { Ok(state.store.token(hash).await?.map(Record::Token)) }).await?;
    let Some((record, is_new)) = found else { return Ok(None) };
    let Record::Token(token) = record.as_ref() else { return Ok(None) };
    if token.revoked_at.is_some() || token.expires_at.is_some_and(|expires_at| now >= expires_at) {
        return Ok(noted(state, hash, None, is_new));
    }
    if token.used_at.is_none_or(|used_at| now - used_at >= seen_every())
        && let Err(error) = state.store.see_token(token.id, now).await
    {
        crate::server::observability::log_error("the use of a token could not be noted", &error);
    }
    let identity = Identity::token(token.id, &token.name, token.reach.clone(), &token.scopes, &token.sources);
    Ok(noted(state, hash, Some(Known { changes, identity, until: token.expires_at }), is_new))
}

/// Whether a session still counts.
pub fn is_current(session: &Session, now: DateTime<Utc>) -> bool {
    let is_of_somebody = match &session.of {
        SessionOf::Person(person) => person.disabled_at.is_none(),
        SessionOf::Link(link) => link.revoked_at.is_none() && now < link.expires_at,
    };
    let lasts = if session.is_whole { absolute_timeout() } else { second_proof_timeout() };
    is_of_somebody && now - session.created_at < lasts && now - session.seen_at < idle_timeout()
}

/// When a session ends by itself if it is not used again.
fn session_end(session: &Session) -> DateTime<Utc> {
    let end = (session.created_at + absolute_timeout()).min(session.seen_at + idle_timeout());
    match &session.of {
        SessionOf::Person(_) => end,
        SessionOf::Link(link) => end.min(link.expires_at),
    }
}

async fn of_session(state: &AppState, hash: &str) -> Result<Option<Identity>, WireError> {
    let (now, changes) = (clock::now(), state.store.own_access_changes());
    let found = record(state, hash, async { Ok(state.store.session(hash).await?.map(Record::Session)) }).await?;
    let Some((record, is_new)) = found else { return Ok(None) };
    let Record::Session(session) = record.as_ref() else { return Ok(None) };
    if !session.is_whole || !is_current(session, now) {
        return Ok(noted(state, hash, None, is_new));
    }
    let unseen = now - session.seen_at;
    if (unseen >= seen_every() || unseen < -clock::LEEWAY)
        && let Err(error) = state.store.see_session(hash, now).await
    {
        crate::server::observability::log_error("the use of a session could not be noted", &error);
    }
    let identity = match &session.of {
        SessionOf::Person(person) => {
            // Roles count for nothing before: what asks for a permission anywhere refuses by itself.
            let roles = if limits::must_turn_codes_on(state, person) { &[] } else { person.roles.as_slice() };
            Identity::person(person.id, &person.email, &person.name, roles)
        }
        SessionOf::Link(link) => Identity::guest(link.id, &link.name, &link.environment),
    };
    Ok(noted(state, hash, Some(Known { changes, identity, until: Some(session_end(session)) }), is_new))
}

/// Whether no person exists yet.
async fn nobody_exists(state: &AppState) -> Result<bool, WireError> {
    if state.access.has_people.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let read = async {
        let has_people = state.access.has_people(state.store.as_ref()).await?;
        Ok((!has_people).then_some(Record::NobodyExists))
    };
    let changes = state.store.own_access_changes();
    let known = |is_new| noted(state, LOCAL, Some(Known { changes, identity: Identity::local(), until: None }), is_new);
    match record(state, LOCAL, read).await? {
        Some((_, is_new)) => Ok(known(is_new).is_some()),
        None => Ok(false),
    }
}

/// The connection of a request that needs no credential: no person exists yet, and it comes from a person or program of the server's own user on this
/// machine, as the operating system says (`server/local.rs`). A request that a proxy has marked, or that names another host or port,
/// never does; the first that a proxy has marked ends it for all until a person exists, since a proxy stands in front then.
async fn is_local(state: &AppState, parts: &Parts) -> Result<Option<Ends>, WireError> {
    if !state.settings.addr.ip().is_loopback() {
        return Ok(None);
    }
    // A probe is answered whatever host it names: one that names a foreign host says nothing of a proxy in front.
    if is_proxied(&parts.headers) && super::guard::names_this_server(state, &parts.headers, &parts.uri) {
        state.access.note_proxy();
    }
    let ends = parts.extensions.get::<Ends>();
    let may_be = !state.access.is_behind_a_proxy.load(Ordering::Relaxed)
        && ends.is_some()
        && super::guard::is_this_machine(&parts.headers, &parts.uri, ends.map(Ends::port));
    if !may_be {
        return Ok(None);
    }
    let found = nobody_exists(state).await.map(|is_so| is_so.then(Identity::local));
    let nobody_exists = or_as_last_known(state, parts, LOCAL, found).map(|found| found.is_some())?;
    match ends {
        Some(ends) if nobody_exists && ends.are_local().await => Ok(Some(ends.clone())),
        _ => Ok(None),
    }
}

/// Whom somebody still is who was admitted without a credential. Their program may have begun to take what other machines send.
async fn of_nothing(state: &AppState, ends: &Ends) -> Result<Option<Identity>, WireError> {
    if state.access.is_behind_a_proxy.load(Ordering::Relaxed) || !ends.are_local().await {
        return Ok(None);
    }
    nobody_exists(state).await.map(|is_so| is_so.then(Identity::local))
}

/// Whether a proxy has marked the request, by any header that one is known to add.
fn is_proxied(headers: &HeaderMap) -> bool {
    const MARKS: [&str; 9] = [
        "cdn-loop",
        "client-ip",
        "fastly-client-ip",
        "fly-client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-real-ip",
    ];
    const BEGINNINGS: [&str; 6] = ["cf-", "x-amzn-", "x-appengine-", "x-azure-", "x-envoy-", "x-forwarded"];
    headers.keys().map(HeaderName::as_str).any(|name| {
        MARKS.contains(&name)
            || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
            || name.starts_with("x-original-")
    })
}

/// Under which a call from this machine is known; no hash is like it.
const LOCAL: &str = "local";

/// What somebody without a credential, or with too little of one, is answered: a browser is led to where they can sign in.
fn refuse(parts: &Parts, error: &WireError) -> Response {
    if error.code() != Some(Code::SignInRequired) {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address.to_string());
        tracing::warn!(method = %parts.method, path = doors::template(parts.uri.path()), address, problem = error.code_name(), "refused");
    }
    let wants_a_page = parts
        .headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_a_page && error.code() == Some(Code::SignInRequired) {
        let page = if parts.method == Method::GET { parts.uri.path_and_query() } else { None };
        return Redirect::to(&sign_in::address(page.map(|page| page.as_str()), None)).into_response();
    }
    problem::response(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Reach, Role};

    #[test]
    fn answers_of_before_are_not_those_of_other_rights() {
        let role = |environment: &str, role| (Reach::One(environment.to_owned()), role);
        let of = |roles: &[(Reach, Role)]| reader(&Identity::person(1, "a@b.example", "A", roles));
        let both = of(&[role("production", Role::Viewer), role("trial", Role::Viewer)]);
        assert_eq!(both, of(&[role("production", Role::Viewer), role("trial", Role::Viewer)]));
        for other in [
            of(&[role("trial", Role::Viewer)]),
            of(&[role("production", Role::Investor), role("trial", Role::Viewer)]),
            of(&[]),
            reader(&Identity::person(2, "a@b.example", "A", &[role("trial", Role::Viewer)])),
        ] {
            assert_ne!(both, other);
        }
    }

    #[test]
    fn somebody_who_was_known_is_known_no_longer_after_their_end_or_an_act_of_this_server() {
        let now = clock::now();
        let known = |until| Known { changes: 4, identity: Identity::local(), until };
        assert!(known(None).counts(4, now) && known(Some(now + Duration::seconds(1))).counts(4, now));
        assert!(!known(None).counts(6, now) && !known(Some(now)).counts(4, now));
    }
}

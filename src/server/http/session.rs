//! Owns how a session begins in a browser: under a secret of its own, whole or still without the second proof, and which cookies say so.
//! By what somebody has proved who they are is for its log alone.

use super::peer::Peer;
use super::{AppState, cookies, problem};
use crate::error::{Code, WireError};
use crate::server::access::secret;
use crate::server::store::access::{NewSession, Person};
use crate::server::{clock, observability};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, Utc};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::net::{IpAddr, Ipv4Addr};

/// The browser that asks.
pub struct Browser {
    pub address: IpAddr,
    pub headers: HeaderMap,
}

impl Browser {
    /// The one that a request came from.
    pub fn of(parts: &Parts) -> Browser {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address);
        Browser { address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), headers: parts.headers.clone() }
    }

    /// The one that the server function is for.
    pub fn here() -> Result<Browser, WireError> {
        Ok(Browser::of(&super::sign_in::parts()?))
    }

    /// What it says it is, as far as it is shown to its own user.
    fn agent(&self) -> String {
        let text = self.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
        text.chars().filter(|character| !character.is_control()).take(200).collect()
    }

    /// A session that begins now, under the hash of its secret.
    pub fn session(&self, token_hash: String, at: DateTime<Utc>, is_whole: bool) -> NewSession {
        NewSession { address: self.address.to_string(), agent: self.agent(), at, is_whole, token_hash }
    }
}

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// A code is still needed.
    Half,
    Whole,
}

/// By what somebody has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whether it is more than one thing, so that no code is needed.
    pub is_several: bool,
    /// As the log says it.
    pub name: &'static str,
}

impl Proof {
    pub const CODE: Proof = Proof { is_several: true, name: "password and code" };
    pub const LINK: Proof = Proof { is_several: false, name: "link" };
    pub const PASSKEY: Proof = Proof { is_several: true, name: "passkey" };
    pub const PASSWORD: Proof = Proof { is_several: false, name: "password" };
    pub const RECOVERY_CODE: Proof = Proof { is_several: true, name: "password and recovery code" };

    /// A provider, which may say that it has asked for several proofs.
    pub const fn provider(is_several: bool) -> Proof {
        Proof { is_several, name: "provider" }
    }
}

/// A session that has begun.
pub struct Begun {
    pub cookies: Vec<HeaderValue>,
    pub entered: Entered,
    /// The hash of its secret.
    pub hash: String,
}

/// Lets somebody in who has proved who they are: as far as to the question for a code where they have turned codes on, unless more than one
/// thing is proved already. Whatever the browser had before is ended, so that nobody can know beforehand what it has.
///
/// # Errors
/// Where the store cannot be reached, or there are no random numbers.
pub async fn enter(state: &AppState, browser: &Browser, person: &Person, proof: Proof) -> Result<Begun, WireError> {
    let entered = if person.has_totp && !proof.is_several { Entered::Half } else { Entered::Whole };
    let now = clock::now();
    let made = fresh(secret::fresh())?;
    if let Some(before) = cookies::session(&browser.headers) {
        state.store.end_session(&secret::hash(before)).await.map_err(problem::of_store)?;
    }
    let session = browser.session(made.hash, now, entered == Entered::Whole);
    state.store.begin_session(person.id, &session).await.map_err(problem::of_store)?;
    let mut cookies = vec![cookies::with_session(&made.secret)];
    if entered == Entered::Whole {
        cookies.push(know(state, person, &browser.headers).await?);
        tracing::info!(account = person.email, address = session.address, proof = proof.name, "signed in");
    } else {
        tracing::info!(account = person.email, address = session.address, proof = proof.name, "a code is needed, too");
    }
    Ok(Begun { cookies, entered, hash: session.token_hash })
}

/// Notes that the person has signed in in this browser.
async fn know(state: &AppState, person: &Person, headers: &HeaderMap) -> Result<HeaderValue, WireError> {
    let before = cookies::device(headers).map(|value| (value.to_owned(), secret::hash(value)));
    let (value, hash) = match before {
        Some((value, hash)) if value.len() == 64 => (value, hash),
        _ => {
            let made = fresh(secret::fresh())?;
            (made.secret, made.hash)
        }
    };
    state.store.know_device(person.id, &hash, clock::now()).await.map_err(problem::of_store)?;
    Ok(cookies::with_device(&value))
}

/// The hash of the browser's own cookie, where this account has signed in in it before.
pub async fn known_device(state: &AppState, headers: &HeaderMap, account: &str) -> Result<Option<String>, WireError> {
    let Some(hash) = cookies::device(headers).map(secret::hash) else { return Ok(None) };
    let is_known = state.store.knows_device(account, &hash).await.map_err(problem::of_store)?;
    Ok(is_known.then_some(hash))
}

/// Holds off who begins to sign in too often without saying who they are, but for browsers in which somebody has signed in before.
pub async fn count_beginning(state: &AppState, browser: &Browser) -> Result<(), WireError> {
    let device = cookies::device(&browser.headers).map(secret::hash);
    let known = match device {
        Some(hash) => state.store.knows_browser(&hash).await.map_err(problem::of_store)?.then_some(hash),
        None => None,
    };
    let begun = state.access.guesses.begin(browser.address, known.as_deref());
    begun.map_err(|wait| super::sign_in::too_many("somebody", browser.address, wait))
}

/// Something that was made by chance; where there are no random numbers nothing is.
pub fn fresh<T>(made: Result<T, getrandom::Error>) -> Result<T, WireError> {
    made.map_err(|error| {
        observability::log_error("no secret can be made", &error);
        WireError::new(Code::Internal, "The cause is in the server's log.")
    })
}

/// Sets a cookie with the answer of a server function.
pub fn set_cookie(cookie: &HeaderValue) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(header::SET_COOKIE, cookie.clone());
    }
}

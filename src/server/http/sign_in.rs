//! Owns signing in and out: a password proved, a session begun or ended. What is answered tells nobody whether a person exists. Must not
//! know what a session may do.

use super::context::{self, state};
use super::identity::Credential;
use super::{AppState, PAGE, cookies, notices, problem};
use crate::api::SignInView;
use crate::domain::access::{Identity, email};
use crate::domain::overview::Notice;
use crate::error::{Code, WireError};
use crate::server::access::guesses::{Guess, Wait};
use crate::server::access::secret;
use crate::server::store::access::{NewSession, Person};
use crate::server::{clock, observability};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use chrono::{DateTime, Utc};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use leptos_router::location::Url;
use std::net::{IpAddr, Ipv4Addr};

/// The page on which one signs in.
pub const ADDRESS: &str = "/founder/sign-in";

/// Its address, with where to go on afterwards and what to say.
pub fn address(next: Option<&str>, notice: Option<&str>) -> String {
    let next = next.filter(|next| is_own_page(next)).map(|next| format!("next={}", Url::escape(next)));
    let notice = notice.map(|notice| format!("notice={notice}"));
    let query: Vec<String> = next.into_iter().chain(notice).collect();
    if query.is_empty() { ADDRESS.to_owned() } else { format!("{ADDRESS}?{}", query.join("&")) }
}

/// Whether an address leads to a page of this server, and nowhere else.
pub fn is_own_page(address: &str) -> bool {
    address.starts_with("/founder/")
        && address.len() <= 2_048
        && !address.contains(['\\', '#'])
        && address.chars().all(|character| character.is_ascii_graphic())
}

/// The parts of the request that is being answered.
pub fn parts() -> Result<Parts, WireError> {
    use_context::<Parts>().ok_or_else(|| WireError::new(Code::Internal, "The cause is in the server's log."))
}

/// The address that the request came from.
pub fn peer_address() -> IpAddr {
    context::peer_address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// What the page shows.
pub async fn page(next: Option<String>, notice: Option<String>) -> Result<SignInView, WireError> {
    let state = state()?;
    let has_people = state.access.has_people(state.store.as_ref()).await.map_err(problem::of_store)?;
    let signed_in = parts()?.extensions.get::<Identity>().map(Identity::actor).filter(|actor| actor != "local");
    Ok(SignInView {
        has_people,
        next: next.filter(|next| is_own_page(next)),
        notice: notice.as_deref().and_then(words),
        signed_in,
    })
}

fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "signed-out" => (false, "You are signed out."),
        "sign-in-failed" => {
            (true, "The e-mail address or the password is not right. After a few tries the next ones take a while.")
        }
        "too-many-requests" => {
            (true, "There were too many tries. Wait half a minute, then try again: nobody is locked out for good.")
        }
        "no-cookie" => (
            true,
            "Your browser did not keep the sign-in cookie. It is kept only over HTTPS or from http://localhost, and not where cookies are blocked.",
        ),
        code => {
            let known = Code::ALL.into_iter().find(|known| known.name() == code)?;
            return Some(Notice { is_error: true, text: format!("{}. You are not signed in.", known.title()) });
        }
    };
    Some(Notice { is_error, text: text.to_owned() })
}

/// Signs somebody in by their password, and leads a browser on.
pub async fn sign_in(account: &str, password: String, next: Option<String>) -> Result<(), WireError> {
    let done = prove(account, password).await;
    let to = match &done {
        Ok(()) => next.filter(|next| is_own_page(next)).unwrap_or_else(|| PAGE.to_owned()),
        Err(error) => address(next.as_deref(), Some(error.code_name())),
    };
    notices::lead_to(&to, done)
}

async fn prove(account: &str, password: String) -> Result<(), WireError> {
    let (state, parts) = (state()?, parts()?);
    let address = peer_address();
    let failed = || {
        WireError::new(
            Code::SignInFailed,
            "Check both, and try again. Whoever has lost a password asks a founder for a new link.",
        )
    };
    // What cannot be an address is counted all the same, as one account: whoever sends it guesses.
    let account = email(account).unwrap_or_default();
    let device = known_device(&state, &parts.headers, &account).await?;
    let guess = Guess { account: &account, address, device: device.as_deref() };
    state.access.guesses.count(guess).map_err(|wait| too_many(&account, address, wait))?;
    let proofs = state.store.proofs(&account).await.map_err(problem::of_store)?;
    let stored = proofs.as_ref().and_then(|proofs| proofs.password.clone());
    let is_right = state.access.hasher.is_right(password, stored).await;
    let person = proofs.map(|proofs| proofs.person).filter(|person| is_right && person.disabled_at.is_none());
    let Some(person) = person else {
        tracing::warn!(account, %address, "a sign-in failed");
        return Err(failed());
    };
    begin(&state, &person).await
}

/// What somebody is told who has to wait before they may guess again.
pub fn too_many(account: &str, address: IpAddr, Wait(wait): Wait) -> WireError {
    tracing::warn!(account, %address, "a sign-in was refused: too many tries");
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    WireError::new(Code::TooManyRequests, format!("There were too many tries. Try again in {seconds} s."))
        .retry_after(seconds)
}

async fn known_device(state: &AppState, headers: &HeaderMap, account: &str) -> Result<Option<String>, WireError> {
    let Some(hash) = cookies::device(headers).map(secret::hash) else { return Ok(None) };
    let is_known = state.store.knows_device(account, &hash).await.map_err(problem::of_store)?;
    Ok(is_known.then_some(hash))
}

/// Begins a session under a secret of its own, whatever the browser had before: nobody can know it beforehand. What it had is ended.
pub async fn begin(state: &AppState, person: &Person) -> Result<(), WireError> {
    let parts = parts()?;
    let now = clock::now();
    let made = fresh(secret::fresh())?;
    if let Some(before) = cookies::session(&parts.headers) {
        state.store.end_session(&secret::hash(before)).await.map_err(problem::of_store)?;
    }
    let session = new_session(&parts.headers, made.hash, now);
    state.store.begin_session(person.id, &session).await.map_err(problem::of_store)?;
    set_cookie(&cookies::with_session(&made.secret));
    know(state, person, &parts.headers).await?;
    tracing::info!(account = person.email, address = session.address, "signed in");
    Ok(())
}

/// A session that begins now, under the hash of its secret.
pub fn new_session(headers: &HeaderMap, token_hash: String, at: DateTime<Utc>) -> NewSession {
    NewSession { address: peer_address().to_string(), agent: agent(headers), at, is_whole: true, token_hash }
}

/// Notes that the person has signed in in this browser.
async fn know(state: &AppState, person: &Person, headers: &HeaderMap) -> Result<(), WireError> {
    let before = cookies::device(headers).map(|value| (value.to_owned(), secret::hash(value)));
    let (value, hash) = match before {
        Some((value, hash)) if value.len() == 64 => (value, hash),
        _ => {
            let made = fresh(secret::fresh())?;
            (made.secret, made.hash)
        }
    };
    state.store.know_device(person.id, &hash, clock::now()).await.map_err(problem::of_store)?;
    set_cookie(&cookies::with_device(&value));
    Ok(())
}

/// A secret that was made; where there are no random numbers nothing is.
pub fn fresh(made: Result<secret::Fresh, getrandom::Error>) -> Result<secret::Fresh, WireError> {
    made.map_err(|error| {
        observability::log_error("no secret can be made", &error);
        WireError::new(Code::Internal, "The cause is in the server's log.")
    })
}

/// What the browser says it is, as far as it is shown to its own user.
fn agent(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}

/// Sets a cookie with the answer.
pub fn set_cookie(cookie: &HeaderValue) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(header::SET_COOKIE, cookie.clone());
    }
}

/// Ends the session that the request came with.
pub async fn sign_out() -> Result<(), WireError> {
    let done = end_own().await;
    set_cookie(&cookies::without_session());
    set_cookie(&cookies::without_share());
    // What a browser has kept of the pages goes with the session (ASVS 5.0.0, 14.3.1).
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(
            HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\", \"storage\""),
        );
    }
    notices::lead_to(&address(None, Some("signed-out")), done)
}

async fn end_own() -> Result<(), WireError> {
    let Some(Credential::Session(hash)) = parts()?.extensions.get::<Credential>().cloned() else { return Ok(()) };
    state()?.store.end_session(&hash).await.map_err(problem::of_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_never_leaves_the_application() {
        for own in ["/founder/scaling-mode", "/founder/scaling-mode/events/7?environment=demo"] {
            assert!(is_own_page(own), "{own}");
        }
        for foreign in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/founder/\\evil",
            "/founderx",
            "",
            "/founder/a b",
            "/founder/\r\nx",
        ] {
            assert!(!is_own_page(foreign), "{foreign:?}");
            assert_eq!(address(Some(foreign), None), ADDRESS);
        }
    }

    #[test]
    fn only_known_codes_say_anything() {
        assert_eq!(words("You have won a prize"), None);
        assert!(words("sign-in-failed").is_some_and(|notice| notice.is_error));
    }
}

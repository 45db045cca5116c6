//! Owns signing in by a password, and out. What is answered tells nobody whether a person exists. Must not
//! know what a session may do.

use super::context::state;
use super::session::{self, Browser, Entered};
use super::{AppState, PAGE, cookies, notices, problem, second_proof};
use crate::api::SignInView;
use crate::domain::access::{Identity, email};
use crate::error::{Code, WireError};
use crate::server::access::guesses::{Guess, Wait};
use crate::server::access::secret;
use crate::server::store::access::Person;
use crate::views::overview::Notice;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use leptos_router::location::Url;
use std::net::IpAddr;

/// The page on which one signs in.
pub const ADDRESS: &str = "/founder/sign-in";

/// The longest address of a page that is led on to, in bytes: the settings with every field filled in.
const LONGEST_PAGE: usize = 6_144;

/// Its address, with where to go on afterwards and what to say.
pub fn address(next: Option<&str>, notice: Option<&str>) -> String {
    with_query(ADDRESS, next, notice)
}

/// A page's address, with where to go on afterwards and what to say.
pub fn with_query(page: &str, next: Option<&str>, notice: Option<&str>) -> String {
    let next = next.filter(|next| is_own_page(next)).map(|next| format!("next={}", Url::escape(next)));
    let notice = notice.map(|notice| format!("notice={notice}"));
    let query: Vec<String> = next.into_iter().chain(notice).collect();
    if query.is_empty() { page.to_owned() } else { format!("{page}?{}", query.join("&")) }
}

/// Whether an address leads to a page of this server, and nowhere else.
pub fn is_own_page(address: &str) -> bool {
    address.starts_with("/founder/")
        && address.len() <= LONGEST_PAGE
        && !address.contains(['\\', '#'])
        && address.chars().all(|character| character.is_ascii_graphic())
}

/// The parts of the request that is being answered.
pub fn parts() -> Result<Parts, WireError> {
    use_context::<Parts>().ok_or_else(|| WireError::new(Code::Internal, "The cause is in the server's log."))
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
        provider: state.access.provider.as_ref().map(|provider| provider.name().to_owned()),
        signed_in,
    })
}

fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "signed-out" => (false, "You are signed out."),
        "form-kept" => (
            true,
            "You were not signed in any more, so what you sent was not done. It is kept for 15 minutes: sign in, and you can send it with one click.",
        ),
        "form-not-kept" => (
            true,
            "You were not signed in any more, so nothing was done, and what you sent could not be kept. Sign in and enter it again.",
        ),
        "sign-in-failed" => {
            (true, "The e-mail address or the password is not right. After a few tries the next ones take a while.")
        }
        "too-many-requests" => {
            (true, "There were too many tries. Wait half a minute, then try again: nobody is locked out for good.")
        }
        "passkey-failed" => (true, "The passkey did not prove who you are. Try again, or sign in with your password."),
        "provider-failed" => (
            true,
            "The provider gave no answer that could be used. Nothing was done. Try again, or sign in with your password.",
        ),
        "provider-refused" => (true, "You were not signed in there. Nothing was done."),
        "not-connected" => (
            true,
            "Nobody here signs in by that account. Come by the link of your invitation, or sign in and connect it on the page of your account.",
        ),
        "no-cookie" => (
            true,
            "Your browser did not keep the sign-in cookie. It is kept only over HTTPS or from http://localhost, and not where cookies are blocked.",
        ),
        code => return notices::of_problem(code, "You are not signed in."),
    };
    Some(Notice { is_error, text: text.to_owned() })
}

/// Signs somebody in by their password, and leads a browser on.
pub async fn sign_in(account: &str, password: String, next: Option<String>) -> Result<(), WireError> {
    let done = prove(account, password).await;
    lead_on(done, next.as_deref(), |error| address(next.as_deref(), Some(error.code_name())))
}

/// Leads a browser on that has come so far, or back with what went wrong. A script that still needs a code is told so.
pub fn lead_on(
    done: Result<Entered, WireError>,
    next: Option<&str>,
    back: impl FnOnce(&WireError) -> String,
) -> Result<(), WireError> {
    let to = match &done {
        Ok(entered) => on(*entered, next),
        Err(error) => back(error),
    };
    let done = match done {
        Ok(Entered::Whole) => Ok(()),
        Ok(Entered::Half) => Err(WireError::new(
            Code::SecondProofRequired,
            "Send the code of your authenticator app, or a recovery code, to forms/sign-in-code with the cookie of this answer.",
        )),
        Err(error) => Err(error),
    };
    notices::lead_to(&to, done)
}

/// Where somebody goes on to who has come so far.
pub fn on(entered: Entered, next: Option<&str>) -> String {
    match entered {
        Entered::Whole => next.filter(|next| is_own_page(next)).unwrap_or(PAGE).to_owned(),
        Entered::Half => second_proof::address(next, None),
    }
}

async fn prove(account: &str, password: String) -> Result<Entered, WireError> {
    let (state, browser) = (state()?, Browser::here()?);
    let address = browser.address;
    let failed = || {
        WireError::new(
            Code::SignInFailed,
            "Check both, and try again. Whoever has lost a password asks a founder for a new link.",
        )
    };
    // What cannot be an address is counted all the same, as one account: whoever sends it guesses.
    let account = email(account).unwrap_or_default();
    let device = session::known_device(&state, &browser.headers, &account).await?;
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
    enter(&state, &browser, &person, session::Proof::PASSWORD).await
}

/// Lets somebody in, and gives their browser its cookies.
pub async fn enter(
    state: &AppState,
    browser: &Browser,
    person: &Person,
    proof: session::Proof,
) -> Result<Entered, WireError> {
    Ok(in_their_browser(session::enter(state, browser, person, proof).await?))
}

/// Gives a browser the cookies of the session that has begun.
pub fn in_their_browser(begun: session::Begun) -> Entered {
    begun.cookies.iter().for_each(session::set_cookie);
    begun.entered
}

/// What somebody is told who has to wait before they may guess again.
pub fn too_many(account: &str, address: IpAddr, wait: Wait) -> WireError {
    tracing::warn!(account, %address, "a sign-in was refused: too many tries");
    let seconds = wait.seconds();
    WireError::new(Code::TooManyRequests, format!("There were too many tries. Try again in {seconds} s."))
        .retry_after(seconds)
}

/// Ends the session that the request came with.
pub async fn sign_out() -> Result<(), WireError> {
    let done = end_own().await;
    session::set_cookie(&cookies::without_session());
    session::set_cookie(&cookies::without_share());
    session::set_cookie(&cookies::without_unsent());
    // What a browser has kept of the pages goes with the session (ASVS 5.0.0, 14.3.1).
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(
            HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\", \"storage\""),
        );
    }
    notices::lead_to(&address(None, Some("signed-out")), done)
}

/// Ends what the browser has: its own session, and what was shared with it.
async fn end_own() -> Result<(), WireError> {
    let (state, parts) = (state()?, parts()?);
    for value in cookies::session(&parts.headers).into_iter().chain(cookies::share(&parts.headers)) {
        state.store.end_session(&secret::hash(value)).await.map_err(problem::of_store)?;
    }
    Ok(())
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

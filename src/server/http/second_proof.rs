//! Owns the question for a code, which comes after the password of whoever has turned codes on. Until it is answered the session opens
//! nothing. Must not know how a code is reckoned.

use super::context::state;
use super::identity::is_current;
use super::joining::entry_of;
use super::session::{Browser, Entered, Proof, known_device};
use super::sign_in::{self, is_own_page};
use super::{AppState, ceremonies, codes, cookies, notices, problem};
use crate::api::SecondProofView;
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::{codes as reckoned, secret};
use crate::server::clock;
use crate::server::store::access::{Person, SessionOf};
use crate::views::overview::Notice;

/// The page that asks.
pub const ADDRESS: &str = "/founder/sign-in/code";

/// Its address, with where to go on afterwards and what to say.
pub fn address(next: Option<&str>, notice: Option<&str>) -> String {
    sign_in::with_query(ADDRESS, next, notice)
}

/// Who has given the first proof in this browser, a few minutes ago at most.
async fn waiting(state: &AppState, browser: &Browser) -> Result<Option<Person>, WireError> {
    let Some(value) = cookies::session(&browser.headers) else { return Ok(None) };
    let found = state.store.session(&secret::hash(value)).await.map_err(problem::of_store)?;
    let found = found.filter(|session| !session.is_whole && is_current(session, clock::now()));
    Ok(found.and_then(|session| match session.of {
        SessionOf::Person(person) => Some(person),
        SessionOf::Link(_) => None,
    }))
}

/// What the page shows.
pub async fn page(next: Option<String>, notice: Option<String>) -> Result<SecondProofView, WireError> {
    let (state, browser) = (state()?, Browser::here()?);
    Ok(SecondProofView {
        is_asked: waiting(&state, &browser).await?.is_some(),
        next: next.filter(|next| is_own_page(next)),
        notice: notice.as_deref().and_then(words),
    })
}

fn words(code: &str) -> Option<Notice> {
    let text = match code {
        "wrong-code" => {
            "That is not right. A code works once: wait for the next one, or type a recovery code that you have not used."
        }
        "too-many-requests" => {
            "There were too many tries. Wait half a minute, then try again: nobody is locked out for good."
        }
        code => return notices::of_problem(code, "You are not signed in."),
    };
    Some(Notice { is_error: true, text: text.to_owned() })
}

/// Lets somebody in by their code, and leads a browser on.
pub async fn answer(code: &str, next: Option<String>) -> Result<(), WireError> {
    let done = answered(code).await;
    sign_in::lead_on(done, next.as_deref(), |error| match error.code() {
        // Who took too long begins anew.
        Some(Code::SignInRequired) => sign_in::address(next.as_deref(), Some(error.code_name())),
        _ => address(next.as_deref(), Some(error.code_name())),
    })
}

async fn answered(code: &str) -> Result<Entered, WireError> {
    let (state, browser) = (state()?, Browser::here()?);
    let person = waiting(&state, &browser).await?.ok_or_else(|| {
        WireError::new(Code::SignInRequired, "Sign in with your password first; the code comes within five minutes.")
    })?;
    let device = known_device(&state, &browser.headers, &person.email).await?;
    let guess = Guess { account: &person.email, address: browser.address, device: device.as_deref() };
    state.access.guesses.count(guess).map_err(|wait| sign_in::too_many(guess.account, guess.address, wait))?;
    let (is_right, proof) = match reckoned::recovery_hash(code) {
        Some(hash) => (use_recovery_code(&state, &browser, &person, &hash).await?, Proof::RECOVERY_CODE),
        None => (use_code(&state, &person, code).await?, Proof::CODE),
    };
    if !is_right {
        tracing::warn!(account = person.email, address = %browser.address, "a code was wrong");
        return Err(WireError::new(Code::WrongCode, "A code works once, for half a minute.").at("code"));
    }
    sign_in::enter(&state, &browser, &person, proof).await
}

async fn use_code(state: &AppState, person: &Person, code: &str) -> Result<bool, WireError> {
    let proofs = state.store.proofs(&person.email).await.map_err(problem::of_store)?;
    let Some(sealed) = proofs.and_then(|proofs| proofs.totp) else { return Ok(false) };
    let secret = ceremonies::sealer(state)?.open(&codes::purpose(person.id), &sealed).map_err(ceremonies::of_seal)?;
    match reckoned::step(&secret, code, clock::now()) {
        Some(step) => state.store.use_totp_step(person.id, step).await.map_err(problem::of_store),
        None => Ok(false),
    }
}

async fn use_recovery_code(
    state: &AppState,
    browser: &Browser,
    person: &Person,
    hash: &str,
) -> Result<bool, WireError> {
    let now = clock::now();
    let entry = entry_of(browser, &person.email, &person.roles, "signed in with a recovery code".to_owned());
    state.store.use_recovery_code(person.id, hash, now, &entry).await.map_err(problem::of_store)
}

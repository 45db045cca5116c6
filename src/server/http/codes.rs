//! Owns turning one-time codes on and off: the secret is shown to whoever is signed in, a code proves that it has arrived, and recovery
//! codes are shown once. Must not know how a code is reckoned.

use super::account::{self, Own, entry, lead_back, own, prove_again};
use super::context::state;
use super::{AppState, ceremonies, notices, problem, session, shown_once, sign_in};
use crate::api::{CodePicture, CodesView, Made};
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::{codes, secret};
use crate::server::clock;
use crate::server::store::proofs::Codes;
use crate::views::overview::Notice;

/// The page on which an authenticator app is given the secret.
pub const ADDRESS: &str = "/founder/account/codes";

/// The kind of secret that is shown once here.
pub const RECOVERY_CODES: &str = "recovery_codes";

const KIND: &str = "codes";

/// By which what was begun in a session is known: only that session has it.
fn id_of(own: &Own) -> String {
    secret::hash(&format!("{KIND} {}", own.hash))
}

/// What the secret of a person is sealed for.
pub fn purpose(person: i64) -> String {
    format!("codes of person {person}")
}

/// What the page shows: nothing to scan where nothing was begun.
pub async fn page(notice: Option<String>) -> Result<CodesView, WireError> {
    let (state, own) = (state()?, own().await?);
    let begun = ceremonies::look(&state, KIND, &id_of(&own)).await?;
    let email = &own.proofs.person.email;
    let picture = begun.and_then(|secret| {
        let address = codes::address(&secret, email)?;
        let picture = codes::picture(&address)?;
        let side = u32::try_from(picture.side).ok()?;
        Some(CodePicture { address, path: picture.path, side, typed: codes::typed(&secret) })
    });
    Ok(CodesView { notice: notice.as_deref().and_then(words), picture })
}

fn words(code: &str) -> Option<Notice> {
    let text = match code {
        "wrong-code" => {
            "That is not the code of now. Is the telephone's clock right? Wait for the next code and type that one."
        }
        "too-many-requests" => "There were too many tries. Wait half a minute, then try again.",
        code => return notices::of_problem(code, "Nothing was changed."),
    };
    Some(Notice { is_error: true, text: text.to_owned() })
}

/// Makes a secret for whoever is signed in and knows their password, and leads to the page that shows it.
pub async fn begin(password: String) -> Result<(), WireError> {
    let done = begun(password).await;
    let to = match &done {
        Ok(()) => ADDRESS.to_owned(),
        Err(error) => format!("{}?notice={}#notice", account::ADDRESS, error.code_name()),
    };
    notices::lead_to(&to, done)
}

async fn begun(password: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, password).await?;
    let made = session::fresh(codes::fresh_secret())?;
    ceremonies::begin(&state, KIND, &id_of(&own), &made).await
}

/// Turns codes on once a code proves that the secret has arrived; recovery codes are shown once.
pub async fn confirm(code: &str) -> Result<Made, WireError> {
    let done = confirmed(code).await;
    let page = if done.is_err() { ADDRESS } else { account::ADDRESS };
    shown_once::show(page, done)
}

async fn confirmed(code: &str) -> Result<Made, WireError> {
    let (state, own) = (state()?, own().await?);
    let person = &own.proofs.person;
    count(&state, &own)?;
    let id = id_of(&own);
    let begun = ceremonies::look(&state, KIND, &id).await?;
    let begun = begun.ok_or_else(|| WireError::new(Code::LinkUnusable, "It was begun too long ago. Begin anew."))?;
    let step = codes::step(&begun, code, clock::now())
        .ok_or_else(|| WireError::new(Code::WrongCode, "It is not the code of now.").at("code"))?;
    // Of two at once one turns codes on.
    if ceremonies::take(&state, KIND, &id).await?.is_none() {
        return Err(WireError::new(Code::LinkUnusable, "It was done already."));
    }
    let made = session::fresh(codes::fresh_recovery_codes())?;
    let hashes: Vec<String> = made.iter().filter_map(|code| codes::recovery_hash(code)).collect();
    let sealed = ceremonies::sealer(&state)?.seal(&purpose(person.id), &begun).map_err(ceremonies::of_seal)?;
    let on = Codes { recovery: &hashes, secret: &sealed, step };
    let entry = entry(&own, "turned one-time codes on");
    state.store.set_codes(person.id, Some(on), Some(&own.hash), &entry).await.map_err(problem::of_store)?;
    Ok(Made { kind: RECOVERY_CODES.to_owned(), name: person.email.clone(), secret: made.join("\n") })
}

fn count(state: &AppState, own: &Own) -> Result<(), WireError> {
    let guess = Guess { account: &own.proofs.person.email, address: own.browser.address, device: Some(&own.hash) };
    state.access.guesses.count(guess).map_err(|wait| sign_in::too_many(guess.account, guess.address, wait))
}

/// Turns codes off; whoever is signed in elsewhere is signed out.
pub async fn turn_off(password: String) -> Result<(), WireError> {
    lead_back("codes-off", turned_off(password).await)
}

async fn turned_off(password: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, password).await?;
    let person = &own.proofs.person;
    if !person.has_totp {
        return Ok(());
    }
    let entry = entry(&own, "turned one-time codes off");
    state.store.set_codes(person.id, None, Some(&own.hash), &entry).await.map_err(problem::of_store)
}

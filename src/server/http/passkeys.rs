//! Owns adding passkeys, removing them, and signing in by one. The browser's part is `ui/passkey_script.rs`. Must not know what a
//! passkey's answer looks like.

use super::account::{entry, lead_back, own, prove_again};
use super::context::{self, state};
use super::session::{self, Browser};
use super::sign_in;
use super::{AppState, ceremonies, problem, proved};
use crate::api::{Asked, Went};
use crate::domain::access::person_name;
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::passkeys::{PasskeyError, Passkeys};
use crate::server::access::secret;
use crate::server::store::proofs::Passkey;
use crate::server::{clock, observability};

/// Passkeys that somebody may have.
const MOST: usize = 20;

const ADDING: &str = "passkey-adding";
const SIGNING_IN: &str = "passkey-sign-in";

fn here() -> Result<Passkeys, WireError> {
    Passkeys::at(&context::base_url()).map_err(|error| refused(&error))
}

/// What somebody is told whose passkey proved nothing. Why stands in the log.
fn refused(error: &PasskeyError) -> WireError {
    if matches!(error, PasskeyError::NoName) {
        return WireError::new(
            Code::NotSetUp,
            "Passkeys belong to a name, and this address has none. Open the page by its name, such as http://localhost:3008.",
        );
    }
    observability::log_error("a passkey proved nothing", error);
    WireError::new(Code::PasskeyFailed, "It is not known here, was cancelled, or took too long. Try again.")
}

/// Keeps what was begun, and tells the browser what it is asked for.
async fn asked(
    state: &AppState,
    kind: &str,
    begun: crate::server::access::passkeys::Begun,
) -> Result<Asked, WireError> {
    let name = session::fresh(secret::fresh())?;
    ceremonies::begin(state, kind, &name.hash, &begun.state).await?;
    Ok(Asked { ceremony: name.secret, options: begun.options })
}

async fn taken(state: &AppState, kind: &str, ceremony: &str) -> Result<Vec<u8>, WireError> {
    let found = ceremonies::take(state, kind, &secret::hash(ceremony)).await?;
    found.ok_or_else(|| WireError::new(Code::PasskeyFailed, "It took too long, or was answered before. Begin anew."))
}

/// Asks the browser of whoever is signed in, and knows their password, for a new passkey.
pub async fn begin_adding(password: String) -> Result<Asked, WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, password).await?;
    let known = state.store.passkeys(own.proofs.person.id).await.map_err(problem::of_store)?;
    if known.len() >= MOST {
        return Err(WireError::new(Code::OutOfRange, format!("{MOST} are the most. Remove one first.")));
    }
    let known: Vec<String> = known.into_iter().map(|passkey| passkey.id).collect();
    let begun = here()?.begin_adding(&own.proofs.person, &known).map_err(|error| refused(&error))?;
    asked(&state, &format!("{ADDING} {}", own.hash), begun).await
}

/// Keeps the passkey that the browser has made.
pub async fn add(ceremony: &str, name: &str, answer: &str) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    let name = person_name(name).map_err(|sentence| WireError::of_fields(vec![FieldError::new("name", sentence)]))?;
    // Only in the session in which it was begun.
    let begun = taken(&state, &format!("{ADDING} {}", own.hash), ceremony).await?;
    let made = here()?.finish_adding(&begun, answer).map_err(|error| refused(&error))?;
    let entry = entry(&own, &format!("added the passkey \"{name}\""));
    let passkey = Passkey { created_at: clock::now(), credential: made.credential, id: made.id, name, used_at: None };
    state.store.add_passkey(own.proofs.person.id, &passkey, &own.hash, &entry).await.map_err(problem::of_store)
}

/// Removes a passkey.
pub async fn remove(id: &str, password: String) -> Result<(), WireError> {
    lead_back("passkey-removed", removed(id, password).await)
}

async fn removed(id: &str, password: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, password).await?;
    let person = own.proofs.person.id;
    let known = state.store.passkeys(person).await.map_err(problem::of_store)?;
    let Some(passkey) = known.into_iter().find(|passkey| passkey.id == id) else { return Ok(()) };
    let entry = entry(&own, &format!("removed the passkey \"{}\"", passkey.name));
    state.store.remove_passkey(person, id, &own.hash, &entry).await.map_err(problem::of_store)
}

/// Asks a browser for any passkey of this server.
pub async fn begin_signing_in() -> Result<Asked, WireError> {
    let (state, browser) = (state()?, Browser::here()?);
    session::count_beginning(&state, &browser).await?;
    asked(&state, SIGNING_IN, here()?.begin_signing_in().map_err(|error| refused(&error))?).await
}

/// Signs somebody in by the answer of their passkey.
pub async fn sign_in(ceremony: &str, answer: &str, next: Option<&str>) -> Result<Went, WireError> {
    let browser = Browser::here()?;
    signed_in(&browser, ceremony, answer, next).await.inspect_err(|error| {
        tracing::warn!(address = %browser.address, problem = error.code_name(), "a sign-in by a passkey failed");
    })
}

async fn signed_in(browser: &Browser, ceremony: &str, answer: &str, next: Option<&str>) -> Result<Went, WireError> {
    let state = state()?;
    let unproved = || WireError::new(Code::PasskeyFailed, "It is not known here. Sign in with your password.");
    let passkeys = here()?;
    let begun = taken(&state, SIGNING_IN, ceremony).await?;
    let id = passkeys.named(answer).map_err(|error| refused(&error))?;
    let found = state.store.passkey(&id).await.map_err(problem::of_store)?;
    let (person, passkey) = found.filter(|(person, _)| person.disabled_at.is_none()).ok_or_else(unproved)?;
    let kept = passkeys.finish_signing_in(&begun, answer, &person, &passkey.credential).map_err(|error| {
        tracing::warn!(account = person.email, address = %browser.address, "a passkey did not prove itself");
        refused(&error)
    })?;
    // Its counter is compared and set: of two copies that answer at once one is noticed.
    if !state.store.use_passkey(&passkey, &kept, clock::now()).await.map_err(problem::of_store)? {
        return Err(unproved());
    }
    // A passkey is two proofs: the device, and what opens it.
    let begun = session::enter(&state, browser, &person, session::Proof::PASSKEY).await?;
    proved::note(&state, &begun.hash).await?;
    Ok(Went { to: sign_in::on(sign_in::in_their_browser(begun), next) })
}

//! Owns what somebody sees of their own account, and changes of sessions and password; and whether they are still who they were, which is
//! asked before any proof is changed. Must not know what others may do.

use super::codes::RECOVERY_CODES;
use super::context::{identity, state};
use super::identity::Credential;
use super::joining::{entry_of, lines};
use super::session::Browser;
use super::{AppState, notices, problem, proved, provider_accounts, shown_once, sign_in};
use crate::api::{AccountView, OwnSession, PasskeyLine};
use crate::domain::access::Who;
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::password;
use crate::server::acts::people::hashed;
use crate::server::store::access::{Entry, Proofs};
use crate::views::overview::Notice;

/// The page of one's own account.
pub const ADDRESS: &str = "/founder/account";
/// Characters of a session's hash by which it is named: enough to tell one's own from each other, and of no use to anybody.
const NAMED: usize = 16;

/// Whoever is signed in, in their own browser.
pub struct Own {
    pub browser: Browser,
    /// The hash of their session.
    pub hash: String,
    pub proofs: Proofs,
}

/// Whoever is signed in.
///
/// # Errors
/// Where it is no person with a session: tokens and guests have no account.
pub async fn own() -> Result<Own, WireError> {
    let Who::Person { email, .. } = identity()?.who else {
        return Err(WireError::new(Code::NotAllowed, "Only a person who is signed in has an account."));
    };
    let hash = match sign_in::parts()?.extensions.get::<Credential>() {
        Some(Credential::Session(hash)) => hash.clone(),
        _ => return Err(WireError::new(Code::SignInRequired, "Sign in first.")),
    };
    let proofs = state()?.store.proofs(&email).await.map_err(problem::of_store)?;
    let proofs = proofs.ok_or_else(|| WireError::new(Code::UnknownPerson, "You may have been removed in between."))?;
    Ok(Own { browser: Browser::here()?, hash, proofs })
}

/// What the page shows.
pub async fn page(notice: Option<String>) -> Result<AccountView, WireError> {
    let (state, own) = (state()?, own().await?);
    let person = &own.proofs.person;
    let store = state.store.as_ref();
    let sessions = store.sessions(person.id).await.map_err(problem::of_store)?;
    let recovery_codes = store.recovery_codes_left(person.id).await.map_err(problem::of_store)?;
    let passkeys = store.passkeys(person.id).await.map_err(problem::of_store)?;
    Ok(AccountView {
        codes: person.has_totp.then_some(recovery_codes),
        email: person.email.clone(),
        has_password: own.proofs.password.is_some(),
        is_proved: proved::is_noted(&state, &own.hash).await?,
        made: shown_once::take(|kind| kind == RECOVERY_CODES),
        name: person.name.clone(),
        notice: notice.as_deref().and_then(words),
        passkeys: passkeys
            .into_iter()
            .map(|passkey| PasskeyLine {
                created_at: passkey.created_at,
                id: passkey.id,
                name: passkey.name,
                used_at: passkey.used_at,
            })
            .collect(),
        provider: provider_accounts::own_accounts(&state, &own).await?,
        roles: lines(&person.roles),
        sessions: sessions
            .into_iter()
            .map(|session| OwnSession {
                address: session.address,
                agent: session.agent,
                created_at: session.created_at,
                id: session.token_hash.chars().take(NAMED).collect(),
                is_this: session.token_hash == own.hash,
                seen_at: session.seen_at,
            })
            .collect(),
    })
}

fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "session-ended" => (false, "Signed out there."),
        "password-changed" => (false, "The password is changed. You are signed out everywhere else."),
        "codes-off" => (false, "Codes are off. You are signed out everywhere else."),
        "passkey-added" => {
            (false, "The passkey is added: you can sign in with it. You are signed out everywhere else.")
        }
        "passkey-removed" => (false, "The passkey opens nothing from now on. You are signed out everywhere else."),
        "proved" => (false, "That was you. What you sign in by can be changed for ten minutes."),
        "sign-in-again" => (true, "Prove once more that it is you first. Nothing was changed."),
        "not-connected" => (true, "That account at the provider is not yours here. Nothing was changed."),
        "not-asked-anew" => (
            true,
            "The provider does not say that it asked you anew, so this proves nothing. Ask a founder for a link, and choose a password by it. Nothing was changed.",
        ),
        "codes-required" => {
            (true, "Everybody here signs in with a code too. Turn codes on: nothing else is open to you before.")
        }
        "connected" => (false, "You can sign in by that account from now on. You are signed out everywhere else."),
        "conflict" => {
            (true, "You could not sign in any more. Choose a password, or add another way, first. Nothing was changed.")
        }
        "disconnected" => (false, "That account signs nobody in here from now on. You are signed out everywhere else."),
        "allowed" => (false, "Go on to the provider below, within ten minutes."),
        "provider-failed" => (true, "The provider gave no answer that could be used. Nothing was changed."),
        "provider-refused" => (true, "You were not signed in there. Nothing was changed."),
        "name-taken" => (true, "It is connected with somebody here already. Nothing was changed."),
        "sign-in-failed" => (true, "The password that you have now is not right. Nothing was changed."),
        "out-of-range" => {
            (true, "The new password is too short, or among the first that would be guessed. Nothing was changed.")
        }
        code => return notices::of_problem(code, "Nothing was changed."),
    };
    Some(Notice { is_error, text: text.to_owned() })
}

pub fn lead_back(done: &str, result: Result<(), WireError>) -> Result<(), WireError> {
    let notice = result.as_ref().err().map_or(done, WireError::code_name).to_owned();
    notices::lead_to(&format!("{ADDRESS}?notice={notice}#notice"), result)
}

/// Ends one of one's own sessions, or all others.
pub async fn end_session(id: &str) -> Result<(), WireError> {
    lead_back("session-ended", ended(id).await)
}

async fn ended(id: &str) -> Result<(), WireError> {
    let own = own().await?;
    let (store, person) = (state()?.store.clone(), own.proofs.person.id);
    if id == "others" {
        return store.end_other_sessions(person, &own.hash).await.map_err(problem::of_store);
    }
    let sessions = store.sessions(person).await.map_err(problem::of_store)?;
    let found = sessions.into_iter().find(|session| id.len() == NAMED && session.token_hash.starts_with(id));
    match found {
        Some(session) => store.end_session(&session.token_hash).await.map_err(problem::of_store),
        None => Ok(()),
    }
}

/// Whether whoever sits at the browser is still who signed in in it: by the password that they have now, or, where they have none, by a
/// passkey or the provider, which have asked them just now. It is asked before what they prove themselves by is changed.
///
/// # Errors
/// [`Code::SignInFailed`], [`Code::SignInAgain`].
pub async fn prove_again(state: &AppState, own: &Own, password: String) -> Result<(), WireError> {
    let person = &own.proofs.person;
    let Some(stored) = own.proofs.password.clone() else {
        return if proved::is_noted(state, &own.hash).await? {
            Ok(())
        } else {
            Err(WireError::new(
                Code::SignInAgain,
                "Prove once more that it is you, on the page of your account, and do this within ten minutes.",
            ))
        };
    };
    // Whoever sits at somebody else's browser guesses as any other.
    let guess = Guess { account: &person.email, address: own.browser.address, device: Some(&own.hash) };
    state.access.guesses.count(guess).map_err(|wait| sign_in::too_many(guess.account, guess.address, wait))?;
    if state.access.hasher.is_right(password, Some(stored)).await {
        Ok(())
    } else {
        Err(WireError::new(Code::SignInFailed, "The password that you have now is not right."))
    }
}

/// The event of what somebody has changed of their own account.
pub fn entry(own: &Own, reason: &str) -> Entry {
    let person = &own.proofs.person;
    entry_of(&own.browser, &person.email, &person.roles, reason.to_owned())
}

/// Changes one's password; whoever is signed in elsewhere is signed out.
pub async fn change_password(now: String, new: String) -> Result<(), WireError> {
    lead_back("password-changed", changed(now, new).await)
}

async fn changed(now: String, new: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, now).await?;
    let person = &own.proofs.person;
    password::check(&new, &[&person.email, &person.name])
        .map_err(|sentence| WireError::of_fields(vec![FieldError::new("new", sentence)]))?;
    let stored = hashed(&state.access.hasher, new).await?;
    let entry = entry(&own, "changed their password");
    state.store.set_password(person.id, &stored, Some(&own.hash), &entry).await.map_err(problem::of_store)
}

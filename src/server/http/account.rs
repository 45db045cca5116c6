//! Owns what somebody sees and changes of their own account: sessions and password. Must not know what others may do.

use super::context::{asker, identity, state};
use super::identity::Credential;
use super::joining::{chain_of, hashed, lines};
use super::{notices, problem, sign_in};
use crate::api::{AccountView, OwnSession};
use crate::domain::access::{Reach, Who};
use crate::domain::history::{EventType, NewEvent};
use crate::domain::overview::Notice;
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::guesses::Guess;
use crate::server::access::password;
use crate::server::clock;
use crate::server::store::access::{Entry, Proofs};

/// The page of one's own account.
pub const ADDRESS: &str = "/founder/account";
/// Characters of a session's hash by which it is named: enough to tell one's own from each other, and of no use to anybody.
const NAMED: usize = 16;

/// The hash of the session that the request came with, and whose it is.
async fn own() -> Result<(String, Proofs), WireError> {
    let Who::Person { email, .. } = identity()?.who else {
        return Err(WireError::new(Code::NotAllowed, "Only a person who is signed in has an account."));
    };
    let hash = match sign_in::parts()?.extensions.get::<Credential>() {
        Some(Credential::Session(hash)) => hash.clone(),
        _ => return Err(WireError::new(Code::SignInRequired, "Sign in first.")),
    };
    let proofs = state()?.store.proofs(&email).await.map_err(problem::of_store)?;
    Ok((hash, proofs.ok_or_else(|| WireError::new(Code::UnknownPerson, "You may have been removed in between."))?))
}

/// What the page shows.
pub async fn page(notice: Option<String>) -> Result<AccountView, WireError> {
    let (hash, proofs) = own().await?;
    let sessions = state()?.store.sessions(proofs.person.id).await.map_err(problem::of_store)?;
    Ok(AccountView {
        email: proofs.person.email,
        name: proofs.person.name,
        notice: notice.as_deref().and_then(words),
        roles: lines(&proofs.person.roles),
        sessions: sessions
            .into_iter()
            .map(|session| OwnSession {
                address: session.address,
                agent: session.agent,
                created_at: session.created_at,
                id: session.token_hash.chars().take(NAMED).collect(),
                is_this: session.token_hash == hash,
                seen_at: session.seen_at,
            })
            .collect(),
    })
}

fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "session-ended" => (false, "Signed out there."),
        "password-changed" => (false, "The password is changed. You are signed out everywhere else."),
        "sign-in-failed" => (true, "The password that you have now is not right. Nothing was changed."),
        "out-of-range" => {
            (true, "The new password is too short, or among the first that would be guessed. Nothing was changed.")
        }
        code => {
            let known = Code::ALL.into_iter().find(|known| known.name() == code)?;
            return Some(Notice { is_error: true, text: format!("{}. Nothing was changed.", known.title()) });
        }
    };
    Some(Notice { is_error, text: text.to_owned() })
}

fn lead_back(done: &str, result: Result<(), WireError>) -> Result<(), WireError> {
    let notice = result.as_ref().err().map_or(done, WireError::code_name).to_owned();
    notices::lead_to(&format!("{ADDRESS}?notice={notice}#notice"), result)
}

/// Ends one of one's own sessions, or all others.
pub async fn end_session(id: &str) -> Result<(), WireError> {
    lead_back("session-ended", ended(id).await)
}

async fn ended(id: &str) -> Result<(), WireError> {
    let (hash, proofs) = own().await?;
    let store = state()?.store;
    if id == "others" {
        return store.end_other_sessions(proofs.person.id, &hash).await.map_err(problem::of_store);
    }
    let sessions = store.sessions(proofs.person.id).await.map_err(problem::of_store)?;
    let found = sessions.into_iter().find(|session| id.len() == NAMED && session.token_hash.starts_with(id));
    match found {
        Some(session) => store.end_session(&session.token_hash).await.map_err(problem::of_store),
        None => Ok(()),
    }
}

/// Changes one's password; whoever is signed in elsewhere is signed out.
pub async fn change_password(now: String, new: String) -> Result<(), WireError> {
    lead_back("password-changed", changed(now, new).await)
}

async fn changed(now: String, new: String) -> Result<(), WireError> {
    let (hash, proofs) = own().await?;
    let state = state()?;
    let person = &proofs.person;
    // Whoever sits at somebody else's browser guesses as any other.
    let guess = Guess { account: &person.email, address: sign_in::peer_address(), device: Some(&hash) };
    state.access.guesses.count(guess).map_err(|wait| sign_in::too_many(guess.account, guess.address, wait))?;
    if !state.access.hasher.is_right(now, proofs.password.clone()).await {
        return Err(WireError::new(Code::SignInFailed, "The password that you have now is not right."));
    }
    password::check(&new, &[&person.email, &person.name])
        .map_err(|sentence| WireError::of_fields(vec![FieldError::new("new", sentence)]))?;
    let stored = hashed(&state, new).await?;
    let mut event = NewEvent::new(EventType::AccessChanged, asker()?.actor(), clock::now());
    event.reason = Some("changed their password".to_owned());
    let reach = person.roles.first().map_or(Reach::All, |(reach, _)| reach.clone());
    let entry = Entry { environment: chain_of(&reach), event };
    state.store.set_password(person.id, &stored, Some(&hash), &entry).await.map_err(problem::of_store)
}

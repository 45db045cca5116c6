//! Owns how a person comes: a link that was given to them, a name, a password. Must not know who may invite.

use super::context::state;
use super::session::{self, Browser};
use super::{AppState, notices, problem, sign_in};
use crate::api::{JoinView, RoleLine};
use crate::domain::access::{Reach, Role, email, person_name};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::{password, secret};
use crate::server::acts::access_log::{chain_of, roles_in_words};
use crate::server::acts::people::hashed;
use crate::server::clock;
use crate::server::store::access::{Entry, Invitation, JoinedBy};
use crate::views::overview::Notice;

/// The address of the page of an invitation.
pub fn address(secret: &str) -> String {
    format!("/founder/join/{secret}")
}

/// The event of what a person has done about how they sign in, with its place: the first environment in which they are somebody.
pub fn entry_of(browser: &Browser, email: &str, roles: &[(Reach, Role)], reason: String) -> Entry {
    let name = format!("person:{email}");
    let address = Some(browser.address).filter(|address| !address.is_unspecified());
    let mut event = NewEvent::new(EventType::AccessChanged, Actor { address, name: &name }, clock::now());
    event.reason = Some(reason);
    let reach = roles.first().map_or(Reach::All, |(reach, _)| reach.clone());
    Entry { environment: chain_of(&reach), event }
}

/// Roles as they are shown.
pub fn lines(roles: &[(Reach, Role)]) -> Vec<RoleLine> {
    let environment = |reach: &Reach| match reach {
        Reach::All => None,
        Reach::One(name) => Some(name.clone()),
    };
    roles.iter().map(|(reach, role)| RoleLine { environment: environment(reach), role: *role }).collect()
}

/// The address of the page of a link as somebody sent it, of which nothing but a secret can be.
pub fn own_address(link: &str) -> String {
    address(&link.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>())
}

/// The invitation of a link that can still be used.
pub async fn invitation(state: &AppState, link: &str) -> Result<Invitation, WireError> {
    let found = state.store.invitation(&secret::hash(link), clock::now()).await.map_err(problem::of_store)?;
    found.ok_or_else(problem::unusable_link)
}

/// An e-mail address and a name as they are kept.
pub fn checked(address: &str, person: &str) -> Result<(String, String), WireError> {
    let wrong = |field: &str, sentence: &str| WireError::of_fields(vec![FieldError::new(field, sentence)]);
    let address = email(address).map_err(|sentence| wrong("email", sentence))?;
    Ok((address, person_name(person).map_err(|sentence| wrong("name", sentence))?))
}

/// What the page of an invitation shows.
pub async fn page(link: &str, notice: Option<String>) -> Result<JoinView, WireError> {
    let state = state()?;
    let found = invitation(&state, link).await?;
    // Whoever is there already connects an account on the page of their own.
    let is_new = state.store.proofs(&found.email).await.map_err(problem::of_store)?.is_none();
    let provider = state.access.provider.as_ref().filter(|_| is_new);
    Ok(JoinView {
        email: found.email,
        expires_at: found.expires_at,
        notice: notice.as_deref().and_then(words),
        provider: provider.map(|provider| provider.name().to_owned()),
        roles: lines(&found.roles),
    })
}

fn words(code: &str) -> Option<Notice> {
    let text = match code {
        "password-common" => {
            "That password is among the first that would be guessed. Three or four words that have nothing to do with each other are a good one."
        }
        "password-short" => "The password needs at least 8 characters, and at most 256.",
        "provider-failed" => {
            "The provider gave no answer that could be used. Nothing was done: try again, or choose a password."
        }
        "provider-refused" => "You were not signed in there. Nothing was done.",
        "person-exists" => {
            "There is a person with that e-mail address already: choose a password, and connect the account on the page of yours."
        }
        "name-taken" => "That account signs somebody else in here already. Nothing was done.",
        "out-of-range" => {
            "The provider tells no e-mail address of that account that it has seen to be yours. Choose a password instead."
        }
        "name-wrong" => "The name is needed, of at most 100 characters that can be seen.",
        "email-wrong" => "The e-mail address is needed, such as anna@example.com.",
        code => return notices::of_problem(code, "Nothing was done."),
    };
    Some(Notice { is_error: true, text: text.to_owned() })
}

/// What is wrong with what was entered, as the page says it.
fn notice_of(error: &WireError) -> &str {
    match error.field.as_deref() {
        Some("password") if error.detail.contains("guessed") => "password-common",
        Some("password") => "password-short",
        Some("name") => "name-wrong",
        Some("email") if error.code() == Some(Code::OutOfRange) => "email-wrong",
        _ => error.code_name(),
    }
}

/// What somebody enters who comes by a link.
#[derive(Clone)]
pub struct Entered {
    pub email: Option<String>,
    pub link: String,
    pub name: String,
    pub password: String,
}

/// Lets somebody in by their link, and signs them in.
pub async fn join(entered: Entered) -> Result<(), WireError> {
    let back = own_address(&entered.link);
    let done = let_in(entered).await;
    sign_in::lead_on(done, None, |error| format!("{back}?notice={}", notice_of(error)))
}

async fn let_in(entered: Entered) -> Result<session::Entered, WireError> {
    let state = state()?;
    let found = invitation(&state, &entered.link).await?;
    let address = if found.email.is_empty() { entered.email.as_deref().unwrap_or("") } else { &found.email };
    let (address, name) = checked(address, &entered.name)?;
    password::check(&entered.password, &[&address, &name])
        .map_err(|sentence| WireError::of_fields(vec![FieldError::new("password", sentence)]))?;
    let hash = hashed(&state.access.hasher, entered.password).await?;
    let (now, browser) = (clock::now(), Browser::here()?);
    let entry =
        entry_of(&browser, &address, &found.roles, format!("{address} joined as {}", roles_in_words(&found.roles)));
    let by = JoinedBy::Password(&hash);
    let person =
        state.store.join(&found.token_hash, (&address, &name), by, now, &entry).await.map_err(problem::of_store)?;
    sign_in::enter(&state, &browser, &person, session::Proof::LINK).await
}

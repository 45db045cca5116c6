//! Owns how a person comes: a link that was given to them, a name, a password. Must not know who may invite.

use super::context::{self, DEFAULT_ENVIRONMENT, state};
use super::{PAGE, notices, problem, sign_in};
use crate::api::{JoinView, RoleLine};
use crate::domain::access::{Reach, Role, email, person_name};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::overview::Notice;
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::{password, secret};
use crate::server::clock;
use crate::server::store::access::{Entry, Invitation};

/// The address of the page of an invitation.
pub fn address(secret: &str) -> String {
    format!("/founder/join/{secret}")
}

/// The environment in whose history it stands what was given there; what holds everywhere stands in that of the usual one.
pub fn chain_of(reach: &Reach) -> String {
    match reach {
        Reach::All => DEFAULT_ENVIRONMENT.to_owned(),
        Reach::One(name) => name.clone(),
    }
}

/// Roles as they are shown.
pub fn lines(roles: &[(Reach, Role)]) -> Vec<RoleLine> {
    let environment = |reach: &Reach| match reach {
        Reach::All => None,
        Reach::One(name) => Some(name.clone()),
    };
    roles.iter().map(|(reach, role)| RoleLine { environment: environment(reach), role: *role }).collect()
}

async fn invitation(link: &str) -> Result<Invitation, WireError> {
    let found = state()?.store.invitation(&secret::hash(link), clock::now()).await.map_err(problem::of_store)?;
    found.ok_or_else(problem::unusable_link)
}

/// What the page of an invitation shows.
pub async fn page(link: &str, notice: Option<String>) -> Result<JoinView, WireError> {
    let found = invitation(link).await?;
    Ok(JoinView {
        email: found.email,
        expires_at: found.expires_at,
        notice: notice.as_deref().and_then(words),
        roles: lines(&found.roles),
    })
}

fn words(code: &str) -> Option<Notice> {
    let text = match code {
        "password-common" => {
            "That password is among the first that would be guessed. Three or four words that have nothing to do with each other are a good one."
        }
        "password-short" => "The password needs at least 8 characters, and at most 256.",
        "name-wrong" => "The name is needed, of at most 100 characters that can be seen.",
        "email-wrong" => "The e-mail address is needed, such as anna@example.com.",
        code => {
            let known = Code::ALL.into_iter().find(|known| known.name() == code)?;
            return Some(Notice { is_error: true, text: format!("{}. Nothing was done.", known.title()) });
        }
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
    let back = address(&entered.link.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>());
    let done = let_in(entered).await;
    let to = match &done {
        Ok(()) => PAGE.to_owned(),
        Err(error) => format!("{back}?notice={}", notice_of(error)),
    };
    notices::lead_to(&to, done)
}

async fn let_in(entered: Entered) -> Result<(), WireError> {
    let state = state()?;
    let found = invitation(&entered.link).await?;
    let wrong = |field: &str, sentence: &str| WireError::of_fields(vec![FieldError::new(field, sentence)]);
    let address = if found.email.is_empty() { entered.email.as_deref().unwrap_or("") } else { &found.email };
    let address = email(address).map_err(|sentence| wrong("email", sentence))?;
    let name = person_name(&entered.name).map_err(|sentence| wrong("name", sentence))?;
    password::check(&entered.password, &[&address, &name]).map_err(|sentence| wrong("password", &sentence))?;
    let hash = hashed(&state, entered.password).await?;
    let now = clock::now();
    let reach = found.roles.first().map_or(Reach::All, |(reach, _)| reach.clone());
    let actor = format!("person:{address}");
    let actor = Actor { address: context::peer_address(), name: &actor };
    let mut event = NewEvent::new(EventType::AccessChanged, actor, now);
    event.reason = Some(format!("{address} joined as {}", said(&found.roles)));
    let entry = Entry { environment: chain_of(&reach), event };
    let person =
        state.store.join(&found.token_hash, (&address, &name), &hash, now, &entry).await.map_err(problem::of_store)?;
    sign_in::begin(&state, &person).await
}

/// The hash of a password that may be chosen.
pub async fn hashed(state: &super::AppState, password: String) -> Result<String, WireError> {
    state.access.hasher.hash(password).await.map_err(|error| {
        crate::server::observability::log_error("a password could not be hashed", &error);
        WireError::new(Code::Internal, "The cause is in the server's log.")
    })
}

/// Roles in words.
pub fn said(roles: &[(Reach, Role)]) -> String {
    let each: Vec<String> = roles
        .iter()
        .map(|(reach, role)| match reach {
            Reach::All => format!("{} everywhere", role.name()),
            Reach::One(name) => format!("{} of {name}", role.name()),
        })
        .collect();
    if each.is_empty() { "nobody in particular".to_owned() } else { each.join(", ") }
}

//! API tokens: create, revoke, list.

use super::access_log::{allow_reach, entry, may_manage};
use super::{Context, NewSecret, Refusal};
use crate::domain::access::{Reach, Scope, person_name};
use crate::domain::telemetry::is_source_name;
use crate::error::{Code, WireError};
use crate::server::access::secret;
use crate::server::store::access::{ApiToken, NewToken};
use chrono::Duration;

/// The longest lifetime of a token, in days: two years.
pub const MOST_DAYS: i64 = 730;

/// A new token.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Days until it expires, 1 to [`MOST_DAYS`]; `None` for a token that never expires.
    pub days: Option<i64>,
    pub name: String,
    pub reach: Reach,
    pub scopes: Vec<Scope>,
    /// The sources that it can send as; empty for any source.
    pub sources: Vec<String>,
}

/// Names a token.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    Id(&'a str),
    Name(&'a str),
}

/// The sources that a token is bound to, as the end of a sentence.
pub fn bound(sources: &[String]) -> String {
    if sources.is_empty() { String::new() } else { format!(", only as {}", sources.join(", ")) }
}

/// `out-of-range` at `days`.
pub fn wrong_days() -> Refusal {
    Refusal::of_field("days", format!("must be a whole number from 1 to {MOST_DAYS}, or empty"))
}

/// Creates a token.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `name-taken`, and what the store says.
pub async fn create(context: &Context<'_>, wanted: Wanted) -> Result<NewSecret, Refusal> {
    let Wanted { days, name, reach, scopes, sources } = wanted;
    allow_reach(context, &reach).await?;
    let name = person_name(&name).map_err(|sentence| Refusal::of_field("name", sentence))?;
    if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        return Err(wrong_days());
    }
    let scopes: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| scopes.contains(scope)).collect();
    if scopes.is_empty() {
        return Err(Refusal::of_field("scope", "is needed: a token without one opens nothing"));
    }
    if sources.iter().any(|name| !is_source_name(name)) {
        return Err(Refusal::of_field("sources", "holds a name that isn't a valid source name"));
    }
    let made = secret::fresh_token().map_err(|error| Refusal::no_random(&error))?;
    let named: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    let place = if reach == Reach::All { "everywhere" } else { "here" };
    let reason = format!("made the token \"{name}\" for {} {place}{}", named.join(", "), bound(&sources));
    let entry = entry(context, &reach, reason);
    let token = NewToken {
        at: context.now,
        created_by: context.actor_name(),
        expires_at: days.map(|days| context.now + Duration::days(days)),
        name: name.clone(),
        prefix: secret::shown(&made.secret),
        reach,
        scopes,
        secret_hash: made.hash,
        sources,
    };
    context.store.add_token(&token, &entry).await?;
    Ok(NewSecret { name, secret: made.secret })
}

/// Revokes a token. Revoking it again changes nothing.
///
/// # Errors
/// `out-of-range` if there is no such token that the principal manages, and what the store says.
pub async fn revoke(context: &Context<'_>, which: Which<'_>) -> Result<ApiToken, Refusal> {
    let field = match which {
        Which::Id(_) => "id",
        Which::Name(_) => "name",
    };
    let is_meant = |token: &ApiToken| match which {
        Which::Id(id) => token.id.to_string() == id,
        Which::Name(name) => token.name == name,
    };
    let found = list(context).await?.into_iter().find(is_meant);
    let unknown = || WireError::new(Code::OutOfRange, "There is no such token.").at(field);
    let token = found.ok_or_else(unknown)?;
    let entry = entry(context, &token.reach, format!("revoked the token \"{}\"", token.name));
    context.store.revoke_token(token.id, context.now, &entry).await?;
    Ok(token)
}

/// The tokens that the principal manages, newest first.
///
/// # Errors
/// What the store says.
pub async fn list(context: &Context<'_>) -> Result<Vec<ApiToken>, Refusal> {
    let mut tokens = context.store.tokens().await?;
    tokens.retain(|token| may_manage(&context.principal.identity, &token.reach));
    Ok(tokens)
}

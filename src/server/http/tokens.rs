//! Owns API tokens as founders make and revoke them. Must not know how a token is checked.

use super::context::{identity, state};
use super::people::{self, entry, lead_back, may_reach, reach, wrong};
use super::{AppState, problem, session, shown_once};
use crate::api::{Made, TokenLine};
use crate::domain::access::{Identity, Reach, Scope, person_name};
use crate::domain::telemetry::is_source_name;
use crate::error::{Code, WireError};
use crate::server::access::secret;
use crate::server::clock;
use crate::server::store::access::NewToken;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;

/// For how many days a token holds at most: two years.
const MOST_DAYS: i64 = 730;

/// The tokens that they may see.
pub async fn lines(state: &AppState, identity: &Identity, now: DateTime<Utc>) -> Result<Vec<TokenLine>, WireError> {
    let tokens = state.store.tokens().await.map_err(problem::of_store)?;
    let own = tokens.into_iter().filter(|token| may_reach(identity, &token.reach));
    Ok(own
        .map(|token| TokenLine {
            created_at: token.created_at,
            created_by: token.created_by,
            environment: match token.reach {
                Reach::All => None,
                Reach::One(name) => Some(name),
            },
            expires_at: token.expires_at,
            id: token.id,
            is_expired: token.expires_at.is_some_and(|expires_at| expires_at <= now),
            name: token.name,
            prefix: token.prefix,
            revoked_at: token.revoked_at,
            scopes: token.scopes,
            sources: token.sources,
            used_at: token.used_at,
        })
        .collect())
}

/// To which sources a token is bound, in words after what it is for.
pub fn bound(sources: &[String]) -> String {
    if sources.is_empty() { String::new() } else { format!(", only as {}", sources.join(", ")) }
}

/// Makes a token, which is shown this once.
pub async fn make(
    name: &str,
    environment: &str,
    days: &str,
    fields: &BTreeMap<String, String>,
) -> Result<Made, WireError> {
    shown_once::show(people::ADDRESS, made(name, environment, days, fields).await)
}

async fn made(name: &str, environment: &str, days: &str, fields: &BTreeMap<String, String>) -> Result<Made, WireError> {
    let (state, identity) = (state()?, identity()?);
    let reach = reach(&state, &identity, environment).await?;
    let name = person_name(name).map_err(|sentence| wrong("name", sentence))?;
    let now = clock::now();
    let expires_at = match days.trim() {
        "" => None,
        text => {
            let days: Option<i64> = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
            let days =
                days.ok_or_else(|| wrong("days", format!("must be a whole number from 1 to {MOST_DAYS}, or empty")))?;
            Some(now + Duration::days(days))
        }
    };
    let mut scopes = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for (field, text) in fields {
        if field == "sources" {
            sources.extend(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
            continue;
        }
        let scope = field.strip_prefix("scope.").and_then(Scope::from_name);
        scopes.push(scope.ok_or_else(|| wrong(field, "is no scope"))?);
    }
    if scopes.is_empty() {
        return Err(wrong("scope", "is needed: a token without one opens nothing"));
    }
    if sources.iter().any(|name| !is_source_name(name)) {
        return Err(wrong("sources", "holds a name that isn't a valid source name"));
    }
    let fresh = session::fresh(secret::fresh_token())?;
    let named: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    let place = if reach == Reach::All { "everywhere" } else { "here" };
    let reason = format!("made the token \"{name}\" for {} {place}{}", named.join(", "), bound(&sources));
    let token = NewToken {
        at: now,
        created_by: identity.actor(),
        expires_at,
        name: name.clone(),
        prefix: secret::shown(&fresh.secret),
        reach: reach.clone(),
        scopes,
        secret_hash: fresh.hash,
        sources,
    };
    state.store.add_token(&token, &entry(&identity, &reach, reason)).await.map_err(problem::of_store)?;
    Ok(Made { kind: "token".to_owned(), name, secret: fresh.secret })
}

/// Revokes a token.
pub async fn revoke(id: &str) -> Result<(), WireError> {
    lead_back("token-revoked", revoked(id).await)
}

async fn revoked(id: &str) -> Result<(), WireError> {
    let (state, identity) = (state()?, identity()?);
    let tokens = state.store.tokens().await.map_err(problem::of_store)?;
    let found = tokens.into_iter().find(|token| token.id.to_string() == id && may_reach(&identity, &token.reach));
    let token = found.ok_or_else(|| WireError::new(Code::OutOfRange, "There is no such token.").at("id"))?;
    let reason = format!("revoked the token \"{}\"", token.name);
    let entry = entry(&identity, &token.reach, reason);
    state.store.revoke_token(token.id, clock::now(), &entry).await.map_err(problem::of_store)
}

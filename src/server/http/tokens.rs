//! API tokens on the page of people: what it lists, and how its forms become acts.

use super::context::ActRequest;
use super::people::{self, redirect_back, wrong};
use super::shown_once;
use crate::api::{Made, TokenLine};
use crate::domain::access::{Reach, Scope};
use crate::error::WireError;
use crate::server::acts::tokens::{self, Wanted, Which};
use crate::server::acts::{Context, NewSecret};
use std::collections::BTreeMap;

/// The tokens that they may see.
pub async fn lines(context: &Context<'_>) -> Result<Vec<TokenLine>, WireError> {
    let now = context.now;
    let tokens = tokens::list(context).await?;
    Ok(tokens
        .into_iter()
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

/// Creates a token as a form asks, and shows it this once.
pub async fn create(
    name: &str,
    environment: &str,
    days: &str,
    fields: &BTreeMap<String, String>,
) -> Result<Made, WireError> {
    let request = ActRequest::here()?;
    let made = match wanted(name, environment, days, fields) {
        Ok(wanted) => tokens::create(&request.context(), wanted).await.map_err(WireError::from),
        Err(problem) => Err(problem),
    };
    let made = made.map(|NewSecret { name, secret }| Made { kind: "token".to_owned(), name, secret });
    shown_once::show(people::ADDRESS, made)
}

/// The token that a form asks for.
fn wanted(name: &str, environment: &str, days: &str, fields: &BTreeMap<String, String>) -> Result<Wanted, WireError> {
    let days = match days.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| tokens::wrong_days())?),
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
    Ok(Wanted { days, name: name.to_owned(), reach: Reach::from_text(environment.trim()), scopes, sources })
}

/// Revokes a token, and leads the browser back.
pub async fn revoke(id: &str) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    redirect_back("token-revoked", tokens::revoke(&request.context(), Which::Id(id)).await)
}

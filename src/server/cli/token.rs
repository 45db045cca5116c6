//! Owns the commands on API tokens. Must not hold rules.

use super::person::entry;
use super::{CliError, open, print_json};
use crate::domain::access::{Reach, Scope, person_name};
use crate::domain::telemetry::is_source_name;
use crate::server::access::secret;
use crate::server::cli::ACTOR;
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::http::joining::chain_of;
use crate::server::http::tokens::bound;
use crate::server::store::Store;
use crate::server::store::access::NewToken;
use chrono::Duration;
use clap::{Args, Subcommand};
use std::sync::Arc;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Make a token and print it, this once.
    Create(Create),
    /// List tokens, without their secrets.
    List(super::read::Format),
    /// Revoke a token.
    Revoke(Named),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// What it is called.
    name: String,
    /// What it is for: telemetry:write, health:read, health:write, config:write, sources:write, metrics:read; may be repeated.
    #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scope)]
    scopes: Vec<Scope>,
    /// Where it holds; everywhere when left out.
    #[arg(long, short)]
    environment: Option<String>,
    /// A source that it sends as, and no other; may be repeated. Any source when left out.
    #[arg(long = "source", value_parser = source)]
    sources: Vec<String>,
    /// Days until it expires; never when left out.
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: Option<i64>,
}

#[derive(Args, Debug)]
pub(super) struct Named {
    /// What it is called.
    name: String,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| format!("it is one of {}", Scope::ALL.map(Scope::name).join(", ")))
}

fn source(text: &str) -> Result<String, String> {
    if is_source_name(text) { Ok(text.to_owned()) } else { Err("it isn't a valid source name".to_owned()) }
}

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let done = match command {
        Command::Create(create) => self::create(create, &store).await,
        Command::List(format) => list(&format, &store).await,
        Command::Revoke(named) => revoke(&named, &store).await,
    };
    store.close().await;
    done
}

async fn create(create: Create, store: &Arc<dyn Store>) -> Result<(), CliError> {
    let name = person_name(&create.name).map_err(|sentence| CliError::Usage(format!("the name {sentence}")))?;
    let reach = create.environment.map_or(Reach::All, Reach::One);
    store.config(&chain_of(&reach)).await?;
    let made = secret::fresh_token()
        .map_err(|error| CliError::Serve { what: "there are no random numbers", source: Box::new(error) })?;
    let now = clock::now();
    let scopes: Vec<&str> = create.scopes.iter().map(|scope| scope.name()).collect();
    let only = bound(&create.sources);
    let entry = entry(&reach, format!("made the token \"{name}\" for {}{only}", scopes.join(", ")));
    let token = NewToken {
        at: now,
        created_by: ACTOR.to_owned(),
        expires_at: create.days.map(|days| now + Duration::days(days)),
        name,
        prefix: secret::shown(&made.secret),
        reach,
        scopes: create.scopes,
        secret_hash: made.hash,
        sources: create.sources,
    };
    store.add_token(&token, &entry).await?;
    say!("{}", made.secret);
    eprintln!("It is not shown again. Send it as Authorization: Bearer.");
    Ok(())
}

async fn list(format: &super::read::Format, store: &Arc<dyn Store>) -> Result<(), CliError> {
    let tokens = store.tokens().await?;
    if format.json {
        let lines: Vec<_> = tokens
            .iter()
            .map(|token| {
                serde_json::json!({
                    "name": token.name, "prefix": token.prefix, "environment": token.reach.text(), "scopes": token.scopes, "sources": token.sources,
                    "created_at": token.created_at, "created_by": token.created_by, "expires_at": token.expires_at,
                    "used_at": token.used_at, "revoked_at": token.revoked_at,
                })
            })
            .collect();
        print_json(&lines);
        return Ok(());
    }
    if tokens.is_empty() {
        say!("There are no tokens yet. scaling-mode token create NAME --scope telemetry:write");
    }
    for token in tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
        let place = if token.reach == Reach::All { "everywhere" } else { token.reach.text() };
        let state = if token.revoked_at.is_some() { ", revoked" } else { "" };
        let only = bound(&token.sources);
        say!("{} ({}...): {} {place}{only}{state}", token.name, token.prefix, scopes.join(", "));
    }
    Ok(())
}

async fn revoke(named: &Named, store: &Arc<dyn Store>) -> Result<(), CliError> {
    let tokens = store.tokens().await?;
    let token = tokens
        .into_iter()
        .find(|token| token.name == named.name)
        .ok_or_else(|| CliError::Found(format!("there is no token \"{}\"", named.name)))?;
    let entry = entry(&token.reach, format!("revoked the token \"{}\"", token.name));
    store.revoke_token(token.id, clock::now(), &entry).await?;
    say!("{} opens nothing from now on.", token.name);
    Ok(())
}

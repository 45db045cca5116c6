//! The commands on API tokens: create, list, revoke.

use super::console::Console;
use super::{CliError, print_json};
use crate::domain::access::{Reach, Scope};
use crate::server::acts::tokens::{self, Wanted, Which, bound};
use crate::server::config::Settings;
use clap::{Args, Subcommand};

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
    #[arg(long = "source")]
    sources: Vec<String>,
    /// Days until it expires, at most 730; never when left out.
    #[arg(long, allow_hyphen_values = true)]
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

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let done = match command {
        Command::Create(create) => self::create(create, &console).await,
        Command::List(format) => list(&format, &console).await,
        Command::Revoke(named) => revoke(&named, &console).await,
    };
    console.close().await;
    done
}

async fn create(create: Create, console: &Console<'_>) -> Result<(), CliError> {
    let Create { name, scopes, environment, sources, days } = create;
    let reach = environment.map_or(Reach::All, Reach::One);
    let made = tokens::create(&console.context(), Wanted { days, name, reach, scopes, sources }).await?;
    say!("{}", made.secret);
    eprintln!("It is not shown again. Send it as Authorization: Bearer.");
    Ok(())
}

async fn list(format: &super::read::Format, console: &Console<'_>) -> Result<(), CliError> {
    let tokens = tokens::list(&console.context()).await?;
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

async fn revoke(named: &Named, console: &Console<'_>) -> Result<(), CliError> {
    let token = tokens::revoke(&console.context(), Which::Name(&named.name)).await?;
    say!("{} opens nothing from now on.", token.name);
    Ok(())
}

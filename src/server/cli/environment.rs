//! Owns the commands on environments: create, list, show.

use super::console::Console;
use super::read::{Format, Target};
use super::{CliError, print_json};
use crate::domain::access::Permission;
use crate::domain::change::overlay;
use crate::domain::mode::Mode;
use crate::domain::policy::{EnvironmentKind, FieldError, Policy};
use crate::server::acts::environments::{self, Wanted};
use crate::server::calendar;
use crate::server::config::Settings;
use crate::views::overview::{ConfigView, EnvironmentName};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Make an environment. Its kind is fixed from then on.
    Create(Create),
    /// List the environments.
    List(Format),
    /// Show an environment's configuration in force.
    Show(Target),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Telemetry as it happens.
    Live,
    /// Recordings, filled by import and replay.
    Recorded,
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// Name: a-z, 0-9, - and _.
    name: String,
    /// What it is filled with.
    #[arg(long, value_enum)]
    kind: Kind,
    /// The mode to begin in.
    #[arg(long, default_value = "lab")]
    mode: Mode,
    /// TOML or JSON file with the parts of the policy that differ from the defaults: limits, guardrails, weights, windows,
    /// scoring, not_applicable, time_zone.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), CliError> {
    match command {
        Command::Create(create) => self::create(create, settings).await,
        Command::List(format) => list(format, settings).await,
        Command::Show(target) => show(target, settings).await,
    }
}

async fn create(create: Create, settings: &Settings) -> Result<(), CliError> {
    let policy = match &create.config {
        None => Policy::default(),
        Some(path) => read_policy(path, &Policy::default())?,
    };
    let kind = match create.kind {
        Kind::Live => EnvironmentKind::Live,
        Kind::Recorded => EnvironmentKind::Recorded,
    };
    let console = Console::open(settings).await?;
    let wanted = Wanted { kind, mode: create.mode, name: create.name, policy };
    let created = environments::create(&console.context(), wanted).await;
    console.close().await;
    let config = created?;
    say!("{} is there: {}, in {}.", config.environment, kind.name(), config.mode);
    Ok(())
}

/// Reads the parts of a policy from a TOML or JSON file, laid over another policy.
pub(super) fn read_policy(path: &std::path::Path, base: &Policy) -> Result<Policy, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| CliError::File { what: format!("{} cannot be read", path.display()), source })?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let parts = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error: toml::de::Error| error.message().to_owned())
    };
    let parts = parts.map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
    let policy = overlay(base, parts).map_err(|errors| mistakes(path, &errors))?;
    calendar::zone(&policy.time_zone).map_err(|detail| mistakes(path, &[FieldError::new("time_zone", detail)]))?;
    Ok(policy)
}

pub(super) fn mistakes(path: &std::path::Path, errors: &[FieldError]) -> CliError {
    let list: Vec<String> = errors.iter().map(|error| format!("{} {}", error.field, error.detail)).collect();
    CliError::Usage(format!("{}: {}", path.display(), list.join("; ")))
}

async fn list(format: Format, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let environments = environments::list(&console.context()).await;
    console.close().await;
    let environments = environments?;
    if format.json {
        let names: Vec<EnvironmentName> = environments
            .into_iter()
            .map(|environment| EnvironmentName { kind: environment.kind, name: environment.name })
            .collect();
        print_json(&names);
        return Ok(());
    }
    for environment in environments {
        say!("{:24} {}", environment.name, environment.kind.name());
    }
    Ok(())
}

async fn show(target: Target, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let config = console.context().config(Permission::Read, Some(&target.environment)).await;
    console.close().await;
    print_json(&ConfigView::from(&config?));
    Ok(())
}

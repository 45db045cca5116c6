//! Owns the commands on environments: create, list, show.

use super::read::{Format, Target};
use super::{CliError, open, print_json};
use crate::domain::change::overlay;
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, FieldError, Policy, is_environment_name};
use crate::server::cli::ACTOR;
use crate::server::config::Settings;
use crate::server::{calendar, clock};
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
    if !is_environment_name(&create.name) {
        return Err(CliError::Usage(format!(
            "\"{}\" cannot be a name: use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit",
            create.name
        )));
    }
    let policy = match &create.config {
        None => Policy::default(),
        Some(path) => read_policy(path, &Policy::default())?,
    };
    let kind = match create.kind {
        Kind::Live => EnvironmentKind::Live,
        Kind::Recorded => EnvironmentKind::Recorded,
    };
    let store = open(settings).await?;
    let now = clock::now();
    let config = Config::new(&create.name, kind, create.mode, policy, now);
    store.create_environment(&config, ACTOR.into(), now).await?;
    store.close().await;
    say!("{} is there: {}, in {}.", create.name, kind.name(), create.mode);
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
    let store = open(settings).await?;
    let environments = store.environments().await?;
    store.close().await;
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
    let store = open(settings).await?;
    let config = store.config(&target.environment).await?;
    store.close().await;
    print_json(&ConfigView::from(&config));
    Ok(())
}

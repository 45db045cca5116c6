//! Owns the commands that act: set-mode, freeze, unfreeze. They do what the endpoints do.

use super::{CliError, open};
use crate::domain::act::Act;
use crate::domain::mode::Mode;
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::http::context::{ACTOR, DEFAULT_ENVIRONMENT};
use clap::Args;

#[derive(Args, Clone, Debug)]
pub(super) struct SetMode {
    /// Environment.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// The mode to set: lab, pilot, growth or scale.
    mode: Mode,
    /// The mode that you saw; refused when it is no longer the mode.
    #[arg(long)]
    old_mode: Mode,
    /// Why, for those who read the history.
    #[arg(long)]
    reason: String,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Reasoned {
    /// Environment.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// Why, for those who read the history.
    #[arg(long)]
    reason: String,
}

pub(super) async fn set_mode(arguments: SetMode, settings: &Settings) -> Result<(), CliError> {
    let act = Act::SetMode { mode: arguments.mode, old_mode: arguments.old_mode, reason: Some(arguments.reason) };
    perform(&arguments.environment, &act, settings).await
}

pub(super) async fn freeze(arguments: Reasoned, settings: &Settings) -> Result<(), CliError> {
    let act = Act::Freeze { reason: arguments.reason };
    perform(&arguments.environment, &act, settings).await
}

pub(super) async fn unfreeze(arguments: Reasoned, settings: &Settings) -> Result<(), CliError> {
    let act = Act::Unfreeze { reason: arguments.reason };
    perform(&arguments.environment, &act, settings).await
}

async fn perform(environment: &str, act: &Act, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let changed = store.act(environment, act, ACTOR.into(), clock::now(), None).await?;
    store.close().await;
    let frozen = if changed.config.frozen { ", frozen" } else { "" };
    let what = if changed.changed { "is now" } else { "was already" };
    say!("{environment} {what} in {}{frozen}.", changed.config.mode);
    Ok(())
}

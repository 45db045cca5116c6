//! The commands on the mode: set-mode, freeze, unfreeze.

use super::CliError;
use super::console::Console;
use crate::domain::change::{Action, ConfigChange};
use crate::domain::mode::Mode;
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::acts::configuration::change;
use crate::server::config::Settings;
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
    reason: Option<String>,
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
    let SetMode { environment, mode, old_mode, reason } = arguments;
    let asked = ConfigChange::of(Action::SetMode, Some(environment));
    perform(ConfigChange { mode: Some(mode), old_mode: Some(old_mode), reason, ..asked }, settings).await
}

pub(super) async fn freeze(arguments: Reasoned, settings: &Settings) -> Result<(), CliError> {
    let asked = ConfigChange::of(Action::Freeze, Some(arguments.environment));
    perform(ConfigChange { reason: Some(arguments.reason), ..asked }, settings).await
}

pub(super) async fn unfreeze(arguments: Reasoned, settings: &Settings) -> Result<(), CliError> {
    let asked = ConfigChange::of(Action::Unfreeze, Some(arguments.environment));
    perform(ConfigChange { reason: Some(arguments.reason), ..asked }, settings).await
}

async fn perform(asked: ConfigChange, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let done = change(&console.context(), asked, None).await;
    console.close().await;
    let changed = done?;
    let config = changed.config;
    let frozen = if config.frozen { ", frozen" } else { "" };
    let what = if changed.changed { "is now" } else { "was already" };
    say!("{} {what} in {}{frozen}.", config.environment, config.mode);
    Ok(())
}

//! Owns the commands on sources. Must not hold rules.

use super::{CliError, open};
use crate::server::config::Settings;
use crate::server::http::context::{ACTOR, DEFAULT_ENVIRONMENT};
use crate::server::retiring::{self, RetiringError};
use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Retire a source that has gone: nothing is expected of it until it sends again.
    Retire(Retire),
}

#[derive(Args, Debug)]
pub(super) struct Retire {
    /// The name of the source.
    name: String,
    /// The environment that it sends to.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// Why, for the history.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), CliError> {
    let Command::Retire(Retire { name, environment, reason }) = command;
    let store = open(settings).await?;
    let done = retiring::retire(settings, store.as_ref(), (&environment, &name), ACTOR.into(), reason.as_deref()).await;
    store.close().await;
    match done {
        Ok(()) => {
            say!("{name} is retired. Its numbers stay, and it is back when it sends again.");
            Ok(())
        }
        Err(RetiringError::Store(error)) => Err(error.into()),
        Err(asked) => Err(CliError::Found(asked.to_string())),
    }
}

//! Owns the commands on sources. Must not hold rules.

use super::{CliError, open};
use crate::server::closing::{self, ClosingError};
use crate::server::config::Settings;
use crate::server::http::context::{ACTOR, DEFAULT_ENVIRONMENT};
use crate::server::retiring::{self, RetiringError};
use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Retire a source that has gone: nothing is expected of it until it sends again.
    Retire(Retire),
    /// Close an alert that nobody will resolve
    CloseAlert(CloseAlert),
    /// End a client that Stripe no longer has
    EndClient(EndClient),
}

#[derive(Args, Debug)]
pub(super) struct CloseAlert {
    /// The source that sent the alert, such as alertmanager.
    source: String,
    /// The fingerprint of the alert, as the connections page shows it.
    alert: String,
    /// The environment that the source sends to.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// Why, for the history.
    #[arg(long)]
    reason: String,
}

#[derive(Args, Debug)]
pub(super) struct EndClient {
    /// The source that sent the client, such as stripe.
    source: String,
    /// The id of the customer (cus_...), or of one of its subscriptions (sub_...).
    client: String,
    /// The environment that the source sends to.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// Why, for the history.
    #[arg(long)]
    reason: String,
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
    match command {
        Command::Retire(arguments) => retire(arguments, settings).await,
        Command::CloseAlert(arguments) => close_alert(arguments, settings).await,
        Command::EndClient(arguments) => end_client(arguments, settings).await,
    }
}

async fn close_alert(arguments: CloseAlert, settings: &Settings) -> Result<(), CliError> {
    let CloseAlert { source, alert, environment, reason } = arguments;
    let store = open(settings).await?;
    let place = (environment.as_str(), source.as_str(), alert.as_str());
    let done = closing::close_alert(settings, store.as_ref(), place, ACTOR.into(), Some(&reason)).await;
    store.close().await;
    let open = done.map_err(not_closed)?.open;
    say!(
        "{alert} is closed. Open now: {} critical, {} warning, {} info. It is open again if {source} repeats it.",
        open.critical,
        open.warning,
        open.info
    );
    Ok(())
}

async fn end_client(arguments: EndClient, settings: &Settings) -> Result<(), CliError> {
    let EndClient { source, client, environment, reason } = arguments;
    let store = open(settings).await?;
    let place = (environment.as_str(), source.as_str(), client.as_str());
    let done = closing::end_client(store.as_ref(), place, ACTOR.into(), Some(&reason)).await;
    store.close().await;
    match done.map_err(not_closed)? {
        Some(left) => say!("{client} is ended. Clients left: {}, at risk: {}.", left.active, left.at_risk),
        None => say!(
            "{client} is ended. The number of clients stays unknown until a list of all subscriptions is complete."
        ),
    }
    Ok(())
}

fn not_closed(error: ClosingError) -> CliError {
    match error {
        ClosingError::Reason(_) => CliError::Usage(error.to_string()),
        ClosingError::Store(error) => error.into(),
    }
}

async fn retire(arguments: Retire, settings: &Settings) -> Result<(), CliError> {
    let Retire { name, environment, reason } = arguments;
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

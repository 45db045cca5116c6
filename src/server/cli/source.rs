//! The commands on sources: retire, close-alert, end-client.

use super::CliError;
use super::console::Console;
use crate::domain::source::{SourceAction, SourceChange};
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::acts::sources::{Done, change};
use crate::server::config::Settings;
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
    let asked = SourceChange::of(SourceAction::CloseAlert, Some(environment), &source);
    let asked = SourceChange { alert: Some(alert.clone()), reason: Some(reason), ..asked };
    let open = perform(&asked, settings).await?.alerts.unwrap_or_default().open;
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
    let asked = SourceChange::of(SourceAction::EndClient, Some(environment), &source);
    let asked = SourceChange { client: Some(client.clone()), reason: Some(reason), ..asked };
    match perform(&asked, settings).await?.clients {
        Some(left) => say!("{client} is ended. Clients left: {}, at risk: {}.", left.active, left.at_risk),
        None => say!(
            "{client} is ended. The number of clients stays unknown until a list of all subscriptions is complete."
        ),
    }
    Ok(())
}

async fn retire(arguments: Retire, settings: &Settings) -> Result<(), CliError> {
    let Retire { name, environment, reason } = arguments;
    let asked = SourceChange::of(SourceAction::Retire, Some(environment), &name);
    perform(&SourceChange { reason, ..asked }, settings).await?;
    say!("{name} is retired. Its numbers stay, and it is back when it sends again.");
    Ok(())
}

async fn perform(asked: &SourceChange, settings: &Settings) -> Result<Done, CliError> {
    let console = Console::open(settings).await?;
    let done = change(&console.context(), asked, None).await;
    console.close().await;
    Ok(done?)
}

//! Owns the commands that show answers: snapshot, status, history. Evaluating is the only thing that one of them writes.

use super::console::Console;
use super::{CliError, print_json};
use crate::domain::access::Permission;
use crate::domain::explain::what_would_change;
use crate::domain::history::{Event, EventType};
use crate::domain::snapshot::Snapshot;
use crate::domain::wording::number;
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::acts::evaluation::evaluate;
use crate::server::acts::history::read;
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::store::EventFilter;
use crate::views::overview::Overview;
use clap::Args;

#[derive(Args, Clone, Debug)]
pub(super) struct Format {
    /// Answer as JSON, for scripts.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Target {
    /// Environment.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    pub environment: String,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Args, Clone, Debug)]
pub(super) struct HistoryArguments {
    #[command(flatten)]
    target: Target,
    /// How many events, 1 to 500.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Show the recorded snapshots too.
    #[arg(long)]
    all: bool,
    /// Only events before this sequence number: the next page.
    #[arg(long)]
    before: Option<u64>,
}

pub(super) async fn snapshot(target: Target, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let snapshot = evaluate(&console.context(), Some(&target.environment), None).await;
    console.close().await;
    let snapshot = snapshot?;
    if target.format.json {
        print_json(&snapshot);
    } else {
        print_snapshot(&snapshot);
    }
    Ok(())
}

fn print_snapshot(snapshot: &Snapshot) {
    let body = &snapshot.body;
    say!("{}", body.verdict);
    say!();
    say!("{}", body.narrative);
    let changes = what_would_change(snapshot);
    if !changes.is_empty() {
        say!();
        say!("What would change this answer:");
        for line in changes {
            say!("  - {line}");
        }
    }
    say!();
    say!("{} as of {} ({})", snapshot.id, body.as_of.format("%Y-%m-%d %H:%M:%S UTC"), body.environment);
}

pub(super) async fn status(target: Target, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let store = console.store.clone();
    let config = console.context().config(Permission::Read, Some(&target.environment)).await?;
    let snapshot = store.latest_snapshot(&target.environment, clock::now()).await?;
    let proposal = store.open_proposal(&target.environment).await?;
    store.close().await;
    let overview = Overview::of(&config, snapshot.as_ref(), proposal);
    if target.format.json {
        print_json(&overview);
        return Ok(());
    }
    say!("{}", overview.verdict);
    say!();
    say!("environment   {} ({})", overview.environment, overview.kind.name());
    say!("mode          {}{}", overview.mode, if overview.frozen { ", frozen" } else { "" });
    say!("answer        {}{}", overview.recommendation.name(), if overview.held { " (held)" } else { "" });
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string())
    };
    say!("evaluated     {}", time(overview.as_of));
    say!("data through  {}", time(overview.data_through));
    if let Some(confidence) = overview.confidence {
        say!("evidence      complete to {} %", number(confidence * 100.0));
    }
    if let Some(proposal) = &overview.proposal {
        say!("proposal      {} ({})", proposal.recommendation.name(), proposal.id);
    }
    Ok(())
}

pub(super) async fn history(arguments: HistoryArguments, settings: &Settings) -> Result<(), CliError> {
    let console = Console::open(settings).await?;
    let types = if arguments.all {
        Vec::new()
    } else {
        EventType::ALL.into_iter().filter(|event_type| *event_type != EventType::SnapshotRecorded).collect()
    };
    let filter = EventFilter { types, before: arguments.before, ..EventFilter::default() };
    let environment = Some(arguments.target.environment.as_str());
    let events = read(&console.context(), environment, &filter, arguments.limit).await;
    console.close().await;
    let events = events?;
    if arguments.target.format.json {
        print_json(&events);
        return Ok(());
    }
    for event in events {
        say!("{}", line(&event));
    }
    Ok(())
}

fn line(event: &Event) -> String {
    let modes = match (event.old_mode, event.new_mode) {
        (Some(old), Some(new)) => format!(" {old} to {new}"),
        (None, Some(new)) => format!(" to {new}"),
        _ => String::new(),
    };
    let address = event.address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let reason = event.reason.as_ref().map(|reason| format!(": {}", reason.replace('\n', "\\n"))).unwrap_or_default();
    format!(
        "{:>6}  {}  {:22} {}{address}{modes}{reason}",
        event.seq,
        event.at.format("%Y-%m-%d %H:%M"),
        event.event_type.name(),
        event.actor,
    )
}

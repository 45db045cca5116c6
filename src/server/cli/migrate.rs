//! Owns the command that copies a whole store from one database to another. Must not know how.

use super::replay::progress_bar;
use super::{CliError, print_json};
use crate::domain::history::store_head;
use crate::server::config::Secret;
use crate::server::proof::{Report, examine};
use crate::server::store::{Place, Progress};
use clap::Args;
use std::sync::OnceLock;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The store that is copied: sqlite://path or postgres://... No server may be at work on it.
    #[arg(long, value_name = "URL")]
    from: Secret,
    /// Where it is copied to: an empty database or no file yet, or what an attempt before has left.
    #[arg(long, value_name = "URL")]
    to: Secret,
    #[command(flatten)]
    format: super::read::Format,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let read = |url: &Secret, name: &str| {
        Place::read(url.reveal())
            .ok_or_else(|| CliError::Usage(format!("--{name} must be sqlite://path or postgres://...")))
    };
    let (from, to) = (read(&arguments.from, "from")?, read(&arguments.to, "to")?);
    if from == to {
        return Err(CliError::Usage("--from and --to are the same place".to_owned()));
    }
    let bar = OnceLock::new();
    from.copy_to(&to, &|progress| match progress {
        Progress::Begun { rows, there } => {
            bar.get_or_init(|| progress_bar(rows, "rows")).inc(there);
        }
        Progress::Written(rows) => {
            if let Some(bar) = bar.get() {
                bar.inc(rows);
            }
        }
        Progress::Comparing => {
            if let Some(bar) = bar.get() {
                bar.set_message("rows are there; comparing both");
            }
        }
    })
    .await?;
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    let store = to.open().await?;
    let report = examine(store.as_ref(), None).await?;
    let heads = store.heads().await?;
    store.close().await;
    if let Some(problem) = &report.problem {
        return Err(CliError::Found(format!("the copy is not whole: {}: {}", problem.environment, problem.what)));
    }
    if arguments.format.json {
        print_json(&report);
    } else {
        let Report { events, proved, .. } = report;
        say!("{to} holds all of {from}: every table is the same, {events} events are one chain each, and");
        say!("{proved} snapshots give the same once more. The head: {}", store_head(&heads));
        say!("Serve it with DATABASE_URL, and put the other aside: from here on they part.");
    }
    Ok(())
}

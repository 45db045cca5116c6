//! Owns the replay command: its arguments, its progress bar, its summary.

use super::read::Format;
use super::{CliError, open, print_json};
use crate::server::config::Settings;
use crate::server::replay::{Plan, Summary, replay};
use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Environment.
    #[arg(long, short)]
    environment: String,
    /// First instant (RFC 3339).
    #[arg(long)]
    from: DateTime<Utc>,
    /// Last instant (RFC 3339).
    #[arg(long)]
    to: DateTime<Utc>,
    /// Time from one evaluation to the next, in whole minutes or hours.
    #[arg(long, default_value = "15m", value_parser = minutes)]
    every: u32,
    #[command(flatten)]
    format: Format,
}

/// `15m` or `1h` as minutes.
fn minutes(text: &str) -> Result<u32, String> {
    let (number, factor) = match (text.strip_suffix('m'), text.strip_suffix('h')) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 60),
        _ => return Err("say minutes or hours, such as 15m or 1h".to_owned()),
    };
    let minutes = number
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|minutes| (1..=1440).contains(minutes));
    minutes.ok_or_else(|| "must lie from 1m to 24h".to_owned())
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let plan = Plan {
        environment: arguments.environment,
        from: arguments.from,
        to: arguments.to,
        every_minutes: arguments.every,
    };
    if plan.is_empty() {
        return Err(CliError::Usage("--to lies before --from".to_owned()));
    }
    let store = open(settings).await?;
    let bar = progress_bar(plan.len(), "evaluations");
    let summary = replay(store.clone(), &plan, |done| bar.inc(done)).await?;
    bar.finish_and_clear();
    store.close().await;
    if arguments.format.json {
        print_json(&summary);
    } else {
        print_summary(&plan, &summary);
    }
    Ok(())
}

/// A progress bar on standard error, where that is a terminal.
pub(super) fn progress_bar(length: u64, unit: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {human_pos}/{human_len} {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(unit);
    bar
}

fn print_summary(plan: &Plan, summary: &Summary) {
    say!(
        "{}: {} evaluations from {} to {}{}",
        summary.environment,
        summary.evaluations,
        plan.from.format("%Y-%m-%d %H:%M"),
        plan.to.format("%Y-%m-%d %H:%M UTC"),
        if summary.stored { "" } else { " (a dry run: nothing was stored)" }
    );
    say!(
        "increase {}, hold {}, decrease {}, freeze {}; evidence incomplete in {}",
        summary.increase,
        summary.hold,
        summary.decrease,
        summary.freeze,
        summary.incomplete
    );
    say!("{} changes of the answer:", summary.changes.len());
    for change in &summary.changes {
        say!(
            "  {}  {:8} to {:8} {}{}",
            change.at.format("%Y-%m-%d %H:%M"),
            change.from.name(),
            change.to.name(),
            change.why,
            if change.held { " (held)" } else { "" }
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_minutes_or_hours() {
        assert_eq!(minutes("15m"), Ok(15));
        assert_eq!(minutes("1h"), Ok(60));
        for bad in ["15", "0m", "25h", "m", "-5m"] {
            assert!(minutes(bad).is_err(), "{bad}");
        }
    }
}

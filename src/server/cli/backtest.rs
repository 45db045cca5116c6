//! Owns the backtest command: its arguments, its explanation, its table. Must not judge anything.

use super::console::Console;
use super::environment::{mistakes, read_policy};
use super::read::Format;
use super::{CliError, print_json};
use crate::domain::access::Permission;
use crate::domain::backtest::{self, BacktestReport, Difference};
use crate::domain::decision::Recommendation;
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::backtest::{Plan, backtest};
use crate::server::config::Settings;
use chrono::{DateTime, Utc};
use clap::Args;
use std::path::PathBuf;

/// What a founder must know before reading the answer.
pub(super) const AFTER_HELP: &str = "\
Every evaluation by the schedule or by a replay has kept its inputs. A backtest judges these
inputs again under other limits, guardrails, weights or scoring lines, and says which evaluations
would have answered differently, when and why.

The mode, your own freezes and the numbers stay what they were: an Increase that would have come
earlier moves no mode. Windows and signals not applicable cannot be tested, since the numbers were
read under them. To try those, replay.

A policy file holds only what differs from the policy in force, as TOML or JSON:

  [limits.pilot]
  max_clients = 12

  [guardrails]
  max_churn_risk = 0.1

Examples:
  scaling-mode backtest --policy stricter.toml
  scaling-mode backtest --environment trial --policy stricter.toml --from 2026-11-01T00:00:00Z

Exit codes: 0 done, whatever was found; 1 there is no such environment; 2 wrong usage or policy;
3 the store or a file cannot be used.";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Environment.
    #[arg(long, short, default_value = DEFAULT_ENVIRONMENT)]
    environment: String,
    /// TOML or JSON file with the limits, guardrails, weights and scoring lines that differ from those in force.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Only evaluations at or after this time (RFC 3339).
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Only evaluations up to this time (RFC 3339).
    #[arg(long)]
    to: Option<DateTime<Utc>>,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && to < from
    {
        return Err(CliError::Usage("--to lies before --from".to_owned()));
    }
    let console = Console::open(settings).await?;
    let in_force = console.context().config(Permission::Read, Some(&arguments.environment)).await?.policy;
    let policy = read_policy(&arguments.policy, &in_force)?;
    let errors = backtest::mistakes(&in_force, &policy, arguments.from, arguments.to);
    if !errors.is_empty() {
        return Err(mistakes(&arguments.policy, &errors));
    }
    let plan = Plan { environment: arguments.environment, from: arguments.from, policy, to: arguments.to };
    let report = backtest(console.store.clone(), plan).await?;
    console.close().await;
    if arguments.format.json {
        print_json(&report);
    } else {
        print_report(&report);
    }
    Ok(())
}

fn print_report(report: &BacktestReport) {
    say!("{}: {} (hypothetical: nothing was stored)", report.environment, report.headline);
    let (Some(from), Some(to)) = (report.from, report.to) else {
        return;
    };
    say!("from {} to {}", from.format("%Y-%m-%d %H:%M"), to.format("%Y-%m-%d %H:%M UTC"));
    say!();
    say!("{:20} {:>12} {:>12}", "", "as it was", "as proposed");
    for answer in Recommendation::ALL {
        let (recorded, proposed) = (report.recorded.of(answer), report.proposed.of(answer));
        say!("{:20} {:>12} {:>12}", answer.name(), recorded.evaluations, proposed.evaluations);
        if answer != Recommendation::Hold {
            say!("{:20} {:>12} {:>12}", "  times it came up", recorded.times, proposed.times);
        }
    }
    say!("{:20} {:>12} {:>12}", "changes of answer", report.recorded.changes, report.proposed.changes);
    if let Some(first) = report.first() {
        say!();
        say!("first difference: {} ({})", first.from.format("%Y-%m-%d %H:%M UTC"), first.snapshot_id);
        report.differences.iter().for_each(|difference| say!("  {}", line(difference)));
        let more = report.differences_total - report.differences.len() as u64;
        if more > 0 {
            say!("  and {more} more");
        }
    }
    if !report.notes.is_empty() {
        say!();
        report.notes.iter().for_each(|note| say!("{note}"));
    }
}

fn line(difference: &Difference) -> String {
    format!(
        "{} to {}  {} ({})  {}, not {}. {}",
        difference.from.format("%Y-%m-%d %H:%M"),
        difference.to.format("%Y-%m-%d %H:%M"),
        difference.evaluations,
        difference.mode,
        difference.proposed.name(),
        difference.recorded.name(),
        difference.why
    )
}

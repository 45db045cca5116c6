//! Owns the import of CSV files into one signal. What can be read is stored in one piece; rows that can't are named, and of
//! a sum they leave their time unknown.

use super::CliError;
use super::console::Console;
use super::import_batch::Asked;
use super::import_report::Report;
use super::import_rows;
use super::read::Format;
use super::replay::progress_bar;
use crate::domain::focus::Condition;
use crate::domain::mode::Mode;
use crate::domain::policy::{EnvironmentKind, Policy};
use crate::domain::sender::Sender;
use crate::domain::signal::{Kind, Signal};
use crate::domain::telemetry::Receipt;
use crate::domain::written_time::DateOrder;
use crate::server::acts::environments::{Wanted, create};
use crate::server::config::Settings;
use crate::server::csv_file::FileError;
use crate::server::csv_file::numbers::DecimalMark;
use crate::server::store::StoreError;
use crate::server::{calendar, clock};
use chrono::Duration;
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

pub(super) const AFTER_HELP: &str = "\
The file may be compressed with gzip, in UTF-8, UTF-16 or windows-1252, with commas, semicolons, tabs or bars between columns,
with a header or without one.

Examples:
  scaling-mode import cpu.csv --environment trial --signal infra.cpu --unit percent --dry-run
  scaling-mode import cpu.csv --environment trial --signal infra.cpu --unit percent --value-column web-1 --zone Europe/Berlin

Exit code 1: some rows can't be taken. They are named, and the others were imported.";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// CSV file, also compressed with gzip.
    pub(super) file: PathBuf,
    /// Environment; made, recorded and in lab, where it is not there yet.
    #[arg(long, short)]
    pub(super) environment: String,
    /// The signal that the values are, such as infra.cpu.
    #[arg(long)]
    pub(super) signal: String,
    /// The unit that the values are in, such as percent.
    #[arg(long)]
    pub(super) unit: String,
    /// Column of the time, by its name or number (from 1). [default: timestamp, time or date, else the first with times]
    #[arg(long, visible_alias = "time", value_name = "COLUMN")]
    pub(super) time_column: Option<String>,
    /// Column of the value, by its name or number (from 1). [default: value, else the only one with numbers]
    #[arg(long, visible_alias = "column", value_name = "COLUMN")]
    pub(super) value_column: Option<String>,
    /// Rows that are meant, as Column=Pattern; * stands for any characters, a bar parts alternatives, a leading ! turns it
    /// around. May be repeated; all must hold.
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    pub(super) conditions: Vec<Condition>,
    /// Time zone of times that name none.
    #[arg(long, default_value = "UTC", value_parser = calendar::zone)]
    pub(super) zone: Tz,
    /// Order of day and month in dates such as 10/11/2026, if the file doesn't show it.
    #[arg(long, value_enum)]
    pub(super) dates: Option<Dates>,
    /// What stands before the decimals, if the file doesn't show it.
    #[arg(long, value_enum)]
    pub(super) decimal: Option<DecimalMark>,
    /// What each value is: p95 or mean (latency), mean (CPU), sum (posts, spend, requests, errors), last (gauges).
    #[arg(long)]
    aggregation: Option<String>,
    /// Name of the source. [default: the file's name]
    #[arg(long)]
    source: Option<String>,
    /// Moves every time, such as 10d, -3h, 45m; for laying recordings of different years side by side.
    #[arg(long, allow_hyphen_values = true, value_parser = shift)]
    pub(super) shift: Option<Duration>,
    /// Severity, for warnings.open.
    #[arg(long)]
    pub(super) severity: Option<String>,
    /// Show the rows as they would be read, and store nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) format: Format,
}

/// The order of day and month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Dates {
    DayFirst,
    MonthFirst,
}

impl From<Dates> for DateOrder {
    fn from(dates: Dates) -> DateOrder {
        match dates {
            Dates::DayFirst => DateOrder::DayFirst,
            Dates::MonthFirst => DateOrder::MonthFirst,
        }
    }
}

/// A condition on the rows that are meant.
pub(super) fn condition(text: &str) -> Result<Condition, String> {
    Condition::parse(text).ok_or_else(|| "say Column=Pattern, such as ServiceName=*OpenAI*".to_owned())
}

/// `10d`, `-3h`, `45m`, `30s`.
fn shift(text: &str) -> Result<Duration, String> {
    let wrong = || "say days, hours, minutes or seconds, such as 10d or -3h".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).and_then(Duration::try_seconds).ok_or_else(wrong)
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let signal = Signal::from_name(&arguments.signal).ok_or_else(|| {
        let known = Signal::ALL.map(Signal::name).join(", ");
        CliError::Usage(format!("there is no signal \"{}\"; there are {known}", arguments.signal))
    })?;
    let aggregation = aggregation(signal, arguments.aggregation.as_deref())?;
    let now = clock::now();
    let (mut values, mut report) = import_rows::read(&arguments, signal, now)?;
    let source = match &arguments.source {
        Some(source) => source.clone(),
        None => arguments.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
    };
    let asked = Asked { aggregation, arguments: &arguments, now, signal, source: &source };
    let mut accepted = asked.accept(&mut values, &mut report)?;
    if arguments.dry_run {
        report.measure(&values);
        report.accepted = accepted.samples.len() as u64 - report.unknown;
        report.show_rows(&values);
        return asked.end(&report);
    }
    let sender = Sender::person(settings.most_sources);
    let console = Console::open(settings).await?;
    ensure_environment(&console, &arguments.environment).await?;
    let store = console.store.clone();
    let bar = progress_bar(accepted.samples.len() as u64, "samples");
    let receipt = loop {
        accepted.sender = sender.clone();
        match store.ingest(&arguments.environment, &accepted, now, None).await {
            Ok(receipt) => break receipt,
            // What is there already stays, and the rest is taken.
            Err(StoreError::Conflicts(errors)) => {
                asked.leave_out(&errors, &mut values, &mut report)?;
                accepted = asked.accept(&mut values, &mut report)?;
            }
            Err(other) => return Err(other.into()),
        }
    };
    bar.finish_and_clear();
    store.close().await;
    report.measure(&values);
    count(&receipt, &mut report);
    asked.end(&report)
}

/// Samples that say what is known at least are none of the file's values.
fn count(receipt: &Receipt, report: &mut Report) {
    let new = report.unknown.min(receipt.accepted);
    report.accepted = receipt.accepted - new;
    report.already_there = receipt.duplicates.saturating_sub(report.unknown - new);
}

/// What the values are taken to be: only latencies carry it on, the others must be what their kind is.
fn aggregation(signal: Signal, given: Option<&str>) -> Result<Option<&str>, CliError> {
    let own: &[&str] = match signal.kind() {
        Kind::Distribution => &["p95", "mean"],
        Kind::Level => &["mean", "last"],
        Kind::Sum => &["sum"],
        Kind::Gauge => &["last"],
    };
    match given {
        Some(name) if !own.contains(&name) => {
            Err(CliError::Usage(format!("{signal} cannot be imported as {name}; it can as {}", own.join(" or "))))
        }
        Some(name) if signal.kind() == Kind::Distribution => Ok(Some(name)),
        None if signal.kind() == Kind::Distribution => {
            Err(CliError::Usage("say what each latency is: --aggregation p95 or --aggregation mean".to_owned()))
        }
        _ => Ok(None),
    }
}

/// Makes the environment, as a recorded one, where it is not there yet.
pub(super) async fn ensure_environment(console: &Console<'_>, name: &str) -> Result<(), CliError> {
    match console.store.config(name).await {
        Ok(_) => return Ok(()),
        Err(StoreError::UnknownEnvironment { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let (kind, mode, policy) = (EnvironmentKind::Recorded, Mode::Lab, Policy::default());
    create(&console.context(), Wanted { kind, mode, name: name.to_owned(), policy }).await?;
    eprintln!("{name} was made: recorded, in lab.");
    Ok(())
}

/// Why a file of any import can't be read.
pub(super) fn unreadable(file: &Path, error: csv::Error) -> CliError {
    let what = format!("{} can't be read", file.display());
    let said = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => CliError::File { what, source },
        _ => CliError::Found(format!("{what}: {said}; nothing was stored")),
    }
}

/// Why a file of any import can't be opened.
pub(super) fn cannot_open(file: &Path, error: FileError) -> CliError {
    let what = format!("{} can't be read", file.display());
    match error {
        FileError::Io(source) => CliError::File { what, source },
        FileError::NotCsv(why) => CliError::Found(format!("{what}: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_signed_durations() {
        assert_eq!(shift("10d"), Ok(Duration::days(10)));
        assert_eq!(shift("-3h"), Ok(Duration::hours(-3)));
        for bad in ["10", "d", "1w", "", "1e9d"] {
            assert!(shift(bad).is_err(), "{bad}");
        }
    }
}

//! Owns the count of clients in a CSV file with a row for each: the rule is stated openly, and repeated with what it came to. A
//! file is counted whole or not at all. Must not know how a condition is read.

use super::console::Console;
use super::import::{cannot_open, ensure_environment, unreadable};
use super::read::Format;
use super::{CliError, print_json};
use crate::domain::client_rule::{ClientCount, ClientRule, RowCondition};
use crate::domain::sender::Sender;
use crate::domain::signal::Signal;
use crate::domain::telemetry::{self, Batch, SentNumber, SentSample};
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::csv_file::{CsvFile, place_of};
use crate::server::store::StoreError;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) const AFTER_HELP: &str = "\
Conditions:
  Status=active            the cell fits a text; * stands for any characters, a leading ! turns it around
  Status=active|trialing   one of several texts
  Age>30                   the cell is a number above 30; also >=, <, <=
  Status=past_due|Age<3    one of several conditions: after a bar, what names a column is a condition of its own
An option that is given several times means that all its conditions must hold.

Example:
  scaling-mode import-clients crm.csv --environment production --id CustomerId \\
    --active 'Status=active|trialing' --at-risk 'Renews=no|DaysSinceLogin>30'";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// CSV file with a header and one row for each client; also compressed with gzip.
    file: PathBuf,
    /// Environment; made, recorded and in lab, where it is not there yet.
    #[arg(long, short)]
    environment: String,
    /// What makes a row a client. May be repeated; all must hold.
    #[arg(long, required = true, value_name = "CONDITION", value_parser = RowCondition::parse)]
    active: Vec<RowCondition>,
    /// What puts a client at risk. May be repeated; all must hold. Without it, who is at risk stays unknown.
    #[arg(long, value_name = "CONDITION", value_parser = RowCondition::parse)]
    at_risk: Vec<RowCondition>,
    /// As of when the file counts, in RFC 3339. [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
    /// Column that tells clients apart: a client of several rows counts once.
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// A condition on a blank cell does not hold; without this it is an error, but where a pattern asks for blanks (Column=).
    #[arg(long)]
    blank_is_no: bool,
    /// Name of the source.
    #[arg(long, default_value = "clients")]
    source: String,
    #[command(flatten)]
    format: Format,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|_| "say a time in RFC 3339, such as 2026-11-24T03:00:00Z".to_owned())
}

#[derive(Debug, Serialize)]
struct Report {
    accepted: u64,
    active: u64,
    already_there: u64,
    at: DateTime<Utc>,
    /// `None` where it was not asked who is at risk.
    at_risk: Option<u64>,
    /// Rows of a client that had one before, by line.
    duplicates: Vec<u64>,
    environment: String,
    rows: u64,
    rule: String,
    source: String,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let now = clock::now();
    let at = arguments.at.unwrap_or(now);
    let rule = ClientRule {
        active: arguments.active.clone(),
        at_risk: arguments.at_risk.clone(),
        blank_is_no: arguments.blank_is_no,
    };
    let mut report = Report {
        accepted: 0,
        active: 0,
        already_there: 0,
        at,
        at_risk: None,
        duplicates: Vec::new(),
        environment: arguments.environment.clone(),
        rows: 0,
        rule: rule.words(),
        source: arguments.source.clone(),
    };
    let count = count(&arguments, &rule, &mut report)?;
    report.active = count.active();
    report.at_risk = (!rule.at_risk.is_empty()).then(|| count.at_risk());
    let mut accepted = telemetry::accept(&batch(&report), now).map_err(|errors| refused(&arguments, &errors))?;
    accepted.sender = Sender::person(settings.most_sources);
    let console = Console::open(settings).await?;
    ensure_environment(&console, &arguments.environment).await?;
    let store = console.store.clone();
    let receipt = store.ingest(&arguments.environment, &accepted, now, None).await.map_err(|error| match error {
        StoreError::Conflicts(_) => CliError::Found(format!(
            "{} has said another number for {}: nothing was stored; give another --at or --source",
            arguments.source,
            at.to_rfc3339()
        )),
        other => other.into(),
    })?;
    store.close().await;
    (report.accepted, report.already_there) = (receipt.accepted, receipt.duplicates);
    if arguments.format.json {
        print_json(&report);
    } else {
        show(&report);
    }
    Ok(())
}

fn refused(arguments: &Arguments, errors: &[telemetry::RowError]) -> CliError {
    let first = errors.first().map_or_else(String::new, |error| format!("{} {}", error.field, error.detail));
    CliError::Found(format!("{}: nothing was stored: {first}", arguments.file.display()))
}

/// Counts the rows.
fn count(arguments: &Arguments, rule: &ClientRule, report: &mut Report) -> Result<ClientCount, CliError> {
    let file = arguments.file.display();
    let unreadable = |error| unreadable(&arguments.file, error);
    let mut rows = CsvFile::open(&arguments.file).map_err(|error| cannot_open(&arguments.file, error))?;
    let headers = rows.header().map_err(unreadable)?;
    let column = |name: &str| {
        let known = || headers.join(", ");
        place_of(&headers, name)
            .ok_or_else(|| CliError::Found(format!("{file} has no column {name}; it has {}", known())))
    };
    let asked = rule.active.iter().chain(&rule.at_risk).flat_map(RowCondition::columns);
    let places = asked.map(|name| Ok((name, column(name)?))).collect::<Result<BTreeMap<_, _>, CliError>>()?;
    let id_place = arguments.id.as_deref().map(column).transpose()?;
    let mut count = ClientCount::default();
    while let Some(row) = rows.next_row().map_err(unreadable)? {
        report.rows += 1;
        let line = row.line;
        let wrong = |why: &str| CliError::Found(format!("{file}, line {line}: {why}; nothing was stored"));
        if row.cells.len() != headers.len() {
            return Err(wrong(&format!("it has {} columns and the header {}", row.cells.len(), headers.len())));
        }
        let cell = |name: &str| places.get(name).map_or("", |place| row.cell(*place));
        let standing = rule.standing(cell).map_err(|why| wrong(&why))?;
        let id = id_place.map(|place| row.cell(place));
        if id == Some("") {
            return Err(wrong("the client's id is blank, so that it cannot be told from others"));
        }
        if count.add(id, standing) {
            report.duplicates.push(line);
        }
    }
    if report.rows == 0 {
        return Err(CliError::Found(format!("{file} has no rows: nothing was stored")));
    }
    Ok(count)
}

fn batch(report: &Report) -> Batch {
    let sample = |signal: Signal, value: u64| SentSample {
        aggregation: None,
        at: report.at.to_rfc3339(),
        count: None,
        histogram: None,
        id: None,
        severity: None,
        signal: signal.name().to_owned(),
        unit: signal.unit().name().to_owned(),
        value: Some(SentNumber::Whole(value)),
    };
    let at_risk = report.at_risk.map(|value| sample(Signal::ClientsAtRisk, value));
    Batch {
        covers: Vec::new(),
        covers_from: None,
        data_through: None,
        environment: Some(report.environment.clone()),
        revises: false,
        samples: [Some(sample(Signal::ClientsActive, report.active)), at_risk].into_iter().flatten().collect(),
        source: report.source.clone(),
        step_seconds: None,
    }
}

fn show(report: &Report) {
    let at_risk = report.at_risk.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    say!("{}: {} rows, {} active clients, at risk: {at_risk}", report.environment, report.rows, report.active);
    say!("  rule: {}", report.rule);
    say!("  as of {}", report.at.format("%Y-%m-%d %H:%M:%S UTC"));
    if !report.duplicates.is_empty() {
        let shown: Vec<String> = report.duplicates.iter().take(10).map(u64::to_string).collect();
        let more = if report.duplicates.len() > 10 { ", ..." } else { "" };
        say!(
            "  rows of a client that had one before, counted once: {} (lines {}{more})",
            report.duplicates.len(),
            shown.join(", ")
        );
    }
    say!("  {} samples are new, {} were there already", report.accepted, report.already_there);
}

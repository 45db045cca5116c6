//! Owns the import of bills in FOCUS: which rows and which cost, chosen openly; what was told before with another sum is
//! revised with a note in the history. What a bill doesn't place on a day leaves its days at least known.

use super::console::Console;
use super::import::{cannot_open, condition, ensure_environment, unreadable};
use super::import_focus_report::{Report, micros, show};
use super::read::Format;
use super::{CliError, print_json};
use crate::domain::decimal::Decimal;
use crate::domain::focus::{Bill, Charge, Condition, Cost, Period, Settled};
use crate::domain::history::EventType;
use crate::domain::money::Usd;
use crate::domain::sender::Sender;
use crate::domain::signal::{Series, Signal};
use crate::domain::stream::Span;
use crate::domain::telemetry::{self, AcceptedBatch, Batch, Measurement, SentNumber, SentSample};
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::csv_file::{CsvFile, place_of};
use crate::server::revision;
use crate::server::store::{Store, StoredSample};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const AFTER_HELP: &str = "\
Name all files of one bill in one command: a file that is imported later revises the periods that it tells.

Examples:
  scaling-mode import-focus bill.csv --environment production --cost effective --dry-run
  scaling-mode import-focus bill.csv --environment production --cost effective
  scaling-mode import-focus part-1.csv.gz part-2.csv.gz --environment production --cost billed --where 'ServiceName=*OpenAI*'

Exit code 1: some rows can't be taken. They are named, the others were imported, and spend is known as at least that.";

/// Stored samples that are compared with what the file says.
const COMPARED: u32 = 100_000;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// CSV files in FOCUS 1.0 to 1.3, all parts of one bill; also compressed with gzip.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Environment; made, recorded and in lab, where it is not there yet.
    #[arg(long, short)]
    environment: String,
    /// Which cost is taken: billed as on the invoice, or effective, with prepayments spread over their use.
    #[arg(long, value_enum)]
    cost: CostColumn,
    /// Rows that are meant, as Column=Pattern; * stands for any characters, a bar parts alternatives, a leading ! turns it
    /// around. May be repeated; all must hold. [default: "ServiceCategory=AI and Machine Learning"]
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    conditions: Vec<Condition>,
    /// Name of the source.
    #[arg(long, default_value = "focus")]
    source: String,
    /// Show what would be read, and store nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: Format,
}

/// Which column holds the cost.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CostColumn {
    Billed,
    Effective,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let cost = match arguments.cost {
        CostColumn::Billed => Cost::Billed,
        CostColumn::Effective => Cost::Effective,
    };
    let now = clock::now();
    let (bill, mut report) = read(&arguments, cost)?;
    let mut settled = bill.settle(now);
    if report.rows_taken == 0 || (settled.periods.is_empty() && settled.corrections.is_empty()) {
        return Err(CliError::Found(if report.refused.is_empty() {
            "no row of a period that is over fits the conditions: nothing was stored".to_owned()
        } else {
            format!("nothing was stored. {}", report.refused.sentence(|one| one.why.clone()))
        }));
    }
    report.settle(&settled);
    if arguments.dry_run {
        report.accepted = accepted(&arguments, &settled, now)?.samples.len() as u64;
        report.dry_run = true;
        return end(&arguments, &report);
    }
    let console = Console::open(settings).await?;
    ensure_environment(&console, &arguments.environment).await?;
    let store = console.store.clone();
    let stored = stored(store.as_ref(), &arguments, &settled).await?;
    take_up(&mut settled, &stored);
    report.revisions =
        revision::between(&stored, None, settled.periods.iter().map(|period| (period.end, Usd(micros(period.spent)))));
    let mut accepted = accepted(&arguments, &settled, now)?;
    accepted.sender = Sender::person(settings.most_sources);
    let receipt = match revision::words(&arguments.source, &report.revisions) {
        Some(reason) => {
            let event = console.context().event(EventType::Note, reason);
            store.revise(&arguments.environment, &accepted, event, now).await?
        }
        None => store.ingest(&arguments.environment, &accepted, now, None).await?,
    };
    store.close().await;
    (report.accepted, report.duplicates) = (receipt.accepted, receipt.duplicates);
    end(&arguments, &report)
}

/// Says what was read; an error if some rows can't be taken.
fn end(arguments: &Arguments, report: &Report) -> Result<(), CliError> {
    if arguments.format.json {
        print_json(report);
    } else {
        show(report);
    }
    if report.refused.is_empty() {
        return Ok(());
    }
    let (rows, why) = (report.refused.count, report.refused.sentence(|one| one.why.clone()));
    Err(CliError::Found(format!(
        "{rows} of {} rows can't be taken: spend is at least what the others say. {why}",
        report.rows
    )))
}

/// Reads the rows that are meant, of all files.
fn read(arguments: &Arguments, cost: Cost) -> Result<(Bill, Report), CliError> {
    let mut report = Report::new(&arguments.environment, &arguments.source, cost);
    let mut bill = Bill::default();
    for path in &arguments.files {
        read_file(path, arguments, cost, &mut bill, &mut report)?;
    }
    Ok((bill, report))
}

fn read_file(
    path: &Path,
    arguments: &Arguments,
    cost: Cost,
    bill: &mut Bill,
    report: &mut Report,
) -> Result<(), CliError> {
    let file = path.display();
    let unreadable = |error| unreadable(path, error);
    let mut rows = CsvFile::open(path).map_err(|error| cannot_open(path, error))?;
    let has_decimal_comma = rows.form.delimiter != ',';
    let headers = rows.header().map_err(unreadable)?;
    let column = |name: &str| {
        place_of(&headers, name)
            .ok_or_else(|| CliError::Found(format!("{file} has no column {name}; nothing was stored")))
    };
    let usual = [Condition {
        column: "ServiceCategory".to_owned(),
        pattern: crate::domain::mapping::Pattern::new("AI and Machine Learning"),
    }];
    let conditions = if arguments.conditions.is_empty() { &usual[..] } else { &arguments.conditions };
    let conditions =
        conditions.iter().map(|one| Ok((column(&one.column)?, one))).collect::<Result<Vec<_>, CliError>>()?;
    let places =
        [column(cost.column())?, column("BillingCurrency")?, column("ChargePeriodStart")?, column("ChargePeriodEnd")?];
    let optional = ["BillingPeriodStart", "ChargeCategory", "ChargeClass"].map(|name| place_of(&headers, name));
    while let Some(row) = rows.next_row().map_err(unreadable)? {
        report.rows += 1;
        if row.cells.len() != headers.len() {
            bill.lose();
            let why = format!(
                "{file}, line {}: it has {} columns and the header {}",
                row.line,
                row.cells.len(),
                headers.len()
            );
            report.refused.note(row.line, why);
            continue;
        }
        if !conditions.iter().all(|(place, one)| one.pattern.matches(row.cell(*place))) {
            continue;
        }
        let [amount, currency, start, end] = places.map(|place| row.cell(place));
        let [billing_start, category, class] = optional.map(|place| place.map_or("", |place| row.cell(place)));
        let plain = if has_decimal_comma { with_point(amount) } else { amount.to_owned() };
        let charge = Charge { billing_start, category, class, cost: &plain, currency, end, start };
        match bill.add(&charge, cost) {
            Ok(()) => report.rows_taken += 1,
            Err(why) => {
                let why = format!("{file}, line {}: {why}", row.line);
                report.refused.note(row.line, why);
            }
        }
    }
    Ok(())
}

/// A decimal comma as a point, if it can't part thousands.
fn with_point(amount: &str) -> String {
    match amount.split_once(',') {
        Some((whole, decimals)) if decimals.len() != 3 && !whole.contains('.') => format!("{whole}.{decimals}"),
        _ => amount.to_owned(),
    }
}

/// What the source has told before of the time that the bill covers.
async fn stored(store: &dyn Store, arguments: &Arguments, settled: &Settled) -> Result<Vec<StoredSample>, CliError> {
    let Some((from, to)) = settled.covers else {
        return Ok(Vec::new());
    };
    let span = Span { from: from.timestamp_millis(), to: to.timestamp_millis() };
    let mut stored = store.samples(&arguments.environment, Series::AiSpend, span, COMPARED).await?;
    stored.retain(|sample| sample.source == arguments.source);
    Ok(one_a_time(stored, &settled.periods))
}

/// Corrections of a period stand beside it at the same time: the sample that says what the bill says goes first.
fn one_a_time(mut stored: Vec<StoredSample>, periods: &[Period]) -> Vec<StoredSample> {
    let told: BTreeMap<DateTime<Utc>, u64> = periods.iter().map(|one| (one.end, micros(one.spent))).collect();
    let is_other = |sample: &StoredSample| told.get(&sample.at).is_none_or(|told| told.abs_diff(sample.atoms) > 1);
    stored.sort_by_key(|sample| (sample.at, is_other(sample)));
    stored.dedup_by_key(|sample| sample.at);
    stored
}

/// What was told hour by hour and is now told as a day counts once: the hours within it say nothing more.
fn take_up(settled: &mut Settled, stored: &[StoredSample]) {
    let is_inside =
        |at: DateTime<Utc>| settled.periods.iter().any(|period| period.is_told && period.start < at && at < period.end);
    let hours: Vec<Period> = stored
        .iter()
        .filter(|sample| sample.atoms > 0 && is_inside(sample.at))
        .map(|sample| Period {
            end: sample.at,
            is_at_least: false,
            is_told: false,
            spent: Decimal::ZERO,
            start: sample.at,
        })
        .collect();
    settled.periods.extend(hours);
    settled.periods.sort_by_key(|period| period.end);
}

/// The bill as a batch.
fn accepted(arguments: &Arguments, settled: &Settled, now: DateTime<Utc>) -> Result<AcceptedBatch, CliError> {
    let sample = |at: DateTime<Utc>, spent: Decimal, id: Option<String>| SentSample {
        aggregation: None,
        at: at.to_rfc3339(),
        count: None,
        histogram: None,
        id,
        severity: None,
        signal: Signal::AiSpend.name().to_owned(),
        unit: Signal::AiSpend.unit().name().to_owned(),
        value: Some(SentNumber::Text(spent.to_string())),
    };
    let periods = settled.periods.iter().map(|period| sample(period.end, period.spent, None));
    let corrections = settled.corrections.iter().map(|one| sample(one.at, one.spent, Some(one.id.clone())));
    let batch = Batch {
        covers: Vec::new(),
        covers_from: settled.covers.map(|(from, _)| from.to_rfc3339()),
        data_through: settled.covers.map(|(_, to)| to.to_rfc3339()),
        environment: Some(arguments.environment.clone()),
        revises: true,
        samples: periods.chain(corrections).collect(),
        source: arguments.source.clone(),
        step_seconds: None,
    };
    let mut accepted = telemetry::accept(&batch, now).map_err(|errors| {
        let why = errors.first().map_or_else(String::new, |error| error.detail.clone());
        CliError::Found(format!("nothing was stored: {why}"))
    })?;
    let open = settled.periods.iter().map(|period| period.is_at_least);
    let open = open.chain(settled.corrections.iter().map(|one| one.is_at_least));
    for (sample, is_at_least) in accepted.samples.iter_mut().zip(open) {
        if let (Measurement::Value(atoms), true) = (&sample.measurement, is_at_least) {
            sample.measurement = Measurement::AtLeast(*atoms);
        }
    }
    Ok(accepted)
}

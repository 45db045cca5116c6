//! Owns the import of cost data in FOCUS: which rows and which cost are chosen openly, and what was spent in a period that is
//! told again, with another sum, is revised with an event that says so.

use super::import::{ensure_environment, unreadable};
use super::read::Format;
use super::{CliError, open, print_json};
use crate::domain::decimal::Decimal;
use crate::domain::focus::{Bill, Charge, Condition, Cost, Period};
use crate::domain::history::{EventType, NewEvent};
use crate::domain::money::{DECIMALS, Usd};
use crate::domain::sender::Sender;
use crate::domain::signal::{Series, Signal};
use crate::domain::stream::Span;
use crate::domain::telemetry::{self, Batch, SentNumber, SentSample};
use crate::server::clock;
use crate::server::config::Settings;
use crate::server::http::context::ACTOR;
use crate::server::revision::{self, Revision};
use crate::server::store::Store;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::path::PathBuf;

/// Stored samples that are compared with what the file says.
const COMPARED: u32 = 100_000;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// CSV file in FOCUS 1.0 to 1.3.
    file: PathBuf,
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
    #[command(flatten)]
    format: Format,
}

/// Which column holds the cost.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CostColumn {
    Billed,
    Effective,
}

fn condition(text: &str) -> Result<Condition, String> {
    Condition::parse(text).ok_or_else(|| "say Column=Pattern, such as ServiceName=*OpenAI*".to_owned())
}

#[derive(Debug, Serialize)]
struct Report {
    accepted: u64,
    cost: &'static str,
    duplicates: u64,
    environment: String,
    periods: usize,
    revisions: Vec<Revision>,
    rows: u64,
    /// Periods that are not over: their sums are still growing.
    open_periods: u64,
    rows_taken: u64,
    source: String,
    total: Usd,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let cost = match arguments.cost {
        CostColumn::Billed => Cost::Billed,
        CostColumn::Effective => Cost::Effective,
    };
    let now = clock::now();
    let (bill, mut report) = read(&arguments, cost)?;
    let mut periods = bill.periods().map_err(CliError::Found)?;
    let all = periods.len();
    periods.retain(|period| period.end <= now);
    report.open_periods = (all - periods.len()) as u64;
    let (Some(first), Some(last)) = (periods.iter().map(|period| period.start).min(), periods.last()) else {
        return Err(CliError::Found(
            "no row of a period that is over fits the conditions: nothing was stored".to_owned(),
        ));
    };
    let last = last.end;
    let store = open(settings).await?;
    ensure_environment(store.as_ref(), &arguments.environment, now).await?;
    report.revisions = revisions(store.as_ref(), &arguments, &periods, (first, last)).await?;
    let batch = batch(&arguments, &periods, (first, last));
    let mut accepted = telemetry::accept(&batch, now)
        .map_err(|errors| CliError::Found(errors.first().map_or_else(String::new, |error| error.detail.clone())))?;
    accepted.sender = Sender::person(settings.most_sources);
    let receipt = match revision::words(&arguments.source, &report.revisions) {
        Some(reason) => {
            let event = NewEvent { reason: Some(reason), ..NewEvent::new(EventType::Note, ACTOR, now) };
            store.revise(&arguments.environment, &accepted, event, now).await?
        }
        None => store.ingest(&arguments.environment, &accepted, now, None).await?,
    };
    store.close().await;
    (report.accepted, report.duplicates, report.periods) = (receipt.accepted, receipt.duplicates, periods.len());
    report.total = Usd(periods.iter().map(|period| micros(period.spent)).fold(0, u64::saturating_add));
    if arguments.format.json {
        print_json(&report);
    } else {
        show(&report);
    }
    Ok(())
}

fn micros(amount: Decimal) -> u64 {
    amount.to_units_ceil(DECIMALS).unwrap_or(u64::MAX)
}

/// Reads the rows that are meant.
fn read(arguments: &Arguments, cost: Cost) -> Result<(Bill, Report), CliError> {
    let file = arguments.file.display();
    let unreadable = |error| unreadable(&arguments.file, error);
    let mut reader = csv::Reader::from_path(&arguments.file).map_err(unreadable)?;
    let headers = reader.headers().map_err(unreadable)?.clone();
    let column = |name: &str| {
        let place = headers.iter().position(|own| own.trim().eq_ignore_ascii_case(name));
        place.ok_or_else(|| CliError::Found(format!("{file} has no column {name}")))
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
    let mut report = Report {
        accepted: 0,
        cost: cost.column(),
        duplicates: 0,
        environment: arguments.environment.clone(),
        periods: 0,
        revisions: Vec::new(),
        rows: 0,
        open_periods: 0,
        rows_taken: 0,
        source: arguments.source.clone(),
        total: Usd(0),
    };
    let mut bill = Bill::default();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        report.rows += 1;
        let text = |place: usize| record.get(place).unwrap_or("").trim();
        if !conditions.iter().all(|(place, one)| one.pattern.matches(text(*place))) {
            continue;
        }
        let [amount, currency, start, end] = places.map(text);
        let charge = Charge { cost: amount, currency, end, start };
        let line = record.position().map_or(0, csv::Position::line);
        bill.add(&charge, cost)
            .map_err(|why| CliError::Found(format!("{file}, line {line}: {why}; nothing was stored")))?;
        report.rows_taken += 1;
    }
    Ok((bill, report))
}

/// The periods that the source has told before, with another sum.
async fn revisions(
    store: &dyn Store,
    arguments: &Arguments,
    periods: &[Period],
    (first, last): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Revision>, CliError> {
    let span = Span { from: first.timestamp_millis(), to: last.timestamp_millis() };
    let mut stored = store.samples(&arguments.environment, Series::AiSpend, span, COMPARED).await?;
    stored.retain(|sample| sample.source == arguments.source);
    Ok(revision::between(&stored, None, periods.iter().map(|period| (period.end, Usd(micros(period.spent))))))
}

fn batch(arguments: &Arguments, periods: &[Period], (first, last): (DateTime<Utc>, DateTime<Utc>)) -> Batch {
    let samples = periods.iter().map(|period| SentSample {
        aggregation: None,
        at: period.end.to_rfc3339(),
        count: None,
        histogram: None,
        id: None,
        severity: None,
        signal: Signal::AiSpend.name().to_owned(),
        unit: Signal::AiSpend.unit().name().to_owned(),
        value: Some(SentNumber::Text(period.spent.to_string())),
    });
    Batch {
        covers: Vec::new(),
        covers_from: Some(first.to_rfc3339()),
        data_through: Some(last.to_rfc3339()),
        environment: Some(arguments.environment.clone()),
        revises: true,
        samples: samples.collect(),
        source: arguments.source.clone(),
        step_seconds: None,
    }
}

fn show(report: &Report) {
    say!(
        "{}: {} of {} rows, {} by period: {} in {} periods",
        report.environment,
        report.rows_taken,
        report.rows,
        report.cost,
        format_args!("${}", report.total),
        report.periods
    );
    say!("{} samples are new or revised, {} were there already", report.accepted, report.duplicates);
    if report.open_periods > 0 {
        say!("{} periods are not over and were left out", report.open_periods);
    }
    for one in &report.revisions {
        say!("revised: up to {} from ${} to ${}", one.period_end.format("%Y-%m-%d %H:%M UTC"), one.from, one.to);
    }
}

//! Owns the import of CSV files: columns, zones, units and aggregations are mapped; gaps, duplicates and blanks are
//! reported, never smoothed over. A file is stored whole or not at all.

use super::read::Format;
use super::replay::progress_bar;
use super::{CliError, open, print_json};
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, Policy, is_environment_name};
use crate::domain::sender::Sender;
use crate::domain::signal::{Kind, Signal};
use crate::domain::telemetry::{self, Batch, Receipt, SentNumber, SentSample};
use crate::server::config::Settings;
use crate::server::http::context::ACTOR;
use crate::server::store::{Store, StoreError};
use crate::server::{calendar, clock};
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// CSV file with a header line.
    file: PathBuf,
    /// Environment; made, recorded and in lab, where it is not there yet.
    #[arg(long, short)]
    environment: String,
    /// The signal that the values are, such as infra.cpu.
    #[arg(long)]
    signal: String,
    /// The unit that the values are in, such as percent.
    #[arg(long)]
    unit: String,
    /// Column of the time, by its name or number (from 1). [default: timestamp, time or date, else the first]
    #[arg(long, value_name = "COLUMN")]
    time_column: Option<String>,
    /// Column of the value, by its name or number (from 1). [default: value, else the second]
    #[arg(long, value_name = "COLUMN")]
    value_column: Option<String>,
    /// Time zone of times that name none.
    #[arg(long, default_value = "UTC", value_parser = calendar::zone)]
    zone: Tz,
    /// What each value is: p95 or mean (latency), mean (CPU), sum (posts, spend, requests, errors), last (gauges).
    #[arg(long)]
    aggregation: Option<String>,
    /// Name of the source. [default: the file's name]
    #[arg(long)]
    source: Option<String>,
    /// Moves every time, such as 10d, -3h, 45m; for laying recordings of different years side by side.
    #[arg(long, allow_hyphen_values = true, value_parser = shift)]
    shift: Option<Duration>,
    /// Severity, for warnings.open.
    #[arg(long)]
    severity: Option<String>,
    #[command(flatten)]
    format: Format,
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

/// A stretch without samples, longer than two of the file's usual steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Gap {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    hours: f64,
}

/// What was met in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Report {
    rows: u64,
    accepted: u64,
    /// Samples that the store had already, the same.
    already_there: u64,
    /// Rows with a blank value, by line.
    blanks: Vec<u64>,
    /// Rows that say the same again, by line.
    duplicates: Vec<u64>,
    /// Rows that give a time another value than a row before; the first was kept. By line.
    conflicting: Vec<u64>,
    gaps: Vec<Gap>,
    /// Minutes from row to row, as a median.
    step_minutes: Option<i64>,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<(), CliError> {
    let signal = Signal::from_name(&arguments.signal).ok_or_else(|| {
        let known = Signal::ALL.map(Signal::name).join(", ");
        CliError::Usage(format!("there is no signal \"{}\"; there are {known}", arguments.signal))
    })?;
    let aggregation = aggregation(signal, arguments.aggregation.as_deref())?;
    let (rows, mut report) = read(&arguments)?;
    let source = match &arguments.source {
        Some(source) => source.clone(),
        None => arguments.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
    };
    let batch = Batch {
        covers: Vec::new(),
        covers_from: None,
        data_through: None,
        environment: Some(arguments.environment.clone()),
        revises: false,
        samples: rows
            .iter()
            .map(|(at, row)| SentSample {
                aggregation: aggregation.map(str::to_owned),
                at: at.to_rfc3339(),
                count: None,
                histogram: None,
                id: None,
                severity: arguments.severity.clone(),
                signal: arguments.signal.clone(),
                unit: arguments.unit.clone(),
                value: Some(SentNumber::Text(row.value.clone())),
            })
            .collect(),
        source,
        step_seconds: None,
    };
    let now = clock::now();
    let lines: Vec<u64> = rows.values().map(|row| row.line).collect();
    let mut accepted = telemetry::accept(&batch, now).map_err(|errors| refused(&arguments, &errors, &lines))?;
    accepted.sender = Sender::person(settings.most_sources);
    let store = open(settings).await?;
    ensure_environment(store.as_ref(), &arguments.environment, now).await?;
    let bar = progress_bar(accepted.samples.len() as u64, "samples");
    let receipt: Receipt =
        store.ingest(&arguments.environment, &accepted, now, None).await.map_err(|error| match error {
            StoreError::Conflicts(errors) => refused(&arguments, &errors, &lines),
            other => other.into(),
        })?;
    bar.finish_and_clear();
    store.close().await;
    report.accepted = receipt.accepted;
    report.already_there = receipt.duplicates;
    if arguments.format.json {
        print_json(&report);
    } else {
        print_report(&arguments, &report);
    }
    Ok(())
}

fn refused(arguments: &Arguments, errors: &[telemetry::RowError], lines: &[u64]) -> CliError {
    let shown: Vec<String> = errors
        .iter()
        .take(5)
        .map(|error| {
            let line = error.index.and_then(|index| lines.get(index as usize));
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{place}{} {}", error.field, error.detail)
        })
        .collect();
    let more =
        if errors.len() > shown.len() { format!(" (and {} more)", errors.len() - shown.len()) } else { String::new() };
    CliError::Found(format!("{}: nothing was imported. {}{more}", arguments.file.display(), shown.join("; ")))
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

pub(super) async fn ensure_environment(store: &dyn Store, name: &str, now: DateTime<Utc>) -> Result<(), CliError> {
    match store.config(name).await {
        Ok(_) => return Ok(()),
        Err(StoreError::UnknownEnvironment { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if !is_environment_name(name) {
        return Err(CliError::Usage(format!("\"{name}\" cannot be a name: use a-z, 0-9, - and _")));
    }
    let config = Config::new(name, EnvironmentKind::Recorded, Mode::Lab, Policy::default(), now);
    store.create_environment(&config, ACTOR.into(), now).await?;
    eprintln!("{name} was made: recorded, in lab.");
    Ok(())
}

/// A value as it stands in the file.
struct Row {
    line: u64,
    value: String,
}

/// Why a file of any import cannot be read.
pub(super) fn unreadable(file: &Path, error: csv::Error) -> CliError {
    let what = format!("{} cannot be read", file.display());
    let said = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => CliError::File { what, source },
        _ => CliError::Found(format!("{what}: {said}; nothing was stored")),
    }
}

/// Reads the file: one value a time, with everything else reported.
fn read(arguments: &Arguments) -> Result<(BTreeMap<DateTime<Utc>, Row>, Report), CliError> {
    let unreadable = |error| unreadable(&arguments.file, error);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_path(&arguments.file).map_err(unreadable)?;
    let header = reader.headers().map_err(unreadable)?.clone();
    let time_column = column(&header, arguments.time_column.as_deref(), &["timestamp", "time", "date"], 0)?;
    let value_column = column(&header, arguments.value_column.as_deref(), &["value"], 1)?;
    let mut report = Report::default();
    let mut rows: BTreeMap<DateTime<Utc>, Row> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        report.rows += 1;
        let value = record.get(value_column).unwrap_or("");
        if value.is_empty() || value.eq_ignore_ascii_case("null") {
            report.blanks.push(line);
            continue;
        }
        let text = record.get(time_column).unwrap_or("");
        let at = time(text, arguments.zone).map_err(|why| {
            CliError::Found(format!("{} line {line}: the time \"{text}\" {why}", arguments.file.display()))
        })? + arguments.shift.unwrap_or_default();
        match rows.get(&at) {
            Some(before) if before.value == value => report.duplicates.push(line),
            Some(_) => report.conflicting.push(line),
            None => {
                let value = value.to_owned();
                rows.insert(at, Row { line, value });
            }
        }
    }
    measure(&rows, &mut report);
    Ok((rows, report))
}

fn column(header: &csv::StringRecord, given: Option<&str>, usual: &[&str], default: usize) -> Result<usize, CliError> {
    let named = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let Some(given) = given else {
        return Ok(usual.iter().find_map(|name| named(name)).unwrap_or(default));
    };
    let numbered =
        || given.parse::<usize>().ok().filter(|number| (1..=header.len()).contains(number)).map(|number| number - 1);
    named(given).or_else(numbered).ok_or_else(|| {
        let known: Vec<&str> = header.iter().collect();
        CliError::Usage(format!("there is no column \"{given}\"; there are {}", known.join(", ")))
    })
}

/// A time with its zone, or without one as it is in `zone`.
fn time(text: &str, zone: Tz) -> Result<DateTime<Utc>, &'static str> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .ok_or("cannot be read")?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.with_timezone(&Utc)),
        // Of an hour that happens twice a file without zones cannot say which; the first is taken.
        LocalResult::Ambiguous(at, _) => Ok(at.with_timezone(&Utc)),
        LocalResult::None => Err("does not exist in that zone: the clocks skip it"),
    }
}

/// The usual step, and the gaps that are longer than two of it.
fn measure(rows: &BTreeMap<DateTime<Utc>, Row>, report: &mut Report) {
    let times: Vec<DateTime<Utc>> = rows.keys().copied().collect();
    report.first = times.first().copied();
    report.last = times.last().copied();
    let mut steps: Vec<i64> = times.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
    if steps.is_empty() {
        return;
    }
    let middle = steps.len() / 2;
    let (_, median, _) = steps.select_nth_unstable(middle);
    let step = (*median).max(1);
    report.step_minutes = Some(step / 60);
    report.gaps = times
        .windows(2)
        .filter(|pair| (pair[1] - pair[0]).num_seconds() > 2 * step)
        .map(|pair| Gap { from: pair[0], to: pair[1], hours: (pair[1] - pair[0]).num_seconds() as f64 / 3600.0 })
        .collect();
}

fn print_report(arguments: &Arguments, report: &Report) {
    say!(
        "{}: {} rows, {} samples new, {} there already",
        arguments.file.display(),
        report.rows,
        report.accepted,
        report.already_there
    );
    if let (Some(first), Some(last)) = (report.first, report.last) {
        say!("  from {} to {}", first.format("%Y-%m-%d %H:%M"), last.format("%Y-%m-%d %H:%M UTC"));
    }
    let lines = |what: &str, lines: &[u64]| {
        if !lines.is_empty() {
            let shown: Vec<String> = lines.iter().take(10).map(u64::to_string).collect();
            let more = if lines.len() > 10 { ", ..." } else { "" };
            say!("  {what}: {} (lines {}{more})", lines.len(), shown.join(", "));
        }
    };
    lines("blank values, left out", &report.blanks);
    lines("rows that say the same again", &report.duplicates);
    lines("rows that contradict a row before, left out", &report.conflicting);
    if !report.gaps.is_empty() {
        say!("  gaps: {}; they stay gaps, nothing is filled in", report.gaps.len());
        for gap in report.gaps.iter().take(10) {
            say!(
                "    {} to {} ({:.1} h)",
                gap.from.format("%Y-%m-%d %H:%M"),
                gap.to.format("%Y-%m-%d %H:%M"),
                gap.hours
            );
        }
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

    #[test]
    fn times_without_a_zone_are_read_in_the_one_given() {
        let berlin = calendar::zone("Europe/Berlin").unwrap();
        let read = |text| time(text, berlin).map(|at| at.to_rfc3339());
        assert_eq!(read("2026-07-01 12:00:00").unwrap(), "2026-07-01T10:00:00+00:00");
        assert_eq!(read("2026-07-01T12:00:00Z").unwrap(), "2026-07-01T12:00:00+00:00");
        assert!(read("2026-03-29 02:30:00").is_err(), "an hour that the clocks skip");
        assert!(read("yesterday").is_err());
    }
}

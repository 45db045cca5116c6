//! Owns what the rows of a file come to: one value a time, with everything else named by its line. Must not store anything.

use super::CliError;
use super::import::{Arguments, cannot_open, unreadable};
use super::import_report::Report;
use crate::domain::decimal::{Decimal, Rounding};
use crate::domain::signal::{Kind, Signal, Unit};
use crate::domain::written_time::WrittenTime;
use crate::server::csv_file::numbers::{self, Cell};
use crate::server::csv_file::sheet::Sheet;
use crate::server::csv_file::times::{self, Reading};
use crate::server::csv_file::{CsvFile, Row};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A value as it is imported.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    /// A sum of which part is unknown: at least this.
    pub is_at_least: bool,
    pub line: u64,
    pub text: String,
}

pub(super) type Values = BTreeMap<DateTime<Utc>, Value>;

/// Reads the file: one value a time, with everything else reported.
pub(super) fn read(arguments: &Arguments, signal: Signal, now: DateTime<Utc>) -> Result<(Values, Report), CliError> {
    let path = &arguments.file;
    let mut file = CsvFile::open(path).map_err(|error| cannot_open(path, error))?;
    let mut rows = Vec::new();
    while let Some(row) = file.next_row().map_err(|error| unreadable(path, error))? {
        rows.push(row);
    }
    let wrong = |why: String| CliError::Found(format!("{}: nothing was imported. The file {why}", path.display()));
    let mut sheet = Sheet::of(rows, arguments.time_column.as_deref()).map_err(wrong)?;
    let value = value_column(&sheet, arguments, signal).map_err(wrong)?;
    let mut report = Report::of(&sheet, value, file.form.clone());
    choose(&mut sheet, arguments).map_err(wrong)?;
    report.rows = sheet.rows.len() as u64;
    if sheet.rows.is_empty() {
        return Err(wrong("has no rows that fit".to_owned()));
    }
    let values = Gathering { report: &mut report, sheet: &sheet, signal, value, values: Values::new() };
    let values = values.gather(arguments, now);
    if let Some(why) = several_series(&sheet, value, &report) {
        return Err(wrong(why));
    }
    Ok((values, report))
}

/// The column of the values: the one that is named, `value`, the signal's own name, or the only one that holds numbers.
fn value_column(sheet: &Sheet, arguments: &Arguments, signal: Signal) -> Result<usize, String> {
    if let Some(asked) = &arguments.value_column {
        return sheet.column(asked);
    }
    let numbers = sheet.columns_of_numbers();
    let others: Vec<usize> = sheet.others().collect();
    let is_there = |name: &str| others.iter().any(|place| sheet.names[*place].eq_ignore_ascii_case(name));
    if let Some(name) = ["value", signal.name()].into_iter().find(|name| is_there(name)) {
        return sheet.column(name);
    }
    match (numbers.as_slice(), others.as_slice()) {
        ([place], _) | ([], [place]) => Ok(*place),
        ([], _) => Err(format!("has no column of numbers beside the times (columns: {})", sheet.names.join(", "))),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|place| sheet.names[*place].as_str()).collect();
            Err(format!("has several columns of numbers: {}. Choose one with --value-column", names.join(", ")))
        }
    }
}

/// Leaves the rows that the conditions mean.
fn choose(sheet: &mut Sheet, arguments: &Arguments) -> Result<(), String> {
    let asked = arguments.conditions.iter();
    let places = asked.map(|one| Ok((sheet.column(&one.column)?, one))).collect::<Result<Vec<_>, String>>()?;
    sheet.rows.retain(|row| places.iter().all(|(place, one)| one.pattern.matches(row.cell(*place))));
    Ok(())
}

/// A column that tells several series of the same times apart; they can't all be one signal.
fn several_series(sheet: &Sheet, value: usize, report: &Report) -> Option<String> {
    if report.duplicates.is_empty() && report.conflicting.is_empty() {
        return None;
    }
    let numbers = sheet.columns_of_numbers();
    let place = sheet.others().filter(|place| *place != value && !numbers.contains(place)).find(|place| {
        let mut seen = BTreeSet::new();
        let mut names = BTreeSet::new();
        let is_apart = |row: &Row| {
            names.insert(row.cell(*place).to_owned());
            seen.insert((sheet.time_of(row), row.cell(*place).to_owned()))
        };
        sheet.rows.iter().all(is_apart) && names.len() > 1
    })?;
    let names: BTreeSet<&str> = sheet.rows.iter().map(|row| row.cell(place)).collect();
    let shown: Vec<&str> = names.iter().take(5).copied().collect();
    let (column, more) = (&sheet.names[place], if names.len() > 5 { ", ..." } else { "" });
    Some(format!(
        "holds several series, told apart by the column {column} ({}{more}). Choose one with --where \"{column}={}\"",
        shown.join(", "),
        shown.first().unwrap_or(&"")
    ))
}

/// Rows on their way to one value a time.
struct Gathering<'s> {
    report: &'s mut Report,
    sheet: &'s Sheet,
    signal: Signal,
    value: usize,
    values: Values,
}

impl Gathering<'_> {
    fn gather(mut self, arguments: &Arguments, now: DateTime<Utc>) -> Values {
        let sheet = self.sheet;
        let is_sum = self.signal.kind() == Kind::Sum;
        let texts: Vec<String> = sheet.rows.iter().map(|row| sheet.time_of(row)).collect();
        let cells: Vec<&str> = texts.iter().map(String::as_str).collect();
        let reading = Reading { day_is_its_end: is_sum, order: arguments.dates.map(Into::into), zone: arguments.zone };
        let times = times::instants(&cells, reading);
        let values = sheet.rows.iter().map(|row| row.cell(self.value));
        let mark = arguments.decimal.or_else(|| numbers::shown_mark(values));
        let unit = Unit::from_name(&arguments.unit).unwrap_or(self.signal.unit());
        let mut contradicted = BTreeSet::new();
        for ((row, at), text) in sheet.rows.iter().zip(times).zip(&cells) {
            let at = match at {
                Ok(at) => at + arguments.shift.unwrap_or_default(),
                Err(why) => {
                    self.report.refused.note(row.line, why);
                    continue;
                }
            };
            if is_sum && at > now && WrittenTime::read(text).is_ok_and(|time| time.is_day()) {
                self.report.not_over.push(row.line);
                continue;
            }
            let cell = if sheet.is_too_wide(row) {
                Err("it has more columns than the header. If a comma stands before the decimals, export the file with \
                     semicolons between columns"
                    .to_owned())
            } else {
                numbers::read(row.cell(self.value), mark, unit)
            };
            let text = match cell {
                Ok(Cell::Number(text)) => Some(text),
                Ok(Cell::Blank) => {
                    self.report.blanks.push(row.line);
                    None
                }
                Err(why) => {
                    self.report.refused.note(row.line, why);
                    None
                }
            };
            match text {
                Some(text) => self.add(at, row.line, text, is_sum, &mut contradicted),
                None if is_sum => self.add_unknown(at, row.line),
                None => {}
            }
        }
        // Of a level or a state that is told twice, differently, neither is known.
        self.values.retain(|at, _| !contradicted.contains(at));
        by_millisecond(self.values, self.signal.kind())
    }

    fn add(
        &mut self,
        at: DateTime<Utc>,
        line: u64,
        text: String,
        is_sum: bool,
        contradicted: &mut BTreeSet<DateTime<Utc>>,
    ) {
        let number = |text: &str| Decimal::parse_rounded(text, Rounding::Up).ok();
        match self.values.get_mut(&at) {
            None => {
                self.values.insert(at, Value { is_at_least: false, line, text });
            }
            Some(before) if before.text == text || number(&before.text) == number(&text) => {
                self.report.duplicates.push(line);
            }
            Some(before) if is_sum => {
                self.report.conflicting.push(line);
                if number(&text) < number(&before.text) {
                    before.text = text;
                }
                before.is_at_least = true;
            }
            Some(_) => {
                self.report.conflicting.push(line);
                contradicted.insert(at);
            }
        }
    }

    /// What happened up to this time is unknown: at least nothing, or what another row of the time says.
    fn add_unknown(&mut self, at: DateTime<Utc>, line: u64) {
        let unknown = Value { is_at_least: true, line, text: "0".to_owned() };
        self.values.entry(at).or_insert(unknown).is_at_least = true;
    }
}

/// Times are kept to the millisecond: what finer times count is added up, of latencies the highest counts, of a state the last.
fn by_millisecond(values: Values, kind: Kind) -> Values {
    let number = |text: &str| Decimal::parse_rounded(text, Rounding::Up).ok();
    let mut kept = Values::new();
    for (at, value) in values {
        let Some(before) = kept.get_mut(&at.trunc_subsecs(3)) else {
            kept.insert(at.trunc_subsecs(3), value);
            continue;
        };
        let both = number(&before.text).zip(number(&value.text));
        match (kind, both) {
            (Kind::Sum, Some((one, two))) => {
                let sum = one.checked_add(two);
                before.is_at_least |= value.is_at_least || sum.is_none();
                before.text = sum.unwrap_or(one).to_string();
            }
            (Kind::Distribution, Some((one, two))) if one >= two => {}
            _ => *before = value,
        }
    }
    kept
}

//! Owns what is said of a file that was read: what became of each row, and the table of a dry run.

use super::import_rows::Values;
use crate::server::csv_file::Form;
use crate::server::csv_file::sheet::Sheet;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use std::path::Path;

/// Lines that are named one by one, and rows at each end of the table of a dry run.
const NAMED: usize = 10;
const SHOWN: usize = 5;

/// A time range without samples, longer than two of the file's usual steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Gap {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub hours: f64,
}

/// A row that can't be taken, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Refused {
    pub line: u64,
    pub why: String,
}

/// Rows that can't be taken: the first of them by name, all of them counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RefusedRows {
    pub count: usize,
    named: Vec<Refused>,
}

/// How many rows that can't be taken are named in JSON.
const NAMED_REFUSED: usize = 1_000;

impl RefusedRows {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn note(&mut self, line: u64, why: String) {
        self.count += 1;
        if self.named.len() < NAMED_REFUSED {
            self.named.push(Refused { line, why });
        }
    }

    /// The first of them, in a sentence.
    pub(super) fn sentence(&self, shown: impl Fn(&Refused) -> String) -> String {
        let first: Vec<String> = self.named.iter().take(5).map(shown).collect();
        let more = match self.count - first.len() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        format!("{}{more}", first.join("; "))
    }
}

impl Serialize for RefusedRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.named.serialize(serializer)
    }
}

/// A row as it is read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ShownRow {
    pub line: u64,
    pub at: DateTime<Utc>,
    /// In the unit that was asked for; `at least` for a sum of which part is unknown.
    pub value: String,
}

/// What was met in a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Report {
    pub rows: u64,
    pub accepted: u64,
    /// Samples that the store had already, the same.
    pub already_there: u64,
    /// Rows with a blank value, by line.
    pub blanks: Vec<u64>,
    /// The column of the values, and columns of numbers that weren't taken.
    pub column: String,
    pub columns_left: Vec<String>,
    /// Rows that say the same again, by line.
    pub duplicates: Vec<u64>,
    /// Rows that give a time another value than a row before, by line. Of such a time nothing is taken; of a sum, at least the least.
    pub conflicting: Vec<u64>,
    /// Nothing was stored.
    pub dry_run: bool,
    pub form: Form,
    pub gaps: Vec<Gap>,
    /// Days that aren't over, by line.
    pub not_over: Vec<u64>,
    /// Rows that can't be read, the first 1,000 of `rows_refused`.
    pub refused: RefusedRows,
    /// Rows above the header.
    pub rows_above: u64,
    /// For a dry run: the first and last rows as they would be stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<ShownRow>,
    /// Minutes from row to row, as a median.
    pub step_minutes: Option<i64>,
    pub first: Option<DateTime<Utc>>,
    pub last: Option<DateTime<Utc>>,
    pub time_column: String,
    /// Times of which part is unknown, stored as at least what is known.
    pub unknown: u64,
}

impl Report {
    pub(super) fn of(sheet: &Sheet, value: usize, form: Form) -> Report {
        let name = |place: &usize| sheet.names[*place].clone();
        let left = sheet.columns_of_numbers().into_iter().filter(|place| *place != value);
        Report {
            rows: 0,
            accepted: 0,
            already_there: 0,
            blanks: Vec::new(),
            column: name(&value),
            columns_left: left.map(|place| name(&place)).collect(),
            duplicates: Vec::new(),
            conflicting: Vec::new(),
            dry_run: false,
            form,
            gaps: Vec::new(),
            not_over: Vec::new(),
            refused: RefusedRows::default(),
            rows_above: sheet.rows_above,
            shown: Vec::new(),
            step_minutes: None,
            first: None,
            last: None,
            time_column: sheet.time.iter().map(name).collect::<Vec<_>>().join(" and "),
            unknown: 0,
        }
    }

    /// The usual step, and the gaps that are longer than two of it.
    pub(super) fn measure(&mut self, values: &Values) {
        self.unknown = values.values().filter(|value| value.is_at_least).count() as u64;
        let known = values.iter().filter(|(_, value)| !value.is_at_least);
        let times: Vec<DateTime<Utc>> = known.map(|(at, _)| *at).collect();
        self.first = times.first().copied();
        self.last = times.last().copied();
        let mut steps: Vec<i64> = times.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).collect();
        if steps.is_empty() {
            return;
        }
        let middle = steps.len() / 2;
        let (_, median, _) = steps.select_nth_unstable(middle);
        let step = (*median).max(1);
        self.step_minutes = Some(step / 60);
        self.gaps = times
            .windows(2)
            .filter(|pair| (pair[1] - pair[0]).num_seconds() > 2 * step)
            .map(|pair| Gap { from: pair[0], to: pair[1], hours: (pair[1] - pair[0]).num_seconds() as f64 / 3600.0 })
            .collect();
    }

    /// Keeps the first and last rows for the table of a dry run.
    pub(super) fn show_rows(&mut self, values: &Values) {
        let last = values.len().saturating_sub(SHOWN);
        let is_shown = |place: usize| place < SHOWN || place >= last;
        let rows = values.iter().enumerate().filter(|(place, _)| is_shown(*place)).map(|(_, row)| row);
        self.shown = rows
            .map(|(at, value)| ShownRow {
                line: value.line,
                at: *at,
                value: if value.is_at_least { format!("at least {}", value.text) } else { value.text.clone() },
            })
            .collect();
        self.dry_run = true;
    }

    /// The rows that can't be read, in a sentence.
    pub(super) fn refusal(&self) -> String {
        self.refused.sentence(|one| format!("line {}: {}", one.line, one.why))
    }

    pub(super) fn print(&self, file: &Path, unit: &str, source: &str) {
        if self.dry_run {
            self.print_table(unit, source);
            say!("{}: {} rows, {} samples; nothing was stored", file.display(), self.rows, self.accepted);
        } else {
            let (rows, new, there) = (self.rows, self.accepted, self.already_there);
            say!("{}: {rows} rows, {new} samples new, {there} there already", file.display());
        }
        if let (Some(first), Some(last)) = (self.first, self.last) {
            say!("  from {} to {}", first.format("%Y-%m-%d %H:%M"), last.format("%Y-%m-%d %H:%M UTC"));
        }
        say!("  times from {}, values from {}", self.time_column, self.column);
        if !self.columns_left.is_empty() {
            say!("  columns of numbers not taken: {}", self.columns_left.join(", "));
        }
        let lines = |what: &str, lines: &[u64]| {
            if !lines.is_empty() {
                let shown: Vec<String> = lines.iter().take(NAMED).map(u64::to_string).collect();
                let more = if lines.len() > NAMED { ", ..." } else { "" };
                say!("  {what}: {} (lines {}{more})", lines.len(), shown.join(", "));
            }
        };
        lines("blank values, left out", &self.blanks);
        lines("rows that say the same again", &self.duplicates);
        lines("rows that contradict a row before; such a time is unknown", &self.conflicting);
        lines("days that aren't over, left out", &self.not_over);
        if self.unknown > 0 {
            say!("  times of which part is unknown: {}; sums over them are at least what is known", self.unknown);
        }
        if !self.gaps.is_empty() {
            say!("  gaps: {}; they stay gaps, nothing is filled in", self.gaps.len());
            for gap in self.gaps.iter().take(NAMED) {
                let (from, to) = (gap.from.format("%Y-%m-%d %H:%M"), gap.to.format("%Y-%m-%d %H:%M"));
                say!("    {from} to {to} ({:.1} h)", gap.hours);
            }
        }
    }

    fn print_table(&self, unit: &str, source: &str) {
        let width = self.shown.iter().map(|row| row.value.chars().count()).chain([5]).max().unwrap_or(5);
        say!("{:>8}  {:<24}  {:>width$}  {:<8}  source", "line", "time (UTC)", "value", "unit");
        for (place, row) in self.shown.iter().enumerate() {
            if place == SHOWN && self.shown.len() == 2 * SHOWN {
                say!("{:>8}", "...");
            }
            let at = row.at.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
            say!("{:>8}  {at:<24}  {:>width$}  {unit:<8}  {source}", row.line, row.value);
        }
    }
}

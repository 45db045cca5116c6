//! Owns how values of a file become a batch, and how rows that can't be part of it are named. Must not read files.

use super::import::Arguments;
use super::import_report::Report;
use super::import_rows::{Value, Values};
use super::{CliError, print_json};
use crate::domain::signal::{Kind, Signal};
use crate::domain::telemetry::{self, AcceptedBatch, Batch, Measurement, RowError, SentNumber, SentSample};
use chrono::{DateTime, Utc};

/// What an import is asked for.
pub(super) struct Asked<'a> {
    pub aggregation: Option<&'a str>,
    pub arguments: &'a Arguments,
    pub now: DateTime<Utc>,
    pub signal: Signal,
    pub source: &'a str,
}

impl Asked<'_> {
    /// The values as a batch. What can't be a value of the signal is named; of a sum it leaves its time unknown.
    ///
    /// # Errors
    /// That there is nothing left to import, with the reasons.
    pub(super) fn accept(&self, values: &mut Values, report: &mut Report) -> Result<AcceptedBatch, CliError> {
        loop {
            if values.values().all(|value| value.is_at_least && value.text == "0") {
                let none = "No row has a time and a value".to_owned();
                return Err(self.nothing(&if report.refused.is_empty() { none } else { report.refusal() }));
            }
            match telemetry::accept(&self.batch(values), self.now) {
                Ok(mut accepted) => {
                    for (sample, value) in accepted.samples.iter_mut().zip(values.values()) {
                        if let (Measurement::Value(atoms), true) = (&sample.measurement, value.is_at_least) {
                            sample.measurement = Measurement::AtLeast(*atoms);
                        }
                    }
                    return Ok(accepted);
                }
                Err(errors) => self.leave_out(&errors, values, report)?,
            }
        }
    }

    fn nothing(&self, why: &str) -> CliError {
        CliError::Found(format!("{}: nothing was imported. {why}", self.arguments.file.display()))
    }

    /// Takes rows out that can't be taken, and names them by line.
    ///
    /// # Errors
    /// What is wrong with all of the file.
    pub(super) fn leave_out(
        &self,
        errors: &[RowError],
        values: &mut Values,
        report: &mut Report,
    ) -> Result<(), CliError> {
        if let Some(error) = errors.iter().find(|error| error.index.is_none() || error.field == "unit") {
            return Err(self.nothing(&said(error)));
        }
        let rows: Vec<(DateTime<Utc>, u64)> = values.iter().map(|(at, value)| (*at, value.line)).collect();
        for error in errors {
            let Some((at, line)) = error.index.and_then(|index| rows.get(index as usize)) else {
                continue;
            };
            report.refused.note(*line, said(error));
            match values.get_mut(at) {
                // Something happened up to then, nobody knows how much.
                Some(value) if self.signal.kind() == Kind::Sum && error.field == "value" && !value.is_at_least => {
                    (value.is_at_least, value.text) = (true, "0".to_owned());
                }
                _ => {
                    values.remove(at);
                }
            }
        }
        Ok(())
    }

    fn batch(&self, values: &Values) -> Batch {
        let arguments = self.arguments;
        let sample = |(at, value): (&DateTime<Utc>, &Value)| SentSample {
            aggregation: self.aggregation.map(str::to_owned),
            at: at.to_rfc3339(),
            count: None,
            histogram: None,
            id: None,
            severity: arguments.severity.clone(),
            signal: arguments.signal.clone(),
            unit: arguments.unit.clone(),
            value: Some(SentNumber::Text(value.text.clone())),
        };
        Batch {
            covers: Vec::new(),
            covers_from: None,
            data_through: None,
            environment: Some(arguments.environment.clone()),
            revises: false,
            samples: values.iter().map(sample).collect(),
            source: self.source.to_owned(),
            step_seconds: None,
        }
    }

    /// Says what was done.
    ///
    /// # Errors
    /// Rows that weren't taken, though the others were.
    pub(super) fn end(&self, report: &Report) -> Result<(), CliError> {
        if self.arguments.format.json {
            print_json(report);
        } else {
            report.print(&self.arguments.file, &self.arguments.unit, self.source);
        }
        if report.refused.is_empty() {
            return Ok(());
        }
        let (file, rows) = (self.arguments.file.display(), report.refused.count);
        Err(CliError::Found(format!("{file}: {rows} of {} rows can't be taken. {}", report.rows, report.refusal())))
    }
}

/// What is wrong with a row, in a sentence.
fn said(error: &RowError) -> String {
    if error.detail.starts_with("the ") { error.detail.clone() } else { format!("{} {}", error.field, error.detail) }
}

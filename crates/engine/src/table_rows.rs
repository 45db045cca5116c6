//! Owns what the rows of a founder's own table come to: rows of events are added up by the minute that they fall into, rows of
//! states are taken as they are. Must not know which database they come from.

use super::counting::Unpriced;
use super::decimal::Decimal;
use super::rollup::{MINUTE_MS, minute_of};
use super::signal::{Aggregation, Kind, Series};
use super::telemetry::{self, AcceptedBatch, Batch, Measurement, RowError, SentNumber, SentSample};
use chrono::{DateTime, SubsecRound, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What the rows of one statement mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRule {
    /// What has been done to latencies already; the only way in which rows can tell them.
    pub aggregation: Option<Aggregation>,
    pub series: Series,
    pub unit: String,
}

/// One row, as far as the statement has such columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRow {
    pub at: Option<DateTime<Utc>>,
    /// How many requests an aggregated latency stands for.
    pub count: Option<u64>,
    /// What was used and has no price, by name: the amount is then only the least that it was.
    pub unpriced: Option<String>,
    pub value: Option<String>,
}

/// Which columns the statement has, of those that mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub at: bool,
    pub count: bool,
    pub unpriced: bool,
    pub value: bool,
}

impl Columns {
    /// The columns that are named, and those of them that mean nothing here.
    ///
    /// # Errors
    /// A sentence, where the rows cannot be read for want of a column, or where one means nothing.
    pub fn named<'n>(names: impl Iterator<Item = &'n str>, rule: &RowRule) -> Result<Columns, String> {
        let mut columns = Columns::default();
        for name in names {
            match name.to_ascii_lowercase().as_str() {
                "at" => columns.at = true,
                "count" if rule.aggregation.is_some() => columns.count = true,
                "unpriced" if rule.series == Series::AiSpend => columns.unpriced = true,
                "value" => columns.value = true,
                _ => return Err(format!("its column \"{name}\" means nothing: name what is meant at and value")),
            }
        }
        let kind = rule.series.signal().kind();
        if kind == Kind::Sum && !columns.at {
            return Err("it has no column \"at\": what happened needs its time".to_owned());
        }
        if !columns.value && rule.series.signal().unit() == super::signal::Unit::Usd {
            return Err("it has no column \"value\": each row needs its amount".to_owned());
        }
        if !columns.value && kind != Kind::Sum {
            return Err("it has no column \"value\"".to_owned());
        }
        Ok(columns)
    }
}

/// What was asked, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub columns: Columns,
    /// Rows after this time were asked for; on a whole minute.
    pub from: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub source: &'a str,
    pub step_seconds: u32,
    /// Up to when the table is whole, where that is known.
    pub through: Option<DateTime<Utc>>,
    /// The times of what the source has told of that stretch before: what is no longer there is nothing now.
    pub told: &'a [DateTime<Utc>],
}

/// The batch that rows come to; `None` where they say nothing.
///
/// # Errors
/// A sentence: nothing of the rows is taken then.
pub fn batch(rule: &RowRule, asked: Asked<'_>, rows: Vec<TableRow>) -> Result<Option<AcceptedBatch>, String> {
    let mut unpriced = Unpriced::new();
    let (samples, open) = if rule.series.signal().kind() == Kind::Sum {
        events(rule, asked, rows, &mut unpriced)?
    } else {
        (states(rule, asked, rows)?, BTreeSet::new())
    };
    if samples.is_empty() && asked.through.is_none() {
        return Ok(None);
    }
    let covers = if asked.through.is_some() && rule.series.severity().is_none() {
        vec![rule.series.signal().name().to_owned()]
    } else {
        Vec::new()
    };
    let batch = Batch {
        covers,
        covers_from: asked.through.map(|through| asked.from.min(through).to_rfc3339()),
        data_through: asked.through.map(|through| through.to_rfc3339()),
        environment: None,
        revises: true,
        samples,
        source: asked.source.to_owned(),
        step_seconds: Some(asked.step_seconds),
    };
    let mut accepted = telemetry::accept(&batch, asked.now).map_err(|errors| sentence(&errors, &batch))?;
    for sample in &mut accepted.samples {
        if let Measurement::Value(atoms) = sample.measurement
            && open.contains(&sample.at)
        {
            sample.measurement = Measurement::AtLeast(atoms);
        }
    }
    accepted.unpriced = unpriced;
    Ok(Some(accepted))
}

fn sentence(errors: &[RowError], batch: &Batch) -> String {
    let Some(first) = errors.first() else {
        return "its rows cannot be read".to_owned();
    };
    let row = first.index.and_then(|index| batch.samples.get(index as usize));
    let at = row.map_or_else(String::new, |row| format!(" at {}", row.at));
    format!("a row{at} cannot be taken: {} {}", first.field, first.detail)
}

fn sample(rule: &RowRule, at: DateTime<Utc>, value: SentNumber) -> SentSample {
    SentSample {
        aggregation: rule.aggregation.map(|aggregation| aggregation.name().to_owned()),
        at: at.to_rfc3339(),
        count: None,
        histogram: None,
        id: None,
        severity: rule.series.severity().map(|severity| severity.name().to_owned()),
        signal: rule.series.signal().name().to_owned(),
        unit: rule.unit.clone(),
        value: Some(value),
    }
}

type Minutes = BTreeMap<DateTime<Utc>, Decimal>;

/// What happened, added up by the minute; with the minutes of which only the least is known.
fn events(
    rule: &RowRule,
    asked: Asked<'_>,
    rows: Vec<TableRow>,
    unpriced: &mut Unpriced,
) -> Result<(Vec<SentSample>, BTreeSet<DateTime<Utc>>), String> {
    let mut minutes: Minutes = asked.told.iter().map(|at| (*at, Decimal::from_units(0, 0))).collect();
    let mut open = BTreeSet::new();
    for row in rows {
        let at = row.at.ok_or("a row has no time in \"at\" that can be read")?;
        let minute = DateTime::from_timestamp_millis(minute_of(at.timestamp_millis()) * MINUTE_MS)
            .ok_or_else(|| format!("{at} is no time"))?;
        let amount = match &row.value {
            None if asked.columns.value => return Err(format!("the row at {at} has no value: nothing is assumed")),
            None => Decimal::from_units(1, 0),
            Some(text) => Decimal::parse(text.trim())
                .map_err(|error| format!("the value \"{text}\" of the row at {at} cannot be taken: it {error}"))?,
        };
        let sum = minutes.entry(minute).or_insert_with(|| Decimal::from_units(0, 0));
        *sum =
            sum.checked_add(amount).ok_or_else(|| format!("the values of the minute up to {minute} are too large"))?;
        if let Some(name) = row.unpriced.filter(|name| !name.is_empty()) {
            open.insert(minute);
            let last = unpriced.entry(name).or_insert(minute);
            *last = minute.max(*last);
        }
    }
    let samples = minutes.into_iter().map(|(at, sum)| sample(rule, at, SentNumber::Text(sum.to_string())));
    Ok((samples.collect(), open))
}

/// What was, at the times that the rows say, or now where the statement has no times.
fn states(rule: &RowRule, asked: Asked<'_>, rows: Vec<TableRow>) -> Result<Vec<SentSample>, String> {
    if !asked.columns.at && rows.len() > 1 {
        return Err("it gives several rows without \"at\": one is what is true now".to_owned());
    }
    let mut times = BTreeSet::new();
    rows.into_iter()
        .map(|row| {
            let at = match row.at {
                Some(at) => at,
                None if asked.columns.at => return Err("a row has no time in \"at\" that can be read".to_owned()),
                None => asked.now.trunc_subsecs(0),
            };
            if !times.insert(at) {
                return Err(format!("it gives two rows at {at}: group them into one"));
            }
            let value = row.value.ok_or_else(|| format!("the row at {at} has no value: nothing is assumed"))?;
            let count = row.count;
            Ok(SentSample { count, ..sample(rule, at, SentNumber::Text(value)) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rule(series: Series) -> RowRule {
        RowRule { aggregation: None, series, unit: series.signal().unit().name().to_owned() }
    }

    fn asked(columns: &[&str], series: Series) -> Asked<'static> {
        Asked {
            columns: Columns::named(columns.iter().copied(), &rule(series)).unwrap(),
            from: at("2026-11-24T02:00:00Z"),
            now: at("2026-11-24T03:00:30Z"),
            source: "shop",
            step_seconds: 60,
            through: None,
            told: &[],
        }
    }

    fn row(when: &str, value: Option<&str>) -> TableRow {
        TableRow { at: Some(at(when)), value: value.map(str::to_owned), ..TableRow::default() }
    }

    fn values(batch: &AcceptedBatch) -> Vec<(String, Measurement)> {
        batch.samples.iter().map(|one| (one.at.format("%H:%M:%S").to_string(), one.measurement.clone())).collect()
    }

    #[test]
    fn events_are_added_up_by_the_minute_that_they_fall_into() {
        let rows = vec![
            row("2026-11-24T02:00:00.001Z", Some("0.10")),
            row("2026-11-24T02:01:00Z", Some("0.20")),
            row("2026-11-24T02:01:00.5Z", Some("3")),
        ];
        let batch = batch(&rule(Series::AiSpend), asked(&["at", "value"], Series::AiSpend), rows).unwrap().unwrap();
        assert_eq!(
            values(&batch),
            [
                ("02:01:00".to_owned(), Measurement::Value(300_000)),
                ("02:02:00".to_owned(), Measurement::Value(3_000_000))
            ]
        );
        assert!(batch.revises && batch.watermark.is_none());
    }

    #[test]
    fn rows_without_a_column_of_values_count_one_each() {
        let rows = vec![row("2026-11-24T02:00:10Z", None), row("2026-11-24T02:00:20Z", None)];
        let series = Series::PostsPublished;
        let batch = batch(&rule(series), asked(&["at"], series), rows.clone()).unwrap().unwrap();
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::Value(2))]);
        // A value that is there and unknown is not one.
        let refused = super::batch(&rule(series), asked(&["at", "value"], series), rows).unwrap_err();
        assert!(refused.contains("has no value"), "{refused}");
    }

    #[test]
    fn no_rows_are_nothing_unless_the_table_is_whole() {
        let series = Series::PostsPublished;
        assert_eq!(batch(&rule(series), asked(&["at"], series), Vec::new()).unwrap(), None);
        let whole = Asked { through: Some(at("2026-11-24T03:00:00Z")), ..asked(&["at"], series) };
        let watermark = batch(&rule(series), whole, Vec::new()).unwrap().unwrap().watermark.unwrap();
        assert_eq!(watermark.covers_from, Some(at("2026-11-24T02:00:00Z")));
        assert_eq!(watermark.data_through, at("2026-11-24T03:00:00Z"));
    }

    #[test]
    fn what_was_told_and_is_gone_becomes_nothing() {
        let series = Series::AiSpend;
        let told = [at("2026-11-24T02:01:00Z"), at("2026-11-24T02:02:00Z")];
        let asked = Asked { told: &told, ..asked(&["at", "value"], series) };
        let batch = batch(&rule(series), asked, vec![row("2026-11-24T02:01:30Z", Some("1"))]).unwrap().unwrap();
        assert_eq!(
            values(&batch),
            [("02:01:00".to_owned(), Measurement::Value(0)), ("02:02:00".to_owned(), Measurement::Value(1_000_000))]
        );
    }

    #[test]
    fn what_has_no_price_leaves_only_the_least() {
        let series = Series::AiSpend;
        let free = TableRow { unpriced: Some("new-model".to_owned()), ..row("2026-11-24T02:00:10Z", Some("0")) };
        let rows = vec![row("2026-11-24T02:00:05Z", Some("0.5")), free];
        let batch = batch(&rule(series), asked(&["at", "value", "unpriced"], series), rows).unwrap().unwrap();
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::AtLeast(500_000))]);
        assert_eq!(batch.unpriced.keys().collect::<Vec<_>>(), ["new-model"]);
    }

    #[test]
    fn a_state_without_a_time_is_what_is_true_now() {
        let series = Series::ClientsActive;
        let now = TableRow { value: Some("12".to_owned()), ..TableRow::default() };
        let taken = batch(&rule(series), asked(&["VALUE"], series), vec![now.clone()]).unwrap().unwrap();
        assert_eq!(values(&taken), [("03:00:30".to_owned(), Measurement::Value(12))]);
        assert!(batch(&rule(series), asked(&["value"], series), vec![now.clone(), now]).is_err());
        assert_eq!(batch(&rule(series), asked(&["value"], series), Vec::new()).unwrap(), None);
    }

    #[test]
    fn columns_that_mean_nothing_or_are_missing_are_named() {
        let named = |columns: &[&str], series| Columns::named(columns.iter().copied(), &rule(series));
        assert!(named(&["at", "amount"], Series::AiSpend).unwrap_err().contains("\"amount\""));
        assert!(named(&["at"], Series::AiSpend).unwrap_err().contains("\"value\""));
        assert!(named(&["value"], Series::PostsPublished).unwrap_err().contains("\"at\""));
        assert!(named(&["at"], Series::ClientsActive).unwrap_err().contains("\"value\""));
        assert!(named(&["at", "value", "unpriced"], Series::PostsPublished).is_err());
    }
}

//! Owns what the rows of a founder's own table come to: rows of events are added up by the minute that they fall into, rows of
//! states are taken as they are. Must not know which database they come from.

use super::counting::Unpriced;
use super::decimal::{Decimal, DecimalError, Rounding};
use super::rollup::{MINUTE_MS, minute_of};
use super::signal::{Aggregation, Kind, Series, Unit};
use super::telemetry::{self, AcceptedBatch, Batch, Measurement, SentNumber, SentSample};
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
    pub count: Option<i64>,
    /// Usage that has no price, by name: the amount is then only the least that it was.
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

/// The query, and when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub columns: Columns,
    /// Rows after this time were asked for; on a whole minute.
    pub from: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub source: &'a str,
    pub step_seconds: u32,
    /// Up to when the table is complete, if that is known.
    pub through: Option<DateTime<Utc>>,
    /// Rows up to this time were asked for; on a whole minute.
    pub to: DateTime<Utc>,
    /// The times that the source has reported for that stretch before: what is no longer there is nothing now.
    pub told: &'a [DateTime<Utc>],
}

/// A row that could not be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// `None` if its time could not be read.
    pub at: Option<DateTime<Utc>>,
    pub why: String,
}

/// What rows come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// `None` where the rows say nothing.
    pub batch: Option<AcceptedBatch>,
    pub refused: Vec<RefusedRow>,
}

/// The batch that rows come to. A row that cannot be read costs no other: of what happened, its minute is known only as at
/// least what the others say (without a time that can be read, the last minute that was asked for is); of what is, its
/// time is left out.
///
/// # Errors
/// A sentence, if the statement itself cannot be used: nothing of it is taken then.
pub fn batch(rule: &RowRule, asked: Asked<'_>, rows: Vec<TableRow>) -> Result<Told, String> {
    let mut unpriced = Unpriced::new();
    let mut refused = Vec::new();
    let (samples, mut open) = if rule.series.signal().kind() == Kind::Sum {
        events(rule, asked, rows, (&mut unpriced, &mut refused))
    } else {
        (states(rule, asked, rows, &mut refused)?, BTreeSet::new())
    };
    if samples.is_empty() && asked.through.is_none() {
        return Ok(Told { batch: None, refused });
    }
    let covers = if asked.through.is_some() && rule.series.severity().is_none() {
        vec![rule.series.signal().name().to_owned()]
    } else {
        Vec::new()
    };
    let mut batch = Batch {
        covers,
        covers_from: asked.through.map(|through| asked.from.min(through).to_rfc3339()),
        data_through: asked.through.map(|through| through.to_rfc3339()),
        environment: None,
        revises: true,
        samples,
        source: asked.source.to_owned(),
        step_seconds: Some(asked.step_seconds),
    };
    let mut accepted = match telemetry::accept(&batch, asked.now) {
        Ok(accepted) => accepted,
        Err(errors) => {
            // Each was read by itself: what is left are times and sums that cannot be kept.
            let mut place = 0u32;
            let is_sum = rule.series.signal().kind() == Kind::Sum;
            batch.samples.retain_mut(|sample| {
                let error = errors.iter().find(|error| error.index == Some(place));
                place += 1;
                let Some(error) = error else { return true };
                let at = sample.at.parse().ok();
                refused.push(RefusedRow { at, why: format!("the {} {}", error.field, error.detail) });
                // What happened in a minute that is too large to be kept is still something.
                sample.value = Some(SentNumber::Whole(0));
                open.extend(at);
                is_sum && error.field == "value"
            });
            if batch.samples.is_empty() && batch.data_through.is_none() {
                return Ok(Told { batch: None, refused });
            }
            telemetry::accept(&batch, asked.now).map_err(|errors| {
                let first = errors.first().map(|error| format!("{} {}", error.field, error.detail));
                format!("its rows cannot be taken: {}", first.unwrap_or_default())
            })?
        }
    };
    for sample in &mut accepted.samples {
        if let Measurement::Value(atoms) = sample.measurement
            && open.contains(&sample.at)
        {
            sample.measurement = Measurement::AtLeast(atoms);
        }
    }
    accepted.unpriced = unpriced;
    Ok(Told { batch: Some(accepted), refused })
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

/// What happened in a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    /// It is at least this much: something of it is not known.
    is_open: bool,
    /// Something of it was taken back, so that not even the least of it is known.
    is_unknown: bool,
    sum: Decimal,
}

/// What happened, added up by the minute; with the minutes of which only the least is known.
fn events(
    rule: &RowRule,
    asked: Asked<'_>,
    rows: Vec<TableRow>,
    (unpriced, refused): (&mut Unpriced, &mut Vec<RefusedRow>),
) -> (Vec<SentSample>, BTreeSet<DateTime<Utc>>) {
    let mut minutes: BTreeMap<DateTime<Utc>, Minute> = asked.told.iter().map(|at| (*at, Minute::default())).collect();
    for row in rows {
        let time = row.at.and_then(|at| DateTime::from_timestamp_millis(minute_of(at.timestamp_millis()) * MINUTE_MS));
        let (Some(at), Some(minute)) = (row.at, time) else {
            // It happened at some time, perhaps in this stretch: the end of it is open.
            minutes.entry(asked.to).or_default().is_open = true;
            refused.push(RefusedRow { at: None, why: "it has no time in \"at\" that can be read".to_owned() });
            continue;
        };
        let entry = minutes.entry(minute).or_default();
        match amount(rule, asked.columns, row.value.as_deref()) {
            Ok(amount) => match entry.sum.checked_add(amount) {
                Some(sum) => entry.sum = sum,
                None => {
                    entry.is_open = true;
                    refused.push(RefusedRow { at: Some(at), why: "its minute adds up to too much".to_owned() });
                }
            },
            Err((why, is_negative)) => {
                entry.is_open = true;
                entry.is_unknown |= is_negative;
                refused.push(RefusedRow { at: Some(at), why });
            }
        }
        if let Some(name) = row.unpriced.filter(|name| !name.is_empty()) {
            entry.is_open = true;
            let last = unpriced.entry(name).or_insert(minute);
            *last = minute.max(*last);
        }
    }
    let open = minutes.iter().filter(|(_, minute)| minute.is_open || minute.is_unknown).map(|(at, _)| *at).collect();
    let samples = minutes.into_iter().map(|(at, minute)| {
        let sum = if minute.is_unknown { Decimal::ZERO } else { minute.sum };
        sample(rule, at, SentNumber::Text(sum.to_string()))
    });
    (samples.collect(), open)
}

/// What one row counts, or why it cannot be taken and whether it takes back.
fn amount(rule: &RowRule, columns: Columns, value: Option<&str>) -> Result<Decimal, (String, bool)> {
    let Some(text) = value else {
        return match columns.value {
            true => Err(("it has no value".to_owned(), false)),
            false => Ok(Decimal::from_units(1, 0)),
        };
    };
    let wrong = |error: DecimalError| {
        (format!("its value \"{}\" {error}", telemetry::shorten(text)), error == DecimalError::Negative)
    };
    if Unit::from_name(&rule.unit) == Some(Unit::Usd) {
        return Decimal::parse_rounded(text.trim(), Rounding::Up).map_err(wrong);
    }
    let whole =
        || (format!("its value \"{}\" must be whole: {} are counted", telemetry::shorten(text), rule.unit), false);
    match Decimal::parse(text.trim()) {
        Ok(amount) if amount.to_units_nearest(0).is_some() && amount.to_units(0).is_none() => Err(whole()),
        Err(DecimalError::TooFine) => Err(whole()),
        read => read.map_err(wrong),
    }
}

/// What was, at the times that the rows say, or now where the statement has no times.
fn states(
    rule: &RowRule,
    asked: Asked<'_>,
    rows: Vec<TableRow>,
    refused: &mut Vec<RefusedRow>,
) -> Result<Vec<SentSample>, String> {
    if !asked.columns.at && rows.len() > 1 {
        return Err("it gives several rows without \"at\": one is what is true now".to_owned());
    }
    let mut samples: BTreeMap<DateTime<Utc>, Option<SentSample>> = BTreeMap::new();
    for row in rows {
        let at = match row.at {
            Some(at) => at,
            None if asked.columns.at => {
                refused.push(RefusedRow { at: None, why: "it has no time in \"at\" that can be read".to_owned() });
                continue;
            }
            None => asked.now.trunc_subsecs(0),
        };
        let (count, value) = (row.count.map(u64::try_from).transpose(), row.value);
        let (count, value, why) = match (count, value) {
            (Err(_), _) => (None, None, Some("its count is negative")),
            (_, None) => (None, None, Some("it has no value")),
            (Ok(count), value) => (count, value, None),
        };
        if let Some(why) = why {
            if !asked.columns.at {
                return Err(format!("{why}: nothing is assumed"));
            }
            refused.push(RefusedRow { at: Some(at), why: why.to_owned() });
            continue;
        }
        let said = value.map(|value| SentSample { count, ..sample(rule, at, SentNumber::Text(value)) });
        let is_second = samples.contains_key(&at);
        if is_second {
            refused.push(RefusedRow { at: Some(at), why: "two rows have this time: group them into one".to_owned() });
        }
        // Of two at one time neither is taken: nothing says which is right.
        samples.insert(at, said.filter(|_| !is_second));
    }
    let samples: Vec<SentSample> = samples.into_values().flatten().collect();
    if asked.columns.at {
        return Ok(samples);
    }
    // The one row of what is now: a value that cannot be read is the statement's own fault.
    let batch = Batch { samples, source: asked.source.to_owned(), ..Batch::default() };
    match telemetry::accept(&batch, asked.now) {
        Err(errors) if !batch.samples.is_empty() => {
            let first = errors.first().map(|error| format!("the {} {}", error.field, error.detail));
            Err(first.unwrap_or_default())
        }
        _ => Ok(batch.samples),
    }
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
            to: at("2026-11-24T03:00:00Z"),
            told: &[],
        }
    }

    fn told(series: Series, asked: Asked<'_>, rows: Vec<TableRow>) -> (AcceptedBatch, Vec<String>) {
        let told = batch(&rule(series), asked, rows).unwrap();
        (told.batch.unwrap(), told.refused.into_iter().map(|row| row.why).collect())
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
        let (batch, refused) = told(Series::AiSpend, asked(&["at", "value"], Series::AiSpend), rows);
        assert!(refused.is_empty());
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
        let (batch, _) = told(series, asked(&["at"], series), rows.clone());
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::Value(2))]);
        // A value that is there and unknown is not one.
        let (batch, refused) = told(series, asked(&["at", "value"], series), rows);
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::AtLeast(0))]);
        assert_eq!(refused, ["it has no value", "it has no value"]);
    }

    #[test]
    fn no_rows_are_nothing_unless_the_table_is_complete() {
        let series = Series::PostsPublished;
        assert_eq!(batch(&rule(series), asked(&["at"], series), Vec::new()).unwrap(), Told::default());
        let whole = Asked { through: Some(at("2026-11-24T03:00:00Z")), ..asked(&["at"], series) };
        let watermark = told(series, whole, Vec::new()).0.watermark.unwrap();
        assert_eq!(watermark.covers_from, Some(at("2026-11-24T02:00:00Z")));
        assert_eq!(watermark.data_through, at("2026-11-24T03:00:00Z"));
    }

    #[test]
    fn what_was_reported_and_is_gone_becomes_nothing() {
        let series = Series::AiSpend;
        let before = [at("2026-11-24T02:01:00Z"), at("2026-11-24T02:02:00Z")];
        let asked = Asked { told: &before, ..asked(&["at", "value"], series) };
        let (batch, _) = told(series, asked, vec![row("2026-11-24T02:01:30Z", Some("1"))]);
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
        let (batch, _) = told(series, asked(&["at", "value", "unpriced"], series), rows);
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::AtLeast(500_000))]);
        assert_eq!(batch.unpriced.keys().collect::<Vec<_>>(), ["new-model"]);
    }

    #[test]
    fn a_state_without_a_time_is_what_is_true_now() {
        let series = Series::ClientsActive;
        let now = TableRow { value: Some("12".to_owned()), ..TableRow::default() };
        let (taken, _) = told(series, asked(&["VALUE"], series), vec![now.clone()]);
        assert_eq!(values(&taken), [("03:00:30".to_owned(), Measurement::Value(12))]);
        assert!(batch(&rule(series), asked(&["value"], series), vec![now.clone(), now]).is_err());
        assert_eq!(batch(&rule(series), asked(&["value"], series), Vec::new()).unwrap(), Told::default());
        for wrong in [None, Some("many"), Some("-1"), Some("1.5")] {
            let now = TableRow { value: wrong.map(str::to_owned), ..TableRow::default() };
            assert!(batch(&rule(series), asked(&["value"], series), vec![now]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn one_row_that_cannot_be_read_leaves_its_own_minute_open_and_no_other() {
        let series = Series::AiSpend;
        for (bad, least, why) in [
            (Some("many"), 250_000, "its value \"many\" is not a number"),
            (Some("NaN"), 250_000, "its value \"NaN\" is not a number"),
            (Some("1e40"), 250_000, "its value \"1e40\" is too large"),
            (None, 250_000, "it has no value"),
            // The amount that was taken back may be more than the rest.
            (Some("-0.10"), 0, "its value \"-0.10\" is negative; amounts are zero or more"),
        ] {
            let rows = vec![
                row("2026-11-24T02:00:10Z", Some("0.50")),
                row("2026-11-24T02:01:10Z", Some("0.25")),
                row("2026-11-24T02:01:20Z", bad),
                row("2026-11-24T02:02:10Z", Some("4.5449999999999993e-05")),
            ];
            let (batch, refused) = told(series, asked(&["at", "value"], series), rows);
            let expected = [
                ("02:01:00".to_owned(), Measurement::Value(500_000)),
                ("02:02:00".to_owned(), Measurement::AtLeast(least)),
                ("02:03:00".to_owned(), Measurement::Value(46)),
            ];
            assert_eq!((values(&batch).as_slice(), refused), (&expected[..], vec![why.to_owned()]), "{bad:?}");
        }
    }

    #[test]
    fn a_row_without_a_time_leaves_the_end_of_the_stretch_open() {
        let series = Series::PostsPublished;
        let rows = vec![row("2026-11-24T02:00:10Z", None), TableRow::default()];
        let whole = Asked { through: Some(at("2026-11-24T03:00:00Z")), ..asked(&["at"], series) };
        let (batch, refused) = told(series, whole, rows);
        let expected =
            [("02:01:00".to_owned(), Measurement::Value(1)), ("03:00:00".to_owned(), Measurement::AtLeast(0))];
        assert_eq!(values(&batch), expected);
        assert_eq!(refused, ["it has no time in \"at\" that can be read"]);
    }

    #[test]
    fn things_that_are_counted_are_refused_row_by_row_if_they_are_fractions() {
        let series = Series::PostsPublished;
        let rows = vec![row("2026-11-24T02:00:10Z", Some("1.5")), row("2026-11-24T02:00:20Z", Some("1.5"))];
        let (batch, refused) = told(series, asked(&["at", "value"], series), rows);
        assert_eq!(values(&batch), [("02:01:00".to_owned(), Measurement::AtLeast(0))]);
        assert!(refused.iter().all(|why| why.contains("must be whole")), "{refused:?}");
    }

    #[test]
    fn a_state_that_cannot_be_read_is_left_out_and_the_others_are_reported() {
        let series = Series::ClientsActive;
        let rows = vec![
            row("2026-11-24T02:00:00Z", Some("12")),
            row("2026-11-24T02:01:00Z", None),
            row("2026-11-24T02:02:00Z", Some("many")),
            row("2026-11-24T02:03:00Z", Some("13")),
            row("2026-11-24T02:03:00Z", Some("14")),
            TableRow { value: Some("15".to_owned()), ..TableRow::default() },
            row("2026-11-24T02:04:00Z", Some("16")),
        ];
        let (batch, refused) = told(series, asked(&["at", "value"], series), rows);
        let expected =
            [("02:00:00".to_owned(), Measurement::Value(12)), ("02:04:00".to_owned(), Measurement::Value(16))];
        assert_eq!(values(&batch), expected);
        assert_eq!(refused.len(), 4, "{refused:?}");
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

//! Owns telemetry at the door: the batch as it is sent, what makes a sample acceptable, and the accepted form.
//! Must not know how samples are stored or what they decide. Every bad row is named, and costs no other.

use super::counting::Unpriced;
use super::cumulative::Reading;
use super::decimal::{Decimal, DecimalError, Rounding};
use super::exporters::Spoken;
use super::histogram::Histogram;
use super::money::BatchSum;
use super::signal::{Aggregation, Kind, Series, Severity, Signal, Unit};
use crate::sender::Sender;
use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// How far ahead of the server's clock a sample may lie.
pub const MAX_AHEAD: Duration = Duration::minutes(5);
/// The largest value, in atoms of its unit: 2⁵³, which every JSON reader keeps exactly.
pub const MAX_ATOMS: u64 = 1 << 53;
/// The longest name of a source, and the longest id of a sample, in characters.
pub const MAX_NAME: usize = 128;

/// A number as it is sent: JSON number or decimal text. Money is best sent as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SentNumber {
    Whole(u64),
    Number(f64),
    Text(String),
    /// Anything else, which is refused where it is.
    #[schemars(skip)]
    Other(serde_json::Value),
}

impl SentNumber {
    /// The number; what is finer than is kept is rounded up for money, down for the rest, and refused where things are counted.
    fn decimal(&self, unit: Unit) -> Result<Decimal, DecimalError> {
        let read = |text: &str| match unit {
            Unit::Usd => Decimal::parse_rounded(text, Rounding::Up),
            Unit::Clients | Unit::Events | Unit::Posts | Unit::Requests => Decimal::parse(text),
            Unit::Milliseconds | Unit::Percent | Unit::Ratio => Decimal::parse_rounded(text, Rounding::Down),
        };
        match self {
            SentNumber::Whole(value) => Ok(Decimal::from_units(*value, 0)),
            // The shortest text that reads back as this number is what was sent, up to 15 digits.
            SentNumber::Number(value) if value.is_finite() => read(&format!("{value}")),
            SentNumber::Number(_) | SentNumber::Other(_) => Err(DecimalError::NotANumber),
            SentNumber::Text(text) => read(text.trim()),
        }
    }
}

/// A latency distribution as it is sent: `counts[i]` requests took at most `bounds[i]` and more than the bound before;
/// one more count than bounds holds those above the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentHistogram {
    /// Upper bounds in milliseconds, ascending.
    pub bounds: Vec<f64>,
    pub counts: Vec<u64>,
}

/// One sample as it is sent. Names are text here, so that each wrong one is reported in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentSample {
    /// For `infra.latency`: what the source has done already, `p95` or `mean`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<String>,
    /// RFC 3339.
    pub at: String,
    /// For an aggregated latency: how many requests it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// For `infra.latency`, in place of `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<SentHistogram>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// For `warnings.open`: info, warning or critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    pub signal: String,
    pub unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<SentNumber>,
}

/// A batch as it is sent to `POST /api/telemetry`. Fields are in alphabetical order: its canonical form tells requests apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Signals that `data_through` vouches for, beside those that the batch carries.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Since when the source's data has no gaps; by default its first sample.
    #[serde(default)]
    pub covers_from: Option<String>,
    /// Up to when the source vouches for its data.
    #[serde(default)]
    pub data_through: Option<String>,
    /// The environment, `production` when left out.
    #[serde(default)]
    pub environment: Option<String>,
    /// The source may send a sample again with another value, which then replaces the first.
    #[serde(default)]
    pub revises: bool,
    #[serde(default)]
    pub samples: Vec<SentSample>,
    /// The source: a name of the sender's choice, kept with every number.
    pub source: String,
    /// Seconds from sample to sample, where the source knows; else the median seen.
    #[serde(default)]
    pub step_seconds: Option<u32>,
}

/// The mistake in a row of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowError {
    pub detail: String,
    pub field: String,
    /// The row's place in `samples`, from 0; `None` where the batch itself is wrong.
    pub index: Option<u32>,
}

/// The result of sending a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Samples that are new.
    pub accepted: u64,
    /// Samples that were there already, the same.
    pub duplicates: u64,
}

/// What a sample measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// A number of which only this much is known, in atoms: part of what was counted has no price.
    AtLeast(u64),
    /// A number in atoms of the signal's unit (see [`Unit::atoms`]).
    Value(u64),
    /// A latency that its source has aggregated, in nanoseconds, over `count` requests where it says so.
    Aggregated {
        aggregation: Aggregation,
        count: Option<u64>,
        nanos: u64,
    },
    Histogram(Histogram),
}

/// One acceptable sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub at: DateTime<Utc>,
    /// The exact amount where it is finer than the atoms kept, so that the same sent again is known as the same.
    pub exact: Option<String>,
    pub id: Option<String>,
    pub measurement: Measurement,
    pub series: Series,
}

/// A source's statement that its data is complete up to a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    pub covers_from: Option<DateTime<Utc>>,
    pub data_through: DateTime<Utc>,
    pub series: BTreeSet<Series>,
}

/// An acceptable batch, ready to be stored whole or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcceptedBatch {
    /// What counters say; their growth is counted against what is known of them.
    pub readings: Vec<Reading>,
    /// A sample that is there with another value is replaced rather than refused.
    pub revises: bool,
    pub samples: Vec<Sample>,
    /// The source that says it.
    pub sender: Sender,
    pub source: String,
    /// The exporters of the gauges among the samples, if several exporters may share the source's name.
    pub spoken: Vec<Spoken>,
    /// Minutes from sample to sample, where the source says so (at least one).
    pub step_minutes: Option<u32>,
    /// Usage that was counted and has no price.
    pub unpriced: Unpriced,
    pub watermark: Option<Watermark>,
}

/// Whether a source may be called so.
pub fn is_source_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(crate::access::is_hidden)
}

impl AcceptedBatch {
    /// The signals that the batch says something of, each once.
    pub fn signals(&self) -> Vec<Signal> {
        let sampled = self.samples.iter().map(|sample| sample.series.signal());
        let read = self.readings.iter().map(|reading| reading.series.signal());
        sampled.chain(read).collect::<BTreeSet<Signal>>().into_iter().collect()
    }
}

/// A batch as far as it can be taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub accepted: AcceptedBatch,
    /// Every row that is left out, and every other mistake.
    pub errors: Vec<RowError>,
    /// Which row of the batch each accepted sample is.
    pub places: Vec<u32>,
}

/// Checks a batch against everything that does not need the store.
///
/// # Errors
/// Every bad row, each with its field; nothing is accepted then.
pub fn accept(batch: &Batch, now: DateTime<Utc>) -> Result<AcceptedBatch, Vec<RowError>> {
    let taken = accept_rows(batch, now, &[])?;
    if taken.errors.is_empty() { Ok(taken.accepted) } else { Err(taken.errors) }
}

/// Takes the rows of a batch that can be taken, and names the others. What a row that is left out would have said stays unknown:
/// of a sum its time is open (*at least*), and `data_through` does not confirm a signal of which a row is missing.
///
/// `refused` are rows that the store has refused before: they are left out, too.
///
/// # Errors
/// Every mistake, if nothing at all can be taken.
pub fn accept_rows(batch: &Batch, now: DateTime<Utc>, refused: &[RowError]) -> Result<Taken, Vec<RowError>> {
    let mut errors = refused.to_vec();
    let refused: BTreeSet<Option<u32>> = refused.iter().map(|row| row.index).collect();
    let source = batch.source.trim().to_owned();
    if !is_source_name(&source) {
        errors.push(batch_error("source", format!("needs a name of 1 to {MAX_NAME} printable characters")));
    }
    let mut spend = BatchSum::default();
    let mut samples = Vec::with_capacity(batch.samples.len());
    let (mut places, mut left_out) = (Vec::new(), Vec::new());
    for (index, sent) in (0u32..).zip(&batch.samples) {
        if refused.contains(&Some(index)) {
            continue;
        }
        match accept_sample(sent, now, &mut spend) {
            Ok(sample) => {
                samples.push(sample);
                places.push(index);
            }
            Err((field, detail)) => {
                left_out.push((index, sent));
                errors.push(RowError { detail, field: field.to_owned(), index: Some(index) });
            }
        }
    }
    let mut watermark =
        accept_watermark(batch, &samples, now, &mut errors).filter(|watermark| !watermark.series.is_empty());
    if batch.samples.is_empty() && watermark.is_none() && errors.is_empty() {
        errors.push(batch_error("samples", "is empty and there is no data_through: nothing is said"));
    }
    let says_nothing = samples.is_empty() && (watermark.is_none() || !left_out.is_empty());
    if says_nothing || errors.iter().any(|error| error.field == "source") {
        errors.sort_by_key(|error| error.index);
        return Err(errors);
    }
    leave_open(&left_out, now, (&mut samples, &mut places), &mut watermark);
    errors.sort_by_key(|error| error.index);
    let watermark = watermark.filter(|watermark| !watermark.series.is_empty());
    let step_minutes = batch.step_seconds.map(|seconds| seconds.div_ceil(60).max(1));
    let accepted =
        AcceptedBatch { revises: batch.revises, samples, source, step_minutes, watermark, ..AcceptedBatch::default() };
    Ok(Taken { accepted, errors, places })
}

/// Leaves unknown what rows would have said that are left out. What marks the time of a row has that row's place.
fn leave_open(
    left_out: &[(u32, &SentSample)],
    now: DateTime<Utc>,
    (samples, places): (&mut Vec<Sample>, &mut Vec<u32>),
    watermark: &mut Option<Watermark>,
) {
    if left_out.is_empty() {
        return;
    }
    type Place = (Series, DateTime<Utc>, Option<String>);
    let place = |(index, sample): (usize, &Sample)| ((sample.series, sample.at, sample.id.clone()), index);
    let mut there: HashMap<Place, usize> = samples.iter().enumerate().map(place).collect();
    let mut of_any_time = BTreeSet::new();
    for (index, sent) in left_out {
        let signal = Signal::from_name(&sent.signal);
        let Some(series) = signal.and_then(|signal| accept_series(signal, sent.severity.as_deref()).ok()) else {
            // It may have been a row of any signal.
            *watermark = None;
            continue;
        };
        match (series.signal().kind(), accept_time(&sent.at, now)) {
            (Kind::Sum, Ok(at)) => {
                let id = sent.id.clone().filter(|id| is_id(id));
                match there.get(&(series, at, id.clone())) {
                    Some(place) => open(&mut samples[*place]),
                    None => {
                        there.insert((series, at, id.clone()), samples.len());
                        samples.push(Sample { at, exact: None, id, measurement: Measurement::AtLeast(0), series });
                        places.push(*index);
                    }
                }
            }
            (Kind::Sum, Err(_)) => {
                of_any_time.insert(series);
            }
            (Kind::Distribution, _) => {
                if let Some(watermark) = watermark {
                    watermark.series.remove(&series);
                }
            }
            // It is known only where it was sampled.
            (Kind::Gauge | Kind::Level, _) => {}
        }
    }
    samples.iter_mut().filter(|sample| of_any_time.contains(&sample.series)).for_each(open);
}

fn open(sample: &mut Sample) {
    if let Measurement::Value(atoms) = sample.measurement {
        sample.measurement = Measurement::AtLeast(atoms);
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_NAME
}

fn batch_error(field: &str, detail: impl Into<String>) -> RowError {
    RowError { detail: detail.into(), field: field.to_owned(), index: None }
}

type Refusal = (&'static str, String);

fn accept_sample(sent: &SentSample, now: DateTime<Utc>, spend: &mut BatchSum) -> Result<Sample, Refusal> {
    let signal = Signal::from_name(&sent.signal)
        .ok_or_else(|| ("signal", format!("there is no signal \"{}\"", shorten(&sent.signal))))?;
    let series = accept_series(signal, sent.severity.as_deref())?;
    let unit = accept_unit(signal, &sent.unit)?;
    let at = accept_time(&sent.at, now).map_err(|detail| ("at", detail))?;
    if let Some(id) = &sent.id
        && !is_id(id)
    {
        return Err(("id", format!("needs 1 to {MAX_NAME} characters")));
    }
    let (measurement, exact) = accept_measurement(signal, unit, sent, spend)?;
    Ok(Sample { at, exact, id: sent.id.clone(), measurement, series })
}

fn accept_series(signal: Signal, severity: Option<&str>) -> Result<Series, Refusal> {
    let severity = match severity {
        None => None,
        Some(name) => Some(
            Severity::ALL
                .into_iter()
                .find(|severity| severity.name() == name)
                .ok_or_else(|| ("severity", format!("there is no severity \"{}\"", shorten(name))))?,
        ),
    };
    Series::of(signal, severity).ok_or_else(|| {
        let detail = if severity.is_some() {
            format!("{signal} has no severities")
        } else {
            format!("{signal} needs one: info, warning or critical")
        };
        ("severity", detail)
    })
}

/// The unit, if the signal may be sent in it.
///
/// # Errors
/// The field and a sentence that names the right unit.
pub fn accept_unit(signal: Signal, name: &str) -> Result<Unit, (&'static str, String)> {
    let own = signal.unit();
    match Unit::from_name(name) {
        Some(unit) if unit == own => Ok(unit),
        Some(Unit::Percent) if own == Unit::Ratio => Ok(Unit::Percent),
        _ => {
            let also = if own == Unit::Ratio { " or percent" } else { "" };
            Err(("unit", format!("{signal} is counted in {own}{also}, not \"{}\"", shorten(name))))
        }
    }
}

fn accept_measurement(
    signal: Signal,
    unit: Unit,
    sent: &SentSample,
    spend: &mut BatchSum,
) -> Result<(Measurement, Option<String>), Refusal> {
    if signal != Signal::InfraLatency {
        for (field, there) in [
            ("aggregation", sent.aggregation.is_some()),
            ("count", sent.count.is_some()),
            ("histogram", sent.histogram.is_some()),
        ] {
            if there {
                return Err((field, format!("{signal} has none; only infra.latency is aggregated")));
            }
        }
    }
    if let Some(histogram) = &sent.histogram {
        if sent.value.is_some() || sent.aggregation.is_some() || sent.count.is_some() {
            return Err(("histogram", "stands in place of value, aggregation and count".to_owned()));
        }
        return Ok((Measurement::Histogram(accept_histogram(histogram)?), None));
    }
    let value = sent.value.as_ref().ok_or_else(|| ("value", "is missing".to_owned()))?;
    let (atoms, exact) = accept_value(value, unit, spend)?;
    if signal != Signal::InfraLatency {
        return Ok((Measurement::Value(atoms), exact));
    }
    match sent.aggregation.as_deref() {
        None if sent.count.is_some() => Err(("count", "needs an aggregation, p95 or mean".to_owned())),
        None => {
            let mut histogram = Histogram::default();
            histogram.observe(atoms);
            Ok((Measurement::Histogram(histogram), None))
        }
        Some(name) => {
            let aggregation = Aggregation::from_name(name).ok_or_else(|| {
                (
                    "aggregation",
                    format!(
                        "must be p95 or mean, not \"{}\": others say nothing of the 95th percentile",
                        shorten(name)
                    ),
                )
            })?;
            Ok((Measurement::Aggregated { aggregation, count: sent.count, nanos: atoms }, None))
        }
    }
}

/// A sent number as whole atoms of its unit, with its exact text where that is finer.
fn accept_value(value: &SentNumber, unit: Unit, spend: &mut BatchSum) -> Result<(u64, Option<String>), Refusal> {
    let refuse = |detail: String| ("value", detail);
    let is_counted = matches!(unit, Unit::Clients | Unit::Events | Unit::Posts | Unit::Requests);
    let decimal = value.decimal(unit).map_err(|error| match error {
        DecimalError::TooFine if is_counted => refuse(format!("{unit} are counted whole")),
        error => refuse(error.to_string()),
    })?;
    let decimal = if unit == Unit::Percent { decimal.per_cent() } else { decimal };
    let most = match unit {
        Unit::Percent | Unit::Ratio => Unit::Ratio.atoms(),
        _ => MAX_ATOMS,
    };
    let too_large = || refuse(format!("is above {}, the most that {unit} can be", most_of(unit, most)));
    // A share slightly above the whole is the whole once it is rounded to what is kept.
    let atoms = match unit {
        Unit::Usd => decimal.to_units_ceil(unit.decimals()),
        _ if is_counted && decimal.to_units_nearest(0).is_some() => {
            Some(decimal.to_units(0).ok_or_else(|| refuse(format!("{unit} are counted whole")))?)
        }
        Unit::Percent => decimal.to_units_nearest(Unit::Ratio.decimals()),
        _ => decimal.to_units_nearest(unit.decimals()),
    };
    let atoms = atoms.filter(|atoms| *atoms <= most).ok_or_else(too_large)?;
    if unit != Unit::Usd {
        return Ok((atoms, None));
    }
    let part =
        spend.add(decimal).ok_or_else(|| refuse("is too large beside the other amounts of the batch".to_owned()))?;
    let is_finer = decimal.to_units(unit.decimals()).is_none();
    Ok((part.micros(), is_finer.then(|| decimal.to_string())))
}

/// The most that may be sent in a unit, as it is written there.
fn most_of(unit: Unit, most: u64) -> Decimal {
    match unit {
        Unit::Percent => Decimal::from_units(100, 0),
        _ => Decimal::from_units(most, unit.decimals()),
    }
}

fn accept_histogram(sent: &SentHistogram) -> Result<Histogram, Refusal> {
    let refuse = |detail: &str| Err(("histogram", detail.to_owned()));
    if sent.bounds.len() > 500 {
        return refuse("has more than 500 bounds");
    }
    if sent.counts.len() != sent.bounds.len() + 1 {
        return refuse("needs one count more than bounds: the last holds what lies above the last bound");
    }
    let mut histogram = Histogram::default();
    let mut below = 0u64;
    let mut bounds = sent.bounds.iter();
    for count in &sent.counts {
        let hi = match bounds.next() {
            None => u64::MAX,
            Some(bound) if bound.is_finite() && (0.0..=9e9).contains(bound) => (bound * 1e6).round() as u64,
            Some(_) => return refuse("has a bound that is no number of milliseconds"),
        };
        if hi < below {
            return refuse("has bounds that do not ascend");
        }
        if *count > MAX_ATOMS {
            return refuse("has a count that is too large");
        }
        histogram.add(below, hi, *count);
        below = hi;
    }
    Ok(histogram)
}

fn accept_time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("\"{}\" is no RFC 3339 time, such as 2026-11-24T03:00:00Z", shorten(text)))?
        .with_timezone(&Utc);
    check_time(at, now)?;
    Ok(at)
}

/// Whether a time may stand on a sample: not before 2000 and not more than [`MAX_AHEAD`] ahead.
///
/// # Errors
/// A sentence that says which side it is on.
pub fn check_time(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), String> {
    if at > now + MAX_AHEAD {
        return Err("lies more than 5 minutes in the future".to_owned());
    }
    if at.timestamp() < 946_684_800 {
        return Err("lies before the year 2000".to_owned());
    }
    Ok(())
}

fn accept_watermark(
    batch: &Batch,
    samples: &[Sample],
    now: DateTime<Utc>,
    errors: &mut Vec<RowError>,
) -> Option<Watermark> {
    let mut time = |field: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        match accept_time(text, now) {
            Ok(at) => Some(at),
            Err(detail) => {
                errors.push(batch_error(field, detail));
                None
            }
        }
    };
    let data_through = time("data_through", &batch.data_through);
    let covers_from = time("covers_from", &batch.covers_from);
    let mut series: BTreeSet<Series> = samples.iter().map(|sample| sample.series).collect();
    for name in &batch.covers {
        match Signal::from_name(name) {
            Some(signal) => series.extend(Series::ALL.into_iter().filter(|series| series.signal() == signal)),
            None => errors.push(batch_error("covers", format!("there is no signal \"{}\"", shorten(name)))),
        }
    }
    if batch.data_through.is_none() {
        if batch.covers_from.is_some() || !batch.covers.is_empty() {
            errors.push(batch_error("data_through", "is missing: coverage has a beginning but no end"));
        }
        return None;
    }
    let data_through = data_through?;
    if covers_from.is_some_and(|from| from > data_through) {
        errors.push(batch_error("covers_from", "lies after data_through"));
        return None;
    }
    if series.is_empty() && errors.is_empty() {
        errors
            .push(batch_error("covers", "names no signal and there are no samples: data_through vouches for nothing"));
        return None;
    }
    Some(Watermark { covers_from, data_through, series })
}

/// A quoted piece of what was sent, short enough for a sentence.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().filter(|character| !character.is_control()).take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> DateTime<Utc> {
        "2026-11-24T03:00:00Z".parse().unwrap()
    }

    fn batch(sample: serde_json::Value) -> Batch {
        serde_json::from_value(json!({"source": "billing", "samples": [sample]})).unwrap()
    }

    fn refusal(sample: serde_json::Value) -> String {
        let errors = accept(&batch(sample), now()).unwrap_err();
        assert_eq!((errors.len(), errors[0].index), (1, Some(0)));
        errors[0].field.clone()
    }

    #[test]
    fn a_batch_has_a_canonical_form() {
        let sent = r#"{"covers":[],"environment":"x","samples":[],"source":"s","step_seconds":60,"revises":true}"#;
        let batch: Batch = serde_json::from_str(sent).unwrap();
        let text = String::from_utf8(super::super::canonical::to_vec(&batch)).unwrap();
        assert!(super::super::canonical::keys_ascend(&serde_json::from_str(&text).unwrap(), &text), "{text}");
    }

    /// ASVS 1.3.3, 2.2.1.
    #[test]
    fn each_kind_of_bad_row_is_refused_by_its_field() {
        let good = json!({"signal": "clients.active", "at": "2026-11-24T03:00:00Z", "value": 12, "unit": "clients"});
        assert!(accept(&batch(good.clone()), now()).is_ok());
        let cases = [
            ("signal", json!("clients.happy")),
            ("unit", json!("USD")),
            ("value", json!(-1)),
            ("value", json!("NaN")),
            ("value", json!(1.5)),
            ("value", json!("1e30")),
            ("value", json!(null)),
            ("at", json!("2026-11-24T03:05:01Z")),
            ("at", json!("yesterday")),
            ("severity", json!("critical")),
            ("aggregation", json!("p95")),
            ("id", json!("")),
        ];
        for (field, value) in cases {
            let mut sample = good.clone();
            sample[field] = value.clone();
            assert_eq!(refusal(sample), field, "{value}");
        }
    }

    #[test]
    fn floats_of_other_programs_are_taken_and_things_are_counted_whole() {
        let at = "2026-11-24T03:00:00Z";
        let taken = |signal: &str, unit: &str, value: serde_json::Value| {
            let sent = json!({"signal": signal, "at": at, "value": value, "unit": unit});
            accept(&batch(sent), now()).map(|accepted| match accepted.samples[0].measurement {
                Measurement::Value(atoms) => atoms,
                ref other => panic!("{other:?}"),
            })
        };
        for (signal, unit, value, atoms) in [
            ("infra.cpu", "percent", json!(0.333_333_333_333_333_37), 3_333_333),
            ("infra.cpu", "percent", json!("0.20199999999999999"), 2_020_000),
            ("infra.cpu", "ratio", json!(0.003_333_333_333_333_333_5), 3_333_333),
            ("infra.cpu", "ratio", json!(1e-300), 0),
            ("infra.cpu", "ratio", json!(1.000_000_000_000_000_2), 1_000_000_000),
            ("infra.cpu", "percent", json!(100.000_000_000_000_01), 1_000_000_000),
            ("ai.spend", "USD", json!(4.544_999_999_999_999_3e-5), 46),
            ("ai.spend", "USD", json!("0.1000000000000000055511151231257827021181583404541015625"), 100_001),
            ("ai.spend", "USD", json!("1e-300"), 1),
            ("ai.spend", "USD", json!("3.28767123287671E-05"), 33),
            ("clients.active", "clients", json!("1.2e1"), 12),
            ("clients.active", "clients", json!(12.0), 12),
        ] {
            assert_eq!(taken(signal, unit, value.clone()), Ok(atoms), "{signal} {value}");
        }
        for (signal, unit, value, why) in [
            ("clients.active", "clients", json!("12.0000000000000000000001"), "clients are counted whole"),
            ("clients.active", "clients", json!(12.5), "clients are counted whole"),
            ("infra.cpu", "ratio", json!(1.000_001), "is above 1, the most that ratio can be"),
            ("infra.cpu", "percent", json!(101), "is above 100, the most that percent can be"),
            ("ai.spend", "USD", json!("1e18"), "is above 9007199254.740992, the most that USD can be"),
            ("ai.spend", "USD", json!("1e400"), "is too large"),
            ("ai.spend", "USD", json!(true), "is not a number"),
            ("ai.spend", "USD", json!("NaN"), "is not a number"),
            ("ai.spend", "USD", json!("-1e-30"), "is negative; amounts are zero or more"),
        ] {
            let errors = taken(signal, unit, value.clone()).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors[0].detail.as_str()), ("value", why), "{signal} {value}");
        }
    }

    #[test]
    fn a_row_that_is_left_out_costs_no_other_and_what_it_said_stays_unknown() {
        let spend = |minute: u32, value: &str| json!({"signal": "ai.spend", "at": format!("2026-11-24T02:{minute:02}:00Z"), "value": value, "unit": "USD"});
        let posts = json!({"signal": "posts.published", "at": "2026-11-24T02:10:00Z", "value": 3, "unit": "posts"});
        let sent = |samples: Vec<serde_json::Value>| {
            let sent = json!({"source": "app", "data_through": "2026-11-24T03:00:00Z", "samples": samples});
            serde_json::from_value::<Batch>(sent).unwrap()
        };
        let batch = sent(vec![spend(10, "1"), spend(20, "-2"), spend(30, "3"), posts.clone()]);
        let taken = accept_rows(&batch, now(), &[]).unwrap();
        assert_eq!((taken.errors.len(), taken.errors[0].index), (1, Some(1)));
        assert_eq!(taken.places, [0, 2, 3, 1]);
        let measurements: Vec<&Measurement> = taken.accepted.samples.iter().map(|sample| &sample.measurement).collect();
        let expected = [
            Measurement::Value(1_000_000),
            Measurement::Value(3_000_000),
            Measurement::Value(3),
            Measurement::AtLeast(0),
        ];
        assert_eq!(measurements, expected.iter().collect::<Vec<_>>());
        assert!(taken.accepted.watermark.is_some());
        // A time that cannot be read may be any; a signal that cannot be, any signal's.
        let mut odd = spend(20, "2");
        odd["at"] = json!("soon");
        let taken = accept_rows(&sent(vec![spend(10, "1"), odd, posts.clone()]), now(), &[]).unwrap();
        assert_eq!(taken.accepted.samples[0].measurement, Measurement::AtLeast(1_000_000));
        assert_eq!(taken.accepted.samples[1].measurement, Measurement::Value(3));
        let mut odd = spend(20, "2");
        odd["signal"] = json!("ai.cost");
        let taken = accept_rows(&sent(vec![spend(10, "1"), odd]), now(), &[]).unwrap();
        assert_eq!((taken.accepted.samples.len(), taken.accepted.watermark), (1, None));
        // What the store refused before is left out without a mark: another value is there.
        let batch = sent(vec![spend(10, "1"), spend(20, "2")]);
        let refused = RowError { detail: "contradicts".to_owned(), field: "value".to_owned(), index: Some(1) };
        let taken = accept_rows(&batch, now(), std::slice::from_ref(&refused)).unwrap();
        assert_eq!((taken.places.as_slice(), taken.errors), (&[0][..], vec![refused]));
        // Without a row that can be taken nothing is.
        assert!(accept_rows(&sent(vec![spend(20, "-2")]), now(), &[]).is_err());
    }

    #[test]
    fn five_minutes_ahead_is_still_accepted() {
        let sample = json!({"signal": "clients.active", "at": "2026-11-24T03:05:00Z", "value": 1, "unit": "clients"});
        assert!(accept(&batch(sample), now()).is_ok());
    }

    #[test]
    fn percent_becomes_a_ratio_and_money_stays_exact() {
        let cpu = json!({"signal": "infra.cpu", "at": "2026-11-24T03:00:00Z", "value": 51.846, "unit": "percent"});
        let accepted = accept(&batch(cpu), now()).unwrap();
        assert_eq!(accepted.samples[0].measurement, Measurement::Value(518_460_000));
        let spend = json!({"signal": "ai.spend", "at": "2026-11-24T03:00:00Z", "value": "0.0000008", "unit": "USD"});
        let accepted = accept(&batch(spend), now()).unwrap();
        assert_eq!(accepted.samples[0].measurement, Measurement::Value(1));
        assert_eq!(accepted.samples[0].exact.as_deref(), Some("0.0000008"));
    }

    #[test]
    fn latency_comes_aggregated_as_a_distribution_or_one_by_one() {
        let at = "2026-11-24T03:00:00Z";
        let p95 = json!({"signal": "infra.latency", "at": at, "value": 120, "unit": "ms", "aggregation": "p95", "count": 1000});
        assert!(matches!(
            accept(&batch(p95), now()).unwrap().samples[0].measurement,
            Measurement::Aggregated { nanos: 120_000_000, count: Some(1000), .. }
        ));
        let spread = json!({"signal": "infra.latency", "at": at, "unit": "ms", "histogram": {"bounds": [100, 300], "counts": [90, 8, 2]}});
        let accepted = accept(&batch(spread), now()).unwrap();
        let Measurement::Histogram(histogram) = &accepted.samples[0].measurement else {
            panic!("a distribution stays one")
        };
        assert_eq!(histogram.count(), 100);
        for (aggregation, field) in [("p99", "aggregation"), ("", "aggregation")] {
            let sample =
                json!({"signal": "infra.latency", "at": at, "value": 1, "unit": "ms", "aggregation": aggregation});
            assert_eq!(refusal(sample), field);
        }
    }

    #[test]
    fn a_watermark_vouches_for_what_the_batch_carries_or_names() {
        let batch: Batch = serde_json::from_value(json!({
            "source": "app", "data_through": "2026-11-24T02:59:00Z", "covers": ["infra.errors"], "samples": []
        }))
        .unwrap();
        let watermark = accept(&batch, now()).unwrap().watermark.unwrap();
        assert_eq!(watermark.series, BTreeSet::from([Series::InfraErrors]));
    }

    #[test]
    fn a_batch_that_says_nothing_is_refused() {
        let batch: Batch = serde_json::from_value(json!({"source": "app", "samples": []})).unwrap();
        assert_eq!(accept(&batch, now()).unwrap_err()[0].field, "samples");
    }
}

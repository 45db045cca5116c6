//! Owns the part of the settings that says what metrics mean and what AI costs. Must not know protocols.

use super::{SettingsError, value_error};
use crate::domain::decimal::Decimal;
use crate::domain::mapping::{Combine, Matcher, Pattern, REPLICA_LABELS, Rule, Rules, Take};
use crate::domain::price::{ModelPrice, PriceTable};
use crate::domain::sender::MOST_SOURCES;
use crate::domain::signal::{Series, Severity, Signal};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[[mapping]]`: what a metric means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    combine: Option<String>,
    factor: Option<f64>,
    metric: String,
    severity: Option<Severity>,
    signal: String,
    take: Option<String>,
    unit: Option<String>,
    /// Labels with what they must be.
    #[serde(default, rename = "where")]
    matches: BTreeMap<String, String>,
}

/// `[[price]]`: what a model costs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    #[serde(default)]
    cached_beside_input: bool,
    cached_input_per_million: Option<String>,
    currency: Option<String>,
    from: String,
    input_per_million: String,
    model: String,
    output_per_million: String,
    provider: Option<String>,
}

/// The limit on sources that senders name, in each environment.
pub(super) fn most_sources(given: Option<u32>) -> Result<u32, SettingsError> {
    let most = given.unwrap_or(MOST_SOURCES);
    if !(1..=10_000).contains(&most) {
        return Err(value_error("most_sources", "must be from 1 to 10000"));
    }
    Ok(most)
}

/// The labels that only name a replica: those given, or those of the file, or the usual ones.
pub(super) fn replica_labels(given: &[String], file: Option<Vec<String>>) -> Result<Vec<String>, SettingsError> {
    let given = (!given.is_empty()).then(|| given.to_vec());
    let labels = given.or(file).unwrap_or_else(|| REPLICA_LABELS.map(str::to_owned).to_vec());
    if labels.iter().any(|label| label.trim().is_empty()) {
        return Err(value_error("replica_labels", "has an empty name: write labels such as prometheus_replica"));
    }
    Ok(labels)
}

/// How soon an open alert must be repeated. Alertmanager and Grafana repeat one every 4 hours unless told otherwise; a day leaves room for
/// five repetitions that are lost, and for those who repeat twice a day.
pub(super) fn alert_repeats(hours: Option<u32>) -> Result<Duration, SettingsError> {
    let hours = hours.unwrap_or(24);
    if !(1..=720).contains(&hours) {
        return Err(value_error("alert_repeat_hours", "must be from 1 to 720"));
    }
    Ok(Duration::hours(i64::from(hours)))
}

impl Mapping {
    fn rule(self) -> Result<Rule, String> {
        let signal =
            Signal::from_name(&self.signal).ok_or_else(|| format!("there is no signal \"{}\"", self.signal))?;
        let series = Series::of(signal, self.severity).ok_or_else(|| match self.severity {
            Some(_) => format!("{signal} has no severities"),
            None => format!("{signal} needs a severity: info, warning or critical"),
        })?;
        let named = |text: &str, kind: &str, names: &str| format!("there is no {kind} \"{text}\": {names}");
        let take = match self.take.as_deref() {
            None => Rule::usual_take(series),
            Some(text) => Take::from_name(text)
                .ok_or_else(|| named(text, "way to take a metric", "busy, count, latency, tokens or value"))?,
        };
        let combine = match self.combine.as_deref() {
            None => None,
            Some(text) => Some(
                Combine::from_name(text)
                    .ok_or_else(|| named(text, "way to combine gauges", "sum, mean, max or min"))?,
            ),
        };
        let factor = self.factor.unwrap_or(1.0);
        if !factor.is_finite() || factor <= 0.0 {
            return Err("the factor must be above zero".to_owned());
        }
        let matches = self
            .matches
            .into_iter()
            .map(|(label, pattern)| Matcher { label, pattern: Pattern::new(&pattern) })
            .collect();
        Ok(Rule { combine, factor, matches, metric: self.metric, series, take, unit: self.unit })
    }
}

impl Price {
    fn model_price(self) -> Result<ModelPrice, String> {
        if self.currency.as_deref().is_some_and(|currency| currency != "USD") {
            return Err("prices are in USD: a price in another currency would change with its rate".to_owned());
        }
        let money = |text: &str| {
            let price = Decimal::parse(text).map_err(|error| format!("the price \"{text}\" {error}"))?;
            price.divided_by(1_000_000).ok_or_else(|| format!("the price \"{text}\" is too fine"))?;
            Ok::<Decimal, String>(price)
        };
        Ok(ModelPrice {
            cached_beside_input: self.cached_beside_input,
            cached_input_per_million: self.cached_input_per_million.as_deref().map(money).transpose()?,
            from: begin(&self.from).ok_or_else(|| format!("\"{}\" is no day such as 2026-01-31", self.from))?,
            input_per_million: money(&self.input_per_million)?,
            model: Pattern::new(&self.model),
            output_per_million: money(&self.output_per_million)?,
            provider: self.provider.as_deref().map(Pattern::new),
        })
    }
}

/// The beginning of a day in UTC, or a time.
fn begin(text: &str) -> Option<DateTime<Utc>> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
    day.map(|start| start.and_utc())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc)))
}

/// The rules of a file, before those that hold by default.
pub(super) fn rules(mappings: Vec<Mapping>) -> Result<Rules, SettingsError> {
    let name = |mapping: &Mapping| format!("of the metric \"{}\": ", mapping.metric);
    mappings
        .into_iter()
        .map(|mapping| {
            let name = name(&mapping);
            mapping.rule().map_err(|problem| value_error("mapping", format!("{name}{problem}")))
        })
        .collect::<Result<Vec<Rule>, SettingsError>>()
        .map(Rules::new)
}

/// The prices of a file.
pub(super) fn prices(version: Option<String>, prices: Vec<Price>) -> Result<PriceTable, SettingsError> {
    let prices = prices
        .into_iter()
        .map(|price| {
            let name = format!("of the model \"{}\": ", price.model);
            price.model_price().map_err(|problem| value_error("price", format!("{name}{problem}")))
        })
        .collect::<Result<Vec<ModelPrice>, SettingsError>>()?;
    Ok(PriceTable { prices, version })
}

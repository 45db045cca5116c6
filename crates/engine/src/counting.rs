//! Owns adding up what was counted at one time into one sample, with what it cost where the count is of things that have a
//! price. Must not know whether a count came as a difference or since the beginning.

use super::cached_tokens::InputTokens;
use super::decimal::Decimal;
use super::histogram::Histogram;
use super::money::DECIMALS;
use super::signal::{Series, Unit};
use super::telemetry::{Measurement, Sample};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What tells one counter from another: a digest of its metric and attributes.
pub type Key = [u8; 16];

/// What has no price, by name, with the newest time that it was counted.
pub type Unpriced = BTreeMap<String, DateTime<Utc>>;

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Total {
    /// In atoms of the signal's unit, or in things that have a price.
    Count(u64),
    Latency(Histogram),
}

/// What a thing that is counted costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// US dollars for one token that was read from a cache; those of one model are reckoned with its input.
    CachedInput { each: Decimal, model: String },
    /// US dollars for one token that went in, of a model whose cached tokens have a price of their own.
    Input { each: Decimal, model: String },
    /// US dollars for one.
    Usd(Decimal),
    /// Nobody has said: what was counted costs nobody knows how much. The name is what has no price.
    Unknown(String),
}

/// What was counted at one time.
#[derive(Default)]
struct Sum {
    atoms: u64,
    histogram: Histogram,
    /// Something of it is not known: it is this much at least.
    is_open: bool,
    inputs: BTreeMap<String, InputTokens>,
    keys: Sha256,
    money: Decimal,
}

/// What was counted, by series and time.
#[derive(Default)]
pub struct Sums {
    sums: BTreeMap<(Series, DateTime<Utc>), Sum>,
    unpriced: Unpriced,
}

impl Sums {
    /// Adds what one counter has counted up to `at`.
    pub fn add(&mut self, series: Series, at: DateTime<Utc>, key: &Key, counted: Total, price: Option<&Price>) {
        let sum = self.sums.entry((series, at)).or_default();
        sum.keys.update(key);
        match (counted, price) {
            (Total::Latency(histogram), _) => sum.histogram.merge(&histogram),
            (Total::Count(count), None) => sum.atoms = sum.atoms.saturating_add(count),
            (Total::Count(0), Some(_)) => {}
            (Total::Count(count), Some(Price::Usd(each))) => {
                match each.times(count).and_then(|cost| sum.money.checked_add(cost)) {
                    Some(money) => sum.money = money,
                    // More than can be kept is at least what was kept.
                    None => sum.is_open = true,
                }
            }
            (Total::Count(count), Some(Price::Input { each, model })) => {
                sum.inputs.entry(model.clone()).or_default().add_input(count, *each);
            }
            (Total::Count(count), Some(Price::CachedInput { each, model })) => {
                sum.inputs.entry(model.clone()).or_default().add_cached(count, *each);
            }
            (Total::Count(_), Some(Price::Unknown(name))) => {
                sum.is_open = true;
                let newest = self.unpriced.entry(name.clone()).or_insert(at);
                *newest = at.max(*newest);
            }
        }
    }

    /// One sample for each series and time, and what had no price.
    pub fn finish(self) -> (Vec<Sample>, Unpriced) {
        let samples = self.sums.into_iter().filter_map(|((series, at), sum)| sample(series, at, sum)).collect();
        (samples, self.unpriced)
    }
}

fn sample(series: Series, at: DateTime<Utc>, mut sum: Sum) -> Option<Sample> {
    for tokens in sum.inputs.values() {
        match tokens.cost().and_then(|cost| sum.money.checked_add(cost)) {
            Some(money) => sum.money = money,
            None => sum.is_open = true,
        }
    }
    let measurement = if series == Series::InfraLatency {
        if sum.histogram.is_empty() {
            return None;
        }
        Measurement::Histogram(sum.histogram)
    } else {
        let atoms = match series.signal().unit() {
            Unit::Usd => sum.money.to_units_ceil(DECIMALS).and_then(|money| sum.atoms.checked_add(money)),
            _ => Some(sum.atoms),
        };
        match atoms {
            Some(atoms) if !sum.is_open => Measurement::Value(atoms),
            atoms => Measurement::AtLeast(atoms.unwrap_or(0)),
        }
    };
    // Counters of one time may come in several requests: what each brings is a sample of its own, the same when it is
    // delivered again.
    let keys = hex::encode(&sum.keys.finalize()[..12]);
    let id = format!("counted:{keys}:{}:{}", series.code(), at.timestamp_millis());
    Some(Sample { at, exact: None, id: Some(id), measurement, series })
}

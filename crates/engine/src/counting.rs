//! Owns adding up what was counted at one time into one sample, with what it cost where the count is of things that have a
//! price. Must not know whether a count came as a difference or since the beginning.

use super::cached_tokens::InputTokens;
use super::decimal::Decimal;
use super::doubt::{Doubt, Doubts};
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

/// The amount that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Total {
    /// In atoms of the signal's unit, or in things that have a price.
    Count(u64),
    Latency(Histogram),
}

impl Total {
    /// How many things it counts.
    pub fn size(&self) -> u64 {
        match self {
            Total::Count(count) => *count,
            Total::Latency(histogram) => histogram.count(),
        }
    }

    /// What it counts beyond an earlier total of the same counter; `None` if it counts less, or in another form.
    pub fn beyond(&self, earlier: &Total) -> Option<Total> {
        match (earlier, self) {
            (Total::Count(earlier), Total::Count(now)) => now.checked_sub(*earlier).map(Total::Count),
            (Total::Latency(earlier), Total::Latency(now)) => now.without(earlier).map(Total::Latency),
            _ => None,
        }
    }

    /// Nothing, in the same form.
    #[must_use]
    pub fn none(&self) -> Total {
        match self {
            Total::Count(_) => Total::Count(0),
            Total::Latency(_) => Total::Latency(Histogram::default()),
        }
    }
}

/// What a thing that is counted costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// US dollars for one token that was read from a cache; those of one model are calculated together with its input.
    CachedInput { each: Decimal, model: String },
    /// US dollars for one token that went in, of a model whose cached tokens have a price of their own.
    Input { each: Decimal, model: String },
    /// US dollars for one.
    Usd(Decimal),
    /// Nobody has said: what was counted costs nobody knows how much. The name is what has no price.
    Unknown(String),
}

/// The amounts that were counted at one time.
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

/// The amounts that were counted, by series and time.
#[derive(Default)]
pub struct Sums {
    doubts: Doubts,
    sums: BTreeMap<(Series, DateTime<Utc>), Sum>,
    unpriced: Unpriced,
}

/// Which counter has counted: of which process, by its start, if several share a key.
#[derive(Clone, Copy, Debug)]
pub struct Who<'k> {
    pub at: DateTime<Utc>,
    pub key: &'k Key,
    pub series: Series,
    pub start: Option<DateTime<Utc>>,
}

impl Sums {
    fn of(&mut self, who: Who<'_>) -> &mut Sum {
        let sum = self.sums.entry((who.series, who.at)).or_default();
        sum.keys.update(who.key);
        if let Some(start) = who.start {
            sum.keys.update(start.timestamp_millis().to_le_bytes());
        }
        sum
    }

    /// Notes that part of what one counter has counted isn't known.
    pub fn doubt(&mut self, who: Who<'_>, doubt: Doubt) {
        self.of(who).is_open = true;
        let newest = self.doubts.entry((who.series, doubt)).or_insert(who.at);
        *newest = who.at.max(*newest);
    }

    /// Adds what one counter has counted up to its time.
    pub fn add(&mut self, who: Who<'_>, counted: Total, price: Option<&Price>) {
        let at = who.at;
        let sum = self.of(who);
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

    /// One sample for each series and time, what had no price, and what isn't known.
    pub fn finish(self) -> (Vec<Sample>, Unpriced, Doubts) {
        let mut samples = Vec::with_capacity(self.sums.len());
        for ((series, at), sum) in self.sums {
            sample(series, at, sum, &mut samples);
        }
        (samples, self.unpriced, self.doubts)
    }
}

fn sample(series: Series, at: DateTime<Utc>, mut sum: Sum, samples: &mut Vec<Sample>) {
    for tokens in sum.inputs.values() {
        match tokens.cost().and_then(|cost| sum.money.checked_add(cost)) {
            Some(money) => sum.money = money,
            None => sum.is_open = true,
        }
    }
    // Counters of one time may come in several requests: what each brings is a sample of its own.
    let keys = hex::encode(&sum.keys.finalize()[..12]);
    let mut add = |kind: &str, measurement| {
        let id = format!("{kind}:{keys}:{}:{}", series.code(), at.timestamp_millis());
        samples.push(Sample { at, exact: None, id: Some(id), measurement, series });
    };
    if series == Series::InfraLatency {
        if !sum.histogram.is_empty() {
            add("counted", Measurement::Histogram(sum.histogram));
        }
        if sum.is_open {
            // Requests whose durations aren't known.
            add("open", Measurement::AtLeast(0));
        }
        return;
    }
    let atoms = match series.signal().unit() {
        Unit::Usd => sum.money.to_units_ceil(DECIMALS).and_then(|money| sum.atoms.checked_add(money)),
        _ => Some(sum.atoms),
    };
    match atoms {
        Some(atoms) if !sum.is_open => add("counted", Measurement::Value(atoms)),
        atoms => add("counted", Measurement::AtLeast(atoms.unwrap_or(0))),
    }
}

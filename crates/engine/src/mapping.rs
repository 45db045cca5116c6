//! Owns what metrics mean: which points of which metrics are samples of which signals, and the rules that hold where a
//! founder has set none. Must not know protocols. What no rule names is left alone; what a rule names and cannot be read is
//! refused with its reason, never guessed.

mod defaults;
mod gauges;
mod rules;
mod units;

pub(super) use gauges::joined;
pub use rules::{Combine, Matcher, Pattern, REPLICA_LABELS, Rule, Rules, Take};

use super::counting::{Key, Price, Total};
use super::cumulative::Reading;
use super::exporters::Spoken;
use super::metric::{Labels, Point, PointValue, Temporality};
use super::price::{PriceTable, TokenKind};
use super::signal::{Kind, Series, Unit};
use super::telemetry::{MAX_ATOMS, Sample, check_time};
use chrono::{DateTime, Utc};
use gauges::Gauges;
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// How many metrics that no rule names are noted of one request.
const MOST_IGNORED: usize = 200;

/// What the points of one source come to.
#[derive(Debug, Default)]
pub struct Mapped {
    /// Metrics that no rule names.
    pub ignored: BTreeSet<String>,
    pub readings: Vec<Reading>,
    /// Why points were refused, with how many.
    pub refused: BTreeMap<String, u64>,
    /// The newest time of the points that were refused for a reason, where they had one.
    pub refused_until: BTreeMap<String, DateTime<Utc>>,
    pub samples: Vec<Sample>,
    /// The exporters of the gauges among the samples: others may send requests of their own.
    pub spoken: Vec<Spoken>,
}

/// The most reasons that are kept apart; senders choose the names of metrics.
const MOST_REASONS: usize = 100;

/// What all further ones count under.
const OTHER_REASONS: &str = "other metrics: refused for further reasons";

impl Mapped {
    /// Notes that points of a metric were refused, and up to when.
    fn note_refused(&mut self, metric: &str, why: &str, count: u64, at: Option<DateTime<Utc>>) {
        let mut why = format!("{metric}: {why}");
        if self.refused.len() >= MOST_REASONS && !self.refused.contains_key(&why) {
            why = OTHER_REASONS.to_owned();
        }
        if let Some(at) = at {
            let newest = self.refused_until.entry(why.clone()).or_insert(at);
            *newest = at.max(*newest);
        }
        *self.refused.entry(why).or_default() += count;
    }
}

/// Maps the points of one source.
pub struct Mapper<'r> {
    gauges: Gauges,
    mapped: Mapped,
    now: DateTime<Utc>,
    prices: &'r PriceTable,
    refused: u64,
    rules: &'r Rules,
}

impl<'r> Mapper<'r> {
    /// `now` is when the points arrived: none may lie ahead of it.
    pub fn new(rules: &'r Rules, prices: &'r PriceTable, now: DateTime<Utc>) -> Mapper<'r> {
        Mapper { gauges: Gauges::default(), mapped: Mapped::default(), now, prices, refused: 0, rules }
    }

    /// Whether any rule names a metric; one that none names is noted.
    pub fn names(&mut self, metric: &str) -> bool {
        let named = self.rules.names(metric);
        if !named && !self.mapped.ignored.contains(metric) && self.mapped.ignored.len() < MOST_IGNORED {
            self.mapped.ignored.insert(metric.to_owned());
        }
        named
    }

    pub fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// What a single number of a metric is, where its protocol does not say.
    pub fn plain(&self, metric: &str, value: f64) -> PointValue {
        match self.rules.of(metric).iter().any(|rule| rule.series.signal().kind() == Kind::Sum) {
            true => PointValue::Sum { temporality: Temporality::Cumulative, value },
            false => PointValue::Gauge(value),
        }
    }

    /// Takes one point; `process` tells the processes of a source apart, and is looked in for labels that the point lacks.
    pub fn take(&mut self, point: &Point<'_>, process: &Labels<'_>) {
        if !self.names(&point.metric) {
            return;
        }
        let named = self.rules.of(&point.metric);
        if let Err(why) = check_time(point.at, self.now) {
            return self.refuse_at(&point.metric, &format!("its time {why}"), Some(point.at));
        }
        let label = |name: &str| point.labels.get(name).or_else(|| process.get(name));
        let (mut requests, mut errors) = (false, false);
        let replica = self.replica(point, process);
        let of_replica;
        let counter = match replica {
            0 => Counter { identity: OnceCell::new(), point, process, replica },
            // What replicas say of one thing is one measurement.
            _ => {
                of_replica = (Point { labels: self.measured(&point.labels), ..point.clone() }, self.measured(process));
                Counter { identity: OnceCell::new(), point: &of_replica.0, process: &of_replica.1, replica }
            }
        };
        for rule in named.iter().filter(|rule| rule.holds(&label)) {
            if let Err(why) = self.apply(rule, &counter) {
                return self.refuse_at(&point.metric, &why, Some(point.at));
            }
            requests |= rule.series == Series::InfraRequests;
            errors |= rule.series == Series::InfraErrors;
        }
        if requests && !errors && named.iter().any(|rule| rule.series == Series::InfraErrors) {
            // Requests among which errors were looked for, and that are not errors.
            let temporality = match point.value {
                PointValue::Sum { temporality, .. } | PointValue::Distribution { temporality, .. } => temporality,
                PointValue::Gauge(_) => return,
            };
            self.count(Series::InfraErrors, &counter, Counted { price: None, temporality, total: Total::Count(0) });
        }
    }

    /// Which of several replicas has measured a point; 0 if there is one.
    fn replica(&self, point: &Point<'_>, process: &Labels<'_>) -> u64 {
        let named = |labels: &Labels<'_>| labels.0.iter().any(|(name, _)| self.rules.is_replica(name));
        if !named(&point.labels) && !named(process) {
            return 0;
        }
        let all = [process, &point.labels].into_iter().flat_map(|labels| &labels.0);
        let own = Labels(all.filter(|(name, _)| self.rules.is_replica(name)).cloned().collect());
        let digest = digest("replica", &[&own]);
        u64::from_le_bytes(std::array::from_fn(|place| digest[place])).max(1)
    }

    /// Labels without those that only name a replica.
    fn measured<'l>(&self, labels: &Labels<'l>) -> Labels<'l> {
        Labels(labels.0.iter().filter(|(name, _)| !self.rules.is_replica(name)).cloned().collect())
    }

    /// Refuses what a protocol could not read as a point.
    pub fn refuse(&mut self, metric: &str, why: &str) {
        self.refuse_at(metric, why, None);
    }

    /// The same for what has a time.
    pub fn refuse_at(&mut self, metric: &str, why: &str, at: Option<DateTime<Utc>>) {
        self.refused += 1;
        self.mapped.note_refused(metric, why, 1, at);
    }

    /// How many points have been refused so far.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// All that was taken.
    pub fn finish(mut self) -> Mapped {
        self.gauges.finish(&mut self.mapped);
        self.mapped
    }

    fn apply(&mut self, rule: &Rule, counter: &Counter<'_, '_>) -> Result<(), String> {
        let Counter { point, process, .. } = *counter;
        let label = |name: &str| point.labels.get(name).or_else(|| process.get(name));
        let (total, temporality) = match (rule.take, &point.value) {
            (Take::Value | Take::Busy, PointValue::Gauge(value)) => {
                let atoms = self.atoms(rule, point, *value)?;
                self.gauges.add(rule, point, process, atoms);
                return Ok(());
            }
            (Take::Value | Take::Count, PointValue::Sum { temporality, value }) => {
                (Total::Count(self.atoms(rule, point, *value)?), *temporality)
            }
            (Take::Count, PointValue::Distribution { buckets, temporality, .. }) => {
                let count = buckets.count().filter(|count| *count <= MAX_ATOMS);
                (Total::Count(count.ok_or("its counts are too large")?), *temporality)
            }
            (Take::Latency, PointValue::Distribution { buckets, temporality, .. }) => {
                let unit = rule.unit.as_deref().unwrap_or(&point.unit);
                let nanos = units::nanos(unit, &point.metric)
                    .ok_or_else(|| format!("its unit \"{unit}\" is no time: name one in the rule"))?;
                let histogram = buckets.in_nanos(nanos).ok_or("its bounds do not ascend, or do not fit its counts")?;
                (Total::Latency(histogram), *temporality)
            }
            (Take::Tokens, PointValue::Distribution { sum, temporality, .. }) => {
                let sum = sum.ok_or("says how often tokens were used, but not how many")?;
                (Total::Count(units::whole(sum).ok_or("holds no number of tokens")?), *temporality)
            }
            (Take::Tokens, PointValue::Sum { temporality, value }) => {
                (Total::Count(units::whole(*value).ok_or("holds no number of tokens")?), *temporality)
            }
            (take, value) => return Err(format!("is {}; its rule takes {}", kind(value), take.wants())),
        };
        let price = (rule.take == Take::Tokens).then(|| self.price(point.at, &label));
        self.count(rule.series, counter, Counted { price, temporality, total });
        Ok(())
    }

    fn count(&mut self, series: Series, counter: &Counter<'_, '_>, counted: Counted) {
        let Counted { price, temporality, total } = counted;
        let Identity { family, key } = counter.identity();
        let (at, start, replica) = (counter.point.at, counter.point.start, counter.replica);
        let is_delta = temporality == Temporality::Delta;
        self.mapped.readings.push(Reading { at, family, is_delta, key, price, replica, series, start, total });
    }

    /// A value as atoms of the rule's signal.
    fn atoms(&self, rule: &Rule, point: &Point<'_>, value: f64) -> Result<u64, String> {
        let own = rule.series.signal().unit();
        let unit = rule.unit.as_deref().unwrap_or(&point.unit);
        let factor = match own {
            Unit::Ratio if unit == "%" || unit == "percent" => 0.01,
            Unit::Usd if !matches!(unit, "USD" | "{USD}" | "usd" | "") => {
                return Err(format!("is counted in \"{unit}\"; money is counted in USD here"));
            }
            _ => 1.0,
        };
        let value = value * factor * rule.factor;
        if value.is_nan() || value < 0.0 {
            return Err("its value is negative or no number".to_owned());
        }
        let most = if own == Unit::Ratio { own.atoms() } else { MAX_ATOMS };
        let atoms = (value * own.atoms() as f64).round();
        // A share that rounding has put a hair above the whole is the whole.
        if atoms > most as f64 * (1.0 + 1e-6) {
            return Err(format!("its value is more than {own} can be"));
        }
        Ok((atoms as u64).min(most))
    }

    fn price<'l>(&self, at: DateTime<Utc>, label: &dyn Fn(&str) -> Option<&'l str>) -> Price {
        // Under the conventions' names, or as Prometheus writes them.
        let first = |names: [&str; 4]| names.into_iter().filter_map(label).find(|text| !text.is_empty()).unwrap_or("");
        let model =
            first(["gen_ai.response.model", "gen_ai.request.model", "gen_ai_response_model", "gen_ai_request_model"]);
        let provider = first(["gen_ai.provider.name", "gen_ai.system", "gen_ai_provider_name", "gen_ai_system"]);
        let kind = first(["gen_ai.token.type", "gen_ai_token_type", "", ""]);
        match TokenKind::from_name(kind) {
            _ if model.is_empty() => Price::Unknown("a model without a name".to_owned()),
            Some(kind) => self.prices.of(provider, model, kind, at),
            None => Price::Unknown(format!("{model} ({kind} tokens)")),
        }
    }
}

/// A point with what tells its counter from others: worked out when it is first wanted, and once for all rules.
struct Counter<'p, 'l> {
    identity: OnceCell<Identity>,
    point: &'p Point<'l>,
    process: &'p Labels<'l>,
    replica: u64,
}

/// What tells a counter from all others of its source, and its metric and process from others.
#[derive(Clone, Copy)]
struct Identity {
    family: Key,
    key: Key,
}

impl Counter<'_, '_> {
    fn identity(&self) -> Identity {
        *self
            .identity
            .get_or_init(|| Identity { family: family(self.point, self.process), key: key(self.point, self.process) })
    }
}

/// What a point has counted.
struct Counted {
    price: Option<Price>,
    temporality: Temporality,
    total: Total,
}

fn kind(value: &PointValue) -> &'static str {
    match value {
        PointValue::Gauge(_) => "a gauge",
        PointValue::Sum { .. } => "a sum",
        PointValue::Distribution { .. } => "a histogram",
    }
}

/// What tells a point's counter from all others of its source.
fn key(point: &Point<'_>, process: &Labels<'_>) -> Key {
    digest(&point.metric, &[process, &point.labels])
}

/// What tells a point's metric and process from others of its source; never the key of a counter without labels.
fn family(point: &Point<'_>, process: &Labels<'_>) -> Key {
    digest(&format!("family of {}", point.metric), &[process])
}

/// The same for the same names and values, in any order.
fn digest(metric: &str, labels: &[&Labels<'_>]) -> Key {
    let mut pairs: Vec<(&str, &str)> =
        labels.iter().flat_map(|labels| labels.0.iter()).map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    pairs.sort_unstable();
    let mut hash = Sha256::new();
    let mut write = |text: &str| {
        hash.update((text.len() as u32).to_le_bytes());
        hash.update(text);
    };
    write(metric);
    for (name, value) in pairs {
        write(name);
        write(value);
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_beyond_the_most_count_under_one() {
        let mut mapped = Mapped::default();
        (0..150).for_each(|place| mapped.note_refused(&format!("metric_{place}"), "has no data", 1, None));
        assert_eq!((mapped.refused.len(), mapped.refused.get(OTHER_REASONS)), (MOST_REASONS + 1, Some(&50)));
    }
}

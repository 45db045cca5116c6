//! Owns how gauges become samples: several that differ in their labels as one where a rule says how, processor time by
//! state as the share that was not idle.

use super::super::metric::{Labels, Point};
use super::super::rollup::minute_of;
use super::super::signal::Series;
use super::super::telemetry::{Measurement, Sample};
use super::{Combine, Mapped, Rule, Take};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The labels that part processor time by state; a state in which nothing is computed is idle.
const STATES: [&str; 4] = ["cpu.mode", "state", "system_cpu_state", "cpu_mode"];
const IDLE: [&str; 2] = ["idle", "iowait"];
/// The labels that number processors.
const PROCESSORS: [&str; 3] = ["cpu.logical_number", "cpu", "cpu_logical_number"];

/// Gauges that are joined: those of one series and one minute, for processors also of one process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    minute: i64,
    process: String,
    series: Series,
}

/// The newest value of each set of labels.
#[derive(Debug)]
struct Gauge {
    combine: Option<Combine>,
    metric: String,
    values: BTreeMap<String, (DateTime<Utc>, u64)>,
}

/// Processor time of one process at one time: by processor, whether it was idle and its share.
type Times = BTreeMap<String, Vec<(bool, u64)>>;

#[derive(Debug, Default)]
pub(super) struct Gauges {
    busy: BTreeMap<(Series, String, DateTime<Utc>), Times>,
    gauges: BTreeMap<Group, Gauge>,
}

impl Gauges {
    pub(super) fn add(&mut self, rule: &Rule, point: &Point<'_>, process: &Labels<'_>, atoms: u64) {
        let of_process = text(process);
        if rule.take == Take::Busy {
            let state = STATES.iter().find_map(|name| point.labels.get(name)).unwrap_or("");
            let processor = PROCESSORS.iter().find_map(|name| point.labels.get(name)).unwrap_or("").to_owned();
            let times = self.busy.entry((rule.series, of_process, point.at)).or_default();
            times.entry(processor).or_default().push((IDLE.contains(&state), atoms));
            return;
        }
        let group = Group {
            minute: minute_of(point.at.timestamp_millis()),
            // A level is measured at each process; any other gauge is of the business.
            process: if rule.series == Series::InfraCpu { of_process.clone() } else { String::new() },
            series: rule.series,
        };
        let gauge = self.gauges.entry(group).or_insert_with(|| Gauge {
            combine: rule.combine,
            metric: point.metric.clone().into_owned(),
            values: BTreeMap::new(),
        });
        let value = gauge.values.entry(format!("{of_process}{}", text(&point.labels))).or_insert((point.at, atoms));
        if point.at >= value.0 {
            *value = (point.at, atoms);
        }
    }

    pub(super) fn finish(self, mapped: &mut Mapped) {
        for (group, gauge) in self.gauges {
            let values: Vec<u64> = gauge.values.values().map(|(_, atoms)| *atoms).collect();
            let newest = gauge.values.values().map(|(at, _)| *at).max();
            match (joined(&values, gauge.combine), newest) {
                (Some(atoms), Some(at)) => mapped.samples.push(level(group.series, &group.process, at, atoms)),
                _ => {
                    let why = "several gauges differ in their labels: let its rule choose among them, or combine them by sum, mean, max or min";
                    *mapped.refused.entry(format!("{}: {why}", gauge.metric)).or_default() += values.len() as u64;
                }
            }
        }
        for ((series, process, at), times) in self.busy {
            mapped.samples.push(level(series, &process, at, busy(&times, series.signal().unit().atoms())));
        }
    }
}

fn joined(values: &[u64], combine: Option<Combine>) -> Option<u64> {
    match (values, combine) {
        ([], _) => None,
        ([only], _) => Some(*only),
        (_, None) => None,
        (all, Some(Combine::Max)) => all.iter().copied().max(),
        (all, Some(Combine::Min)) => all.iter().copied().min(),
        (all, Some(Combine::Sum)) => Some(all.iter().fold(0, |sum, value| sum.saturating_add(*value))),
        (all, Some(Combine::Mean)) => Some(mean(all)),
    }
}

fn mean(values: &[u64]) -> u64 {
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    u64::try_from(sum / values.len().max(1) as u128).unwrap_or(u64::MAX)
}

/// The mean over processors of the share of time that each was not idle. Where states are reported but idle is not, it is
/// what the others add up to.
fn busy(times: &Times, whole: u64) -> u64 {
    let shares: Vec<u64> = times
        .values()
        .map(|states| {
            let sum = |idle: bool| {
                states
                    .iter()
                    .filter(|(is_idle, _)| *is_idle == idle)
                    .fold(0u64, |sum, (_, atoms)| sum.saturating_add(*atoms))
            };
            if states.iter().any(|(is_idle, _)| *is_idle) {
                whole.saturating_sub(sum(true))
            } else {
                sum(false).min(whole)
            }
        })
        .collect();
    mean(&shares)
}

/// A gauge's sample. Processes that share a time each have one of their own.
fn level(series: Series, process: &str, at: DateTime<Utc>, atoms: u64) -> Sample {
    let id = (!process.is_empty()).then(|| {
        let labels = super::Labels(vec![("process".into(), process.into())]);
        let key = super::digest("", &[&labels]);
        format!("gauge:{}:{}:{}", hex::encode(key), series.code(), at.timestamp_millis())
    });
    Sample { at, exact: None, id, measurement: Measurement::Value(atoms), series }
}

/// Labels as one text, in the order of their names.
fn text(labels: &Labels<'_>) -> String {
    let mut pairs: Vec<_> = labels.0.iter().collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}\u{1f}")).collect()
}

//! Owns how gauges become samples: several that differ in their labels as one where a rule says how, processor time by
//! state as the share that was not idle.

use super::super::exporters::{Part, Spoken};
use super::super::metric::{Labels, Point};
use super::super::rollup::minute_of;
use super::super::signal::{Kind, Series};
use super::super::telemetry::{Measurement, Sample};
use super::{Combine, Mapped, Rule, Take};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// The labels that part processor time by state; a state in which nothing is computed is idle.
const STATES: [&str; 4] = ["cpu.mode", "state", "system_cpu_state", "cpu_mode"];
/// Linux's name for waiting for disks (psutil, node_exporter), and the OpenTelemetry Collector's.
const IDLE: [&str; 3] = ["idle", "iowait", "wait"];
/// Time that psutil counts in `user` and `nice`, too: it is left out, so that it counts once.
const GUESTS: [&str; 2] = ["guest", "guest_nice"];
/// How far from the whole the shares of all states may add up to: programs round each of them, some to a tenth of a percent.
const ADDS_UP: f64 = 0.05;
/// Why these shares of processor time can't be used.
const NO_SHARE: &str =
    "the shares of its states do not add up to 1: export all states, idle too (a first export of zeros says nothing)";
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
    values: BTreeMap<String, Part>,
}

/// What a state of a processor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// No state is named: it is the share of time that something was computed.
    All,
    Busy,
    Guest,
    Idle,
}

impl Mode {
    fn of(state: &str) -> Mode {
        let is = |names: &[&str]| names.iter().any(|name| state.eq_ignore_ascii_case(name));
        if state.is_empty() {
            Mode::All
        } else if is(&IDLE) {
            Mode::Idle
        } else if is(&GUESTS) {
            Mode::Guest
        } else {
            Mode::Busy
        }
    }
}

/// Processor time of one process at one time: by processor, its states with their shares.
#[derive(Debug, Default)]
struct Times {
    by_processor: BTreeMap<String, Vec<(Mode, u64)>>,
    metric: String,
}

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
            times.metric.clone_from(&point.metric.clone().into_owned());
            times.by_processor.entry(processor).or_default().push((Mode::of(state), atoms));
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
        let said = Part { at: point.at, atoms, key: super::key(point, process), start: point.start };
        let newest = gauge.values.entry(format!("{of_process}{}", text(&point.labels))).or_insert_with(|| said.clone());
        if said.at >= newest.at {
            *newest = said;
        }
    }

    pub(super) fn finish(self, mapped: &mut Mapped) {
        for (group, gauge) in self.gauges {
            let parts: Vec<Part> = gauge.values.into_values().collect();
            let values: Vec<u64> = parts.iter().map(|part| part.atoms).collect();
            let newest = parts.iter().map(|part| part.at).max();
            match (joined(&values, gauge.combine), newest) {
                (Some(atoms), Some(at)) => {
                    mapped.samples.push(level(group.series, &group.process, at, atoms));
                    // A level is measured at each process, and kept for each.
                    if group.series.signal().kind() == Kind::Gauge {
                        mapped.spoken.push(Spoken { at, combine: gauge.combine, parts, series: group.series });
                    }
                }
                _ => {
                    let why = "several gauges differ in their labels: let its rule choose among them, or combine them by sum, mean, max or min";
                    let at = newest.unwrap_or(DateTime::UNIX_EPOCH);
                    mapped.note_refused(&gauge.metric, why, values.len() as u64, Some(at));
                }
            }
        }
        for ((series, process, at), times) in self.busy {
            match busy(&times, series.signal().unit().atoms()) {
                Some(atoms) => mapped.samples.push(level(series, &process, at, atoms)),
                None => {
                    let points = times.by_processor.values().map(Vec::len).sum::<usize>() as u64;
                    mapped.note_refused(&times.metric, NO_SHARE, points, Some(at));
                }
            }
        }
    }
}

/// Several values as one, where there is a way.
pub(crate) fn joined(values: &[u64], combine: Option<Combine>) -> Option<u64> {
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

/// The mean over processors of the share of time that each was not idle; `None` if the shares of a processor say nothing.
fn busy(times: &Times, whole: u64) -> Option<u64> {
    let shares: Option<Vec<u64>> = times.by_processor.values().map(|states| busy_share(states, whole)).collect();
    Some(mean(&shares?))
}

/// The share of one processor. Idle alone says what the rest is, and states without idle are what they add up to; if both are
/// there, all of them together must be about the whole.
fn busy_share(states: &[(Mode, u64)], whole: u64) -> Option<u64> {
    let sum = |mode: Mode| {
        states.iter().filter(|(own, _)| *own == mode).fold(0u64, |sum, (_, atoms)| sum.saturating_add(*atoms))
    };
    let has = |mode: Mode| states.iter().any(|(own, _)| *own == mode);
    let (idle, busy, guests) = (sum(Mode::Idle), sum(Mode::Busy), sum(Mode::Guest));
    let off = |all: u64| (all as f64 / whole as f64 - 1.0).abs();
    if has(Mode::All) {
        return Some(sum(Mode::All).min(whole));
    }
    match (has(Mode::Idle), has(Mode::Busy)) {
        (true, false) => Some(whole.saturating_sub(idle)),
        (true, true) => {
            let all = idle.saturating_add(busy);
            // A system that leaves guests out of user time counts them beside it.
            let adds_up = off(all) <= ADDS_UP || off(all.saturating_add(guests)) <= ADDS_UP;
            adds_up.then(|| whole.saturating_sub(idle))
        }
        (false, _) => {
            let all = busy.max(guests);
            (all > 0 && (all <= whole || off(all) <= ADDS_UP)).then(|| all.min(whole))
        }
    }
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

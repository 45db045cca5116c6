//! Owns what a what-if starts from: the inputs of a snapshot, the configuration in force and what came before; and the
//! compact form in which a page hands it to the browser. Must not know what is changed in a scenario.

use super::breach::BreachSet;
use super::decision::Recommendation;
use super::facts::decides;
use super::input::{Input, InputState, Value, Window, WindowName};
use super::interval::{Count, Interval};
use super::mode::Mode;
use super::policy::{Config, EnvironmentKind, Policy};
use super::policy_fields::{PolicyField, differences};
use super::recent::{Previous, Recent, Stabilization};
use super::signal::{Severity, Signal};
use super::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The measured side of a what-if.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// When the inputs were what they are.
    pub as_of: DateTime<Utc>,
    /// The configuration in force.
    pub config: Config,
    /// The inputs that decide.
    pub inputs: Vec<Input>,
    pub recent: Recent,
}

impl Baseline {
    /// The inputs of a snapshot under the configuration in force. Where that is newer than the snapshot, the evaluations
    /// before it count as absent, as they do for every answer under it.
    pub fn of(snapshot: &Snapshot, config: &Config) -> Baseline {
        let body = &snapshot.body;
        let recent = if body.as_of < config.policy_since {
            Recent::none(config, body.recent.tick_minutes)
        } else {
            body.recent.clone()
        };
        Baseline {
            as_of: body.as_of,
            config: config.clone(),
            inputs: body.inputs.iter().filter(|input| decides(input)).cloned().collect(),
            recent,
        }
    }
}

/// A baseline on its way to the browser: plain numbers in a fixed order (a real number as its bits), the few policy
/// fields that are not the defaults, and notes. Small to send and small to read, and exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SentBaseline {
    environment: String,
    notes: Vec<String>,
    numbers: Vec<u64>,
    policy: Vec<(String, String)>,
}

const STATES: [InputState; 7] = [
    InputState::Known,
    InputState::Partial,
    InputState::Stale,
    InputState::Missing,
    InputState::Contradictory,
    InputState::Synthetic,
    InputState::NotApplicable,
];
const WINDOWS: [WindowName; 4] = [WindowName::Latest, WindowName::Trailing, WindowName::LastHour, WindowName::Evidence];
const KINDS: [EnvironmentKind; 3] = [EnvironmentKind::Live, EnvironmentKind::Recorded, EnvironmentKind::Synthetic];

/// The place of an item in a list, 1 for the first; 0 where it is not in it.
fn place<T: PartialEq>(list: &[T], item: &T) -> u64 {
    list.iter().position(|own| own == item).map_or(0, |place| place as u64 + 1)
}

fn item<T: Copy>(list: &[T], place: u64) -> Option<T> {
    usize::try_from(place.checked_sub(1)?).ok().and_then(|place| list.get(place)).copied()
}

impl From<&Baseline> for SentBaseline {
    fn from(baseline: &Baseline) -> SentBaseline {
        let (config, recent) = (&baseline.config, &baseline.recent);
        let stable = &recent.stabilization;
        let mut numbers = vec![
            millis(Some(baseline.as_of)),
            place(&KINDS, &config.kind),
            place(&Mode::ALL, &config.mode),
            u64::from(config.frozen),
            millis(config.last_mode_change_at),
            recent.previous.as_ref().map_or(0, |previous| place(&Recommendation::ALL, &previous.ruled)),
            recent.previous.as_ref().map_or(0, |previous| u64::from(previous.standing.bits())),
            millis(recent.previous.as_ref().map(|previous| previous.at)),
            u64::from(recent.recovered.bits()),
            stable.expected,
            stable.held,
            u64::from(stable.last_three),
            stable.unsafe_ticks,
            u64::from(recent.tick_minutes),
        ];
        let mut notes = Vec::new();
        for input in &baseline.inputs {
            let (kind, lo, hi) = match input.value {
                None => (0, 0, 0),
                Some(Value::Count(count)) => (1, count.lo, count.hi),
                Some(Value::Money(count)) => (2, count.lo, count.hi),
                Some(Value::Real(interval)) => (3, interval.lo().to_bits(), interval.hi().to_bits()),
            };
            let severity = input.severity.map_or(0, |severity| place(&Severity::ALL, &severity));
            let signal = place(&Signal::ALL, &input.signal);
            let state = place(&STATES, &input.state);
            numbers.extend([signal, severity, place(&WINDOWS, &input.window.name), state, kind, lo, hi]);
            notes.push(input.note.as_deref().unwrap_or_default().to_owned());
        }
        let policy = differences(&Policy::default(), &config.policy)
            .into_iter()
            .map(|change| (change.field.path().to_owned(), change.to))
            .collect();
        SentBaseline { environment: config.environment.clone(), notes, numbers, policy }
    }
}

/// Milliseconds since 1970 and one more, so that 0 stands for no time.
fn millis(at: Option<DateTime<Utc>>) -> u64 {
    at.map_or(0, |at| at.timestamp_millis().max(0).unsigned_abs() + 1)
}

fn time(millis: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(millis.checked_sub(1)?).ok()?)
}

impl SentBaseline {
    /// The baseline as it was sent; provenance that nothing is computed from is left behind. `None` where it is broken.
    pub fn read(self) -> Option<Baseline> {
        let mut policy = Policy::default();
        for (path, text) in &self.policy {
            PolicyField::by_path(path)?.set(&mut policy, text).ok()?;
        }
        let mut numbers = self.numbers.iter().copied();
        let mut next = || numbers.next();
        let as_of = time(next()?)?;
        let kind = item(&KINDS, next()?)?;
        let mut config = Config::new(&self.environment, kind, item(&Mode::ALL, next()?)?, policy, as_of);
        config.frozen = next()? == 1;
        config.last_mode_change_at = time(next()?);
        let (ruled, standing, at) = (next()?, next()?, next()?);
        let set = |bits: u64| u8::try_from(bits).map(BreachSet::from_bits).ok();
        let previous = match item(&Recommendation::ALL, ruled) {
            Some(ruled) => Some(Previous { at: time(at)?, ruled, standing: set(standing)? }),
            None => None,
        };
        let recovered = set(next()?)?;
        let stabilization =
            Stabilization { expected: next()?, held: next()?, last_three: next()? == 1, unsafe_ticks: next()? };
        let tick_minutes = u32::try_from(next()?).ok()?;
        let mut inputs = Vec::with_capacity(self.notes.len());
        for note in &self.notes {
            inputs.push(read_input(as_of, note, &mut next)?);
        }
        Some(Baseline { as_of, config, inputs, recent: Recent { previous, recovered, stabilization, tick_minutes } })
    }
}

fn read_input(as_of: DateTime<Utc>, note: &str, next: &mut impl FnMut() -> Option<u64>) -> Option<Input> {
    let signal = item(&Signal::ALL, next()?)?;
    let severity = item(&Severity::ALL, next()?);
    let window = item(&WINDOWS, next()?)?;
    let state = item(&STATES, next()?)?;
    let (kind, lo, hi) = (next()?, next()?, next()?);
    Some(Input {
        aggregation: None,
        coverage: 0.0,
        data_through: None,
        fetched_at: None,
        note: (!note.is_empty()).then(|| note.to_owned().into()),
        samples: 0,
        severity,
        signal,
        source: None,
        state,
        unit: signal.unit(),
        value: match kind {
            1 => Some(Value::Count(Count { lo, hi })),
            2 => Some(Value::Money(Count { lo, hi })),
            3 => Some(Value::Real(Interval::new(f64::from_bits(lo), f64::from_bits(hi)))),
            _ => None,
        },
        window: Window { from: as_of, name: window, to: as_of },
    })
}

//! Owns one counter: the newest reading of each process that counts under its key, and what the next reading says it has grown
//! by. Must not know families or how the state is kept. Specification: docs/engine.md, section 19 "Counters".

use super::counting::Total;
use super::cumulative::Reading;
use super::doubt::Doubt;
use chrono::{DateTime, Duration, Utc};

/// The most processes that are kept of one counter. The one that was read longest ago makes room.
pub const MOST_STATES: usize = 32;
/// How long a process is kept that isn't read any more while others are.
const KEPT: Duration = Duration::hours(24);
/// Starts that differ by at most this may be one process that doesn't say its start exactly.
const JITTER: Duration = Duration::seconds(30);
/// A second replica of the same measurement takes over once the first is silent for longer than this.
const TAKEOVER: Duration = Duration::seconds(60);
/// The usual time between readings of a counter that was read once, in milliseconds.
const USUAL_STEP: i64 = 60_000;

/// A count below the one before it, kept until it is clear whether the process has restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub at: DateTime<Utc>,
    /// An earlier restart may have been missed.
    pub is_lossy: bool,
    pub total: Total,
}

/// The state of one process: its newest reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub at: DateTime<Utc>,
    pub held: Option<Box<Held>>,
    /// Another process with nearly the same start is known to be another.
    pub is_distinct: bool,
    /// Which of several replicas of the measurement has read it; 0 if there is one.
    pub replica: u64,
    pub start: Option<DateTime<Utc>>,
    /// Milliseconds between its last two readings; 0 if it was read once.
    pub step: i64,
    pub total: Total,
}

impl State {
    /// A value that was said once, and only once.
    pub fn said(at: DateTime<Utc>, start: Option<DateTime<Utc>>, total: Total) -> State {
        State { at, held: None, is_distinct: false, replica: 0, start, step: 0, total }
    }

    fn of(reading: &Reading) -> State {
        State { replica: reading.replica, ..State::said(reading.at, reading.start, reading.total.clone()) }
    }

    fn advance(&mut self, reading: &Reading) {
        self.step = (reading.at - self.at).num_milliseconds();
        self.at = reading.at;
        self.replica = reading.replica;
        self.total = reading.total.clone();
        self.held = None;
    }

    /// It was read once, and that reading said nothing of its start.
    fn is_unread_mark(&self) -> bool {
        self.start.is_some_and(|start| start >= self.at)
    }
}

/// What a reading comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grown {
    pub doubt: Option<Doubt>,
    /// The process is proven to have restarted, and to run since this time.
    pub renewed: Option<DateTime<Utc>>,
    /// `None` if the reading only marks where counting begins.
    pub total: Option<Total>,
}

impl Grown {
    pub(super) fn by(total: Total) -> Grown {
        Grown { total: Some(total), ..Grown::default() }
    }

    pub(super) fn unknown(doubt: Doubt) -> Grown {
        Grown { doubt: Some(doubt), ..Grown::default() }
    }
}

/// One counter: a state for each process that counts under its key, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    states: Vec<State>,
}

impl Counter {
    pub fn new(first: State) -> Counter {
        Counter { states: vec![first] }
    }

    pub(super) fn first(reading: &Reading) -> Counter {
        Counter::new(State::of(reading))
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Adds what is kept of a further process.
    pub fn push(&mut self, state: State) {
        self.states.push(state);
    }

    /// When it was last read.
    pub fn newest_at(&self) -> DateTime<Utc> {
        self.states.iter().map(|state| state.at).max().unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Forgets processes that were last read before a time; whether any is left.
    pub fn forget(&mut self, before: DateTime<Utc>) -> bool {
        self.states.retain(|state| state.at >= before);
        !self.states.is_empty()
    }

    /// What a reading comes to of a process that is known by its start; `None` if it isn't.
    pub(super) fn read(&mut self, reading: &Reading) -> Option<Grown> {
        if let [only] = self.states.as_mut_slice()
            && only.start == reading.start
            && only.replica == reading.replica
            && only.held.is_none()
        {
            if reading.at <= only.at {
                return Some(Grown::default());
            }
            if let Some(total) = reading.total.beyond(&only.total) {
                only.advance(reading);
                return Some(Grown::by(total));
            }
        }
        if self.is_of_a_follower(reading) {
            return Some(Grown::default());
        }
        let place = self.states.iter().position(|state| state.start == reading.start)?;
        Some(self.go_on(place, reading))
    }

    /// Whether another replica of the same measurement is being counted.
    fn is_of_a_follower(&self, reading: &Reading) -> bool {
        let newest = self.states.iter().max_by_key(|state| state.at);
        newest.is_some_and(|newest| newest.replica != reading.replica && reading.at - newest.at <= TAKEOVER)
    }

    fn go_on(&mut self, place: usize, reading: &Reading) -> Grown {
        let state = &mut self.states[place];
        let heard_at = state.held.as_ref().map_or(state.at, |held| held.at.max(state.at));
        if reading.at <= heard_at {
            return Grown::default();
        }
        let Some(total) = reading.total.beyond(&state.total) else {
            return fall(state, reading);
        };
        // A count that fell and is back where it was: two processes take turns.
        let back = state.held.is_some().then_some(Doubt::SeveralProcesses);
        let (total, moves) = self.least(place, reading, total);
        self.states[place].advance(reading);
        Grown { doubt: back.or(moves), renewed: None, total: Some(total) }
    }

    /// The least that a reading's growth can be. As long as counts under two starts only rise from one reading to the next, whichever
    /// of them it is of, they may be one count that is said twice, or whose start is said inexactly.
    fn least(&mut self, place: usize, reading: &Reading, total: Total) -> (Total, Option<Doubt>) {
        let own = self.states[place].clone();
        let Some(start) = own.start.filter(|_| self.states.len() > 1 && !own.is_distinct) else {
            return (total, None);
        };
        let (mut least, mut doubt) = (total, None);
        for (other, state) in self.states.iter_mut().enumerate() {
            if other == place || state.is_distinct || state.at <= own.at || state.at > reading.at {
                continue;
            }
            match (state.total.beyond(&own.total), reading.total.beyond(&state.total)) {
                (Some(_), Some(less)) => {
                    doubt = Some(if is_near(state, start) { Doubt::StartMoves } else { Doubt::SeveralProcesses });
                    if less.size() < least.size() {
                        least = less;
                    }
                }
                // One count doesn't fall from reading to reading: these are two.
                _ => state.is_distinct = true,
            }
        }
        if doubt.is_none() && self.states.iter().any(|state| state.is_distinct) {
            self.states[place].is_distinct = true;
        }
        (least, doubt)
    }

    /// What a reading with a start that isn't known yet comes to. `renewed` is when its process is known to have restarted.
    pub(super) fn begin(&mut self, reading: &Reading, renewed: Option<DateTime<Utc>>) -> Grown {
        let newest_at = self.newest_at();
        let grown = self.judge(reading, newest_at, renewed);
        self.add(State::of(reading));
        if reading.total.size() == 0 { Grown { doubt: None, ..grown } } else { grown }
    }

    /// Whether a reading with a start that isn't known yet proves that the process has restarted, and since when it runs.
    pub(super) fn restart(&self, reading: &Reading) -> Option<DateTime<Utc>> {
        let start = reading.start.filter(|start| *start < reading.at && *start >= self.newest_at())?;
        self.states.iter().all(|state| reading.total.beyond(&state.total).is_none()).then_some(start)
    }

    fn judge(&self, reading: &Reading, newest_at: DateTime<Utc>, renewed: Option<DateTime<Utc>>) -> Grown {
        let Some(start) = reading.start.filter(|start| *start < reading.at) else {
            return self.go_on_without_start(reading, newest_at);
        };
        if start < newest_at {
            let moves = self.states.iter().any(|state| is_near(state, start));
            return Grown::unknown(if moves { Doubt::StartMoves } else { Doubt::SeveralProcesses });
        }
        if let Some(renewed) = self.restart(reading) {
            return Grown { renewed: Some(renewed), ..Grown::by(reading.total.clone()) };
        }
        if renewed.is_some_and(|renewed| renewed >= newest_at) {
            return Grown::by(reading.total.clone());
        }
        // It began after it was last read, or says so: its count is as high as before.
        let least = self.states.iter().filter_map(|state| reading.total.beyond(&state.total)).min_by_key(Total::size);
        Grown { doubt: Some(Doubt::RestartUnclear), renewed: None, total: least }
    }

    /// A reading that says nothing of its start, as a collector sends it after its own restart: the count goes on if it is below
    /// no reading that is known.
    fn go_on_without_start(&self, reading: &Reading, newest_at: DateTime<Utc>) -> Grown {
        let growths: Option<Vec<Total>> = self.states.iter().map(|state| reading.total.beyond(&state.total)).collect();
        match growths.and_then(|all| all.into_iter().min_by_key(Total::size)) {
            Some(least) if reading.at > newest_at => Grown::by(least),
            _ => Grown::unknown(Doubt::StartUnknown),
        }
    }

    fn add(&mut self, state: State) {
        let oldest = state.at - KEPT;
        let replaces = |known: &State| {
            state.is_unread_mark() && known.is_unread_mark() && state.total.beyond(&known.total).is_some()
        };
        self.states.retain(|known| known.at >= oldest && !replaces(known));
        if self.states.len() >= MOST_STATES
            && let Some(oldest) = (0..self.states.len()).min_by_key(|place| self.states[*place].at)
        {
            self.states.swap_remove(oldest);
        }
        self.states.push(state);
    }
}

/// Whether a start may be a state's own, said inexactly.
fn is_near(state: &State, start: DateTime<Utc>) -> bool {
    state.start.is_some_and(|own| (own - start).abs() <= JITTER)
}

/// A count below the one before it. It is held back until the count before it has stayed away for one and a half of its steps:
/// then the process has restarted, and all that it says was counted since.
fn fall(state: &mut State, reading: &Reading) -> Grown {
    let step = if state.step > 0 { state.step } else { USUAL_STEP };
    let is_late = 2 * (reading.at - state.at).num_milliseconds() > 3 * step;
    let mut is_lossy = false;
    if let Some(held) = &state.held {
        is_lossy = held.is_lossy || reading.total.beyond(&held.total).is_none();
        if is_late && reading.total.beyond(&held.total).is_some() {
            let doubt = is_lossy.then_some(Doubt::RestartUnclear);
            let step = reading.at - held.at;
            state.advance(reading);
            state.step = step.num_milliseconds();
            return Grown { doubt, ..Grown::by(reading.total.clone()) };
        }
    }
    state.held = Some(Box::new(Held { at: reading.at, is_lossy, total: reading.total.clone() }));
    Grown::default()
}

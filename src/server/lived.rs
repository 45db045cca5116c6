//! Decides up to when time was lived through, and whether the clock has jumped. Pure: callers pass every time. Must not know
//! where its state is stored or what is deleted by it.

use super::clock::LEEWAY;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

/// How long the server runs on a steady clock before a time that the clock once showed is believed.
pub const TRIAL: Duration = Duration::hours(24);

/// A jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Jump {
    /// The clock's time when the server noticed the jump.
    pub at: DateTime<Utc>,
    /// How far it jumped, in milliseconds; negative for back.
    pub by_ms: i64,
}

impl Jump {
    /// A sentence without its full stop: "The server's clock jumped forward by 1 day".
    pub fn words(&self) -> String {
        let direction = if self.by_ms < 0 { "back" } else { "forward" };
        format!("The server's clock jumped {direction} by {}", length(self.by_ms.unsigned_abs()))
    }
}

/// A length in its two largest units: "1 day", "2 hours 5 minutes".
fn length(ms: u64) -> String {
    let minutes = (ms + 30_000) / 60_000;
    let parts = [(minutes / 1_440, "day"), (minutes / 60 % 24, "hour"), (minutes % 60, "minute")];
    let named: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    named.join(" ")
}

/// How far time was lived through. Deleting by age goes by this time, never by the clock alone.
///
/// It moves with the time that the process runs, and never past the clock. To catch up after a time in which no server ran,
/// it waits for a trial: it moves to a time that the clock showed when the server has since run for [`TRIAL`] and the
/// clock has not jumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lived {
    /// The newest jump, until the clock has been steady for a trial.
    pub jump: Option<Jump>,
    /// The clock's newest time.
    pub seen_at: DateTime<Utc>,
    /// How long the server has run since the trial began.
    pub trial: Duration,
    /// The clock's time when the trial began.
    pub trial_since: DateTime<Utc>,
    /// Up to when time was lived through.
    pub until: DateTime<Utc>,
}

impl Lived {
    /// The beginning, in a store whose newest recorded time is known, or that is empty.
    pub fn begin(now: DateTime<Utc>, newest: Option<DateTime<Utc>>) -> Lived {
        let newest = newest.unwrap_or(now);
        let by = now - newest;
        let jump = (by < -LEEWAY).then(|| Jump { at: now, by_ms: by.num_milliseconds() });
        Lived { jump, seen_at: now, trial: Duration::zero(), trial_since: now, until: newest.min(now) }
    }

    /// Takes a step to what the clock shows now; returns the jump that it shows. `elapsed` is how long the step took by a
    /// clock that cannot be set, and `None` after a restart: how long no server ran is not known, so only a step back is a jump.
    pub fn step(&mut self, now: DateTime<Utc>, elapsed: Option<Duration>) -> Option<Jump> {
        let by = match elapsed {
            Some(elapsed) => now - self.seen_at - elapsed,
            None => (now - self.seen_at).min(Duration::zero()),
        };
        let elapsed = elapsed.unwrap_or_default();
        self.seen_at = now;
        self.until = (self.until + elapsed).min(now);
        if by.abs() > LEEWAY {
            let jump = Jump { at: now, by_ms: by.num_milliseconds() };
            *self = Lived { jump: Some(jump), trial: Duration::zero(), trial_since: now, ..*self };
            return Some(jump);
        }
        self.trial += elapsed;
        if self.trial >= TRIAL {
            self.until = self.until.max(self.trial_since.min(now));
            *self = Lived { jump: None, trial: Duration::zero(), trial_since: now, ..*self };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-24T00:00:00Z".parse().unwrap()
    }

    /// Minutes of running on a clock that is wrong by so much.
    fn run(lived: &mut Lived, clock: &mut DateTime<Utc>, minutes: i64) {
        for _ in 0..minutes {
            *clock += Duration::minutes(1);
            assert_eq!(lived.step(*clock, Some(Duration::minutes(1))), None);
        }
    }

    #[test]
    fn on_a_right_clock_it_moves_with_the_clock() {
        let (mut lived, mut clock) = (Lived::begin(start(), None), start());
        run(&mut lived, &mut clock, 3 * 1_440);
        assert_eq!((lived.until, lived.jump), (clock, None));
    }

    #[test]
    fn a_wrong_clock_moves_it_by_no_more_than_it_lasts() {
        for by in [Duration::days(1), Duration::days(40), Duration::days(365 * 50)] {
            let (mut lived, mut clock) = (Lived::begin(start(), None), start());
            run(&mut lived, &mut clock, 60);
            clock += by;
            let jump = lived.step(clock, Some(Duration::zero())).expect("a jump");
            assert_eq!(jump, Jump { at: clock, by_ms: by.num_milliseconds() });
            run(&mut lived, &mut clock, 23 * 60);
            assert_eq!(lived.until, start() + Duration::hours(24));
            clock -= by;
            let back = lived.step(clock, Some(Duration::zero())).expect("a jump");
            assert_eq!(back.by_ms, -by.num_milliseconds());
            assert_eq!((lived.until, lived.jump), (clock, Some(back)));
            run(&mut lived, &mut clock, 1_440);
            assert_eq!((lived.until, lived.jump), (clock, None));
        }
    }

    #[test]
    fn a_wrong_clock_at_the_start_is_not_believed_and_is_named_when_it_is_set_right() {
        let (mut lived, mut clock) = (Lived::begin(start(), None), start());
        run(&mut lived, &mut clock, 23 * 60 + 50);
        let right = clock;
        clock += Duration::days(40);
        assert_eq!(lived.step(clock, None), None, "it may have been off for as long");
        run(&mut lived, &mut clock, 60);
        assert!(lived.until <= right + Duration::hours(1), "{lived:?}");
        let mut clock = right + Duration::hours(1);
        let jump = lived.step(clock, None).expect("a jump");
        assert_eq!(jump.by_ms, -Duration::days(40).num_milliseconds());
        run(&mut lived, &mut clock, 1_440);
        assert_eq!((lived.until, lived.jump), (clock, None));
    }

    #[test]
    fn a_server_that_was_off_for_a_month_catches_up_within_two_days() {
        for ran in [10, 1_000, 1_439] {
            let (mut lived, mut clock) = (Lived::begin(start(), None), start());
            run(&mut lived, &mut clock, ran);
            clock += Duration::days(30);
            assert_eq!(lived.step(clock, None), None);
            let awake = clock;
            run(&mut lived, &mut clock, 2 * 1_440);
            assert!(lived.until >= awake, "{lived:?}");
        }
    }

    #[test]
    fn one_that_runs_for_some_hours_a_day_keeps_up() {
        let (mut lived, mut clock) = (Lived::begin(start(), None), start());
        for _ in 0..60 {
            run(&mut lived, &mut clock, 240);
            clock += Duration::hours(20);
            assert_eq!(lived.step(clock, None), None);
        }
        assert!(clock - lived.until < Duration::days(14), "{lived:?}");
    }

    #[test]
    fn a_clock_that_is_set_back_takes_it_along_and_deletes_less() {
        let (mut lived, mut clock) = (Lived::begin(start(), None), start());
        run(&mut lived, &mut clock, 60);
        clock -= Duration::hours(1);
        assert_eq!(lived.step(clock, Some(Duration::zero())).map(|jump| jump.by_ms), Some(-3_600_000));
        assert_eq!(lived.until, clock);
    }

    #[test]
    fn a_store_with_times_of_the_future_says_so_at_the_first_start() {
        let lived = Lived::begin(start(), Some(start() + Duration::days(1)));
        assert_eq!(lived.jump.map(|jump| jump.by_ms), Some(-86_400_000));
        assert_eq!(lived.until, start());
        assert_eq!(Lived::begin(start(), Some(start() - Duration::days(9))).until, start() - Duration::days(9));
    }

    #[test]
    fn small_corrections_and_suspends_are_no_jumps() {
        let (mut lived, clock) = (Lived::begin(start(), None), start());
        assert_eq!(lived.step(clock + Duration::seconds(59), Some(Duration::zero())), None);
        // Asleep: the clock that cannot be set has gone on as well.
        let awake = clock + Duration::hours(9);
        assert_eq!(lived.step(awake, Some(Duration::hours(9))), None);
        assert_eq!(lived.jump, None);
    }

    #[test]
    fn a_jump_is_named_in_its_two_largest_units() {
        let words = |seconds: i64| Jump { at: start(), by_ms: seconds * 1_000 }.words();
        assert_eq!(words(86_402), "The server's clock jumped forward by 1 day");
        assert_eq!(words(40 * 86_400), "The server's clock jumped forward by 40 days");
        assert_eq!(words(-3_600), "The server's clock jumped back by 1 hour");
        assert_eq!(words(-7_500), "The server's clock jumped back by 2 hours 5 minutes");
        assert_eq!(words(90), "The server's clock jumped forward by 2 minutes");
    }
}

//! Owns what an evaluation may know of the evaluations before it: whether the conditions of an Increase have held long
//! enough, which breaches are still active, which have recovered. Must not know how ticks are stored.

use super::breach::{Breach, BreachSet};
use super::decision::Recommendation;
use super::policy::{Config, Guardrails};
use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one scheduled evaluation left behind. Evaluations on demand leave none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    pub at: DateTime<Utc>,
    /// Guardrails certainly clear by the recovery margin.
    pub clear: BreachSet,
    /// The conditions of an Increase held, time aside.
    pub conditions_met: bool,
    /// What the rules answered (before synthetic data was silenced).
    pub ruled: Recommendation,
    /// Breaches that were certain, or not yet recovered from.
    pub standing: BreachSet,
}

impl Tick {
    /// A Freeze or Decrease other than rule 2's, which does not count against stabilization.
    fn is_unsafe(&self) -> bool {
        self.ruled >= Recommendation::Decrease && !self.standing.without(Breach::OverLimit).is_empty()
    }
}

/// The last tick under the policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Previous {
    #[serde(serialize_with = "super::moment::serialize")]
    pub at: DateTime<Utc>,
    pub ruled: Recommendation,
    pub standing: BreachSet,
}

/// How the conditions of an Increase have held, time aside, through the stabilization window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stabilization {
    /// Ticks that the window should hold; absent ones count as failed.
    pub expected: u64,
    /// Ticks at which the conditions held.
    pub held: u64,
    /// They held at each of the last three ticks.
    pub last_three: bool,
    /// Ticks that answered Freeze or Decrease (except rule 2's Freeze).
    pub unsafe_ticks: u64,
}

impl Stabilization {
    /// How many of the expected ticks must have held: 95 %, rounded up.
    pub const fn needed(&self) -> u64 {
        (self.expected * 95).div_ceil(100)
    }

    pub const fn is_stable(&self) -> bool {
        self.held >= self.needed() && self.last_three && self.unsafe_ticks == 0
    }
}

/// The summary of the recent evaluations that an evaluation looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recent {
    pub previous: Option<Previous>,
    /// Guardrails that were certainly clear at every tick of the recovery window.
    pub recovered: BreachSet,
    pub stabilization: Stabilization,
    /// Minutes from tick to tick.
    pub tick_minutes: u32,
}

/// How far back ticks are needed under a configuration, beside the newest one, which is needed at any age.
pub fn reach(config: &Config) -> Duration {
    let rails = &config.policy.guardrails;
    Duration::hours(i64::from(rails.stabilization_hours.max(rails.recovery_hours)))
}

/// Summarises the ticks before `as_of`: ascending in time, all that lie within [`reach`] and the newest one before
/// `as_of`. Ticks from before the policy in force count as absent: a change restarts stabilization and ends held answers.
pub fn summarise(ticks: &[Tick], as_of: DateTime<Utc>, config: &Config, tick_minutes: u32) -> Recent {
    let rails = &config.policy.guardrails;
    let before = &ticks[..ticks.partition_point(|tick| tick.at < as_of)];
    let own = &before[before.partition_point(|tick| tick.at < config.policy_since)..];
    let step = i64::from(tick_minutes.max(1));
    // A window shorter than a tick still holds one.
    let minutes = |hours: u32| {
        if hours == 0 { 0 } else { (i64::from(hours) * 60).max(step) }
    };
    let within = |minutes: i64| &own[own.partition_point(|tick| tick.at < as_of - Duration::minutes(minutes))..];
    let expected = |minutes: i64| (minutes / step).unsigned_abs();

    let window = minutes(rails.stabilization_hours);
    let stabilization = within(window);
    let newest_wanted = expected(window).min(3);
    // A window shorter than three ticks is judged by what it holds.
    let newest = within((3 * step).min(window));
    let last_three =
        slots(newest, step).count() as u64 >= newest_wanted && newest.iter().all(|tick| tick.conditions_met);
    let recovery = within(minutes(rails.recovery_hours));
    let watched = slots(recovery, step).count() as u64;
    let recovered = if watched < expected(minutes(rails.recovery_hours)) {
        BreachSet::EMPTY
    } else {
        recovery.iter().fold(BreachSet::all(), |clear, tick| clear.intersection(tick.clear))
    };
    Recent {
        previous: own.last().map(|tick| Previous { at: tick.at, ruled: tick.ruled, standing: tick.standing }),
        recovered,
        stabilization: Stabilization {
            expected: expected(window),
            held: slots(stabilization, step)
                .filter(|slot| slot.iter().all(|tick| tick.conditions_met))
                .count()
                .min(expected(window) as usize) as u64,
            last_three,
            unsafe_ticks: stabilization.iter().filter(|tick| tick.is_unsafe()).count() as u64,
        },
        tick_minutes,
    }
}

/// Ticks by the place in the schedule that they are nearest to: several at one place stand for one, so that extra ticks
/// never make up for absent ones.
fn slots(ticks: &[Tick], minutes: i64) -> impl Iterator<Item = &[Tick]> {
    let length = minutes * 60;
    let place = move |tick: &Tick| (tick.at.timestamp() + length / 2).div_euclid(length);
    ticks.chunk_by(move |one, next| place(one) == place(next))
}

/// How many places of the schedule a window of so many hours holds: 0 for a window without length, else at least one.
fn places(hours: u32, tick_minutes: u32) -> u64 {
    let step = u64::from(tick_minutes.max(1));
    if hours == 0 { 0 } else { (u64::from(hours) * 60).max(step) / step }
}

impl Recent {
    /// The same evaluations seen through other windows, as far as the summary tells: the places that a longer window adds
    /// count as absent, which counts against an Increase and against recovery; those that a shorter one leaves out, as
    /// ones at which the conditions held.
    pub fn through(&self, before: &Guardrails, after: &Guardrails) -> Recent {
        let mut seen = self.clone();
        let own = &mut seen.stabilization;
        if after.stabilization_hours != before.stabilization_hours {
            let failed = own.expected.saturating_sub(own.held);
            let expected = places(after.stabilization_hours, self.tick_minutes);
            own.held = own.held.min(expected.saturating_sub(failed));
            own.expected = expected;
        }
        seen.recovered = match after.recovery_hours {
            hours if hours == before.recovery_hours => self.recovered,
            0 => BreachSet::all(),
            hours if hours > before.recovery_hours => BreachSet::EMPTY,
            _ => self.recovered,
        };
        seen
    }

    /// No evaluation came before.
    pub fn none(config: &Config, tick_minutes: u32) -> Recent {
        summarise(&[], DateTime::<Utc>::UNIX_EPOCH, config, tick_minutes)
    }
}

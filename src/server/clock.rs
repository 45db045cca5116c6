//! Owns the one clock of the program. Everything else is told what time it is.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// How far the clocks of two machines may differ. A time further ahead comes from a wrong clock.
pub const LEEWAY: Duration = Duration::seconds(60);

/// The time now, in whole milliseconds: finer digits would not survive the store.
#[expect(clippy::disallowed_methods, reason = "this is the one clock that others must use")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// A point in time for measuring durations only.
#[expect(clippy::disallowed_methods, reason = "this is the one clock that others must use")]
pub fn instant() -> Instant {
    Instant::now()
}

/// A time that goes on while the machine sleeps and that nobody can set; for telling a jump of the clock from time that passed.
pub fn boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const STEADY: ClockId = ClockId::Boottime;
    // On Apple's systems this one counts sleep as well.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const STEADY: ClockId = ClockId::Monotonic;
    let now = clock_gettime(STEADY);
    Duration::seconds(now.tv_sec) + Duration::nanoseconds(now.tv_nsec)
}

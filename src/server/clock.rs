//! Owns the one clock of the program. Everything else is told what time it is.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use std::time::Instant;

/// How far clocks of one product may differ. What is dated further ahead of now is of the future: a clock was wrong.
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

//! Owns how often one credential may call: what is signed in, or a script with a token, takes neither the server nor the store from
//! everybody else. Must not know what is called.

use super::guesses::{Wait, forget_some};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Calls that may come at once, as so many seconds' worth: a page with all that it loads, a script that catches up.
const AT_ONCE_SECONDS: u32 = 10;

struct Counts {
    calls: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

/// The calls of late, of this server. By default none are counted.
#[derive(Clone, Default)]
pub struct Calls(Option<Arc<Counts>>);

impl Calls {
    /// So many a second by one credential, and ten times as many at once; 0 counts none.
    pub fn new(per_second: u32) -> Calls {
        let at_once = NonZeroU32::new(per_second.saturating_mul(AT_ONCE_SECONDS));
        let counts = NonZeroU32::new(per_second).zip(at_once).map(|(per_second, at_once)| {
            let calls = RateLimiter::keyed(Quota::per_second(per_second).allow_burst(at_once));
            Arc::new(Counts { calls, clock: DefaultClock::default() })
        });
        Calls(counts)
    }

    /// Counts a call of the credential of that hash.
    ///
    /// # Errors
    /// [`Wait`] where there were too many.
    pub fn count(&self, credential: &str) -> Result<(), Wait> {
        let Some(counts) = &self.0 else { return Ok(()) };
        forget_some(&counts.calls);
        let now = counts.clock.now();
        counts.calls.check_key(&credential.to_owned()).map_err(|refused| Wait(refused.wait_time_from(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_credential_has_its_own_and_waits_for_the_next() {
        let calls = Calls::new(1);
        let let_in = (0..1_000_000).position(|_| calls.count("one").is_err());
        assert!(let_in.is_some_and(|let_in| let_in >= 10), "{let_in:?}");
        assert!(calls.count("one").is_err_and(|Wait(wait)| wait.as_millis() <= 1_000));
        assert!(calls.count("another").is_ok());
    }

    #[test]
    fn with_none_to_count_all_come_through() {
        for calls in [Calls::new(0), Calls::default()] {
            assert!((0..10_000).all(|_| calls.count("one").is_ok()));
        }
    }
}

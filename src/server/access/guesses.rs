//! Owns how often somebody may guess: by the account, by the address, and all strangers together. Whoever has signed in in the same
//! browser before is counted apart, so that no stranger's guesses keep them out. Must not know what is guessed.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Accounts, addresses, browsers and credentials that are remembered; beyond, those that have recovered are forgotten.
const REMEMBERED: usize = 20_000;

/// So many at once, and after them one as often.
fn quota(at_once: u32, then_every: Duration) -> Quota {
    let at_once = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(then_every).unwrap_or(Quota::per_minute(NonZeroU32::MIN)).allow_burst(at_once)
}

fn of_an_account() -> Quota {
    quota(10, Duration::from_secs(30))
}
fn of_an_address() -> Quota {
    quota(20, Duration::from_secs(5))
}
fn of_a_device() -> Quota {
    quota(10, Duration::from_secs(15))
}
/// What all strangers together may have hashed: a tenth of a core or so.
fn of_strangers() -> Quota {
    quota(30, Duration::from_millis(250))
}

/// What all strangers together may begin without saying who they are: each takes a row for some minutes.
fn of_beginnings() -> Quota {
    quota(60, Duration::from_millis(100))
}

/// Somebody has to wait before they may guess again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Duration);

impl Wait {
    /// In whole seconds, never too few.
    pub fn seconds(self) -> u32 {
        u32::try_from(self.0.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// Who guesses, and about whom.
#[derive(Clone, Copy, Debug)]
pub struct Guess<'a> {
    pub account: &'a str,
    pub address: IpAddr,
    /// The hash that tells a browser in which this account has signed in before.
    pub device: Option<&'a str>,
}

struct Counts {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    beginnings: DefaultDirectRateLimiter,
    clock: DefaultClock,
    devices: DefaultKeyedRateLimiter<String>,
    strangers: DefaultDirectRateLimiter,
}

/// The guesses of late, of this server.
#[derive(Clone)]
pub struct Guesses(Arc<Counts>);

impl Default for Guesses {
    fn default() -> Guesses {
        Guesses(Arc::new(Counts {
            accounts: RateLimiter::keyed(of_an_account()),
            addresses: RateLimiter::keyed(of_an_address()),
            beginnings: RateLimiter::direct(of_beginnings()),
            clock: DefaultClock::default(),
            devices: RateLimiter::keyed(of_a_device()),
            strangers: RateLimiter::direct(of_strangers()),
        }))
    }
}

impl Guesses {
    /// Counts a guess.
    ///
    /// # Errors
    /// [`Wait`] where there were too many. Whoever keeps trying waits no longer for it.
    pub fn count(&self, guess: Guess<'_>) -> Result<(), Wait> {
        let counts = &*self.0;
        let now = counts.clock.now();
        let wait = |refused: governor::NotUntil<_>| Wait(refused.wait_time_from(now));
        if let Some(device) = guess.device {
            forget_some(&counts.devices);
            return counts.devices.check_key(&device.to_owned()).map_err(wait);
        }
        forget_some(&counts.addresses);
        forget_some(&counts.accounts);
        counts.addresses.check_key(&network_of(guess.address)).map_err(wait)?;
        counts.accounts.check_key(&guess.account.to_owned()).map_err(wait)?;
        counts.strangers.check().map_err(wait)
    }
}

impl Guesses {
    /// Counts a sign-in that is begun by somebody who has not said who they are; `device` where somebody has signed in in that browser
    /// before.
    ///
    /// # Errors
    /// [`Wait`] where there were too many.
    pub fn begin(&self, address: IpAddr, device: Option<&str>) -> Result<(), Wait> {
        let counts = &*self.0;
        let now = counts.clock.now();
        let wait = |refused: governor::NotUntil<_>| Wait(refused.wait_time_from(now));
        if let Some(device) = device {
            forget_some(&counts.devices);
            return counts.devices.check_key(&device.to_owned()).map_err(wait);
        }
        forget_some(&counts.addresses);
        counts.addresses.check_key(&network_of(address)).map_err(wait)?;
        counts.beginnings.check().map_err(wait)
    }
}

/// Forgets those that have recovered, where there are too many.
pub(super) fn forget_some<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>) {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
}

/// The network that counts as one sender: an IPv4 address, or the /64 of an IPv6 address, since one customer gets all of its 2^64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(place: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, place])
    }

    fn refused(guesses: &Guesses, guess: Guess<'_>, times: u32) -> u32 {
        (0..times).map(|_| u32::from(guesses.count(guess).is_err())).sum()
    }

    #[test]
    fn one_address_and_one_account_are_slowed_down() {
        let guesses = Guesses::default();
        fn guess(account: &str, address: IpAddr) -> Guess<'_> {
            Guess { account, address, device: None }
        }
        assert_eq!(refused(&guesses, guess("anna@example.com", stranger(1)), 10), 0);
        assert_eq!(refused(&guesses, guess("anna@example.com", stranger(2)), 5), 5);
        assert!(
            guesses.count(guess("anna@example.com", stranger(2))).is_err_and(|wait| wait.0 <= Duration::from_secs(30))
        );
        let (mut let_in, all) = (0, 40);
        for place in 0..all {
            let account = format!("p{place}@example.com");
            let_in += u32::from(guesses.count(guess(&account, stranger(3))).is_ok());
        }
        assert!(let_in <= 21, "{let_in}");
    }

    #[test]
    fn a_strangers_guesses_keep_nobody_out_of_the_browser_they_know() {
        let guesses = Guesses::default();
        for place in 0..=255 {
            let _ = guesses.count(Guess { account: "anna@example.com", address: stranger(place), device: None });
        }
        let known = Guess { account: "anna@example.com", address: stranger(1), device: Some("her browser") };
        assert_eq!(refused(&guesses, known, 5), 0);
    }

    #[test]
    fn what_strangers_begin_keeps_nobody_out_of_the_browser_they_know() {
        let guesses = Guesses::default();
        let begun = (0..=255).filter(|place| guesses.begin(stranger(*place), None).is_ok()).count();
        assert!((60..=70).contains(&begun), "{begun}");
        assert!(guesses.begin(stranger(1), Some("her browser")).is_ok());
    }

    #[test]
    fn neighbours_in_a_network_are_one() {
        let address = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2::9"));
        assert_ne!(address("2001:db8:1:2::9"), address("2001:db8:1:3::9"));
        assert_ne!(address("203.0.113.1"), address("203.0.113.2"));
    }
}

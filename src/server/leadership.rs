//! Owns whether this server is the one, of several on one store, that does what one must do alone: evaluating ticks, asking sources,
//! deleting what is old. And the time by which all of them judge what is due: the store's, not each one's own.

use super::clock;
use super::observability::log_error;
use super::store::Store;
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long the lead is taken for, how often it is taken anew, and how fast time goes.
#[derive(Clone, Debug)]
pub struct Pace {
    pub lease: std::time::Duration,
    pub renew: std::time::Duration,
    /// The time where it is told rather than read from a clock, for trials of months in minutes.
    pub told: Option<watch::Receiver<DateTime<Utc>>>,
    /// How often it is looked whether a tick is due.
    pub wake: std::time::Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        let seconds = std::time::Duration::from_secs;
        Pace { lease: seconds(20), renew: seconds(5), told: None, wake: seconds(5) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    /// Until when it is sure to lead; `None` where it does not.
    until: Option<tokio::time::Instant>,
    /// The store's own time, with the time of this machine's monotonic clock when it was read.
    shown: Option<(DateTime<Utc>, Duration)>,
}

/// Whether this server leads.
#[derive(Clone, Debug)]
pub struct Leadership {
    holder: Arc<str>,
    pub pace: Pace,
    state: Arc<watch::Sender<State>>,
}

impl Leadership {
    /// That of a server by a name that no other has.
    pub fn new(holder: &str, pace: Pace) -> Leadership {
        let state = State { until: None, shown: None };
        Leadership { holder: holder.into(), pace, state: Arc::new(watch::Sender::new(state)) }
    }

    /// Whether it leads now. Where the store cannot be reached that ends by itself, as it does for the others.
    pub fn leads(&self) -> bool {
        self.state.borrow().until.is_some_and(|until| tokio::time::Instant::now() < until)
    }

    /// The time by which it is judged what is due.
    pub fn now(&self) -> DateTime<Utc> {
        match (&self.pace.told, self.state.borrow().shown) {
            (Some(told), _) => *told.borrow(),
            (None, Some((shown, at))) => shown + (clock::boot() - at),
            (None, None) => clock::now(),
        }
    }

    /// Whether that time is another than this machine's clock shows: the store has a clock of its own.
    pub fn has_its_own_clock(&self) -> bool {
        self.pace.told.is_some() || self.state.borrow().shown.is_some()
    }

    /// Takes the lead, or keeps it, for as long as a lease is.
    pub async fn renew(&self, store: &dyn Store) {
        // From before it was asked on: what was answered later ends later there.
        let asked = tokio::time::Instant::now();
        let lease = Duration::from_std(self.pace.lease).unwrap_or_default();
        match store.lead(&self.holder, lease).await {
            Ok(lead) => {
                let until = lead.leads.then(|| asked + self.pace.lease);
                let shown = lead.now.map(|now| (now, clock::boot()));
                if self.state.borrow().until.is_some() != lead.leads {
                    tracing::info!(leads = lead.leads, "the lead has changed");
                }
                self.state.send_replace(State { until, shown });
            }
            Err(error) => log_error("it could not be asked who leads", &error),
        }
    }

    /// Keeps asking for the lead until it is told to stop, and then gives it up at once.
    pub async fn run(self, store: Arc<dyn Store>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(self.pace.renew) => self.renew(store.as_ref()).await,
            }
        }
        if self.leads()
            && let Err(error) = store.resign(&self.holder).await
        {
            log_error("the lead could not be given up: it ends by itself", &error);
        }
    }
}

//! Knows which commit of the store is the newest, so that what was read before can be used again while nothing has changed.
//! Commits of other processes, such as the command line or another server, are looked for several times a second.

use super::clock;
use super::observability::log_error;
use super::store::{Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often commits of other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long one look may take. A look that takes longer counts as failed.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// How long after a look the store counts as reachable: longer than a look may take.
const REACHABLE_FOR: Duration = Duration::from_secs(8);
/// How long after a look its result may be relied on: a credential that another process revokes works no longer than this.
const RELIABLE_FOR: Duration = Duration::from_secs(1);

/// A state of the store, as far as this process can tell it from others. Two equal ones are the same state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number of the newest commit that this process has made or noticed.
    commit: u64,
    /// What changes as soon as another process commits, where the store has such a thing.
    mark: u64,
}

#[cfg(test)]
impl State {
    pub const fn of(commit: u64, mark: u64) -> State {
        State { commit, mark }
    }
}

/// The newest state of the store that this process knows of.
#[derive(Clone)]
pub struct Commits {
    began: Instant,
    /// When the newest successful look began, in milliseconds after `began`, plus one. Zero: there was none.
    looked: Arc<AtomicU64>,
    newest: watch::Receiver<u64>,
    store: Arc<dyn Store>,
}

impl Commits {
    pub fn of(store: Arc<dyn Store>) -> Commits {
        Commits { began: clock::instant(), looked: Arc::default(), newest: store.commits(), store }
    }

    /// The newest state of the store. What was read in an equal state need not be read again. `None` where commits of other processes
    /// have not been looked for within the last second: then nothing that was read before may be relied on.
    pub fn newest(&self) -> Option<State> {
        let looked = self.looked.load(Ordering::Acquire).checked_sub(1)?;
        let is_recent = self.began.elapsed().saturating_sub(Duration::from_millis(looked)) < RELIABLE_FOR;
        is_recent.then(|| State { commit: *self.newest.borrow(), mark: self.store.outside_mark() })
    }

    /// Whether the store has answered of late.
    pub fn is_reachable(&self) -> bool {
        let looked = self.looked.load(Ordering::Acquire).checked_sub(1).map(Duration::from_millis);
        looked.is_some_and(|looked| self.began.elapsed().saturating_sub(looked) < REACHABLE_FOR)
    }

    /// Looks once.
    async fn look(&self) -> Result<(), StoreError> {
        let started = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        let looked = tokio::time::timeout(LOOK_LIMIT, self.store.notice_outside_commits()).await;
        looked.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)))?;
        self.looked.store(started + 1, Ordering::Release);
        Ok(())
    }

    /// Goes on looking until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        // An outage is logged once, not four times a second.
        let mut is_away = false;
        loop {
            match self.look().await {
                Err(error) if !is_away => {
                    log_error("commits of other processes could not be looked for", &error);
                    is_away = true;
                }
                looked => is_away = looked.is_err(),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

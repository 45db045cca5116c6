//! Owns the scheduler: one evaluation a tick for each live environment, and the day's decision. It takes no input, is
//! idempotent a tick, never runs twice at once, and goes on when one environment fails. It applies nothing by itself.

use super::acts::evaluation::evaluate_tick;
use super::calendar;
use super::clock;
use super::config::Settings;
use super::leadership::Leadership;
use super::store::Store;
use crate::domain::policy::EnvironmentKind;
use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// How long after a tick its evaluation begins, so that the minute's own data has arrived.
const GRACE: Duration = Duration::seconds(5);

/// A loop that has not woken up for so long is not alive.
const ASLEEP: std::time::Duration = std::time::Duration::from_secs(180);

/// What the scheduler last did, for `/readyz` and the doctor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// When the loop last woke up.
    pub awake_at: Option<DateTime<Utc>>,
    /// Environments whose last tick failed, with the problem's words.
    pub failing: Vec<(String, String)>,
    /// The tick that was evaluated last.
    pub last_tick: Option<DateTime<Utc>>,
}

/// The scheduler's handle: its status and its one lock.
#[derive(Clone, Default)]
pub struct Scheduler {
    /// Told after a tick in which some environment's daily decision was made.
    pub daily: Arc<tokio::sync::Notify>,
    /// When the loop last woke up, by a clock that nobody can set.
    awake: Arc<Mutex<Option<std::time::Instant>>>,
    running: Arc<tokio::sync::Mutex<()>>,
    status: Arc<Mutex<Status>>,
}

impl Scheduler {
    pub fn status(&self) -> Status {
        match self.status.lock() {
            Ok(status) => status.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    fn update(&self, change: impl FnOnce(&mut Status)) {
        match self.status.lock() {
            Ok(mut status) => change(&mut status),
            Err(poisoned) => change(&mut poisoned.into_inner()),
        }
    }

    /// Whether the loop has woken up within the last few minutes, as it must.
    pub fn is_alive(&self) -> bool {
        let awake = *self.awake.lock().unwrap_or_else(PoisonError::into_inner);
        awake.is_some_and(|at| clock::instant().duration_since(at) < ASLEEP)
    }

    fn woke_up(&self) {
        *self.awake.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock::instant());
        self.update(|status| status.awake_at = Some(clock::now()));
    }

    /// Runs until it is told to stop. After sleep or a long pause only the newest tick is evaluated: ticks that were
    /// missed stay absent, which counts against an Increase, and no burst follows.
    ///
    /// A tick that failed is tried again for as long as it is the newest, ever more seldom. Of several servers one evaluates.
    pub async fn run(
        self,
        store: Arc<dyn Store>,
        settings: Arc<Settings>,
        leadership: Leadership,
        stop: CancellationToken,
    ) {
        let mut done: Option<DateTime<Utc>> = None;
        let mut again = Again::default();
        loop {
            self.woke_up();
            let tick = calendar::tick_before(leadership.now() - GRACE, settings.tick_minutes);
            // One of the future was done while the clock was ahead.
            let is_new = done.is_none_or(|done| tick > done || done > leadership.now() + clock::LEEWAY);
            if leadership.leads() && is_new && again.is_due(tick) {
                // One that is told to stop leaves the rest to whoever leads then.
                let goes_on = || leadership.leads() && !stop.is_cancelled();
                self.tick_by(store.as_ref(), &settings, tick, &goes_on, &|| leadership.now()).await;
                if self.status().failing.is_empty() && leadership.leads() {
                    done = Some(tick);
                } else {
                    again.failed(tick);
                }
            }
            // A short sleep rather than one until the next tick: a clock that jumps is noticed within it.
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(leadership.pace.wake) => {}
            }
        }
    }

    /// Evaluates every live environment as of a tick, as long as it is this server's to do.
    pub async fn tick(
        &self,
        store: &dyn Store,
        settings: &Settings,
        tick: DateTime<Utc>,
        leads: &(dyn Fn() -> bool + Sync),
    ) {
        self.tick_by(store, settings, tick, leads, &clock::now).await;
    }

    /// The same, dated by a clock that all servers on the store share.
    async fn tick_by(
        &self,
        store: &dyn Store,
        settings: &Settings,
        tick: DateTime<Utc>,
        leads: &(dyn Fn() -> bool + Sync),
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) {
        let _running = self.running.lock().await;
        let mut failing = Vec::new();
        let mut is_daily = false;
        match store.environments().await {
            Ok(environments) => {
                for environment in environments.iter().filter(|environment| environment.kind == EnvironmentKind::Live) {
                    if tick < environment.created_at {
                        continue;
                    }
                    if !leads() {
                        break;
                    }
                    // With thousands of environments a tick takes minutes: it is at work, not asleep.
                    self.woke_up();
                    match evaluate_tick(store, settings, &environment.name, (tick, now())).await {
                        Ok(was_daily) => is_daily |= was_daily,
                        Err(error) => {
                            super::observability::log_error("the tick failed", &error);
                            failing.push((environment.name.clone(), error.to_string()));
                        }
                    }
                }
            }
            Err(error) => {
                super::observability::log_error("the environments could not be read", &error);
                failing.push(("all".to_owned(), error.to_string()));
            }
        }
        if is_daily {
            self.daily.notify_one();
        }
        self.update(|status| {
            status.last_tick = Some(tick);
            status.failing = failing;
        });
    }
}

/// When a tick that failed is tried again.
#[derive(Default)]
struct Again {
    failures: u32,
    next: Option<tokio::time::Instant>,
    tick: Option<DateTime<Utc>>,
}

impl Again {
    fn is_due(&self, tick: DateTime<Utc>) -> bool {
        self.tick != Some(tick) || self.next.is_none_or(|next| tokio::time::Instant::now() >= next)
    }

    fn failed(&mut self, tick: DateTime<Utc>) {
        self.failures = if self.tick == Some(tick) { (self.failures + 1).min(6) } else { 0 };
        self.tick = Some(tick);
        self.next = Some(tokio::time::Instant::now() + std::time::Duration::from_secs(5 << self.failures));
    }
}

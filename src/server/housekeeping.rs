//! Watches the clock, and deletes what is past its time. What is deleted moves only by time that was lived through, so a
//! clock that is wrong for a while deletes nothing.

use super::access::{absolute_timeout, idle_timeout};
use super::clock;
use super::config::Settings;
use super::leadership::Leadership;
use super::lived::{Jump, Lived};
use super::observability::log_error;
use super::store::{Store, StoreError};
use crate::domain::history::{EventType, NewEvent};
use crate::domain::policy::EnvironmentKind;
use chrono::{DateTime, Duration, Utc};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a counter is remembered after its last reading.
const COUNTERS_KEPT: Duration = Duration::days(35);
/// How often what was lived through is written down.
const KEEP_EVERY: Duration = Duration::minutes(5);
/// How often what is old is deleted.
const PRUNE_EVERY: Duration = Duration::hours(1);
/// The most jumps within an hour that get a note in the history: a clock that swings must not fill it.
const MOST_NOTES: usize = 6;

/// The state of the clock, for pages and probes.
#[derive(Clone, Debug)]
pub struct ClockState(Arc<watch::Sender<Option<Jump>>>);

impl Default for ClockState {
    fn default() -> ClockState {
        ClockState(Arc::new(watch::Sender::new(None)))
    }
}

impl ClockState {
    /// The newest jump, until the clock has been steady for a day.
    pub fn jump(&self) -> Option<Jump> {
        *self.0.borrow()
    }
}

/// When something was done last, by the clock that cannot be set.
#[derive(Default)]
struct Done {
    kept: Option<Duration>,
    pruned: Option<Duration>,
}

fn is_due(last: Option<Duration>, now: Duration, every: Duration) -> bool {
    last.is_none_or(|last| now - last >= every)
}

/// What is said of a jump of this machine's clock where the store has one of its own.
fn not_the_databases(jump: Jump) -> String {
    format!("{}, not the database's", jump.words())
}

/// Watches the clock of one process.
struct Watch {
    done: Done,
    leadership: Leadership,
    /// How far time was lived through, as this process knows it, and when it took its last step.
    lived: Option<(Lived, Duration)>,
    /// Whether this process led at the last step. One that comes to lead goes on from what is stored.
    led: bool,
    /// When notes were written.
    notes: Vec<Duration>,
    /// This machine's clock, where the store has one of its own: requests are dated by it.
    own: Option<Lived>,
    state: ClockState,
    store: Arc<dyn Store>,
}

/// Runs until `stop`. Of several servers only the leader deletes and writes down.
pub async fn housekeeping(
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    leadership: Leadership,
    state: ClockState,
    stop: CancellationToken,
) {
    let wake = leadership.pace.wake;
    let mut watch = Watch {
        done: Done::default(),
        leadership,
        lived: None,
        led: false,
        notes: Vec::new(),
        own: None,
        state,
        store,
    };
    loop {
        if let Err(error) = watch.step(&settings).await {
            log_error("the time that was lived through could not be read or kept", &error);
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(wake) => {}
        }
    }
    watch.keep_at_the_end().await;
}

impl Watch {
    async fn step(&mut self, settings: &Settings) -> Result<(), StoreError> {
        let leads = self.leadership.leads();
        if self.lived.is_none() || (leads && !self.led) {
            self.read().await?;
        }
        self.led = leads;
        let (now, boot) = (self.leadership.now(), clock::boot());
        let Some((lived, stepped)) = &mut self.lived else { return Ok(()) };
        let is_told = self.leadership.pace.told.is_some();
        let elapsed = if is_told { now - lived.seen_at } else { boot - *stepped };
        let since = boot - *stepped;
        *stepped = boot;
        let jump = lived.step(now, Some(elapsed.max(Duration::zero())));
        let lived = *lived;
        let mut own_jump = None;
        if self.leadership.has_its_own_clock() {
            let own = self.own.get_or_insert_with(|| Lived::begin(clock::now(), None));
            own_jump = own.step(clock::now(), Some(since)).map(|jump| (jump, not_the_databases(jump)));
        }
        let shown = lived.jump.or(self.own.and_then(|own| own.jump));
        self.state.0.send_if_modified(|before| std::mem::replace(before, shown) != shown);
        if let Some(jump) = jump {
            tracing::warn!(by_ms = jump.by_ms, "{}", jump.words());
        }
        if let Some((jump, words)) = own_jump {
            tracing::warn!(by_ms = jump.by_ms, "{words}");
            // Dated by the database's clock: the own one is the wrong one of the two, or was until now.
            self.note(now, &words, boot).await?;
        }
        if !leads {
            return Ok(());
        }
        if jump.is_some() || is_due(self.done.kept, boot, KEEP_EVERY) {
            self.store.keep_lived(&lived).await?;
            self.done.kept = Some(boot);
        }
        if let Some(jump) = jump {
            self.note(jump.at, &jump.words(), boot).await?;
        }
        if is_due(self.done.pruned, boot, PRUNE_EVERY) {
            self.done.pruned = Some(boot);
            keep_house(self.store.as_ref(), settings, lived.until).await;
        }
        Ok(())
    }

    /// Continues from the stored state. A stored time in the future shows that the clock is behind it.
    async fn read(&mut self) -> Result<(), StoreError> {
        let (stored, newest) = (self.store.lived().await?, self.store.newest_recorded().await?);
        let (now, boot) = (self.leadership.now(), clock::boot());
        let (lived, jump) = match stored {
            Some(mut lived) => {
                lived.seen_at = newest.map_or(lived.seen_at, |newest| newest.max(lived.seen_at));
                let jump = lived.step(now, None);
                (lived, jump)
            }
            None => {
                let lived = Lived::begin(now, newest);
                (lived, lived.jump)
            }
        };
        self.lived = Some((lived, boot));
        if let Some(jump) = jump {
            tracing::warn!(by_ms = jump.by_ms, "{}", jump.words());
            if self.leadership.leads() {
                self.store.keep_lived(&lived).await?;
                self.note(jump.at, &jump.words(), boot).await?;
            }
        }
        Ok(())
    }

    /// Writes a jump into the history of every environment whose time goes on.
    async fn note(&mut self, at: DateTime<Utc>, words: &str, boot: Duration) -> Result<(), StoreError> {
        self.notes.retain(|at| boot - *at < Duration::hours(1));
        if self.notes.len() >= MOST_NOTES {
            return Ok(());
        }
        self.notes.push(boot);
        for environment in self.store.environments().await? {
            if environment.kind == EnvironmentKind::Live {
                let mut event = NewEvent::new(EventType::Note, "scheduler", at);
                event.reason = Some(format!("{words}."));
                self.store.append(&environment.name, event).await?;
            }
        }
        Ok(())
    }

    async fn keep_at_the_end(&self) {
        if let Some((lived, _)) = self.lived
            && self.led
            && let Err(error) = self.store.keep_lived(&lived).await
        {
            log_error("the time that was lived through could not be kept", &error);
        }
    }
}

/// Deletes what was past its time when time was lived through up to `until`.
pub async fn keep_house(store: &dyn Store, settings: &Settings, until: DateTime<Utc>) {
    let samples_before = until - Duration::days(i64::from(settings.raw_sample_days));
    if let Err(error) = store.prune_samples(samples_before).await {
        log_error("raw samples could not be pruned", &error);
    }
    if let Err(error) = store.prune_counters(until - COUNTERS_KEPT).await {
        log_error("counters could not be pruned", &error);
    }
    let (unseen_since, begun_before) = (until - idle_timeout(), until - absolute_timeout());
    if let Err(error) = store.prune_access(unseen_since, begun_before, until).await {
        log_error("sessions that had ended could not be pruned", &error);
    }
    if let Err(error) = store.prune_keys(until - Duration::days(7)).await {
        log_error("used keys could not be pruned", &error);
    }
}

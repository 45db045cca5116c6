//! Owns the two probes: alive, and ready (the store is writable, migrations are applied, the scheduler is alive).

use super::AppState;
use crate::domain::access::Identity;
use crate::server::observability;
use crate::server::store::Store;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Answers as long as the process does.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// A jump of the clock.
#[derive(Debug, Serialize)]
pub struct ClockReport {
    /// Negative for back.
    pub jumped_by_seconds: i64,
    /// The clock's time when the server noticed the jump.
    pub noticed_at: DateTime<Utc>,
}

/// What is ready and what is not.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// The newest jump of the clock, until it has been steady for a day. It takes nothing from being ready.
    pub clock: Option<ClockReport>,
    pub ready: bool,
    pub scheduler_alive: bool,
    /// Environments whose last tick failed, as far as whoever asks may see them.
    pub scheduler_failing: Vec<String>,
    pub store_writable: bool,
}

/// The environments among those that whoever asks may see: a probe needs no credential, and without one is told no names.
fn seen(failing: impl Iterator<Item = String>, identity: Option<&Identity>) -> Vec<String> {
    failing.filter(|environment| identity.is_some_and(|identity| identity.sees(environment))).collect()
}

/// How often it is checked whether the store takes writes.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// Whether the store took a write when it was last tried. Before the first try it did: the start has written.
pub struct WriteCheck(AtomicBool);

impl Default for WriteCheck {
    fn default() -> WriteCheck {
        WriteCheck(AtomicBool::new(true))
    }
}

impl WriteCheck {
    fn newest(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    async fn run(&self, store: &dyn Store) -> bool {
        let checked = store.ready().await;
        if let Err(error) = &checked
            && self.newest()
        {
            observability::log_error("the store is not ready", error);
        }
        self.0.store(checked.is_ok(), Ordering::Relaxed);
        checked.is_ok()
    }
}

/// Goes on checking whether the store takes writes, until it is stopped.
pub async fn check_writes(state: AppState, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CHECK_EVERY) => {}
        }
        state.write_check.run(state.store.as_ref()).await;
    }
}

/// 200 when everything that serving needs is there, else 503.
pub async fn ready(
    State(state): State<AppState>,
    identity: Option<Extension<Identity>>,
) -> (StatusCode, Json<Readiness>) {
    // A check is a write with all that it takes: who has not signed in is told of the newest one.
    let store_writable = match identity {
        Some(_) => state.write_check.run(state.store.as_ref()).await,
        None => state.write_check.newest() && state.commits.is_reachable(),
    };
    let scheduler_alive = state.scheduler.is_alive();
    let status = state.scheduler.status();
    let clock = state.clock.jump();
    let readiness = Readiness {
        clock: clock.map(|jump| ClockReport { jumped_by_seconds: jump.by_ms / 1_000, noticed_at: jump.at }),
        ready: store_writable && scheduler_alive,
        scheduler_alive,
        scheduler_failing: seen(
            status.failing.into_iter().map(|(environment, _)| environment),
            identity.as_ref().map(|Extension(identity)| identity),
        ),
        store_writable,
    };
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(readiness))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Reach, Role};

    #[test]
    fn a_probe_without_a_credential_is_told_no_names() {
        let failing = || ["production".to_owned(), "trial".to_owned()].into_iter();
        let viewer = Identity::person(1, "v@b.example", "V", &[(Reach::One("trial".into()), Role::Viewer)]);
        assert!(seen(failing(), None).is_empty());
        assert_eq!(seen(failing(), Some(&viewer)), ["trial"]);
        assert_eq!(seen(failing(), Some(&Identity::local())), ["production", "trial"]);
    }
}

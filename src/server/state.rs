//! The application's state: everything that a request or a background task may reach, behind one pointer.

use super::acts::Observer;
use super::commits::Commits;
use super::config::Settings;
use super::housekeeping::ClockState;
use super::http::bodies::Bodies;
use super::http::over_time::Drawn;
use super::http::snapshot_lines::SnapshotLines;
use super::http::{identity, kept, metrics, probes};
use super::live::{Feed, Message};
use super::newest::NewestAnswers;
use super::puller::Supervisor;
use super::scheduler::Scheduler;
use super::sources::remote_write::Pending;
use super::sources::requests::RequestLog;
use super::store::Store;
use crate::domain::signal::Signal;
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The fields of [`AppState`].
pub struct Shared {
    /// Sign-in state of this process: throttles, hasher, identity provider, cipher, recently seen credentials.
    pub access: identity::Access,
    /// Polls the sources that this server asks, those that founders add while it runs too.
    pub asking: Supervisor,
    /// The bytes of request bodies that are in memory.
    pub bodies: Arc<Bodies>,
    /// Parts of remote-write histograms that wait for the rest of their histogram.
    pub buckets: Arc<Pending>,
    /// Whether the clock has jumped.
    pub clock: ClockState,
    /// Which commit of the store is the newest, and whether that was checked within the last second.
    pub commits: Commits,
    pub feed: Feed,
    /// Finished answers, kept until the next commit, and for an hour in case the database becomes unavailable.
    pub kept: kept::KeptAnswers,
    pub leptos: LeptosOptions,
    /// Lines of the founder page's list of snapshots.
    pub lines: SnapshotLines,
    pub metrics: Arc<metrics::Metrics>,
    /// The newest answers, read once for each commit.
    pub newest: NewestAnswers,
    /// The charts of the founder's page, drawn once for each state of the history.
    pub drawn: Drawn,
    pub requests: Arc<RequestLog>,
    pub scheduler: Scheduler,
    pub settings: Arc<Settings>,
    pub store: Arc<dyn Store>,
    /// Whether the store took a write when it was last tried.
    pub write_check: probes::WriteCheck,
}

/// The state of the application. A clone is a copy of one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl AppState {
    pub fn new(shared: Shared) -> AppState {
        AppState(Arc::new(shared))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl Observer for AppState {
    fn evaluated(&self, took: Duration) {
        self.metrics.observe_evaluation(took);
    }

    fn rows_counted(&self, accepted: u64, refused: u64) {
        self.metrics.count_samples(accepted);
        self.metrics.count_refused(refused);
    }

    fn sources_changed(&self) {
        self.asking.look_again();
    }

    fn telemetry_changed(&self, environment: &str, signals: Vec<Signal>) {
        self.feed.tell(environment, &Message::Telemetry { signals });
    }
}

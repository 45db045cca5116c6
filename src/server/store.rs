//! Owns the store's contract: what is kept, what happens in one transaction, and how it fails. One file and one
//! migrations folder a backend; domain types come in and go out, rows stay inside. Must not know telemetry sources.
#![expect(clippy::duplicate_mod, reason = "one text is compiled against two databases, whose types part")]

pub mod access;
mod coverage;
mod families;
mod founder_page;
pub mod lived;
mod moving;
mod place;
pub mod proofs;
pub mod proving;
mod rows;
mod seal;
pub mod session_key;

/// The modules that both backends have, one text for two databases. Each is compiled once a backend, against that one's
/// `Connection`, its `Db` and its macros, in which the dialects part.
macro_rules! shared_modules {
    () => {
        #[path = "sql/access.rs"]
        mod access;
        #[path = "sql/access_rows.rs"]
        mod access_rows;
        #[path = "sql/added.rs"]
        mod added;
        #[path = "sql/alerts.rs"]
        mod alerts;
        #[path = "sql/billing.rs"]
        mod billing;
        #[path = "sql/contract.rs"]
        mod contract;
        #[path = "sql/copying.rs"]
        mod copying;
        #[path = "sql/counters.rs"]
        mod counters;
        #[path = "sql/environments.rs"]
        mod environments;
        #[path = "sql/exporters.rs"]
        mod exporters;
        #[path = "sql/founder_page.rs"]
        mod founder_page;
        #[path = "sql/history.rs"]
        mod history;
        #[path = "sql/idempotency.rs"]
        mod idempotency;
        #[path = "sql/ingest.rs"]
        mod ingest;
        #[path = "sql/lived.rs"]
        mod lived;
        #[path = "sql/minutes.rs"]
        mod minutes;
        #[path = "sql/people.rs"]
        mod people;
        #[path = "sql/points.rs"]
        mod points;
        #[path = "sql/proofs.rs"]
        mod proofs;
        #[path = "sql/proposals.rs"]
        mod proposals;
        #[path = "sql/proving.rs"]
        mod proving;
        #[path = "sql/pulls.rs"]
        mod pulls;
        #[path = "sql/recorded.rs"]
        mod recorded;
        #[path = "sql/recording.rs"]
        mod recording;
        #[path = "sql/samples.rs"]
        mod samples;
        #[path = "sql/seals.rs"]
        mod seals;
        #[path = "sql/senders.rs"]
        mod senders;
        #[path = "sql/sessions.rs"]
        mod sessions;
        #[path = "sql/share_links.rs"]
        mod share_links;
        #[path = "sql/snapshots.rs"]
        mod snapshots;
        #[path = "sql/streams.rs"]
        mod streams;
        #[path = "sql/subscriptions.rs"]
        mod subscriptions;
        #[path = "sql/tokens.rs"]
        mod tokens;
    };
}
use shared_modules;

pub mod postgres;
pub mod sqlite;

pub use founder_page::{FounderPage, FounderPageQuery, ListedSnapshot, Newest, TrendRange, TrendReading, TrendSpan};
pub use place::{Place, Progress, restore};

use crate::domain::act::{Act, ActError};
use crate::domain::alert::{Alert, AlertCounts, KnownAlert};
use crate::domain::backtest::Recorded;
use crate::domain::history::{Actor, Event, EventType, Head, NewEvent};
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::proposal::{Proposal, ProposalStatus};
use crate::domain::recent::Tick;
use crate::domain::rollup::MINUTE_MS;
use crate::domain::sender::Sender;
use crate::domain::signal::{Aggregation, Series};
use crate::domain::snapshot::{Origin, Snapshot};
use crate::domain::stream::{Span, Stream};
use crate::domain::subscription::{Clients, PageError, Taken, Told};
use crate::domain::telemetry::{AcceptedBatch, Receipt, RowError};
use crate::domain::trend::TrendPoint;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, watch};

/// Why the store did not do what was asked. The cause is for the log; clients see a sentence made elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no environment \"{name}\"; there are: {}", existing.join(", "))]
    UnknownEnvironment { name: String, existing: Vec<String> },
    #[error("the environment \"{0}\" exists already")]
    EnvironmentExists(String),
    #[error("there is no snapshot \"{0}\"")]
    UnknownSnapshot(String),
    #[error("the source \"{0}\" was changed in between")]
    SourceMoved(String),
    #[error("there is no source \"{0}\"")]
    UnknownSource(String),
    #[error("this source has no open alert \"{0}\"")]
    UnknownAlert(String),
    #[error("this source counts no client \"{0}\"")]
    UnknownClient(String),
    #[error("the source \"{name}\" is not taken: the environment has {most} sources already")]
    TooManySources { most: u32, name: String },
    #[error("the source \"{name}\" is not taken: this token has named {own}, half of what others leave")]
    TooManySourcesOfToken { name: String, own: u32 },
    #[error("the server asks {0} added sources, the most it asks")]
    TooManyAsked(u32),
    #[error("another token speaks for the source \"{0}\": only that one changes what it has said")]
    SourceOfAnother(String),
    #[error("the token is not for the source \"{0}\"")]
    NotForSource(String),
    #[error("there is a person with the e-mail address {0} already")]
    PersonExists(String),
    #[error("there is no such person")]
    UnknownPerson,
    #[error("nobody would be left who may do everything")]
    LastFounder,
    #[error("the session has ended")]
    SessionEnded,
    #[error("there would be nothing left to sign in by")]
    LastWayIn,
    #[error("the link was used, has expired, or never was")]
    NoInvitation,
    #[error("the name \"{0}\" is taken")]
    NameTaken(String),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("{} rows of the batch contradict what is stored", .0.len())]
    Conflicts(Vec<RowError>),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("the Idempotency-Key was used before with another request")]
    KeyReused,
    #[error("this is not a whole store: {0}")]
    NotAStore(String),
    /// The database refused or could not be reached.
    #[error("the store is not available")]
    Unavailable(#[from] sqlx::Error),
    #[error("there is a file at {} already; it is never replaced", .0.display())]
    FileExists(PathBuf),
    /// A file beside the store could not be read or written.
    #[error("the file {} cannot be used", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// What is stored cannot be read: a defect or damage, never a client's doing.
    #[error("stored data cannot be read: {what}")]
    Corrupt {
        what: &'static str,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl StoreError {
    /// Whether it refuses who sends as a source, and not what is sent: other sources of the same request can be stored.
    pub fn is_of_a_sender(&self) -> bool {
        matches!(
            self,
            StoreError::NotForSource(_)
                | StoreError::SourceOfAnother(_)
                | StoreError::TooManySources { .. }
                | StoreError::TooManySourcesOfToken { .. }
        )
    }

    /// Whether a text holds what cannot be stored: PostgreSQL refuses the character NUL.
    pub fn is_of_a_text(&self) -> bool {
        let StoreError::Unavailable(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error.code().is_some_and(|code| code == "22021")
    }
}

/// A client's key for a write, with the digest of the request that it was first used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    pub request_digest: String,
}

/// An environment in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentSummary {
    pub created_at: DateTime<Utc>,
    pub kind: EnvironmentKind,
    pub name: String,
}

/// What an act has done.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub config: Config,
    /// False where the act changed nothing and left no event.
    pub changed: bool,
}

/// An evaluation to be stored with its events and what it does to proposals, in one transaction.
#[derive(Clone, Debug)]
pub struct Recording<'a> {
    /// The snapshot body's canonical bytes, as digested.
    pub bytes: &'a [u8],
    /// Events beside `snapshot_recorded`, which the store adds itself, first: recommendation_changed, proposals'.
    pub events: Vec<NewEvent>,
    /// The open proposal lapses.
    pub expire: Option<String>,
    pub open: Option<Proposal>,
    pub snapshot: &'a Snapshot,
    /// For a tick: what it leaves for the evaluations after it. Must be there exactly when the origin is a tick's.
    pub tick: Option<Tick>,
    /// Who had it made: `scheduler`, `local`, `replay`.
    pub actor: Actor<'a>,
    /// When it was stored.
    pub at: DateTime<Utc>,
}

/// Which events a page of history holds.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct EventFilter {
    /// Only what this actor did or had done.
    pub actor: Option<String>,
    /// Any of these types; empty means all.
    pub types: Vec<EventType>,
    /// Events at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Events before this time.
    pub to: Option<DateTime<Utc>>,
    /// Events before this sequence number: the next page.
    pub before: Option<u64>,
}

/// One raw sample, for the click from a number to what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSample {
    pub aggregation: Option<Aggregation>,
    pub at: DateTime<Utc>,
    /// In atoms of the series' unit; for a distribution, its number of requests.
    pub atoms: u64,
    pub fetched_at: DateTime<Utc>,
    pub is_distribution: bool,
    pub source: String,
}

/// What a source has sent, for the checklist and the doctor.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSummary {
    pub data_through: Option<DateTime<Utc>>,
    pub fetched_at: Option<DateTime<Utc>>,
    pub first_at: Option<DateTime<Utc>>,
    pub last_at: Option<DateTime<Utc>>,
    pub series: Series,
    pub source: String,
    pub spans: Vec<Span>,
}

/// How asking a source went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullState {
    /// Up to when it has been asked with success.
    pub asked_through: Option<DateTime<Utc>>,
    pub attempted_at: DateTime<Utc>,
    /// What went wrong at the newest attempt.
    pub failure: Option<PullFailure>,
    /// What should be mended though it answers, in words for a founder.
    pub notice: Option<String>,
    pub succeeded_at: Option<DateTime<Utc>>,
}

/// Why a source could not be asked, in words for a founder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullFailure {
    /// Stable, for scripts.
    pub code: String,
    pub cure: String,
    pub problem: String,
}

/// A source that a founder has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedSource {
    /// JSON, as it was written.
    pub definition: String,
    pub environment: String,
    pub name: String,
}

/// A change of an added source, from what was read to what it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEdit {
    /// `None` where it is removed.
    pub after: Option<String>,
    /// `None` where it is added.
    pub before: Option<String>,
    pub name: String,
}

/// Who among several servers on one store does what only one may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Whether it is the one that asked.
    pub leads: bool,
    /// The time of the store's own clock, by which all of them judge what is due; `None` where one machine has the only clock.
    pub now: Option<DateTime<Utc>>,
}

/// Which points of a chart are wanted: after `from`, up to `to`, one for each `step` that holds a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendQuery {
    pub from: DateTime<Utc>,
    pub step: Duration,
    pub to: DateTime<Utc>,
}

/// Where everything is kept. Every method that writes is one transaction; what it acknowledged is on disk.
#[async_trait]
pub trait Store:
    access::AccessStore + lived::LivedStore + proofs::ProofStore + proving::ProvingStore + Send + Sync + 'static
{
    /// Makes an environment with its first configuration; the event is `config_changed`, "created".
    async fn create_environment(&self, config: &Config, actor: Actor<'_>, now: DateTime<Utc>)
    -> Result<(), StoreError>;

    /// All environments, by name.
    async fn environments(&self) -> Result<Vec<EnvironmentSummary>, StoreError>;

    /// The configuration in force.
    async fn config(&self, environment: &str) -> Result<Config, StoreError>;

    /// The configuration at a version, with its digest.
    async fn config_at(&self, environment: &str, version: u64) -> Result<Option<Config>, StoreError>;

    /// Applies an act: reads the configuration, lets the domain decide, stores configuration, proposal and events.
    async fn act(
        &self,
        environment: &str,
        act: &Act,
        actor: Actor<'_>,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Changed, StoreError>;

    /// Adds an event that changes nothing (a note).
    async fn append(&self, environment: &str, event: NewEvent) -> Result<Event, StoreError>;

    /// Stores a batch whole or not at all: samples, minute roll-ups, coverage.
    async fn ingest(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Receipt, StoreError>;

    /// Stores a batch that revises what was settled, and the event that says so, in one transaction.
    async fn revise(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        event: NewEvent,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError>;

    /// Stores a batch that must be taken once, whichever way it comes again: what `once` was taken for before is all
    /// duplicates, and changes nothing.
    async fn ingest_once(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        once: &IdempotencyKey,
    ) -> Result<Receipt, StoreError>;

    /// Takes what a source sends of its alerts, and stores how many of them are open as samples of `warnings.open`. An open alert that was
    /// not repeated within that time counts as unknown.
    async fn take_alerts(
        &self,
        environment: &str,
        source: &str,
        sender: &Sender,
        alerts: &[Alert],
        repeated_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<AlertCounts, StoreError>;

    /// The open alerts of these sources, each with its source; at most 100 of one source.
    async fn open_alerts(
        &self,
        environment: &str,
        sources: &[String],
        repeated_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, KnownAlert)>, StoreError>;

    /// Closes an open alert that nobody will resolve, with its event, and stores how many are open now. It is open again if its source
    /// repeats it.
    async fn close_alert(
        &self,
        environment: &str,
        source: &str,
        fingerprint: &str,
        repeated_within: Duration,
        event: NewEvent,
    ) -> Result<AlertCounts, StoreError>;

    /// Takes what a source tells of its subscriptions. Once a list of all of them was whole, stores how many clients there are
    /// as samples of `clients.active` and `clients.at_risk`; before that it is unknown, and nothing is.
    async fn take_subscriptions(
        &self,
        environment: &str,
        source: &str,
        sender: &Sender,
        told: &Told,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError>;

    /// Which of these sources send subscriptions.
    async fn subscribers(&self, environment: &str, sources: &[String]) -> Result<Vec<String>, StoreError>;

    /// Ends a client that Stripe no longer has, by the id of the customer or of a subscription, with its event, and stores how many
    /// there are now; `None` while that is unknown. It counts again if Stripe sends something about it later.
    async fn end_client(
        &self,
        environment: &str,
        source: &str,
        client: &str,
        event: NewEvent,
    ) -> Result<Option<Clients>, StoreError>;

    /// Every stream of the environment with its rows in a span (open at `from`) and, before it, the newest row of each
    /// gauge. The number of rows read depends on the span, never on the age of the store.
    async fn streams(&self, environment: &str, span: Span) -> Result<Vec<Stream>, StoreError>;

    /// The same of these sources alone.
    async fn streams_of(&self, environment: &str, span: Span, sources: &[String]) -> Result<Vec<Stream>, StoreError>;

    /// What each source has sent so far.
    async fn sources(&self, environment: &str) -> Result<Vec<SourceSummary>, StoreError>;

    /// How asking each source went, by its name.
    async fn pull_states(&self, environment: &str) -> Result<Vec<(String, PullState)>, StoreError>;

    /// Notes how asking a source went. What it was asked up to, and when it last answered, stay where this attempt does not
    /// say.
    async fn note_pull(&self, environment: &str, source: &str, state: &PullState) -> Result<(), StoreError>;

    /// The sources that were added to an environment, or to any; by environment and name.
    async fn added_sources(&self, environment: Option<&str>) -> Result<Vec<AddedSource>, StoreError>;

    /// The definition that the first request with a key has written or removed.
    async fn source_changed_under(&self, environment: &str, key: &IdempotencyKey)
    -> Result<Option<String>, StoreError>;

    /// Adds, changes or removes an added source, with its event, if it is still as it was read. How asking it went is forgotten:
    /// what is asked now has not been asked before. Its numbers stay.
    async fn change_source(
        &self,
        environment: &str,
        edit: &SourceEdit,
        event: NewEvent,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), StoreError>;

    /// Retires a source that has gone, with its event: evaluations expect nothing of it and it counts against no limit, until it
    /// sends again. What it has said stays.
    async fn retire_source(&self, environment: &str, name: &str, event: NewEvent) -> Result<(), StoreError>;

    /// The first and the last sample's time of an environment.
    async fn extent(&self, environment: &str) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, StoreError>;

    /// Raw samples of a series within a span, newest first.
    async fn samples(
        &self,
        environment: &str,
        series: Series,
        span: Span,
        limit: u32,
    ) -> Result<Vec<StoredSample>, StoreError>;

    /// Deletes raw samples older than a time (roll-ups stay); returns how many.
    async fn prune_samples(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Stores evaluations, in order, in one transaction. A tick that is there already is left as it is and its id
    /// returned: recording is idempotent.
    async fn record(
        &self,
        environment: &str,
        recordings: &[Recording<'_>],
        key: Option<&IdempotencyKey>,
    ) -> Result<Vec<Snapshot>, StoreError>;

    /// Forgets counters last read before a time; returns how many.
    async fn prune_counters(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Forgets idempotency keys first used before a time; returns how many.
    async fn prune_keys(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// The snapshot that a key was first used for.
    async fn recorded_under(&self, environment: &str, key: &IdempotencyKey) -> Result<Option<Snapshot>, StoreError>;

    /// The ticks with `from <= at < before`, ascending, and before them the newest one earlier than `from`. In a live
    /// environment without those that were recorded before one of the same or an earlier time: a clock was ahead then.
    async fn ticks(
        &self,
        environment: &str,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Result<Vec<Tick>, StoreError>;

    /// The points of a chart, ascending: each the hull of the snapshots of one step. Steps without a snapshot have none.
    async fn trend(&self, environment: &str, query: &TrendQuery) -> Result<Vec<TrendPoint>, StoreError>;
    /// Sends the ticks with `from <= as_of <= to` into `pages`, ascending, as much of each as a backtest needs. Ends early
    /// where nobody receives them any more. Bodies are not compared with their digests: proving is `verify`'s.
    async fn recorded_ticks(
        &self,
        environment: &str,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        pages: mpsc::Sender<Vec<Recorded>>,
    ) -> Result<(), StoreError>;

    /// Whether a tick that counts is stored for this very time. In a live environment a tick does not count if one of an
    /// earlier time, or one of the future, was recorded after it: a clock was ahead, and has been set back since.
    async fn has_tick(&self, environment: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// The time of the newest daily decision up to now. One that was recorded while a clock was ahead does not count.
    async fn latest_daily(&self, environment: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// The newest answer of an environment, read at one time with the configuration and the open proposal. See
    /// [`Store::latest_snapshot`] for which one is the newest.
    async fn newest(&self, environment: &str, now: DateTime<Utc>) -> Result<Newest, StoreError>;

    /// All that the founder's page shows of an environment, read at one time.
    async fn founder_page(&self, environment: &str, query: &FounderPageQuery) -> Result<FounderPage, StoreError>;

    /// The newest snapshot, of any origin: in a live environment the one recorded last of those that are not of the
    /// future, in others, where time does not go on, the one with the latest `as_of`.
    async fn latest_snapshot(&self, environment: &str, now: DateTime<Utc>) -> Result<Option<Snapshot>, StoreError>;

    /// One snapshot by its id.
    async fn snapshot(&self, id: &str) -> Result<Snapshot, StoreError>;

    /// Snapshots by `as_of`, latest first, at most `limit`, with `as_of` before `before` (then by id).
    async fn snapshots(
        &self,
        environment: &str,
        limit: u32,
        before: Option<(DateTime<Utc>, String)>,
        origin: Option<Origin>,
    ) -> Result<Vec<Snapshot>, StoreError>;

    /// The open proposal, if there is one.
    async fn open_proposal(&self, environment: &str) -> Result<Option<Proposal>, StoreError>;

    /// A page of proposals, newest first.
    async fn proposals(
        &self,
        environment: &str,
        status: Option<ProposalStatus>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError>;

    /// A page of events, newest first.
    async fn events(&self, environment: &str, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// Up to `limit` events after a sequence number, ascending, for `verify`.
    async fn events_after(&self, environment: &str, seq: u64, limit: u32) -> Result<Vec<Event>, StoreError>;

    /// The head of every chain.
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;

    /// Takes the lead for so long from now on, where nobody has it, or keeps it. It is advice: what must happen once is kept
    /// from happening twice by what is stored.
    async fn lead(&self, holder: &str, how_long: Duration) -> Result<Lead, StoreError>;

    /// Gives up the lead, if it has it.
    async fn resign(&self, holder: &str) -> Result<(), StoreError>;

    /// A consistent copy of the whole store while it is in use.
    async fn backup(&self, file: &Path) -> Result<(), StoreError>;

    /// Whether a write would succeed now and every migration is applied.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Moves on with every commit that this process makes or has noticed.
    fn commits(&self) -> watch::Receiver<u64>;

    /// Looks whether another process has committed since it was last looked, and moves [`Store::commits`] on if so.
    async fn notice_outside_commits(&self) -> Result<(), StoreError>;

    /// A number that is another as soon as another process has committed, where that can be told without asking the database. It may
    /// change without a commit.
    fn outside_mark(&self) -> u64;

    /// Writes what is pending and closes.
    async fn close(&self);
}

/// The end of the last whole minute before a time: raw samples are deleted up to there.
fn pruned_until(before: DateTime<Utc>) -> i64 {
    (before.timestamp_millis() - 1).div_euclid(MINUTE_MS) * MINUTE_MS
}

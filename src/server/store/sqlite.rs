//! Owns the SQLite store: its connections and, method by method, who does the work. One connection writes, always in a
//! `BEGIN IMMEDIATE` transaction; others only read. Must not know HTTP or sources, and never reads a clock.

mod added;
mod alerts;
pub mod backup;
mod counters;
mod environments;
mod history;
mod idempotency;
mod ingest;
mod minutes;
mod points;
mod proposals;
mod pulls;
mod recorded;
mod recording;
mod samples;
mod snapshots;
mod streams;
mod subscriptions;

pub use backup::restore;

use super::{
    AddedSource, Changed, EnvironmentSummary, EventFilter, IdempotencyKey, PullState, Recording, SourceEdit,
    SourceSummary, Store, StoreError, StoredSample, TrendQuery,
};
use crate::domain::act::Act;
use crate::domain::alert::{Alert, OpenAlerts};
use crate::domain::backtest::Recorded;
use crate::domain::history::{Event, Head, NewEvent};
use crate::domain::policy::Config;
use crate::domain::proposal::{Proposal, ProposalStatus};
use crate::domain::recent::Tick;
use crate::domain::signal::Series;
use crate::domain::snapshot::{Origin, Snapshot};
use crate::domain::stream::{Span, Stream};
use crate::domain::subscription::{Taken, Told};
use crate::domain::telemetry::{AcceptedBatch, Receipt};
use crate::domain::trend::TrendPoint;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// How many connections read at once, the one that watches among them.
const READERS: u32 = 7;
/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    commits: Arc<watch::Sender<u64>>,
    readers: SqlitePool,
    /// One connection that only looks whether another has committed, and what it saw last.
    watcher: Arc<Mutex<(Option<PoolConnection<Sqlite>>, i64)>>,
    /// One connection; `None` where the store was opened for reading only.
    writer: Option<SqlitePool>,
}

impl SqliteStore {
    /// Opens the store at `path`, makes it where there is none, and applies the migrations that are missing.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the file is something else or newer than this program.
    pub async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-32000");
        let writer = pool(1, options).await.map_err(not_a_store)?;
        MIGRATIONS.run(&writer).await.map_err(not_migrated)?;
        let store = SqliteStore::of(pool(READERS, reading(path)).await?, Some(writer));
        store.make_missing_points().await?;
        Ok(store)
    }

    /// Opens a store that is there for reading only, as `verify` does; nothing in it is changed.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the file is missing, something else, or of another version.
    pub async fn open_read_only(path: &Path) -> Result<SqliteStore, StoreError> {
        let readers = pool(READERS, reading(path)).await.map_err(not_a_store)?;
        let store = SqliteStore::of(readers, None);
        backup::check_migrations(&mut *store.reader().await?).await?;
        Ok(store)
    }

    fn of(readers: SqlitePool, writer: Option<SqlitePool>) -> SqliteStore {
        SqliteStore { commits: Arc::new(watch::Sender::new(0)), readers, watcher: Arc::default(), writer }
    }

    /// Ends a write, and lets everyone know who waits for one.
    async fn commit(&self, tx: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
        tx.commit().await?;
        self.commits.send_modify(|commits| *commits += 1);
        Ok(())
    }

    /// A store made before charts had points of their own gets them once.
    async fn make_missing_points(&self) -> Result<(), StoreError> {
        if !points::are_missing(&mut *self.reader().await?).await? {
            return Ok(());
        }
        tracing::info!("making the points of the charts from the stored snapshots, once");
        let mut tx = self.writing().await?;
        points::make_again(&mut tx).await?;
        self.commit(tx).await
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// One state of the store, for reads of several statements.
    async fn reading(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// A write: it has the lock before it reads anything.
    async fn writing(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let writer = self.writer.as_ref().ok_or(sqlx::Error::PoolClosed)?;
        Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY)
        .row_buffer_size(512)
        .pragma("temp_store", "memory")
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

/// Tells a file that is no database from a database that cannot be reached.
fn not_a_store(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("26") => StoreError::NotAStore("it is not a SQLite database".to_owned()),
        Some("11") => StoreError::NotAStore("the database is damaged".to_owned()),
        Some("14") => StoreError::NotAStore("it cannot be opened".to_owned()),
        _ => StoreError::Unavailable(error),
    }
}

fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => not_a_store(error),
        MigrateError::VersionMissing(version) => StoreError::NotAStore(format!(
            "a newer version of this program made it (migration {version} is unknown here)"
        )),
        MigrateError::VersionMismatch(version) => {
            StoreError::NotAStore(format!("its migration {version} is not this program's"))
        }
        other => StoreError::Unavailable(sqlx::Error::Migrate(Box::new(other))),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_environment(&self, config: &Config, actor: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        environments::create(&mut tx, config, actor, now).await?;
        self.commit(tx).await
    }

    async fn environments(&self) -> Result<Vec<EnvironmentSummary>, StoreError> {
        environments::all(&mut *self.reader().await?).await
    }

    async fn config(&self, environment: &str) -> Result<Config, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        environments::config_in_force(&mut tx, &found).await
    }

    async fn config_at(&self, environment: &str, version: u64) -> Result<Option<Config>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        environments::config_at(&mut tx, found.id, version).await
    }

    async fn act(
        &self,
        environment: &str,
        act: &Act,
        actor: &str,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Changed, StoreError> {
        let mut tx = self.writing().await?;
        let changed = environments::act(&mut tx, environment, act, actor, now, key).await?;
        self.commit(tx).await?;
        Ok(changed)
    }

    async fn append(&self, environment: &str, event: NewEvent) -> Result<Event, StoreError> {
        let mut tx = self.writing().await?;
        let found = environments::find(&mut tx, environment).await?;
        let mut head = found.head;
        let event = history::link(&mut head, event);
        history::append(&mut tx, found.id, std::slice::from_ref(&event)).await?;
        self.commit(tx).await?;
        Ok(event)
    }

    async fn ingest(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Receipt, StoreError> {
        let mut tx = self.writing().await?;
        let receipt = ingest::ingest(&mut tx, environment, batch, now, key).await?;
        self.commit(tx).await?;
        Ok(receipt)
    }

    async fn revise(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        event: NewEvent,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        let mut tx = self.writing().await?;
        let receipt = ingest::ingest(&mut tx, environment, batch, now, None).await?;
        let found = environments::find(&mut tx, environment).await?;
        history::append_new(&mut tx, found.id, found.head, [event]).await?;
        self.commit(tx).await?;
        Ok(receipt)
    }

    async fn ingest_once(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        once: &IdempotencyKey,
    ) -> Result<Receipt, StoreError> {
        let mut tx = self.writing().await?;
        let receipt = ingest::ingest_once(&mut tx, environment, batch, now, once).await?;
        self.commit(tx).await?;
        Ok(receipt)
    }

    async fn take_alerts(
        &self,
        environment: &str,
        source: &str,
        alerts: &[Alert],
        now: DateTime<Utc>,
    ) -> Result<OpenAlerts, StoreError> {
        let mut tx = self.writing().await?;
        let open = alerts::take(&mut tx, environment, source, alerts, now).await?;
        self.commit(tx).await?;
        Ok(open)
    }

    async fn take_subscriptions(
        &self,
        environment: &str,
        source: &str,
        told: &Told,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        let mut tx = self.writing().await?;
        let taken = subscriptions::take(&mut tx, environment, source, told, now).await?;
        self.commit(tx).await?;
        Ok(taken)
    }

    async fn streams(&self, environment: &str, span: Span) -> Result<Vec<Stream>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        streams::within(&mut tx, found.id, span).await
    }

    async fn sources(&self, environment: &str) -> Result<Vec<SourceSummary>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        streams::sources(&mut tx, found.id).await
    }

    async fn extent(&self, environment: &str) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        streams::extent(&mut tx, found.id).await
    }

    async fn samples(
        &self,
        environment: &str,
        series: Series,
        span: Span,
        limit: u32,
    ) -> Result<Vec<StoredSample>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        streams::samples(&mut tx, found.id, series, span, limit).await
    }

    async fn prune_samples(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut tx, mut total) = (self.writing().await?, 0);
        let pruned = streams::begin_pruning(&mut tx, before).await?;
        self.commit(tx).await?;
        for (stream, until) in pruned {
            // In many short transactions, so that ingestion never waits long; which minutes are closed is known first.
            loop {
                let mut tx = self.writing().await?;
                let deleted = streams::prune_some(&mut tx, stream, until).await?;
                self.commit(tx).await?;
                total += deleted;
                if deleted == 0 {
                    break;
                }
            }
        }
        Ok(total)
    }

    async fn record(
        &self,
        environment: &str,
        recordings: &[Recording<'_>],
        key: Option<&IdempotencyKey>,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let bodies = super::rows::compress(recordings.iter().map(|recording| recording.bytes))?;
        let mut tx = self.writing().await?;
        let snapshots = recording::record(&mut tx, environment, recordings, bodies, key).await?;
        self.commit(tx).await?;
        Ok(snapshots)
    }

    async fn pull_states(&self, environment: &str) -> Result<Vec<(String, PullState)>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        pulls::of_environment(&mut tx, found.id).await
    }

    async fn note_pull(&self, environment: &str, source: &str, state: &PullState) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        let found = environments::find(&mut tx, environment).await?;
        pulls::note(&mut tx, found.id, source, state).await?;
        self.commit(tx).await
    }

    async fn added_sources(&self, environment: Option<&str>) -> Result<Vec<AddedSource>, StoreError> {
        added::all(&mut *self.reader().await?, environment).await
    }

    async fn source_changed_under(
        &self,
        environment: &str,
        key: &IdempotencyKey,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        added::under(&mut tx, found.id, key).await
    }

    async fn change_source(
        &self,
        environment: &str,
        edit: &SourceEdit,
        event: NewEvent,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        added::change(&mut tx, environment, edit, event, key).await?;
        self.commit(tx).await
    }

    async fn prune_counters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.writing().await?;
        let pruned = counters::prune(&mut tx, before).await?;
        self.commit(tx).await?;
        Ok(pruned)
    }

    async fn prune_keys(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.writing().await?;
        let pruned = idempotency::prune(&mut tx, before).await?;
        self.commit(tx).await?;
        Ok(pruned)
    }

    async fn recorded_under(&self, environment: &str, key: &IdempotencyKey) -> Result<Option<Snapshot>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        recording::under(&mut tx, found.id, key)
            .await
            .map(|snapshots| snapshots.and_then(|snapshots| snapshots.into_iter().next()))
    }

    async fn ticks(
        &self,
        environment: &str,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Result<Vec<Tick>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        snapshots::ticks(&mut tx, found.id, from, before).await
    }

    async fn recorded_ticks(
        &self,
        environment: &str,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        pages: mpsc::Sender<Vec<Recorded>>,
    ) -> Result<(), StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        recorded::ticks(&mut tx, found.id, from, to, &pages).await
    }

    async fn trend(&self, environment: &str, query: &TrendQuery) -> Result<Vec<TrendPoint>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        points::trend(&mut tx, found.id, query).await
    }

    async fn has_tick(&self, environment: &str, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        snapshots::has_tick(&mut tx, found.id, at).await
    }

    async fn latest_daily(&self, environment: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        snapshots::latest_daily(&mut tx, found.id).await
    }

    async fn latest_snapshot(&self, environment: &str) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.snapshots(environment, 1, None, None).await?.pop())
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, StoreError> {
        snapshots::one(&mut *self.reader().await?, id).await
    }

    async fn snapshots(
        &self,
        environment: &str,
        limit: u32,
        before: Option<(DateTime<Utc>, String)>,
        origin: Option<Origin>,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        snapshots::page(&mut tx, found.id, limit, before, origin).await
    }

    async fn snapshot_bytes(
        &self,
        environment: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String, String, Vec<u8>)>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        snapshots::bytes(&mut tx, found.id, after, limit).await
    }

    async fn open_proposal(&self, environment: &str) -> Result<Option<Proposal>, StoreError> {
        Ok(self.proposals(environment, Some(ProposalStatus::Open), 1).await?.pop())
    }

    async fn proposals(
        &self,
        environment: &str,
        status: Option<ProposalStatus>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        proposals::page(&mut tx, found.id, status, limit).await
    }

    async fn events(&self, environment: &str, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        history::page(&mut tx, &found, filter, limit).await
    }

    async fn events_after(&self, environment: &str, seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        history::after(&mut tx, &found, seq, limit).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        environments::heads(&mut *self.reader().await?).await
    }

    async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        backup::backup(&self.readers, file).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        backup::check_migrations(&mut tx).await?;
        sqlx::query("UPDATE meta SET value = value + 1 WHERE name = 'ready_checks'").execute(&mut *tx).await?;
        // Nothing that anyone waits for.
        Ok(tx.commit().await?)
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    async fn notice_outside_commits(&self) -> Result<(), StoreError> {
        let mut watcher = self.watcher.lock().await;
        if watcher.0.is_none() {
            watcher.0 = Some(self.readers.acquire().await?);
        }
        let Some(connection) = watcher.0.as_mut() else {
            return Ok(());
        };
        // It counts the commits that other connections have made, this process's writer among them.
        let version: i64 = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut **connection).await?;
        if version != watcher.1 {
            watcher.1 = version;
            self.commits.send_modify(|commits| *commits += 1);
        }
        Ok(())
    }

    async fn close(&self) {
        self.watcher.lock().await.0 = None;
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(writer).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the write-ahead log stays until the next start"
                );
            }
            writer.close().await;
        }
    }
}

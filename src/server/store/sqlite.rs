//! Owns the SQLite store: its connections, and what of SQL it says in its own way. One connection writes, always in a
//! `BEGIN IMMEDIATE` transaction; others only read. Must not know HTTP or sources, and never reads a clock.

/// Where an index is named that is to be used.
macro_rules! indexed {
    ($name:literal) => {
        concat!(" INDEXED BY ", $name)
    };
}
/// A column that is 0 or 1, as a condition that its partial indexes know.
macro_rules! is {
    ($column:literal) => {
        concat!($column, " = 1")
    };
}
macro_rules! is_not {
    ($column:literal) => {
        concat!($column, " = 0")
    };
}
macro_rules! greatest {
    () => {
        "max"
    };
}
/// A time in milliseconds since 1970.
macro_rules! millis {
    ($time:literal) => {
        $time
    };
}
/// A join whose first part is read first.
macro_rules! in_order {
    () => {
        "CROSS JOIN"
    };
}
/// A column that no index is chosen for: the plus keeps SQLite on the order of rows, away from sorting an index.
macro_rules! in_order_of_rows {
    ($column:literal) => {
        concat!("+", $column)
    };
}

super::shared_modules!();
pub(super) mod backup;
mod bulk;
mod missing_points;
#[cfg(test)]
mod plans;
mod pruning;
mod sample_rows;
mod windows;

use super::moving::{Row, Table};
use super::session_key::SessionKey;
use super::{Lead, StoreError};
pub(super) use backup::prove_file;
pub use backup::restore;

use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Utc};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqlitePool, Transaction};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

type Backend = SqliteStore;
type Connection = sqlx::SqliteConnection;
type Db = Sqlite;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// How many connections read at once, the one that watches among them.
const READERS: u32 = 7;
/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// How often a write of this process could take a right away.
    access_commits: Arc<AtomicU64>,
    commits: Arc<watch::Sender<u64>>,
    /// The write-ahead log.
    log: Arc<Path>,
    readers: SqlitePool,
    /// What seals sessions.
    session_key: Arc<OnceLock<SessionKey>>,
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
            .pragma("cache_size", "-8000");
        let writer = pool(1, options).await.map_err(not_a_store)?;
        let is_anothers: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table') \
             AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')",
        )
        .fetch_one(&writer)
        .await
        .map_err(not_a_store)?;
        if is_anothers {
            return Err(StoreError::NotAStore("it is a database of another program".to_owned()));
        }
        MIGRATIONS.run(&writer).await.map_err(not_migrated)?;
        let store = SqliteStore::of(path, pool(READERS, reading(path)).await?, Some(writer));
        store.make_missing_points().await?;
        store.seal_older_rows().await?;
        Ok(store)
    }

    /// Opens a store that is there for reading only, as `verify` does; nothing in it is changed.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the file is missing, something else, or of another version.
    pub async fn open_read_only(path: &Path) -> Result<SqliteStore, StoreError> {
        let readers = pool(READERS, reading(path)).await.map_err(not_a_store)?;
        let store = SqliteStore::of(path, readers, None);
        backup::check_migrations(&mut *store.reader().await?).await?;
        Ok(store)
    }

    fn of(path: &Path, readers: SqlitePool, writer: Option<SqlitePool>) -> SqliteStore {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        SqliteStore {
            access_commits: Arc::default(),
            commits: Arc::new(watch::Sender::new(0)),
            log: PathBuf::from(log).into(),
            readers,
            session_key: Arc::default(),
            watcher: Arc::default(),
            writer,
        }
    }

    /// Ends a write, and lets everyone know who waits for one.
    async fn commit(&self, tx: Transaction<'static, Sqlite>) -> Result<(), StoreError> {
        tx.commit().await?;
        self.commits.send_modify(|commits| *commits += 1);
        Ok(())
    }

    /// A store made before charts had points of their own gets them once.
    async fn make_missing_points(&self) -> Result<(), StoreError> {
        if !missing_points::are_missing(&mut *self.reader().await?).await? {
            return Ok(());
        }
        tracing::info!("making the points of the charts from the stored snapshots, once");
        let mut tx = self.writing().await?;
        missing_points::make_again(&mut tx).await?;
        self.commit(tx).await
    }

    /// Rows that were stored before there were seals get theirs once.
    async fn seal_older_rows(&self) -> Result<(), StoreError> {
        if seals::are_due(&mut *self.reader().await?).await? {
            let mut tx = self.writing().await?;
            seals::seal_all(&mut tx).await?;
            self.commit(tx).await?;
        }
        Ok(())
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

    /// Samples lie wherever their time is.
    #[expect(clippy::unused_async, reason = "the other backend has something to wait for")]
    async fn make_room_for(&self, _batch: &AcceptedBatch) -> Result<(), StoreError> {
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the other backend has something to wait for")]
    async fn make_room_for_rows(&self, _table: &Table, _rows: &[Row]) -> Result<(), StoreError> {
        Ok(())
    }

    /// What only this backend keeps beside the rows of a copy.
    #[expect(clippy::unused_async, reason = "the other backend has something to wait for")]
    async fn derive(&self, _db: &mut Connection, _table: &Table, _rows: &[Row]) -> Result<(), StoreError> {
        Ok(())
    }

    /// One machine has the file, and one server at a time serves it.
    #[expect(clippy::unused_async, reason = "the other backend asks its database")]
    async fn take_lead(&self, _holder: &str, _how_long: chrono::Duration) -> Result<Lead, StoreError> {
        Ok(Lead { leads: true, now: None })
    }

    #[expect(clippy::unused_async, reason = "the other backend tells its database")]
    async fn give_lead(&self, _holder: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prune_samples_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut tx, mut total) = (self.writing().await?, 0);
        let pruned = pruning::begin(&mut tx, before).await?;
        self.commit(tx).await?;
        for (stream, until) in pruned {
            // In many short transactions, so that ingestion never waits long; which minutes are closed is known first.
            loop {
                let mut tx = self.writing().await?;
                let deleted = pruning::some(&mut tx, stream, until).await?;
                self.commit(tx).await?;
                total += deleted;
                if deleted == 0 {
                    break;
                }
            }
        }
        Ok(total)
    }

    async fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        backup::backup(&self.readers, file).await
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        backup::check_migrations(&mut tx).await?;
        sqlx::query("UPDATE meta SET value = value + 1 WHERE name = 'ready_checks'").execute(&mut *tx).await?;
        // Nothing that anyone waits for.
        Ok(tx.commit().await?)
    }

    async fn look_outside(&self) -> Result<(), StoreError> {
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

    /// Every commit writes to the log: its length and the time of its last change tell one state from the next.
    fn mark(&self) -> u64 {
        let Ok(log) = std::fs::metadata(self.log.as_ref()) else { return 0 };
        let changed = log.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        // The low bits are those that change.
        changed.map_or(0, |changed| changed.as_nanos() as u64).rotate_left(17) ^ log.len()
    }

    async fn end(&self) {
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

/// The triggers that keep what is proved as it is.
const TRIGGERS: [&str; 9] = [
    "configs_are_never_deleted",
    "configs_are_never_replaced",
    "configs_are_never_updated",
    "history_is_never_deleted",
    "history_is_never_updated",
    "history_only_grows",
    "snapshots_are_never_deleted",
    "snapshots_are_never_replaced",
    "snapshots_are_never_updated",
];

/// Those that are not there.
async fn missing_triggers(db: &mut Connection) -> Result<Vec<String>, StoreError> {
    let there: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(db).await?;
    let missing = TRIGGERS.iter().filter(|name| !there.iter().any(|one| one == *name));
    Ok(missing.map(|name| (*name).to_owned()).collect())
}

/// A file on this machine answers, or fails by itself.
async fn in_time<T>(
    _: std::time::Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    work.await
}

/// How often a write is begun again: never, since a write has the lock before it reads anything.
#[derive(Default)]
struct Tries;

impl Tries {
    #[expect(clippy::unused_async, reason = "the other backend waits")]
    async fn again(&mut self, _error: &StoreError) -> bool {
        false
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
        .before_acquire(|connection, _| {
            Box::pin(async move {
                // A transaction whose end failed, as on a full disk, stays open with its connection: another one takes its place.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
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

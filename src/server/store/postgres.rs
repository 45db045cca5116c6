//! Owns the PostgreSQL store: its connections, and what of SQL it says in its own way. Any number of replicas work on one
//! database, which alone coordinates them: a write is begun again where another has come between, no lock is waited for across
//! anything but the write's own statements. Nothing lives in a session, so that a pooler may hand each transaction another
//! connection. Must not know HTTP or sources, and never reads a clock to judge by.

/// Where an index is named that is to be used: PostgreSQL chooses by itself.
macro_rules! indexed {
    ($name:literal) => {
        ""
    };
}
/// A column that is true or false, as a condition that its partial indexes know.
macro_rules! is {
    ($column:literal) => {
        $column
    };
}
macro_rules! is_not {
    ($column:literal) => {
        concat!("NOT ", $column)
    };
}
macro_rules! greatest {
    () => {
        "greatest"
    };
}
/// A time in milliseconds since 1970.
macro_rules! millis {
    ($time:literal) => {
        concat!("(extract(epoch FROM ", $time, ") * 1000)::bigint")
    };
}
/// A join whose first part is read first.
macro_rules! in_order {
    () => {
        "JOIN"
    };
}
macro_rules! in_order_of_rows {
    ($column:literal) => {
        $column
    };
}

super::shared_modules!();
mod bulk;
mod derived;
mod hosts;
mod leases;
mod listening;
mod partitions;
mod sample_rows;
mod schema;
mod windows;

use super::StoreError;
use super::session_key::SessionKey;
use hosts::Hosts;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

type Backend = PostgresStore;
type Connection = sqlx::PgConnection;
type Db = Postgres;

/// How many connections a replica holds at most.
const CONNECTIONS: u32 = 10;
/// How long is waited for a connection before the database counts as unreachable.
const REACH: Duration = Duration::from_secs(5);
/// The same where another host may have taken over, which is looked for then.
const REACH_OF_SEVERAL: Duration = Duration::from_secs(2);
/// How long a transaction may take to end once all its statements are done.
const COMMIT: Duration = Duration::from_secs(10);

/// What holds for a write. It sees one state of the database, and fails where another write has changed what it is about to
/// change. A replica that stops in the middle loses its locks after five seconds.
const WRITING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '5s'; \
    SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '5s'";
/// What holds for a read of several statements: one state of the database.
const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '30s'; \
    SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// A store in a PostgreSQL database, which others may use at the same time.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    /// How often a write of this process could take a right away.
    access_commits: Arc<AtomicU64>,
    commits: Arc<watch::Sender<u64>>,
    hosts: Arc<Hosts>,
    /// The partitions that are known to be there.
    known: Arc<partitions::Known>,
    pool: PgPool,
    /// What the database had committed when it was last looked.
    seen: Arc<Mutex<String>>,
    /// What seals sessions.
    session_key: Arc<OnceLock<SessionKey>>,
    stop: CancellationToken,
}

impl PostgresStore {
    /// Reaches the database at `url` and applies the migrations that are missing. `url` may name several hosts, by commas: of
    /// them the one is used that takes writes.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where the url is wrong, or the database is something else or newer than this program.
    pub async fn open(url: &str) -> Result<PostgresStore, StoreError> {
        let hosts = Arc::new(Hosts::read(url)?);
        let is_several = hosts.is_several();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(if is_several { REACH_OF_SEVERAL } else { REACH })
            .idle_timeout(Duration::from_secs(300))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    // Of several hosts one takes writes.
                    if is_several && hosts::is_standby(connection).await? {
                        return Err(sqlx::Error::BeginFailed);
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(hosts.first().clone());
        let store = PostgresStore {
            access_commits: Arc::default(),
            commits: Arc::new(watch::Sender::new(0)),
            hosts,
            known: Arc::default(),
            pool,
            seen: Arc::default(),
            session_key: Arc::default(),
            stop: CancellationToken::new(),
        };
        schema::apply(&store).await?;
        store.seal_older_rows().await?;
        store.make_room_ahead().await?;
        if !store.hosts.is_pooled {
            tokio::spawn(listening::listen(store.clone()));
        }
        Ok(store)
    }

    /// Rows that were stored before there were seals get theirs once.
    async fn seal_older_rows(&self) -> Result<(), StoreError> {
        let mut tx = self.reading().await?;
        let are_due = seals::are_due(&mut tx).await?;
        tx.rollback().await?;
        if are_due {
            let mut tx = self.writing().await?;
            seals::seal_all(&mut tx).await?;
            self.commit(tx).await?;
        }
        Ok(())
    }

    /// Ends a write, and lets everyone know who waits for one.
    async fn commit(&self, tx: Transaction<'static, Postgres>) -> Result<(), StoreError> {
        match tokio::time::timeout(COMMIT, tx.commit()).await {
            Ok(done) => done?,
            Err(_) => return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
        }
        self.changed();
        Ok(())
    }

    fn changed(&self) {
        self.commits.send_modify(|commits| *commits += 1);
    }

    /// One state of the store.
    async fn reading(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin(READING).await
    }

    async fn writing(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin(WRITING).await
    }

    /// Begins a transaction on the host that takes writes, which is looked for anew where it is no longer there.
    async fn begin(&self, how: &'static str) -> Result<Transaction<'static, Postgres>, StoreError> {
        if self.hosts.is_silent() {
            return Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut));
        }
        let generation = self.hosts.generation();
        // Never left in the middle, whoever stops waiting: the connection would go back to the pool with its transaction begun.
        let begin = async || {
            let clean = if self.hosts.is_pooled { "; DEALLOCATE ALL" } else { "" };
            let (pool, statements) = (self.pool.clone(), AssertSqlSafe([how, clean].concat()));
            let begun = tokio::spawn(async move { pool.begin_with(statements).await });
            begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
        };
        let begun = match begin().await {
            Err(error) if hosts::is_gone(&error) && self.hosts.is_several() => {
                match self.hosts.find_primary(&self.pool, generation).await {
                    Ok(()) => begin().await,
                    Err(_) => Err(error),
                }
            }
            begun => begun,
        };
        // Where all connections are at work the database is busy, not away.
        if begun.as_ref().is_err_and(hosts::is_gone) && self.pool.size() < CONNECTIONS {
            self.hosts.was_silent();
        }
        Ok(begun?)
    }

    async fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        super::place::back_up(self, file).await
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        let mut tx = self.begin("BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'").await?;
        schema::check(&mut tx).await?;
        sqlx::query("UPDATE meta SET value = value + 1 WHERE name = 'ready_checks'").execute(&mut *tx).await?;
        // Nothing that anyone waits for.
        Ok(tx.commit().await?)
    }

    /// Looks whether anything was committed, by whomever: what is under way is part of what is compared.
    async fn look_outside(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().await;
        let mut tx = self.reading().await?;
        let now: String =
            sqlx::query_scalar("SELECT pg_current_snapshot()::text").persistent(false).fetch_one(&mut *tx).await?;
        tx.rollback().await?;
        if *seen != now {
            *seen = now;
            self.changed();
        }
        Ok(())
    }

    /// Commits of other servers are heard, not seen.
    #[expect(clippy::unused_self, reason = "the other backend looks at its file")]
    const fn mark(&self) -> u64 {
        0
    }

    async fn end(&self) {
        self.stop.cancel();
        self.pool.close().await;
    }
}

/// The triggers that keep what is proved as it is.
const TRIGGERS: [&str; 9] = [
    "configs_are_never_altered",
    "configs_are_never_emptied",
    "head_moves_forward",
    "history_ends_with_its_head",
    "history_is_never_altered",
    "history_is_never_emptied",
    "history_only_grows",
    "snapshots_are_never_altered",
    "snapshots_are_never_emptied",
];

/// Those that are not there, or are switched off.
async fn missing_triggers(db: &mut Connection) -> Result<Vec<String>, StoreError> {
    let there: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT tgname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid \
         WHERE NOT tgisinternal AND tgenabled <> 'D' AND relnamespace = current_schema()::regnamespace",
    )
    .fetch_all(db)
    .await?;
    let missing = TRIGGERS.iter().filter(|name| !there.iter().any(|one| one == *name));
    Ok(missing.map(|name| (*name).to_owned()).collect())
}

/// What a database that is too slow answers counts as no answer: whoever waits is told, and what was to be written is settled under
/// its key.
async fn in_time<T>(limit: Duration, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

/// How long a write is begun again where others come between.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a write is begun again: as long as others come between, and it is not tired of it.
struct Tries {
    until: tokio::time::Instant,
    wait_ms: u64,
}

impl Default for Tries {
    fn default() -> Tries {
        Tries { until: tokio::time::Instant::now() + PATIENCE, wait_ms: 1 }
    }
}

impl Tries {
    /// Waits a little where the write can be begun again.
    async fn again(&mut self, error: &StoreError) -> bool {
        if !has_come_between(error) || tokio::time::Instant::now() >= self.until {
            return false;
        }
        let mut random = [0; 2];
        // Without it all wait for the same time, and come between each other again.
        let share =
            getrandom::fill(&mut random).map_or(1, |()| u64::from(u16::from_le_bytes(random)) % self.wait_ms + 1);
        tokio::time::sleep(Duration::from_millis(share)).await;
        self.wait_ms = (self.wait_ms * 2).min(200);
        true
    }
}

/// Whether another write has come between: a change of what was read, a row that both insert, or each waiting for the other.
/// A row that is there already when a write begins is seen by it, so that it never runs into that one again.
fn has_come_between(error: &StoreError) -> bool {
    let StoreError::Unavailable(sqlx::Error::Database(error)) = error else {
        return false;
    };
    matches!(error.code().as_deref(), Some("40001" | "40P01" | "23505"))
}

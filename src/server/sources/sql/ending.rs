//! Owns ending a statement on its database's server once nobody waits for it: after a limit, when a source is removed, when this
//! program stops. Must not know what was asked.

use super::super::super::observability;
use chrono::{DateTime, Utc};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use std::sync::LazyLock;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long one attempt may take.
const LIMIT: Duration = Duration::from_secs(5);
/// A server that has no place for one more connection may have one a moment later.
const ATTEMPTS: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(500);

/// The statements that are being ended.
static ENDINGS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// What tells a connection from all others of its server, and how to reach that server once more.
#[derive(Clone)]
pub(super) enum Place {
    MySql {
        id: u64,
        options: Box<MySqlConnectOptions>,
    },
    /// A pooler may give the process to another transaction, so that it is known by its transaction's start, too.
    Postgres {
        began: DateTime<Utc>,
        id: i32,
        options: Box<PgConnectOptions>,
    },
}

/// Ends its connection on the server if it is dropped while a statement may be running.
pub(super) struct Ending {
    is_armed: bool,
    place: Option<Place>,
}

impl Ending {
    /// `None` for a database without a server: a file.
    pub(super) fn of(place: Option<Place>) -> Ending {
        Ending { is_armed: false, place }
    }

    /// A statement begins.
    pub(super) fn arm(&mut self) {
        self.is_armed = true;
    }

    /// It is over.
    pub(super) fn disarm(&mut self) {
        self.is_armed = false;
    }

    pub(super) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Ends the connection on the server now.
    pub(super) async fn end(mut self) {
        if let Some(place) = self.place.take() {
            end(place).await;
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let place = self.place.take().filter(|_| self.is_armed);
        if let Some((place, runtime)) = place.zip(tokio::runtime::Handle::try_current().ok()) {
            ENDINGS.spawn_on(end(place), &runtime);
        }
    }
}

/// Waits until all that nobody waits for any more has been ended, or could not be.
pub async fn settled() {
    ENDINGS.close();
    let _ = tokio::time::timeout(LIMIT * ATTEMPTS, ENDINGS.wait()).await;
    ENDINGS.reopen();
}

async fn end(place: Place) {
    for attempt in 1..=ATTEMPTS {
        match tokio::time::timeout(LIMIT, once(&place)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) if attempt == ATTEMPTS => {
                observability::log_error("a statement that nobody waits for could not be ended on its server", &error);
            }
            Ok(Err(_)) | Err(_) => tokio::time::sleep(BETWEEN).await,
        }
    }
}

async fn once(place: &Place) -> Result<(), sqlx::Error> {
    match place {
        Place::MySql { id, options } => {
            let mut second = options.connect().await?;
            // An error says that it is over already.
            let _ = second.execute(AssertSqlSafe(format!("KILL CONNECTION {id}"))).await;
            second.close().await
        }
        Place::Postgres { began, id, options } => {
            let mut second = options.connect().await?;
            sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND xact_start = $2")
                .bind(id)
                .bind(began)
                .execute(&mut second)
                .await?;
            second.close().await
        }
    }
}

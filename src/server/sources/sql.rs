//! Owns asking a founder's own database: one statement a signal, in a transaction that can only read, within limits of time and
//! rows. Must not know what the rows mean, nor the store.

mod ending;
mod engine;

pub use ending::settled;
pub use engine::Engine;

use super::outgoing::{Allowed, AskError};
use crate::domain::table_rows::{Columns, RowRule, TableRow};
use chrono::{DateTime, Utc};
use engine::Database;
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlDatabaseError;
use std::time::Duration;

/// How long one statement may run.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(10);
/// How long one statement may take with everything around it.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// The most rows of one statement.
pub const MOST_ROWS: usize = 100_000;

/// MySQL's word for a statement that took too long, and MariaDB's.
const ER_QUERY_TIMEOUT: u16 = 3024;
const ER_STATEMENT_TIMEOUT: u16 = 1969;

/// When a table is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompleteThrough {
    /// When it is asked, but for so many minutes: the table is written to as things happen, or so much later.
    Asked { delay_minutes: u32 },
    /// Nobody says; no rows are then no data.
    Unknown,
    /// When this statement says, in its one column.
    Statement(String),
}

/// What is asked for one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlQuestion {
    pub complete: CompleteThrough,
    pub rule: RowRule,
    /// One SELECT, without a semicolon; see [`statement`].
    pub statement: String,
}

/// A statement that may be asked: one, which reads. What keeps it to reading is the transaction, not this check; it is asked as
/// a part of another statement, and a semicolon anywhere is refused because a check that is fooled by no quoting is worth more
/// than a semicolon.
///
/// # Errors
/// A sentence.
pub fn statement(text: &str) -> Result<String, String> {
    let text = text.trim();
    let text = text.strip_suffix(';').unwrap_or(text).trim_end();
    if text.contains(';') {
        return Err("holds a semicolon: one statement is asked, without any".to_owned());
    }
    let first = text.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or("");
    if !["select", "with"].contains(&first.to_ascii_lowercase().as_str()) {
        return Err("must begin with SELECT (or WITH)".to_owned());
    }
    Ok(text.to_owned())
}

/// One connection to a founder's database, which can only read.
pub struct Session {
    database: Database,
    engine: Engine,
    /// That its role may do more than it should, in words.
    pub notice: Option<String>,
}

/// What a statement gave.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub columns: Columns,
    pub rows: Vec<TableRow>,
}

impl Session {
    /// Connects, to an address that may be asked, and looks at what the role may do.
    ///
    /// # Errors
    /// [`AskError`], in words for a founder.
    pub async fn open(engine: Engine, url: &str, allowed: &Allowed) -> Result<Session, AskError> {
        limited(async {
            let mut database = Database::connect(engine, url, allowed).await?;
            database.ending.arm();
            let notice = database.role_that_writes().await.map_err(|error| of_database(&error))?;
            database.ending.disarm();
            Ok(Session { database, engine, notice })
        })
        .await
    }

    /// Asks one question: for the rows after `from` and up to `to` where its statement has times, else for its one row.
    ///
    /// # Errors
    /// [`AskError`]; rows beyond [`MOST_ROWS`] are [`AskError::TooManyRows`].
    pub async fn ask(
        &mut self,
        question: &SqlQuestion,
        span: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Answer, AskError> {
        self.database.ending.arm();
        let answer = limited(self.answer(question, span)).await;
        self.is_over(answer)
    }

    async fn answer(
        &mut self,
        question: &SqlQuestion,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Answer, AskError> {
        let names = self.database.columns(&question.statement).await.map_err(|error| of_database(&error))?;
        let columns = Columns::named(names.iter().map(String::as_str), &question.rule).map_err(AskError::Rows)?;
        let between = columns.at.then(|| (from.timestamp_millis(), to.timestamp_millis()));
        let sql = self.engine.rows_of(&question.statement, columns, MOST_ROWS + 1);
        let rows = self.database.rows(AssertSqlSafe(sql), between).await.map_err(|error| of_database(&error))?;
        if rows.len() > MOST_ROWS {
            return Err(AskError::TooManyRows);
        }
        let row = |(at, count, value, unpriced): engine::RowColumns| TableRow {
            at: at.and_then(DateTime::from_timestamp_millis),
            count,
            unpriced,
            value,
        };
        let rows = rows.into_iter().map(row).collect();
        Ok(Answer { columns, rows })
    }

    /// The time that a statement gives in its one row and column named `at`.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn time_of(&mut self, statement: &str) -> Result<Option<DateTime<Utc>>, AskError> {
        self.database.ending.arm();
        let sql = self.engine.time_of(statement);
        let rows = async { self.database.rows(AssertSqlSafe(sql), None).await.map_err(|error| of_database(&error)) };
        let rows = limited(rows).await;
        let rows = self.is_over(rows)?;
        Ok(rows.first().and_then(|row| row.0).and_then(DateTime::from_timestamp_millis))
    }

    /// Notes that the server is done, unless this program has stopped waiting or has lost it: then the statement may still run.
    fn is_over<T>(&mut self, answer: Result<T, AskError>) -> Result<T, AskError> {
        if !matches!(answer, Err(AskError::Slow | AskError::Unreachable | AskError::Unreadable(_))) {
            self.database.ending.disarm();
        }
        answer
    }

    /// Disconnects, and ends any statement that still runs on the server.
    pub async fn close(self) {
        self.database.close().await;
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, AskError>>) -> Result<T, AskError> {
    tokio::time::timeout(TIME_LIMIT, work).await.map_err(|_| AskError::Slow)?
}

/// What a database's error means. Its own words are shown where it answers, for they say what is wrong with a statement; errors
/// of the connection are not, for addresses and names stand in them.
fn of_database(error: &sqlx::Error) -> AskError {
    match error {
        sqlx::Error::Database(error) => {
            let said = error.message().chars().take(300).collect();
            // MySQL tells its errors apart by numbers; its codes are those of SQL, which say less.
            let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
            if let Some(ER_QUERY_TIMEOUT | ER_STATEMENT_TIMEOUT) = number {
                return AskError::Slow;
            }
            match error.code().unwrap_or_default().as_ref() {
                // PostgreSQL: query_canceled. SQLite: SQLITE_INTERRUPT.
                "57014" | "9" => AskError::Slow,
                "28000" | "28P01" => AskError::Denied,
                _ if error.message().starts_with("Access denied for user") => AskError::Denied,
                _ => AskError::Statement(said),
            }
        }
        sqlx::Error::Io(_) => AskError::Unreachable,
        sqlx::Error::Tls(_) => AskError::Unreadable("it has no TLS that this machine trusts".to_owned()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            AskError::Rows("its columns are of a kind that cannot be read".to_owned())
        }
        _ => AskError::Unreadable("the connection broke off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_that_reads_may_be_asked() {
        assert_eq!(statement(" SELECT 1;\n").unwrap(), "SELECT 1");
        assert_eq!(statement("with a as (select 1) select * from a").unwrap(), "with a as (select 1) select * from a");
        for refused in ["DELETE FROM a", "SELECT 1; DELETE FROM a", "select ';'", "", "selection", "-- x\nSELECT 1"] {
            assert!(statement(refused).is_err(), "{refused}");
        }
    }
}

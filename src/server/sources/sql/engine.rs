//! Owns what differs from database to database: how each is reached, kept to reading, and asked in its own dialect.

use super::super::outgoing::{Allowed, AskError};
use super::ending::{self, Ending};
use super::{STATEMENT_LIMIT, of_database};
use crate::domain::table_rows::Columns;
use crate::server::clock;
use chrono::{DateTime, Utc};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Statement, TypeInfo};
use std::net::IpAddr;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MySQL and MariaDB.
    MySql,
    Postgres,
    Sqlite,
}

/// Time in milliseconds, count, value, name without a price.
pub(super) type RowColumns = (Option<i64>, Option<i64>, Option<String>, Option<String>);

impl Engine {
    /// The statement that asks for a question's rows, oldest first.
    pub(super) fn rows_of(self, statement: &str, columns: Columns, most: usize) -> String {
        let (whole, text) = match self {
            Engine::MySql => ("SIGNED", "CHAR"),
            Engine::Postgres => ("bigint", "text"),
            Engine::Sqlite => ("INTEGER", "TEXT"),
        };
        let column = |there: bool, name: &str, kind: &str| {
            if there { format!("CAST(asked.{name} AS {kind})") } else { format!("CAST(NULL AS {kind})") }
        };
        let at = if columns.at { self.millis() } else { format!("CAST(NULL AS {whole})") };
        let between = if columns.at { self.between() } else { "" };
        format!(
            "SELECT {at} AS at_ms, {}, {}, {} FROM (\n{statement}\n) AS asked {between} ORDER BY 1 LIMIT {most}",
            column(columns.count, "count", whole),
            column(columns.value, "value", text),
            column(columns.unpriced, "unpriced", text),
        )
    }

    /// The statement that asks for a single time.
    pub(super) fn time_of(self, statement: &str) -> String {
        let columns = Columns { at: true, ..Columns::default() };
        let whole = self.rows_of(statement, columns, 1);
        whole.replace(self.between(), "")
    }

    /// A time in milliseconds, rounded up so that what lies after a minute stays after it; times without a zone are in UTC.
    /// What cannot be read as a time is none, and refused with its row.
    fn millis(self) -> String {
        match self {
            Engine::MySql => "CAST(CEILING(UNIX_TIMESTAMP(asked.at) * 1000) AS SIGNED)".to_owned(),
            Engine::Postgres => "CAST(ceil(extract(epoch FROM asked.at) * 1000) AS bigint)".to_owned(),
            // SQLite keeps times as text or as seconds.
            Engine::Sqlite => "CAST(ROUND(CASE typeof(asked.at) WHEN 'text' \
                 THEN (julianday(asked.at) - 2440587.5) * 86400000 \
                 ELSE CASE WHEN asked.at < 100000000000 THEN asked.at * 1000 END END) AS INTEGER)"
                .to_owned(),
        }
    }

    /// Rows after the first time and up to the second, and those without one, so that they are refused; said of the column itself, so that its index serves.
    const fn between(self) -> &'static str {
        match self {
            Engine::MySql => {
                "WHERE (asked.at > FROM_UNIXTIME(? / 1000) AND asked.at <= FROM_UNIXTIME(? / 1000)) OR asked.at IS NULL"
            }
            Engine::Postgres => {
                "WHERE (asked.at > to_timestamp($1::float8 / 1000) AND asked.at <= to_timestamp($2::float8 / 1000)) \
                 OR asked.at IS NULL"
            }
            Engine::Sqlite => "WHERE (at_ms > ?1 AND at_ms <= ?2) OR at_ms IS NULL",
        }
    }
}

/// A connection to a database of some kind.
enum Link {
    MySql(MySqlConnection),
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A connection in a transaction that can only read.
pub(super) struct Database {
    /// Ends what runs on the server once nobody waits for it.
    pub(super) ending: Ending,
    /// What holds a statement to its limits. A statement can change settings for those after it, so that this is said before each.
    limits: Option<String>,
    link: Link,
}

macro_rules! on_each {
    ($database:expr, $connection:ident => $work:expr) => {
        match $database {
            Link::MySql($connection) => $work,
            Link::Postgres($connection) => $work,
            Link::Sqlite($connection) => $work,
        }
    };
}

impl Database {
    pub(super) async fn connect(engine: Engine, url: &str, allowed: &Allowed) -> Result<Database, AskError> {
        let wrong = |_| AskError::Unreadable("its url is none of that kind of database".to_owned());
        match engine {
            Engine::MySql => {
                let options: MySqlConnectOptions = url.parse().map_err(wrong)?;
                let options = options.disable_statement_logging();
                let place = Place {
                    host: options.get_host(),
                    is_socket: options.get_socket().is_some(),
                    // A certificate that is checked against the name pins better than an address does.
                    is_proved: matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity),
                    port: options.get_port(),
                };
                let at = |address: IpAddr| options.clone().host(&address.to_string());
                let (mut database, options) = place.connect(allowed, &options, at).await?;
                let begun = only_reads_in_mysql(&mut database).await;
                let (limits, id) = begun.map_err(|error| of_database(&error))?;
                let place = ending::Place::MySql { id, options: Box::new(options) };
                Ok(Database { ending: Ending::of(Some(place)), limits: Some(limits), link: Link::MySql(database) })
            }
            Engine::Postgres => {
                let options: PgConnectOptions = url.parse().map_err(wrong)?;
                let options = options.application_name("scaling-mode").disable_statement_logging();
                let place = Place {
                    host: options.get_host(),
                    is_socket: options.get_socket().is_some() || options.get_host().starts_with('/'),
                    is_proved: matches!(options.get_ssl_mode(), PgSslMode::VerifyFull),
                    port: options.get_port(),
                };
                let at = |address: IpAddr| options.clone().host(&address.to_string());
                let (mut database, options) = place.connect(allowed, &options, at).await?;
                let begun = only_reads_in_postgres(&mut database).await;
                let (limits, id, began) = begun.map_err(|error| of_database(&error))?;
                let place = ending::Place::Postgres { began, id, options: Box::new(options) };
                Ok(Database { ending: Ending::of(Some(place)), limits: Some(limits), link: Link::Postgres(database) })
            }
            Engine::Sqlite => {
                let options: SqliteConnectOptions = url.parse().map_err(wrong)?;
                let options = options.read_only(true).create_if_missing(false).pragma("query_only", "ON");
                let options = options.disable_statement_logging();
                let failed = |error: sqlx::Error| of_database(&error);
                let mut database = SqliteConnection::connect_with(&options).await.map_err(failed)?;
                database.execute("BEGIN").await.map_err(failed)?;
                Ok(Database { ending: Ending::of(None), limits: None, link: Link::Sqlite(database) })
            }
        }
    }

    /// Sets the limits of the next statement again: the one before may have changed them.
    async fn limit(&mut self) -> Result<(), sqlx::Error> {
        if let Link::Sqlite(database) = &mut self.link {
            let deadline = clock::instant() + STATEMENT_LIMIT;
            database.lock_handle().await?.set_progress_handler(10_000, move || clock::instant() < deadline);
        }
        if let Some(limits) = self.limits.clone() {
            on_each!(&mut self.link, database => database.execute(sqlx::raw_sql(AssertSqlSafe(limits))).await.map(drop))?;
        }
        Ok(())
    }

    /// The names of a statement's columns; nothing is read.
    pub(super) async fn columns(&mut self, statement: &str) -> Result<Vec<String>, sqlx::Error> {
        let sql = AssertSqlSafe(format!("SELECT * FROM (\n{statement}\n) AS asked"));
        let is_mysql = matches!(self.link, Link::MySql(_));
        self.limit().await?;
        on_each!(&mut self.link, database => {
            let prepared = database.prepare(sqlx::SqlSafeStr::into_sql_str(sql)).await?;
            // MySQL takes a number for a time of its own making.
            let times = ["DATE", "DATETIME", "TIMESTAMP"];
            prepared.columns().iter().map(|column| {
                let (name, kind) = (column.name(), column.type_info().name().to_owned());
                if is_mysql && name.eq_ignore_ascii_case("at") && !times.contains(&kind.as_str()) {
                    return Err(sqlx::Error::Decode(format!("at is no time but {kind}").into()));
                }
                Ok(name.to_owned())
            }).collect()
        })
    }

    pub(super) async fn rows(
        &mut self,
        sql: AssertSqlSafe<String>,
        between: Option<(i64, i64)>,
    ) -> Result<Vec<RowColumns>, sqlx::Error> {
        self.limit().await?;
        on_each!(&mut self.link, database => {
            let query = sqlx::query_as(sql).persistent(false);
            match between {
                Some((from, to)) => query.bind(from).bind(to).fetch_all(database).await,
                None => query.fetch_all(database).await,
            }
        })
    }

    /// That the role may write, in words; a file has no roles, and is opened for reading alone.
    pub(super) async fn role_that_writes(&mut self) -> Result<Option<String>, sqlx::Error> {
        let (role, tables): (String, i64) = match &mut self.link {
            Link::MySql(database) => sqlx::query_as(
                "SELECT CURRENT_USER(), CAST(count(*) AS SIGNED) FROM ( \
                 SELECT grantee, privilege_type FROM information_schema.user_privileges UNION ALL \
                 SELECT grantee, privilege_type FROM information_schema.schema_privileges UNION ALL \
                 SELECT grantee, privilege_type FROM information_schema.table_privileges) AS held \
                 WHERE privilege_type NOT IN ('SELECT', 'USAGE', 'SHOW VIEW', 'SHOW DATABASES', 'PROCESS') \
                 AND grantee = concat('''', replace(CURRENT_USER(), '@', '''@'''), '''')",
            )
            .fetch_one(database)
            .await?,
            Link::Postgres(database) => sqlx::query_as(
                "SELECT current_user::text, count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
                 WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema') \
                 AND nspname NOT LIKE 'pg\\_toast%' AND has_schema_privilege(pg_namespace.oid, 'USAGE') \
                 AND has_table_privilege(pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')",
            )
            .fetch_one(database)
            .await?,
            Link::Sqlite(_) => return Ok(None),
        };
        Ok((tables > 0).then(|| {
            format!(
                "its role {role} may write there, though nothing here ever does: give it a role that can only SELECT"
            )
        }))
    }

    pub(super) async fn close(self) {
        let Database { ending, link, .. } = self;
        if ending.is_armed() {
            drop(link);
            ending.end().await;
            return;
        }
        // What was begun only reads: there is nothing to commit, and a connection that is gone already is gone.
        let _ = on_each!(link, database => database.close().await);
    }
}

/// Begins a transaction that reads, with what limits each statement and the connection's number.
async fn only_reads_in_mysql(database: &mut MySqlConnection) -> Result<(String, u64), sqlx::Error> {
    let (version, id): (String, u64) =
        sqlx::query_as("SELECT VERSION(), CAST(CONNECTION_ID() AS UNSIGNED)").fetch_one(&mut *database).await?;
    let limits = if version.contains("MariaDB") {
        format!("SET SESSION max_statement_time = {}", STATEMENT_LIMIT.as_secs())
    } else {
        format!("SET SESSION max_execution_time = {}", STATEMENT_LIMIT.as_millis())
    };
    database.execute(AssertSqlSafe(limits.clone())).await?;
    database.execute("START TRANSACTION READ ONLY").await?;
    Ok((limits, id))
}

/// Begins a transaction that reads, with what limits each statement, the process that serves it, and when it began.
async fn only_reads_in_postgres(database: &mut PgConnection) -> Result<(String, i32, DateTime<Utc>), sqlx::Error> {
    database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let limits = format!("SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'", STATEMENT_LIMIT.as_millis());
    database.execute(sqlx::raw_sql(AssertSqlSafe(limits.clone()))).await?;
    let (id, began) = sqlx::query_as("SELECT pg_backend_pid(), now()").fetch_one(database).await?;
    Ok((limits, id, began))
}

/// Where a database is.
struct Place<'o> {
    host: &'o str,
    /// Its certificate is checked against its name.
    is_proved: bool,
    is_socket: bool,
    port: u16,
}

impl Place<'_> {
    /// Connects to the first of the name's addresses that answers, of those that may be asked; what was checked is what is
    /// connected to.
    async fn connect<O: ConnectOptions>(
        &self,
        allowed: &Allowed,
        options: &O,
        at: impl Fn(IpAddr) -> O,
    ) -> Result<(O::Connection, O), AskError>
    where
        O::Connection: Sized,
    {
        if !allowed.sends_to(self.host, self.port) {
            return Err(AskError::OtherHost(self.host.to_owned()));
        }
        if self.is_socket {
            let database = options.connect().await.map_err(|error| of_database(&error))?;
            return Ok((database, options.clone()));
        }
        let addresses = permitted(self.host, self.port, allowed).await?;
        if self.is_proved {
            let database = options.connect().await.map_err(|error| of_database(&error))?;
            return Ok((database, options.clone()));
        }
        let mut failure = AskError::Unreachable;
        for address in addresses {
            let options = at(address);
            match options.connect().await.map_err(|error| of_database(&error)) {
                Ok(database) => return Ok((database, options)),
                Err(AskError::Unreachable) => {}
                // It answers: another address of the same name would say the same.
                Err(error) => {
                    failure = error;
                    break;
                }
            }
        }
        Err(failure)
    }
}

/// The addresses that a name has and that may be asked.
async fn permitted(host: &str, port: u16, allowed: &Allowed) -> Result<Vec<IpAddr>, AskError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let unknown = || AskError::UnknownName(host.to_owned());
    let found: Vec<IpAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|_| unknown())?.map(|address| address.ip()).collect();
    if found.is_empty() {
        return Err(unknown());
    }
    let permitted: Vec<IpAddr> = found.into_iter().filter(|address| allowed.permits(*address)).collect();
    if permitted.is_empty() { Err(AskError::Forbidden(host.to_owned())) } else { Ok(permitted) }
}

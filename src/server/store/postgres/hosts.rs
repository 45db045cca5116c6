//! Owns where the database is reached: one host, or several of which one takes writes, and finding that one again after a failover.

use super::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long one host may take to answer while the one that takes writes is looked for.
const PROBE: Duration = Duration::from_secs(2);

/// For how long a database that did not answer is not asked again.
const SILENCE: Duration = Duration::from_millis(500);

/// The hosts of a url.
#[derive(Debug)]
pub(super) struct Hosts {
    all: Vec<PgConnectOptions>,
    /// Whether a pooler stands before it, as a url with `statement-cache-capacity=0` says: no statement that was prepared is there in
    /// the next transaction, and those of others may be.
    pub is_pooled: bool,
    /// Moves on with every failover that was followed.
    generation: AtomicU64,
    /// When none answered last.
    silent: std::sync::Mutex<Option<Instant>>,
    /// One looks; the others wait for what it finds.
    looking: Mutex<()>,
}

impl Hosts {
    /// The hosts of `postgres://user:password@one:5432,two:5432/name`.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where it cannot be read. What it says is never repeated: it may hold a password.
    pub fn read(url: &str) -> Result<Hosts, StoreError> {
        let all: Option<Vec<PgConnectOptions>> =
            each_host(url).iter().map(|url| PgConnectOptions::from_str(url).ok()).collect();
        let all = all.filter(|all| !all.is_empty()).ok_or_else(|| {
            StoreError::NotAStore(
                "the url of the database cannot be read: postgres://user:password@host:5432/name".into(),
            )
        })?;
        let all = all.into_iter().map(|options| {
            // Numbers come in binary form; a pooler refuses a setting that it does not know.
            options.application_name("scaling-mode").extra_float_digits(None)
        });
        let is_pooled = url.contains("statement-cache-capacity=0");
        Ok(Hosts {
            is_pooled,
            all: all.collect(),
            generation: AtomicU64::new(0),
            silent: std::sync::Mutex::default(),
            looking: Mutex::default(),
        })
    }

    pub fn first(&self) -> &PgConnectOptions {
        &self.all[0]
    }

    pub fn is_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Whether none answered a moment ago: then nobody waits for them once more.
    pub fn is_silent(&self) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|at| at.elapsed() < SILENCE)
    }

    pub fn was_silent(&self) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Has the pool connect to the host that takes writes, unless that was done since `generation`.
    ///
    /// # Errors
    /// Where none takes them now.
    pub async fn find_primary(&self, pool: &PgPool, generation: u64) -> Result<(), StoreError> {
        let _looking = self.looking.lock().await;
        if !self.is_several() || self.generation() != generation {
            return Ok(());
        }
        for options in &self.all {
            if let Ok(Ok(true)) = tokio::time::timeout(PROBE, takes_writes(options)).await {
                tracing::info!(host = options.get_host(), port = options.get_port(), "writes go to this host now");
                pool.set_connect_options(options.clone());
                self.generation.fetch_add(1, Ordering::AcqRel);
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut))
    }
}

/// Whether a host is no standby.
async fn takes_writes(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = options.connect().await?;
    let is_standby = is_standby(&mut connection).await?;
    connection.close().await?;
    Ok(!is_standby)
}

pub(super) async fn is_standby(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
    // Not prepared: a pooler may hand the next statement another connection.
    let row = sqlx::raw_sql("SELECT pg_is_in_recovery()").fetch_one(connection).await?;
    sqlx::Row::try_get(&row, 0)
}

/// Whether the host of a connection is gone, or takes no writes any more.
pub(super) fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "25006")
        }
        _ => false,
    }
}

/// A url for each of the hosts of a url. Which host is wanted is known here; the parameter of libpq that says so is left out.
fn each_host(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![url.to_owned()];
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let user = if authority.contains('@') { format!("{user}@") } else { String::new() };
    let tail = match tail.split_once('?') {
        None => tail.to_owned(),
        Some((path, query)) => {
            let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("target_session_attrs=")).collect();
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
        }
    };
    hosts.split(',').map(|host| format!("{scheme}://{user}{host}{tail}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_several_hosts_is_one_of_each() {
        for (url, expected) in [
            ("postgres://a:b@one/app", vec!["postgres://a:b@one/app"]),
            (
                "postgres://a:b@one:1,two:2/app?sslmode=require&target_session_attrs=read-write",
                vec!["postgres://a:b@one:1/app?sslmode=require", "postgres://a:b@two:2/app?sslmode=require"],
            ),
            ("postgres://one,two?target_session_attrs=any", vec!["postgres://one", "postgres://two"]),
            ("postgres:///app?host=%2Frun", vec!["postgres:///app?host=%2Frun"]),
            ("nonsense", vec!["nonsense"]),
        ] {
            assert_eq!(each_host(url), expected, "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused_and_its_password_not_repeated() {
        let error = Hosts::read("postgres://a:hunter2@one:port/app").expect_err("no port").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

//! Owns the proof of a whole store: every chain is walked, and what is in force, shown and decided is held against what the chains say
//! was recorded. Every snapshot is evaluated once more. Must not write anything.

mod access;
mod chain;
mod configs;
mod proposals;
mod snapshots;

use super::store::{Store, StoreError};
use crate::domain::history::{ChainBreak, Head, store_head};
use crate::domain::signed_head::Places;
use serde::Serialize;

/// Rows read at a time.
const PAGE: u32 = 1_000;
/// How often a store is examined if its chains grow meanwhile and something seems at fault.
const TRIES: u32 = 5;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub events: u64,
    pub heads: Vec<Head>,
    /// Snapshots of another engine version, whose digest alone was checked.
    pub other_version: u64,
    /// The first thing that is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Snapshots whose inputs give the same bytes once more.
    pub proved: u64,
    /// The head of the whole store.
    pub store_head: String,
}

/// What is not whole, and where.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The environment, or `the whole store`.
    pub environment: String,
    /// The first bad sequence number, where the history is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The table whose rows are at fault.
    pub table: &'static str,
    pub what: String,
}

/// Where something is at fault that belongs to no environment.
const WHOLE_STORE: &str = "the whole store";

impl Problem {
    fn of(environment: &str, table: &'static str, what: impl Into<String>) -> Problem {
        Problem { environment: environment.to_owned(), seq: None, table, what: what.into() }
    }

    /// The same of one event.
    fn at(environment: &str, seq: u64, what: impl Into<String>) -> Problem {
        Problem { seq: Some(seq), ..Problem::of(environment, "history", what) }
    }
}

/// What cannot be read of a table is a finding, not a failure.
fn found<T>(
    environment: &str,
    table: &'static str,
    read: Result<T, StoreError>,
) -> Result<Result<T, Problem>, StoreError> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(StoreError::Corrupt { what, .. }) => {
            Ok(Err(Problem::of(environment, table, format!("{what} cannot be read"))))
        }
        Err(StoreError::Unavailable(sqlx::Error::ColumnDecode { index, .. })) => {
            Ok(Err(Problem::of(environment, table, format!("the column {index} holds what cannot be read"))))
        }
        Err(error) => Err(error),
    }
}

/// Ends with a finding where there is one.
macro_rules! whole {
    ($finding:expr) => {
        match $finding {
            Ok(value) => value,
            Err(problem) => return Ok(Err(problem)),
        }
    };
}
use whole;

impl From<ChainBreak> for Problem {
    fn from(broken: ChainBreak) -> Problem {
        Problem::at(&broken.environment, broken.seq, broken.what)
    }
}

/// Examines a store; stops at the first thing that is not whole. `kept` is a head that was kept elsewhere:
/// `environment:seq:hash`, which must lie on its chain, or the head of the whole store.
///
/// # Errors
/// What the store says, other than that a row cannot be read: that is a finding.
pub async fn examine(store: &dyn Store, kept: Option<&str>) -> Result<Report, StoreError> {
    examine_signed(store, kept, &Places::default()).await
}

/// The same, and every place that signed heads name must be in its chain as it was signed.
///
/// # Errors
/// As those of [`examine`].
pub async fn examine_signed(store: &dyn Store, kept: Option<&str>, signed: &Places) -> Result<Report, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let before = store.heads().await.ok();
        let mut report = Report::default();
        report.problem = find_problem(store, kept, signed, &mut report).await?;
        // A server that is at work adds events between two readings: what seemed at fault is looked at again.
        let has_moved = store.heads().await.ok() != before;
        if report.problem.is_none() || !has_moved || tries == TRIES {
            return Ok(report);
        }
    }
}

async fn find_problem(
    store: &dyn Store,
    kept: Option<&str>,
    signed: &Places,
    report: &mut Report,
) -> Result<Option<Problem>, StoreError> {
    Ok(find(store, kept, signed, report).await?.err())
}

/// Everything that is proved, in this order; the first fault ends it.
async fn find(
    store: &dyn Store,
    kept: Option<&str>,
    signed: &Places,
    report: &mut Report,
) -> Result<Result<(), Problem>, StoreError> {
    if let Some(trigger) = store.missing_triggers().await?.first() {
        let what = format!("the trigger {trigger} is missing, which keeps what is recorded from being altered");
        return Ok(Err(Problem::of(WHOLE_STORE, "triggers", what)));
    }
    let environments = whole!(found(WHOLE_STORE, "environments", store.environments().await)?);
    let is_there = |name: &str| environments.iter().any(|environment| environment.name == name);
    if let Some(gone) = signed.environments().find(|name| !is_there(name)) {
        let what = "is missing: the environment of a signed head is gone";
        return Ok(Err(Problem::of(gone, "environments", what)));
    }
    let mut changes = access::Changes::default();
    for environment in &environments {
        let name = environment.name.as_str();
        let recorded = whole!(chain::walk(store, name, kept, signed, report).await?);
        whole!(configs::check(store, name, &recorded).await?);
        changes.add(name, &recorded);
        whole!(access::check_sources(store, name, &recorded).await?);
        let opened = whole!(snapshots::check(store, name, &recorded, report).await?);
        whole!(proposals::check(store, name, &recorded, &opened).await?);
        let apart = whole!(found(name, "minutes", store.minute_apart(name).await)?);
        if let Some(apart) = apart {
            let what = format!(
                "the minute to {} of {} (stream {}) is not the sum of its samples",
                apart.at.format("%Y-%m-%d %H:%M UTC"),
                apart.source,
                apart.stream
            );
            return Ok(Err(Problem::of(name, "minutes", what)));
        }
    }
    whole!(access::check(store, &changes).await?);
    if let Some((table, key)) = whole!(found(WHOLE_STORE, "telemetry", store.broken_seal().await)?) {
        return Ok(Err(Problem::of(
            WHOLE_STORE,
            table,
            format!("the row with {key} was altered: it does not match its seal"),
        )));
    }
    report.store_head = store_head(&report.heads);
    Ok(match kept {
        Some(kept) if kept.contains(':') => {
            let named = kept.split(':').next().unwrap_or("");
            if is_there(named) {
                Ok(())
            } else {
                let what = "is missing: the environment of the kept head is gone";
                Err(Problem::of(named, "environments", what))
            }
        }
        Some(kept) if kept != report.store_head => {
            let what = "has another head than the one that was kept: something was added since, or cut off";
            Err(Problem::of(WHOLE_STORE, "history", what))
        }
        _ => Ok(()),
    })
}

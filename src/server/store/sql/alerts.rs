//! Owns what is kept of alerts, and that their number is stored with them. Must not know what opens or closes an
//! alert; the domain does that.

use super::super::StoreError;
use super::super::rows::{At, corrupt, unsigned};
use super::super::moving::Value;
use super::{Connection, environments, history, ingest, lived, seals, senders};
use crate::domain::alert::{Alert, AlertCounts, AlertState, KnownAlert};
use crate::domain::history::NewEvent;
use crate::domain::sender::Sender;
use crate::domain::signal::Severity;
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Duration, Utc};

/// How long alerts that are over are known: longer than a notification of them is tried again.
const KEPT: Duration = Duration::days(30);
/// Open alerts of one source that are read for a page.
const SHOWN: i64 = 100;
/// How far ahead of `now` a notification may have been heard that was stored before this one.
const OVERTAKEN: Duration = Duration::seconds(5);

pub(super) async fn take(
    db: &mut Connection,
    environment: &str,
    (source, sender): (&str, &Sender),
    alerts: &[Alert],
    repeated_within: Duration,
    now: DateTime<Utc>,
) -> Result<AlertCounts, StoreError> {
    let found = environments::find(db, environment).await?;
    let senders::Source { id, may_revise } = senders::source(db, found.id, source, sender).await?;
    let at = not_before_others(db, id, now).await?;
    for alert in alerts {
        let before = known(db, id, &alert.fingerprint).await?;
        let state = AlertState::after(before, alert);
        if !may_revise && before.is_some_and(|before| before != state) {
            return Err(StoreError::SourceOfAnother(source.to_owned()));
        }
        keep(db, id, alert, state, at).await?;
    }
    let present = lived::present(db, now).await?;
    sqlx::query(concat!("DELETE FROM alerts WHERE source_id = $1 AND ", is_not!("is_open"), " AND heard_at < $2"))
        .bind(id)
        .bind(At::of(present - KEPT))
        .execute(&mut *db)
        .await?;
    store(db, environment, (id, source), repeated_within, at).await
}

/// Closes an alert, with its event: nobody will resolve it. It is open again if its sender repeats it. One that is not open stays as it is,
/// without an event.
pub(super) async fn close(
    db: &mut Connection,
    environment: &str,
    (source, fingerprint): (&str, &str),
    repeated_within: Duration,
    event: &NewEvent,
) -> Result<AlertCounts, StoreError> {
    let found = environments::find(db, environment).await?;
    let id = senders::expected(db, found.id, source).await?;
    let at = not_before_others(db, id, event.at).await?;
    let closed = sqlx::query(concat!(
        "UPDATE alerts SET is_open = $1, heard_at = $2 WHERE source_id = $3 AND fingerprint = $4 AND ",
        is!("is_open")
    ))
    .bind(false)
    .bind(At::of(at))
    .bind(id)
    .bind(fingerprint)
    .execute(&mut *db)
    .await?;
    if closed.rows_affected() == 0 {
        // Closed or resolved already: nothing is done.
        return match known(db, id, fingerprint).await? {
            Some(_) => count(db, id, at - repeated_within).await,
            None => Err(StoreError::UnknownAlert(fingerprint.to_owned())),
        };
    }
    seals::reseal(db, "alerts", &[Value::Whole(id), Value::Text(fingerprint.to_owned())]).await?;
    let counts = store(db, environment, (id, source), repeated_within, at).await?;
    history::append_one(db, environment, event).await?;
    Ok(counts)
}

/// The open alerts of these sources, each with its source; of one source those that were repeated longest ago first.
pub(super) async fn open(
    db: &mut Connection,
    environment: i64,
    sources: &[String],
    repeated_within: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<(String, KnownAlert)>, StoreError> {
    let mut all = Vec::new();
    for source in sources {
        let rows: Vec<(String, String, String, At, At)> = sqlx::query_as(concat!(
            "SELECT fingerprint, alerts.name, severity, starts_at, heard_at FROM alerts JOIN sources ON sources.id = source_id \
             WHERE environment_id = $1 AND sources.name = $2 AND retired_at IS NULL AND ",
            is!("is_open"),
            " AND severity <> 'none' ORDER BY heard_at, fingerprint LIMIT $3"
        ))
        .bind(environment)
        .bind(source)
        .bind(SHOWN)
        .fetch_all(&mut *db)
        .await?;
        for (fingerprint, name, severity, starts_at, heard_at) in rows {
            let heard_at = heard_at.time()?;
            let alert = KnownAlert {
                fingerprint,
                heard_at,
                is_unknown: heard_at < now - repeated_within,
                name,
                severity: named(&severity)?,
                starts_at: starts_at.time()?,
            };
            all.push((source.clone(), alert));
        }
    }
    Ok(all)
}

fn named(severity: &str) -> Result<Severity, StoreError> {
    let found = Severity::ALL.into_iter().find(|own| own.name() == severity);
    found.ok_or_else(|| corrupt("an alert's severity"))
}

/// Stores how many alerts of a source are open.
async fn store(
    db: &mut Connection,
    environment: &str,
    (id, source): (i64, &str),
    repeated_within: Duration,
    at: DateTime<Utc>,
) -> Result<AlertCounts, StoreError> {
    let counts = count(db, id, at - repeated_within).await?;
    let batch = AcceptedBatch {
        // Two notifications of one instant: the later one knows more.
        revises: true,
        samples: counts.samples(at),
        source: source.to_owned(),
        ..AcceptedBatch::default()
    };
    ingest::ingest(db, environment, &batch, at, None).await?;
    Ok(counts)
}

/// The time of the number that is stored now: where two notifications arrive together, the one that is stored last knows both.
async fn not_before_others(
    db: &mut Connection,
    source: i64,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let heard: Option<At> =
        sqlx::query_scalar("SELECT max(heard_at) FROM alerts WHERE source_id = $1").bind(source).fetch_one(db).await?;
    let heard = heard.map(At::time).transpose()?;
    // Further ahead it is the clock that was wrong.
    Ok(heard.filter(|heard| *heard > now && *heard <= now + OVERTAKEN).unwrap_or(now))
}

async fn known(db: &mut Connection, source: i64, fingerprint: &str) -> Result<Option<AlertState>, StoreError> {
    let row: Option<(bool, At)> =
        sqlx::query_as("SELECT is_open, starts_at FROM alerts WHERE source_id = $1 AND fingerprint = $2")
            .bind(source)
            .bind(fingerprint)
            .fetch_optional(db)
            .await?;
    row.map(|(is_open, starts_at)| Ok(AlertState { is_open, starts_at: starts_at.time()? })).transpose()
}

async fn keep(
    db: &mut Connection,
    source: i64,
    alert: &Alert,
    state: AlertState,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO alerts (source_id, fingerprint, name, severity, is_open, starts_at, heard_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source_id, fingerprint) DO UPDATE SET name = excluded.name, \
         severity = excluded.severity, is_open = excluded.is_open, starts_at = excluded.starts_at, heard_at = excluded.heard_at",
    )
    .bind(source)
    .bind(&alert.fingerprint)
    .bind(&alert.name)
    .bind(alert.severity.map_or("none", Severity::name))
    .bind(state.is_open)
    .bind(At::of(state.starts_at))
    .bind(At::of(at))
    .execute(&mut *db)
    .await?;
    seals::reseal(db, "alerts", &[Value::Whole(source), Value::Text(alert.fingerprint.clone())]).await
}

/// How many alerts of a source are open. Of one that was last repeated before `silent_since` that is unknown.
async fn count(db: &mut Connection, source: i64, silent_since: DateTime<Utc>) -> Result<AlertCounts, StoreError> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(concat!(
        "SELECT severity, count(*), count(CASE WHEN heard_at < $2 THEN 1 END) FROM alerts WHERE source_id = $1 AND ",
        is!("is_open"),
        " AND severity <> 'none' GROUP BY severity"
    ))
    .bind(source)
    .bind(At::of(silent_since))
    .fetch_all(db)
    .await?;
    let mut counts = AlertCounts::default();
    for (name, all, silent) in rows {
        let severity = named(&name)?;
        counts.open.add(severity, unsigned(all - silent)?);
        counts.unknown.add(severity, unsigned(silent)?);
    }
    Ok(counts)
}

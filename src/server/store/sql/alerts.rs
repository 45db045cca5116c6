//! Owns what is kept of alerts, and that their number is stored with them. Must not know what opens or closes an
//! alert; the domain does that.

use super::super::StoreError;
use super::super::rows::{At, corrupt, unsigned};
use super::super::moving::Value;
use super::{Connection, environments, ingest, lived, seals, senders};
use crate::domain::alert::{Alert, AlertState, OpenAlerts};
use crate::domain::sender::Sender;
use crate::domain::signal::Severity;
use crate::domain::telemetry::AcceptedBatch;
use chrono::{DateTime, Duration, Utc};

/// How long alerts that are over are known: longer than a notification of them is tried again.
const KEPT: Duration = Duration::days(30);
/// How far ahead of `now` a notification may have been heard that was stored before this one.
const OVERTAKEN: Duration = Duration::seconds(5);

pub(super) async fn take(
    db: &mut Connection,
    environment: &str,
    (source, sender): (&str, &Sender),
    alerts: &[Alert],
    now: DateTime<Utc>,
) -> Result<OpenAlerts, StoreError> {
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
    let open = count(db, id).await?;
    let batch = AcceptedBatch {
        // Two notifications of one instant: the later one knows more.
        revises: true,
        samples: open.samples(at),
        source: source.to_owned(),
        ..AcceptedBatch::default()
    };
    ingest::ingest(db, environment, &batch, at, None).await?;
    Ok(open)
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

/// How many alerts of a source are open.
async fn count(db: &mut Connection, source: i64) -> Result<OpenAlerts, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        concat!(
            "SELECT severity, count(*) FROM alerts WHERE source_id = $1 AND ",
            is!("is_open"),
            " AND severity <> 'none' GROUP BY severity"
        ),
    )
    .bind(source)
    .fetch_all(db)
    .await?;
    let mut open = OpenAlerts::default();
    for (name, count) in rows {
        let severity = Severity::ALL.into_iter().find(|severity| severity.name() == name);
        open.add(severity.ok_or_else(|| corrupt("an alert's severity"))?, unsigned(count)?);
    }
    Ok(open)
}

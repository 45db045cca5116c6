//! Owns how many rows at once go to PostgreSQL, and are looked for there: column by column, in arrays, so that a statement is as
//! short and as soon planned for a thousand rows as for one.

use super::super::rows::{At, column};
use super::super::{Recording, StoreError};
use super::history::seq_column;
use crate::domain::history::Event;
use crate::domain::mode::Mode;
use crate::domain::trend::TrendPoint;
use sqlx::PgConnection;

/// Rows of one statement.
pub(super) const ROWS: usize = 1_000;

/// A snapshot to be inserted, its compressed body, and how many ticks of its time no longer count.
pub(super) type SnapshotRow<'a> = (&'a Recording<'a>, &'a [u8], i64);

/// Inserts snapshots, each with its compressed body.
pub(super) async fn insert_snapshots(
    db: &mut PgConnection,
    environment: i64,
    rows: &[SnapshotRow<'_>],
) -> Result<(), StoreError> {
    let snapshots = || rows.iter().map(|(recording, ..)| recording.snapshot);
    let ticks = || rows.iter().map(|(recording, ..)| recording.tick);
    sqlx::query(
        "INSERT INTO snapshots (environment_id, id, as_of, origin, is_tick, digest, ruled, conditions_met, standing, clear, \
             overall_lo, overall_hi, body, again) \
         SELECT $1, * FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::boolean[], $6::text[], $7::text[], \
             $8::boolean[], $9::bigint[], $10::bigint[], $11::double precision[], $12::double precision[], $13::bytea[], $14::bigint[])",
    )
    .bind(environment)
    .bind(snapshots().map(|snapshot| snapshot.id.as_str()).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| At::of(snapshot.body.as_of)).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| snapshot.body.origin.name()).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| snapshot.body.origin.is_tick()).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| snapshot.digest.as_str()).collect::<Vec<_>>())
    .bind(ticks().map(|tick| tick.map(|tick| tick.ruled.name())).collect::<Vec<_>>())
    .bind(ticks().map(|tick| tick.map(|tick| tick.conditions_met)).collect::<Vec<_>>())
    .bind(ticks().map(|tick| tick.map(|tick| i64::from(tick.standing.bits()))).collect::<Vec<_>>())
    .bind(ticks().map(|tick| tick.map(|tick| i64::from(tick.clear.bits()))).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| snapshot.body.scores.overall.lo()).collect::<Vec<_>>())
    .bind(snapshots().map(|snapshot| snapshot.body.scores.overall.hi()).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, body, _)| *body).collect::<Vec<_>>())
    .bind(rows.iter().map(|(.., again)| *again).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// The ids, of these, of snapshots that are there.
pub(super) async fn known_ids(db: &mut PgConnection, recordings: &[Recording<'_>]) -> Result<Vec<String>, StoreError> {
    let ids: Vec<&str> = recordings.iter().map(|recording| recording.snapshot.id.as_str()).collect();
    Ok(sqlx::query_scalar("SELECT id FROM snapshots WHERE id = ANY($1)").bind(ids).fetch_all(db).await?)
}

/// The ticks of these times that are there, each with its id.
pub(super) async fn known_ticks(
    db: &mut PgConnection,
    environment: i64,
    recordings: &[Recording<'_>],
) -> Result<Vec<(At, String)>, StoreError> {
    let times: Vec<At> = recordings.iter().map(|recording| At::of(recording.snapshot.body.as_of)).collect();
    // The range first: without statistics PostgreSQL would read all of the environment's ticks for a list of times.
    Ok(sqlx::query_as(
        "SELECT as_of, id FROM snapshots WHERE is_tick AND environment_id = $1 AND as_of >= $2 AND as_of <= $3 \
             AND as_of = ANY($4)",
    )
    .bind(environment)
    .bind(times.iter().min().copied())
    .bind(times.iter().max().copied())
    .bind(times)
    .fetch_all(db)
    .await?)
}

/// Inserts points of different times; one for the same time takes the place of the one before it.
pub(super) async fn insert_points(
    db: &mut PgConnection,
    environment: i64,
    points: &[TrendPoint],
) -> Result<(), StoreError> {
    let whole = |value: fn(&TrendPoint) -> i64| points.iter().map(value).collect::<Vec<_>>();
    let real = |value: fn(&TrendPoint) -> f64| points.iter().map(value).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO points (environment_id, at, mode, answer, overall_lo, overall_hi, load_lo, load_hi, clients_lo, \
             clients_hi, clients_limit) \
         SELECT $1, * FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[], $5::double precision[], \
             $6::double precision[], $7::double precision[], $8::double precision[], $9::bigint[], $10::bigint[], $11::bigint[]) \
         ON CONFLICT (environment_id, at) DO UPDATE SET mode = excluded.mode, answer = excluded.answer, \
             overall_lo = excluded.overall_lo, overall_hi = excluded.overall_hi, load_lo = excluded.load_lo, \
             load_hi = excluded.load_hi, clients_lo = excluded.clients_lo, clients_hi = excluded.clients_hi, \
             clients_limit = excluded.clients_limit",
    )
    .bind(environment)
    .bind(points.iter().map(|point| At::of(point.at)).collect::<Vec<_>>())
    .bind(whole(|point| i64::from(point.mode as u8)))
    .bind(whole(|point| i64::from(point.answer as u8)))
    .bind(real(|point| point.overall.lo()))
    .bind(real(|point| point.overall.hi()))
    .bind(real(|point| point.load.lo()))
    .bind(
        points.iter().map(|point| Some(point.load.hi()).filter(|most| most.is_finite())).collect::<Vec<Option<f64>>>(),
    )
    .bind(whole(|point| column(point.clients_lo)))
    .bind(points.iter().map(|point| point.clients_hi.map(column)).collect::<Vec<Option<i64>>>())
    .bind(whole(|point| column(point.clients_limit)))
    .execute(db)
    .await?;
    Ok(())
}

/// Inserts linked events.
pub(super) async fn insert_events(db: &mut PgConnection, environment: i64, events: &[Event]) -> Result<(), StoreError> {
    let text = |value: fn(&Event) -> &str| events.iter().map(value).collect::<Vec<_>>();
    let perhaps = |value: fn(&Event) -> Option<&str>| events.iter().map(value).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO history (environment_id, seq, at, type, actor, address, old_mode, new_mode, reason, snapshot_id, \
             digest, prev_hash, hash) \
         SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], \
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])",
    )
    .bind(environment)
    .bind(events.iter().map(|event| seq_column(event.seq)).collect::<Vec<_>>())
    .bind(events.iter().map(|event| At::of(event.at)).collect::<Vec<_>>())
    .bind(text(|event| event.event_type.name()))
    .bind(text(|event| &event.actor))
    .bind(perhaps(|event| event.address.as_deref()))
    .bind(perhaps(|event| event.old_mode.map(Mode::name)))
    .bind(perhaps(|event| event.new_mode.map(Mode::name)))
    .bind(perhaps(|event| event.reason.as_deref()))
    .bind(perhaps(|event| event.snapshot_id.as_deref()))
    .bind(perhaps(|event| event.digest.as_deref()))
    .bind(text(|event| &event.prev_hash))
    .bind(text(|event| &event.hash))
    .execute(db)
    .await?;
    Ok(())
}

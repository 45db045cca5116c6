//! Owns how many rows at once go to SQLite, and are looked for there: row by row in one statement, which is fastest where no
//! connection lies between, in as few lengths as possible, so that most of them are prepared already.

use super::super::rows::{At, column};
use super::super::{Recording, StoreError};
use super::history::seq_column;
use crate::domain::history::Event;
use crate::domain::mode::Mode;
use crate::domain::trend::TrendPoint;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// Rows of one statement.
pub(super) const ROWS: usize = 100;

/// Whether a statement of so many rows comes again.
const fn is_usual(rows: usize) -> bool {
    rows == ROWS || rows == 1
}

/// A snapshot to be inserted, its compressed body, and how many ticks of its time no longer count.
pub(super) type SnapshotRow<'a> = (&'a Recording<'a>, &'a [u8], i64);

/// Inserts snapshots, each with its compressed body.
pub(super) async fn insert_snapshots(
    db: &mut SqliteConnection,
    environment: i64,
    rows: &[SnapshotRow<'_>],
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO snapshots (id, environment_id, as_of, origin, is_tick, digest, ruled, conditions_met, standing, clear, \
         overall_lo, overall_hi, body, again) ",
    );
    query.push_values(rows, |mut row, (recording, body, again)| {
        let snapshot = recording.snapshot;
        row.push_bind(&snapshot.id)
            .push_bind(environment)
            .push_bind(At::of(snapshot.body.as_of))
            .push_bind(snapshot.body.origin.name())
            .push_bind(snapshot.body.origin.is_tick())
            .push_bind(&snapshot.digest)
            .push_bind(recording.tick.map(|tick| tick.ruled.name()))
            .push_bind(recording.tick.map(|tick| tick.conditions_met))
            .push_bind(recording.tick.map(|tick| i64::from(tick.standing.bits())))
            .push_bind(recording.tick.map(|tick| i64::from(tick.clear.bits())))
            .push_bind(snapshot.body.scores.overall.lo())
            .push_bind(snapshot.body.scores.overall.hi())
            .push_bind(*body)
            .push_bind(*again);
    });
    query.build().persistent(is_usual(rows.len())).execute(db).await?;
    Ok(())
}

/// The ids, of these, of snapshots that are there.
pub(super) async fn known_ids(
    db: &mut SqliteConnection,
    recordings: &[Recording<'_>],
) -> Result<Vec<String>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM snapshots WHERE id IN (");
    let mut list = query.separated(", ");
    for recording in recordings {
        list.push_bind(&recording.snapshot.id);
    }
    list.push_unseparated(")");
    Ok(query.build_query_scalar().persistent(recordings.len() == ROWS).fetch_all(db).await?)
}

/// The ticks of these times that are there, each with its id.
pub(super) async fn known_ticks(
    db: &mut SqliteConnection,
    environment: i64,
    recordings: &[Recording<'_>],
) -> Result<Vec<(At, String)>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(concat!(
        "SELECT as_of, id FROM snapshots WHERE ",
        is!("is_tick"),
        " AND environment_id = "
    ));
    query.push_bind(environment).push(" AND as_of IN (");
    let mut list = query.separated(", ");
    for recording in recordings {
        list.push_bind(At::of(recording.snapshot.body.as_of));
    }
    list.push_unseparated(")");
    Ok(query.build_query_as().persistent(recordings.len() == ROWS).fetch_all(db).await?)
}

/// Inserts points; one for the same time takes the place of the one before it.
pub(super) async fn insert_points(
    db: &mut SqliteConnection,
    environment: i64,
    points: &[TrendPoint],
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO points (environment_id, at, mode, answer, overall_lo, overall_hi, load_lo, load_hi, \
         clients_lo, clients_hi, clients_limit) ",
    );
    query.push_values(points, |mut row, point| {
        row.push_bind(environment)
            .push_bind(At::of(point.at))
            .push_bind(i64::from(point.mode as u8))
            .push_bind(i64::from(point.answer as u8))
            .push_bind(point.overall.lo())
            .push_bind(point.overall.hi())
            .push_bind(point.load.lo())
            .push_bind(point.load.hi().is_finite().then(|| point.load.hi()))
            .push_bind(column(point.clients_lo))
            .push_bind(point.clients_hi.map(column))
            .push_bind(column(point.clients_limit));
    });
    query.push(
        " ON CONFLICT (environment_id, at) DO UPDATE SET mode = excluded.mode, answer = excluded.answer, \
         overall_lo = excluded.overall_lo, overall_hi = excluded.overall_hi, load_lo = excluded.load_lo, \
         load_hi = excluded.load_hi, clients_lo = excluded.clients_lo, clients_hi = excluded.clients_hi, \
         clients_limit = excluded.clients_limit",
    );
    query.build().persistent(is_usual(points.len())).execute(db).await?;
    Ok(())
}

/// Inserts linked events.
pub(super) async fn insert_events(
    db: &mut SqliteConnection,
    environment: i64,
    events: &[Event],
) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO history (environment_id, seq, at, type, actor, address, old_mode, new_mode, reason, snapshot_id, digest, prev_hash, hash) ",
    );
    query.push_values(events, |mut row, event| {
        row.push_bind(environment)
            .push_bind(seq_column(event.seq))
            .push_bind(At::of(event.at))
            .push_bind(event.event_type.name())
            .push_bind(&event.actor)
            .push_bind(&event.address)
            .push_bind(event.old_mode.map(Mode::name))
            .push_bind(event.new_mode.map(Mode::name))
            .push_bind(&event.reason)
            .push_bind(&event.snapshot_id)
            .push_bind(&event.digest)
            .push_bind(&event.prev_hash)
            .push_bind(&event.hash);
    });
    query.build().persistent(is_usual(events.len())).execute(db).await?;
    Ok(())
}

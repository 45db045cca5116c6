//! Owns reading many stored ticks at once: rows in order, a page at a time, while the pages before are decompressed and
//! read on other threads. Must not know what is made of them.

use super::super::StoreError;
use super::super::rows::{At, RecordedReader, corrupt_by, millis};
use super::environments::Environment;
use super::{Connection, snapshots};
use crate::domain::backtest::Recorded;
use crate::domain::policy::EnvironmentKind;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Rows of a page: enough that a thread has some work, few enough that a year keeps all of them busy.
const PAGE: u32 = 512;
/// Pages that are read on other threads at once.
const AHEAD: usize = 3;

/// Row number, `as_of`, id, compressed body.
type Row = (i64, At, String, Vec<u8>);

/// Sends the ticks of a span, ascending, until nobody receives them any more.
pub(super) async fn ticks(
    db: &mut Connection,
    environment: &Environment,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    pages: &mpsc::Sender<Vec<Recorded>>,
) -> Result<(), StoreError> {
    let mut next = from.map_or(i64::MIN, millis);
    let last = to.map_or(i64::MAX, millis);
    let is_live = environment.kind == EnvironmentKind::Live;
    let mut recorded_last = match from.filter(|_| is_live) {
        Some(from) => snapshots::last_row_before(db, environment.id, from).await?,
        None => None,
    };
    let mut under_way: VecDeque<JoinHandle<Result<Vec<Recorded>, StoreError>>> = VecDeque::new();
    loop {
        let mut rows = page(db, environment.id, next, last).await?;
        let newest = rows.last().map(|row| row.1.0);
        if is_live {
            rows = snapshots::counting(rows, |row| row.0, recorded_last);
            recorded_last = rows.last().map(|row| row.0).or(recorded_last);
        }
        let stay = match newest {
            Some(newest) => {
                next = newest.saturating_add(1);
                under_way.push_back(spawn_blocking(move || read(rows)));
                AHEAD - 1
            }
            None => 0,
        };
        while under_way.len() > stay
            && let Some(page) = under_way.pop_front()
        {
            let page = page.await.map_err(|error| corrupt_by("a page of snapshots", error))??;
            if pages.send(page).await.is_err() {
                return Ok(());
            }
        }
        if newest.is_none() {
            return Ok(());
        }
    }
}

async fn page(db: &mut Connection, environment: i64, from: i64, to: i64) -> Result<Vec<Row>, StoreError> {
    Ok(sqlx::query_as(
        concat!(
            "SELECT row_id, as_of, id, body FROM snapshots AS own",
            indexed!("snapshots_ticks"),
            " WHERE own.environment_id = $1 AND ",
            is!("own.is_tick"),
            " AND own.as_of >= $2 AND own.as_of <= $3 AND NOT EXISTS ( \
                 SELECT 1 FROM snapshots AS other",
            indexed!("snapshots_ticks"),
            " WHERE other.environment_id = $1 AND ",
            is!("other.is_tick"),
            " AND other.as_of = own.as_of AND other.again > own.again) ORDER BY own.as_of LIMIT $4"
        ),
    )
    .bind(environment)
    .bind(At(from))
    .bind(At(to))
    .bind(i64::from(PAGE))
    .fetch_all(db)
    .await?)
}

fn read(rows: Vec<Row>) -> Result<Vec<Recorded>, StoreError> {
    let mut reader = RecordedReader::new()?;
    rows.into_iter().map(|(_, _, id, body)| reader.read(id, &body)).collect()
}

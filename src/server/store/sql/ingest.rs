//! Owns how a batch of telemetry is stored, whole or not at all: streams, samples, roll-ups, coverage.

use super::super::coverage::{self, Word};
use super::super::rows::{At, millis, series};
use super::super::seal::Seal;
use super::super::{IdempotencyKey, StoreError};
use super::idempotency::Kind;
use super::samples::Incoming;
use super::{Connection, counters, environments, exporters, history, idempotency, minutes, samples, seals, senders};
use crate::domain::doubt::Doubts;
use crate::domain::history::NewEvent;
use crate::domain::signal::Series;
use crate::domain::stream::Span;
use crate::domain::telemetry::{AcceptedBatch, Receipt, RowError};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A stream's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    pub id: i64,
    /// Where counters were forgotten, since when they are known again.
    pub counters_since: Option<i64>,
    pub first_at: Option<i64>,
    pub last_at: Option<i64>,
    /// Raw samples up to here are gone.
    pub pruned_before: Option<i64>,
    pub series: Series,
}

/// The streams that a batch touches.
pub(super) type Streams = BTreeMap<Series, StreamState>;

pub(super) async fn ingest(
    db: &mut Connection,
    environment: &str,
    batch: &AcceptedBatch,
    now: DateTime<Utc>,
    key: Option<&IdempotencyKey>,
) -> Result<Receipt, StoreError> {
    let found = environments::find(db, environment).await?;
    if let Some(receipt) = idempotency::first_use(db, found.id, key, Kind::Ingest).await? {
        return Ok(receipt);
    }
    let senders::Source { id: source, may_revise } =
        senders::source(db, found.id, &batch.source, &batch.sender).await?;
    // Counters and coverage change what the source's own numbers mean.
    if !may_revise && (!batch.readings.is_empty() || batch.watermark.is_some()) {
        return Err(StoreError::SourceOfAnother(batch.source.clone()));
    }
    let streams = streams_of(db, source, batch).await?;
    let fetched_at = millis(now);
    let (grown, doubts) = grown(db, &streams, batch).await?;
    let batch = grown.as_ref().unwrap_or(batch);
    let met = exporters::meet(db, &streams, batch).await?;
    let batch = met.as_ref().unwrap_or(batch);

    let mut conflicts = Vec::new();
    let incoming = Incoming::sort(batch, &streams, &mut conflicts);
    let outcome = samples::store(db, source, &incoming, batch.revises, fetched_at, &mut conflicts).await?;
    if !may_revise && !outcome.revised.is_empty() {
        return Err(StoreError::SourceOfAnother(batch.source.clone()));
    }
    minutes::refuse_closed(&streams, &outcome.revised, &mut conflicts);
    minutes::add(db, &streams, &outcome.new, fetched_at, &mut conflicts).await?;
    if !conflicts.is_empty() {
        return Err(StoreError::Conflicts(by_row(conflicts)));
    }
    move_streams(db, batch, &streams, &outcome.new, fetched_at).await?;
    minutes::rebuild(db, &streams, &outcome.revised).await?;
    if batch.watermark.is_some() {
        cover(db, source, batch).await?;
    }
    counters::remember_unpriced(db, &streams, &batch.unpriced).await?;
    counters::remember_doubts(db, &streams, &doubts).await?;
    let receipt = Receipt {
        accepted: incoming.superseded + outcome.accepted(),
        duplicates: incoming.duplicates + outcome.duplicates,
    };
    idempotency::remember(db, found.id, key, Kind::Ingest, &receipt, now).await?;
    Ok(receipt)
}

/// The same for a batch that revises what was settled, with the event that says so.
pub(super) async fn revise(
    db: &mut Connection,
    environment: &str,
    batch: &AcceptedBatch,
    event: &NewEvent,
    now: DateTime<Utc>,
) -> Result<Receipt, StoreError> {
    let receipt = ingest(db, environment, batch, now, None).await?;
    history::append_one(db, environment, event).await?;
    Ok(receipt)
}

/// The same for what must be taken once: the second time all of it is duplicates.
pub(super) async fn ingest_once(
    db: &mut Connection,
    environment: &str,
    batch: &AcceptedBatch,
    now: DateTime<Utc>,
    once: &IdempotencyKey,
) -> Result<Receipt, StoreError> {
    let found = environments::find(db, environment).await?;
    match idempotency::first_use::<Receipt>(db, found.id, Some(once), Kind::Ingest).await? {
        Some(first) => Ok(Receipt { accepted: 0, duplicates: first.accepted + first.duplicates }),
        None => {
            // An id is taken for its source, so that only those who speak for the source take any.
            if !senders::source(db, found.id, &batch.source, &batch.sender).await?.may_revise {
                return Err(StoreError::SourceOfAnother(batch.source.clone()));
            }
            ingest(db, environment, batch, now, Some(once)).await
        }
    }
}

/// The batch with what its counters have grown by among its samples, and what could not be counted; `None` where it has no counters.
async fn grown(
    db: &mut Connection,
    streams: &Streams,
    batch: &AcceptedBatch,
) -> Result<(Option<AcceptedBatch>, Doubts), StoreError> {
    if batch.readings.is_empty() {
        return Ok((None, Doubts::new()));
    }
    let counted = counters::advance(db, streams, &batch.readings).await?;
    let mut samples = batch.samples.clone();
    samples.extend(counted.samples);
    let mut unpriced = batch.unpriced.clone();
    unpriced.extend(counted.unpriced);
    let grown = AcceptedBatch {
        readings: Vec::new(),
        revises: batch.revises,
        samples,
        sender: batch.sender.clone(),
        source: batch.source.clone(),
        spoken: batch.spoken.clone(),
        step_minutes: batch.step_minutes,
        unpriced,
        watermark: batch.watermark.clone(),
    };
    Ok((Some(grown), counted.doubts))
}

/// Each conflicting row once, in the order of the batch.
fn by_row(mut conflicts: Vec<RowError>) -> Vec<RowError> {
    conflicts.sort_by_key(|conflict| conflict.index);
    conflicts.dedup_by_key(|conflict| conflict.index);
    conflicts
}

/// All streams of the source, those that the batch names first made where they are missing.
async fn streams_of(db: &mut Connection, source: i64, batch: &AcceptedBatch) -> Result<Streams, StoreError> {
    for series in named(batch) {
        let made: Option<i64> = sqlx::query_scalar(
            "INSERT INTO streams (source_id, series) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(source)
        .bind(i64::from(series.code()))
        .fetch_optional(&mut *db)
        .await?;
        if let Some(stream) = made {
            seals::reseal_stream(db, stream).await?;
        }
    }
    type StreamColumns = (i64, i64, Option<At>, Option<At>, Option<At>, Option<At>);
    let rows: Vec<StreamColumns> = sqlx::query_as(
        "SELECT id, series, first_at, last_at, pruned_before, counters_since FROM streams WHERE source_id = $1",
    )
    .bind(source)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(id, code, first_at, last_at, pruned_before, counters_since)| {
            let series = series(code)?;
            let [first_at, last_at, pruned_before, counters_since] =
                [first_at, last_at, pruned_before, counters_since].map(|at| at.map(|at| at.0));
            let state = StreamState { id, counters_since, first_at, last_at, pruned_before, series };
            Ok((series, state))
        })
        .collect()
}

/// The series that a batch carries or vouches for.
fn named(batch: &AcceptedBatch) -> BTreeSet<Series> {
    let carried = batch.samples.iter().map(|sample| sample.series);
    let vouched = batch.watermark.iter().flat_map(|watermark| watermark.series.iter().copied());
    carried.chain(vouched).chain(batch.readings.iter().map(|reading| reading.series)).collect()
}

/// Brings the rows of the named streams up to date.
async fn move_streams(
    db: &mut Connection,
    batch: &AcceptedBatch,
    streams: &Streams,
    new: &[samples::Row<'_>],
    fetched_at: i64,
) -> Result<(), StoreError> {
    let mut bounds: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for row in new {
        let (first, last) = bounds.entry(row.stream).or_insert((row.at, row.at));
        *first = row.at.min(*first);
        *last = row.at.max(*last);
    }
    for state in named(batch).iter().filter_map(|series| streams.get(series)) {
        let (first, last) = bounds.get(&state.id).copied().unzip();
        sqlx::query(
            concat!(
                "UPDATE streams SET first_at = $1, last_at = $2, fetched_at = ",
                greatest!(),
                "(coalesce(fetched_at, $3), $3), step_minutes = coalesce($4, step_minutes) WHERE id = $5"
            ),
        )
        .bind(first.into_iter().chain(state.first_at).min().map(At))
        .bind(last.into_iter().chain(state.last_at).max().map(At))
        .bind(At(fetched_at))
        .bind(batch.step_minutes.map(i64::from))
        .bind(state.id)
        .execute(&mut *db)
        .await?;
        seals::reseal_stream(db, state.id).await?;
    }
    Ok(())
}

/// Stores what the batch's watermark vouches for.
async fn cover(db: &mut Connection, source: i64, batch: &AcceptedBatch) -> Result<(), StoreError> {
    let Some(watermark) = &batch.watermark else {
        return Ok(());
    };
    for series in &watermark.series {
        let (stream, first_at): (i64, Option<At>) =
            sqlx::query_as("SELECT id, first_at FROM streams WHERE source_id = $1 AND series = $2")
                .bind(source)
                .bind(i64::from(series.code()))
                .fetch_one(&mut *db)
                .await?;
        let word = Word {
            covers_from: watermark.covers_from.map(millis),
            data_through: millis(watermark.data_through),
            first_at: first_at.map(|at| at.0),
        };
        cover_stream(db, stream, word).await?;
    }
    Ok(())
}

async fn cover_stream(db: &mut Connection, stream: i64, word: Word) -> Result<(), StoreError> {
    let last: Option<(i64, i64)> =
        sqlx::query_as("SELECT from_ms, to_ms FROM spans WHERE stream_id = $1 ORDER BY to_ms DESC LIMIT 1")
            .bind(stream)
            .fetch_optional(&mut *db)
            .await?;
    let last = last.map(|(from, to)| Span { from, to });
    let stretch = word.stretch(last);
    let met: Vec<(i64, i64)> =
        sqlx::query_as("SELECT from_ms, to_ms FROM spans WHERE stream_id = $1 AND to_ms >= $2 AND from_ms <= $3")
            .bind(stream)
            .bind(stretch.from)
            .bind(stretch.to)
            .fetch_all(&mut *db)
            .await?;
    let met: Vec<Span> = met.into_iter().map(|(from, to)| Span { from, to }).collect();
    let span = coverage::merged(stretch, &met);
    if met == [span] {
        return Ok(());
    }
    for old in met {
        sqlx::query("DELETE FROM spans WHERE stream_id = $1 AND to_ms = $2")
            .bind(stream)
            .bind(old.to)
            .execute(&mut *db)
            .await?;
    }
    sqlx::query("INSERT INTO spans (stream_id, from_ms, to_ms, seal) VALUES ($1, $2, $3, $4)")
        .bind(stream)
        .bind(span.from)
        .bind(span.to)
        .bind(Seal::of("spans").whole(stream).whole(span.to).whole(span.from).end())
        .execute(db)
        .await?;
    Ok(())
}

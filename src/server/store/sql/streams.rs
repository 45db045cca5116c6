//! Owns reading telemetry: streams, sources, raw samples. Every read is a range of an index, as long as what is asked for.

use super::super::rows::{At, aggregation, series, time, unsigned};
use super::super::{SourceSummary, StoreError, StoredSample};
use super::{Connection, windows};
use crate::domain::rollup::MinuteRow;
use crate::domain::signal::{Kind, Series};
use crate::domain::stream::{Span, Stream};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

#[derive(sqlx::FromRow)]
struct StreamRow {
    id: i64,
    name: String,
    series: i64,
    step_minutes: Option<i64>,
    first_at: Option<At>,
    last_at: Option<At>,
    fetched_at: Option<At>,
}

/// The streams of all sources that are expected to send. What a retired one has said is not asked for, so that its signals are
/// unknown rather than known from long ago.
async fn expected(db: &mut Connection, environment: i64) -> Result<Vec<StreamRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT streams.id, name, series, step_minutes, first_at, last_at, fetched_at \
         FROM sources JOIN streams ON source_id = sources.id \
         WHERE environment_id = $1 AND retired_at IS NULL ORDER BY series, name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?)
}

async fn of_environment(db: &mut Connection, environment: i64) -> Result<Vec<StreamRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT streams.id, name, series, step_minutes, first_at, last_at, fetched_at \
         FROM sources JOIN streams ON source_id = sources.id WHERE environment_id = $1 ORDER BY series, name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?)
}

/// Every stream, or those of some sources, with its rows in the span, and before it the newest row of each gauge.
pub(super) async fn within(
    db: &mut Connection,
    environment: i64,
    span: Span,
    sources: Option<&[String]>,
) -> Result<Vec<Stream>, StoreError> {
    let mut found = expected(db, environment).await?;
    found.retain(|row| sources.is_none_or(|sources| sources.contains(&row.name)));
    let (mut all, mut gauges) = (Vec::with_capacity(found.len()), Vec::new());
    for row in &found {
        all.push(row.id);
        if series(row.series)?.signal().kind() == Kind::Gauge {
            gauges.push(row.id);
        }
    }
    let mut newest = windows::newest_before(db, &gauges, span.from).await?;
    let mut minutes = windows::minutes(db, &all, span).await?;
    let mut spans = windows::spans(db, &all, span).await?;
    let mut streams = Vec::with_capacity(found.len());
    for row in found {
        let mut rows: Vec<MinuteRow> = newest.remove(&row.id).into_iter().collect();
        rows.extend(minutes.remove(&row.id).unwrap_or_default());
        let spans = spans.remove(&row.id).unwrap_or_default();
        let step_minutes = row.step_minutes.and_then(|step| u32::try_from(step).ok());
        let mut stream = Stream::new(row.name, series(row.series)?, step_minutes, spans, rows);
        if stream.has_open_rows() {
            stream.unpriced = super::counters::unpriced_since(db, row.id, span.from).await?;
            stream.doubts = super::counters::doubts_since(db, row.id, span.from).await?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

pub(super) async fn sources(db: &mut Connection, environment: i64) -> Result<Vec<SourceSummary>, StoreError> {
    let rows = expected(db, environment).await?;
    // One statement for all: an environment may have hundreds of sources.
    let spans: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT stream_id, from_ms, to_ms FROM spans JOIN streams ON streams.id = stream_id \
         JOIN sources ON sources.id = source_id WHERE environment_id = $1 AND retired_at IS NULL ORDER BY to_ms",
    )
    .bind(environment)
    .fetch_all(&mut *db)
    .await?;
    let mut by_stream: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
    for (stream, from, to) in spans {
        by_stream.entry(stream).or_default().push((from, to));
    }
    let mut summaries = Vec::with_capacity(rows.len());
    for row in rows {
        let spans = by_stream.remove(&row.id).unwrap_or_default();
        let spans: Vec<Span> = spans.into_iter().map(|(from, to)| Span { from, to }).collect();
        summaries.push(SourceSummary {
            data_through: spans.last().map(|span| time(span.to)).transpose()?,
            fetched_at: row.fetched_at.map(At::time).transpose()?,
            first_at: row.first_at.map(At::time).transpose()?,
            last_at: row.last_at.map(At::time).transpose()?,
            series: series(row.series)?,
            source: row.name,
            spans,
        });
    }
    Ok(summaries)
}

pub(super) async fn extent(
    db: &mut Connection,
    environment: i64,
) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, StoreError> {
    let streams = of_environment(db, environment).await?;
    let first = streams.iter().filter_map(|stream| stream.first_at).min();
    let last = streams.iter().filter_map(|stream| stream.last_at).max();
    first.zip(last).map(|(first, last)| Ok((first.time()?, last.time()?))).transpose()
}

/// Raw samples of a series from all its sources, newest first.
pub(super) async fn samples(
    db: &mut Connection,
    environment: i64,
    wanted: Series,
    span: Span,
    limit: u32,
) -> Result<Vec<StoredSample>, StoreError> {
    let mut samples = Vec::new();
    let streams = of_environment(db, environment).await?;
    for stream in streams.into_iter().filter(|stream| stream.series == i64::from(wanted.code())) {
        let rows: Vec<(At, i64, i64, At, bool, bool)> = sqlx::query_as(
            "SELECT at, aggregation, atoms, fetched_at, histogram IS NOT NULL, is_open FROM samples \
             WHERE stream_id = $1 AND at > $2 AND at <= $3 ORDER BY at DESC, aggregation DESC, id DESC LIMIT $4",
        )
        .bind(stream.id)
        .bind(At(span.from))
        .bind(At(span.to))
        .bind(i64::from(limit))
        .fetch_all(&mut *db)
        .await?;
        for (at, code, atoms, fetched_at, is_distribution, is_open) in rows {
            samples.push(StoredSample {
                aggregation: aggregation(code)?,
                at: at.time()?,
                atoms: unsigned(atoms)?,
                fetched_at: fetched_at.time()?,
                // Requests whose durations aren't known are none of any duration.
                is_distribution: is_distribution || (is_open && wanted == Series::InfraLatency),
                source: stream.name.clone(),
            });
        }
    }
    samples.sort_by_key(|sample| std::cmp::Reverse(sample.at));
    samples.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(samples)
}

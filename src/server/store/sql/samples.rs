//! Owns raw samples: who is the same sample, what is new, what contradicts. Must not know roll-ups.

use super::super::StoreError;
use super::super::rows::{At, SampleForm, millis};
use super::super::seal::Seal;
use super::Connection;
use super::ingest::Streams;
use super::sample_rows::{ROWS, insert_missing, replace};
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, RowError, Sample};
use std::collections::HashMap;

/// A sample on its way in.
#[derive(Clone, Debug)]
pub(super) struct Row<'b> {
    pub at: i64,
    pub form: SampleForm,
    /// Empty where the sample has none.
    pub id: &'b str,
    /// Its place in the batch.
    pub index: u32,
    pub sample: &'b Sample,
    pub stream: i64,
}

/// What makes a sample the same sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity<'b> {
    /// Among those of its source.
    Id(&'b str),
    /// Stream, aggregation and time.
    Place(i64, i64, i64),
}

impl<'b> Row<'b> {
    /// The seal of the sample's row.
    pub(super) fn seal(&self, source: i64, fetched_at: i64) -> i64 {
        let form = &self.form;
        Seal::of("samples")
            .whole(self.stream)
            .time(self.at)
            .whole(form.aggregation)
            .text(self.id)
            .maybe_whole((!self.id.is_empty()).then_some(source))
            .whole(form.atoms)
            .maybe_whole(form.count)
            .maybe_text(form.exact.as_deref())
            .maybe_text(form.histogram.as_deref())
            .flag(form.is_open)
            .time(fetched_at)
            .end()
    }

    pub(super) fn identity(&self) -> Identity<'b> {
        match self.id {
            "" => Identity::Place(self.stream, self.form.aggregation, self.at),
            id => Identity::Id(id),
        }
    }

    /// Whether it says the whole of what was known only in part: a row that was put right and is sent again.
    fn completes(&self, stream: i64, at: i64, form: &SampleForm) -> bool {
        let is_same = (self.stream, self.at, self.form.aggregation) == (stream, at, form.aggregation);
        // Atoms of amounts finer than an atom depend on the batch that they came in.
        let is_as_much = self.form.atoms.saturating_add(1) >= form.atoms;
        is_same && form.is_open && !self.form.is_open && is_as_much
    }

    pub(super) fn conflict(&self, field: &str, detail: &str) -> RowError {
        RowError { detail: detail.to_owned(), field: field.to_owned(), index: Some(self.index) }
    }
}

/// A batch's samples, each identity once, by stream and time.
#[derive(Debug, Default)]
pub(super) struct Incoming<'b> {
    /// Samples said again within the batch.
    pub duplicates: u64,
    pub rows: Vec<Row<'b>>,
    /// Samples that the same batch revises.
    pub superseded: u64,
}

impl<'b> Incoming<'b> {
    pub(super) fn sort(batch: &'b AcceptedBatch, streams: &Streams, conflicts: &mut Vec<RowError>) -> Incoming<'b> {
        let mut incoming = Incoming::default();
        let mut seen: HashMap<Identity<'b>, usize> = HashMap::with_capacity(batch.samples.len());
        for (sample, index) in batch.samples.iter().zip(0u32..) {
            let row = match row(sample, index, streams) {
                Ok(row) => row,
                Err(conflict) => {
                    conflicts.push(conflict);
                    continue;
                }
            };
            let Some(place) = seen.get(&row.identity()).copied() else {
                seen.insert(row.identity(), incoming.rows.len());
                incoming.rows.push(row);
                continue;
            };
            let first = &mut incoming.rows[place];
            match difference(&row, first.stream, first.at, &first.form) {
                None => incoming.duplicates += 1,
                Some(_) if batch.revises => {
                    *first = row;
                    incoming.superseded += 1;
                }
                Some((field, _)) => {
                    conflicts.push(row.conflict(field, &format!("contradicts row {} of the batch", first.index)))
                }
            }
        }
        // Stable: samples of one time stay in the order in which they came.
        incoming.rows.sort_by_key(|row| (row.stream, row.at));
        incoming
    }
}

fn row<'b>(sample: &'b Sample, index: u32, streams: &Streams) -> Result<Row<'b>, RowError> {
    let stream = streams.get(&sample.series).map(|stream| stream.id);
    stream
        .zip(SampleForm::of(sample))
        .map(|(stream, form)| Row {
            at: millis(sample.at),
            form,
            id: sample.id.as_deref().unwrap_or(""),
            index,
            sample,
            stream,
        })
        .ok_or_else(|| RowError {
            detail: "is too large to be kept".to_owned(),
            field: "count".to_owned(),
            index: Some(index),
        })
}

/// In what a sample differs from the one that is there.
fn difference(row: &Row<'_>, stream: i64, at: i64, form: &SampleForm) -> Option<(&'static str, &'static str)> {
    if (row.stream, row.at, row.form.aggregation) != (stream, at, form.aggregation) {
        Some(("id", "names another sample already, of another signal, kind or time"))
    } else if !row.form.says_the_same(form) {
        Some(("value", "contradicts the sample that is stored; only a source that revises may send another value"))
    } else {
        None
    }
}

/// Where a sample is stored that was there already: its stream, its time and what it says; by what makes it the same.
pub(super) type There<'b> = HashMap<Identity<'b>, (i64, i64, SampleForm)>;

/// What became of a batch's samples.
#[derive(Debug, Default)]
pub(super) struct Outcome<'b> {
    pub duplicates: u64,
    pub new: Vec<Row<'b>>,
    /// Samples that stand in the place of another, with that one's stream and time.
    pub revised: Vec<(Row<'b>, (i64, i64))>,
}

impl Outcome<'_> {
    pub(super) fn accepted(&self) -> u64 {
        u64::try_from(self.new.len() + self.revised.len()).unwrap_or(u64::MAX)
    }
}

/// Stores the samples that are new, and replaces those that are revised.
pub(super) async fn store<'b>(
    db: &mut Connection,
    source: i64,
    incoming: &Incoming<'b>,
    revises: bool,
    fetched_at: i64,
    conflicts: &mut Vec<RowError>,
) -> Result<Outcome<'b>, StoreError> {
    let mut outcome = Outcome::default();
    for chunk in incoming.rows.chunks(ROWS) {
        let there = insert_missing(db, source, chunk, fetched_at).await?;
        for row in chunk {
            let Some((stream, at, form)) = there.get(&row.identity()) else {
                outcome.new.push(row.clone());
                continue;
            };
            match difference(row, *stream, *at, form) {
                None => outcome.duplicates += 1,
                Some(_) if revises || row.completes(*stream, *at, form) => {
                    replace(db, source, row, (*stream, *at), fetched_at).await?;
                    outcome.revised.push((row.clone(), (*stream, *at)));
                }
                Some((field, detail)) => conflicts.push(row.conflict(field, detail)),
            }
        }
    }
    Ok(outcome)
}

/// The samples of a stretch of one stream (open at its beginning) with when each was fetched, in order of time.
pub(super) async fn between(
    db: &mut Connection,
    stream: i64,
    series: Series,
    from: i64,
    to: i64,
) -> Result<Vec<(Sample, i64)>, StoreError> {
    type RawColumns = (At, i64, i64, Option<i64>, Option<String>, Option<String>, bool, At);
    let rows: Vec<RawColumns> = sqlx::query_as(
        "SELECT at, aggregation, atoms, count, exact, histogram, is_open, fetched_at FROM samples \
         WHERE stream_id = $1 AND at > $2 AND at <= $3 ORDER BY at, fetched_at, aggregation, id",
    )
    .bind(stream)
    .bind(At(from))
    .bind(At(to))
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(at, aggregation, atoms, count, exact, histogram, is_open, fetched_at)| {
            let form = SampleForm { aggregation, atoms, count, exact, histogram, is_open };
            Ok((form.sample(series, at.0)?, fetched_at.0))
        })
        .collect()
}

//! Owns raw samples in SQLite: who is the same sample, what is new, what contradicts. Must not know roll-ups.

use super::super::StoreError;
use super::super::rows::{SampleForm, millis};
use super::ingest::Streams;
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, RowError, Sample};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::HashMap;

/// Samples inserted, or looked for, by one statement.
const ROWS: usize = 256;

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
enum Identity<'b> {
    /// Among those of its source.
    Id(&'b str),
    /// Stream, aggregation and time.
    Place(i64, i64, i64),
}

impl<'b> Row<'b> {
    fn identity(&self) -> Identity<'b> {
        match self.id {
            "" => Identity::Place(self.stream, self.form.aggregation, self.at),
            id => Identity::Id(id),
        }
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
    db: &mut SqliteConnection,
    source: i64,
    incoming: &Incoming<'b>,
    revises: bool,
    fetched_at: i64,
    conflicts: &mut Vec<RowError>,
) -> Result<Outcome<'b>, StoreError> {
    let mut outcome = Outcome::default();
    for chunk in incoming.rows.chunks(ROWS) {
        // The usual batch is all new. Where it is not, the failed statement has stored nothing.
        match insert(db, source, chunk, fetched_at).await {
            Ok(()) => outcome.new.extend_from_slice(chunk),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                let mut missing = Vec::new();
                let stored = stored(db, source, chunk).await?;
                for row in chunk {
                    let Some((stream, at, form)) = stored.get(&row.identity()) else {
                        missing.push(row.clone());
                        continue;
                    };
                    match difference(row, *stream, *at, form) {
                        None => outcome.duplicates += 1,
                        Some(_) if revises => {
                            replace(db, source, row, (*stream, *at), fetched_at).await?;
                            outcome.revised.push((row.clone(), (*stream, *at)));
                        }
                        Some((field, detail)) => conflicts.push(row.conflict(field, detail)),
                    }
                }
                if !missing.is_empty() {
                    insert(db, source, &missing, fetched_at).await?;
                    outcome.new.append(&mut missing);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outcome)
}

async fn insert(db: &mut SqliteConnection, source: i64, rows: &[Row<'_>], fetched_at: i64) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO samples (stream_id, at, aggregation, id, source_id, atoms, count, exact, histogram, is_open, fetched_at) ",
    );
    query.push_values(rows, |mut columns, row| {
        columns
            .push_bind(row.stream)
            .push_bind(row.at)
            .push_bind(row.form.aggregation)
            .push_bind(row.id)
            .push_bind((!row.id.is_empty()).then_some(source))
            .push_bind(row.form.atoms)
            .push_bind(row.form.count)
            .push_bind(&row.form.exact)
            .push_bind(&row.form.histogram)
            .push_bind(row.form.is_open)
            .push_bind(fetched_at);
    });
    query.build().persistent(rows.len() == ROWS || rows.len() == 1).execute(db).await?;
    Ok(())
}

/// Where samples of these identities are stored, and what they say.
async fn stored<'b>(
    db: &mut SqliteConnection,
    source: i64,
    rows: &[Row<'b>],
) -> Result<HashMap<Identity<'b>, (i64, i64, SampleForm)>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("WITH wanted (place, stream_id, at, aggregation, id) AS (");
    query.push_values(rows.iter().zip(0i64..), |mut columns, (row, place)| {
        columns
            .push_bind(place)
            .push_bind(row.stream)
            .push_bind(row.at)
            .push_bind(row.form.aggregation)
            .push_bind(row.id);
    });
    query.push(
        ") SELECT place, s.stream_id, s.at, s.aggregation, s.atoms, s.count, s.exact, s.histogram, s.is_open \
         FROM wanted w CROSS JOIN samples s ON s.stream_id = w.stream_id AND s.at = w.at AND s.aggregation = w.aggregation AND s.id = '' \
         WHERE w.id = '' \
         UNION ALL SELECT place, s.stream_id, s.at, s.aggregation, s.atoms, s.count, s.exact, s.histogram, s.is_open \
         FROM wanted w CROSS JOIN samples s INDEXED BY samples_by_id ON s.id = w.id AND s.id <> '' AND s.source_id = ",
    );
    query.push_bind(source).push(" WHERE w.id <> ''");
    type StoredColumns = (i64, i64, i64, i64, i64, Option<i64>, Option<String>, Option<String>, bool);
    let found: Vec<StoredColumns> = query.build_query_as().persistent(rows.len() == ROWS).fetch_all(db).await?;
    let mut stored = HashMap::with_capacity(found.len());
    for (place, stream, at, aggregation, atoms, count, exact, histogram, is_open) in found {
        let form = SampleForm { aggregation, atoms, count, exact, histogram, is_open };
        let row = usize::try_from(place).ok().and_then(|place| rows.get(place));
        stored.extend(row.map(|row| (row.identity(), (stream, at, form))));
    }
    Ok(stored)
}

/// Puts a revised sample in the place of the one that is stored.
async fn replace(
    db: &mut SqliteConnection,
    source: i64,
    row: &Row<'_>,
    old: (i64, i64),
    fetched_at: i64,
) -> Result<(), StoreError> {
    let gone = if row.id.is_empty() {
        sqlx::query("DELETE FROM samples WHERE stream_id = $1 AND at = $2 AND aggregation = $3 AND id = ''")
            .bind(old.0)
            .bind(old.1)
            .bind(row.form.aggregation)
    } else {
        sqlx::query("DELETE FROM samples WHERE source_id = $1 AND id = $2 AND id <> ''").bind(source).bind(row.id)
    };
    gone.execute(&mut *db).await?;
    Ok(insert(db, source, std::slice::from_ref(row), fetched_at).await?)
}

/// The samples of a stretch of one stream (open at its beginning) with when each was fetched, in order of time.
pub(super) async fn between(
    db: &mut SqliteConnection,
    stream: i64,
    series: Series,
    from: i64,
    to: i64,
) -> Result<Vec<(Sample, i64)>, StoreError> {
    type RawColumns = (i64, i64, i64, Option<i64>, Option<String>, Option<String>, bool, i64);
    let rows: Vec<RawColumns> = sqlx::query_as(
        "SELECT at, aggregation, atoms, count, exact, histogram, is_open, fetched_at FROM samples \
         WHERE stream_id = $1 AND at > $2 AND at <= $3 ORDER BY at, fetched_at, aggregation, id",
    )
    .bind(stream)
    .bind(from)
    .bind(to)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(at, aggregation, atoms, count, exact, histogram, is_open, fetched_at)| {
            let form = SampleForm { aggregation, atoms, count, exact, histogram, is_open };
            Ok((form.sample(series, at)?, fetched_at))
        })
        .collect()
}

//! Owns the rows of raw samples in PostgreSQL: those that are missing are inserted, those that are revised are replaced. The ids of
//! samples have a table of their own, since the partitions of samples have no index in common.

use super::super::StoreError;
use super::super::rows::{At, SampleForm};
use super::samples::{Row, There};
use sqlx::PgConnection;
use std::collections::HashSet;

/// Samples inserted, or looked for, by one statement.
pub(super) const ROWS: usize = 4096;

/// Samples column by column, as one statement takes them.
#[derive(Default)]
struct Columns<'b> {
    stream: Vec<i64>,
    at: Vec<At>,
    aggregation: Vec<i64>,
    id: Vec<&'b str>,
    atoms: Vec<i64>,
    count: Vec<Option<i64>>,
    exact: Vec<Option<String>>,
    histogram: Vec<Option<String>>,
    is_open: Vec<bool>,
}

impl<'b> Columns<'b> {
    fn of<'r>(rows: impl Iterator<Item = &'r Row<'b>>) -> Columns<'b>
    where
        'b: 'r,
    {
        let mut columns = Columns::default();
        for row in rows {
            columns.stream.push(row.stream);
            columns.at.push(At(row.at));
            columns.aggregation.push(row.form.aggregation);
            columns.id.push(row.id);
            columns.atoms.push(row.form.atoms);
            columns.count.push(row.form.count);
            columns.exact.push(row.form.exact.clone());
            columns.histogram.push(row.form.histogram.clone());
            columns.is_open.push(row.form.is_open);
        }
        columns
    }
}

/// Inserts the samples that are not there yet, and says what is stored of the others.
pub(super) async fn insert_missing<'b>(
    db: &mut PgConnection,
    source: i64,
    rows: &[Row<'b>],
    fetched_at: i64,
) -> Result<There<'b>, StoreError> {
    let taken = take_ids(db, source, rows).await?;
    let new: Vec<&Row<'b>> = rows.iter().filter(|row| !taken.contains(row.id)).collect();
    let places = insert(db, source, &new, fetched_at).await?;
    let mut there: Vec<&Row<'b>> = places.into_iter().filter_map(|place| new.get(place).copied()).collect();
    there.extend(rows.iter().filter(|row| taken.contains(row.id)));
    stored(db, source, &there).await
}

/// Takes the ids of samples that have one; returns those that were taken before.
async fn take_ids<'b>(db: &mut PgConnection, source: i64, rows: &[Row<'b>]) -> Result<HashSet<&'b str>, StoreError> {
    let mut ids: HashSet<&str> = rows.iter().map(|row| row.id).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let columns = Columns::of(rows.iter().filter(|row| !row.id.is_empty()));
    let taken: Vec<String> = sqlx::query_scalar(
        "INSERT INTO sample_ids (source_id, stream_id, at, aggregation, id) \
         SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::text[]) \
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(source)
    .bind(columns.stream)
    .bind(columns.at)
    .bind(columns.aggregation)
    .bind(columns.id)
    .fetch_all(db)
    .await?;
    for id in &taken {
        ids.remove(id.as_str());
    }
    Ok(ids)
}

/// Inserts samples; returns the places of those whose place in time was taken.
async fn insert(
    db: &mut PgConnection,
    source: i64,
    rows: &[&Row<'_>],
    fetched_at: i64,
) -> Result<Vec<usize>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let columns = Columns::of(rows.iter().copied());
    let seals: Vec<i64> = rows.iter().map(|row| row.seal(source, fetched_at)).collect();
    let taken: Vec<i64> = sqlx::query_scalar(
        "WITH sent AS (SELECT * FROM unnest($3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::bigint[], \
             $8::bigint[], $9::text[], $10::text[], $11::boolean[], $12::bigint[]) WITH ORDINALITY \
             AS s (stream_id, at, aggregation, id, atoms, count, exact, histogram, is_open, seal, place)), \
         stored AS (INSERT INTO samples (stream_id, at, aggregation, id, source_id, atoms, count, exact, histogram, is_open, \
             fetched_at, seal) SELECT stream_id, at, aggregation, id, CASE WHEN id <> '' THEN $1::bigint END, atoms, count, exact, \
             histogram, is_open, $2, seal FROM sent ON CONFLICT DO NOTHING RETURNING stream_id, at, aggregation, id) \
         SELECT place FROM sent WHERE NOT EXISTS (SELECT 1 FROM stored WHERE stored.stream_id = sent.stream_id \
             AND stored.at = sent.at AND stored.aggregation = sent.aggregation AND stored.id = sent.id)",
    )
    .bind(source)
    .bind(At(fetched_at))
    .bind(columns.stream)
    .bind(columns.at)
    .bind(columns.aggregation)
    .bind(columns.id)
    .bind(columns.atoms)
    .bind(columns.count)
    .bind(columns.exact)
    .bind(columns.histogram)
    .bind(columns.is_open)
    .bind(seals)
    .fetch_all(db)
    .await?;
    Ok(taken.into_iter().filter_map(|place| usize::try_from(place - 1).ok()).collect())
}

/// Where samples of these identities are stored, and what they say.
async fn stored<'b>(db: &mut PgConnection, source: i64, rows: &[&Row<'b>]) -> Result<There<'b>, StoreError> {
    if rows.is_empty() {
        return Ok(There::new());
    }
    let columns = Columns::of(rows.iter().copied());
    type StoredColumns = (i64, i64, At, i64, i64, Option<i64>, Option<String>, Option<String>, bool);
    let found: Vec<StoredColumns> = sqlx::query_as(
        "WITH sent AS (SELECT * FROM unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::text[]) WITH ORDINALITY \
             AS s (stream_id, at, aggregation, id, place)), \
         wanted AS (SELECT place, stream_id, at, aggregation, id FROM sent WHERE id = '' \
             UNION ALL SELECT place, i.stream_id, i.at, i.aggregation, i.id FROM sent \
             JOIN sample_ids i ON i.source_id = $1 AND i.id = sent.id WHERE sent.id <> '') \
         SELECT place, s.stream_id, s.at, s.aggregation, s.atoms, s.count, s.exact, s.histogram, s.is_open \
         FROM wanted w JOIN samples s ON s.stream_id = w.stream_id AND s.at = w.at AND s.aggregation = w.aggregation \
             AND s.id = w.id",
    )
    .bind(source)
    .bind(columns.stream)
    .bind(columns.at)
    .bind(columns.aggregation)
    .bind(columns.id)
    .fetch_all(db)
    .await?;
    let mut stored = There::with_capacity(found.len());
    for (place, stream, at, aggregation, atoms, count, exact, histogram, is_open) in found {
        let form = SampleForm { aggregation, atoms, count, exact, histogram, is_open };
        let row = usize::try_from(place - 1).ok().and_then(|place| rows.get(place));
        stored.extend(row.map(|row| (row.identity(), (stream, at.0, form))));
    }
    Ok(stored)
}

/// Puts a revised sample in the place of the one that is stored.
pub(super) async fn replace(
    db: &mut PgConnection,
    source: i64,
    row: &Row<'_>,
    old: (i64, i64),
    fetched_at: i64,
) -> Result<(), StoreError> {
    // One with an id may have been of another kind.
    sqlx::query(
        "DELETE FROM samples WHERE stream_id = $1 AND at = $2 AND id = $3 AND ($3 <> '' OR aggregation = $4) \
             AND source_id IS NOT DISTINCT FROM $5",
    )
    .bind(old.0)
    .bind(At(old.1))
    .bind(row.id)
    .bind(row.form.aggregation)
    .bind((!row.id.is_empty()).then_some(source))
    .execute(&mut *db)
    .await?;
    if !row.id.is_empty() {
        sqlx::query("UPDATE sample_ids SET stream_id = $1, at = $2, aggregation = $3 WHERE source_id = $4 AND id = $5")
            .bind(row.stream)
            .bind(At(row.at))
            .bind(row.form.aggregation)
            .bind(source)
            .bind(row.id)
            .execute(&mut *db)
            .await?;
    }
    insert(db, source, &[row], fetched_at).await.map(|_| ())
}

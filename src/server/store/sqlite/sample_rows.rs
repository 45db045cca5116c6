//! Owns the rows of raw samples in SQLite: those that are missing are inserted, those that are revised are replaced.

use super::super::StoreError;
use super::super::rows::SampleForm;
use super::samples::{Row, There};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::HashMap;

/// Samples inserted, or looked for, by one statement.
pub(super) const ROWS: usize = 256;

/// Inserts the samples that are not there yet, and says what is stored of the others.
pub(super) async fn insert_missing<'b>(
    db: &mut SqliteConnection,
    source: i64,
    rows: &[Row<'b>],
    fetched_at: i64,
) -> Result<There<'b>, StoreError> {
    // The usual batch is all new. Where it is not, the failed statement has stored nothing.
    match insert(db, source, rows, fetched_at).await {
        Ok(()) => Ok(There::new()),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            let there = stored(db, source, rows).await?;
            let missing: Vec<Row<'_>> =
                rows.iter().filter(|row| !there.contains_key(&row.identity())).cloned().collect();
            if !missing.is_empty() {
                insert(db, source, &missing, fetched_at).await?;
            }
            Ok(there)
        }
        Err(error) => Err(error.into()),
    }
}

async fn insert(db: &mut SqliteConnection, source: i64, rows: &[Row<'_>], fetched_at: i64) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO samples (stream_id, at, aggregation, id, source_id, atoms, count, exact, histogram, is_open, fetched_at, seal) ",
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
            .push_bind(fetched_at)
            .push_bind(row.seal(source, fetched_at));
    });
    query.build().persistent(rows.len() == ROWS || rows.len() == 1).execute(db).await?;
    Ok(())
}

/// Where samples of these identities are stored, and what they say.
async fn stored<'b>(db: &mut SqliteConnection, source: i64, rows: &[Row<'b>]) -> Result<There<'b>, StoreError> {
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
pub(super) async fn replace(
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

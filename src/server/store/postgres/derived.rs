//! Owns what only PostgreSQL keeps beside the rows of a copy: the ids of samples, and where its own numbers go on.

use super::super::moving::{Row, Table, Value};
use super::{PostgresStore, StoreError};
use crate::server::store::rows::At;
use sqlx::{PgConnection, Postgres, QueryBuilder};

impl PostgresStore {
    /// Makes what is derived of rows that have just been copied.
    pub(super) async fn derive(&self, db: &mut PgConnection, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
        match table.name {
            "samples" => derive_ids(db, rows).await,
            "environments" | "people" | "share_links" | "sources" | "streams" | "tokens" => {
                go_on(db, table.name, "id").await
            }
            "snapshots" => go_on(db, table.name, "row_id").await,
            _ => Ok(()),
        }
    }
}

async fn derive_ids(db: &mut PgConnection, rows: &[Row]) -> Result<(), StoreError> {
    let (mut sources, mut ids, mut streams, mut times, mut aggregations) = (vec![], vec![], vec![], vec![], vec![]);
    for row in rows {
        if let [
            Value::Whole(stream),
            Value::Time(at),
            Value::Whole(aggregation),
            Value::Text(id),
            Value::Whole(source),
            ..,
        ] = row.as_slice()
        {
            sources.push(*source);
            ids.push(id.as_str());
            streams.push(*stream);
            times.push(At(*at));
            aggregations.push(*aggregation);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO sample_ids (source_id, id, stream_id, at, aggregation) \
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::timestamptz[], $5::bigint[])",
    )
    .bind(sources)
    .bind(ids)
    .bind(streams)
    .bind(times)
    .bind(aggregations)
    .execute(db)
    .await?;
    Ok(())
}

/// The numbers that a table gives itself go on after those of the copy.
async fn go_on(db: &mut PgConnection, table: &'static str, column: &'static str) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT setval(pg_get_serial_sequence('");
    query.push(table).push("', '").push(column).push("'), max(").push(column).push(")) FROM ").push(table);
    query.build().persistent(false).execute(db).await?;
    Ok(())
}

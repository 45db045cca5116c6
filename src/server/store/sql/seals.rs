//! Keeps the seals of rows, and finds rows that do not match theirs. Must not know what a row means.

use super::super::StoreError;
use super::super::moving::{Row, Value};
use super::super::seal::{SEALED, of_row, matches, table};
use super::{Connection, Db, copying};
use sqlx::QueryBuilder;

/// Seals a row again after its columns have changed. The key is complete. Nothing happens if there is no such row.
pub(super) async fn reseal(db: &mut Connection, name: &str, key: &[Value]) -> Result<(), StoreError> {
    let Some(table) = table(name) else { return Ok(()) };
    if let Some(row) = copying::one(db, table, key).await? {
        put(db, name, &row).await?;
    }
    Ok(())
}

async fn put(db: &mut Connection, name: &str, row: &Row) -> Result<(), StoreError> {
    let Some(table) = table(name) else { return Ok(()) };
    let mut query = QueryBuilder::<Db>::new("UPDATE ");
    query.push(table.name).push(" SET seal = ").push_bind(of_row(table, row)).push(" WHERE ");
    copying::push_key(&mut query, table, &row[..table.key]);
    query.build().execute(db).await?;
    Ok(())
}

/// Seals a row of a source by its id.
pub(super) async fn reseal_source(db: &mut Connection, source: i64) -> Result<(), StoreError> {
    reseal(db, "sources", &[Value::Whole(source)]).await
}

/// Seals a row of a stream by its id.
pub(super) async fn reseal_stream(db: &mut Connection, stream: i64) -> Result<(), StoreError> {
    reseal(db, "streams", &[Value::Whole(stream)]).await
}

/// The first row that does not match its seal: its table, and its key for people to read.
pub(super) async fn broken(db: &mut Connection) -> Result<Option<(&'static str, String)>, StoreError> {
    for name in SEALED {
        let Some(table) = table(name) else { continue };
        let mut after: Option<Row> = None;
        loop {
            let rows = copying::page(db, table, after.as_ref()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last[..table.key].to_vec());
            if let Some(row) = rows.iter().find(|row| !matches(table, row)) {
                let key: Vec<String> =
                    table.columns.iter().zip(&row[..table.key]).map(|((column, _), value)| format!("{column} {value}")).collect();
                return Ok(Some((table.name, key.join(", "))));
            }
        }
    }
    Ok(None)
}

/// Whether the store is older than seals.
pub(super) async fn are_due(db: &mut Connection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'seals_due')").fetch_one(db).await?)
}

/// Seals every row of a store that is older than seals, once.
pub(super) async fn seal_all(db: &mut Connection) -> Result<(), StoreError> {
    let due = sqlx::query("DELETE FROM meta WHERE name = 'seals_due'").execute(&mut *db).await?;
    if due.rows_affected() == 0 {
        return Ok(());
    }
    tracing::info!("sealing the rows of the store, once");
    for name in SEALED {
        let Some(table) = table(name) else { continue };
        let mut after: Option<Row> = None;
        loop {
            let rows = copying::page(db, table, after.as_ref()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last[..table.key].to_vec());
            for row in &rows {
                put(db, name, row).await?;
            }
        }
    }
    Ok(())
}

//! Owns reading and writing the rows of whole tables, for a copy of the store. Must not know what they mean, but for the head of a
//! chain, which moves with its events.

use super::super::moving::{Form, PAGE, Page, Row, Rows, TABLES, Table, Value, link_of};
use super::super::rows::At;
use super::super::StoreError;
use super::{Backend, Connection, Db};
use crate::domain::history::Head;
use async_trait::async_trait;
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Row as _};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Values bound by one statement at most.
const BINDS: usize = 30_000;

#[async_trait]
impl Rows for Backend {
    async fn send(&self, mut after: Vec<Option<Row>>, pages: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let mut tx = self.reading().await?;
        for (place, table) in TABLES.iter().enumerate() {
            loop {
                let rows = page(&mut tx, table, after[place].as_ref()).await?;
                let Some(last) = rows.last() else { break };
                after[place] = Some(last[..table.key].to_vec());
                if pages.send((place, rows)).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn put(&self, (place, rows): &Page) -> Result<(), StoreError> {
        let table = &TABLES[*place];
        self.make_room_for_rows(table, rows).await?;
        let mut tx = self.writing().await?;
        for chunk in rows.chunks(BINDS / table.columns.len()) {
            insert(&mut tx, table, chunk).await?;
            self.derive(&mut tx, table, chunk).await?;
        }
        if table.name == "history" {
            move_heads(&mut tx, rows).await?;
        }
        self.commit(tx).await
    }

    async fn last(&self) -> Result<Vec<Option<Row>>, StoreError> {
        let mut tx = self.reading().await?;
        let mut last = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            let mut query = select(table, table.key);
            query.push(" ORDER BY ");
            let mut order = query.separated(", ");
            for (name, _) in &table.columns[..table.key] {
                order.push(name).push_unseparated(" DESC");
            }
            query.push(" LIMIT 1");
            let found = query.build().persistent(false).fetch_optional(&mut *tx).await?;
            last.push(found.map(|found| read(&found, &table.columns[..table.key])).transpose()?);
        }
        Ok(last)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let mut tx = self.reading().await?;
        let mut all = 0;
        for table in TABLES {
            let mut query = QueryBuilder::<Db>::new("SELECT count(*) FROM ");
            let count: i64 = query.push(table.name).build_query_scalar().persistent(false).fetch_one(&mut *tx).await?;
            all += super::super::rows::unsigned(count)?;
        }
        Ok(all)
    }

    async fn mark(&self, is_moving: bool) -> Result<(), StoreError> {
        let mut tx = self.writing().await?;
        sqlx::query("DELETE FROM meta WHERE name = 'moving'").execute(&mut *tx).await?;
        if is_moving {
            sqlx::query("INSERT INTO meta (name, value) VALUES ('moving', 1)").execute(&mut *tx).await?;
        }
        self.commit(tx).await
    }

    async fn is_moving(&self) -> Result<bool, StoreError> {
        let mut tx = self.reading().await?;
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'moving')").fetch_one(&mut *tx).await?)
    }
}

/// `SELECT` of the first columns of a table.
fn select(table: &Table, columns: usize) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::<Db>::new("SELECT ");
    let mut list = query.separated(", ");
    for (name, _) in &table.columns[..columns] {
        list.push(name);
    }
    query.push(" FROM ").push(table.name);
    query
}

/// All rows of a table, for tables that are small.
pub(super) async fn all(db: &mut Connection, table: &Table) -> Result<Vec<Row>, StoreError> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|last| last[..table.key].to_vec());
        let more = page(db, table, after.as_ref()).await?;
        if more.is_empty() {
            return Ok(rows);
        }
        rows.extend(more);
    }
}

/// Adds the condition that a row has this key.
pub(super) fn push_key(query: &mut QueryBuilder<Db>, table: &Table, key: &[Value]) {
    query.push("(");
    let mut names = query.separated(", ");
    for (name, _) in &table.columns[..table.key] {
        names.push(name);
    }
    query.push(") = (");
    let mut values = query.separated(", ");
    for value in key {
        bind(&mut values, value);
    }
    query.push(")");
}

/// The row with this key, if there is one.
pub(super) async fn one(db: &mut Connection, table: &Table, key: &[Value]) -> Result<Option<Row>, StoreError> {
    let mut query = select(table, table.columns.len());
    query.push(" WHERE ");
    push_key(&mut query, table, key);
    let found = query.build().fetch_optional(db).await?;
    found.map(|row| read(&row, table.columns)).transpose()
}

pub(super) async fn page(db: &mut Connection, table: &Table, after: Option<&Row>) -> Result<Vec<Row>, StoreError> {
    let mut query = select(table, table.columns.len());
    let key = &table.columns[..table.key];
    if let Some(after) = after {
        query.push(" WHERE (");
        let mut names = query.separated(", ");
        for (name, _) in key {
            names.push(name);
        }
        query.push(") > (");
        let mut values = query.separated(", ");
        for value in after {
            bind(&mut values, value);
        }
        query.push(")");
    }
    query.push(" ORDER BY ");
    let mut order = query.separated(", ");
    for (name, _) in key {
        order.push(name);
    }
    query.push(" LIMIT ").push_bind(PAGE);
    let found = query.build().persistent(false).fetch_all(db).await?;
    found.iter().map(|row| read(row, table.columns)).collect()
}

fn read(row: &<Db as sqlx::Database>::Row, columns: &[(&'static str, Form)]) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(columns.len());
    for (place, (_, form)) in columns.iter().enumerate() {
        let value = match form {
            Form::Bytes => row.try_get::<Option<Vec<u8>>, _>(place)?.map(Value::Bytes),
            Form::Flag => row.try_get::<Option<bool>, _>(place)?.map(Value::Flag),
            Form::Real => row.try_get::<Option<f64>, _>(place)?.map(Value::Real),
            Form::Text => row.try_get::<Option<String>, _>(place)?.map(Value::Text),
            Form::Time => row.try_get::<Option<At>, _>(place)?.map(|at| Value::Time(at.0)),
            Form::Whole => row.try_get::<Option<i64>, _>(place)?.map(Value::Whole),
        };
        values.push(value.unwrap_or(Value::Null(*form)));
    }
    Ok(values)
}

fn bind(list: &mut Separated<'_, Db, &'static str>, value: &Value) {
    match value {
        Value::Bytes(bytes) => list.push_bind(bytes.clone()),
        Value::Flag(flag) => list.push_bind(*flag),
        Value::Real(real) => list.push_bind(*real),
        Value::Text(text) => list.push_bind(text.clone()),
        Value::Time(at) => list.push_bind(At(*at)),
        Value::Whole(whole) => list.push_bind(*whole),
        Value::Null(Form::Bytes) => list.push_bind(None::<Vec<u8>>),
        Value::Null(Form::Flag) => list.push_bind(None::<bool>),
        Value::Null(Form::Real) => list.push_bind(None::<f64>),
        Value::Null(Form::Text) => list.push_bind(None::<String>),
        Value::Null(Form::Time) => list.push_bind(None::<At>),
        Value::Null(Form::Whole) => list.push_bind(None::<i64>),
    };
}

async fn insert(db: &mut Connection, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
    let mut query = QueryBuilder::<Db>::new("INSERT INTO ");
    query.push(table.name).push(" (");
    let mut names = query.separated(", ");
    for (name, _) in table.columns {
        names.push(name);
    }
    query.push(") VALUES ");
    for (place, row) in rows.iter().enumerate() {
        query.push(if place == 0 { "(" } else { ", (" });
        let mut values = query.separated(", ");
        for ((name, _), value) in table.columns.iter().zip(row) {
            match (table.name, *name) {
                // Its chain is empty until its events come.
                ("environments", "head_seq") => bind(&mut values, &Value::Whole(0)),
                ("environments", "head_hash") => bind(&mut values, &Value::Text(genesis(row))),
                _ => bind(&mut values, value),
            }
        }
        query.push(")");
    }
    query.build().persistent(false).execute(db).await?;
    Ok(())
}

fn genesis(row: &Row) -> String {
    match row.get(1) {
        Some(Value::Text(name)) => Head::genesis(name).hash,
        _ => String::new(),
    }
}

/// Moves the head of each chain onto the last of its events.
async fn move_heads(db: &mut Connection, rows: &[Row]) -> Result<(), StoreError> {
    let mut heads = BTreeMap::new();
    for row in rows {
        let (environment, seq, hash) = link_of(row)?;
        heads.insert(environment, (seq, hash));
    }
    for (environment, (seq, hash)) in heads {
        sqlx::query("UPDATE environments SET head_seq = $1, head_hash = $2 WHERE id = $3")
            .bind(seq)
            .bind(hash)
            .bind(environment)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

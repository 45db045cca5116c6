//! Owns the digest of who may act, and the list of the rows that it covers, so that an altered row can be named. Must not know what
//! a row allows.

use super::super::StoreError;
use super::super::moving::{Row, Sum, TABLES, Value};
use super::{Connection, copying};
use crate::domain::canonical;
use std::collections::BTreeMap;

/// The tables that say who may act, each with the columns that using them changes.
const ACCESS: [(&str, &[&str]); 9] = [
    ("people", &["totp_step"]),
    ("roles", &[]),
    ("invitations", &[]),
    ("tokens", &["used_at"]),
    ("token_sources", &[]),
    ("share_links", &["opened", "opened_at"]),
    ("passkeys", &["used_at"]),
    ("recovery_codes", &[]),
    ("identities", &[]),
];

/// The link of a start is nobody's yet, and ends with the first person.
const OPEN_INVITATION: (&str, usize) = ("invitations", 1);

/// What an authenticator counts in a passkey each time it is used.
const COUNTED: [&str; 3] = ["backup_eligible", "backup_state", "counter"];

/// The rows that say who may act, each with its sum: by the place of its table in [`ACCESS`], and by its key for people to read.
type Rows = BTreeMap<(usize, String), Sum>;

/// The rows as they are.
async fn present(db: &mut Connection) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    for (place, (name, used)) in ACCESS.into_iter().enumerate() {
        let Some(table) = TABLES.iter().find(|table| table.name == name) else { continue };
        let is_kept: Vec<bool> = table.columns.iter().map(|(column, _)| !used.contains(column)).collect();
        for mut row in copying::all(db, table).await? {
            let (open, column) = OPEN_INVITATION;
            if name == open && row[column] == Value::Text(String::new()) {
                continue;
            }
            for (value, (column, _)) in row.iter_mut().zip(table.columns) {
                if (name, *column) == ("passkeys", "credential") {
                    uncount(value);
                }
            }
            let key: Vec<String> = table.columns[..table.key]
                .iter()
                .zip(&row)
                .map(|((column, _), value)| format!("{column} {value}"))
                .collect();
            let kept: Row =
                row.into_iter().zip(&is_kept).filter(|(_, is_kept)| **is_kept).map(|(value, _)| value).collect();
            rows.insert((place, key.join(", ")), Sum::of(&kept));
        }
    }
    Ok(rows)
}

/// The rows as the newest change left them, as far as they are listed.
async fn listed(db: &mut Connection) -> Result<Rows, StoreError> {
    let found: Vec<(String, String, String)> =
        sqlx::query_as("SELECT of_table, row_key, digest FROM access_rows").fetch_all(db).await?;
    let of_row = |(name, key, digest): (String, String, String)| {
        let place = ACCESS.iter().position(|(table, _)| *table == name)?;
        Some(((place, key), Sum::read(&digest)?))
    };
    Ok(found.into_iter().filter_map(of_row).collect())
}

/// A digest of rows, with the number of the change that left them so; `None` of no rows.
fn digest_of(rows: &Rows, change: u64) -> Option<String> {
    let mut sums = [Sum::default(); ACCESS.len()];
    for ((place, _), sum) in rows {
        sums[*place].join(*sum);
    }
    let lines = ACCESS.iter().zip(&sums).map(|((name, _), sum)| format!("{name} {sum}\n"));
    let text = format!("change {change}\n{}", lines.collect::<String>());
    (!rows.is_empty()).then(|| canonical::digest(text.as_bytes()))
}

/// A digest of the tables that say who may act, with the number of the change that left them so.
pub(super) async fn digest(db: &mut Connection, change: u64) -> Result<Option<String>, StoreError> {
    Ok(digest_of(&present(db).await?, change))
}

/// The same after a change; the list of the rows follows it.
pub(super) async fn digest_and_list(db: &mut Connection, change: u64) -> Result<Option<String>, StoreError> {
    let (present, listed) = (present(db).await?, listed(db).await?);
    for (place, key) in listed.keys().filter(|row| !present.contains_key(*row)) {
        sqlx::query("DELETE FROM access_rows WHERE of_table = $1 AND row_key = $2")
            .bind(ACCESS[*place].0)
            .bind(key)
            .execute(&mut *db)
            .await?;
    }
    for ((place, key), sum) in present.iter().filter(|(row, sum)| listed.get(*row) != Some(*sum)) {
        sqlx::query(
            "INSERT INTO access_rows (of_table, row_key, digest) VALUES ($1, $2, $3) \
             ON CONFLICT (of_table, row_key) DO UPDATE SET digest = excluded.digest",
        )
        .bind(ACCESS[*place].0)
        .bind(key)
        .bind(sum.to_string())
        .execute(&mut *db)
        .await?;
    }
    Ok(digest_of(&present, change))
}

/// The first row that is not as the newest change left it, in words. `None` if the list itself is not proved by one of the digests that were
/// left: then it names nothing.
pub(super) async fn difference(
    db: &mut Connection,
    change: u64,
    left: &[&str],
) -> Result<Option<String>, StoreError> {
    let (present, listed) = (present(db).await?, listed(db).await?);
    if !digest_of(&listed, change).is_some_and(|digest| left.contains(&digest.as_str())) {
        return Ok(None);
    }
    let rows = present.keys().chain(listed.keys());
    let first = rows.filter(|row| present.get(*row) != listed.get(*row)).min();
    Ok(first.map(|row| {
        let how = match (present.contains_key(row), listed.contains_key(row)) {
            (true, true) => "was altered",
            (true, false) => "was added",
            _ => "is gone",
        };
        format!("the row {} of {} {how}", row.1, ACCESS[row.0].0)
    }))
}

/// Leaves out of a passkey what its use changes.
fn uncount(value: &mut Value) {
    fn strip(json: &mut serde_json::Value) {
        match json {
            serde_json::Value::Object(fields) => {
                fields.retain(|name, _| !COUNTED.contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let Value::Text(text) = value else { return };
    if let Ok(mut json) = serde_json::from_str::<serde_json::Value>(text) {
        strip(&mut json);
        *text = json.to_string();
    }
}

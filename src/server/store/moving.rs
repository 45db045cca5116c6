//! Owns copying a whole store from one database to another, row by row and in order, so that what was interrupted goes on where it
//! ended; and the proof that both hold the same. What both keep is listed here; what only one keeps it makes again.

use super::StoreError;
use super::rows::corrupt;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

/// Rows that are read, and written, at once.
pub(super) const PAGE: i64 = 2_000;
/// Pages on their way.
const AHEAD: usize = 2;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bytes,
    Flag,
    Real,
    Text,
    Time,
    Whole,
}

/// What stands in a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bytes(Vec<u8>),
    Flag(bool),
    Null(Form),
    Real(f64),
    Text(String),
    /// In milliseconds since 1970.
    Time(i64),
    Whole(i64),
}

pub(super) type Row = Vec<Value>;

/// A table that both databases keep.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Form)],
    /// How many of its columns, from the first, are its key and its order.
    pub key: usize,
}

use Form::{Bytes, Flag, Real, Text, Time, Whole};

/// All tables, each after those that it refers to.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "environments",
        key: 1,
        columns: &[
            ("id", Whole),
            ("name", Text),
            ("kind", Text),
            ("created_at", Time),
            ("version", Whole),
            ("head_seq", Whole),
            ("head_hash", Text),
        ],
    },
    Table {
        name: "configs",
        key: 2,
        columns: &[("environment_id", Whole), ("version", Whole), ("at", Time), ("digest", Text), ("body", Text)],
    },
    Table {
        name: "history",
        key: 2,
        columns: &[
            ("environment_id", Whole),
            ("seq", Whole),
            ("at", Time),
            ("type", Text),
            ("actor", Text),
            ("address", Text),
            ("old_mode", Text),
            ("new_mode", Text),
            ("reason", Text),
            ("snapshot_id", Text),
            ("digest", Text),
            ("prev_hash", Text),
            ("hash", Text),
        ],
    },
    Table {
        name: "snapshots",
        key: 1,
        columns: &[
            ("row_id", Whole),
            ("id", Text),
            ("environment_id", Whole),
            ("as_of", Time),
            ("origin", Text),
            ("is_tick", Flag),
            ("digest", Text),
            ("ruled", Text),
            ("conditions_met", Flag),
            ("standing", Whole),
            ("clear", Whole),
            ("overall_lo", Real),
            ("overall_hi", Real),
            ("body", Bytes),
            ("again", Whole),
        ],
    },
    Table {
        name: "points",
        key: 2,
        columns: &[
            ("environment_id", Whole),
            ("at", Time),
            ("mode", Whole),
            ("answer", Whole),
            ("overall_lo", Real),
            ("overall_hi", Real),
            ("load_lo", Real),
            ("load_hi", Real),
            ("clients_lo", Whole),
            ("clients_hi", Whole),
            ("clients_limit", Whole),
        ],
    },
    Table {
        name: "proposals",
        key: 1,
        columns: &[
            ("id", Text),
            ("environment_id", Whole),
            ("opened_at", Time),
            ("expires_at", Time),
            ("recommendation", Text),
            ("target_mode", Text),
            ("snapshot_id", Text),
            ("status", Text),
        ],
    },
    Table {
        name: "sources",
        key: 1,
        columns: &[
            ("id", Whole),
            ("environment_id", Whole),
            ("name", Text),
            ("token_id", Whole),
            ("retired_at", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "streams",
        key: 1,
        columns: &[
            ("id", Whole),
            ("source_id", Whole),
            ("series", Whole),
            ("step_minutes", Whole),
            ("first_at", Time),
            ("last_at", Time),
            ("fetched_at", Time),
            ("pruned_before", Time),
            ("counters_since", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "spans",
        key: 2,
        columns: &[("stream_id", Whole), ("to_ms", Whole), ("from_ms", Whole), ("seal", Whole)],
    },
    Table {
        name: "samples",
        key: 4,
        columns: &[
            ("stream_id", Whole),
            ("at", Time),
            ("aggregation", Whole),
            ("id", Text),
            ("source_id", Whole),
            ("atoms", Whole),
            ("count", Whole),
            ("exact", Text),
            ("histogram", Text),
            ("is_open", Flag),
            ("fetched_at", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "minutes",
        key: 2,
        columns: &[
            ("stream_id", Whole),
            ("minute", Whole),
            ("first_at", Time),
            ("first", Whole),
            ("last_at", Time),
            ("last", Whole),
            ("samples", Whole),
            ("total", Whole),
            ("fetched_at", Time),
            ("latency", Text),
            ("is_open", Flag),
            ("seal", Whole),
        ],
    },
    Table {
        name: "idempotency",
        key: 2,
        columns: &[
            ("environment_id", Whole),
            ("key", Text),
            ("request_digest", Text),
            ("kind", Text),
            ("result", Text),
            ("at", Time),
        ],
    },
    Table {
        name: "unpriced",
        key: 2,
        columns: &[("stream_id", Whole), ("name", Text), ("last_at", Time), ("seal", Whole)],
    },
    Table {
        name: "doubts",
        key: 2,
        columns: &[("stream_id", Whole), ("code", Text), ("last_at", Time), ("seal", Whole)],
    },
    Table {
        name: "counter_families",
        key: 2,
        columns: &[
            ("stream_id", Whole),
            ("family", Bytes),
            ("heard_at", Time),
            ("oldest_at", Time),
            ("counters", Bytes),
            ("seal", Whole),
        ],
    },
    Table {
        name: "pulls",
        key: 1,
        columns: &[
            ("source_id", Whole),
            ("attempted_at", Time),
            ("succeeded_at", Time),
            ("asked_through", Time),
            ("code", Text),
            ("problem", Text),
            ("cure", Text),
            ("notice", Text),
            ("seal", Whole),
        ],
    },
    Table {
        name: "alerts",
        key: 2,
        columns: &[
            ("source_id", Whole),
            ("fingerprint", Text),
            ("name", Text),
            ("severity", Text),
            ("is_open", Flag),
            ("starts_at", Time),
            ("heard_at", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "subscriptions",
        key: 2,
        columns: &[
            ("source_id", Whole),
            ("id", Text),
            ("customer", Text),
            ("status", Text),
            ("is_client", Flag),
            ("is_at_risk", Flag),
            ("said_at", Time),
            ("listed_at", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "subscription_events",
        key: 2,
        columns: &[("source_id", Whole), ("id", Text), ("heard_at", Time), ("seal", Whole)],
    },
    Table {
        name: "subscription_lists",
        key: 1,
        columns: &[
            ("source_id", Whole),
            ("began_at", Time),
            ("last_id", Text),
            ("whole_at", Time),
            ("stored_at", Time),
            ("seal", Whole),
        ],
    },
    Table {
        name: "billing",
        key: 1,
        columns: &[("source_id", Whole), ("account", Text), ("is_live", Flag), ("seal", Whole)],
    },
    Table {
        name: "added_sources",
        key: 2,
        columns: &[("environment_id", Whole), ("name", Text), ("definition", Text), ("changed_at", Time)],
    },
    Table {
        name: "people",
        key: 1,
        columns: &[
            ("id", Whole),
            ("email", Text),
            ("name", Text),
            ("password", Text),
            ("totp", Bytes),
            ("totp_step", Whole),
            ("created_at", Time),
            ("disabled_at", Time),
        ],
    },
    Table { name: "roles", key: 2, columns: &[("person_id", Whole), ("environment", Text), ("role", Text)] },
    Table {
        name: "invitations",
        key: 1,
        columns: &[
            ("token_hash", Text),
            ("email", Text),
            ("roles", Text),
            ("created_by", Text),
            ("created_at", Time),
            ("expires_at", Time),
            ("used_at", Time),
        ],
    },
    Table {
        name: "tokens",
        key: 1,
        columns: &[
            ("id", Whole),
            ("name", Text),
            ("prefix", Text),
            ("secret_hash", Text),
            ("environment", Text),
            ("scopes", Text),
            ("created_by", Text),
            ("created_at", Time),
            ("expires_at", Time),
            ("used_at", Time),
            ("revoked_at", Time),
        ],
    },
    Table { name: "token_sources", key: 2, columns: &[("token_id", Whole), ("name", Text)] },
    Table {
        name: "share_links",
        key: 1,
        columns: &[
            ("id", Whole),
            ("name", Text),
            ("token_hash", Text),
            ("environment", Text),
            ("views", Text),
            ("from_at", Time),
            ("to_at", Time),
            ("passphrase", Text),
            ("created_by", Text),
            ("created_at", Time),
            ("expires_at", Time),
            ("revoked_at", Time),
            ("opened", Whole),
            ("opened_at", Time),
        ],
    },
    Table {
        name: "passkeys",
        key: 1,
        columns: &[
            ("credential_id", Text),
            ("person_id", Whole),
            ("name", Text),
            ("credential", Text),
            ("created_at", Time),
            ("used_at", Time),
        ],
    },
    Table { name: "recovery_codes", key: 2, columns: &[("person_id", Whole), ("code_hash", Text), ("used_at", Time)] },
    Table {
        name: "identities",
        key: 2,
        columns: &[("issuer", Text), ("subject", Text), ("person_id", Whole), ("label", Text), ("connected_at", Time)],
    },
    Table {
        name: "ceremonies",
        key: 1,
        columns: &[("id_hash", Text), ("kind", Text), ("sealed", Bytes), ("expires_at", Time)],
    },
    Table { name: "devices", key: 1, columns: &[("token_hash", Text), ("person_id", Whole), ("seen_at", Time)] },
    Table {
        name: "sessions",
        key: 1,
        columns: &[
            ("token_hash", Text),
            ("person_id", Whole),
            ("link_id", Whole),
            ("created_at", Time),
            ("seen_at", Time),
            ("is_whole", Flag),
            ("address", Text),
            ("agent", Text),
            ("seal", Text),
        ],
    },
    Table { name: "access_rows", key: 2, columns: &[("of_table", Text), ("row_key", Text), ("digest", Text)] },
];

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bytes(bytes) => formatter.write_str(&hex::encode(bytes)),
            Value::Flag(flag) => write!(formatter, "{flag}"),
            Value::Null(_) => formatter.write_str("nothing"),
            Value::Real(real) => write!(formatter, "{real}"),
            Value::Text(text) => write!(formatter, "{text:?}"),
            Value::Time(at) | Value::Whole(at) => write!(formatter, "{at}"),
        }
    }
}

/// How many rows a table has, and a sum over all of them that does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    rows: u64,
    sum: u128,
}

impl std::fmt::Display for Sum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {:032x}", self.rows, self.sum)
    }
}

impl Sum {
    pub fn of(row: &Row) -> Sum {
        let mut sum = Sum::default();
        sum.add(row);
        sum
    }

    /// A sum as it is written.
    pub fn read(text: &str) -> Option<Sum> {
        let (rows, sum) = text.split_once(' ')?;
        Some(Sum { rows: rows.parse().ok()?, sum: u128::from_str_radix(sum, 16).ok()? })
    }

    /// Adds the rows of another sum.
    pub fn join(&mut self, other: Sum) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    pub fn add(&mut self, row: &Row) {
        let mut hash = Sha256::new();
        for value in row {
            let (tag, bytes): (u8, &[u8]) = match value {
                Value::Null(_) => (0, &[]),
                Value::Bytes(bytes) => (1, bytes),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Flag(flag) => (3, &[u8::from(*flag)]),
                Value::Real(real) => (4, &real.to_be_bytes()),
                Value::Time(at) => (5, &at.to_be_bytes()),
                Value::Whole(whole) => (6, &whole.to_be_bytes()),
            };
            hash.update([tag]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        let digest = hash.finalize();
        let half = digest.first_chunk::<16>().map_or(0, |half| u128::from_be_bytes(*half));
        self.rows += 1;
        self.sum = self.sum.wrapping_add(half);
    }
}

/// A page of a table, by the table's place in [`TABLES`].
pub(super) type Page = (usize, Vec<Row>);

/// A store whose rows can be copied.
#[async_trait]
pub(super) trait Rows: Send + Sync {
    /// Sends the rows of all tables as they are at one moment, each table from after a key on.
    async fn send(&self, after: Vec<Option<Row>>, pages: mpsc::Sender<Page>) -> Result<(), StoreError>;

    /// Writes a page in one transaction.
    async fn put(&self, page: &Page) -> Result<(), StoreError>;

    /// The key of the last row of each table.
    async fn last(&self) -> Result<Vec<Option<Row>>, StoreError>;

    /// How many rows there are.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Marks the store as one that a copy goes on into, or as a whole one.
    async fn mark(&self, is_moving: bool) -> Result<(), StoreError>;

    /// Whether a copy into it was begun and not ended.
    async fn is_moving(&self) -> Result<bool, StoreError>;
}

/// Copies all that one store holds and another does not hold yet; `told` hears how many rows have been written. Nobody else may
/// write to either meanwhile, which [`compare`] finds.
///
/// # Errors
/// [`StoreError::NotAStore`] where the other store holds something that no copy was begun into.
pub(super) async fn copy(from: &dyn Rows, to: &dyn Rows, told: &(dyn Fn(u64) + Sync)) -> Result<Vec<Sum>, StoreError> {
    let after = to.last().await?;
    if after.iter().any(Option::is_some) && !to.is_moving().await? {
        return Err(StoreError::NotAStore("it holds a store already, and no copy into it was begun".to_owned()));
    }
    to.mark(true).await?;
    let (pages, received) = mpsc::channel::<Page>(AHEAD);
    let mut sums = vec![Sum::default(); TABLES.len()];
    let writing = async {
        // Where writing fails nobody receives any more, and sending ends by itself.
        let mut received = received;
        while let Some(page) = received.recv().await {
            to.put(&page).await?;
            let (place, rows) = &page;
            for row in rows {
                sums[*place].add(row);
            }
            told(rows.len() as u64);
        }
        Ok::<(), StoreError>(())
    };
    let (sent, written) = tokio::join!(from.send(after, pages), writing);
    written?;
    sent?;
    Ok(sums)
}

/// A sum over each table.
pub(super) async fn sums(of: &dyn Rows) -> Result<Vec<Sum>, StoreError> {
    let (pages, mut received) = mpsc::channel::<Page>(AHEAD);
    let mut sums = vec![Sum::default(); TABLES.len()];
    let adding = async {
        while let Some((place, rows)) = received.recv().await {
            for row in &rows {
                sums[place].add(row);
            }
        }
    };
    let (sent, ()) = tokio::join!(of.send(vec![None; TABLES.len()], pages), adding);
    sent?;
    Ok(sums)
}

/// Holds two stores' tables against each other.
///
/// # Errors
/// [`StoreError::NotAStore`] names the first table in which they differ.
pub(super) fn compare(one: &[Sum], other: &[Sum]) -> Result<(), StoreError> {
    for ((table, one), other) in TABLES.iter().zip(one).zip(other) {
        if one != other {
            return Err(StoreError::NotAStore(format!(
                "its table {} is not the same ({} rows there, {} here): something has written to one of the two while it was copied",
                table.name, one.rows, other.rows
            )));
        }
    }
    Ok(())
}

/// The environment of a row of history, its place in the chain and its hash.
pub(super) fn link_of(row: &Row) -> Result<(i64, i64, String), StoreError> {
    match (&row[0], &row[1], row.last()) {
        (Value::Whole(environment), Value::Whole(seq), Some(Value::Text(hash))) => {
            Ok((*environment, *seq, hash.clone()))
        }
        _ => Err(corrupt("a row of history")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_does_not_depend_on_the_order_and_notices_every_change() {
        let rows = [
            vec![Value::Whole(1), Value::Text("a".into())],
            vec![Value::Whole(2), Value::Null(Text)],
            vec![Value::Time(2), Value::Text(String::new())],
        ];
        let sum = |rows: &[Row]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        let mut turned = rows.clone();
        turned.reverse();
        assert_eq!(sum(&rows), sum(&turned));
        for (place, value) in [(0, Value::Text("b".into())), (1, Value::Text(String::new())), (2, Value::Null(Text))] {
            let mut other = rows.clone();
            other[place][1] = value;
            assert_ne!(sum(&rows), sum(&other), "{place}");
        }
        assert_ne!(sum(&rows), sum(&rows[..2]));
    }
}

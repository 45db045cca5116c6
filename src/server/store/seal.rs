//! Seals rows: a digest over the columns of a row, kept in the row itself. An altered row no longer matches its seal. Anyone who knows
//! this code can seal an altered row again: seals find damage and edits, while chains and signed heads find forgers.

use super::moving::{Row, TABLES, Table, Value};
use sha2::{Digest, Sha256};

/// The tables whose rows are sealed, in their last column.
pub(super) const SEALED: [&str; 14] = [
    "sources",
    "streams",
    "spans",
    "samples",
    "minutes",
    "counter_families",
    "unpriced",
    "doubts",
    "pulls",
    "alerts",
    "subscriptions",
    "subscription_events",
    "subscription_lists",
    "billing",
];

/// The definition of a sealed table.
pub(super) fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// A seal that is being made, column by column in the order of the table.
pub(super) struct Seal(Sha256);

impl Seal {
    pub fn of(table: &str) -> Seal {
        let mut hash = Sha256::new();
        hash.update(table.as_bytes());
        Seal(hash)
    }

    fn part(mut self, tag: u8, bytes: &[u8]) -> Seal {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub fn null(self) -> Seal {
        self.part(0, &[])
    }

    pub fn bytes(self, bytes: &[u8]) -> Seal {
        self.part(1, bytes)
    }

    pub fn text(self, text: &str) -> Seal {
        self.part(2, text.as_bytes())
    }

    pub fn flag(self, flag: bool) -> Seal {
        self.part(3, &[u8::from(flag)])
    }

    /// In milliseconds since 1970.
    pub fn time(self, at: i64) -> Seal {
        self.part(5, &at.to_be_bytes())
    }

    pub fn whole(self, whole: i64) -> Seal {
        self.part(6, &whole.to_be_bytes())
    }

    pub fn maybe_whole(self, whole: Option<i64>) -> Seal {
        match whole {
            Some(whole) => self.whole(whole),
            None => self.null(),
        }
    }

    pub fn maybe_text(self, text: Option<&str>) -> Seal {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    fn value(self, value: &Value) -> Seal {
        match value {
            Value::Null(_) => self.null(),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Text(text) => self.text(text),
            Value::Flag(flag) => self.flag(*flag),
            Value::Real(real) => self.part(4, &real.to_be_bytes()),
            Value::Time(at) => self.time(*at),
            Value::Whole(whole) => self.whole(*whole),
        }
    }

    /// The seal as its column holds it.
    pub fn end(self) -> i64 {
        self.0.finalize().first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first))
    }
}

/// The seal of a whole row, without its last column.
pub(super) fn of_row(table: &Table, row: &Row) -> i64 {
    let columns = &row[..row.len().saturating_sub(1)];
    columns.iter().fold(Seal::of(table.name), Seal::value).end()
}

/// Whether a row matches the seal in its last column.
pub(super) fn matches(table: &Table, row: &Row) -> bool {
    row.last() == Some(&Value::Whole(of_row(table, row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::moving::Form;

    #[test]
    fn every_sealed_table_ends_with_its_seal() {
        for name in SEALED {
            let table = table(name).unwrap();
            assert_eq!(table.columns.last(), Some(&("seal", Form::Whole)), "{name}");
        }
    }

    #[test]
    fn a_seal_notices_every_column_and_its_table() {
        let (one, other) = (table("unpriced").unwrap(), table("subscription_events").unwrap());
        let mut row = vec![Value::Whole(1), Value::Text("a".into()), Value::Time(2), Value::Whole(0)];
        let seal = of_row(one, &row);
        assert_ne!(seal, of_row(other, &row));
        assert!(!matches(one, &row));
        row[3] = Value::Whole(seal);
        assert!(matches(one, &row));
        for (place, value) in [(0, Value::Whole(2)), (1, Value::Text("b".into())), (2, Value::Null(Form::Time))] {
            let mut altered = row.clone();
            altered[place] = value;
            assert!(!matches(one, &altered), "{place}");
        }
    }
}

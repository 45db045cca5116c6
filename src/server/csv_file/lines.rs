//! Owns how much a row and a file may hold, before any of it is kept. Must not know what cells mean.

use super::{MOST_CELL, MOST_COLUMNS, MOST_ROW, MOST_ROWS};
use std::cell::Cell;
use std::io::{Error, ErrorKind, Read};
use std::rc::Rc;

const CELL: &str = "a cell holds more than 64 KiB. Leave its column out of the export";
const COLUMNS: &str = "a row has more than 4,096 columns. Export fewer";
const ROW: &str = "a row holds more than 4 MiB: look for a quote that is never closed, or export fewer columns";
const ROWS: &str = "it has more than 10,000,000 rows. Split it";

pub(super) fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why.to_owned())
}

/// Which limit a row is beyond, the file's `rows`th.
pub(super) fn beyond(record: &csv::ByteRecord, rows: u64) -> Option<&'static str> {
    if record.len() > MOST_COLUMNS {
        Some(COLUMNS)
    } else if record.iter().any(|cell| cell.len() > MOST_CELL) {
        Some(CELL)
    } else {
        (rows > MOST_ROWS).then_some(ROWS)
    }
}

/// A stream that fails if more is read for one row than a row can have, so that no reader collects it. The reader of the rows sets
/// `for_row` to zero after each.
pub(super) struct Bounded<R> {
    pub for_row: Rc<Cell<usize>>,
    pub stream: R,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.for_row.get() > MOST_ROW {
            return Err(refused(ROW));
        }
        let read = self.stream.read(into)?;
        self.for_row.set(self.for_row.get() + read);
        Ok(read)
    }
}

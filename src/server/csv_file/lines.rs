//! Owns how much a line, a row and a file may hold, before any of it is kept. Must not know what cells mean.

use super::{MOST_CELL, MOST_COLUMNS, MOST_ROWS};
use std::io::{Error, ErrorKind, Read};

const CELL: &str = "a cell holds more than 64 KiB. Leave its column out of the export";
const COLUMNS: &str = "a row has more than 4,096 columns. Export fewer";
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

/// A stream that ends in an error where a line grows beyond what a row may be, so that no reader gathers it. Quotes are not looked
/// at: a quoted cell may hold as many delimiters as bytes.
pub(super) struct Bounded<R> {
    /// Since the last delimiter or end of a line.
    pub bytes: usize,
    pub delimiter: u8,
    /// Since the last end of a line.
    pub delimiters: usize,
    pub stream: R,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.stream.read(into)?;
        for byte in &into[..read] {
            if *byte == b'\n' || *byte == b'\r' {
                (self.bytes, self.delimiters) = (0, 0);
            } else if *byte == self.delimiter {
                (self.bytes, self.delimiters) = (0, self.delimiters + 1);
            } else {
                self.bytes += 1;
            }
            // Blanks and quotes around a cell, and quotes within one, which are written twice.
            if self.bytes > 3 * MOST_CELL {
                return Err(refused(CELL));
            }
            if self.delimiters > MOST_COLUMNS + MOST_CELL {
                return Err(refused(COLUMNS));
            }
        }
        Ok(read)
    }
}

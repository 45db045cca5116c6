//! Owns CSV files as people have them: compressed or not, in the encodings and with the separators that spreadsheets and
//! monitoring write. Must not know what a file's numbers mean.

mod encoding;
mod layout;
mod lines;
pub mod numbers;
pub mod sheet;
pub mod times;

use csv::StringRecord;
use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

/// The most columns of a row, bytes of a cell, bytes of a row and rows of a file.
pub const MOST_COLUMNS: usize = 4096;
pub const MOST_CELL: usize = 64 * 1024;
pub const MOST_ROW: usize = 4 * 1024 * 1024;
pub const MOST_ROWS: u64 = 10_000_000;

/// Why a file can't be opened as CSV.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("it can't be read")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("{0}")]
    NotCsv(&'static str),
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Form {
    /// What stands between columns.
    pub delimiter: char,
    pub encoding: &'static str,
    pub gzip: bool,
}

/// A file, opened.
pub struct CsvFile {
    pub form: Form,
    /// Bytes read since the last row.
    for_row: Rc<Cell<usize>>,
    /// Lines before the first row that aren't rows, such as `sep=;`.
    lines_before: u64,
    reader: csv::Reader<Box<dyn Read>>,
    rows: u64,
}

/// A row of a file, with the line that it begins on.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub cells: StringRecord,
    pub line: u64,
}

impl Row {
    /// A cell, trimmed; a row that is too short has blanks there.
    pub fn cell(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or("").trim()
    }
}

impl CsvFile {
    /// Opens a file.
    ///
    /// # Errors
    /// [`FileError::Io`] if it can't be read, [`FileError::NotCsv`] if it is a spreadsheet or an archive.
    pub fn open(path: &Path) -> Result<CsvFile, FileError> {
        let text = encoding::open(path)?;
        let layout = layout::of(&text.head, text.is_all);
        let head = text.head[layout.skip..].to_vec();
        let for_row = Rc::default();
        let stream = std::io::Cursor::new(head).chain(text.rest);
        let stream: Box<dyn Read> = Box::new(lines::Bounded { for_row: Rc::clone(&for_row), stream });
        let reader = csv::ReaderBuilder::new()
            .delimiter(layout.delimiter)
            .terminator(layout.terminator)
            .flexible(true)
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(stream);
        let form = Form { delimiter: char::from(layout.delimiter), encoding: text.encoding, gzip: text.is_gzip };
        Ok(CsvFile { form, for_row, lines_before: u64::from(layout.skip > 0), reader, rows: 0 })
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// What the file's system or its compression says.
    pub fn next_row(&mut self) -> Result<Option<Row>, csv::Error> {
        let mut record = csv::ByteRecord::new();
        loop {
            if !self.reader.read_byte_record(&mut record)? {
                return Ok(None);
            }
            self.for_row.set(0);
            // An empty line is no row.
            if record.len() > 1 || !record.as_slice().is_empty() {
                break;
            }
        }
        self.rows += 1;
        if let Some(why) = lines::beyond(&record, self.rows) {
            return Err(csv::Error::from(lines::refused(why)));
        }
        let line = record.position().map_or(0, csv::Position::line) + self.lines_before;
        let cells = StringRecord::from_byte_record(record).unwrap_or_else(|error| {
            // Spreadsheets without Unicode write the letters of western Europe in one byte each.
            error.into_byte_record().iter().map(encoding::western).collect()
        });
        Ok(Some(Row { cells, line }))
    }

    /// The first row, as names of columns: trimmed.
    ///
    /// # Errors
    /// As for [`CsvFile::next_row`].
    pub fn header(&mut self) -> Result<Vec<String>, csv::Error> {
        let row = self.next_row()?;
        Ok(row.map_or_else(Vec::new, |row| row.cells.iter().map(|name| name.trim().to_owned()).collect()))
    }
}

/// A cell as messages quote it: its first 100 characters.
pub fn quoted(cell: &str) -> String {
    cell.chars().take(100).collect()
}

/// The place of a column by its name, in whatever case.
pub fn place_of(names: &[String], name: &str) -> Option<usize> {
    names.iter().position(|own| own.eq_ignore_ascii_case(name.trim()))
}

#[cfg(test)]
mod tests;

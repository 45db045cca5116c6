//! Owns the character between columns: the one that the file names (`sep=;`), or the one under which its rows have the
//! same number of columns and one of them holds times.

use crate::domain::written_time::WrittenTime;

/// How rows are parted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub delimiter: u8,
    /// Bytes before the first row.
    pub skip: usize,
    pub terminator: csv::Terminator,
}

/// Rows that are looked at.
const ROWS: usize = 200;

/// Tried in this order: a comma may be part of a number.
const DELIMITERS: [u8; 4] = *b"\t;|,";

pub(super) fn of(head: &[u8], is_all: bool) -> Layout {
    // With CR LF for one line end, lines are counted one short. The CR is a blank at the end of a row.
    let terminator = if head.contains(&b'\n') { csv::Terminator::Any(b'\n') } else { csv::Terminator::CRLF };
    let first_line = head.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let named = first_line.trim_ascii().strip_prefix(b"sep=").or_else(|| first_line.trim_ascii().strip_prefix(b"SEP="));
    match named {
        Some(&[delimiter]) if delimiter.is_ascii() => return Layout { delimiter, skip: first_line.len(), terminator },
        // `sep=` and a tab, which trimming took.
        Some([]) if first_line.contains(&b'\t') => {
            return Layout { delimiter: b'\t', skip: first_line.len(), terminator };
        }
        _ => {}
    }
    // A row that is cut off says nothing.
    let end = if is_all { head.len() } else { head.iter().rposition(|byte| *byte == b'\n').unwrap_or(head.len()) };
    let mut best = (Score::default(), b',');
    for delimiter in DELIMITERS {
        let score = score(&head[..end], delimiter);
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    Layout { delimiter: best.1, skip: 0, terminator }
}

/// How well a delimiter fits; the greater the better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    has_times: bool,
    /// Of 100 rows, those with the usual number of columns.
    alike: usize,
    columns: usize,
}

fn score(head: &[u8], delimiter: u8) -> Score {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(head);
    let rows: Vec<csv::ByteRecord> = reader.byte_records().map_while(Result::ok).take(ROWS).collect();
    let count = |columns: usize| rows.iter().filter(|row| row.len() == columns).count();
    let Some(columns) = rows.iter().map(csv::ByteRecord::len).max_by_key(|columns| (count(*columns), *columns)) else {
        return Score::default();
    };
    if columns < 2 {
        return Score::default();
    }
    let is_time = |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|text| WrittenTime::read(text).is_ok());
    let has_times = (0..columns).any(|place| {
        let times = rows.iter().filter(|row| row.get(place).is_some_and(is_time)).count();
        times * 2 > rows.len() || (times > 0 && times + 1 >= rows.len())
    });
    Score { has_times, alike: count(columns) * 100 / rows.len(), columns }
}

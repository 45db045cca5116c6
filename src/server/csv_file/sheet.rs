//! Owns which row of a file is the header and which columns hold the times: by name, or by what is in them. A first row
//! that is data is data.

use super::{Row, place_of};
use crate::domain::written_time::WrittenTime;

/// Names that columns of times usually have, the likeliest first.
const TIME_NAMES: [&str; 16] = [
    "timestamp",
    "@timestamp",
    "time",
    "datetime",
    "date/time",
    "date time",
    "date_time",
    "date",
    "day",
    "zeitstempel",
    "zeitpunkt",
    "zeit",
    "datum",
    "ts",
    "fecha",
    "horodatage",
];
/// Names of columns that hold a day, and of those beside them that hold its time.
const DAY_NAMES: [&str; 4] = ["date", "day", "datum", "fecha"];
const CLOCK_NAMES: [&str; 5] = ["time", "uhrzeit", "zeit", "hour", "hora"];
/// Rows among which a header is looked for, and rows by which a column is judged.
const HEADER_WITHIN: usize = 20;
const JUDGED: usize = 500;

/// A file's rows with what their columns are.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    pub has_header: bool,
    /// Names of the columns; without a header `column 1` and so on.
    pub names: Vec<String>,
    pub rows: Vec<Row>,
    /// Rows above the header.
    pub rows_above: u64,
    /// The columns that make up the time: one, or a day and its time.
    pub time: Vec<usize>,
}

impl Sheet {
    /// Finds header and times; `asked` names the column of times, or counts it from 1.
    ///
    /// # Errors
    /// Why there are no times, with the columns that there are.
    pub fn of(rows: Vec<Row>, asked: Option<&str>) -> Result<Sheet, String> {
        let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        if width == 0 {
            return Err("has no rows".to_owned());
        }
        let header = named_header(&rows, asked);
        let names = names(header.map(|place| &rows[place]), width);
        let below = &rows[header.map_or(0, |place| place + 1)..];
        let time = match asked {
            Some(asked) => {
                let number = || {
                    asked.parse::<usize>().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1)
                };
                let known = self::names(Some(header.map_or(&rows[0], |place| &rows[place])), width).join(", ");
                let place = place_of(&names, asked).or_else(number);
                vec![place.ok_or_else(|| format!("has no column \"{asked}\"; it has {known}"))?]
            }
            None => usual_times(&names, below, header.is_some())
                .or_else(|| column_of_times(below, width).map(|place| vec![place]))
                .ok_or_else(|| no_times(&names, below, header.is_some()))?,
        };
        let reads = |row: &Row| WrittenTime::read(&join(row, &time)).is_ok();
        let header = header.or_else(|| {
            let first = rows.iter().position(reads)?;
            header_above(&rows, first, width)
        });
        let names = self::names(header.map(|place| &rows[place]), width);
        let first = header.map_or(0, |place| place + 1);
        Ok(Sheet {
            has_header: header.is_some(),
            names,
            rows_above: header.unwrap_or(0) as u64,
            rows: rows.into_iter().skip(first).collect(),
            time,
        })
    }

    /// The text of a row's time.
    pub fn time_of(&self, row: &Row) -> String {
        join(row, &self.time)
    }

    /// The place of a column, by its name or its number from 1.
    ///
    /// # Errors
    /// That there is none, with those that there are; or that several have the name.
    pub fn column(&self, asked: &str) -> Result<usize, String> {
        let numbers = self.names.iter().zip(1..).filter(|(name, _)| name.eq_ignore_ascii_case(asked.trim()));
        let numbers: Vec<String> = numbers.map(|(_, number): (_, usize)| number.to_string()).collect();
        if numbers.len() > 1 {
            return Err(format!("has several columns \"{asked}\". Name one by its number: {}", numbers.join(", ")));
        }
        let numbered = || {
            let number: usize = asked.parse().ok()?;
            (1..=self.names.len()).contains(&number).then(|| number - 1)
        };
        let known = || self.names.join(", ");
        place_of(&self.names, asked)
            .or_else(numbered)
            .ok_or_else(|| format!("has no column \"{asked}\"; it has {}", known()))
    }

    /// The columns beside the times of which a cell looks like a number. A column without a name counts rows.
    pub fn columns_of_numbers(&self) -> Vec<usize> {
        let is_named = |place: &usize| !self.has_header || self.names[*place] != counted(*place);
        let is_number =
            |place: &usize| self.rows.iter().take(JUDGED).any(|row| super::numbers::is_number(row.cell(*place)));
        self.others().filter(is_named).filter(is_number).collect()
    }

    /// The columns beside the times.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|place| !self.time.contains(place))
    }

    /// Whether a row has cells beyond the last column.
    pub fn is_too_wide(&self, row: &Row) -> bool {
        let columns =
            if self.has_header { self.names.len() } else { self.rows.first().map_or(0, |first| first.cells.len()) };
        row.cells.iter().skip(columns).any(|cell| !cell.is_empty())
    }
}

fn join(row: &Row, places: &[usize]) -> String {
    places.iter().map(|place| row.cell(*place)).collect::<Vec<_>>().join(" ")
}

/// The name of a column that has none.
fn counted(place: usize) -> String {
    format!("column {}", place + 1)
}

/// The header's names; a column without one is counted.
fn names(header: Option<&Row>, width: usize) -> Vec<String> {
    let width = header.map_or(width, |header| header.cells.len());
    let name = |place: usize| match header.map_or("", |header| header.cell(place)) {
        "" => counted(place),
        name => name.to_owned(),
    };
    (0..width).map(name).collect()
}

/// The first row that holds the name that is asked for, or a name that columns of times usually have.
fn named_header(rows: &[Row], asked: Option<&str>) -> Option<usize> {
    let is_header = |row: &Row| {
        row.cells.iter().any(|cell| match asked {
            Some(asked) => cell.eq_ignore_ascii_case(asked.trim()),
            None => TIME_NAMES.iter().any(|name| cell.eq_ignore_ascii_case(name)),
        })
    };
    rows.iter().take(HEADER_WITHIN).position(|row| row.cells.len() > 1 && is_header(row))
}

/// The header above the first row with a time, if there is one.
fn header_above(rows: &[Row], first: usize, width: usize) -> Option<usize> {
    let last = first.checked_sub(1)?;
    // CloudWatch puts two rows of names above: "Full label" and "Label".
    let is_label = |row: &Row| row.cell(0).eq_ignore_ascii_case("full label");
    if rows[0].cells.len() == width && !is_label(&rows[0]) { Some(0) } else { Some(last) }
}

/// Columns of times by their names, if what is in them are times.
fn usual_times(names: &[String], rows: &[Row], has_header: bool) -> Option<Vec<usize>> {
    if !has_header {
        return None;
    }
    let reads = |places: &[usize]| rows.iter().take(JUDGED).any(|row| WrittenTime::read(&join(row, places)).is_ok());
    let named = |usual: &[&str]| usual.iter().find_map(|name| place_of(names, name));
    if let (Some(day), Some(clock)) = (named(&DAY_NAMES), named(&CLOCK_NAMES))
        && reads(&[day])
        && !reads(&[clock])
        && reads(&[day, clock])
    {
        return Some(vec![day, clock]);
    }
    TIME_NAMES.iter().filter_map(|name| place_of(names, name)).find(|place| reads(&[*place])).map(|place| vec![place])
}

/// The first column most of which are times.
fn column_of_times(rows: &[Row], width: usize) -> Option<usize> {
    let judged = &rows[..rows.len().min(JUDGED)];
    (0..width).find(|place| {
        let times = judged.iter().filter(|row| WrittenTime::read(row.cell(*place)).is_ok()).count();
        times * 2 > judged.len() || (times > 0 && times + 3 >= judged.len())
    })
}

fn no_times(names: &[String], rows: &[Row], has_header: bool) -> String {
    let known = names.join(", ");
    let first = if has_header { rows.first() } else { rows.get(1).or(rows.first()) };
    let usual = if has_header { TIME_NAMES.iter().find_map(|name| place_of(names, name)) } else { None };
    let cell = first.map_or("", |row| row.cell(usual.unwrap_or(0)));
    let line = first.map_or(0, |row| row.line);
    let why = WrittenTime::read(cell).err().map_or_else(String::new, |error| format!(" {error}"));
    format!(
        "has no column of times (columns: {known}). Line {line}: \"{cell}\"{why}. Or name the column with --time-column"
    )
}

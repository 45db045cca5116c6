//! Owns what holds of opening files: whatever program wrote them, the rows are the same.

use super::sheet::Sheet;
use super::*;
use crate::domain::signal::Unit;
use numbers::{Cell, DecimalMark};
use std::io::Write;

fn open(bytes: &[u8]) -> Result<(Form, Vec<Row>), FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.csv");
    std::fs::write(&path, bytes).unwrap();
    let mut file = CsvFile::open(&path)?;
    let form = file.form.clone();
    let rows = std::iter::from_fn(|| file.next_row().unwrap()).collect();
    Ok((form, rows))
}

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let (_, rows) = open(bytes).unwrap();
    rows.iter().map(|row| row.cells.iter().map(str::to_owned).collect()).collect()
}

const ROWS: &str = "Time,CPU\r\n2026-10-01 00:00:00,20.5\r\n2026-10-01 01:00:00,21.5\r\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_same_rows_come_of_every_encoding_and_separator() {
    let expected = cells(ROWS.as_bytes());
    assert_eq!(expected[2], ["2026-10-01 01:00:00", "21.5"]);
    let utf_16 = |big: bool, mark: bool| {
        let units = mark.then_some(0xfeff).into_iter().chain(ROWS.encode_utf16());
        units.flat_map(|unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
    };
    let separated = |by: &str| ROWS.replace(',', by).into_bytes();
    for (name, bytes) in [
        ("mark", format!("\u{feff}{ROWS}").into_bytes()),
        ("sep", format!("\u{feff}sep=,\r\n{ROWS}").into_bytes()),
        ("sep and semicolon", [b"sep=;\r\n".to_vec(), separated(";")].concat()),
        ("sep and tab", [b"sep=\t\r\n".to_vec(), separated("\t")].concat()),
        ("UTF-16 LE", utf_16(false, true)),
        ("UTF-16 BE", utf_16(true, true)),
        ("UTF-16 LE, no mark", utf_16(false, false)),
        ("UTF-16 BE, no mark", utf_16(true, false)),
        ("semicolon", separated(";")),
        ("tab", separated("\t")),
        ("bar", separated("|")),
        (
            "quotes",
            separated("\",\"")
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .flat_map(|line| {
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    [&b"\""[..], line, b"\"\n"].concat()
                })
                .collect(),
        ),
        ("gzip", gzip(ROWS.as_bytes())),
        ("gzip in two parts", [gzip(&ROWS.as_bytes()[..20]), gzip(&ROWS.as_bytes()[20..])].concat()),
        ("gzip of UTF-16", gzip(&utf_16(false, true))),
    ] {
        assert_eq!(cells(&bytes), expected, "{name}");
    }
    let (form, rows) = open(format!("sep=;\n{}", ROWS.replace(',', ";")).as_bytes()).unwrap();
    assert_eq!((form.delimiter, rows[0].line, rows[2].line), (';', 2, 4));
}

#[test]
fn a_comma_within_numbers_parts_no_columns() {
    let header = cells(b"Zeit;CPU\n2026-10-01 00:00:00;20,5\n2026-10-01 01:00:00;21,5\n");
    let none = cells(b"2026-10-01 00:00:00;20,5\n2026-10-01 01:00:00;21,5\n");
    assert_eq!((header[1].as_slice(), none.as_slice()), (none[0].as_slice(), &header[1..]));
    assert_eq!(none[0], ["2026-10-01 00:00:00", "20,5"]);
}

#[test]
fn letters_of_western_europe_are_read_and_other_kinds_of_files_named() {
    let (form, rows) = open(b"Zeit;Ger\xe4t\n2026-10-01;5\n").unwrap();
    assert_eq!((form.encoding, rows[0].cell(1)), ("windows-1252", "Gerät"));
    for (bytes, word) in [
        (&b"PK\x03\x04rest"[..], "Excel"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"PAR1rest", "Parquet"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        (b"{\"a\": 1}", "JSON"),
    ] {
        let said = open(bytes).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    }
}

fn sheet(text: &str, asked: Option<&str>) -> Result<Sheet, String> {
    Sheet::of(open(text.as_bytes()).unwrap().1, asked)
}

#[test]
fn headers_and_times_are_found_by_name_or_by_what_they_hold() {
    for (name, text, has_header, names, time, rows) in [
        ("named", "host,time,cpu\na,2026-10-01 00:00,5\n", true, "host, time, cpu", vec![1], 1),
        ("none", "2026-10-01 00:00,5\n2026-10-01 01:00,6\n", false, "column 1, column 2", vec![0], 2),
        ("unusual", "Wann,Last\n2026-10-01 00:00,5\n", true, "Wann, Last", vec![0], 1),
        ("day and time", "Date;Time;CPU\n01.10.2026;03:00;5\n", true, "Date, Time, CPU", vec![0, 1], 1),
        (
            "CloudWatch",
            "Full label,CPUUtilization i-0abc\nLabel,CPU\n2026/10/01 00:00:00,5\n",
            true,
            "Label, CPU",
            vec![0],
            1,
        ),
        ("title above", "CPU of web-1\nTime,CPU\n2026-10-01 00:00,5\n", true, "Time, CPU", vec![0], 1),
        (
            "bad first row",
            "Wann,Last\nsoon,4\n2026-10-01 00:00,5\n2026-10-01 01:00,5\n2026-10-01 02:00,5\n",
            true,
            "Wann, Last",
            vec![0],
            4,
        ),
        ("epoch", "1790000000,5\n1790003600,6\n", false, "column 1, column 2", vec![0], 2),
    ] {
        let sheet = sheet(text, None).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(
            (sheet.has_header, sheet.names.join(", ").as_str(), &sheet.time),
            (has_header, names, &time),
            "{name}"
        );
        assert_eq!(sheet.rows.len(), rows, "{name}");
    }
    let by_name = sheet("start,end,cpu\n2026-10-01 00:00,2026-10-01 01:00,5\n", Some("END")).unwrap();
    assert_eq!((by_name.time, by_name.rows.len()), (vec![1], 1));
    let by_number = sheet("2026-10-01 00:00,2026-10-01 01:00,5\n", Some("2")).unwrap();
    assert_eq!((by_number.time, by_number.rows.len()), (vec![1], 1));
    assert!(
        sheet("time,cpu\n2026-10-01,5\n", Some("when")).unwrap_err().contains("no column \"when\"; it has time, cpu")
    );
    assert!(
        sheet("time,cpu\nsoon,5\n", None).unwrap_err().contains("\"soon\" isn't a time. Write it in a form such as")
    );
}

#[test]
fn numbers_are_read_in_their_unit_or_refused_with_what_to_do() {
    let read = |text: &str, mark, unit| match numbers::read(text, mark, unit) {
        Ok(Cell::Number(number)) => number,
        Ok(Cell::Blank) => "blank".to_owned(),
        Err(why) => why,
    };
    for (text, mark, unit, expected) in [
        ("45.3%", None, Unit::Percent, "45.3"),
        ("45,3 %", Some(DecimalMark::Comma), Unit::Percent, "45.3"),
        ("1.2 s", None, Unit::Milliseconds, "1.2e3"),
        ("350 ms", None, Unit::Milliseconds, "350"),
        ("350 µs", None, Unit::Milliseconds, "350e-3"),
        ("$1.25", None, Unit::Usd, "1.25"),
        ("-5.59E-05", None, Unit::Usd, "-5.59E-05"),
        ("1,234", Some(DecimalMark::Comma), Unit::Requests, "1.234"),
        ("NaN", None, Unit::Percent, "blank"),
        ("-", None, Unit::Percent, "blank"),
        ("1,234", None, Unit::Requests, "may part thousands"),
        ("1,234,567", None, Unit::Requests, "thousands"),
        ("1.234,5", Some(DecimalMark::Comma), Unit::Requests, "thousands"),
        ("1'234", None, Unit::Requests, "thousands"),
        ("1 234", None, Unit::Requests, "thousands"),
        ("1.5", Some(DecimalMark::Comma), Unit::Requests, "decimal comma"),
        ("45%", None, Unit::Ratio, "is in \"%\""),
        ("1.2 K", None, Unit::Requests, "is in \"K\""),
    ] {
        let said = read(text, mark, unit);
        assert!(said == expected || (said.starts_with("the value") && said.contains(expected)), "{text}: {said}");
    }
    assert!(read(&"1,".repeat(1000), None, Unit::Requests).len() < 250);
    let mark = |cells: &[&str]| numbers::shown_mark(cells.iter().copied());
    assert_eq!(mark(&["20", "20,5", "1,234"]), Some(DecimalMark::Comma));
    assert_eq!(mark(&["1,234", "2,345"]), None);
    assert_eq!(mark(&["1,234", "2.5"]), Some(DecimalMark::Point));
    for (text, is_number) in
        [("web-1", false), ("i-0abc1", false), ("2026-10-01", false), ("20,5", true), ("$3", true), ("4.5e-7", true)]
    {
        assert_eq!(numbers::is_number(text), is_number, "{text}");
    }
}

#[test]
fn a_file_that_is_too_large_unpacked_is_an_error_and_not_cut() {
    let packed = gzip(&vec![b'0'; 100_000]);
    let read = |left: u64| {
        let stream = flate2::read::MultiGzDecoder::new(packed.as_slice());
        let mut all = Vec::new();
        encoding::Bounded { left, stream }.read_to_end(&mut all).map(|_| all.len())
    };
    assert_eq!((read(100_001).unwrap(), read(100_000).unwrap()), (100_000, 100_000));
    assert!(read(99_999).unwrap_err().to_string().contains("Split it"));
}

#[test]
fn rows_beyond_the_limits_are_refused_by_name() {
    for (text, word) in [
        ("a,b\n".to_owned() + &",".repeat(MOST_COLUMNS), "columns"),
        ("a,b\n".to_owned() + &",".repeat(1_000_000), "columns"),
        ("a,b\n".to_owned() + &",".repeat(6_000_000), "row"),
        ("a,b\n\"".to_owned() + &"c,d\n".repeat(1_500_000), "a quote that is never closed"),
        ("a,b\nc,".to_owned() + &"d".repeat(MOST_CELL + 1), "cell"),
        ("a,b\nc,".to_owned() + &"d".repeat(1_000_000), "cell"),
        ("a,b\nc,".to_owned() + &"d".repeat(6_000_000), "row"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.csv");
        std::fs::write(&path, text).unwrap();
        let mut file = CsvFile::open(&path).unwrap();
        let error = (0..3).find_map(|_| file.next_row().err()).unwrap().to_string();
        assert!(error.contains(word), "{error}");
    }
    let row = csv::ByteRecord::from(vec!["a"]);
    assert!(lines::beyond(&row, MOST_ROWS).is_none() && lines::beyond(&row, MOST_ROWS + 1).is_some());
}

//! Owns what holds of importing files as people have them, on the real program: each is read completely, or the lines that aren't are named;
//! nothing is called known that isn't.

use crate::program::program;
use crate::recording::recordings;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::server::clock;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

/// Imports bytes as a file of the folder.
fn import(folder: &Path, name: &str, bytes: &[u8], more: &[&str]) -> Output {
    std::fs::write(folder.join(name), bytes).expect("a file");
    let mut arguments = vec!["import", name, "--environment", "trial", "--json"];
    arguments.extend(more);
    program(folder, &arguments)
}

const CPU: &[&str] = &["--signal", "infra.cpu", "--unit", "percent"];
const REQUESTS: &[&str] = &["--signal", "infra.requests", "--unit", "requests"];

fn with<'a>(some: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [some, more].concat()
}

/// The output, with the exit code; the report is there also if rows can't be taken.
fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn read_completely(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    report(output)
}

#[track_caller]
fn is_refused(output: &Output, why: &str) {
    assert!(output.status.code() == Some(1) && said(output).contains(why), "{:?} {}", output.status, said(output));
}

fn utf_16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

/// What programs export, each three values from 24 November 2026 at 03:00 UTC on.
#[test]
fn what_programs_export_is_read_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |line: &dyn Fn(u32) -> String| (0..3).map(line).collect::<String>();
    let grafana = format!(
        "sep=,\r\n\"Time\",\"web-1\"\r\n{}",
        rows(&|h| format!("2026-11-24 0{}:00:00,{}.5%\r\n", 3 + h, 20 + h))
    );
    let joined = format!(
        "\"Time\",\"web-1\",\"web-2\"\r\n{}",
        rows(&|h| format!("2026-11-24 0{}:00:00,90,{}.5\r\n", 3 + h, 20 + h))
    );
    let datadog = format!(
        "timestamp,avg:system.cpu.user{{*}}\n{}",
        rows(&|h| format!("{},{}.5\n", 1_795_489_200_000u64 + 3_600_000 * u64::from(h), 20 + h))
    );
    let console = format!(
        "Full label,CPUUtilization i-0abc\nLabel,CPUUtilization\n{}",
        rows(&|h| format!("2026/11/24 0{}:00:00,{}.5\n", 3 + h, 20 + h))
    );
    let aws = format!("Timestamp,Average\n{}", rows(&|h| format!("2026-11-24T0{}:00:00+0000,{}.5\n", 3 + h, 20 + h)));
    let excel = format!("\u{feff}Zeit;CPU\r\n{}", rows(&|h| format!("24.11.2026 0{}:00;{},5\r\n", 3 + h, 20 + h)));
    let unicode = utf_16(&format!("Time\tCPU\r\n{}", rows(&|h| format!("11/24/2026 0{}:00\t{}.5\r\n", 3 + h, 20 + h))));
    let sheets = format!("Time,CPU\n{}", rows(&|h| format!("11/24/2026 {}:00:00\u{202f}AM,{}.5\n", 3 + h, 20 + h)));
    let bare = rows(&|h| format!("2026-11-24 0{}:00;{},5\n", 3 + h, 20 + h));
    let two = format!("Date;Time;CPU\n{}", rows(&|h| format!("24.11.2026;0{}:00;{},5\n", 3 + h, 20 + h)));
    let warehouse = format!("ts|cpu\n{}", rows(&|h| format!("2026-11-24 0{}:00:00.000000 UTC|{}.5\n", 3 + h, 20 + h)));
    let nanos = format!("time,cpu\n{}", rows(&|h| format!("{}000000000,{}.5\n", 1_795_489_200 + 3600 * h, 20 + h)));
    let long = format!(
        "time,host,cpu\n{}",
        rows(&|h| format!("2026-11-24T0{}:00Z,b,99\n2026-11-24T0{}:00Z,a,{}.5\n", 3 + h, 3 + h, 20 + h))
    );
    let quoted =
        format!("\"Time\",\"CPU\"\n{}", rows(&|h| format!("\"24 Nov 2026 0{}:00\",\"{},5\"\n", 3 + h, 20 + h)));
    let title = format!("CPU of web-1\n\nTime,CPU\n{}", rows(&|h| format!("2026-11-24 0{}:00,{}.5\n", 3 + h, 20 + h)));
    let local = format!("Time,CPU\n{}", rows(&|h| format!("2026-11-24 0{}:00,{}.5\n", 4 + h, 20 + h)));
    let zipped = gzip(local.as_bytes());
    for (name, bytes, more) in [
        ("grafana-excel", grafana.as_bytes(), &[][..]),
        ("grafana-joined", joined.as_bytes(), &["--column", "WEB-2"]),
        ("datadog", datadog.as_bytes(), &[]),
        ("cloudwatch-console", console.as_bytes(), &[]),
        ("cloudwatch-cli", aws.as_bytes(), &[]),
        ("excel-german", excel.as_bytes(), &[]),
        ("excel-unicode-text", &unicode, &[]),
        ("sheets", sheets.as_bytes(), &[]),
        ("no-header", bare.as_bytes(), &[]),
        ("day-and-time", two.as_bytes(), &[]),
        ("bigquery", warehouse.as_bytes(), &[]),
        ("influx", nanos.as_bytes(), &["--time", "time", "--column", "2"]),
        ("long", long.as_bytes(), &["--where", "host=a"]),
        ("quoted-comma", quoted.as_bytes(), &[]),
        ("title", title.as_bytes(), &[]),
        ("gzip-and-zone.csv.gz", &zipped, &["--zone", "Europe/Berlin"]),
    ] {
        let told = read_completely(&import(folder.path(), name, bytes, &with(CPU, more)));
        let got = (&told["rows"], &told["accepted"], &told["first"], &told["last"]);
        let times = (json!("2026-11-24T03:00:00Z"), json!("2026-11-24T05:00:00Z"));
        assert_eq!(got, (&json!(3), &json!(3), &times.0, &times.1), "{name}: {told}");
        let shown = read_completely(&import(folder.path(), name, bytes, &with(CPU, &[more, &["--dry-run"]].concat())));
        let values: Vec<f64> = shown["shown"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["value"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(values, [20.5, 21.5, 22.5], "{name}");
    }
}

#[test]
fn of_several_columns_or_series_none_is_taken_unless_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let wide = b"Time,web-1,web-2\n2026-10-01 00:00:00,20,30\n";
    is_refused(
        &import(folder.path(), "wide.csv", wide, CPU),
        "several columns of numbers: web-1, web-2. Choose one with --value-column",
    );
    is_refused(
        &import(folder.path(), "wide.csv", wide, &with(CPU, &["--column", "web-3"])),
        "no column \"web-3\"; it has Time, web-1, web-2",
    );
    let long = b"time,host,cpu\n2026-10-01 00:00,a,20\n2026-10-01 00:00,b,30\n";
    is_refused(
        &import(folder.path(), "long.csv", long, CPU),
        "told apart by the column host (a, b). Choose one with --where \"host=a\"",
    );
    let own = b"time,infra.cpu,infra.requests\n2026-10-01 00:00,20,30\n";
    let told = read_completely(&import(folder.path(), "own.csv", own, CPU));
    assert_eq!((&told["column"], &told["columns_left"]), (&json!("infra.cpu"), &json!(["infra.requests"])));
    let twice = b"Time,CPU,CPU\n2026-10-01 00:00,20,30\n";
    is_refused(
        &import(folder.path(), "twice.csv", twice, &with(CPU, &["--column", "CPU"])),
        "several columns \"CPU\". Name one by its number: 2, 3",
    );
    assert_eq!(
        read_completely(&import(folder.path(), "twice.csv", twice, &with(CPU, &["--column", "3"])))["accepted"],
        1
    );
    // What counts the rows has no name.
    let counted = b",when,cpu\n0,2026-10-01 00:00:00,20\n1,2026-10-01 00:05:00,21\n";
    assert_eq!(read_completely(&import(folder.path(), "counted.csv", counted, CPU))["column"], "cpu");
    for (bytes, why) in [
        (&b"time,cpu\n"[..], "has no column of times"),
        (b"", "has no rows"),
        (b"name,cpu\nweb,20\n", "Write it in a form such as"),
        (b"time,cpu\nyesterday,20\n", "\"yesterday\""),
        (b"PK\x03\x04", "Save the sheet as CSV"),
    ] {
        is_refused(&import(folder.path(), "none.csv", bytes, CPU), why);
    }
}

#[test]
fn a_bad_row_is_named_by_its_line_and_costs_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    for (row, why) in [
        ("2026-10-01 00:05;lots", "line 3: "),
        ("2026-10-01 00:05;-1", "line 3: "),
        ("2026-10-01 00:05;1.234,5", "line 3: the value \"1.234,5\" has separators of thousands"),
        ("2026-10-01 00:05;101", "line 3: "),
        ("2026-10-01 00:05;20;30", "line 3: it has more columns than the header"),
        ("01.10.26 00:05;20", "line 3: the time \"01.10.26 00:05\" has a year of two digits"),
        ("2999-10-01 00:05;20", "line 3: at lies more than 5 minutes in the future"),
    ] {
        let file = format!("Time;CPU\n2026-10-01 00:00;20\n{row}\n2026-10-01 00:10;20\n");
        let output =
            import(folder.path(), &format!("{}.csv", row.len()), file.as_bytes(), &with(CPU, &["--source", row]));
        is_refused(&output, why);
        let told = report(&output);
        assert_eq!(
            (&told["rows"], &told["accepted"], &told["refused"][0]["line"]),
            (&json!(3), &json!(2), &json!(3)),
            "{row}: {told}"
        );
    }
    // What the store says otherwise stays, and the rest is taken.
    let told = |last: &str| format!("Time,CPU\n2026-10-02 00:00,20\n2026-10-02 00:05,{last}\n").into_bytes();
    read_completely(&import(folder.path(), "again.csv", &told("21"), CPU));
    let more = [told("22"), b"2026-10-02 00:10,23\n".to_vec()].concat();
    let output = import(folder.path(), "again.csv", &more, CPU);
    is_refused(&output, "line 3: ");
    assert_eq!((&report(&output)["accepted"], &report(&output)["already_there"]), (&json!(1), &json!(1)));
}

#[test]
fn an_order_or_a_comma_that_the_file_does_not_show_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let dates = b"Time,CPU\n10/11/2026 03:00,20\n11/11/2026 03:00,21\n";
    is_refused(&import(folder.path(), "dates.csv", dates, CPU), "--dates day-first or --dates month-first");
    let first = |order| {
        let told =
            read_completely(&import(folder.path(), "dates.csv", dates, &with(CPU, &["--dates", order, "--dry-run"])));
        told["first"].as_str().expect("a time").to_owned()
    };
    assert_eq!(
        (first("day-first"), first("month-first")),
        ("2026-11-10T03:00:00Z".into(), "2026-10-11T03:00:00Z".into())
    );
    let commas = b"Time;CPU\n2026-10-01 00:00;1,234\n2026-10-01 00:05;2,345\n";
    is_refused(&import(folder.path(), "commas.csv", commas, CPU), "--decimal comma");
    assert_eq!(
        read_completely(&import(folder.path(), "commas.csv", commas, &with(CPU, &["--decimal", "comma"])))["accepted"],
        2
    );
    // A comma in a column of its own was taken for 20.
    let split = b"Time,CPU\n2026-10-01 00:00,20,5\n2026-10-01 00:05,21,5\n";
    is_refused(&import(folder.path(), "split.csv", split, CPU), "nothing was imported");
}

#[test]
fn the_hour_that_happens_twice_is_imported_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let zone = with(REQUESTS, &["--zone", "America/New_York"]);
    let half_hours = ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"];
    let hours = ["00:00", "01:00", "01:00", "02:00", "03:00"];
    let backwards: Vec<&str> = half_hours.iter().rev().copied().collect();
    for (name, times) in [("half.csv", &half_hours[..]), ("hours.csv", &hours), ("backwards.csv", &backwards)] {
        let rows: String =
            times.iter().zip(100..).map(|(time, value)| format!("2026-11-01 {time}:00,{value}\n")).collect();
        let told = read_completely(&import(folder.path(), name, format!("time,requests\n{rows}").as_bytes(), &zone));
        assert_eq!(
            (&told["accepted"], &told["conflicting"], &told["gaps"]),
            (&json!(times.len()), &json!([]), &json!([])),
            "{name}"
        );
    }
}

#[test]
fn days_of_sums_end_with_the_day_and_the_day_that_is_not_over_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = b"date,requests\n2026-10-01,10\n2026-10-02,11\n2999-01-01,1\n";
    let told = read_completely(&import(folder.path(), "days.csv", file, REQUESTS));
    assert_eq!(
        (&told["accepted"], &told["last"], &told["not_over"]),
        (&json!(2), &json!("2026-10-03T00:00:00Z"), &json!([4]))
    );
    let cpu = read_completely(&import(folder.path(), "cpu.csv", b"date,cpu\n2026-10-01,10\n2026-10-02,11\n", CPU));
    assert_eq!(cpu["last"], "2026-10-02T00:00:00Z");
}

/// The state of an input of an environment, evaluated now.
fn input(folder: &Path, environment: &str, signal: &str) -> Value {
    let output = program(folder, &["snapshot", "--environment", environment, "--json"]);
    let snapshot = read_completely(&output);
    let inputs = snapshot["inputs"].as_array().expect("inputs");
    inputs.iter().find(|input| input["signal"] == signal).expect("the input").clone()
}

#[test]
fn of_a_sum_a_row_that_is_missing_leaves_its_time_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = clock::now();
    let at = |minute: i64| (now - Duration::minutes(minute)).format("%Y-%m-%d %H:%M:%S").to_string();
    for (name, odd, state) in
        [("whole", "7", "known"), ("blank", "", "partial"), ("unreadable", "7 K", "partial"), ("twice", "", "partial")]
    {
        let row = |minute: i64| match (minute, name) {
            (30, "twice") => format!("{},7\n{},9\n", at(30), at(30)),
            (30, _) => format!("{},{odd}\n", at(30)),
            _ => format!("{},7\n", at(minute)),
        };
        let rows: String = (0..150).rev().map(row).collect();
        std::fs::write(folder.path().join("r.csv"), format!("time,requests\n{rows}")).expect("a file");
        let arguments = with(&["import", "r.csv", "--environment", name, "--json"], REQUESTS);
        let told = report(&program(folder.path(), &arguments));
        assert_eq!(told["unknown"], u64::from(state == "partial"), "{name}: {told}");
        let input = input(folder.path(), name, "infra.requests");
        assert_eq!(input["state"], state, "{name}: {input}");
    }
}

#[test]
fn a_dry_run_shows_the_rows_as_a_table_and_stores_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..24).map(|hour| format!("24.11.2026 {hour:02}:00;{hour},5\n")).collect();
    std::fs::write(folder.path().join("cpu.csv"), format!("Zeit;CPU\n{rows}soon;1,5\n")).expect("a file");
    let arguments = with(&["import", "cpu.csv", "--environment", "trial", "--zone", "Europe/Berlin", "--dry-run"], CPU);
    let output = program(folder.path(), &arguments);
    is_refused(&output, "line 26: the time \"soon\" isn't a time");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["line", "time", "(UTC)", "value", "unit", "source"]);
    assert_eq!(lines[1], ["2", "2026-11-23", "23:00:00.000", "0.5", "percent", "cpu.csv"]);
    assert_eq!((lines[6].as_slice(), lines[11][0]), (&["..."][..], "25"));
    assert!(table.contains("25 rows, 24 samples; nothing was stored"), "{table}");
    let environments = program(folder.path(), &["environment", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&environments.stdout).contains("trial"));
}

/// Every public recording, as its owner exports it.
#[test]
fn recordings_are_read_as_they_are() {
    let Some(recordings) = recordings() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = |part: &str| {
        let entries = std::fs::read_dir(recordings.join(part)).expect("the recordings");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
        files.sort();
        assert!(files.len() >= 10, "{part}");
        files
    };
    let read = |file: &Path, more: &[&str]| {
        let mut arguments = vec!["import", file.to_str().expect("a path"), "--environment", "trial", "--json"];
        arguments.extend(more);
        let told = read_completely(&program(folder.path(), &arguments));
        let count = |field: &str| told[field].as_array().expect("lines").len() as u64;
        let of = |field: &str| told[field].as_u64().expect("a count");
        let left_out = count("blanks") + count("duplicates") + 2 * count("conflicting");
        assert!(of("rows") <= of("accepted") + left_out && of("accepted") > 100, "{}: {told}", file.display());
    };
    for file in files("nab") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let kind: &[&str] = match name.split('_').next() {
            Some("ec2" | "rds") if name.contains("cpu") => CPU,
            Some("elb") => REQUESTS,
            Some("exchange-2") => &["--signal", "ai.spend", "--unit", "USD"],
            Some("ec2") => &["--signal", "infra.latency", "--unit", "ms", "--aggregation", "mean"],
            _ => &["--signal", "posts.published", "--unit", "posts", "--dry-run"],
        };
        read(&file, kind);
    }
    for file in files("microsoft-cloud-monitoring") {
        read(&file, &["--signal", "infra.latency", "--unit", "ms", "--aggregation", "mean", "--dry-run"]);
    }
    // Each row is a request: its tokens are named, and those of one millisecond are added up.
    let tokens = recordings.join("azure-llm-2023/AzureLLMInferenceTrace_code.csv");
    let path = tokens.to_str().expect("a path");
    let posts = [
        "import",
        path,
        "--environment",
        "trial",
        "--signal",
        "posts.published",
        "--unit",
        "posts",
        "--json",
        "--dry-run",
    ];
    is_refused(&program(folder.path(), &posts), "ContextTokens, GeneratedTokens. Choose one");
    let told = read_completely(&program(folder.path(), &with(&posts, &["--column", "GeneratedTokens"])));
    let whole = told["accepted"].as_u64().expect("a count") + told["unknown"].as_u64().expect("a count");
    assert!((7_800..8_819).contains(&whole), "{told}");
    let first: DateTime<Utc> = told["first"].as_str().expect("a time").parse().expect("a time");
    assert_eq!(first.to_rfc3339(), "2023-11-16T18:17:03.979+00:00");
}

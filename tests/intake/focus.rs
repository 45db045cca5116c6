//! Owns what holds of reading bills in FOCUS, on the real program: what is chosen is chosen openly, and a period that comes again with
//! another sum is revised in sight.

use crate::program::program;
use crate::recording::recordings;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const HEADER: &str =
    "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceCategory,ServiceName";

/// Reads a bill of three days, the last of them costing `last`.
fn import(folder: &Path, cost: &str, last: &str, more: &[&str]) -> Output {
    let day = |day: u32, billed: &str, effective: &str, category: &str| {
        format!(
            "{billed},{effective},USD,2026-10-{day:02}T00:00:00Z,2026-10-{:02}T00:00:00Z,{category},Models\n",
            day + 1
        )
    };
    let ai = "AI and Machine Learning";
    let rows = [
        day(1, "0", "4.00", ai),
        day(1, "99", "99", "Storage"),
        day(2, "12.50", "5.00", ai),
        day(2, "-0.50", "-0.50", ai),
        day(3, last, last, ai),
    ];
    std::fs::write(folder.join("bill.csv"), format!("{HEADER}\n{}", rows.concat())).expect("a file");
    let mut arguments = vec!["import-focus", "bill.csv", "--environment", "trial", "--cost", cost, "--json"];
    arguments.extend(more);
    program(folder, &arguments)
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_cost_that_is_chosen_is_taken_and_a_later_sum_revises_it_in_sight() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = report(&import(folder.path(), "effective", "2.00", &[]));
    assert_eq!((&first["total"], &first["rows_taken"], &first["rows"]), (&"10.50".into(), &4.into(), &5.into()));
    assert_eq!((&first["cost"], &first["accepted"]), (&"EffectiveCost".into(), &3.into()));
    let again = report(&import(folder.path(), "effective", "2.00", &[]));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &3.into()));
    let revised = report(&import(folder.path(), "effective", "3.25", &[]));
    assert_eq!(revised["revisions"].as_array().map(Vec::len), Some(1), "{revised}");
    let history = program(folder.path(), &["history", "--environment", "trial", "--json"]);
    let history = String::from_utf8_lossy(&history.stdout).into_owned();
    assert!(
        history.contains("ai.spend of focus was revised: up to 2026-10-04 00:00 UTC from $2.00 to $3.25"),
        "{history}"
    );
    let billed = report(&import(folder.path(), "billed", "3.25", &["--source", "invoice"]));
    assert_eq!(billed["total"], "15.25");
}

#[test]
fn a_dry_run_says_what_would_be_read_and_stores_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let dry = report(&import(folder.path(), "effective", "2.00", &["--dry-run"]));
    assert_eq!((&dry["dry_run"], &dry["accepted"], &dry["total"]), (&true.into(), &3.into(), &"10.50".into()));
    let environments = program(folder.path(), &["environment", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&environments.stdout).contains("trial"));
    // Reading it then gives the rows that were shown, and a dry run of another sum revises nothing.
    let read = report(&import(folder.path(), "effective", "2.00", &[]));
    assert_eq!((&read["dry_run"], &read["accepted"], &read["total"]), (&false.into(), &3.into(), &"10.50".into()));
    report(&import(folder.path(), "effective", "3.25", &["--dry-run"]));
    let again = report(&import(folder.path(), "effective", "2.00", &[]));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &3.into()));
}

#[test]
fn a_bill_of_which_nothing_can_be_read_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    for (more, why) in [
        (&["--where", "Flavour=vanilla"][..], "has no column Flavour"),
        (&["--where", "ServiceName=Nobody"], "no row of a period that is over fits"),
    ] {
        let output = import(folder.path(), "effective", "1", more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    let euros = "1,1,EUR,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,AI and Machine Learning,Models\n";
    let output = bill(folder.path(), &[("bill.csv", format!("{HEADER}\n{euros}").as_bytes())], &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1)
            && said.contains("nothing was stored. bill.csv, line 2: BillingCurrency is \"EUR\""),
        "{said}"
    );
    let environments = program(folder.path(), &["environment", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&environments.stdout).contains("trial"));
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_costs_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = import(folder.path(), "effective", "much", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && said.contains("bill.csv, line 6: EffectiveCost \"much\" is not a number"),
        "{said}"
    );
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["total"], &told["rows_taken"], &told["periods"]), (&"8.50".into(), &3.into(), &3.into()));
    assert_eq!((&told["at_least"], &told["refused"][0]["line"]), (&1.into(), &6.into()));
    // A file that was cut off, or a comma that parts thousands: the row may be of any day.
    let cut = [
        full(&["5|2026-10-01|2026-10-02|Usage||2026-10-01", "6|2026-10-02|2026-10-03|Usage||2026-10-01"]),
        b"7,USD,2026-10-03,2026".to_vec(),
    ];
    let output = bill(folder.path(), &[("cut.csv", &cut.concat())], &["--source", "cut"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cut.csv, line 4: it has 4 columns and the header 8"));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["total"], &told["at_least"]), (&"11.00".into(), &2.into()));
    // Put right, it is known.
    assert_eq!(report(&import(folder.path(), "effective", "2.00", &[]))["at_least"], 0);
}

/// Imports files as one bill, billed.
fn bill(folder: &Path, files: &[(&str, &[u8])], more: &[&str]) -> Output {
    let mut arguments = vec!["import-focus", "--environment", "trial", "--cost", "billed", "--json"];
    arguments.extend(more);
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).expect("a file");
        arguments.push(name);
    }
    program(folder, &arguments)
}

/// A bill with all columns that are read, of lines as `cost|from|to|category|class|billing period`.
fn full(lines: &[&str]) -> Vec<u8> {
    let mut text = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass,BillingPeriodStart,ServiceCategory\n".to_owned();
    for line in lines {
        let [cost, from, to, category, class, billing] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        text += &format!("{cost},USD,{from},{to},{category},{class},{billing},AI and Machine Learning\n");
    }
    text.into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

#[test]
fn bills_are_read_as_providers_export_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = full(&[
        "1.25|2026-10-01T00:00Z|2026-10-02T00:00Z|Usage||2026-10-01T00:00Z",
        "3.28767123287671E-05|2026-10-02T00:00Z|2026-10-03T00:00Z|Usage||2026-10-01T00:00Z",
    ]);
    let text = String::from_utf8(plain.clone()).expect("text");
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let spreadsheet = format!(
        "\u{feff}{}",
        text.replace(',', ";").replace("1.25", "1,25").replace("3.28", "3,28").replace('\n', "\r\n")
    );
    let google = text.replace("T00:00Z", " 00:00:00 UTC");
    let oracle = text.replace("T00:00Z", "T00:00:00.000+0000");
    for (source, bytes) in [
        ("azure", plain.clone()),
        ("gzip", gzip(&plain)),
        ("utf-16", utf_16),
        ("spreadsheet", spreadsheet.into_bytes()),
        ("google", google.into_bytes()),
        ("oracle", oracle.into_bytes()),
    ] {
        let told = report(&bill(folder.path(), &[(source, &bytes)], &["--source", source]));
        assert_eq!(
            (&told["total"], &told["periods"], &told["accepted"]),
            (&"1.250033".into(), &2.into(), &2.into()),
            "{source}: {told}"
        );
    }
    // Parts of one bill are one bill, whichever is named first.
    let part =
        |cost: &str| gzip(&full(&[&format!("{cost}|2026-10-01T00:00Z|2026-10-02T00:00Z|Usage||2026-10-01T00:00Z")]));
    let (one, two) = (part("4"), part("5"));
    let told = report(&bill(folder.path(), &[("1.csv.gz", &one), ("2.csv.gz", &two)], &["--source", "parts"]));
    assert_eq!((&told["total"], &told["accepted"]), (&"9.00".into(), &1.into()));
    let again = report(&bill(folder.path(), &[("2.csv.gz", &two), ("1.csv.gz", &one)], &["--source", "parts"]));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&0.into(), &1.into()));
}

#[test]
fn refunds_and_longer_charges_are_said_and_never_lower_or_heap_up_spend() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = report(&bill(
        folder.path(),
        &[(
            "bill.csv",
            &full(&[
                "5|2026-10-01|2026-10-02|Usage||2026-10-01",
                "-0.01|2026-10-01T13:00Z|2026-10-01T14:00Z|Credit||2026-10-01",
                "-3|2026-10-02|2026-10-03|Credit||2026-10-01",
                "62|2026-10-01|2026-11-01|Purchase||2026-10-01",
            ]),
        )],
        &[],
    ));
    assert_eq!(
        (&told["given_back"], &told["shared"], &told["at_least"]),
        (&"3.00".into(), &1.into(), &0.into()),
        "{told}"
    );
    // Two days of $2 of the month, and $4.99.
    assert_eq!((&told["total"], &told["periods"]), (&"8.99".into(), &2.into()));
    let told = report(&bill(
        folder.path(),
        &[(
            "usage.csv",
            &full(&["5|2026-10-01|2026-10-02|Usage||2026-10-01", "62|2026-10-01|2026-11-01|Usage||2026-10-01"]),
        )],
        &["--source", "usage"],
    ));
    assert_eq!(
        (&told["total"], &told["unplaced"], &told["at_least"]),
        (&"5.00".into(), &1.into(), &1.into()),
        "{told}"
    );
}

#[test]
fn what_later_files_tell_corrects_and_never_counts_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let october = full(&["50|2026-10-30|2026-10-31|Usage||2026-10-01", "50|2026-10-31|2026-11-01|Usage||2026-10-01"]);
    let november = full(&[
        "7|2026-11-01|2026-11-02|Usage||2026-11-01",
        "3|2026-10-31|2026-11-01|Usage|Correction|2026-11-01",
        "2|2026-10-30|2026-10-31|Usage||2026-11-01",
    ]);
    report(&bill(folder.path(), &[("october.csv", &october)], &[]));
    let told = report(&bill(folder.path(), &[("november.csv", &november)], &[]));
    assert_eq!(
        (&told["corrections"], &told["accepted"], &told["revisions"]),
        (&2.into(), &3.into(), &Value::Array(Vec::new())),
        "{told}"
    );
    for (name, bytes) in [("november.csv", &november), ("october.csv", &october)] {
        let again = report(&bill(folder.path(), &[(name, bytes)], &[]));
        assert_eq!(again["accepted"], 0, "{again}");
    }
    // Hours that a later file tells as a day count once.
    let hour = |hour: u32| format!("1|2026-09-01T{hour:02}:00Z|2026-09-01T{:02}:00Z|Usage||2026-09-01", hour + 1);
    let hours: Vec<String> = (0..22).map(hour).collect();
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    report(&bill(folder.path(), &[("hours.csv", &full(&hours))], &["--source", "hours"]));
    let day = full(&["22|2026-09-01|2026-09-02|Usage||2026-09-01"]);
    let told = report(&bill(folder.path(), &[("day.csv", &day)], &["--source", "hours"]));
    assert_eq!(told["revisions"].as_array().map(Vec::len), Some(22), "{told}");
    let history = program(folder.path(), &["history", "--environment", "trial", "--json"]);
    assert!(String::from_utf8_lossy(&history.stdout).contains("up to 2026-09-01 01:00 UTC from $1.00 to $0.00"));
}

/// The project's own sample, of AWS, Azure and Oracle: each of its services by itself.
#[test]
fn every_service_of_the_sample_bill_is_imported() {
    let Some(recordings) = recordings() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = recordings.join("focus-1.0-sample/focus_sample.csv");
    let mut rows = 0;
    for service in [
        "AI and Machine Learning",
        "Compute",
        "Databases",
        "Identity",
        "Integration",
        "Management and Governance",
        "Networking",
        "Other",
        "Security",
        "Storage",
    ] {
        let condition = format!("ServiceCategory={service}");
        for cost in ["billed", "effective"] {
            let source = format!("{service} {cost}");
            let arguments = [
                "import-focus",
                file.to_str().expect("a path"),
                "--environment",
                "trial",
                "--cost",
                cost,
                "--where",
                &condition,
                "--source",
                &source,
                "--json",
            ];
            let told = report(&program(folder.path(), &arguments));
            assert_eq!(
                (&told["at_least"], &told["refused"], &told["rows"]),
                (&0.into(), &Value::Array(Vec::new()), &1000.into()),
                "{told}"
            );
            rows += told["rows_taken"].as_u64().expect("rows");
        }
    }
    assert_eq!(rows, 2_000);
}

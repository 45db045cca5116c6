//! Owns what holds of counting clients in a file, on the real program: the rule is the one that was stated, what is unknown is
//! not guessed, and a file that cannot be counted leaves nothing behind.

use crate::program::program;
use crate::recording::recordings;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

const FILE: &str = "\u{feff}Id,Status,Age,Plan
a,active,12,month
b,trialing,1,year
b,active,40,month
c,left,,month
d,active,7,year
";

fn count(folder: &Path, file: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["import-clients", file, "--environment", "trial", "--json"];
    arguments.extend(more);
    program(folder, &arguments)
}

#[track_caller]
fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn is_refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(why), "{said}");
}

#[test]
fn a_stated_rule_counts_clients_and_those_at_risk() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("crm.csv"), FILE).expect("a file");
    let rule = ["--active", "Status=active|trialing", "--at-risk", "Plan=month|Age<3", "--at", "2026-11-24T03:00:00Z"];
    let all = report(&count(folder.path(), "crm.csv", &rule));
    assert_eq!((&all["rows"], &all["active"], &all["at_risk"]), (&json!(5), &json!(4), &json!(3)));
    assert_eq!((&all["accepted"], &all["duplicates"]), (&json!(2), &json!([])));
    assert_eq!(
        all["rule"],
        "a row is a client where Status=active|trialing; a client is at risk where Plan=month|Age<3"
    );
    let again = report(&count(folder.path(), "crm.csv", &rule));
    assert_eq!((&again["accepted"], &again["already_there"]), (&json!(0), &json!(2)));
    // Clients told apart: one of them has two rows.
    let told_apart: Vec<&str> = rule.into_iter().chain(["--id", "id"]).collect();
    is_refused(&count(folder.path(), "crm.csv", &told_apart), "has said another number for 2026-11-24T03:00:00");
    let told_apart: Vec<&str> = told_apart.into_iter().chain(["--source", "crm"]).collect();
    let once = report(&count(folder.path(), "crm.csv", &told_apart));
    assert_eq!((&once["active"], &once["at_risk"], &once["duplicates"]), (&json!(3), &json!(2), &json!([4])));
}

#[test]
fn without_a_rule_for_it_who_is_at_risk_stays_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("crm.csv"), FILE).expect("a file");
    let some = report(&count(folder.path(), "crm.csv", &["--active", "Status=!left", "--active", "Age>=7"]));
    assert_eq!((&some["active"], &some["at_risk"], &some["accepted"]), (&json!(3), &Value::Null, &json!(1)));
}

#[test]
fn a_file_that_cannot_be_counted_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("crm.csv"), FILE).expect("a file");
    std::fs::write(folder.path().join("empty.csv"), "Id,Status\n").expect("a file");
    std::fs::write(folder.path().join("short.csv"), "Id,Status\na,active\nb\n").expect("a file");
    std::fs::write(folder.path().join("odd.csv"), "Id,Age\na,1\n,2\nc,old\n").expect("a file");
    for (file, more, why) in [
        ("crm.csv", &["--active", "Age>3"][..], "line 5: Age is blank"),
        ("crm.csv", &["--active", "Flavour=vanilla"], "has no column Flavour; it has"),
        ("crm.csv", &["--active", "Status=active", "--id", "Name"], "has no column Name"),
        ("crm.csv", &["--active", "Status=active", "--at", "2999-01-01T00:00:00Z"], "nothing was stored"),
        ("crm.csv", &["--active", "Status"], "say Column=Pattern"),
        ("crm.csv", &["--active", "Age>old"], "is no number to compare Age with"),
        ("crm.csv", &["--at-risk", "Plan=month"], "--active"),
        ("empty.csv", &["--active", "Status=active"], "has no rows"),
        ("short.csv", &["--active", "Status=active"], "line 3: it has 1 columns and the header 2"),
        ("odd.csv", &["--active", "Age>0", "--blank-is-no"], "line 4: Age \"old\" is no number"),
        ("odd.csv", &["--active", "Age<9", "--id", "Id"], "line 3: the client's id is blank"),
        ("nowhere.csv", &["--active", "Status=active"], "can't be read"),
    ] {
        is_refused(&count(folder.path(), file, more), why);
    }
    let environments = program(folder.path(), &["environment", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&environments.stdout).contains("trial"));
    let blank = report(&count(folder.path(), "crm.csv", &["--active", "Age>3", "--blank-is-no"]));
    assert_eq!(blank["active"], 3);
}

/// The recording of a phone company's customers: 7,043 of them, the total charges of 11 blank.
#[test]
fn recorded_customers_are_counted() {
    let Some(recordings) = recordings() else {
        return;
    };
    let file = recordings.join("telco-churn/Telco-Customer-Churn.csv");
    let file = file.to_str().expect("a path");
    let folder = tempfile::tempdir().expect("a folder");
    let counted = |more: &[&str]| {
        let all: Vec<&str> =
            ["--active", "Churn=No", "--id", "customerID"].into_iter().chain(more.iter().copied()).collect();
        count(folder.path(), file, &all)
    };
    let both = report(&counted(&["--at-risk", "Contract=Month-to-month", "--at-risk", "tenure<12", "--source", "1"]));
    assert_eq!((&both["rows"], &both["active"], &both["at_risk"]), (&json!(7043), &json!(5174), &json!(917)));
    assert_eq!(both["duplicates"], json!([]));
    let either = report(&counted(&["--at-risk", "Contract=Month-to-month|tenure<=3", "--source", "2"]));
    assert_eq!((&either["active"], &either["at_risk"]), (&json!(5174), &json!(2255)));
    is_refused(&counted(&["--at-risk", "TotalCharges<100", "--source", "3"]), "line 490: TotalCharges is blank");
    let blank = report(&counted(&["--at-risk", "TotalCharges<100", "--blank-is-no", "--source", "3"]));
    assert_eq!(blank["at_risk"], 382);
}

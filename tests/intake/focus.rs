//! Owns what holds of reading bills in FOCUS, on the real program: what is chosen is chosen openly, and what is told again with
//! another sum is revised in sight.

use crate::program::program;
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
fn a_bill_that_cannot_be_read_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    for (last, more, why) in [
        ("much", &[][..], "line 6: EffectiveCost \"much\" is not a number"),
        ("1", &["--where", "Flavour=vanilla"], "has no column Flavour"),
        ("1", &["--where", "ServiceName=Nobody"], "no row of a period that is over fits"),
    ] {
        let output = import(folder.path(), "effective", last, more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    let environments = program(folder.path(), &["environment", "list", "--json"]);
    assert!(!String::from_utf8_lossy(&environments.stdout).contains("trial"));
}

//! Holds the table of docs/sources.md to the program: each row is a subscription, and whether it makes a client, and one at risk.

use scaling_mode::domain::subscription::{self, Status, Told};
use serde_json::{Value, json};

/// A row of the table: the fields of a subscription, whether it makes a client, and whether that is at risk.
fn rows() -> Vec<(Value, bool, bool)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sources.md");
    let text = std::fs::read_to_string(file).expect("the document");
    let (_, rest) = text.split_once("### Which subscriptions count").expect("the section");
    let (section, _) = rest.split_once("\n### ").expect("its end");
    let is = |cell: &str| match cell.trim() {
        "yes" => true,
        "no" => false,
        other => panic!("{other} is neither yes nor no"),
    };
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let (_, rest) = line.split_once('`').expect("a subscription");
            let (fields, rest) = rest.split_once('`').expect("a subscription");
            let cells: Vec<&str> = rest.split('|').collect();
            (
                serde_json::from_str(fields).unwrap_or_else(|error| panic!("{fields}: {error}")),
                is(cells[1]),
                is(cells[2]),
            )
        })
        .collect()
}

#[test]
fn the_table_of_subscriptions_says_what_the_program_counts() {
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let rows = rows();
    for (fields, is_client, is_at_risk) in &rows {
        let mut one = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1"});
        for (name, value) in fields.as_object().expect("fields") {
            one[name] = value.clone();
        }
        let page = json!({"object": "list", "has_more": false, "data": [one]});
        let body = serde_json::to_vec(&page).expect("JSON");
        let Ok(Told::Page(page)) = subscription::read(&body, None, now) else { panic!("{fields} is not read") };
        let read = &page.subscriptions[0];
        assert_eq!((read.is_of_client(), read.is_at_risk()), (*is_client, *is_at_risk), "{fields}");
    }
    // No status is left out, and the questions that are asked of the table are answered in it.
    let has = |name: &str, value: &str| rows.iter().any(|(fields, _, _)| fields[name] == value);
    for status in Status::ALL {
        assert!(has("status", status.name()), "{} is in no row", status.name());
    }
    for name in ["pause_collection", "cancel_at_period_end", "cancel_at", "items", "customer"] {
        assert!(rows.iter().any(|(fields, _, _)| fields.get(name).is_some()), "{name} is in no row");
    }
}

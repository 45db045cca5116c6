//! Checks the catalogue of acts against the code: it lists every act with its ways, and `ways.rs` has cases for each.

use crate::ways_cases::cases;
use scaling_mode::domain::change::Action;
use scaling_mode::domain::source::SourceAction;
use scaling_mode::server::acts::catalogue::{ACTS, Way};
use scaling_mode::server::http::doors::{self, Door};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The public async functions of `server/acts/`.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(server().join("acts")).expect("the acts") {
        let path = entry.expect("a file").path();
        let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("text");
        for function in text.split("\npub async fn ").skip(1) {
            let name = function.split(['(', '<']).next().expect("a name");
            found.insert(format!("{file}::{name}"));
        }
    }
    found
}

/// Public helpers that aren't acts.
const HELPERS: [&str; 5] = [
    "access_log::allow_reach",
    "invitations::invite_first_founder",
    "people::find",
    "people::hashed",
    "sources::judge",
];

#[test]
fn every_act_is_in_the_catalogue_and_every_act_there_is_tried() {
    let listed: BTreeSet<String> =
        ACTS.iter().map(|act| act.name.split(' ').next().expect("a function").to_owned()).collect();
    let functions: BTreeSet<String> =
        functions().into_iter().filter(|name| !HELPERS.contains(&name.as_str())).collect();
    assert_eq!(functions, listed);
    for act in ACTS {
        assert!(!act.ways.is_empty(), "{}", act.name);
        // `tests/store/scheduler.rs` runs what only the schedule does.
        if act.ways == [Way::Schedule] {
            continue;
        }
        let tried = cases(act.name);
        assert!(tried.iter().any(|case| case.code == "done"), "{} is never done", act.name);
        assert!(act.name.ends_with("list") || tried.len() > 1, "{} is never refused", act.name);
    }
}

/// Forms that need a permission but aren't acts. `ask-source` polls another system; the result is telemetry.
const NO_ACTS: [&str; 1] = ["ask-source"];

#[test]
fn every_form_that_needs_a_permission_is_a_way_of_an_act_that_needs_the_same() {
    for entry in doors::ENTRIES {
        let Some(name) = entry.path.strip_prefix("/api/scaling-mode/forms/") else { continue };
        let Door::Needs(permissions) = entry.door else { continue };
        if NO_ACTS.contains(&name) {
            continue;
        }
        let act = ACTS.iter().find(|act| act.ways.contains(&Way::Form(name)));
        let act = act.unwrap_or_else(|| panic!("forms/{name} is a way of no act"));
        assert_eq!(permissions, [act.permission], "{name}");
    }
}

/// The names that an enum's schema allows.
fn allowed(schema: &Value) -> Vec<String> {
    match schema {
        Value::Array(parts) => parts.iter().flat_map(allowed).collect(),
        Value::Object(fields) => {
            let named = fields
                .get("const")
                .into_iter()
                .chain(fields.get("enum").and_then(Value::as_array).into_iter().flatten());
            let names = named.filter_map(Value::as_str).map(str::to_owned);
            names.chain(fields.get("oneOf").into_iter().flat_map(allowed)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_action_of_an_act_with_several_is_in_the_catalogue() {
    let of = |function: &str, schema: schemars::Schema| {
        let listed: BTreeSet<String> =
            ACTS.iter().filter_map(|act| act.name.strip_prefix(function)).map(|name| name.trim().to_owned()).collect();
        let names: BTreeSet<String> = allowed(schema.as_value()).into_iter().collect();
        assert!(names.len() > 5, "{names:?}");
        assert_eq!(listed, names, "{function}");
    };
    of("configuration::change", schemars::schema_for!(Action));
    of("sources::change", schemars::schema_for!(SourceAction));
}

/// Every source file in a folder of the server, with its name, without whitespace.
fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else {
            let name = path.strip_prefix(server()).expect("of the server").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("text");
            into.push((name, text.chars().filter(|character| !character.is_whitespace()).collect()));
        }
    }
}

fn server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server")
}

/// The store's methods that only acts can call.
const WRITES: [&str; 15] = [
    "act",
    "add_person",
    "add_share_link",
    "add_token",
    "change_source",
    "close_alert",
    "create_environment",
    "end_client",
    "invite",
    "reset_proofs",
    "retire_source",
    "revoke_share_link",
    "revoke_token",
    "set_disabled",
    "set_role",
];

#[test]
fn only_acts_write_what_acts_write_and_they_know_no_way() {
    let mut files = Vec::new();
    sources(&server(), &mut files);
    let mut found = BTreeSet::new();
    for (name, text) in &files {
        let is_act = name.starts_with("acts");
        if is_act {
            for way in ["server::http", "server::cli", "leptos", "axum", "clap"] {
                assert!(!text.contains(&format!("{way}::")), "{name} knows {way}");
            }
        }
        for method in WRITES.into_iter().filter(|method| text.contains(&format!("store.{method}("))) {
            // The demo isn't an act.
            let is_demo = name == "demo.rs" && method == "create_environment";
            assert!(is_act || is_demo, "{name} writes by {method}");
            found.insert(method);
        }
    }
    assert_eq!(found, BTreeSet::from(WRITES));
}

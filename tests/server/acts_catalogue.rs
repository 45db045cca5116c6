//! Holds the catalogue of acts to the code: it lists every act with its ways, and every act is tried by `ways.rs`.

use crate::ways_cases::cases;
use scaling_mode::domain::change::Action;
use scaling_mode::domain::source::SourceAction;
use scaling_mode::server::acts::catalogue::{ACTS, Way};
use scaling_mode::server::http::doors::{self, Door};
use serde_json::Value;
use std::collections::BTreeSet;

/// The functions of `server/acts/` that do an act: public, and given what an act works with.
fn functions() -> BTreeSet<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/acts");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the acts") {
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

/// What helps acts along and is none.
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

/// Forms that need a permission and do no act: asking a source now reads another system, and what it answers is telemetry.
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

/// All names that a schema of an enumeration allows.
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

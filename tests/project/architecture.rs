//! Holds the shape of the code base: where the two builds part, and what the engine never does. `imports.rs` has the
//! rules of imports.

use std::fs;
use std::path::{Path, PathBuf};

fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below a folder with its text, named from that folder.
pub fn below(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    assert!(!files.is_empty(), "{} has no source", folder.display());
    files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&folder).expect("below the folder").to_string_lossy().into_owned();
            (name, fs::read_to_string(&file).expect("text"))
        })
        .collect()
}

/// Every source file of the application.
fn sources() -> Vec<(String, String)> {
    below("src")
}

/// Every source file of the engine.
fn engine() -> Vec<(String, String)> {
    below("crates/engine/src")
}

fn is_of(name: &str, part: &str) -> bool {
    name == format!("{part}.rs") || name.starts_with(&format!("{part}/"))
}

/// What the engine depends on. Nothing here can do I/O or wait.
const OF_THE_ENGINE: [&str; 8] = ["chrono", "hex", "ryu-js", "schemars", "serde", "serde_json", "sha2", "thiserror"];

#[test]
fn the_engine_needs_nothing_of_the_application() {
    let text = fs::read_to_string(root().join("crates/engine/Cargo.toml")).expect("the manifest");
    let section = text.split("\n[dependencies]\n").nth(1).expect("dependencies").split("\n[").next().unwrap_or("");
    let named: Vec<&str> =
        section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty()).collect();
    assert_eq!(named, OF_THE_ENGINE);
    assert!(!text.contains("[features]") && !text.contains("[target"), "one engine on every machine:\n{text}");
    for (name, text) in engine() {
        assert!(!text.contains("scaling_mode::"), "crates/engine/src/{name}");
    }
}

#[test]
fn server_functions_name_the_server_only_inside_their_bodies() {
    for (name, text) in sources().into_iter().filter(|(name, _)| is_of(name, "api")) {
        for line in text.lines().filter(|line| line.contains("crate::server")) {
            let is_inside = line.starts_with("    use crate::server");
            assert!(is_inside || line.trim_start().starts_with("//"), "src/{name}: {line}");
        }
    }
}

#[test]
fn a_server_function_is_at_most_five_lines() {
    for (name, text) in sources().into_iter().filter(|(name, _)| is_of(name, "api")) {
        for function in text.split("#[server(").skip(1) {
            let Some(body) = function.split("WireError> {\n").nth(1).and_then(|rest| rest.split("\n}").next()) else {
                continue;
            };
            let lines = body.lines().filter(|line| !line.trim_start().starts_with("use ")).count();
            assert!(lines <= 5, "src/{name}: a body of {lines} lines:\n{body}");
        }
    }
}

#[test]
fn the_two_builds_part_in_one_file_only() {
    for (name, text) in sources() {
        let gates = text.matches("cfg(feature").count()
            + text.matches("cfg(not(feature").count()
            + text.matches("cfg_attr(feature").count();
        assert_eq!(gates, if name == "lib.rs" { 2 } else { 0 }, "src/{name}");
    }
    for (name, text) in engine() {
        assert!(!text.contains("feature ="), "crates/engine/src/{name}");
    }
}

#[test]
fn nothing_in_the_engine_reads_a_clock_a_file_or_the_environment() {
    let forbidden = [
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::env",
        "std::net",
        "sqlx",
        "tokio",
        "async ",
        ".await",
        "println!",
        "unwrap()",
        "panic!(",
        "todo!(",
        "unimplemented!(",
    ];
    for (name, text) in engine() {
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for word in forbidden {
            assert!(!code.contains(word), "crates/engine/src/{name} has {word}");
        }
    }
}

/// ASVS 1.2.5, 1.4.1.
#[test]
fn no_source_has_unsafe_code_and_one_alone_starts_a_process() {
    for (name, text) in sources().into_iter().chain(engine()) {
        let mut words = text.split(|character: char| !(character.is_alphanumeric() || "_-".contains(character)));
        assert!(words.all(|word| word != "unsafe"), "{name} has unsafe code");
        assert!(!text.contains("process::Command") || name == "server/cli/serve.rs", "{name} starts a process");
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for (name, text) in below("src").into_iter().chain(below("crates")).chain(below("tests")) {
        assert!(text.starts_with("//! "), "{name}");
    }
}

/// Keys that stand both in Cargo.toml (for cargo-leptos) and in Leptos.toml (for the running server).
#[test]
fn the_two_files_of_leptos_agree() {
    let read = |file: &str| {
        let text = fs::read_to_string(root().join(file)).expect("the file");
        text.split("[package.metadata.leptos]")
            .nth(1)
            .expect("the section")
            .lines()
            .take_while(|line| !line.starts_with('['))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect::<std::collections::BTreeMap<String, String>>()
    };
    let (cargo, leptos) = (read("Cargo.toml"), read("Leptos.toml"));
    assert!(!leptos.is_empty());
    for (key, value) in leptos {
        assert_eq!(cargo.get(&key), Some(&value), "{key}");
    }
}

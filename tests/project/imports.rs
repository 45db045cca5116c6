//! Holds who may import whom to the graph of `modules.rs`, so that no other name, re-export or path written out in an expression
//! leads around a rule. docs/ARCHITECTURE.md has the rules.

use crate::modules::{self, Graph};
use std::collections::BTreeMap;

/// The settings name where the store is and which sources are asked, so they know both. A chain through them joins nothing.
const JOINT: &str = "src/server/config";

/// What `app.rs` passes on from `ui` for the server: the page's files, colours and reader.
const PASSED_ON: [&str; 3] = ["src/ui/bundle.rs", "src/ui/theme_choice.rs", "src/ui/visitor.rs"];

/// Whether a file is the module of this name or is in its folder.
fn is_in(file: &str, module: &str) -> bool {
    file.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The shortest chain of uses from a file of one module to a file of another, if there is one.
fn chain(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let mut reached: BTreeMap<&str, Option<&str>> =
        graph.keys().filter(|file| is_in(file, from)).map(|file| (file.as_str(), None)).collect();
    let mut edge: Vec<&str> = reached.keys().copied().collect();
    while !edge.is_empty() {
        let mut next = Vec::new();
        for file in edge {
            if is_in(file, to) {
                let mut at = Some(file);
                let mut chain = Vec::new();
                while let Some(file) = at {
                    chain.push(file.to_owned());
                    at = reached[file];
                }
                chain.reverse();
                return Some(chain);
            }
            for other in graph[file].keys().filter(|other| !is_in(other, JOINT)) {
                if !reached.contains_key(other.as_str()) {
                    reached.insert(other, Some(file));
                    next.push(other.as_str());
                }
            }
        }
        edge = next;
    }
    None
}

#[test]
fn store_and_sources_never_meet_on_any_chain_of_imports() {
    let graph = modules::graph();
    for (from, to) in [("src/server/sources", "src/server/store"), ("src/server/store", "src/server/sources")] {
        let chain = chain(graph, from, to);
        assert!(chain.is_none(), "{from} leads to {to}: {}", chain.unwrap_or_default().join(" -> "));
    }
}

/// The part of the application that a file belongs to: `ui`, `server`, or `domain` for the engine.
fn part(file: &str) -> &str {
    match file.strip_prefix("src/") {
        Some(rest) => rest.split('/').next().unwrap_or_default().trim_end_matches(".rs"),
        None => "domain",
    }
}

#[test]
fn each_part_imports_only_what_it_may() {
    let mut wrong = Vec::new();
    for (file, uses) in modules::graph() {
        let may: &[&str] = match part(file) {
            "domain" => &["domain"],
            "error" => &["domain", "error"],
            "views" => &["domain", "views"],
            "ui" | "app" => &["api", "app", "domain", "error", "ui", "views"],
            "api" => &["api", "domain", "error", "server", "views"],
            "server" => &["api", "app", "domain", "error", "server", "views"],
            // lib.rs and main.rs, and what a new part has to be added for.
            "lib" | "main" => continue,
            other => panic!("{other} is a new part: say here and in docs/ARCHITECTURE.md what it may import"),
        };
        for (to, mention) in uses {
            let is_passed_on = part(file) == "server" && PASSED_ON.contains(&to.as_str());
            if !may.contains(&part(to)) && !is_passed_on {
                wrong.push(format!("{file}:{} uses {} of {to}", mention.line, mention.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

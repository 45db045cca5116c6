//! Finds circles among the files that use one another, by the graph of `modules.rs`, and checks two rules by that graph: a circle
//! has at most three files, and folders that lie side by side form none.
//!
//! `circles.txt` lists the circles that break the rules today. The list may only shrink: a new circle fails, a larger one fails,
//! and one that has become smaller fails until UPDATE_CIRCLES=1 has written the list again, which it does only if no more files
//! are in circles than before.

use crate::architecture::root;
use crate::modules::{self, Graph};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const LIST: &str = "tests/project/circles.txt";
const MOST_FILES: usize = 3;

type Circle = BTreeSet<String>;

/// The strongly connected components of more than one node, by Tarjan's algorithm, largest first.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Circle> {
    struct Search<'a> {
        graph: &'a BTreeMap<String, BTreeSet<String>>,
        /// The order in which each node was reached, and the earliest that it leads back to.
        order: BTreeMap<&'a str, (usize, usize)>,
        stack: Vec<&'a str>,
        found: Vec<Circle>,
    }
    fn visit<'a>(search: &mut Search<'a>, node: &'a str) -> usize {
        let number = search.order.len();
        search.order.insert(node, (number, number));
        search.stack.push(node);
        let mut lowest = number;
        for next in search.graph.get(node).into_iter().flatten() {
            match search.order.get(next.as_str()) {
                None => lowest = lowest.min(visit(search, next)),
                Some((reached, _)) if search.stack.contains(&next.as_str()) => lowest = lowest.min(*reached),
                Some(_) => {}
            }
        }
        if lowest == number {
            let from = search.stack.iter().position(|other| *other == node).expect("it is on the stack");
            let circle: Circle = search.stack.drain(from..).map(str::to_owned).collect();
            if circle.len() > 1 {
                search.found.push(circle);
            }
        }
        lowest
    }
    let mut search = Search { graph, order: BTreeMap::new(), stack: Vec::new(), found: Vec::new() };
    for node in graph.keys() {
        if !search.order.contains_key(node.as_str()) {
            visit(&mut search, node);
        }
    }
    search.found.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    search.found
}

fn plain(graph: &Graph) -> BTreeMap<String, BTreeSet<String>> {
    graph.iter().map(|(file, uses)| (file.clone(), uses.keys().cloned().collect())).collect()
}

/// The circles of more files than there may be.
fn circles_longer_than_allowed(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Circle> {
    circles(graph).into_iter().filter(|circle| circle.len() > MOST_FILES).collect()
}

fn circles_of_files(graph: &Graph) -> Vec<Circle> {
    circles_longer_than_allowed(&plain(graph))
}

/// The circles among the modules of one folder that go through two or more with a folder of their own. A module is its file and all
/// in the folder of its name.
fn circles_of_folders(graph: &Graph) -> Vec<Circle> {
    let is_file = |name: &str| graph.contains_key(name);
    let folders: BTreeSet<&str> =
        graph.keys().filter_map(|file| file.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let has_folder = |module: &String| folders.contains(module.as_str());
    let mut found = Vec::new();
    for parent in &folders {
        // The module beside the others that a file belongs to: `src/server/http` of `src/server/http/guard.rs`.
        let module = |file: &str| {
            let rest = file.strip_prefix(parent)?.strip_prefix('/')?;
            let name = rest.split('/').next()?.trim_end_matches(".rs");
            Some(format!("{parent}/{name}"))
        };
        let mut among = BTreeMap::<String, BTreeSet<String>>::new();
        for (file, uses) in graph.iter().filter(|(file, _)| is_file(file)) {
            let Some(from) = module(file) else { continue };
            let to = uses.keys().filter_map(|other| module(other)).filter(|to| *to != from);
            among.entry(from.clone()).or_default().extend(to);
        }
        found.extend(
            circles(&among).into_iter().filter(|circle| circle.iter().filter(|module| has_folder(module)).count() > 1),
        );
    }
    found
}

/// Uses among files of one circle that could be cut together: all of one file by the files of a folder, or the other way round.
type Arrow = BTreeSet<(String, String)>;

/// Arrows without which a circle of files would end, found greedily: each is the one that leaves the least of a circle, and among
/// those the one of the fewest uses.
fn cuts(graph: &Graph, circle: &Circle) -> Vec<Arrow> {
    let inside = |file: &String| graph[file].keys().filter(|to| circle.contains(*to)).cloned().collect();
    let mut left: BTreeMap<String, BTreeSet<String>> = circle.iter().map(|file| (file.clone(), inside(file))).collect();
    let weight = |left: &BTreeMap<String, BTreeSet<String>>| -> usize {
        circles_longer_than_allowed(left).iter().map(|circle| circle.len() * circle.len()).sum()
    };
    let folder = |file: &str| file.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let without = |left: &BTreeMap<String, BTreeSet<String>>, arrow: &Arrow| {
        let mut rest = left.clone();
        for (from, to) in arrow {
            rest.get_mut(from).expect("a file").remove(to);
        }
        rest
    };
    let mut found = Vec::new();
    while let Some(largest) = circles_longer_than_allowed(&left).first() {
        let mut arrows = BTreeMap::<(bool, String, Option<String>), Arrow>::new();
        for from in largest {
            for to in left[from].iter().filter(|to| largest.contains(*to)) {
                let each = (from.clone(), to.clone());
                arrows.entry((true, from.clone(), folder(to))).or_default().insert(each.clone());
                arrows.entry((false, to.clone(), folder(from))).or_default().insert(each);
            }
        }
        let best = arrows.into_values().min_by_key(|arrow| (weight(&without(&left, arrow)), arrow.len()));
        let best = best.expect("a circle has uses");
        left = without(&left, &best);
        found.push(best);
    }
    found
}

/// A circle for the reader of a failure: its files, and the uses that would break it.
fn described(graph: &Graph, circle: &Circle) -> String {
    let mut text = String::new();
    for file in circle {
        writeln!(text, "    {file}").expect("a text");
    }
    if circle.iter().all(|file| graph.contains_key(file)) {
        text.push_str("  would end without:\n");
        for arrow in cuts(graph, circle) {
            writeln!(text, "    {} uses:", arrow.len()).expect("a text");
            for (from, to) in arrow {
                let mention = &graph[&from][&to];
                writeln!(text, "      {from}:{} uses {} of {to}", mention.line, mention.path).expect("a text");
            }
        }
    }
    text
}

/// The list: circles, one a paragraph, one file or folder a line.
fn listed() -> Vec<Circle> {
    let text = std::fs::read_to_string(root().join(LIST)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.is_empty())
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| paragraph.iter().map(|line| (*line).to_owned()).collect())
        .collect()
}

fn write_list(found: &[Circle]) {
    let mut text = String::from(
        "# Circles that break the rules of tests/project/circles.rs today: of more than three files, or between folders. This list may only\n\
         # shrink. UPDATE_CIRCLES=1 cargo test --test project circles\n",
    );
    for circle in found {
        text.push('\n');
        for name in circle {
            writeln!(text, "{name}").expect("a text");
        }
    }
    std::fs::write(root().join(LIST), text).expect("the list is written");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn there_is_no_circle_that_the_list_does_not_name() {
    let graph = modules::graph();
    let mut found = circles_of_files(graph);
    found.extend(circles_of_folders(graph));
    let listed = listed();
    let size = |circles: &[Circle]| circles.iter().map(BTreeSet::len).sum::<usize>();
    if std::env::var_os("UPDATE_CIRCLES").is_some() {
        let message = "more files are in circles than the list has; mend the new circles first";
        assert!(listed.is_empty() || size(&found) <= size(&listed), "{message}: {} of {}", size(&found), size(&listed));
        write_list(&found);
        return;
    }
    let new: String = found
        .iter()
        .filter(|circle| !listed.iter().any(|known| circle.is_subset(known)))
        .map(|circle| format!("\n  a circle of {}:\n{}", circle.len(), described(graph, circle)))
        .collect();
    assert!(new.is_empty(), "circles that {LIST} does not list:{new}");
    assert!(found == listed, "fewer files are in circles than {LIST} says: run this test with UPDATE_CIRCLES=1");
}

/// Prints the circles of today with the uses that would break them: `cargo test --test project circles -- --ignored --nocapture`.
#[test]
#[ignore = "prints, and checks nothing"]
fn show_circles() {
    let graph = modules::graph();
    for circle in circles_of_files(graph).iter().chain(&circles_of_folders(graph)) {
        println!("a circle of {}:\n{}", circle.len(), described(graph, circle));
    }
}

fn graph_of(uses: &[(&str, &str)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut graph = BTreeMap::<String, BTreeSet<String>>::new();
    for (from, to) in uses {
        graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        graph.entry((*to).to_owned()).or_default();
    }
    graph
}

#[test]
fn a_circle_is_found_and_a_chain_is_none() {
    let found =
        circles(&graph_of(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("e", "f")]));
    let names = |letters: &str| letters.chars().map(String::from).collect::<Circle>();
    assert_eq!(found, [names("abc"), names("de")]);
    assert!(circles(&graph_of(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
}

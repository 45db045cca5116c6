//! Checks that docs/security.md is complete and true as far as a machine can tell. Every requirement of the standard's levels 1 and 2 is there
//! once and in order, in a known state. Every requirement that is met names a test, or the place in the code or the documents that makes
//! it so. A test that is named names its rows in turn, in a line of the comment right above it that begins with `ASVS`, and no other test
//! does. Whether a test shows what its row claims is for a reader to judge.

use crate::architecture::below;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many requirements of levels 1 and 2 each section of OWASP ASVS 5.0.0 has, chapter by chapter. Those of level 3 have
/// the higher numbers of their section.
const SECTIONS: [&[usize]; 17] = [
    &[2, 9, 11, 3, 2],
    &[3, 3, 4, 1],
    &[0, 2, 4, 6, 5, 0, 2],
    &[3, 1, 2, 4],
    &[1, 3, 2, 3],
    &[3, 12, 4, 4, 5, 3, 0, 4],
    &[3, 4, 2, 5, 2, 2],
    &[2, 3, 1, 1],
    &[3, 4],
    &[2, 2, 4, 11, 5, 2, 3],
    &[2, 3, 3, 4, 1, 1, 0],
    &[3, 2, 4],
    &[1, 5, 2, 5],
    &[2, 4, 3],
    &[3, 3, 7, 0],
    &[1, 5, 4, 3, 3],
    &[1, 4, 2],
];

/// As the standard counts them: 70 of level 1, 183 of level 2.
const REQUIREMENTS: usize = 253;

/// How a last cell begins that names a place instead of a test.
const BY_CONSTRUCTION: &str = "by construction: ";

/// How a line begins in which a test names its rows, such as `1.2.5, 1.4.1.` behind it.
const NAMES_ROWS: &str = "/// ASVS ";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows whose first cell is a number of the standard, cell by cell.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("the table");
    let is_number =
        |cell: &str| cell.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    text.lines()
        .filter_map(|line| line.strip_prefix("| "))
        .map(|line| line.trim_end_matches('|').split(" |").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cells| is_number(&cells[0]))
        .collect()
}

/// What a row's last cell names.
enum Shown {
    Nothing,
    /// A file or folder of the project.
    Place(String),
    /// As `file::name`.
    Test(String),
}

fn shown(cells: &[String]) -> Shown {
    let cell = cells.get(4).map(String::as_str).unwrap_or_default();
    if let Some(place) = cell.strip_prefix(BY_CONSTRUCTION) {
        // A remark may follow the place, in brackets.
        let place = place.split_once(" (").map_or(place, |(place, _)| place);
        Shown::Place(place.to_owned())
    } else if cell.is_empty() {
        Shown::Nothing
    } else {
        Shown::Test(cell.trim_matches('`').to_owned())
    }
}

/// Each row that names a test, by its number, with the test.
fn named() -> BTreeSet<(String, String)> {
    let of_row = |cells: Vec<String>| match shown(&cells) {
        Shown::Test(test) => Some((cells[0].clone(), test)),
        Shown::Nothing | Shown::Place(_) => None,
    };
    rows().into_iter().filter_map(of_row).collect()
}

/// Each row that a test names in the comment above it, with the test. Between such a line and its test stand only comments and attributes.
fn claimed() -> BTreeSet<(String, String)> {
    let mut claimed = BTreeSet::new();
    for folder in ["crates", "src", "tests"] {
        for (file, text) in below(folder) {
            let mut numbers: Vec<&str> = Vec::new();
            for line in text.lines().map(str::trim_start) {
                if let Some(list) = line.strip_prefix(NAMES_ROWS) {
                    numbers.extend(list.trim_end_matches('.').split(", "));
                } else if !numbers.is_empty() && !line.starts_with("///") && !line.starts_with("#[") {
                    let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                    let (name, _) = name.unwrap_or_else(|| panic!("{folder}/{file}: {numbers:?} are above no test"));
                    let test = format!("{folder}/{file}::{name}");
                    claimed.extend(numbers.drain(..).map(|number| (number.to_owned(), test.clone())));
                }
            }
        }
    }
    claimed
}

#[test]
fn every_requirement_of_levels_one_and_two_is_there_once_and_in_order() {
    let mut expected = Vec::new();
    for (chapter, sections) in SECTIONS.iter().enumerate() {
        for (section, requirements) in sections.iter().enumerate() {
            expected.extend((1..=*requirements).map(|number| format!("{}.{}.{number}", chapter + 1, section + 1)));
        }
    }
    assert_eq!(expected.len(), REQUIREMENTS);
    let found: Vec<String> = rows().into_iter().map(|cells| cells[0].clone()).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_requirement_is_in_a_known_state_that_is_explained() {
    for cells in rows() {
        assert!(["met", "not applicable", "open"].contains(&cells[2].as_str()), "{cells:?}");
        assert!(!cells[1].is_empty() && !cells[3].is_empty(), "{cells:?}");
    }
}

#[test]
fn every_requirement_that_is_met_names_a_test_or_the_place_that_makes_it_so() {
    for cells in rows() {
        match shown(&cells) {
            Shown::Nothing => assert_ne!(cells[2], "met", "{} names neither a test nor a place", cells[0]),
            Shown::Place(place) => assert!(root().join(&place).exists(), "{}: no {place}", cells[0]),
            Shown::Test(_) => {}
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let named = named();
    for (row, test) in &named {
        let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{row}: {test} names no test"));
        assert!(Path::new(file).extension().is_some_and(|extension| extension == "rs"), "{row}: {file}");
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{row}: no {file}"));
        let place = text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("{row}: {file} has no {name}"));
        let is_test = text[..place].trim_end().trim_end_matches("async").trim_end().lines().last();
        assert!(is_test.is_some_and(|line| line.contains("test")), "{row}: {name} is no test");
    }
    assert!(named.len() > 100, "only {} requirements name a test", named.len());
}

#[test]
fn every_test_that_is_named_names_its_rows_and_no_other_does() {
    let (named, claimed) = (named(), claimed());
    let silent: Vec<_> = named.difference(&claimed).collect();
    assert!(silent.is_empty(), "write the row above the test, in a line such as `{NAMES_ROWS}1.2.5.`: {silent:?}");
    let unfounded: Vec<_> = claimed.difference(&named).collect();
    assert!(unfounded.is_empty(), "docs/security.md names another test for these rows, or none: {unfounded:?}");
}

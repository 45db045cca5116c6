//! Owns that docs/security.md is whole and true as far as a machine can tell: every requirement of the standard's levels 1 and
//! 2 once and in order, in a known state, and every test that it names in the file that it names.

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
fn every_test_that_is_named_exists() {
    let mut named = 0;
    for cells in rows() {
        let Some(test) = cells.get(4).map(|cell| cell.trim_matches('`')).filter(|cell| !cell.is_empty()) else {
            continue;
        };
        let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{}: {test} names no test", cells[0]));
        assert!(Path::new(file).extension().is_some_and(|extension| extension == "rs"), "{}: {file}", cells[0]);
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{}: no {file}", cells[0]));
        let place = text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("{}: {file} has no {name}", cells[0]));
        let is_test = text[..place].trim_end().trim_end_matches("async").trim_end().lines().last();
        assert!(is_test.is_some_and(|line| line.contains("test")), "{}: {name} is no test", cells[0]);
        named += 1;
    }
    assert!(named > 50, "only {named} requirements name a test");
}

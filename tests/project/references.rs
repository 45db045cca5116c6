//! Holds that what comments and documents name is there: files, folders, sections of documents, links and their anchors.
//!
//! A path may be shortened at its front, as `http/guard.rs`, as long as some file's path ends with it; `domain/` stands for the
//! engine's folder. A comment names a section by number and title, as in `docs/engine.md, section 8 "Rules and the answer"`,
//! so that a renumbered document is noticed.

use crate::architecture::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Endings by which a word is known as a file's path. Those behind the bar count only if a folder is named, too.
const ENDINGS: [&str; 8] = ["css", "md", "mjs", "py", "rs", "sh", "sql", "ts"];
const ENDINGS_IN_FOLDERS: [&str; 4] = ["json", "toml", "txt", "yml"];

/// Folders that hold what was built or fetched.
const NOT_OURS: [&str; 5] = ["node_modules", "target", "data", "test-results", "playwright-report"];

/// Names of files that are no part of the project: a reader's own, or another program's.
const OF_OTHERS: [&str; 1] = ["send-numbers.sh"];

/// Every file of the project with its text, by its path from the project's folder. Files that are not text are there without one.
fn files() -> BTreeMap<String, String> {
    fn add(folder: &Path, into: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !NOT_OURS.contains(&name.as_str())
                    && (!name.starts_with('.') || [".cargo", ".ci", ".config"].contains(&name.as_str()))
                {
                    add(&path, into);
                }
            } else {
                let name = path.strip_prefix(root()).expect("below the project").to_string_lossy().into_owned();
                into.insert(name, fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(root(), &mut found);
    found
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// How a comment begins in a file, by its ending.
fn marks(file: &str) -> &'static [&'static str] {
    match ending(file) {
        "rs" | "mjs" | "ts" => &["//", "/*", "* "],
        "css" => &["/*", "* "],
        "sql" => &["--"],
        "sh" | "py" | "toml" | "yml" | "" if !file.ends_with("LICENSE") => &["#"],
        _ if file.ends_with("Makefile") => &["#"],
        _ => &[],
    }
}

/// The parts of a file that a reader is spoken to in: all of a document, and the comments of everything else. With their lines.
fn prose<'a>(file: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    if ending(file) == "md" {
        return numbered.collect();
    }
    let comment = |line: &'a str| {
        let starts = marks(file).iter().filter_map(|mark| {
            let at = line.find(mark)?;
            let is_alone = line[..at].chars().next_back().is_none_or(char::is_whitespace);
            is_alone.then(|| &line[at + mark.len()..])
        });
        starts.max_by_key(|rest| rest.len())
    };
    numbered.filter_map(|(number, line)| Some((number, comment(line)?.trim_start_matches(['/', '!'])))).collect()
}

/// The paths that a text names.
fn paths(text: &str) -> Vec<&str> {
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(is_of_path).map(|start| at + start) {
        let end = text[start..].find(|c| !is_of_path(c)).map_or(text.len(), |end| start + end);
        let word = text[start..end].trim_end_matches(['.', '-']).trim_start_matches("./");
        let is_address = text[..start].ends_with([':', '@', '$', '~', '{', '}', '*', '<'])
            || word.contains("//")
            || word.contains("...");
        let is_path =
            ENDINGS.contains(&ending(word)) || (word.contains('/') && ENDINGS_IN_FOLDERS.contains(&ending(word)));
        let stem = word.rsplit('/').next().unwrap_or(word).split('.').next().unwrap_or_default();
        if is_path && !is_address && !stem.is_empty() && !word.starts_with('/') && !OF_OTHERS.contains(&word) {
            found.push(word);
        }
        at = end;
    }
    found
}

/// Whether a file of the project has this path, or one that ends with it.
fn is_there(files: &BTreeMap<String, String>, beside: &str, path: &str) -> bool {
    let path = path.replacen("domain/", "crates/engine/src/", usize::from(path.starts_with("domain/")));
    let folder = beside.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut from_here: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        if part == ".." {
            from_here.pop();
        } else {
            from_here.push(part);
        }
    }
    let ends = format!("/{path}");
    files.contains_key(&path)
        || files.contains_key(&from_here.join("/"))
        || files.keys().any(|file| file.ends_with(&ends))
}

/// The anchors of a document's headings, as GitHub makes them, with the headings.
fn headings(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if is_code || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let heading = heading.trim();
        let anchor: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        found.insert(anchor, heading.to_owned());
    }
    found
}

/// The sections that a line names: the document, `None` for its own, the number, and what follows. The line above may end with the
/// document.
fn sections<'a>(above: &'a str, line: &'a str) -> Vec<(Option<&'a str>, usize, &'a str)> {
    let mut found = Vec::new();
    for (at, word) in line.match_indices("section ") {
        let rest = &line[at + word.len()..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(number) = rest[..digits].parse() else { continue };
        // A point and a digit: a section of somebody else's document, such as a standard.
        if rest[digits..].starts_with('.') && rest[digits + 1..].starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let before = if line[..at].trim().is_empty() { above } else { &line[..at] };
        let before = before.trim_end_matches([',', ' ', '`']);
        let document = before.rsplit([' ', '(', '[', '`']).next().filter(|name| ending(name) == "md");
        found.push((document, number, &rest[digits..]));
    }
    found
}

/// What a text names that is not there, one message each.
fn wrong(files: &BTreeMap<String, String>, file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_document = ending(file) == "md";
    let mut above = "";
    for (number, line) in prose(file, text) {
        let mut say = |message: String| wrong.push(format!("{file}:{number}: {message}"));
        for path in paths(line).into_iter().filter(|path| !is_there(files, file, path)) {
            say(format!("there is no {path}"));
        }
        for (document, section, rest) in sections(above, line) {
            let document = match document {
                Some(name) => {
                    files.iter().find(|(path, _)| path.as_str() == name || path.ends_with(&format!("/{name}")))
                }
                None if is_document => files.get_key_value(file),
                None => None,
            };
            let Some((document, text)) = document else { continue };
            let begin = format!("{section}. ");
            let Some(title) =
                headings(text).into_values().find_map(|heading| heading.strip_prefix(&begin).map(str::to_owned))
            else {
                say(format!("{document} has no section {section}"));
                continue;
            };
            if !is_document && !rest.starts_with(&format!(" \"{title}\"")) {
                say(format!("section {section} of {document} is called \"{title}\": name it so behind its number"));
            }
        }
        if is_document {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                link(files, file, target, &mut say);
            }
        }
        above = line;
    }
    wrong
}

fn link(files: &BTreeMap<String, String>, file: &str, target: &str, say: &mut impl FnMut(String)) {
    if target.contains("://") || target.starts_with("mailto:") || target.contains(char::is_whitespace) {
        return;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let full = if path.is_empty() { file.to_owned() } else { normal(file, path) };
    let is_folder = files.keys().any(|other| other.starts_with(&format!("{}/", full.trim_end_matches('/'))));
    if !files.contains_key(&full) && !is_folder {
        say(format!("the link leads to {full}, which is not there"));
    } else if !anchor.is_empty() && !headings(&files[&full]).contains_key(anchor) {
        say(format!("{full} has no heading with the anchor #{anchor}"));
    }
}

/// A link's path from the project's folder.
fn normal(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/').filter(|part| *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[test]
fn what_comments_and_documents_name_is_there() {
    let files = files();
    let wrong: BTreeSet<String> = files.iter().flat_map(|(file, text)| wrong(&files, file, text)).collect();
    assert!(
        wrong.is_empty(),
        "{} references lead nowhere:\n{}",
        wrong.len(),
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn what_is_not_there_is_noticed() {
    let texts = [
        ("docs/a.md", "# A\n\n## 1. Begin\n\n## 2. The end\n"),
        ("src/server/http/guard.rs", ""),
        ("crates/engine/src/rule.rs", ""),
    ];
    let files: BTreeMap<String, String> = texts.map(|(file, text)| (file.to_owned(), text.to_owned())).into();
    let cases = [
        ("src/x.rs", "// see http/guard.rs and domain/rule.rs", true),
        ("src/x.rs", "// see http/guards.rs", false),
        ("src/x.rs", "let path = \"nowhere.rs\";", true),
        ("src/x.rs", "/// docs/a.md, section 2 \"The end\".", true),
        ("src/x.rs", "/// docs/a.md, section 2.", false),
        ("src/x.rs", "/// As said in docs/a.md,\n/// section 2.", false),
        ("src/x.rs", "/// As said in docs/a.md,\n/// section 2 \"The end\".", true),
        ("src/x.rs", "/// docs/a.md, section 1 \"The end\".", false),
        ("src/x.rs", "/// RFC 8259, section 8.1", true),
        ("docs/b.md", "[begin](a.md#1-begin), [a](a.md), [http](../src/server/http)", true),
        ("docs/b.md", "[begin](a.md#3-begin)", false),
        ("docs/b.md", "[gone](gone.md)", false),
        ("docs/b.md", "`src/gone.rs`", false),
        ("docs/a.md", "see section 3", false),
        ("scripts/x.sh", "# guard.rs", true),
        ("scripts/x.sh", "# guards.rs", false),
    ];
    for (file, text, is_right) in cases {
        let mut files = files.clone();
        let text = files.get(file).map_or(text.to_owned(), |before| format!("{before}{text}"));
        files.insert(file.to_owned(), text.clone());
        assert_eq!(wrong(&files, file, &text).is_empty(), is_right, "{file}: {text}");
    }
}

//! Holds that `scripts/words.py`, which `make lint` runs, refuses a word of its list in every kind of text, and that the list of what
//! is left can only shrink.

use crate::architecture::root;
use std::fs;
use std::path::Path;
use std::process::Command;

const LIST: &str = "commits after 0000000000000000000000000000000000000000 2026-01-01T00:00:00Z\nanew\tanew\tagain\n";

/// Runs the script on a folder: whether it was content, and what it said.
fn check(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let script = root().join("scripts/words.py");
    let output = Command::new("python3")
        .arg(script)
        .arg("--root")
        .arg(folder)
        .args(arguments)
        .env_remove("CHECKED_OUT")
        .output()
        .expect("Python 3");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files.iter().chain(&[("scripts/words.txt", LIST)]) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

#[test]
fn a_word_is_refused_in_every_kind_of_text() {
    let cases = [
        ("src/a.rs", "// It begins anew.", "comment"),
        ("src/a.rs", "/// It begins\n/// anew.", "comment"),
        ("src/a.rs", "/* anew */", "comment"),
        ("src/a.rs", "fn begin_anew() {}", "name"),
        ("src/a.rs", "struct BegunAnew;", "name"),
        ("src/a.rs", "const A: &str = \"begins anew\";", "text"),
        ("src/a.rs", "const A: char = '\"'; // anew", "comment"),
        ("scripts/a.mjs", "// anew", "comment"),
        ("end2end/a.ts", "const a = 'anew';", "text"),
        ("scripts/a.sh", "# anew", "comment"),
        ("scripts/a.py", "\"\"\"Begins anew.\"\"\"", "comment"),
        ("a.toml", "# anew", "comment"),
        ("a.yml", "# anew", "comment"),
        ("style/a.css", "/* anew */", "comment"),
        ("migrations/a.sql", "-- anew", "comment"),
        ("docs/a.md", "It begins anew.", "document"),
    ];
    for (file, text, kind) in cases {
        let folder = project(&[(file, text)]);
        let (is_content, said) = check(folder.path(), &[]);
        assert!(
            !is_content && said.contains(&format!("1 times \"anew\" in a {kind} of {file}")),
            "{file}: {text}: {said}"
        );
    }
    for (file, text) in [
        ("src/a.rs", "// It begins again."),
        ("docs/a.md", "`anew`\n\n```\nanew\n```\n"),
        ("src/a.rs", "// Janew, anewer"),
    ] {
        let folder = project(&[(file, text)]);
        let (is_content, said) = check(folder.path(), &[]);
        assert!(is_content, "{file}: {text}: {said}");
    }
}

#[test]
fn a_word_is_refused_in_a_commit_and_so_is_a_long_subject() {
    let long = "a".repeat(73);
    for (message, is_right) in [
        ("Begin again\n\nBecause it ended.\n", true),
        ("Begin anew\n", false),
        ("Begin again\n\nIt began\nanew.\n", false),
        (long.as_str(), false),
    ] {
        let folder = project(&[("message", message)]);
        let file = folder.path().join("message");
        let (is_content, said) = check(folder.path(), &["--message", &file.to_string_lossy()]);
        assert_eq!(is_content, is_right, "{message}: {said}");
    }
}

#[test]
fn the_list_of_what_is_left_only_shrinks() {
    let list = |count: usize, file: &str| format!("{count}\tdocument\t{file}\tanew\n");
    let run = |listed: &str, text: &str, arguments: &[&str]| {
        let folder = project(&[("docs/words-left.txt", listed), ("docs/a.md", text)]);
        let result = check(folder.path(), arguments);
        (result, fs::read_to_string(folder.path().join("docs/words-left.txt")).expect("the list"))
    };
    let ((is_content, said), _) = run(&list(1, "docs/a.md"), "anew", &[]);
    assert!(is_content, "{said}");
    let ((is_content, said), _) = run(&list(1, "docs/a.md"), "anew, anew", &[]);
    assert!(!is_content && said.contains("2 times \"anew\""), "{said}");
    let ((is_content, said), _) = run(&list(2, "docs/a.md"), "anew", &[]);
    assert!(!is_content && said.contains("lower it to 1"), "{said}");

    let ((is_content, said), written) = run(&list(2, "docs/a.md"), "anew", &["--lower"]);
    assert!(is_content && written.ends_with(&list(1, "docs/a.md")), "{said}{written}");
    // A file that was moved keeps its words.
    let ((is_content, said), written) = run(&list(1, "docs/old.md"), "anew", &["--lower"]);
    assert!(is_content && written.ends_with(&list(1, "docs/a.md")), "{said}{written}");
    let ((is_content, said), written) = run(&list(1, "docs/a.md"), "anew, anew", &["--lower"]);
    assert!(!is_content && written == list(1, "docs/a.md"), "{said}{written}");
}

//! Environment variables as container engines pass them on, and a log as they keep it: what is set to nothing counts as not set, and no line
//! has escape codes where nobody looks at a terminal.

use crate::serving::{Server, answer, command};
use reqwest::Method;
use std::process::{Command, Stdio};

/// The variables that the program's own help names, and those that it does not show.
fn variables() -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let help = command(folder.path(), &["serve", "--help"]).1;
    let mut names: Vec<String> = help
        .split(|character: char| !(character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_'))
        .filter(|word| word.starts_with("SCALING_MODE_") || word.starts_with("DATABASE_URL"))
        .map(str::to_owned)
        .collect();
    names
        .extend(["SCALING_MODE_DATABASE_URL", "SCALING_MODE_DATABASE_URL_FILE", "LEPTOS_SITE_ROOT"].map(str::to_owned));
    names.sort();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_are_set_to_nothing_and_those_of_service_links_change_nothing() {
    let names = variables();
    for expected in
        ["DATABASE_URL", "DATABASE_URL_FILE", "SCALING_MODE_NO_DEMO", "SCALING_MODE_LOG_FORMAT", "SCALING_MODE_ADDR"]
    {
        assert!(names.iter().any(|name| name == expected), "{expected} is not among {names:?}");
    }
    assert!(names.len() >= 25, "{names:?}");
    let folder = tempfile::tempdir().expect("a folder");
    // A variable that is set to nothing leaves the file's value in force, and its secrets are looked for elsewhere.
    std::fs::write(folder.path().join("scaling-mode.toml"), "allowed_hosts = [\"of.the.file\"]\ntick_minutes = 30\n")
        .expect("it is written");
    let mut set: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    set.extend([
        ("SCALING_MODE_SERVICE_HOST", "10.0.0.1"),
        ("SCALING_MODE_SERVICE_PORT", "3008"),
        ("SCALING_MODE_PORT", "tcp://10.0.0.1:3008"),
        ("SCALING_MODE_PORT_3008_TCP", "tcp://10.0.0.1:3008"),
        ("SCALING_MODE_PORT_3008_TCP_ADDR", "10.0.0.1"),
    ]);
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &set).await;
    let named = server.request(Method::GET, "/api/openapi.json").header("host", "of.the.file");
    assert_eq!(answer(named).await.status, 200);
    // The other commands, and none at all, take them alike.
    let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .args(["environment", "list", "--log", "warn", "--data-dir"])
        .arg(folder.path())
        .current_dir(folder.path())
        .envs(set.iter().copied())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A value that is wrong is still named.
    let (code, error) = started_with("SCALING_MODE_TICK_MINUTES", "7");
    assert!(code == 2 && error.contains("tick_minutes"), "{code}: {error}");
    let (code, error) = started_with("SCALING_MODE_NO_DEMO", " ");
    assert!(code == 2 && error.contains("SCALING_MODE_NO_DEMO") || error.contains("no-demo"), "{code}: {error}");
}

/// How the program ends without a command and with this variable alone.
fn started_with(name: &str, value: &str) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .current_dir(folder.path())
        .env(name, value)
        .env("SCALING_MODE_LOG", "")
        .env("SCALING_MODE_ADDR", "127.0.0.1:0")
        .stdin(Stdio::null())
        .output()
        .expect("the program ends");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_and_an_answer_that_no_terminal_shows_have_no_escape_codes() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = std::fs::File::create(folder.path().join("server.log")).expect("a file");
        // Programs that force colors for everything they start must not reach the log either.
        let forced = [("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1"), ("TERM", "xterm-256color")];
        let arguments = ["--no-demo", "--log-format", format];
        let server = Server::start_logging(folder.path(), &arguments, &forced, ("debug", Stdio::from(file))).await;
        answer(server.request(Method::GET, "/api/openapi.json").header("host", "evil.example")).await;
        let log = std::fs::read(folder.path().join("server.log")).expect("the log");
        assert!(String::from_utf8_lossy(&log).contains("refused"), "{format}: {}", String::from_utf8_lossy(&log));
        assert!(!log.contains(&0x1b), "{format}: {}", String::from_utf8_lossy(&log).escape_debug());
    }
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in
        [&["help"][..], &["status", "--nothing"], &["serve", "--tick-minutes", "x"], &["environment", "list"]]
    {
        let (_, said, error) = command(folder.path(), arguments);
        assert!(!said.contains('\u{1b}') && !error.contains('\u{1b}'), "{arguments:?}: {said}{error}");
    }
}

//! A start makes files for its user alone, refuses a second server on a SQLite file, and leaves nothing behind if the port is taken.

use crate::serving::{Server, command};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Everything in a folder, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder").flatten() {
        let kind = entry.metadata().expect("its kind");
        found.push((entry.path(), kind.permissions().mode() & 0o777));
        if kind.is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

#[tokio::test]
async fn what_the_program_makes_is_for_its_user_alone() {
    let outside = tempfile::tempdir().expect("a folder");
    let data_dir = outside.path().join("data");
    // The usual mask of a terminal, under which others may read what is made.
    let mut child = Command::new("sh")
        .args(["-c", "umask 022; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_scaling-mode")])
        .args(["environment", "create", "shop", "--kind", "live", "--log", "warn", "--data-dir"])
        .arg(&data_dir)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    assert!(child.wait().expect("it ends").success());
    let server = Server::start_in(&data_dir, &["--no-demo"]).await;
    let backup = outside.path().join("backup.db");
    let path = backup.to_str().expect("a path");
    assert_eq!(server.command(&["backup", path, "--log", "warn"]).0, 0);
    let all = modes(outside.path());
    for name in ["data", "scaling-mode.db", "scaling-mode.db-wal", "scaling-mode.lock", "backup.db", "keys"] {
        assert!(all.iter().any(|(path, _)| path.ends_with(name)), "{name} is not there: {all:?}");
    }
    for (path, mode) in all {
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_told_who_has_it() {
    let server = Server::start().await;
    let (code, _, error) = command(&server.data_dir, &["serve", "--addr", "127.0.0.1:0", "--log", "warn", "--no-demo"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains(&format!("process {}", server.process())), "{error}");
    // Other commands work beside it, and a server that was killed keeps nobody out.
    assert_eq!(server.command(&["environment", "list", "--log", "warn"]).0, 0);
    let (mut server, data_dir) = (server, tempfile::tempdir().expect("a folder"));
    let copied = data_dir.path().join("copy");
    server.kill();
    std::fs::create_dir(&copied).expect("a folder");
    for name in ["scaling-mode.db", "scaling-mode.lock"] {
        std::fs::copy(server.data_dir.join(name), copied.join(name)).expect("it is copied");
    }
    Server::start_in(&copied, &["--no-demo"]).await;
}

#[test]
fn a_port_that_is_taken_leaves_nothing_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let outside = tempfile::tempdir().expect("a folder");
    let data_dir = outside.path().join("data");
    let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .args(["serve", "--addr", &address, "--log", "warn", "--data-dir"])
        .arg(&data_dir)
        .output()
        .expect("the program runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains(&address), "{error}");
    assert!(!data_dir.exists(), "{:?}", modes(outside.path()));
}

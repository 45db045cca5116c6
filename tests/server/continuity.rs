//! A server goes on with the history that it served before, or says what is missing and does not start.

use crate::people::create;
use crate::serving::{Server, command};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

async fn freeze(server: &Server, reason: &str) {
    let act = json!({"environment": "production", "action": "freeze", "reason": reason});
    assert_eq!(server.put("/api/scaling-mode/config", &act).await.status, 200);
}

/// Waits until a file of the data folder holds a text.
async fn has(folder: &Path, name: &str, text: &str) {
    for _ in 0..100 {
        if std::fs::read_to_string(folder.join(name)).is_ok_and(|file| file.contains(text)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{name} does not hold {text}");
}

/// The message of a start that is refused.
fn refused(folder: &Path) -> String {
    let (code, _, error) = command(folder, &["serve", "--addr", "127.0.0.1:0", "--no-demo", "--log", "warn"]);
    assert_eq!(code, 1, "{error}");
    error
}

#[tokio::test]
async fn a_lost_store_beside_signed_heads_is_not_served_as_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    has(folder.path(), "heads.jsonl", "production").await;
    server.kill();
    for name in ["scaling-mode.db", "scaling-mode.db-wal", "scaling-mode.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let said = refused(folder.path());
    assert!(said.contains("accept-history") && said.contains("production"), "{said}");
    // Nor without the keys that verify the heads, or with heads that cannot be read.
    let keys = folder.path().join("keys/history.pub");
    let kept = std::fs::read(&keys).expect("the public key");
    std::fs::remove_file(&keys).expect("it is removed");
    assert!(refused(folder.path()).contains("accept-history"));
    std::fs::write(&keys, kept).expect("it is back");
    let (path, heads) = (folder.path().join("heads.jsonl"), std::fs::read(folder.path().join("heads.jsonl")));
    std::fs::write(&path, "no head\n").expect("it is written");
    assert!(refused(folder.path()).contains("cannot be read"));
    std::fs::write(&path, heads.expect("the heads")).expect("they are back");
    let (code, doctor, _) = command(folder.path(), &["doctor", "--log", "warn"]);
    assert!(code == 1 && doctor.contains("accept-history"), "{doctor}");
    let (code, said, error) =
        command(folder.path(), &["accept-history", "--reason", "the disk is gone", "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("Accepted"), "{said}");
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    assert_eq!(server.get("/readyz").await.status, 200);
    let kept = std::fs::read_dir(folder.path()).expect("the folder").flatten();
    let kept = kept.filter(|file| file.file_name().to_string_lossy().starts_with("heads.2")).count();
    assert_eq!(kept, 1, "what was signed before is kept");
}

#[tokio::test]
async fn a_history_that_is_shorter_than_it_was_signed_is_refused_and_a_restored_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    has(folder.path(), "heads.jsonl", "production").await;
    let backup = folder.path().join("backup.db");
    let path = backup.to_str().expect("a path");
    assert_eq!(server.command(&["backup", path, "--log", "warn"]).0, 0);
    freeze(&server, "after the backup").await;
    server.kill();
    // The next start signs what was added.
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    let lines = || std::fs::read_to_string(folder.path().join("heads.jsonl")).expect("heads").lines().count();
    for _ in 0..100 {
        if lines() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.kill();
    let store = folder.path().join("scaling-mode.db");
    for name in ["scaling-mode.db", "scaling-mode.db-wal", "scaling-mode.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    std::fs::copy(&backup, &store).expect("it is copied");
    let said = refused(folder.path());
    assert!(said.contains("ends with event") && said.contains("was signed at"), "{said}");
    // Restoring says on purpose that the backup is to be gone on with.
    for name in ["scaling-mode.db", "scaling-mode.db-wal", "scaling-mode.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(name));
    }
    let (code, said, error) = command(folder.path(), &["restore", path, "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("Events recorded after this backup are lost"), "{said}");
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    assert_eq!(server.command(&["verify", "--log", "warn"]).0, 0);
}

#[tokio::test]
async fn acknowledged_events_that_a_lost_log_took_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    has(folder.path(), "heads.jsonl", "production").await;
    // Into the database itself, as a clean end leaves it.
    let stopped = std::process::Command::new("kill").arg(server.process().to_string()).status().expect("kill runs");
    assert!(stopped.success());
    assert_eq!(server.ended(Duration::from_secs(20)).await, Some(0));
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    freeze(&server, "taken, and then lost").await;
    let newest = server.get("/api/scaling-mode/history?limit=1").await.json["events"][0]["hash"].clone();
    has(folder.path(), "newest.json", newest.as_str().expect("a hash")).await;
    server.kill();
    std::fs::remove_file(folder.path().join("scaling-mode.db-wal")).expect("the log is lost");
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    let history = server.command(&["history", "--log", "error"]).1;
    assert!(history.contains("acknowledged before this start and are missing"), "{history}");
}

#[tokio::test]
async fn a_file_of_heads_with_nothing_in_it_is_said() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let empty = server.data_dir.join("empty.jsonl");
    std::fs::write(&empty, "").expect("it is written");
    let (code, _, error) =
        server.command(&["verify", "--signed-heads", empty.to_str().expect("a path"), "--log", "warn"]);
    assert!(code == 1 && error.contains("holds no signed head"), "{code}: {error}");
    has(&server.data_dir, "heads.jsonl", "production").await;
    let own = server.data_dir.join("heads.jsonl");
    let (code, said, error) =
        server.command(&["verify", "--signed-heads", own.to_str().expect("a path"), "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("signed places lies on it"), "{said}");
    let other = Server::start().await;
    has(&other.data_dir, "heads.jsonl", "production").await;
    let foreign = other.data_dir.join("heads.jsonl");
    let (code, _, error) =
        server.command(&["verify", "--signed-heads", foreign.to_str().expect("a path"), "--log", "warn"]);
    assert!(code == 1 && error.contains("none of those that are trusted"), "{code}: {error}");
}

//! Cases of SQLite files: what the database itself refuses, backup, restore, reopening.

use super::support::*;
use scaling_mode::domain::act::Act;
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::signal::Series;
use scaling_mode::server::store::sqlite::{SqliteStore, restore};
use scaling_mode::server::store::{Store, StoreError};
use serde_json::json;
use sqlx::{Connection, Executor};
use std::path::Path;

async fn refusal(path: &Path, sql: &'static str) -> String {
    let mut raw = raw(path).await;
    sqlx::query(sql).execute(&mut raw).await.expect_err(sql).to_string()
}

#[tokio::test]
async fn the_database_itself_refuses_to_alter_what_is_proved() {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 3).await;
    for (sql, table) in [
        ("UPDATE history SET reason = 'never said' WHERE seq = 2", "history"),
        ("DELETE FROM history WHERE seq = 2", "history"),
        ("INSERT OR REPLACE INTO history SELECT * FROM history WHERE seq = 2", "history"),
        (
            "INSERT INTO history SELECT environment_id, 99, at, type, actor, old_mode, new_mode, reason, snapshot_id, digest, prev_hash, hash, address FROM history WHERE seq = 2",
            "history",
        ),
        ("UPDATE snapshots SET digest = 'x'", "snapshots"),
        ("DELETE FROM snapshots", "snapshots"),
        ("INSERT OR REPLACE INTO snapshots SELECT * FROM snapshots LIMIT 1", "snapshots"),
        ("UPDATE configs SET body = '{}'", "configs"),
        ("DELETE FROM configs", "configs"),
        ("INSERT OR REPLACE INTO configs SELECT * FROM configs LIMIT 1", "configs"),
    ] {
        let said = refusal(&file(&folder), sql).await;
        assert!(said.contains(table) && said.contains("append-only"), "{sql}: {said}");
    }
    assert_eq!(verify(&store).await.unwrap().seq, 4);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let (folder, store) = sqlite().await;
    let act = Act::SetMode { mode: Mode::Pilot, old_mode: Mode::Lab, reason: None };
    store.act(ENV, &act, "local".into(), minute(1), None).await.unwrap();
    store.ingest(ENV, &batch(json!({"samples": [sample("posts.published", 1, json!(3))]})), t0(), None).await.unwrap();
    // Without closing: as after a crash.
    let again = SqliteStore::open(&file(&folder)).await.unwrap();
    assert_eq!(again.config(ENV).await.unwrap().mode, Mode::Pilot);
    assert_eq!(stream(&again, Series::PostsPublished, 0, 5).await.latest(ms(5)).unwrap().total, 3);
    again.ready().await.unwrap();
}

#[tokio::test]
async fn a_store_opened_for_reading_reads_and_refuses_to_write() {
    let (folder, store) = sqlite().await;
    store.close().await;
    let reading = SqliteStore::open_read_only(&file(&folder)).await.unwrap();
    assert_eq!(verify(&reading).await.unwrap().seq, 1);
    assert!(reading.ready().await.is_err());
    let missing = SqliteStore::open_read_only(&folder.path().join("missing.db")).await;
    assert!(matches!(missing, Err(StoreError::NotAStore(_))), "{missing:?}");
    assert!(!folder.path().join("missing.db").exists());
}

#[tokio::test]
async fn a_backup_taken_while_writing_is_complete_and_never_replaces_a_file() {
    let (folder, store) = sqlite().await;
    let copy = folder.path().join("backup.db");
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for place in 0..200 {
                let sealed =
                    snapshot(ENV, minute(15 * place), scaling_mode::domain::snapshot::Origin::Scheduled, "busy");
                store.record(ENV, &[recording(&sealed)], None).await.unwrap();
            }
        })
    };
    while event_count(&store).await < 20 {
        tokio::task::yield_now().await;
    }
    store.backup(&copy).await.unwrap();
    writer.await.unwrap();
    let opened = SqliteStore::open(&copy).await.unwrap();
    let head = verify(&opened).await.unwrap();
    assert!((20..=201).contains(&head.seq), "{head}");
    assert_eq!(opened.heads().await.unwrap(), std::slice::from_ref(&head));
    opened.ready().await.unwrap();
    opened.close().await;
    assert!(matches!(store.backup(&copy).await, Err(StoreError::FileExists(_))));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().ends_with(".part")), "{names:?}");
}

#[tokio::test]
async fn restore_puts_a_whole_store_in_an_empty_place() {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 5).await;
    let copy = folder.path().join("backup.db");
    store.backup(&copy).await.unwrap();
    let place = folder.path().join("restored.db");
    assert_eq!(restore(&copy, &place).await.unwrap(), store.heads().await.unwrap());
    let restored = SqliteStore::open(&place).await.unwrap();
    assert_eq!(verify(&restored).await.unwrap().seq, 6);
    assert!(matches!(restore(&copy, &place).await, Err(StoreError::FileExists(_))));
}

/// A copy of a store of some size, damaged by SQL.
async fn damaged(sql: &[&'static str]) -> StoreError {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 40).await;
    let copy = folder.path().join("backup.db");
    store.backup(&copy).await.unwrap();
    let mut raw = raw(&copy).await;
    for sql in sql {
        sqlx::query(*sql).execute(&mut raw).await.unwrap();
    }
    sqlx::Connection::close(raw).await.unwrap();
    let place = folder.path().join("restored.db");
    let refused = restore(&copy, &place).await.expect_err("a damaged file is refused");
    assert!(!place.exists());
    refused
}

/// ASVS 5.2.2.
#[tokio::test]
async fn restore_refuses_what_is_not_a_whole_store() {
    let cases: [(&[&str], &str); 6] = [
        (
            &["DROP TRIGGER history_is_never_updated", "UPDATE history SET reason = 'never said' WHERE seq = 7"],
            "event 7",
        ),
        (&["DROP TRIGGER history_is_never_deleted", "DELETE FROM history WHERE seq = 41"], "its head is 41"),
        (
            &["DROP TRIGGER history_is_never_updated", "UPDATE history SET type = 'invented' WHERE seq = 7"],
            "an event's type",
        ),
        (
            &["DROP TRIGGER snapshots_are_never_updated", "UPDATE snapshots SET digest = replace(digest, 'a', 'b')"],
            "digest",
        ),
        (&["UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1"], "newer version"),
        (&["DROP TABLE _sqlx_migrations"], "not of this program"),
    ];
    for (sql, expected) in cases {
        let refused = damaged(sql).await.to_string();
        assert!(refused.contains(expected), "{sql:?}: {refused}");
    }
}

#[tokio::test]
async fn restore_refuses_files_whose_bytes_are_damaged() {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 40).await;
    let copy = folder.path().join("backup.db");
    store.backup(&copy).await.unwrap();
    let whole = std::fs::read(&copy).unwrap();
    let place = folder.path().join("restored.db");
    let mut hurt: Vec<Vec<u8>> =
        vec![whole[..whole.len() / 2].to_vec(), b"not a database at all".repeat(400), Vec::new()];
    // Every page in turn is overwritten in its middle.
    for page in (0..whole.len() / 4096).step_by(3) {
        let mut bytes = whole.clone();
        bytes[page * 4096..page * 4096 + 4096].fill(0xA5);
        hurt.push(bytes);
    }
    for (number, bytes) in hurt.into_iter().enumerate() {
        let path = folder.path().join(format!("hurt-{number}.db"));
        std::fs::write(&path, bytes).unwrap();
        let refused = restore(&path, &place).await;
        assert!(matches!(refused, Err(StoreError::NotAStore(_))), "{number}: {refused:?}");
        assert!(!place.exists(), "{number}");
    }
}

#[tokio::test]
async fn another_programs_file_is_not_opened_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(file(&folder), b"this is a text, and a rather long one at that, as texts go".repeat(50)).unwrap();
    let refused = SqliteStore::open(&file(&folder)).await;
    assert!(matches!(refused, Err(StoreError::NotAStore(_))), "{refused:?}");
    // A database, but of somebody else: nothing is put into it.
    let other = folder.path().join("other.db");
    sqlx::SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", other.display()))
        .await
        .unwrap()
        .execute(sqlx::raw_sql("CREATE TABLE invoices (id INTEGER)"))
        .await
        .unwrap();
    let refused = SqliteStore::open(&other).await;
    assert!(matches!(refused, Err(StoreError::NotAStore(what)) if what.contains("another program")));
}

/// SQLite ends a transaction by itself where the disk is full; what was open of it must not be in the way of the next.
#[tokio::test]
async fn a_transaction_that_the_database_has_ended_by_itself_stops_nobody_after_it() {
    let (folder, store) = sqlite().await;
    raw(&file(&folder))
        .await
        .execute(sqlx::raw_sql(
            "CREATE TRIGGER as_a_full_disk BEFORE INSERT ON history WHEN NEW.reason = 'full' \
             BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
        ))
        .await
        .unwrap();
    for _ in 0..3 {
        let refused = store.append(ENV, note_of("full")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        store.append(ENV, note_of("there is room again")).await.unwrap();
        store.ready().await.unwrap();
    }
    assert_eq!(verify(&store).await.unwrap().seq, 4);
    store.close().await;
}

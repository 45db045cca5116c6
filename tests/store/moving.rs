//! Cases of copying a whole store: from one database to the other and back, going on after an interruption, and what is refused.

use crate::support::{ENV, batch, database, file, key, minute, note_of, record_ticks, sample, sqlite, verify, with};
use scaling_mode::domain::act::Act;
use scaling_mode::server::proof::examine;
use scaling_mode::server::store::postgres::PostgresStore;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, Place, Store, StoreError, restore};
use serde_json::json;
use sqlx::Connection;
use std::path::Path;

/// A file with something of everything in it.
async fn filled() -> tempfile::TempDir {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 250).await;
    let sent =
        batch(json!({"source": "crm", "covers_from": minute(0).to_rfc3339(), "data_through": minute(90).to_rfc3339(),
        "samples": (0..90).map(|at| sample("clients.active", at, json!(7))).collect::<Vec<_>>()}));
    store.ingest(ENV, &sent, minute(91), Some(&key("k", "digest"))).await.unwrap();
    let named = batch(json!({"source": "billing", "samples": [
        with(sample("ai.spend", 3, json!("0.0000001")), "id", json!("bill-1")),
        with(sample("ai.spend", 4, json!(2.5)), "id", json!("bill-2")),
    ]}));
    store.ingest(ENV, &named, minute(91), None).await.unwrap();
    store.append(ENV, note_of("ümläut, \"quotes\" and a 'tick'")).await.unwrap();
    store.close().await;
    folder
}

fn sqlite_at(path: &Path) -> Place {
    Place::Sqlite(path.to_owned())
}

/// What a reader sees of a store.
async fn seen(place: &Place) -> String {
    let store = place.open().await.unwrap();
    let report = examine(store.as_ref(), None).await.unwrap();
    let events = store.events(ENV, &EventFilter::default(), 20).await.unwrap();
    let sources = store.sources(ENV).await.unwrap();
    let head = verify(store.as_ref()).await.unwrap();
    let snapshot = store.latest_snapshot(ENV, minute(600)).await.unwrap().unwrap();
    store.close().await;
    format!("{report:?} {events:?} {sources:?} {head:?} {}", snapshot.id)
}

#[tokio::test]
async fn a_store_goes_to_postgresql_and_back_and_is_the_same() {
    let folder = filled().await;
    let (from, there) = (sqlite_at(&file(&folder)), Place::Postgres(database().await));
    from.copy_to(&there, &|_| {}).await.unwrap();
    assert_eq!(seen(&from).await, seen(&there).await);
    let back = sqlite_at(&folder.path().join("back.db"));
    there.copy_to(&back, &|_| {}).await.unwrap();
    assert_eq!(seen(&from).await, seen(&back).await);

    // The copy lives on: numbers of its own do not run into those that were copied, and a sample is known again by its id.
    let store = there.open().await.unwrap();
    let again = batch(
        json!({"source": "billing", "samples": [with(sample("ai.spend", 4, json!(2.5)), "id", json!("bill-2"))]}),
    );
    assert_eq!(store.ingest(ENV, &again, minute(92), None).await.unwrap().duplicates, 1);
    let new = batch(json!({"source": "new", "samples": [sample("infra.cpu", 5, json!(0.5))]}));
    assert_eq!(store.ingest(ENV, &new, minute(92), None).await.unwrap().accepted, 1);
    store.append(ENV, note_of("after the move")).await.unwrap();
    verify(store.as_ref()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_copy_that_was_interrupted_goes_on_and_is_no_store_until_it_has_ended() {
    let folder = filled().await;
    let url = database().await;
    let (from, to) = (sqlite_at(&file(&folder)), Place::Postgres(url.clone()));
    from.copy_to(&to, &|_| {}).await.unwrap();
    // As a process leaves it that was killed: the last tables are missing, the mark is there.
    let mut raw = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(
        "DELETE FROM idempotency; DELETE FROM minutes; DELETE FROM sample_ids; DELETE FROM samples WHERE id <> ''; \
        DELETE FROM spans; INSERT INTO meta VALUES ('moving', 1)",
    )
    .execute(&mut raw)
    .await
    .unwrap();
    raw.close().await.unwrap();
    assert!(matches!(to.open().await, Err(StoreError::NotAStore(what)) if what.contains("has not come to its end")));
    from.copy_to(&to, &|_| {}).await.unwrap();
    assert_eq!(seen(&from).await, seen(&to).await);
}

#[tokio::test]
async fn a_place_that_holds_something_and_a_source_that_is_written_to_are_refused() {
    let folder = filled().await;
    let from = sqlite_at(&file(&folder));
    let (_, other) = sqlite().await;
    other.close().await;
    let to = Place::Postgres(database().await);
    from.copy_to(&to, &|_| {}).await.unwrap();
    assert!(
        matches!(from.copy_to(&to, &|_| {}).await, Err(StoreError::NotAStore(what)) if what.contains("holds a store"))
    );
    let nowhere = sqlite_at(&folder.path().join("nothing.db"));
    assert!(
        matches!(nowhere.copy_to(&to, &|_| {}).await, Err(StoreError::NotAStore(what)) if what.contains("no such file"))
    );

    // A server that is at work on the source meanwhile: its event is missing from the copy, and that is found.
    let to = Place::Postgres(database().await);
    let path = file(&folder);
    let wrote = std::sync::atomic::AtomicBool::new(false);
    let told = |progress| {
        if progress == scaling_mode::server::store::Progress::Comparing
            && !wrote.swap(true, std::sync::atomic::Ordering::Relaxed)
        {
            let path = path.clone();
            std::thread::spawn(move || {
                tokio::runtime::Runtime::new().unwrap().block_on(async {
                    let store = SqliteStore::open(&path).await.unwrap();
                    store.append(ENV, note_of("meanwhile")).await.unwrap();
                    store.close().await;
                });
            })
            .join()
            .unwrap();
        }
    };
    let copied = from.copy_to(&to, &told).await;
    assert!(matches!(copied, Err(StoreError::NotAStore(what)) if what.contains("has written to one of the two")));
    assert!(to.open().await.is_err(), "what is not the same is no store");
}

#[tokio::test]
async fn a_backup_of_postgresql_is_a_file_that_restores_into_either() {
    let folder = filled().await;
    let from = Place::Postgres(database().await);
    sqlite_at(&file(&folder)).copy_to(&from, &|_| {}).await.unwrap();
    let backup = folder.path().join("backup.db");
    let store = from.open().await.unwrap();
    // While it is in use.
    let (backed, ()) = tokio::join!(store.backup(&backup), async {
        for _ in 0..20 {
            store.append(ENV, note_of("meanwhile")).await.unwrap();
        }
    });
    backed.unwrap();
    assert!(matches!(store.backup(&backup).await, Err(StoreError::FileExists(_))));
    store.close().await;
    let (to_file, to_database) = (sqlite_at(&folder.path().join("restored.db")), Place::Postgres(database().await));
    restore(&backup, &to_file).await.unwrap();
    restore(&backup, &to_database).await.unwrap();
    assert_eq!(seen(&to_file).await, seen(&to_database).await);
    let refused = restore(&backup, &to_database).await;
    assert!(matches!(refused, Err(StoreError::NotAStore(_))), "never over what is there");
}

#[tokio::test]
async fn the_database_itself_refuses_to_alter_what_is_proved() {
    let url = database().await;
    let store = PostgresStore::open(&url).await.unwrap();
    crate::support::create(&store, ENV).await;
    record_ticks(&store, 3).await;
    store.act(ENV, &Act::Freeze { reason: "why".into() }, "local".into(), minute(9), None).await.unwrap();
    store.close().await;
    let mut raw = sqlx::PgConnection::connect(&url).await.unwrap();
    for statement in [
        "UPDATE history SET actor = 'founder' WHERE seq = 2",
        "DELETE FROM history WHERE seq = 2",
        "TRUNCATE history",
        // Behind the table's back, in the partition itself.
        "DO $$ BEGIN EXECUTE (SELECT 'DELETE FROM ' || tableoid::regclass FROM history LIMIT 1); END $$",
        "UPDATE snapshots SET digest = 'x'",
        "DELETE FROM snapshots",
        "TRUNCATE snapshots CASCADE",
        "UPDATE configs SET body = '{}'",
        "DELETE FROM configs",
        "INSERT INTO history SELECT environment_id, seq, at + interval '1 day', type, 'founder', old_mode, new_mode, reason, snapshot_id, \
            digest, prev_hash, hash FROM history WHERE seq = 2",
        "INSERT INTO history SELECT environment_id, seq + 10, at, type, 'founder', old_mode, new_mode, reason, snapshot_id, digest, \
            prev_hash, hash FROM history WHERE seq = 2",
        "UPDATE environments SET head_seq = 1",
        "UPDATE environments SET head_seq = head_seq + 1",
        "INSERT INTO snapshots SELECT * FROM snapshots ON CONFLICT (row_id) DO UPDATE SET digest = 'x'",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut raw).await;
        let error = refused.expect_err(statement).to_string();
        assert!(error.contains("append-only"), "{statement}: {error}");
    }
}

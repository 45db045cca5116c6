//! Cases of tampering: ten thousand random edits, deletions and swaps in a stored chain, each found at its place.

use super::support::*;
use scaling_mode::domain::history::{Actor, EventType, NewEvent};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::server::store::Store;
use scaling_mode::server::store::sqlite::SqliteStore;
use sqlx::SqliteConnection;

const EVENTS: u64 = 24;
const ROUNDS: u64 = 10_000;

async fn fill(store: &dyn Store) {
    let sealed: Vec<_> = (0..8).map(|place| snapshot(ENV, minute(15 * place), Origin::Scheduled, "quiet")).collect();
    let recordings: Vec<_> = sealed.iter().map(recording).collect();
    store.record(ENV, &recordings, None).await.unwrap();
    while event_count(store).await < EVENTS {
        let actor = Actor { name: "local", address: Some("203.0.113.7".parse().unwrap()) };
        let mut event = NewEvent::new(EventType::ModeChanged, actor, minute(500));
        event.old_mode = Some(Mode::Lab);
        event.new_mode = Some(Mode::Pilot);
        event.reason = Some("because".to_owned());
        store.append(ENV, event).await.unwrap();
    }
}

async fn run(db: &mut SqliteConnection, sql: String) {
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(db).await.unwrap();
}

/// Alters the stored chain at random; returns the first sequence number that is no longer what it was.
async fn tamper(db: &mut SqliteConnection, dice: &mut Dice) -> u64 {
    let place = 1 + dice.roll(EVENTS);
    match dice.roll(4) {
        0 => {
            run(db, format!("DELETE FROM history WHERE seq = {place}")).await;
            place
        }
        1 => {
            // Two events change places; the content of one may go with the number of the other.
            let other = 1 + (place + dice.roll(EVENTS - 1)) % EVENTS;
            for (from, to) in [(place, 1_000), (other, place), (1_000, other)] {
                run(db, format!("UPDATE history SET seq = {to} WHERE seq = {from}")).await;
            }
            place.min(other)
        }
        _ => {
            let edits = [
                "at = at + 1",
                "at = 9223372036854775807",
                "type = 'note'",
                "type = 'invented'",
                "actor = actor || ' '",
                "address = CASE WHEN address IS NULL THEN '203.0.113.9' END",
                "address = CASE WHEN address IS NULL THEN '' ELSE address || '0' END",
                "old_mode = 'scale'",
                "new_mode = CASE WHEN new_mode IS NULL THEN 'lab' END",
                "reason = 'never said'",
                "reason = coalesce(reason, '') || '.'",
                "snapshot_id = coalesce(snapshot_id, '') || '0'",
                "digest = CASE WHEN digest IS NULL THEN hash END",
                "prev_hash = upper(prev_hash) || ' '",
                "hash = substr(hash, 2) || substr(hash, 1, 1) || '0'",
                "seq = seq + 500",
                "environment_id = 2",
            ];
            let edit = edits[usize::try_from(dice.roll(edits.len() as u64)).unwrap()];
            run(db, format!("UPDATE history SET {edit} WHERE seq = {place}")).await;
            place
        }
    }
}

#[tokio::test]
async fn every_one_of_ten_thousand_alterations_is_found_at_its_place() {
    let (folder, original) = sqlite().await;
    create(&original, "another").await;
    fill(&original).await;
    let kept = verify(&original).await.unwrap();
    let copy = folder.path().join("copy.db");
    original.backup(&copy).await.unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    let mut db = raw(&copy).await;
    for trigger in ["history_is_never_updated", "history_is_never_deleted", "history_only_grows"] {
        run(&mut db, format!("DROP TRIGGER {trigger}")).await;
    }
    run(&mut db, "PRAGMA ignore_check_constraints = ON".to_owned()).await;
    run(&mut db, "CREATE TABLE untouched AS SELECT * FROM history WHERE environment_id = 1".to_owned()).await;
    run(&mut db, "DELETE FROM history WHERE environment_id = 2".to_owned()).await;

    let mut dice = Dice(20_261_124);
    for round in 0..ROUNDS {
        run(&mut db, "BEGIN".to_owned()).await;
        let first_bad = tamper(&mut db, &mut dice).await;
        run(&mut db, "COMMIT".to_owned()).await;
        let found = match verify(&store).await {
            // Nothing follows a cut tail: only a head kept elsewhere shows it, one past the newest event.
            Ok(head) if head != kept => head.seq + 1,
            Ok(_) => 0,
            Err(seq) => seq,
        };
        assert_eq!(found, first_bad, "round {round}");
        for sql in ["BEGIN", "DELETE FROM history", "INSERT INTO history SELECT * FROM untouched", "COMMIT"] {
            run(&mut db, sql.to_owned()).await;
        }
    }
    assert_eq!(verify(&store).await, Ok(kept));
}

#[tokio::test]
async fn a_cut_tail_is_found_against_a_kept_head() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    let kept = store.heads().await.unwrap().remove(0);
    let mut db = raw(&file(&folder)).await;
    run(&mut db, "DROP TRIGGER history_is_never_deleted".to_owned()).await;
    run(&mut db, format!("DELETE FROM history WHERE seq > {}", EVENTS - 3)).await;
    let reached = verify(&store).await.unwrap();
    assert_eq!(reached.seq, EVENTS - 3);
    // The store's own head still tells, unless that was altered too; the kept one always does.
    assert_eq!(store.heads().await.unwrap(), std::slice::from_ref(&kept));
    run(&mut db, format!("UPDATE environments SET head_seq = {}, head_hash = '{}'", reached.seq, reached.hash)).await;
    let heads = store.heads().await.unwrap();
    assert_eq!(heads, [reached]);
    assert_ne!(heads, [kept]);
}

//! Cases of what is drawn over time: points that are hulls of the snapshots of equal stretches, an actor's events, and the
//! commits that open pages wait for.

use super::support::*;
use chrono::Duration;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::trend::TrendPoint;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, Store, TrendQuery};

fn query(from: i64, to: i64, step: i64) -> TrendQuery {
    TrendQuery { from: minute(from), step: Duration::minutes(step), to: minute(to) }
}

#[tokio::test]
async fn a_point_is_the_hull_of_its_step_and_a_step_without_a_snapshot_has_none() {
    for_each_backend(async |store| {
        let sealed = record_ticks(store, 8).await;
        let asked = snapshot(ENV, minute(40), Origin::OnDemand, "asked for");
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
        // Ticks at 0, 15, ... 105 minutes; the step is open at its beginning.
        let points = store.trend(ENV, &query(-1, 240, 60)).await.unwrap();
        let found: Vec<_> = points.iter().map(|point| (point.at, point.snapshots)).collect();
        assert_eq!(found, [(minute(45), 5), (minute(105), 4)]);
        let whole = TrendPoint::of(&sealed[0].body);
        assert!(points.iter().all(|point| point.overall == whole.overall && point.mode == whole.mode));
        assert_eq!((points[0].clients_lo, points[0].clients_hi), (0, None), "what is not known has no upper end");
        assert_eq!(store.trend(ENV, &query(105, 240, 60)).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_store_made_before_there_were_points_gets_them_once() {
    let (folder, store) = sqlite().await;
    record_ticks(&store, 5).await;
    let before = store.trend(ENV, &query(-1, 240, 15)).await.unwrap();
    assert_eq!(before.len(), 5);
    store.close().await;
    let mut raw = raw(&file(&folder)).await;
    sqlx::query("DELETE FROM points").execute(&mut raw).await.unwrap();
    let again = SqliteStore::open(&file(&folder)).await.unwrap();
    assert_eq!(again.trend(ENV, &query(-1, 240, 15)).await.unwrap(), before);
}

#[tokio::test]
async fn an_actors_events_are_complete_in_their_order_under_every_filter() {
    for_each_backend(async |store| {
        for place in 0..60 {
            let actor = if place % 3 == 0 { "founder" } else { "local" };
            let event_type = if place % 2 == 0 { EventType::Note } else { EventType::Frozen };
            store.append(ENV, NewEvent::new(event_type, actor, minute(place))).await.unwrap();
        }
        for types in [vec![], vec![EventType::Note]] {
            let mut filter =
                EventFilter { actor: Some("founder".to_owned()), types: types.clone(), ..EventFilter::default() };
            let mut seen = Vec::new();
            loop {
                let page = store.events(ENV, &filter, 7).await.unwrap();
                let Some(last) = page.last() else { break };
                filter.before = Some(last.seq);
                seen.extend(page);
            }
            assert!(seen.iter().all(|event| event.actor == "founder"));
            assert!(seen.windows(2).all(|pair| pair[0].seq > pair[1].seq));
            assert_eq!(seen.len(), if types.is_empty() { 20 } else { 10 });
        }
    })
    .await;
}

#[tokio::test]
async fn a_commit_of_any_process_is_noticed() {
    let (folder, store) = sqlite().await;
    let mut commits = store.commits();
    store.append(ENV, NewEvent::new(EventType::Note, "local", minute(1))).await.unwrap();
    assert!(commits.has_changed().unwrap(), "its own");
    store.notice_outside_commits().await.unwrap();
    commits.mark_unchanged();
    store.notice_outside_commits().await.unwrap();
    assert!(!commits.has_changed().unwrap(), "nothing has happened");
    let other = SqliteStore::open(&file(&folder)).await.unwrap();
    other.append(ENV, NewEvent::new(EventType::Note, "local", minute(2))).await.unwrap();
    store.notice_outside_commits().await.unwrap();
    assert!(commits.has_changed().unwrap(), "another process's");
}

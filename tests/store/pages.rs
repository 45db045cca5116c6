//! Cases of paging: complete, without duplicates, in order, under every filter.

use super::support::*;
use chrono::Duration;
use scaling_mode::domain::history::{Event, EventType, NewEvent};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::server::store::{EventFilter, Store};

/// 301 events: a note every minute, each tenth a freeze; one in seven is dated back.
async fn fill(store: &dyn Store) {
    for place in 0..300i64 {
        let event_type = if place % 10 == 0 { EventType::Frozen } else { EventType::Note };
        let back = if place % 7 == 0 { 30 } else { 0 };
        store.append(ENV, NewEvent::new(event_type, "local", minute(place - back))).await.unwrap();
    }
}

async fn walk(store: &dyn Store, filter: EventFilter, limit: u32) -> Vec<Event> {
    let (mut all, mut filter) = (Vec::new(), filter);
    loop {
        let page = store.events(ENV, &filter, limit).await.unwrap();
        let Some(last) = page.last() else { return all };
        assert!(page.len() <= limit as usize);
        filter.before = Some(last.seq);
        all.extend(page);
    }
}

#[tokio::test]
async fn pages_of_history_are_complete_without_duplicates_under_every_filter() {
    for_each_backend(async |store| {
        fill(store).await;
        let everything = store.events_after(ENV, 0, 1_000).await.unwrap();
        let types = [
            vec![],
            vec![EventType::Frozen],
            vec![EventType::Frozen, EventType::ConfigChanged, EventType::Frozen],
            vec![EventType::Unfrozen],
        ];
        let times = [(None, None), (Some(50), None), (None, Some(50)), (Some(50), Some(120)), (Some(120), Some(50))];
        for types in &types {
            for (from, to) in times {
                let (from, to) = (from.map(minute), to.map(minute));
                let filter = EventFilter { types: types.clone(), from, to, ..EventFilter::default() };
                let fits = |event: &&Event| {
                    (types.is_empty() || types.contains(&event.event_type))
                        && from.is_none_or(|from| event.at >= from)
                        && to.is_none_or(|to| event.at < to)
                };
                let mut expected: Vec<Event> = everything.iter().filter(fits).cloned().collect();
                // By place in the chain; by time where a time is asked for.
                let by_time = from.is_some() || to.is_some();
                expected.sort_by_key(|event| std::cmp::Reverse((by_time.then_some(event.at), event.seq)));
                assert_eq!(walk(store, filter.clone(), 17).await, expected, "{filter:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_before_the_first_event_is_empty_and_one_before_a_future_event_is_the_newest() {
    for_each_backend(async |store| {
        fill(store).await;
        for from in [None, Some(minute(-1_000))] {
            let page = |before| EventFilter { before: Some(before), from, ..EventFilter::default() };
            assert_eq!(store.events(ENV, &page(0), 5).await.unwrap(), []);
            assert_eq!(store.events(ENV, &page(u64::MAX), 5).await.unwrap().len(), 5);
        }
        let first = EventFilter { before: Some(1), ..EventFilter::default() };
        assert_eq!(store.events(ENV, &first, 5).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn pages_of_snapshots_are_complete_without_duplicates() {
    for_each_backend(async |store| {
        record_ticks(store, 20).await;
        for place in 0..20 {
            // Several of one time: the id tells them apart.
            let asked = snapshot(ENV, minute(15 * (place / 5)), Origin::OnDemand, &format!("asked {place}"));
            store.record(ENV, &[recording(&asked)], None).await.unwrap();
        }
        for (origin, expected) in [(None, 40), (Some(Origin::OnDemand), 20), (Some(Origin::Daily), 0)] {
            let (mut all, mut before) = (Vec::new(), None);
            loop {
                let page = store.snapshots(ENV, 7, before, origin).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Some((last.body.as_of, last.id.clone()));
                all.extend(page.into_iter().map(|snapshot| (snapshot.body.as_of, snapshot.id)));
            }
            assert_eq!(all.len(), expected);
            assert!(all.windows(2).all(|pair| pair[0] > pair[1]));
        }
    })
    .await;
}

#[tokio::test]
async fn the_bytes_of_snapshots_are_walked_in_the_order_of_their_making() {
    for_each_backend(async |store| {
        create(store, "another").await;
        let elsewhere = snapshot("another", minute(0), Origin::Scheduled, "elsewhere");
        store.record("another", &[recording(&elsewhere)], None).await.unwrap();
        let ids: Vec<String> = record_ticks(store, 12).await.into_iter().map(|snapshot| snapshot.id).collect();
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = store.snapshot_rows(ENV, after, 5).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.row;
            seen.extend(page.into_iter().map(|row| row.id));
        }
        assert_eq!(seen, ids);
    })
    .await;
}

#[tokio::test]
async fn an_environment_sees_nothing_of_another() {
    for_each_backend(async |store| {
        record_ticks(store, 2).await;
        create(store, "another").await;
        assert_eq!(store.events("another", &EventFilter::default(), 9).await.unwrap().len(), 1);
        assert_eq!(store.latest_snapshot("another", minute(600)).await.unwrap(), None);
        assert_eq!(store.ticks("another", t0() - Duration::days(1), t0() + Duration::days(1)).await.unwrap(), []);
    })
    .await;
}

//! Cases of the founder's page: it is read from one state of the store, and is what the single readings of that state say.

use super::support::*;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::trend::Range;
use scaling_mode::server::store::{EventFilter, FounderPageQuery, ListedSnapshot, TrendRange};
use std::collections::HashSet;

fn query(known: &[String], drawn: Option<(u64, chrono::DateTime<chrono::Utc>)>) -> FounderPageQuery {
    FounderPageQuery {
        drawn,
        event_rows: 20,
        events: EventFilter::default(),
        known: known.iter().cloned().collect::<HashSet<String>>(),
        snapshots: 20,
        trend: TrendRange { now: minute(600), range: Range::Week },
    }
}

#[tokio::test]
async fn the_page_is_what_the_single_readings_say() {
    for_each_backend(async |store| {
        record_ticks(store, 30).await;
        let page = store.founder_page(ENV, &query(&[], None)).await.unwrap();
        let newest = store.newest(ENV, minute(600)).await.unwrap();
        assert_eq!((&page.config, &page.proposal), (&newest.config, &newest.proposal));
        assert_eq!(page.config, store.config(ENV).await.unwrap());
        assert_eq!(page.events, store.events(ENV, &EventFilter::default(), 20).await.unwrap());
        assert_eq!(page.environments, store.environments().await.unwrap());
        assert_eq!(page.sources, store.sources(ENV).await.unwrap());
        assert_eq!(Some(page.head), store.heads().await.unwrap().first().map(|head| head.seq));
        let single = store.snapshots(ENV, 20, None, None).await.unwrap();
        assert_eq!(newest.snapshot.as_ref(), single.first());
        let read: Vec<ListedSnapshot> = single.iter().map(|one| ListedSnapshot::Read(Box::new(one.clone()))).collect();
        assert_eq!(page.snapshots, read);
        let trend = page.trend.unwrap();
        assert_eq!(trend.points, store.trend(ENV, &page.span.points()).await.unwrap());
        assert_eq!(trend.events, store.events(ENV, &page.span.changes(), 500).await.unwrap());
        assert!(trend.days.is_empty() && !trend.points.is_empty(), "a week shows no days");

        // Snapshots that are known are not read again, except the newest; charts of the same state neither.
        let ids: Vec<String> = single.iter().map(|snapshot| snapshot.id.clone()).collect();
        let again = store.founder_page(ENV, &query(&ids, Some((page.head, page.span.to)))).await.unwrap();
        assert!(matches!(again.snapshots[0], ListedSnapshot::Read(_)) && again.trend.is_none());
        let known = again.snapshots[1..].iter().zip(&ids[1..]);
        assert!(known.clone().all(|(one, id)| *one == ListedSnapshot::Known(id.clone())) && known.count() == 19);
        store.append(ENV, NewEvent::new(EventType::Note, "local", minute(601))).await.unwrap();
        let moved = store.founder_page(ENV, &query(&ids, Some((page.head, page.span.to)))).await.unwrap();
        assert!(moved.trend.is_some() && moved.head == page.head + 1);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_read_while_others_write_is_of_one_state() {
    for_each_backend(async |store| {
        record_ticks(store, 1).await;
        let writes = async {
            for number in 1..60 {
                store.append(ENV, NewEvent::new(EventType::Note, "local", minute(number))).await.unwrap();
            }
        };
        let reads = async {
            for _ in 0..60 {
                let page = store.founder_page(ENV, &query(&[], None)).await.unwrap();
                // The head and the newest event are of the same state, whenever it was.
                assert_eq!(Some(page.head), page.events.iter().map(|event| event.seq).max());
            }
        };
        tokio::join!(writes, reads);
    })
    .await;
}

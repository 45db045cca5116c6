//! Cases of reading stored ticks for a backtest: all of them once, in order, within the span, and nothing else.

use super::support::*;
use scaling_mode::domain::backtest::Recorded;
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::server::store::{Store, StoreError};
use tokio::sync::mpsc;

async fn read(
    store: &dyn Store,
    environment: &str,
    span: (Option<i64>, Option<i64>),
) -> Result<Vec<Recorded>, StoreError> {
    let (sender, mut receiver) = mpsc::channel::<Vec<Recorded>>(2);
    let reading = store.recorded_ticks(environment, span.0.map(minute), span.1.map(minute), sender);
    let collecting = async {
        let mut all = Vec::new();
        while let Some(page) = receiver.recv().await {
            all.extend(page);
        }
        all
    };
    let (read, all) = tokio::join!(reading, collecting);
    read.map(|()| all)
}

#[tokio::test]
async fn every_tick_of_the_span_is_read_once_and_in_order_over_many_pages() {
    for_each_backend(async |store| {
        let stored = record_ticks(store, 2_000).await;
        let asked = snapshot(ENV, minute(30), Origin::OnDemand, "asked");
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
        create(store, "another").await;
        let elsewhere = snapshot("another", minute(15), Origin::Scheduled, "elsewhere");
        store.record("another", &[recording(&elsewhere)], None).await.unwrap();
        for (span, expected) in [
            ((None, None), 0..2_000),
            ((Some(15), Some(45)), 1..4),
            ((Some(16), None), 2..2_000),
            ((None, Some(14)), 0..1),
            ((Some(15 * 512), Some(15 * 1_023)), 512..1_024),
            ((Some(60), Some(30)), 0..0),
            ((Some(1_000_000), None), 0..0),
        ] {
            let read = read(store, ENV, span).await.unwrap();
            let ids: Vec<(&str, _)> = read.iter().map(|read| (read.id.as_str(), read.as_of)).collect();
            let expected: Vec<(&str, _)> =
                stored[expected].iter().map(|stored| (stored.id.as_str(), stored.body.as_of)).collect();
            assert_eq!(ids, expected, "{span:?}");
        }
        let read = read(store, "nowhere", (None, None)).await;
        assert!(matches!(read, Err(StoreError::UnknownEnvironment { .. })));
    })
    .await;
}

#[tokio::test]
async fn reading_ends_where_nobody_listens_any_more() {
    for_each_backend(async |store| {
        record_ticks(store, 1_200).await;
        let (sender, mut receiver) = mpsc::channel::<Vec<Recorded>>(1);
        let reading = store.recorded_ticks(ENV, None, None, sender);
        let leaving = async {
            let page = receiver.recv().await;
            drop(receiver);
            page
        };
        let (read, page) = tokio::join!(reading, leaving);
        assert!(read.is_ok() && page.is_some_and(|page| page.len() == 512));
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_said_and_nothing_is_made_up() {
    use sqlx::Connection;
    let (folder, store) = sqlite().await;
    record_ticks(&store, 3).await;
    let mut db = raw(&file(&folder)).await;
    for statement in ["DROP TRIGGER snapshots_are_never_updated", "UPDATE snapshots SET body = x'00' WHERE row_id = 2"]
    {
        sqlx::query(statement).execute(&mut db).await.unwrap();
    }
    db.close().await.unwrap();
    let read = read(&store, ENV, (None, None)).await;
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
    store.close().await;
}

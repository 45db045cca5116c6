//! Owns what is true of counters as they are kept: what was read is counted from, once, in every form; what was forgotten is
//! not taken for a beginning.

use super::support::{ENV, for_each_backend, minute};
use scaling_mode::domain::counting::Total;
use scaling_mode::domain::cumulative::Reading;
use scaling_mode::domain::doubt::Doubt;
use scaling_mode::domain::histogram::Histogram;
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::AcceptedBatch;
use scaling_mode::server::store::Store;

fn reading(counter: u8, at: i64, start: Option<i64>, total: Total) -> Reading {
    let series = if matches!(total, Total::Latency(_)) { Series::InfraLatency } else { Series::InfraRequests };
    let (at, start) = (minute(at), start.map(minute));
    let (family, key) = ([counter; 16], [counter + 100; 16]);
    Reading { at, family, is_delta: false, key, price: None, replica: 0, series, start, total }
}

async fn read(store: &dyn Store, readings: Vec<Reading>) {
    let now = readings[0].at;
    let batch = AcceptedBatch { readings, revises: true, source: "shop".to_owned(), ..AcceptedBatch::default() };
    store.ingest(ENV, &batch, now, None).await.unwrap();
}

/// What has been counted, in the order of its times.
async fn counted(store: &dyn Store, series: Series) -> Vec<u64> {
    let span = Span { from: 0, to: minute(10_000).timestamp_millis() };
    let mut samples = store.samples(ENV, series, span, 100).await.unwrap();
    samples.sort_by_key(|sample| sample.at);
    samples.into_iter().map(|sample| sample.atoms).collect()
}

/// The doubts about the requests.
async fn doubts(store: &dyn Store) -> Vec<Doubt> {
    let span = Span { from: 0, to: minute(10_000).timestamp_millis() };
    let streams = store.streams(ENV, span).await.unwrap();
    let own = streams.into_iter().find(|stream| stream.series() == Series::InfraRequests);
    own.map(|stream| stream.doubts).unwrap_or_default()
}

#[tokio::test]
async fn what_a_batch_counts_and_what_it_doubts_is_kept_or_neither_is() {
    for_each_backend(async |store| {
        let count = |at, start, total| reading(0, at, Some(start), Total::Count(total));
        let delta = |at, total| Reading { is_delta: true, key: [9; 16], ..count(at, at - 1, total) };
        read(store, vec![count(0, -90, 1000)]).await;
        read(store, vec![count(1, -90, 1010), delta(1, 4)]).await;
        // Another process, a start that says nothing, a delta point that came before and one that contradicts it.
        read(store, vec![count(2, -60, 500), delta(1, 4)]).await;
        read(store, vec![count(3, 3, 930), delta(1, 5)]).await;
        read(store, vec![count(4, -90, 1040), count(4, -60, 507), count(4, 3, 941)]).await;
        let all = counted(store, Series::InfraRequests).await;
        assert_eq!((all.len(), all.iter().sum::<u64>()), (5, 62), "{all:?}");
        assert_eq!(doubts(store).await, [Doubt::Contradicted, Doubt::SeveralProcesses, Doubt::StartUnknown]);
    })
    .await;
}

#[tokio::test]
async fn a_fall_without_a_start_is_held_back_across_requests_until_it_is_clear() {
    for_each_backend(async |store| {
        let count = |at, total| reading(0, at, None, Total::Count(total));
        for (at, total) in [(0, 900), (1, 910), (2, 7)] {
            read(store, vec![count(at, total)]).await;
        }
        assert_eq!(counted(store, Series::InfraRequests).await, [10]);
        read(store, vec![count(3, 12)]).await;
        assert_eq!(counted(store, Series::InfraRequests).await, [10, 12]);
        assert!(doubts(store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_counter_that_was_forgotten_is_not_counted_from_its_beginning_again() {
    for_each_backend(async |store| {
        let count = |counter, at, start, total| reading(counter, at, start, Total::Count(total));
        read(store, vec![count(0, 0, None, 5)]).await;
        read(store, vec![count(0, 1, None, 8)]).await;
        // It began after its source was heard: all that it says was counted since.
        read(store, vec![count(1, 3, Some(2), 100)]).await;
        assert_eq!(counted(store, Series::InfraRequests).await, [3, 100]);
        assert_eq!(store.prune_counters(minute(1)).await.unwrap(), 0);
        assert_eq!(store.prune_counters(minute(4)).await.unwrap(), 2);
        // Its count meanwhile is in doubt.
        read(store, vec![count(1, 5, Some(2), 130)]).await;
        assert_eq!(doubts(store).await, [Doubt::Appeared]);
        read(store, vec![count(1, 6, Some(2), 140)]).await;
        assert_eq!(counted(store, Series::InfraRequests).await, [3, 100, 0, 10]);
        // One that began since is known to be new.
        read(store, vec![count(2, 8, Some(7), 9)]).await;
        assert_eq!(counted(store, Series::InfraRequests).await, [3, 100, 0, 10, 9]);
    })
    .await;
}

#[tokio::test]
async fn counters_of_both_forms_are_kept_side_by_side_and_counted_once() {
    for_each_backend(async |store| {
        let spread = |each: u64| {
            let mut histogram = Histogram::default();
            histogram.add(0, 100_000_000, each);
            histogram.add(100_000_000, u64::MAX, 1);
            Total::Latency(histogram)
        };
        for (at, total) in [(0, 10), (1, 17), (1, 17), (2, 30)] {
            let readings = vec![reading(1, at, None, Total::Count(total)), reading(1, at, None, spread(total))];
            read(store, readings).await;
        }
        assert_eq!(counted(store, Series::InfraRequests).await, [7, 13]);
        assert_eq!(counted(store, Series::InfraLatency).await, [7, 13]);
    })
    .await;
}

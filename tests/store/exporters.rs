//! Owns what holds of the exporters of one gauge as they are kept: what each said last counts beside the others, over requests.

use super::support::{ENV, for_each_backend, minute};
use chrono::Duration;
use scaling_mode::domain::exporters::{Part, Spoken};
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::{AcceptedBatch, Measurement, Sample};
use scaling_mode::server::store::Store;

/// One exporter says a number of clients, so many seconds after the beginning.
async fn say(store: &dyn Store, exporter: u8, second: i64, start: Option<i64>, clients: u64) {
    let time = |second| minute(0) + Duration::seconds(second);
    let (at, series) = (time(second), Series::ClientsActive);
    let part = Part { at, atoms: clients, key: [exporter; 16], start: start.map(time) };
    let batch = AcceptedBatch {
        revises: true,
        samples: vec![Sample { at, exact: None, id: None, measurement: Measurement::Value(clients), series }],
        source: "shop".to_owned(),
        spoken: vec![Spoken { at, combine: None, parts: vec![part], series }],
        ..AcceptedBatch::default()
    };
    store.ingest(ENV, &batch, at, None).await.unwrap();
}

/// The stored numbers of clients, in the order of their times.
async fn clients(store: &dyn Store) -> Vec<u64> {
    let span = Span { from: minute(-1).timestamp_millis(), to: minute(100).timestamp_millis() };
    let mut samples = store.samples(ENV, Series::ClientsActive, span, 100).await.unwrap();
    samples.sort_by_key(|sample| sample.at);
    samples.into_iter().map(|sample| sample.atoms).collect()
}

#[tokio::test]
async fn exporters_of_one_gauge_are_set_beside_each_other_over_requests() {
    for_each_backend(async |store| {
        say(store, 1, 0, None, 7).await;
        say(store, 2, 1, None, 5).await;
        say(store, 1, 60, None, 7).await;
        // While they disagree the least of them is all that is known, no matter which spoke last.
        let disagree = [7, 5, 5];
        assert_eq!(clients(store).await, disagree);
        // Delivered again, the same changes nothing, whichever it is.
        say(store, 2, 1, None, 5).await;
        say(store, 1, 60, None, 7).await;
        assert_eq!(clients(store).await, disagree);
        // The other is silent for more than five minutes; then one that began since has spoken alone.
        say(store, 1, 302, None, 7).await;
        say(store, 3, 330, Some(320), 9).await;
        assert_eq!(clients(store).await[3..], [7, 9]);
    })
    .await;
}

//! Cases of telemetry: which sample is the same, what is refused, what the roll-ups say.

use super::support::*;
use chrono::Duration;
use scaling_mode::domain::signal::{Aggregation, Series};
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::{AcceptedBatch, Receipt};
use scaling_mode::server::store::{Store, StoreError};
use serde_json::{Value, json};

async fn ingest(store: &dyn Store, batch: &AcceptedBatch) -> Result<(u64, u64), Vec<(u32, String)>> {
    match store.ingest(ENV, batch, t0(), None).await {
        Ok(receipt) => Ok((receipt.accepted, receipt.duplicates)),
        Err(StoreError::Conflicts(rows)) => Err(rows.into_iter().map(|row| (row.index.unwrap(), row.field)).collect()),
        Err(error) => panic!("{error}"),
    }
}

fn posts(minutes: i64, value: Value) -> Value {
    sample("posts.published", minutes, value)
}

#[tokio::test]
async fn the_same_batch_again_is_all_duplicates_and_changes_nothing() {
    for_each_backend(async |store| {
        let batch = batch(json!({"data_through": minute(10).to_rfc3339(), "samples": [
            posts(1, json!(3)), posts(2, json!(4)),
            sample("clients.active", 2, json!(12)),
            with(sample("infra.latency", 2, json!(120)), "aggregation", json!("p95")),
            with(sample("infra.latency", 2, json!(80)), "aggregation", json!("mean")),
            sample("infra.latency", 2, json!(90)),
        ]}));
        assert_eq!(ingest(store, &batch).await, Ok((6, 0)));
        let first = format!("{:?}", store.streams(ENV, Span { from: ms(0), to: ms(60) }).await.unwrap());
        assert_eq!(ingest(store, &batch).await, Ok((0, 6)));
        assert_eq!(format!("{:?}", store.streams(ENV, Span { from: ms(0), to: ms(60) }).await.unwrap()), first);
        assert_eq!(total(store, Series::PostsPublished, 0, 10).await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_every_conflicting_row_is_named() {
    for_each_backend(async |store| {
        ingest(store, &batch(json!({"samples": [posts(1, json!(3)), posts(2, json!(4)), posts(3, json!(5))]})))
            .await
            .unwrap();
        let mixed = batch(json!({"samples": [
            posts(1, json!(3)), posts(2, json!(40)), posts(4, json!(6)), posts(3, json!(50)), posts(4, json!(7)),
        ]}));
        let refused = ingest(store, &mixed).await.unwrap_err();
        assert_eq!(refused, [(1, "value".to_owned()), (3, "value".to_owned()), (4, "value".to_owned())]);
        let samples = store.samples(ENV, Series::PostsPublished, Span { from: ms(0), to: ms(9) }, 10).await.unwrap();
        assert_eq!(samples.iter().map(|sample| sample.atoms).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(store.extent(ENV).await.unwrap(), Some((minute(1), minute(3))));
    })
    .await;
}

#[tokio::test]
async fn duplicates_within_a_batch_follow_the_same_rules() {
    for_each_backend(async |store| {
        let twice = batch(json!({"samples": [posts(1, json!(3)), posts(1, json!(3))]}));
        assert_eq!(ingest(store, &twice).await, Ok((1, 1)));
        let revised = batch(json!({"revises": true, "samples": [posts(2, json!(3)), posts(2, json!(9))]}));
        assert_eq!(ingest(store, &revised).await, Ok((2, 0)));
        let all = store.samples(ENV, Series::PostsPublished, Span { from: ms(0), to: ms(9) }, 9).await.unwrap();
        assert_eq!(all.iter().map(|sample| sample.atoms).collect::<Vec<_>>(), [9, 3]);
    })
    .await;
}

#[tokio::test]
async fn an_id_is_the_identity_within_its_source() {
    for_each_backend(async |store| {
        let charge = |id: &str, minutes, value: &str| with(sample("ai.spend", minutes, json!(value)), "id", json!(id));
        // Two charges of one minute, told apart by their ids.
        let both = batch(json!({"samples": [charge("a", 1, "1.00"), charge("b", 1, "2.00")]}));
        assert_eq!(ingest(store, &both).await, Ok((2, 0)));
        assert_eq!(ingest(store, &both).await, Ok((0, 2)));
        let moved = batch(json!({"samples": [charge("a", 2, "1.00")]}));
        assert_eq!(ingest(store, &moved).await, Err(vec![(0, "id".to_owned())]));
        let other = batch(json!({"samples": [charge("b", 1, "2.01")]}));
        assert_eq!(ingest(store, &other).await, Err(vec![(0, "value".to_owned())]));
        let elsewhere = batch(json!({"source": "billing", "samples": [charge("a", 2, "7.00")]}));
        assert_eq!(ingest(store, &elsewhere).await, Ok((1, 0)));
    })
    .await;
}

#[tokio::test]
async fn a_revising_source_replaces_its_sample_and_the_minute_follows() {
    for_each_backend(async |store| {
        let sent = |revises: bool, samples: Value| batch(json!({"revises": revises, "data_through": minute(10).to_rfc3339(), "covers_from": minute(0).to_rfc3339(), "samples": samples}));
        ingest(store, &sent(false, json!([posts(1, json!(3)), posts(2, json!(4)), posts(3, json!(5))]))).await.unwrap();
        assert_eq!(ingest(store, &sent(true, json!([posts(2, json!(40)), posts(3, json!(5)), posts(4, json!(1))]))).await, Ok((2, 1)));
        assert_eq!(total(store, Series::PostsPublished, 0, 10).await, 3 + 40 + 5 + 1);
        // An id moves with its sample, out of one minute and into another.
        let charge = |minutes, value: &str| json!([with(sample("ai.spend", minutes, json!(value)), "id", json!("a"))]);
        ingest(store, &sent(false, charge(5, "1.00"))).await.unwrap();
        assert_eq!(ingest(store, &sent(true, charge(6, "2.50"))).await, Ok((1, 0)));
        let spend = stream(store, Series::AiSpend, 0, 10).await;
        assert_eq!(spend.latest(ms(5)), None);
        assert_eq!(spend.latest(ms(6)).map(|row| (row.total, row.samples)), Some((2_500_000, 1)));
    })
    .await;
}

#[tokio::test]
async fn amounts_finer_than_an_atom_are_compared_by_their_exact_text() {
    for_each_backend(async |store| {
        let spend = |minutes, value: &str| sample("ai.spend", minutes, json!(value));
        let first = batch(json!({"samples": [spend(1, "0.0000004"), spend(2, "0.0000004")]}));
        assert_eq!(ingest(store, &first).await, Ok((2, 0)));
        // Alone, the second one is rounded up to an atom of its own.
        assert_eq!(ingest(store, &batch(json!({"samples": [spend(2, "0.0000004")]}))).await, Ok((0, 1)));
        let finer = batch(json!({"samples": [spend(2, "0.0000005")]}));
        assert_eq!(ingest(store, &finer).await, Err(vec![(0, "value".to_owned())]));
    })
    .await;
}

#[tokio::test]
async fn distributions_and_counts_are_part_of_what_a_sample_says() {
    for_each_backend(async |store| {
        let latency = |extra: Value| {
            let mut sent = json!({"signal": "infra.latency", "at": minute(1).to_rfc3339(), "unit": "ms"});
            sent.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            batch(json!({"samples": [sent]}))
        };
        let histogram = |last: u64| latency(json!({"histogram": {"bounds": [100, 300], "counts": [90, 8, last]}}));
        assert_eq!(ingest(store, &histogram(2)).await, Ok((1, 0)));
        assert_eq!(ingest(store, &histogram(2)).await, Ok((0, 1)));
        assert!(ingest(store, &histogram(3)).await.is_err());
        let p95 = |count: u64| latency(json!({"value": 120, "aggregation": "p95", "count": count}));
        assert_eq!(ingest(store, &p95(1000)).await, Ok((1, 0)));
        assert!(ingest(store, &p95(1001)).await.is_err());
        let samples = store.samples(ENV, Series::InfraLatency, Span { from: ms(0), to: ms(1) }, 9).await.unwrap();
        let seen: Vec<_> =
            samples.iter().map(|sample| (sample.aggregation, sample.is_distribution, sample.atoms)).collect();
        assert_eq!(seen, [(Some(Aggregation::P95), false, 120_000_000), (None, true, 100)]);
        let row = stream(store, Series::InfraLatency, 0, 1).await;
        let row = row.latest(ms(1)).unwrap().clone();
        let latency = row.latency.unwrap();
        assert_eq!((row.samples, latency.histogram.count(), latency.p95.unwrap().count), (2, 100, Some(1000)));
    })
    .await;
}

#[tokio::test]
async fn any_split_of_the_samples_gives_the_same_minutes() {
    for_each_backend(async |store| {
        create(store, "split").await;
        let samples: Vec<Value> = (0..900)
            .map(|second| {
                let at = (t0() + Duration::seconds(7 * second)).to_rfc3339();
                json!({"signal": "infra.requests", "at": at, "value": second % 13, "unit": "requests"})
            })
            .collect();
        let whole = batch(json!({"samples": &samples}));
        store.ingest(ENV, &whole, t0(), None).await.unwrap();
        for part in [&samples[500..], &samples[..333], &samples[200..700]] {
            store.ingest("split", &batch(json!({"samples": part})), t0(), None).await.unwrap();
        }
        let span = Span { from: ms(-1), to: ms(200) };
        let one = store.streams(ENV, span).await.unwrap();
        let other = store.streams("split", span).await.unwrap();
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    })
    .await;
}

#[tokio::test]
async fn a_stream_has_its_span_and_a_gauge_its_newest_row_before() {
    for_each_backend(async |store| {
        let samples = json!([
            sample("clients.active", -500, json!(1)),
            sample("clients.active", -400, json!(2)),
            sample("clients.active", 5, json!(3)),
            posts(-400, json!(7)),
            posts(0, json!(8)),
            posts(5, json!(9)),
            posts(11, json!(10)),
        ]);
        ingest(store, &batch(json!({"samples": samples, "step_seconds": 600}))).await.unwrap();
        let clients = stream(store, Series::ClientsActive, 0, 10).await;
        assert_eq!(clients.latest(ms(0)).map(|row| row.last), Some(2));
        assert_eq!(clients.latest(ms(10)).map(|row| row.last), Some(3));
        assert_eq!(clients.step(ms(10)), Some(600_000));
        let posts = stream(store, Series::PostsPublished, 0, 10).await;
        assert_eq!(posts.latest(ms(0)), None);
        assert_eq!(posts.latest(ms(60)).map(|row| row.last), Some(9));
    })
    .await;
}

#[tokio::test]
async fn pruned_samples_leave_their_roll_ups_and_cannot_be_counted_twice() {
    for_each_backend(async |store| {
        let sent = batch(json!({"covers_from": minute(0).to_rfc3339(), "data_through": minute(9).to_rfc3339(),
            "samples": [posts(1, json!(3)), posts(2, json!(4)), posts(5, json!(5))]}));
        ingest(store, &sent).await.unwrap();
        assert_eq!(store.prune_samples(minute(3)).await.unwrap(), 2);
        assert_eq!(store.prune_samples(minute(3)).await.unwrap(), 0);
        assert_eq!(ingest(store, &sent).await.unwrap_err(), [(0, "at".to_owned()), (1, "at".to_owned())]);
        // A minute that was empty is still open, and what is kept can still be compared.
        let late = batch(json!({"samples": [posts(0, json!(9)), posts(5, json!(5))]}));
        assert_eq!(ingest(store, &late).await, Ok((1, 1)));
        assert_eq!(total(store, Series::PostsPublished, 0, 9).await, 12);
    })
    .await;
}

#[tokio::test]
async fn a_key_gives_the_first_receipt_again_and_serves_one_request() {
    for_each_backend(async |store| {
        let sent = batch(json!({"samples": [posts(1, json!(3))]}));
        let first = store.ingest(ENV, &sent, t0(), Some(&key("k", "d1"))).await.unwrap();
        assert_eq!(first, Receipt { accepted: 1, duplicates: 0 });
        assert_eq!(store.ingest(ENV, &sent, t0(), Some(&key("k", "d1"))).await.unwrap(), first);
        let reused = store.ingest(ENV, &sent, t0(), Some(&key("k", "d2"))).await;
        assert!(matches!(reused, Err(StoreError::KeyReused)));
        assert_eq!(store.prune_keys(t0() + Duration::hours(1)).await.unwrap(), 1);
        assert_eq!(store.ingest(ENV, &sent, t0(), Some(&key("k", "d2"))).await.unwrap().duplicates, 1);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_environment_is_refused_with_the_names_there_are() {
    for_each_backend(async |store| {
        let refused = store.ingest("prod", &batch(json!({"samples": [posts(1, json!(3))]})), t0(), None).await;
        let Err(StoreError::UnknownEnvironment { name, existing }) = refused else {
            panic!("an unknown environment is refused")
        };
        assert_eq!((name.as_str(), existing), ("prod", vec![ENV.to_owned()]));
    })
    .await;
}

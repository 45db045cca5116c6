//! Cases of coverage: what a source's word does to the spans that it vouches for.

use super::support::*;
use scaling_mode::domain::signal::Series;
use scaling_mode::server::store::Store;
use serde_json::{Value, json};

async fn say(store: &dyn Store, sent: Value) {
    store.ingest(ENV, &batch(sent), t0(), None).await.unwrap();
}

fn word(covers_from: Option<i64>, data_through: i64) -> Value {
    json!({"covers": ["posts.published"], "data_through": minute(data_through).to_rfc3339(),
        "covers_from": covers_from.map(|at| minute(at).to_rfc3339())})
}

#[tokio::test]
async fn coverage_extends_splits_joins_and_never_moves_back() {
    for_each_backend(async |store| {
        let posts = sample("posts.published", 10, json!(1));
        say(store, json!({"data_through": minute(30).to_rfc3339(), "samples": [posts]})).await;
        type Step<'a> = (Option<i64>, i64, &'a [(i64, i64)]);
        let steps: [Step<'_>; 7] = [
            (None, 30, &[(10, 30)]),
            // The source vouches for all of a jump.
            (None, 90, &[(10, 90)]),
            (None, 60, &[(10, 90)]),
            (Some(120), 150, &[(10, 90), (120, 150)]),
            (Some(110), 130, &[(10, 90), (110, 150)]),
            (Some(-60), -30, &[(-60, -30), (10, 90), (110, 150)]),
            (Some(-30), 120, &[(-60, 150)]),
        ];
        for (covers_from, data_through, expected) in steps {
            say(store, word(covers_from, data_through)).await;
            assert_eq!(spans(store, Series::PostsPublished).await, expected, "{covers_from:?} to {data_through}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_only_vouched_for_begins_with_the_word() {
    for_each_backend(async |store| {
        say(store, word(None, 30)).await;
        assert_eq!(spans(store, Series::PostsPublished).await, [(30, 30)]);
        say(store, word(None, 45)).await;
        assert_eq!(spans(store, Series::PostsPublished).await, [(30, 45)]);
        let source = store.sources(ENV).await.unwrap().remove(0);
        assert_eq!((source.data_through, source.first_at, source.fetched_at), (Some(minute(45)), None, Some(t0())));
        assert_eq!(store.extent(ENV).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn coverage_begins_with_samples_that_were_stored_before_the_first_word() {
    for_each_backend(async |store| {
        say(
            store,
            json!({"samples": [sample("posts.published", 5, json!(1)), sample("posts.published", 9, json!(1))]}),
        )
        .await;
        assert_eq!(spans(store, Series::PostsPublished).await, []);
        say(store, word(None, 30)).await;
        assert_eq!(spans(store, Series::PostsPublished).await, [(5, 30)]);
    })
    .await;
}

#[tokio::test]
async fn a_stream_keeps_its_newest_span_however_long_ago_it_ended() {
    for_each_backend(async |store| {
        say(store, word(Some(0), 30)).await;
        say(store, word(Some(60), 90)).await;
        let late = stream(store, Series::PostsPublished, 10_000, 10_010).await;
        assert_eq!(late.data_through(ms(10_010)), Some(ms(90)));
    })
    .await;
}

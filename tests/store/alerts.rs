//! Cases of alerts and of events: what is open, what is stored with it, what is taken once.

use super::support::*;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::alert::{Alert, OpenAlerts};
use scaling_mode::domain::sender::Sender;
use scaling_mode::domain::signal::{Series, Severity};
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::Receipt;
use scaling_mode::server::store::{Store, StoreError};
use serde_json::json;

fn firing(fingerprint: &str, starts: i64) -> Alert {
    Alert {
        ended_at: None,
        fingerprint: fingerprint.to_owned(),
        is_firing: true,
        name: "Slow".to_owned(),
        severity: Some(Severity::Warning),
        starts_at: minute(starts),
    }
}

fn resolved(fingerprint: &str, starts: i64, ended: i64) -> Alert {
    Alert { ended_at: Some(minute(ended)), is_firing: false, ..firing(fingerprint, starts) }
}

fn warnings(warning: u64) -> OpenAlerts {
    OpenAlerts { warning, ..OpenAlerts::default() }
}

/// The samples of open warnings, newest first: time and number.
async fn stored(store: &dyn Store) -> Vec<(DateTime<Utc>, u64)> {
    let span = Span { from: ms(-1), to: ms(1_000_000) };
    let samples = store.samples(ENV, Series::WarningsWarning, span, 100).await.unwrap();
    samples.into_iter().map(|sample| (sample.at, sample.atoms)).collect()
}

#[tokio::test]
async fn alerts_are_counted_by_fingerprint_and_source() {
    for_each_backend(async |store| {
        let take = async |source: &str, alerts: &[Alert], at| {
            store.take_alerts(ENV, source, &Sender::default(), alerts, minute(at)).await.unwrap()
        };
        assert_eq!(take("am", &[firing("a", 1), firing("b", 1)], 1).await, warnings(2));
        assert_eq!(take("am", &[firing("b", 1)], 2).await, warnings(2));
        assert_eq!(take("other", &[firing("b", 1)], 3).await, warnings(1));
        assert_eq!(take("am", &[resolved("a", 1, 3)], 4).await, warnings(1));
        let of_am = stored(store).await;
        assert_eq!(of_am, [(minute(4), 1), (minute(3), 1), (minute(2), 2), (minute(1), 2)]);
        // What is over is forgotten in time; what is open never.
        assert_eq!(take("am", &[], 60 * 24 * 40).await, warnings(1));
        assert_eq!(take("am", &[firing("a", 0)], 60 * 24 * 40 + 1).await, warnings(2));
    })
    .await;
}

#[tokio::test]
async fn the_number_that_is_stored_last_is_the_newest() {
    for_each_backend(async |store| {
        let later = minute(1) + Duration::milliseconds(40);
        store.take_alerts(ENV, "am", &Sender::default(), &[firing("a", 0)], later).await.unwrap();
        // It arrived before, and waited for the first to be stored.
        store.take_alerts(ENV, "am", &Sender::default(), &[firing("b", 0)], minute(1)).await.unwrap();
        assert_eq!(stored(store).await, [(later, 2)]);
        // A clock that was put back is no such wait.
        store.take_alerts(ENV, "am", &Sender::default(), &[firing("c", 0)], minute(0)).await.unwrap();
        assert_eq!(stored(store).await, [(later, 2), (minute(0), 3)]);
    })
    .await;
}

#[tokio::test]
async fn alerts_of_an_environment_that_is_not_there_are_refused() {
    for_each_backend(async |store| {
        let refused = store.take_alerts("nowhere", "am", &Sender::default(), &[firing("a", 1)], minute(1)).await;
        assert!(matches!(refused, Err(StoreError::UnknownEnvironment { .. })));
    })
    .await;
}

#[tokio::test]
async fn what_is_taken_once_changes_nothing_the_second_time() {
    for_each_backend(async |store| {
        let sent = |value: i64| batch(json!({"revises": true, "samples": [sample("clients.active", 1, json!(value))]}));
        let once = |name: &str, digest: &str| key(&format!("event\n{name}"), digest);
        let taken = async |value, key| store.ingest_once(ENV, &sent(value), t0(), &key).await;
        assert_eq!(taken(1, once("a", "1")).await.unwrap(), Receipt { accepted: 1, duplicates: 0 });
        assert_eq!(taken(2, once("b", "2")).await.unwrap(), Receipt { accepted: 1, duplicates: 0 });
        assert_eq!(taken(1, once("a", "1")).await.unwrap(), Receipt { accepted: 0, duplicates: 1 });
        assert!(matches!(taken(3, once("a", "3")).await, Err(StoreError::KeyReused)));
        let span = Span { from: ms(0), to: ms(5) };
        let samples = store.samples(ENV, Series::ClientsActive, span, 10).await.unwrap();
        assert_eq!(samples.iter().map(|sample| sample.atoms).collect::<Vec<_>>(), [2]);
    })
    .await;
}

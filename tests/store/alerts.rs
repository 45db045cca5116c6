//! Cases of alerts and of events: what is open, what is stored with it, what is taken once.

use super::support::*;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::alert::{Alert, AlertCounts, OpenAlerts};
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

/// How soon an alert must be repeated.
const WITHIN: Duration = Duration::hours(24);

fn warnings(open: u64, unknown: u64) -> AlertCounts {
    let of = |warning| OpenAlerts { warning, ..OpenAlerts::default() };
    AlertCounts { open: of(open), unknown: of(unknown) }
}

async fn take(store: &dyn Store, source: &str, alerts: &[Alert], at: DateTime<Utc>) -> AlertCounts {
    store.take_alerts(ENV, source, &Sender::default(), alerts, WITHIN, at).await.unwrap()
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
        let take = async |source: &str, alerts: &[Alert], at| take(store, source, alerts, minute(at)).await;
        assert_eq!(take("am", &[firing("a", 1), firing("b", 1)], 1).await, warnings(2, 0));
        assert_eq!(take("am", &[firing("b", 1)], 2).await, warnings(2, 0));
        assert_eq!(take("other", &[firing("b", 1)], 3).await, warnings(1, 0));
        assert_eq!(take("am", &[resolved("a", 1, 3)], 4).await, warnings(1, 0));
        let of_am = stored(store).await;
        assert_eq!(of_am, [(minute(4), 1), (minute(3), 1), (minute(2), 2), (minute(1), 2)]);
        // An alert that is over is forgotten in time; an open one never, though it becomes unknown.
        assert_eq!(take("am", &[], 60 * 24 * 40).await, warnings(0, 1));
        assert_eq!(take("am", &[firing("a", 0)], 60 * 24 * 40 + 1).await, warnings(1, 1));
    })
    .await;
}

#[tokio::test]
async fn the_number_that_is_stored_last_is_the_newest() {
    for_each_backend(async |store| {
        let later = minute(1) + Duration::milliseconds(40);
        take(store, "am", &[firing("a", 0)], later).await;
        // It arrived before, and waited for the first to be stored.
        take(store, "am", &[firing("b", 0)], minute(1)).await;
        assert_eq!(stored(store).await, [(later, 2)]);
        // A clock that was put back is no such wait.
        take(store, "am", &[firing("c", 0)], minute(0)).await;
        assert_eq!(stored(store).await, [(later, 2), (minute(0), 3)]);
    })
    .await;
}

/// Whether the newest number of open warnings is known only in part.
async fn is_open_ended(store: &dyn Store, at: DateTime<Utc>) -> (u64, bool) {
    let span = Span { from: ms(-1), to: at.timestamp_millis() };
    let streams = store.streams(ENV, span).await.unwrap();
    let stream = streams.into_iter().find(|stream| stream.series() == Series::WarningsWarning).unwrap();
    let row = stream.latest(at.timestamp_millis()).unwrap();
    (row.last, row.is_open)
}

#[tokio::test]
async fn an_alert_that_is_no_longer_repeated_is_unknown_until_it_is_repeated_resolved_or_closed() {
    for_each_backend(async |store| {
        let day = 24 * 60;
        take(store, "am", &[firing("a", 1), firing("b", 1)], minute(2)).await;
        // Exactly as old as it may be, and then a minute older; "b" is repeated.
        assert_eq!(take(store, "am", &[firing("b", 1)], minute(2 + day)).await, warnings(2, 0));
        assert_eq!(is_open_ended(store, minute(2 + day)).await, (2, false));
        assert_eq!(take(store, "am", &[], minute(3 + day)).await, warnings(1, 1));
        assert_eq!(is_open_ended(store, minute(3 + day)).await, (1, true));
        // The page lists both, the one that is silent as such.
        let listed = store.open_alerts(ENV, &["am".to_owned()], WITHIN, minute(3 + day)).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|(_, alert)| (alert.fingerprint.as_str(), alert.is_unknown)).collect();
        assert_eq!(listed, [("a", true), ("b", false)]);
        // Repeated, it is known again; silent once more, its end makes it known too.
        assert_eq!(take(store, "am", &[firing("a", 1)], minute(4 + day)).await, warnings(2, 0));
        assert_eq!(is_open_ended(store, minute(4 + day)).await, (2, false));
        assert_eq!(take(store, "am", &[firing("b", 1)], minute(5 + 2 * day)).await, warnings(1, 1));
        assert_eq!(take(store, "am", &[resolved("a", 1, 2)], minute(6 + 2 * day)).await, warnings(1, 0));
        assert_eq!(is_open_ended(store, minute(6 + 2 * day)).await, (1, false));
    })
    .await;
}

#[tokio::test]
async fn an_alert_is_closed_with_its_event_and_open_again_if_it_is_repeated() {
    for_each_backend(async |store| {
        let close = async |source: &str, fingerprint: &str| {
            let event = note_of(&format!("alert {fingerprint} of {source} was closed: silenced"));
            store.close_alert(ENV, source, fingerprint, WITHIN, event).await
        };
        take(store, "am", &[firing("a", 1), firing("b", 1)], minute(2) - Duration::days(3)).await;
        // Silent and closed within one minute: the number is known again.
        assert_eq!(take(store, "am", &[firing("b", 1)], minute(5) - Duration::seconds(30)).await, warnings(1, 1));
        assert_eq!(is_open_ended(store, minute(5)).await, (1, true));
        let before = event_count(store).await;
        assert_eq!(close("am", "a").await.unwrap(), warnings(1, 0));
        assert_eq!(is_open_ended(store, minute(5)).await, (1, false));
        assert_eq!(event_count(store).await, before + 1);
        // Nothing is done, and nothing noted, where there is nothing to close.
        assert_eq!(close("am", "a").await.unwrap(), warnings(1, 0));
        assert!(matches!(close("am", "z").await, Err(StoreError::UnknownAlert(_))));
        assert!(matches!(close("other", "b").await, Err(StoreError::UnknownSource(_))));
        assert_eq!(event_count(store).await, before + 1);
        assert_eq!(take(store, "am", &[firing("a", 1)], minute(6)).await, warnings(2, 0));
        assert!(verify(store).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn alerts_of_an_environment_that_is_not_there_are_refused() {
    for_each_backend(async |store| {
        let refused =
            store.take_alerts("nowhere", "am", &Sender::default(), &[firing("a", 1)], WITHIN, minute(1)).await;
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

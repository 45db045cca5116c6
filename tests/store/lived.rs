//! Cases of the time that was lived through: it is kept, and a clock that is wrong for a while deletes nothing.

use super::access::{anna, session};
use super::support::*;
use chrono::Duration;
use scaling_mode::domain::alert::Alert;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::sender::Sender;
use scaling_mode::domain::signal::{Series, Severity};
use scaling_mode::domain::stream::Span;
use scaling_mode::server::config::{Flags, ServeFlags, Settings};
use scaling_mode::server::housekeeping::keep_house;
use scaling_mode::server::lived::{Jump, Lived};
use serde_json::json;

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn what_was_lived_through_is_kept_and_the_newest_time_is_known() {
    for_each_backend(async |store| {
        assert_eq!(store.lived().await.unwrap(), None);
        let mut lived = Lived::begin(minute(5), Some(minute(3)));
        for jump in [None, Some(Jump { at: minute(7), by_ms: -3_600_000 }), None] {
            lived = Lived { jump, seen_at: lived.seen_at + Duration::minutes(1), trial: Duration::seconds(7), ..lived };
            store.keep_lived(&lived).await.unwrap();
            assert_eq!(store.lived().await.unwrap(), Some(lived));
        }
        // The time of the event that was recorded last, not the latest of all.
        for at in [DAY, 9] {
            store.append(ENV, NewEvent::new(EventType::Note, "local", minute(at))).await.unwrap();
        }
        assert_eq!(store.newest_recorded().await.unwrap(), Some(minute(9)));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_for_hours_deletes_nothing_and_time_that_passes_does() {
    let settings = Settings::read(&Flags::default(), &ServeFlags::default()).expect("the defaults");
    for_each_backend(async |store| {
        let anna = anna(store).await;
        store.begin_session(anna.id, &session("s", 0)).await.unwrap();
        store.know_device(anna.id, "device", minute(0)).await.unwrap();
        let at = minute(0).to_rfc3339();
        let sample = json!({"signal": "clients.active", "at": at, "value": 13, "unit": "clients"});
        store.ingest(ENV, &batch(json!({"samples": [sample]})), minute(1), Some(&key("k", "d"))).await.unwrap();
        let kept = async || {
            let span = Span { from: ms(-1), to: ms(1) };
            let samples = store.samples(ENV, Series::ClientsActive, span, 9).await.unwrap().len();
            (samples, store.session("s").await.unwrap().is_some(), store.knows_browser("device").await.unwrap())
        };
        let mut lived = Lived::begin(minute(0), None);
        let day = Duration::days(1);
        // Forty days ahead, for hours in which the house is kept each hour; then right again.
        lived.step(minute(40 * DAY), Some(Duration::minutes(1)));
        for hour in 1..20 {
            lived.step(minute(40 * DAY + hour * 60), Some(Duration::hours(1)));
            keep_house(store, &settings, lived.until).await;
        }
        lived.step(minute(20 * 60), Some(Duration::hours(1)));
        keep_house(store, &settings, lived.until).await;
        assert_eq!(kept().await, (1, true, true));
        // After a restart with a clock that is forty days ahead.
        lived.step(minute(40 * DAY), None);
        keep_house(store, &settings, lived.until).await;
        assert_eq!(kept().await, (1, true, true));
        lived.step(minute(21 * 60), None);
        // Days that pass.
        for days in 1..4 {
            lived.step(minute(21 * 60 + days * DAY), Some(day));
        }
        keep_house(store, &settings, lived.until).await;
        assert_eq!(kept().await, (1, false, true));
        for days in 4..40 {
            lived.step(minute(21 * 60 + days * DAY), Some(day));
        }
        keep_house(store, &settings, lived.until).await;
        assert_eq!(kept().await, (0, false, false));
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_is_over_is_not_forgotten_by_a_clock_that_is_ahead() {
    for_each_backend(async |store| {
        let firing = Alert {
            ended_at: None,
            fingerprint: "a".to_owned(),
            is_firing: true,
            name: "Slow".to_owned(),
            severity: Some(Severity::Warning),
            starts_at: minute(1),
        };
        let resolved = Alert { ended_at: Some(minute(3)), is_firing: false, ..firing.clone() };
        let take = async |alerts: &[Alert], at| {
            store
                .take_alerts(ENV, "am", &Sender::default(), alerts, Duration::hours(24), minute(at))
                .await
                .unwrap()
                .open
                .warning
        };
        store.keep_lived(&Lived::begin(minute(4), None)).await.unwrap();
        assert_eq!(take(std::slice::from_ref(&firing), 2).await, 1);
        assert_eq!(take(&[resolved], 4).await, 0);
        assert_eq!(take(&[], 40 * DAY).await, 0);
        // Late news of it is known as late.
        assert_eq!(take(&[Alert { starts_at: minute(0), ..firing }], 5).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_seen_while_the_clock_was_ahead_is_seen_at_the_right_time_again() {
    for_each_backend(async |store| {
        let anna = anna(store).await;
        store.begin_session(anna.id, &session("s", 0)).await.unwrap();
        let seen = async |at| {
            store.see_session("s", minute(at)).await.unwrap();
            store.session("s").await.unwrap().unwrap().seen_at
        };
        assert_eq!(seen(DAY).await, minute(DAY));
        assert_eq!(seen(9).await, minute(9));
        // Of two requests at the same time the later one counts.
        store.see_session("s", minute(9) - Duration::seconds(30)).await.unwrap();
        assert_eq!(store.session("s").await.unwrap().unwrap().seen_at, minute(9));
    })
    .await;
}

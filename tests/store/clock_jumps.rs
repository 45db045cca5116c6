//! Cases of a clock that was wrong for a while: the newest answer is the one recorded last that is not of the future, and
//! ticks of a wrong time neither count nor stand in the way of true ones.

use super::support::*;
use chrono::{DateTime, Utc};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::recent::Tick;
use scaling_mode::domain::snapshot::{Origin, Snapshot};
use scaling_mode::domain::trend::Range;
use scaling_mode::server::store::{FounderPageQuery, ListedSnapshot, Recording, Store, TrendRange};
use std::collections::HashSet;
use tokio::sync::mpsc;

/// A tick that is recorded by a clock that says so.
async fn record(store: &dyn Store, at: DateTime<Utc>, origin: Origin, text: &str) -> Snapshot {
    let sealed = snapshot(ENV, at, origin, text);
    let recording = Recording { at: at + chrono::Duration::seconds(6), ..recording(&sealed) };
    store.record(ENV, &[recording], None).await.unwrap().remove(0)
}

/// A tick a quarter of an hour from the first to the last of these minutes.
async fn run(store: &dyn Store, minutes: std::ops::RangeInclusive<i64>, text: &str) {
    let sealed: Vec<_> = minutes.step_by(15).map(|at| snapshot(ENV, minute(at), Origin::Scheduled, text)).collect();
    let recordings: Vec<_> = sealed.iter().map(recording).collect();
    let stored = store.record(ENV, &recordings, None).await.unwrap();
    assert!(stored.iter().all(|snapshot| snapshot.body.narrative == text));
}

async fn newest(store: &dyn Store, now: DateTime<Utc>) -> Option<(String, DateTime<Utc>)> {
    let newest = store.latest_snapshot(ENV, now).await.unwrap();
    assert_eq!(store.newest(ENV, now).await.unwrap().snapshot, newest);
    let query = FounderPageQuery {
        drawn: None,
        event_rows: 1,
        events: Default::default(),
        known: HashSet::new(),
        snapshots: 3,
        trend: TrendRange { now, range: Range::Week },
    };
    let page = store.founder_page(ENV, &query).await.unwrap();
    let first = page.snapshots.into_iter().next().map(|first| match first {
        ListedSnapshot::Read(snapshot) => *snapshot,
        ListedSnapshot::Known(id) => panic!("{id} is not known"),
    });
    assert_eq!(first, newest);
    newest.map(|newest| (newest.body.narrative, newest.body.as_of))
}

async fn backtested(store: &dyn Store, from: Option<DateTime<Utc>>) -> Vec<DateTime<Utc>> {
    let (sender, mut receiver) = mpsc::channel(64);
    store.recorded_ticks(ENV, from, None, sender).await.unwrap();
    let mut all = Vec::new();
    while let Some(page) = receiver.recv().await {
        all.extend(page.into_iter().map(|recorded| recorded.as_of));
    }
    all
}

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn an_answer_of_the_future_is_passed_over_and_does_not_stand_in_the_way_of_a_true_one() {
    for_each_backend(async |store| {
        for days in [1, 40] {
            let base = days * 50 * DAY;
            run(store, base..=base + 60, "true").await;
            let ahead = base + 75 + days * DAY;
            run(store, ahead..=ahead + 15, "ahead").await;
            record(store, minute(ahead + 17), Origin::OnDemand, "ahead").await;
            assert_eq!(newest(store, minute(ahead + 18)).await, Some(("ahead".into(), minute(ahead + 17))));
            // Right again: immediately what was true last, and true ticks from then on.
            assert_eq!(newest(store, minute(base + 76)).await, Some(("true".into(), minute(base + 60))));
            let before = store.ticks(ENV, minute(base + 30), minute(base + 75)).await.unwrap();
            assert_eq!(before, [15, 30, 45, 60].map(|at| tick(minute(base + at))));
            assert!(!store.has_tick(ENV, minute(base + 75), minute(base + 76)).await.unwrap());
            run(store, base + 75..=ahead - 15, "again").await;
            assert_eq!(newest(store, minute(ahead - 14)).await, Some(("again".into(), minute(ahead - 15))));
            // The time of the wrong ticks comes: true ones are recorded for it.
            for at in [ahead, ahead + 15] {
                assert!(!store.has_tick(ENV, minute(at), minute(at)).await.unwrap(), "{at}");
                let stored = record(store, minute(at), Origin::Scheduled, "come").await;
                assert_eq!(stored.body.narrative, "come");
                assert!(store.has_tick(ENV, minute(at), minute(at)).await.unwrap(), "{at}");
                // Once.
                assert_eq!(record(store, minute(at), Origin::Scheduled, "twice").await, stored);
                assert_eq!(newest(store, minute(at + 1)).await, Some(("come".into(), minute(at))));
            }
            assert_eq!(newest(store, minute(ahead + 20)).await, Some(("come".into(), minute(ahead + 15))));
            let ticks = store.ticks(ENV, minute(ahead), minute(ahead + 30)).await.unwrap();
            assert_eq!(ticks, [-15, 0, 15].map(|at| tick(minute(ahead + at))));
            let judged = backtested(store, Some(minute(base))).await;
            assert_eq!(judged.len() as i64, (ahead + 15 - base) / 15 + 1);
            assert!(judged.windows(2).all(|pair| pair[0] < pair[1]));
        }
    })
    .await;
}

#[tokio::test]
async fn ticks_of_the_future_whose_time_has_come_while_nobody_ticked_do_not_count() {
    for_each_backend(async |store| {
        run(store, 0..=60, "true").await;
        run(store, DAY..=DAY + 30, "ahead").await;
        run(store, 75..=90, "true").await;
        // Off until long after.
        let all: Vec<Tick> = store.ticks(ENV, minute(DAY), minute(2 * DAY)).await.unwrap();
        assert_eq!(all, [tick(minute(90))]);
        assert_eq!(backtested(store, None).await, [0, 15, 30, 45, 60, 75, 90].map(minute));
        assert!(backtested(store, Some(minute(DAY))).await.is_empty());
        assert_eq!(newest(store, minute(2 * DAY)).await, Some(("true".into(), minute(90))));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_an_hour_is_followed_within_one_tick() {
    for_each_backend(async |store| {
        // It was an hour ahead, or is an hour behind now: nobody can tell which.
        run(store, 0..=120, "before").await;
        assert_eq!(newest(store, minute(61)).await, Some(("before".into(), minute(60))));
        assert!(!store.has_tick(ENV, minute(60), minute(61)).await.unwrap());
        record(store, minute(60), Origin::Scheduled, "after").await;
        assert_eq!(newest(store, minute(61)).await, Some(("after".into(), minute(60))));
        run(store, 75..=90, "after").await;
        let ticks = store.ticks(ENV, minute(45), minute(105)).await.unwrap();
        assert_eq!(ticks, [30, 45, 60, 75, 90].map(|at| tick(minute(at))));
        // Forward again: the newest recorded, and nothing of what was passed over.
        assert_eq!(newest(store, minute(151)).await, Some(("after".into(), minute(90))));
        record(store, minute(150), Origin::Scheduled, "right").await;
        assert_eq!(newest(store, minute(151)).await, Some(("right".into(), minute(150))));
        assert_eq!(store.ticks(ENV, minute(95), minute(200)).await.unwrap(), [90, 150].map(|at| tick(minute(at))));
        assert_eq!(verify(store).await.unwrap().seq, 14);
    })
    .await;
}

#[tokio::test]
async fn the_decision_of_the_day_is_made_though_one_was_made_for_it_while_the_clock_was_ahead() {
    for_each_backend(async |store| {
        record(store, minute(360), Origin::Daily, "true").await;
        run(store, 375..=390, "true").await;
        record(store, minute(DAY + 360), Origin::Daily, "ahead").await;
        assert_eq!(store.latest_daily(ENV, minute(405)).await.unwrap(), Some(minute(360)));
        run(store, 405..=420, "true").await;
        assert_eq!(store.latest_daily(ENV, minute(DAY + 360)).await.unwrap(), Some(minute(360)));
        record(store, minute(DAY + 360), Origin::Daily, "made").await;
        assert_eq!(store.latest_daily(ENV, minute(DAY + 375)).await.unwrap(), Some(minute(DAY + 360)));
    })
    .await;
}

#[tokio::test]
async fn a_small_step_of_the_clock_repeats_nothing() {
    for_each_backend(async |store| {
        run(store, 0..=30, "true").await;
        let now = minute(30) - chrono::Duration::seconds(20);
        assert!(store.has_tick(ENV, minute(15), now).await.unwrap());
        assert_eq!(newest(store, now).await, Some(("true".into(), minute(30))));
    })
    .await;
}

#[tokio::test]
async fn a_recording_has_one_tick_of_each_time_in_any_order_of_replay() {
    for_each_backend(async |store| {
        let config = Config::new("recorded", EnvironmentKind::Recorded, Mode::Lab, Policy::default(), t0());
        store.create_environment(&config, "local".into(), t0()).await.unwrap();
        for at in [60, 75, 0, 15, 60, 75] {
            let sealed = snapshot("recorded", minute(at), Origin::Replay, "replayed");
            store.record("recorded", &[recording(&sealed)], None).await.unwrap();
        }
        let ticks = store.ticks("recorded", minute(-9), minute(90)).await.unwrap();
        assert_eq!(ticks, [0, 15, 60, 75].map(|at| tick(minute(at))));
        let newest = store.latest_snapshot("recorded", minute(-DAY)).await.unwrap().unwrap();
        assert_eq!(newest.body.as_of, minute(75));
    })
    .await;
}

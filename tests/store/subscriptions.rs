//! Cases of subscriptions: who is a client, what is stored with it, and that nothing is before the whole is known.

use super::support::*;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::sender::Sender;
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::subscription::{
    Clients, Page, PageError, Status, Subscription, SubscriptionEvent, Taken, Told,
};
use scaling_mode::server::store::{Store, StoreError};

fn subscription(id: &str, customer: &str, status: Status) -> Subscription {
    Subscription { customer: customer.to_owned(), id: id.to_owned(), is_ending: false, status }
}

/// One event of a minute.
fn event(id: &str, created: i64, subscription: Subscription) -> Told {
    let event = SubscriptionEvent { created: minute(created), id: id.to_owned(), subscription };
    Told::Events { events: vec![event], ignored: 0 }
}

fn page(starting_after: Option<&str>, is_last: bool, subscriptions: &[Subscription]) -> Told {
    let starting_after = starting_after.map(str::to_owned);
    Told::Page(Page { is_last, starting_after, subscriptions: subscriptions.to_vec() })
}

async fn tell(store: &dyn Store, told: &Told, at: i64) -> Result<Taken, StoreError> {
    store.take_subscriptions(ENV, "stripe", &Sender::default(), told, minute(at)).await
}

fn clients(active: u64, at_risk: u64) -> Option<Clients> {
    Some(Clients { active, at_risk })
}

/// The samples of a series, newest first: time and number.
async fn stored(store: &dyn Store, series: Series) -> Vec<(DateTime<Utc>, u64)> {
    let span = Span { from: ms(-1), to: ms(100_000_000) };
    let samples = store.samples(ENV, series, span, 100).await.unwrap();
    samples.into_iter().map(|sample| (sample.at, sample.atoms)).collect()
}

#[tokio::test]
async fn before_a_whole_list_nothing_is_stored_and_after_it_events_move_the_number() {
    for_each_backend(async |store| {
        let active = |id, customer| subscription(id, customer, Status::Active);
        let early = tell(store, &event("e1", 1, active("s1", "a")), 1).await.unwrap();
        assert_eq!((early.clients, early.taken, early.is_stored), (None, 1, false));
        let first = page(None, false, &[active("s2", "b"), active("s1", "a")]);
        assert_eq!(tell(store, &first, 20).await.unwrap().clients, None);
        assert!(stored(store, Series::ClientsActive).await.is_empty());
        // One customer with two subscriptions is one client.
        let last = page(Some("s1"), true, &[active("s0", "a"), subscription("s9", "c", Status::Canceled)]);
        let whole = tell(store, &last, 21).await.unwrap();
        assert_eq!((whole.clients, whole.is_stored), (clients(2, 0), true));
        let ended = tell(store, &event("e2", 22, subscription("s1", "a", Status::Canceled)), 22).await.unwrap();
        assert_eq!(ended.clients, clients(2, 0), "the other one is left");
        let late = tell(store, &event("e3", 23, subscription("s2", "b", Status::PastDue)), 23).await.unwrap();
        assert_eq!(late.clients, clients(2, 1));
        let gone = tell(store, &event("e4", 24, subscription("s0", "a", Status::Unpaid)), 24).await.unwrap();
        assert_eq!(gone.clients, clients(1, 1));
        let of_active = stored(store, Series::ClientsActive).await;
        assert_eq!(of_active, [(minute(24), 1), (minute(23), 2), (minute(22), 2), (minute(21), 2)]);
        let of_risk = stored(store, Series::ClientsAtRisk).await;
        assert_eq!(of_risk, [(minute(24), 1), (minute(23), 1), (minute(22), 0), (minute(21), 0)]);
    })
    .await;
}

#[tokio::test]
async fn what_was_said_last_holds_however_it_is_delivered() {
    for_each_backend(async |store| {
        let of = |id, created, status| event(id, created, subscription("s1", "a", status));
        tell(store, &page(None, true, &[]), 1).await.unwrap();
        for (told, at, expected, is_stored) in [
            (of("e1", 10, Status::Active), 10, clients(1, 0), true),
            (of("e3", 12, Status::Canceled), 12, clients(0, 0), true),
            // Late, and then again.
            (of("e2", 11, Status::PastDue), 13, clients(0, 0), true),
            (of("e2", 11, Status::PastDue), 14, clients(0, 0), false),
            // Of one time, what is delivered last; but an event that was taken is not taken again.
            (of("e4", 12, Status::Trialing), 15, clients(1, 0), true),
            (of("e3", 12, Status::Canceled), 16, clients(1, 0), false),
            // A list speaks for what was five minutes before it.
            (page(None, true, &[subscription("s1", "a", Status::Paused)]), 16, clients(1, 0), true),
            (page(None, true, &[subscription("s1", "a", Status::Paused)]), 17, clients(0, 0), true),
        ] {
            let taken = tell(store, &told, at).await.unwrap();
            assert_eq!((taken.clients, taken.is_stored), (expected, is_stored), "{told:?} at {at}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_with_a_page_missing_is_never_whole() {
    for_each_backend(async |store| {
        let one = |id: &str| [subscription(id, id, Status::Active)];
        let refused = async |told: Told, at: i64| match tell(store, &told, at).await {
            Err(StoreError::Page(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(page(Some("s3"), true, &one("s1")), 1).await, PageError::NothingOpen);
        tell(store, &page(None, false, &one("s3")), 2).await.unwrap();
        assert_eq!(refused(page(Some("s2"), true, &one("s1")), 3).await, PageError::NotNext("s3".to_owned()));
        // Pages that all pass for first ones do not end a list.
        tell(store, &page(None, false, &one("s2")), 4).await.unwrap();
        assert!(matches!(refused(page(None, true, &one("s1")), 5).await, PageError::Without(_)));
        assert!(stored(store, Series::ClientsActive).await.is_empty());
        // Begun again, with every page.
        tell(store, &page(None, false, &one("s3")), 6).await.unwrap();
        tell(store, &page(Some("s3"), false, &one("s2")), 7).await.unwrap();
        assert_eq!(tell(store, &page(Some("s2"), true, &one("s1")), 8).await.unwrap().clients, clients(3, 0));
        // What came up since a list was fetched is not asked of it.
        tell(store, &event("e1", 20, subscription("s4", "s4", Status::Active)), 20).await.unwrap();
        let all = [subscription("s1", "s1", Status::Active), one("s2")[0].clone(), one("s3")[0].clone()];
        assert_eq!(tell(store, &page(None, true, &all), 21).await.unwrap().clients, clients(4, 0));
        assert_eq!(refused(page(None, true, &all), 40).await, PageError::Without("s4".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn sources_are_kept_apart_and_the_number_that_is_stored_last_is_the_newest() {
    for_each_backend(async |store| {
        let later = minute(1) + Duration::milliseconds(40);
        let all = page(None, true, &[subscription("s1", "a", Status::Active)]);
        store.take_subscriptions(ENV, "stripe", &Sender::default(), &all, later).await.unwrap();
        let told = event("e1", 1, subscription("s2", "b", Status::Active));
        store.take_subscriptions(ENV, "stripe", &Sender::default(), &told, minute(1)).await.unwrap();
        assert_eq!(stored(store, Series::ClientsActive).await, [(later, 2)]);
        let elsewhere = store.take_subscriptions(ENV, "other", &Sender::default(), &told, minute(2)).await.unwrap();
        assert_eq!(elsewhere.clients, None);
        let nowhere = store.take_subscriptions("nowhere", "stripe", &Sender::default(), &told, minute(2)).await;
        assert!(matches!(nowhere, Err(StoreError::UnknownEnvironment { .. })));
    })
    .await;
}

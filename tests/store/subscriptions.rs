//! Cases of subscriptions: who is a client, what is stored with it, and that nothing is before the whole is known.

use super::support::*;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::sender::Sender;
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::subscription::{
    Clients, EventKind, Page, PageError, Refused, Status, Subscription, SubscriptionEvent, Taken, Told,
};
use scaling_mode::server::store::{Store, StoreError};

fn subscription(id: &str, customer: &str, status: Status) -> Subscription {
    Subscription { customer: Some(customer.to_owned()), id: id.to_owned(), is_ending: false, status }
}

/// One event of a minute.
fn event(id: &str, created: i64, subscription: Subscription) -> Told {
    told(id, created, EventKind::Changed, subscription)
}

fn told(id: &str, created: i64, kind: EventKind, subscription: Subscription) -> Told {
    let event = SubscriptionEvent {
        account: None,
        created: minute(created),
        id: id.to_owned(),
        is_live: None,
        kind,
        subscription,
    };
    Told::Events { events: vec![event], ignored: 0 }
}

/// The same event, of a mode and an account.
fn of(told: Told, is_live: Option<bool>, account: Option<&str>) -> Told {
    let Told::Events { mut events, ignored } = told else { panic!("no events") };
    for event in &mut events {
        (event.is_live, event.account) = (is_live, account.map(str::to_owned));
    }
    Told::Events { events, ignored }
}

/// The same page, of a mode and an account.
fn list_of(told: Told, is_live: Option<bool>, account: Option<&str>) -> Told {
    let Told::Page(page) = told else { panic!("no page") };
    Told::Page(Page { account: account.map(str::to_owned), is_live, ..page })
}

fn page(starting_after: Option<&str>, is_last: bool, subscriptions: &[Subscription]) -> Told {
    let starting_after = starting_after.map(str::to_owned);
    Told::Page(Page { account: None, is_last, is_live: None, starting_after, subscriptions: subscriptions.to_vec() })
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
            (of("e3", 12, Status::Unpaid), 12, clients(0, 0), true),
            // Late, and then again.
            (of("e2", 11, Status::PastDue), 13, clients(0, 0), true),
            (of("e2", 11, Status::PastDue), 14, clients(0, 0), false),
            // Of one time, what is delivered last; but an event that was taken is not taken again.
            (of("e4", 12, Status::Trialing), 15, clients(1, 0), true),
            (of("e3", 12, Status::Unpaid), 16, clients(1, 0), false),
            // A list speaks for what was five minutes before it.
            (page(None, true, &[subscription("s1", "a", Status::Paused)]), 16, clients(1, 0), true),
            (page(None, true, &[subscription("s1", "a", Status::Paused)]), 18, clients(0, 0), true),
            // What Stripe never changes again stays, no matter what is delivered or listed later.
            (of("e5", 19, Status::Active), 19, clients(1, 0), true),
            (of("e6", 20, Status::IncompleteExpired), 20, clients(0, 0), true),
            (of("e7", 40, Status::Active), 41, clients(0, 0), true),
            (page(None, true, &[subscription("s1", "a", Status::Active)]), 60, clients(0, 0), true),
        ] {
            let taken = tell(store, &told, at).await.unwrap();
            assert_eq!((taken.clients, taken.is_stored), (expected, is_stored), "{told:?} at {at}");
        }
    })
    .await;
}

#[tokio::test]
async fn events_of_one_second_give_the_same_in_every_order() {
    let all = || {
        let one = |status| subscription("s1", "a", status);
        [
            told("e1", 10, EventKind::Created, one(Status::Incomplete)),
            told("e2", 10, EventKind::Changed, one(Status::Active)),
            told("e3", 10, EventKind::Deleted, one(Status::Canceled)),
        ]
    };
    for_each_backend(async |store| {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for (place, order) in orders.into_iter().enumerate() {
            let source = format!("stripe-{place}");
            let take = async |told: &Told, at: i64| {
                store.take_subscriptions(ENV, &source, &Sender::default(), told, minute(at)).await.unwrap().clients
            };
            take(&page(None, true, &[]), 1).await;
            let mut last = None;
            for (step, which) in order.into_iter().enumerate() {
                last = take(&all()[which], 11 + i64::try_from(step).unwrap()).await;
                // Of the first two, the change is what counts.
                let heard = &order[..=step];
                if !heard.contains(&2) {
                    assert_eq!(last, clients(u64::from(heard.contains(&1)), 0), "{heard:?}");
                }
            }
            assert_eq!(last, clients(0, 0), "{order:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn events_of_another_mode_or_account_are_named_and_do_not_count() {
    for_each_backend(async |store| {
        let told =
            |id: &str, is_live, account| of(event(id, 10, subscription(id, id, Status::Active)), is_live, account);
        let mode = Refused { other_mode: 1, ..Refused::default() };
        let account = Refused { other_account: 1, ..Refused::default() };
        // Before a list says otherwise, live mode and the own account are assumed.
        assert_eq!(tell(store, &told("e0", Some(false), None), 1).await.unwrap().refused, mode);
        assert_eq!(tell(store, &told("e1", Some(true), Some("acct_1")), 1).await.unwrap().refused, account);
        assert_eq!(tell(store, &told("e2", Some(true), None), 1).await.unwrap().taken, 1);
        let whole = list_of(page(None, true, &[subscription("s1", "a", Status::Active)]), Some(true), None);
        assert_eq!(tell(store, &whole, 11).await.unwrap().clients, clients(2, 0));
        let refused = tell(store, &told("e3", Some(false), None), 12).await.unwrap();
        assert_eq!((refused.refused, refused.taken, refused.is_stored), (mode, 0, false));
        assert_eq!((refused.clients, refused.livemode), (clients(2, 0), true));
        let refused = tell(store, &told("e4", Some(true), Some("acct_1")), 12).await.unwrap();
        assert_eq!((refused.refused, refused.clients), (account, clients(2, 0)));
        // A list of the other mode, or of another account, is refused whole.
        let error = async |told: &Told, at| match tell(store, told, at).await {
            Err(StoreError::Page(error)) => error,
            other => panic!("{other:?}"),
        };
        let test = list_of(page(None, true, &[subscription("t1", "t", Status::Active)]), Some(false), None);
        assert_eq!(error(&test, 13).await, PageError::OtherMode { is_live: true });
        let other = list_of(page(None, true, &[]), Some(true), Some("acct_1"));
        assert_eq!(error(&other, 13).await, PageError::OtherAccount);
        // One that was refused can still be taken, by a source that counts it.
        let elsewhere = async |told: &Told| {
            store.take_subscriptions(ENV, "test", &Sender::default(), told, minute(14)).await.unwrap()
        };
        assert_eq!(elsewhere(&test).await.clients, clients(1, 0));
        assert_eq!(elsewhere(&told("e3", Some(false), None)).await.clients, clients(2, 0));
        assert_eq!(elsewhere(&told("e5", Some(true), None)).await.refused, mode);
    })
    .await;
}

#[tokio::test]
async fn what_was_reported_in_live_mode_is_forgotten_when_the_first_list_is_of_test_mode() {
    for_each_backend(async |store| {
        let live = of(event("e1", 1, subscription("s1", "a", Status::Active)), Some(true), None);
        assert_eq!(tell(store, &live, 1).await.unwrap().taken, 1);
        let test = list_of(page(None, false, &[subscription("t1", "t", Status::Active)]), Some(false), None);
        assert!(!tell(store, &test, 2).await.unwrap().livemode);
        // A page of the other mode does not follow.
        let mixed = list_of(page(Some("t1"), true, &[]), Some(true), None);
        assert!(matches!(tell(store, &mixed, 3).await, Err(StoreError::Page(PageError::OtherMode { is_live: false }))));
        let rest = list_of(page(Some("t1"), true, &[subscription("t2", "u", Status::Trialing)]), Some(false), None);
        assert_eq!(tell(store, &rest, 3).await.unwrap().clients, clients(2, 0));
        // Until then the source could turn out to be another's; now it cannot.
        let live = list_of(page(None, true, &[subscription("s1", "a", Status::Active)]), Some(true), None);
        assert!(matches!(tell(store, &live, 4).await, Err(StoreError::Page(PageError::OtherMode { is_live: false }))));
    })
    .await;
}

#[tokio::test]
async fn a_subscription_without_a_customer_is_a_client_of_its_own_or_of_whom_it_was_before() {
    for_each_backend(async |store| {
        let nameless = |id: &str| Subscription { customer: None, ..subscription(id, "", Status::Active) };
        let all = [subscription("s1", "a", Status::Active), subscription("s2", "a", Status::Active), nameless("s3")];
        assert_eq!(tell(store, &page(None, true, &all), 1).await.unwrap().clients, clients(2, 0));
        assert_eq!(tell(store, &event("e1", 2, nameless("s1")), 2).await.unwrap().clients, clients(2, 0));
        assert_eq!(tell(store, &event("e2", 3, nameless("s4")), 3).await.unwrap().clients, clients(3, 0));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_vanished_is_ended_with_its_event_and_counts_again_if_stripe_reports_it() {
    for_each_backend(async |store| {
        let end = async |source: &str, client: &str, at: i64| {
            let mut event = note_of(&format!("client {client} of {source} was ended: gone"));
            event.at = minute(at);
            store.end_client(ENV, source, client, event).await
        };
        let active = |id, customer| subscription(id, customer, Status::Active);
        let all = [active("s1", "a"), active("s2", "a"), active("s3", "b")];
        tell(store, &page(None, true, &all), 1).await.unwrap();
        // Stripe no longer has one: without an act no list would ever be complete again.
        let left = page(None, true, &[active("s3", "b")]);
        assert!(matches!(tell(store, &left, 20).await, Err(StoreError::Page(PageError::Without(_)))));
        let before = event_count(store).await;
        assert_eq!(end("stripe", "s2", 21).await.unwrap(), clients(1, 0), "all subscriptions of its customer");
        assert_eq!(stored(store, Series::ClientsActive).await[0], (minute(21), 1));
        assert_eq!(event_count(store).await, before + 1);
        assert_eq!(end("stripe", "a", 22).await.unwrap(), clients(1, 0), "once more");
        assert!(matches!(end("stripe", "s9", 22).await, Err(StoreError::UnknownClient(client)) if client == "s9"));
        assert!(matches!(end("crm", "b", 22).await, Err(StoreError::UnknownSource(_))));
        assert_eq!(event_count(store).await, before + 1);
        assert_eq!(tell(store, &left, 22).await.unwrap().clients, clients(1, 0));
        // Events from before the act change nothing; later ones do.
        assert_eq!(tell(store, &event("e1", 20, active("s1", "a")), 23).await.unwrap().clients, clients(1, 0));
        assert_eq!(tell(store, &event("e2", 24, active("s1", "a")), 24).await.unwrap().clients, clients(2, 0));
        assert_eq!(store.subscribers(ENV, &["stripe".to_owned(), "crm".to_owned()]).await.unwrap(), ["stripe"]);
        assert!(verify(store).await.is_ok());
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

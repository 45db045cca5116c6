//! Cases of who speaks for a source: whose a source is, how many there may be, and what becomes of one that has gone.

use super::support::*;
use scaling_mode::domain::access::{Reach, Scope};
use scaling_mode::domain::alert::Alert;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::sender::{Sender, Speaker};
use scaling_mode::domain::signal::{Series, Severity};
use scaling_mode::domain::source::MOST_ADDED;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::{AcceptedBatch, Receipt, Watermark};
use scaling_mode::server::store::access::{Entry, NewToken};
use scaling_mode::server::store::{EventFilter, PullState, SourceEdit, Store, StoreError};
use serde_json::json;

fn token(id: i64, sources: &[&str]) -> Sender {
    let sources = sources.iter().map(|&name| name.to_owned()).collect();
    Sender { speaker: Speaker::Token { id, sources }, ..Sender::default() }
}

fn clients(source: &str, value: u64, revises: bool, sender: &Sender) -> AcceptedBatch {
    let samples = json!([sample("clients.active", 1, json!(value))]);
    let batch = batch(json!({"source": source, "revises": revises, "samples": samples}));
    AcceptedBatch { sender: sender.clone(), ..batch }
}

async fn send(store: &dyn Store, batch: &AcceptedBatch) -> Result<Receipt, StoreError> {
    store.ingest(ENV, batch, minute(2), None).await
}

async fn value(store: &dyn Store) -> u64 {
    store.samples(ENV, Series::ClientsActive, Span { from: ms(0), to: ms(60) }, 10).await.unwrap()[0].atoms
}

fn note() -> NewEvent {
    NewEvent {
        reason: Some("source billing was retired".to_owned()),
        ..NewEvent::new(EventType::Note, "local", minute(5))
    }
}

async fn bind(store: &dyn Store, name: &str, source: &str) -> i64 {
    let token = NewToken {
        at: minute(0),
        created_by: "local".to_owned(),
        expires_at: None,
        name: name.to_owned(),
        prefix: "sm_".to_owned(),
        reach: Reach::All,
        scopes: vec![Scope::TelemetryWrite],
        secret_hash: name.to_owned(),
        sources: vec![source.to_owned()],
    };
    let entry =
        Entry { environment: ENV.to_owned(), event: NewEvent::new(EventType::AccessChanged, "local", minute(0)) };
    store.add_token(&token, &entry).await.unwrap().id
}

/// How soon an alert must be repeated.
const DAY: chrono::Duration = chrono::Duration::hours(24);

fn alert(is_firing: bool) -> Alert {
    Alert {
        ended_at: (!is_firing).then(|| minute(2)),
        fingerprint: "a".to_owned(),
        is_firing,
        name: "slow".to_owned(),
        severity: Some(Severity::Critical),
        starts_at: minute(1),
    }
}

#[tokio::test]
async fn what_a_token_has_named_no_other_token_revises() {
    for_each_backend(async |store| {
        let (a, b) = (token(1, &[]), token(2, &[]));
        send(store, &clients("billing", 3, false, &a)).await.unwrap();
        let refused = send(store, &clients("billing", 99, true, &b)).await;
        assert!(matches!(refused, Err(StoreError::SourceOfAnother(name)) if name == "billing"));
        assert_eq!(value(store).await, 3);
        // Coverage and counters change what the owner's numbers mean.
        let mut vouched = clients("billing", 3, false, &b);
        let series = [Series::ClientsActive].into();
        vouched.watermark = Some(Watermark { covers_from: None, data_through: minute(9), series });
        assert!(matches!(send(store, &vouched).await, Err(StoreError::SourceOfAnother(_))));
        // The same again contradicts nothing, and its own revises.
        assert_eq!(send(store, &clients("billing", 3, true, &b)).await.unwrap().duplicates, 1);
        send(store, &clients("billing", 4, true, &a)).await.unwrap();
        send(store, &clients("billing", 5, true, &Sender::default())).await.unwrap();
        // A founder binds another token to it, and so hands it over.
        send(store, &clients("billing", 6, true, &token(3, &["billing"]))).await.unwrap();
        let elsewhere = send(store, &clients("shop", 6, true, &token(3, &["billing"]))).await;
        assert!(matches!(elsewhere, Err(StoreError::NotForSource(name)) if name == "shop"));
        assert_eq!(value(store).await, 6);
        // An event's id is for those who speak for its source.
        let once = store.ingest_once(ENV, &clients("billing", 6, false, &b), minute(3), &key("event", "x")).await;
        assert!(matches!(once, Err(StoreError::SourceOfAnother(_))));
    })
    .await;
}

#[tokio::test]
async fn a_source_that_is_bound_or_asked_is_not_taken_by_naming_it_first() {
    for_each_backend(async |store| {
        let owner = bind(store, "billing", "billing").await;
        let stranger = token(owner + 1, &[]);
        // A bound source is sent by its tokens alone, also before it was ever named.
        for revises in [false, true] {
            let refused = send(store, &clients("billing", 9, revises, &stranger)).await;
            assert!(matches!(refused, Err(StoreError::NotForSource(_))));
        }
        send(store, &clients("billing", 4, true, &token(owner, &["billing"]))).await.unwrap();
        let refused = send(store, &clients("billing", 9, false, &stranger)).await;
        assert!(matches!(refused, Err(StoreError::NotForSource(_))));
        let asked = PullState {
            asked_through: None,
            attempted_at: minute(1),
            failure: None,
            notice: None,
            succeeded_at: Some(minute(1)),
        };
        store.note_pull(ENV, "metrics", &asked).await.unwrap();
        send(store, &clients("metrics", 3, false, &Sender::asked())).await.unwrap();
        let refused = send(store, &clients("metrics", 9, true, &stranger)).await;
        assert!(matches!(refused, Err(StoreError::SourceOfAnother(_))));
        send(store, &clients("metrics", 4, true, &Sender::asked())).await.unwrap();
        // Naming it before the server polls it gives nobody a right to what the server asks.
        send(store, &clients("squatted", 3, false, &stranger)).await.unwrap();
        store.note_pull(ENV, "squatted", &asked).await.unwrap();
        let refused = send(store, &clients("squatted", 9, true, &stranger)).await;
        assert!(matches!(refused, Err(StoreError::SourceOfAnother(_))));
    })
    .await;
}

#[tokio::test]
async fn no_other_token_closes_an_alert() {
    for_each_backend(async |store| {
        let (a, b) = (token(1, &[]), token(2, &[]));
        store.take_alerts(ENV, "am", &a, &[alert(true)], DAY, minute(2)).await.unwrap();
        let closing = [alert(false)];
        let refused = store.take_alerts(ENV, "am", &b, &closing, DAY, minute(3)).await;
        assert!(matches!(refused, Err(StoreError::SourceOfAnother(name)) if name == "am"));
        assert_eq!(store.take_alerts(ENV, "am", &b, &[alert(true)], DAY, minute(3)).await.unwrap().open.critical, 1);
        assert_eq!(store.take_alerts(ENV, "am", &a, &closing, DAY, minute(4)).await.unwrap().open.critical, 0);
    })
    .await;
}

#[tokio::test]
async fn one_source_more_than_there_may_be_is_refused_by_name_until_one_is_retired() {
    for_each_backend(async |store| {
        let sender = Sender::person(2);
        for name in ["billing", "shop"] {
            send(store, &clients(name, 3, false, &sender)).await.unwrap();
        }
        let refused = send(store, &clients("pod-7f9c", 3, false, &sender)).await;
        assert!(matches!(refused, Err(StoreError::TooManySources { most: 2, name }) if name == "pod-7f9c"));
        send(store, &clients("shop", 3, true, &sender)).await.unwrap();
        send(store, &clients("asked", 3, false, &Sender::asked())).await.unwrap();
        store.retire_source(ENV, "billing", note()).await.unwrap();
        store.retire_source(ENV, "asked", note()).await.unwrap();
        send(store, &clients("pod-7f9c", 3, false, &sender)).await.unwrap();
        // Back only where there is room again.
        let refused = send(store, &clients("billing", 3, false, &sender)).await;
        assert!(matches!(refused, Err(StoreError::TooManySources { .. })));
        create(store, "trial").await;
        store.ingest("trial", &clients("one", 3, false, &sender), minute(2), None).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_token_leaves_room_for_the_next_and_brings_back_only_its_own() {
    for_each_backend(async |store| {
        let of = |id: i64, sources: &[&str]| Sender { most_sources: 4, ..token(id, sources) };
        let (a, b, c) = (of(101, &[]), of(102, &[]), of(103, &[]));
        for name in ["a-1", "a-2"] {
            send(store, &clients(name, 3, false, &a)).await.unwrap();
        }
        let refused = send(store, &clients("a-3", 3, false, &a)).await;
        assert!(matches!(refused, Err(StoreError::TooManySourcesOfToken { own: 2, name }) if name == "a-3"));
        send(store, &clients("b-1", 3, false, &b)).await.unwrap();
        let refused = send(store, &clients("b-2", 3, false, &b)).await;
        assert!(matches!(refused, Err(StoreError::TooManySourcesOfToken { own: 1, .. })));
        // Known sources go on, and a founder's binding is not an invention.
        send(store, &clients("a-1", 3, true, &a)).await.unwrap();
        let bound = bind(store, "crm", "b-2").await;
        store.retire_source(ENV, "a-1", note()).await.unwrap();
        send(store, &clients("b-2", 3, false, &of(bound, &["b-2"]))).await.unwrap();
        send(store, &clients("c-1", 3, false, &c)).await.unwrap();
        let refused = send(store, &clients("c-2", 3, false, &c)).await;
        assert!(matches!(refused, Err(StoreError::TooManySources { most: 4, .. })));
        store.retire_source(ENV, "b-1", note()).await.unwrap();
        // Another token cannot fill the owner's share with what the owner no longer sends.
        store.retire_source(ENV, "c-1", note()).await.unwrap();
        let refused = send(store, &clients("a-1", 3, false, &c)).await;
        assert!(matches!(refused, Err(StoreError::SourceOfAnother(name)) if name == "a-1"));
        send(store, &clients("a-1", 3, false, &a)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_retired_source_is_expected_no_longer_and_what_it_said_stays_until_it_sends_again() {
    for_each_backend(async |store| {
        send(store, &clients("billing", 3, false, &Sender::default())).await.unwrap();
        let span = Span { from: ms(0), to: ms(60) };
        assert_eq!(store.streams(ENV, span).await.unwrap().len(), 1);
        let events = event_count(store).await;
        store.retire_source(ENV, "billing", note()).await.unwrap();
        assert!(store.streams(ENV, span).await.unwrap().is_empty() && store.sources(ENV).await.unwrap().is_empty());
        assert_eq!(value(store).await, 3, "what it said stays");
        assert_eq!(event_count(store).await, events + 1);
        let filter = EventFilter { types: vec![EventType::Note], ..EventFilter::default() };
        let newest = store.events(ENV, &filter, 1).await.unwrap().remove(0);
        assert_eq!(newest.reason.as_deref(), Some("source billing was retired"));
        // Again, it changes nothing.
        store.retire_source(ENV, "billing", note()).await.unwrap();
        assert_eq!(event_count(store).await, events + 1);
        let unknown = store.retire_source(ENV, "nothing", note()).await;
        assert!(matches!(unknown, Err(StoreError::UnknownSource(name)) if name == "nothing"));
        send(store, &clients("billing", 3, true, &Sender::default())).await.unwrap();
        assert_eq!(store.streams(ENV, span).await.unwrap().len(), 1, "it is back");
    })
    .await;
}

#[tokio::test]
async fn so_many_sources_are_asked_and_no_more() {
    for_each_backend(async |store| {
        let add = async |name: String| {
            let edit = SourceEdit { after: Some("{}".to_owned()), before: None, name };
            store.change_source(ENV, &edit, note(), None).await
        };
        for place in 0..MOST_ADDED {
            add(format!("metrics-{place}")).await.unwrap();
        }
        assert!(matches!(add("one more".to_owned()).await, Err(StoreError::TooManyAsked(most)) if most == MOST_ADDED));
        let edit =
            SourceEdit { after: Some("[]".to_owned()), before: Some("{}".to_owned()), name: "metrics-0".to_owned() };
        store.change_source(ENV, &edit, note(), None).await.unwrap();
        let edit = SourceEdit { after: None, before: Some("[]".to_owned()), name: "metrics-0".to_owned() };
        store.change_source(ENV, &edit, note(), None).await.unwrap();
        add("one more".to_owned()).await.unwrap();
    })
    .await;
}

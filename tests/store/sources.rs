//! Cases of sources that a founder has added: kept with their event or not at all, changed only as they were read.

use super::support::*;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{AddedSource, EventFilter, PullState, SourceEdit, Store, StoreError};

const FIRST: &str = r#"{"kind":"prometheus","name":"metrics"}"#;
const SECOND: &str = r#"{"kind":"prometheus","name":"metrics","every_seconds":5}"#;

fn edit(before: Option<&str>, after: Option<&str>) -> SourceEdit {
    SourceEdit { after: after.map(str::to_owned), before: before.map(str::to_owned), name: "metrics".to_owned() }
}

fn note(reason: &str) -> NewEvent {
    NewEvent { reason: Some(reason.to_owned()), ..NewEvent::new(EventType::Note, "local", minute(1)) }
}

fn added(definition: &str) -> AddedSource {
    AddedSource { definition: definition.to_owned(), environment: ENV.to_owned(), name: "metrics".to_owned() }
}

/// The notes of the history, newest first.
async fn notes(store: &dyn Store) -> Vec<String> {
    let filter = EventFilter { types: vec![EventType::Note], ..EventFilter::default() };
    let events = store.events(ENV, &filter, 100).await.unwrap();
    events.into_iter().map(|event| event.reason.unwrap()).collect()
}

#[tokio::test]
async fn a_source_is_added_changed_and_removed_each_with_its_event() {
    for_each_backend(async |store| {
        let change = async |edit, reason: &str| store.change_source(ENV, &edit, note(reason), None).await;
        change(edit(None, Some(FIRST)), "added").await.unwrap();
        assert_eq!(store.added_sources(Some(ENV)).await.unwrap(), [added(FIRST)]);
        assert_eq!(store.added_sources(None).await.unwrap(), [added(FIRST)]);
        assert_eq!(store.added_sources(Some("another")).await.unwrap(), []);
        change(edit(Some(FIRST), Some(SECOND)), "changed").await.unwrap();
        assert_eq!(store.added_sources(Some(ENV)).await.unwrap(), [added(SECOND)]);
        change(edit(Some(SECOND), None), "removed").await.unwrap();
        assert_eq!(store.added_sources(None).await.unwrap(), []);
        assert_eq!(notes(store).await, ["removed", "changed", "added"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_leaves_neither_a_source_nor_an_event() {
    for_each_backend(async |store| {
        let refused = async |edit| {
            let result = store.change_source(ENV, &edit, note("never"), None).await;
            assert!(matches!(result, Err(StoreError::SourceMoved(name)) if name == "metrics"));
        };
        refused(edit(Some(FIRST), None)).await;
        store.change_source(ENV, &edit(None, Some(FIRST)), note("added"), None).await.unwrap();
        refused(edit(None, Some(SECOND))).await;
        refused(edit(Some(SECOND), Some(FIRST))).await;
        // What the database itself refuses, after the source was read and before its event.
        let broken = store.change_source(ENV, &edit(Some(FIRST), Some("no JSON")), note("never"), None).await;
        assert!(matches!(broken, Err(StoreError::Unavailable(_))));
        let nowhere = store.change_source("nowhere", &edit(None, Some(FIRST)), note("never"), None).await;
        assert!(matches!(nowhere, Err(StoreError::UnknownEnvironment { .. })));
        assert_eq!(store.added_sources(None).await.unwrap(), [added(FIRST)]);
        assert_eq!(notes(store).await, ["added"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_adds_a_source_once() {
    for_each_backend(async |store| {
        let key = key("k", "digest");
        assert_eq!(store.source_changed_under(ENV, &key).await.unwrap(), None);
        for _ in 0..2 {
            store.change_source(ENV, &edit(None, Some(FIRST)), note("added"), Some(&key)).await.unwrap();
        }
        assert_eq!(store.source_changed_under(ENV, &key).await.unwrap().as_deref(), Some(FIRST));
        assert_eq!(notes(store).await, ["added"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_again_is_asked_from_the_beginning() {
    for_each_backend(async |store| {
        store.change_source(ENV, &edit(None, Some(FIRST)), note("added"), None).await.unwrap();
        let state = PullState {
            asked_through: Some(minute(1)),
            attempted_at: minute(1),
            failure: None,
            notice: None,
            succeeded_at: Some(minute(1)),
        };
        store.note_pull(ENV, "metrics", &state).await.unwrap();
        store.note_pull(ENV, "other", &state).await.unwrap();
        store.change_source(ENV, &edit(Some(FIRST), Some(SECOND)), note("changed"), None).await.unwrap();
        let states = store.pull_states(ENV).await.unwrap();
        assert_eq!(states.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["other"]);
    })
    .await;
}

#[tokio::test]
async fn a_source_that_was_added_is_there_after_a_restart() {
    let (folder, store) = sqlite().await;
    store.change_source(ENV, &edit(None, Some(FIRST)), note("added"), None).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(&file(&folder)).await.unwrap();
    assert_eq!(store.added_sources(None).await.unwrap(), [added(FIRST)]);
    assert_eq!(notes(&store).await, ["added"]);
}

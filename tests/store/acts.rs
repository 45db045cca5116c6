//! Cases of acts: a change and its events are one transaction, and nothing is changed unseen.

use super::support::*;
use chrono::Duration;
use scaling_mode::domain::act::{Act, ActError};
use scaling_mode::domain::canonical;
use scaling_mode::domain::decision::Recommendation;
use scaling_mode::domain::history::{Actor, EventType, NewEvent};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, Policy};
use scaling_mode::domain::proposal::ProposalStatus;
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::server::store::{EventFilter, Recording, StoreError};

fn set(mode: Mode, old_mode: Mode) -> Act {
    Act::SetMode { mode, old_mode, reason: None }
}

#[tokio::test]
async fn a_new_environment_has_its_configuration_and_one_event() {
    for_each_backend(async |store| {
        assert_eq!(store.config(ENV).await.unwrap(), config(ENV));
        let event = store.events(ENV, &EventFilter::default(), 9).await.unwrap().remove(0);
        assert_eq!(
            (event.seq, event.event_type, event.reason.as_deref()),
            (1, EventType::ConfigChanged, Some("created"))
        );
        assert_eq!(event.digest, Some(canonical::digest(&canonical::to_vec(&config(ENV)))));
        let again = store.create_environment(&config(ENV), "local".into(), t0()).await;
        assert!(matches!(again, Err(StoreError::EnvironmentExists(name)) if name == ENV));
        create(store, "another").await;
        let names: Vec<_> = store.environments().await.unwrap().into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["another", ENV]);
    })
    .await;
}

#[tokio::test]
async fn an_event_keeps_the_address_that_it_was_asked_from() {
    for_each_backend(async |store| {
        let actor = Actor { name: "founder", address: Some("2001:db8::7".parse().unwrap()) };
        store.act(ENV, &set(Mode::Pilot, Mode::Lab), actor, minute(1), None).await.unwrap();
        let sealed = snapshot(ENV, minute(15), Origin::OnDemand, "asked");
        store.record(ENV, &[Recording { actor, ..recording(&sealed) }], None).await.unwrap();
        let events = store.events(ENV, &EventFilter::default(), 9).await.unwrap();
        let addresses: Vec<_> = events.iter().map(|event| event.address.as_deref()).collect();
        assert_eq!(addresses, [Some("2001:db8::7"), Some("2001:db8::7"), None]);
        assert_eq!(verify(store).await.unwrap().seq, 3);
    })
    .await;
}

/// ASVS 2.3.1.
#[tokio::test]
async fn the_mode_is_compared_and_set() {
    for_each_backend(async |store| {
        let changed = store.act(ENV, &set(Mode::Pilot, Mode::Lab), "local".into(), minute(1), None).await.unwrap();
        assert!(changed.changed);
        assert_eq!((changed.config.mode, changed.config.version), (Mode::Pilot, 2));
        let refused = store.act(ENV, &set(Mode::Growth, Mode::Lab), "local".into(), minute(2), None).await;
        assert!(matches!(refused, Err(StoreError::Act(ActError::ModeMoved { .. }))));
        let same = store.act(ENV, &set(Mode::Pilot, Mode::Pilot), "local".into(), minute(3), None).await.unwrap();
        assert!(!same.changed);
        assert_eq!(store.config(ENV).await.unwrap(), changed.config);
        assert_eq!(event_count(store).await, 2);
        assert_eq!(store.config_at(ENV, 1).await.unwrap(), Some(config(ENV)));
        assert_eq!(store.config_at(ENV, 3).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn of_racing_acts_one_wins_and_changes_equal_events() {
    for_each_backend(async |store| {
        let acts = (0..8)
            .map(|_| async { store.act(ENV, &set(Mode::Pilot, Mode::Lab), "local".into(), minute(1), None).await });
        let outcomes = join_all(acts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!((store.config(ENV).await.unwrap().version, event_count(store).await), (2, 2));
    })
    .await;
}

/// Drives futures at the same time, without another dependency.
pub async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn an_update_needs_the_version_that_was_read_and_carries_its_digest() {
    for_each_backend(async |store| {
        let policy = Policy { time_zone: "Europe/Berlin".into(), ..Policy::default() };
        let update = |version| Act::Update { policy: Box::new(policy.clone()), version, reason: None };
        let refused = store.act(ENV, &update(2), "local".into(), minute(1), None).await;
        assert!(matches!(refused, Err(StoreError::Act(ActError::VersionMoved { .. }))));
        let changed = store.act(ENV, &update(1), "local".into(), minute(1), None).await.unwrap();
        let event = store.events(ENV, &EventFilter::default(), 1).await.unwrap().remove(0);
        assert_eq!(event.digest, Some(canonical::digest(&canonical::to_vec(&changed.config))));
        assert_eq!(store.config_at(ENV, 2).await.unwrap(), Some(changed.config));
    })
    .await;
}

#[tokio::test]
async fn a_key_gives_the_first_outcome_of_an_act_again() {
    for_each_backend(async |store| {
        let act = set(Mode::Pilot, Mode::Lab);
        let first = store.act(ENV, &act, "local".into(), minute(1), Some(&key("k", "d1"))).await.unwrap();
        store.act(ENV, &set(Mode::Growth, Mode::Pilot), "local".into(), minute(2), None).await.unwrap();
        let again = store.act(ENV, &act, "local".into(), minute(3), Some(&key("k", "d1"))).await.unwrap();
        assert_eq!(again, first);
        let reused = store.act(ENV, &act, "local".into(), minute(3), Some(&key("k", "d2"))).await;
        assert!(matches!(reused, Err(StoreError::KeyReused)));
        assert_eq!(event_count(store).await, 3);
    })
    .await;
}

/// ASVS 2.3.4.
#[tokio::test]
async fn a_proposal_is_accepted_once_and_moves_the_mode() {
    for_each_backend(async |store| {
        let sealed = snapshot(ENV, minute(15), Origin::Scheduled, "room for more");
        store.record(ENV, &[opening(&sealed)], None).await.unwrap();
        let proposal = store.open_proposal(ENV).await.unwrap().unwrap();
        let accept = |now_recommended| Act::AcceptProposal {
            id: proposal.id.clone(),
            now_recommended,
            snapshot_id: sealed.0.id.clone(),
        };
        let refused = store.act(ENV, &accept((Recommendation::Hold, None)), "local".into(), minute(16), None).await;
        assert!(matches!(refused, Err(StoreError::Act(ActError::RecommendationChanged(_)))));
        let wanted = (Recommendation::Increase, Some(Mode::Pilot));
        let accepted = store.act(ENV, &accept(wanted), "local".into(), minute(16), None).await.unwrap();
        assert_eq!(accepted.config.mode, Mode::Pilot);
        assert_eq!(newest_types(store, 2).await, [EventType::ModeChanged, EventType::ProposalAccepted]);
        let again = store.act(ENV, &accept(wanted), "local".into(), minute(17), None).await;
        assert!(matches!(again, Err(StoreError::Act(ActError::ProposalClosed(ProposalStatus::Accepted)))));
        assert_eq!(store.open_proposal(ENV).await.unwrap(), None);
        assert_eq!(store.proposals(ENV, Some(ProposalStatus::Accepted), 9).await.unwrap().len(), 1);
        create(store, "another").await;
        let elsewhere = store.act("another", &accept(wanted), "local".into(), minute(17), None).await;
        assert!(matches!(elsewhere, Err(StoreError::Act(ActError::UnknownProposal))));
    })
    .await;
}

#[tokio::test]
async fn a_note_joins_the_chain_with_the_time_that_the_store_keeps() {
    for_each_backend(async |store| {
        let at = minute(1) + Duration::nanoseconds(1_234_567);
        let mut note = NewEvent::new(EventType::Note, "local", at);
        note.reason = Some("looked at it".to_owned());
        let event = store.append(ENV, note).await.unwrap();
        assert_eq!((event.seq, event.at), (2, minute(1) + Duration::milliseconds(1)));
        assert_eq!(store.events(ENV, &EventFilter::default(), 1).await.unwrap(), std::slice::from_ref(&event));
        assert_eq!(verify(store).await, Ok(event.head()));
    })
    .await;
}

#[tokio::test]
async fn a_configuration_reads_back_as_it_was() {
    for_each_backend(async |store| {
        let mut config = Config { auto_mode: true, ..config("odd") };
        config.policy.guardrails.max_churn_risk = 0.1 + 0.2;
        config.last_mode_change_at = Some(t0() + Duration::nanoseconds(7));
        store.create_environment(&config, "local".into(), t0()).await.unwrap();
        assert_eq!(store.config("odd").await.unwrap(), config);
    })
    .await;
}

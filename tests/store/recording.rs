//! Cases of recordings: snapshots with their events and proposals, stored once.

use super::support::*;
use scaling_mode::domain::canonical;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::proposal::ProposalStatus;
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::server::store::{EventFilter, StoreError};

#[tokio::test]
async fn a_snapshot_reads_back_and_its_event_carries_its_digest() {
    for_each_backend(async |store| {
        let sealed = snapshot(ENV, minute(15), Origin::Daily, "nothing is known");
        let stored = store.record(ENV, &[recording(&sealed)], None).await.unwrap();
        assert_eq!(stored, std::slice::from_ref(&sealed.0));
        assert_eq!(store.snapshot(&sealed.0.id).await.unwrap(), sealed.0);
        assert_eq!(store.latest_snapshot(ENV, minute(600)).await.unwrap(), Some(sealed.0.clone()));
        assert_eq!(store.latest_daily(ENV, minute(600)).await.unwrap(), Some(minute(15)));
        let event = store.events(ENV, &EventFilter::default(), 1).await.unwrap().remove(0);
        assert_eq!((event.event_type, event.actor.as_str()), (EventType::SnapshotRecorded, "scheduler"));
        assert_eq!((event.digest, event.snapshot_id), (Some(sealed.0.digest.clone()), Some(sealed.0.id.clone())));
        let row = store.snapshot_rows(ENV, 0, 9).await.unwrap().remove(0);
        assert_eq!((row.id.as_str(), &row.bytes().unwrap()), (sealed.0.id.as_str(), &sealed.1));
        assert_eq!(canonical::digest(&row.bytes().unwrap()), row.digest);
        assert!(matches!(store.snapshot("snapshot-none").await, Err(StoreError::UnknownSnapshot(_))));
    })
    .await;
}

#[tokio::test]
async fn a_tick_is_recorded_once_and_the_first_stays() {
    for_each_backend(async |store| {
        let first = snapshot(ENV, minute(15), Origin::Scheduled, "first");
        let second = snapshot(ENV, minute(15), Origin::Replay, "second");
        let later = snapshot(ENV, minute(30), Origin::Replay, "later");
        store.record(ENV, &[recording(&first)], None).await.unwrap();
        let stored =
            store.record(ENV, &[recording(&second), recording(&later), recording(&later)], None).await.unwrap();
        assert_eq!(stored, [first.0.clone(), later.0.clone(), later.0.clone()]);
        assert_eq!(event_count(store).await, 3);
        // On demand there may be as many as are asked for, but each only once.
        let asked = snapshot(ENV, minute(15), Origin::OnDemand, "asked");
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
        assert_eq!(event_count(store).await, 4);
        assert!(store.has_tick(ENV, minute(15), minute(600)).await.unwrap());
        assert!(!store.has_tick(ENV, minute(16), minute(600)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn ticks_come_with_the_newest_one_before_them() {
    for_each_backend(async |store| {
        record_ticks(store, 10).await;
        let asked = snapshot(ENV, minute(50), Origin::OnDemand, "asked");
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
        let ticks = store.ticks(ENV, minute(45), minute(90)).await.unwrap();
        assert_eq!(ticks, [30, 45, 60, 75].map(|at| tick(minute(at))));
        assert_eq!(store.ticks(ENV, minute(900), minute(990)).await.unwrap(), [tick(minute(135))]);
        assert_eq!(store.ticks(ENV, minute(-90), minute(0)).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn hundreds_of_recordings_are_one_chain() {
    for_each_backend(async |store| {
        let stored = record_ticks(store, 450).await;
        assert_eq!(stored.len(), 450);
        let head = verify(store).await.unwrap();
        assert_eq!(head.seq, 451);
        assert_eq!(store.heads().await.unwrap(), [head]);
    })
    .await;
}

#[tokio::test]
async fn proposals_open_and_expire_with_the_snapshot() {
    for_each_backend(async |store| {
        let first = snapshot(ENV, minute(15), Origin::Scheduled, "first");
        let second = snapshot(ENV, minute(30), Origin::Scheduled, "second");
        store.record(ENV, &[opening(&first)], None).await.unwrap();
        let open = store.open_proposal(ENV).await.unwrap().unwrap();
        let mut next = opening(&second);
        next.expire = Some(open.id.clone());
        next.events.insert(0, NewEvent::new(EventType::ProposalExpired, "scheduler", next.at));
        store.record(ENV, &[next], None).await.unwrap();
        assert_eq!(
            newest_types(store, 3).await,
            [EventType::ProposalOpened, EventType::ProposalExpired, EventType::SnapshotRecorded]
        );
        let statuses: Vec<_> =
            store.proposals(ENV, None, 9).await.unwrap().into_iter().map(|proposal| proposal.status).collect();
        assert_eq!(statuses, [ProposalStatus::Open, ProposalStatus::Expired]);
    })
    .await;
}

#[tokio::test]
async fn what_no_longer_applies_to_a_proposal_leaves_no_event() {
    for_each_backend(async |store| {
        let first = snapshot(ENV, minute(15), Origin::Scheduled, "first");
        let second = snapshot(ENV, minute(30), Origin::Scheduled, "second");
        store.record(ENV, &[opening(&first)], None).await.unwrap();
        // Decided while another proposal was thought to be open: neither lapses nor opens.
        let mut late = opening(&second);
        late.expire = Some("proposal-closed-meanwhile".to_owned());
        late.events.push(NewEvent::new(EventType::ProposalExpired, "scheduler", late.at));
        store.record(ENV, &[late], None).await.unwrap();
        assert_eq!(newest_types(store, 1).await, [EventType::SnapshotRecorded]);
        assert_eq!(store.proposals(ENV, None, 9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_gives_the_first_snapshot_again() {
    for_each_backend(async |store| {
        let first = snapshot(ENV, minute(1), Origin::OnDemand, "first");
        let second = snapshot(ENV, minute(2), Origin::OnDemand, "second");
        let used = key("k", "d1");
        assert_eq!(store.recorded_under(ENV, &used).await.unwrap(), None);
        store.record(ENV, &[recording(&first)], Some(&used)).await.unwrap();
        assert_eq!(
            store.record(ENV, &[recording(&second)], Some(&used)).await.unwrap(),
            std::slice::from_ref(&first.0)
        );
        assert_eq!(store.recorded_under(ENV, &used).await.unwrap(), Some(first.0.clone()));
        assert!(matches!(store.recorded_under(ENV, &key("k", "d2")).await, Err(StoreError::KeyReused)));
        assert_eq!(event_count(store).await, 2);
    })
    .await;
}

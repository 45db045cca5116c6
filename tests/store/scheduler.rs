//! Owns what the scheduler promises, on a real store: one evaluation a tick, one daily decision a day, no burst after
//! sleep, proposals in auto-mode that are opened, accepted, or lapse, and nothing applied by itself.

use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::act::Act;
use scaling_mode::domain::decision::Recommendation;
use scaling_mode::domain::history::EventType;
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::signal::{Aggregation, Series};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
use scaling_mode::server::config::{Flags, ServeFlags, Settings};
use scaling_mode::server::scheduler::Scheduler;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, Store};

const ENVIRONMENT: &str = "production";

fn start() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().expect("a time")
}

fn settings() -> Settings {
    Settings::read(&Flags::default(), &ServeFlags::default()).expect("the defaults")
}

struct World {
    _folder: tempfile::TempDir,
    scheduler: Scheduler,
    settings: Settings,
    store: SqliteStore,
}

impl World {
    /// A pilot business that runs well from the start, with auto-mode on.
    async fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("store.db")).await.expect("a store");
        let config = Config::new(ENVIRONMENT, EnvironmentKind::Live, Mode::Pilot, Policy::default(), start());
        store.create_environment(&config, "local".into(), start()).await.expect("an environment");
        let world = World { _folder: folder, scheduler: Scheduler::default(), settings: settings(), store };
        world.act(&Act::SetAutoMode { enabled: true }, start()).await;
        world
    }

    async fn act(&self, act: &Act, at: DateTime<Utc>) {
        self.store.act(ENVIRONMENT, act, "local".into(), at, None).await.expect("the act is done");
    }

    /// A quarter of an hour's telemetry, up to `at`; its latency in milliseconds.
    async fn telemetry(&self, at: DateTime<Utc>, latency: u64) {
        let sample = |series, measurement| Sample { at, exact: None, id: None, measurement, series };
        let nanos = latency * 1_000_000;
        let aggregation = Aggregation::P95;
        let batch = AcceptedBatch {
            revises: false,
            samples: vec![
                sample(Series::ClientsActive, Measurement::Value(13)),
                sample(Series::ClientsAtRisk, Measurement::Value(0)),
                sample(Series::WarningsInfo, Measurement::Value(1)),
                sample(Series::WarningsWarning, Measurement::Value(0)),
                sample(Series::WarningsCritical, Measurement::Value(0)),
                sample(Series::PostsPublished, Measurement::Value(1)),
                sample(Series::AiSpend, Measurement::Value(100_000)),
                sample(Series::InfraCpu, Measurement::Value(300_000_000)),
                sample(Series::InfraRequests, Measurement::Value(2_000)),
                sample(Series::InfraErrors, Measurement::Value(0)),
                sample(Series::InfraLatency, Measurement::Aggregated { aggregation, count: Some(2_000), nanos }),
            ],
            source: "app".to_owned(),
            step_minutes: Some(15),
            watermark: Some(Watermark {
                covers_from: Some(start() - Duration::days(2)),
                data_through: at,
                series: Series::ALL.into_iter().collect(),
            }),
            ..AcceptedBatch::default()
        };
        self.store.ingest(ENVIRONMENT, &batch, at, None).await.expect("a receipt");
    }

    async fn tick(&self, at: DateTime<Utc>) {
        self.scheduler.tick(&self.store, &self.settings, at, &|| true).await;
        assert_eq!(self.scheduler.status().failing, [], "the tick at {at}");
    }

    /// Telemetry and a tick each quarter of an hour, from `from` on.
    async fn run(&self, from: DateTime<Utc>, ticks: i32, latency: u64) -> DateTime<Utc> {
        let mut at = from;
        for _ in 0..ticks {
            at += Duration::minutes(15);
            self.telemetry(at, latency).await;
            self.tick(at).await;
        }
        at
    }

    async fn count(&self, event_type: EventType) -> usize {
        let filter = EventFilter { types: vec![event_type], ..EventFilter::default() };
        self.store.events(ENVIRONMENT, &filter, 500).await.expect("events").len()
    }
}

#[tokio::test]
async fn a_tick_is_evaluated_once_however_often_it_is_asked_for() {
    let world = World::new().await;
    let at = world.run(start(), 2, 120).await;
    for _ in 0..3 {
        world.tick(at).await;
    }
    let (one, two) = (world.scheduler.clone(), world.scheduler.clone());
    let next = at + Duration::minutes(15);
    tokio::join!(
        one.tick(&world.store, &world.settings, next, &|| true),
        two.tick(&world.store, &world.settings, next, &|| true)
    );
    assert_eq!(world.count(EventType::SnapshotRecorded).await, 3);
}

#[tokio::test]
async fn sleep_leaves_a_gap_and_no_burst_and_each_day_has_one_decision() {
    let world = World::new().await;
    let asleep = world.run(start(), 30, 120).await;
    let awake = asleep + Duration::hours(20);
    world.run(awake, 4, 120).await;
    assert_eq!(world.count(EventType::SnapshotRecorded).await, 34);
    let daily = world.store.snapshots(ENVIRONMENT, 100, None, Some(Origin::Daily)).await.expect("snapshots");
    let days: Vec<String> = daily.iter().map(|snapshot| snapshot.body.as_of.to_rfc3339()).collect();
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days[1].starts_with("2026-11-20T06:00") || days[1].starts_with("2026-11-20T00:15"), "{days:?}");
}

#[tokio::test]
async fn auto_mode_proposes_what_holds_and_applies_nothing() {
    let world = World::new().await;
    let at = world.run(start(), 97, 120).await;
    let newest =
        world.store.latest_snapshot(ENVIRONMENT, at + Duration::days(1)).await.expect("a store").expect("a snapshot");
    assert_eq!(newest.body.recommendation, Recommendation::Increase, "{}", newest.body.narrative);
    let proposal = world.store.open_proposal(ENVIRONMENT).await.expect("a store").expect("a proposal");
    assert_eq!((proposal.recommendation, proposal.target_mode), (Recommendation::Increase, Some(Mode::Growth)));
    assert_eq!(world.store.config(ENVIRONMENT).await.expect("a store").mode, Mode::Pilot, "nothing is applied");
    assert_eq!(world.count(EventType::ProposalOpened).await, 1, "one proposal for one recommendation");
    let accept = Act::AcceptProposal {
        id: proposal.id,
        now_recommended: (Recommendation::Increase, Some(Mode::Growth)),
        snapshot_id: newest.id,
    };
    world.act(&accept, at).await;
    assert_eq!(world.store.config(ENVIRONMENT).await.expect("a store").mode, Mode::Growth);
    assert_eq!(world.store.open_proposal(ENVIRONMENT).await.expect("a store"), None);
    world.run(at, 1, 120).await;
    let after =
        world.store.latest_snapshot(ENVIRONMENT, at + Duration::days(1)).await.expect("a store").expect("a snapshot");
    assert_eq!(after.body.recommendation, Recommendation::Hold, "a change of mode restarts stabilization");
}

#[tokio::test]
async fn a_changed_recommendation_lets_the_proposal_lapse() {
    let world = World::new().await;
    let at = world.run(start(), 97, 120).await;
    assert!(world.store.open_proposal(ENVIRONMENT).await.expect("a store").is_some());
    // Percentiles of a whole hour must be bad before the hour certainly is.
    world.run(at, 5, 9_000).await;
    assert_eq!(world.count(EventType::ProposalExpired).await, 1);
    let now = world.store.open_proposal(ENVIRONMENT).await.expect("a store").expect("a proposal to freeze");
    assert_eq!((now.recommendation, now.target_mode), (Recommendation::Freeze, None));
    let config = world.store.config(ENVIRONMENT).await.expect("a store");
    assert!(!config.frozen, "nothing is applied");
}

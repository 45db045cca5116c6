//! Owns what the cases share: fresh stores of every backend, times, batches, snapshots. Must not assert anything.

use crate::databases;
use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::breach::{Breach, BreachSet};
use scaling_mode::domain::decision::Recommendation;
use scaling_mode::domain::headroom::Headroom;
use scaling_mode::domain::history::{Actor, ChainVerifier, EventType, Head, NewEvent};
use scaling_mode::domain::interval::Interval;
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::proposal::Proposal;
use scaling_mode::domain::recent::{Recent, Tick};
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::snapshot::{
    ENGINE_VERSION, InfraParts, Origin, Scores, Snapshot, SnapshotBody, Truth, Utilisation,
};
use scaling_mode::domain::stream::{Span, Stream};
use scaling_mode::domain::telemetry::{self, AcceptedBatch, Batch};
use scaling_mode::server::store::postgres::PostgresStore;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, IdempotencyKey, Recording, Store, StoreError};
use serde_json::{Value, json};
use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

pub const ENV: &str = "production";

/// Runs a case against a fresh store of each backend, with the environment `production` in it.
pub async fn for_each_backend(case: impl AsyncFn(&dyn Store)) {
    let (folder, store) = sqlite().await;
    case(&store).await;
    store.close().await;
    drop(folder);
    let (_, store) = postgres().await;
    case(&store).await;
    store.close().await;
}

/// A fresh PostgreSQL store with the environment `production` in it, and its url.
pub async fn postgres() -> (String, PostgresStore) {
    let url = database().await;
    let store = PostgresStore::open(&url).await.unwrap();
    create(&store, ENV).await;
    (url, store)
}

/// The url of a new database, in a server that all cases share.
pub async fn database() -> String {
    static PLACE: AtomicU32 = AtomicU32::new(0);
    let port = databases::Server::shared_postgres();
    let name = format!("store_{}", PLACE.fetch_add(1, Ordering::Relaxed));
    let url = |name: &str| format!("postgres://founder@127.0.0.1:{port}/{name}");
    let mut server = sqlx::PgConnection::connect(&url("postgres")).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await.unwrap();
    server.close().await.unwrap();
    url(&name)
}

/// A fresh SQLite store with the environment `production` in it.
pub async fn sqlite() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(&folder)).await.unwrap();
    create(&store, ENV).await;
    (folder, store)
}

pub fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("scaling-mode.db")
}

/// A connection beside the store, as somebody with the file has it.
pub async fn raw(path: &Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .connect()
        .await
        .unwrap()
}

pub fn t0() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

pub fn minute(minutes: i64) -> DateTime<Utc> {
    t0() + Duration::minutes(minutes)
}

pub fn ms(minutes: i64) -> i64 {
    minute(minutes).timestamp_millis()
}

pub fn config(name: &str) -> Config {
    Config::new(name, EnvironmentKind::Live, Mode::Lab, Policy::default(), t0())
}

pub async fn create(store: &dyn Store, name: &str) {
    store.create_environment(&config(name), "local".into(), t0()).await.unwrap();
}

pub fn key(name: &str, digest: &str) -> IdempotencyKey {
    IdempotencyKey { key: name.to_owned(), request_digest: digest.to_owned() }
}

/// A batch as the door accepts it, judged a week after `t0`.
pub fn batch(sent: Value) -> AcceptedBatch {
    let mut sent = sent;
    sent.as_object_mut().unwrap().entry("source").or_insert(json!("app"));
    let sent: Batch = serde_json::from_value(sent).unwrap();
    telemetry::accept(&sent, t0() + Duration::days(7)).unwrap()
}

/// One sample, `minutes` after `t0`.
pub fn sample(signal: &str, minutes: i64, value: Value) -> Value {
    let unit = match signal {
        "ai.spend" => "USD",
        "posts.published" => "posts",
        "infra.cpu" => "ratio",
        "infra.latency" => "ms",
        "infra.requests" | "infra.errors" => "requests",
        _ => "clients",
    };
    json!({"signal": signal, "at": minute(minutes).to_rfc3339(), "value": value, "unit": unit})
}

pub fn with(mut sample: Value, field: &str, value: Value) -> Value {
    sample[field] = value;
    sample
}

pub async fn stream(store: &dyn Store, series: Series, from: i64, to: i64) -> Stream {
    let span = Span { from: ms(from), to: ms(to) };
    let streams = store.streams(ENV, span).await.unwrap();
    streams.into_iter().find(|stream| stream.series() == series).unwrap()
}

/// The total of a sum between two minutes, as everything stored says it.
pub async fn total(store: &dyn Store, series: Series, from: i64, to: i64) -> u64 {
    let window = Span { from: ms(from), to: ms(to) };
    stream(store, series, from - 60, to + 60).await.total(window, window.to).value.lo
}

pub async fn spans(store: &dyn Store, series: Series) -> Vec<(i64, i64)> {
    let sources = store.sources(ENV).await.unwrap();
    let source = sources.into_iter().find(|source| source.series == series).unwrap();
    let minutes = |at: i64| (at - ms(0)) / 60_000;
    source.spans.into_iter().map(|span| (minutes(span.from), minutes(span.to))).collect()
}

/// A snapshot that knows nothing, with its canonical bytes.
pub fn snapshot(environment: &str, as_of: DateTime<Utc>, origin: Origin, narrative: &str) -> (Snapshot, Vec<u8>) {
    let config = config(environment);
    Snapshot::seal(SnapshotBody {
        as_of,
        config_digest: "0".repeat(64),
        config_version: 1,
        confidence: 0.25,
        demand: Interval::NON_NEGATIVE,
        engine_version: ENGINE_VERSION.into(),
        environment: environment.to_owned(),
        frozen: false,
        headroom: Headroom { binding: "evidence".into(), clients: 0 },
        held: false,
        infra: InfraParts { cpu: Some(Interval::SCORE), error_rate: None, latency: Some(Interval::exactly(99.5)) },
        inputs: Vec::new(),
        kind: EnvironmentKind::Live,
        mode: Mode::Lab,
        narrative: narrative.to_owned(),
        origin,
        recent: Recent::none(&config, 15),
        recommendation: Recommendation::Hold,
        rules: Vec::new(),
        scores: Scores {
            ai_cost_pressure: Interval::SCORE,
            churn_risk: Interval::SCORE,
            infra_health: Interval::SCORE,
            overall: Interval::exactly(81.25),
            warning_density: Interval::SCORE,
        },
        target_mode: None,
        truth: Truth { blocked: None, completeness: 0.5, notes: Vec::new() },
        utilisation: Utilisation { ai_spend: Interval::NON_NEGATIVE, posts: None, worst: Interval::NON_NEGATIVE },
        verdict: "Stay in lab".to_owned(),
    })
}

pub fn tick(at: DateTime<Utc>) -> Tick {
    let mut standing = BreachSet::EMPTY;
    standing.insert(Breach::ChurnRisk);
    Tick {
        at,
        clear: BreachSet::all().without(Breach::ChurnRisk),
        conditions_met: true,
        ruled: Recommendation::Freeze,
        standing,
    }
}

/// A recording of a snapshot with nothing beside it.
pub fn recording<'a>((snapshot, bytes): &'a (Snapshot, Vec<u8>)) -> Recording<'a> {
    let as_of = snapshot.body.as_of;
    Recording {
        bytes,
        events: Vec::new(),
        expire: None,
        open: None,
        snapshot,
        tick: snapshot.body.origin.is_tick().then(|| tick(as_of)),
        actor: "scheduler".into(),
        at: as_of + Duration::seconds(1),
    }
}

/// A recording that opens a proposal to move to pilot, with its event.
pub fn opening<'a>(sealed: &'a (Snapshot, Vec<u8>)) -> Recording<'a> {
    let mut recording = recording(sealed);
    let proposal = Proposal {
        expires_at: recording.at + Duration::hours(24),
        id: format!("proposal-{}", &sealed.0.digest[..24]),
        opened_at: recording.at,
        recommendation: Recommendation::Increase,
        snapshot_id: sealed.0.id.clone(),
        status: scaling_mode::domain::proposal::ProposalStatus::Open,
        target_mode: Some(Mode::Pilot),
    };
    recording.open = Some(proposal);
    recording.events.push(NewEvent::new(EventType::ProposalOpened, "scheduler", recording.at));
    recording
}

/// A note with that reason.
pub fn note_of(reason: &str) -> NewEvent {
    let actor = Actor { name: "local", address: Some("203.0.113.7".parse().unwrap()) };
    let mut event = NewEvent::new(EventType::Note, actor, minute(5));
    event.reason = Some(reason.to_owned());
    event
}

/// Ticks every 15 minutes from `t0`, stored in one call.
pub async fn record_ticks(store: &dyn Store, count: i64) -> Vec<Snapshot> {
    let sealed: Vec<_> =
        (0..count).map(|place| snapshot(ENV, minute(15 * place), Origin::Scheduled, "nothing is known")).collect();
    let recordings: Vec<_> = sealed.iter().map(recording).collect();
    store.record(ENV, &recordings, None).await.unwrap()
}

pub async fn event_count(store: &dyn Store) -> u64 {
    store.heads().await.unwrap().into_iter().find(|head| head.environment == ENV).unwrap().seq
}

pub async fn newest_types(store: &dyn Store, limit: u32) -> Vec<EventType> {
    let events = store.events(ENV, &EventFilter::default(), limit).await.unwrap();
    events.into_iter().map(|event| event.event_type).collect()
}

/// Walks the chain through the store, as `verify` does: its head, or the first bad sequence number.
pub async fn verify(store: &dyn Store) -> Result<Head, u64> {
    let mut verifier = ChainVerifier::new(ENV);
    loop {
        let mut events = match store.events_after(ENV, verifier.head().seq, 16).await {
            Ok(events) => events,
            Err(StoreError::Corrupt { .. }) => return Err(verifier.head().seq + 1),
            Err(error) => panic!("{error}"),
        };
        if events.is_empty() {
            return Ok(verifier.head().clone());
        }
        for event in &mut events {
            verifier.next(event).map_err(|broken| broken.seq)?;
        }
    }
}

/// SplitMix64: the same edits in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (value ^ (value >> 31)) % sides
    }
}

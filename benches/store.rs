//! Measures the store on real files: a year's replay with its history, a backtest of it, the rate of ingestion and recording, and whether an
//! evaluation and a page of history cost the same however much is stored. Prints figures; decides nothing.
//!
//! `cargo bench --features ssr --bench store -- [postgres] [replay] [backtest] [ingest] [flat] [environments]`, all of them when none is
//! named, on SQLite or on a PostgreSQL that is started for it.

#[path = "../tests/support/databases.rs"]
mod databases;

use chrono::{DateTime, Duration, Utc};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::signal::{Aggregation, Series};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::telemetry::{AcceptedBatch, Measurement, Sample};
use scaling_mode::server::backtest;
use scaling_mode::server::calendar;
use scaling_mode::server::clock;
use scaling_mode::server::config::{Flags, ServeFlags, Settings};
use scaling_mode::server::evaluation::{Occasion, evaluate_and_record};
use scaling_mode::server::replay::{Plan, replay};
use scaling_mode::server::scheduler::Scheduler;
use scaling_mode::server::store::{EventFilter, Place, Store, StoreError};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const ENVIRONMENT: &str = "year";

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).expect("a time")
}

fn sample(series: Series, at: DateTime<Utc>, measurement: Measurement) -> Sample {
    Sample { at, exact: None, id: None, measurement, series }
}

/// One day of a business: infra every five minutes, sums every hour, gauges once.
fn day(day: i64) -> AcceptedBatch {
    let from = start() + Duration::days(day);
    let mut samples = Vec::new();
    for slot in 1..=288 {
        let at = from + Duration::minutes(5 * slot);
        let wave = u64::try_from((slot * 7 + day) % 40).expect("small");
        samples.push(sample(Series::InfraCpu, at, Measurement::Value(300_000_000 + wave * 3_000_000)));
        samples.push(sample(Series::InfraRequests, at, Measurement::Value(250 + wave)));
        samples.push(sample(Series::InfraErrors, at, Measurement::Value(u64::from(slot % 97 == 0))));
        let nanos = 120_000_000 + wave * 1_000_000;
        let aggregation = Aggregation::P95;
        samples.push(sample(
            Series::InfraLatency,
            at,
            Measurement::Aggregated { aggregation, count: Some(250), nanos },
        ));
        if slot % 12 == 0 {
            samples.push(sample(Series::PostsPublished, at, Measurement::Value(3 + wave % 4)));
            samples.push(sample(Series::AiSpend, at, Measurement::Value(700_000 + wave * 1_000)));
        }
    }
    let at = from + Duration::minutes(5);
    for (series, value) in [
        (Series::ClientsActive, 12),
        (Series::ClientsAtRisk, 1),
        (Series::WarningsInfo, 2),
        (Series::WarningsWarning, u64::from(day % 9 == 0)),
        (Series::WarningsCritical, 0),
    ] {
        samples.push(sample(series, at, Measurement::Value(value)));
    }
    AcceptedBatch {
        revises: false,
        samples,
        source: "bench".to_owned(),
        step_minutes: None,
        watermark: None,
        ..AcceptedBatch::default()
    }
}

/// The PostgreSQL that is measured, where it is.
static SERVER: Mutex<Option<databases::Server>> = Mutex::new(None);

/// The queries for that server.
fn of_server<T>(ask: impl FnOnce(&databases::Server) -> T) -> Option<T> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ask)
}

/// Ends the server with its folder, however the measuring ends: nothing drops what is static.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        drop(SERVER.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A place for a new store.
async fn new_place(folder: &Path) -> Place {
    let Some(port) = of_server(|server| server.port) else {
        return Place::Sqlite(folder.join("bench.db"));
    };
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("bench_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let url = |name: &str| format!("postgres://founder@127.0.0.1:{port}/{name}");
    let mut admin = sqlx::PgConnection::connect(&url("postgres")).await.expect("a connection");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut admin)
        .await
        .expect("a database");
    Place::Postgres(url(&name))
}

async fn new_store(folder: &Path) -> Arc<dyn Store> {
    open(&new_place(folder).await).await
}

async fn open(place: &Place) -> Arc<dyn Store> {
    let store = place.open().await.expect("a store");
    let config = Config::new(ENVIRONMENT, EnvironmentKind::Recorded, Mode::Pilot, Policy::default(), start());
    match store.create_environment(&config, "bench".into(), start()).await {
        Ok(()) | Err(StoreError::EnvironmentExists(_)) => store,
        Err(error) => panic!("{error}"),
    }
}

async fn ingest_days(store: &dyn Store, days: std::ops::Range<i64>) -> u64 {
    let mut accepted = 0;
    for number in days {
        let receipt = store.ingest(ENVIRONMENT, &day(number), start(), None).await.expect("a receipt");
        accepted += receipt.accepted;
    }
    accepted
}

/// A year at 15 minutes, persisted with its history.
async fn a_year() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = new_store(folder.path()).await;
    let began = clock::instant();
    let samples = ingest_days(store.as_ref(), 0..367).await;
    let took = began.elapsed().as_secs_f64();
    println!("ingest: {samples} samples in {took:.2} s, {:.0} samples/s, a day a batch", samples as f64 / took);
    let from = start() + Duration::days(1);
    let plan = Plan {
        environment: ENVIRONMENT.to_owned(),
        from,
        to: from + Duration::days(365) - Duration::minutes(15),
        every_minutes: 15,
    };
    let began = clock::instant();
    let summary = replay(store.clone(), &plan, |_| {}).await.expect("a replay");
    let took = began.elapsed().as_secs_f64();
    let size =
        std::fs::metadata(folder.path().join("bench.db")).map_or(0, |file| file.len()).max(database_size().await);
    println!(
        "replay of a year at 15 minutes: {} evaluations, persisted with history, in {took:.2} s ({:.0}/s); {} changes; store {:.1} MB",
        summary.evaluations,
        summary.evaluations as f64 / took,
        summary.changes.len(),
        size as f64 / 1e6
    );
    store.close().await;
}

/// The size of the newest database of the PostgreSQL that is measured, in bytes; 0 without a database.
async fn database_size() -> u64 {
    let Some(port) = of_server(|server| server.port) else { return 0 };
    let url = format!("postgres://founder@127.0.0.1:{port}/postgres");
    let mut admin = sqlx::PgConnection::connect(&url).await.expect("a connection");
    let size: i64 = sqlx::query_scalar("SELECT max(pg_database_size(datname))::bigint FROM pg_database")
        .fetch_one(&mut admin)
        .await
        .expect("a size");
    u64::try_from(size).unwrap_or(0)
}

/// A backtest over a year at 15 minutes: stored once, then judged under another policy.
async fn backtest_of_a_year() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = new_store(folder.path()).await;
    ingest_days(store.as_ref(), 0..367).await;
    let from = start() + Duration::days(1);
    let to = from + Duration::days(365) - Duration::minutes(15);
    let plan = Plan { environment: ENVIRONMENT.to_owned(), from, to, every_minutes: 15 };
    replay(store.clone(), &plan, |_| {}).await.expect("a replay");
    let mut policy = Policy::default();
    policy.guardrails.max_churn_risk = 0.05;
    policy.guardrails.min_demand_for_increase = 0.9;
    for round in ["first", "second", "third"] {
        let plan = backtest::Plan { environment: ENVIRONMENT.to_owned(), from: None, policy: policy.clone(), to: None };
        let began = clock::instant();
        let report = backtest::backtest(store.clone(), plan).await.expect("a backtest");
        let took = began.elapsed().as_secs_f64();
        println!(
            "backtest of a year at 15 minutes, {round} run: {} in {took:.3} s ({:.0}/s); changes {} as it was, {} as proposed",
            report.headline,
            report.evaluations as f64 / took,
            report.recorded.changes,
            report.proposed.changes
        );
    }
    store.close().await;
}

/// The rate of bulk ingestion, ten thousand samples a batch.
async fn bulk_ingestion() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = new_store(folder.path()).await;
    let began = clock::instant();
    let mut accepted = 0;
    for batch in 0..30 {
        let samples = (0..10_000)
            .map(|place| {
                sample(
                    Series::InfraRequests,
                    start() + Duration::seconds(batch * 600_000 + place * 60),
                    Measurement::Value(7),
                )
            })
            .collect();
        let batch = AcceptedBatch {
            revises: false,
            samples,
            source: "bulk".to_owned(),
            step_minutes: None,
            watermark: None,
            ..AcceptedBatch::default()
        };
        accepted += store.ingest(ENVIRONMENT, &batch, start(), None).await.expect("a receipt").accepted;
    }
    let took = began.elapsed().as_secs_f64();
    println!("ingest, 10,000 a batch, durable: {accepted} samples, {:.0} samples/s", accepted as f64 / took);
    store.close().await;
}

/// Fills the tables of telemetry and history to `rows` each, below what is measured, by plain SQL.
async fn fill(file: &Path, rows: i64) {
    let mut db = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.expect("a connection");
    for pragma in ["PRAGMA synchronous=OFF", "PRAGMA cache_size=-400000"] {
        sqlx::query(pragma).execute(&mut db).await.expect("a pragma");
    }
    let newest = start().timestamp() / 60;
    // Minutes back from the beginning of the measured days, five minutes apart, on every stream.
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1 / (SELECT count(*) FROM streams)) \
         INSERT INTO minutes (stream_id, minute, first_at, first, last_at, last, samples, total, fetched_at, latency) \
         SELECT id, $2 - 5 * i, ($2 - 5 * i) * 60000, 7, ($2 - 5 * i) * 60000, 7, 1, 7, 0, NULL FROM streams, n \
         WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(rows)
    .bind(newest)
    .execute(&mut db)
    .await
    .expect("minutes");
    sqlx::query(
        "WITH RECURSIVE h(i) AS (SELECT (SELECT max(seq) + 1 FROM history WHERE environment_id = 1) \
             UNION ALL SELECT i + 1 FROM h WHERE i < $1) \
         INSERT INTO history (environment_id, seq, at, type, actor, prev_hash, hash) \
         SELECT 1, i, i * 1000, CASE i % 50 WHEN 0 THEN 'note' ELSE 'snapshot_recorded' END, 'bench', 'p' || i, 'h' || i FROM h",
    )
    .bind(rows)
    .execute(&mut db)
    .await
    .expect("history");
    sqlx::query(
        "UPDATE environments SET head_seq = (SELECT max(seq) FROM history WHERE environment_id = 1) WHERE id = 1",
    )
    .execute(&mut db)
    .await
    .expect("a head");
    db.close().await.expect("closed");
}

/// The same in PostgreSQL, over partitions of years.
async fn fill_postgres(url: &str, rows: i64) {
    let mut db = sqlx::PgConnection::connect(url).await.expect("a connection");
    // Below what is measured: no trigger looks at each row.
    let statements = format!(
        "SELECT make_room('2015-12-01', '2023-12-31'); SET session_replication_role = replica; SET synchronous_commit = off;
         INSERT INTO minutes (stream_id, minute, first_at, first, last_at, last, samples, total, fetched_at)
         SELECT id, m, to_timestamp(m * 60), 7, to_timestamp(m * 60), 7, 1, 7, to_timestamp(0)
         FROM streams, generate_series(1, {rows} / (SELECT count(*) FROM streams)) AS i, LATERAL (SELECT {newest} - 3 * i AS m) AS at
         ON CONFLICT DO NOTHING;
         INSERT INTO history (environment_id, seq, at, type, actor, prev_hash, hash)
         SELECT 1, i, to_timestamp({first} + i * 20), CASE i % 50 WHEN 0 THEN 'note' ELSE 'snapshot_recorded' END, 'bench', 'p' || i, 'h' || i
         FROM generate_series((SELECT max(seq) + 1 FROM history WHERE environment_id = 1), {rows}) AS i;
         UPDATE environments SET head_seq = (SELECT max(seq) FROM history WHERE environment_id = 1) WHERE id = 1;
         SET session_replication_role = DEFAULT; VACUUM ANALYZE minutes; VACUUM ANALYZE history; CHECKPOINT;",
        newest = start().timestamp() / 60,
        first = start().timestamp() - rows * 20,
    );
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut db).await.expect("rows");
    }
    db.close().await.expect("closed");
}

/// Many environments with a day of numbers each, all evaluated at two ticks by one scheduler, as a server does it: what of a core that
/// takes, of this process and of the database together, at one tick in 15 minutes.
async fn environments() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = new_store(folder.path()).await;
    let number = many();
    let began = clock::instant();
    let from = start();
    for place in 0..number {
        let name = format!("shop-{place}");
        let config = Config::new(&name, EnvironmentKind::Live, Mode::Pilot, Policy::default(), from);
        store.create_environment(&config, "bench".into(), from).await.expect("an environment");
        store.ingest(&name, &day(0), from, None).await.expect("a receipt");
    }
    println!("{number} environments with a day of numbers each, made in {:.0} s", began.elapsed().as_secs_f64());
    let settings = Settings::read(&Flags::default(), &ServeFlags::default()).expect("settings");
    let scheduler = Scheduler::default();
    for tick in 1..=2 {
        let at = calendar::tick_before(from + Duration::days(1) + Duration::minutes(15 * tick), 15);
        let (began, used) = (clock::instant(), processor_seconds());
        scheduler.tick(store.as_ref(), &settings, at, &|| true).await;
        let (took, used) = (began.elapsed().as_secs_f64(), processor_seconds() - used);
        assert!(scheduler.status().failing.is_empty());
        println!(
            "tick {tick}: {number} evaluations in {took:.1} s, {used:.1} s of processor time: {:.3} of a core at one tick in 15 minutes",
            used / 900.0
        );
    }
    store.close().await;
}

/// How many environments: 10,000, unless `ENVIRONMENTS` says otherwise.
#[expect(clippy::disallowed_methods, reason = "whoever measures says how much")]
fn many() -> i64 {
    std::env::var("ENVIRONMENTS").ok().and_then(|number| number.parse().ok()).unwrap_or(10_000)
}

/// What this process and the database have used of the processors so far, in seconds.
fn processor_seconds() -> f64 {
    let own = std::fs::read_to_string("/proc/self/stat").expect("what it has used");
    let fields: Vec<f64> = own
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    (fields[11] + fields[12]) / 100.0 + of_server(databases::Server::processor_seconds).unwrap_or(0.0)
}

/// The median of timings, in milliseconds.
fn median(mut timings: Vec<f64>) -> f64 {
    timings.sort_by(f64::total_cmp);
    timings[timings.len() / 2]
}

/// A store filled to so many rows, opened again.
async fn filled(folder: &Path, rows: i64) -> Arc<dyn Store> {
    let place = new_place(folder).await;
    let store = open(&place).await;
    ingest_days(store.as_ref(), 0..4).await;
    store.close().await;
    match &place {
        Place::Sqlite(file) => fill(file, rows).await,
        Place::Postgres(url) => fill_postgres(url, rows).await,
    }
    open(&place).await
}

/// An evaluation and a page of history on stores of all sizes. They are measured in turn, so that other work of the machine affects
/// all of them.
async fn flatness() {
    let mut stores = Vec::new();
    for rows in [10_000i64, 100_000, 1_000_000, 10_000_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = filled(folder.path(), rows).await;
        stores.push((rows, folder, store, Vec::new(), Vec::new()));
    }
    // The first rounds only warm up.
    for round in -10..60 {
        for (rows, _, store, evaluations, pages) in &mut stores {
            let as_of = start() + Duration::days(4) + Duration::seconds(round);
            let occasion = Occasion { actor: "bench".into(), as_of, origin: Origin::OnDemand, tick_minutes: 15 };
            let began = clock::instant();
            evaluate_and_record(store.as_ref(), ENVIRONMENT, occasion, None).await.expect("a snapshot");
            let evaluation = began.elapsed().as_secs_f64() * 1e3;
            let filter = EventFilter {
                types: vec![scaling_mode::domain::history::EventType::Note],
                before: Some(u64::try_from(*rows).expect("positive") / 2),
                ..EventFilter::default()
            };
            let began = clock::instant();
            let page = store.events(ENVIRONMENT, &filter, 50).await.expect("a page");
            assert!(!page.is_empty());
            if round >= 0 {
                evaluations.push(evaluation);
                pages.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let mut first: Option<(f64, f64)> = None;
    for (rows, _, store, evaluations, pages) in stores {
        let (evaluation, page) = (median(evaluations), median(pages));
        let base = *first.get_or_insert((evaluation, page));
        println!(
            "{rows:>9} rows: evaluation {evaluation:.2} ms (ratio {:.2}), history page {page:.3} ms (ratio {:.2})",
            evaluation / base.0,
            page / base.1
        );
        store.close().await;
    }
}

#[tokio::main]
async fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| {
        asked.iter().all(|argument| argument == "postgres") || asked.iter().any(|argument| argument == name)
    };
    let _ending = Ending;
    if asked.iter().any(|argument| argument == "postgres") {
        let server = databases::Server::durable_postgres();
        SERVER.lock().unwrap_or_else(PoisonError::into_inner).replace(server);
    }
    if wants("replay") {
        a_year().await;
    }
    if wants("backtest") {
        backtest_of_a_year().await;
    }
    if wants("ingest") {
        bulk_ingestion().await;
    }
    if wants("flat") {
        flatness().await;
    }
    if wants("environments") {
        environments().await;
    }
}

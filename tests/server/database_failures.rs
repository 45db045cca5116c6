//! Owns what the program promises while its PostgreSQL is ill rather than away: slow, full, or shared by servers whose clocks differ.
//! Real programs, real databases; nothing needs privileges.

use crate::databases;
use crate::serving::{Server, answer};
use chrono::{DateTime, Duration, Utc};
use reqwest::{Method, RequestBuilder};
use scaling_mode::domain::history::{ChainVerifier, EventType};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::server::clock;
use scaling_mode::server::store::postgres::PostgresStore;
use scaling_mode::server::store::{EventFilter, Store};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const ENV: &str = "production";
const PAGE: &str = "/founder/scaling-mode?environment=production";
const HEALTH: &str = "/api/scaling-mode/health?environment=production";
const CONFIG: &str = "/api/scaling-mode/config?environment=production";

pub fn url(port: u16) -> String {
    format!("postgres://founder@127.0.0.1:{port}/postgres")
}

/// A founder's act under a key.
fn act(server: &Server, key: &str, action: &str) -> RequestBuilder {
    let body = json!({"environment": ENV, "action": action, "reason": key});
    server.request(Method::PUT, "/api/scaling-mode/config").header("idempotency-key", key).json(&body)
}

/// Asks until it is so, for half a minute.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = clock::instant() + std::time::Duration::from_secs(30);
    while !is_so().await {
        assert!(clock::instant() < deadline, "{what}: not within half a minute");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// How a way to the database is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Open,
    /// Each piece of what is said takes so much longer.
    Slow(std::time::Duration),
    /// Nothing that is sent arrives, and neither side learns of it.
    Shut,
}

/// A way to a database that can become slow.
pub async fn way_to(port: u16) -> (u16, Arc<watch::Sender<Way>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("its address").port();
    let way = Arc::new(watch::Sender::new(Way::Open));
    let told = way.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
            let (near, far) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near.0, far.1, told.subscribe()));
            tokio::spawn(carry(far.0, near.1, told.subscribe()));
        }
    });
    (own, way)
}

async fn carry(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let now = *way.borrow();
        if let Way::Slow(longer) = now {
            tokio::time::sleep(longer).await;
        }
        if read == 0
            || way.wait_for(|way| *way != Way::Shut).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

/// Pages that were read before are answered as they were, with their age; writes are refused, with the time to come again.
async fn answers_from_memory(server: &Server, key: &str, action: &str, before: &[Value]) {
    for (path, before) in [HEALTH, CONFIG].into_iter().zip(before) {
        let response = server.get_as_last_known(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["cache-status"], "scaling-mode; hit; detail=store-unreachable", "{path}");
        assert!(response.headers()["age"].to_str().expect("text").parse::<u64>().is_ok());
        assert_eq!(&response.json::<Value>().await.expect("JSON"), before, "{path}");
    }
    let refused = act(server, key, action).send().await.expect("an answer in time");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "2");
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_slow_reading_says_its_age_and_writing_is_settled_later() {
    let database = databases::Server::postgres();
    let (port, way) = way_to(database.port).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("DATABASE_URL", &url(port))]).await;
    assert_eq!(answer(act(&server, "first", "freeze")).await.status, 200);
    let mut before = vec![server.get(HEALTH).await.json, server.get(CONFIG).await.json];
    assert_eq!(server.get(PAGE).await.status, 200);
    // Each answer comes, but all of what a request asks takes longer than anyone waits; then none comes at
    // all.
    let slow = Way::Slow(std::time::Duration::from_millis(1_200));
    for (how, key, action, event) in
        [(slow, "while slow", "unfreeze", "unfrozen"), (Way::Shut, "while shut", "freeze", "frozen")]
    {
        way.send_replace(how);
        answers_from_memory(&server, key, action, &before).await;
        way.send_replace(Way::Open);
        until("the write settles", async || answer(act(&server, key, action)).await.status == 200).await;
        assert_eq!(answer(act(&server, key, action)).await.status, 200);
        let path = format!("/api/scaling-mode/history?environment=production&event_type={event}");
        let all = server.get(&path).await;
        let events = all.json["events"].as_array().unwrap_or_else(|| panic!("{}", all.text));
        assert_eq!(events.iter().filter(|event| event["reason"] == key).count(), 1, "{how:?}: {}", all.text);
        until("it is ready", async || server.get("/readyz").await.status == 200).await;
        let fresh = server.request(Method::GET, CONFIG).send().await.expect("an answer");
        assert!(!fresh.headers().contains_key("age"), "what is read is the store's again");
        before = vec![server.get(HEALTH).await.json, server.get(CONFIG).await.json];
    }
    let (code, said, complained) = server.command(&["verify", "--database-url", &url(database.port)]);
    assert_eq!(code, 0, "{said}{complained}");
}

/// Numbered posts, so many of a batch, under a key.
fn posts(server: &Server, batch: i64, until: DateTime<Utc>) -> RequestBuilder {
    let samples: Vec<Value> = (0..POSTS)
        .map(|place| {
            let at = until - Duration::seconds((batch * POSTS + place) * 20);
            json!({"signal": "posts.published", "at": at.to_rfc3339(), "value": 1, "unit": "posts"})
        })
        .collect();
    let body = json!({"source": "shop", "samples": samples});
    server.request(Method::POST, "/api/telemetry").header("idempotency-key", format!("batch {batch}")).json(&body)
}

/// Posts of a batch.
const POSTS: i64 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_half_written_and_all_goes_on_once_there_is_room() {
    let database = databases::Server::postgres_of_small_files();
    let url = url(database.port);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("DATABASE_URL", &url)]).await;
    let mut raw = PgConnection::connect(&url).await.expect("a connection");
    let mut stored = async || -> (i64, i64, i64) {
        let all = "SELECT (SELECT count(*) FROM samples), (SELECT coalesce(sum(total), 0)::bigint FROM minutes \
             JOIN streams ON streams.id = stream_id JOIN sources ON sources.id = source_id WHERE sources.name = 'shop'), \
             (SELECT count(*) FROM idempotency)";
        sqlx::query_as(all).fetch_one(&mut raw).await.expect("counts")
    };
    let now = clock::now();
    assert_eq!(answer(posts(&server, 0, now)).await.status, 200);
    database.limit_files(Some(1_200_000));
    let mut full = None;
    let mut before = stored().await;
    for batch in 1..40 {
        let response = posts(&server, batch, now).send().await.expect("an answer");
        if response.status() != 200 {
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "2");
            full = Some(batch);
            break;
        }
        before = stored().await;
    }
    let full = full.expect("the disk becomes full");
    // Once more, and by then what was there before is still read.
    assert_eq!(answer(posts(&server, full, now)).await.status, 503);
    let (samples, counted, keys) = stored().await;
    assert_eq!((samples >= full * POSTS, counted, keys), (true, full * POSTS, before.2), "nothing of it is there");
    assert_eq!(counted, before.1);
    assert_eq!(server.get(CONFIG).await.status, 200);
    assert_eq!(server.get(HEALTH).await.status, 200);

    database.limit_files(None);
    until("the batch is taken", async || answer(posts(&server, full, now)).await.status == 200).await;
    assert_eq!(answer(posts(&server, full, now)).await.status, 200);
    assert_eq!(stored().await.1, (full + 1) * POSTS, "once");
    until("it is ready", async || server.get("/readyz").await.status == 200).await;
    assert_eq!(answer(act(&server, "after", "freeze")).await.status, 200);
    let (code, said, complained) = server.command(&["verify", "--database-url", &url]);
    assert_eq!(code, 0, "{said}{complained}");
}

/// A library that moves the time of every program that loads it.
pub fn clock_library(folder: &Path) -> PathBuf {
    let library = folder.join("clock.so");
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg("tests/support/clock.c");
    assert!(compile.status().expect("a C compiler").success());
    // The database may run as another account than the test.
    for path in [folder, &library] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    }
    library
}

/// A server whose clock is wrong by so many seconds.
struct Wrong(Child);

impl Wrong {
    fn start(folder: &Path, url: &str, seconds: i64, clock: (&Path, &Path)) -> Wrong {
        let child = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
            .args(["serve", "--log", "error", "--no-demo", "--addr", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .current_dir(folder)
            .env("DATABASE_URL", url)
            .env("LD_PRELOAD", clock.0)
            .env("CLOCK_FILE", clock.1)
            .env("CLOCK_AHEAD", seconds.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        Wrong(child)
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_clocks_differ_by_hours_judge_by_the_databases_clock_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = clock_library(folder.path());
    let file = folder.path().join("moved");
    // A minute after a tick, so that none is due by itself while this runs.
    let quarter = Duration::minutes(15);
    let first = 60 - clock::now().timestamp().rem_euclid(quarter.num_seconds());
    let set = |round: i64| {
        let next = folder.path().join("next");
        std::fs::write(&next, (first + round * quarter.num_seconds()).to_string()).expect("a time");
        std::fs::rename(&next, &file).expect("the time is set");
    };
    set(0);
    let moved = file.to_str().expect("a path").to_owned();
    let database = databases::Server::postgres_with_clock(&library, &[("CLOCK_FILE", &moved)]);
    let url = url(database.port);
    let store = PostgresStore::open(&url).await.expect("a store");
    let mut raw = PgConnection::connect(&url).await.expect("a connection");
    let began: DateTime<Utc> =
        sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut raw).await.expect("a time");
    let config = Config::new(ENV, EnvironmentKind::Live, Mode::Lab, Policy::default(), began - Duration::days(1));
    store.create_environment(&config, "local".into(), began - Duration::days(1)).await.expect("an environment");
    let ticks = async || -> i64 {
        let mut raw = PgConnection::connect(&url).await.expect("a connection");
        let all = "SELECT count(*) FROM snapshots JOIN environments ON environments.id = environment_id WHERE is_tick AND name = $1";
        sqlx::query_scalar(all).bind(ENV).fetch_one(&mut raw).await.expect("a count")
    };
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let start =
        |place: usize, seconds: i64| Wrong::start(folders[place].path(), &url, seconds, (&library, file.as_path()));

    let behind = start(0, -3_600);
    until("the first tick", async || ticks().await == 1).await;
    let ahead = start(1, 3_600);
    // For longer than it takes either of them to ask again: the one whose clock is ahead does not think the lead over.
    let mut holders = std::collections::BTreeSet::new();
    for _ in 0..70 {
        let holder: String = sqlx::query_scalar("SELECT holder FROM leases").fetch_one(&mut raw).await.expect("a lead");
        holders.insert(holder);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((holders.len(), ticks().await), (1, 1), "one leads, and one tick was due: {holders:?}");
    set(1);
    until("a tick of both", async || ticks().await == 2).await;
    drop(behind);
    for round in 2..4 {
        set(round);
        until("a tick of the other", async || ticks().await == round + 1).await;
    }
    drop(ahead);
    let times: Vec<(DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT s.as_of, h.at FROM snapshots s JOIN history h ON h.snapshot_id = s.id JOIN environments e ON e.id = s.environment_id \
         WHERE s.is_tick AND e.name = $1 ORDER BY h.seq",
    )
    .bind(ENV)
    .fetch_all(&mut raw)
    .await
    .expect("ticks");
    for pair in times.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, quarter, "none left out, none of a time to come: {times:?}");
        assert!(pair[1].1 >= pair[0].1, "the history is in the order of time: {times:?}");
    }
    for (tick, at) in times {
        assert!(at >= tick && at - tick < quarter + Duration::minutes(2), "{tick} was recorded at {at}");
    }
    let mut verifier = ChainVerifier::new(ENV);
    for event in &mut store.events_after(ENV, 0, 500).await.expect("events") {
        verifier.next(event).expect("an event that follows");
    }
    let filter = EventFilter { types: vec![EventType::SnapshotRecorded], ..EventFilter::default() };
    assert_eq!(store.events(ENV, &filter, 50).await.expect("events").len(), 4);
    store.close().await;
}

//! Owns what holds of the server's own clock, on the real program: a jump is said everywhere, the answer is right within one
//! tick of it, and nothing is lost by it.

use crate::database_failures::{clock_library, url};
use crate::databases;
use crate::people::{create, sign_in, token};
use crate::serving::{Answer, Server, answer, command};
use chrono::{DateTime, Duration, Utc};
use reqwest::Method;
use scaling_mode::server::clock;
use serde_json::{Value, json};
use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// A folder with a store, and a clock that can be set.
struct World {
    clock: PathBuf,
    data: PathBuf,
    folder: TempDir,
    library: PathBuf,
    log: PathBuf,
}

impl World {
    /// A store that was made two days ago.
    async fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let library = clock_library(folder.path());
        let (clock, data, log) = (folder.path().join("ahead"), folder.path().join("data"), folder.path().join("log"));
        std::fs::create_dir(&data).expect("a folder");
        let world = World { clock, data, folder, library, log };
        world.set(-2 * DAY);
        drop(world.start().await);
        world.set(0);
        world
    }

    /// Sets the clock so many seconds ahead of the true time.
    fn set(&self, seconds: i64) {
        let next = self.folder.path().join("next");
        std::fs::write(&next, seconds.to_string()).expect("a file");
        std::fs::rename(next, &self.clock).expect("the clock is set");
    }

    async fn start(&self) -> Server {
        let path = |path: &Path| path.to_str().expect("a path").to_owned();
        let variables = [("LD_PRELOAD", path(&self.library)), ("CLOCK_FILE", path(&self.clock))];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let log = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log");
        Server::start_logging(&self.data, &["--no-demo"], &variables, ("warn", Stdio::from(log))).await
    }
}

/// Waits until it is true.
async fn until<T>(what: &str, mut get: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..120 {
        if let Some(found) = get().await {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    panic!("{what} does not come");
}

async fn read(server: &Server, path: &str, token: &str) -> Answer {
    answer(server.request(Method::GET, path).bearer_auth(token)).await
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("a time: {value}"))
}

/// Waits until a jump of so many seconds was noticed.
async fn noticed(server: &Server, seconds: i64) {
    until(&format!("a jump of {seconds} s"), async || {
        let ready = server.get("/readyz").await;
        assert_eq!(ready.status, 200, "{}", ready.text);
        let by = ready.json["clock"]["jumped_by_seconds"].as_i64()?;
        (by.abs_diff(seconds) < 30).then_some(())
    })
    .await;
}

const HEALTH: &str = "/api/scaling-mode/health?environment=production";

/// Waits until the newest answer is a tick that is right at a time.
async fn ticked(server: &Server, token: &str, ahead: i64) -> DateTime<Utc> {
    until("a tick", async || {
        let as_of = time(&read(server, HEALTH, token).await.json["as_of"]);
        let now = clock::now() + Duration::seconds(ahead);
        (as_of <= now && now - as_of < Duration::minutes(16)).then_some(as_of)
    })
    .await
}

/// How many samples there are, and whether the session is taken.
async fn kept(server: &Server, token: &str, cookies: &str) -> (usize, u16) {
    let stamp = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let now = clock::now();
    let path = format!(
        "/api/scaling-mode/samples?environment=production&signal=clients.active&from={}&to={}",
        stamp(now - Duration::days(3)),
        stamp(now)
    );
    let samples = read(server, &path, token).await.json["samples"].as_array().map_or(0, Vec::len);
    let session = answer(server.request(Method::GET, HEALTH).header("cookie", cookies)).await;
    (samples, session.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_is_said_everywhere_and_loses_nothing() {
    let world = World::new().await;
    let server = world.start().await;
    create(&server, "anna@example.com", "founder", None);
    let cookies = sign_in(&server, "anna@example.com").await;
    let token = token(&server, "all", &["health:read", "telemetry:write", "metrics:read"], None);
    let at = |minutes: i64| (clock::now() - Duration::minutes(minutes)).to_rfc3339();
    let samples: Vec<Value> = (1..=60)
        .map(|minute| json!({"signal": "clients.active", "at": at(minute * 20), "value": 13, "unit": "clients"}))
        .collect();
    let batch = json!({"environment": "production", "source": "app", "samples": samples});
    let sent = answer(server.request(Method::POST, "/api/telemetry").bearer_auth(&token).json(&batch)).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let whole = kept(&server, &token, &cookies).await;
    assert_eq!(whole, (60, 200));
    ticked(&server, &token, 0).await;
    assert_eq!(server.get("/readyz").await.json["clock"], Value::Null);

    // A day forward, and right again.
    world.set(DAY);
    noticed(&server, DAY).await;
    ticked(&server, &token, DAY).await;
    world.set(0);
    noticed(&server, -DAY).await;
    let as_of = ticked(&server, &token, 0).await;
    let metrics = read(&server, "/metrics", &token).await.text;
    let age = metrics
        .lines()
        .find(|line| line.starts_with("scaling_mode_snapshot_age_seconds") && line.contains("production"))
        .and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .unwrap_or_else(|| panic!("{metrics}"));
    assert!((age - (clock::now() - as_of).as_seconds_f64()).abs() < 30.0, "{age}");
    let page = answer(
        server
            .request(Method::GET, "/founder/scaling-mode?environment=production")
            .header("cookie", &cookies)
            .header("accept", "text/html"),
    )
    .await;
    assert!(page.text.contains("clock jumped back by 1 day."), "{}", page.text);
    let (_, status, error) = command(&world.data, &["status", "--environment", "production", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap_or_else(|_| panic!("{status} {error}"));
    // A tick may have come between the two readings.
    let told = time(&status["as_of"]);
    assert!(told >= as_of && told <= clock::now(), "{told} {as_of}");
    let (code, said, _) = command(&world.data, &["doctor"]);
    assert!(code == 1 && said.contains("look The server's clock jumped back by 1 day, noticed at"), "{code} {said}");
    let history = read(&server, "/api/scaling-mode/history?environment=production&event_type=note", &token).await;
    let mut notes: Vec<String> = history.json["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| Some(event["reason"].as_str()?.to_owned()))
        .collect();
    notes.sort();
    assert_eq!(notes, ["The server's clock jumped back by 1 day.", "The server's clock jumped forward by 1 day."]);
    assert_eq!(kept(&server, &token, &cookies).await, whole);
    drop(server);

    // It starts with a clock that is 40 days ahead, ticks and keeps house, and is set right while it runs.
    world.set(40 * DAY);
    let server = world.start().await;
    ticked(&server, &token, 40 * DAY).await;
    assert_eq!(answer(server.request(Method::GET, HEALTH).header("cookie", &cookies)).await.status, 401);
    world.set(0);
    noticed(&server, -40 * DAY).await;
    ticked(&server, &token, 0).await;
    assert_eq!(kept(&server, &token, &cookies).await, whole);

    // An hour back, and right again.
    world.set(-3_600);
    noticed(&server, -3_600).await;
    ticked(&server, &token, -3_600).await;
    world.set(0);
    noticed(&server, 3_600).await;
    ticked(&server, &token, 0).await;
    assert_eq!(kept(&server, &token, &cookies).await, whole);
    let log = std::fs::read_to_string(&world.log).expect("the log");
    for words in ["forward by 1 day", "back by 1 day", "back by 40 days", "back by 1 hour", "forward by 1 hour"] {
        assert!(log.contains(&format!("The server's clock jumped {words}")), "{words}: {log}");
    }
    let (code, said, _) = command(&world.data, &["verify"]);
    assert_eq!(code, 0, "{said}");
}

/// On PostgreSQL what is due is judged by the database's clock; a server's own clock that jumps is recognised everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_jump_of_the_servers_own_clock_is_said_and_dated_by_the_databases() {
    let database = databases::Server::postgres();
    let folder = tempfile::tempdir().expect("a folder");
    let (library, clock) = (clock_library(folder.path()), folder.path().join("ahead"));
    let set = |seconds: i64| {
        let next = folder.path().join("next");
        std::fs::write(&next, seconds.to_string()).expect("a file");
        std::fs::rename(next, &clock).expect("the clock is set");
    };
    set(0);
    let (library, clock) = (library.display().to_string(), clock.display().to_string());
    let url = url(database.port);
    let variables = [("LD_PRELOAD", library.as_str()), ("CLOCK_FILE", &clock), ("DATABASE_URL", &url)];
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let log = folder.path().join("log");
    let into = Stdio::from(std::fs::File::create(&log).expect("a log"));
    let server = Server::start_logging(&data, &["--no-demo"], &variables, ("warn", into)).await;
    let notes = async || -> Vec<(String, DateTime<Utc>)> {
        let history = server.get("/api/scaling-mode/history?environment=production&event_type=note").await.json;
        let events = history["events"].as_array().cloned().unwrap_or_default();
        events
            .iter()
            .map(|event| (event["reason"].as_str().unwrap_or_default().to_owned(), time(&event["at"])))
            .collect()
    };
    // From the first step of its watch on, which the leader writes down, the server knows its clock.
    let mut raw = sqlx::PgConnection::connect(&url).await.expect("a connection");
    until("the first step", async || {
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM meta WHERE name = 'lived_until'")
            .fetch_one(&mut raw)
            .await
            .expect("a count");
        (kept > 0).then_some(())
    })
    .await;
    for (seconds, ahead, words) in [
        (DAY, DAY, "The server's clock jumped forward by 1 day, not the database's."),
        (0, -DAY, "The server's clock jumped back by 1 day, not the database's."),
    ] {
        set(seconds);
        noticed(&server, ahead).await;
        let (_, at) = until(words, async || notes().await.into_iter().find(|(reason, _)| reason == words)).await;
        let apart = clock::now() - at;
        assert!(apart.abs() < Duration::hours(1), "{words}: dated {at}");
        assert!(std::fs::read_to_string(&log).expect("the log").contains(words.trim_end_matches('.')));
    }
    let (code, said, complained) = server.command(&["verify", "--database-url", &url]);
    assert_eq!(code, 0, "{said}{complained}");
}

//! Owns what many servers on one PostgreSQL promise, on real ones that are killed, cut off, restarted and failed over: one evaluation
//! a tick, one winner of each change, nothing lost that was acknowledged and nothing doubled. `REPLICAS=full` makes the runs long.

#[path = "support/databases.rs"]
mod databases;

use chrono::{DateTime, Duration, Utc};
use databases::Server;
use scaling_mode::domain::act::Act;
use scaling_mode::domain::history::{ChainVerifier, EventType};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::telemetry::{self, Batch};
use scaling_mode::server::clock;
use scaling_mode::server::config::{Flags, ServeFlags, Settings};
use scaling_mode::server::leadership::{Leadership, Pace};
use scaling_mode::server::scheduler::Scheduler;
use scaling_mode::server::store::postgres::PostgresStore;
use scaling_mode::server::store::{EventFilter, IdempotencyKey, Store, StoreError};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const ENV: &str = "production";
/// The settings of a worker.
const URL: &str = "REPLICA_URL";

/// The choice of the person who runs the tests.
#[expect(clippy::disallowed_methods, reason = "a process of a test is told by its environment")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn is_full() -> bool {
    told("REPLICAS").is_some_and(|how| how == "full")
}

fn often(short: u64, full: u64) -> u64 {
    if is_full() { full } else { short }
}

fn t0() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().expect("a time")
}

/// A new database on a server.
async fn database(port: u16) -> String {
    static PLACE: AtomicU64 = AtomicU64::new(0);
    let name = format!("replicas_{}", PLACE.fetch_add(1, Ordering::Relaxed));
    let mut server = PgConnection::connect(&format!("postgres://founder@127.0.0.1:{port}/postgres")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await.unwrap();
    format!("postgres://founder@127.0.0.1:{port}/{name}")
}

/// A store at a url with the environment `production` in it.
async fn store(url: &str) -> PostgresStore {
    let store = PostgresStore::open(url).await.unwrap();
    let config = Config::new(ENV, EnvironmentKind::Live, Mode::Lab, Policy::default(), t0());
    store.create_environment(&config, "local".into(), t0()).await.unwrap();
    store
}

async fn verify(store: &dyn Store) -> u64 {
    let mut verifier = ChainVerifier::new(ENV);
    loop {
        let mut events = store.events_after(ENV, verifier.head().seq, 500).await.unwrap();
        if events.is_empty() {
            let heads = store.heads().await.unwrap();
            assert_eq!(verifier.head(), heads.iter().find(|head| head.environment == ENV).unwrap());
            return verifier.head().seq;
        }
        for event in &mut events {
            verifier.next(event).unwrap();
        }
    }
}

/// A server without its door: what leads and what evaluates, at the time that the database's table says.
#[tokio::test]
#[ignore = "a process of another test"]
async fn replica() {
    let Some(url) = told(URL) else { return };
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&url).await.unwrap());
    let (tell, told) = watch::channel(t0());
    let milliseconds = std::time::Duration::from_millis;
    let pace = Pace { lease: milliseconds(500), renew: milliseconds(100), told: Some(told), wake: milliseconds(5) };
    let leadership = Leadership::new(&std::process::id().to_string(), pace);
    let settings = Arc::new(Settings::read(&Flags::default(), &ServeFlags::default()).unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(leadership.clone().run(store.clone(), stop.clone()));
    tokio::spawn(Scheduler::default().run(store.clone(), settings, leadership, stop.clone()));
    let mut clock = PgConnection::connect(&url).await.unwrap();
    loop {
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT now FROM told").fetch_one(&mut clock).await.unwrap();
        tell.send_replace(now);
        tokio::time::sleep(milliseconds(5)).await;
    }
}

struct Worker(Child);

impl Worker {
    fn start(url: &str) -> Worker {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", "replica", "--ignored"]).env(URL, url);
        Worker(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = clock::instant() + std::time::Duration::from_secs(60);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(clock::instant() < deadline, "{what}: not within a minute");
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
}

#[tokio::test]
async fn each_tick_is_evaluated_once_whichever_server_dies() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let store = store(&url).await;
    let mut raw = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE told (now timestamptz NOT NULL); INSERT INTO told VALUES ('2026-03-01T00:00:00Z')")
        .execute(&mut raw)
        .await
        .unwrap();
    let mut workers = vec![Worker::start(&url), Worker::start(&url)];
    let (ticks, kills) = (often(120, 1_000), often(8, 50));
    let mut killed = 0;
    for place in 1..=ticks {
        let tick = t0() + Duration::minutes(15 * i64::try_from(place).unwrap());
        let told = tick + Duration::minutes(1);
        sqlx::query("UPDATE told SET now = $1").bind(told).execute(&mut raw).await.unwrap();
        if place % (ticks / kills) == 0 {
            // At another moment of the evaluation each time: before it, in it, after it.
            tokio::time::sleep(std::time::Duration::from_micros(killed * 1_700 % 40_000)).await;
            let leader: Option<String> = sqlx::query_scalar("SELECT holder FROM leases WHERE name = 'lead'")
                .fetch_optional(&mut raw)
                .await
                .unwrap();
            let leader = leader.and_then(|holder| workers.iter().position(|one| one.0.id().to_string() == holder));
            if let Some(leader) = leader {
                workers[leader] = Worker::start(&url);
                killed += 1;
            }
        }
        until("a tick", async || store.has_tick(ENV, tick, clock::now()).await.unwrap().then_some(())).await;
    }
    drop(workers);
    let (stored, different): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT as_of) FROM snapshots WHERE is_tick")
            .fetch_one(&mut raw)
            .await
            .unwrap();
    assert_eq!((stored as u64, different as u64), (ticks, ticks), "exactly one snapshot a tick, none missing");
    assert!(killed > kills / 2, "the leader was killed {killed} times");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM history WHERE type = 'snapshot_recorded'")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(events as u64, ticks);
    verify(&store).await;
    println!("{ticks} ticks, the leader killed {killed} times: one snapshot each");
    store.close().await;
}

#[tokio::test]
async fn of_concurrent_changes_over_two_servers_one_wins_each() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let one = Arc::new(store(&url).await);
    let two = Arc::new(PostgresStore::open(&url).await.unwrap());
    let (rounds, writers) = (often(10, 50), 20);
    let mut mode = Mode::Lab;
    for _ in 0..rounds {
        let next = if mode == Mode::Lab { Mode::Pilot } else { Mode::Lab };
        let mut tasks = tokio::task::JoinSet::new();
        for place in 0..writers {
            let store = if place % 2 == 0 { one.clone() } else { two.clone() };
            let act = Act::SetMode { mode: next, old_mode: mode, reason: Some(format!("{place}")) };
            tasks.spawn(async move { store.act(ENV, &act, "local".into(), clock::now(), None).await });
        }
        let (mut won, mut lost) = (0, 0);
        while let Some(done) = tasks.join_next().await {
            match done.unwrap() {
                Ok(_) => won += 1,
                Err(StoreError::Act(_)) => lost += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!((won, lost), (1, writers - 1));
        mode = next;
    }
    let filter = EventFilter { types: vec![EventType::ModeChanged], ..EventFilter::default() };
    assert_eq!(one.events(ENV, &filter, 500).await.unwrap().len() as u64, rounds);
    assert_eq!(verify(one.as_ref()).await, verify(two.as_ref()).await);
    one.close().await;
    two.close().await;
}

/// Writers that send numbered posts and freezes, each until it is acknowledged, under a key.
struct Load {
    acknowledged: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<u64>,
}

impl Load {
    fn start(stores: &[Arc<PostgresStore>]) -> Load {
        let (acknowledged, end) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..4usize {
            let store = stores[writer % stores.len()].clone();
            let (acknowledged, end) = (acknowledged.clone(), end.clone());
            tasks.spawn(async move {
                let mut sent = 0;
                while !end.load(Ordering::Relaxed) {
                    write(store.as_ref(), writer, sent).await;
                    sent += 1;
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                sent
            });
        }
        Load { acknowledged, end, tasks }
    }

    fn count(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Until a write is acknowledged that was not under way; how long that took.
    async fn goes_on(&self) -> std::time::Duration {
        let (began, before) = (clock::instant(), self.count());
        until("a write after the failure", async || (self.count() > before + 4).then_some(())).await;
        began.elapsed()
    }

    /// Until so many more have been acknowledged.
    async fn reaches(&self, more: u64) {
        let before = self.count();
        until("writes", async || (self.count() > before + more).then_some(())).await;
    }

    async fn end(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().sum()
    }
}

/// One post, and every tenth time an act, until it is acknowledged.
async fn write(store: &dyn Store, writer: usize, place: u64) {
    let name = format!("{writer}-{place}");
    let key = IdempotencyKey { key: name.clone(), request_digest: name.clone() };
    let at = t0() + Duration::seconds(i64::try_from(place).unwrap());
    loop {
        let done = if place.is_multiple_of(10) {
            let mut event = scaling_mode::domain::history::NewEvent::new(EventType::Note, "local", at);
            event.reason = Some(name.clone());
            // Each writer changes a source of its own again and again: more than 50 are not added.
            let own = format!("of-{writer}");
            match store.added_sources(Some(ENV)).await {
                Ok(all) => {
                    let before = all.into_iter().find(|source| source.name == own).map(|source| source.definition);
                    let after = Some(format!("{{\"place\":{place}}}"));
                    let edit = scaling_mode::server::store::SourceEdit { after, before, name: own };
                    store.change_source(ENV, &edit, event, Some(&key)).await
                }
                Err(error) => Err(error),
            }
        } else {
            let batch: Batch = serde_json::from_value(json!({"source": format!("writer-{writer}"), "samples": [
                {"signal": "posts.published", "at": at.to_rfc3339(), "value": 1, "unit": "posts"}]}))
            .unwrap();
            let batch = telemetry::accept(&batch, t0() + Duration::days(3)).unwrap();
            store.ingest(ENV, &batch, clock::now(), Some(&key)).await.map(|_| ())
        };
        match done {
            Ok(()) => return,
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}

/// Whether all that was acknowledged is there, once.
async fn holds(store: &dyn Store, url: &str, sent: u64) {
    let mut raw = PgConnection::connect(url).await.unwrap();
    let posts: i64 = sqlx::query_scalar("SELECT count(*) FROM samples").fetch_one(&mut raw).await.unwrap();
    let counted: i64 = sqlx::query_scalar("SELECT sum(total)::bigint FROM minutes").fetch_one(&mut raw).await.unwrap();
    let notes: i64 =
        sqlx::query_scalar("SELECT count(*) FROM history WHERE type = 'note'").fetch_one(&mut raw).await.unwrap();
    let different: i64 = sqlx::query_scalar("SELECT count(DISTINCT reason) FROM history WHERE type = 'note'")
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(posts, counted, "the roll-ups count each post once");
    assert_eq!(notes, different, "no act is there twice");
    assert_eq!((posts + notes) as u64, sent, "what was acknowledged, and nothing else");
    verify(store).await;
}

#[tokio::test]
async fn a_database_that_restarts_under_load_loses_and_doubles_nothing() {
    let mut server = Server::postgres();
    let url = database(server.port).await;
    let one = Arc::new(store(&url).await);
    let two = Arc::new(PostgresStore::open(&url).await.unwrap());
    let load = Load::start(&[one.clone(), two.clone()]);
    for restart in 0..often(3, 20) {
        load.reaches(200).await;
        server.kill();
        tokio::time::sleep(std::time::Duration::from_millis(50 * (restart % 5))).await;
        assert!(matches!(one.config(ENV).await, Err(StoreError::Unavailable(_))), "nothing is made up");
        server.start_again();
        println!("restart {restart}: writes again after {:?}", load.goes_on().await);
    }
    // Connections that are cut one by one.
    for _ in 0..5 {
        load.reaches(50).await;
        let mut raw = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'scaling-mode'")
            .execute(&mut raw)
            .await
            .unwrap();
        load.goes_on().await;
    }
    let sent = load.end().await;
    holds(one.as_ref(), &url, sent).await;
    println!("{sent} writes were acknowledged: all are there, each once");
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn a_standby_that_takes_over_under_load_has_all_that_was_acknowledged() {
    let (mut primary, standby) = Server::postgres_pair();
    let name = database(primary.port).await.rsplit('/').next().unwrap().to_owned();
    let (first, second) = (primary.port, standby.port);
    let both =
        format!("postgres://founder@127.0.0.1:{first},127.0.0.1:{second}/{name}?target_session_attrs=read-write");
    let one = Arc::new(store(&both).await);
    let load = Load::start(std::slice::from_ref(&one));
    load.reaches(500).await;
    primary.kill();
    standby.promote();
    println!("failover: writes again after {:?}", load.goes_on().await);
    load.reaches(200).await;
    let sent = load.end().await;
    holds(one.as_ref(), &format!("postgres://founder@127.0.0.1:{second}/{name}"), sent).await;
    println!("{sent} writes were acknowledged before and after: all are there, each once");
    one.close().await;
}

#[tokio::test]
async fn a_pooler_may_hand_each_transaction_another_connection() {
    let server = Server::postgres();
    let direct = database(server.port).await;
    let pooler = Server::pgbouncer(server.port);
    let name = direct.rsplit('/').next().unwrap();
    let url = format!("postgres://founder@127.0.0.1:{}/{name}?statement-cache-capacity=0", pooler.port);
    let one = Arc::new(store(&url).await);
    let two = Arc::new(PostgresStore::open(&url).await.unwrap());
    let load = Load::start(&[one.clone(), two.clone()]);
    for _ in 0..20 {
        load.reaches(20).await;
        for store in [&one, &two] {
            store.events(ENV, &EventFilter::default(), 50).await.unwrap();
            store.sources(ENV).await.unwrap();
            store.ready().await.unwrap();
        }
    }
    let sent = load.end().await;
    holds(one.as_ref(), &direct, sent).await;
    // What another server commits is noticed by looking, where nobody can listen.
    let mut commits = two.commits();
    two.notice_outside_commits().await.unwrap();
    commits.mark_unchanged();
    write(one.as_ref(), 9, 10).await;
    two.notice_outside_commits().await.unwrap();
    assert!(commits.has_changed().unwrap());
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn what_another_server_writes_is_heard_and_caught_up_with() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let one = store(&url).await;
    let two = PostgresStore::open(&url).await.unwrap();
    let mut commits = two.commits();
    let mut heard = async |place| {
        until("hearing", async || {
            // Until it listens, what is written is only caught up with.
            write(&one, 1, place).await;
            tokio::time::timeout(std::time::Duration::from_millis(500), commits.changed()).await.ok()
        })
        .await
        .unwrap();
        commits.mark_unchanged();
    };
    heard(0).await;
    heard(10).await;
    let mut raw = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LISTEN%' AND pid <> pg_backend_pid()")
        .execute(&mut raw)
        .await
        .unwrap();
    heard(20).await;
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn an_older_server_goes_on_beside_a_newer_schema_until_that_takes_something_away() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let old = store(&url).await;
    let mut newer = PgConnection::connect(&url).await.unwrap();
    // A migration of a newer version, which adds something; it takes its time while the older server is at work.
    let mut migration = newer.begin().await.unwrap();
    for statement in [
        "ALTER TABLE proposals ADD COLUMN note text",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', true, 'x', 1)",
    ] {
        sqlx::raw_sql(statement).execute(&mut *migration).await.unwrap();
    }
    write(&old, 0, 0).await;
    write(&old, 0, 1).await;
    migration.commit().await.unwrap();
    write(&old, 0, 10).await;
    old.ready().await.unwrap();
    PostgresStore::open(&url).await.unwrap().close().await;
    sqlx::raw_sql("UPDATE meta SET value = 9999 WHERE name = 'readable_from'").execute(&mut newer).await.unwrap();
    assert!(matches!(old.ready().await, Err(StoreError::NotAStore(what)) if what.contains("newer version")));
    assert!(
        matches!(PostgresStore::open(&url).await, Err(StoreError::NotAStore(what)) if what.contains("newer version"))
    );
    old.close().await;
}

/// The role that the documentation makes, with its own words.
#[tokio::test]
async fn a_role_that_does_not_own_the_tables_serves_and_cannot_alter_what_is_proved() {
    let server = Server::postgres();
    let owned = database(server.port).await;
    let owner = store(&owned).await;
    write(&owner, 0, 0).await;
    let said = std::fs::read_to_string("docs/scaling.md").unwrap();
    let statements = said.split("```sql").nth(1).and_then(|rest| rest.split("```").next()).unwrap().to_owned();
    let mut admin = PgConnection::connect(&owned).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut admin).await.unwrap();
    owner.close().await;
    let as_app = owned.replace("founder@", "scaling_app:...@");
    let app = Arc::new(PostgresStore::open(&as_app).await.unwrap());
    let load = Load::start(std::slice::from_ref(&app));
    load.reaches(100).await;
    let sent = load.end().await;
    holds(app.as_ref(), &owned, sent).await;
    app.ready().await.unwrap();
    app.prune_samples(t0() + Duration::days(400)).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM samples").fetch_one(&mut admin).await.unwrap();
    assert_eq!(left, 0, "old partitions are dropped for it");
    let mut raw = PgConnection::connect(&as_app).await.unwrap();
    for statement in [
        "UPDATE history SET actor = 'founder'",
        "DELETE FROM history",
        "TRUNCATE history",
        "ALTER TABLE history DISABLE TRIGGER ALL",
        "DROP TRIGGER history_only_grows ON history",
        "SET session_replication_role = replica",
        "UPDATE snapshots SET digest = 'x'",
        "DELETE FROM configs",
    ] {
        let error = sqlx::raw_sql(statement).execute(&mut raw).await.expect_err(statement).to_string();
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{statement}: {error}");
    }
    app.close().await;
}

#[tokio::test]
async fn another_programs_database_is_not_taken() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE invoices (id int)").execute(&mut other).await.unwrap();
    assert!(
        matches!(PostgresStore::open(&url).await, Err(StoreError::NotAStore(what)) if what.contains("another program"))
    );
}

#[tokio::test]
async fn a_replica_that_hangs_in_a_write_holds_nobody_up_for_long() {
    let server = Server::postgres();
    let url = database(server.port).await;
    let store = store(&url).await;
    let mut hanging = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '1s'; UPDATE environments SET version = version",
    )
    .execute(&mut hanging)
    .await
    .unwrap();
    // It waits for the lock until the database ends the connection that hangs.
    write(&store, 0, 0).await;
    assert!(sqlx::raw_sql("COMMIT").execute(&mut hanging).await.is_err());
    verify(&store).await;
    store.close().await;
}

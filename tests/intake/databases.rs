//! Owns what founders' own databases promise as sources, on real servers: PostgreSQL, MariaDB and SQLite are asked for rows with
//! a role that only reads, revise what comes late, and lose nothing that was known when they fail.

use crate::servers::Server;
use chrono::{DateTime, Duration, DurationRound, Utc};
use scaling_mode::domain::asked_notes::Notes;
use scaling_mode::domain::history::EventType;
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::policy::{Config, EnvironmentKind, Policy};
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::stream::Span;
use scaling_mode::server::clock;
use scaling_mode::server::config::{Flags, PulledSource, ServeFlags, Settings};
use scaling_mode::server::live::Feed;
use scaling_mode::server::puller::pull;
use scaling_mode::server::sources::outgoing::AskError;
use scaling_mode::server::sources::sql::settled;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{EventFilter, PullState, Store};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::fmt::Write;
use std::sync::LazyLock;
use tokio_util::sync::CancellationToken;

const ENVIRONMENT: &str = "production";
const PASSWORD: &str = "s3cret-p4ss";

/// A database with a table of posts, one of invoices and one of clients.
struct Founder {
    admin: Admin,
    kind: &'static str,
    reader: String,
    _server: Option<Server>,
    writer: Option<String>,
    _folder: Option<tempfile::TempDir>,
}

enum Admin {
    MySql(sqlx::MySqlConnection),
    Postgres(sqlx::PgConnection),
    Sqlite(sqlx::SqliteConnection),
}

impl Founder {
    async fn postgres() -> Founder {
        let server = Server::postgres();
        let url = |user: &str| format!("postgres://{user}@127.0.0.1:{}/postgres", server.port);
        let mut admin = sqlx::PgConnection::connect(&url("founder")).await.unwrap();
        let tables = format!(
            "CREATE TABLE posts (published_at timestamptz NOT NULL, draft boolean NOT NULL DEFAULT false);
             CREATE TABLE invoices (at timestamp NOT NULL, usd numeric NOT NULL, model text);
             CREATE TABLE clients (id int PRIMARY KEY, active boolean NOT NULL, failed_payments int NOT NULL);
             CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
             CREATE ROLE writer LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
             INSERT INTO clients SELECT n, n <= 12, n % 6 / 5 FROM generate_series(1, 20) AS n;"
        );
        admin.execute(sqlx::raw_sql(AssertSqlSafe(tables))).await.unwrap();
        Founder {
            admin: Admin::Postgres(admin),
            kind: "postgres",
            reader: url(&format!("reader:{PASSWORD}")),
            writer: Some(url(&format!("writer:{PASSWORD}"))),
            _folder: None,
            _server: Some(server),
        }
    }

    async fn mariadb() -> Founder {
        let server = Server::mariadb();
        let url = |user: &str, database: &str| format!("mysql://{user}@127.0.0.1:{}/{database}", server.port);
        let mut admin = sqlx::MySqlConnection::connect(&url("root", "mysql")).await.unwrap();
        for statement in [
            "CREATE DATABASE shop".to_owned(),
            "CREATE TABLE shop.posts (published_at timestamp(3) NOT NULL, draft boolean NOT NULL DEFAULT false)"
                .to_owned(),
            "CREATE TABLE shop.invoices (at datetime(3) NOT NULL, usd decimal(20, 9) NOT NULL, model text)".to_owned(),
            "CREATE TABLE shop.clients (id int PRIMARY KEY, active boolean NOT NULL, failed_payments int NOT NULL)"
                .to_owned(),
            format!("CREATE USER reader@'%' IDENTIFIED BY '{PASSWORD}'"),
            "GRANT SELECT ON shop.* TO reader@'%'".to_owned(),
            format!("CREATE USER writer@'%' IDENTIFIED BY '{PASSWORD}'"),
            "GRANT SELECT, INSERT ON shop.posts TO writer@'%'".to_owned(),
            "GRANT SELECT ON shop.* TO writer@'%'".to_owned(),
            "INSERT INTO shop.clients SELECT seq, seq <= 12, seq % 6 = 5 FROM seq_1_to_20".to_owned(),
            "USE shop".to_owned(),
        ] {
            admin.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.unwrap();
        }
        Founder {
            admin: Admin::MySql(admin),
            kind: "mysql",
            reader: url(&format!("reader:{PASSWORD}"), "shop"),
            writer: Some(url(&format!("writer:{PASSWORD}"), "shop")),
            _folder: None,
            _server: Some(server),
        }
    }

    async fn sqlite() -> Founder {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("shop.db").display());
        let mut admin = sqlx::SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
        let tables = "CREATE TABLE posts (published_at TEXT NOT NULL, draft INTEGER NOT NULL DEFAULT 0);
             CREATE TABLE invoices (at TEXT NOT NULL, usd TEXT NOT NULL, model TEXT);
             CREATE TABLE clients (id INTEGER PRIMARY KEY, active INTEGER NOT NULL, failed_payments INTEGER NOT NULL);
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20)
             INSERT INTO clients SELECT n, n <= 12, n % 6 = 5 FROM n;";
        admin.execute(sqlx::raw_sql(tables)).await.unwrap();
        Founder {
            admin: Admin::Sqlite(admin),
            kind: "sqlite",
            reader: url,
            writer: None,
            _folder: Some(folder),
            _server: None,
        }
    }

    async fn run(&mut self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match &mut self.admin {
            Admin::MySql(admin) => drop(admin.execute(statement).await.unwrap()),
            Admin::Postgres(admin) => drop(admin.execute(statement).await.unwrap()),
            Admin::Sqlite(admin) => drop(admin.execute(statement).await.unwrap()),
        }
    }

    async fn post(&mut self, at: DateTime<Utc>) {
        self.run(&format!("INSERT INTO posts (published_at) VALUES ('{}')", at.format("%Y-%m-%d %H:%M:%S"))).await;
    }

    async fn invoice(&mut self, at: DateTime<Utc>, usd: &str) {
        let at = at.format("%Y-%m-%d %H:%M:%S");
        self.run(&format!("INSERT INTO invoices (at, usd) VALUES ('{at}', {usd})")).await;
    }
}

/// The store that gets the numbers, and the folder with settings and credentials.
struct World {
    feed: Feed,
    folder: tempfile::TempDir,
    store: SqliteStore,
}

/// What asks for one signal, beside its name.
struct Asked<'a> {
    more: &'a str,
    query: &'a str,
    signal: &'a str,
}

const POSTS: Asked<'_> = Asked {
    more: "complete_through = \"now\"",
    query: "SELECT published_at AS at FROM posts WHERE NOT draft",
    signal: "posts.published",
};
const SPEND: Asked<'_> =
    Asked { more: "complete_through = \"now\"", query: "SELECT at, usd AS value FROM invoices", signal: "ai.spend" };
const CLIENTS: Asked<'_> =
    Asked { more: "", query: "SELECT count(*) AS value FROM clients WHERE active", signal: "clients.active" };
const AT_RISK: Asked<'_> = Asked {
    more: "",
    query: "SELECT count(*) AS value FROM clients WHERE active AND failed_payments > 0 -- the rule",
    signal: "clients.at_risk",
};

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db")).await.unwrap();
        let start = clock::now() - Duration::days(2);
        let config = Config::new(ENVIRONMENT, EnvironmentKind::Live, Mode::Pilot, Policy::default(), start);
        store.create_environment(&config, "local".into(), start).await.unwrap();
        World { feed: Feed::new(CancellationToken::new()), folder, store }
    }

    /// A source as a settings file names it; its address is in a file, as secrets are.
    fn source(&self, kind: &str, url: &str, signals: &[Asked<'_>]) -> PulledSource {
        let file = self.folder.path().join("url");
        std::fs::write(&file, format!("{url}\n")).unwrap();
        let mut text = format!(
            "[[source]]\nkind = \"{kind}\"\nname = \"shop\"\nenvironment = \"{ENVIRONMENT}\"\nurl_file = \"{}\"\n",
            file.display()
        );
        for Asked { more, query, signal } in signals {
            write!(text, "[[source.signal]]\nsignal = \"{signal}\"\nquery = '''{query}'''\n{more}\n").unwrap();
        }
        let settings = self.folder.path().join("scaling-mode.toml");
        std::fs::write(&settings, text).unwrap();
        let flags = Flags { settings: Some(settings), ..Flags::default() };
        Settings::read(&flags, &ServeFlags::default()).unwrap().sources.remove(0)
    }

    async fn pull(&self, source: &PulledSource) -> Result<(), AskError> {
        pull(source, &self.store, &self.feed).await
    }

    /// Every stored sample of a series, in atoms, the oldest first.
    async fn samples(&self, series: Series) -> Vec<(DateTime<Utc>, u64)> {
        let span = Span { from: 0, to: clock::now().timestamp_millis() + 600_000 };
        let stored = self.store.samples(ENVIRONMENT, series, span, 1_000).await.unwrap();
        let mut samples: Vec<_> = stored.iter().map(|sample| (sample.at, sample.atoms)).collect();
        samples.sort_unstable();
        samples
    }

    async fn state(&self) -> PullState {
        self.store.pull_states(ENVIRONMENT).await.unwrap().remove(0).1
    }

    async fn notes(&self) -> Vec<String> {
        let filter = EventFilter { types: vec![EventType::Note], ..EventFilter::default() };
        let events = self.store.events(ENVIRONMENT, &filter, 10).await.unwrap();
        events.into_iter().filter_map(|event| event.reason).collect()
    }
}

fn ago(minutes: i64) -> DateTime<Utc> {
    // One minute for all, however long the tests run.
    static START: LazyLock<DateTime<Utc>> =
        LazyLock::new(|| clock::now().duration_trunc(Duration::minutes(1)).unwrap());
    *START - Duration::minutes(minutes)
}

/// Cases for every kind of database.
async fn a_table_is_asked(mut founder: Founder) {
    let world = World::new().await;
    for at in [ago(90) - Duration::seconds(20), ago(90), ago(30)] {
        founder.post(at).await;
    }
    founder.invoice(ago(180), "0.100000001").await;
    founder.invoice(ago(120), "2.5").await;
    let source = world.source(founder.kind, &founder.reader, &[POSTS, SPEND, CLIENTS, AT_RISK]);
    world.pull(&source).await.unwrap();
    assert_eq!(world.samples(Series::PostsPublished).await, [(ago(90), 2), (ago(30), 1)]);
    assert_eq!(world.samples(Series::AiSpend).await, [(ago(180), 100_001), (ago(120), 2_500_000)]);
    let now: Vec<u64> = world.samples(Series::ClientsActive).await.iter().map(|(_, atoms)| *atoms).collect();
    assert_eq!(now, [12]);
    assert_eq!(world.samples(Series::ClientsAtRisk).await[0].1, 2);
    let state = world.state().await;
    assert_eq!((state.failure, state.notice), (None, None), "{}", founder.kind);
    let covered = world.store.sources(ENVIRONMENT).await.unwrap();
    let posts = covered.iter().find(|source| source.series == Series::PostsPublished).unwrap();
    assert!(posts.data_through.is_some_and(|through| through >= ago(1)), "the table is vouched for");

    // What comes late goes where it belongs, what is gone is taken back, and the history says what of it was settled.
    founder.invoice(ago(150), "1").await;
    founder.run("UPDATE invoices SET usd = 4 WHERE usd = 2.5").await;
    let cut = ago(60).format("%Y-%m-%d %H:%M:%S");
    founder.run(&format!("DELETE FROM posts WHERE published_at > '{cut}'")).await;
    world.pull(&source).await.unwrap();
    assert_eq!(world.samples(Series::PostsPublished).await, [(ago(90), 2), (ago(30), 0)]);
    assert_eq!(
        world.samples(Series::AiSpend).await,
        [(ago(180), 100_001), (ago(150), 1_000_000), (ago(120), 4_000_000)]
    );
    let notes = world.notes().await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("ai.spend of shop was revised") && notes[0].contains("from $2.50 to $4.00"), "{notes:?}");
    assert!(notes[0].contains("from $0.00 to $1.00"), "what was told late is a revision too: {notes:?}");
    // Asked once more, nothing changes and nothing is noted.
    world.pull(&source).await.unwrap();
    assert_eq!(world.notes().await.len(), 1);

    a_statement_cannot_write(&mut founder, &world).await;
    one_bad_statement_stops_no_other(&mut founder, &world).await;
    if let Some(writer) = founder.writer.clone() {
        world.pull(&world.source(founder.kind, &writer, &[CLIENTS])).await.unwrap();
        let notice = world.state().await.notice.expect("a role that may write is noticed");
        assert!(notice.contains("writer") && notice.contains("SELECT"), "{notice}");
        let wrong = writer.replace(PASSWORD, "another-s3cret");
        let source = world.source(founder.kind, &wrong, &[CLIENTS]);
        assert_eq!(world.pull(&source).await, Err(AskError::Denied));
        let shown = format!("{:?} {} {source:?}", world.state().await, source.address());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    the_server_goes_away(founder, &world).await;
}

async fn a_statement_cannot_write(founder: &mut Founder, world: &World) {
    let (kind, reader) = (founder.kind, founder.writer.clone().unwrap_or_else(|| founder.reader.clone()));
    let writing = match kind {
        "postgres" => {
            founder.run("CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS 'INSERT INTO posts VALUES (now()) RETURNING 1'").await;
            [
                "SELECT sneak() AS value",
                "WITH gone AS (DELETE FROM posts RETURNING 1) SELECT count(*) AS value FROM gone",
            ]
        }
        // In MariaDB a statement's part cannot write at all; a lock is refused to who only reads.
        "mysql" => ["SELECT 1 AS value INTO OUTFILE '/tmp/never'", "SELECT 1 AS value) AS a, (DELETE FROM posts"],
        _ => [
            "WITH a AS (SELECT 1) DELETE FROM posts RETURNING 1 AS value",
            "SELECT 1 AS value) AS a, (DELETE FROM posts",
        ],
    };
    for query in writing {
        let source = world.source(kind, &reader, &[Asked { query, ..CLIENTS }]);
        let error = world.pull(&source).await.unwrap_err();
        assert_eq!(error.code(), "statement", "{kind}, {query}: {error}");
    }
    let source =
        world.source(kind, &founder.reader, &[Asked { query: "SELECT count(*) AS value FROM posts", ..CLIENTS }]);
    world.pull(&source).await.unwrap();
    assert_eq!(world.samples(Series::ClientsActive).await.last().unwrap().1, 2, "{kind}: nothing was written");
}

async fn one_bad_statement_stops_no_other(founder: &mut Founder, world: &World) {
    let bad = Asked { query: "SELECT nothing FROM nowhere", ..CLIENTS };
    founder.post(ago(2)).await;
    let source = world.source(founder.kind, &founder.reader, &[bad, POSTS]);
    let error = world.pull(&source).await.unwrap_err();
    assert!(error.to_string().contains("query of clients.active"), "{error}");
    assert_eq!(world.samples(Series::PostsPublished).await.last(), Some(&(ago(2), 1)));
    assert_eq!(world.state().await.failure.unwrap().code, "statement");
}

async fn the_server_goes_away(founder: Founder, world: &World) {
    let before = world.samples(Series::AiSpend).await;
    let source = world.source(founder.kind, &founder.reader, &[SPEND, CLIENTS]);
    let source_is_file = founder.kind == "sqlite";
    drop(founder);
    let error = world.pull(&source).await.unwrap_err();
    // A file that is gone says so itself.
    assert_eq!(error.code(), if source_is_file { "statement" } else { "unreachable" }, "{error}");
    let state = world.state().await;
    assert!(state.failure.is_some() && state.succeeded_at.is_some(), "{state:?}");
    assert_eq!(world.samples(Series::AiSpend).await, before, "what was known stays");
}

/// ASVS 13.2.2.
#[tokio::test]
async fn postgresql_is_asked() {
    a_table_is_asked(Founder::postgres().await).await;
}

#[tokio::test]
async fn mariadb_is_asked() {
    a_table_is_asked(Founder::mariadb().await).await;
}

#[tokio::test]
async fn sqlite_is_asked() {
    a_table_is_asked(Founder::sqlite().await).await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_database() {
    let endless = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) AS value FROM n";
    let slow = async |founder: Founder, query: &str| {
        let world = World::new().await;
        let source = world.source(founder.kind, &founder.reader, &[Asked { query, ..CLIENTS }]);
        assert_eq!(world.pull(&source).await, Err(AskError::Slow), "{}", founder.kind);
        assert!(world.samples(Series::ClientsActive).await.is_empty());
    };
    tokio::join!(
        async { slow(Founder::postgres().await, "SELECT count(*) AS value FROM pg_sleep(60)").await },
        async { slow(Founder::mariadb().await, "SELECT SLEEP(60) AS value").await },
        async { slow(Founder::sqlite().await, endless).await },
    );
}

/// How many statements with these words run on a PostgreSQL: 0 as soon as none does, or the count after some seconds.
async fn running(founder: &mut Founder, words: &str) -> i64 {
    let Admin::Postgres(admin) = &mut founder.admin else { panic!("no PostgreSQL") };
    let count =
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()";
    let mut found = 0;
    for _ in 0..40 {
        found = sqlx::query_scalar(count).bind(format!("%{words}%")).fetch_one(&mut *admin).await.unwrap();
        if found == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    found
}

/// A statement can change settings for those after it in its transaction.
#[tokio::test]
async fn a_statement_lifts_no_limit_of_the_next_and_nothing_runs_on_after_it() {
    let mut founder = Founder::postgres().await;
    let world = World::new().await;
    let lifts = Asked {
        query: "SELECT 1 AS value FROM (SELECT set_config('statement_timeout', '0', true)) AS lifted",
        ..CLIENTS
    };
    let sleeps = Asked { query: "SELECT 2 AS value FROM pg_sleep(60)", ..AT_RISK };
    let source = world.source(founder.kind, &founder.reader, &[lifts, sleeps]);
    let began = clock::instant();
    assert_eq!(world.pull(&source).await, Err(AskError::Slow));
    assert!(
        began.elapsed() < std::time::Duration::from_secs(16),
        "the server's own limit ends it: {:?}",
        began.elapsed()
    );
    assert_eq!(running(&mut founder, "pg_sleep").await, 0);
}

/// A source is removed, the server stops, or somebody who asked has gone: what runs is ended where it runs.
#[tokio::test]
async fn what_nobody_waits_for_is_ended_on_its_server() {
    let mut founder = Founder::postgres().await;
    // Nothing of the database itself ends it.
    founder
        .run(
            "CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM set_config('statement_timeout', '0', true);
             BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); END; RETURN 1; END $$",
        )
        .await;
    let world = World::new().await;
    let sleeps = Asked { query: "SELECT stubborn() AS value", ..CLIENTS };
    let source = world.source(founder.kind, &founder.reader, &[sleeps]);
    let cut = tokio::time::timeout(std::time::Duration::from_secs(2), world.pull(&source)).await;
    assert!(cut.is_err(), "it runs until it is cut off");
    settled().await;
    assert_eq!(running(&mut founder, "stubborn").await, 0);
    // Caught by the statement, the server's own limit does not end it: this program's does.
    assert_eq!(world.pull(&source).await, Err(AskError::Slow));
    assert_eq!(running(&mut founder, "stubborn").await, 0);

    let mut founder = Founder::mariadb().await;
    let world = World::new().await;
    let source =
        world.source(founder.kind, &founder.reader, &[Asked { query: "SELECT SLEEP(50) AS value", ..CLIENTS }]);
    assert!(tokio::time::timeout(std::time::Duration::from_secs(2), world.pull(&source)).await.is_err());
    settled().await;
    let Admin::MySql(admin) = &mut founder.admin else { panic!("no MariaDB") };
    let count =
        "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(50)%' AND id <> CONNECTION_ID()";
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(admin).await.unwrap(), 0);
}

#[tokio::test]
async fn many_rows_are_asked_for_in_smaller_parts_and_too_many_refused() {
    let mut founder = Founder::postgres().await;
    let world = World::new().await;
    // Over 100,000 in the day that is asked for first, but no such minute.
    founder.run("INSERT INTO posts SELECT now() - n * interval '0.5 s' FROM generate_series(121, 150120) AS n").await;
    let source = world.source("postgres", &founder.reader, &[POSTS]);
    world.pull(&source).await.unwrap();
    let told: u64 = world.samples_all(Series::PostsPublished).await;
    assert_eq!(told, 150_000);
    founder.run("INSERT INTO posts SELECT now() - interval '90 s' FROM generate_series(1, 100001)").await;
    assert_eq!(world.pull(&source).await, Err(AskError::TooManyRows));
}

impl World {
    async fn samples_all(&self, series: Series) -> u64 {
        let span = Span { from: 0, to: clock::now().timestamp_millis() + 600_000 };
        let stored = self.store.samples(ENVIRONMENT, series, span, 100_000).await.unwrap();
        stored.iter().map(|sample| sample.atoms).sum()
    }
}

#[tokio::test]
async fn a_row_belongs_to_its_minute_to_the_microsecond_and_a_time_that_cannot_be_read_is_no_zero() {
    let mut founder = Founder::postgres().await;
    let world = World::new().await;
    let just_after = ago(60).format("%Y-%m-%d %H:%M:%S.000300");
    founder.run(&format!("INSERT INTO invoices VALUES ('{just_after}', 7)")).await;
    world.pull(&world.source(founder.kind, &founder.reader, &[SPEND])).await.unwrap();
    assert_eq!(world.samples(Series::AiSpend).await, [(ago(59), 7_000_000)]);

    let world = World::new().await;
    let mut founder = Founder::sqlite().await;
    for time in ["1763900000000", "2026-11-24T03:00:00 UTC"] {
        founder.run(&format!("DELETE FROM invoices; INSERT INTO invoices (at, usd) VALUES ('{time}', 5)")).await;
        world.pull(&world.source(founder.kind, &founder.reader, &[SPEND])).await.unwrap();
        let notes = Notes::read(world.state().await.notice.as_deref());
        assert_eq!((notes.unread.len(), notes.unread[0].count), (1, 1), "{time}: {notes:?}");
        assert!(notes.unread[0].why.contains("no time"), "{time}: {notes:?}");
    }
    // It happened at some time: the end of what was asked for is open.
    assert_eq!(world.spend_state().await, "partial");
}

#[tokio::test]
async fn one_bad_row_of_a_table_leaves_its_own_minute_open_is_named_and_corrected() {
    for mut founder in [Founder::postgres().await, Founder::mariadb().await, Founder::sqlite().await] {
        let world = World::new().await;
        let at = |minutes: i64| ago(minutes).format("%Y-%m-%d %H:%M:%S").to_string();
        let null = match founder.kind {
            "postgres" => "ALTER TABLE invoices ALTER usd DROP NOT NULL",
            "mysql" => "ALTER TABLE invoices MODIFY usd decimal(20, 9) NULL",
            _ => "DROP TABLE invoices; CREATE TABLE invoices (at TEXT NOT NULL, usd TEXT, model TEXT)",
        };
        founder.run(null).await;
        let rows = format!(
            "INSERT INTO invoices (at, usd) VALUES ('{}', 1.5), ('{}', NULL), ('{}', 0.25), ('{}', 2)",
            at(60),
            at(50),
            at(50),
            at(40)
        );
        founder.run(&rows).await;
        let source = world.source(founder.kind, &founder.reader, &[SPEND, CLIENTS]);
        for _ in 0..2 {
            world.pull(&source).await.unwrap();
            let told = [(ago(60), 1_500_000), (ago(50), 250_000), (ago(40), 2_000_000)];
            assert_eq!(world.samples(Series::AiSpend).await, told, "{}", founder.kind);
        }
        assert_eq!(world.samples(Series::ClientsActive).await.last().map(|sample| sample.1), Some(12));
        assert_eq!(world.spend_state().await, "partial", "{}", founder.kind);
        let words = Notes::read(world.state().await.notice.as_deref()).words(true).unwrap();
        assert!(words.contains("1 row of ai.spend") && words.contains("it has no value"), "{words}");
        // Put right, nothing of it stays open.
        founder.run("UPDATE invoices SET usd = 0.75 WHERE usd IS NULL").await;
        world.pull(&source).await.unwrap();
        assert_eq!(world.samples(Series::AiSpend).await[1], (ago(50), 1_000_000), "{}", founder.kind);
        assert_eq!(world.spend_state().await, "known", "{}", founder.kind);
    }
}

impl World {
    /// The spend of the last hours, as far as it is known.
    async fn spend_state(&self) -> &'static str {
        let now = clock::now().timestamp_millis();
        let span = Span { from: now - 50 * 3_600_000, to: now };
        let streams = self.store.streams_of(ENVIRONMENT, span, &["shop".to_owned()]).await.unwrap();
        let stream = streams.iter().find(|stream| stream.series() == Series::AiSpend).expect("its stream");
        let to = stream.data_through(now).expect("it says up to when");
        let seen = stream.total(Span { from: to - 3 * 3_600_000, to }, now);
        if seen.is_open || seen.coverage < 1.0 { "partial" } else { "known" }
    }
}

#[tokio::test]
async fn litellm_tells_what_its_requests_cost_and_names_what_it_has_no_price_for() {
    let mut founder = Founder::postgres().await;
    let world = World::new().await;
    // As LiteLLM's own schema has it, as far as it is asked for.
    founder
        .run(
            r#"CREATE TABLE "LiteLLM_SpendLogs" (request_id text PRIMARY KEY, spend double precision NOT NULL DEFAULT 0,
                total_tokens int NOT NULL DEFAULT 0, "startTime" timestamp(3) NOT NULL, model text NOT NULL DEFAULT '',
                cache_hit text DEFAULT '');
            GRANT SELECT ON "LiteLLM_SpendLogs" TO reader"#,
        )
        .await;
    let at = |minutes: i64| ago(minutes).format("%Y-%m-%d %H:%M:%S").to_string();
    founder
        .run(&format!(
            r#"INSERT INTO "LiteLLM_SpendLogs" VALUES ('a', 0.0000015, 10, '{}', 'large', ''),
                ('b', 1.25, 5000, '{}', 'large', ''), ('c', 0, 70, '{}', 'large', 'True'),
                ('d', 0, 900, '{}', 'house-made', ''), ('e', 0, 0, '{}', 'large', '')"#,
            at(60),
            at(50),
            at(40),
            at(30),
            at(20)
        ))
        .await;
    let source = world.source("litellm", &founder.reader, &[]);
    world.pull(&source).await.unwrap();
    let amounts: Vec<u64> = world.samples(Series::AiSpend).await.iter().map(|(_, atoms)| *atoms).collect();
    assert_eq!(amounts, [2, 1_250_000, 0, 0, 0]);
    let span = Span { from: ago(1440).timestamp_millis(), to: clock::now().timestamp_millis() };
    let streams = world.store.streams(ENVIRONMENT, span).await.unwrap();
    let spend = streams.iter().find(|stream| stream.series() == Series::AiSpend).unwrap();
    assert_eq!(spend.unpriced, ["house-made"]);
    let through = world.store.sources(ENVIRONMENT).await.unwrap()[0].data_through.unwrap();
    assert!(through <= ago(5) && through >= ago(7), "its log is trusted a few minutes late: {through}");
}

#[tokio::test]
async fn addresses_that_keep_credentials_are_not_asked() {
    let world = World::new().await;
    for (kind, url) in [("postgres", "postgres://a@169.254.169.254/a"), ("mysql", "mysql://a@169.254.169.254/a")] {
        let error = world.pull(&world.source(kind, url, &[CLIENTS])).await.unwrap_err();
        assert_eq!(error, AskError::Forbidden("169.254.169.254".to_owned()));
    }
}

#[test]
fn settings_that_would_be_unsafe_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |source: &str| {
        let settings = folder.path().join("scaling-mode.toml");
        let text = format!("[[source]]\nname = \"shop\"\nenvironment = \"production\"\n{source}");
        std::fs::write(&settings, text).unwrap();
        let flags = Flags { settings: Some(settings), ..Flags::default() };
        Settings::read(&flags, &ServeFlags::default()).unwrap_err().to_string()
    };
    let signal = |query: &str| format!("[[source.signal]]\nsignal = \"clients.active\"\nquery = \"{query}\"");
    for (source, why) in [
        (
            format!("kind = \"postgres\"\nurl = \"postgres://a:b@h/d\"\n{}", signal("SELECT 1 AS value")),
            "holds a password",
        ),
        (
            format!("kind = \"postgres\"\nurl = \"postgres://h/d?user=a&password=b\"\n{}", signal("SELECT 1")),
            "holds a password",
        ),
        (format!("kind = \"mysql\"\nurl = \"mysql://h/d\"\n{}", signal("SELECT 1; DROP TABLE a")), "semicolon"),
        (format!("kind = \"mysql\"\nurl = \"mysql://h/d\"\n{}", signal("DELETE FROM a")), "SELECT"),
        (format!("kind = \"sqlite\"\n{}", signal("SELECT 1")), "url_file"),
        (format!("kind = \"sqlite\"\nurl = \"/etc/passwd\"\n{}", signal("SELECT 1")), "sqlite:"),
        (format!("kind = \"oracle\"\nurl = \"a\"\n{}", signal("SELECT 1")), "oracle"),
        ("kind = \"sqlite\"\nurl = \"sqlite:a\"".to_owned(), "asks for nothing"),
        (
            format!(
                "kind = \"sqlite\"\nurl = \"sqlite:a\"\n{}\n{}",
                signal("SELECT 1 AS value"),
                signal("SELECT 2 AS value")
            ),
            "twice",
        ),
        (format!("kind = \"postgres\"\nurl = \"postgres://u:p#ss@h/db\"\n{}", signal("SELECT 1")), "cannot be read"),
    ] {
        let said = refused(&source);
        assert!(said.contains(why), "{source}: {said}");
    }
}

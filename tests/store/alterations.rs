//! Cases of altering a stored state: every column of every table, and rows taken away, each found by `verify` with its table, or listed
//! in docs/history.md as what cannot be proved.

use super::support::*;
use scaling_mode::domain::access::{Reach, Role, Scope};
use scaling_mode::domain::act::Act;
use scaling_mode::domain::alert::Alert;
use scaling_mode::domain::counting::Total;
use scaling_mode::domain::cumulative::Reading;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::domain::mode::Mode;
use scaling_mode::domain::sender::Sender;
use scaling_mode::domain::signal::{Series, Severity};
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::subscription::{EventKind, Page, Status, Subscription, SubscriptionEvent, Told};
use scaling_mode::domain::telemetry::AcceptedBatch;
use scaling_mode::server::evaluation::{Occasion, evaluate_and_record_at};
use scaling_mode::server::proof::examine;
use scaling_mode::server::store::access::{AccessStore, Entry, Invitation, NewSession, NewShareLink, NewToken};
use scaling_mode::server::store::proofs::{Ceremony, Codes, Passkey, ProviderAccount};
use scaling_mode::server::store::session_key::SessionKey;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{PullState, SourceEdit, Store};
use serde_json::json;
use sqlx::{Row, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Alterations at random, beside one of every column.
const ROUNDS: u64 = 200;

/// The key of sessions, which is not in the database.
fn session_key() -> SessionKey {
    SessionKey::new([7; 32], "own")
}

fn entry(reason: &str) -> Entry {
    let mut event = NewEvent::new(EventType::AccessChanged, "local", minute(50));
    event.reason = Some(reason.to_owned());
    Entry { environment: ENV.to_owned(), event }
}

/// Something of everything: numbers, answers, proposals in every state, people with every kind of proof.
async fn fill(store: &dyn Store) {
    store.seal_sessions_with(session_key());
    create(store, "another").await;
    let now = minute(10);
    store.act(ENV, &Act::SetAutoMode { enabled: true }, "local".into(), now, None).await.unwrap();
    let through = minute(200).to_rfc3339();
    let clients = batch(json!({"source": "crm", "covers_from": minute(0).to_rfc3339(), "data_through": through,
        "samples": (0..200).map(|at| sample("clients.active", at, json!(700 + at % 3))).collect::<Vec<_>>()}));
    store.ingest(ENV, &clients, minute(11), Some(&key("k", "digest"))).await.unwrap();
    let latency = batch(json!({"source": "app", "samples": [
        with(sample("infra.latency", 3, json!(120)), "aggregation", json!("p95")),
        sample("infra.cpu", 3, json!(0.5)),
        with(sample("ai.spend", 3, json!("0.0000001")), "id", json!("bill-1")),
    ]}));
    store.ingest(ENV, &latency, minute(11), None).await.unwrap();
    let mut spent = batch(json!({"source": "bills", "samples": [sample("ai.spend", 4, json!(1))]}));
    spent.unpriced = [("a model".to_owned(), minute(4))].into_iter().collect();
    store.ingest("another", &spent, minute(11), None).await.unwrap();
    // The third is of a counter that nobody knew: what it counted before is in doubt.
    for (at, counter) in [(5_i64, 2), (6, 2), (7, 3)] {
        let total = Total::Count(100 + at.unsigned_abs());
        let (family, key) = ([1; 16], [counter; 16]);
        let (at, series) = (minute(at), Series::InfraRequests);
        let reading = Reading { at, family, is_delta: false, key, price: None, replica: 0, series, start: None, total };
        let counted = AcceptedBatch { readings: vec![reading], source: "shop".to_owned(), ..AcceptedBatch::default() };
        store.ingest("another", &counted, minute(11), None).await.unwrap();
    }
    let alert = Alert {
        ended_at: None,
        fingerprint: "a".to_owned(),
        is_firing: true,
        name: "Slow".to_owned(),
        severity: Some(Severity::Warning),
        starts_at: minute(1),
    };
    let within = chrono::Duration::hours(24);
    store.take_alerts(ENV, "am", &Sender::default(), &[alert], within, minute(12)).await.unwrap();
    let subscription =
        Subscription { customer: Some("c".to_owned()), id: "s".to_owned(), is_ending: false, status: Status::Active };
    let page = Page {
        account: Some("acct_1".to_owned()),
        is_last: true,
        is_live: Some(true),
        starting_after: None,
        subscriptions: vec![subscription.clone()],
    };
    store.take_subscriptions("another", "stripe", &Sender::default(), &Told::Page(page), minute(12)).await.unwrap();
    let event = SubscriptionEvent {
        account: Some("acct_1".to_owned()),
        created: minute(13),
        id: "e".to_owned(),
        is_live: Some(true),
        kind: EventKind::Changed,
        subscription,
    };
    let told = Told::Events { events: vec![event], ignored: 0 };
    store.take_subscriptions("another", "stripe", &Sender::default(), &told, minute(13)).await.unwrap();
    let pull = PullState {
        asked_through: Some(minute(12)),
        attempted_at: minute(12),
        failure: None,
        notice: Some("it may write".to_owned()),
        succeeded_at: Some(minute(12)),
    };
    store.note_pull(ENV, "crm", &pull).await.unwrap();
    for place in 1..=12 {
        let occasion = Occasion {
            actor: "scheduler".into(),
            as_of: minute(15 * place),
            origin: if place % 4 == 0 { Origin::OnDemand } else { Origin::Scheduled },
            tick_minutes: 15,
        };
        evaluate_and_record_at(store, ENV, occasion, minute(15 * place), None).await.unwrap();
        if place % 4 == 2
            && let Some(open) = store.open_proposal(ENV).await.unwrap()
        {
            let act = Act::DismissProposal { id: open.id, reason: None };
            store.act(ENV, &act, "local".into(), minute(15 * place + 1), None).await.unwrap();
        }
    }
    let pilot = Act::SetMode { mode: Mode::Pilot, old_mode: Mode::Lab, reason: Some("why".into()) };
    store.act(ENV, &pilot, "local".into(), minute(190), None).await.unwrap();
    store.append(ENV, note_of("a note")).await.unwrap();
    let edit =
        SourceEdit { after: Some(r#"{"kind":"prometheus"}"#.to_owned()), before: None, name: "added".to_owned() };
    store.change_source(ENV, &edit, note_of("added a source"), None).await.unwrap();
    people(store).await;
}

async fn people(store: &dyn Store) {
    let everywhere = [(Reach::All, Role::Founder)];
    let anna = store
        .add_person(("anna@example.com", "Anna"), "$argon2id$a", &everywhere, minute(20), &entry("made"))
        .await
        .unwrap();
    let here = [(Reach::One(ENV.to_owned()), Role::Viewer)];
    let bob =
        store.add_person(("bob@example.com", "Bob"), "$argon2id$b", &here, minute(21), &entry("made")).await.unwrap();
    store.set_disabled(bob.id, Some(minute(22)), &entry("shut out")).await.unwrap();
    let invitation = Invitation {
        created_at: minute(23),
        created_by: "local".to_owned(),
        email: "new@example.com".to_owned(),
        expires_at: minute(20_000),
        roles: here.to_vec(),
        token_hash: "invited".to_owned(),
    };
    store.invite(&invitation, Some(&entry("invited"))).await.unwrap();
    let token = NewToken {
        at: minute(24),
        created_by: "local".to_owned(),
        expires_at: Some(minute(90_000)),
        name: "ci".to_owned(),
        prefix: "sm_01234567".to_owned(),
        reach: Reach::One(ENV.to_owned()),
        scopes: vec![Scope::HealthRead],
        secret_hash: "token".to_owned(),
        sources: vec!["crm".to_owned()],
    };
    let token = store.add_token(&token, &entry("made")).await.unwrap();
    let link = NewShareLink {
        at: minute(25),
        created_by: "local".to_owned(),
        environment: ENV.to_owned(),
        expires_at: minute(90_000),
        from: Some(minute(0)),
        name: "Seed".to_owned(),
        passphrase: Some("$argon2id$p".to_owned()),
        to: Some(minute(9_000)),
        token_hash: "link".to_owned(),
        views: vec!["timeline".to_owned()],
    };
    let link = store.add_share_link(&link, &entry("made")).await.unwrap();
    let passkey = Passkey {
        created_at: minute(26),
        credential: r#"{"cred":{"counter":1,"key":"public"}}"#.to_owned(),
        id: "passkey".to_owned(),
        name: "phone".to_owned(),
        used_at: None,
    };
    let session = |hash: &str| NewSession {
        address: "203.0.113.7".to_owned(),
        agent: "Firefox".to_owned(),
        at: minute(28),
        is_whole: true,
        token_hash: hash.to_owned(),
    };
    store.begin_session(anna.id, &session("own")).await.unwrap();
    store.add_passkey(anna.id, &passkey, "own", &entry("added")).await.unwrap();
    let recovery = ["one".to_owned(), "two".to_owned()];
    let codes = Codes { recovery: &recovery, secret: b"sealed", step: 7 };
    store.set_codes(anna.id, Some(codes), Some("own"), &entry("codes")).await.unwrap();
    let account = ProviderAccount { issuer: "https://id.example".into(), label: "anna".into(), subject: "1".into() };
    store.connect(anna.id, &account, "own", minute(27), &entry("connected")).await.unwrap();
    store.end_session("own").await.unwrap();
    store.begin_session(anna.id, &session("session")).await.unwrap();
    store.know_device(anna.id, "device", minute(28)).await.unwrap();
    let mut opened = entry("opened");
    opened.event.event_type = EventType::Accessed;
    store.open_share_link(link.id, &session("guest"), &opened).await.unwrap();
    let ceremony = Ceremony { expires_at: minute(30), id_hash: "ceremony", kind: "passkey", sealed: b"sealed" };
    store.begin_ceremony(ceremony).await.unwrap();
    // Using a proof does not change who may act.
    store.see_session("session", minute(29)).await.unwrap();
    store.see_token(token.id, minute(29)).await.unwrap();
    assert!(store.use_totp_step(anna.id, 8).await.unwrap());
    let counted = r#"{"cred":{"counter":2,"key":"public"}}"#;
    assert!(store.use_passkey(&passkey, counted, minute(29)).await.unwrap());
    assert!(store.use_recovery_code(anna.id, "one", minute(29), &entry("used")).await.unwrap());
}

async fn run(db: &mut SqliteConnection, sql: &str) {
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(db).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Tables with their columns and column types, without SQLite's own tables and the list of migrations.
async fn columns(db: &mut SqliteConnection) -> BTreeMap<String, Vec<(String, String)>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let mut all = BTreeMap::new();
    for table in tables {
        let rows =
            sqlx::query("SELECT name, type FROM pragma_table_info($1)").bind(&table).fetch_all(&mut *db).await.unwrap();
        all.insert(table, rows.iter().map(|row| (row.get(0), row.get(1))).collect());
    }
    all
}

/// The same value with something added to it; something where there is nothing.
fn altered(column: &str, kind: &str) -> String {
    match kind {
        "INTEGER" if column.starts_with("is_") => format!("1 - {column}"),
        "INTEGER" => format!("CASE WHEN {column} IS NULL THEN 1 ELSE {column} + 1000003 END"),
        "REAL" => format!("CASE WHEN {column} IS NULL THEN 0.5 ELSE {column} + 0.5 END"),
        "BLOB" => format!("CASE WHEN {column} IS NULL THEN x'00' ELSE CAST({column} || x'00' AS BLOB) END"),
        _ => format!(
            "CASE WHEN {column} IS NULL THEN 'x' WHEN NOT json_valid({column}) THEN {column} || 'x' \
             WHEN json_type({column}) = 'object' THEN json_set({column}, '$.x', 1) \
             WHEN json_type({column}) = 'array' THEN json_insert({column}, '$[#]', 1) ELSE {column} || '0' END"
        ),
    }
}

/// Does something to a copy of the store that nobody with the program could, and puts its triggers back; what `verify` says of it.
async fn done_to(original: &Path, sql: &str) -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(original, &copy).unwrap();
    let mut db = raw(&copy).await;
    let triggers: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut db).await.unwrap();
    run(&mut db, "PRAGMA ignore_check_constraints = ON").await;
    run(&mut db, "PRAGMA foreign_keys = OFF").await;
    for (name, _) in &triggers {
        run(&mut db, &format!("DROP TRIGGER {name}")).await;
    }
    run(&mut db, sql).await;
    for (_, text) in &triggers {
        run(&mut db, text).await;
    }
    sqlx::Connection::close(db).await.unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    store.seal_sessions_with(session_key());
    let report =
        examine(&store, None).await.unwrap_or_else(|error| panic!("{sql}: a fault is found, no failure: {error:?}"));
    store.close().await;
    report.problem.map(|problem| (problem.table.to_owned(), format!("{}: {}", problem.environment, problem.what)))
}

/// What docs/history.md says cannot be proved.
fn listed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/history.md")).unwrap();
    let (_, list) = text.split_once("## What cannot be proved").expect("the list");
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|line| line.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn every_altered_column_is_found_or_listed_as_not_provable() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    let report = examine(&store, None).await.unwrap();
    assert!(report.problem.is_none(), "{:?}", report.problem);
    let statuses: Vec<_> = store.proposals(ENV, None, 9).await.unwrap().iter().map(|one| one.status).collect();
    assert!(statuses.len() >= 2, "{statuses:?}");
    store.close().await;
    let original = file(&folder);
    let mut db = raw(&original).await;
    let tables = columns(&mut db).await;
    let mut not_found = BTreeSet::new();
    for (table, columns) in &tables {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert!(rows > 0, "{table} holds nothing to alter");
        for (column, kind) in columns {
            let altered = altered(column, kind);
            let sql = format!(
                "UPDATE {table} SET {column} = {altered} WHERE {0} = (SELECT max({0}) FROM {table})",
                columns[0].0
            );
            if done_to(&original, &sql).await.is_none() {
                not_found.insert(format!("{table}.{column}"));
            }
        }
    }
    assert_eq!(not_found, listed(), "what is not found, and what docs/history.md lists as not provable");
}

#[tokio::test]
async fn alterations_at_random_are_found_or_listed_as_not_provable() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    store.close().await;
    let original = file(&folder);
    let mut db = raw(&original).await;
    let tables: Vec<(String, Vec<(String, String)>)> = columns(&mut db).await.into_iter().collect();
    let listed = listed();
    let mut dice = Dice(20_261_130);
    for round in 0..ROUNDS {
        let (table, columns) = &tables[usize::try_from(dice.roll(tables.len() as u64)).unwrap()];
        let (column, kind) = &columns[usize::try_from(dice.roll(columns.len() as u64)).unwrap()];
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut db)
            .await
            .unwrap();
        if rows == 0 {
            continue;
        }
        let place = dice.roll(rows.unsigned_abs());
        let key = &columns[0].0;
        let at = format!("{key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {place})");
        let sql = format!("UPDATE OR IGNORE {table} SET {column} = {} WHERE {at}", altered(column, kind));
        let before: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE {at}")))
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert!(before > 0, "{sql}");
        let found = done_to(&original, &sql).await;
        assert!(found.is_some() || listed.contains(&format!("{table}.{column}")), "round {round}: {sql}");
    }
}

/// The alterations of an attack, each with the table that has to be named.
#[tokio::test]
async fn what_an_attack_has_tried_is_found_and_named() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    store.close().await;
    let original = file(&folder);
    for (sql, table) in [
        ("UPDATE environments SET version = 1 WHERE name = 'production'", "environments"),
        ("UPDATE environments SET version = version - 1 WHERE name = 'production'", "environments"),
        ("UPDATE environments SET kind = 'recorded' WHERE name = 'production'", "environments"),
        ("UPDATE environments SET created_at = created_at - 1", "environments"),
        ("UPDATE environments SET name = 'renamed' WHERE name = 'another'", "history"),
        ("DELETE FROM configs WHERE version = 2", "configs"),
        ("UPDATE configs SET body = replace(body, 'lab', 'scale')", "configs"),
        ("UPDATE points SET overall_lo = 100, overall_hi = 100", "points"),
        ("UPDATE points SET answer = 0", "points"),
        ("DELETE FROM points WHERE at = (SELECT min(at) FROM points)", "points"),
        (
            "INSERT INTO points SELECT environment_id, at + 1, mode, answer, overall_lo, overall_hi, load_lo, load_hi, clients_lo, clients_hi, clients_limit FROM points LIMIT 1",
            "points",
        ),
        ("UPDATE snapshots SET as_of = as_of + 86400000 WHERE row_id = 2", "snapshots"),
        ("UPDATE snapshots SET ruled = 'increase' WHERE is_tick = 1", "snapshots"),
        ("UPDATE snapshots SET standing = 0 WHERE is_tick = 1", "snapshots"),
        ("UPDATE snapshots SET clear = 63 - clear WHERE is_tick = 1", "snapshots"),
        ("UPDATE snapshots SET conditions_met = 1 - conditions_met WHERE is_tick = 1", "snapshots"),
        ("UPDATE snapshots SET overall_lo = 100, overall_hi = 100", "snapshots"),
        ("UPDATE snapshots SET origin = 'daily' WHERE origin = 'scheduled'", "snapshots"),
        ("UPDATE snapshots SET body = x'28b52ffd'", "snapshots"),
        ("UPDATE snapshots SET row_id = 1000 WHERE row_id = 1", "snapshots"),
        ("DELETE FROM snapshots WHERE row_id = 3", "snapshots"),
        ("DELETE FROM proposals", "proposals"),
        ("UPDATE proposals SET status = 'accepted'", "proposals"),
        ("UPDATE proposals SET target_mode = 'scale', recommendation = 'increase'", "proposals"),
        ("UPDATE proposals SET expires_at = expires_at + 86400000", "proposals"),
        ("INSERT INTO roles VALUES (2, '*', 'founder')", "people"),
        ("INSERT INTO people (email, name, password, created_at) VALUES ('eve@example.com', 'Eve', 'x', 1)", "people"),
        ("UPDATE people SET password = 'x' WHERE id = 1", "people"),
        ("UPDATE people SET disabled_at = NULL", "people"),
        ("UPDATE tokens SET scopes = 'telemetry:write', environment = '*', expires_at = NULL", "people"),
        ("UPDATE share_links SET expires_at = expires_at + 86400000", "people"),
        ("DELETE FROM passkeys", "people"),
        ("UPDATE invitations SET roles = '[]'", "people"),
        (
            "INSERT INTO added_sources SELECT environment_id, 'forged', definition, changed_at FROM added_sources",
            "added_sources",
        ),
        ("UPDATE sessions SET person_id = 2 WHERE person_id IS NOT NULL", "sessions"),
        ("DELETE FROM minutes WHERE minute % 2 = 0", "minutes"),
        ("DELETE FROM samples WHERE at % 120000 = 0", "minutes"),
        ("UPDATE minutes SET total = total * 2", "minutes"),
    ] {
        let found = done_to(&original, sql).await;
        let (named, what) = found.unwrap_or_else(|| panic!("not found: {sql}"));
        assert!(named.starts_with(table), "{sql}: {named}: {what}");
    }
}

/// An alteration of who may act is reported by row, as long as the list of rows is itself proved.
#[tokio::test]
async fn an_altered_row_of_access_is_named() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    store.close().await;
    let original = file(&folder);
    for (sql, told) in [
        (
            "INSERT INTO roles VALUES (2, '*', 'founder')",
            Some("the row person_id 2, environment \"*\" of roles was added"),
        ),
        ("UPDATE people SET password = 'x' WHERE id = 1", Some("the row id 1 of people was altered")),
        ("UPDATE tokens SET scopes = 'config:write'", Some("the row id 1 of tokens was altered")),
        ("DELETE FROM passkeys", Some("the row credential_id \"passkey\" of passkeys is gone")),
        ("UPDATE people SET password = 'x' WHERE id = 1; DELETE FROM access_rows WHERE of_table = 'people'", None),
        ("UPDATE people SET password = 'x' WHERE id = 1; UPDATE access_rows SET digest = '1 0'", None),
    ] {
        let (table, what) = done_to(&original, sql).await.unwrap_or_else(|| panic!("not found: {sql}"));
        assert!(table.starts_with("people, roles") && what.contains("who may act is not what"), "{sql}: {what}");
        match told {
            Some(told) => assert!(what.ends_with(told), "{sql}: {what}"),
            None => assert!(!what.contains("the row"), "{sql}: {what}"),
        }
    }
}

/// Which deleted rows are found, as docs/history.md says.
#[tokio::test]
async fn a_deleted_row_is_found_where_something_counts_it() {
    let (folder, store) = sqlite().await;
    fill(&store).await;
    store.close().await;
    let original = file(&folder);
    let inside = "(SELECT CAST(avg(minute) AS INTEGER) FROM minutes WHERE stream_id = 1)";
    let samples = "stream_id = 1 AND (at + 59999) / 60000";
    for (sql, is_found) in [
        ("DELETE FROM history WHERE seq = 3".to_owned(), true),
        ("DELETE FROM configs WHERE version = 1".to_owned(), true),
        ("DELETE FROM snapshots WHERE row_id = 2".to_owned(), true),
        ("DELETE FROM points WHERE at = (SELECT max(at) FROM points)".to_owned(), true),
        ("DELETE FROM proposals".to_owned(), true),
        ("DELETE FROM added_sources".to_owned(), true),
        ("DELETE FROM roles".to_owned(), true),
        (format!("DELETE FROM minutes WHERE stream_id = 1 AND minute = {inside}"), true),
        (format!("DELETE FROM samples WHERE {samples} = {inside}"), true),
        (
            format!(
                "DELETE FROM samples WHERE {samples} = {inside}; \
                 DELETE FROM minutes WHERE stream_id = 1 AND minute = (SELECT CAST(avg(minute) AS INTEGER) FROM minutes WHERE stream_id = 1)"
            ),
            false,
        ),
        (
            "DELETE FROM samples WHERE stream_id = 1 AND at = (SELECT max(at) FROM samples WHERE stream_id = 1); \
             DELETE FROM minutes WHERE stream_id = 1 AND minute = (SELECT max(minute) FROM minutes WHERE stream_id = 1)"
                .to_owned(),
            true,
        ),
        ("DELETE FROM samples; DELETE FROM minutes; DELETE FROM streams".to_owned(), false),
        ("DELETE FROM alerts".to_owned(), false),
        (
            "DELETE FROM subscriptions; DELETE FROM subscription_events; DELETE FROM subscription_lists".to_owned(),
            false,
        ),
        ("DELETE FROM counter_families; DELETE FROM unpriced; DELETE FROM pulls; DELETE FROM spans".to_owned(), false),
        (
            "DELETE FROM sessions; DELETE FROM devices; DELETE FROM ceremonies; DELETE FROM idempotency".to_owned(),
            false,
        ),
    ] {
        let found = done_to(&original, &sql).await;
        assert_eq!(found.is_some(), is_found, "{sql}: {found:?}");
    }
}

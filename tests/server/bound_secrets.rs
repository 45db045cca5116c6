//! Owns what an added source may use and who reads what it says, on the real program: a variable goes only where the settings file binds
//! it, and a database's own words are for founders.

use crate::databases;
use crate::people::{create, sign_in};
use crate::serving::{Answer, Server, answer};
use crate::sources::{NOWHERE, PAGE, SOURCES, bind, led_to, metrics, notes, post, prometheus, source, tag, text, with};
use reqwest::Method;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::server::clock;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{SourceEdit, Store};
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use std::process::Stdio;
use std::time::Duration;

const SHOP: &str = "SCALING_MODE_SOURCE_SHOP_DB";
const TOKEN: &str = "SCALING_MODE_SOURCE_TOKEN";
const URL: &str = "postgres://shop:S3cretPassw0rd@10.0.0.7:5432/shop";

fn is_unbound(refused: &Answer, field: &str) {
    assert_eq!((refused.status, &refused.json["field"]), (422, &json!(field)), "{}", refused.text);
    assert_eq!(refused.json["type"], "urn:scaling-mode:problem:secret-not-bound");
    let detail = refused.json["detail"].as_str().expect("a sentence");
    assert!(detail.contains("[[secret]]") && detail.contains("hosts = [") && !detail.contains("S3cret"), "{detail}");
}

/// The attack: another environment's database address, sent as a token to a server of the attacker's.
/// ASVS 13.3.2.
#[tokio::test]
async fn a_variable_goes_only_to_the_environment_and_the_hosts_that_the_settings_file_names() {
    let folder = tempfile::tempdir().expect("a folder");
    bind(folder.path(), &[(SHOP, "production", "10.0.0.7"), (TOKEN, "production", "127.0.0.1")]);
    let variables = [(SHOP, URL), (TOKEN, "a token"), ("SCALING_MODE_SOURCE_OTHER", "another")];
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &variables).await;
    let (url, asks) = prometheus();
    for (environment, variable) in [
        ("this-server", SHOP),
        ("production", SHOP),
        ("this-server", TOKEN),
        ("production", "SCALING_MODE_SOURCE_OTHER"),
        ("production", "SCALING_MODE_SOURCE_NOT_EVEN_SET"),
    ] {
        let body = with(metrics(&url), json!({"environment": environment, "token_env": variable}));
        is_unbound(&server.post(SOURCES, &body).await, "token_env");
    }
    let database = json!({"action": "add", "name": "shop", "kind": "postgres", "url_env": SHOP,
        "signal": [{"signal": "clients.active", "query": "SELECT 2 AS value"}]});
    is_unbound(&server.post(SOURCES, &with(database.clone(), json!({"environment": "this-server"}))).await, "url_env");
    assert!(asks.recv_timeout(Duration::from_secs(1)).is_err(), "nothing was asked");
    assert_eq!(notes(&server).await, [""; 0]);

    let body = format!(
        "name=a&kind=prometheus&url=http%3A%2F%2F127.0.0.1%3A9&token_env={SHOP}&signal=clients.active&query=up"
    );
    let (location, page) = led_to(&server, &post(&server, "add-source", &body).await).await;
    assert!(location.contains("notice=source-wrong"), "{location}");
    assert!(tag(&page, "add-source-token_env").contains("aria-invalid=\"true\""), "{page}");
    let error = text(&page, "add-source-error-token_env");
    assert!(error.contains("does not bind") || error.contains("a host that the settings file"), "{error}");

    // A bound secret is sent, and the history names it.
    assert_eq!(server.post(SOURCES, &with(metrics(&url), json!({"token_env": TOKEN}))).await.status, 200);
    assert!(asks.recv_timeout(Duration::from_secs(10)).expect("it is asked").contains("Bearer a token"));
    assert!(notes(&server).await[0].contains(&format!("with the token in ${TOKEN}")));
    let added = server.post(SOURCES, &database).await;
    assert_eq!(added.status, 200, "{}", added.text);
    assert!(notes(&server).await[0].contains(SHOP), "{:?}", notes(&server).await);
}

/// The host inside a variable is checked, again at every connection.
#[tokio::test]
async fn a_databases_address_names_a_host_that_its_variable_is_bound_to() {
    let folder = tempfile::tempdir().expect("a folder");
    bind(folder.path(), &[(SHOP, "production", "db.example.com"), (TOKEN, "production", "127.0.0.1")]);
    // The part after the question mark is where this one is really asked.
    let led_astray = "postgres://shop@127.0.0.1:9/shop?host=127.0.0.2";
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[(SHOP, URL), (TOKEN, led_astray)]).await;
    let database = |name: &str, variable: &str| {
        json!({"action": "add", "name": name, "kind": "postgres", "url_env": variable,
            "signal": [{"signal": "clients.active", "query": "SELECT 2 AS value"}]})
    };
    let refused = server.post(SOURCES, &database("shop", SHOP)).await;
    is_unbound(&refused, "url_env");
    assert!(!refused.text.contains("10.0.0.7"), "{}", refused.text);
    assert_eq!(server.post(SOURCES, &database("astray", TOKEN)).await.status, 200);
    let shown = source(&server, "astray", |source| source["failure"].is_object()).await;
    assert_eq!(shown["failure"]["code"], "secret-not-bound", "{shown}");
}

/// As a version before bindings has left it.
#[tokio::test]
async fn a_stored_source_without_a_binding_is_not_asked_and_says_what_to_do_and_nothing_of_it_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, asks) = prometheus();
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    server.kill();
    let store = SqliteStore::open(&server.data_dir.join("scaling-mode.db")).await.expect("the store");
    let definition = json!({"kind": "prometheus", "name": "metrics", "environment": "production", "url": url, "every_seconds": 5,
        "token_env": TOKEN, "signal": [{"signal": "clients.active", "query": "count(active)"}]});
    let edit = SourceEdit { after: Some(definition.to_string()), before: None, name: "metrics".to_owned() };
    store
        .change_source("production", &edit, NewEvent::new(EventType::Note, "a version", clock::now()), None)
        .await
        .unwrap();
    store.close().await;
    {
        let server = Server::start_in_with(folder.path(), &["--no-demo"], &[(TOKEN, "a token")]).await;
        let shown = source(&server, "metrics", |source| source["failure"].is_object()).await;
        assert_eq!(
            (&shown["failure"]["code"], &shown["is_added"]),
            (&json!("secret-not-bound"), &json!(true)),
            "{shown}"
        );
        let page = server.get(PAGE).await.text;
        assert!(page.contains("Not asked") && page.contains("[[secret]]") && page.contains(TOKEN), "{page}");
        let (_, said, _) = server.command(&["doctor"]);
        assert!(said.contains("production: metrics: cannot be asked") && said.contains("[[secret]]"), "{said}");
        let more =
            json!({"action": "add_signal", "name": "metrics", "signal": [{"signal": "infra.requests", "query": "up"}]});
        is_unbound(&server.post(SOURCES, &more).await, "token_env");
        assert!(asks.recv_timeout(Duration::from_secs(1)).is_err(), "it is not asked");
    }
    bind(folder.path(), &[(TOKEN, "production", "127.0.0.1")]);
    let _server = Server::start_in_with(folder.path(), &["--no-demo"], &[(TOKEN, "a token")]).await;
    assert!(asks.recv_timeout(Duration::from_secs(10)).expect("it is asked again").contains("Bearer a token"));
}

/// An error of a server of its own: it holds a row.
#[tokio::test]
async fn a_databases_own_words_reach_founders_and_nobody_else_and_no_log() {
    let database = databases::Server::postgres();
    let url = format!("postgres://founder@127.0.0.1:{}/postgres", database.port);
    let mut admin = sqlx::PgConnection::connect(&url).await.expect("a connection");
    admin
        .execute("CREATE TABLE users (email text, password text); INSERT INTO users VALUES ('ceo@shop.example', 'hunter2hash')")
        .await
        .expect("a table");
    let folder = tempfile::tempdir().expect("a folder");
    bind(folder.path(), &[(SHOP, "production", "127.0.0.1")]);
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let server = Server::start_logging(folder.path(), &["--no-demo"], &[(SHOP, &url)], ("debug", into)).await;
    let query = "SELECT CAST((SELECT email || ':' || password FROM users LIMIT 1) AS int) AS value";
    let body = json!({"action": "add", "name": "shop", "kind": "postgres", "url_env": SHOP,
        "signal": [{"signal": "clients.active", "query": query}]});
    assert_eq!(server.post(SOURCES, &body).await.status, 200);
    source(&server, "shop", |source| source["failure"].is_object()).await;
    create(&server, "anna@example.com", "founder", None);
    for role in ["operator", "viewer"] {
        create(&server, &format!("{role}@example.com"), role, Some("production"));
    }
    // A founder elsewhere, who is an operator here.
    create(&server, "both@example.com", "founder", Some("this-server"));
    for (email, reads) in [("anna", true), ("operator", false), ("viewer", false)] {
        let cookie = sign_in(&server, &format!("{email}@example.com")).await;
        let get = async |path: &str| {
            answer(server.request(Method::GET, path).header("cookie", &cookie).header("sec-fetch-site", "same-origin"))
                .await
        };
        let shown = get("/api/scaling-mode/connections?environment=production").await;
        let page = get(PAGE).await.text;
        assert_eq!(shown.json["connections"][0]["failure"]["code"], "statement", "{}", shown.text);
        for text in [&shown.text, &page] {
            assert_eq!(text.contains("hunter2hash"), reads, "{email}: {text}");
            assert_eq!(text.contains("shown to founders only"), !reads, "{email}: {text}");
        }
        let (adds, operates) = (email == "anna", email != "viewer");
        assert_eq!(page.contains("forms/add-source") && page.contains("forms/add-signal"), adds, "{email}");
        assert_eq!(page.contains("forms/ask-source") && page.contains("forms/remove-source"), operates, "{email}");
        assert_eq!(page.contains("forms/add-s"), adds, "{email}: no form that would be refused");
    }
    let cookie = sign_in(&server, "both@example.com").await;
    let elsewhere = with(metrics(NOWHERE), json!({"environment": "production"}));
    let request =
        server.request(Method::POST, SOURCES).header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    let refused: Value = answer(request.json(&elsewhere)).await.json;
    assert!([json!(403), json!(404)].contains(&refused["status"]), "{refused}");
    let log = std::fs::read_to_string(&log).expect("the log");
    assert!(log.contains("a source failed") && !log.contains("hunter2hash"), "{log}");
}

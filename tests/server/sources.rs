//! Owns what adding and removing sources promises, on the real program: by a form without JavaScript and by JSON, asked immediately and
//! no longer, one set of rules with the settings file, and no secret in any answer.

use crate::serving::{Answer, Server, answer};
use reqwest::Method;
use scaling_mode::domain::history::{EventType, NewEvent};
use scaling_mode::server::clock;
use scaling_mode::server::store::sqlite::SqliteStore;
use scaling_mode::server::store::{SourceEdit, Store};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub const SOURCES: &str = "/api/scaling-mode/sources";
pub const PAGE: &str = "/founder/scaling-mode/connections?environment=production";
/// Where nothing listens.
pub const NOWHERE: &str = "http://127.0.0.1:9";
const SECRET: &str = "hunter2-0123456789";

/// A Prometheus without any series, which passes on what it was asked with.
pub fn prometheus() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let (asked, asks) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that asks for nothing was given up. If nobody waits for more, the test is over.
            let Some(request) = serve(stream) else { continue };
            if asked.send(request).is_err() {
                break;
            }
        }
    });
    (url, asks)
}

fn serve(mut stream: TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&part[..read]);
    }
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    Some(String::from_utf8_lossy(&request).into_owned())
}

pub fn metrics(url: &str) -> Value {
    json!({"action": "add", "name": "metrics", "kind": "prometheus", "url": url, "every_seconds": 5,
        "signal": [{"signal": "clients.active", "query": "count(active)"}]})
}

pub fn with(mut body: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().expect("fields") {
        body[name] = value.clone();
    }
    body
}

/// Writes a settings file that binds variables, each to an environment and a host.
pub fn bind(folder: &std::path::Path, secrets: &[(&str, &str, &str)]) {
    let bound = secrets.iter().map(|(name, environment, host)| {
        format!("[[secret]]\nname = \"{name}\"\nenvironments = [\"{environment}\"]\nhosts = [\"{host}\"]\n")
    });
    std::fs::write(folder.join("scaling-mode.toml"), bound.collect::<String>()).expect("a settings file");
}

/// Posts a form as a browser does.
pub async fn post(server: &Server, form: &str, body: &str) -> Answer {
    let request = server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{form}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body(format!("environment=production&{body}"));
    answer(request).await
}

/// The address that the answer leads to, and the page there.
pub async fn led_to(server: &Server, led: &Answer) -> (String, String) {
    assert_eq!(led.status, 302, "{led:?}");
    let location = led.location.clone().expect("somewhere to go");
    let page = server.get(location.split('#').next().expect("an address")).await;
    assert_eq!(page.status, 200, "{location}");
    (location, page.text)
}

/// The reasons of the notes in the history, newest first.
pub async fn notes(server: &Server) -> Vec<String> {
    let history = server.get("/api/scaling-mode/history?event_type=note").await;
    let events = history.json["events"].as_array().expect("events").clone();
    events.into_iter().map(|event| event["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The source of that name, once it is as it is waited for.
pub async fn source(server: &Server, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..200 {
        let answer = server.get("/api/scaling-mode/connections?environment=production").await.json;
        let found = answer["connections"].as_array().expect("a list").iter().find(|own| own["name"] == name).cloned();
        last = found.unwrap_or_default();
        if is_so(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{last}");
}

/// The tag that has that id, up to its end.
pub fn tag<'p>(page: &'p str, id: &str) -> &'p str {
    let at = page.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {page}"));
    let start = page[..at].rfind('<').expect("a tag");
    &page[start..start + page[start..].find('>').expect("its end")]
}

/// The text between the tag that has that id and the next.
pub fn text<'p>(page: &'p str, id: &str) -> &'p str {
    let at = page.find(tag(page, id)).expect("the tag") + tag(page, id).len() + 1;
    page[at..].split('<').next().expect("text")
}

#[tokio::test]
async fn a_form_adds_a_source_that_is_asked_immediately_and_removes_it() {
    let server = Server::start().await;
    let body = "name=metrics&kind=prometheus&url=http%3A%2F%2F127.0.0.1%3A9&every_seconds=&token_env=&url_env=\
        &signal=clients.active&severity=&complete_through=&aggregation=&query=count(active)";
    let (location, page) = led_to(&server, &post(&server, "add-source", body).await).await;
    assert!(location.contains("notice=source-added"), "{location}");
    assert!(page.contains("The source was added"), "{page}");
    let failing = source(&server, "metrics", |source| source["state"] == "failing").await;
    assert_eq!((&failing["is_added"], &failing["failure"]["code"]), (&json!(true), &json!("unreachable")));
    let page = server.get(PAGE).await.text;
    assert!(page.contains("nothing answers there") && page.contains("Check that the system runs"), "{page}");
    assert!(page.contains("Remove metrics now") && page.contains("Add this signal to metrics"), "{page}");
    led_to(&server, &post(&server, "ask-source", "source=metrics").await).await;
    let signal = "name=metrics&signal=infra.requests&severity=&complete_through=&aggregation=&query=requests_total";
    let (location, _) = led_to(&server, &post(&server, "add-signal", signal).await).await;
    assert!(location.contains("notice=signal-added"), "{location}");
    let removal = post(&server, "remove-source", "source=metrics&reason=moved+house").await;
    let (location, page) = led_to(&server, &removal).await;
    assert!(location.contains("notice=source-removed"), "{location}");
    assert!(page.contains("Its numbers stay") && !page.contains("Ask metrics now"), "{page}");
    assert_eq!(
        notes(&server).await,
        [
            "source metrics was removed and is no longer asked; its numbers stay: moved house",
            "source metrics is asked for infra.requests as well",
            "source metrics was added: prometheus, asked every 60 s at http://127.0.0.1:9/, for clients.active",
        ]
    );
    let again = led_to(&server, &post(&server, "remove-source", "source=metrics").await).await;
    assert!(again.0.contains("notice=unknown-source") && again.1.contains("There is no such source"), "{}", again.0);
}

#[tokio::test]
async fn what_is_wrong_is_named_at_its_field_and_what_was_typed_is_kept() {
    let server = Server::start().await;
    for (body, field, message) in [
        ("name=&kind=prometheus&url=http%3A%2F%2Fx&signal=clients.active&query=up", "name", "Its name is empty"),
        ("name=a&kind=sqlite&signal=clients.active&query=SELECT+1", "kind", "would read any file"),
        ("name=a&kind=oracle&signal=clients.active&query=SELECT+1", "kind", "Its kind is prometheus"),
        ("name=a&kind=prometheus&url=x&signal=clients.active&query=up", "url", "is no address such as"),
        (
            "name=a&kind=prometheus&url=http%3A%2F%2Fx%2F%3Fkey%3D1&signal=clients.active&query=up",
            "url",
            "holds a query",
        ),
        (
            "name=a&kind=postgres&url=postgres%3A%2F%2Fx&signal=clients.active&query=SELECT+1",
            "url",
            "url is for Prometheus",
        ),
        ("name=a&kind=postgres&signal=clients.active&query=SELECT+1", "url_env", "A database needs url_env"),
        ("name=a&kind=postgres&url_env=HOME&signal=clients.active&query=SELECT+1", "url_env", "SCALING_MODE_SOURCE_"),
        (
            "name=a&kind=prometheus&url=http%3A%2F%2Fx&token_env=HOME&signal=clients.active&query=up",
            "token_env",
            "SCALING_MODE_SOURCE_",
        ),
        (
            "name=a&kind=prometheus&url=http%3A%2F%2Fx&every_seconds=soon&signal=clients.active&query=up",
            "every_seconds",
            "whole number",
        ),
        (
            "name=a&kind=prometheus&url=http%3A%2F%2Fx&every_seconds=1&signal=clients.active&query=up",
            "every_seconds",
            "from 5 to 3600",
        ),
        ("name=a&kind=prometheus&url=http%3A%2F%2Fx&signal=warnings.open&query=up", "severity", "needs a severity"),
        ("name=a&kind=prometheus&url=http%3A%2F%2Fx&signal=clients.active&query=", "query", "is empty"),
        ("name=a&kind=prometheus&url=http%3A%2F%2Fx&signal=&query=up", "signal", "There is no signal"),
        ("name=a&kind=prometheus&url=http%3A%2F%2Fx", "signal", "It asks for nothing"),
        (
            "name=a&kind=mysql&url_env=SCALING_MODE_SOURCE_A&signal=clients.active&query=DELETE+FROM+a",
            "query",
            "must begin with SELECT",
        ),
        (
            "name=a&kind=mysql&url_env=SCALING_MODE_SOURCE_A&signal=clients.active&complete_through=now&query=SELECT+1",
            "complete_through",
            "is what is",
        ),
        (
            "name=a&kind=mysql&url_env=SCALING_MODE_SOURCE_A&signal=infra.latency&query=SELECT+1",
            "aggregation",
            "needs its aggregation",
        ),
    ] {
        let (location, page) = led_to(&server, &post(&server, "add-source", body).await).await;
        assert!(location.contains("notice=source-wrong"), "{location}");
        let control = tag(&page, &format!("add-source-{field}"));
        let error = format!("add-source-error-{field}");
        assert!(control.contains("aria-invalid=\"true\"") && control.contains(&error), "{body}: {control}");
        assert!(text(&page, &error).contains(message), "{body}: {}", text(&page, &error));
        assert!(page.contains("Nothing was added"), "{body}");
    }
    let body =
        "name=shop&kind=mysql&url_env=HOME&every_seconds=7&signal=infra.latency&aggregation=p95&query=SELECT+%3C1";
    let (_, page) = led_to(&server, &post(&server, "add-source", body).await).await;
    for (id, value) in [("name", "shop"), ("every_seconds", "7"), ("url_env", "HOME")] {
        assert!(tag(&page, &format!("add-source-{id}")).contains(&format!("value=\"{value}\"")), "{id}");
    }
    assert!(page.contains("SELECT &lt;1</textarea>"), "{page}");
    for chosen in ["mysql", "infra.latency", "p95"] {
        let option = page.split(&format!("<option value=\"{chosen}\"")).nth(1).expect("an option");
        assert!(option.split('>').next().expect("its end").contains("selected"), "{chosen}");
    }
    let ended = "&notice=source-wrong&query=%3C%2Ftextarea%3E%3Cb+id%3Dx%3E&name=%22%3E%3Cb+id%3Dx%3E";
    let page = server.get(&format!("{PAGE}{ended}")).await.text;
    assert!(page.contains("&lt;/textarea&gt;") && !page.contains("<b id=x>"), "{page}");
    assert_eq!(notes(&server).await, [""; 0]);
}

#[tokio::test]
async fn json_adds_a_source_with_its_signals_and_answers_with_stable_codes() {
    let server = Server::start().await;
    let body = with(
        metrics(NOWHERE),
        json!({"signal": [
            {"signal": "clients.active", "query": "count(active)"},
            {"signal": "warnings.open", "severity": "critical", "query": "count(ALERTS)", "combine": "sum"},
        ]}),
    );
    let request = || server.request(Method::POST, SOURCES).header("idempotency-key", "once").json(&body);
    let added = answer(request()).await;
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(
        added.json,
        json!({"address": "http://127.0.0.1:9/", "environment": "production", "every_seconds": 5, "kind": "prometheus",
            "name": "metrics", "signals": ["clients.active", "warnings.open"]})
    );
    assert_eq!(answer(request()).await.json, added.json, "a key adds once");
    assert_eq!(notes(&server).await.len(), 1);
    let remove = json!({"action": "remove", "name": "metrics"});
    let signal = |signal: Value| json!({"action": "add_signal", "name": "metrics", "signal": [signal]});
    let posts = json!({"signal": "posts.published", "query": "posts_total"});
    for (body, status, code, field, index) in [
        (metrics(NOWHERE), 409, "source-exists", "name", Value::Null),
        (with(metrics(NOWHERE), json!({"kind": "sqlite", "name": "a"})), 400, "out-of-range", "kind", Value::Null),
        (with(metrics("http://a:b@127.0.0.1:9"), json!({"name": "a"})), 400, "out-of-range", "url", Value::Null),
        (
            with(metrics(NOWHERE), json!({"name": "a", "token_env": "PATH"})),
            400,
            "out-of-range",
            "token_env",
            Value::Null,
        ),
        (
            with(metrics(NOWHERE), json!({"allow_addresses": ["169.254.169.254"]})),
            400,
            "malformed",
            "allow_addresses",
            Value::Null,
        ),
        (with(metrics(NOWHERE), json!({"url_file": "/etc/passwd"})), 400, "malformed", "url_file", Value::Null),
        (
            with(metrics(NOWHERE), json!({"environment": "nowhere"})),
            404,
            "unknown-environment",
            "environment",
            Value::Null,
        ),
        (with(remove.clone(), json!({"url": NOWHERE})), 400, "out-of-range", "url", Value::Null),
        (with(remove.clone(), json!({"name": "a"})), 404, "unknown-source", "name", Value::Null),
        (signal(json!({"signal": "clients.happy", "query": "x"})), 400, "out-of-range", "signal", json!(0)),
        (signal(json!({"signal": "warnings.open", "query": "x"})), 400, "out-of-range", "severity", json!(0)),
        (
            with(metrics(NOWHERE), json!({"name": "a", "signal": [posts, {"signal": "clients.active", "query": " "}]})),
            400,
            "out-of-range",
            "query",
            json!(1),
        ),
    ] {
        let refused = server.post(SOURCES, &body).await;
        assert_eq!((refused.status, &refused.json["field"]), (status, &json!(field)), "{body}: {}", refused.text);
        assert_eq!(refused.json["type"], format!("urn:scaling-mode:problem:{code}"), "{body}");
        assert_eq!(refused.json["errors"][0]["index"], index, "{body}: {}", refused.text);
    }
    let more = server.post(SOURCES, &signal(posts)).await;
    assert_eq!(more.json["signals"], json!(["clients.active", "warnings.open", "posts.published"]), "{}", more.text);
    assert_eq!(server.post(SOURCES, &remove).await.status, 200);
    assert_eq!(server.post(SOURCES, &remove).await.status, 404);
    let foreign = server.request(Method::POST, SOURCES).header("origin", "http://evil.example").json(&body);
    assert_eq!(answer(foreign).await.status, 403);
    let plain = server.request(Method::POST, SOURCES).header("content-type", "text/plain").body(body.to_string());
    assert_eq!(answer(plain).await.status, 415);
    let document = server.get("/api/openapi.json").await.json;
    assert!(document["paths"][SOURCES]["post"].is_object());
}

#[tokio::test]
async fn an_added_source_is_asked_immediately_with_what_its_variable_holds_and_no_longer_once_it_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("SCALING_MODE_SOURCE_TOKEN", SECRET)];
    bind(folder.path(), &[("SCALING_MODE_SOURCE_TOKEN", "production", "127.0.0.1")]);
    let (url, asks) = prometheus();
    let next = |wait| asks.recv_timeout(Duration::from_secs(wait));
    {
        let server = Server::start_in_with(folder.path(), &["--no-demo"], &variables).await;
        let body = with(metrics(&url), json!({"token_env": "SCALING_MODE_SOURCE_TOKEN"}));
        assert_eq!(server.post(SOURCES, &body).await.status, 200);
        let first = next(4).expect("it is asked at once");
        assert!(first.contains("count(active)") || first.contains("count%28active%29"), "{first}");
        assert!(first.contains(&format!("Bearer {SECRET}")), "{first}");
        source(&server, "metrics", |source| source["succeeded_at"].is_string()).await;
        let more = json!({"action": "add_signal", "name": "metrics", "signal": [{"signal": "infra.requests", "query": "again_total"}]});
        assert_eq!(server.post(SOURCES, &more).await.status, 200);
        // The changed source is asked immediately, not at its next time of before; each signal is asked for in several parts.
        assert!(std::iter::from_fn(|| next(2).ok()).any(|request| request.contains("again_total")));
    }
    while asks.try_recv().is_ok() {}
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &variables).await;
    next(10).expect("a restart keeps it");
    assert_eq!(server.post(SOURCES, &json!({"action": "remove", "name": "metrics"})).await.status, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    while asks.try_recv().is_ok() {}
    assert!(next(6).is_err(), "it is asked no longer");
}

#[tokio::test]
async fn the_settings_file_comes_first_and_the_doctor_knows_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let of_file = format!(
        "[[source]]\nname = \"metrics\"\nkind = \"prometheus\"\nenvironment = \"production\"\nurl = \"{NOWHERE}\"\n\
         [[source.signal]]\nsignal = \"clients.active\"\nquery = \"up\"\n"
    );
    std::fs::write(folder.path().join("scaling-mode.toml"), of_file).expect("a file");
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    let refused = server.post(SOURCES, &metrics(NOWHERE)).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("The settings file names a source"), "{}", refused.text);
    let removal = server.post(SOURCES, &json!({"action": "remove", "name": "metrics"})).await;
    assert_eq!(removal.status, 404);
    assert!(removal.text.contains("it is changed there"), "{}", removal.text);
    let other = with(metrics(NOWHERE), json!({"name": "other"}));
    assert_eq!(server.post(SOURCES, &other).await.status, 200);
    let elsewhere = with(metrics(NOWHERE), json!({"environment": "this-server"}));
    assert_eq!(server.post(SOURCES, &elsewhere).await.status, 200, "a name is an environment's own");
    assert_eq!(source(&server, "metrics", |source| source["failure"].is_object()).await["is_added"], json!(false));
    source(&server, "other", |source| source["failure"].is_object()).await;
    let page = server.get(PAGE).await.text;
    assert!(page.contains("Remove other now") && !page.contains("Remove metrics now"), "{page}");
    let (_, said, _) = server.command(&["doctor"]);
    for name in ["production: metrics, asked at", "production: other, asked at", "this-server: metrics, asked at"] {
        assert!(said.contains(name), "{said}");
    }
}

/// As another version may have left it: rules can change under what is kept.
#[tokio::test]
async fn a_source_that_can_no_longer_be_asked_says_so_and_can_be_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
    server.kill();
    let store = SqliteStore::open(&server.data_dir.join("scaling-mode.db")).await.expect("the store");
    for (name, definition) in [("gone", r#"{"kind":"gone","name":"gone"}"#), ("metrics", "[]")] {
        let edit = SourceEdit { after: Some(definition.to_owned()), before: None, name: name.to_owned() };
        let event = NewEvent::new(EventType::Note, "another version", clock::now());
        store.change_source("production", &edit, event, None).await.expect("kept");
    }
    store.close().await;
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    for name in ["gone", "metrics"] {
        let shown = source(&server, name, |source| source["state"] == "failing").await;
        assert_eq!(shown["failure"]["code"], "source-unreadable", "{shown}");
        assert_eq!((&shown["is_added"], &shown["asking"]), (&json!(true), &Value::Null));
    }
    let page = server.get(PAGE).await.text;
    assert!(page.contains("Not asked") && page.contains("it cannot be asked as it is kept"), "{page}");
    let more = json!({"action": "add_signal", "name": "gone",
        "signal": [{"signal": "posts.published", "query": "posts_total"}]});
    let refused = server.post(SOURCES, &more).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(refused.json["type"], "urn:scaling-mode:problem:source-unreadable");
    let (_, said, _) = server.command(&["doctor"]);
    assert!(said.contains("production: gone: cannot be asked"), "{said}");
    let removed = server.post(SOURCES, &json!({"action": "remove", "name": "metrics"})).await;
    assert_eq!((removed.status, &removed.json["address"]), (200, &Value::Null), "{}", removed.text);
    let (location, page) = led_to(&server, &post(&server, "remove-source", "source=gone").await).await;
    assert!(location.contains("notice=source-removed"), "{location}");
    assert!(!page.contains("Remove gone now") && !page.contains("Remove metrics now"), "{page}");
}

#[tokio::test]
async fn no_secret_is_in_any_answer_or_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    bind(
        folder.path(),
        &[
            ("SCALING_MODE_SOURCE_TOKEN", "production", "127.0.0.1"),
            ("SCALING_MODE_SOURCE_SHOP", "production", "127.0.0.1:9"),
        ],
    );
    let address = format!("postgres://reader:{SECRET}@127.0.0.1:9/shop");
    let variables = [("SCALING_MODE_SOURCE_TOKEN", SECRET), ("SCALING_MODE_SOURCE_SHOP", address.as_str())];
    let server = Server::start_logging(folder.path(), &["--no-demo"], &variables, ("debug", into)).await;
    let mut answers = vec![
        server.post(SOURCES, &with(metrics(NOWHERE), json!({"token_env": "SCALING_MODE_SOURCE_TOKEN"}))).await,
        server
            .post(
                SOURCES,
                &json!({"action": "add", "name": "shop", "kind": "postgres", "url_env": "SCALING_MODE_SOURCE_SHOP",
                    "signal": [{"signal": "clients.active", "query": "SELECT 1 AS value"}]}),
            )
            .await,
    ];
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    for name in ["metrics", "shop"] {
        source(&server, name, |source| source["failure"].is_object()).await;
    }
    // Typed where only a name belongs, or into an address: said to be wrong, and not repeated.
    for typed in [
        json!({"token_env": SECRET}),
        json!({"url": format!("http://a:{SECRET}@127.0.0.1:9")}),
        json!({"url": format!("http://127.0.0.1:9/?token={SECRET}")}),
        json!({"url": format!("htp://a:{SECRET}@127.0.0.1:9")}),
        json!({"url_env": address}),
    ] {
        let refused = server.post(SOURCES, &with(with(metrics(NOWHERE), json!({"name": "a"})), typed.clone())).await;
        assert_eq!(refused.status, 400, "{typed}: {}", refused.text);
        answers.push(refused);
        let (name, value) = typed.as_object().and_then(|fields| fields.iter().next()).expect("a field");
        let encoded = value.as_str().expect("text").replace(':', "%3A").replace('/', "%2F").replace('?', "%3F");
        let url = if name == "url" { "" } else { "&url=http%3A%2F%2F127.0.0.1%3A9" };
        let body = format!("name=a&kind=prometheus&signal=clients.active&query=up{url}&{name}={encoded}");
        let led = post(&server, "add-source", &body).await;
        let (location, page) = led_to(&server, &led).await;
        assert!(location.contains("notice=source-wrong") && !location.contains(SECRET), "{location}");
        assert!(tag(&page, &format!("add-source-{name}")).contains("aria-invalid"), "{name}");
        assert!(!page.contains(SECRET), "{name}");
    }
    for path in [
        PAGE,
        "/founder/scaling-mode?environment=production",
        "/api/scaling-mode/connections?environment=production",
        "/api/scaling-mode/history",
        "/api/openapi.json",
        "/metrics",
    ] {
        answers.push(server.get(path).await);
    }
    for answer in answers {
        assert!(!answer.text.contains(SECRET), "{}", answer.text);
    }
    let (_, said, errors) = server.command(&["doctor"]);
    let log = std::fs::read_to_string(&log).expect("the log");
    assert!(log.contains("a source failed"), "{log}");
    for text in [said, errors, log] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

/// The attack: hundreds of sources, each of which asks an address every five seconds.
#[tokio::test]
async fn one_server_asks_fifty_added_sources_and_no_more() {
    let server = Server::start().await;
    let named =
        |place: usize| with(metrics(NOWHERE), json!({"name": format!("metrics-{place}"), "every_seconds": 3600}));
    for place in 0..50 {
        // Of all environments together.
        let environment = if place % 2 == 0 { "production" } else { "this-server" };
        let added = server.post(SOURCES, &with(named(place), json!({"environment": environment}))).await;
        assert_eq!(added.status, 200, "{}", added.text);
    }
    let refused = server.post(SOURCES, &named(50)).await;
    assert_eq!(refused.json["type"], "urn:scaling-mode:problem:too-many-sources", "{}", refused.text);
    assert_eq!(refused.status, 422);
    assert_eq!(server.post(SOURCES, &json!({"action": "remove", "name": "metrics-0"})).await.status, 200);
    assert_eq!(server.post(SOURCES, &named(50)).await.status, 200);
}

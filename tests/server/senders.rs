//! Owns who speaks for a source at every door, on the real program: tokens that are bound, sources that another token has named, how
//! many there may be, and those that have gone.

use crate::metrics::{PROTOBUF, series, write};
use crate::people::{create, sign_in, token};
use crate::serving::{Answer, Server, answer};
use reqwest::Method;
use scaling_mode::server::clock;
use scaling_mode::server::sources::remote_write::message::WriteRequest;
use serde_json::{Value, json};
use std::path::Path;

const SEND: &[&str] = &["telemetry:write"];
const CONNECTIONS: &str = "/api/scaling-mode/connections?environment=production";

fn now() -> String {
    clock::now().to_rfc3339()
}

fn clients(source: &str, at: &str, value: u64, revises: bool) -> Value {
    json!({"source": source, "revises": revises,
        "samples": [{"signal": "clients.active", "at": at, "value": value, "unit": "clients"}]})
}

fn exported(sources: &[String]) -> Value {
    let nanos = clock::now().timestamp_nanos_opt().expect("a time").to_string();
    let of = |name: &String| {
        json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]},
            "scopeMetrics": [{"metrics": [{"name": "scaling_mode.clients.active",
                "gauge": {"dataPoints": [{"timeUnixNano": nanos, "asInt": "3"}]}}]}]})
    };
    json!({"resourceMetrics": sources.iter().map(of).collect::<Vec<_>>()})
}

async fn send(server: &Server, path: &str, token: &str, kind: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, path).bearer_auth(token).header("content-type", kind);
    answer(request.body(body.to_string())).await
}

#[track_caller]
fn is_refused(refused: &Answer, code: &str) {
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json["type"], format!("urn:scaling-mode:problem:{code}"), "{}", refused.text);
}

async fn started(folder: &Path, settings: &str) -> Server {
    std::fs::write(folder.join("scaling-mode.toml"), settings).expect("a settings file");
    let server = Server::start_in(folder, &["--no-demo"]).await;
    create(&server, "anna@example.com", "founder", None);
    server
}

/// The attacks: another sender's value revised, its events' ids taken first, its alert closed.
#[tokio::test]
async fn no_token_speaks_for_what_another_has_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path(), "").await;
    let (a, b) = (token(&server, "a", SEND, None), token(&server, "b", SEND, None));
    let at = now();
    let json = "application/json";
    assert_eq!(send(&server, "/api/telemetry", &a, json, &clients("billing", &at, 3, false)).await.status, 200);
    is_refused(
        &send(&server, "/api/telemetry", &b, json, &clients("billing", &at, 99, true)).await,
        "source-of-another",
    );
    let shown = async || {
        let cookie = sign_in(&server, "anna@example.com").await;
        let request = server.request(Method::POST, "/api/scaling-mode/health").header("cookie", &cookie);
        let request = request.header("sec-fetch-site", "same-origin").json(&json!({}));
        let inputs = answer(request).await.json["inputs"].as_array().expect("inputs").clone();
        inputs.into_iter().find(|input| input["signal"] == "clients.active").expect("clients")["value"]["lo"].clone()
    };
    assert_eq!(shown().await, json!(3));

    let event = |id: &str, value: u64| {
        json!({"specversion": "1.0", "id": id, "source": "/crm", "type": "counted",
            "data": {"samples": [{"signal": "clients.active", "at": at, "value": value, "unit": "clients"}]}})
    };
    let cloud = "application/cloudevents+json";
    assert_eq!(send(&server, "/api/telemetry", &a, cloud, &event("1", 3)).await.status, 200);
    // The id that the true sender will use next.
    is_refused(&send(&server, "/api/telemetry", &b, cloud, &event("2", 99)).await, "source-of-another");
    let later = json!({"specversion": "1.0", "id": "2", "source": "/crm", "type": "counted",
        "data": {"samples": [{"signal": "clients.active", "at": now(), "value": 4, "unit": "clients"}]}});
    assert_eq!(send(&server, "/api/telemetry", &a, cloud, &later).await.json["accepted"], 1);

    let notified = |status: &str| {
        json!({"version": "4", "status": status, "receiver": "x", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "", "groupKey": "", "truncatedAlerts": 0, "alerts": [{"status": status, "fingerprint": "f",
            "startsAt": at, "endsAt": if status == "firing" { "0001-01-01T00:00:00Z".to_owned() } else { now() },
            "labels": {"alertname": "slow", "severity": "critical"}, "annotations": {}, "generatorURL": ""}]})
    };
    assert_eq!(send(&server, "/api/alertmanager", &a, json, &notified("firing")).await.status, 200);
    is_refused(&send(&server, "/api/alertmanager", &b, json, &notified("resolved")).await, "source-of-another");
    assert_eq!(send(&server, "/api/alertmanager", &a, json, &notified("resolved")).await.json["open"]["critical"], 0);

    // A list in pages, and what follows it, by the token that sent the first.
    let page = json!({"object": "list", "has_more": false, "data": []});
    for _ in 0..2 {
        let taken = send(&server, "/api/stripe?source=own", &a, json, &page).await;
        assert_eq!(taken.status, 200, "{}", taken.text);
        is_refused(&send(&server, "/api/stripe?source=own", &b, json, &page).await, "source-of-another");
    }
}

#[tokio::test]
async fn a_bound_token_sends_as_its_sources_and_as_no_other_at_every_door() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path(), "").await;
    let (code, out, error) = server.command(&[
        "token",
        "create",
        "crm",
        "--scope",
        "telemetry:write",
        "--source",
        "crm",
        "--source",
        "/crm",
        "--log",
        "warn",
    ]);
    assert_eq!(code, 0, "{error}");
    let bound = out.trim().to_owned();
    let json = "application/json";
    assert_eq!(send(&server, "/api/telemetry", &bound, json, &clients("crm", &now(), 3, false)).await.status, 200);
    is_refused(
        &send(&server, "/api/telemetry", &bound, json, &clients("billing", &now(), 3, false)).await,
        "not-for-source",
    );
    let alerts = json!({"version": "4", "alerts": []});
    is_refused(&send(&server, "/api/alertmanager", &bound, json, &alerts).await, "not-for-source");
    let subscriptions = json!({"object": "list", "has_more": false, "data": []});
    is_refused(&send(&server, "/api/stripe", &bound, json, &subscriptions).await, "not-for-source");
    let event = json!({"specversion": "1.0", "id": "1", "source": "/billing", "type": "counted",
        "data": {"samples": [{"signal": "clients.active", "at": now(), "value": 3, "unit": "clients"}]}});
    is_refused(
        &send(&server, "/api/telemetry", &bound, "application/cloudevents+json", &event).await,
        "not-for-source",
    );
    let both = exported(&["crm".to_owned(), "billing".to_owned()]);
    let partial = send(&server, "/v1/metrics", &bound, json, &both).await;
    assert_eq!(partial.json["partialSuccess"]["rejectedDataPoints"], "1", "{}", partial.text);
    assert!(partial.text.contains("not-for-source") && partial.text.contains("billing"), "{}", partial.text);
    // It is listed with its sources, and the page makes such a token too.
    let (_, listed, _) = server.command(&["token", "list", "--log", "warn"]);
    assert!(listed.contains("only as /crm, crm"), "{listed}");
    let cookie = sign_in(&server, "anna@example.com").await;
    let form = server.request(Method::POST, "/api/scaling-mode/forms/make-token");
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("cookie", &cookie);
    let form = form.header("sec-fetch-site", "same-origin");
    let body = "name=shop&environment=production&days=&sources=shop%2C+till&scope.telemetry%3Awrite=on";
    let made = answer(form.body(body)).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let of_page = made.json["secret"].as_str().expect("a token").to_owned();
    assert_eq!(send(&server, "/api/telemetry", &of_page, json, &clients("till", &now(), 3, false)).await.status, 200);
    is_refused(
        &send(&server, "/api/telemetry", &of_page, json, &clients("crm", &now(), 3, false)).await,
        "not-for-source",
    );
}

/// The attack: as many sources as there are names.
/// ASVS 2.3.2.
#[tokio::test]
async fn sources_that_senders_invent_come_to_an_end_at_every_door_and_those_that_have_gone_make_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path(), "most_sources = 5\n").await;
    let [token, second, third] = ["first", "second", "third"].map(|name| token(&server, name, SEND, None));
    let json = "application/json";
    let names: Vec<String> = (0..8).map(|place| format!("pod-{place}")).collect();
    let partial = send(&server, "/v1/metrics", &token, json, &exported(&names)).await;
    assert_eq!(
        (partial.status, &partial.json["partialSuccess"]["rejectedDataPoints"]),
        (200, &json!("5")),
        "{}",
        partial.text
    );
    // One token leaves room for others, by name.
    for told in ["too-many-sources", "this token has named 3", "pod-3", "pod-6", "pod-7"] {
        assert!(partial.text.contains(told), "{}", partial.text);
    }
    for (token, place, rejected) in [(&second, 3, "4"), (&third, 4, "3")] {
        let partial = send(&server, "/v1/metrics", token, json, &exported(&names[place..])).await;
        assert_eq!(partial.json["partialSuccess"]["rejectedDataPoints"], rejected, "{}", partial.text);
    }
    // Those that are known go on.
    assert_eq!(send(&server, "/v1/metrics", &token, json, &exported(&names[..5])).await.json, json!({}));
    is_refused(
        &send(&server, "/api/telemetry", &token, json, &clients("new", &now(), 3, false)).await,
        "too-many-sources",
    );
    is_refused(
        &send(&server, "/api/alertmanager", &token, json, &json!({"version": "4", "alerts": []})).await,
        "too-many-sources",
    );
    let page = json!({"object": "list", "has_more": false, "data": []});
    is_refused(&send(&server, "/api/stripe", &token, json, &page).await, "too-many-sources");
    let event = json!({"specversion": "1.0", "id": "1", "source": "/new", "type": "counted",
        "data": {"samples": [{"signal": "clients.active", "at": now(), "value": 3, "unit": "clients"}]}});
    is_refused(
        &send(&server, "/api/telemetry", &token, "application/cloudevents+json", &event).await,
        "too-many-sources",
    );
    let file = folder.path().join("clients.csv");
    std::fs::write(&file, format!("at,value\n{},3\n", now())).expect("a file");
    let file = file.display().to_string();
    let import = [
        "import",
        &file,
        "--environment",
        "production",
        "--signal",
        "clients.active",
        "--unit",
        "clients",
        "--log",
        "warn",
    ];
    let (code, _, error) = server.command(&import);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("is not taken: the environment has 5 sources already"), "{error}");

    let cookie = sign_in(&server, "anna@example.com").await;
    let dressed =
        |request: reqwest::RequestBuilder| request.header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    let names = async || -> Vec<String> {
        let listed = answer(dressed(server.request(Method::GET, CONNECTIONS))).await.json;
        let all = listed["connections"].as_array().expect("a list").clone();
        all.iter().map(|own| own["name"].as_str().expect("a name").to_owned()).collect()
    };
    // By JSON, by the form, and by the command line.
    let retire = |name: &str| json!({"action": "retire", "name": name, "reason": "scaled down"});
    let post = async |body: Value| {
        answer(dressed(server.request(Method::POST, "/api/scaling-mode/sources")).json(&body)).await
    };
    assert_eq!(post(retire("pod-0")).await.status, 200);
    assert_eq!(post(retire("nothing")).await.status, 404);
    let form = dressed(server.request(Method::POST, "/api/scaling-mode/forms/retire-source"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html");
    let led = answer(form.body("environment=production&source=pod-1&reason=")).await;
    assert!(led.location.expect("somewhere").contains("notice=source-retired"));
    let (code, said, error) = server.command(&["source", "retire", "pod-2", "--reason", "gone", "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("pod-2 is retired"), "{said}");
    assert_eq!(server.command(&["source", "retire", "nothing", "--log", "warn"]).0, 1);
    assert_eq!(names().await, ["pod-3", "pod-4"]);
    let page =
        answer(dressed(server.request(Method::GET, "/founder/scaling-mode/connections?environment=production"))).await;
    assert!(page.text.contains("Retire pod-3 now") && !page.text.contains("pod-0"), "{}", page.text);
    let history = answer(dressed(server.request(Method::GET, "/api/scaling-mode/history?event_type=note"))).await.text;
    for reason in [
        "source pod-0 was retired and is no longer expected; its numbers stay: scaled down",
        "pod-1 was retired",
        "stay: gone",
    ] {
        assert!(history.contains(reason), "{history}");
    }
    // It sends again: it is back.
    assert_eq!(send(&server, "/v1/metrics", &token, json, &exported(&["pod-0".to_owned()])).await.json, json!({}));
    assert_eq!(names().await, ["pod-0", "pod-3", "pod-4"]);
    // A polled source would be back immediately.
    let asked = json!({"action": "add", "name": "metrics", "kind": "prometheus", "url": "http://127.0.0.1:9",
        "signal": [{"signal": "clients.active", "query": "up"}]});
    assert_eq!(post(asked).await.status, 200);
    let refused = post(retire("metrics")).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("remove it first"), "{}", refused.text);
}

#[tokio::test]
async fn hundreds_of_sources_are_shown_page_by_page_and_soon() {
    let server = Server::start().await;
    let names: Vec<String> = (0..500).map(|place| format!("pod-{place:03}")).collect();
    for part in names.chunks(100) {
        let sent = server.post("/v1/metrics", &exported(part)).await;
        assert_eq!((sent.status, &sent.json), (200, &json!({})), "{}", sent.text);
    }
    let more = server.post("/v1/metrics", &exported(&["pod-500".to_owned()])).await;
    assert!(more.text.contains("too-many-sources"), "500 by default: {}", more.text);
    // Remote write says what it has not stored, and stores the rest.
    let at = clock::now();
    let of = |job: &str| series(&[("__name__", "scaling_mode_clients_at_risk"), ("job", job)], &[(7.0, at)]);
    let answered = write(&server, &WriteRequest { timeseries: vec![of("pod-000"), of("another")] }, PROTOBUF).await;
    assert_eq!(answered.status(), 400);
    let said = answered.text().await.expect("a body");
    assert!(said.contains("too-many-sources") && said.contains("another") && !said.contains("pod-000"), "{said}");
    let day = at - chrono::Duration::hours(1);
    let (from, to) = (day.format("%Y-%m-%dT%H:%M:%SZ"), (at + chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ"));
    let stored =
        server.get(&format!("/api/scaling-mode/samples?signal=clients.at_risk&from={from}&to={to}")).await.text;
    assert!(stored.contains("7 clients"), "{stored}");
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{CONNECTIONS}{after}")).await.json;
        let own: Vec<String> = page["connections"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|own| own["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(own.len() <= 50 && page["total"] == 500, "{}", own.len());
        seen.extend(own);
        match page["next"].as_str() {
            Some(name) => after = format!("&after={name}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
    for limit in ["0", "501", "many"] {
        assert_eq!(server.get(&format!("{CONNECTIONS}&limit={limit}")).await.status, 400, "{limit}");
    }
    assert_eq!(server.get(&format!("{CONNECTIONS}&limit=7")).await.json["connections"].as_array().unwrap().len(), 7);
    let began = clock::instant();
    let page = server.get("/founder/scaling-mode/connections?environment=production").await.text;
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(page.contains("50 of 500 sources") && page.contains("after=pod-049"), "{page}");
    assert!(page.contains(">pod-049<") && !page.contains(">pod-050<"));
    let next = server.get("/founder/scaling-mode/connections?environment=production&after=pod-449").await.text;
    assert!(next.contains(">pod-499<") && !next.contains("Next page"));
}

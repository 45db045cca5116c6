//! Owns what the HTTP surface promises: the calls of its documentation as they are written, a problem document for every
//! failure, nothing half-written, nothing for foreign pages.

use crate::serving::{Answer, Server, answer};
use chrono::{Duration, Utc};
use reqwest::Method;
use serde_json::{Value, json};

const CONFIG: &str = "/api/scaling-mode/config";
const HEALTH: &str = "/api/scaling-mode/health";
const HISTORY: &str = "/api/scaling-mode/history";
const TELEMETRY: &str = "/api/telemetry";

#[expect(clippy::disallowed_methods, reason = "a test sends samples of now, as a source does")]
fn minutes_ago(minutes: i64) -> String {
    (Utc::now() - Duration::minutes(minutes)).to_rfc3339()
}

#[track_caller]
fn is_problem(answer: &Answer, status: u16, code: &str, field: Option<&str>) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json", "{answer:?}");
    assert_eq!(answer.json["type"], format!("urn:scaling-mode:problem:{code}"), "{answer:?}");
    assert_eq!(answer.json["status"], status);
    assert!(answer.json["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert_eq!(answer.json["field"].as_str(), field, "{answer:?}");
}

fn clients(value: i64) -> Value {
    json!({"signal": "clients.active", "at": minutes_ago(1), "value": value, "unit": "clients"})
}

#[tokio::test]
async fn the_four_calls_of_the_documentation_work_as_written() {
    let server = Server::start().await;
    let evaluated = server.post(HEALTH, &json!({"environment": "production"})).await;
    assert_eq!((evaluated.status, &evaluated.json["recommendation"]), (200, &json!("hold")));
    for name in [
        "id",
        "environment",
        "as_of",
        "engine_version",
        "config_version",
        "mode",
        "frozen",
        "recommendation",
        "target_mode",
        "confidence",
        "scores",
        "demand",
        "utilisation",
        "headroom",
        "rules",
        "inputs",
        "held",
        "origin",
        "truth",
        "narrative",
        "digest",
    ] {
        assert!(evaluated.json.get(name).is_some(), "{name} is missing");
    }
    let overview = server.get("/api/scaling-mode/health?environment=production&type=overview").await;
    assert_eq!((overview.status, &overview.json["snapshot_id"]), (200, &evaluated.json["id"]));
    let set = server
        .put(CONFIG, &json!({"environment": "production", "action": "set_mode", "mode": "pilot", "old_mode": "lab"}))
        .await;
    assert_eq!((set.status, &set.json["mode"]), (200, &json!("pilot")));
    let auto =
        server.put(CONFIG, &json!({"environment": "production", "action": "set_auto_mode", "enabled": true})).await;
    assert_eq!((auto.status, &auto.json["auto_mode"]), (200, &json!(true)));
    let history = server.get(HISTORY).await;
    let types: Vec<&str> =
        history.json["events"].as_array().unwrap().iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types,
        [
            "auto_mode_changed",
            "snapshot_recorded",
            "mode_changed",
            "snapshot_recorded",
            "snapshot_recorded",
            "config_changed"
        ]
    );
}

#[tokio::test]
async fn a_first_run_holds_with_its_reason_and_nothing_connected() {
    let server = Server::start_with(&[]).await;
    let overview = server.get(HEALTH).await;
    assert_eq!((overview.status, &overview.json["recommendation"]), (200, &json!("hold")));
    assert_eq!(overview.json["verdict"], "Hold in lab: nothing is connected yet");
    let evaluated = server.post(HEALTH, &json!({})).await;
    assert_eq!(evaluated.json["verdict"], "Hold in lab: nothing is connected yet");
    assert!(
        evaluated.json["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|input| input["state"] == "missing" && input["value"].is_null())
    );
    let demo = server.get("/api/scaling-mode/health?environment=demo&type=latest").await;
    assert_eq!((&demo.json["recommendation"], &demo.json["kind"]), (&json!("hold"), &json!("synthetic")));
    assert!(demo.json["inputs"].as_array().unwrap().iter().any(|input| input["state"] == "synthetic"));
    let page = server.get("/founder/scaling-mode").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("nothing is connected yet") && page.text.contains("clients.active"), "{}", page.text);
}

/// The answer to a request that announces more than is read and sends nothing of it.
fn announces_too_much(server: &Server) -> String {
    use std::io::{Read, Write};
    let host = server.url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).expect("a connection");
    let head = format!(
        "POST {TELEMETRY} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 17825792\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    let mut answer = [0u8; 512];
    let read = stream.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// ASVS 15.3.3.
#[tokio::test]
async fn every_failure_is_a_problem_document_with_its_field() {
    let server = Server::start().await;
    let put = async |body: Value| server.put(CONFIG, &body).await;
    is_problem(
        &server.get("/api/scaling-mode/health?environment=nowhere").await,
        404,
        "unknown-environment",
        Some("environment"),
    );
    is_problem(&server.get("/api/scaling-mode/health?type=everything").await, 400, "out-of-range", Some("type"));
    is_problem(&server.get("/api/scaling-mode/health?type=list&limit=501").await, 400, "out-of-range", Some("limit"));
    assert_eq!(server.command(&["environment", "create", "fresh", "--kind", "live"]).0, 0);
    is_problem(
        &server.get("/api/scaling-mode/health?environment=fresh&type=latest").await,
        404,
        "unknown-snapshot",
        None,
    );
    is_problem(&server.get("/api/scaling-mode/history?evnt_type=note").await, 400, "malformed", Some("evnt_type"));
    is_problem(&server.get("/api/scaling-mode/history?from=yesterday").await, 400, "out-of-range", Some("from"));
    is_problem(&server.get("/api/nothing").await, 404, "unknown-path", None);
    is_problem(&answer(server.request(Method::DELETE, CONFIG)).await, 405, "method-not-allowed", None);
    is_problem(&server.get("/api/scaling-mode/health?limit=AAA").await, 400, "out-of-range", Some("limit"));
    is_problem(&server.get("/api/scaling-mode/history?to=").await, 400, "out-of-range", Some("to"));
    is_problem(&answer(server.request(Method::DELETE, CONFIG).json(&json!({}))).await, 405, "method-not-allowed", None);
    is_problem(&answer(server.request(Method::PUT, CONFIG).body("{}")).await, 415, "unsupported-media-type", None);
    is_problem(
        &answer(server.request(Method::PUT, CONFIG).header("content-type", "application/json").body("{")).await,
        400,
        "malformed",
        None,
    );
    is_problem(&put(json!({"action": "set_mode", "mode": "pilot"})).await, 400, "out-of-range", Some("old_mode"));
    is_problem(
        &put(json!({"action": "set_mode", "mode": "huge", "old_mode": "lab"})).await,
        400,
        "malformed",
        Some("huge"),
    );
    is_problem(&put(json!({"action": "freeze", "reason": " "})).await, 400, "out-of-range", Some("reason"));
    is_problem(&put(json!({"action": "freeze", "reason": "x", "raeson": "y"})).await, 400, "malformed", Some("raeson"));
    is_problem(
        &put(json!({"action": "accept_proposal", "proposal_id": "proposal-1"})).await,
        404,
        "unknown-proposal",
        Some("proposal_id"),
    );
    is_problem(
        &put(json!({"action": "update", "version": 1, "guardrails": {"max_chrun_risk": 0.1}})).await,
        400,
        "out-of-range",
        Some("guardrails"),
    );
    is_problem(
        &put(json!({"action": "update", "version": 1, "limits": {"lab": {"max_clients": 0}}})).await,
        400,
        "out-of-range",
        Some("limits"),
    );
    is_problem(
        &put(json!({"action": "update", "version": 9, "time_zone": "UTC"})).await,
        409,
        "conflict",
        Some("version"),
    );
    is_problem(
        &put(json!({"action": "update", "version": 1, "time_zone": "Mars/Base"})).await,
        400,
        "out-of-range",
        Some("time_zone"),
    );
    is_problem(
        &put(json!({"action": "set_mode", "mode": "growth", "old_mode": "pilot"})).await,
        409,
        "conflict",
        Some("old_mode"),
    );
    assert!(announces_too_much(&server).contains("413"), "a body is refused by its length, before it is sent");
}

/// ASVS 1.1.1.
#[tokio::test]
async fn what_is_encoded_is_decoded_once() {
    let server = Server::start().await;
    assert_eq!(server.get(&format!("{CONFIG}?environment=%70roduction")).await.status, 200);
    is_problem(
        &server.get(&format!("{CONFIG}?environment=%2570roduction")).await,
        404,
        "unknown-environment",
        Some("environment"),
    );
    let freeze = server
        .request(Method::POST, "/api/scaling-mode/forms/freeze")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("environment=production&reason=%252Fetc");
    assert_eq!(answer(freeze).await.status, 200);
    let history = server.get(&format!("{HISTORY}?event_type=frozen")).await;
    assert_eq!(history.json["events"][0]["reason"], "%2Fetc");
}

/// ASVS 2.2.2.
#[tokio::test]
async fn every_bad_row_of_a_batch_is_named_and_costs_no_other() {
    let server = Server::start().await;
    let bad = json!({"source": "app", "samples": [
        clients(12),
        {"signal": "clients.active", "at": minutes_ago(2), "value": 3, "unit": "USD"},
        {"signal": "ai.spend", "at": minutes_ago(-10), "value": "1.25", "unit": "USD"},
    ]});
    let refused = server.post(TELEMETRY, &bad).await;
    is_problem(&refused, 422, "rejected", Some("unit"));
    let rows: Vec<(u64, &str)> = refused.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["index"].as_u64().unwrap(), error["field"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, [(1, "unit"), (2, "at")]);
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(detail.starts_with("2 of the batch's 3 rows cannot be taken; all its other rows are stored."), "{detail}");
    let clients =
        |evaluated: &Value| (evaluated["inputs"][0]["state"].clone(), evaluated["inputs"][0]["value"].clone());
    let evaluated = server.post(HEALTH, &json!({})).await.json;
    assert_eq!(clients(&evaluated), (json!("known"), json!({"lo": 12, "hi": 12})));
    // Nothing of a batch without a good row is stored.
    let all_bad = json!({"source": "other", "data_through": minutes_ago(1), "covers": ["posts.published"],
        "samples": [{"signal": "ai.spend", "at": minutes_ago(2), "value": "-1", "unit": "USD"}]});
    let refused = server.post(TELEMETRY, &all_bad).await;
    assert!(refused.json["detail"].as_str().unwrap().contains("nothing of it was stored"), "{refused:?}");
    let known = server.get("/api/scaling-mode/connections?environment=production").await.text;
    assert!(!known.contains("\"other\""), "{known}");
}

#[tokio::test]
async fn the_same_sample_is_a_duplicate_and_another_value_is_refused() {
    let server = Server::start().await;
    let sample = clients(12);
    let batch = |sample: &Value| json!({"source": "app", "samples": [sample]});
    assert_eq!(server.post(TELEMETRY, &batch(&sample)).await.json, json!({"accepted": 1, "duplicates": 0}));
    assert_eq!(server.post(TELEMETRY, &batch(&sample)).await.json, json!({"accepted": 0, "duplicates": 1}));
    let mut other = sample.clone();
    other["value"] = json!(13);
    is_problem(&server.post(TELEMETRY, &batch(&other)).await, 422, "rejected", Some("value"));
    let evaluated = server.post(HEALTH, &json!({})).await;
    assert_eq!(
        evaluated.json["inputs"][0]["value"],
        json!({"lo": 12, "hi": 12}),
        "what was just sent is what is evaluated"
    );
    assert_eq!(evaluated.json["inputs"][0]["source"], "app");
}

#[tokio::test]
async fn a_key_makes_a_write_happen_once() {
    let server = Server::start().await;
    let keyed = |body: Value| answer(server.request(Method::POST, HEALTH).header("idempotency-key", "k-1").json(&body));
    let first = keyed(json!({})).await;
    let second = keyed(json!({})).await;
    assert_eq!((first.status, &first.json["id"]), (200, &second.json["id"]));
    assert_eq!(
        server.get("/api/scaling-mode/history?event_type=snapshot_recorded").await.json["events"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "the first run's and one more"
    );
    let freeze = |reason: &str| {
        answer(
            server
                .request(Method::PUT, CONFIG)
                .header("idempotency-key", "k-2")
                .json(&json!({"action": "freeze", "reason": reason})),
        )
    };
    assert_eq!(freeze("outage").await.status, 200);
    assert_eq!(freeze("outage").await.status, 200);
    is_problem(&freeze("another").await, 422, "idempotency-key-reused", Some("Idempotency-Key"));
    let events = server.get("/api/scaling-mode/history?event_type=frozen").await;
    assert_eq!(events.json["events"].as_array().unwrap().len(), 1);
}

/// ASVS 3.5.2.
#[tokio::test]
async fn no_foreign_page_and_no_rebound_name_can_act_or_read() {
    let server = Server::start().await;
    let freeze = json!({"action": "freeze", "reason": "mischief"});
    for (name, value, code) in [
        ("origin", "http://evil.example", "foreign-origin"),
        ("origin", "null", "foreign-origin"),
        ("sec-fetch-site", "cross-site", "foreign-origin"),
        ("host", "evil.example", "foreign-host"),
    ] {
        let refused = answer(server.request(Method::PUT, CONFIG).header(name, value).json(&freeze)).await;
        is_problem(&refused, 403, code, None);
    }
    is_problem(
        &answer(server.request(Method::GET, HEALTH).header("host", "evil.example")).await,
        403,
        "foreign-host",
        None,
    );
    let form = server
        .request(Method::POST, "/api/scaling-mode/forms/freeze")
        .header("origin", "http://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("environment=production&reason=mischief");
    is_problem(&answer(form).await, 403, "foreign-origin", None);
    assert_eq!(server.get(CONFIG).await.json["frozen"], false);
}

#[tokio::test]
async fn forms_lead_a_browser_back_with_a_notice_and_a_script_gets_json() {
    let server = Server::start().await;
    let form = |path: &str, body: &str| {
        server
            .request(Method::POST, &format!("/api/scaling-mode/forms/{path}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
    };
    let browser = |path: &str, body: &str| answer(form(path, body).header("accept", "text/html"));
    for (path, body, notice) in [
        ("set-mode", "environment=production&mode=pilot&old_mode=lab&reason=first+clients", "mode-set"),
        ("set-mode", "environment=production&mode=growth&old_mode=lab", "conflict"),
        ("freeze", "environment=production&reason=", "out-of-range"),
        ("freeze", "environment=production&reason=outage", "frozen"),
        ("freeze", "environment=production&reason=outage", "nothing-changed"),
        ("unfreeze", "environment=production&reason=over", "unfrozen"),
        ("auto-mode", "environment=production&enabled=true", "auto-mode-on"),
        ("evaluate", "environment=production", "evaluated"),
    ] {
        let led = browser(path, body).await;
        assert_eq!(led.status, 302, "{path}: {led:?}");
        let location = led.location.unwrap_or_default();
        assert!(location.contains(&format!("notice={notice}")), "{path} {body}: {location}");
        let page = server.get(location.split('#').next().unwrap()).await;
        assert_eq!(page.status, 200);
    }
    assert_eq!(answer(form("evaluate", "environment=production")).await.status, 200);
    is_problem(
        &answer(form("freeze", "environment=nowhere&reason=x")).await,
        404,
        "unknown-environment",
        Some("environment"),
    );
}

#[tokio::test]
async fn pages_of_history_and_snapshots_are_complete_and_do_not_overlap() {
    let server = Server::start().await;
    for _ in 0..7 {
        assert_eq!(server.post(HEALTH, &json!({})).await.status, 200);
    }
    let mut ids = Vec::new();
    let mut next = String::new();
    loop {
        let page = server.get(&format!("{HEALTH}?type=list&limit=3{next}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        ids.extend(page.json["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["id"].clone()));
        match page.json["next"].as_str() {
            Some(cursor) => next = format!("&before={cursor}"),
            None => break,
        }
    }
    let recorded = server.get(&format!("{HISTORY}?event_type=snapshot_recorded&limit=500")).await;
    let events = recorded.json["events"].as_array().unwrap();
    assert!(ids.len() >= 8);
    assert_eq!(ids.len(), events.len());
    let mut unique = ids.clone();
    unique.sort_by_key(ToString::to_string);
    unique.dedup();
    assert_eq!(unique.len(), ids.len());
}

#[tokio::test]
async fn probes_metrics_and_the_openapi_document_are_served() {
    let server = Server::start().await;
    server.post(HEALTH, &json!({})).await;
    assert_eq!(server.get("/healthz").await.status, 200);
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, &ready.json["store_writable"]), (200, &json!(true)));
    let metrics = server.get("/metrics").await.text;
    for name in [
        "scaling_mode_score{environment=\"production\",score=\"overall\",bound=\"lo\"}",
        "scaling_mode_recommendation{environment=\"production\",answer=\"hold\"} 1",
        "scaling_mode_chain_head_seq{environment=\"production\",hash=\"",
        "scaling_mode_evaluation_duration_seconds_count",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    let document = server.get("/api/openapi.json").await;
    assert_eq!((document.status, &document.json["openapi"]), (200, &json!("3.1.0")));
}

#[tokio::test]
async fn a_page_that_cannot_be_says_so_with_its_status() {
    let server = Server::start().await;
    for path in [
        "/founder/scaling-mode?environment=nowhere",
        "/founder/scaling-mode/snapshots/snapshot-none",
        "/founder/nothing",
    ] {
        let page = server.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.content_type.starts_with("text/html") && page.text.contains("<h1"), "{path}");
    }
    let root = server.get("/").await;
    assert_eq!(root.location.as_deref(), Some("/founder/scaling-mode"));
}

#[tokio::test]
async fn the_command_line_and_the_endpoints_see_one_store() {
    let server = Server::start().await;
    let (code, _, errors) = server.command(&["set-mode", "pilot", "--old-mode", "lab", "--reason", "first clients"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(server.get(CONFIG).await.json["mode"], "pilot");
    let (code, _, errors) = server.command(&["set-mode", "growth", "--old-mode", "lab", "--reason", "too fast"]);
    assert_eq!(code, 1);
    assert!(errors.contains("The mode is pilot") && errors.contains("[conflict]"), "{errors}");
    let (code, output, _) = server.command(&["status", "--json"]);
    let status: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, &status["mode"]), (0, &json!("pilot")));
    assert_eq!(server.command(&["verify"]).0, 0);
    let (code, _, errors) = server.command(&["status", "--environment", "nowhere"]);
    assert_eq!(code, 1);
    assert!(errors.contains("production"), "it names what there is: {errors}");
    let backup = server.data_dir.join("copy.db");
    assert_eq!(server.command(&["backup", backup.to_str().unwrap()]).0, 0, "while the server runs");
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, _, errors) = crate::serving::command(elsewhere.path(), &["restore", backup.to_str().unwrap()]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(crate::serving::command(elsewhere.path(), &["verify"]).0, 0);
}

/// A recorded environment with twelve clients in pilot and four evaluations of them.
async fn a_recorded_hour(server: &Server) {
    let made = server.command(&["environment", "create", "trial", "--kind", "recorded", "--mode", "pilot"]);
    assert_eq!(made.0, 0, "{}", made.2);
    let sample = json!({"signal": "clients.active", "at": minutes_ago(60), "value": 12, "unit": "clients"});
    let sent = server.post(TELEMETRY, &json!({"environment": "trial", "source": "crm", "samples": [sample]})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let span = ["--from", &minutes_ago(50), "--to", &minutes_ago(5)];
    let replayed = server.command(&[&["replay", "--environment", "trial"][..], &span].concat());
    assert_eq!(replayed.0, 0, "{}", replayed.2);
}

const BACKTEST: &str = "/api/scaling-mode/backtest";
const BACKTEST_PAGE: &str = "/founder/scaling-mode/backtest?environment=trial";

#[tokio::test]
async fn a_backtest_answers_what_a_policy_would_have_answered_and_writes_nothing() {
    let server = Server::start().await;
    a_recorded_hour(&server).await;
    let events = server.get("/api/scaling-mode/history?environment=trial&limit=500").await.json;
    let asked = json!({"environment": "trial", "limits": {"pilot": {"max_clients": 10}}});
    let tested = server.post(BACKTEST, &asked).await;
    assert_eq!((tested.status, &tested.json["hypothetical"]), (200, &json!(true)), "{tested:?}");
    assert_eq!(tested.json["headline"], "4 of 4 evaluations would have answered differently");
    assert_eq!(tested.json["recorded"]["hold"], json!({"evaluations": 4, "times": 1}));
    assert_eq!(tested.json["proposed"]["freeze"], json!({"evaluations": 4, "times": 1}));
    let first = &tested.json["differences"][0];
    assert_eq!(first["why"], "Would not have been met: the client limit");
    let snapshot =
        server.get(&format!("/api/scaling-mode/snapshot?id={}", first["snapshot_id"].as_str().unwrap())).await;
    assert_eq!((&snapshot.json["as_of"], &snapshot.json["recommendation"]), (&first["from"], &json!("hold")));
    let same = server.post(BACKTEST, &json!({"environment": "trial"})).await;
    assert_eq!((&same.json["different"], &same.json["evaluations"]), (&json!(0), &json!(4)));
    let part = json!({"environment": "trial", "from": minutes_ago(25), "limits": {"pilot": {"max_clients": 10}}});
    let part = server.post(BACKTEST, &part).await;
    assert_eq!((&part.json["different"], &part.json["evaluations"]), (&json!(2), &json!(2)));
    let empty = server.post(BACKTEST, &json!({})).await;
    assert_eq!((empty.status, &empty.json["headline"]), (200, &json!("There is no stored evaluation to test against")));
    let after = server.get("/api/scaling-mode/history?environment=trial&limit=500").await.json;
    assert_eq!(after, events, "nothing was written");
}

#[tokio::test]
async fn a_backtest_that_cannot_be_run_says_why_by_field() {
    let server = Server::start().await;
    for (body, code, field) in [
        (json!({"guardrails": {"max_churn_risk": 2}}), "out-of-range", "guardrails.max_churn_risk"),
        (json!({"guardrails": {"max_chrun_risk": 0.1}}), "out-of-range", "guardrails"),
        (json!({"limits": {"pilot": {"max_clients": 5}}}), "out-of-range", "limits.pilot.max_clients"),
        (json!({"weights": {"infra": 0.9}}), "out-of-range", "weights"),
        (json!({"windows": {"sum_window_hours": 48}}), "out-of-range", "windows"),
        (json!({"not_applicable": ["infra.cpu"]}), "out-of-range", "not_applicable"),
        (json!({"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}), "out-of-range", "to"),
        (json!({"guardrials": {}}), "malformed", "guardrials"),
    ] {
        is_problem(&server.post(BACKTEST, &body).await, 400, code, Some(field));
    }
    let elsewhere = server.post(BACKTEST, &json!({"environment": "nowhere"})).await;
    is_problem(&elsewhere, 404, "unknown-environment", Some("environment"));
    is_problem(&answer(server.request(Method::POST, BACKTEST).body("{}")).await, 415, "unsupported-media-type", None);
    let foreign = server.request(Method::POST, BACKTEST).header("origin", "http://evil.example").json(&json!({}));
    is_problem(&answer(foreign).await, 403, "foreign-origin", None);
}

#[tokio::test]
async fn the_page_of_the_backtest_is_a_form_until_something_is_asked_and_then_a_result() {
    let server = Server::start().await;
    a_recorded_hour(&server).await;
    let form = server.get(BACKTEST_PAGE).await;
    assert_eq!(form.status, 200, "{}", form.text);
    assert!(form.text.contains(r#"name="limits.pilot.max_clients""#) && form.text.contains(r#"name="weights.infra""#));
    assert!(!form.text.contains("Hypothetical"), "nothing was asked for yet");
    let tested = server.get(&format!("{BACKTEST_PAGE}&limits.pilot.max_clients=10&from=&to=")).await;
    assert!(tested.text.contains("4 of 4 evaluations would have answered differently"), "{}", tested.text);
    assert!(tested.text.contains("Hypothetical") && tested.text.contains("/founder/scaling-mode/snapshots/snapshot-"));
    assert!(tested.text.contains("in force: 15"), "the field says what is in force");
    let wrong = server.get(&format!("{BACKTEST_PAGE}&limits.pilot.max_clients=many&to=yesterday")).await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.text.contains("Nothing was tested yet") && wrong.text.contains(r#"value="many""#), "{}", wrong.text);
    assert!(wrong.text.contains("must be a day") && !wrong.text.contains("Hypothetical"));
    assert_eq!(server.get("/founder/scaling-mode/backtest?environment=nowhere").await.status, 404);
}

#[tokio::test]
async fn the_command_backtests_a_file_and_refuses_what_cannot_be_tested() {
    let server = Server::start().await;
    a_recorded_hour(&server).await;
    let file = |name: &str, text: &str| {
        let path = server.data_dir.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let stricter = file("stricter.toml", "[limits.pilot]\nmax_clients = 10\n");
    let run = |policy: &str, more: &[&str]| {
        server.command(&[&["backtest", "--environment", "trial", "--policy", policy][..], more].concat())
    };
    let (code, output, errors) = run(&stricter, &[]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("4 of 4 evaluations would have answered differently (hypothetical"), "{output}");
    assert!(output.contains("freeze, not hold. Would not have been met: the client limit"), "{output}");
    let (code, output, _) = run(&stricter, &["--json"]);
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, &report["different"]), (0, &json!(4)));
    let same = file("same.json", "{}");
    assert!(run(&same, &[]).1.contains("All 4 evaluations would have answered the same"));
    for (policy, says) in [
        (file("windows.toml", "[windows]\nsum_window_hours = 48\n"), "windows cannot be backtested"),
        (file("typo.toml", "[guardrails]\nmax_chrun_risk = 1\n"), "max_chrun_risk"),
        (file("falls.toml", "[limits.pilot]\nmax_clients = 5\n"), "limits.pilot.max_clients must be higher"),
    ] {
        let (code, _, errors) = run(&policy, &[]);
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(says), "{errors}");
    }
    let (code, help, _) = server.command(&["backtest", "--help"]);
    assert!(code == 0 && help.contains("A policy file holds only what differs"), "{help}");
    assert_eq!(run("nowhere.toml", &[]).0, 3);
    assert_eq!(server.command(&["backtest", "--environment", "nowhere", "--policy", &same]).0, 1);
}

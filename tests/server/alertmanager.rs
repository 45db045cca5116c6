//! Owns what holds of Alertmanager's webhook, on the real program.

use crate::people::{create, sign_in, token};
use crate::serving::{Answer, Server, answer};
use serde_json::{Value, json};
use sqlx::Connection;

const DOOR: &str = "/api/alertmanager";

fn alert(fingerprint: &str, severity: &str, starts_minute: u32) -> Value {
    json!({"status": "firing", "fingerprint": fingerprint, "startsAt": format!("2026-11-01T03:{starts_minute:02}:00.123Z"),
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "annotations": {},
        "labels": {"alertname": format!("alert-{fingerprint}"), "severity": severity}})
}

fn resolved(mut alert: Value, ended_minute: u32) -> Value {
    alert["status"] = json!("resolved");
    alert["endsAt"] = json!(format!("2026-11-01T03:{ended_minute:02}:00Z"));
    alert
}

fn notification(alerts: &[Value]) -> Value {
    json!({"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "scaling-mode",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": alerts})
}

#[track_caller]
fn is_open(answer: &Answer, info: u64, warning: u64, critical: u64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json["open"], json!({"critical": critical, "info": info, "warning": warning}));
    assert_eq!(answer.json["unknown"], json!({"critical": 0, "info": 0, "warning": 0}));
}

/// The newest numbers of open warnings: severity, number, source.
async fn warnings(server: &Server) -> Vec<(String, Value, Value)> {
    let snapshot = server.post("/api/scaling-mode/health", &json!({})).await.json;
    let inputs = snapshot["inputs"].as_array().expect("inputs").clone();
    let of = |input: Value| {
        (input["severity"].as_str().unwrap_or("").to_owned(), input["value"]["lo"].clone(), input["source"].clone())
    };
    inputs.into_iter().filter(|input| input["signal"] == "warnings.open").map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_warnings_are_the_alerts_that_are_open() {
    let server = Server::start().await;
    let (page, slow, odd) = (alert("a", "page", 1), alert("b", "warning", 2), alert("c", "loud", 3));
    is_open(&server.post(DOOR, &notification(&[page.clone(), slow.clone()])).await, 0, 1, 1);
    // Repeated, and in another group.
    is_open(&server.post(DOOR, &notification(&[slow.clone(), odd.clone()])).await, 0, 2, 1);
    is_open(&server.post(DOOR, &notification(std::slice::from_ref(&odd))).await, 0, 2, 1);
    let expected = |severity: &str, number: u64| (severity.to_owned(), json!(number), json!("alertmanager"));
    let found = warnings(&server).await;
    for one in [expected("info", 0), expected("warning", 2), expected("critical", 1)] {
        assert!(found.contains(&one), "{found:?}");
    }
    is_open(&server.post(DOOR, &notification(&[resolved(page.clone(), 10)])).await, 0, 2, 0);
    // It fires again; a late report about the time before does not close it.
    is_open(&server.post(DOOR, &notification(&[alert("a", "page", 20)])).await, 0, 2, 1);
    is_open(&server.post(DOOR, &notification(&[resolved(page, 10)])).await, 0, 2, 1);
    let ends = [resolved(alert("a", "page", 20), 21), resolved(slow, 21), resolved(odd, 21)];
    is_open(&server.post(DOOR, &notification(&ends)).await, 0, 0, 0);
    assert!(warnings(&server).await.contains(&expected("critical", 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_proves_that_nothing_is_open_and_sources_are_kept_apart() {
    let server = Server::start().await;
    is_open(&server.post(DOOR, &notification(&[alert("w", "none", 1)])).await, 0, 0, 0);
    let found = warnings(&server).await;
    assert!(found.len() >= 3 && found.iter().all(|(_, number, _)| number == &json!(0)), "{found:?}");
    let elsewhere = format!("{DOOR}?source=berlin&environment=this-server");
    is_open(&server.post(&elsewhere, &notification(&[alert("a", "info", 1)])).await, 1, 0, 0);
    is_open(&server.post(DOOR, &notification(&[])).await, 0, 0, 0);
}

/// Grafana's own webhook, as its contact point sends it.
#[tokio::test(flavor = "multi_thread")]
async fn grafanas_webhook_counts_like_alertmanagers() {
    let server = Server::start().await;
    let grafana = |status: &str, severity: &str| {
        json!({"receiver": "scaling-mode", "status": status, "orgId": 1, "version": "1", "groupKey": "{}:{alertname=\"High\"}",
            "truncatedAlerts": 0, "title": "[FIRING:1]", "state": "alerting", "message": "**Firing**", "commonLabels": {},
            "alerts": [{"status": status, "labels": {"alertname": "High", "severity": severity, "grafana_folder": "Ops"},
                "annotations": {}, "startsAt": "2026-11-01T04:01:00+01:00", "endsAt": if status == "firing" {
                    "0001-01-01T00:00:00Z" } else { "2026-11-01T04:09:00+01:00" }, "values": {"B": 22, "C": 1},
                "valueString": "", "fingerprint": "57c6d9296de2ad39", "silenceURL": "", "dashboardURL": ""}]})
    };
    let door = format!("{DOOR}?source=grafana");
    is_open(&server.post(&door, &grafana("firing", "critical")).await, 0, 0, 1);
    is_open(&server.post(&door, &grafana("resolved", "critical")).await, 0, 0, 0);
    let cut = server.post(&door, &json!({"version": "1", "truncatedAlerts": 1, "alerts": []})).await;
    assert!(cut.status == 422 && cut.json["detail"].as_str().expect("text").contains("Grafana"), "{cut:?}");
}

/// A silenced alert that Alertmanager never resolves: nobody repeats it, and a founder closes it.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_is_no_longer_repeated_is_unknown_and_only_founders_close_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scaling-mode.toml"), "alert_repeat_hours = 2\n").expect("a file");
    let server = Server::start_in(folder.path(), &["--no-demo"]).await;
    let (disk, slow) = (alert("aa11", "critical", 1), alert("bb22", "critical", 2));
    is_open(&server.post(DOOR, &notification(&[disk, slow, alert("ww", "none", 1)])).await, 0, 0, 2);
    let address = format!("sqlite://{}", server.data_dir.join("scaling-mode.db").display());
    let mut db = sqlx::SqliteConnection::connect(&address).await.expect("the store");
    // As if both had been repeated for the last time two hours and a minute ago.
    sqlx::query("UPDATE alerts SET heard_at = heard_at - 121 * 60000").execute(&mut db).await.expect("it is done");
    db.close().await.expect("it is done");
    let watched = server.post(DOOR, &notification(&[alert("ww", "none", 1)])).await;
    assert_eq!((&watched.json["open"]["critical"], &watched.json["unknown"]["critical"]), (&json!(0), &json!(2)));
    let critical = async || {
        let snapshot = server.post("/api/scaling-mode/health", &json!({})).await.json;
        let inputs = snapshot["inputs"].as_array().expect("inputs").clone();
        let one = inputs.into_iter().find(|input| input["severity"] == "critical").expect("an input");
        (one["state"].clone(), one["value"].clone())
    };
    assert_eq!(critical().await, (json!("partial"), json!({"lo": 0, "hi": null})));
    // The page says which, and offers to close it.
    let page = server.get("/founder/scaling-mode/connections?environment=production").await.text;
    for told in ["alert-aa11", "no longer repeated", "Close alert-bb22 now"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let close = |alert: &str, reason: Option<&str>| json!({"action": "close_alert", "name": "alertmanager", "alert": alert, "reason": reason});
    let sources = "/api/scaling-mode/sources";
    for (body, status, field) in [
        (close("aa11", None), 400, "reason"),
        (close("aa11", Some("  ")), 400, "reason"),
        (close("", Some("silenced")), 400, "alert"),
        (close("zz", Some("silenced")), 404, "alert"),
        (json!({"action": "close_alert", "name": "elsewhere", "alert": "aa11", "reason": "silenced"}), 404, "name"),
        (json!({"action": "retire", "name": "alertmanager", "alert": "aa11"}), 400, "alert"),
    ] {
        let refused = server.post(sources, &body).await;
        assert_eq!(
            (refused.status, refused.json["errors"][0]["field"].as_str().or(refused.json["field"].as_str())),
            (status, Some(field)),
            "{body}: {refused:?}"
        );
    }
    // By JSON, by the form, by the command line.
    assert_eq!(server.post(sources, &close("aa11", Some("silenced for good"))).await.status, 200);
    let form = server
        .request(reqwest::Method::POST, "/api/scaling-mode/forms/close-alert")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body("environment=production&source=alertmanager&alert=bb22&reason=its+rule+is+gone");
    assert!(answer(form).await.location.expect("somewhere").contains("notice=alert-closed"));
    assert_eq!(critical().await, (json!("known"), json!({"lo": 0, "hi": 0})));
    is_open(&server.post(DOOR, &notification(&[alert("aa11", "critical", 1)])).await, 0, 0, 1);
    let by_hand = ["source", "close-alert", "alertmanager", "aa11", "--log", "warn", "--reason"];
    let (code, said, error) = server.command(&[&by_hand[..], &["silenced again"]].concat());
    assert!(code == 0 && said.contains("Open now: 0 critical"), "{said}{error}");
    // Once more changes nothing, and leaves no event; another is not there.
    assert_eq!(server.command(&[&by_hand[..], &["silenced twice"]].concat()).0, 0);
    let other = ["source", "close-alert", "alertmanager", "zz", "--log", "warn", "--reason", "it is not there"];
    assert_eq!(server.command(&other).0, 1);
    assert_eq!(server.command(&[&by_hand[..], &[" "]].concat()).0, 2);
    let history = server.get("/api/scaling-mode/history?event_type=note").await.text;
    for reason in [
        "alert alert-aa11 (aa11) of alertmanager was closed: silenced for good",
        "alert alert-bb22 (bb22) of alertmanager was closed: its rule is gone",
        "was closed: silenced again",
    ] {
        assert!(history.contains(reason), "{history}");
    }
    assert!(!history.contains("silenced twice"), "{history}");
    // Closing lets growth go on, so it is the founder's alone.
    create(&server, "anna@example.com", "founder", None);
    create(&server, "otto@example.com", "operator", None);
    let (founder, operator) = (sign_in(&server, "anna@example.com").await, sign_in(&server, "otto@example.com").await);
    let token = token(&server, "script", &["sources:write", "telemetry:write"], None);
    let send = server.request(reqwest::Method::POST, DOOR).header("authorization", format!("Bearer {token}"));
    assert_eq!(answer(send.json(&notification(&[alert("cc33", "info", 1)]))).await.status, 200);
    let tried = async |name: &str, value: &str| {
        let request = server.request(reqwest::Method::POST, sources).header(name, value);
        answer(request.header("sec-fetch-site", "same-origin").json(&close("cc33", Some("mine")))).await.status
    };
    assert_eq!(tried("cookie", &operator).await, 403);
    assert_eq!(tried("authorization", &format!("Bearer {token}")).await, 403);
    assert_eq!(tried("cookie", &founder).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_is_refused_whole() {
    let server = Server::start().await;
    let good = alert("a", "critical", 1);
    let change = |pointer: &str, value: Value| {
        let mut body = notification(&[good.clone(), alert("b", "critical", 1)]);
        *body.pointer_mut(pointer).expect("a place") = value;
        body
    };
    for (body, status, field, index) in [
        (change("/version", json!("3")), 422, "version", Value::Null),
        (change("/version", json!(1)), 422, "version", Value::Null),
        (change("/truncatedAlerts", json!(3)), 422, "truncatedAlerts", Value::Null),
        (change("/alerts", json!("none")), 422, "alerts", Value::Null),
        (change("/alerts/1/fingerprint", json!("")), 422, "fingerprint", json!(1)),
        (change("/alerts/1/status", json!("pending")), 422, "status", json!(1)),
        (change("/alerts/1/startsAt", Value::Null), 422, "startsAt", json!(1)),
    ] {
        let answer = server.post(DOOR, &body).await;
        assert_eq!((answer.status, answer.json["field"].as_str()), (status, Some(field)), "{answer:?}");
        assert_eq!(answer.json["errors"][0]["index"], index, "{answer:?}");
        assert_eq!(answer.content_type, "application/problem+json");
    }
    let cut = server.post(DOOR, &change("/truncatedAlerts", json!(3))).await;
    assert!(cut.json["detail"].as_str().expect("text").contains("max_alerts: 0"), "{cut:?}");
    // Nothing of all that was stored.
    is_open(&server.post(DOOR, &notification(&[])).await, 0, 0, 0);
    let nowhere = server.post(&format!("{DOOR}?environment=nowhere"), &notification(&[])).await;
    assert_eq!((nowhere.status, nowhere.json["field"].as_str()), (404, Some("environment")));
    assert_eq!(server.post(&format!("{DOOR}?sauce=x"), &notification(&[])).await.status, 400);
    assert_eq!(server.post(&format!("{DOOR}?source="), &notification(&[])).await.status, 400);
    assert_eq!(server.post(DOOR, &json!([])).await.status, 400);
    let kind = server.request(reqwest::Method::POST, DOOR).header("content-type", "text/plain").body("{}");
    assert_eq!(kind.send().await.expect("an answer").status(), 415);
    assert_eq!(server.get(DOOR).await.status, 405);
}

//! Owns what holds of Alertmanager's webhook, on the real program.

use crate::serving::{Answer, Server};
use serde_json::{Value, json};

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
    assert_eq!(answer.json, json!({"open": {"critical": critical, "info": info, "warning": warning}}));
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
    // It fires anew; what comes late of the time before does not close it.
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

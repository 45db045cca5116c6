//! JSON as Windows programs write it, with a byte order mark in front, is read at every endpoint that takes JSON.

use crate::people::create;
use crate::serving::{Server, answer};
use reqwest::Method;
use scaling_mode::server::clock;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_in_front_of_json_changes_nothing_at_any_endpoint() {
    let server = Server::start().await;
    let now = clock::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let batch =
        json!({"source": "crm", "samples": [{"signal": "clients.active", "at": now, "value": 12, "unit": "clients"}]});
    let event = |id: &str| {
        json!({"specversion": "1.0", "id": id, "source": "/crm", "type": "counted", "data": {"samples": [
            {"signal": "clients.at_risk", "at": now, "value": 1, "unit": "clients"}]}})
    };
    let subscriptions = json!({"object": "list", "has_more": false, "data": []});
    let sources = json!({"action": "retire", "name": "crm"});
    let config = json!({"action": "freeze", "reason": "it is tried"});
    let doors: [(Method, &str, &str, Value); 10] = [
        (Method::POST, "/api/telemetry", "application/json", batch),
        (Method::POST, "/api/telemetry", "application/cloudevents+json", event("1")),
        (Method::POST, "/api/telemetry", "application/cloudevents-batch+json", json!([event("2")])),
        (Method::POST, "/api/alertmanager", "application/json", json!({"version": "4", "alerts": []})),
        (Method::POST, "/api/stripe", "application/json", subscriptions),
        (Method::POST, "/v1/metrics", "application/json", json!({"resourceMetrics": []})),
        (Method::POST, "/api/scaling-mode/health", "application/json; charset=utf-8", json!({})),
        (Method::POST, "/api/scaling-mode/backtest", "application/json", json!({})),
        (Method::POST, "/api/scaling-mode/sources", "application/json", sources),
        (Method::PUT, "/api/scaling-mode/config", "Application/JSON;charset=UTF-8", config),
    ];
    for (method, path, kind, body) in doors {
        let send = async |text: String| {
            answer(server.request(method.clone(), path).header("content-type", kind).body(text)).await
        };
        let marked = send(format!("\u{feff}{body}")).await;
        assert_eq!(marked.status, 200, "{path} {kind}: {marked:?}");
        // Twice, or behind, it is no mark.
        for wrong in [format!("\u{feff}\u{feff}{body}"), format!("{body}\u{feff}")] {
            let refused = send(wrong).await;
            assert_eq!(refused.status, 400, "{path} {kind}: {refused:?}");
        }
        // A list is no object behind a mark either.
        if kind == "application/json" {
            assert_eq!(send("\u{feff}[]".to_owned()).await.status, 400, "{path}");
        }
    }
}

/// macOS types é as e with an accent where Windows and Linux type one character.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_the_same_on_every_keyboard() {
    const COMPOSED: &str = "\u{dc}bergr\u{f6}\u{df}entr\u{e4}ger caf\u{e9} na\u{ef}ve";
    const PARTED: &str = "U\u{308}bergro\u{308}\u{df}entra\u{308}ger cafe\u{301} nai\u{308}ve";
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let cookies = crate::people::sign_in(&server, "anna@example.com").await;
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let form = |name: &str, body: String| {
        server
            .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body)
    };
    let mut current = crate::people::PASSWORD.to_owned();
    for chosen in [PARTED, COMPOSED] {
        let body = format!("current={}&new={}", encoded(&current), encoded(chosen));
        let changed = answer(form("change-password", body).header("cookie", &cookies)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        for typed in [PARTED, COMPOSED] {
            let body = format!("email=anna%40example.com&password={}", encoded(typed));
            assert_eq!(answer(form("sign-in", body)).await.status, 200, "{typed:?}");
        }
        let plain = format!("email=anna%40example.com&password={}", encoded("Ubergrossentrager cafe naive"));
        assert_eq!(answer(form("sign-in", plain)).await.status, 401);
        // The next change asks for it as the other keyboard types it.
        current = if chosen == PARTED { COMPOSED } else { PARTED }.to_owned();
    }
}

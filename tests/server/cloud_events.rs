//! Owns what holds of CloudEvents that carry telemetry, on the real program.

use crate::serving::{Answer, Server, answer};
use chrono::Duration;
use reqwest::Method;
use scaling_mode::server::clock;
use serde_json::{Value, json};

const ONE: &str = "application/cloudevents+json";
const LIST: &str = "application/cloudevents-batch+json";

async fn send(server: &Server, kind: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, "/api/telemetry").header("content-type", kind);
    answer(request.body(body.to_string())).await
}

fn event(id: &str, minutes_ago: i64, clients: i64) -> Value {
    let at = (clock::now() - Duration::minutes(minutes_ago)).to_rfc3339();
    json!({"specversion": "1.0", "id": id, "source": "/crm", "type": "clients.counted", "data": {"samples": [
        {"signal": "clients.active", "at": at, "value": clients, "unit": "clients"}]}})
}

fn receipt(accepted: u64, duplicates: u64) -> Value {
    json!({"accepted": accepted, "duplicates": duplicates})
}

/// The newest number of clients, with who sent it.
async fn clients(server: &Server) -> (Value, Value) {
    let snapshot = server.post("/api/scaling-mode/health", &json!({})).await.json;
    let inputs = snapshot["inputs"].as_array().expect("inputs").clone();
    let input = inputs.into_iter().find(|input| input["signal"] == "clients.active").expect("clients");
    (input["value"]["lo"].clone(), input["source"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_taken_once_and_its_source_is_the_batches() {
    let server = Server::start().await;
    let first = event("1", 3, 12);
    let answer = send(&server, "application/cloudevents+json; charset=utf-8", &first).await;
    assert_eq!((answer.status, &answer.json), (200, &receipt(1, 0)), "{answer:?}");
    let mut revised = event("2", 3, 13);
    revised["data"]["samples"][0]["at"] = first["data"]["samples"][0]["at"].clone();
    revised["data"]["revises"] = json!(true);
    assert_eq!(send(&server, ONE, &revised).await.json, receipt(1, 0));
    assert_eq!(clients(&server).await, (json!(13), json!("/crm")));
    // Delivered again, by a way that adds an attribute of its own: what came between the two stays.
    let mut again = first.clone();
    again["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(send(&server, ONE, &again).await.json, receipt(0, 1));
    assert_eq!(clients(&server).await.0, json!(13));
    // Another event may not take its name.
    let other = send(&server, ONE, &event("1", 1, 99)).await;
    assert_eq!((other.status, &other.json["field"]), (422, &json!("id")), "{other:?}");
    assert_eq!(clients(&server).await.0, json!(13));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_costs_no_other_and_the_list_can_be_sent_again() {
    let server = Server::start().await;
    let mut list = json!([event("1", 4, 10), event("2", 3, 11), event("3", 2, 12)]);
    list[1]["data"]["samples"][0]["unit"] = json!("USD");
    let refused = send(&server, LIST, &list).await;
    assert_eq!((refused.status, refused.content_type.as_str()), (422, "application/problem+json"), "{refused:?}");
    assert_eq!(refused.json["field"], "data.samples[0].unit");
    assert_eq!(
        (&refused.json["errors"][0]["index"], &refused.json["errors"][0]["field"]),
        (&json!(1), &json!("data.samples[0].unit"))
    );
    assert_eq!(refused.json["errors"].as_array().expect("a list").len(), 1);
    assert_eq!(clients(&server).await.0, json!(12));
    list[1]["data"]["samples"][0]["unit"] = json!("clients");
    let whole = send(&server, LIST, &list).await;
    assert_eq!((whole.status, &whole.json), (200, &receipt(1, 2)), "{whole:?}");
    assert_eq!(clients(&server).await.0, json!(12));
    assert_eq!(send(&server, LIST, &list).await.json, receipt(0, 3));
    assert_eq!(send(&server, LIST, &json!([])).await.json, receipt(0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_event_is_named() {
    let server = Server::start().await;
    for (field, value, status, expected) in [
        ("specversion", json!("0.3"), 422, "specversion"),
        ("id", Value::Null, 422, "id"),
        ("source", json!(""), 422, "source"),
        ("type", Value::Null, 422, "type"),
        ("data_base64", json!("e30="), 422, "data_base64"),
        ("datacontenttype", json!("application/protobuf"), 422, "datacontenttype"),
        ("data", json!({"environment": "nowhere", "samples": []}), 404, "data.environment"),
        ("data", json!({"samples": []}), 422, "data.samples"),
        ("data", json!({"smples": []}), 422, "data.smples"),
    ] {
        let mut event = event("1", 1, 12);
        event[field] = value;
        let answer = send(&server, ONE, &event).await;
        assert_eq!((answer.status, answer.json["field"].as_str()), (status, Some(expected)), "{answer:?}");
        assert_eq!(answer.content_type, "application/problem+json");
        // Nothing of it was stored: put right, the same event is new.
        let in_list = send(&server, LIST, &json!([event])).await;
        assert_eq!((in_list.status, &in_list.json["errors"][0]["index"]), (status, &json!(0)), "{in_list:?}");
    }
    assert_eq!(send(&server, ONE, &event("1", 1, 12)).await.json, receipt(1, 0));
    let whole = event("2", 1, 12);
    for (kind, body, status) in [
        ("application/cloudevents+avro", &whole, 415),
        ("application/cloudevents", &whole, 415),
        ("text/plain", &whole, 415),
        (LIST, &whole, 400),
        (ONE, &json!([whole]), 400),
        // A plain batch still says who sends it.
        ("application/json", &whole["data"], 400),
    ] {
        assert_eq!(send(&server, kind, body).await.status, status, "{kind}");
    }
}

/// Also a small body that unpacks to millions of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_more_events_than_are_taken_is_refused() {
    let server = Server::start().await;
    let list = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
    let sent = |body: String| {
        let request = server.request(Method::POST, "/api/telemetry").header("content-type", LIST);
        answer(request.body(body))
    };
    let refused = sent(list(10_001)).await;
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (413, &json!("urn:scaling-mode:problem:too-large")),
        "{refused:?}"
    );
    // As many as are taken are looked at one by one.
    assert_eq!(sent(list(10_000)).await.status, 422);
    let packed = zstd::encode_all(list(15_000_000).as_bytes(), 3).expect("it packs");
    assert!(packed.len() < 10_000, "{}", packed.len());
    let request = server.request(Method::POST, "/api/telemetry").header("content-type", LIST);
    assert_eq!(answer(request.header("content-encoding", "zstd").body(packed)).await.status, 413);
}

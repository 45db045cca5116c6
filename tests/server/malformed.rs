//! Owns what is true of invalid bodies at the endpoints that take JSON of others' forms, on the real program: each is refused with
//! a problem document, in every encoding, and the next one is taken. The decoders alone are given more: tests/intake/malformed.rs.

use crate::serving::{Answer, Server, answer};
use reqwest::Method;
use serde_json::json;
use std::io::Write;

/// More than a body may come to once it is unpacked.
const TOO_MUCH: usize = 33 * 1024 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

async fn send(server: &Server, (path, kind): (&str, &str), encoding: Option<&str>, body: Vec<u8>) -> Answer {
    let mut request = server.request(Method::POST, path).header("content-type", kind).body(body);
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    answer(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none_are_refused_at_every_door_of_json() {
    let server = Server::start().await;
    let alerts = json!({"version": "4", "truncatedAlerts": 0, "alerts": [
        {"status": "firing", "fingerprint": "a", "startsAt": "2026-11-01T02:00:00Z", "labels": {"severity": "critical"}}]});
    let event = json!({"specversion": "1.0", "id": "7", "source": "/crm", "type": "telemetry", "data": {"samples": [
        {"signal": "clients.active", "at": "2026-11-01T03:00:00Z", "value": 12, "unit": "clients"}]}});
    let (one, list) = ("application/cloudevents+json", "application/cloudevents-batch+json");
    for (door, valid) in [
        (("/api/alertmanager", "application/json"), alerts),
        (("/api/telemetry", one), event.clone()),
        (("/api/telemetry", list), json!([event])),
    ] {
        let valid = serde_json::to_vec(&valid).expect("JSON");
        let whole = send(&server, door, None, valid.clone()).await;
        assert_eq!(whole.status, 200, "{whole:?}");
        for end in 0..valid.len() {
            let refused = send(&server, door, None, valid[..end].to_vec()).await;
            assert_eq!(
                (refused.status, refused.content_type.as_str()),
                (400, "application/problem+json"),
                "{refused:?}"
            );
        }
        for (open, close) in [("[", "]"), ("{\"data\":", "}"), ("{\"alerts\":[", "]}")] {
            let deep = [open.repeat(1_000_000), "1".to_owned(), close.repeat(1_000_000)].concat().into_bytes();
            for (encoding, body) in [(None, deep.clone()), (Some("gzip"), gzip(&deep))] {
                let refused = send(&server, door, encoding, body).await;
                assert!((400..500).contains(&refused.status), "{open}: {refused:?}");
            }
        }
        let spaces = vec![b' '; TOO_MUCH];
        let zstd = zstd::encode_all(&spaces[..], 1).expect("memory");
        for (encoding, body) in [("gzip", gzip(&spaces)), ("zstd", zstd)] {
            assert_eq!(send(&server, door, Some(encoding), body).await.status, 413, "{encoding}");
            assert_eq!(send(&server, door, Some(encoding), valid.clone()).await.status, 400, "{encoding}");
        }
        assert_eq!(send(&server, door, Some("gzip"), gzip(&valid)).await.status, 200);
    }
}

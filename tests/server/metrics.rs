//! Owns what holds of the doors that other systems push metrics through: OTLP and Prometheus remote write, on the real
//! program.

use crate::serving::Server;
use chrono::{DateTime, Duration, Utc};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use reqwest::{Method, Response};
use scaling_mode::server::clock;
use scaling_mode::server::sources::remote_write::message::{
    BucketSpan, Label, NativeHistogram, RequestV2, Sample, SeriesV1, SeriesV2, WriteRequest,
};
use serde_json::{Value, json};
use std::io::Write;

pub const PROTOBUF: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// Now, in whole seconds.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(clock::now().timestamp(), 0).expect("a time")
}

pub fn nanos(at: DateTime<Utc>) -> String {
    at.timestamp_nanos_opt().expect("in range").to_string()
}

/// An export of the duration of requests: `good` and `failed` of them since `start`.
fn durations(service: &str, (start, at): (DateTime<Utc>, DateTime<Utc>), good: u64, failed: u64) -> Value {
    let point = |status: i64, count: u64| {
        json!({"startTimeUnixNano": nanos(start), "timeUnixNano": nanos(at), "count": count.to_string(), "sum": 1.0,
            "bucketCounts": [count.to_string(), "0"], "explicitBounds": [0.25],
            "attributes": [{"key": "http.response.status_code", "value": {"intValue": status.to_string()}}]})
    };
    json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeMetrics": [{"metrics": [{"name": "http.server.request.duration", "unit": "s",
            "histogram": {"aggregationTemporality": 2, "dataPoints": [point(200, good), point(500, failed)]}}]}]}]})
}

pub async fn export(server: &Server, body: Vec<u8>, kind: &str, encoding: Option<&str>) -> Response {
    let mut request = server.request(Method::POST, "/v1/metrics").header("content-type", kind).body(body);
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    request.send().await.expect("an answer")
}

/// The input of a signal in a fresh evaluation, over a window.
pub async fn input(server: &Server, signal: &str, window: &str) -> Value {
    let snapshot = server.post("/api/scaling-mode/health", &json!({})).await.json;
    let inputs = snapshot["inputs"].as_array().expect("inputs").clone();
    let found = inputs.into_iter().find(|input| input["signal"] == signal && input["window"]["name"] == window);
    found.unwrap_or_else(|| panic!("{signal} {window}: {snapshot}"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_sent_by_otlp_in_every_form_are_counted_once() {
    let server = Server::start().await;
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let start = minutes_ago(90);
    let mut sent = Vec::new();
    for (place, minute) in (0..=65).rev().enumerate() {
        let count = place as u64;
        let body = durations("shop", (start, minutes_ago(minute)), 100 * count, count);
        let json = serde_json::to_vec(&body).expect("JSON");
        let request: ExportMetricsServiceRequest = serde_json::from_slice(&json).expect("a request");
        let protobuf = request.encode_to_vec();
        sent.push(match place % 4 {
            0 => (json, "application/json", None),
            1 => (protobuf, PROTOBUF, None),
            2 => (gzip(&protobuf), PROTOBUF, Some("gzip")),
            _ => (zstd::encode_all(&json[..], 1).expect("memory"), "application/json", Some("zstd")),
        });
    }
    // Everything is delivered twice.
    for (body, kind, encoding) in sent.iter().chain(&sent) {
        let answer = export(&server, body.clone(), kind, *encoding).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], *kind);
    }
    let requests = input(&server, "infra.requests", "last_hour").await;
    assert_eq!((&requests["state"], &requests["source"]), (&json!("known"), &json!("shop")), "{requests}");
    assert_eq!((&requests["value"]["lo"], &requests["value"]["hi"]), (&json!(6060), &json!(6060)), "{requests}");
    let errors = input(&server, "infra.errors", "last_hour").await;
    assert_eq!(errors["value"]["hi"], json!(60), "{errors}");
    let latency = input(&server, "infra.latency", "last_hour").await;
    assert_eq!(latency["value"]["hi"], json!(250.0), "{latency}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_otlp_refuses_it_says_in_the_words_of_the_protocol() {
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let server = Server::start().await;
    let clients = |environment: &str, at: DateTime<Utc>| {
        let body = json!({"resourceMetrics": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "crm"}},
                {"key": "deployment.environment.name", "value": {"stringValue": environment}}]},
            "scopeMetrics": [{"metrics": [{"name": "scaling_mode.clients.active",
                "gauge": {"dataPoints": [{"timeUnixNano": nanos(at), "asInt": "12"}]}}]}]}]});
        serde_json::to_vec(&body).expect("JSON")
    };
    let whole = export(&server, clients("production", minutes_ago(1)), "application/json", None).await;
    assert_eq!(whole.json::<Value>().await.expect("JSON"), json!({}));
    let ahead = export(&server, clients("production", minutes_ago(-60)), "application/json", None).await;
    let partial = ahead.json::<Value>().await.expect("JSON");
    assert_eq!(partial["partialSuccess"]["rejectedDataPoints"], "1");
    assert!(partial["partialSuccess"]["errorMessage"].as_str().expect("text").contains("in the future"), "{partial}");
    let elsewhere = export(&server, clients("nowhere", minutes_ago(1)), "application/json", None).await;
    assert_eq!(elsewhere.status(), 200);
    assert!(elsewhere.text().await.expect("text").contains("there is no environment"));
    assert_eq!(input(&server, "clients.active", "latest").await["value"]["lo"], json!(12));
    for (body, kind, encoding, status) in [
        (b"nonsense".to_vec(), PROTOBUF, None, 400),
        (b"{\"resourceMetrics\": 5}".to_vec(), "application/json", None, 400),
        (b" []".to_vec(), "application/json", None, 400),
        (b"nonsense".to_vec(), PROTOBUF, Some("gzip"), 400),
        (Vec::new(), PROTOBUF, Some("br"), 415),
        (Vec::new(), "text/plain", None, 415),
        (gzip(&vec![0; 33 * 1024 * 1024]), PROTOBUF, Some("gzip"), 413),
    ] {
        let answer = export(&server, body, kind, encoding).await;
        assert_eq!(answer.status().as_u16(), status, "{kind} {encoding:?}");
    }
    // Nothing to say is well said.
    let nothing = export(&server, Vec::new(), PROTOBUF, None).await;
    assert_eq!(nothing.status(), 200);
    let answer = ExportMetricsServiceResponse::decode(nothing.bytes().await.expect("bytes")).expect("a response");
    assert_eq!(answer.partial_success, None);
}

pub fn series(labels: &[(&str, &str)], samples: &[(f64, DateTime<Utc>)]) -> SeriesV1 {
    let bytes = |text: &str| text.as_bytes().to_vec().into();
    SeriesV1 {
        labels: labels.iter().map(|(name, value)| Label { name: bytes(name), value: bytes(value) }).collect(),
        samples: samples
            .iter()
            .map(|(value, at)| Sample { value: *value, timestamp: at.timestamp_millis(), start_timestamp: 0 })
            .collect(),
        histograms: Vec::new(),
    }
}

pub async fn write(server: &Server, body: &impl Message, kind: &str) -> Response {
    let body = snap::raw::Encoder::new().compress_vec(&body.encode_to_vec()).expect("memory");
    let request = server.request(Method::POST, "/api/v1/write").header("content-type", kind).body(body);
    request.header("content-encoding", "snappy").send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_write_counts_classic_histograms_whose_buckets_come_apart() {
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let server = Server::start().await;
    for (count, minute) in (0..=65u64).zip((0..=65).rev()) {
        let at = minutes_ago(minute);
        let bucket = |le: &str, value: u64| {
            let name = "http_server_request_duration_seconds_bucket";
            let code = ("http_response_status_code", "200");
            let labels = [("__name__", name), ("job", "shop"), ("instance", "a:1"), ("le", le), code];
            series(&labels, &[(value as f64, at)])
        };
        let first = WriteRequest { timeseries: vec![bucket("0.1", 9 * count), bucket("0.5", 10 * count)] };
        let rest = WriteRequest { timeseries: vec![bucket("+Inf", 10 * count)] };
        for request in [first, rest] {
            let answer = write(&server, &request, PROTOBUF).await;
            assert_eq!(answer.status(), 204);
        }
    }
    let requests = input(&server, "infra.requests", "last_hour").await;
    assert_eq!((&requests["value"]["lo"], &requests["source"]), (&json!(600), &json!("shop")), "{requests}");
    let latency = input(&server, "infra.latency", "last_hour").await;
    assert_eq!(latency["value"], json!({"lo": 100.000001, "hi": 500.0}), "{latency}");
    assert_eq!(input(&server, "infra.errors", "last_hour").await["value"]["hi"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_write_2_takes_samples_and_native_histograms_and_says_how_many() {
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let server = Server::start().await;
    let symbols = ["", "__name__", "scaling_mode_clients_active", "job", "crm", "http_server_request_duration_seconds"];
    for (count, minute) in (0..=65i64).zip((0..=65).rev()) {
        let timestamp = minutes_ago(minute).timestamp_millis();
        let clients = SeriesV2 {
            labels_refs: vec![1, 2, 3, 4],
            samples: vec![Sample { value: 12.0, timestamp, start_timestamp: 0 }],
            ..SeriesV2::default()
        };
        // Bucket 0 of schema 0 ends at one second.
        let histogram = NativeHistogram {
            positive_spans: vec![BucketSpan { offset: 0, length: 1 }],
            positive_deltas: vec![5 * count],
            timestamp,
            ..NativeHistogram::default()
        };
        let durations = SeriesV2 { labels_refs: vec![1, 5, 3, 4], histograms: vec![histogram], ..SeriesV2::default() };
        let symbols = symbols.iter().map(|text| text.as_bytes().to_vec().into()).collect();
        let answer = write(&server, &RequestV2 { symbols, timeseries: vec![clients, durations] }, V2).await;
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()["x-prometheus-remote-write-samples-written"], "1");
        assert_eq!(answer.headers()["x-prometheus-remote-write-histograms-written"], "1");
    }
    assert_eq!(input(&server, "clients.active", "latest").await["value"]["lo"], json!(12));
    let latency = input(&server, "infra.latency", "last_hour").await;
    assert_eq!(latency["value"], json!({"lo": 500.000001, "hi": 1000.0}), "{latency}");
    assert_eq!(input(&server, "infra.requests", "last_hour").await["value"]["hi"], json!(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_remote_write_refuses_is_named_and_never_tried_again() {
    let now = now();
    let minutes_ago = |minutes| now - Duration::minutes(minutes);
    let server = Server::start().await;
    let at = minutes_ago(1);
    let clients =
        |value: f64, at| series(&[("__name__", "scaling_mode_clients_active"), ("job", "crm")], &[(value, at)]);
    let bad = write(&server, &WriteRequest { timeseries: vec![clients(-3.0, at)] }, PROTOBUF).await;
    assert_eq!(bad.status(), 400);
    assert!(bad.text().await.expect("text").contains("negative"));
    // The mark of a series that has ended is no value, and no mistake.
    let ended = f64::from_bits(0x7ff0_0000_0000_0002);
    let stale = write(&server, &WriteRequest { timeseries: vec![clients(ended, at)] }, PROTOBUF).await;
    assert_eq!(stale.status(), 204);
    let nameless = write(&server, &WriteRequest { timeseries: vec![series(&[], &[(1.0, at)])] }, PROTOBUF).await;
    assert_eq!(nameless.status(), 400);
    let refers = SeriesV2 { labels_refs: vec![1, 99], ..SeriesV2::default() };
    let wild = RequestV2 { symbols: vec![Default::default()], timeseries: vec![refers] };
    assert_eq!(write(&server, &wild, V2).await.status(), 400);
    assert_eq!(write(&server, &wild, "application/json").await.status(), 415);
    let nowhere = server.request(Method::POST, "/api/v1/write?environment=nowhere").header("content-type", PROTOBUF);
    assert_eq!(nowhere.body(vec![0]).send().await.expect("an answer").status(), 404);
    let typo = server.request(Method::POST, "/api/v1/write?enviroment=production").header("content-type", PROTOBUF);
    assert_eq!(typo.body(vec![0]).send().await.expect("an answer").status(), 400);
}

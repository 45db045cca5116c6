//! Owns what one value that cannot be read costs at the doors that others push through: itself, by name, and nothing else; and
//! that what several exporters or a part of them say is not called known.

use crate::metrics::{PROTOBUF, export, input, nanos, now};
use crate::serving::{Answer, Server, answer};
use chrono::{DateTime, Duration, Utc};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use reqwest::Method;
use scaling_mode::server::sources::remote_write::message::{Label, Sample, SeriesV1, WriteRequest};
use serde_json::{Value, json};

const TELEMETRY: &str = "/api/telemetry";

async fn sent(server: &Server, kind: &str, body: String) -> Answer {
    answer(server.request(Method::POST, TELEMETRY).header("content-type", kind).body(body)).await
}

fn spend(at: DateTime<Utc>, value: &Value) -> Value {
    json!({"signal": "ai.spend", "at": at.to_rfc3339(), "value": value, "unit": "USD"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_sum_that_is_left_out_is_unknown_until_it_is_put_right() {
    let server = Server::start().await;
    let began = now();
    let minutes_ago = |minutes| began - Duration::minutes(minutes);
    // From the window's beginning, so that the first row counts within it alone.
    let (from, to) = (minutes_ago(24 * 60 + 1), minutes_ago(1));
    let batch = |value: Value| {
        let rows =
            [spend(minutes_ago(90), &json!("1")), spend(minutes_ago(60), &value), spend(minutes_ago(30), &json!("2"))];
        json!({"source": "billing", "covers_from": from.to_rfc3339(), "data_through": to.to_rfc3339(), "samples": rows})
    };
    for wrong in [json!("many"), json!(-1), json!("1e400"), json!(true), json!(null)] {
        let refused = server.post(TELEMETRY, &batch(wrong.clone())).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["index"]), (422, &json!(1)), "{wrong}: {refused:?}");
        assert_eq!(refused.json["errors"].as_array().map(Vec::len), Some(1), "{wrong}: {refused:?}");
        let known = input(&server, "ai.spend", "trailing").await;
        let (state, value) = (&known["state"], &known["value"]);
        assert_eq!((state, value), (&json!("partial"), &json!({"lo": "3.00", "hi": null})), "{wrong}: {known}");
    }
    let whole = server.post(TELEMETRY, &batch(json!("4.5449999999999993e-05"))).await;
    assert_eq!((whole.status, &whole.json), (200, &json!({"accepted": 1, "duplicates": 2})), "{whole:?}");
    let known = input(&server, "ai.spend", "trailing").await;
    let value = json!({"lo": "3.000046", "hi": "3.000046"});
    assert_eq!((&known["state"], &known["value"]), (&json!("known"), &value), "{known}");
    assert_eq!(server.post(TELEMETRY, &batch(json!("4.5449999999999993e-05"))).await.json["duplicates"], json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_json_does_not_have_are_refused_in_their_row() {
    let server = Server::start().await;
    let at = (now() - Duration::minutes(2)).to_rfc3339();
    for (place, odd) in ["NaN", "Infinity", "-Infinity", "1e400", "-1E999"].into_iter().enumerate() {
        let clients = 10 + place;
        let rows = format!(
            r#"{{"source": "app{place}", "samples": [
                {{"signal": "infra.cpu", "at": "{at}", "value": {odd}, "unit": "ratio"}},
                {{"signal": "clients.active", "at": "{at}", "value": {clients}, "unit": "clients"}}]}}"#
        );
        let refused = sent(&server, "application/json", rows.clone()).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (422, &json!("value")), "{odd}: {refused:?}");
        let event = format!(
            r#"[{{"specversion": "1.0", "id": "{place}", "source": "/e{place}", "type": "t", "data": {rows}}}]"#
        );
        let refused = sent(&server, "application/cloudevents-batch+json", event).await;
        assert_eq!(refused.json["errors"][0]["field"], json!("data.samples[0].value"), "{odd}: {refused:?}");
        let samples = server.get("/api/scaling-mode/connections?environment=production").await.text;
        assert!(samples.contains(&format!("\"app{place}\"")), "{odd}: {samples}");
    }
    // A body that isn't JSON stays malformed.
    assert_eq!(sent(&server, "application/json", r#"{"source": NaN"#.to_owned()).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_that_contradicts_what_is_stored_costs_no_other() {
    let server = Server::start().await;
    let minutes_ago = |minutes| (now() - Duration::minutes(minutes)).to_rfc3339();
    let (first, second) = (minutes_ago(5), minutes_ago(3));
    let clients =
        |at: &str, value: u64| json!({"signal": "clients.active", "at": at, "value": value, "unit": "clients"});
    let batch = |samples: &[Value]| json!({"source": "crm", "samples": samples});
    assert_eq!(server.post(TELEMETRY, &batch(&[clients(&first, 12)])).await.status, 200);
    let both = batch(&[clients(&first, 13), clients(&second, 14)]);
    let refused = server.post(TELEMETRY, &both).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["index"]), (422, &json!(0)), "{refused:?}");
    assert!(refused.json["errors"][0]["detail"].as_str().is_some_and(|why| why.contains("contradicts")), "{refused:?}");
    assert_eq!(input(&server, "clients.active", "latest").await["value"]["lo"], json!(14));
    // Again the same is refused, and nothing changes.
    assert_eq!(server.post(TELEMETRY, &both).await.json["errors"], refused.json["errors"]);
}

fn gauge(name: &str, at: DateTime<Utc>, value: &Value, attributes: &Value) -> Value {
    json!({"name": name, "unit": "1", "gauge": {"dataPoints": [{"timeUnixNano": nanos(at), "asDouble": value, "attributes": attributes}]}})
}

fn of(service: &str, instance: &str, metrics: &[Value]) -> Value {
    json!({"resourceMetrics": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.instance.id", "value": {"stringValue": instance}}]}, "scopeMetrics": [{"metrics": metrics}]}]})
}

async fn json_export(server: &Server, body: &Value) -> Value {
    let answer = export(server, serde_json::to_vec(body).expect("JSON"), "application/json", None).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_of_otlp_that_cannot_be_read_costs_no_other() {
    let server = Server::start().await;
    let at = now() - Duration::minutes(1);
    let good = |clients: u64| gauge("scaling_mode.clients.active", at, &json!(clients), &json!([]));
    for (place, bad) in [
        json!({"name": "scaling_mode.clients.at_risk", "gauge": {"dataPoints": [{"timeUnixNano": "soon", "asInt": "1"}]}}),
        json!({"name": "scaling_mode.clients.at_risk", "gauge": {"dataPoints": [{"timeUnixNano": nanos(at), "asInt": "1.5"}]}}),
        json!({"name": "scaling_mode.clients.at_risk", "gauge": "none"}),
        json!({"name": 3}),
    ]
    .into_iter()
    .enumerate()
    {
        let service = format!("app{place}");
        let said = json_export(&server, &of(&service, "1", &[bad.clone(), good(10 + place as u64)])).await;
        assert_eq!(said["partialSuccess"]["rejectedDataPoints"], "1", "{bad}: {said}");
        let known = server.get("/api/scaling-mode/connections?environment=production").await.text;
        assert!(known.contains(&format!("\"{service}\"")), "{bad}: {known}");
    }
    // A text that is not UTF-8, in protobuf.
    let attributes = json!([{"key": "@@@@", "value": {"stringValue": "x"}}]);
    let metrics = [gauge("scaling_mode.clients.at_risk", at, &json!(1), &attributes), good(30)];
    let whole: ExportMetricsServiceRequest = serde_json::from_value(of("bytes", "1", &metrics)).expect("a request");
    let mut body = whole.encode_to_vec();
    let place = body.windows(4).position(|bytes| bytes == b"@@@@").expect("the key");
    body[place] = 0xff;
    let answer = export(&server, body, PROTOBUF, None).await;
    assert_eq!(answer.status(), 200);
    let said = ExportMetricsServiceResponse::decode(answer.bytes().await.expect("a body")).expect("an answer");
    let partial = said.partial_success.expect("something was refused");
    assert_eq!(partial.rejected_data_points, 1, "{}", partial.error_message);
    assert!(partial.error_message.contains("at_risk"), "{}", partial.error_message);
    let known = server.get("/api/scaling-mode/connections?environment=production").await.text;
    assert!(known.contains("\"bytes\""), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_of_remote_write_whose_labels_cannot_be_read_costs_no_other() {
    let server = Server::start().await;
    let at = (now() - Duration::minutes(1)).timestamp_millis();
    let series = |pairs: &[(&[u8], &[u8])], value: f64| SeriesV1 {
        labels: pairs
            .iter()
            .map(|(name, value)| Label { name: name.to_vec().into(), value: value.to_vec().into() })
            .collect(),
        samples: vec![Sample { value, timestamp: at, start_timestamp: 0 }],
        ..SeriesV1::default()
    };
    let name: (&[u8], &[u8]) = (b"__name__", b"scaling_mode_clients_active");
    let bad: [&[(&[u8], &[u8])]; 4] = [
        &[(b"__name__", b"scaling_mode_clients_at_risk"), (b"tag", b"\xff\xfe")],
        &[(b"__name__", b"\xff"), (b"job", b"crm")],
        &[(b"job", b"crm")],
        &[(b"__name__", b""), (b"job", b"crm")],
    ];
    for (place, bad) in bad.into_iter().enumerate() {
        let job = format!("crm{place}");
        let good = series(&[name, (b"job", job.as_bytes())], 12.0);
        let request = WriteRequest { timeseries: vec![series(bad, 1.0), good] };
        let packed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("memory");
        let request = server
            .request(Method::POST, "/api/v1/write?environment=production")
            .header("content-type", PROTOBUF)
            .header("content-encoding", "snappy")
            .body(packed);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{place}");
        assert_eq!(answer.headers()["x-prometheus-remote-write-samples-written"], "1", "{place}");
        let said = answer.text().await.expect("text");
        assert!(said.contains("a series: has"), "{place}: {said}");
        let known = server.get("/api/scaling-mode/connections?environment=production").await.text;
        assert!(known.contains(&format!("\"{job}\"")), "{place}: {known}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_report_one_gauge_differently_are_not_known_whichever_spoke_last() {
    let server = Server::start().await;
    let minutes_ago = |seconds| now() - Duration::seconds(seconds);
    let send = async |instance: &str, value: u64, at| {
        let body = of("shop", instance, &[gauge("scaling_mode.clients.active", at, &json!(value), &json!([]))]);
        assert_eq!(json_export(&server, &body).await, json!({}));
    };
    send("one", 7, minutes_ago(900)).await;
    send("two", 5, minutes_ago(899)).await;
    let known = input(&server, "clients.active", "latest").await;
    assert_eq!((&known["state"], &known["value"]["hi"]), (&json!("contradictory"), &json!(null)), "{known}");
    assert!(known["note"].as_str().is_some_and(|note| note.contains("disagree")), "{known}");
    // Delivered again, the first changes nothing; its next word does not either.
    send("one", 7, minutes_ago(900)).await;
    send("one", 7, minutes_ago(840)).await;
    assert_eq!(input(&server, "clients.active", "latest").await["state"], "contradictory");
    // They agree.
    send("two", 7, minutes_ago(830)).await;
    send("one", 7, minutes_ago(780)).await;
    let known = input(&server, "clients.active", "latest").await;
    assert_eq!((&known["state"], &known["value"]["lo"]), (&json!("known"), &json!(7)), "{known}");
    // The second has ended long ago.
    send("one", 12, minutes_ago(300)).await;
    let known = input(&server, "clients.active", "latest").await;
    assert_eq!((&known["state"], &known["value"]["lo"]), (&json!("known"), &json!(12)), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_of_a_processor_count_under_every_programs_names_or_not_at_all() {
    let server = Server::start().await;
    let at = now() - Duration::minutes(1);
    let cpu = |shares: &[(&str, f64)]| {
        let points: Vec<Value> = shares
            .iter()
            .map(|(state, share)| {
                let attributes = json!([{"key": "cpu", "value": {"stringValue": "0"}},
                    {"key": "state", "value": {"stringValue": state}}]);
                json!({"timeUnixNano": nanos(at), "asDouble": share, "attributes": attributes})
            })
            .collect();
        json!({"name": "system.cpu.utilization", "unit": "1", "gauge": {"dataPoints": points}})
    };
    for (service, shares, busy) in [
        ("node", &[("user", 0.05), ("system", 0.05), ("idle", 0.2), ("iowait", 0.7)][..], Some("0.1")),
        ("collector", &[("user", 0.05), ("system", 0.05), ("idle", 0.2), ("wait", 0.7)], Some("0.1")),
        ("psutil", &[("user", 0.3), ("guest", 0.2), ("nice", 0.1), ("guest_nice", 0.1), ("idle", 0.6)], Some("0.4")),
        ("windows", &[("user", 0.2), ("system", 0.1), ("interrupt", 0.05), ("dpc", 0.05), ("idle", 0.6)], Some("0.4")),
        ("cadvisor", &[("user", 0.2), ("system", 0.1)], Some("0.3")),
        ("only-idle", &[("idle", 0.75)], Some("0.25")),
        ("first", &[("user", 0.0), ("system", 0.0), ("idle", 0.0)], None),
        ("some", &[("user", 0.05), ("idle", 0.2)], None),
        ("twice", &[("user", 0.9), ("idle", 0.9)], None),
        ("idle-container", &[("user", 0.0), ("system", 0.0)], None),
    ] {
        let said = json_export(&server, &of(service, "1", &[cpu(shares)])).await;
        let path = format!(
            "/api/scaling-mode/samples?environment=production&signal=infra.cpu&from={}&to={}",
            (at - Duration::minutes(5)).format("%FT%TZ"),
            (at + Duration::minutes(5)).format("%FT%TZ")
        );
        let samples = server.get(&path).await.json;
        let own =
            samples["samples"].as_array().expect("samples").iter().find(|sample| sample["source"] == service).cloned();
        assert_eq!(
            own.as_ref().and_then(|own| own["value"].as_str()).map(|value| value.trim_end_matches(" ratio")),
            busy,
            "{service}: {samples}"
        );
        let is_named = said["partialSuccess"]["errorMessage"].as_str().is_some_and(|why| why.contains("do not add up"));
        assert_eq!(is_named, busy.is_none(), "{service}: {said}");
    }
}

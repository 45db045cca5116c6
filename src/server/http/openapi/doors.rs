//! Owns what the OpenAPI document says of the doors whose form other protocols have set: OTLP, remote write, Alertmanager's
//! webhook, CloudEvents, and of the stream of server-sent events. Must not describe the engine's own bodies.

use super::{ENVIRONMENT, Parameter, failures, instant, optional, parameters_of, schema, text};
use crate::domain::alert::AlertCounts;
use crate::domain::telemetry::MAX_NAME;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

fn position() -> Value {
    json!({"type": "integer", "minimum": 0})
}
fn source() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": "^[!-~]+$", "default": "alertmanager"})
}

const AFTER: Parameter =
    optional("after", position, "The newest event that is known; what came after it is told first.");
const SINCE: Parameter =
    optional("since", position, "A time in milliseconds since 1970: telemetry that has come since is told first.");
const SOURCE: Parameter = optional("source", source, "Who tells of alerts.");

/// Bytes that a protocol gives their meaning.
fn binary(says: &str) -> Value {
    json!({"type": "string", "format": "binary", "description": says})
}

fn done(status: &str, content: &Value) -> Map<String, Value> {
    let answer = match content {
        Value::Null => json!({"description": "Done"}),
        content => json!({"description": "Done", "content": content}),
    };
    Map::from_iter([(status.to_owned(), answer)])
}

/// Adds the doors to the paths of the document.
pub(super) fn add(schemas: &mut SchemaGenerator, paths: &mut Map<String, Value>) {
    let problems = failures(schemas);
    let told = |done: Map<String, Value>| {
        let mut all = done;
        problems.iter().for_each(|(status, problem)| {
            all.entry(status.clone()).or_insert_with(|| problem.clone());
        });
        all
    };
    paths.insert(
        "/api/scaling-mode/events".to_owned(),
        json!({"get": {
            "operationId": "listen_api_scaling_mode_events",
            "summary": "New events and arriving telemetry as server-sent events, without end",
            "parameters": parameters_of(&[ENVIRONMENT, AFTER, SINCE], false),
            "responses": told(done("200", &json!({"text/event-stream": {"schema": text()}}))),
        }}),
    );
    paths.insert(
        "/v1/metrics".to_owned(),
        json!({"post": {
            "operationId": "post_v1_metrics",
            "summary": "OTLP over HTTP: metrics; points that a rule names and that cannot be read are rejected in partialSuccess",
            "parameters": [],
            "requestBody": {"required": true, "content": otlp(
                &json!({"type": "object", "description": "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest"}),
                "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
            )},
            "responses": otlp_answers(),
        }}),
    );
    let request = binary(
        "prometheus.WriteRequest, or io.prometheus.write.v2.Request where the media type's parameter proto says so, compressed with snappy",
    );
    paths.insert(
        "/api/v1/write".to_owned(),
        json!({"post": {
            "operationId": "post_api_v1_write",
            "summary": "Prometheus remote write, 1.0 and 2.0",
            "parameters": parameters_of(&[ENVIRONMENT], false),
            "requestBody": {"required": true, "content": {"application/x-protobuf": {"schema": request}}},
            "responses": told(done("204", &Value::Null)),
        }}),
    );
    let counts = schema::<AlertCounts>(schemas);
    paths.insert(
        "/api/alertmanager".to_owned(),
        json!({"post": {
            "operationId": "post_api_alertmanager",
            "summary": "Alertmanager's webhook, version 4, or Grafana's, version 1: the alerts that are open are the open warnings",
            "parameters": parameters_of(&[ENVIRONMENT, SOURCE], false),
            "requestBody": {"required": true, "content": {"application/json": {"schema": notification()}}},
            "responses": told(done("200", &json!({"application/json": {"schema": counts}}))),
        }}),
    );
    if let Some(content) =
        paths.get_mut("/api/telemetry").and_then(|path| path["post"]["requestBody"]["content"].as_object_mut())
    {
        content.insert("application/cloudevents+json".to_owned(), json!({"schema": cloud_event()}));
        let list = json!({"schema": {"type": "array", "items": cloud_event()}});
        content.insert("application/cloudevents-batch+json".to_owned(), list);
    }
}

/// One content for each of the two media types of OTLP.
fn otlp(json: &Value, message: &str) -> Value {
    json!({"application/json": {"schema": json}, "application/x-protobuf": {"schema": binary(message)}})
}

/// Failures are told as OTLP has it, as `google.rpc.Status`.
fn otlp_answers() -> Map<String, Value> {
    let status = json!({"type": "object", "required": ["code", "message"],
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"}}});
    let response = json!({"type": "object", "properties": {"partialSuccess": {"type": "object",
        "properties": {"rejectedDataPoints": {"type": "string"}, "errorMessage": {"type": "string"}}}}});
    let message = "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse";
    let mut answers = done("200", &otlp(&response, message));
    for (code, title) in [
        ("400", "The body could not be read"),
        ("413", "The body is too large"),
        ("415", "The media type or compression is not read"),
        ("503", "It may be tried again"),
    ] {
        let content = otlp(&status, "google.rpc.Status");
        answers.insert(code.to_owned(), json!({"description": title, "content": content}));
    }
    answers
}

fn notification() -> Value {
    let fingerprint = json!({"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": "^[!-~]+$"});
    json!({
        "type": "object",
        "description": "https://prometheus.io/docs/alerting/latest/configuration/#webhook_config; what is not named here is not looked at.",
        "required": ["version", "alerts"],
        "properties": {
            "version": {"enum": ["4", "1"]},
            "truncatedAlerts": {"type": "integer", "const": 0, "description": "Where alerts were cut off, what is open is unknown."},
            "alerts": {"type": "array", "maxItems": 10_000, "items": {
                "type": "object",
                "required": ["fingerprint", "startsAt", "status"],
                "properties": {
                    "endsAt": {"description": "When a resolved alert ended, an RFC 3339 time."},
                    "fingerprint": fingerprint,
                    "labels": {"description": "Of these alertname and severity are looked at."},
                    "startsAt": instant(),
                    "status": {"enum": ["firing", "resolved"]},
                },
            }},
        },
    })
}

fn cloud_event() -> Value {
    let attribute = || json!({"type": "string", "minLength": 1, "maxLength": 2048});
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 in JSON, with a batch of telemetry as its data.",
        "required": ["data", "id", "source", "specversion", "type"],
        "properties": {
            "data": {"type": "object", "description": "The batch, as it is sent as application/json; its source may be left out: it is the event's then."},
            "datacontenttype": {"type": "string", "description": "JSON, where it is there."},
            "id": attribute(),
            "source": attribute(),
            "specversion": {"const": "1.0"},
            "time": instant(),
            "type": attribute(),
        },
    })
}

//! Owns the OpenAPI 3.1 document, made from the code's own types, and the list of query parameters that it is made from
//! (which the guard holds requests to). Must not describe what is not there: tests hold the endpoints to it.

mod doors;

use crate::api::{EvaluateRequest, HealthAnswer, HistoryPage, SamplePage};
use crate::domain::backtest::{BacktestReport, BacktestRequest};
use crate::domain::change::ConfigChange;
use crate::domain::history::EventType;
use crate::domain::snapshot::Snapshot;
use crate::domain::source::{SourceChange, SourceView};
use crate::domain::telemetry::{Batch, Receipt};
use crate::error::{Code, PROBLEM_JSON, WireError};
use crate::views::overview::ConfigView;
use axum::body::Bytes;
use axum::http::{Method, header};
use axum::response::IntoResponse;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// A query parameter: its name, its schema as JSON, what it does.
struct Parameter {
    name: &'static str,
    required: bool,
    schema: fn() -> Value,
    says: &'static str,
}

const fn optional(name: &'static str, schema: fn() -> Value, says: &'static str) -> Parameter {
    Parameter { name, required: false, schema, says }
}

const fn required(name: &'static str, schema: fn() -> Value, says: &'static str) -> Parameter {
    Parameter { name, required: true, schema, says }
}

fn name() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"})
}
fn instant() -> Value {
    json!({"type": "string", "format": "date-time"})
}
fn page_size() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 500})
}
fn text() -> Value {
    json!({"type": "string"})
}
fn actor() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"})
}
fn sequence() -> Value {
    json!({"type": "integer", "minimum": 1})
}
fn view() -> Value {
    json!({"type": "string", "enum": ["overview", "latest", "list"], "default": "overview"})
}
/// One or several, separated by commas.
fn event_types() -> Value {
    let names = EventType::ALL.map(EventType::name);
    json!({"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1})
}
fn signal() -> Value {
    json!({"type": "string", "enum": crate::domain::signal::Signal::ALL.map(crate::domain::signal::Signal::name)})
}
fn severity() -> Value {
    json!({"type": "string", "enum": crate::domain::signal::Severity::ALL.map(crate::domain::signal::Severity::name)})
}

const ENVIRONMENT: Parameter = optional("environment", name, "Environment; production when left out.");

/// The reading endpoints with their parameters.
const READS: [(&str, &str, &[Parameter]); 4] = [
    ("/api/scaling-mode/config", "The configuration in force", &[ENVIRONMENT]),
    (
        "/api/scaling-mode/health",
        "The newest answer: overview, newest snapshot, or a page of snapshots",
        &[
            ENVIRONMENT,
            optional("type", view, "What is wanted."),
            optional("limit", page_size, "For a list: how many at most."),
            optional("before", text, "For a list: the next of the page before."),
        ],
    ),
    (
        "/api/scaling-mode/history",
        "Events, newest first",
        &[
            ENVIRONMENT,
            optional("event_type", event_types, "Only events of these types, separated by commas."),
            optional("actor", actor, "Only events of this actor, such as local or scheduler."),
            optional("from", instant, "Only events at or after this time."),
            optional("to", instant, "Only events before this time."),
            optional("limit", page_size, "How many at most."),
            optional("before", sequence, "The next of the page before."),
        ],
    ),
    (
        "/api/scaling-mode/samples",
        "The raw samples behind a number, newest first",
        &[
            ENVIRONMENT,
            required("signal", signal, "The signal."),
            optional("severity", severity, "For warnings.open."),
            required("from", instant, "Samples after this time."),
            required("to", instant, "Samples up to this time."),
        ],
    ),
];

/// The first parameter of a query that its endpoint does not have. Paths that are not listed are not checked.
pub fn unknown_parameter(method: &Method, path: &str, query: &str) -> Option<String> {
    if method != Method::GET {
        return None;
    }
    let (_, _, parameters) = READS.iter().find(|(own, _, _)| *own == path)?;
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split('=').next().unwrap_or(pair))
        .find(|name| !parameters.iter().any(|parameter| parameter.name == *name))
        .map(|name| name.chars().filter(|character| !character.is_control()).take(64).collect())
}

/// The first parameter of a query that is there without a value: it would otherwise pass for one that is left out.
pub fn empty_parameter(method: &Method, path: &str, query: &str) -> Option<String> {
    if method != Method::GET || !READS.iter().any(|(own, _, _)| *own == path) {
        return None;
    }
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .find(|pair| pair.split_once('=').is_none_or(|(_, value)| value.is_empty()))
        .map(|pair| pair.trim_end_matches('=').to_owned())
}

/// Whether a path takes a body by that method; whatever else is sent to it is answered by the router.
pub fn takes_a_body(method: &Method, path: &str) -> bool {
    match *method {
        Method::PUT => path == "/api/scaling-mode/config",
        Method::POST => {
            [
                "/api/scaling-mode/health",
                "/api/scaling-mode/backtest",
                "/api/scaling-mode/sources",
                "/api/telemetry",
                "/api/alertmanager",
                "/api/stripe",
            ]
            .contains(&path)
                || path.starts_with("/api/scaling-mode/forms/")
        }
        _ => false,
    }
}

/// Serves the document, which is made once.
pub async fn document() -> impl IntoResponse {
    static MADE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(build().to_string()));
    ([(header::CONTENT_TYPE, "application/json")], MADE.clone())
}

/// The document.
pub fn build() -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths = Map::new();
    for (path, summary, parameters) in READS {
        let answer = match path {
            "/api/scaling-mode/config" => schema::<ConfigView>(&mut schemas),
            "/api/scaling-mode/health" => schema::<HealthAnswer>(&mut schemas),
            "/api/scaling-mode/history" => schema::<HistoryPage>(&mut schemas),
            _ => schema::<SamplePage>(&mut schemas),
        };
        let operation = operation(&mut schemas, "read", path, summary, answer, parameters, None);
        paths.insert(path.to_owned(), json!({"get": operation}));
    }
    let writes = [
        (
            "/api/scaling-mode/config",
            "put",
            "The founder's acts",
            schema::<ConfigView>(&mut schemas),
            schema::<ConfigChange>(&mut schemas),
        ),
        (
            "/api/scaling-mode/health",
            "post",
            "Evaluate now, store the snapshot and return it",
            schema::<Snapshot>(&mut schemas),
            schema::<EvaluateRequest>(&mut schemas),
        ),
        (
            "/api/scaling-mode/backtest",
            "post",
            "What a proposed policy would have answered on the stored inputs; writes nothing",
            schema::<BacktestReport>(&mut schemas),
            schema::<BacktestRequest>(&mut schemas),
        ),
        (
            "/api/scaling-mode/sources",
            "post",
            "Add a source that is asked or add a signal to it (founders only), or remove it",
            schema::<SourceView>(&mut schemas),
            schema::<SourceChange>(&mut schemas),
        ),
        (
            "/api/telemetry",
            "post",
            "Telemetry in; each bad row is named and costs no other",
            schema::<Receipt>(&mut schemas),
            schema::<Batch>(&mut schemas),
        ),
    ];
    for (path, method, summary, answer, body) in writes {
        let operation = operation(&mut schemas, method, path, summary, answer, &[], Some(body));
        let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        entry[method] = operation;
    }
    doors::add(&mut schemas, &mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Scaling Mode",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "May I safely take on more? Times are RFC 3339 UTC, money is decimal text in US dollars, a null hi is unbounded. Once a person exists every call needs a credential: Authorization: Bearer and a token."
        },
        "paths": paths,
        "components": {"schemas": schemas.take_definitions(true)}
    })
}

fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

fn operation(
    schemas: &mut SchemaGenerator,
    method: &str,
    path: &str,
    summary: &str,
    answer: Value,
    parameters: &[Parameter],
    body: Option<Value>,
) -> Value {
    let mut responses = failures(schemas);
    responses
        .insert("200".to_owned(), json!({"description": "Done", "content": {"application/json": {"schema": answer}}}));
    let mut operation = json!({
        "operationId": format!("{method}{}", path.replace(['/', '-'], "_")),
        "summary": summary,
        "responses": responses,
        // What writes nothing needs no key.
        "parameters": parameters_of(parameters, body.is_some() && path != "/api/scaling-mode/backtest"),
    });
    if let Some(body) = body {
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    operation
}

/// Every failure that is told as a problem document, by its status.
fn failures(schemas: &mut SchemaGenerator) -> Map<String, Value> {
    let problem = schema::<WireError>(schemas);
    let mut responses = Map::new();
    // Only what Stripe sends is signed.
    for code in Code::ALL.into_iter().filter(|code| *code != Code::InvalidSignature) {
        responses
            .entry(code.status().to_string())
            .or_insert_with(|| json!({"description": code.title(), "content": {PROBLEM_JSON: {"schema": problem}}}));
    }
    responses
}

/// Query parameters, and with them the key that makes a request be done once.
fn parameters_of(parameters: &[Parameter], takes_a_key: bool) -> Vec<Value> {
    let query = parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.says,
            "style": "form",
            "explode": false,
            "schema": (parameter.schema)(),
        })
    });
    let key = takes_a_key.then(|| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "The same request with the same key is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        })
    });
    query.chain(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 2.1.1.
    #[test]
    fn the_document_names_every_endpoint_and_refers_only_to_what_it_holds() {
        let document = build();
        for (path, methods) in [
            ("/api/scaling-mode/config", &["get", "put"][..]),
            ("/api/scaling-mode/health", &["get", "post"]),
            ("/api/scaling-mode/history", &["get"]),
            ("/api/scaling-mode/backtest", &["post"]),
            ("/api/scaling-mode/sources", &["post"]),
            ("/api/telemetry", &["post"]),
            ("/api/scaling-mode/events", &["get"]),
            ("/api/alertmanager", &["post"]),
            ("/api/v1/write", &["post"]),
            ("/v1/metrics", &["post"]),
        ] {
            for method in methods {
                assert!(document["paths"][path][method].is_object(), "{method} {path}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"").skip(1) {
            let pointer = reference.split('"').next().unwrap().trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    /// ASVS 15.3.7.
    #[test]
    fn unknown_parameters_are_named() {
        let unknown = |query| unknown_parameter(&Method::GET, "/api/scaling-mode/history", query);
        assert_eq!(unknown("environment=production&limit=5"), None);
        assert_eq!(unknown("evnt_type=note").as_deref(), Some("evnt_type"));
    }
}

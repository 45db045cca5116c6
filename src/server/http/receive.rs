//! Owns the doors that other systems push metrics through: OTLP and Prometheus remote write, as their protocols have it. Must
//! not know what a metric means. What is acknowledged is stored.

use super::parameters::out_of_range;
use super::{AppState, MAX_BODY, identity, problem};
use crate::domain::access::{Permission, is_hidden};
use crate::domain::mapping::{Mapped, Mapper};
use crate::domain::sender::Sender;
use crate::domain::telemetry::{AcceptedBatch, MAX_NAME, is_source_name};
use crate::error::{Code, WireError};
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::clock;
use crate::server::live::Message;
use crate::server::sources::inflate::{self, InflateError};
use crate::server::sources::otlp;
use crate::server::sources::remote_write::{self, Version};
use crate::server::store::StoreError;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use prost::Message as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bodies that are read and mapped at the same time; the others wait, so that memory stays bounded.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// The most different environments and sources that one export may name.
const MOST_ORIGINS: usize = 1_000;

/// The most reasons that one request is refused for by name.
const MOST_REASONS: usize = 200;
const OTHER_REASONS: &str = "points refused for further reasons";

/// The longest reason that is answered with, in characters.
const LONGEST_REASON: usize = 600;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Why a request was not taken.
pub(super) struct Refusal {
    pub(super) error: WireError,
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Refusal {
        Refusal { error }
    }
}

impl From<InflateError> for Refusal {
    fn from(error: InflateError) -> Refusal {
        let code = match error {
            InflateError::Damaged => Code::Malformed,
            InflateError::TooLarge => Code::TooLarge,
            InflateError::Unknown => Code::UnsupportedMediaType,
        };
        WireError::new(code, format!("The body {error}.")).into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        problem::of_store(error).into()
    }
}

fn malformed(sentence: String) -> Refusal {
    WireError::new(Code::Malformed, sentence).into()
}

/// The source that a query names, or the usual one.
pub(super) fn source(named: Option<String>, usual: &str) -> Result<String, WireError> {
    let source = named.map_or_else(|| usual.to_owned(), |source| source.trim().to_owned());
    if is_source_name(&source) {
        return Ok(source);
    }
    Err(out_of_range("source", format!("source must be a name of 1 to {MAX_NAME} printable characters.")))
}

/// A body that has come whole, decompressed. While it is held, one of the places of [`AT_ONCE`] is taken; a body that is still on its
/// way takes none, so that a slow sender keeps nobody waiting.
pub(super) struct WholeBody {
    pub(super) bytes: Vec<u8>,
    _place: Option<SemaphorePermit<'static>>,
}

/// The body, decompressed, once there is a place for it.
pub(super) async fn body(request: Request, usual_encoding: Option<&str>) -> Result<WholeBody, Refusal> {
    let encoding = text(request.headers(), &header::CONTENT_ENCODING).map(str::to_owned);
    let bytes = to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| WireError::new(Code::TooLarge, format!("A body has at most {} MiB.", MAX_BODY / 1024 / 1024)))?;
    let place = AT_ONCE.acquire().await.ok();
    let bytes = inflate::inflate(&bytes, encoding.as_deref().or(usual_encoding))?;
    Ok(WholeBody { bytes, _place: place })
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The media type without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let whole = text(headers, &header::CONTENT_TYPE).unwrap_or("");
    whole.split(';').next().unwrap_or(whole).trim().to_ascii_lowercase()
}

/// Stores what the points of one source have come to.
async fn keep(
    state: &AppState,
    environment: &str,
    (source, sender): (&str, &Sender),
    mapped: Mapped,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if mapped.samples.is_empty() && mapped.readings.is_empty() {
        return Ok(());
    }
    let batch = AcceptedBatch {
        readings: mapped.readings,
        // What a source says of a time it may say again: the later word holds.
        revises: true,
        samples: mapped.samples,
        sender: sender.clone(),
        source: source.chars().filter(|character| !is_hidden(*character)).take(128).collect(),
        spoken: mapped.spoken,
        ..AcceptedBatch::default()
    };
    let receipt = state.store.ingest(environment, &batch, now, None).await?;
    state.metrics.count_samples(receipt.accepted);
    state.feed.tell(environment, &Message::Telemetry { signals: batch.signals() });
    Ok(())
}

/// Why a source is not taken from who sends, after the stable code.
fn named(error: &StoreError) -> String {
    format!("{}: {error}", problem::of_sender(error).code_name())
}

/// Adds what one source was refused to what others were: two may be refused the same.
fn add(all: &mut BTreeMap<String, u64>, refused: &BTreeMap<String, u64>) {
    for (why, count) in refused {
        refuse(all, why, *count);
    }
}

/// Counts points under the reason why they were refused: the first reasons by name, the others together.
fn refuse(all: &mut BTreeMap<String, u64>, why: &str, points: u64) {
    let is_named = all.len() < MOST_REASONS || all.contains_key(why);
    *all.entry(if is_named { why } else { OTHER_REASONS }.to_owned()).or_default() += points;
}

/// Reasons with their numbers as one text.
fn reasons(refused: &BTreeMap<String, u64>) -> String {
    let all: Vec<String> = refused.iter().map(|(why, count)| format!("{count} of {why}")).collect();
    all.join("; ").chars().take(LONGEST_REASON).collect()
}

/// Counts what was refused, and logs it: a sender may not read its answers.
fn count_refused(state: &AppState, refused: &BTreeMap<String, u64>) {
    let rows = refused.values().sum();
    state.metrics.count_refused(rows);
    if rows > 0 {
        tracing::info!(rows, why = reasons(refused), "rows of telemetry were refused");
    }
}

/// `POST /v1/metrics`: OTLP over HTTP.
pub async fn otlp(State(state): State<AppState>, request: Request) -> Response {
    let is_json = match media_type(request.headers()).as_str() {
        JSON => true,
        PROTOBUF => false,
        _ => {
            let sentence = format!("Send {PROTOBUF} or {JSON}.");
            return status(&WireError::new(Code::UnsupportedMediaType, sentence), false);
        }
    };
    match export(&state, request, is_json).await {
        Ok(refused) => exported(&refused, is_json),
        Err(refusal) => status(&refusal.error, is_json),
    }
}

/// What an export comes to, by environment and source.
type Exports = BTreeMap<(String, String), Mapped>;

/// Reads the body of an export and maps it; with why points were refused before they could be mapped.
fn mapped_exports(
    state: &AppState,
    whole: &WholeBody,
    is_json: bool,
    now: DateTime<Utc>,
) -> Result<(Exports, BTreeMap<String, u64>), Refusal> {
    let (request, refused) = match otlp::read(&whole.bytes, is_json) {
        Ok(request) => (request, BTreeMap::new()),
        // What is damaged costs nothing else.
        Err(why) => otlp::read_in_parts(&whole.bytes, is_json).ok_or_else(|| malformed(why))?,
    };
    let mut mappers: BTreeMap<(String, String), Mapper<'_>> = BTreeMap::new();
    for metrics in &request.resource_metrics {
        let (environment, source) = otlp::origin(metrics);
        let origin = (environment.unwrap_or(DEFAULT_ENVIRONMENT).to_owned(), source.to_owned());
        if mappers.len() >= MOST_ORIGINS && !mappers.contains_key(&origin) {
            let sentence =
                format!("The export names more than {MOST_ORIGINS} environments and sources: send it in parts.");
            return Err(WireError::new(Code::TooLarge, sentence).into());
        }
        let mapper =
            mappers.entry(origin).or_insert_with(|| Mapper::new(&state.settings.mapping, &state.settings.prices, now));
        otlp::take(metrics, mapper);
    }
    Ok((mappers.into_iter().map(|(origin, mapper)| (origin, mapper.finish())).collect(), refused))
}

/// Stores an export; what was refused, and why.
async fn export(state: &AppState, request: Request, is_json: bool) -> Result<BTreeMap<String, u64>, Refusal> {
    let sender = identity::of(&request)?;
    let speaks = sender.sender(state.settings.most_sources);
    let whole = body(request, None).await?;
    let now = clock::now();
    let (exports, mut refused) = mapped_exports(state, &whole, is_json, now)?;
    let mut refused_origins = 0u64;
    for ((environment, source), mapped) in exports {
        let points = (mapped.samples.len() + mapped.readings.len()) as u64;
        add(&mut refused, &mapped.refused);
        // The other environments' points are kept here too: what a token is not for does not stop what it is for.
        if let Err(error) = identity::check(&sender, Permission::SendTelemetry, &environment) {
            refused_origins += 1;
            refuse(&mut refused, &error.detail, points);
            continue;
        }
        match keep(state, &environment, (&source, &speaks), mapped, now).await {
            Ok(()) => {}
            // The other environments' points are kept; a retry would not help these.
            Err(error @ StoreError::UnknownEnvironment { .. }) => {
                refuse(&mut refused, &error.to_string(), points);
            }
            // So are the other sources'.
            Err(error) if error.is_of_a_sender() => refuse(&mut refused, &named(&error), points),
            Err(error) => return Err(error.into()),
        }
    }
    if refused_origins > 0 {
        let (who, deed) = (sender.actor(), Permission::SendTelemetry.deed());
        tracing::warn!(who, deed, refused_origins, "refused in environments");
    }
    count_refused(state, &refused);
    Ok(refused)
}

fn exported(refused: &BTreeMap<String, u64>, is_json: bool) -> Response {
    let rejected = i64::try_from(refused.values().sum::<u64>()).unwrap_or(i64::MAX);
    let message = reasons(refused);
    if is_json {
        let partial = serde_json::json!({"partialSuccess": {"rejectedDataPoints": rejected.to_string(), "errorMessage": message}});
        let body = if refused.is_empty() { serde_json::json!({}) } else { partial };
        return axum::Json(body).into_response();
    }
    let partial_success = (!refused.is_empty())
        .then_some(ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message: message });
    let body = ExportMetricsServiceResponse { partial_success }.encode_to_vec();
    ([(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], body).into_response()
}

/// `google.rpc.Status`, which OTLP answers failures with.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// A failure as OTLP says it; 503 and 429 may be tried again.
fn status(error: &WireError, is_json: bool) -> Response {
    let code = if error.status == 503 { 14 } else { 3 };
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if is_json {
        (status, axum::Json(serde_json::json!({"code": code, "message": error.detail}))).into_response()
    } else {
        let body = Status { code, message: error.detail.clone() }.encode_to_vec();
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], body).into_response()
    };
    if error.status == 503 {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// The query of a remote write.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    environment: Option<String>,
}

/// `POST /api/v1/write`: Prometheus remote write, 1.0 and 2.0.
pub async fn remote_write(
    State(state): State<AppState>,
    target: Result<Query<Target>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let environment = match target {
        Ok(Query(target)) => target.environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned()),
        Err(_) => {
            let error = WireError::new(Code::Malformed, "The only parameter here is environment.");
            return problem::response(&error);
        }
    };
    let allowed = identity::of(&request).and_then(|identity| {
        identity::allow(&identity, Permission::SendTelemetry, &environment)?;
        Ok(identity.sender(state.settings.most_sources))
    });
    let sender = match allowed {
        Ok(sender) => sender,
        Err(error) => return problem::response(&error),
    };
    match write(&state, (&environment, &sender), request).await {
        Ok((written, refused)) => {
            let mut response = if refused.is_empty() {
                StatusCode::NO_CONTENT.into_response()
            } else {
                // What could be read is stored; a retry would not help the rest.
                let sentence = format!("The rest was stored, but for {}.", reasons(&refused));
                problem::response(&WireError::new(Code::Malformed, sentence))
            };
            for (name, count) in [
                ("x-prometheus-remote-write-samples-written", written.samples),
                ("x-prometheus-remote-write-histograms-written", written.histograms),
                ("x-prometheus-remote-write-exemplars-written", 0),
            ] {
                response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(count));
            }
            response
        }
        Err(refusal) => problem::response(&refusal.error),
    }
}

async fn write(
    state: &AppState,
    (environment, sender): (&str, &Sender),
    request: Request,
) -> Result<(remote_write::Written, BTreeMap<String, u64>), Refusal> {
    if media_type(request.headers()) != PROTOBUF {
        return Err(WireError::new(Code::UnsupportedMediaType, format!("Send {PROTOBUF}.")).into());
    }
    let whole = text(request.headers(), &header::CONTENT_TYPE).unwrap_or("");
    let proto =
        whole.split(';').find_map(|part| part.trim().strip_prefix("proto=")).unwrap_or("prometheus.WriteRequest");
    let version = match proto.trim_matches('"') {
        "prometheus.WriteRequest" => Version::V1,
        "io.prometheus.write.v2.Request" => Version::V2,
        _ => {
            let sentence = "Send prometheus.WriteRequest or io.prometheus.write.v2.Request.";
            return Err(WireError::new(Code::UnsupportedMediaType, sentence).into());
        }
    };
    // Looked up first: parts of an environment that does not exist must not wait for their rest.
    state.store.config(environment).await?;
    let whole = body(request, Some("snappy")).await?;
    let now = clock::now();
    let request = remote_write::read(whole.bytes, version).map_err(malformed)?;
    let mapper = || Mapper::new(&state.settings.mapping, &state.settings.prices, now);
    let (sources, written) = remote_write::map(&request, (environment, &state.buckets), now, mapper);
    let mut refused = BTreeMap::new();
    for (source, mapped) in sources {
        add(&mut refused, &mapped.refused);
        let points = (mapped.samples.len() + mapped.readings.len()) as u64;
        match keep(state, environment, (&source, sender), mapped, now).await {
            Err(error) if error.is_of_a_sender() => refuse(&mut refused, &named(&error), points),
            done => done?,
        }
    }
    count_refused(state, &refused);
    Ok((written, refused))
}

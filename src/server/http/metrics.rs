//! Owns `/metrics` in the OpenMetrics text format: the newest answers, the age of each signal, chain heads, and the
//! program's own counters. Must not compute anything that a snapshot does not hold.

use super::{AppState, identity, problem};
use crate::domain::access::{Identity, Permission};
use crate::domain::decision::Recommendation;
use crate::domain::facts::decides;
use crate::domain::interval::Interval;
use crate::domain::snapshot::Snapshot;
use crate::server::clock;
use crate::server::store::StoreError;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// The media type of what is served.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The program's own counters.
pub struct Metrics {
    evaluations: Histogram,
    refused: Counter,
    requests: Family<Labels, Counter>,
    samples: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            evaluations: Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0]),
            refused: Counter::default(),
            requests: Family::default(),
            samples: Counter::default(),
        }
    }
}

impl Metrics {
    pub fn observe_evaluation(&self, took: Duration) {
        self.evaluations.observe(took.as_secs_f64());
    }

    pub fn count_samples(&self, accepted: u64) {
        self.samples.inc_by(accepted);
    }

    pub fn count_refused(&self, points: u64) {
        self.refused.inc_by(points);
    }

    pub fn count_request(&self, status: u16) {
        self.requests.get_or_create(&vec![("status", status.to_string())]).inc();
    }
}

/// Gauges that are filled anew at every scrape.
#[derive(Default)]
struct Answers {
    age: Gauges,
    confidence: Gauges,
    head: Gauges,
    recommendation: Gauges,
    scores: Gauges,
    snapshot_age: Gauges,
    utilisation: Gauges,
}

/// Serves the metrics.
pub async fn scrape(State(state): State<AppState>, request: Request) -> Response {
    let reader = match identity::of(&request) {
        Ok(reader) => reader,
        Err(error) => return problem::response(&error),
    };
    match render(&state, &reader).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => problem::response(&problem::of_store(error)),
    }
}

async fn render(state: &AppState, reader: &Identity) -> Result<String, StoreError> {
    let answers = Answers::default();
    let is_theirs = |environment: &str| reader.may(Permission::ReadMetrics, environment);
    for environment in state.store.environments().await?.into_iter().filter(|each| is_theirs(&each.name)) {
        if let Some(snapshot) = state.store.latest_snapshot(&environment.name, clock::now()).await? {
            answers.fill(&snapshot);
        }
    }
    for head in state.store.heads().await?.into_iter().filter(|head| is_theirs(&head.environment)) {
        let labels = vec![("environment", head.environment), ("hash", head.hash)];
        answers.head.get_or_create(&labels).set(head.seq as f64);
    }
    let mut registry = Registry::with_prefix("scaling_mode");
    answers.register(&mut registry);
    let own = &state.metrics;
    registry.register("evaluation_duration_seconds", "Time of an evaluation on demand", own.evaluations.clone());
    registry.register("http_requests", "Requests answered, by status", own.requests.clone());
    registry.register("samples_accepted", "Samples stored", own.samples.clone());
    registry.register("samples_refused", "Points that OTLP and remote write were refused", own.refused.clone());
    let mut text = String::new();
    // Writing into memory cannot fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

impl Answers {
    fn register(&self, registry: &mut Registry) {
        for (name, help, family) in [
            ("score", "Score of the newest snapshot, 0-100, least and greatest possible value", &self.scores),
            ("utilisation_ratio", "Load as a share of the mode's limit; demand is that of clients", &self.utilisation),
            ("confidence_ratio", "Completeness of the evidence", &self.confidence),
            ("recommendation", "1 for the answer of the newest snapshot, 0 for the others", &self.recommendation),
            ("signal_age_seconds", "Time since the data of a signal reaches through", &self.age),
            ("snapshot_age_seconds", "Time since the newest snapshot's instant", &self.snapshot_age),
            ("chain_head_seq", "Place of the newest event; its hash is a label", &self.head),
        ] {
            registry.register(name, help, family.clone());
        }
    }

    fn fill(&self, snapshot: &Snapshot) {
        let body = &snapshot.body;
        let own =
            |name: &'static str, value: &str| vec![("environment", body.environment.clone()), (name, value.to_owned())];
        let bounds = |family: &Gauges, labels: Labels, interval: Interval| {
            for (bound, value) in [("lo", interval.lo()), ("hi", interval.hi())] {
                let mut labels = labels.clone();
                labels.push(("bound", bound.to_owned()));
                family.get_or_create(&labels).set(value);
            }
        };
        let scores = &body.scores;
        for (name, score) in [
            ("overall", scores.overall),
            ("infra_health", scores.infra_health),
            ("ai_cost_pressure", scores.ai_cost_pressure),
            ("warning_density", scores.warning_density),
            ("churn_risk", scores.churn_risk),
        ] {
            bounds(&self.scores, own("score", name), score);
        }
        bounds(&self.utilisation, own("of", "demand"), body.demand);
        bounds(&self.utilisation, own("of", "ai_spend"), body.utilisation.ai_spend);
        if let Some(posts) = body.utilisation.posts {
            bounds(&self.utilisation, own("of", "posts"), posts);
        }
        for answer in Recommendation::ALL {
            let is_answer = f64::from(u8::from(answer == body.recommendation));
            self.recommendation.get_or_create(&own("answer", answer.name())).set(is_answer);
        }
        let environment = vec![("environment", body.environment.clone())];
        self.confidence.get_or_create(&environment).set(body.confidence);
        let now = clock::now();
        let seconds = |since: DateTime<Utc>| (now - since).num_milliseconds() as f64 / 1000.0;
        self.snapshot_age.get_or_create(&environment).set(seconds(body.as_of));
        for input in body.inputs.iter().filter(|input| decides(input)) {
            let Some(through) = input.data_through else {
                continue;
            };
            let mut labels = own("signal", input.signal.name());
            labels.push(("severity", input.severity.map_or("", |severity| severity.name()).to_owned()));
            labels.push(("window", input.window.name.name().to_owned()));
            self.age.get_or_create(&labels).set(seconds(through));
        }
    }
}

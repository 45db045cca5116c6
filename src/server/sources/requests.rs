//! Owns the server's own requests as a source: how many, how many failed, how long they took, measured where every
//! request passes. Probes and scrapes are not counted: they are not the product's use.

use crate::domain::histogram::Histogram;
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
use crate::server::clock;
use crate::server::http::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The name under which the server's figures are kept.
pub const SOURCE: &str = "server";

/// Paths that machines ask for, not users.
const NOT_COUNTED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

#[derive(Default)]
struct Minute {
    errors: u64,
    latency: Histogram,
    requests: u64,
}

/// The requests since the last batch.
#[derive(Default)]
pub struct RequestLog {
    minute: Mutex<Minute>,
    since: Mutex<Option<DateTime<Utc>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl RequestLog {
    /// Begins to vouch for what is counted, from `now` on.
    pub fn start(&self, now: DateTime<Utc>) {
        *lock(&self.since) = Some(now);
    }

    fn add(&self, nanos: u64, is_error: bool) {
        let mut minute = lock(&self.minute);
        minute.requests += 1;
        minute.errors += u64::from(is_error);
        minute.latency.observe(nanos);
    }

    /// What was counted since the last batch, up to `now`, with the word that nothing is missing. Zero requests are a
    /// fact here: the server would have seen them.
    pub fn take(&self, now: DateTime<Utc>) -> AcceptedBatch {
        let minute = std::mem::take(&mut *lock(&self.minute));
        let sample = |series, measurement| Sample { at: now, exact: None, id: None, measurement, series };
        let mut samples = vec![
            sample(Series::InfraRequests, Measurement::Value(minute.requests)),
            sample(Series::InfraErrors, Measurement::Value(minute.errors)),
        ];
        if !minute.latency.is_empty() {
            samples.push(sample(Series::InfraLatency, Measurement::Histogram(minute.latency)));
        }
        AcceptedBatch {
            revises: false,
            samples,
            source: SOURCE.to_owned(),
            step_minutes: Some(1),
            watermark: Some(Watermark {
                // Only the first batch of a run says since when: what happened while the server was down is a gap.
                covers_from: lock(&self.since).take(),
                data_through: now,
                series: BTreeSet::from([Series::InfraRequests, Series::InfraErrors, Series::InfraLatency]),
            }),
            ..AcceptedBatch::default()
        }
    }
}

/// Measures a request from its arrival to its response's first byte.
pub async fn measure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let counted = !NOT_COUNTED.contains(&request.uri().path());
    let started = clock::instant();
    let response = next.run(request).await;
    let status = response.status();
    state.metrics.count_request(status.as_u16());
    if counted {
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        state.requests.add(nanos, status.is_server_error());
    }
    response
}

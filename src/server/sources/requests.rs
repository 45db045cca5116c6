//! Owns the server's own requests as a source: how many, how many failed, how long they took, measured where every
//! request passes. Probes and scrapes are not counted: they are not the product's use.

use crate::domain::histogram::Histogram;
use crate::domain::sender::Sender;
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
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

    /// Counts a request that took so many nanoseconds, from its arrival to its answer's first byte.
    pub fn add(&self, nanos: u64, is_error: bool) {
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
            sender: Sender::asked(),
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

/// Whether a request to this path is counted as use of the product.
pub fn is_counted(path: &str) -> bool {
    !NOT_COUNTED.contains(&path)
}

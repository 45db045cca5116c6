//! Owns the host's CPU as a source: the share of all cores in use, measured between two readings.

use crate::domain::sender::Sender;
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, Measurement, Sample};
use chrono::{DateTime, Utc};
use sysinfo::System;

/// The name under which the host's figures are kept.
pub const SOURCE: &str = "host";

/// Reads the host's CPU. The first reading only sets the mark that the next one is measured from.
pub struct Host {
    marked: bool,
    /// `None` on a system that does not tell; then the signal stays unknown.
    system: Option<System>,
}

impl Default for Host {
    fn default() -> Self {
        let system = System::new();
        if let Err(error) = &system {
            tracing::warn!(%error, "this system does not tell its CPU");
        }
        Host { marked: false, system: system.ok() }
    }
}

impl Host {
    /// The mean CPU since the last reading, as a batch; `None` at the first one.
    pub fn read(&mut self, now: DateTime<Utc>) -> Option<AcceptedBatch> {
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        if !std::mem::replace(&mut self.marked, true) {
            return None;
        }
        let ratio = f64::from(system.global_cpu_usage()) / 100.0;
        if !ratio.is_finite() {
            return None;
        }
        let atoms = Series::InfraCpu.signal().unit().atoms();
        let nanos = (ratio.clamp(0.0, 1.0) * atoms as f64).round() as u64;
        Some(AcceptedBatch {
            revises: false,
            samples: vec![Sample {
                at: now,
                exact: None,
                id: None,
                measurement: Measurement::Value(nanos),
                series: Series::InfraCpu,
            }],
            sender: Sender::asked(),
            source: SOURCE.to_owned(),
            step_minutes: Some(1),
            watermark: None,
            ..AcceptedBatch::default()
        })
    }
}

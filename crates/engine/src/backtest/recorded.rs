//! Owns what a backtest reads of a stored evaluation: what its inputs say, what it looked at and what it answered.
//! Must not know where the bytes come from.

use super::super::decision::Recommendation;
use super::super::facts::Facts;
use super::super::input::Reading;
use super::super::recent::Recent;
use super::super::snapshot::ENGINE_VERSION;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::borrow::Cow;

/// A stored evaluation, as much of it as a backtest needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub as_of: DateTime<Utc>,
    /// The configuration that it was made with: mode, freeze and policy of its time.
    pub config_version: u64,
    pub facts: Facts,
    /// The snapshot's id.
    pub id: String,
    /// What it looked at of the evaluations before it.
    pub recent: Recent,
    pub recommendation: Recommendation,
    /// Made by the engine version of this program.
    pub same_engine: bool,
}

/// The few fields of a snapshot's body that are read.
#[derive(Deserialize)]
struct Body<'b> {
    as_of: DateTime<Utc>,
    config_version: u64,
    #[serde(borrow)]
    engine_version: Cow<'b, str>,
    inputs: Vec<Reading>,
    recent: Recent,
    recommendation: Recommendation,
}

impl Recorded {
    /// Reads it from a snapshot's canonical bytes. They are not compared with their digest: proving is `verify`'s.
    ///
    /// # Errors
    /// Bytes that are no snapshot's body.
    pub fn read(id: String, bytes: &[u8]) -> Result<Recorded, serde_json::Error> {
        let body: Body<'_> = serde_json::from_slice(bytes)?;
        Ok(Recorded {
            as_of: body.as_of,
            config_version: body.config_version,
            facts: Facts::from_readings(body.inputs.into_iter()),
            id,
            recent: body.recent,
            recommendation: body.recommendation,
            same_engine: body.engine_version == ENGINE_VERSION,
        })
    }
}

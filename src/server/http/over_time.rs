//! The charts of the founder's page. They are drawn once for each state of the history, and kept for every reader.

use crate::domain::policy::Config;
use crate::domain::trend::{OverTime, Range, spans};
use crate::server::charts::{self, Drawing};
use crate::server::store::{TrendReading, TrendSpan};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most environments and ranges whose charts are kept.
const MOST: usize = 64;

/// The state of the history that charts were drawn from, and the end of their time.
type DrawnAt = (u64, DateTime<Utc>);

/// Charts with the state that they were drawn from, by environment and range.
type Charts = HashMap<(String, Range), (DrawnAt, Arc<OverTime>)>;

/// Charts that are drawn already.
#[derive(Default)]
pub struct Drawn(Mutex<Charts>);

impl Drawn {
    /// The charts of an environment over a range, and the state that they were drawn from.
    pub fn find(&self, environment: &str, range: Range) -> Option<(DrawnAt, Arc<OverTime>)> {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.get(&(environment.to_owned(), range)).cloned()
    }

    pub fn keep(&self, environment: &str, at: DrawnAt, over_time: Arc<OverTime>) {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (environment.to_owned(), over_time.range);
        if drawn.len() >= MOST && !drawn.contains_key(&key) {
            drawn.clear();
        }
        drawn.insert(key, (at, over_time));
    }
}

/// Draws what was read.
pub fn draw(config: &Config, span: &TrendSpan, read: TrendReading) -> OverTime {
    let TrendSpan { from, range, to } = *span;
    let TrendReading { days, events, points } = read;
    // What was before the first evaluation is not known here.
    let known_from = points.first().map_or(to, |first| (first.at - span.step()).max(from));
    let spans = spans(&events, (config.mode, config.frozen), known_from, to);
    let charts = charts::draw(&Drawing {
        days: &days,
        from,
        guardrails: &config.policy.guardrails,
        points: &points,
        range,
        spans: &spans,
        to,
    });
    OverTime { charts, from, points, range, spans, to }
}

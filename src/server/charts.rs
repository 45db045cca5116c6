//! Owns the charts of the page, drawn on the server: health as a band, load and clients against their limits, the spans of
//! modes and freezes, and a calendar of daily health. Must not know where points come from; colours are the page's.

mod calendar;
mod lines;
mod samples;
mod spans;
mod theme;

pub use samples::{Drawn, samples};

use crate::domain::policy::Guardrails;
use crate::domain::trend::{Chart, Range, Spans, TrendPoint};
use chrono::{DateTime, Utc};

/// What the charts are drawn from.
pub struct Drawing<'a> {
    /// The lowest overall health of each day (UTC), for ranges long enough to show days; with the highest that it may be.
    pub days: &'a [TrendPoint],
    pub from: DateTime<Utc>,
    pub guardrails: &'a Guardrails,
    /// Ascending.
    pub points: &'a [TrendPoint],
    pub range: Range,
    pub spans: &'a Spans,
    pub to: DateTime<Utc>,
}

/// All charts of the page; none where there are too few points to draw a line.
pub fn draw(drawing: &Drawing<'_>) -> Vec<Chart> {
    if drawing.points.len() < 2 {
        return Vec::new();
    }
    let mut charts = vec![lines::health(drawing), lines::load(drawing), lines::clients(drawing), spans::modes(drawing)];
    charts.extend((drawing.range.days() >= Range::Quarter.days()).then(|| calendar::health(drawing)));
    charts.into_iter().flatten().collect()
}

/// A chart of a drawn SVG, with its title and description inside, where readers of the screen look for them.
fn chart(id: &str, title: &str, description: String, svg: charts_rs::Result<String>) -> Option<Chart> {
    let svg = svg.inspect_err(|error| super::observability::log_error("a chart could not be drawn", error)).ok()?;
    Some(Chart {
        svg: theme::dressed(&svg, id, title, &description),
        description,
        id: id.to_owned(),
        title: title.to_owned(),
    })
}

#[cfg(test)]
mod tests;

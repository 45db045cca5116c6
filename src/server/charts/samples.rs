//! Owns the small chart of the raw samples behind one number: each source a line of its own, nothing between two samples.

use super::chart;
use super::theme::{self, GOOD, LIMIT, LINE, MARK, TEXT};
use crate::domain::trend::Chart;
use charts_rs::{LineChart, Series, Symbol};
use chrono::{DateTime, Utc};

/// One sample as it is drawn.
pub struct Drawn<'a> {
    pub at: DateTime<Utc>,
    pub source: &'a str,
    pub value: f64,
}

/// The chart, or nothing where there are too few samples to draw a line. Samples may come in any order.
pub fn samples(name: &str, drawn: &[Drawn<'_>]) -> Option<Chart> {
    let mut sources: Vec<&str> = drawn.iter().map(|sample| sample.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut all: Vec<&Drawn<'_>> = drawn.iter().collect();
    all.sort_by_key(|sample| sample.at);
    let (first, last) = (all.first()?.at, all.last()?.at);
    if first == last {
        return None;
    }
    let series = sources.iter().enumerate().map(|(place, source)| {
        let own: Vec<&&Drawn<'_>> = all.iter().filter(|sample| sample.source == *source).collect();
        let mut series = Series::new(String::new(), own.iter().map(|sample| sample.value as f32).collect());
        series.x_values = Some(own.iter().map(|sample| sample.at.timestamp() as f64).collect());
        series.index = Some(place % 4);
        series
    });
    let mut chart_of_lines = LineChart::new(series.collect(), Vec::new());
    theme::frame(&mut chart_of_lines, 140.0);
    chart_of_lines.series.colors = vec![LINE, GOOD, MARK, LIMIT];
    chart_of_lines.series.symbol = Some(Symbol::Circle(1.5, None));
    for axis in &mut chart_of_lines.y_axis_configs {
        axis.min = Some(0.0);
        axis.split_number = 3;
        axis.font.color = TEXT;
        axis.font.size = 12.0;
    }
    let values = || drawn.iter().map(|sample| sample.value);
    let description = format!(
        "{} samples of {} from {} to {}: at least {}, at most {}.",
        drawn.len(),
        sources.join(", "),
        first.format("%-d %b %Y, %H:%M"),
        last.format("%-d %b %Y, %H:%M"),
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    chart("chart-samples", name, description, chart_of_lines.svg())
}

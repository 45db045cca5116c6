//! Owns the chart of modes and freezes: a bar for each stretch of time, under the same axis as the lines above it.

use super::theme::{self, FROZEN, MODES, TEXT};
use super::{Drawing, chart};
use crate::domain::trend::Chart;
use charts_rs::{GanttChart, GanttTask};
use chrono::{DateTime, Utc};

/// What lies between a row's name and its bars.
const NAME_GAP: f32 = 8.0;

fn task(name: &str, row: &str, from: DateTime<Utc>, to: DateTime<Utc>, colour: charts_rs::Color) -> GanttTask {
    GanttTask {
        name: name.to_owned(),
        start: from.timestamp() as f64,
        end: to.timestamp() as f64,
        row: Some(row.to_owned()),
        color: Some(colour),
        ..GanttTask::default()
    }
}

/// The spans of modes, and of freezes where there were any.
pub fn modes(drawing: &Drawing<'_>) -> Option<Chart> {
    let spans = drawing.spans;
    let mut tasks: Vec<GanttTask> = spans
        .modes
        .iter()
        .map(|span| task(span.mode.name(), "Mode", span.from, span.to, MODES[span.mode as usize]))
        .collect();
    tasks.extend(spans.freezes.iter().map(|span| task("frozen", "Frozen", span.from, span.to, FROZEN)));
    let rows = if spans.freezes.is_empty() { 1.0 } else { 2.0 };
    let mut drawn = GanttChart::new(tasks);
    theme::frame(&mut drawn, 40.0 + rows * 30.0);
    drawn.x_axis.min = Some(drawing.from.timestamp() as f64);
    drawn.x_axis.max = Some(drawing.to.timestamp() as f64);
    for axis in &mut drawn.y_axis_configs {
        axis.font.color = TEXT;
        axis.font.size = 12.0;
    }
    // The plot begins after its row's name: the margin makes it begin where the plots above do.
    let longest = if spans.freezes.is_empty() { "Mode" } else { "Frozen" };
    let name = charts_rs::measure_text_width_family(&drawn.font_family, 12.0, longest).map_or(0.0, |name| name.width());
    drawn.margin.left = (theme::LEFT - NAME_GAP - name).max(0.0);
    drawn.margin.right = theme::RIGHT;
    let said: Vec<String> = spans
        .modes
        .iter()
        .map(|span| format!("{} from {} to {}", span.mode, day(span.from), day(span.to)))
        .chain(spans.freezes.iter().map(|span| format!("frozen from {} to {}", day(span.from), day(span.to))))
        .collect();
    chart("chart-modes", "Modes and freezes", format!("{}.", said.join("; ")), drawn.svg())
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M").to_string()
}

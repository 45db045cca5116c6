//! Owns the calendar of daily health: each day (UTC) in the class of its lowest overall health; a day without an
//! evaluation stays empty.

use super::theme::{self, BAD, EMPTY, GOOD, MIDDLE, TEXT};
use super::{Drawing, chart};
use crate::domain::trend::Chart;
use charts_rs::CalendarChart;
use chrono::Datelike;

/// The calendar, or nothing where no day was evaluated.
pub fn health(drawing: &Drawing<'_>) -> Option<Chart> {
    let first = drawing.days.first()?;
    let last = drawing.days.last()?;
    let rails = drawing.guardrails;
    let mut drawn = CalendarChart::new(
        drawing.days.iter().map(|day| (day.at.format("%F").to_string(), day.overall.lo() as f32)).collect(),
        first.at.year(),
    );
    drawn.start_date = first.at.format("%F").to_string();
    drawn.end_date = last.at.format("%F").to_string();
    theme::frame(&mut drawn, 124.0);
    drawn.colors = vec![BAD, MIDDLE, GOOD];
    drawn.thresholds = vec![rails.freeze_below_health as f32, rails.min_health_for_increase as f32];
    drawn.empty_color = EMPTY;
    drawn.x_axis.font.color = TEXT;
    drawn.cell_size = 11.0;
    drawn.cell_gap = 2.0;
    let count = |holds: &dyn Fn(f64) -> bool| drawing.days.iter().filter(|day| holds(day.overall.lo())).count();
    let (freeze, increase) = (rails.freeze_below_health, rails.min_health_for_increase);
    let description = format!(
        "The lowest overall health of each day. Of {} days, {} stayed at {increase} or above, {} between {freeze} and {increase}, {} \
         fell below {freeze}.",
        drawing.days.len(),
        count(&|lo| lo >= increase),
        count(&|lo| lo >= freeze && lo < increase),
        count(&|lo| lo < freeze),
    );
    chart("chart-calendar", "Lowest health of each day", description, drawn.svg())
}

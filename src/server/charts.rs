//! Owns charts drawn on the server: overall health over time as a band between its least and greatest value.
//! Must not know where the points come from. Colours come from the page's style sheet, by class.

use super::store::TrendPoint;
use crate::domain::interval::Interval;
use charts_rs::{LineChart, Series};

/// Points that a chart can show without its lines becoming a blot.
const MAX_POINTS: usize = 120;

/// An SVG chart of overall health, or an empty text where there are too few points to draw a line.
pub fn health_trend(points: &[TrendPoint]) -> String {
    if points.len() < 2 {
        return String::new();
    }
    let thinned = thin(points);
    let line = |name: &str, value: fn(Interval) -> f64| {
        Series::new(
            name.to_owned(),
            thinned.iter().map(|point| (value(point.overall) * 10.0).round() as f32 / 10.0).collect(),
        )
    };
    let labels = thinned.iter().map(|point| point.at.format("%d %b %H:%M").to_string()).collect();
    let mut chart = LineChart::new(vec![line("at best", Interval::hi), line("at worst", Interval::lo)], labels);
    chart.width = 720.0;
    chart.height = 220.0;
    chart.font_family = "sans-serif".to_owned();
    chart.margin.right = 16.0;
    for axis in &mut chart.y_axis_configs {
        axis.min = Some(0.0);
        axis.max = Some(100.0);
    }
    chart.svg().unwrap_or_default()
}

/// Every n-th point and the last: each one that is shown was measured, none is averaged.
fn thin(points: &[TrendPoint]) -> Vec<TrendPoint> {
    let step = points.len().div_ceil(MAX_POINTS);
    let mut thinned: Vec<TrendPoint> = points.iter().rev().step_by(step).copied().collect();
    thinned.reverse();
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: i64) -> Vec<TrendPoint> {
        (0..count)
            .map(|place| TrendPoint {
                at: chrono::DateTime::from_timestamp(1_800_000_000 + place * 900, 0).unwrap(),
                overall: Interval::new(50.0, 90.0),
            })
            .collect()
    }

    #[test]
    fn a_single_point_is_no_line() {
        assert_eq!(health_trend(&points(1)), "");
        assert!(health_trend(&points(2)).starts_with("<svg"));
    }

    #[test]
    fn thinning_keeps_the_newest_point_and_measured_ones_only() {
        let all = points(1_000);
        let thinned = thin(&all);
        assert!(thinned.len() <= MAX_POINTS);
        assert_eq!(thinned.last(), all.last());
        assert!(thinned.iter().all(|point| all.contains(point)));
    }
}

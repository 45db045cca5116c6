//! Owns what the charts promise: words beside every picture, the page's colours, no line across a gap.

use super::*;
use crate::domain::decision::Recommendation;
use crate::domain::interval::Interval;
use crate::domain::mode::Mode;
use crate::domain::trend::ModeSpan;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + hour * 3_600, 0).unwrap()
}

fn point(hour: i64, lo: f64, hi: f64) -> TrendPoint {
    TrendPoint {
        answer: Recommendation::Hold,
        at: at(hour),
        clients_lo: 12,
        clients_hi: Some(12),
        clients_limit: 15,
        load: Interval::exactly(0.8),
        mode: Mode::Pilot,
        overall: Interval::new(lo, hi),
        snapshots: 8,
    }
}

fn drawn(points: &[TrendPoint], range: Range) -> Vec<Chart> {
    let spans = Spans {
        freezes: Vec::new(),
        modes: vec![
            ModeSpan { from: at(0), mode: Mode::Lab, to: at(50) },
            ModeSpan { from: at(50), mode: Mode::Pilot, to: at(100) },
        ],
    };
    let guardrails = Guardrails::default();
    draw(&Drawing { days: points, from: at(0), guardrails: &guardrails, points, range, spans: &spans, to: at(100) })
}

#[test]
fn a_single_point_is_no_line() {
    assert!(drawn(&[point(1, 50.0, 90.0)], Range::Week).is_empty());
}

#[test]
fn every_chart_has_a_title_a_description_and_the_pages_colours() {
    let points: Vec<TrendPoint> = (0..50).map(|place| point(place * 2, 50.0, 90.0)).collect();
    let charts = drawn(&points, Range::Year);
    let ids: Vec<&str> = charts.iter().map(|chart| chart.id.as_str()).collect();
    assert_eq!(ids, ["chart-health", "chart-load", "chart-clients", "chart-modes", "chart-calendar"]);
    for chart in charts {
        assert!(chart.svg.starts_with("<svg"), "{}", chart.id);
        assert!(chart.svg.contains("<title") && chart.svg.contains("<desc"), "{}", chart.id);
        assert!(chart.svg.contains("var(--chart-"), "{}", chart.id);
        assert!(!chart.svg.contains("#0102"), "{}: a stand-in was left", chart.id);
        assert!(!chart.svg.contains("style="), "{}: an inline style", chart.id);
        assert!(!chart.svg.contains("NaN"), "{}", chart.id);
    }
}

#[test]
fn nothing_is_drawn_across_a_gap() {
    let whole: Vec<TrendPoint> = (0..20).map(|place| point(place * 2, 50.0, 90.0)).collect();
    let parted: Vec<TrendPoint> = whole.iter().filter(|point| !(at(10)..at(26)).contains(&point.at)).copied().collect();
    let moves = |points: &[TrendPoint]| drawn(points, Range::Week)[0].svg.matches(['M', 'm']).count();
    assert!(moves(&parted) > moves(&whole), "the line begins anew after the gap");
}

#[test]
fn the_description_says_the_newest_and_the_worst() {
    let charts = drawn(&[point(1, 80.0, 90.0), point(3, 31.5, 90.0), point(5, 70.0, 72.0)], Range::Week);
    assert!(charts[0].description.contains("Newest: 70 to 72. At worst 31.5"), "{}", charts[0].description);
}

//! Owns the example charts of the styleguide: an invented stretch of time, answered by the engine and drawn as the page's
//! own charts are. Must not read a store; nothing here was measured.

use super::charts::{self, Drawing};
use super::http::AppState;
use crate::api::StyleguideCharts;
use crate::domain::breach::BreachSet;
use crate::domain::decision::assess;
use crate::domain::interval::{Count, Interval};
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, Policy};
use crate::domain::recent::{Recent, Stabilization};
use crate::domain::trend::{Chart, FreezeSpan, ModeSpan, OverTime, Range, Spans, TrendPoint};
use crate::domain::worked::in_good_order;
use crate::error::{Code, WireError};
use chrono::{DateTime, Duration, Utc};

/// 10 March 2026, 12:00: when the examples end.
const END: i64 = 1_773_144_000;
/// Hours before the end without an evaluation: a gap.
const GAP: std::ops::Range<i64> = 60..84;
/// Hours before the end at which the mode changed from lab to pilot.
const CHANGED: i64 = 110;
/// Hours before the end during which the environment was frozen.
const FROZEN: std::ops::Range<i64> = 20..44;

/// The example charts: a week with a gap, a change of the mode and a freeze; and a calendar of a quarter.
///
/// # Errors
/// 404 where the server was not started with the styleguide.
pub fn charts(state: &AppState) -> Result<StyleguideCharts, WireError> {
    if state.settings.styleguide {
        Ok(StyleguideCharts { calendar: calendar(), over_time: week() })
    } else {
        Err(WireError::new(Code::UnknownPath, "The address leads nowhere."))
    }
}

fn week() -> OverTime {
    let at = |hours_ago: i64| end() - Duration::hours(hours_ago);
    let (from, to) = (at(7 * 24), end());
    let spans = Spans {
        freezes: vec![FreezeSpan { from: at(FROZEN.end), to: at(FROZEN.start) }],
        modes: vec![
            ModeSpan { from, mode: Mode::Lab, to: at(CHANGED) },
            ModeSpan { from: at(CHANGED), mode: Mode::Pilot, to },
        ],
    };
    let hours = (0..7 * 12).rev().map(|place| place * 2).filter(|hours| !GAP.contains(hours));
    let points: Vec<TrendPoint> = hours.map(point).collect();
    let charts = draw(&points, &[], Range::Week, &spans, from);
    OverTime { charts, from, points, range: Range::Week, spans, to }
}

fn calendar() -> Vec<Chart> {
    let from = end() - Duration::days(90);
    let points: Vec<TrendPoint> =
        (0..90).rev().filter(|day| !(31..36).contains(day)).map(|day| point(day * 24)).collect();
    let spans = Spans { freezes: Vec::new(), modes: vec![ModeSpan { from, mode: Mode::Lab, to: end() }] };
    draw(&points, &points, Range::Quarter, &spans, from)
        .into_iter()
        .filter(|chart| chart.id == "chart-calendar")
        .collect()
}

fn draw(points: &[TrendPoint], days: &[TrendPoint], range: Range, spans: &Spans, from: DateTime<Utc>) -> Vec<Chart> {
    let guardrails = &Policy::default().guardrails;
    charts::draw(&Drawing { days, from, guardrails, points, range, spans, to: end() })
}

fn end() -> DateTime<Utc> {
    DateTime::from_timestamp(END, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

/// What the engine answers so many hours before the end, of an invented business.
fn point(hours_ago: i64) -> TrendPoint {
    let mode = if hours_ago >= CHANGED { Mode::Lab } else { Mode::Pilot };
    let mut config = Config::new("examples", EnvironmentKind::Recorded, mode, Policy::default(), DateTime::UNIX_EPOCH);
    config.frozen = FROZEN.contains(&hours_ago);
    let mut facts = in_good_order(&config);
    // A slow wave, so that the lines have something to show.
    let wave = hours_ago.rem_euclid(48).abs_diff(24);
    facts.clients = Count::exactly(if mode == Mode::Lab { 4 } else { 12 + wave / 12 });
    facts.warnings = Count::exactly(wave / 8);
    facts.at_risk = Count { lo: 0, hi: wave / 8 };
    facts.cpu = Some(Interval::new(0.5 + wave as f64 / 80.0, 0.6 + wave as f64 / 60.0));
    let held = Stabilization { expected: 96, held: 96, last_three: true, unsafe_ticks: 0 };
    let recent = Recent { previous: None, recovered: BreachSet::all(), stabilization: held, tick_minutes: 15 };
    let at = end() - Duration::hours(hours_ago);
    let assessment = assess(&facts, &config, &recent, at);
    TrendPoint {
        answer: assessment.recommendation,
        at,
        clients_hi: Some(facts.clients.hi),
        clients_limit: config.limits().max_clients.get(),
        clients_lo: facts.clients.lo,
        load: assessment.health.utilisation.worst.max(assessment.health.demand),
        mode,
        overall: assessment.health.scores.overall,
        snapshots: 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_has_all_its_charts_a_gap_a_change_of_mode_and_a_freeze() {
        let week = week();
        let ids: Vec<&str> = week.charts.iter().map(|chart| chart.id.as_str()).collect();
        assert_eq!(ids, ["chart-health", "chart-load", "chart-clients", "chart-modes"]);
        let longest = week.points.windows(2).map(|pair| pair[1].at - pair[0].at).max();
        assert!(longest > Some(Duration::hours(12)), "{longest:?}");
        assert_eq!((week.spans.modes.len(), week.spans.freezes.len()), (2, 1));
        assert!(week.points.iter().any(|point| point.overall.width() > 1.0), "a band");
    }

    #[test]
    fn the_calendar_has_days_of_more_than_one_class_and_empty_ones() {
        let drawn = calendar();
        assert_eq!(drawn.len(), 1);
        assert!(drawn[0].description.contains("Of 85 days"), "{}", drawn[0].description);
        assert!(!drawn[0].description.contains("85 stayed"), "{}", drawn[0].description);
    }
}

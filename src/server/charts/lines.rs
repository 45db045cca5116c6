//! Owns the charts that are lines over time: health as a band between its least and greatest value, the fullest load and
//! the clients, each against its lines. Where nothing was evaluated there is a gap; nothing is drawn across it.

use super::theme::{self, BAD, GOOD, LIMIT, LINE, MARK, TEXT};
use super::{Drawing, chart};
use crate::domain::trend::{Chart, TrendPoint};
use charts_rs::{LineChart, LineStep, Series, SeriesBand};
use chrono::{DateTime, Utc};

/// The place of a point among the points that are drawn, with the gaps.
type Slot<'a> = (DateTime<Utc>, Option<&'a TrendPoint>);

/// The points with a slot of nothing wherever two lie further apart than a step and a half.
fn with_gaps<'a>(drawing: &Drawing<'a>) -> Vec<Slot<'a>> {
    let step = chrono::Duration::hours(i64::from(drawing.range.step_hours()));
    let mut slots: Vec<Slot<'a>> = Vec::with_capacity(drawing.points.len());
    for point in drawing.points {
        if let Some((before, _)) = slots.last()
            && point.at - *before > step * 5 / 2
        {
            slots.push((*before + step, None));
        }
        slots.push((point.at, Some(point)));
    }
    slots
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64
}

/// The end of an axis: the next value that its four parts divide evenly.
fn even(value: f64, parts: f64) -> f64 {
    (value / parts).ceil() * parts
}

fn rounded(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

/// The colours of a chart's lines, by their place.
const PALETTE: [charts_rs::Color; 5] = [LINE, MARK, GOOD, BAD, LIMIT];
const CHANGE: usize = 1;
const ASKED: usize = 2;
const FREEZE: usize = 3;
const MOST: usize = 4;

/// What a chart shows of each point: its least and its greatest value, where there is one.
struct Shown<'a> {
    drawing: &'a Drawing<'a>,
    hi: &'a dyn Fn(&TrendPoint) -> Option<f64>,
    lo: &'a dyn Fn(&TrendPoint) -> f64,
    /// The top of the axis; unbounded values are drawn up to it.
    top: f64,
}

impl Shown<'_> {
    /// A chart of the band with lines across it at fixed values.
    fn line_chart(&self, height: f32, lines: &[(f64, usize)], formatter: Option<&str>) -> LineChart {
        let slots = with_gaps(self.drawing);
        let of = |read: &dyn Fn(&TrendPoint) -> f64| -> Vec<Option<f32>> {
            slots.iter().map(|(_, point)| point.map(|point| rounded(read(point).min(self.top)))).collect()
        };
        let (lo, hi) = (of(&|point| (self.lo)(point)), of(&|point| (self.hi)(point).unwrap_or(self.top)));
        let mut series = Series::new_nullable(String::new(), lo.clone());
        series.band = Some(SeriesBand { lower: lo, upper: hi, ..SeriesBand::default() });
        let mut list = vec![series];
        list.extend(lines.iter().map(|(value, colour)| self.across(*value, *colour)));
        list.extend(self.changes());
        let mut chart = LineChart::new(list, Vec::new());
        theme::frame(&mut chart, height);
        chart.series.colors = PALETTE.to_vec();
        chart.x_axis.values = slots.iter().map(|(at, _)| seconds(*at)).collect();
        chart.x_axis.min = Some(seconds(self.drawing.from));
        chart.x_axis.max = Some(seconds(self.drawing.to));
        for axis in &mut chart.y_axis_configs {
            axis.min = Some(0.0);
            axis.max = Some(self.top as f32);
            axis.split_number = 4;
            axis.formatter = formatter.map(str::to_owned);
            axis.font.color = TEXT;
            axis.font.size = 12.0;
        }
        chart
    }

    /// An upright line for each change of the mode.
    fn changes(&self) -> Vec<Series> {
        let upright = |at: DateTime<Utc>| {
            let mut line = Series::new(String::new(), vec![0.0, self.top as f32]);
            line.x_values = Some(vec![seconds(at), seconds(at)]);
            line.index = Some(CHANGE);
            line.stroke_dash_array = Some("2,3".to_owned());
            line
        };
        self.drawing.spans.modes.iter().skip(1).map(|span| upright(span.from)).collect()
    }

    /// A line across the whole chart at a value.
    fn across(&self, value: f64, colour: usize) -> Series {
        let mut line = Series::new(String::new(), vec![value as f32, value as f32]);
        line.x_values = Some(vec![seconds(self.drawing.from), seconds(self.drawing.to)]);
        line.index = Some(colour);
        line.stroke_dash_array = Some("6,4".to_owned());
        line
    }
}

/// Overall health, from worst to best, with the freeze line and what an Increase asks for.
pub fn health(drawing: &Drawing<'_>) -> Option<Chart> {
    let rails = drawing.guardrails;
    let shown = Shown { drawing, hi: &|point| Some(point.overall.hi()), lo: &|point| point.overall.lo(), top: 100.0 };
    let lines = [(rails.freeze_below_health, FREEZE), (rails.min_health_for_increase, ASKED)];
    let drawn = shown.line_chart(190.0, &lines, None);
    let lowest = drawing.points.iter().min_by(|one, two| one.overall.lo().total_cmp(&two.overall.lo()))?;
    let newest = drawing.points.last()?;
    let title = format!(
        "Overall health (freeze below {}, an Increase asks for {})",
        rails.freeze_below_health, rails.min_health_for_increase
    );
    let description = format!(
        "Overall health over {} days, 0 to 100. Newest: {} to {}. At worst {}, on {}. Lines: freeze below {}, an Increase asks \
         for {}.",
        drawing.range.days(),
        rounded(newest.overall.lo()),
        rounded(newest.overall.hi()),
        rounded(lowest.overall.lo()),
        lowest.at.format("%-d %b %Y"),
        rails.freeze_below_health,
        rails.min_health_for_increase,
    );
    chart("chart-health", &title, description, drawn.svg())
}

/// The fullest load as a share of its limit.
pub fn load(drawing: &Drawing<'_>) -> Option<Chart> {
    let per_cent = |value: f64| value * 100.0;
    let most = drawing.points.iter().map(|point| point.load.lo()).fold(1.0, f64::max);
    let top = even(per_cent(most) * 1.1, 40.0);
    let shown = Shown {
        drawing,
        hi: &|point| point.load.hi().is_finite().then(|| per_cent(point.load.hi())),
        lo: &|point| per_cent(point.load.lo()),
        top,
    };
    let asked = per_cent(drawing.guardrails.max_utilisation_for_increase);
    let drawn = shown.line_chart(150.0, &[(100.0, MOST), (asked, ASKED)], Some("{c} %"));
    let newest = drawing.points.last()?;
    let title = format!(
        "Fullest load, share of its limit (an Increase asks for at most {} % of posts and spend)",
        rounded(asked)
    );
    let open = if newest.load.hi().is_finite() { "" } else { " at least; not all of it is known" };
    let description = format!(
        "The fullest of clients, posts and AI spend, as a share of its limit, over {} days. Newest: {} %{open}. Lines: the limit \
         at 100 %, an Increase asks for at most {} % of posts and spend.",
        drawing.range.days(),
        rounded(per_cent(newest.load.lo())),
        rounded(asked),
    );
    chart("chart-load", &title, description, drawn.svg())
}

/// Active clients with the limit that was in force.
pub fn clients(drawing: &Drawing<'_>) -> Option<Chart> {
    let most = drawing.points.iter().map(|point| point.clients_lo.max(point.clients_limit)).max()? as f64;
    let top = even(most * 1.1, 4.0);
    let shown = Shown {
        drawing,
        hi: &|point| point.clients_hi.map(|clients| clients as f64),
        lo: &|point| point.clients_lo as f64,
        top,
    };
    let mut drawn = shown.line_chart(150.0, &[], None);
    let mut limit = Series::new_nullable(
        String::new(),
        with_gaps(drawing).iter().map(|(_, point)| point.map(|point| point.clients_limit as f32)).collect(),
    );
    limit.step = Some(LineStep::End);
    limit.index = Some(MOST);
    limit.stroke_dash_array = Some("6,4".to_owned());
    drawn.series_list.push(limit);
    let newest = drawing.points.last()?;
    let known = match newest.clients_hi {
        Some(hi) if hi == newest.clients_lo => format!("{hi}"),
        Some(hi) => format!("{} to {hi}", newest.clients_lo),
        None => "not known".to_owned(),
    };
    let description = format!(
        "Active clients over {} days, with the limit of the mode that was in force. Newest: {known} of {}.",
        drawing.range.days(),
        newest.clients_limit,
    );
    chart("chart-clients", "Active clients, under the limit of their mode", description, drawn.svg())
}

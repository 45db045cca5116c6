//! Owns a stream: one series of one source as minute rows with its coverage, and what a window of it says.
//! Must not know how several sources are joined, or what is decided. A silent pipeline is unknown, never zero.

use super::doubt::Doubt;
use super::histogram::Histogram;
use super::interval::{Count, Interval, settle};
use super::rollup::{Aggregated, MINUTE_MS, MinuteRow};
use super::signal::{Aggregation, Kind, Series};

/// How far back the usual step of a source is looked for.
pub const STEP_LOOKBACK_MS: i64 = 48 * 60 * MINUTE_MS;
/// How many gaps between samples the usual step is the median of.
const STEP_GAPS: usize = 64;

/// A stretch of time, open at `from` and closed at `to`, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
}

impl Span {
    pub const fn length(self) -> i64 {
        self.to - self.from
    }

    fn overlap(self, other: Span) -> i64 {
        (self.to.min(other.to) - self.from.max(other.from)).max(0)
    }
}

/// One series of one source.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Minutes from sample to sample, where the source has said so.
    declared_step: Option<u32>,
    rows: Vec<MinuteRow>,
    series: Series,
    source: String,
    /// Where the source vouches for its data, ascending, without overlap; empty where it never has.
    spans: Vec<Span>,
    /// `totals[i]` is the sum of the totals of the rows before `i`.
    totals: Vec<u64>,
    /// `samples[i]` is the number of samples in the rows before `i`.
    samples: Vec<u64>,
    /// Why part of what was counted isn't known.
    pub doubts: Vec<Doubt>,
    /// Usage that was counted and has no price, by name.
    pub unpriced: Vec<String>,
}

/// What a window of a stream holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen<T> {
    /// The share of the window, 0-1, for which there is data.
    pub coverage: f64,
    pub fetched_at: i64,
    /// Part of what was counted is not known.
    pub is_open: bool,
    pub samples: u64,
    pub value: T,
}

/// A latency over a window, and what its source had done to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub aggregation: Option<Aggregation>,
    pub ms: Interval,
}

impl Stream {
    /// A stream of `rows`, ascending by minute, one row a minute.
    pub fn new(
        source: String,
        series: Series,
        declared_step: Option<u32>,
        spans: Vec<Span>,
        rows: Vec<MinuteRow>,
    ) -> Stream {
        let running = |value: fn(&MinuteRow) -> u64| {
            let mut sum = 0u64;
            std::iter::once(0)
                .chain(rows.iter().map(|row| {
                    sum = sum.saturating_add(value(row));
                    sum
                }))
                .collect::<Vec<u64>>()
        };
        let totals = running(|row| row.total);
        let samples = running(|row| row.samples);
        let (doubts, unpriced) = (Vec::new(), Vec::new());
        Stream { declared_step, rows, series, source, spans, totals, samples, doubts, unpriced }
    }

    /// Whether any row is known only in part.
    pub fn has_open_rows(&self) -> bool {
        self.rows.iter().any(|row| row.is_open)
    }

    pub fn series(&self) -> Series {
        self.series
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The spans that began before a time: what was vouched for later says nothing yet.
    fn spans_until(&self, at: i64) -> &[Span] {
        &self.spans[..self.spans.partition_point(|span| span.from < at)]
    }

    /// How many rows lie at or before a time.
    fn rows_until(&self, at: i64) -> usize {
        self.rows.partition_point(|row| row.last_at <= at)
    }

    /// The newest row at or before a time.
    pub fn latest(&self, at: i64) -> Option<&MinuteRow> {
        self.rows_until(at).checked_sub(1).map(|place| &self.rows[place])
    }

    /// Up to when the source's data is there at `as_of`: its own word, or its newest sample. A level or gauge is only
    /// known where it was sampled, no matter what a watermark says.
    pub fn data_through(&self, as_of: i64) -> Option<i64> {
        let sampled = self.latest(as_of).map(|row| row.last_at);
        if matches!(self.series.signal().kind(), Kind::Gauge | Kind::Level) {
            return sampled;
        }
        let vouched = self.spans_until(as_of).last().map(|span| span.to.min(as_of));
        // A source that vouches is taken at its word, even where samples run ahead of it.
        vouched.or(sampled)
    }

    /// Milliseconds from sample to sample: declared, or the median of the gaps seen before `as_of`.
    pub fn step(&self, as_of: i64) -> Option<i64> {
        if let Some(minutes) = self.declared_step {
            return Some(i64::from(minutes) * MINUTE_MS);
        }
        let end = self.rows_until(as_of);
        let oldest = as_of - STEP_LOOKBACK_MS;
        let mut gaps = [0i64; STEP_GAPS];
        let mut count = 0;
        let mut place = end;
        while place >= 2 && count < STEP_GAPS && self.rows[place - 2].last_at > oldest {
            gaps[count] = self.rows[place - 1].minute - self.rows[place - 2].minute;
            count += 1;
            place -= 1;
        }
        if count == 0 {
            return None;
        }
        let (_, median, _) = gaps[..count].select_nth_unstable(count / 2);
        Some(*median * MINUTE_MS)
    }

    /// The stretch that a row speaks for: back to the sample before it, at most two steps.
    fn reach_of(&self, place: usize, step: Option<i64>) -> Span {
        let row = &self.rows[place];
        let most = step.map_or(0, |step| 2 * step);
        let furthest = row.first_at - most;
        let before = place.checked_sub(1).map(|before| self.rows[before].last_at);
        Span {
            // Without a sample before it, a row is taken to speak for one step and no more.
            from: before.map_or(row.first_at - step.unwrap_or(0), |before| before.max(furthest)),
            to: row.last_at,
        }
    }

    /// The rows with a sample within a window.
    fn places(&self, window: Span) -> std::ops::Range<usize> {
        let start = self.rows.partition_point(|row| row.last_at <= window.from);
        let end = self.rows.partition_point(|row| row.first_at <= window.to);
        start..end.max(start)
    }

    /// How many milliseconds of a window the samples speak for.
    fn sampled(&self, window: Span, step: Option<i64>) -> i64 {
        let places = self.places(window);
        // The sample after the window may speak for its end.
        let end = (places.end + 1).min(self.rows.len());
        (places.start..end).map(|place| self.reach_of(place, step).overlap(window)).sum()
    }

    /// How many milliseconds of a window are covered, as seen at `as_of`.
    fn covered(&self, window: Span, as_of: i64) -> i64 {
        let spans = self.spans_until(as_of);
        if spans.is_empty() {
            return self.sampled(window, self.step(as_of));
        }
        spans.iter().map(|span| Span { from: span.from, to: span.to.min(as_of) }.overlap(window)).sum()
    }

    /// The share of a window, 0-1, for which there is data as seen at `as_of`: its own word, or what its samples speak for.
    pub fn coverage(&self, window: Span, as_of: i64) -> f64 {
        self.covered(window, as_of) as f64 / window.length().max(1) as f64
    }

    fn seen<T>(&self, window: Span, covered: i64, value: T) -> Seen<T> {
        let places = self.places(window);
        Seen {
            // Nothing is missing of a window without length.
            coverage: if window.length() > 0 { (covered as f64 / window.length() as f64).min(1.0) } else { 1.0 },
            fetched_at: self.rows[places.clone()].iter().map(|row| row.fetched_at).max().unwrap_or(0),
            is_open: self.rows[places.clone()].iter().any(|row| row.is_open),
            samples: self.samples[places.end] - self.samples[places.start],
            value,
        }
    }

    /// The total of a sum over a window: between what certainly happened within it and all that may have. A window
    /// that is covered only in part says *at least* what was seen.
    pub fn total(&self, window: Span, as_of: i64) -> Seen<Count> {
        let places = self.places(window);
        let covered = self.covered(window, as_of);
        let all = self.totals[places.end].saturating_sub(self.totals[places.start]);
        let certain = match (self.rows.get(places.start), places.len()) {
            (_, 0) | (None, _) => 0,
            (Some(only), 1) if only.last_at > window.to => 0,
            (Some(_), 1) => all.saturating_sub(self.straddling_start(places.start, window)),
            (Some(_), _) => {
                let last = &self.rows[places.end - 1];
                let beyond_end = if last.last_at > window.to { last.total } else { 0 };
                all.saturating_sub(self.straddling_start(places.start, window)).saturating_sub(beyond_end)
            }
        };
        let mut hi = all;
        if let Some(after) = self.rows.get(places.end)
            && after.last_at <= as_of
        {
            // A sample after the window's end counts what happened since the one before it, perhaps within.
            let before = places.end.checked_sub(1).map_or(i64::MIN, |place| self.rows[place].last_at);
            if before < window.to {
                hi = hi.saturating_add(after.first);
            }
        }
        let after = self.rows.get(places.end).is_some_and(|after| after.is_open && after.last_at <= as_of);
        let is_open = after || self.rows[places.clone()].iter().any(|row| row.is_open);
        let whole = covered >= window.length() && !is_open;
        let value = if whole { Count { lo: certain, hi } } else { Count::at_least(certain) };
        self.seen(window, covered, value)
    }

    /// How much of the first row's total may lie before the window.
    fn straddling_start(&self, place: usize, window: Span) -> u64 {
        let row = &self.rows[place];
        if row.first_at <= window.from {
            return row.total;
        }
        let vouched =
            self.spans.iter().find(|span| span.from < row.first_at && row.first_at <= span.to).map(|span| span.from);
        let before = place.checked_sub(1).map(|before| self.rows[before].last_at);
        // The sample counts since the one before it; within vouched time it counts at most since that began.
        let since = before.into_iter().chain(vouched).max().unwrap_or(i64::MIN);
        if since >= window.from { 0 } else { row.first }
    }

    /// The time-weighted mean of a level over a window, as a ratio; minutes not covered count as anything from 0 to 1.
    pub fn mean(&self, window: Span, as_of: i64) -> Seen<Interval> {
        let step = self.step(as_of);
        let atoms = self.series.signal().unit().atoms() as f64;
        let mut weighted = 0.0;
        let mut covered = 0;
        for place in self.places(window) {
            let row = &self.rows[place];
            let weight = self.reach_of(place, step).overlap(window);
            weighted += row.total as f64 / row.samples as f64 / atoms * weight as f64;
            covered += weight;
        }
        let length = window.length().max(1);
        let lo = weighted / length as f64;
        let hi = lo + (length - covered).max(0) as f64 / length as f64;
        self.seen(window, covered, Interval::new(settle(lo.min(1.0)), settle(hi.min(1.0))))
    }

    /// How much of a window only its first distribution speaks for, where that may hold what was counted over a silence that
    /// began before the window: a counter says after a silence what it counted all along. Most of it may not have happened
    /// within the window, and its parts can't be separated.
    fn counted_over_silence(&self, window: Span, as_of: i64) -> i64 {
        let place = self.places(window).start;
        let is_distribution = |row: &MinuteRow| row.latency.as_ref().is_some_and(|own| !own.histogram.is_empty());
        if !self.spans_until(as_of).is_empty() || !self.rows.get(place).is_some_and(is_distribution) {
            return 0;
        }
        let reach = self.reach_of(place, self.step(as_of));
        let before = place.checked_sub(1).map_or(i64::MIN, |before| self.rows[before].last_at);
        if before < reach.from { reach.overlap(window) } else { 0 }
    }

    /// The 95th percentile of a latency over a window, or what its source has made of it. Each minute speaks in its best
    /// form; where the minutes differ in that, the result spans them all and is labelled as the least of them. A window
    /// covered only in part, or with requests that aren't known, says nothing of what was not seen.
    pub fn latency(&self, window: Span, as_of: i64) -> Seen<Latency> {
        let covered = self.covered(window, as_of) - self.counted_over_silence(window, as_of);
        let rows = self.rows[self.places(window)].iter().filter_map(|row| row.latency.as_deref());
        let mut histogram = Histogram::default();
        let mut p95: Option<Aggregated> = None;
        let mut mean: Option<Aggregated> = None;
        for row in rows {
            if !row.histogram.is_empty() {
                histogram.merge(&row.histogram);
            } else if row.p95.is_some() {
                join(&mut p95, row.p95.as_ref());
            } else {
                join(&mut mean, row.mean.as_ref());
            }
        }
        let aggregation = if mean.is_some() { Some(Aggregation::Mean) } else { p95.as_ref().map(|_| Aggregation::P95) };
        // The percentile of a whole is between the percentiles of its parts.
        let ms =
            [(!histogram.is_empty()).then(|| histogram.p95()), p95.as_ref().map(bounds_ms), mean.as_ref().map(mean_ms)]
                .into_iter()
                .flatten()
                .reduce(Interval::hull)
                .unwrap_or(Interval::NON_NEGATIVE);
        let is_open = self.rows[self.places(window)].iter().any(|row| row.is_open);
        let ms = if covered >= window.length() && !is_open { ms } else { Interval::NON_NEGATIVE };
        self.seen(window, covered, Latency { aggregation, ms })
    }

    /// The length, in milliseconds, of the shortest run of whole minutes up to `to` that holds `wanted` of a sum,
    /// within `least` and `most`.
    pub fn run_holding(&self, to: i64, wanted: u64, least: i64, most: i64) -> i64 {
        let end = self.rows_until(to);
        let target = match self.totals[end].checked_sub(wanted) {
            Some(target) => target,
            None => return most,
        };
        // The last row from which on at least `wanted` was counted.
        let start = self.totals[..=end].partition_point(|total| *total <= target).saturating_sub(1);
        let vouched = self.rows.get(start).and_then(|first| {
            let span = self.spans.iter().find(|span| span.from < first.first_at && first.first_at <= span.to)?;
            Some(span.from)
        });
        // The first sample counts since the one before it, or since its source began to vouch.
        let from = match start.checked_sub(1).map(|before| self.rows[before].last_at).into_iter().chain(vouched).max() {
            Some(from) => from,
            None => return most,
        };
        let minutes = (to - from + MINUTE_MS - 1) / MINUTE_MS;
        (minutes * MINUTE_MS).clamp(least, most)
    }
}

fn join(own: &mut Option<Aggregated>, other: Option<&Aggregated>) {
    match (own, other) {
        (Some(own), Some(other)) => own.merge(other),
        (own @ None, Some(other)) => *own = Some(other.clone()),
        (_, None) => {}
    }
}

const NANOS_PER_MS: f64 = 1e6;

fn bounds_ms(values: &Aggregated) -> Interval {
    Interval::new(values.min as f64 / NANOS_PER_MS, values.max as f64 / NANOS_PER_MS)
}

/// The mean over all requests where every value says how many it stands for, else the bounds of the means.
fn mean_ms(values: &Aggregated) -> Interval {
    match values.count {
        Some(count) if count > 0 => Interval::exactly(settle(values.weighted as f64 / count as f64 / NANOS_PER_MS)),
        _ => bounds_ms(values),
    }
}

//! Owns the way from streams to inputs: which window each signal is read over, how old it may be, how several sources
//! are joined, what contradicts what. Must not know scores or rules. Specification: docs/engine.md, section 5 "Inputs".

use super::input::{Input, InputState, Value, Window, WindowName};
use super::interval::{Count, Interval};
use super::policy::{Config, EnvironmentKind, Windows};
use super::rollup::MINUTE_MS;
use super::signal::{Aggregation, Kind, Series, Signal, Unit};
use super::stream::{Seen, Span, Stream};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// The note about a gauge that several exporters of one source report differently.
const DISAGREE: &str = "several processes of the source report it and disagree: give each a source of its own, or combine them in a mapping";
const AT_LEAST: &str = "part of it is unknown: it is this much at least";

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How far back streams must reach for all but the evidence window, in milliseconds.
pub fn reach_ms(config: &Config) -> i64 {
    let windows = &config.policy.windows;
    let sums = i64::from(windows.sum_window_hours + windows.sum_max_lag_hours) * HOUR_MS;
    let infra = 2 * i64::from(windows.infra_window_minutes + windows.infra_max_lag_minutes) * MINUTE_MS;
    sums.max(infra).max(super::stream::STEP_LOOKBACK_MS) + 2 * HOUR_MS
}

/// How far back streams must reach where the evidence window is at its longest, in milliseconds.
pub fn long_reach_ms(config: &Config) -> i64 {
    i64::from(config.policy.windows.evidence_max_days) * DAY_MS + reach_ms(config)
}

/// Whether streams that reach back to `from` (milliseconds since 1970) hold too few requests for the evidence window,
/// so that an evaluation at `as_of` needs [`long_reach_ms`].
pub fn needs_long_reach(streams: &[Stream], config: &Config, as_of: DateTime<Utc>, from: i64) -> bool {
    let reader = Reader { as_of: as_of.timestamp_millis(), config, streams, windows: &config.policy.windows };
    reader.fresh_end(&[Series::InfraRequests]).is_some_and(|end| end - reader.evidence(end) <= from)
}

/// Reads all inputs of an evaluation from the environment's streams, as they were at `as_of`.
/// `day_start` is when the calendar day began in the environment's time zone; its totals are shown, never decided on.
pub fn inputs(streams: &[Stream], config: &Config, as_of: DateTime<Utc>, day_start: DateTime<Utc>) -> Vec<Input> {
    let reader = Reader { as_of: as_of.timestamp_millis(), config, streams, windows: &config.policy.windows };
    let mut inputs = Vec::with_capacity(16);
    for series in [
        Series::ClientsActive,
        Series::ClientsAtRisk,
        Series::WarningsInfo,
        Series::WarningsWarning,
        Series::WarningsCritical,
    ] {
        inputs.push(reader.gauge(series));
    }
    let day = i64::from(reader.windows.sum_window_hours) * HOUR_MS;
    for series in [Series::PostsPublished, Series::AiSpend] {
        inputs.push(reader.sum(series, WindowName::Trailing, |to| to - day));
    }
    inputs.push(reader.level(Series::InfraCpu));
    reader.infra(&mut inputs);
    for series in [Series::PostsPublished, Series::AiSpend] {
        let start = day_start.timestamp_millis();
        inputs.push(reader.sum(series, WindowName::Today, |to| start.min(to)));
    }
    contradict(&mut inputs);
    if config.kind == EnvironmentKind::Synthetic {
        for input in &mut inputs {
            if matches!(input.state, InputState::Known | InputState::Partial) {
                input.state = InputState::Synthetic;
            }
        }
    }
    inputs
}

/// Whether what a stream says is fresh enough to count at `as_of`.
pub fn is_fresh(stream: &Stream, config: &Config, as_of: DateTime<Utc>) -> bool {
    let windows = &config.policy.windows;
    let reader = Reader { as_of: as_of.timestamp_millis(), config, streams: std::slice::from_ref(stream), windows };
    let age = stream.data_through(reader.as_of).map(|to| reader.as_of - to);
    let most = match stream.series().signal().kind() {
        Kind::Gauge => i64::from(windows.gauge_max_age_hours) * HOUR_MS,
        Kind::Sum if matches!(stream.series().signal(), Signal::PostsPublished | Signal::AiSpend) => {
            i64::from(windows.sum_max_lag_hours) * HOUR_MS
        }
        Kind::Sum | Kind::Level | Kind::Distribution => reader.infra_lag(stream),
    };
    age.is_some_and(|age| age <= most)
}

/// What one source says of one window.
struct Reading<'s> {
    aggregation: Option<Aggregation>,
    coverage: f64,
    data_through: Option<i64>,
    fetched_at: Option<i64>,
    note: Option<Cow<'static, str>>,
    samples: u64,
    source: &'s str,
    state: InputState,
    value: Option<Value>,
    window: Span,
}

struct Reader<'a> {
    as_of: i64,
    config: &'a Config,
    streams: &'a [Stream],
    windows: &'a Windows,
}

impl<'a> Reader<'a> {
    fn of(&self, series: Series) -> impl Iterator<Item = &'a Stream> {
        self.streams.iter().filter(move |stream| stream.series() == series)
    }

    /// Errors are only ever read as a share of the requests: without those they do not apply either.
    fn applies(&self, signal: Signal) -> bool {
        let policy = &self.config.policy;
        policy.applies(signal) && (signal != Signal::InfraErrors || policy.applies(Signal::InfraRequests))
    }

    fn gauge(&self, series: Series) -> Input {
        let max_age = i64::from(self.windows.gauge_max_age_hours) * HOUR_MS;
        let readings = self.of(series).filter_map(|stream| {
            let row = stream.latest(self.as_of)?;
            let fresh = self.as_of - row.last_at <= max_age;
            let (state, value, note) = match (fresh, row.is_open) {
                (false, _) => (InputState::Stale, None, Some(too_old(self.as_of - row.last_at, max_age))),
                (true, false) => (InputState::Known, Some(Count::exactly(row.last)), None),
                // Whether an alert that is no longer repeated is open nobody knows: of the others there are this many.
                (true, true) if series.severity().is_some() => {
                    (InputState::Partial, Some(Count::at_least(row.last)), Some(Cow::Borrowed(AT_LEAST)))
                }
                // Of several samples of a minute nothing says which one is the least.
                (true, true) => {
                    let least = if row.samples == 1 { row.last } else { 0 };
                    (InputState::Contradictory, Some(Count::at_least(least)), Some(Cow::Borrowed(DISAGREE)))
                }
            };
            Some(Reading {
                aggregation: None,
                coverage: f64::from(u8::from(fresh)),
                data_through: Some(row.last_at),
                fetched_at: Some(row.fetched_at),
                note,
                samples: 1,
                source: stream.source(),
                state,
                value: value.map(Value::Count),
                window: Span { from: row.last_at, to: row.last_at },
            })
        });
        self.join(series, WindowName::Latest, readings)
    }

    fn sum(&self, series: Series, name: WindowName, from: impl Fn(i64) -> i64) -> Input {
        if !self.applies(series.signal()) {
            return self.not_applicable(series, name);
        }
        let max_lag = i64::from(self.windows.sum_max_lag_hours) * HOUR_MS;
        let readings = self.of(series).filter_map(|stream| {
            let to = stream.data_through(self.as_of)?;
            if self.as_of - to > max_lag {
                return Some(self.stale(stream, to, max_lag));
            }
            let window = Span { from: from(to), to };
            Some(self.counted(stream, window, to))
        });
        self.join(series, name, readings)
    }

    fn level(&self, series: Series) -> Input {
        if !self.applies(series.signal()) {
            return self.not_applicable(series, WindowName::LastHour);
        }
        let readings = self.of(series).filter_map(|stream| {
            let to = stream.data_through(self.as_of)?;
            let max_lag = self.infra_lag(stream);
            if self.as_of - to > max_lag {
                return Some(self.stale(stream, to, max_lag));
            }
            let window = Span { from: to - self.hour(), to };
            let seen = stream.mean(window, self.as_of);
            Some(self.reading(stream, window, to, &seen, Value::Real(seen.value)))
        });
        self.join(series, WindowName::LastHour, readings)
    }

    /// Latency, requests and errors, each over the last hour and over the evidence window.
    fn infra(&self, inputs: &mut Vec<Input>) {
        let latency_end = self.fresh_end(&[Series::InfraLatency]);
        let requests_end = self.fresh_end(&[Series::InfraRequests]);
        // Signals used together end at the earlier watermark.
        let rate_end = match (requests_end, self.fresh_end(&[Series::InfraErrors])) {
            (Some(requests), Some(errors)) => Some(requests.min(errors)),
            (one, other) => one.or(other),
        };
        let latency_evidence_end = latency_end.map(|end| requests_end.map_or(end, |requests| requests.min(end)));
        let hour = self.hour();
        for (name, end, length) in [
            (WindowName::LastHour, latency_end, hour),
            (WindowName::Evidence, latency_evidence_end, latency_evidence_end.map_or(hour, |end| self.evidence(end))),
        ] {
            inputs.push(self.latency(name, end, length));
        }
        let evidence = rate_end.map_or(hour, |end| self.evidence(end));
        for series in [Series::InfraRequests, Series::InfraErrors] {
            for (name, length) in [(WindowName::LastHour, hour), (WindowName::Evidence, evidence)] {
                inputs.push(self.rate_part(series, name, rate_end, length));
            }
        }
    }

    fn latency(&self, name: WindowName, end: Option<i64>, length: i64) -> Input {
        let series = Series::InfraLatency;
        if !self.applies(series.signal()) {
            return self.not_applicable(series, name);
        }
        let readings = self.of(series).filter_map(|stream| {
            let (own, max_lag) = (stream.data_through(self.as_of)?, self.infra_lag(stream));
            if self.as_of - own > max_lag {
                return Some(self.stale(stream, own, max_lag));
            }
            let to = end.unwrap_or(own).min(own);
            let window = Span { from: to - length, to };
            let seen = stream.latency(window, self.as_of);
            let mut reading = self.reading(stream, window, own, &seen, Value::Real(seen.value.ms));
            reading.aggregation = seen.value.aggregation;
            Some(reading)
        });
        self.join(series, name, readings)
    }

    fn rate_part(&self, series: Series, name: WindowName, end: Option<i64>, length: i64) -> Input {
        if !self.applies(series.signal()) {
            return self.not_applicable(series, name);
        }
        let readings = self.of(series).filter_map(|stream| {
            let (own, max_lag) = (stream.data_through(self.as_of)?, self.infra_lag(stream));
            if self.as_of - own > max_lag {
                return Some(self.stale(stream, own, max_lag));
            }
            let to = end.unwrap_or(own).min(own);
            Some(self.counted(stream, Span { from: to - length, to }, own))
        });
        self.join(series, name, readings)
    }

    fn hour(&self) -> i64 {
        i64::from(self.windows.infra_window_minutes) * MINUTE_MS
    }

    /// The length of the shortest run of minutes up to `end` that holds enough requests; the infra window where there
    /// is no count.
    fn evidence(&self, end: i64) -> i64 {
        let hour = self.hour();
        let most = i64::from(self.windows.evidence_max_days) * DAY_MS;
        if !self.applies(Signal::InfraRequests) {
            return hour;
        }
        self.of(Series::InfraRequests)
            .filter(|stream| self.is_fresh(stream))
            .map(|stream| stream.run_holding(end, self.windows.evidence_requests, hour, most.max(hour)))
            .max()
            .unwrap_or(hour)
    }

    /// Milliseconds that an infra source may lie behind: the configured lag, or two of its steps where that is longer.
    fn infra_lag(&self, stream: &Stream) -> i64 {
        let configured = i64::from(self.windows.infra_max_lag_minutes) * MINUTE_MS;
        configured.max(2 * stream.step(self.as_of).unwrap_or(0))
    }

    fn is_fresh(&self, stream: &Stream) -> bool {
        stream.data_through(self.as_of).is_some_and(|to| self.as_of - to <= self.infra_lag(stream))
    }

    fn fresh_end(&self, series: &[Series]) -> Option<i64> {
        self.streams
            .iter()
            .filter(|stream| series.contains(&stream.series()) && self.is_fresh(stream))
            .filter_map(|stream| stream.data_through(self.as_of))
            .min()
    }

    fn counted<'s>(&self, stream: &'s Stream, window: Span, data_through: i64) -> Reading<'s> {
        let seen = stream.total(window, self.as_of);
        let value = match stream.series().signal().unit() {
            Unit::Usd => Value::Money(seen.value),
            _ => Value::Count(seen.value),
        };
        self.reading(stream, window, data_through, &seen, value)
    }

    fn reading<'s, T>(
        &self,
        stream: &'s Stream,
        window: Span,
        data_through: i64,
        seen: &Seen<T>,
        value: Value,
    ) -> Reading<'s> {
        let empty = seen.coverage <= 0.0 && seen.samples == 0 && window.length() > 0;
        let state = if empty {
            InputState::Missing
        } else if seen.coverage < 1.0 || seen.is_open {
            InputState::Partial
        } else {
            InputState::Known
        };
        Reading {
            aggregation: None,
            coverage: super::interval::settle(seen.coverage),
            data_through: Some(data_through),
            fetched_at: (seen.fetched_at > 0).then_some(seen.fetched_at),
            note: seen.is_open.then(|| not_all(stream)),
            samples: seen.samples,
            source: stream.source(),
            state,
            value: (!empty).then_some(value),
            window,
        }
    }

    fn stale<'s>(&self, stream: &'s Stream, data_through: i64, max_lag: i64) -> Reading<'s> {
        Reading {
            aggregation: None,
            coverage: 0.0,
            data_through: Some(data_through),
            fetched_at: stream.latest(self.as_of).map(|row| row.fetched_at),
            note: Some(too_old(self.as_of - data_through, max_lag)),
            samples: 0,
            source: stream.source(),
            state: InputState::Stale,
            value: None,
            window: Span { from: data_through, to: data_through },
        }
    }

    fn not_applicable(&self, series: Series, name: WindowName) -> Input {
        self.absent(series, name, InputState::NotApplicable)
    }

    fn absent(&self, series: Series, name: WindowName, state: InputState) -> Input {
        Input {
            aggregation: None,
            coverage: 0.0,
            data_through: None,
            fetched_at: None,
            note: None,
            samples: 0,
            severity: series.severity(),
            signal: series.signal(),
            source: None,
            state,
            unit: series.signal().unit(),
            value: None,
            window: Window { from: time(self.as_of), name, to: time(self.as_of) },
        }
    }

    /// One input from what the sources say: the one that the founder prefers; without a preference those that speak are
    /// joined to the interval that spans them all, and where they disagree beyond the tolerance, that is a contradiction.
    fn join<'s>(&self, series: Series, name: WindowName, readings: impl Iterator<Item = Reading<'s>>) -> Input {
        let Some(order) = self.config.policy.preferred_sources.get(&series.signal()) else {
            return self.join_all(series, name, readings);
        };
        let readings: Vec<Reading<'s>> = readings.collect();
        let says = |source: &String| readings.iter().position(|own| own.source == source && own.value.is_some());
        match order.iter().find_map(says) {
            Some(place) => self.join_all(series, name, readings.into_iter().skip(place).take(1)),
            None => self.join_all(series, name, readings.into_iter()),
        }
    }

    fn join_all<'s>(&self, series: Series, name: WindowName, readings: impl Iterator<Item = Reading<'s>>) -> Input {
        let mut joined: Option<Reading<'s>> = None;
        let mut names: Option<String> = None;
        for reading in readings {
            let Some(own) = joined.as_mut() else {
                joined = Some(reading);
                continue;
            };
            match (own.value, reading.value) {
                (Some(one), Some(two)) => {
                    names = Some(format!("{}, {}", names.as_deref().unwrap_or(own.source), reading.source));
                    own.state = if own.state == InputState::Contradictory || !self.agree(one, two) {
                        own.note = Some(Cow::Borrowed("the sources disagree; the interval spans them"));
                        InputState::Contradictory
                    } else if own.state == InputState::Known && reading.state == InputState::Known {
                        InputState::Known
                    } else {
                        InputState::Partial
                    };
                    own.value = Some(span(one, two));
                    // P95 comes before Mean: two forms together are labelled as the lesser.
                    own.aggregation = own.aggregation.max(reading.aggregation);
                    own.coverage = own.coverage.min(reading.coverage);
                    own.data_through = own.data_through.min(reading.data_through);
                    own.fetched_at = own.fetched_at.max(reading.fetched_at);
                    own.samples += reading.samples;
                }
                // A source that says something counts for more than one that has gone silent.
                (None, Some(_)) => *own = reading,
                (None, None) if reading.data_through > own.data_through => *own = reading,
                (_, None) => {}
            }
        }
        let Some(own) = joined else {
            return self.absent(series, name, InputState::Missing);
        };
        Input {
            aggregation: own.aggregation,
            coverage: own.coverage,
            data_through: own.data_through.map(time),
            fetched_at: own.fetched_at.map(time),
            note: own.note,
            samples: own.samples,
            severity: series.severity(),
            signal: series.signal(),
            source: Some(names.unwrap_or_else(|| own.source.to_owned())),
            state: own.state,
            unit: series.signal().unit(),
            value: own.value,
            window: Window { from: time(own.window.from), name, to: time(own.window.to) },
        }
    }

    fn agree(&self, one: Value, two: Value) -> bool {
        let tolerance = self.windows.agreement_tolerance;
        let near = |one: f64, two: f64| one == two || (one - two).abs() <= tolerance * one.abs().max(two.abs());
        let (one, two) = (as_interval(one), as_interval(two));
        // Intervals that overlap can both be right; exact values must be near.
        let overlap = one.lo() <= two.hi() && two.lo() <= one.hi();
        overlap || (near(one.lo(), two.lo()) && near(one.hi(), two.hi()))
    }
}

fn as_interval(value: Value) -> Interval {
    match value {
        Value::Count(count) | Value::Money(count) => count.over(1),
        Value::Real(interval) => interval,
    }
}

fn span(one: Value, two: Value) -> Value {
    match (one, two) {
        (Value::Count(one), Value::Count(two)) => Value::Count(one.hull(two)),
        (Value::Money(one), Value::Money(two)) => Value::Money(one.hull(two)),
        (one, two) => Value::Real(as_interval(one).hull(as_interval(two))),
    }
}

fn time(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// The note about a stream of which part isn't known.
fn not_all(stream: &Stream) -> Cow<'static, str> {
    let is_money = stream.series().signal().unit() == Unit::Usd;
    if is_money && (stream.doubts.is_empty() || !stream.unpriced.is_empty()) {
        return without_price(&stream.unpriced);
    }
    let why: Vec<&str> = stream.doubts.iter().map(|doubt| doubt.problem()).collect();
    let why = if why.is_empty() { "part of it could not be counted".to_owned() } else { why.join("; ") };
    let rest =
        if stream.series() == Series::InfraLatency { "some requests are missing" } else { "it is this much at least" };
    Cow::Owned(format!("{why}: {rest}"))
}

/// The note about a sum that contains usage without a price.
fn without_price(names: &[String]) -> Cow<'static, str> {
    match names {
        [] => Cow::Borrowed("part of it is unknown: it is this much at least"),
        names => Cow::Owned(format!("no price for {}: it is this much at least", names.join(", "))),
    }
}

fn too_old(age_ms: i64, most_ms: i64) -> Cow<'static, str> {
    let say = |ms: i64| {
        if ms < 2 * HOUR_MS { format!("{} min", ms / MINUTE_MS) } else { format!("{} h", ms / HOUR_MS) }
    };
    Cow::Owned(format!("{} old; it counts up to {}", say(age_ms), say(most_ms)))
}

/// A part that is larger than its whole makes both unknown.
fn contradict(inputs: &mut [Input]) {
    for (part, whole, note) in [
        (Signal::ClientsAtRisk, Signal::ClientsActive, "more clients at risk than active ones"),
        (Signal::InfraErrors, Signal::InfraRequests, "more errors than requests"),
    ] {
        for name in [WindowName::Latest, WindowName::LastHour, WindowName::Evidence] {
            let find = |signal| inputs.iter().position(|input| input.signal == signal && input.window.name == name);
            let (Some(part), Some(whole)) = (find(part), find(whole)) else {
                continue;
            };
            let count = |place: usize| inputs[place].value.and_then(Value::count);
            let contradicts = matches!((count(part), count(whole)), (Some(part), Some(whole)) if part.lo > whole.hi);
            if contradicts {
                for place in [part, whole] {
                    inputs[place].state = InputState::Contradictory;
                    inputs[place].note = Some(Cow::Borrowed(note));
                    inputs[place].value = None;
                }
            }
        }
    }
}

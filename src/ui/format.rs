//! Owns how numbers, money, shares, intervals and times are written on the screen.
//! Must not know which number it writes. Unknown is written as "unknown", an open end as "at least": never as 0.

use crate::domain::input::Value;
use crate::domain::interval::{Interval, settle};
use crate::domain::money::Usd;
use crate::domain::snapshot::Threshold;
use crate::domain::wording;
use chrono::{DateTime, Duration, SecondsFormat, Utc};

/// What a number measures, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Points of a score, 0-100.
    Points,
    /// A part of a whole, 0-1, as per cent.
    Part,
    /// A share that may exceed the whole, as per cent.
    Share,
    /// So many for each active client.
    PerClient,
    /// US dollars.
    Money,
    Milliseconds,
    /// Things that are counted, by their singular and plural.
    Counted(&'static str, &'static str),
}

impl Measure {
    pub const CLIENTS: Measure = Measure::Counted("client", "clients");
    pub const POSTS: Measure = Measure::Counted("post", "posts");
    pub const WARNINGS: Measure = Measure::Counted("warning", "warnings");
    pub const REQUESTS: Measure = Measure::Counted("request", "requests");
    pub const HOURS: Measure = Measure::Counted("hour", "hours");
    pub const EVALUATIONS: Measure = Measure::Counted("evaluation", "evaluations");

    /// Whether an interval says nothing that the meaning of the number does not say already.
    fn says_nothing(self, lo: f64, hi: Option<f64>) -> bool {
        let most = match self {
            Measure::Points => Some(100.0),
            Measure::Part => Some(1.0),
            _ => None,
        };
        lo <= 0.0 && hi.is_none_or(|hi| most.is_some_and(|most| hi >= most))
    }

    fn factor(self) -> f64 {
        match self {
            Measure::Part | Measure::Share => 100.0,
            _ => 1.0,
        }
    }

    /// What follows the number.
    fn unit(self, one: bool) -> String {
        match self {
            Measure::Points | Measure::Money => String::new(),
            Measure::Part | Measure::Share => " %".to_owned(),
            Measure::PerClient => " per client".to_owned(),
            Measure::Milliseconds => " ms".to_owned(),
            Measure::Counted(singular, plural) => {
                format!(" {}", if one { singular } else { plural })
            }
        }
    }
}

pub const UNKNOWN: &str = "unknown";

/// A value with its unit: `12 clients`, `62–85`, `at least 5 posts`, `unknown`.
pub fn value(value: Value, measure: Measure) -> String {
    if let Value::Money(count) = value {
        return money_range(count.lo, count.is_bounded().then_some(count.hi));
    }
    let (lo, hi) = match value {
        Value::Count(count) | Value::Money(count) => (count.lo as f64, count.is_bounded().then_some(count.hi as f64)),
        Value::Real(interval) => (interval.lo(), interval.hi().is_finite().then_some(interval.hi())),
    };
    range(lo, hi, measure)
}

/// An interval with its unit.
pub fn interval(interval: Interval, measure: Measure) -> String {
    value(Value::Real(interval), measure)
}

/// A threshold with its unit.
pub fn threshold(threshold: Threshold, measure: Measure) -> String {
    match threshold {
        Threshold::Money(amount) => money(amount),
        Threshold::Count(count) => range(count as f64, Some(count as f64), measure),
        Threshold::Number(number) => range(number, Some(number), measure),
    }
}

/// A threshold as a plain number, where it is no money.
pub fn plain(threshold: Threshold) -> f64 {
    match threshold {
        Threshold::Money(amount) => amount.micros() as f64 / 1e6,
        Threshold::Count(count) => count as f64,
        Threshold::Number(number) => number,
    }
}

/// How complete the evidence is, 0-1, as the sentences of a snapshot say it.
pub fn completeness(share: f64) -> String {
    format!("{} %", wording::number(share * 100.0))
}

/// The width of a range of points, to two decimals: a small cost is not none.
pub fn range_width(points: f64) -> String {
    format!("{}", (points * 100.0).ceil() / 100.0)
}

/// A share, 0-1, as per cent.
pub fn share(share: f64) -> String {
    range(share, Some(share), Measure::Share)
}

fn range(lo: f64, hi: Option<f64>, measure: Measure) -> String {
    if lo != hi.unwrap_or(f64::INFINITY) && measure.says_nothing(lo, hi) {
        return UNKNOWN.to_owned();
    }
    // Densities are small numbers: one decimal would hide them.
    let fewest = if measure == Measure::PerClient { 2 } else { 1 };
    let low = settle(lo * measure.factor());
    let Some(high) = hi.map(|hi| settle(hi * measure.factor())) else {
        return format!("at least {}{}", exact(low, fewest), measure.unit(low == 1.0));
    };
    if low == high {
        return format!("{}{}", exact(low, fewest), measure.unit(low == 1.0));
    }
    // Rounded outward, so that what is written holds all that is possible and keeps its side of a whole threshold.
    let decimals = if high < 1.0 { 3 } else { 1 };
    let step = 10_f64.powi(decimals);
    let written = |number: f64| grouped(trimmed(&format!("{number:.*}", decimals as usize)));
    let (low, high) = (written((low * step).floor() / step), written((high * step).ceil() / step));
    format!("{low}–{high}{}", measure.unit(false))
}

/// Decimals without the zeros at their end.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A number with the fewest decimals, from `fewest` on, that do not make it look whole when it is not.
fn exact(number: f64, fewest: usize) -> String {
    for decimals in fewest..=6 {
        let text = format!("{number:.decimals$}");
        let trimmed = trimmed(&text);
        if number.fract() == 0.0 || trimmed.contains('.') {
            return grouped(trimmed);
        }
    }
    grouped(&format!("{number}"))
}

/// A whole number, its thousands set apart.
pub fn whole(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut out = String::with_capacity(number.len() + 4);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// An exact amount: `$1,250.00`.
pub fn money(amount: Usd) -> String {
    format!("${}", grouped(&amount.to_string()))
}

const CENT: u64 = 10_000;

/// Micro-dollars from `lo` to `hi`, in cents: the low end rounded down, the high end up.
fn money_range(lo: u64, hi: Option<u64>) -> String {
    let down = |micros: u64| money(Usd(if micros >= CENT { micros - micros % CENT } else { micros }));
    let up = |micros: u64| money(Usd(if micros >= CENT { micros.div_ceil(CENT).saturating_mul(CENT) } else { micros }));
    match hi {
        None if lo == 0 => UNKNOWN.to_owned(),
        None => format!("at least {}", down(lo)),
        Some(hi) if hi == lo => up(hi),
        Some(hi) => format!("{}–{}", down(lo), up(hi)),
    }
}

/// A time for people: `24 Nov 2026, 03:00 UTC`.
pub fn utc(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// A time for machines: RFC 3339.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// How long ago something was, in seconds: `12 min ago`, `just now`, `in 3 h`.
pub fn age(seconds: i64) -> String {
    match seconds {
        ..=-60 => ["in ", &minutes(-seconds / 60)].concat(),
        -59..60 => "just now".to_owned(),
        _ => [&minutes(seconds / 60), " ago"].concat(),
    }
}

/// A length of time: `12 min`, `36 h`, `5 days`.
pub fn length(duration: Duration) -> String {
    minutes(duration.num_minutes())
}

fn minutes(minutes: i64) -> String {
    let (count, unit) = match minutes {
        ..120 => (minutes, " min"),
        120..2_880 => (minutes / 60, " h"),
        _ => (minutes / 1_440, " days"),
    };
    [&count.unsigned_abs().to_string(), unit].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::interval::Count;

    #[test]
    fn intervals_are_written_outward_and_unknown_stays_unknown() {
        let cases = [
            (Interval::exactly(74.0), Measure::Points, "74"),
            (Interval::new(62.0, 85.0), Measure::Points, "62–85"),
            (Interval::new(62.44, 84.21), Measure::Points, "62.4–84.3"),
            (Interval::new(79.9612, 80.1), Measure::Points, "79.9–80.1"),
            (Interval::SCORE, Measure::Points, "unknown"),
            (Interval::UNIT, Measure::Part, "unknown"),
            (Interval::UNIT, Measure::Share, "0–100 %"),
            (Interval::NON_NEGATIVE, Measure::Share, "unknown"),
            (Interval::new(0.25, f64::INFINITY), Measure::Share, "at least 25 %"),
            (Interval::exactly(0.07), Measure::Share, "7 %"),
            (Interval::exactly(0.0), Measure::Share, "0 %"),
            (Interval::exactly(0.333_333), Measure::PerClient, "0.33 per client"),
            (Interval::exactly(1234.0), Measure::Milliseconds, "1,234 ms"),
        ];
        for (shown, measure, text) in cases {
            assert_eq!(interval(shown, measure), text, "{shown:?}");
        }
    }

    #[test]
    fn a_fraction_never_looks_like_an_integer() {
        for (number, text) in [(79.96, "79.96"), (79.996, "79.996"), (80.0, "80"), (79.64, "79.6"), (0.04, "0.04")] {
            assert_eq!(interval(Interval::exactly(number), Measure::Points), text);
        }
    }

    #[test]
    fn counts_have_their_unit_and_open_ends_their_words() {
        let cases = [
            (Count::exactly(0), "0 clients"),
            (Count::exactly(1), "1 client"),
            (Count::exactly(12_345), "12,345 clients"),
            (Count::at_least(5), "at least 5 clients"),
            (Count { lo: 5, hi: 9 }, "5–9 clients"),
            (Count::UNKNOWN, "unknown"),
        ];
        for (count, text) in cases {
            assert_eq!(value(Value::Count(count), Measure::CLIENTS), text);
        }
    }

    #[test]
    fn money_is_in_cents_and_small_amounts_keep_their_digits() {
        let cases = [
            (Count::exactly(12_340_000), "$12.34"),
            (Count::exactly(12_345_678), "$12.35"),
            (Count::exactly(1_250_000_000), "$1,250.00"),
            (Count::exactly(7), "$0.000007"),
            (Count { lo: 1_239_999, hi: 3_400_001 }, "$1.23–$3.41"),
            (Count::at_least(5_000_000), "at least $5.00"),
            (Count::UNKNOWN, "unknown"),
        ];
        for (count, text) in cases {
            assert_eq!(value(Value::Money(count), Measure::Money), text);
        }
        assert_eq!(threshold(Threshold::Money(Usd::dollars(50)), Measure::Money), "$50.00");
        assert_eq!(threshold(Threshold::Count(80), Measure::Points), "80");
        assert_eq!(threshold(Threshold::Number(0.7), Measure::Share), "70 %");
    }

    #[test]
    fn times_are_utc_and_ages_are_words() {
        let now = DateTime::from_timestamp(1_795_489_200, 0).unwrap();
        assert_eq!(utc(now), "24 Nov 2026, 03:00 UTC");
        assert_eq!(rfc3339(now), "2026-11-24T03:00:00Z");
        for (minutes, text) in [
            (0, "just now"),
            (12, "12 min ago"),
            (180, "3 h ago"),
            (40 * 60, "40 h ago"),
            (7_200, "5 days ago"),
            (-60, "in 60 min"),
        ] {
            assert_eq!(age(60 * minutes), text);
        }
        // Each second of a minute says the same, on both sides of now.
        for (seconds, text) in
            [(59, "just now"), (60, "1 min ago"), (119, "1 min ago"), (-59, "just now"), (-60, "in 1 min")]
        {
            assert_eq!(age(seconds), text);
        }
    }
}

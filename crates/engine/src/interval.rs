//! Owns intervals: what is known of a number, as the least and the greatest value it may have.
//! Must not know what a number measures. Every operation is inclusion-monotonic: narrowing an argument
//! never widens the result, which is why a certain answer stays right when the missing data arrives, no matter what it is.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use std::borrow::Cow;

/// A closed interval of real numbers; `hi` may be infinite (unbounded, `null` on the wire). Never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

/// How an interval compares with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// True of every value in the interval.
    Passed,
    /// It fails for every value in the interval.
    Failed,
    /// True of some values and false of others.
    Unknown,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }

    pub const fn from_bool(holds: bool) -> Outcome {
        if holds { Outcome::Passed } else { Outcome::Failed }
    }
}

impl Interval {
    /// All scores: nothing is known.
    pub const SCORE: Interval = Interval { lo: 0.0, hi: 100.0 };
    /// Zero or more: nothing is known.
    pub const NON_NEGATIVE: Interval = Interval { lo: 0.0, hi: f64::INFINITY };
    /// All ratios of a part to its whole: nothing is known.
    pub const UNIT: Interval = Interval { lo: 0.0, hi: 1.0 };

    /// The interval from `lo` to `hi`. Bounds that are NaN or in the wrong order make the widest interval, so that a
    /// mistake can only lose knowledge.
    pub fn new(lo: f64, hi: f64) -> Interval {
        if lo <= hi { Interval { lo, hi } } else { Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY } }
    }

    /// The interval that holds just `value`.
    pub fn exactly(value: f64) -> Interval {
        Interval::new(value, value)
    }

    pub const fn lo(self) -> f64 {
        self.lo
    }

    pub const fn hi(self) -> f64 {
        self.hi
    }

    pub fn width(self) -> f64 {
        if self.is_exact() { 0.0 } else { self.hi - self.lo }
    }

    pub fn is_exact(self) -> bool {
        self.lo == self.hi
    }

    pub fn contains(self, other: Interval) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// The smallest interval that holds both.
    pub fn hull(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The lower of two numbers known to lie in these intervals.
    pub fn min(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.min(other.hi) }
    }

    /// The higher of two numbers known to lie in these intervals.
    pub fn max(self, other: Interval) -> Interval {
        Interval { lo: self.lo.max(other.lo), hi: self.hi.max(other.hi) }
    }

    /// `function` of the interval, where it never falls as its argument rises.
    pub fn map_rising(self, function: impl Fn(f64) -> f64) -> Interval {
        Interval::new(function(self.lo), function(self.hi))
    }

    /// `function` of the interval, where it never rises as its argument rises.
    pub fn map_falling(self, function: impl Fn(f64) -> f64) -> Interval {
        Interval::new(function(self.hi), function(self.lo))
    }

    /// Whether the number is at most `threshold` (equality passes).
    pub fn at_most(self, threshold: f64) -> Outcome {
        if self.hi <= threshold {
            Outcome::Passed
        } else if self.lo > threshold {
            Outcome::Failed
        } else {
            Outcome::Unknown
        }
    }

    /// Whether the number is at least `threshold` (equality passes).
    pub fn at_least(self, threshold: f64) -> Outcome {
        if self.lo >= threshold {
            Outcome::Passed
        } else if self.hi < threshold {
            Outcome::Failed
        } else {
            Outcome::Unknown
        }
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Interval", 2)?;
        map.serialize_field("hi", &self.hi.is_finite().then_some(self.hi))?;
        map.serialize_field("lo", &self.lo.is_finite().then_some(self.lo))?;
        map.end()
    }
}

#[derive(Deserialize)]
struct WireInterval {
    hi: Option<f64>,
    lo: Option<f64>,
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireInterval::deserialize(deserializer)?;
        Ok(Interval::new(wire.lo.unwrap_or(f64::NEG_INFINITY), wire.hi.unwrap_or(f64::INFINITY)))
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Least and greatest possible value; null means unbounded.",
            "properties": {"lo": {"type": ["number", "null"]}, "hi": {"type": ["number", "null"]}},
            "required": ["lo", "hi"],
            "additionalProperties": false
        })
    }
}

/// A closed interval of whole numbers (clients, events, requests, or the atoms of a unit), exact;
/// `hi` may be unbounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub lo: u64,
    /// [`Count::UNBOUNDED`] where there is no upper bound.
    pub hi: u64,
}

impl Count {
    pub const UNBOUNDED: u64 = u64::MAX;
    /// Zero or more: nothing is known.
    pub const UNKNOWN: Count = Count { lo: 0, hi: Count::UNBOUNDED };

    pub const fn exactly(value: u64) -> Count {
        Count { lo: value, hi: value }
    }

    /// At least `value`: what was seen of a whole that is only partly covered.
    pub const fn at_least(value: u64) -> Count {
        Count { lo: value, hi: Count::UNBOUNDED }
    }

    pub const fn is_exact(self) -> bool {
        self.lo == self.hi
    }

    pub const fn is_bounded(self) -> bool {
        self.hi != Count::UNBOUNDED
    }

    pub fn hull(self, other: Count) -> Count {
        Count { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// The sum of two counts; unbounded where either is, or where it no longer fits.
    pub fn plus(self, other: Count) -> Count {
        Count { lo: self.lo.saturating_add(other.lo), hi: self.hi.saturating_add(other.hi) }
    }

    /// The count over a whole number above zero, as a ratio.
    pub fn over(self, whole: u64) -> Interval {
        let hi = if self.is_bounded() { self.hi as f64 / whole as f64 } else { f64::INFINITY };
        Interval::new(self.lo as f64 / whole as f64, hi)
    }

    /// Whether the count is at most `limit` (equality passes).
    pub fn at_most(self, limit: u64) -> Outcome {
        if self.hi <= limit {
            Outcome::Passed
        } else if self.lo > limit {
            Outcome::Failed
        } else {
            Outcome::Unknown
        }
    }
}

/// Rounds a score, ratio or confidence to a millionth: finer digits are noise of the arithmetic, and rounding is
/// monotonic, so no comparison turns.
pub fn settle(value: f64) -> f64 {
    if value.is_finite() { (value * 1e6).round() / 1e6 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_pass_at_equality_and_are_unknown_only_across() {
        let across = Interval::new(79.0, 81.0);
        assert_eq!(across.at_least(80.0), Outcome::Unknown);
        assert_eq!(across.at_least(79.0), Outcome::Passed);
        assert_eq!(across.at_least(81.5), Outcome::Failed);
        assert_eq!(across.at_most(81.0), Outcome::Passed);
        assert_eq!(across.at_most(78.9), Outcome::Failed);
        assert_eq!(Count::UNKNOWN.at_most(5), Outcome::Unknown);
        assert_eq!(Count::exactly(5).at_most(5), Outcome::Passed);
        assert_eq!(Count::at_least(6).at_most(5), Outcome::Failed);
    }

    #[test]
    fn a_mistaken_bound_only_loses_knowledge() {
        for broken in [Interval::new(f64::NAN, 1.0), Interval::new(2.0, 1.0)] {
            assert!(broken.contains(Interval::SCORE));
            assert_eq!(broken.at_least(0.0), Outcome::Unknown);
        }
    }

    #[test]
    fn an_unbounded_interval_is_null_on_the_wire_and_reads_back() {
        let text = serde_json::to_string(&Interval::NON_NEGATIVE).unwrap();
        assert_eq!(text, r#"{"hi":null,"lo":0.0}"#);
        assert_eq!(serde_json::from_str::<Interval>(&text).unwrap(), Interval::NON_NEGATIVE);
    }
}

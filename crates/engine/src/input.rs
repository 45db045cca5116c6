//! Owns an input as a snapshot keeps it: one signal over one window, its value or interval, and where it came from.
//! Must not know how windows are computed or what is decided from them.

use super::interval::{Count, Interval};
use super::money::Usd;
use super::signal::{Aggregation, Severity, Signal, Unit};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use std::borrow::Cow;
use std::fmt;

/// How much is known of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputState {
    /// Covered whole.
    Known,
    /// Covered in part; the value is an interval.
    Partial,
    /// There is data, but it is too old to count.
    Stale,
    /// There is no data.
    Missing,
    /// It contradicts another input, or its sources disagree.
    Contradictory,
    /// Invented data of a synthetic environment.
    Synthetic,
    /// Declared by the founder not to exist for this business.
    NotApplicable,
}

impl InputState {
    pub const fn name(self) -> &'static str {
        match self {
            InputState::Known => "known",
            InputState::Partial => "partial",
            InputState::Stale => "stale",
            InputState::Missing => "missing",
            InputState::Contradictory => "contradictory",
            InputState::Synthetic => "synthetic",
            InputState::NotApplicable => "not_applicable",
        }
    }
}

/// Which stretch of time an input speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowName {
    /// The newest sample of a gauge.
    Latest,
    /// The trailing day of the sums.
    Trailing,
    /// The last hour of infra.
    LastHour,
    /// The shortest run of minutes that holds enough requests to prove health.
    Evidence,
    /// The calendar day in the environment's time zone so far; shown, never decided on.
    Today,
}

impl WindowName {
    pub const fn name(self) -> &'static str {
        match self {
            WindowName::Latest => "latest",
            WindowName::Trailing => "trailing",
            WindowName::LastHour => "last_hour",
            WindowName::Evidence => "evidence",
            WindowName::Today => "today",
        }
    }
}

/// A window of time, open at `from` and closed at `to`, in whole minutes; for the newest sample of a gauge both ends
/// are its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    #[serde(serialize_with = "super::moment::serialize")]
    pub from: DateTime<Utc>,
    pub name: WindowName,
    #[serde(serialize_with = "super::moment::serialize")]
    pub to: DateTime<Utc>,
}

/// The value of an input. Counts and money are exact; ratios and milliseconds are numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Count(Count),
    /// Micro-dollars; decimal text on the wire.
    Money(Count),
    Real(Interval),
}

impl Value {
    /// The whole-number interval of a count or of money's micro-dollars.
    pub fn count(self) -> Option<Count> {
        match self {
            Value::Count(count) | Value::Money(count) => Some(count),
            Value::Real(_) => None,
        }
    }

    pub fn real(self) -> Option<Interval> {
        match self {
            Value::Real(interval) => Some(interval),
            Value::Count(_) | Value::Money(_) => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Value", 2)?;
        match self {
            Value::Count(count) => {
                map.serialize_field("hi", &count.is_bounded().then_some(count.hi))?;
                map.serialize_field("lo", &count.lo)?;
            }
            Value::Money(count) => {
                map.serialize_field("hi", &count.is_bounded().then_some(Usd(count.hi)))?;
                map.serialize_field("lo", &Usd(count.lo))?;
            }
            Value::Real(interval) => {
                map.serialize_field("hi", &interval.hi().is_finite().then_some(interval.hi()))?;
                map.serialize_field("lo", &interval.lo())?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Reads a value whose unit is not at hand: text is money, whole numbers are counts, others real. A whole real
    /// number comes back as a count, which writes the same bytes.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireValue::deserialize(deserializer)?;
        let is_money = matches!(wire.lo, WireNumber::Money(_));
        let is_real = matches!(wire.lo, WireNumber::Real(_)) || matches!(wire.hi, Some(WireNumber::Real(_)));
        let unit = match (is_money, is_real) {
            (true, _) => Unit::Usd,
            (_, true) => Unit::Ratio,
            _ => Unit::Events,
        };
        wire.typed(unit).ok_or_else(|| serde::de::Error::custom("lo and hi are not of one kind"))
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Least and greatest possible value: numbers, or decimal text for money; a null hi means unbounded.",
            "properties": {"lo": {"type": ["number", "string"]}, "hi": {"type": ["number", "string", "null"]}},
            "required": ["lo", "hi"],
            "additionalProperties": false
        })
    }
}

/// One signal over one window: what an evaluation works on, with its provenance.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Input {
    /// What the source had done to a latency; absent where it sent a distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// The share of the window, 0-1, for which there is data.
    pub coverage: f64,
    /// Up to when the source vouches for its data.
    #[serde(serialize_with = "super::moment::serialize_option")]
    pub data_through: Option<DateTime<Utc>>,
    /// When the newest of the data reached this store.
    #[serde(serialize_with = "super::moment::serialize_option")]
    pub fetched_at: Option<DateTime<Utc>>,
    /// What a founder must know to read the value, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'static, str>>,
    /// How many samples the value rests on.
    pub samples: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    pub signal: Signal,
    /// The source that sent it; several names if several sources did.
    pub source: Option<String>,
    pub state: InputState,
    pub unit: Unit,
    /// `None` where nothing usable is known.
    pub value: Option<Value>,
    pub window: Window,
}

/// What an input says, without where it came from: all that a decision looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub severity: Option<Severity>,
    pub signal: Signal,
    pub state: InputState,
    pub value: Option<Value>,
    pub window: WindowName,
}

impl Reading {
    pub fn of(input: &Input) -> Reading {
        Reading {
            severity: input.severity,
            signal: input.signal,
            state: input.state,
            value: input.value,
            window: input.window.name,
        }
    }

    /// Whether it takes part in decisions: today's totals and info warnings are only shown.
    pub fn decides(&self) -> bool {
        self.window != WindowName::Today && self.severity != Some(Severity::Info)
    }
}

/// A stored input with its provenance passed over: times and names are not worth reading a year of them.
#[derive(Deserialize)]
struct WireReading {
    severity: Option<Severity>,
    signal: Signal,
    state: InputState,
    unit: Unit,
    value: Option<WireValue>,
    window: WireWindow,
}

#[derive(Deserialize)]
struct WireWindow {
    name: WindowName,
}

impl<'de> Deserialize<'de> for Reading {
    /// Reads an input as a snapshot holds it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireReading::deserialize(deserializer)?;
        Ok(Reading {
            severity: wire.severity,
            signal: wire.signal,
            state: wire.state,
            value: typed(wire.value, wire.signal, wire.unit)?,
            window: wire.window.name,
        })
    }
}

#[derive(Deserialize)]
struct WireInput {
    aggregation: Option<Aggregation>,
    coverage: f64,
    data_through: Option<DateTime<Utc>>,
    fetched_at: Option<DateTime<Utc>>,
    note: Option<String>,
    samples: u64,
    severity: Option<Severity>,
    signal: Signal,
    source: Option<String>,
    state: InputState,
    unit: Unit,
    value: Option<WireValue>,
    window: Window,
}

#[derive(Deserialize)]
struct WireValue {
    hi: Option<WireNumber>,
    lo: WireNumber,
}

enum WireNumber {
    Whole(u64),
    Real(f64),
    Money(Usd),
}

impl<'de> Deserialize<'de> for WireNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WireNumberVisitor)
    }
}

/// Takes a number as it is written, without keeping it aside first: a snapshot holds dozens.
struct WireNumberVisitor;

impl Visitor<'_> for WireNumberVisitor {
    type Value = WireNumber;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, or an amount as decimal text")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<WireNumber, E> {
        Ok(WireNumber::Whole(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<WireNumber, E> {
        Ok(u64::try_from(value).map_or(WireNumber::Real(value as f64), WireNumber::Whole))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<WireNumber, E> {
        Ok(WireNumber::Real(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WireNumber, E> {
        Usd::parse(text).map(WireNumber::Money).map_err(|error| E::custom(format!("\"{text}\" {error}")))
    }
}

/// A value of a signal in its unit.
fn typed<E: de::Error>(value: Option<WireValue>, signal: Signal, unit: Unit) -> Result<Option<Value>, E> {
    value
        .map(|value| value.typed(unit).ok_or_else(|| E::custom(format!("the value of {signal} is not in {unit}"))))
        .transpose()
}

/// The unit says which kind of number a value is, so a value is only read together with its unit.
impl WireValue {
    fn typed(self, unit: Unit) -> Option<Value> {
        match unit {
            Unit::Clients | Unit::Events | Unit::Posts | Unit::Requests => Some(Value::Count(Count {
                lo: self.lo.whole()?,
                hi: match self.hi {
                    Some(hi) => hi.whole()?,
                    None => Count::UNBOUNDED,
                },
            })),
            Unit::Usd => Some(Value::Money(Count {
                lo: self.lo.money()?,
                hi: match self.hi {
                    Some(hi) => hi.money()?,
                    None => Count::UNBOUNDED,
                },
            })),
            Unit::Ratio | Unit::Percent | Unit::Milliseconds => Some(Value::Real(Interval::new(
                self.lo.real()?,
                match self.hi {
                    Some(hi) => hi.real()?,
                    None => f64::INFINITY,
                },
            ))),
        }
    }
}

impl WireNumber {
    fn whole(self) -> Option<u64> {
        match self {
            WireNumber::Whole(value) => Some(value),
            WireNumber::Real(_) | WireNumber::Money(_) => None,
        }
    }

    fn money(self) -> Option<u64> {
        match self {
            WireNumber::Money(value) => Some(value.micros()),
            WireNumber::Whole(_) | WireNumber::Real(_) => None,
        }
    }

    fn real(self) -> Option<f64> {
        match self {
            WireNumber::Whole(value) => Some(value as f64),
            WireNumber::Real(value) => Some(value),
            WireNumber::Money(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireInput::deserialize(deserializer)?;
        let value = typed(wire.value, wire.signal, wire.unit)?;
        Ok(Input {
            aggregation: wire.aggregation,
            coverage: wire.coverage,
            data_through: wire.data_through,
            fetched_at: wire.fetched_at,
            note: wire.note.map(Cow::Owned),
            samples: wire.samples,
            severity: wire.severity,
            signal: wire.signal,
            source: wire.source,
            state: wire.state,
            unit: wire.unit,
            value,
            window: wire.window,
        })
    }
}

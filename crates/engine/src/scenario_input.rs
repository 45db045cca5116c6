//! Owns the inputs that a scenario may set: their names, the grid that each is counted on, and how one exact value of
//! each is in the facts. Must not know limits, rules or answers.

use super::decimal::{Decimal, DecimalError};
use super::facts::{ErrorCount, Facts, Paired};
use super::input::{Input, Value};
use super::interval::{Count, Interval};
use super::policy::FieldError;
use super::signal::{Severity, Signal};
use super::statistics::wilson;

/// How many requests an error rate of a scenario is taken to rest on: so many that its interval is no wider than
/// 0.0001 points of a score, as a rate that is simply said should be.
pub const REQUESTS: u64 = 1_000_000_000_000_000;

/// Decimal places of an error rate.
const RATE_DECIMALS: u32 = 9;

/// An input that a scenario may set to one exact value. Values are whole units: clients, events, posts, micro-dollars,
/// billionths of a ratio, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum InputField {
    Clients,
    AtRisk,
    Warnings,
    Critical,
    Posts,
    AiSpend,
    Cpu,
    Latency,
    ErrorRate,
}

/// How many inputs a scenario may set.
pub const INPUTS: usize = 9;

/// What the facts say of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One value, in units.
    Exact(u64),
    /// Anything within a range, or nothing at all is known.
    Open,
    /// Declared not to exist for this business.
    NotApplicable,
}

impl InputField {
    pub const ALL: [InputField; INPUTS] = [
        InputField::Clients,
        InputField::AtRisk,
        InputField::Warnings,
        InputField::Critical,
        InputField::Posts,
        InputField::AiSpend,
        InputField::Cpu,
        InputField::Latency,
        InputField::ErrorRate,
    ];

    /// The name in forms and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            InputField::Clients => "inputs.clients",
            InputField::AtRisk => "inputs.at_risk",
            InputField::Warnings => "inputs.warnings",
            InputField::Critical => "inputs.critical",
            InputField::Posts => "inputs.posts",
            InputField::AiSpend => "inputs.ai_spend",
            InputField::Cpu => "inputs.cpu",
            InputField::Latency => "inputs.latency_ms",
            InputField::ErrorRate => "inputs.error_rate",
        }
    }

    pub fn from_name(name: &str) -> Option<InputField> {
        InputField::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Decimal places of a unit: dollars have six, ratios nine, milliseconds six, counts none.
    pub const fn decimals(self) -> u32 {
        match self {
            InputField::AiSpend | InputField::Latency => 6,
            InputField::Cpu | InputField::ErrorRate => RATE_DECIMALS,
            _ => 0,
        }
    }

    /// Units from one place of the grid to the next: one, a cent, a thousandth, a millisecond, a ten-thousandth.
    pub const fn step(self) -> u64 {
        match self {
            InputField::AiSpend => 10_000,
            InputField::Cpu | InputField::Latency => 1_000_000,
            InputField::ErrorRate => 100_000,
            _ => 1,
        }
    }

    /// Whether the value is a part of a whole, 0-1.
    pub const fn is_ratio(self) -> bool {
        matches!(self, InputField::Cpu | InputField::ErrorRate)
    }

    /// Reads decimal text into units.
    ///
    /// # Errors
    /// A sentence that goes behind the field's name.
    pub fn parse(self, text: &str) -> Result<u64, FieldError> {
        let wrong = |detail: &str| FieldError::new(self.name(), detail);
        let number = Decimal::parse(text.trim()).map_err(|error| {
            wrong(match error {
                DecimalError::NotANumber => "is not a number",
                DecimalError::Negative => "must not be negative",
                DecimalError::TooFine => "has too many decimal places",
                DecimalError::TooLarge => "is too large",
            })
        })?;
        let Some(units) = number.to_units(self.decimals()) else {
            let is_too_fine = number.to_units_nearest(self.decimals()).is_some();
            return Err(wrong(match (is_too_fine, self.decimals()) {
                (false, _) => "is too large",
                (true, 0) => "must be a whole number",
                (true, _) => "has too many decimal places",
            }));
        };
        // What telemetry may say at most: 2^53 units, and a ratio 1.
        if self.is_ratio() && units > 1_000_000_000 {
            return Err(wrong("must lie from 0 to 1"));
        }
        if units > 1 << 53 {
            return Err(wrong("is too large"));
        }
        Ok(units)
    }

    /// Units as decimal text, which [`InputField::parse`] reads back.
    pub fn text(self, units: u64) -> String {
        Decimal::from_units(units, self.decimals()).to_string()
    }

    /// Whether an input of a snapshot belongs to this field.
    pub fn is_of(self, input: &Input) -> bool {
        match self {
            InputField::Clients => input.signal == Signal::ClientsActive,
            InputField::AtRisk => input.signal == Signal::ClientsAtRisk,
            InputField::Warnings => input.signal == Signal::WarningsOpen && input.severity == Some(Severity::Warning),
            InputField::Critical => input.signal == Signal::WarningsOpen && input.severity == Some(Severity::Critical),
            InputField::Posts => input.signal == Signal::PostsPublished,
            InputField::AiSpend => input.signal == Signal::AiSpend,
            InputField::Cpu => input.signal == Signal::InfraCpu,
            InputField::Latency => input.signal == Signal::InfraLatency,
            InputField::ErrorRate => matches!(input.signal, Signal::InfraRequests | Signal::InfraErrors),
        }
    }

    /// Puts one exact value into the facts: for latency and errors into the last hour and the evidence alike. An input
    /// that is declared not applicable stays so.
    pub fn set(self, facts: &mut Facts, units: u64) {
        let count = Count::exactly(units);
        match self {
            InputField::Clients => facts.clients = count,
            InputField::AtRisk => facts.at_risk = count,
            InputField::Warnings => facts.warnings = count,
            InputField::Critical => facts.critical = count,
            InputField::Posts => facts.posts = facts.posts.map(|_| count),
            InputField::AiSpend => facts.spend = count,
            InputField::Cpu => facts.cpu = facts.cpu.map(|_| Interval::exactly(number(units, RATE_DECIMALS))),
            InputField::Latency => {
                let exact = Interval::exactly(number(units, 6));
                facts.latency = facts.latency.map(|_| Paired { evidence: exact, last_hour: exact });
            }
            InputField::ErrorRate => {
                let exact = ErrorCount {
                    errors: Count::exactly(units.saturating_mul(REQUESTS / 10u64.pow(RATE_DECIMALS))),
                    requests: Count::exactly(REQUESTS),
                };
                facts.errors = facts.errors.map(|_| Paired { evidence: exact, last_hour: exact });
            }
        }
    }

    /// How the input appears in the facts.
    pub fn standing(self, facts: &Facts) -> Standing {
        let exact = |value: Count| if value.is_exact() { Standing::Exact(value.lo) } else { Standing::Open };
        match self {
            InputField::Clients => exact(facts.clients),
            InputField::AtRisk => exact(facts.at_risk),
            InputField::Warnings => exact(facts.warnings),
            InputField::Critical => exact(facts.critical),
            InputField::Posts => facts.posts.map_or(Standing::NotApplicable, exact),
            InputField::AiSpend => exact(facts.spend),
            InputField::Cpu => facts.cpu.map_or(Standing::NotApplicable, |cpu| units_of(cpu, RATE_DECIMALS)),
            InputField::Latency => match facts.latency {
                None => Standing::NotApplicable,
                Some(Paired { evidence, last_hour }) if evidence == last_hour => units_of(last_hour, 6),
                Some(_) => Standing::Open,
            },
            InputField::ErrorRate => match facts.errors {
                None => Standing::NotApplicable,
                // A measured rate is an interval, however exact its counts are.
                Some(Paired { evidence, last_hour }) => {
                    let is_said = evidence == last_hour && last_hour.requests == Count::exactly(REQUESTS);
                    let rate = last_hour.errors.lo / (REQUESTS / 10u64.pow(RATE_DECIMALS));
                    if is_said { Standing::Exact(rate) } else { Standing::Open }
                }
            },
        }
    }

    /// What the facts say, as a value to show; `None` where declared not applicable.
    pub fn value(self, facts: &Facts) -> Option<Value> {
        match self {
            InputField::Clients => Some(Value::Count(facts.clients)),
            InputField::AtRisk => Some(Value::Count(facts.at_risk)),
            InputField::Warnings => Some(Value::Count(facts.warnings)),
            InputField::Critical => Some(Value::Count(facts.critical)),
            InputField::Posts => facts.posts.map(Value::Count),
            InputField::AiSpend => Some(Value::Money(facts.spend)),
            InputField::Cpu => facts.cpu.map(Value::Real),
            InputField::Latency => facts.latency.map(|latency| Value::Real(latency.last_hour.hull(latency.evidence))),
            InputField::ErrorRate => {
                facts.errors.map(|Paired { last_hour, .. }| Value::Real(wilson(last_hour.errors, last_hour.requests)))
            }
        }
    }
}

/// Units as the nearest number.
fn number(units: u64, decimals: u32) -> f64 {
    units as f64 / 10u64.pow(decimals) as f64
}

/// An exact number as units, where it is one that units can say.
fn units_of(value: Interval, decimals: u32) -> Standing {
    let units = (value.lo() * 10u64.pow(decimals) as f64).round();
    if value.is_exact() && (0.0..9e15).contains(&units) && number(units as u64, decimals) == value.lo() {
        Standing::Exact(units as u64)
    } else {
        Standing::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_a_name_of_its_own_that_leads_back_to_it() {
        for (place, field) in InputField::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(InputField::from_name(field.name()), Some(field));
        }
        assert_eq!(InputField::from_name("inputs.requests"), None);
    }

    #[test]
    fn a_value_that_is_set_is_read_back_exactly() {
        for field in InputField::ALL {
            for text in ["0", "1", "0.355", "0.0254", "0.000577", "240", "21.4", "0.999999999"] {
                let Ok(units) = field.parse(text) else {
                    continue;
                };
                let mut facts = Facts::UNKNOWN;
                field.set(&mut facts, units);
                assert_eq!(field.standing(&facts), Standing::Exact(units), "{field:?} {text}");
                assert_eq!(field.text(units), text);
                assert_eq!(field.parse(&field.text(units)), Ok(units));
            }
        }
    }

    #[test]
    fn texts_are_refused_in_words() {
        for (field, text, detail) in [
            (InputField::Clients, "12.5", "must be a whole number"),
            (InputField::Clients, "a dozen", "is not a number"),
            (InputField::Clients, "-1", "must not be negative"),
            (InputField::Clients, "1e30", "is too large"),
            (InputField::AiSpend, "1.0000001", "has too many decimal places"),
            (InputField::Cpu, "1.01", "must lie from 0 to 1"),
            (InputField::ErrorRate, "2", "must lie from 0 to 1"),
        ] {
            assert_eq!(field.parse(text), Err(FieldError::new(field.name(), detail)), "{text}");
        }
    }

    #[test]
    fn what_is_unknown_or_measured_as_a_range_stays_open() {
        for field in InputField::ALL {
            assert_eq!(field.standing(&Facts::UNKNOWN), Standing::Open, "{field:?}");
        }
        let none = Facts { posts: None, cpu: None, latency: None, errors: None, ..Facts::UNKNOWN };
        for field in [InputField::Posts, InputField::Cpu, InputField::Latency, InputField::ErrorRate] {
            let mut facts = none;
            field.set(&mut facts, 1);
            assert_eq!((facts, field.standing(&facts)), (none, Standing::NotApplicable));
        }
    }

    #[test]
    fn an_error_rate_that_is_said_is_an_interval_of_no_width_that_matters() {
        for text in ["0", "0.001", "0.0254", "0.05", "0.5", "1"] {
            let mut facts = Facts::UNKNOWN;
            InputField::ErrorRate.set(&mut facts, InputField::ErrorRate.parse(text).unwrap());
            let rate = InputField::ErrorRate.value(&facts).and_then(Value::real).unwrap();
            let said: f64 = text.parse().unwrap();
            assert!(rate.lo() <= said && said <= rate.hi() && rate.width() < 1e-7, "{text}: {rate:?}");
        }
    }
}

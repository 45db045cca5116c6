//! Owns money: whole micro-dollars inside, decimal text at the edges, never a float.
//! Must not know about limits or telemetry.

use super::decimal::{Decimal, DecimalError};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Decimal places of the smallest amount that is kept: a micro-dollar.
pub const DECIMALS: u32 = 6;

/// An amount of US dollars, exact to the micro-dollar. Decimal text on the wire, such as `"12.50"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(pub u64);

impl Usd {
    /// Whole dollars.
    pub const fn dollars(dollars: u64) -> Usd {
        Usd(dollars * 1_000_000)
    }

    /// The amount in micro-dollars.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Reads decimal text.
    ///
    /// # Errors
    /// What [`Decimal::parse`] refuses, and amounts finer than a micro-dollar: a limit is said exactly or not at all.
    pub fn parse(text: &str) -> Result<Usd, DecimalError> {
        Decimal::parse(text)?.to_units(DECIMALS).map(Usd).ok_or(DecimalError::TooFine)
    }
}

impl fmt::Display for Usd {
    /// At least two decimals, more only where the amount has them: `10.00`, `0.000001`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if micros.is_multiple_of(10_000) {
            return write!(formatter, "{dollars}.{:02}", micros / 10_000);
        }
        let fraction = format!("{micros:06}");
        write!(formatter, "{dollars}.{}", fraction.trim_end_matches('0'))
    }
}

impl Serialize for Usd {
    /// As [`fmt::Display`] writes it, without the detour through a formatter: a snapshot holds a dozen amounts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Fourteen digits of dollars at most, the point, six decimals.
        let mut text = [b'0'; 21];
        let (mut dollars, mut micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let mut end = text.len();
        for digit in text[15..].iter_mut().rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        while end > 17 && text[end - 1] == b'0' {
            end -= 1;
        }
        text[14] = b'.';
        let mut start = 14;
        while start == 14 || dollars > 0 {
            start -= 1;
            text[start] = b'0' + (dollars % 10) as u8;
            dollars /= 10;
        }
        match std::str::from_utf8(&text[start..end]) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Usd::parse(&text).map_err(|error| de::Error::custom(format!("\"{text}\" {error}")))
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "US dollars as decimal text, at most six decimal places.",
            "pattern": "^[0-9]{1,12}(\\.[0-9]{1,6})?$",
            "examples": ["10.00"]
        })
    }
}

/// Adds up amounts that may be finer than a micro-dollar and hands each its whole micro-dollars, so that the
/// parts always sum to the exact total of the batch, rounded up once.
#[derive(Debug, Default)]
pub struct BatchSum {
    exact: Decimal,
    given: u64,
}

impl BatchSum {
    /// Adds one amount and returns the micro-dollars that it is kept as; `None` past the largest total.
    pub fn add(&mut self, amount: Decimal) -> Option<Usd> {
        let exact = self.exact.checked_add(amount)?;
        let total = exact.to_units_ceil(DECIMALS)?;
        let part = total - self.given;
        self.exact = exact;
        self.given = total;
        Some(Usd(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_shows_cents_and_only_the_digits_it_has() {
        for (micros, text) in
            [(0, "0.00"), (10_000_000, "10.00"), (1_250_000, "1.25"), (1, "0.000001"), (1_234_500, "1.2345")]
        {
            assert_eq!(Usd(micros).to_string(), text);
            assert_eq!(Usd::parse(text), Ok(Usd(micros)));
        }
        assert_eq!(Usd::parse("0.0000001"), Err(DecimalError::TooFine));
    }

    proptest! {
        #[test]
        fn money_is_serialised_as_it_is_shown(micros in any::<u64>(), shift in 0u32..64, round in 0u32..7) {
            let amount = Usd((micros >> shift) / 10u64.pow(round) * 10u64.pow(round));
            prop_assert_eq!(serde_json::to_value(amount).unwrap(), amount.to_string());
        }

        #[test]
        fn a_batch_of_fine_amounts_sums_exactly_and_rounds_up_once(units in prop::collection::vec(0u64..5_000_000, 0..60)) {
            let mut batch = BatchSum::default();
            let kept: u64 = units
                .iter()
                .map(|unit| batch.add(Decimal::from_units(*unit, 9)).map_or(0, Usd::micros))
                .sum();
            prop_assert_eq!(kept, units.iter().sum::<u64>().div_ceil(1000));
        }
    }
}

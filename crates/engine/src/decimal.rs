//! Owns exact decimal numbers: reading text into whole scaled units and writing them back.
//! Must not know what a number measures. No float takes part: 0.1 is 0.1.

use std::fmt;

/// Most decimal places that a text may carry. Prices finer than 10⁻¹⁸ are refused rather than rounded in silence.
pub const MAX_DECIMALS: u32 = 18;

/// A non-negative decimal number, exact: `digits × 10^-MAX_DECIMALS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decimal {
    atto: u128,
}

/// Why a text is not a number that can be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("is not a number")]
    NotANumber,
    #[error("is negative; amounts are zero or more")]
    Negative,
    #[error("has more than {MAX_DECIMALS} decimal places")]
    TooFine,
    #[error("is too large")]
    TooLarge,
}

impl Decimal {
    pub const ZERO: Decimal = Decimal { atto: 0 };

    /// Reads `12`, `12.50`, `1e-7` and the like. `NaN`, `inf`, blanks and signs other than a leading `+` or `-` are no numbers.
    ///
    /// # Errors
    /// [`DecimalError`] names what is wrong; nothing is rounded.
    pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let exponent: i32 = exponent.parse().map_err(|_| DecimalError::NotANumber)?;
                (mantissa, exponent)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(DecimalError::NotANumber);
        }
        let mut digits: u128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::NotANumber);
            }
            digits = digits
                .checked_mul(10)
                .and_then(|value| value.checked_add(u128::from(byte - b'0')))
                .ok_or(DecimalError::TooLarge)?;
        }
        if digits == 0 {
            return Ok(Decimal::ZERO);
        }
        if negative {
            return Err(DecimalError::Negative);
        }
        let fraction_digits = i32::try_from(fraction.len()).map_err(|_| DecimalError::TooFine)?;
        let shift = (MAX_DECIMALS as i32).saturating_add(exponent).saturating_sub(fraction_digits);
        scale(digits, shift).map(|atto| Decimal { atto })
    }

    /// The number as whole units of 10^-`decimals`, if it has no finer part.
    pub fn to_units(self, decimals: u32) -> Option<u64> {
        let unit = 10u128.pow(MAX_DECIMALS - decimals);
        if !self.atto.is_multiple_of(unit) {
            return None;
        }
        u64::try_from(self.atto / unit).ok()
    }

    /// The number as whole units of 10^-`decimals`, rounded up; `None` if it does not fit.
    pub fn to_units_ceil(self, decimals: u32) -> Option<u64> {
        u64::try_from(self.atto.div_ceil(10u128.pow(MAX_DECIMALS - decimals))).ok()
    }

    /// The number as whole units of 10^-`decimals`, rounded half up; `None` if it does not fit.
    pub fn to_units_nearest(self, decimals: u32) -> Option<u64> {
        let unit = 10u128.pow(MAX_DECIMALS - decimals);
        u64::try_from((self.atto + unit / 2) / unit).ok()
    }

    /// `units × 10^-decimals`.
    pub fn from_units(units: u64, decimals: u32) -> Decimal {
        Decimal { atto: u128::from(units) * 10u128.pow(MAX_DECIMALS - decimals) }
    }

    /// The exact sum, or `None` past the largest number that fits.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        self.atto.checked_add(other.atto).map(|atto| Decimal { atto })
    }

    /// The exact difference, or `None` where that is below zero.
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.atto.checked_sub(other.atto).map(|atto| Decimal { atto })
    }

    /// `count` times the number, or `None` past the largest number that fits.
    pub fn times(self, count: u64) -> Option<Decimal> {
        self.atto.checked_mul(u128::from(count)).map(|atto| Decimal { atto })
    }

    /// The number divided by `divisor`, exact unless that is finer than [`MAX_DECIMALS`] places.
    pub fn divided_by(self, divisor: u64) -> Option<Decimal> {
        let divisor = u128::from(divisor);
        (divisor > 0 && self.atto.is_multiple_of(divisor)).then(|| Decimal { atto: self.atto / divisor })
    }

    /// The number divided by 100, exact unless that is finer than [`MAX_DECIMALS`] places.
    pub fn per_cent(self) -> Option<Decimal> {
        self.divided_by(100)
    }
}

fn scale(digits: u128, shift: i32) -> Result<u128, DecimalError> {
    if shift >= 0 {
        let factor = 10u128.checked_pow(shift.unsigned_abs()).ok_or(DecimalError::TooLarge)?;
        return digits.checked_mul(factor).ok_or(DecimalError::TooLarge);
    }
    match 10u128.checked_pow(shift.unsigned_abs()) {
        Some(divisor) if digits.is_multiple_of(divisor) => Ok(digits / divisor),
        _ => Err(DecimalError::TooFine),
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10u128.pow(MAX_DECIMALS);
        let fraction = format!("{:018}", self.atto % unit);
        match fraction.trim_end_matches('0') {
            "" => write!(formatter, "{}", self.atto / unit),
            digits => write!(formatter, "{}.{digits}", self.atto / unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ASVS 1.4.2.
    #[test]
    fn decimals_are_read_exactly_or_refused_by_name() {
        let cases: [(&str, Result<&str, DecimalError>); 15] = [
            ("12", Ok("12")),
            ("0.1", Ok("0.1")),
            (".5", Ok("0.5")),
            ("1.", Ok("1")),
            ("-0", Ok("0")),
            ("1e3", Ok("1000")),
            ("8e-7", Ok("0.0000008")),
            ("0.00000080000", Ok("0.0000008")),
            ("-1", Err(DecimalError::Negative)),
            ("NaN", Err(DecimalError::NotANumber)),
            ("inf", Err(DecimalError::NotANumber)),
            ("", Err(DecimalError::NotANumber)),
            ("1.2.3", Err(DecimalError::NotANumber)),
            ("1e-19", Err(DecimalError::TooFine)),
            ("1e40", Err(DecimalError::TooLarge)),
        ];
        for (text, expected) in cases {
            let read = Decimal::parse(text).map(|value| value.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_units_round_trip(units in any::<u64>()) {
            let value = Decimal::from_units(units, 6);
            prop_assert_eq!(Decimal::parse(&value.to_string()), Ok(value));
            prop_assert_eq!(value.to_units(6), Some(units));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Decimal::parse(&text);
        }
    }
}

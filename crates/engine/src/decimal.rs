//! Owns exact decimal numbers: reading text into whole scaled units and writing them back.
//! Must not know what a number measures. No float takes part: 0.1 is 0.1.

use std::fmt;

/// The decimal places that are kept. [`Decimal::parse`] refuses finer numbers, [`Decimal::parse_rounded`] rounds them.
pub const MAX_DECIMALS: u32 = 18;

/// A non-negative decimal number, exact: `digits × 10^-MAX_DECIMALS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Decimal {
    atto: u128,
}

/// What becomes of a part that is finer than [`MAX_DECIMALS`] places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// It is left out.
    Down,
    /// It counts as one more unit of the last place.
    Up,
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
        match read(text)? {
            (atto, false) => Ok(Decimal { atto }),
            (_, true) => Err(DecimalError::TooFine),
        }
    }

    /// Reads the same, and rounds a number that is finer than [`MAX_DECIMALS`] places: other programs write the noise of
    /// binary fractions, such as `4.5449999999999993e-05`, with more places than they measured.
    ///
    /// [`Rounding::Up`] is for money. After [`Rounding::Down`], [`Decimal::to_units_nearest`] still finds the nearest unit.
    ///
    /// # Errors
    /// [`DecimalError`], but never [`DecimalError::TooFine`].
    pub fn parse_rounded(text: &str, rounding: Rounding) -> Result<Decimal, DecimalError> {
        let (atto, is_finer) = read(text)?;
        let more = u128::from(is_finer && rounding == Rounding::Up);
        atto.checked_add(more).map(|atto| Decimal { atto }).ok_or(DecimalError::TooLarge)
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
        u64::try_from(self.atto.saturating_add(unit / 2) / unit).ok()
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

    /// The number divided by 100; what is finer than [`MAX_DECIMALS`] places is left out, as [`Rounding::Down`] has it.
    pub fn per_cent(self) -> Decimal {
        Decimal { atto: self.atto / 100 }
    }
}

/// The number that a text says, in units of 10^-[`MAX_DECIMALS`] rounded down, and whether it has a finer part.
fn read(text: &str) -> Result<(u128, bool), DecimalError> {
    let (is_negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    // How many digits from the first on are kept; later ones are finer than 10^-MAX_DECIMALS.
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let kept = length(whole).saturating_add(exponent).saturating_add(i64::from(MAX_DECIMALS));
    let (mut atto, mut is_finer, mut place) = (0u128, false, 0i64);
    for byte in whole.bytes().chain(fraction.bytes()) {
        if place < kept {
            let digit = u128::from(byte - b'0');
            atto = atto.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
        } else {
            is_finer |= byte != b'0';
        }
        place += 1;
    }
    if is_negative && (atto > 0 || is_finer) {
        return Err(DecimalError::Negative);
    }
    if atto > 0 && kept > place {
        let zeros = u32::try_from(kept - place).map_err(|_| DecimalError::TooLarge)?;
        let factor = 10u128.checked_pow(zeros).ok_or(DecimalError::TooLarge)?;
        atto = atto.checked_mul(factor).ok_or(DecimalError::TooLarge)?;
    }
    Ok((atto, is_finer))
}

/// An exponent; one that is too long to be counted with is as large as can be.
fn read_exponent(text: &str) -> Result<i64, DecimalError> {
    let (is_negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if is_negative { -size } else { size })
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
        let cases: [(&str, Result<&str, DecimalError>); 20] = [
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
            ("0e99999999999999999999", Ok("0")),
            ("1e99999999999999999999", Err(DecimalError::TooLarge)),
            ("1e", Err(DecimalError::NotANumber)),
            ("1e1.5", Err(DecimalError::NotANumber)),
            ("0.1000000000000000055511151231257827021181583404541015625", Err(DecimalError::TooFine)),
        ];
        for (text, expected) in cases {
            let read = Decimal::parse(text).map(|value| value.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn numbers_that_are_finer_than_what_is_kept_are_rounded() {
        let atto = |text: &str| Decimal::parse(text).unwrap();
        for (text, down, up) in [
            ("4.5449999999999993e-05", "0.000045449999999999", "0.00004545"),
            ("3.28767123287671E-05", "0.000032876712328767", "0.000032876712328768"),
            (
                "0.1000000000000000055511151231257827021181583404541015625",
                "0.100000000000000005",
                "0.100000000000000006",
            ),
            ("0.100000000000000000000000000000000000000000000000000000", "0.1", "0.1"),
            ("1e-300", "0", "0.000000000000000001"),
            ("1e-99999999999999999999", "0", "0.000000000000000001"),
            ("12.5", "12.5", "12.5"),
        ] {
            assert_eq!(Decimal::parse_rounded(text, Rounding::Down), Ok(atto(down)), "{text}");
            assert_eq!(Decimal::parse_rounded(text, Rounding::Up), Ok(atto(up)), "{text}");
        }
        // Rounded down first, the nearest unit is still the nearest one: slightly less than half a billionth rounds to 0.
        let nearest = |text: &str| Decimal::parse_rounded(text, Rounding::Down).unwrap().to_units_nearest(9);
        assert_eq!(nearest("0.49999999999999999999999e-9"), Some(0));
        assert_eq!(nearest("0.5e-9"), Some(1));
        assert_eq!(Decimal::parse_rounded("-1e-30", Rounding::Up), Err(DecimalError::Negative));
        assert_eq!(Decimal::parse_rounded("1e40", Rounding::Up), Err(DecimalError::TooLarge));
        let largest = "340282366920938463463.3746074317682114551";
        assert_eq!(Decimal::parse_rounded(largest, Rounding::Up), Err(DecimalError::TooLarge));
    }

    proptest! {
        #[test]
        fn text_and_units_round_trip(units in any::<u64>()) {
            let value = Decimal::from_units(units, 6);
            prop_assert_eq!(Decimal::parse(&value.to_string()), Ok(value));
            prop_assert_eq!(value.to_units(6), Some(units));
        }

        #[test]
        fn money_of_a_double_is_never_rounded_below_it(value in 0.0f64..1000.0, places in 0i32..20) {
            let value = value * 10f64.powi(-places);
            for text in [format!("{value}"), format!("{value:e}")] {
                let up = Decimal::parse_rounded(&text, Rounding::Up).unwrap();
                let down = Decimal::parse_rounded(&text, Rounding::Down).unwrap();
                prop_assert!(up.atto - down.atto <= 1);
                match Decimal::parse(&text) {
                    Ok(exact) => prop_assert!(exact == up && exact == down),
                    Err(error) => prop_assert!(error == DecimalError::TooFine && up.atto == down.atto + 1),
                }
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Decimal::parse(&text);
            let _ = Decimal::parse_rounded(&text, Rounding::Up);
        }
    }
}

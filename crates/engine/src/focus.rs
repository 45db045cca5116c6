//! Owns cost data in FOCUS, the common form of cloud bills, 1.0 to 1.3: rows of charges become what was spent in each charge
//! period. Must not know files. Specification: <https://focus.finops.org/focus-specification/>.

use super::decimal::Decimal;
use super::mapping::Pattern;
use chrono::{DateTime, NaiveDateTime, Utc};
use std::collections::BTreeMap;

/// Which of a charge's costs is taken: what the invoice says, or that with prepayments spread over their use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    Billed,
    Effective,
}

impl Cost {
    /// The column that holds it.
    pub const fn column(self) -> &'static str {
        match self {
            Cost::Billed => "BilledCost",
            Cost::Effective => "EffectiveCost",
        }
    }
}

/// One charge, as its row has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge<'r> {
    /// A decimal number; credits are below zero.
    pub cost: &'r str,
    pub currency: &'r str,
    pub end: &'r str,
    pub start: &'r str,
}

/// What was spent in a charge period.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    pub end: DateTime<Utc>,
    pub spent: Decimal,
    pub start: DateTime<Utc>,
}

/// Charges and credits of a period, each added up.
#[derive(Debug)]
struct Sum {
    charges: Decimal,
    credits: Decimal,
    start: DateTime<Utc>,
}

/// Charges, added up by the end of their periods.
#[derive(Debug, Default)]
pub struct Bill {
    sums: BTreeMap<DateTime<Utc>, Sum>,
}

impl Bill {
    /// Adds a charge.
    ///
    /// # Errors
    /// What is wrong with it, by its column.
    pub fn add(&mut self, charge: &Charge<'_>, cost: Cost) -> Result<(), String> {
        if charge.currency != "USD" {
            return Err(format!("BillingCurrency is \"{}\"; spend is counted in USD", charge.currency));
        }
        let time = |column: &str, text: &str| time(text).ok_or_else(|| format!("{column} \"{text}\" is no time"));
        let start = time("ChargePeriodStart", charge.start)?;
        let end = time("ChargePeriodEnd", charge.end)?;
        if end <= start {
            return Err("ChargePeriodEnd does not lie after ChargePeriodStart".to_owned());
        }
        let (is_credit, text) = charge.cost.strip_prefix('-').map_or((false, charge.cost), |text| (true, text));
        let amount = Decimal::parse(text).map_err(|error| format!("{} \"{}\" {error}", cost.column(), charge.cost))?;
        let sum = self.sums.entry(end).or_insert(Sum { charges: Decimal::ZERO, credits: Decimal::ZERO, start });
        sum.start = start.min(sum.start);
        let side = if is_credit { &mut sum.credits } else { &mut sum.charges };
        *side = side.checked_add(amount).ok_or_else(|| format!("{} is too large", cost.column()))?;
        Ok(())
    }

    /// What was spent in each period, in the order of time.
    ///
    /// # Errors
    /// The period in which more was given back than spent: that is no spend.
    pub fn periods(self) -> Result<Vec<Period>, String> {
        self.sums
            .into_iter()
            .map(|(end, sum)| {
                let spent = sum.charges.checked_sub(sum.credits).ok_or_else(|| {
                    format!(
                        "more was given back than spent in the period that ends at {}",
                        end.format("%Y-%m-%dT%H:%MZ")
                    )
                })?;
                Ok(Period { end, spent, start: sum.start })
            })
            .collect()
    }
}

/// A time as the specification writes it, or as the exports of some providers do.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok().or_else(|| {
        let plain = text.trim_end_matches(" UTC").trim_end_matches('Z');
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(plain, form).ok())
            .map(|at| at.and_utc())
    })
}

/// Which rows are meant: a column with what it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub column: String,
    pub pattern: Pattern,
}

impl Condition {
    /// Reads `Column=Pattern`.
    pub fn parse(text: &str) -> Option<Condition> {
        let (column, pattern) = text.split_once('=')?;
        Some(Condition { column: column.trim().to_owned(), pattern: Pattern::new(pattern.trim()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge<'r>(cost: &'r str, start: &'r str, end: &'r str) -> Charge<'r> {
        Charge { cost, currency: "USD", end, start }
    }

    const DAY: (&str, &str) = ("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z");

    #[test]
    fn charges_of_a_period_are_added_and_credits_taken_off() {
        let mut bill = Bill::default();
        for (cost, start, end) in [
            ("1.25", DAY.0, DAY.1),
            ("-0.25", DAY.0, DAY.1),
            ("0.000001", "2026-11-22 00:00:00 UTC", "2026-11-23 00:00:00 UTC"),
        ] {
            bill.add(&charge(cost, start, end), Cost::Billed).unwrap();
        }
        let periods = bill.periods().unwrap();
        let spent: Vec<String> = periods.iter().map(|period| period.spent.to_string()).collect();
        assert_eq!(spent, ["0.000001", "1"]);
        assert_eq!(periods[0].end, periods[1].start);
    }

    #[test]
    fn what_is_no_spend_in_dollars_is_refused_by_its_column() {
        for (charge, column) in [
            (Charge { currency: "EUR", ..charge("1", DAY.0, DAY.1) }, "BillingCurrency"),
            (charge("much", DAY.0, DAY.1), "EffectiveCost"),
            (charge("1", "soon", DAY.1), "ChargePeriodStart"),
            (charge("1", DAY.1, DAY.0), "ChargePeriodEnd"),
        ] {
            let why = Bill::default().add(&charge, Cost::Effective).unwrap_err();
            assert!(why.starts_with(column), "{why}");
        }
        let mut bill = Bill::default();
        bill.add(&charge("-1", DAY.0, DAY.1), Cost::Billed).unwrap();
        assert!(bill.periods().unwrap_err().contains("given back"));
    }
}

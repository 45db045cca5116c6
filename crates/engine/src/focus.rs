//! Owns cost data in FOCUS, the common form of cloud bills, 1.0 to 1.3: rows of charges become what was spent in each charge
//! period. Must not know files. Specification: <https://focus.finops.org/focus-specification/>.

mod periods;

pub use periods::{Correction, Period, Settled};

use super::decimal::{Decimal, Rounding};
use super::mapping::Pattern;
use super::written_time::WrittenTime;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;

/// The longest period that is a day: one of 25 hours, when clocks go back.
const DAY: Duration = Duration::hours(25);

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Charge<'r> {
    /// `BillingPeriodStart`, if the bill has that column.
    pub billing_start: &'r str,
    /// `ChargeCategory`, if the bill has that column.
    pub category: &'r str,
    /// `ChargeClass`, if the bill has that column.
    pub class: &'r str,
    /// A decimal number; credits are below zero.
    pub cost: &'r str,
    pub currency: &'r str,
    pub end: &'r str,
    pub start: &'r str,
}

/// What one row comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    Charge(Decimal),
    Credit(Decimal),
    /// It can't be read: what was spent is at least the rest.
    Unknown,
}

/// Charges and credits of one period, each added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    charges: Decimal,
    credits: Decimal,
    /// Some charge of it is unknown: what was spent is at least this.
    is_open: bool,
}

impl Sum {
    /// Adds an amount; what is too large to be added is unknown.
    fn add(&mut self, amount: Amount) -> bool {
        let (side, amount) = match amount {
            Amount::Charge(amount) => (&mut self.charges, Some(amount)),
            Amount::Credit(amount) => (&mut self.credits, Some(amount)),
            Amount::Unknown => (&mut self.charges, None),
        };
        let sum = amount.and_then(|amount| side.checked_add(amount));
        *side = sum.unwrap_or(*side);
        self.is_open |= sum.is_none();
        sum.is_some()
    }

    fn merge(&mut self, other: &Sum) {
        self.add(Amount::Charge(other.charges));
        self.add(Amount::Credit(other.credits));
        self.is_open |= other.is_open;
    }

    /// The spend, at least nothing, and what was given back beyond that.
    fn net(&self) -> (Decimal, Decimal) {
        let less = |one: Decimal, two: Decimal| one.checked_sub(two).unwrap_or(Decimal::ZERO);
        (less(self.charges, self.credits), less(self.credits, self.charges))
    }
}

/// From when to when.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// Charges of one span that is longer than a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Long {
    /// Purchases of something for the whole span: each part of it costs its share.
    bought: Sum,
    /// Everything else: nothing says on which day it was spent.
    other: Sum,
}

/// Charges, added up by their periods.
#[derive(Debug, Default)]
pub struct Bill {
    /// Of a period that a row names can't be read: the row's money belongs nobody knows where.
    has_lost: bool,
    /// By the billing period that reported them and the period that they belong to.
    late: BTreeMap<(String, Span), Long>,
    long: BTreeMap<Span, Long>,
    short: BTreeMap<Span, Sum>,
}

impl Bill {
    /// Adds a charge.
    ///
    /// # Errors
    /// What is wrong with it, by its column. The bill then knows only *at least* what was spent in that period.
    pub fn add(&mut self, charge: &Charge<'_>, cost: Cost) -> Result<(), String> {
        let time = |column: &str, text: &str| {
            WrittenTime::in_utc(text).ok_or_else(|| {
                format!("{column} \"{text}\" isn't a time. Write it in RFC 3339, such as 2026-11-24T00:00:00Z")
            })
        };
        let span = time("ChargePeriodStart", charge.start)
            .and_then(|start| Ok((start, time("ChargePeriodEnd", charge.end)?)))
            .and_then(|span| match span.0 < span.1 {
                true => Ok(span),
                false => Err(format!("ChargePeriodEnd {} isn't after ChargePeriodStart {}", charge.end, charge.start)),
            });
        let span = span.inspect_err(|_| self.has_lost = true)?;
        let amount = amount(charge, cost);
        let is_added = self.sum(span, charge).add(*amount.as_ref().unwrap_or(&Amount::Unknown));
        match amount {
            Ok(_) if !is_added => Err(format!("{} {} is too large", cost.column(), charge.cost)),
            other => other.map(|_| ()),
        }
    }

    /// Notes a row that can't be read at all: of each period *at least* the rest is known.
    pub fn lose(&mut self) {
        self.has_lost = true;
    }

    /// Where the amount of a charge is added up.
    fn sum(&mut self, span: Span, charge: &Charge<'_>) -> &mut Sum {
        let is_bought = charge.category.eq_ignore_ascii_case("purchase");
        let billing_start = WrittenTime::in_utc(charge.billing_start);
        let is_late = charge.class.eq_ignore_ascii_case("correction") || billing_start.is_some_and(|at| span.1 <= at);
        let long = if is_late {
            let told = billing_start.map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string());
            self.late.entry((told, span)).or_default()
        } else if span.1 - span.0 > DAY {
            self.long.entry(span).or_default()
        } else {
            return self.short.entry(span).or_default();
        };
        if is_bought { &mut long.bought } else { &mut long.other }
    }
}

/// The amount of a charge in dollars: charges rounded up and credits down where they are finer than is kept.
fn amount(charge: &Charge<'_>, cost: Cost) -> Result<Amount, String> {
    if charge.currency != "USD" {
        return Err(format!("BillingCurrency is \"{}\". Only USD is counted; export the bill in USD", charge.currency));
    }
    let (is_credit, text) = charge.cost.strip_prefix('-').map_or((false, charge.cost), |text| (true, text));
    let rounding = if is_credit { Rounding::Down } else { Rounding::Up };
    let amount = Decimal::parse_rounded(text, rounding)
        .map_err(|error| format!("{} \"{}\" {error}", cost.column(), charge.cost))?;
    Ok(if is_credit { Amount::Credit(amount) } else { Amount::Charge(amount) })
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

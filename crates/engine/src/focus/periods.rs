//! Owns what a bill says of each stretch of time: periods that overlap become one, a purchase for a longer span costs each part its
//! share, and what nothing places on a day leaves the days of its span *at least* known.

use super::super::decimal::Decimal;
use super::super::money::DECIMALS;
use super::{Bill, DAY, Long, Span, Sum};
use chrono::{DateTime, Duration, NaiveTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// The spend since the period before.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    pub end: DateTime<Utc>,
    /// Something of it is unknown: this much was spent at least.
    pub is_at_least: bool,
    /// Rows name this period, or periods that make it up.
    pub is_told: bool,
    pub spent: Decimal,
    pub start: DateTime<Utc>,
}

/// The spend that a later billing period reports for an earlier time: it adds to what was reported then.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    pub at: DateTime<Utc>,
    /// Tells it from others, so that the same bill read again changes nothing.
    pub id: String,
    pub is_at_least: bool,
    pub spent: Decimal,
}

/// A bill, settled as of an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    pub corrections: Vec<Correction>,
    /// From when to when the bill is complete; `None` if nothing of it is over.
    pub covers: Option<Span>,
    /// Credits that no charge of their period takes up. They lower nothing.
    pub given_back: Decimal,
    /// Periods that aren't over: their sums are still growing.
    pub open_periods: u64,
    /// In the order of time.
    pub periods: Vec<Period>,
    /// Spans longer than a day whose cost is shared out over them.
    pub shared: u64,
    /// Spans longer than a day of which nothing says on which day the money was spent.
    pub unplaced: u64,
}

impl Bill {
    /// The spend in each period that is over at `now`.
    pub fn settle(&self, now: DateTime<Utc>) -> Settled {
        let mut settled = Settled::default();
        let over: BTreeMap<Span, Sum> = self.groups().into_iter().filter(|(span, _)| span.1 <= now).collect();
        let last_over = over.keys().next_back().map(|span| span.1);
        settled.open_periods =
            self.short.keys().filter(|span| last_over.is_none_or(|last| last < span.1)).count() as u64;
        settled.covers = covers(&over, &self.long, now);
        for ((told, span), charges) in &self.late {
            correct(&mut settled, told, *span, charges, now);
        }
        let Some(covers) = settled.covers else {
            settled.open_periods += self.long.len() as u64;
            return settled;
        };
        let told: BTreeMap<DateTime<Utc>, (DateTime<Utc>, Sum)> =
            over.into_iter().map(|(span, sum)| (span.1, (span.0, sum))).collect();
        let mut ends: BTreeSet<DateTime<Utc>> = told.keys().copied().collect();
        let is_inside = |at: &DateTime<Utc>| {
            told.range((Bound::Excluded(*at), Bound::Unbounded)).next().is_some_and(|(_, (start, _))| start < at)
        };
        for span in self.long.keys() {
            let within = clip(*span, covers);
            ends.extend(midnights(within).chain([within.1]).filter(|at| within.0 < *at && !is_inside(at)));
        }
        let mut before = covers.0;
        for end in ends {
            let told = told.get(&end);
            let (spent, back) = told.map_or_else(Default::default, |(_, sum)| sum.net());
            settled.given_back = plus(settled.given_back, back);
            settled.periods.push(Period {
                end,
                is_at_least: self.has_lost || told.is_some_and(|(_, sum)| sum.is_open),
                is_told: told.is_some(),
                spent,
                start: told.map_or(before, |(start, _)| *start),
            });
            before = end;
        }
        for (span, charges) in &self.long {
            lay_out(&mut settled, *span, charges, covers);
        }
        settled
    }

    /// Periods that overlap, laid together: hours within a day that some row tells as one.
    fn groups(&self) -> BTreeMap<Span, Sum> {
        let mut groups: Vec<(Span, Sum)> = Vec::new();
        for (span, sum) in &self.short {
            match groups.last_mut() {
                Some((group, all)) if span.0 < group.1 => {
                    group.1 = group.1.max(span.1);
                    all.merge(sum);
                }
                _ => groups.push((*span, *sum)),
            }
        }
        groups.into_iter().collect()
    }
}

/// From when to when a bill tells everything: the periods of its days and hours that are over, or else its longer spans.
fn covers(over: &BTreeMap<Span, Sum>, long: &BTreeMap<Span, Long>, now: DateTime<Utc>) -> Option<Span> {
    if let (Some(first), Some(last)) = (over.keys().next(), over.keys().next_back()) {
        return Some((first.0, last.1));
    }
    let from = long.keys().map(|span| span.0).min()?;
    let to = long.keys().map(|span| if span.1 <= now { span.1 } else { midnight(now) }).max()?;
    (from < to).then_some((from, to))
}

fn clip(span: Span, to: Span) -> Span {
    (span.0.max(to.0), span.1.min(to.1))
}

/// The midnight at or before a time, in UTC.
fn midnight(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// The midnights within a span, in UTC.
fn midnights(span: Span) -> impl Iterator<Item = DateTime<Utc>> {
    let first = midnight(span.0) + Duration::days(1);
    std::iter::successors(Some(first), |at| at.checked_add_signed(Duration::days(1))).take_while(move |at| *at < span.1)
}

fn plus(one: Decimal, two: Decimal) -> Decimal {
    one.checked_add(two).unwrap_or(one)
}

/// What of an amount for a span falls to the part up to `at`, in micro-dollars, rounded up.
fn share(micros: u64, span: Span, at: DateTime<Utc>) -> u64 {
    let milliseconds = |to: DateTime<Utc>| (to - span.0).num_milliseconds().max(0).unsigned_abs();
    let (part, all) = (milliseconds(at.min(span.1)), milliseconds(span.1).max(1));
    u64::try_from((u128::from(micros) * u128::from(part)).div_ceil(u128::from(all))).unwrap_or(u64::MAX)
}

/// Lays the charges of a longer span over the periods within it.
fn lay_out(settled: &mut Settled, span: Span, charges: &Long, covers: Span) {
    let (bought, back) = charges.bought.net();
    let (_, other_back) = charges.other.net();
    settled.given_back = plus(plus(settled.given_back, back), other_back);
    let micros = bought.to_units_ceil(DECIMALS);
    let is_unplaced = charges.other.net().0 > Decimal::ZERO
        || charges.other.is_open
        || charges.bought.is_open
        || (bought > Decimal::ZERO && micros.is_none());
    let micros = micros.unwrap_or(0);
    settled.shared += u64::from(micros > 0);
    settled.unplaced += u64::from(is_unplaced);
    let mut before = share(micros, span, covers.0);
    let mut since = covers.0;
    for period in &mut settled.periods {
        let to = share(micros, span, period.end);
        period.spent = plus(period.spent, Decimal::from_units(to.saturating_sub(before), DECIMALS));
        period.is_at_least |= is_unplaced && since < span.1 && span.0 < period.end;
        (before, since) = (to, period.end);
    }
}

/// Adds what a later bill says about a period that an earlier bill covered.
fn correct(settled: &mut Settled, told: &str, span: Span, charges: &Long, now: DateTime<Utc>) {
    let (bought, bought_back) = charges.bought.net();
    let (other, other_back) = charges.other.net();
    settled.given_back = plus(plus(settled.given_back, bought_back), other_back);
    let is_open = charges.bought.is_open || charges.other.is_open;
    let short = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%S").to_string();
    let id = |at: DateTime<Utc>| {
        let place = if at == span.1 { String::new() } else { format!(" at {}", short(at)) };
        format!("correction {told} of {} to {}{place}", short(span.0), short(span.1))
    };
    if span.1 - span.0 <= DAY {
        let spent = plus(bought, other);
        if span.1 <= now && (is_open || spent > Decimal::ZERO) {
            settled.corrections.push(Correction { at: span.1, id: id(span.1), is_at_least: is_open, spent });
        }
        return;
    }
    let micros = bought.to_units_ceil(DECIMALS).unwrap_or(0);
    let is_at_least = is_open || other > Decimal::ZERO;
    settled.shared += u64::from(micros > 0);
    settled.unplaced += u64::from(is_at_least);
    let mut before = 0;
    for at in midnights(span).chain([span.1]).filter(|at| *at <= now) {
        let to = share(micros, span, at);
        let spent = Decimal::from_units(to.saturating_sub(before), DECIMALS);
        before = to;
        if is_at_least || spent > Decimal::ZERO {
            settled.corrections.push(Correction { at, id: id(at), is_at_least, spent });
        }
    }
}

//! Owns what is said of a bill that was read: what was taken, what wasn't, and what is known only as *at least*.

use super::import_report::RefusedRows;
use crate::domain::decimal::Decimal;
use crate::domain::focus::{Cost, Settled};
use crate::domain::money::{DECIMALS, Usd};
use crate::server::revision::Revision;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub accepted: u64,
    /// Periods of which something is unknown: at least so much was spent.
    pub at_least: u64,
    /// Charges that a later bill tells of periods that an earlier one told.
    pub corrections: u64,
    pub cost: &'static str,
    /// Nothing was stored, and `accepted` is how many samples there would be.
    pub dry_run: bool,
    pub duplicates: u64,
    pub environment: String,
    /// Credits that no charge of their period takes up.
    pub given_back: Usd,
    pub periods: usize,
    /// Rows that can't be taken.
    pub refused: RefusedRows,
    pub revisions: Vec<Revision>,
    pub rows: u64,
    /// Periods that are not over: their sums are still growing.
    pub open_periods: u64,
    pub rows_taken: u64,
    /// Purchases for more than a day, shared out over their periods.
    pub shared: u64,
    pub source: String,
    pub total: Usd,
    /// Charges for more than a day that nothing places on a day.
    pub unplaced: u64,
}

/// An amount in micro-dollars, rounded up.
pub(super) fn micros(amount: Decimal) -> u64 {
    amount.to_units_ceil(DECIMALS).unwrap_or(u64::MAX)
}

impl Report {
    pub(super) fn new(environment: &str, source: &str, cost: Cost) -> Report {
        Report {
            accepted: 0,
            at_least: 0,
            corrections: 0,
            cost: cost.column(),
            dry_run: false,
            duplicates: 0,
            environment: environment.to_owned(),
            given_back: Usd(0),
            periods: 0,
            refused: RefusedRows::default(),
            revisions: Vec::new(),
            rows: 0,
            open_periods: 0,
            rows_taken: 0,
            shared: 0,
            source: source.to_owned(),
            total: Usd(0),
            unplaced: 0,
        }
    }

    pub(super) fn settle(&mut self, settled: &Settled) {
        let periods = settled.periods.iter();
        let corrections = settled.corrections.iter();
        self.at_least = periods.clone().filter(|period| period.is_at_least).count() as u64;
        self.corrections = corrections.len() as u64;
        self.given_back = Usd(micros(settled.given_back));
        self.open_periods = settled.open_periods;
        self.periods = settled.periods.iter().filter(|period| period.is_told).count();
        (self.shared, self.unplaced) = (settled.shared, settled.unplaced);
        let spent = periods.map(|period| period.spent).chain(corrections.map(|one| one.spent));
        self.total = Usd(spent.map(micros).fold(0, u64::saturating_add));
    }
}

pub(super) fn show(report: &Report) {
    say!(
        "{}: {} of {} rows, {} by period: {} in {} periods",
        report.environment,
        report.rows_taken,
        report.rows,
        report.cost,
        format_args!("${}", report.total),
        report.periods
    );
    if report.dry_run {
        say!("{} samples; nothing was stored", report.accepted);
    } else {
        say!("{} samples are new or revised, {} were there already", report.accepted, report.duplicates);
    }
    for (count, what) in [
        (report.open_periods, "periods are not over and were left out"),
        (report.shared, "purchases for more than a day are shared out over their periods"),
        (report.unplaced, "charges for more than a day name no day: their days are known as at least the rest"),
        (report.at_least, "periods are known as at least what was read"),
        (report.corrections, "samples correct periods that an earlier bill told"),
    ] {
        if count > 0 {
            say!("{count} {what}");
        }
    }
    if report.given_back > Usd(0) {
        say!("${} was given back beyond what was spent in its periods; it lowers nothing", report.given_back);
    }
    for one in &report.revisions {
        say!("revised: up to {} from ${} to ${}", one.period_end.format("%Y-%m-%d %H:%M UTC"), one.from, one.to);
    }
}

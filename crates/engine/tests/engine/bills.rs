//! Owns what holds of bills: what was given back is never spend, a charge covers its period, and what can't be read is unknown.

use chrono::{DateTime, Utc};
use scaling_mode_engine::decimal::Decimal;
use scaling_mode_engine::focus::{Bill, Charge, Cost, Period, Settled};
use scaling_mode_engine::telemetry::MAX_NAME;
use scaling_mode_engine::written_time::WrittenTime;

fn charge<'r>(cost: &'r str, start: &'r str, end: &'r str) -> Charge<'r> {
    Charge { cost, currency: "USD", end, start, ..Charge::default() }
}

fn at(text: &str) -> DateTime<Utc> {
    WrittenTime::in_utc(text).unwrap()
}

/// A bill of charges, settled long after.
fn settled(charges: &[Charge<'_>]) -> Settled {
    let mut bill = Bill::default();
    for charge in charges {
        bill.add(charge, Cost::Billed).unwrap();
    }
    bill.settle(at("2027-01-01"))
}

/// Ends of periods with what was spent, `+` for at least.
fn told(settled: &Settled) -> Vec<String> {
    let line = |period: &Period| {
        let more = if period.is_at_least { "+" } else { "" };
        format!("{} {}{more}", period.end.format("%d %H:%M"), period.spent)
    };
    settled.periods.iter().map(line).collect()
}

const DAY: (&str, &str) = ("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z");

#[test]
fn charges_of_a_period_are_added_and_credits_taken_off() {
    let settled = settled(&[
        charge("1.25", DAY.0, DAY.1),
        charge("-0.25", DAY.0, DAY.1),
        charge("0.000001", "2026-11-22 00:00:00 UTC", "2026-11-23T00:00Z"),
    ]);
    assert_eq!(told(&settled), ["23 00:00 0.000001", "24 00:00 1"]);
    assert_eq!(settled.covers, Some((at("2026-11-22"), at("2026-11-24"))));
}

#[test]
fn what_is_given_back_beyond_what_was_spent_is_said_and_lowers_nothing() {
    let alone = settled(&[charge("5", "2026-11-22", "2026-11-23"), charge("-2", DAY.0, DAY.1)]);
    assert_eq!(
        (told(&alone), alone.given_back.to_string()),
        (vec!["23 00:00 5".into(), "24 00:00 0".into()], "2".into())
    );
    // A refund in an hour of its own belongs to the day that another row tells.
    let hour = charge("-2", "2026-11-23 13:00:00", "2026-11-23 14:00:00");
    let within = settled(&[charge("5", DAY.0, DAY.1), hour]);
    assert_eq!((told(&within), within.given_back), (vec!["24 00:00 3".into()], Decimal::ZERO));
    let month = settled(&[charge("5", DAY.0, DAY.1), charge("-100", "2026-11-01", "2026-12-01")]);
    assert_eq!(month.given_back.to_string(), "100");
    assert!(month.periods.iter().all(|period| !period.is_at_least), "{month:?}");
    assert_eq!(told(&month), ["24 00:00 5"]);
}

#[test]
fn a_purchase_for_a_month_costs_each_day_its_share() {
    let month = Charge { category: "Purchase", ..charge("600", "2026-11-01", "2026-12-01") };
    let days = [charge("5", "2026-11-28", "2026-11-29"), charge("5", "2026-11-29", "2026-11-30")];
    let both = settled(&[days[0], month, days[1]]);
    assert_eq!(told(&both), ["29 00:00 25", "30 00:00 25"]);
    assert_eq!((both.shared, both.unplaced), (1, 0));
    // By itself it is complete from its start to its end.
    let alone = settled(&[month]);
    assert_eq!((alone.periods.len(), alone.covers), (30, Some((at("2026-11-01"), at("2026-12-01")))));
    assert!(alone.periods.iter().all(|period| period.spent.to_string() == "20"));
    // A month that isn't over costs what has passed of it, by whole days.
    let mut bill = Bill::default();
    bill.add(&month, Cost::Billed).unwrap();
    let begun = bill.settle(at("2026-11-11T09:30:00Z"));
    assert_eq!((begun.periods.len(), begun.covers), (10, Some((at("2026-11-01"), at("2026-11-11")))));
    // Hours: a share each, the sum of all shares exact.
    let third = Charge { category: "purchase", ..charge("100", "2026-11-23", "2026-11-26") };
    let hours = settled(&[
        charge("1", "2026-11-23 00:00", "2026-11-23 01:00"),
        charge("1", "2026-11-25 23:00", "2026-11-26"),
        third,
    ]);
    let all = hours.periods.iter().fold(Decimal::ZERO, |sum, period| sum.checked_add(period.spent).unwrap());
    assert_eq!(all.to_string(), "102");
}

#[test]
fn a_longer_span_of_usage_leaves_its_days_at_least_known() {
    let usage = Charge { category: "Usage", ..charge("600", "2026-11-24", "2026-11-27") };
    let settled = settled(&[
        charge("5", DAY.0, DAY.1),
        charge("5", "2026-11-25", "2026-11-26"),
        charge("5", "2026-11-28", "2026-11-29"),
        usage,
    ]);
    assert_eq!(told(&settled), ["24 00:00 5", "25 00:00 0+", "26 00:00 5+", "27 00:00 0+", "29 00:00 5"]);
    assert_eq!(settled.unplaced, 1);
}

#[test]
fn hours_within_a_day_that_a_row_tells_are_part_of_it_and_open_periods_wait() {
    let mut bill = Bill::default();
    for one in [
        charge("1", "2026-11-23 04:00", "2026-11-23 05:00"),
        charge("20", DAY.0, DAY.1),
        charge("2", "2026-11-24 00:00", "2026-11-24 01:00"),
        charge("3", "2026-11-24 01:00", "2026-11-24 02:00"),
    ] {
        bill.add(&one, Cost::Billed).unwrap();
    }
    let settled = bill.settle(at("2026-11-24 01:30"));
    assert_eq!(told(&settled), ["24 00:00 21", "24 01:00 2"]);
    assert_eq!(settled.open_periods, 1);
}

#[test]
fn what_cannot_be_read_is_named_by_its_column_and_leaves_its_period_at_least_known() {
    let day = charge("5", DAY.0, DAY.1);
    for (bad, column, expected) in [
        (Charge { currency: "EUR", ..day }, "BillingCurrency is \"EUR\"", ["23 00:00 5", "24 00:00 5+"]),
        (Charge { cost: "much", ..day }, "BilledCost \"much\"", ["23 00:00 5", "24 00:00 5+"]),
        (Charge { cost: "", ..day }, "BilledCost \"\"", ["23 00:00 5", "24 00:00 5+"]),
        (Charge { start: "soon", ..day }, "ChargePeriodStart", ["23 00:00 5+", "24 00:00 5+"]),
        (charge("1", DAY.1, DAY.0), "ChargePeriodEnd", ["23 00:00 5+", "24 00:00 5+"]),
    ] {
        let mut bill = Bill::default();
        bill.add(&charge("5", "2026-11-22", "2026-11-23"), Cost::Billed).unwrap();
        bill.add(&day, Cost::Billed).unwrap();
        let why = bill.add(&bad, Cost::Billed).unwrap_err();
        assert!(why.starts_with(column), "{why}");
        assert_eq!(told(&bill.settle(at("2027-01-01"))), expected, "{why}");
    }
}

#[test]
fn fine_amounts_are_rounded_against_the_reader() {
    let fine = ["3.28767123287671E-05", "0.000032876712328767125", "1E-19", "-5.59E-05", "-1E-19", "0"];
    let settled = settled(&fine.map(|cost| charge(cost, DAY.0, DAY.1)));
    assert_eq!(told(&settled), ["24 00:00 0.000009853424657537"]);
}

#[test]
fn what_a_later_bill_says_about_an_earlier_period_adds_to_it() {
    let late = |cost, class, billing_start| Charge { billing_start, class, ..charge(cost, "2026-10-14", "2026-10-15") };
    let settled = settled(&[
        charge("5", DAY.0, DAY.1),
        late("3", "Correction", "2026-11-01"),
        late("-1", "", "2026-11-01"),
        Charge { billing_start: "2026-11-01", ..charge("9", "2026-10-01", "2026-11-01") },
        late("-7", "correction", "2026-12-01"),
    ]);
    assert_eq!(settled.covers, Some((at(DAY.0), at(DAY.1))));
    assert_eq!(told(&settled), ["24 00:00 5"]);
    assert_eq!(settled.given_back.to_string(), "7");
    let (whole, day): (Vec<_>, Vec<_>) = settled.corrections.iter().partition(|one| one.is_at_least);
    assert_eq!((whole.len(), day.len()), (31, 1));
    assert_eq!((day[0].at, day[0].spent.to_string()), (at("2026-10-15"), "2".to_owned()));
    assert_eq!(day[0].id, "correction 2026-11-01 of 20261014T000000 to 20261015T000000");
    let ids: std::collections::BTreeSet<&str> = settled.corrections.iter().map(|one| one.id.as_str()).collect();
    assert!(ids.len() == 32 && ids.iter().all(|id| id.len() <= MAX_NAME));
}

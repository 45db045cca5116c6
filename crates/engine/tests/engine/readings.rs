//! Owns readings of counters case by case: what each comes to, and whether that is all.

use chrono::{DateTime, Utc};
use scaling_mode_engine::counting::{Price, Total};
use scaling_mode_engine::cumulative::{Known, Reading, count};
use scaling_mode_engine::decimal::Decimal;
use scaling_mode_engine::histogram::Histogram;
use scaling_mode_engine::signal::Series;
use scaling_mode_engine::telemetry::Measurement;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + 60 * minute, 0).unwrap()
}

fn reading(key: u8, minute: i64, start: Option<i64>, count: u64) -> Reading {
    Reading {
        at: at(minute),
        family: [255; 16],
        is_delta: false,
        key: [key; 16],
        price: None,
        replica: 0,
        series: Series::InfraRequests,
        start: start.map(at),
        total: Total::Count(count),
    }
}

/// What readings come to, each group of them in a request of its own: by minute what was counted, and whether that is all.
fn counts(requests: &[&[Reading]]) -> Vec<(i64, u64, bool)> {
    let mut known = Known::default();
    let mut all = Vec::new();
    for request in requests {
        let samples = count(request, &mut known).samples;
        all.extend(samples.iter().map(|sample| {
            let minute = (sample.at - at(0)).num_minutes();
            match sample.measurement {
                Measurement::Value(count) => (minute, count, true),
                Measurement::AtLeast(count) => (minute, count, false),
                _ => panic!("a count"),
            }
        }));
    }
    all
}

#[test]
fn the_first_reading_only_marks_where_counting_begins() {
    assert_eq!(counts(&[&[reading(1, 0, None, 1000)], &[reading(1, 1, None, 1010)]]), [(1, 10, true)]);
}

#[test]
fn a_process_that_restarts_has_counted_all_it_says() {
    let with_start = [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 2, Some(1), 200)]];
    assert_eq!(counts(&with_start), [(2, 200, true)]);
    // Without a start it is clear once the count before has stayed away.
    let without = [&[reading(1, 0, None, 990), reading(1, 1, None, 1000)][..], &[reading(1, 2, None, 7)]];
    assert_eq!(counts(&without), [(1, 10, true)]);
    let clear = [without[0], without[1], &[reading(1, 3, None, 12)]];
    assert_eq!(counts(&clear), [(1, 10, true), (3, 12, true)]);
}

#[test]
fn a_new_start_whose_count_is_not_below_the_last_is_no_proof_of_a_restart() {
    let unclear = [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 2, Some(1), 1200)]];
    assert_eq!(counts(&unclear), [(2, 200, false)]);
    // Another counter of the process proves it for all of them.
    let both = |minute, start, one, two| [reading(1, minute, Some(start), one), reading(2, minute, Some(start), two)];
    assert_eq!(counts(&[&both(0, -9, 1000, 1), &both(2, 1, 30, 2)]), [(2, 32, true)]);
}

#[test]
fn a_start_at_the_readings_own_time_adds_no_count() {
    let collector = [
        &[reading(1, 0, Some(0), 1000)][..],
        &[reading(1, 1, Some(0), 1060)],
        &[reading(1, 3, Some(3), 1120)],
        &[reading(1, 4, Some(3), 1180)],
    ];
    assert_eq!(counts(&collector), [(1, 60, true), (3, 60, true), (4, 60, true)]);
    // It adds no count: what has fallen is unknown.
    let fallen = [collector[0], collector[1], &[reading(1, 3, Some(3), 40)], &[reading(1, 4, Some(3), 45)]];
    assert_eq!(counts(&fallen), [(1, 60, true), (3, 0, false), (4, 5, true)]);
    // Two processes that never say their start.
    let both = [
        &[reading(1, 0, Some(0), 1000)][..],
        &[reading(1, 1, Some(1), 400)],
        &[reading(1, 2, Some(2), 1010)],
        &[reading(1, 3, Some(3), 405)],
        &[reading(1, 4, Some(4), 1020)],
    ];
    assert_eq!(counts(&both).iter().map(|(_, count, _)| count).sum::<u64>(), 20);
}

#[test]
fn processes_under_one_identity_are_counted_each_by_itself() {
    let mut requests = Vec::new();
    for round in 0..4 {
        requests.push(vec![reading(1, 2 * round, Some(-120), 100_000 + 10 * round as u64)]);
        requests.push(vec![reading(1, 2 * round + 1, Some(-60), 40_000 + 5 * round as u64)]);
    }
    let requests: Vec<&[Reading]> = requests.iter().map(Vec::as_slice).collect();
    let counted = counts(&requests);
    assert_eq!(counted.iter().map(|(_, count, _)| count).sum::<u64>(), 45);
    assert_eq!(
        counted.iter().filter(|(_, _, is_all)| !is_all).count(),
        1,
        "the second one's first reading: {counted:?}"
    );
}

#[test]
fn a_second_replica_adds_nothing_and_takes_over_when_the_first_is_silent() {
    let of = |replica, minute, count| Reading { replica, ..reading(1, minute, None, count) };
    let pair = [of(1, 0, 1000), of(2, 0, 1003), of(1, 1, 1010), of(2, 1, 1013), of(2, 2, 1023), of(2, 3, 1033)];
    assert_eq!(counts(&[&pair]), [(1, 10, true), (3, 23, true)]);
}

#[test]
fn the_first_error_of_a_known_process_is_counted() {
    let requests = [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 1, Some(-9), 1010), reading(2, 1, Some(-9), 1)]];
    assert_eq!(counts(&requests), [(1, 11, true)]);
    // Without a start, or without the counters that were there before, it may have counted before.
    let without = [&[reading(1, 0, None, 1000)][..], &[reading(1, 1, None, 1010)], &[reading(2, 2, None, 1)]];
    assert_eq!(counts(&without), [(1, 10, true), (2, 0, false)]);
    let renamed =
        [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 1, Some(-9), 1010)], &[reading(2, 2, Some(-9), 1020)]];
    assert_eq!(counts(&renamed), [(1, 10, true), (2, 0, false)]);
}

#[test]
fn a_new_process_of_a_known_source_is_counted_from_its_start() {
    let first = [&[reading(1, 0, Some(-9), 1000)][..], &[reading(1, 1, Some(-9), 1000)]];
    let mut new = reading(3, 5, Some(4), 40);
    new.family = [9; 16];
    let mut old = reading(4, 5, Some(-90), 4000);
    old.family = [8; 16];
    assert_eq!(counts(&[first[0], first[1], &[new.clone()]]), [(1, 0, true), (5, 40, true)]);
    assert_eq!(counts(&[first[0], first[1], &[new, old]]), [(1, 0, true), (5, 40, false)]);
}

#[test]
fn what_is_delivered_again_or_late_adds_nothing() {
    let first = [reading(1, 0, None, 5), reading(1, 1, None, 8), reading(1, 3, None, 12)];
    assert_eq!(counts(&[&first, &first, &[reading(1, 2, None, 9)]]), [(1, 3, true), (3, 4, true)]);
}

#[test]
fn a_delta_point_is_known_by_its_attributes_start_and_time() {
    let point = |key, minute, count| Reading { is_delta: true, ..reading(key, minute, Some(minute - 1), count) };
    let (a, b, c) = (point(1, 1, 40), point(2, 1, 20), point(3, 1, 5));
    let all = |requests: &[&[Reading]]| counts(requests).iter().map(|(_, count, _)| count).sum::<u64>();
    let both = [a.clone(), b.clone()];
    assert_eq!(all(&[&both, &[b.clone(), a.clone()], std::slice::from_ref(&a), std::slice::from_ref(&b)]), 60);
    assert_eq!(all(&[&[a.clone(), b.clone(), a.clone(), b.clone()]]), 60);
    assert_eq!(all(&[&both, &[a.clone(), b, c]]), 65);
    assert_eq!(counts(&[&[a], &[point(1, 1, 41)]]), [(1, 40, true), (1, 0, false)]);
}

#[test]
fn what_has_no_price_costs_nobody_knows_how_much() {
    let mut known = Known::default();
    known.heard_since.insert(Series::AiSpend, at(0));
    let priced = |key: u8, price: Price| Reading {
        price: Some(price),
        series: Series::AiSpend,
        ..reading(key, 2, Some(1), 2_000_000)
    };
    let each = Price::Usd(Decimal::parse("0.0000015").unwrap());
    let counted = count(&[priced(1, each.clone())], &mut known.clone());
    assert_eq!(counted.samples[0].measurement, Measurement::Value(3_000_000));
    let counted = count(&[priced(1, each), priced(2, Price::Unknown("new-model".to_owned()))], &mut known);
    assert_eq!(counted.samples[0].measurement, Measurement::AtLeast(3_000_000));
    assert_eq!(counted.unpriced.keys().collect::<Vec<_>>(), ["new-model"]);
}

#[test]
fn a_distribution_grows_by_its_cells() {
    let mut before = Histogram::default();
    before.add(0, 100, 5);
    before.add(101, 200, 1);
    // The same counts said more coarsely, and three more.
    let mut now = Histogram::default();
    now.add(0, 200, 9);
    let grown = now.without(&before).unwrap();
    assert_eq!((grown.count(), grown.cells().len()), (3, 1));
    assert_eq!(before.without(&now), None);
    // Said more coarsely before: what is left is only known to lie within that.
    let mut later = Histogram::default();
    later.add(0, 100, 8);
    later.add(101, 200, 2);
    let grown = later.without(&now).unwrap();
    assert_eq!(grown.cells().iter().map(|cell| (cell.lo, cell.hi, cell.count)).collect::<Vec<_>>(), [(0, 200, 1)]);
}

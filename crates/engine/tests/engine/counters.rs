//! Owns what holds of counters however their readings arrive: what is counted is what they grew by, or less with a doubt that says
//! so, and never more.

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::sample::Index;
use scaling_mode_engine::counting::Total;
use scaling_mode_engine::cumulative::{Known, Reading, count};
use scaling_mode_engine::doubt::Doubt;
use scaling_mode_engine::histogram::Histogram;
use scaling_mode_engine::signal::Series;
use scaling_mode_engine::telemetry::{Measurement, Sample};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn requests(second: i64, start: Option<i64>, total: u64) -> Reading {
    Reading {
        at: at(second),
        family: [1; 16],
        is_delta: false,
        key: [2; 16],
        price: None,
        replica: 0,
        series: Series::InfraRequests,
        start: start.map(at),
        total: Total::Count(total),
    }
}

/// The same reading as a distribution of so many durations.
fn durations(reading: Reading) -> Reading {
    let mut histogram = Histogram::default();
    histogram.add(0, 100, reading.total.size() - reading.total.size() / 10);
    histogram.add(101, u64::MAX, reading.total.size() / 10);
    Reading { series: Series::InfraLatency, total: Total::Latency(histogram), ..reading }
}

/// From its start to its end: readings of a process.
#[derive(Clone, Debug)]
struct Run {
    readings: Vec<(i64, u64)>,
    start: i64,
}

impl Run {
    fn all(&self) -> u64 {
        self.readings.last().map_or(0, |(_, total)| *total)
    }

    fn since_first(&self) -> u64 {
        self.all() - self.readings.first().map_or(0, |(_, total)| *total)
    }
}

/// A series: the runs of its process one after the other, read about once a minute. The first is older than all readings.
fn runs(most: usize) -> impl Strategy<Value = Vec<Run>> {
    let steps = prop::collection::vec((55i64..65, 0u64..40), 3..8);
    (0u64..100_000, prop::collection::vec(steps, 1..=most)).prop_map(|(before, all)| {
        let (mut second, mut runs) = (0, Vec::new());
        for (place, steps) in all.into_iter().enumerate() {
            let start = if place == 0 { -90_000 } else { second + 20 };
            let mut total = if place == 0 { before } else { 0 };
            let mut readings = Vec::new();
            for (step, grown) in steps {
                second += step;
                total += grown;
                readings.push((second, total));
            }
            runs.push(Run { readings, start });
        }
        runs
    })
}

/// Whether each restart shows in the count. Without a start, one that doesn't is nowhere to be seen.
fn falls(runs: &[Run]) -> bool {
    runs.windows(2).all(|pair| pair[1].readings[0].1 < pair[0].all())
}

/// What can be counted of a series: its first reading marks the beginning.
fn countable(runs: &[Run]) -> u64 {
    runs.first().map_or(0, Run::since_first) + runs.iter().skip(1).map(Run::all).sum::<u64>()
}

fn readings(runs: &[Run], with_start: bool) -> Vec<Reading> {
    let of = |run: &Run| {
        let start = with_start.then_some(run.start);
        run.readings.iter().map(move |(second, total)| requests(*second, start, *total)).collect::<Vec<_>>()
    };
    runs.iter().flat_map(of).collect()
}

/// The count, and whether anything is in doubt or held back.
#[derive(Debug)]
struct Outcome {
    count: u64,
    is_less: bool,
    samples: Vec<Sample>,
}

/// Delivers requests one after the other.
fn deliver(requests: &[Vec<Reading>]) -> Outcome {
    let mut known = Known::default();
    let mut outcome = Outcome { count: 0, is_less: false, samples: Vec::new() };
    for request in requests {
        // As the store has it: when its processes began is known of all families.
        for ((series, _), family) in &known.families {
            let starts = family.counters.values().flat_map(|counter| counter.states()).filter_map(|state| state.start);
            known.starts.entry(*series).or_default().extend(starts);
        }
        let counted = count(request, &mut known);
        outcome.is_less |= !counted.doubts.is_empty();
        for sample in &counted.samples {
            outcome.count += match &sample.measurement {
                Measurement::Value(count) | Measurement::AtLeast(count) => *count,
                Measurement::Histogram(histogram) => histogram.count(),
                other => panic!("{other:?}"),
            };
        }
        outcome.samples.extend(counted.samples);
    }
    let states = known.families.values().flat_map(|family| family.counters.values()).flat_map(|one| one.states());
    outcome.is_less |= states.into_iter().any(|state| state.held.is_some());
    outcome
}

/// Readings in requests: cut where the indices say.
fn split(readings: Vec<Reading>, cuts: &[Index]) -> Vec<Vec<Reading>> {
    let mut requests = vec![Vec::new()];
    let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(readings.len())).collect();
    for (place, reading) in readings.into_iter().enumerate() {
        if cuts.contains(&place) {
            requests.push(Vec::new());
        }
        requests.last_mut().unwrap().push(reading);
    }
    requests
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

/// Never more; and where it is less, that is said.
fn holds(outcome: &Outcome, most: u64) -> Result<(), TestCaseError> {
    prop_assert!(outcome.count <= most, "{} of {most} were counted: {outcome:?}", outcome.count);
    prop_assert!(outcome.count == most || outcome.is_less, "{} of {most} are called all: {outcome:?}", outcome.count);
    Ok(())
}

/// The same for counts and for durations.
fn both(requests: &[Vec<Reading>], most: u64) -> Result<(), TestCaseError> {
    holds(&deliver(requests), most)?;
    let as_durations: Vec<Vec<Reading>> =
        requests.iter().map(|request| request.iter().cloned().map(durations).collect()).collect();
    holds(&deliver(&as_durations), most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_split_counts_what_a_series_grew_by(runs in runs(3), cuts in cuts(), with_start: bool) {
        prop_assume!(with_start || falls(&runs));
        both(&split(readings(&runs, with_start), &cuts), countable(&runs))?;
    }

    #[test]
    fn a_series_without_a_restart_is_counted_exactly(runs in runs(1), cuts in cuts(), with_start: bool) {
        let outcome = deliver(&split(readings(&runs, with_start), &cuts));
        prop_assert_eq!((outcome.count, outcome.is_less), (countable(&runs), false));
    }

    #[test]
    fn what_is_delivered_again_in_any_order_changes_nothing(
        runs in runs(3), cuts in cuts(), again in prop::collection::vec(any::<Index>(), 1..30), with_start: bool,
    ) {
        let all = readings(&runs, with_start);
        let mut requests = split(all.clone(), &cuts);
        let before = deliver(&requests);
        requests.extend(again.iter().map(|place| vec![all[place.index(all.len())].clone()]));
        let after = deliver(&requests);
        prop_assert_eq!(before.samples, after.samples);
    }

    #[test]
    fn any_order_of_one_process_counts_no_more(runs in runs(1), cuts in cuts(), with_start: bool, seed: u64) {
        let requests = shuffled(readings(&runs, with_start), seed, &cuts);
        // What came before the first that arrived can't be counted.
        let first = requests.iter().flatten().map(|reading| reading.total.size()).min().unwrap_or(0);
        let most = runs[0].all() - first;
        let outcome = deliver(&requests);
        prop_assert!(outcome.count <= most, "{} of {most}: {outcome:?}", outcome.count);
    }

    #[test]
    fn any_order_over_restarts_counts_no_more(runs in runs(3), cuts in cuts(), seed: u64) {
        let outcome = deliver(&shuffled(readings(&runs, true), seed, &cuts));
        prop_assert!(outcome.count <= countable(&runs), "{} of {}: {outcome:?}", outcome.count, countable(&runs));
    }

    #[test]
    fn a_start_that_moves_counts_no_more(
        runs in runs(2), cuts in cuts(), moves in prop::collection::vec(-12i64..=12, 1..5), quantum in 1i64..6,
    ) {
        let mut all = readings(&runs, true);
        for (place, reading) in all.iter_mut().enumerate() {
            let by = Duration::seconds(moves[place % moves.len()] / quantum * quantum);
            reading.start = reading.start.map(|start| start + by);
        }
        both(&split(all, &cuts), countable(&runs))?;
    }

    #[test]
    fn an_added_label_counts_no_more(
        runs in runs(2), cuts in cuts(), since in any::<Index>(), of_process: bool, with_start: bool,
    ) {
        prop_assume!(with_start || falls(&runs));
        let mut all = readings(&runs, with_start);
        let since = since.index(all.len());
        for reading in &mut all[since..] {
            reading.key = [3; 16];
            if of_process {
                reading.family = [4; 16];
            }
        }
        let outcome = deliver(&split(all, &cuts));
        prop_assert!(outcome.count <= countable(&runs), "{} of {}: {outcome:?}", outcome.count, countable(&runs));
        // Up to its second reading nothing was heard of the source yet.
        prop_assert!(outcome.count == countable(&runs) || outcome.is_less || since <= 1, "{outcome:?}");
    }

    #[test]
    fn a_second_replica_counts_no_more(runs in runs(2), cuts in cuts(), late in 1i64..50, with_start: bool) {
        prop_assume!(with_start || falls(&runs));
        let mut all = readings(&runs, with_start);
        let other: Vec<Reading> = all
            .iter()
            .map(|reading| Reading { at: reading.at + Duration::seconds(late), replica: 9, ..reading.clone() })
            .collect();
        all.iter_mut().for_each(|reading| reading.replica = 7);
        all.extend(other);
        all.sort_by_key(|reading| reading.at);
        both(&split(all, &cuts), countable(&runs))?;
    }

    #[test]
    fn processes_that_share_an_identity_count_no_more(
        one in runs(2), other in runs(1), apart in 0i64..5_000, later in 1i64..30, cuts in cuts(),
    ) {
        let mut all = readings(&one, true);
        let shift = |reading: Reading| Reading {
            at: reading.at + Duration::seconds(later),
            start: reading.start.map(|start| start - Duration::seconds(apart)),
            ..reading
        };
        all.extend(readings(&other, true).into_iter().map(shift));
        all.sort_by_key(|reading| reading.at);
        let most = countable(&one) + countable(&other);
        // With one start for both they are one process with a count that falls and rises.
        if apart > 0 {
            both(&split(all, &cuts), most)?;
        }
    }

    #[test]
    fn a_collector_that_restarts_counts_no_more(runs in runs(1), cuts in cuts(), restarts in prop::collection::vec(any::<Index>(), 0..3), lost: bool) {
        let mut all = readings(&runs, true);
        let mut places: Vec<usize> = restarts.iter().map(|place| place.index(all.len())).collect();
        places.push(0);
        places.sort_unstable();
        for place in places.iter().copied() {
            let begun = all[place].at;
            all[place..].iter_mut().for_each(|reading| reading.start = Some(begun));
        }
        // The reading with a start of its own time may never arrive.
        let mut place = 0;
        all.retain(|_| {
            place += 1;
            !lost || place == 1 || !places.contains(&(place - 1))
        });
        let most = all.last().map_or(0, |last| last.total.size()) - all[0].total.size();
        both(&split(all, &cuts), most)?;
    }

    #[test]
    fn delta_points_count_once_in_any_order_and_company(
        points in prop::collection::vec((0u8..3, 0u64..50), 1..20), again in prop::collection::vec(any::<Index>(), 0..20), cuts in cuts(), seed: u64,
    ) {
        let point = |(place, (key, count)): (usize, &(u8, u64))| {
            let second = 60 * place as i64;
            Reading { is_delta: true, key: [*key; 16], ..requests(second, Some(second - 60), *count) }
        };
        let all: Vec<Reading> = points.iter().enumerate().map(point).collect();
        let mut sent = all.clone();
        sent.extend(again.iter().map(|place| all[place.index(all.len())].clone()));
        let outcome = deliver(&shuffled(sent, seed, &cuts));
        prop_assert_eq!((outcome.count, outcome.is_less), (points.iter().map(|(_, count)| count).sum::<u64>(), false));
    }
}

/// The same readings in another order.
fn shuffled(mut readings: Vec<Reading>, mut seed: u64, cuts: &[Index]) -> Vec<Vec<Reading>> {
    for place in (1..readings.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        readings.swap(place, (seed >> 33) as usize % (place + 1));
    }
    split(readings, cuts)
}

fn doubts(requests: &[&[Reading]]) -> (u64, Vec<Doubt>) {
    let mut known = Known::default();
    let (mut all, mut doubts) = (0, Vec::new());
    for request in requests {
        let counted = count(request, &mut known);
        doubts.extend(counted.doubts.keys().map(|(_, doubt)| *doubt));
        all += counted
            .samples
            .iter()
            .map(|sample| match sample.measurement {
                Measurement::Value(count) | Measurement::AtLeast(count) => count,
                _ => 0,
            })
            .sum::<u64>();
    }
    (all, doubts)
}

#[test]
fn each_doubt_is_named() {
    let heard = [requests(0, Some(-600), 100), requests(60, Some(-600), 110)];
    for (then, counted, doubt) in [
        // Its start is before what was read: another process.
        (requests(90, Some(-300), 50), 10, Doubt::SeveralProcesses),
        (requests(90, Some(-602), 120), 10, Doubt::StartMoves),
        (requests(90, Some(90), 100), 10, Doubt::StartUnknown),
        (requests(90, None, 100), 10, Doubt::StartUnknown),
        // It says that it began since, and counts as much as before.
        (requests(90, Some(70), 120), 20, Doubt::RestartUnclear),
        (Reading { key: [9; 16], ..requests(90, None, 7) }, 10, Doubt::Appeared),
        (Reading { family: [9; 16], key: [9; 16], ..requests(90, Some(-700), 7) }, 10, Doubt::Appeared),
        // The same process under other attributes.
        (Reading { family: [9; 16], key: [9; 16], ..requests(90, Some(-600), 120) }, 10, Doubt::Appeared),
    ] {
        assert_eq!(doubts(&[&heard, std::slice::from_ref(&then)]), (counted, vec![doubt]), "{then:?}");
    }
    // A count that falls and rises again is that of two.
    let (a, b) = (requests(100, Some(-600), 3), requests(120, Some(-600), 130));
    assert_eq!(doubts(&[&heard, &[a], &[b]]), (30, vec![Doubt::SeveralProcesses]));
}

#[test]
fn a_counter_keeps_a_bounded_number_of_processes_and_names_what_it_cannot_keep() {
    let mut known = Known::default();
    let round = |round: i64, known: &mut Known| {
        let all: Vec<Reading> = (0..40)
            .map(|process| requests(1_000 * round + process, Some(-10_000 - 100 * process), 1_000 + round as u64))
            .collect();
        count(&all, known)
    };
    round(0, &mut known);
    let second = round(1, &mut known);
    let states = known.families.values().flat_map(|family| family.counters.values()).map(|one| one.states().len());
    assert_eq!(states.collect::<Vec<_>>(), [32]);
    assert!(!second.doubts.is_empty());
    let counted: u64 = second
        .samples
        .iter()
        .map(|sample| match sample.measurement {
            Measurement::Value(count) | Measurement::AtLeast(count) => count,
            _ => 0,
        })
        .sum();
    assert!(counted <= 40, "{counted}");
}

//! Owns the measurements of the pure engine: an answer from prepared numbers, a whole evaluation with its words,
//! canonical JSON and digest, and the way from a year of samples to inputs.

#[path = "../tests/engine/support/mod.rs"]
mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use scaling_mode_engine::baseline::Baseline;
use scaling_mode_engine::break_even::{Situation, break_even};
use scaling_mode_engine::decision::assess;
use scaling_mode_engine::evaluate::{SealedConfig, evaluate, prove};
use scaling_mode_engine::facts::Facts;
use scaling_mode_engine::interval::{Count, Interval};
use scaling_mode_engine::mode::Mode;
use scaling_mode_engine::prepare::inputs;
use scaling_mode_engine::rollup::{MINUTE_MS, MinuteRow};
use scaling_mode_engine::scenario::Scenario;
use scaling_mode_engine::scenario_input::InputField;
use scaling_mode_engine::signal::Series;
use scaling_mode_engine::snapshot::Origin;
use scaling_mode_engine::stream::{Span, Stream};
use std::hint::black_box;
use support::picture::{Picture, config, stable};
use support::{at, noon};

fn picture() -> Picture {
    let mut picture = Picture::healthy(13);
    picture.posts = Count::exactly(97);
    picture.spend = Count::exactly(12_345_678);
    picture.at_risk = 1;
    picture.warnings = 2;
    picture.cpu = Interval::exactly(0.634_271);
    picture.latency_hour = Interval::new(312.475, 345.118);
    picture.latency_evidence = Interval::new(298.843, 331.776);
    picture.errors_hour = Count::exactly(3);
    picture.errors_evidence = Count::exactly(19);
    picture
}

fn answers(criterion: &mut Criterion) {
    let sealed = SealedConfig::new(config(Mode::Pilot));
    let inputs = picture().inputs(&sealed.config);
    let facts = Facts::from_inputs(&inputs);
    let recent = stable();

    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(1));
    group.bench_function("assess", |bencher| {
        bencher.iter(|| assess(black_box(&facts), &sealed.config, black_box(&recent), noon_of()));
    });
    group.bench_function("evaluate", |bencher| {
        bencher.iter_batched(
            || (inputs.clone(), recent.clone()),
            |(inputs, recent)| evaluate(&sealed, inputs, recent, noon_of(), Origin::Scheduled),
            // Few at a time, so that their memory is used again: the engine is measured, not fresh pages of memory.
            BatchSize::NumIterations(64),
        );
    });
    let baseline =
        Baseline { as_of: noon(), config: sealed.config.clone(), inputs: inputs.clone(), recent: recent.clone() };
    let texts = [("inputs.clients".to_owned(), "14".to_owned()), ("inputs.latency_ms".to_owned(), "300".to_owned())];
    // What the browser does at every move of a slider, drawing aside.
    group.bench_function("what-if", |bencher| {
        bencher.iter(|| {
            let (scenario, _) = Scenario::read(black_box(&texts), &baseline);
            let judged = scenario.judge(&baseline);
            let (config, facts, recent) = (&judged.config, &judged.facts, &judged.recent);
            let situation = Situation { as_of: noon_of(), config, facts, recent };
            InputField::ALL.map(|field| break_even(situation, field))
        });
    });
    let evaluation = evaluate(&sealed, inputs.clone(), recent.clone(), noon(), Origin::Scheduled);
    group.throughput(Throughput::Bytes(evaluation.bytes.len() as u64));
    group.bench_function("prove", |bencher| {
        bencher.iter(|| prove(black_box(&evaluation.bytes), &evaluation.snapshot.digest, Some(&sealed)));
    });
    group.finish();
}

/// Noon as a constant: reading it from text is no part of an answer.
fn noon_of() -> chrono::DateTime<chrono::Utc> {
    black_box(chrono::DateTime::from_timestamp(1_773_144_000, 0).expect("in range"))
}

/// A year of five-minute rows of every series but latency, which is kept as distributions.
fn year() -> Vec<(Series, Vec<MinuteRow>)> {
    let end = noon().timestamp_millis();
    let rows = |series: Series| {
        (0..365 * 288i64)
            .rev()
            .map(|back| {
                let at = end - back * 5 * MINUTE_MS;
                let value = match series {
                    Series::ClientsActive => 13,
                    Series::InfraCpu => 400_000_000,
                    Series::InfraRequests => 40,
                    Series::AiSpend => 21_000,
                    _ => u64::from(back % 50 == 0),
                };
                MinuteRow {
                    fetched_at: at,
                    first: value,
                    first_at: at,
                    is_open: false,
                    last: value,
                    last_at: at,
                    latency: None,
                    minute: at / MINUTE_MS,
                    samples: 1,
                    total: value,
                }
            })
            .collect()
    };
    Series::ALL
        .into_iter()
        .filter(|series| *series != Series::InfraLatency)
        .map(|series| (series, rows(series)))
        .collect()
}

fn windows(criterion: &mut Criterion) {
    let config = config(Mode::Pilot);
    let day_start = at("2026-03-10T00:00:00Z");
    let end = noon().timestamp_millis();
    let year = year();
    let streams = |vouched: bool| -> Vec<Stream> {
        let spans = if vouched { vec![Span { from: end - 365 * 1_440 * MINUTE_MS, to: end }] } else { Vec::new() };
        year.iter()
            .map(|(series, rows)| Stream::new("meter".to_owned(), *series, None, spans.clone(), rows.clone()))
            .collect()
    };
    let mut group = criterion.benchmark_group("prepare, a year of 5-minute rows");
    group.sample_size(20);
    for (name, vouched) in [("inputs, with watermarks", true), ("inputs, without", false)] {
        let streams = streams(vouched);
        group.bench_function(name, |bencher| bencher.iter(|| inputs(black_box(&streams), &config, noon(), day_start)));
    }
    let (series, rows) = &year[0];
    group.bench_function("one stream made", |bencher| {
        bencher.iter_batched(
            || rows.clone(),
            |rows| Stream::new("meter".to_owned(), *series, None, Vec::new(), rows),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, answers, windows);
criterion_main!(benches);

//! Measures, run by hand: `cargo test --features ssr --test store speed -- --ignored --nocapture`.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use super::support::*;
use chrono::Duration;
use scaling_mode::domain::history::EventType;
use scaling_mode::domain::signal::Series;
use scaling_mode::domain::snapshot::Origin;
use scaling_mode::domain::stream::Span;
use scaling_mode::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
use scaling_mode::server::store::{EventFilter, Store};
use std::time::{Duration as Took, Instant};

/// Starts two clocks: the wall's, and the processor time of this process, which other work on the machine leaves alone.
fn begin() -> (Instant, Took) {
    (Instant::now(), processor_time())
}

fn processor_time() -> Took {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Took::from_millis(ticks * 10)
}

fn say(what: &str, count: f64, (wall, processor): (Instant, Took)) {
    let (wall, processor) = (wall.elapsed().as_secs_f64(), (processor_time() - processor).as_secs_f64());
    println!("{what}: {:.0}/s; {:.1} us of processor time each", count / wall, processor / count * 1e6);
}

fn import(first: i64, count: i64, seconds: i64) -> AcceptedBatch {
    let samples: Vec<Sample> = (first..first + count)
        .map(|place| Sample {
            at: t0() + Duration::seconds(seconds * (place / 2)),
            exact: None,
            id: None,
            measurement: Measurement::Value(u64::try_from(place % 1_000).unwrap()),
            series: if place % 2 == 0 { Series::InfraRequests } else { Series::InfraErrors },
        })
        .collect();
    AcceptedBatch {
        revises: false,
        source: "import".to_owned(),
        step_minutes: None,
        watermark: Some(Watermark {
            covers_from: None,
            data_through: samples.last().unwrap().at,
            series: samples.iter().map(|sample| sample.series).collect(),
        }),
        samples,
        ..AcceptedBatch::default()
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn samples_a_second() {
    for (name, seconds) in [("one a minute", 60), ("six a minute", 10)] {
        let (_folder, store) = sqlite().await;
        let batches: Vec<_> = (0..30).map(|place| import(place * 10_000, 10_000, seconds)).collect();
        let began = begin();
        for batch in &batches {
            store.ingest(ENV, batch, t0(), None).await.unwrap();
        }
        say(&format!("ingest, {name}"), 300_000.0, began);
        let began = begin();
        for batch in &batches[..10] {
            store.ingest(ENV, batch, t0(), None).await.unwrap();
        }
        say(&format!("again, {name}"), 100_000.0, began);
        let began = begin();
        let to = t0().timestamp_millis() + 50_000 * seconds * 1_000;
        let streams = store.streams(ENV, Span { from: to - 7 * 86_400_000, to }).await.unwrap();
        say(&format!("streams over 7 days ({})", streams.len()), 1.0, began);
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn recordings_a_second() {
    let (_folder, store) = sqlite().await;
    let words =
        |place: i64| (0..900).map(|word| format!("{:x} ", (word * 7_919 + place * word) % 4_096)).collect::<String>();
    let sealed: Vec<_> =
        (0..5_000).map(|place| snapshot(ENV, minute(15 * place), Origin::Replay, &words(place))).collect();
    println!("{} bytes a body", sealed[1].1.len());
    let began = begin();
    for chunk in sealed.chunks(500) {
        let recordings: Vec<_> = chunk.iter().map(recording).collect();
        store.record(ENV, &recordings, None).await.unwrap();
    }
    say("record", 5_000.0, began);
    let began = begin();
    for sealed in &sealed[..500] {
        let asked = snapshot(ENV, sealed.0.body.as_of, Origin::OnDemand, "alone");
        store.record(ENV, &[recording(&asked)], None).await.unwrap();
    }
    say("record, one by one", 500.0, began);
    for filter in [
        EventFilter::default(),
        EventFilter {
            types: vec![EventType::Note, EventType::ConfigChanged],
            to: Some(minute(30_000)),
            ..EventFilter::default()
        },
    ] {
        let began = begin();
        for _ in 0..100 {
            store.events(ENV, &filter, 100).await.unwrap();
        }
        say("a page of history", 100.0, began);
    }
}

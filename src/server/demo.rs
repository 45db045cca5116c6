//! Owns the synthetic environment: 90 days of invented telemetry, marked as such wherever it shows, deciding nothing.
//! Must not touch any other environment. The figures come from a fixed seed: every demo is the same.

use super::replay::{Plan, replay};
use super::store::{Store, StoreError};
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, Policy};
use crate::domain::signal::Series;
use crate::domain::telemetry::{AcceptedBatch, Measurement, Sample, Watermark};
use chrono::{DateTime, Duration, DurationRound, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The environment's name.
pub const DEMO: &str = "demo";
/// The source that every invented number carries.
const SOURCE: &str = "synthetic";
const DAYS: i64 = 90;

/// Makes the demo as it would be at `now`, if it is not there yet. Returns how many samples were invented.
///
/// # Errors
/// What the store says.
pub async fn create(store: &Arc<dyn Store>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let to = now.duration_trunc(Duration::hours(1)).unwrap_or(now);
    let from = to - Duration::days(DAYS);
    let config = Config::new(DEMO, EnvironmentKind::Synthetic, Mode::Pilot, Policy::default(), from);
    match store.create_environment(&config, "demo".into(), now).await {
        Err(StoreError::EnvironmentExists(_)) => return Ok(0),
        other => other?,
    }
    let mut invented = 0;
    for day in 0..DAYS {
        let batch = day_of(from, from + Duration::days(day));
        invented += store.ingest(DEMO, &batch, now, None).await?.accepted;
    }
    let plan = Plan { environment: DEMO.to_owned(), from: from + Duration::days(1), to, every_minutes: 60 };
    replay(store.clone(), &plan, |_| {}).await?;
    Ok(invented)
}

/// A small generator of repeatable noise (SplitMix64; Steele, Lea, Flood, 2014): a number from 0 to 1.
fn noise(place: i64, series: Series) -> f64 {
    let mut state = (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(series.code()) << 32);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((state ^ (state >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// One day of invented hours, from `day` on.
fn day_of(start: DateTime<Utc>, day: DateTime<Utc>) -> AcceptedBatch {
    let mut samples = Vec::new();
    for hour in 1..=24 {
        let at = day + Duration::hours(hour);
        let place = (at - start).num_hours();
        for series in Series::ALL {
            if let Some(measurement) = invented(series, place) {
                samples.push(Sample { at, exact: None, id: None, measurement, series });
            }
        }
    }
    AcceptedBatch {
        revises: false,
        samples,
        source: SOURCE.to_owned(),
        step_minutes: Some(60),
        watermark: Some(Watermark {
            covers_from: (day == start).then_some(start),
            data_through: day + Duration::days(1),
            series: Series::ALL.into_iter().collect::<BTreeSet<Series>>(),
        }),
        ..AcceptedBatch::default()
    }
}

/// What a series shows in an hour: growth from 7 to 14 clients, daily rhythms, one bad week of latency.
fn invented(series: Series, hour: i64) -> Option<Measurement> {
    let wave = (hour % 24 - 14).abs() as f64 / 12.0;
    let busy = 1.0 - wave.min(1.0);
    let random = noise(hour, series);
    let clients = 7 + hour / (24 * 12);
    let is_bad_day = (40 * 24..42 * 24).contains(&hour);
    let whole = |value: f64| Measurement::Value(value.max(0.0).round() as u64);
    let daily = hour % 24 == 0;
    Some(match series {
        Series::ClientsActive if daily => whole(clients as f64),
        Series::ClientsAtRisk if daily => whole(if random > 0.6 { 1.0 } else { 0.0 }),
        Series::WarningsInfo if daily => whole(random * 4.0),
        Series::WarningsWarning if daily => whole(random * 1.6),
        Series::WarningsCritical if daily => whole(if is_bad_day { 2.0 } else { 0.0 }),
        Series::PostsPublished => whole(clients as f64 * busy * random * 0.8),
        Series::AiSpend => whole(clients as f64 * (0.3 + busy) * (0.4 + random) * 90_000.0),
        Series::InfraCpu => whole((0.18 + busy * 0.3 + random * 0.08) * 1e9),
        Series::InfraLatency => {
            let base = if is_bad_day { 1_400.0 } else { 140.0 };
            Measurement::Aggregated {
                aggregation: crate::domain::signal::Aggregation::P95,
                count: None,
                nanos: ((base + random * 80.0 + busy * 40.0) * 1e6) as u64,
            }
        }
        Series::InfraRequests => whole(2_400.0 + busy * 3_000.0),
        Series::InfraErrors => whole(random * 2.0 * if is_bad_day { 60.0 } else { 1.0 }),
        _ => return None,
    })
}

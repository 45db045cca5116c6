//! Owns the reading of what a page shows over time: points, spans and the charts drawn from them. Must not write anything.

use crate::domain::history::EventType;
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::trend::{OverTime, Range, TrendPoint, spans};
use crate::server::charts::{self, Drawing};
use crate::server::store::{EventFilter, Store, StoreError, TrendQuery};
use chrono::{DateTime, Duration, NaiveTime, Utc};

/// The most changes of mode and freezes that are shown.
const MOST_EVENTS: u32 = 500;

/// What is shown over a range that ends now, or, where time does not go on, with the newest snapshot.
///
/// # Errors
/// What the store says.
pub async fn read(
    store: &dyn Store,
    config: &Config,
    range: Range,
    newest: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<OverTime, StoreError> {
    let to = if config.kind == EnvironmentKind::Live { now } else { newest.unwrap_or(now) };
    let from = to - Duration::days(i64::from(range.days()));
    let step = Duration::hours(i64::from(range.step_hours()));
    let points = store.trend(&config.environment, &TrendQuery { from, step, to }).await?;
    let filter = EventFilter {
        types: vec![EventType::ModeChanged, EventType::Frozen, EventType::Unfrozen],
        from: Some(from),
        to: Some(to + Duration::milliseconds(1)),
        ..EventFilter::default()
    };
    let events = store.events(&config.environment, &filter, MOST_EVENTS).await?;
    // What was before the first evaluation is not known here.
    let known_from = points.first().map_or(to, |first| (first.at - step).max(from));
    let spans = spans(&events, (config.mode, config.frozen), known_from, to);
    let days = days(store, config, range, from, to).await?;
    let charts = charts::draw(&Drawing {
        days: &days,
        from,
        guardrails: &config.policy.guardrails,
        points: &points,
        range,
        spans: &spans,
        to,
    });
    Ok(OverTime { charts, from, points, range, spans, to })
}

/// One point for each day (UTC), where the range is long enough to show days.
async fn days(
    store: &dyn Store,
    config: &Config,
    range: Range,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<TrendPoint>, StoreError> {
    if range.days() < Range::Quarter.days() {
        return Ok(Vec::new());
    }
    // A day holds its midnight and not the next: points are read after `from` and up to each step's end.
    let midnight = from.date_naive().and_time(NaiveTime::MIN).and_utc() - Duration::milliseconds(1);
    store.trend(&config.environment, &TrendQuery { from: midnight, step: Duration::days(1), to }).await
}

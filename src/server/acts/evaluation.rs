//! Evaluations: on demand, and at a tick.

use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::snapshot::{Origin, Snapshot};
use crate::server::config::Settings;
use crate::server::evaluation::{Occasion, evaluate_and_record_at};
use crate::server::store::{IdempotencyKey, Store, StoreError};
use crate::server::{calendar, clock};
use chrono::{DateTime, Utc};

/// Evaluates an environment now and stores the snapshot. A repeated key returns the snapshot of its first use.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `idempotency-key-reused`, and what the store says.
pub async fn evaluate(
    context: &Context<'_>,
    environment: Option<&str>,
    key: Option<&IdempotencyKey>,
) -> Result<Snapshot, Refusal> {
    let config = context.config(Permission::Evaluate, environment).await?;
    if let Some(key) = key
        && let Some(snapshot) = context.store.recorded_under(&config.environment, key).await?
    {
        return Ok(snapshot);
    }
    evaluate_allowed(context, &config.environment, key).await
}

/// Evaluates without a permission check, after another act has checked its own.
pub(super) async fn evaluate_allowed(
    context: &Context<'_>,
    environment: &str,
    key: Option<&IdempotencyKey>,
) -> Result<Snapshot, Refusal> {
    let started = clock::instant();
    let name = context.actor_name();
    let occasion = Occasion {
        actor: context.actor(&name),
        as_of: context.now,
        origin: Origin::OnDemand,
        tick_minutes: context.settings.tick_minutes,
    };
    let snapshot = evaluate_and_record_at(context.store, environment, occasion, context.now, key).await?;
    context.observer.evaluated(started.elapsed());
    Ok(snapshot)
}

/// Evaluates an environment at a tick, unless that tick is stored already. Returns true for the daily decision. `now` comes from the clock
/// that decided that the tick is due.
///
/// # Errors
/// What the store says.
pub async fn evaluate_tick(
    store: &dyn Store,
    settings: &Settings,
    environment: &str,
    (tick, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StoreError> {
    if store.has_tick(environment, tick, now).await? {
        return Ok(false);
    }
    let config = store.config(environment).await?;
    let last_daily = store.latest_daily(environment, tick).await?;
    let is_daily = calendar::is_daily(&config.policy.time_zone, settings.daily_at, tick, last_daily);
    let occasion = Occasion {
        actor: "scheduler".into(),
        as_of: tick,
        origin: if is_daily { Origin::Daily } else { Origin::Scheduled },
        tick_minutes: settings.tick_minutes,
    };
    evaluate_and_record_at(store, environment, occasion, now, None).await?;
    Ok(is_daily)
}

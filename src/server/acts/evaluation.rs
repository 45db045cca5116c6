//! Evaluating now, by whoever asks for it.

use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::snapshot::{Origin, Snapshot};
use crate::server::clock;
use crate::server::evaluation::{Occasion, evaluate_and_record_at};
use crate::server::store::IdempotencyKey;

/// Evaluates an environment now and stores the snapshot. A key that was used before gives the snapshot that it was first used for.
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

/// Evaluates in an environment in which whoever asks may have it done, or has just done what asks for it.
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

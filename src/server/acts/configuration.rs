//! Changes of a configuration: mode, auto-mode, freeze, proposals, policy. A [`ConfigChange`] names the action and its values.

use super::evaluation::evaluate_allowed;
use super::{Context, Refusal};
use crate::domain::access::Permission;
use crate::domain::act::ActError;
use crate::domain::change::{Action, ConfigChange};
use crate::domain::decision::Recommendation;
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, FieldError};
use crate::error::WireError;
use crate::server::calendar;
use crate::server::store::{Changed, IdempotencyKey, StoreError};

/// The permission for an action.
const fn permission(action: Action) -> Permission {
    match action {
        Action::AcceptProposal | Action::DismissProposal | Action::SetAutoMode | Action::SetMode => {
            Permission::ChangeMode
        }
        Action::Freeze | Action::Unfreeze => Permission::Freeze,
        Action::Update => Permission::ChangePolicy,
    }
}

/// True if an action can change the recommendation.
const fn decides(action: Action) -> bool {
    !matches!(action, Action::SetAutoMode | Action::DismissProposal)
}

/// Changes a configuration. If the change can affect the recommendation, evaluates again immediately, so that nobody reads an outdated
/// one until the next tick.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `conflict`, `out-of-range`, `unknown-proposal`, `proposal-closed`, `recommendation-changed`,
/// `idempotency-key-reused`, and what the store says.
pub async fn change(
    context: &Context<'_>,
    change: ConfigChange,
    key: Option<&IdempotencyKey>,
) -> Result<Changed, Refusal> {
    let action = change.action;
    let config = context.config(permission(action), change.environment.as_deref()).await?;
    if action == Action::Update
        && let Some(expected) = change.version
        && expected != config.version
    {
        return Err(StoreError::from(ActError::VersionMoved { expected, now: config.version }).into());
    }
    if let Some(zone) = &change.time_zone
        && let Err(detail) = calendar::zone(zone)
    {
        return Err(WireError::of_fields(vec![FieldError::new("time_zone", detail)]).into());
    }
    let recommended = match (action, &change.proposal_id) {
        (Action::AcceptProposal, Some(id)) => Some(recommended_now(context, &config, id).await?),
        _ => None,
    };
    let act = change.into_act(&config, recommended).map_err(WireError::of_fields)?;
    let name = context.actor_name();
    let changed = context.store.act(&config.environment, &act, context.actor(&name), context.now, key).await?;
    // The change is committed. If this evaluation fails, the next tick evaluates.
    if changed.changed
        && decides(action)
        && let Err(refusal) = evaluate_allowed(context, &config.environment, None).await
    {
        let problem = WireError::from(refusal);
        tracing::warn!(problem = problem.code_name(), "no answer could be given right after the change");
    }
    Ok(changed)
}

/// The current recommendation from a new, stored snapshot, with the snapshot's id. If the proposal isn't open, nothing is evaluated,
/// because the act is refused anyway.
async fn recommended_now(
    context: &Context<'_>,
    config: &Config,
    proposal: &str,
) -> Result<((Recommendation, Option<Mode>), String), Refusal> {
    let open = context.store.open_proposal(&config.environment).await?;
    if open.is_none_or(|open| open.id != proposal) {
        return Ok(((Recommendation::Hold, None), String::new()));
    }
    let snapshot = evaluate_allowed(context, &config.environment, None).await?;
    let answer = (snapshot.body.recommendation, snapshot.body.target_mode);
    Ok((answer, snapshot.id))
}

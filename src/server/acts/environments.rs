//! Environments: creating and listing them.

use super::access_log::allow_everywhere;
use super::{Context, Refusal};
use crate::domain::mode::Mode;
use crate::domain::policy::{Config, EnvironmentKind, FieldError, Policy, is_environment_name};
use crate::error::WireError;
use crate::server::calendar;
use crate::server::store::EnvironmentSummary;

/// A new environment.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Can't be changed later.
    pub kind: EnvironmentKind,
    pub mode: Mode,
    /// 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit.
    pub name: String,
    pub policy: Policy,
}

/// Creates an environment with its first configuration. It isn't evaluated before the first tick or request.
///
/// # Errors
/// `not-allowed`, `out-of-range`, `environment-exists`, and what the store says.
pub async fn create(context: &Context<'_>, wanted: Wanted) -> Result<Config, Refusal> {
    let Wanted { kind, mode, name, policy } = wanted;
    allow_everywhere(&context.principal.identity)?;
    if !is_environment_name(&name) {
        let sentence = "must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit";
        return Err(Refusal::of_field("name", sentence));
    }
    let mut mistakes = policy.validate();
    mistakes.extend(calendar::zone(&policy.time_zone).err().map(|detail| FieldError::new("time_zone", detail)));
    if !mistakes.is_empty() {
        return Err(WireError::of_fields(mistakes).into());
    }
    let config = Config::new(&name, kind, mode, policy, context.now);
    let actor = context.actor_name();
    context.store.create_environment(&config, context.actor(&actor), context.now).await?;
    Ok(config)
}

/// The environments that the principal can see, by name.
///
/// # Errors
/// What the store says.
pub async fn list(context: &Context<'_>) -> Result<Vec<EnvironmentSummary>, Refusal> {
    let mut environments = context.store.environments().await?;
    environments.retain(|environment| context.principal.identity.sees(&environment.name));
    Ok(environments)
}

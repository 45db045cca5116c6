//! Permission checks, shared by HTTP and acts.

use crate::domain::access::{Identity, Permission};
use crate::error::{Code, WireError};
use crate::server::problems;
use crate::server::store::StoreError;

/// `not-allowed`.
pub fn not_allowed(permission: Permission) -> WireError {
    WireError::new(
        Code::NotAllowed,
        format!("You may not {}. A founder can give you a role, or a token, that may.", permission.deed()),
    )
}

/// The one place that decides whether somebody may do something in an environment. One in which they may do nothing at all is not even
/// there for them.
///
/// # Errors
/// 404 where they do not see the environment, naming those that they do; 403 where they see it and may not.
pub fn allow(identity: &Identity, permission: Permission, environment: &str) -> Result<(), WireError> {
    let Err(error) = check(identity, permission, environment) else { return Ok(()) };
    let (who, environment, deed) = (identity.actor(), shown(environment), permission.deed());
    tracing::warn!(who, environment, deed, problem = error.code_name(), "refused in an environment");
    Err(error)
}

/// The same without a line in the log, for requests that name many environments.
///
/// # Errors
/// As for [`allow`].
pub fn check(identity: &Identity, permission: Permission, environment: &str) -> Result<(), WireError> {
    if identity.may(permission, environment) {
        return Ok(());
    }
    Err(if identity.sees(environment) { not_allowed(permission) } else { unseen(environment) })
}

/// A name as somebody sent it, fit for a line.
fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(64).collect()
}

fn unseen(environment: &str) -> WireError {
    let sentence = format!("There is no environment \"{}\" that you may see.", shown(environment));
    WireError::new(Code::UnknownEnvironment, sentence).at("environment")
}

/// Removes the environments that the identity can't see from a store error.
pub fn visible_to(identity: &Identity, error: StoreError) -> StoreError {
    match error {
        StoreError::UnknownEnvironment { name, existing } => {
            let existing = existing.into_iter().filter(|existing| identity.sees(existing)).collect();
            StoreError::UnknownEnvironment { name, existing }
        }
        error => error,
    }
}

/// The problem for a store error, without the environments that the identity can't see.
pub fn of_store(identity: &Identity, error: StoreError) -> WireError {
    problems::of_store(visible_to(identity, error))
}

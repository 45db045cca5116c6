//! Shared by the acts that change access: the permission check, and the `access_changed` event.

use super::{Context, DEFAULT_ENVIRONMENT, Refusal};
use crate::domain::access::{Identity, Permission, Reach, Role};
use crate::domain::history::EventType;
use crate::error::{Code, WireError};
use crate::server::store::access::Entry;

/// The environment that records a change of access. A change for all environments is recorded in [`DEFAULT_ENVIRONMENT`].
pub fn chain_of(reach: &Reach) -> String {
    match reach {
        Reach::All => DEFAULT_ENVIRONMENT.to_owned(),
        Reach::One(name) => name.clone(),
    }
}

/// Roles as text, such as `viewer of trial`.
pub fn roles_in_words(roles: &[(Reach, Role)]) -> String {
    let each: Vec<String> = roles
        .iter()
        .map(|(reach, role)| match reach {
            Reach::All => format!("{} everywhere", role.name()),
            Reach::One(name) => format!("{} of {name}", role.name()),
        })
        .collect();
    if each.is_empty() { "nobody in particular".to_owned() } else { each.join(", ") }
}

/// The event of a change of access, with the environment that records it.
pub fn entry(context: &Context<'_>, reach: &Reach, reason: String) -> Entry {
    Entry { environment: chain_of(reach), event: context.event(EventType::AccessChanged, reason) }
}

/// True if the identity can manage people, tokens and links there.
pub fn may_manage(identity: &Identity, reach: &Reach) -> bool {
    match reach {
        Reach::One(name) => identity.may(Permission::ManageAccess, name),
        Reach::All => identity.may_everywhere(Permission::ManageAccess),
    }
}

/// Checks that the identity can manage people, tokens and links in all environments.
///
/// # Errors
/// `not-allowed`.
pub fn allow_everywhere(identity: &Identity) -> Result<(), Refusal> {
    if identity.may_everywhere(Permission::ManageAccess) {
        return Ok(());
    }
    let sentence = "Only who is a founder everywhere may do this everywhere. Choose an environment.";
    Err(WireError::new(Code::NotAllowed, sentence).into())
}

/// Checks that the principal can manage people, tokens and links there, and that the environment exists.
///
/// # Errors
/// `unknown-environment`, also if the principal can't see it, and `not-allowed`.
pub async fn allow_reach(context: &Context<'_>, reach: &Reach) -> Result<(), Refusal> {
    match reach {
        Reach::All => {
            allow_everywhere(&context.principal.identity)?;
            // The change is recorded in the default environment, which a new store doesn't have yet.
            context.store.config(DEFAULT_ENVIRONMENT).await?;
        }
        Reach::One(name) => {
            context.config(Permission::ManageAccess, Some(name)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_manages_one_environment_manages_no_other_and_not_all() {
        let trial = Reach::One("trial".into());
        let founder = Identity::person(1, "a@b.example", "A", &[(trial.clone(), Role::Founder)]);
        assert!(may_manage(&founder, &trial) && !may_manage(&founder, &Reach::One("production".into())));
        let refused = WireError::from(allow_everywhere(&founder).unwrap_err());
        assert!(!may_manage(&founder, &Reach::All) && refused.status == 403);
    }

    #[test]
    fn what_is_for_all_environments_is_in_the_usual_history() {
        assert_eq!(chain_of(&Reach::All), "production");
        assert_eq!(chain_of(&Reach::One("trial".into())), "trial");
        assert_eq!(roles_in_words(&[(Reach::All, Role::Viewer)]), "viewer everywhere");
    }
}

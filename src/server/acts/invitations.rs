//! Links to join, or to choose a new password.

use super::access_log::{allow_everywhere, allow_reach, entry, may_manage, roles_in_words};
use super::{Context, NewSecret, Refusal, people};
use crate::domain::access::{Permission, Reach, Role};
use crate::error::{Code, WireError};
use crate::server::access::{founders_link_timeout, invitation_timeout, secret};
use crate::server::store::Store;
use crate::server::store::access::Invitation;
use chrono::{DateTime, Utc};

/// Makes a link that gives a role to a person who joins. If the person has an account already, the link also sets a new password.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `person-exists`, and what the store says.
pub async fn invite(context: &Context<'_>, address: &str, reach: &Reach, role: Role) -> Result<NewSecret, Refusal> {
    let identity = &context.principal.identity;
    allow_reach(context, reach).await?;
    let email = people::address(address)?;
    let refused = |sentence: &str| WireError::new(Code::PersonExists, sentence).at("email");
    // The link also sets a password. A person with an account can have roles elsewhere, so only a founder of all environments can do that.
    let known = context.store.proofs(&email).await?;
    if known.is_some() && !identity.may_everywhere(Permission::ManageAccess) {
        return Err(refused(
            "They have an account already. Give them a role. Only a founder of everything can send them a link to set a new password.",
        )
        .into());
    }
    // A new link replaces the earlier one. Don't replace a link to environments that this principal doesn't manage.
    let open = context.store.invitations(context.now).await?;
    let is_anothers = |invitation: &Invitation| {
        invitation.email == email && invitation.roles.iter().any(|(reach, _)| !may_manage(identity, reach))
    };
    if open.iter().any(is_anothers) {
        return Err(refused(
            "They have an invitation already, to more than your environment. Give them a role after they have joined.",
        )
        .into());
    }
    let roles = vec![(reach.clone(), role)];
    let reason = format!("invited {email} as {}", roles_in_words(&roles));
    make(context, email, roles, reach, reason).await
}

/// Makes a link to choose a new password, for a person who lost theirs.
///
/// # Errors
/// `not-allowed`, `out-of-range`, `unknown-person`, and what the store says.
pub async fn reset_password(context: &Context<'_>, address: &str) -> Result<NewSecret, Refusal> {
    allow_everywhere(&context.principal.identity)?;
    let email = people::find(context, address).await?.email;
    let reason = format!("made {email} a link to choose a new password");
    make(context, email, Vec::new(), &Reach::All, reason).await
}

async fn make(
    context: &Context<'_>,
    email: String,
    roles: Vec<(Reach, Role)>,
    reach: &Reach,
    reason: String,
) -> Result<NewSecret, Refusal> {
    let made = secret::fresh().map_err(|error| Refusal::no_random(&error))?;
    let invitation = Invitation {
        created_at: context.now,
        created_by: context.actor_name(),
        email: email.clone(),
        expires_at: context.now + invitation_timeout(),
        roles,
        token_hash: made.hash,
    };
    context.store.invite(&invitation, Some(&entry(context, reach, reason))).await?;
    Ok(NewSecret { name: email, secret: made.secret })
}

/// Makes the link to create the first account, and returns its secret. Records no event, because there is no account yet.
///
/// # Errors
/// What the store says.
pub async fn invite_first_founder(store: &dyn Store, now: DateTime<Utc>) -> Result<String, Refusal> {
    let made = secret::fresh().map_err(|error| Refusal::no_random(&error))?;
    let invitation = Invitation {
        created_at: now,
        created_by: "scaling-mode".to_owned(),
        email: String::new(),
        expires_at: now + founders_link_timeout(),
        roles: vec![(Reach::All, Role::Founder)],
        token_hash: made.hash,
    };
    store.invite(&invitation, None).await?;
    Ok(made.secret)
}

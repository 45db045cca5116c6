//! Owns what founders do about people: inviting, giving and taking roles, shutting somebody out. Must not know how
//! somebody signs in.

use super::codes::RECOVERY_CODES;
use super::context::{identity, name, state};
use super::identity::allow;
use super::joining::{self, chain_of, lines, said};
use super::{AppState, context, notices, problem, session, sharing, shown_once, tokens};
use crate::api::{InvitationLine, Made, PeopleView, PersonLine};
use crate::domain::access::{Identity, Permission, Reach, Role, Who, email};
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::access::{founders_link_timeout, invitation_timeout, secret};
use crate::server::clock;
use crate::server::store::access::{Entry, Invitation, Person};
use crate::views::overview::Notice;

/// The page of people.
pub const ADDRESS: &str = "/founder/scaling-mode/people";

/// Whether they may manage people, tokens and links there.
///
/// # Errors
/// As [`allow`]; for everywhere, 403 to those who may do it only somewhere.
pub fn allow_reach(identity: &Identity, reach: &Reach) -> Result<(), WireError> {
    match reach {
        Reach::One(name) => allow(identity, Permission::ManageAccess, name),
        Reach::All if identity.may_everywhere(Permission::ManageAccess) => Ok(()),
        Reach::All => Err(WireError::new(
            Code::NotAllowed,
            "Only who is a founder everywhere may do this everywhere. Choose an environment.",
        )),
    }
}

/// The same as a question, for what is only shown or not.
pub fn may_reach(identity: &Identity, reach: &Reach) -> bool {
    match reach {
        Reach::One(name) => identity.may(Permission::ManageAccess, name),
        Reach::All => identity.may_everywhere(Permission::ManageAccess),
    }
}

/// Where something is to hold, as a form says it: an environment's name, or `*`.
pub async fn reach(state: &AppState, identity: &Identity, environment: &str) -> Result<Reach, WireError> {
    let reach = Reach::from_text(environment.trim());
    if let Reach::One(wanted) = &reach {
        context::allowed_to(state, identity, Permission::ManageAccess, Some(name(Some(wanted.clone())))).await?;
    }
    allow_reach(identity, &reach)?;
    Ok(reach)
}

/// The event of a change, with its place.
pub fn entry(identity: &Identity, reach: &Reach, reason: String) -> Entry {
    let name = identity.actor();
    let actor = Actor { address: context::peer_address(), name: &name };
    let mut event = NewEvent::new(EventType::AccessChanged, actor, clock::now());
    event.reason = Some(reason);
    Entry { environment: chain_of(reach), event }
}

/// What a form sent that cannot be.
pub fn wrong(field: &str, sentence: impl Into<String>) -> WireError {
    WireError::of_fields(vec![FieldError::new(field, sentence)])
}

/// What the page shows. Who manages one environment sees those who are somebody there.
pub async fn page(notice: Option<String>) -> Result<PeopleView, WireError> {
    let (state, identity) = (state()?, identity()?);
    if !identity.may_somewhere(Permission::ManageAccess) {
        return Err(WireError::new(Code::NotAllowed, "Only a founder sees who may do what."));
    }
    let now = clock::now();
    let manages = |reach: &Reach| may_reach(&identity, reach);
    let environments = state.store.environments().await.map_err(problem::of_store)?;
    let people = state.store.people().await.map_err(problem::of_store)?;
    let invitations = state.store.invitations(now).await.map_err(problem::of_store)?;
    let is_everywhere = identity.may_everywhere(Permission::ManageAccess);
    let is_shown = |roles: &[(Reach, Role)]| is_everywhere || roles.iter().any(|(reach, _)| manages(reach));
    Ok(PeopleView {
        as_of: now,
        environments: environments
            .into_iter()
            .map(|environment| environment.name)
            .filter(|name| identity.may(Permission::ManageAccess, name))
            .collect(),
        invitations: invitations
            .into_iter()
            .filter(|invitation| is_shown(&invitation.roles))
            .map(|invitation| InvitationLine {
                created_by: invitation.created_by,
                email: invitation.email,
                expires_at: invitation.expires_at,
                roles: lines(&invitation.roles),
            })
            .collect(),
        is_everywhere,
        made: shown_once::take(|kind| kind != RECOVERY_CODES),
        notice: notice.as_deref().and_then(words),
        people: people
            .into_iter()
            .filter(|person| is_shown(&person.roles))
            .map(|person| line(&identity, person))
            .collect(),
        share_links: sharing::lines(&state, &identity, now).await?,
        tokens: tokens::lines(&state, &identity, now).await?,
    })
}

fn line(identity: &Identity, person: Person) -> PersonLine {
    PersonLine {
        created_at: person.created_at,
        is_disabled: person.disabled_at.is_some(),
        is_me: matches!(&identity.who, Who::Person { id, .. } if *id == person.id),
        roles: lines(&person.roles),
        email: person.email,
        id: person.id,
        name: person.name,
    }
}

fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "role-set" => (false, "Done. It holds from now on, also for those who are signed in."),
        "person-disabled" => {
            (false, "They are signed out everywhere and cannot sign in. What they did stays in the history.")
        }
        "proofs-reset" => (
            false,
            "Only their password is left to sign in by; who has none needs a new link. They are signed out everywhere.",
        ),
        "person-enabled" => (false, "They can sign in again."),
        "share-link-revoked" => (false, "The link shows nothing from now on."),
        "token-revoked" => (false, "The token opens nothing from now on."),
        "out-of-range" => (
            true,
            "Something that was entered cannot be: an e-mail address, a name, a number of days, or no scope was chosen. Nothing was done.",
        ),
        "last-founder" => (true, "Somebody must stay who may do everything everywhere. Nothing was done."),
        "name-taken" => (true, "There is one of that name already, perhaps one that was revoked. Nothing was done."),
        "person-exists" => (true, "There is a person with that e-mail address already: give them a role below."),
        code => return notices::of_problem(code, "Nothing was done."),
    };
    Some(Notice { is_error, text: text.to_owned() })
}

/// Leads a browser back to the page of people. A script gets the result itself.
pub fn lead_back(done: &str, result: Result<(), WireError>) -> Result<(), WireError> {
    let notice = result.as_ref().err().map_or(done, WireError::code_name).to_owned();
    notices::lead_to(&format!("{ADDRESS}?notice={notice}#notice"), result)
}

/// An invitation to be founder of everything, for whoever has the link.
pub fn founders_invitation(token_hash: String, created_by: String) -> Invitation {
    let now = clock::now();
    Invitation {
        created_at: now,
        created_by,
        email: String::new(),
        expires_at: now + founders_link_timeout(),
        roles: vec![(Reach::All, Role::Founder)],
        token_hash,
    }
}

/// Invites somebody by a link that is given to them by whoever invites.
pub async fn invite(address: &str, environment: &str, role: &str) -> Result<Made, WireError> {
    shown_once::show(ADDRESS, invited(address, environment, role).await)
}

async fn invited(address: &str, environment: &str, role: &str) -> Result<Made, WireError> {
    let (state, identity) = (state()?, identity()?);
    let reach = reach(&state, &identity, environment).await?;
    let email = email(address).map_err(|sentence| wrong("email", sentence))?;
    let role = Role::from_name(role).ok_or_else(|| wrong("role", "must be founder, operator, viewer or investor"))?;
    // A link sets a password, too. Whoever has an account may get or have had roles elsewhere: only a founder of everything may do that.
    let known = state.store.proofs(&email).await.map_err(problem::of_store)?;
    if known.is_some() && !identity.may_everywhere(Permission::ManageAccess) {
        return Err(WireError::new(
            Code::PersonExists,
            "They have an account already. Give them a role. Only a founder of everything can send them a link to set a new password.",
        )
        .at("email"));
    }
    let now = clock::now();
    // A new link ends the one before it: nobody may end a link that reaches further than their own.
    let open = state.store.invitations(now).await.map_err(problem::of_store)?;
    let is_anothers = |invitation: &Invitation| {
        invitation.email == email && invitation.roles.iter().any(|(reach, _)| !may_reach(&identity, reach))
    };
    if open.iter().any(is_anothers) {
        return Err(WireError::new(
            Code::PersonExists,
            "They have an invitation already, to more than your environment. Give them a role after they have joined.",
        )
        .at("email"));
    }
    let made = session::fresh(secret::fresh())?;
    let roles = vec![(reach.clone(), role)];
    let reason = format!("invited {email} as {}", said(&roles));
    let invitation = Invitation {
        created_at: now,
        created_by: identity.actor(),
        email: email.clone(),
        expires_at: now + invitation_timeout(),
        roles,
        token_hash: made.hash,
    };
    state.store.invite(&invitation, Some(&entry(&identity, &reach, reason))).await.map_err(problem::of_store)?;
    let link = format!("{}{}", context::base_url(), joining::address(&made.secret));
    Ok(Made { kind: "invitation".to_owned(), name: email, secret: link })
}

async fn person(state: &AppState, address: &str) -> Result<Person, WireError> {
    let email = email(address).map_err(|sentence| wrong("email", sentence))?;
    let found = state.store.proofs(&email).await.map_err(problem::of_store)?;
    found.map(|proofs| proofs.person).ok_or_else(|| problem::of_store(crate::server::store::StoreError::UnknownPerson))
}

/// Gives a role somewhere; an empty one takes it away.
pub async fn set_role(address: &str, environment: &str, role: &str) -> Result<(), WireError> {
    lead_back("role-set", role_set(address, environment, role).await)
}

async fn role_set(address: &str, environment: &str, role: &str) -> Result<(), WireError> {
    let (state, identity) = (state()?, identity()?);
    let reach = reach(&state, &identity, environment).await?;
    let person = person(&state, address).await?;
    let role = match role {
        "" | "none" => None,
        name => Some(
            Role::from_name(name)
                .ok_or_else(|| wrong("role", "must be founder, operator, viewer, investor or none"))?,
        ),
    };
    let reason = match role {
        Some(role) => format!("made {} {}", person.email, said(&[(reach.clone(), role)])),
        None => format!(
            "took the role from {} {}",
            person.email,
            if reach == Reach::All { "that held everywhere" } else { "here" }
        ),
    };
    state.store.set_role(person.id, &reach, role, &entry(&identity, &reach, reason)).await.map_err(problem::of_store)
}

/// Shuts somebody out, or lets them in again.
pub async fn set_disabled(address: &str, disabled: bool) -> Result<(), WireError> {
    lead_back(if disabled { "person-disabled" } else { "person-enabled" }, disabled_set(address, disabled).await)
}

async fn disabled_set(address: &str, disabled: bool) -> Result<(), WireError> {
    let (state, identity) = (state()?, identity()?);
    // It holds everywhere, so it is for those to say who may say something everywhere.
    allow_reach(&identity, &Reach::All)?;
    let person = person(&state, address).await?;
    let reason = format!("{} {}", if disabled { "shut out" } else { "let in again" }, person.email);
    let at = disabled.then(clock::now);
    state.store.set_disabled(person.id, at, &entry(&identity, &Reach::All, reason)).await.map_err(problem::of_store)
}

/// Takes codes, passkeys and accounts at the provider from somebody who has lost them, or who was met by somebody else.
pub async fn reset_proofs(address: &str) -> Result<(), WireError> {
    lead_back("proofs-reset", proofs_reset(address).await)
}

async fn proofs_reset(address: &str) -> Result<(), WireError> {
    let (state, identity) = (state()?, identity()?);
    // Whoever may sign in with less may sign in everywhere with less.
    allow_reach(&identity, &Reach::All)?;
    let person = person(&state, address).await?;
    let entry = entry(&identity, &Reach::All, format!("took codes, passkeys and accounts from {}", person.email));
    state.store.reset_proofs(person.id, &entry).await.map_err(problem::of_store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_manages_one_environment_manages_no_other_and_not_all() {
        let founder = Identity::person(1, "a@b.example", "A", &[(Reach::One("trial".into()), Role::Founder)]);
        assert!(allow_reach(&founder, &Reach::One("trial".into())).is_ok());
        assert_eq!(allow_reach(&founder, &Reach::All).unwrap_err().status, 403);
        assert_eq!(allow_reach(&founder, &Reach::One("production".into())).unwrap_err().status, 404);
    }

    #[test]
    fn only_known_codes_say_anything() {
        assert_eq!(words("You have won a prize"), None);
        assert!(words("last-founder").is_some_and(|notice| notice.is_error));
    }
}

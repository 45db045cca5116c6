//! The page of people: what it shows, and how its forms become acts. Must not know how somebody signs in.

use super::codes::RECOVERY_CODES;
use super::context::{self, ActRequest, identity, state};
use super::joining::{self, lines};
use super::{notices, problem, sharing, shown_once, tokens};
use crate::api::{InvitationLine, Made, PeopleView, PersonLine};
use crate::domain::access::{Identity, Permission, Reach, Role, Who};
use crate::domain::policy::FieldError;
use crate::error::{Code, WireError};
use crate::server::acts::access_log::may_manage;
use crate::server::acts::{NewSecret, Refusal, invitations, people};
use crate::server::store::access::Person;
use crate::views::overview::Notice;

/// The page of people.
pub const ADDRESS: &str = "/founder/scaling-mode/people";

/// What a form sent that cannot be.
pub fn wrong(field: &str, sentence: impl Into<String>) -> WireError {
    WireError::of_fields(vec![FieldError::new(field, sentence)])
}

/// What the page shows. Who manages one environment sees those who are somebody there.
pub async fn page(notice: Option<String>) -> Result<PeopleView, WireError> {
    let (state, identity, request) = (state()?, identity()?, ActRequest::here()?);
    if !identity.may_somewhere(Permission::ManageAccess) {
        return Err(WireError::new(Code::NotAllowed, "Only a founder sees who may do what."));
    }
    let now = request.context().now;
    let manages = |reach: &Reach| may_manage(&identity, reach);
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
        share_links: sharing::lines(&request.context()).await?,
        tokens: tokens::lines(&request.context()).await?,
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

/// Leads a browser back to the page of people with what came of an act. A script gets the refusal itself.
pub fn redirect_back<T>(done: &str, result: Result<T, Refusal>) -> Result<(), WireError> {
    let result = result.map(|_| ()).map_err(WireError::from);
    let notice = result.as_ref().err().map_or(done, WireError::code_name).to_owned();
    notices::lead_to(&format!("{ADDRESS}?notice={notice}#notice"), result)
}

/// Invites somebody, and shows the link this once.
pub async fn invite(address: &str, environment: &str, role: &str) -> Result<Made, WireError> {
    let request = ActRequest::here()?;
    let reach = Reach::from_text(environment.trim());
    let made = match Role::from_name(role) {
        Some(role) => invitations::invite(&request.context(), address, &reach, role).await.map_err(WireError::from),
        None => Err(wrong("role", "must be founder, operator, viewer or investor")),
    };
    let made = made.map(|NewSecret { name, secret }| {
        let link = format!("{}{}", context::base_url(), joining::address(&secret));
        Made { kind: "invitation".to_owned(), name, secret: link }
    });
    shown_once::show(ADDRESS, made)
}

/// Gives a role somewhere; an empty one takes it away.
pub async fn set_role(address: &str, environment: &str, role: &str) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    let reach = Reach::from_text(environment.trim());
    let role = match role {
        "" | "none" => Ok(None),
        name => Role::from_name(name)
            .map(Some)
            .ok_or_else(|| Refusal::from(wrong("role", "must be founder, operator, viewer, investor or none"))),
    };
    let done = match role {
        Ok(role) => people::set_role(&request.context(), address, &reach, role).await,
        Err(refusal) => Err(refusal),
    };
    redirect_back("role-set", done)
}

/// Shuts somebody out, or lets them in again.
pub async fn set_disabled(address: &str, disabled: bool) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    let done = people::set_disabled(&request.context(), address, disabled).await;
    redirect_back(if disabled { "person-disabled" } else { "person-enabled" }, done)
}

/// Takes codes, passkeys and accounts at the provider from somebody who has lost them, or who was met by somebody else.
pub async fn reset_proofs(address: &str) -> Result<(), WireError> {
    let request = ActRequest::here()?;
    redirect_back("proofs-reset", people::reset_proofs(&request.context(), address).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_say_anything() {
        assert_eq!(words("You have won a prize"), None);
        assert!(words("last-founder").is_some_and(|notice| notice.is_error));
    }
}

//! Share links, which show chosen views of an environment to people without an account: create, revoke, list.

use super::access_log::{allow_reach, entry};
use super::people::hashed;
use super::{Context, NewSecret, Refusal};
use crate::domain::access::{Permission, Reach, SharedView, person_name};
use crate::error::{Code, WireError};
use crate::server::access::password::{self, Hasher};
use crate::server::access::secret;
use crate::server::store::access::{NewShareLink, ShareLink};
use chrono::{DateTime, Duration, Utc};

/// The longest life of a link, in days.
const MOST_DAYS: i64 = 365;

/// A new link.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Days until it expires, 1 to 365. Required.
    pub days: Option<i64>,
    pub environment: String,
    /// The start of the shown period; `None` for no start.
    pub from: Option<DateTime<Utc>>,
    pub name: String,
    /// Empty for no passphrase.
    pub passphrase: String,
    /// The end of the shown period; `None` for no end.
    pub to: Option<DateTime<Utc>>,
    pub views: Vec<SharedView>,
}

/// Creates a link.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `name-taken`, and what the store says.
pub async fn create(context: &Context<'_>, hasher: &Hasher, wanted: Wanted) -> Result<NewSecret, Refusal> {
    let Wanted { days, environment, from, name, passphrase, to, views } = wanted;
    let reach = Reach::from_text(&environment);
    allow_reach(context, &reach).await?;
    if reach == Reach::All {
        return Err(Refusal::of_field("environment", "must be one: what is shared is of one environment"));
    }
    let name = person_name(&name).map_err(|sentence| Refusal::of_field("name", sentence))?;
    let days = days.filter(|days| (1..=MOST_DAYS).contains(days));
    let days =
        days.ok_or_else(|| Refusal::of_field("days", format!("must be a whole number from 1 to {MOST_DAYS}")))?;
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Refusal::of_field("to", "must not lie before the first day"));
    }
    if views.is_empty() {
        return Err(Refusal::of_field("view", "is needed: choose what is shown"));
    }
    let passphrase = match passphrase.as_str() {
        "" => None,
        text => {
            password::check(text, &[&name]).map_err(|sentence| Refusal::of_field("passphrase", sentence))?;
            Some(hashed(hasher, text.to_owned()).await?)
        }
    };
    let made = secret::fresh().map_err(|error| Refusal::no_random(&error))?;
    let shown: Vec<&str> = views.iter().map(|view| view.name()).collect();
    let reason = format!("made the share link \"{name}\" to {} for {days} days", shown.join(", "));
    let entry = entry(context, &reach, reason);
    let link = NewShareLink {
        at: context.now,
        created_by: context.actor_name(),
        environment,
        expires_at: context.now + Duration::days(days),
        from,
        name: name.clone(),
        passphrase,
        to,
        token_hash: made.hash,
        views: shown.into_iter().map(str::to_owned).collect(),
    };
    context.store.add_share_link(&link, &entry).await?;
    Ok(NewSecret { name, secret: made.secret })
}

/// Revokes a link and ends the sessions opened by it. Revoking it again changes nothing.
///
/// # Errors
/// `out-of-range` if there is no such link that the principal manages, and what the store says.
pub async fn revoke(context: &Context<'_>, id: &str) -> Result<ShareLink, Refusal> {
    let found = list(context).await?.into_iter().find(|link| link.id.to_string() == id);
    let link = found.ok_or_else(|| WireError::new(Code::OutOfRange, "There is no such share link.").at("id"))?;
    let reach = Reach::One(link.environment.clone());
    let entry = entry(context, &reach, format!("revoked the share link \"{}\"", link.name));
    context.store.revoke_share_link(link.id, context.now, &entry).await?;
    Ok(link)
}

/// The links that the principal manages, newest first.
///
/// # Errors
/// What the store says.
pub async fn list(context: &Context<'_>) -> Result<Vec<ShareLink>, Refusal> {
    let mut links = context.store.share_links().await?;
    links.retain(|link| context.principal.identity.may(Permission::ManageAccess, &link.environment));
    Ok(links)
}

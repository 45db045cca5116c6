//! Owns the accounts at the provider on the page of one's own account: which are connected, that a further one may be, and that one is no
//! longer. Must not know how a browser goes there.

use super::account::{self, Own, own, prove_again};
use super::context::state;
use super::{AppState, ceremonies, problem, provider};
use crate::api::{ProviderAccountLine, ProviderView};
use crate::error::WireError;
use crate::server::access::secret;

const ALLOWED: &str = "provider-allowed";

/// By which it is known that whoever is signed in may connect an account now.
fn allowed_id(session: &str) -> String {
    secret::hash(&format!("{ALLOWED} {session}"))
}

/// Lets whoever is signed in, and knows their password, connect an account within minutes.
pub async fn allow(password: String) -> Result<(), WireError> {
    account::lead_back("allowed", allowed(password).await)
}

async fn allowed(password: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    provider::provider(&state)?;
    prove_again(&state, &own, password).await?;
    ceremonies::begin(&state, ALLOWED, &allowed_id(&own.hash), b"allowed").await
}

/// What the page of an account shows of the provider; nothing where there is none.
pub async fn own_accounts(state: &AppState, own: &Own) -> Result<Option<ProviderView>, WireError> {
    let accounts = state.store.provider_accounts(own.proofs.person.id).await.map_err(problem::of_store)?;
    let Some(provider) = &state.access.provider else {
        return Ok(None);
    };
    let is_allowed = ceremonies::look(state, ALLOWED, &allowed_id(&own.hash)).await?.is_some();
    Ok(Some(ProviderView {
        accounts: accounts
            .into_iter()
            .map(|account| ProviderAccountLine {
                issuer: account.issuer,
                label: account.label,
                subject: account.subject,
            })
            .collect(),
        is_allowed,
        name: provider.name().to_owned(),
    }))
}

/// Undoes a connection.
pub async fn disconnect(issuer: String, subject: String, password: String) -> Result<(), WireError> {
    account::lead_back("disconnected", disconnected(issuer, subject, password).await)
}

async fn disconnected(issuer: String, subject: String, password: String) -> Result<(), WireError> {
    let (state, own) = (state()?, own().await?);
    prove_again(&state, &own, password).await?;
    let person = own.proofs.person.id;
    let known = state.store.provider_accounts(person).await.map_err(problem::of_store)?;
    let found = known.into_iter().find(|account| account.issuer == issuer && account.subject == subject);
    let Some(account) = found else { return Ok(()) };
    let entry = account::entry(&own, &format!("disconnected {} at {}", account.label, account.issuer));
    state.store.disconnect(person, &account, &own.hash, &entry).await.map_err(problem::of_store)
}

/// Takes the leave to connect an account that was given in the session of that hash; whether there was one.
pub async fn take_leave(state: &AppState, session: &str) -> Result<bool, WireError> {
    Ok(ceremonies::take(state, ALLOWED, &allowed_id(session)).await?.is_some())
}

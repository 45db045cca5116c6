//! Owns what holds somebody back who is known: too many calls, and codes that everybody has to turn on. Must not know what they may do.

use super::AppState;
use super::doors::Door;
use super::identity::Credential;
use crate::domain::access::Permission;
use crate::error::{Code, WireError};
use crate::server::store::access::{Person, Session, SessionOf};

/// Holds off a credential that calls too often, before anything is looked up for it. Calls from this machine while nobody exists are its
/// owner's own; telemetry is bounded by its size, since senders may give up what is held off.
pub fn count(state: &AppState, door: Door, hash: &str) -> Result<(), WireError> {
    if door == Door::Needs(&[Permission::SendTelemetry]) {
        return Ok(());
    }
    state.access.calls.count(hash).map_err(|wait| {
        let (most, seconds) = (state.settings.calls_per_second, wait.seconds());
        WireError::new(
            Code::TooManyRequests,
            format!("These are over {most} calls a second. Try again in {seconds} s."),
        )
        .retry_after(seconds)
    })
}

/// What somebody is told who has to turn codes on first.
pub fn codes_required() -> WireError {
    WireError::new(
        Code::CodesRequired,
        "Everybody here signs in with a code too. Turn codes on, on the page of your account; nothing else is open to you before.",
    )
}

/// Whether somebody is kept from all but their own account for want of codes.
pub fn must_turn_codes_on(state: &AppState, person: &Person) -> bool {
    state.settings.require_codes && !person.has_totp
}

/// Whether that is why whoever came with this credential may do nothing. Where the store cannot say, it is not said.
pub async fn lacks_codes(state: &AppState, credential: &Credential) -> bool {
    let Credential::Session(hash) = credential else { return false };
    if !state.settings.require_codes {
        return false;
    }
    match state.store.session(hash).await {
        Ok(Some(Session { of: SessionOf::Person(person), .. })) => must_turn_codes_on(state, &person),
        _ => false,
    }
}

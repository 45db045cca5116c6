//! Owns that somebody has proved who they are just now, in a session: what is asked of those without a password before anything that they
//! prove themselves by is changed. That they are signed in is not enough, nor that a provider knows them still: they were asked again.
//! Must not know by what they proved it.

use super::{AppState, ceremonies};
use crate::error::WireError;
use crate::server::access::secret;

const KIND: &str = "proved";

/// By which it is known: only that session has it.
fn id_of(session: &str) -> String {
    secret::hash(&format!("{KIND} {session}"))
}

/// Notes it of the session of that hash, for minutes.
pub async fn note(state: &AppState, session: &str) -> Result<(), WireError> {
    ceremonies::begin(state, KIND, &id_of(session), KIND.as_bytes()).await
}

/// Whether it was so, minutes ago at most.
pub async fn is_noted(state: &AppState, session: &str) -> Result<bool, WireError> {
    Ok(ceremonies::look(state, KIND, &id_of(session)).await?.is_some())
}

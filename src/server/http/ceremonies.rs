//! Owns what was begun with a browser and is not done: kept in the store, sealed, for minutes, under the hash of a name that only that
//! browser has. Must not know what it is for.

use super::{AppState, problem};
use crate::error::{Code, WireError};
use crate::server::access::ceremony_timeout;
use crate::server::access::seal::{SealError, Sealer};
use crate::server::store::proofs::Ceremony;
use crate::server::{clock, observability};

/// What seals secrets here.
///
/// # Errors
/// [`Code::NotSetUp`] where there is no key.
pub fn sealer(state: &AppState) -> Result<&Sealer, WireError> {
    state.access.sealer.as_deref().ok_or_else(|| {
        WireError::new(
            Code::NotSetUp,
            "The server has no key to seal secrets with. Its log says why; secrets_key_file names one.",
        )
    })
}

/// What somebody is told where something cannot be sealed or opened.
pub fn of_seal(error: SealError) -> WireError {
    observability::log_error("a stored secret cannot be used", &error);
    match error {
        SealError::OtherKey => WireError::new(
            Code::NotSetUp,
            "It was sealed with another key than this server has. Whoever runs it finds more in its log.",
        ),
        SealError::Damaged | SealError::NoRandom => WireError::new(Code::Internal, "The cause is in the server's log."),
    }
}

fn purpose(kind: &str, id_hash: &str) -> String {
    format!("ceremony {kind} {id_hash}")
}

/// Begins one; another of the same name is forgotten.
pub async fn begin(state: &AppState, kind: &str, id_hash: &str, content: &[u8]) -> Result<(), WireError> {
    let sealed = sealer(state)?.seal(&purpose(kind, id_hash), content).map_err(of_seal)?;
    let expires_at = clock::now() + ceremony_timeout();
    let ceremony = Ceremony { expires_at, id_hash, kind, sealed: &sealed };
    state.store.begin_ceremony(ceremony).await.map_err(problem::of_store)
}

/// Looks at one, which stays.
pub async fn look(state: &AppState, kind: &str, id_hash: &str) -> Result<Option<Vec<u8>>, WireError> {
    let sealed = state.store.ceremony(id_hash, kind, clock::now()).await.map_err(problem::of_store)?;
    open(state, kind, id_hash, sealed)
}

/// Takes one: of two who try at once one finds nothing.
pub async fn take(state: &AppState, kind: &str, id_hash: &str) -> Result<Option<Vec<u8>>, WireError> {
    let sealed = state.store.take_ceremony(id_hash, kind, clock::now()).await.map_err(problem::of_store)?;
    open(state, kind, id_hash, sealed)
}

fn open(state: &AppState, kind: &str, id_hash: &str, sealed: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, WireError> {
    let Some(sealed) = sealed else { return Ok(None) };
    sealer(state)?.open(&purpose(kind, id_hash), &sealed).map(Some).map_err(of_seal)
}

//! Owns that who may act, and which sources were added, is what the newest change left.

use super::chain::Recorded;
use super::{Problem, WHOLE_STORE, found, whole};
use crate::server::store::{Store, StoreError};

/// The changes of who may act, over all chains.
#[derive(Default)]
pub(super) struct Changes {
    count: u64,
    /// The newest of each chain: environment, place and digest.
    newest: Vec<(String, u64, String)>,
}

impl Changes {
    pub fn add(&mut self, environment: &str, recorded: &Recorded) {
        self.count += recorded.access_changes;
        if let Some(left) = &recorded.access {
            self.newest.push((environment.to_owned(), left.seq, left.digest.clone()));
        }
    }
}

/// The tables of who may act must be as the newest change left them. Of the newest changes of the chains one is the newest of all: its
/// number is that of all changes, and part of its digest.
pub(super) async fn check(store: &dyn Store, changes: &Changes) -> Result<Result<(), Problem>, StoreError> {
    let tables = "people, roles, invitations, tokens, token_sources, share_links, passkeys, recovery_codes, identities";
    let state = whole!(found(WHOLE_STORE, tables, store.access_digest(changes.count).await)?);
    let is_left = match (&state, changes.count) {
        (None, 0) => true,
        (None, _) => false,
        (Some(state), _) => changes.newest.iter().any(|(_, _, digest)| digest == state),
    };
    if !is_left {
        let what = match changes.newest.first() {
            None => "somebody or something may act, and no event says who allowed it".to_owned(),
            Some(_) => {
                let newest: Vec<String> =
                    changes.newest.iter().map(|(environment, seq, _)| format!("{environment}:{seq}")).collect();
                let left: Vec<&str> = changes.newest.iter().map(|(_, _, digest)| digest.as_str()).collect();
                let row = whole!(found(WHOLE_STORE, tables, store.access_difference(changes.count, &left).await)?);
                let row = row.map_or_else(String::new, |row| format!(": {row}"));
                format!("who may act is not what the newest change left (one of the events {}){row}", newest.join(", "))
            }
        };
        return Ok(Err(Problem::of(WHOLE_STORE, tables, what)));
    }
    let altered = whole!(found(WHOLE_STORE, "sessions", store.altered_session().await)?);
    if let Some(of) = altered {
        let what = format!("a session of {of} was altered: it is not what its beginning sealed");
        return Ok(Err(Problem::of(WHOLE_STORE, "sessions", what)));
    }
    Ok(Ok(()))
}

/// The sources that were added must be those that the newest change of them left.
pub(super) async fn check_sources(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
) -> Result<Result<(), Problem>, StoreError> {
    let Some(left) = &recorded.sources else {
        let added = whole!(found(environment, "added_sources", store.added_sources(Some(environment)).await)?);
        return Ok(match added.first() {
            Some(source) => {
                Err(Problem::of(environment, "added_sources", format!("no event added the source {}", source.name)))
            }
            None => Ok(()),
        });
    };
    let state = whole!(found(environment, "added_sources", store.sources_digest(environment).await)?);
    Ok(if state == left.digest {
        Ok(())
    } else {
        let what = format!("the added sources are not what event {} left", left.seq);
        Err(Problem::of(environment, "added_sources", what))
    })
}

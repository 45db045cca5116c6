//! The newest answer of each environment, read from the store once for each commit.

use super::commits::{Commits, State};
use super::store::{Newest, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most environments whose answer is remembered.
const MOST: usize = 256;

/// What was read in one state of the store, by environment.
#[derive(Default)]
pub struct NewestAnswers(Mutex<(State, HashMap<String, Arc<Newest>>)>);

impl NewestAnswers {
    /// The newest answer of an environment: as it was read before where nothing has been committed since, else from the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn read(
        &self,
        commits: &Commits,
        store: &dyn Store,
        environment: &str,
    ) -> Result<Arc<Newest>, StoreError> {
        // Taken before the store is read: what is committed meanwhile is read again by the next request.
        let state = commits.newest();
        if let Some(newest) = state.and_then(|state| self.find(state, environment)) {
            return Ok(newest);
        }
        let newest = Arc::new(store.newest(environment).await?);
        if let Some(state) = state {
            self.keep(state, environment, newest.clone());
        }
        Ok(newest)
    }

    fn find(&self, state: State, environment: &str) -> Option<Arc<Newest>> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answers) = &*guard;
        if *at == state { answers.get(environment).cloned() } else { None }
    }

    fn keep(&self, state: State, environment: &str, newest: Arc<Newest>) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answers) = &mut *guard;
        if *at != state || answers.len() >= MOST {
            *at = state;
            answers.clear();
        }
        answers.insert(environment.to_owned(), newest);
    }
}

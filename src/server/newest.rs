//! The newest answer of each environment, read from the store once for each commit and minute.

use super::clock;
use super::commits::{self, Commits};
use super::store::{Newest, Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most environments whose answer is remembered.
const MOST: usize = 256;

/// A state of the store, and the minute in which it was read.
type State = (commits::State, i64);

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
        let now = clock::now();
        // A snapshot of the future can be of the past a minute later, and the reverse if the clock is set back.
        let state = commits.newest().map(|state| (state, now.timestamp().div_euclid(60)));
        if let Some(newest) = state.and_then(|state| self.find(state, environment)) {
            return Ok(newest);
        }
        let newest = Arc::new(store.newest(environment, now).await?);
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

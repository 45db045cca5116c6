//! What the store said of credentials, remembered until something is committed: who asks is known without asking the database at
//! every request. A commit of any process ends it (`server/commits.rs`), so that what is revoked works no longer than a second.

use crate::server::commits::State;
use crate::server::store::access::{ApiToken, Session};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most credentials remembered at once. Past that all are forgotten, and read again as they come.
const MOST: usize = 10_000;

/// What the store said. Whether it still counts depends on the time, too, and is judged at every use.
#[derive(Debug)]
pub enum Record {
    /// No person exists yet.
    NobodyExists,
    Session(Session),
    Token(ApiToken),
}

/// Records by the hash of their credential, all read in the same state of the store.
#[derive(Default)]
pub struct Remembered(Mutex<(State, HashMap<String, Arc<Record>>)>);

impl Remembered {
    /// What was read in that state.
    pub fn find(&self, state: State, hash: &str) -> Option<Arc<Record>> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, records) = &*guard;
        if *at == state { records.get(hash).cloned() } else { None }
    }

    /// Remembers what was read. `state` is the newest one from before the reading.
    pub fn keep(&self, state: State, hash: &str, record: Arc<Record>) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, records) = &mut *guard;
        if *at != state || records.len() >= MOST {
            *at = state;
            records.clear();
        }
        records.insert(hash.to_owned(), record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_until_the_next_commit() {
        let remembered = Remembered::default();
        let (before, after, outside) = (State::of(3, 1), State::of(4, 1), State::of(3, 2));
        remembered.keep(before, "hash", Arc::new(Record::NobodyExists));
        assert!(remembered.find(before, "hash").is_some() && remembered.find(before, "other").is_none());
        assert!(remembered.find(after, "hash").is_none() && remembered.find(outside, "hash").is_none());
        remembered.keep(after, "other", Arc::new(Record::NobodyExists));
        assert!(remembered.find(after, "hash").is_none() && remembered.find(after, "other").is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let remembered = Remembered::default();
        for index in 0..=MOST {
            remembered.keep(State::default(), &index.to_string(), Arc::new(Record::NobodyExists));
        }
        assert!(remembered.0.lock().unwrap().1.len() <= MOST);
    }
}

//! The lines of the list of snapshots, remembered by environment: a snapshot never changes, and reading one takes longer than its line.

use crate::server::store::ListedSnapshot;
use crate::views::overview::SnapshotLine;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most environments whose lines are remembered.
const MOST: usize = 256;

/// Lines by their snapshots' ids.
pub type Lines = Arc<HashMap<String, SnapshotLine>>;

/// The lines of each environment's newest list.
#[derive(Default)]
pub struct SnapshotLines(Mutex<HashMap<String, Lines>>);

impl SnapshotLines {
    /// The lines of an environment that are remembered.
    pub fn known(&self, environment: &str) -> Lines {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(environment).cloned().unwrap_or_default()
    }

    /// The lines of a list that was read with `known` beside it, which are remembered from now on.
    pub fn of(&self, environment: &str, listed: &[ListedSnapshot], known: &Lines) -> Vec<SnapshotLine> {
        let list: Vec<SnapshotLine> = listed
            .iter()
            .filter_map(|listed| match listed {
                ListedSnapshot::Known(id) => known.get(id).cloned(),
                ListedSnapshot::Read(snapshot) => Some(SnapshotLine::of(snapshot)),
            })
            .collect();
        let remembered = list.iter().map(|line| (line.id.clone(), line.clone())).collect();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.clear();
        }
        lines.insert(environment.to_owned(), Arc::new(remembered));
        list
    }
}

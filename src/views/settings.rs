//! Owns what the page of settings is made of: the configuration in force, what a form was filled from, the versions
//! before. Must not know how any of it was fetched or how it is drawn.

use crate::domain::consequence::Load;
use crate::domain::policy::{Config, Policy};
use crate::domain::policy_fields::{FieldChange, PolicyField};
use crate::views::overview::Notice;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Everything that the settings page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsData {
    pub config: Config,
    /// The policy that the sent form was filled from, where that is no longer the one in force.
    pub filled: Option<Policy>,
    pub load: Load,
    pub notice: Option<Notice>,
    /// An earlier version that is to be restored.
    pub restored: Option<Policy>,
    /// Newest first: the policies that were in force, at most ten, the one in force included.
    pub versions: Vec<VersionLine>,
    /// Why the time zone that was typed isn't valid.
    pub zone_error: Option<String>,
}

/// One version of the policy, with the event that put it in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionLine {
    pub actor: String,
    pub at: DateTime<Utc>,
    /// What it changed in the version before; empty for the first.
    pub changes: Vec<ChangeLine>,
    /// Whether this very policy is in force, so that restoring it would change nothing.
    pub is_in_force: bool,
    pub reason: Option<String>,
    pub version: u64,
}

/// A field's change by name, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLine {
    pub from: String,
    pub path: String,
    pub to: String,
}

impl From<FieldChange> for ChangeLine {
    fn from(change: FieldChange) -> ChangeLine {
        ChangeLine { from: change.from, path: change.field.path().to_owned(), to: change.to }
    }
}

impl ChangeLine {
    /// The field that the line speaks of, if there is one of that name.
    pub fn field(&self) -> Option<PolicyField> {
        PolicyField::by_path(&self.path)
    }
}

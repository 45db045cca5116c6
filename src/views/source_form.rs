//! Owns the data that fills the form of sources. Must not know how it was fetched or how it is drawn.

use super::overview::Notice;
use crate::domain::policy::FieldError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The values and errors that the form of sources is filled with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceForm {
    /// The values that were entered, by field.
    pub entered: BTreeMap<String, String>,
    /// A sentence for each value that is not accepted.
    pub errors: Vec<FieldError>,
    pub notice: Option<Notice>,
    /// The source that gets another signal; `None` if a source is added.
    pub to: Option<String>,
}

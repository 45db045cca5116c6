//! Owns what an event is said to have changed. Must not know where it is shown.

use super::words;
use crate::domain::history::Event;

/// The change of the mode that an event records, if it is one.
pub fn change_words(event: &Event) -> Option<String> {
    match (event.old_mode, event.new_mode) {
        (Some(old), Some(new)) if old != new => Some(format!("{} → {}", words::mode(old), words::mode(new))),
        _ => None,
    }
}

//! Owns the revision of amounts that were told before: which have changed, and the words in which the history says so.

use super::store::StoredSample;
use crate::domain::money::Usd;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;

/// Revisions that are named one by one.
const NAMED: usize = 5;

/// A period whose amount has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revision {
    pub from: Usd,
    pub period_end: DateTime<Utc>,
    pub to: Usd,
}

/// The periods of which one source has told another amount before; `stored` are that source's samples alone. Of a period up to
/// `heard` of which it told nothing, it told that nothing was spent.
pub fn between(
    stored: &[StoredSample],
    heard: Option<DateTime<Utc>>,
    told: impl Iterator<Item = (DateTime<Utc>, Usd)>,
) -> Vec<Revision> {
    let before: HashMap<DateTime<Utc>, Usd> = stored.iter().map(|sample| (sample.at, Usd(sample.atoms))).collect();
    told.filter_map(|(period_end, to)| {
        let nothing = heard.filter(|heard| period_end <= *heard).map(|_| Usd(0));
        let from = before.get(&period_end).copied().or(nothing)?;
        // Amounts finer than a micro-dollar are rounded within their batch.
        (from.micros().abs_diff(to.micros()) > 1).then_some(Revision { from, period_end, to })
    })
    .collect()
}

/// What was revised, as a note in the history; nothing where nothing was.
pub fn words(source: &str, revisions: &[Revision]) -> Option<String> {
    if revisions.is_empty() {
        return None;
    }
    let named: Vec<String> = revisions
        .iter()
        .take(NAMED)
        .map(|one| format!("up to {} from ${} to ${}", one.period_end.format("%Y-%m-%d %H:%M UTC"), one.from, one.to))
        .collect();
    let more = match revisions.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more periods"),
    };
    Some(format!("ai.spend of {source} was revised: {}{more}", named.join(", ")))
}

//! Owns what is remembered of asking a source that answers: what its role can do that it should not, and what of its answers
//! could not be read. Must not know how a source is asked, or where this is kept.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long something that could not be read is shown after the newest time of it.
const SHOWN_FOR: Duration = Duration::hours(24);
/// The most reasons that are kept of one source.
const MOST: usize = 20;
/// The longest reason, in characters.
const LONGEST: usize = 300;

/// Something of an answer that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The newest time that it was of.
    pub at: DateTime<Utc>,
    /// How many values, rows or answers it was, when it was last asked for.
    pub count: u64,
    /// What to do about it.
    pub cure: String,
    /// What there are so many of: values, rows or answers.
    pub kind: UnreadKind,
    /// The signal that it would have been, as it is shown.
    pub signal: String,
    pub why: String,
}

/// What could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnreadKind {
    /// A whole answer, such as one that says that it is partial.
    Answer,
    /// A row of a table.
    Row,
    /// A number at a time.
    Value,
}

impl UnreadKind {
    const fn words(self, count: u64) -> &'static str {
        match (self, count) {
            (UnreadKind::Answer, 1) => "answer",
            (UnreadKind::Answer, _) => "answers",
            (UnreadKind::Row, 1) => "row",
            (UnreadKind::Row, _) => "rows",
            (UnreadKind::Value, 1) => "value",
            (UnreadKind::Value, _) => "values",
        }
    }
}

/// All that is remembered of asking one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// That its role can do more than it should, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

impl Notes {
    /// Reads what [`Notes::text`] wrote; any other text is words about the role, as they were kept before.
    pub fn read(text: Option<&str>) -> Notes {
        let Some(text) = text else { return Notes::default() };
        serde_json::from_str(text).unwrap_or_else(|_| Notes { role: Some(text.to_owned()), unread: Vec::new() })
    }

    /// The text that is kept; `None` if there is nothing to remember.
    pub fn text(&self) -> Option<String> {
        if self == &Notes::default() { None } else { serde_json::to_string(self).ok() }
    }

    /// Adds something that could not be read; the same again counts together.
    pub fn add(&mut self, unread: Unread) {
        let why: String = unread.why.chars().filter(|character| !character.is_control()).take(LONGEST).collect();
        let same = self.unread.iter().position(|own| (&own.signal, &own.why) == (&unread.signal, &why));
        if let Some(own) = same.and_then(|place| self.unread.get_mut(place)) {
            own.at = own.at.max(unread.at);
            own.count = own.count.saturating_add(unread.count);
        } else if self.unread.len() < MOST {
            self.unread.push(Unread { why, ..unread });
        }
    }

    /// These notes with what was noted before and is still worth showing: what was read differently since has made room.
    #[must_use]
    pub fn after(mut self, before: Notes, now: DateTime<Utc>) -> Notes {
        let is_recent = |unread: &Unread| unread.at > now - SHOWN_FOR;
        for old in before.unread.into_iter().filter(is_recent) {
            let same = self.unread.iter().position(|own| (&own.signal, &own.why) == (&old.signal, &old.why));
            if let Some(own) = same.and_then(|place| self.unread.get_mut(place)) {
                // The same was asked for again.
                if own.at <= old.at {
                    own.count = own.count.max(old.count);
                }
            } else if self.unread.len() < MOST {
                self.unread.push(old);
            }
        }
        self
    }

    /// What a page shows after "NAME answers, but": nothing if there is nothing to fix. Reasons can hold what is stored in the
    /// system that was asked, so that only founders read them.
    pub fn words(&self, is_founder: bool) -> Option<String> {
        let mut all: Vec<String> = self.role.iter().cloned().collect();
        if is_founder {
            all.extend(self.unread.iter().map(Unread::words));
        } else {
            let mut of_signals: BTreeMap<&str, u64> = BTreeMap::new();
            for unread in &self.unread {
                *of_signals.entry(&unread.signal).or_default() += unread.count;
            }
            all.extend(of_signals.iter().map(|(signal, count)| {
                format!("{count} of its values of {signal} could not be used and are unknown; founders see why")
            }));
        }
        (!all.is_empty()).then(|| all.join(". "))
    }
}

impl Unread {
    fn words(&self) -> String {
        let Unread { at, count, cure, kind, signal, why } = self;
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            "{count} {} of {signal} could not be used, the newest of {at}: {why}. What is missing is unknown. {}",
            kind.words(*count),
            cure.trim_end_matches('.')
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn unread(when: &str, count: u64, why: &str) -> Unread {
        Unread {
            at: at(when),
            count,
            cure: "Correct the query.".to_owned(),
            kind: UnreadKind::Value,
            signal: "infra.cpu".to_owned(),
            why: why.to_owned(),
        }
    }

    #[test]
    fn notes_are_kept_for_a_day_and_counted_once() {
        let now = at("2026-11-24T03:00:00Z");
        let mut notes = Notes::default();
        notes.add(unread("2026-11-24T02:00:00Z", 1, "it is not a number"));
        notes.add(unread("2026-11-24T02:01:00Z", 1, "it is not a number"));
        assert_eq!((notes.unread.len(), notes.unread[0].count), (1, 2));
        let kept = Notes::read(notes.text().as_deref());
        assert_eq!(kept, notes);
        // Asked for again, the same is not counted twice; an answer without it leaves it where it was.
        assert_eq!(notes.clone().after(kept.clone(), now).unread[0].count, 2);
        assert_eq!(Notes::default().after(kept.clone(), now), kept);
        assert_eq!(Notes::default().after(kept, now + Duration::hours(24)), Notes::default());
    }

    #[test]
    fn words_name_the_signal_the_count_the_reason_and_the_cure_to_founders_only() {
        let mut notes = Notes::read(Some("its role shop may write there"));
        notes.add(unread("2026-11-24T02:00:00Z", 1, "the value \"hunter2\" is not a number"));
        let founder = notes.words(true).unwrap();
        for part in ["its role shop", "1 value of infra.cpu", "2026-11-24T02:00:00Z", "hunter2", "Correct the query"] {
            assert!(founder.contains(part), "{part}: {founder}");
        }
        let other = notes.words(false).unwrap();
        assert!(other.contains("infra.cpu") && !other.contains("hunter2"), "{other}");
        assert_eq!(Notes::default().words(true), None);
    }
}

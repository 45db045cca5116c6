//! Owns what is answered while the store cannot be reached: the last answer that was good, marked with its age. Only reading is
//! answered so, only to whoever asked for it before, and never for longer than an hour; writing is refused.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers kept at once.
const KEPT: usize = 512;
/// What they may take together, in bytes: whoever asks for much must not fill the memory.
const MOST: usize = 16 * 1024 * 1024;
/// The longest address whose answer is kept, in bytes.
const LONGEST: usize = 2_048;
/// The largest answer that is kept, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// For how long a last good answer is given.
fn too_old() -> Duration {
    Duration::hours(1)
}

/// The last good answers, by what was asked, each with when it was given.
pub struct LastGood<T>(Arc<Mutex<Kept<T>>>);

/// The answers, each with when it was given and its size, and their size together.
type Kept<T> = (HashMap<String, (DateTime<Utc>, usize, T)>, usize);

impl<T> Clone for LastGood<T> {
    fn clone(&self) -> LastGood<T> {
        LastGood(self.0.clone())
    }
}

impl<T> Default for LastGood<T> {
    fn default() -> LastGood<T> {
        LastGood(Arc::default())
    }
}

impl<T: Clone> LastGood<T> {
    /// Keeps an answer that is good, of so many bytes; where they become too many the oldest go.
    pub fn keep(&self, key: &str, answer: T, size: usize, now: DateTime<Utc>) {
        if key.len() > LONGEST || size > LARGEST {
            return;
        }
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, all) = &mut *guard;
        if let Some((_, size, _)) = kept.remove(key) {
            *all -= size;
        }
        while kept.len() >= KEPT || *all + size > MOST {
            let oldest = kept.iter().min_by_key(|(_, (at, ..))| *at).map(|(key, _)| key.clone());
            let Some((_, size, _)) = oldest.and_then(|oldest| kept.remove(&oldest)) else { break };
            *all -= size;
        }
        kept.insert(key.to_owned(), (now, size, answer));
        *all += size;
    }

    /// Forgets an answer that is no longer good.
    pub fn forget(&self, key: &str) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, all) = &mut *guard;
        if let Some((_, size, _)) = kept.remove(key) {
            *all -= size;
        }
    }

    /// The keys of all answers.
    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.keys().cloned().collect()
    }

    /// The last good answer and when it was given.
    pub fn find(&self, key: &str, now: DateTime<Utc>) -> Option<(DateTime<Utc>, T)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.get(key).filter(|(at, ..)| now - *at <= too_old()).map(|(at, _, answer)| (*at, answer.clone()))
    }
}

/// `Age` says how old it is (RFC 9111), `Cache-Status` why it is given (RFC 9211).
pub fn marks(age: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AGE, HeaderValue::from(u64::try_from(age.num_seconds()).unwrap_or(0)));
    headers.insert("cache-status", HeaderValue::from_static("scaling-mode; hit; detail=store-unreachable"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
}

/// What a page says that is as it was some time ago.
pub fn banner(at: DateTime<Utc>, age: Duration) -> String {
    let old = match (age.num_seconds(), age.num_minutes()) {
        (..=1, _) => "a moment ago".to_owned(),
        (seconds, 0) => format!("{seconds} seconds ago"),
        (_, 1) => "a minute ago".to_owned(),
        (_, minutes) => format!("{minutes} minutes ago"),
    };
    format!(
        "<div class=\"banner banner-stale\" role=\"status\"><p><strong>The store cannot be reached. </strong>This page is as it was \
         {old}, at {}. Nothing can be changed until the store is back.</p></div>",
        at.format("%Y-%m-%d %H:%M:%S UTC")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock;

    #[test]
    fn the_last_answer_is_given_for_an_hour_and_the_oldest_makes_room() {
        let now = clock::now();
        let kept = LastGood::default();
        for place in 0..=KEPT {
            kept.keep(&place.to_string(), place, 1, now + Duration::seconds(place as i64));
        }
        assert_eq!(kept.find("0", now), None);
        assert_eq!(kept.find("1", now).map(|(_, answer)| answer), Some(1));
        assert_eq!(kept.find("1", now + Duration::minutes(62)), None);
        kept.keep(&"x".repeat(LONGEST + 1), 7, 1, now);
        assert_eq!(kept.find(&"x".repeat(LONGEST + 1), now), None);
    }

    #[test]
    fn large_answers_push_out_the_oldest_and_the_same_one_counts_once() {
        let now = clock::now();
        let kept = LastGood::default();
        let at = |place: usize| now + Duration::seconds(place as i64);
        for place in 0..100 {
            kept.keep("again", place, LARGEST, at(place));
        }
        for place in 0..MOST / LARGEST {
            kept.keep(&place.to_string(), place, LARGEST, at(100 + place));
        }
        assert_eq!(kept.find("again", at(120)), None);
        assert_eq!(kept.find("0", at(120)).map(|(_, answer)| answer), Some(0));
        kept.keep("more", 7, 1, at(120));
        assert_eq!(kept.find("0", at(120)), None);
        kept.keep("too large", 7, LARGEST + 1, at(121));
        assert_eq!(kept.find("too large", at(121)), None);
    }
}

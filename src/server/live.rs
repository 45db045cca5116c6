//! Owns the live feed: it watches what the store commits (`commits.rs` notices what other processes commit) and hands each new event of an environment to everyone who listens
//! to that environment, as it is sent to them. Must not know how listeners are connected; it reads the store and writes
//! nothing.

use super::clock;
use super::observability::log_error;
use super::store::{Store, StoreError};
use crate::domain::history;
use crate::domain::signal::Signal;
use axum::response::sse::Event;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// How many messages a slow listener may fall behind before it is told to look anew.
const BEHIND: usize = 256;
/// The longest pause between two readings of the heads.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Events handed on at once; a replay's thousands are not told one by one.
const AT_ONCE: u32 = 64;
/// The most that may listen at once with one credential: browsers of one person, each with one connection for all its pages.
pub const MOST_OF_ONE: usize = 64;
/// The most that may listen at once.
pub const MOST_LISTENERS: usize = 10_000;

/// One thing that listeners are told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// An event of the history.
    Event {
        at: DateTime<Utc>,
        seq: u64,
        snapshot_id: Option<String>,
        #[serde(rename = "type")]
        event_type: &'static str,
    },
    /// Numbers have come in; nothing has been answered from them yet.
    Telemetry { signals: Vec<Signal> },
}

impl Message {
    /// What an event is told as.
    pub fn of(event: &history::Event) -> Message {
        Message::Event {
            at: event.at,
            seq: event.seq,
            snapshot_id: event.snapshot_id.clone(),
            event_type: event.event_type.name(),
        }
    }

    /// The place in the chain that a listener can go on from.
    pub const fn seq(&self) -> Option<u64> {
        match self {
            Message::Event { seq, .. } => Some(*seq),
            Message::Telemetry { .. } => None,
        }
    }
}

/// A message as it is sent, made once for all who listen.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: Event,
    /// The place in the chain that a listener can go on from.
    pub seq: Option<u64>,
}

impl Told {
    pub fn of(message: &Message) -> Told {
        let seq = message.seq();
        let event = Event::default().event(if seq.is_some() { "history" } else { "telemetry" });
        let event = match seq {
            Some(seq) => event.id(seq.to_string()),
            None => event,
        };
        Told { event: event.json_data(message).unwrap_or_default(), seq }
    }
}

/// The feed's handle.
#[derive(Clone, Default)]
pub struct Feed {
    channels: Arc<Mutex<HashMap<String, broadcast::Sender<Arc<Told>>>>>,
    listeners: Arc<AtomicUsize>,
    places: Places,
    stop: CancellationToken,
    /// When telemetry has come last, for whoever was on the way to listening then. No history has it.
    telemetry: Arc<Mutex<HashMap<String, DateTime<Utc>>>>,
}

/// A listener's place; it counts for as long as it is held.
pub struct Listening {
    listeners: Arc<AtomicUsize>,
    pub messages: broadcast::Receiver<Arc<Told>>,
    _place: Option<Place>,
    /// The server is about to end.
    pub stop: CancellationToken,
}

/// How many places each credential has taken, by its hash.
type Places = Arc<Mutex<HashMap<String, usize>>>;

/// A place among those that one credential may take.
struct Place {
    credential: String,
    places: Places,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.credential) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.credential);
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// A feed that ends its listeners when `stop` says so.
    pub fn new(stop: CancellationToken) -> Feed {
        Feed { stop, ..Feed::default() }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Arc<Told>>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are listening.
    pub fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Relaxed)
    }

    /// Begins to listen to an environment; `None` where too many do already, all together or with this credential. Calls from this
    /// machine before anybody exists have none.
    pub fn listen(&self, environment: &str, credential: Option<&str>) -> Option<Listening> {
        let place = match credential {
            Some(credential) => Some(self.place(credential)?),
            None => None,
        };
        if self.listeners.fetch_add(1, Ordering::Relaxed) >= MOST_LISTENERS {
            self.listeners.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let mut channels = self.channels();
        let channel = channels.entry(environment.to_owned()).or_insert_with(|| broadcast::channel(BEHIND).0);
        let messages = channel.subscribe();
        Some(Listening { listeners: self.listeners.clone(), messages, _place: place, stop: self.stop.clone() })
    }

    fn place(&self, credential: &str) -> Option<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(credential.to_owned()).or_default();
        if *taken >= MOST_OF_ONE {
            return None;
        }
        *taken += 1;
        Some(Place { credential: credential.to_owned(), places: self.places.clone() })
    }

    /// Whether telemetry has come into an environment at that time or later.
    pub fn has_telemetry_since(&self, environment: &str, since: DateTime<Utc>) -> bool {
        let telemetry = self.telemetry.lock().unwrap_or_else(PoisonError::into_inner);
        telemetry.get(environment).is_some_and(|at| *at >= since)
    }

    /// Tells the listeners of an environment.
    pub fn tell(&self, environment: &str, message: &Message) {
        if let Message::Telemetry { .. } = message {
            let mut telemetry = self.telemetry.lock().unwrap_or_else(PoisonError::into_inner);
            telemetry.insert(environment.to_owned(), clock::now());
        }
        if let Some(channel) = self.channels().get(environment) {
            // Nobody listening is no failure.
            let _ = channel.send(Arc::new(Told::of(message)));
        }
    }

    /// Watches the store until the feed is stopped.
    pub async fn run(self, store: Arc<dyn Store>) {
        let mut commits = store.commits();
        let mut heads = self.heads(store.as_ref()).await.unwrap_or_default();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                moved = commits.changed() => if moved.is_err() { return },
            }
            let began = clock::instant();
            if let Err(error) = self.tell_what_is_new(store.as_ref(), &mut heads).await {
                log_error("new events could not be told to open pages", &error);
            }
            // With thousands of environments looking takes long, and many commits follow each other: at most a fifth of a core.
            tokio::time::sleep((began.elapsed() * 4).min(LONGEST_PAUSE)).await;
        }
    }

    async fn heads(&self, store: &dyn Store) -> Result<HashMap<String, u64>, StoreError> {
        Ok(store.heads().await?.into_iter().map(|head| (head.environment, head.seq)).collect())
    }

    async fn tell_what_is_new(&self, store: &dyn Store, heads: &mut HashMap<String, u64>) -> Result<(), StoreError> {
        for (environment, seq) in self.heads(store).await? {
            let before = heads.insert(environment.clone(), seq).unwrap_or(0);
            let is_listened_to = self.channels().get(&environment).is_some_and(|channel| channel.receiver_count() > 0);
            if seq <= before || !is_listened_to {
                continue;
            }
            // The newest ones are enough: whoever wants them all reads the history.
            let from = before.max(seq.saturating_sub(u64::from(AT_ONCE)));
            for event in store.events_after(&environment, from, AT_ONCE).await? {
                self.tell(&environment, &Message::of(&event));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_those_who_listen_to_the_environment_are_told() {
        let feed = Feed::default();
        let mut here = feed.listen("production", None).unwrap();
        let mut there = feed.listen("demo", None).unwrap();
        feed.tell("production", &Message::Telemetry { signals: vec![Signal::AiSpend] });
        assert_eq!(here.messages.recv().await.unwrap().seq, None);
        assert!(there.messages.try_recv().is_err());
    }

    #[test]
    fn a_listener_counts_for_as_long_as_it_listens() {
        let feed = Feed::default();
        let listening = feed.listen("production", Some("one"));
        assert_eq!(feed.listeners(), 1);
        drop(listening);
        assert_eq!(feed.listeners(), 0);
    }

    #[test]
    fn one_credential_takes_no_more_than_its_places() {
        let feed = Feed::default();
        let mut listening: Vec<_> = (0..MOST_OF_ONE).map(|_| feed.listen("production", Some("one")).unwrap()).collect();
        assert!(feed.listen("production", Some("one")).is_none());
        assert!(feed.listen("production", Some("another")).is_some());
        listening.pop();
        assert!(feed.listen("production", Some("one")).is_some());
    }
}

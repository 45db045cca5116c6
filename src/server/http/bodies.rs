//! How much of a body is read, and how long it may take: bounded for each request and for all of them together, so that no sender,
//! slow or silent, takes memory or time from the others.

use super::doors::{Door, door};
use super::{MAX_BODY, problem};
use crate::error::{Code, WireError};
use crate::server::clock;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use futures_util::stream::{self, Stream, StreamExt};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The largest body of an endpoint that anybody may call, in bytes: a form with a password or a passkey.
const LARGEST_OPEN: usize = 16 * 1024;
/// The largest body of Stripe, which anybody may call too, and whose signature is checked once all is read: a page of a list.
const LARGEST_STRIPE: usize = 2 * 1024 * 1024;
/// The largest form and act, in bytes.
const LARGEST_FORM: usize = 256 * 1024;
/// Above how many bytes a body is large.
const LARGE: usize = 64 * 1024;
/// The longest silence of a sender in the middle of a body.
const SILENCE: Duration = Duration::from_secs(10);

/// Bodies that share a limit, so that those of one kind leave room for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    /// Forms and acts of those with a credential.
    Acts,
    /// Forms that anybody may send.
    Open,
    Stripe,
    Telemetry,
}

impl Pool {
    /// The most bytes in memory at once.
    const fn most(self) -> usize {
        match self {
            Pool::Acts => 8 * 1024 * 1024,
            Pool::Open => 4 * 1024 * 1024,
            Pool::Stripe => 8 * 1024 * 1024,
            Pool::Telemetry => 48 * 1024 * 1024,
        }
    }

    /// The most bytes of one sender: half, where anybody may send a quarter or less.
    const fn most_of_one(self) -> usize {
        match self {
            Pool::Acts | Pool::Stripe => 2 * 1024 * 1024,
            Pool::Open => 256 * 1024,
            Pool::Telemetry => 24 * 1024 * 1024,
        }
    }

    /// The longest time that a body may take from its beginning to its end.
    const fn whole(self) -> Duration {
        match self {
            Pool::Acts | Pool::Open | Pool::Stripe => Duration::from_secs(20),
            Pool::Telemetry => Duration::from_secs(60),
        }
    }
}

/// The bytes of bodies that are in memory.
#[derive(Default)]
pub struct Bodies {
    acts: AtomicUsize,
    open: AtomicUsize,
    stripe: AtomicUsize,
    telemetry: AtomicUsize,
    /// By the sender and the pool.
    of_one: Mutex<HashMap<(String, u8), usize>>,
}

impl Bodies {
    const fn of(&self, pool: Pool) -> &AtomicUsize {
        match pool {
            Pool::Acts => &self.acts,
            Pool::Open => &self.open,
            Pool::Stripe => &self.stripe,
            Pool::Telemetry => &self.telemetry,
        }
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Large { most: usize },
    Many,
    Slow,
}

/// What one request's body takes. Its bytes count until this is dropped.
pub struct Share {
    bodies: Arc<Bodies>,
    pool: Pool,
    refusal: OnceLock<Refusal>,
    /// The credential, or the address of a sender without one.
    sender: OnceLock<String>,
    taken: AtomicUsize,
}

impl Share {
    /// Says who sends the body, before any of it is read.
    pub fn sent_by(&self, sender: String) {
        let _ = self.sender.set(sender);
    }

    /// Whether so much was read that working on it takes longer than others should wait.
    pub fn is_large(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > LARGE
    }

    fn key(&self) -> Option<(String, u8)> {
        self.sender.get().map(|sender| (sender.clone(), self.pool as u8))
    }

    /// Takes room for a part of the body.
    fn take(&self, bytes: usize) -> Result<(), Refusal> {
        let total = self.bodies.of(self.pool).fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        let own = self.key().map_or(0, |key| {
            let mut of_one = self.bodies.of_one.lock().unwrap_or_else(PoisonError::into_inner);
            let own = of_one.entry(key).or_default();
            *own += bytes;
            *own
        });
        if total > self.pool.most() || own > self.pool.most_of_one() { Err(Refusal::Many) } else { Ok(()) }
    }

    fn refuse(&self, refusal: Refusal) -> io::Error {
        let _ = self.refusal.set(refusal);
        io::Error::other("the body was not read to its end")
    }

    /// What the sender is answered where the body was not read to its end, whatever the endpoint made of it.
    pub fn refused(&self) -> Option<Response> {
        let error = match self.refusal.get()? {
            Refusal::Large { most } => too_large(*most),
            Refusal::Many => WireError::new(
                Code::Busy,
                "The server is reading as many request bodies as it has memory for. Try again in 2 s.",
            )
            .retry_after(2),
            Refusal::Slow => WireError::new(
                Code::TooSlow,
                format!(
                    "Send the body within {} s, without a pause of {} s.",
                    self.pool.whole().as_secs(),
                    SILENCE.as_secs()
                ),
            ),
        };
        Some(problem::response(&error))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = *self.taken.get_mut();
        self.bodies.of(self.pool).fetch_sub(taken, Ordering::Relaxed);
        if taken > 0
            && let Some(key) = self.key()
        {
            let mut of_one = self.bodies.of_one.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(own) = of_one.get_mut(&key) {
                *own -= taken;
                if *own == 0 {
                    of_one.remove(&key);
                }
            }
        }
    }
}

fn too_large(most: usize) -> WireError {
    let size = if most >= 1024 * 1024 { format!("{} MiB", most / 1024 / 1024) } else { format!("{} KiB", most / 1024) };
    WireError::new(Code::TooLarge, format!("The body here has at most {size}. Send it in smaller parts."))
}

/// The pool of a path's bodies, and the largest of them, in bytes.
fn pool(door: Door, path: &str) -> (Pool, usize) {
    if path == "/api/stripe" {
        (Pool::Stripe, LARGEST_STRIPE)
    } else if door == Door::Open {
        (Pool::Open, LARGEST_OPEN)
    } else if path.starts_with("/api/scaling-mode/") || path.starts_with("/founder/") {
        (Pool::Acts, LARGEST_FORM)
    } else {
        (Pool::Telemetry, MAX_BODY)
    }
}

/// Bounds a request's body.
///
/// # Errors
/// The answer, where its length says already that it is too large.
pub fn bound(bodies: &Arc<Bodies>, request: Request) -> Result<(Request, Arc<Share>), Box<Response>> {
    let door = door(request.method(), request.uri().path());
    let (pool, most) = pool(door, request.uri().path());
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > most) {
        return Err(Box::new(problem::response(&too_large(most))));
    }
    let share = Arc::new(Share {
        bodies: bodies.clone(),
        pool,
        refusal: OnceLock::new(),
        sender: OnceLock::new(),
        taken: AtomicUsize::new(0),
    });
    let has_none =
        length == Some(0) || (length.is_none() && !request.headers().contains_key(header::TRANSFER_ENCODING));
    if has_none && request.version() < axum::http::Version::HTTP_2 {
        return Ok((request, share));
    }
    let bounded = share.clone();
    Ok((request.map(|body| Body::from_stream(read(body, bounded, most))), share))
}

/// Reads the whole body into memory, within its bounds.
///
/// # Errors
/// The body failed; [`Share::refused`] says whether a bound was the reason.
pub async fn whole(request: Request) -> Result<Request, axum::Error> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn read(body: Body, share: Arc<Share>, most: usize) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let began = clock::instant();
    let parts = body.into_data_stream();
    stream::unfold((parts, 0, false), move |(mut parts, mut total, has_ended)| {
        let share = share.clone();
        async move {
            if has_ended {
                return None;
            }
            let part = match next(&mut parts, began, share.pool.whole()).await {
                Ok(Some(Ok(part))) => part,
                Ok(Some(Err(error))) => return Some((Err(io::Error::other(error)), (parts, total, true))),
                Ok(None) => return None,
                Err(refusal) => return Some((Err(share.refuse(refusal)), (parts, total, true))),
            };
            total += part.len();
            let taken = if total > most { Err(Refusal::Large { most }) } else { share.take(part.len()) };
            match taken {
                Ok(()) => Some((Ok(part), (parts, total, false))),
                Err(refusal) => Some((Err(share.refuse(refusal)), (parts, total, true))),
            }
        }
    })
}

/// The next part of a body, in time.
async fn next<S: Stream + Unpin>(parts: &mut S, began: Instant, whole: Duration) -> Result<Option<S::Item>, Refusal> {
    let left = whole.saturating_sub(began.elapsed()).min(SILENCE);
    tokio::time::timeout(left, parts.next()).await.map_err(|_| Refusal::Slow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_leaves_three_quarters_to_the_others_where_anybody_may_send() {
        for (pool, largest) in [(Pool::Open, LARGEST_OPEN), (Pool::Stripe, LARGEST_STRIPE)] {
            assert!(pool.most_of_one() * 4 <= pool.most(), "{pool:?}");
            assert!(pool.most_of_one() >= largest, "{pool:?}: the largest body fits");
        }
    }
}

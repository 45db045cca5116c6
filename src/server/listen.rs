//! Accepts connections and serves them. No wait for a peer is without a limit, and no number of silent peers keeps others out: where
//! the process has no room for another connection, the one that has waited longest without a request is closed.

use super::local::Ends;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Version};
use axum::serve::Listener;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a peer may take to send a request's head, and how long a connection that is kept open may wait for the next one.
const HEAD_LIMIT: Duration = Duration::from_secs(15);
/// How often an HTTP/2 connection is asked whether it is alive, and how long it may take to answer.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
const ALIVE_LIMIT: Duration = Duration::from_secs(15);
/// Requests of one HTTP/2 connection that are answered at the same time.
const STREAMS: u32 = 32;
/// How long the peer of an HTTP/2 connection may take none of the answers that wait for it.
const TAKE_LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of answers that wait for all such peers.
const MOST_UNTAKEN: usize = 48 * 1024 * 1024;
/// The largest part of an answer that such a connection is given, in bytes.
const PART: usize = 16 * 1024;
/// The largest head of HTTP/1 and of HTTP/2, in bytes. A connection of HTTP/2 may hold [`STREAMS`] of them.
const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_HTTP2_HEAD: u32 = 32 * 1024;
/// The most connections, where the operating system allows more.
const MOST_CONNECTIONS: u64 = 20_000;
/// Files that the process needs for other things than connections: the database, sources, logs.
const OTHER_FILES: u64 = 128;
/// Of these, how many connections may take while every request is still young.
const SPARE_FILES: usize = 64;
/// How long a request is safe from being ended for want of room.
const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// How many of the longest-waiting connections are closed at once where there is no room.
const CLOSED_AT_ONCE: usize = 32;

/// A connection as the others see it.
struct Connection {
    close: CancellationToken,
    /// Requests under way, since when there have been some, and since when none, in milliseconds.
    requests: AtomicU64,
    busy_since: AtomicU64,
    idle_since: AtomicU64,
    /// Bytes of answers that the peer has yet to take, and when it took some last, in milliseconds: of HTTP/2.
    untaken: AtomicUsize,
    took_at: AtomicU64,
}

/// All connections.
struct Connections {
    all: Mutex<HashMap<u64, Arc<Connection>>>,
    began: std::time::Instant,
    most: usize,
    /// Bytes of answers that all peers have yet to take.
    untaken: AtomicUsize,
}

impl Connections {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn enter(&self, id: u64) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            busy_since: AtomicU64::new(0),
            close: CancellationToken::new(),
            idle_since: AtomicU64::new(self.now()),
            requests: AtomicU64::new(0),
            took_at: AtomicU64::new(0),
            untaken: AtomicUsize::new(0),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most {
            self.make_room(&mut all);
        }
        all.insert(id, connection.clone());
        connection
    }

    /// Whether a peer takes none of its answers for too long.
    fn is_left_lying(&self, connection: &Connection) -> bool {
        let limit = u64::try_from(TAKE_LIMIT.as_millis()).unwrap_or(u64::MAX);
        connection.untaken.load(Ordering::Relaxed) > 0
            && self.now().saturating_sub(connection.took_at.load(Ordering::Relaxed)) > limit
    }

    /// Closes the connection whose peer has left most of its answers lying.
    fn end_the_slowest(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is being closed already gives its bytes back soon.
        let open = all.values().filter(|connection| !connection.close.is_cancelled());
        if let Some(slowest) = open.max_by_key(|connection| connection.untaken.load(Ordering::Relaxed)) {
            slowest.close.cancel();
            tracing::warn!(
                bytes = slowest.untaken.load(Ordering::Relaxed),
                "answers are not taken: the connection that left most of them is closed"
            );
        }
    }

    /// Closes those that have waited longest without a request; otherwise those whose request has taken longest, since it may be one
    /// that never ends.
    fn make_room(&self, all: &mut HashMap<u64, Arc<Connection>>) {
        let mut idle: Vec<(u64, u64)> = all
            .iter()
            .filter(|(_, connection)| connection.requests.load(Ordering::Relaxed) == 0)
            .map(|(id, connection)| (connection.idle_since.load(Ordering::Relaxed), *id))
            .collect();
        if idle.is_empty() {
            // Before the process has no file left to accept another connection, no request is safe.
            let is_last_room = all.len() >= self.most + SPARE_FILES;
            let safe = if is_last_room { Duration::ZERO } else { BUSY_LIMIT };
            let long_ago = self.now().saturating_sub(u64::try_from(safe.as_millis()).unwrap_or(u64::MAX));
            let busy = all.iter().map(|(id, connection)| (connection.busy_since.load(Ordering::Relaxed), *id));
            idle = busy.filter(|(since, _)| *since <= long_ago).collect();
        }
        let count = CLOSED_AT_ONCE.min(idle.len());
        if count == 0 {
            return;
        }
        idle.select_nth_unstable(count - 1);
        for (_, id) in &idle[..count] {
            if let Some(connection) = all.remove(id) {
                connection.close.cancel();
            }
        }
        tracing::warn!(
            connections = all.len(),
            closed = count,
            "no room for more connections: the longest silent ones are closed"
        );
    }

    fn leave(&self, id: u64) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// A request under way, until its answer was taken or given up.
struct UnderWay {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    /// Bytes of the answer.
    bytes: usize,
}

impl UnderWay {
    fn begin(connections: &Arc<Connections>, connection: &Arc<Connection>) -> UnderWay {
        if connection.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            connection.busy_since.store(connections.now(), Ordering::Relaxed);
        }
        UnderWay { connections: connections.clone(), connection: connection.clone(), bytes: 0 }
    }

    /// The peer takes a part of the answer.
    fn goes_on(&self) {
        self.connection.took_at.store(self.connections.now(), Ordering::Relaxed);
    }

    /// Its answer is there, and has to be taken by the peer now. What has no end, a stream of events, holds nothing while nobody takes it.
    fn answered(&mut self, bytes: usize) {
        self.bytes = bytes;
        if self.connection.untaken.load(Ordering::Relaxed) == 0 {
            self.goes_on();
        }
        self.connection.untaken.fetch_add(bytes, Ordering::Relaxed);
        let all = self.connections.untaken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > MOST_UNTAKEN {
            self.connections.end_the_slowest();
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connections.untaken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.connection.untaken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.connection.idle_since.store(self.connections.now(), Ordering::Relaxed);
        self.connection.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer on its way to a peer of HTTP/2, who takes it when they like: in parts, so that little of it waits in the connection's own
/// buffers, and counted until it was taken.
struct Answer {
    body: Body,
    rest: Bytes,
    under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        self.under_way.goes_on();
        let part = self.rest.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        match hint.exact() {
            Some(exact) => hint.set_exact(exact + rest),
            None => hint.set_lower(hint.lower() + rest),
        }
        hint
    }
}

/// How many connections there may be: as many as the process may open files, less what it needs for other things. The limit of
/// open files is raised as far as the system allows.
fn most_connections() -> usize {
    let files = rlimit::increase_nofile_limit(MOST_CONNECTIONS + OTHER_FILES).unwrap_or(1_024);
    usize::try_from(files.saturating_sub(OTHER_FILES).clamp(64, MOST_CONNECTIONS)).unwrap_or(64)
}

/// Serves who connects, until told to stop; then waits until the requests under way are answered.
pub async fn serve<L>(mut listener: L, router: Router, stop: CancellationToken)
where
    L: Listener<Addr = SocketAddr>,
{
    let connections = Arc::new(Connections {
        all: Mutex::default(),
        began: super::clock::instant(),
        most: most_connections(),
        untaken: AtomicUsize::new(0),
    });
    let tasks = TaskTracker::new();
    // On one address all connections have the same end here. Where there are several, a connection cannot be told by it.
    let own = listener.local_addr().ok().filter(|own| !own.ip().is_unspecified());
    for id in 0.. {
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let connection = connections.enter(id);
        tasks.spawn(serve_one(
            TokioIo::new(stream),
            (address, own),
            router.clone(),
            connections.clone(),
            (id, connection),
            stop.clone(),
        ));
    }
    tasks.close();
    tasks.wait().await;
}

async fn serve_one<I>(
    stream: TokioIo<I>,
    (address, own): (SocketAddr, Option<SocketAddr>),
    router: Router,
    connections: Arc<Connections>,
    (id, connection): (u64, Arc<Connection>),
    stop: CancellationToken,
) where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let (connections, connection) = (connections.clone(), connection.clone());
        let ends = own.map(|own| Ends::new(address, own));
        service_fn(move |request: Request<Incoming>| {
            let (router, connections, connection, ends) =
                (router.clone(), connections.clone(), connection.clone(), ends.clone());
            async move {
                let mut under_way = UnderWay::begin(&connections, &connection);
                let is_http2 = request.version() == Version::HTTP_2;
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(address));
                if let Some(ends) = &ends {
                    request.extensions_mut().insert(ends.clone());
                }
                let answer = router.oneshot(request).await?;
                if !is_http2 {
                    return Ok::<_, Infallible>(answer);
                }
                Ok(answer.map(|body| {
                    under_way
                        .answered(body.size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0));
                    Body::new(Answer { body, rest: Bytes::new(), under_way })
                }))
            }
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(ALIVE_LIMIT)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(LARGEST_HTTP2_HEAD);
    {
        let mut served = pin!(builder.serve_connection(stream, service));
        let mut looks = tokio::time::interval(TAKE_LIMIT / 6);
        let mut is_ending = false;
        let ended = loop {
            tokio::select! {
                ended = served.as_mut() => break Some(ended),
                () = connection.close.cancelled() => break None,
                // The requests under way are still answered, unless their peer takes nothing.
                () = stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    served.as_mut().graceful_shutdown();
                }
                _ = looks.tick() => if connections.is_left_lying(&connection) {
                    tracing::debug!(%address, "answers were not taken");
                    break None;
                },
            }
        };
        if let Some(Err(error)) = ended {
            tracing::debug!(%address, error, "a connection failed");
        }
    }
    connections.leave(id);
}

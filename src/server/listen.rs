//! Accepts connections and serves them. No wait for a peer is without a limit, and no number of silent peers keeps others out: where
//! the process has no room for another connection, the one that has waited longest without a request is closed.

use super::local::Ends;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
const STREAMS: u32 = 128;
/// The largest head, in bytes.
const LARGEST_HEAD: u32 = 64 * 1024;
/// The most connections, where the operating system allows more.
const MOST_CONNECTIONS: u64 = 20_000;
/// Files that the process needs for other things than connections: the database, sources, logs.
const OTHER_FILES: u64 = 128;
/// How many of the longest-waiting connections are closed at once where there is no room.
const CLOSED_AT_ONCE: usize = 32;

/// A connection as the others see it.
struct Connection {
    close: CancellationToken,
    /// Requests under way, and since when there has been none, in milliseconds.
    requests: AtomicU64,
    idle_since: AtomicU64,
}

/// All connections.
struct Connections {
    all: Mutex<HashMap<u64, Arc<Connection>>>,
    began: std::time::Instant,
    most: usize,
}

impl Connections {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn enter(&self, id: u64) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            close: CancellationToken::new(),
            idle_since: AtomicU64::new(self.now()),
            requests: AtomicU64::new(0),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most {
            self.make_room(&mut all);
        }
        all.insert(id, connection.clone());
        connection
    }

    /// Closes those that have waited longest without a request.
    fn make_room(&self, all: &mut HashMap<u64, Arc<Connection>>) {
        let mut idle: Vec<(u64, u64)> = all
            .iter()
            .filter(|(_, connection)| connection.requests.load(Ordering::Relaxed) == 0)
            .map(|(id, connection)| (connection.idle_since.load(Ordering::Relaxed), *id))
            .collect();
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

/// A request under way.
struct UnderWay<'a>(&'a Connections, &'a Connection);

impl<'a> UnderWay<'a> {
    fn begin(connections: &'a Connections, connection: &'a Connection) -> UnderWay<'a> {
        connection.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(connections, connection)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.1.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.1.requests.fetch_sub(1, Ordering::Relaxed);
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
    let connections =
        Arc::new(Connections { all: Mutex::default(), began: super::clock::instant(), most: most_connections() });
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
                let _under_way = UnderWay::begin(&connections, &connection);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(address));
                if let Some(ends) = &ends {
                    request.extensions_mut().insert(ends.clone());
                }
                router.oneshot(request).await
            }
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(ALIVE_LIMIT)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(LARGEST_HEAD);
    {
        let mut served = pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = served.as_mut() => Some(ended),
            () = connection.close.cancelled() => None,
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                Some(served.as_mut().await)
            }
        };
        if let Some(Err(error)) = ended {
            tracing::debug!(%address, error, "a connection failed");
        }
    }
    connections.leave(id);
}

//! Owns connections that have shaken hands: those who are slow or speak no TLS keep nobody waiting. Must not know what is
//! served, nor how serving ends: it is listened on as on a plain port.

use axum::serve::Listener;
use rustls::ServerConfig;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Handshakes under way. A further connection ends the one that has taken longest: a silent one, if there are so many.
const MOST_HANDSHAKES: usize = 512;

type Shaken = Option<(TlsStream<TcpStream>, SocketAddr)>;

/// Listens for connections that speak TLS.
pub struct TlsListener {
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Shaken>,
    listener: TcpListener,
    /// In the order in which they began; those that are done are among them.
    began: VecDeque<AbortHandle>,
}

impl TlsListener {
    pub fn new(listener: TcpListener, config: ServerConfig) -> TlsListener {
        TlsListener {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            began: VecDeque::new(),
            handshakes: JoinSet::new(),
            listener,
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(shaken)) = done {
                        return shaken;
                    }
                }
                (stream, address) = Listener::accept(&mut self.listener) => {
                    let begun = self.handshakes.spawn(shake(self.acceptor.clone(), stream, address));
                    self.began.retain(|handshake| !handshake.is_finished());
                    if self.began.len() >= MOST_HANDSHAKES && let Some(longest) = self.began.pop_front() {
                        longest.abort();
                    }
                    self.began.push_back(begun);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn shake(acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) -> Shaken {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((stream, address)),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "a connection speaks no TLS, or none that is spoken here");
            None
        }
        Err(_) => {
            tracing::debug!(%address, "a connection took too long to shake hands");
            None
        }
    }
}

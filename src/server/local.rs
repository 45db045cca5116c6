//! Proves that a connection comes from a person or program of this machine, by what the operating system says of the socket at its
//! other end. Nothing that a request says can prove it: a proxy on this machine passes on what the whole internet asks for.
//!
//! A peer is local if its socket belongs to the server's own user, and no process that holds the socket listens on an address that
//! other machines reach, or answers a connection to such an address. A proxy fails the second test even where it runs as the same
//! user. Where the operating system does not say, nothing is proved, and a credential is needed.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The two ends of a connection, as an extension of its requests. What is found out about the peer is remembered for the connection.
#[derive(Clone, Debug)]
pub struct Ends {
    is_local: Arc<OnceCell<bool>>,
    own: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    pub fn new(peer: SocketAddr, own: SocketAddr) -> Ends {
        Ends { is_local: Arc::default(), own: canonical(own), peer: canonical(peer) }
    }

    /// The port that the peer has connected to.
    pub const fn port(&self) -> u16 {
        self.own.port()
    }

    /// Whether the peer is proved to be local.
    pub async fn are_local(&self) -> bool {
        let (peer, own) = (self.peer, self.own);
        *self
            .is_local
            .get_or_init(|| async move {
                peer.ip().is_loopback()
                    && own.ip().is_loopback()
                    && tokio::task::spawn_blocking(move || is_proved(peer, own)).await.unwrap_or(false)
            })
            .await
    }
}

/// IPv4 addresses never in the form of IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether this operating system can prove it.
pub const IS_POSSIBLE: bool = cfg!(target_os = "linux");

#[cfg(not(target_os = "linux"))]
fn is_proved(_peer: SocketAddr, _own: SocketAddr) -> bool {
    false
}

/// Logs each connection without a proof: operators read there why a sender needs a token.
#[cfg(target_os = "linux")]
fn is_proved(peer: SocketAddr, own: SocketAddr) -> bool {
    match linux::proof(peer, own) {
        Ok(Ok(())) => true,
        Ok(Err(reason)) => {
            tracing::info!(%peer, reason, "a connection from this machine needs a credential");
            false
        }
        Err(error) => {
            tracing::warn!(%peer, %error, "the operating system does not say who connects: a credential is needed");
            false
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::canonical;
    use procfs::ProcResult;
    use procfs::net::{TcpNetEntry, TcpState};
    use procfs::process::{FDTarget, Process, all_processes};
    use std::collections::HashSet;
    use std::net::SocketAddr;

    /// Nothing if the peer is local, or why that is not proved.
    pub(super) fn proof(peer: SocketAddr, own: SocketAddr) -> ProcResult<Result<(), &'static str>> {
        let table: Vec<TcpNetEntry> =
            procfs::net::tcp()?.into_iter().chain(procfs::net::tcp6().unwrap_or_default()).collect();
        let ends =
            |entry: &&TcpNetEntry| canonical(entry.local_address) == peer && canonical(entry.remote_address) == own;
        let Some(socket) = table.iter().find(ends) else { return Ok(Err("its socket is not of this machine")) };
        if socket.inode == 0 {
            return Ok(Err("its program has closed it"));
        }
        if socket.uid != Process::myself()?.uid()? {
            return Ok(Err("its program runs as another user"));
        }
        // Sockets on which connections from other machines are taken, and those connections themselves: a forwarder may hand each to
        // a process of its own.
        let is_exposed = |entry: &&TcpNetEntry| {
            entry.state == TcpState::Listen && !canonical(entry.local_address).ip().is_loopback()
        };
        let ports: HashSet<u16> = table.iter().filter(is_exposed).map(|entry| entry.local_address.port()).collect();
        let exposed: HashSet<u64> =
            table.iter().filter(|entry| ports.contains(&entry.local_address.port())).map(|entry| entry.inode).collect();
        let mut is_held = false;
        for process in all_processes()? {
            // Processes of other users cannot be looked at, unless the server is root; those that have just ended neither.
            let Ok(sockets) = process.and_then(|process| sockets(&process)) else { continue };
            if sockets.contains(&socket.inode) {
                if !sockets.is_disjoint(&exposed) {
                    return Ok(Err("its program listens to other machines"));
                }
                is_held = true;
            }
        }
        Ok(if is_held { Ok(()) } else { Err("its program cannot be found") })
    }

    fn sockets(process: &Process) -> ProcResult<HashSet<u64>> {
        let files = process.fd()?.filter_map(Result::ok);
        Ok(files
            .filter_map(|file| if let FDTarget::Socket(inode) = file.target { Some(inode) } else { None })
            .collect())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    /// The ends of a connection of this process to itself, on an address.
    fn connected(address: &str) -> (TcpStream, TcpStream, Ends) {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let ends = Ends::new(peer, server.local_addr().unwrap());
        (client, server, ends)
    }

    #[tokio::test]
    async fn a_program_of_the_same_user_is_local_until_it_listens_to_other_machines() {
        for address in ["127.0.0.1", "::1"] {
            let (_client, _server, ends) = connected(address);
            assert!(ends.are_local().await, "{address}");
        }
        let _exposed = TcpListener::bind("0.0.0.0:0").unwrap();
        let (_client, _server, ends) = connected("127.0.0.1");
        assert!(!ends.are_local().await);
    }

    #[tokio::test]
    async fn a_connection_that_the_system_does_not_know_proves_nothing() {
        let (client, server, _) = connected("127.0.0.1");
        let other = SocketAddr::new(client.local_addr().unwrap().ip(), 1);
        assert!(!Ends::new(other, server.local_addr().unwrap()).are_local().await);
        let elsewhere: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        assert!(!Ends::new(elsewhere, server.local_addr().unwrap()).are_local().await);
    }
}

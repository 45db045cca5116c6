//! Proves that a connection comes from a person or program of this machine, by what the operating system says of the socket at its
//! other end. Nothing that a request says can prove it: a proxy on this machine passes on what the whole internet asks for.
//!
//! A peer is local if its socket belongs to the server's own user, and no process that holds the socket takes what other machines send.
//! A process does that if it listens on an address that other machines reach, if it answers a connection to such an address, if it has a
//! connection or a UDP socket on a port that programs do not dial from, or if it lives in another network than the server. A proxy is found
//! so even where it runs as the same user. Where the operating system does not say, nothing is proved, and a credential is needed.

use crate::server::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// How often listeners are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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

/// Remembers each port that other machines reach, until an account exists: a forwarder may stop listening as soon as somebody has connected.
pub async fn watch(store: Arc<dyn Store>, stop: CancellationToken) {
    while IS_POSSIBLE && !store.has_people().await.unwrap_or(false) {
        #[cfg(target_os = "linux")]
        let _ = tokio::task::spawn_blocking(linux::remember_listeners).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether this operating system can prove it.
pub const IS_POSSIBLE: bool = cfg!(target_os = "linux");

#[cfg(not(target_os = "linux"))]
fn is_proved(_peer: SocketAddr, _own: SocketAddr) -> bool {
    false
}

/// How often the program of a connection is looked for.
#[cfg(target_os = "linux")]
const LOOKS: usize = 4;
/// The pause between two looks.
#[cfg(target_os = "linux")]
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Logs each connection without a proof: operators read there why a sender needs a token.
#[cfg(target_os = "linux")]
fn is_proved(peer: SocketAddr, own: SocketAddr) -> bool {
    let mut proof = linux::proof(peer, own);
    // A program that opens and closes files meanwhile can be missed by one look. A browser asks for names by UDP from any port, for a
    // moment; what a forwarder takes by UDP stays open as long as it forwards.
    for _ in 1..LOOKS {
        if !matches!(proof, Ok(Err(linux::NOT_FOUND | linux::TAKES_UDP))) {
            break;
        }
        std::thread::sleep(BETWEEN_LOOKS);
        proof = linux::proof(peer, own);
    }
    match proof {
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
    use procfs::net::{TcpNetEntry, TcpState};
    use procfs::process::{FDTarget, Process, all_processes};
    use procfs::{ProcError, ProcResult};
    use std::collections::{BTreeSet, HashSet};
    use std::ffi::OsStr;
    use std::net::SocketAddr;
    use std::ops::RangeInclusive;
    use std::sync::{Mutex, PoisonError};

    /// Ports of UDP that browsers open to find devices nearby: mDNS and SSDP.
    const DISCOVERY: [u16; 2] = [1900, 5353];

    /// Ports on which somebody has listened to other machines since the server started.
    static REMEMBERED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

    /// Its program has a socket of UDP on which other machines can begin.
    pub(super) const TAKES_UDP: &str = "its program takes UDP from other machines";
    /// No program that can be looked at holds the socket.
    pub(super) const NOT_FOUND: &str = "its program cannot be found";

    /// Nothing if the peer is local, or why that is not proved.
    pub(super) fn proof(peer: SocketAddr, own: SocketAddr) -> ProcResult<Result<(), &'static str>> {
        let table = connections()?;
        let ends =
            |entry: &&TcpNetEntry| canonical(entry.local_address) == peer && canonical(entry.remote_address) == own;
        let Some(socket) = table.iter().find(ends) else { return Ok(Err("its socket is not of this machine")) };
        if socket.inode == 0 {
            return Ok(Err("its program has closed it"));
        }
        let server = Process::myself()?;
        if socket.uid != server.uid()? {
            return Ok(Err("its program runs as another user"));
        }
        let network = network_of(&server)?;
        let dialled = dialled_from()?;
        remember(&table);
        let (listening, accepted) = (listening(&table), accepted(&table, &dialled));
        let received = received(&dialled)?;
        let mut is_held = false;
        for process in all_processes()? {
            // Processes of other users cannot be looked at, unless the server is root; those that have just ended neither.
            let Ok(process) = process else { continue };
            let Ok(sockets) = sockets(&process) else { continue };
            if !sockets.contains(&socket.inode) {
                continue;
            }
            if !sockets.is_disjoint(&listening) {
                return Ok(Err("its program listens to other machines"));
            }
            if !sockets.is_disjoint(&accepted) {
                return Ok(Err("its program answers another machine"));
            }
            if !sockets.is_disjoint(&received) {
                return Ok(Err(TAKES_UDP));
            }
            if network_of(&process)? != network {
                return Ok(Err("its program lives in another network"));
            }
            is_held = true;
        }
        Ok(if is_held { Ok(()) } else { Err(NOT_FOUND) })
    }

    /// Remembers the ports on which somebody listens to other machines now.
    pub(super) fn remember_listeners() {
        if let Ok(table) = connections() {
            remember(&table);
        }
    }

    fn connections() -> ProcResult<Vec<TcpNetEntry>> {
        Ok(procfs::net::tcp()?.into_iter().chain(procfs::net::tcp6().unwrap_or_default()).collect())
    }

    fn is_reached(address: SocketAddr) -> bool {
        !canonical(address).ip().is_loopback()
    }

    fn is_listener(entry: &TcpNetEntry) -> bool {
        entry.state == TcpState::Listen && is_reached(entry.local_address)
    }

    fn remember(table: &[TcpNetEntry]) {
        let mut remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
        for port in table.iter().filter(|entry| is_listener(entry)).map(|entry| entry.local_address.port()) {
            if remembered.insert(port) {
                tracing::debug!(port, "other machines reach a port of this machine");
            }
        }
    }

    /// Sockets on which connections from other machines are taken, and those connections themselves: a forwarder may hand each to a
    /// process of its own.
    fn listening(table: &[TcpNetEntry]) -> HashSet<u64> {
        let ports: HashSet<u16> =
            table.iter().filter(|entry| is_listener(entry)).map(|entry| entry.local_address.port()).collect();
        table.iter().filter(|entry| ports.contains(&entry.local_address.port())).map(|entry| entry.inode).collect()
    }

    /// Connections that another machine has begun, though nobody listens any more: on a port that was listened on, or on one that no
    /// program gets by connecting.
    fn accepted(table: &[TcpNetEntry], dialled: &RangeInclusive<u16>) -> HashSet<u64> {
        let remembered = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_accepted = |entry: &&TcpNetEntry| {
            let port = entry.local_address.port();
            is_reached(entry.local_address) && (remembered.contains(&port) || !dialled.contains(&port))
        };
        table.iter().filter(is_accepted).map(|entry| entry.inode).collect()
    }

    /// Sockets of UDP on which other machines can begin.
    fn received(dialled: &RangeInclusive<u16>) -> ProcResult<HashSet<u64>> {
        let table = procfs::net::udp()?.into_iter().chain(procfs::net::udp6().unwrap_or_default());
        let is_received = |address: SocketAddr| {
            is_reached(address) && !dialled.contains(&address.port()) && !DISCOVERY.contains(&address.port())
        };
        Ok(table.filter(|entry| is_received(entry.local_address)).map(|entry| entry.inode).collect())
    }

    /// The ports that the system gives to programs that connect without choosing one.
    fn dialled_from() -> ProcResult<RangeInclusive<u16>> {
        let path = "/proc/sys/net/ipv4/ip_local_port_range";
        let text = std::fs::read_to_string(path).map_err(|error| ProcError::Io(error, Some(path.into())))?;
        let mut ends = text.split_whitespace().map(str::parse::<u16>);
        match (ends.next(), ends.next()) {
            (Some(Ok(first)), Some(Ok(last))) => Ok(first..=last),
            _ => Err(ProcError::Other(format!("{path} holds no range of ports"))),
        }
    }

    /// What tells the network of a process from others.
    fn network_of(process: &Process) -> ProcResult<Option<(u64, u64)>> {
        let all = process.namespaces()?.0;
        Ok(all.get(OsStr::new("net")).map(|network| (network.device_id, network.identifier)))
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

//! Proves that a connection comes from a person or program of this machine, by what the operating system says of the socket at its
//! other end. Nothing that a request says can prove it: a proxy on this machine passes on what the whole internet asks for.
//!
//! A peer is local if its socket belongs to the server's own user, and no process that holds the socket takes what other machines send.
//! A process does that if it listens on an address that other machines reach, if it answers a connection to such an address, if it has a
//! connection or a UDP socket on a port that programs do not dial from, or if a thread of it lives in another network than the server. A
//! proxy is found so even where it runs as the same user. A socket that the server's network does not know is not trusted either, nor one of
//! a kind that no browser needs. Where the operating system does not say, nothing is proved, and a credential is needed.
//!
//! A proof is good for a second: a program can begin to listen after it has connected.

#[cfg(target_os = "linux")]
mod linux;

use crate::server::clock;
use crate::server::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How often listeners are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a proof holds. A request that comes later is looked at again.
const PROOF_HOLDS: Duration = Duration::from_secs(1);

/// The pauses before further looks, if what was found can be over in a moment: a program that opens and closes files meanwhile is missed by
/// one look, a socket is in no table until it is bound or connected, and a browser asks for names by UDP from any port. What a forwarder
/// takes stays open as long as it forwards.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(50), Duration::from_millis(50)];

/// The two ends of a connection, as an extension of its requests. What is found out about the peer is remembered for a second.
#[derive(Clone, Debug)]
pub struct Ends {
    newest: Arc<Mutex<Option<Finding>>>,
    began: Instant,
    own: SocketAddr,
    peer: SocketAddr,
}

/// The same connection, regardless of what was found out about it.
impl PartialEq for Ends {
    fn eq(&self, other: &Ends) -> bool {
        Arc::ptr_eq(&self.newest, &other.newest)
    }
}

impl Eq for Ends {}

/// What the operating system said of a peer.
#[derive(Clone, Copy, Debug)]
struct Finding {
    /// When the look began that found it.
    at: Instant,
    /// Why a credential is needed; nothing if the peer is local.
    refused: Option<Refusal>,
}

/// Why it is not proved that a peer is local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    reason: &'static str,
    /// Whether another look can find otherwise.
    may_pass: bool,
}

impl Refusal {
    const fn lasting(reason: &'static str) -> Refusal {
        Refusal { reason, may_pass: false }
    }

    const fn passing(reason: &'static str) -> Refusal {
        Refusal { reason, may_pass: true }
    }
}

impl Ends {
    pub fn new(peer: SocketAddr, own: SocketAddr) -> Ends {
        Ends { newest: Arc::default(), began: clock::instant(), own: canonical(own), peer: canonical(peer) }
    }

    /// The port that the peer has connected to.
    pub const fn port(&self) -> u16 {
        self.own.port()
    }

    /// Whether the peer is proved to be local, by a look that is at most a second old.
    pub async fn are_local(&self) -> bool {
        if !self.peer.ip().is_loopback() || !self.own.ip().is_loopback() {
            return false;
        }
        let mut newest = self.newest.lock().await;
        let before = *newest;
        let finding = match before {
            Some(finding) if finding.at.elapsed() < PROOF_HOLDS => finding,
            _ => self.find_out(before).await,
        };
        *newest = Some(finding);
        finding.refused.is_none()
    }

    /// Logs why there is no proof: operators read there why a sender needs a token.
    async fn find_out(&self, before: Option<Finding>) -> Finding {
        // Looks are shared between connections: one that began after this one is as good as an own one for a second.
        let now = clock::instant();
        let after = now.checked_sub(PROOF_HOLDS).map_or(self.began, |then| then.max(self.began));
        let mut finding = self.looked(after).await;
        // A connection that was refused is looked at one single time, so that nobody keeps the server busy with it.
        let was_refused = before.is_some_and(|before| before.refused.is_some());
        for pause in PAUSES {
            if was_refused || !finding.refused.is_some_and(|refusal| refusal.may_pass) {
                break;
            }
            tokio::time::sleep(pause).await;
            finding = self.looked(clock::instant()).await;
        }
        if let Some(Refusal { reason, .. }) = finding.refused
            && before.is_none_or(|before| before.refused != finding.refused)
        {
            tracing::info!(peer = %self.peer, reason, "a connection from this machine needs a credential");
        }
        finding
    }

    /// What a look finds that began after this.
    async fn looked(&self, after: Instant) -> Finding {
        let (peer, own) = (self.peer, self.own);
        tokio::task::spawn_blocking(move || look(peer, own, after))
            .await
            .unwrap_or(Finding { at: after, refused: Some(Refusal::lasting("the look has failed")) })
    }
}

/// IPv4 addresses never in the form of IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Remembers each port that other machines reach, and each connection of this machine, until an account exists: a forwarder may stop
/// listening as soon as somebody has connected, and a browser may keep a connection that has broken.
pub async fn watch(store: Arc<dyn Store>, stop: CancellationToken) {
    while IS_POSSIBLE && !store.has_people().await.unwrap_or(false) {
        #[cfg(target_os = "linux")]
        let _ = tokio::task::spawn_blocking(linux::remember_now).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Whether this operating system can prove it.
pub const IS_POSSIBLE: bool = cfg!(target_os = "linux");

#[cfg(not(target_os = "linux"))]
fn look(_peer: SocketAddr, _own: SocketAddr, after: Instant) -> Finding {
    Finding { at: after, refused: Some(Refusal::lasting("this operating system does not say whose a connection is")) }
}

#[cfg(target_os = "linux")]
fn look(peer: SocketAddr, own: SocketAddr, after: Instant) -> Finding {
    match linux::look(after).and_then(|look| Ok((look.began, look.refusal(peer, own)?))) {
        Ok((at, refused)) => Finding { at, refused },
        Err(error) => {
            tracing::warn!(%peer, %error, "the operating system does not say who connects: a credential is needed");
            Finding { at: after, refused: Some(Refusal::lasting("the operating system does not say who connects")) }
        }
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

    #[tokio::test]
    async fn a_proof_does_not_outlive_the_second_in_which_a_program_begins_to_listen() {
        let (_client, _server, ends) = connected("127.0.0.1");
        assert!(ends.are_local().await);
        let _exposed = TcpListener::bind("0.0.0.0:0").unwrap();
        tokio::time::sleep(PROOF_HOLDS).await;
        assert!(!ends.are_local().await);
    }
}

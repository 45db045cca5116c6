//! What Linux says of the sockets of this machine, and of the programs that hold them.

use super::{Refusal, canonical};
use crate::server::clock;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::Process;
use procfs::{ProcError, ProcResult};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Ports of UDP that browsers open to find devices nearby: mDNS and SSDP.
const DISCOVERY: [u16; 2] = [1900, 5353];

/// Protocols of netlink in which only the system itself answers: routes, the diagnosis of sockets, devices that come and go.
const ABOUT_THIS_MACHINE: [&str; 3] = ["0", "4", "15"];

/// Devices through which a program is a network of its own.
const DEVICES: [&str; 3] = ["/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vsock"];

/// How many sockets are remembered, the newest.
const MOST_SOCKETS: usize = 65_536;

/// No program that can be looked at holds the socket.
const NOT_FOUND: Refusal = Refusal::passing("its program cannot be found");
/// A socket of another network, or one that reaches this machine in another way.
const UNKNOWN: Refusal = Refusal::passing("its program holds a socket that other machines might reach");
const HIDDEN: Refusal = Refusal::passing("its program holds files that cannot be looked at");
const TAKES_UDP: Refusal = Refusal::passing("its program takes UDP from other machines");
const LISTENS: Refusal = Refusal::lasting("its program listens to other machines");
const ANSWERS: Refusal = Refusal::lasting("its program answers another machine");
const DEVICE: Refusal = Refusal::lasting("its program holds a network device");
const ELSEWHERE: Refusal = Refusal::lasting("its program lives in another network");

/// All that the server has seen since it started.
#[derive(Default)]
struct Remembered {
    /// Ports on which somebody has listened to other machines.
    ports: BTreeSet<u16>,
    /// Sockets of TCP in the server's network. One that is in no table any more has broken, and belongs to this network still.
    sockets: BTreeSet<u64>,
}

static REMEMBERED: Mutex<Remembered> = Mutex::new(Remembered { ports: BTreeSet::new(), sockets: BTreeSet::new() });

/// The newest look. A connection that needs one waits for the one that is under way.
static NEWEST: Mutex<Option<Arc<Look>>> = Mutex::new(None);

/// Sockets and programs of this machine at a moment.
pub(super) struct Look {
    pub(super) began: Instant,
    user: u32,
    network: PathBuf,
    /// Connections of this machine to itself, by their two ends: the socket at the first end, and its user.
    connections: HashMap<(SocketAddr, SocketAddr), (u64, u32)>,
    /// The processes that hold these sockets.
    holders: HashMap<u64, Vec<String>>,
    sockets: Sockets,
    /// The finding about each process; nothing if it has ended.
    found: Mutex<HashMap<String, Option<Result<(), Refusal>>>>,
}

/// The newest look that began after this, or a new one.
pub(super) fn look(after: Instant) -> ProcResult<Arc<Look>> {
    let mut newest = locked(&NEWEST);
    if let Some(look) = newest.as_ref().filter(|look| look.began >= after) {
        return Ok(look.clone());
    }
    let look = Arc::new(Look::new()?);
    *newest = Some(look.clone());
    Ok(look)
}

/// Remembers the ports on which somebody listens to other machines now, and the connections.
pub(super) fn remember_now() {
    if let Ok(table) = connections() {
        remember(&table);
    }
}

impl Look {
    fn new() -> ProcResult<Look> {
        let began = clock::instant();
        let table = connections()?;
        remember(&table);
        let is_within = |entry: &&TcpNetEntry| !is_reached(entry.local_address) && !is_reached(entry.remote_address);
        let ends = |entry: &TcpNetEntry| {
            ((canonical(entry.local_address), canonical(entry.remote_address)), (entry.inode, entry.uid))
        };
        let connections: HashMap<_, _> = table.iter().filter(is_within).map(ends).collect();
        let wanted: HashSet<u64> = connections.values().map(|(socket, _)| *socket).collect();
        Ok(Look {
            began,
            user: Process::myself()?.uid()?,
            network: std::fs::read_link("/proc/self/ns/net")?,
            holders: holders(&wanted)?,
            connections,
            sockets: Sockets::new(&table)?,
            found: Mutex::default(),
        })
    }

    /// Nothing if the peer is local, or why that is not proved.
    pub(super) fn refusal(&self, peer: SocketAddr, own: SocketAddr) -> ProcResult<Option<Refusal>> {
        let Some((socket, user)) = self.connections.get(&(peer, own)) else {
            return Ok(Some(Refusal::lasting("its socket is not of this machine")));
        };
        if *socket == 0 {
            return Ok(Some(Refusal::lasting("its program has closed it")));
        }
        if *user != self.user {
            return Ok(Some(Refusal::lasting("its program runs as another user")));
        }
        let mut is_held = false;
        for process in self.holders.get(socket).into_iter().flatten() {
            let known = locked(&self.found).get(process).copied();
            let found = match known {
                Some(found) => found,
                None => self.looked_at(process)?,
            };
            locked(&self.found).insert(process.clone(), found);
            match found {
                Some(Err(refusal)) => return Ok(Some(refusal)),
                Some(Ok(())) => is_held = true,
                None => {}
            }
        }
        Ok((!is_held).then_some(NOT_FOUND))
    }

    /// Looks at each thread of a process: one may have files of its own, or live in another network. Nothing if all have ended.
    fn looked_at(&self, process: &str) -> io::Result<Option<Result<(), Refusal>>> {
        let (mut known, mut is_there) = (HashSet::new(), false);
        for thread in or_ended(inside(format!("/proc/{process}/task")))?.unwrap_or_default() {
            match or_ended(self.thread_refusal(&thread, &mut known))? {
                Some(Some(refusal)) => return Ok(Some(Err(refusal))),
                Some(None) => is_there = true,
                None => {}
            }
        }
        Ok(is_there.then_some(Ok(())))
    }

    fn thread_refusal(&self, thread: &Path, known: &mut HashSet<u64>) -> io::Result<Option<Refusal>> {
        if std::fs::read_link(thread.join("ns/net"))? != self.network {
            return Ok(Some(ELSEWHERE));
        }
        for file in inside(thread.join("fd"))? {
            let Some(target) = or_ended(std::fs::read_link(&file))? else { continue };
            let refusal = match socket_of(&target) {
                Some(socket) if known.contains(&socket) => None,
                Some(socket) => {
                    known.insert(socket);
                    self.sockets.refusal(socket, &file)
                }
                None if DEVICES.iter().any(|device| target == Path::new(device)) => Some(DEVICE),
                None if target == Path::new("anon_inode:[io_uring]") => (!has_no_files(&file)).then_some(HIDDEN),
                None => None,
            };
            if refusal.is_some() {
                return Ok(refusal);
            }
        }
        Ok(None)
    }
}

/// The sockets in the tables of the server's network.
struct Sockets {
    listening: HashSet<u64>,
    accepted: HashSet<u64>,
    received: HashSet<u64>,
    /// All others that carry nothing of other machines.
    harmless: HashSet<u64>,
}

impl Sockets {
    fn new(table: &[TcpNetEntry]) -> ProcResult<Sockets> {
        let dialled = dialled_from()?;
        let of_udp: Vec<_> = procfs::net::udp()?.into_iter().chain(procfs::net::udp6().unwrap_or_default()).collect();
        let is_received = |address: SocketAddr| {
            is_reached(address) && !dialled.contains(&address.port()) && !DISCOVERY.contains(&address.port())
        };
        // A relay can connect its socket to the first sender, so that being connected proves nothing; only a browser's look-up passes.
        let servers = name_servers();
        let is_look_up = |remote: SocketAddr| remote.port() == 53 && servers.contains(&remote.ip().to_canonical());
        let received = of_udp
            .iter()
            .filter(|entry| is_received(entry.local_address) && !is_look_up(entry.remote_address))
            .map(|entry| entry.inode);
        let harmless = table.iter().map(|entry| entry.inode).chain(of_udp.iter().map(|entry| entry.inode));
        Ok(Sockets {
            listening: listening(table),
            accepted: accepted(table, &dialled),
            received: received.collect(),
            harmless: harmless.chain(of_netlink()?).collect(),
        })
    }

    /// Why a program that holds this socket is not local; `file` leads to the socket.
    fn refusal(&self, socket: u64, file: &Path) -> Option<Refusal> {
        if self.listening.contains(&socket) {
            Some(LISTENS)
        } else if self.accepted.contains(&socket) {
            Some(ANSWERS)
        } else if self.received.contains(&socket) {
            Some(TAKES_UDP)
        } else if self.harmless.contains(&socket) || is_within_the_machine(socket, file) {
            None
        } else {
            Some(UNKNOWN)
        }
    }
}

/// Whether a socket that is in no table is a Unix socket, as browsers have some from the networks of their sandboxes, or a connection of
/// this network that has broken.
fn is_within_the_machine(socket: u64, file: &Path) -> bool {
    let mut name = [0_u8; 32];
    let Ok(length) = rustix::fs::getxattr(file, "system.sockprotoname", &mut name) else { return false };
    let name = name.get(..length).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
    // The number may lead to another file meanwhile.
    let is_the_same = || std::fs::read_link(file).is_ok_and(|target| socket_of(&target) == Some(socket));
    match name {
        b"UNIX" | b"UNIX-STREAM" => is_the_same(),
        b"TCP" | b"TCPv6" => locked(&REMEMBERED).sockets.contains(&socket) && is_the_same(),
        _ => false,
    }
}

/// Whether no file is kept in a queue of `io_uring`, where it has no number.
fn has_no_files(file: &Path) -> bool {
    let (Some(thread), Some(number)) = (file.parent().and_then(Path::parent), file.file_name()) else { return false };
    let text = std::fs::read_to_string(thread.join("fdinfo").join(number)).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("UserFiles:")).any(|count| count.trim() == "0")
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
    let mut remembered = locked(&REMEMBERED);
    for port in table.iter().filter(|entry| is_listener(entry)).map(|entry| entry.local_address.port()) {
        if remembered.ports.insert(port) {
            tracing::debug!(port, "other machines reach a port of this machine");
        }
    }
    remembered.sockets.extend(table.iter().map(|entry| entry.inode));
    while remembered.sockets.len() > MOST_SOCKETS {
        remembered.sockets.pop_first();
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
    let remembered = locked(&REMEMBERED);
    let is_accepted = |entry: &&TcpNetEntry| {
        let port = entry.local_address.port();
        is_reached(entry.local_address) && (remembered.ports.contains(&port) || !dialled.contains(&port))
    };
    table.iter().filter(is_accepted).map(|entry| entry.inode).collect()
}

/// Sockets of netlink in which only the system answers.
fn of_netlink() -> io::Result<Vec<u64>> {
    let text = std::fs::read_to_string("/proc/self/net/netlink")?;
    let columns = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let harmless = columns.filter(|columns| columns.get(1).is_some_and(|kind| ABOUT_THIS_MACHINE.contains(kind)));
    Ok(harmless.filter_map(|columns| columns.get(9)?.parse().ok()).collect())
}

/// The servers that this machine asks for names. A socket that is connected to one of them takes nothing from other machines.
fn name_servers() -> HashSet<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    named.filter_map(|name| name.trim().split('%').next()?.parse().ok()).collect()
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

/// The processes that hold each of these sockets. Those of other users cannot be looked at, unless the server is root; those that have just
/// ended neither.
fn holders(wanted: &HashSet<u64>) -> io::Result<HashMap<u64, Vec<String>>> {
    let mut holders: HashMap<u64, Vec<String>> = HashMap::new();
    for process in inside("/proc")? {
        let Some(name) = process.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        let files = inside(process.join("fd")).unwrap_or_default();
        let targets = files.iter().filter_map(|file| std::fs::read_link(file).ok());
        let held: HashSet<u64> = targets.filter_map(|target| socket_of(&target)).collect();
        for socket in held.intersection(wanted) {
            holders.entry(*socket).or_default().push(name.to_owned());
        }
    }
    Ok(holders)
}

/// The number of the socket that a file leads to.
fn socket_of(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// What a folder holds.
fn inside(folder: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Nothing where a process, thread or file has ended meanwhile.
fn or_ended<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

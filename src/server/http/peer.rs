//! Owns who a request comes from: the address at the other end, and whether it came over HTTPS. What a proxy says of it counts
//! only where the connection comes from a proxy that the settings trust. Must not know what is done with it.
//!
//! A trusted proxy is believed as follows. `X-Forwarded-For` and `X-Forwarded-Proto` win: where either is there, `Forwarded`
//! (RFC 7239) is not read. Proxies that set the former pass the latter on as the client wrote it; a proxy that speaks
//! `Forwarded` only must therefore drop the two. Addresses are read from the right, where the nearest proxy wrote, and the
//! first that is no trusted proxy is the peer's; what stands further left was written by the peer and is never looked at.
//! What cannot be read leaves the address of the connection itself.

use crate::server::config::Settings;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// For a year browsers ask this name over HTTPS only (RFC 6797). Names below it need not be this program's: they are meant where the
/// settings say so.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");
const STRICT_WITH_SUBDOMAINS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Who asks, as an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Never an IPv4 address in the form of IPv6.
    pub address: IpAddr,
    pub is_https: bool,
}

/// What this server itself knows of those who connect.
#[derive(Clone, Debug)]
pub struct Door {
    /// Whether names below this one are meant too where HTTPS is asked for.
    pub has_subdomains: bool,
    /// Whether this server speaks TLS itself.
    pub is_tls: bool,
    pub trusted: Arc<[IpNet]>,
}

impl Door {
    pub fn of(settings: &Settings) -> Door {
        Door {
            has_subdomains: settings.hsts_subdomains,
            is_tls: settings.tls.is_some(),
            trusted: settings.trusted_proxies.clone().into(),
        }
    }

    /// What tells browsers that came over HTTPS to stay there.
    pub fn strict_transport(&self, peer: Peer) -> Option<HeaderValue> {
        let strict = if self.has_subdomains { STRICT_WITH_SUBDOMAINS } else { STRICT };
        peer.is_https.then_some(strict)
    }
}

/// Says who the peer is, to all that follows too.
pub fn tell(door: &Door, request: &mut Request) -> Peer {
    // Served without its connections, as by a test in the same process, a request comes from nowhere.
    let connected = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    let peer = peer(door, connected, request.headers());
    request.extensions_mut().insert(peer);
    peer
}

fn peer(door: &Door, connected: IpAddr, headers: &HeaderMap) -> Peer {
    let connected = connected.to_canonical();
    let itself = Peer { address: connected, is_https: door.is_tls };
    let is_trusted = |address: &IpAddr| door.trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&connected) {
        return itself;
    }
    let hops = match (lines(headers, "x-forwarded-for"), lines(headers, "x-forwarded-proto")) {
        (None, None) => lines(headers, "forwarded").map(|text| forwarded(&text)).unwrap_or_default(),
        (addresses, schemes) => x_forwarded(&addresses.unwrap_or_default(), &schemes.unwrap_or_default()),
    };
    let mut found = itself;
    for hop in hops.iter().rev() {
        let Some(address) = hop.address else {
            // A proxy that says only how it was asked leaves the address as it is; one that cannot be read, too.
            return Peer { address: connected, is_https: hop.is_https.unwrap_or(itself.is_https) };
        };
        found = Peer { address, is_https: hop.is_https.unwrap_or(itself.is_https) };
        if !is_trusted(&address) {
            break;
        }
    }
    found
}

/// What a proxy says of who asked it. What it does not say, or what cannot be read, is `None`.
#[derive(Debug, Default)]
struct Hop {
    address: Option<IpAddr>,
    is_https: Option<bool>,
}

/// All lines of a header as one list. A line that is no text is kept as something that cannot be read: leaving it out would
/// move what stands left of it to the right.
fn lines(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?")).collect();
    if lines.is_empty() { None } else { Some(lines.join(",")) }
}

/// The hops of `X-Forwarded-For`, the scheme at the same place where each has one, else the right-most for all.
fn x_forwarded(addresses: &str, schemes: &str) -> Vec<Hop> {
    let addresses: Vec<Option<IpAddr>> = addresses.split(',').map(address).collect();
    let schemes: Vec<Option<bool>> = schemes.split(',').map(is_https).collect();
    let nearest = schemes.last().copied().flatten();
    let is_aligned = schemes.len() == addresses.len();
    let scheme = |place: usize| if is_aligned { schemes[place] } else { nearest };
    addresses.iter().enumerate().map(|(place, address)| Hop { address: *address, is_https: scheme(place) }).collect()
}

/// The hops of `Forwarded`.
fn forwarded(text: &str) -> Vec<Hop> {
    let hop = |element: &str| {
        let mut hop = Hop::default();
        for pair in element.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address(value),
                "proto" => hop.is_https = is_https(value),
                _ => {}
            }
        }
        hop
    };
    // No address and no scheme holds a comma or a semicolon; a quoted text that does is none of ours, and its pieces are
    // elements that cannot be read.
    text.split(',').map(hop).collect()
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`, each also in quotes.
fn address(text: &str) -> Option<IpAddr> {
    let text = unquoted(text);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn is_https(text: &str) -> Option<bool> {
    match unquoted(text).to_ascii_lowercase().as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

    /// The peer that is found, as `address scheme`, where the proxies of 10.0.0.0/8 and fd00::/8 are trusted.
    fn found(connected: &str, pairs: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let door = Door { has_subdomains: false, is_tls: false, trusted: trusted.into() };
        let peer = peer(&door, connected.parse().unwrap(), &headers);
        format!("{} {}", peer.address, if peer.is_https { "https" } else { "http" })
    }

    /// ASVS 4.1.3.
    #[test]
    fn nobody_but_a_trusted_proxy_says_who_the_peer_is() {
        for name in ["x-forwarded-for", "forwarded"] {
            let value = if name == "forwarded" { "for=1.1.1.1;proto=https" } else { "1.1.1.1" };
            let headers = [(name, value), ("x-forwarded-proto", "https")];
            assert_eq!(found("203.0.113.9", &headers), "203.0.113.9 http");
            assert_eq!(found("::ffff:203.0.113.9", &headers), "203.0.113.9 http");
            assert_eq!(found("127.0.0.1", &headers), "127.0.0.1 http");
        }
    }

    /// ASVS 15.3.4.
    #[test]
    fn a_proxy_s_list_is_read_from_the_right_up_to_the_first_that_is_no_proxy() {
        for (list, peer) in [
            ("203.0.113.9", "203.0.113.9 http"),
            ("6.6.6.6, 203.0.113.9", "203.0.113.9 http"),
            ("6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9 http"),
            ("6.6.6.6,203.0.113.9 , fd00::2", "203.0.113.9 http"),
            ("nonsense, 203.0.113.9", "203.0.113.9 http"),
            ("10.0.0.7, 10.0.0.2", "10.0.0.7 http"),
            ("::ffff:203.0.113.9", "203.0.113.9 http"),
            ("203.0.113.9:4711", "203.0.113.9 http"),
            ("2001:db8::1", "2001:db8::1 http"),
            ("[2001:db8::1]", "2001:db8::1 http"),
            ("[2001:db8::1]:4711", "2001:db8::1 http"),
            // What cannot be read leaves the connection's own address.
            ("", "10.0.0.1 http"),
            ("203.0.113.9, nonsense", "10.0.0.1 http"),
            ("203.0.113.9, ", "10.0.0.1 http"),
            ("203.0.113.9, nonsense, 10.0.0.2", "10.0.0.1 http"),
            ("203.0.113.9, fe80::1%eth0", "10.0.0.1 http"),
            ("203.0.113.9, é", "10.0.0.1 http"),
            ("203.0.113.9 6.6.6.6", "10.0.0.1 http"),
        ] {
            assert_eq!(found("10.0.0.1", &[("x-forwarded-for", list)]), peer, "{list}");
        }
        let two_lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(found("::ffff:10.0.0.1", &two_lines), "203.0.113.9 http");
    }

    #[test]
    fn the_scheme_is_that_of_the_same_place_or_the_nearest() {
        for (addresses, schemes, peer) in [
            ("203.0.113.9", "https", "203.0.113.9 https"),
            ("203.0.113.9", "HTTPS", "203.0.113.9 https"),
            ("203.0.113.9", "http", "203.0.113.9 http"),
            ("203.0.113.9", "wss", "203.0.113.9 http"),
            ("203.0.113.9, 10.0.0.2", "https", "203.0.113.9 https"),
            ("203.0.113.9, 10.0.0.2", "https, http", "203.0.113.9 https"),
            ("6.6.6.6, 203.0.113.9, 10.0.0.2", "https, http", "203.0.113.9 http"),
        ] {
            let headers = [("x-forwarded-for", addresses), ("x-forwarded-proto", schemes)];
            assert_eq!(found("10.0.0.1", &headers), peer, "{addresses} {schemes}");
        }
        assert_eq!(found("10.0.0.1", &[("x-forwarded-proto", "https")]), "10.0.0.1 https");
    }

    #[test]
    fn forwarded_is_read_where_the_older_headers_are_not_there() {
        for (value, peer) in [
            ("for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9 https"),
            ("For=\"[2001:db8::1]:4711\" ; Proto=http", "2001:db8::1 http"),
            ("for=6.6.6.6;proto=https, for=203.0.113.9;proto=http, for=10.0.0.2;proto=https", "203.0.113.9 http"),
            ("proto=https", "10.0.0.1 https"),
            ("for=unknown;proto=https", "10.0.0.1 https"),
            ("for=203.0.113.9, for=_hidden", "10.0.0.1 http"),
            ("for=203.0.113.9, for=\"a,b\"", "10.0.0.1 http"),
            ("203.0.113.9", "10.0.0.1 http"),
        ] {
            assert_eq!(found("10.0.0.1", &[("forwarded", value)]), peer, "{value}");
        }
        let written_by_the_client = ("forwarded", "for=6.6.6.6;proto=https");
        assert_eq!(found("10.0.0.1", &[written_by_the_client, ("x-forwarded-for", "203.0.113.9")]), "203.0.113.9 http");
        assert_eq!(found("10.0.0.1", &[written_by_the_client, ("x-forwarded-proto", "http")]), "10.0.0.1 http");
    }

    #[test]
    fn a_server_that_speaks_tls_itself_needs_nobody_to_say_so() {
        let door = Door { has_subdomains: false, is_tls: true, trusted: Arc::from([]) };
        let headers = HeaderMap::from_iter([(
            header::HeaderName::from_static("x-forwarded-proto"),
            HeaderValue::from_static("http"),
        )]);
        let peer = peer(&door, "203.0.113.9".parse().unwrap(), &headers);
        assert_eq!(peer, Peer { address: "203.0.113.9".parse().unwrap(), is_https: true });
    }
}

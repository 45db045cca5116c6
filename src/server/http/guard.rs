//! Owns what a request must be before it reaches anything: addressed to this server, not sent by a foreign page, of a
//! media type that is read, with a query that is known. Must not know what a request does.

use super::peer::Peer;
use super::{AppState, doors, openapi, problem};
use crate::error::{Code, WireError};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::Response;
use std::net::{Ipv6Addr, SocketAddr};

/// Lets a request through, or answers with the problem that it has.
pub fn check(state: &AppState, request: &mut Request) -> Result<(), Box<Response>> {
    let is_api = request.uri().path().starts_with("/api/");
    if is_api && request.method() == Method::GET {
        // A browser that opens an endpoint gets its JSON, not a redirect to where it came from.
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
    admit(state, request).map_err(|error| {
        let address = request.extensions().get::<Peer>().map(|peer| peer.address.to_string());
        tracing::info!(method = %request.method(), path = doors::template(request.uri().path()), address, problem = error.code_name(), "refused");
        Box::new(problem::response(&error))
    })
}

fn admit(state: &AppState, request: &Request) -> Result<(), WireError> {
    if is_probe(request) {
        return Ok(());
    }
    let host = host_of(request.headers(), request.uri())
        .ok_or_else(|| WireError::new(Code::ForeignHost, "The request names no host."))?;
    if !is_own_host(state, &host) {
        return Err(WireError::new(
            Code::ForeignHost,
            "The request is addressed to a name that this server does not know as its own. Add it with --allowed-host if it is.",
        ));
    }
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_https = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_https);
    if writes && !is_own_page(request.headers(), &host, is_https) {
        return Err(WireError::new(Code::ForeignOrigin, "A page of another origin sent this. Nothing was changed."));
    }
    let path = request.uri().path();
    if openapi::takes_a_body(request.method(), path) && !has_right_media_type(request.headers(), path) {
        return Err(WireError::new(
            Code::UnsupportedMediaType,
            "Send JSON, with the header Content-Type: application/json.",
        ));
    }
    if let Some(unknown) = openapi::unknown_parameter(request.method(), path, request.uri().query().unwrap_or("")) {
        return Err(WireError::new(Code::Malformed, format!("There is no parameter \"{unknown}\" here.")).at(unknown));
    }
    if let Some(empty) = openapi::empty_parameter(request.method(), path, request.uri().query().unwrap_or("")) {
        return Err(
            WireError::new(Code::OutOfRange, format!("{empty} has no value: give it one or leave it out.")).at(empty)
        );
    }
    Ok(())
}

/// Whether the request asks for the server's health. Kubernetes and load balancers ask by address, so any host gets an answer:
/// it holds nothing that a rebound name could read.
fn is_probe(request: &Request) -> bool {
    ["/healthz", "/readyz"].contains(&request.uri().path()) && matches!(*request.method(), Method::GET | Method::HEAD)
}

/// A host with its port, in the one form in which hosts are compared: host names have no case, a dot at the end changes nothing, and
/// an IPv6 address can be written in several ways.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    /// An IPv6 address has brackets.
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads a host with or without a port. Anything else is `None`.
    fn read(text: &str) -> Option<Host> {
        let name = name_of(text);
        let port = match &text[name.len()..] {
            "" => None,
            port => Some(port.strip_prefix(':')?.parse().ok()?),
        };
        if let Some(address) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            let address: Ipv6Addr = address.parse().ok()?;
            return Some(Host { name: format!("[{address}]"), port });
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.chars().all(|character| character.is_ascii_alphanumeric() || "-._".contains(character));
        is_name.then_some(Host { name, port })
    }

    /// The port that is meant under a scheme.
    fn port_under(&self, scheme: &str) -> Option<u16> {
        self.port.or(match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }

    /// The host as an address writes it: without the port that its scheme has anyway.
    fn under(&self, scheme: &str) -> String {
        let usual = Host { name: String::new(), port: None }.port_under(scheme);
        match self.port.filter(|port| Some(*port) != usual) {
            Some(port) => format!("{scheme}://{}:{port}", self.name),
            None => format!("{scheme}://{}", self.name),
        }
    }
}

/// The host that the request is addressed to, with its port where it has one. What is no host and port is none, and of two that differ neither
/// counts: a proxy in front may have read the other.
fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<Host> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, authority) = (hosts.next(), uri.authority().map(Authority::as_str));
    let named = match (host, authority) {
        (Some(_), _) if hosts.next().is_some() => return None,
        (Some(host), None) => host.to_str().ok()?,
        (Some(host), Some(authority)) => host.to_str().ok().filter(|host| authority.eq_ignore_ascii_case(host))?,
        (None, authority) => authority?,
    };
    Host::read(named)
}

/// This server's address as a request names it, such as `https://scaling.example`.
pub fn base_url(parts: &Parts) -> String {
    let is_https = parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_https);
    let scheme = if is_https { "https" } else { "http" };
    host_of(&parts.headers, &parts.uri).map_or_else(|| "http://localhost:3008".to_owned(), |host| host.under(scheme))
}

/// The name of a host without its port; an IPv6 address keeps its brackets.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &host[..end + 2],
        None => host.split(':').next().unwrap_or(host),
    }
}

/// A page that has had its name rebound to this machine still sends its own name.
fn is_own_host(state: &AppState, host: &Host) -> bool {
    let addr = state.settings.addr;
    LOOPBACK.contains(&host.name.as_str())
        || Host::read(&SocketAddr::new(addr.ip(), 0).to_string()).is_some_and(|own| own.name == host.name)
        || state
            .settings
            .allowed_hosts
            .iter()
            .any(|allowed| Host::read(allowed).is_some_and(|own| own.name == host.name))
}

/// Whether a request names this server as its host.
pub fn names_this_server(state: &AppState, headers: &HeaderMap, uri: &Uri) -> bool {
    host_of(headers, uri).is_some_and(|host| is_own_host(state, &host))
}

/// The names that mean this machine everywhere.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether a write comes from this server's own page, or from no page at all (scripts send neither header). Where the request is known to
/// have come by HTTPS, no page of plain HTTP is its own: anybody on the way can write one.
fn is_own_page(headers: &HeaderMap, host: &Host, is_https: bool) -> bool {
    let is_own_scheme = |scheme: &str| scheme == "https" || (scheme == "http" && !is_https);
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site");
    let same_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let same_origin = match text("origin") {
        None => true,
        // A page that sends no referrer sends no origin either. The browser itself says where it came from, and no page can change that.
        Some("null") => site == Some("same-origin"),
        Some(origin) => origin.split_once("://").is_some_and(|(scheme, authority)| {
            is_own_scheme(scheme)
                && Host::read(authority)
                    .is_some_and(|own| own.name == host.name && own.port_under(scheme) == host.port_under(scheme))
        }),
    };
    // A browser that says neither says at least which page it was on.
    let says_nothing = !headers.contains_key("origin") && site.is_none();
    let same_page = !says_nothing
        || text("referer").is_none_or(|page| {
            page.parse::<Uri>().is_ok_and(|page| {
                let scheme = page.scheme_str().unwrap_or_default().to_owned();
                page.authority()
                    .and_then(|authority| Host::read(authority.as_str()))
                    .is_some_and(|own| own.name == host.name && own.port_under(&scheme) == host.port_under(&scheme))
                    && is_own_scheme(&scheme)
            })
        });
    same_site && same_origin && same_page
}

/// Whether a request is addressed to this machine by a name that means it everywhere, and to the port that it came to.
pub fn is_this_machine(headers: &HeaderMap, uri: &Uri, port: Option<u16>) -> bool {
    host_of(headers, uri).is_some_and(|host| {
        LOOPBACK.contains(&host.name.as_str()) && (port.is_none() || host.port_under("http") == port)
    })
}

fn has_right_media_type(headers: &HeaderMap, path: &str) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase());
    if path.starts_with("/api/scaling-mode/forms/") {
        return media_type.as_deref() == Some("application/x-www-form-urlencoded");
    }
    media_type.is_some_and(|media_type| {
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_name_without_its_port() {
        for (host, name) in [
            ("localhost:3008", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:3008", "[::1]"),
            ("evil.example:3008", "evil.example"),
        ] {
            assert_eq!(name_of(host), name);
        }
    }

    #[test]
    fn a_host_is_a_name_and_a_port_and_nothing_else() {
        for (host, is_one) in [
            ("localhost:3008", true),
            ("[::1]:3008", true),
            ("scaling.example", true),
            ("Scaling.Example.:443", true),
            ("localhost:3008@evil.example", false),
            ("localhost:", false),
            ("localhost:443:443", false),
            ("[::1]x", false),
            (".", false),
            ("localhost:x", false),
            ("[::1", false),
            ("user@localhost", false),
            ("local host", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(host_of(&headers, &Uri::from_static("/")).is_some(), is_one, "{host}");
        }
    }

    #[test]
    fn of_two_hosts_that_differ_neither_counts() {
        let uri = |text: &'static str| Uri::from_static(text);
        let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost:3008"))]);
        assert_eq!(host_of(&headers, &uri("/")), Host::read("localhost:3008"));
        assert_eq!(host_of(&headers, &uri("http://LOCALHOST:3008/")), Host::read("localhost:3008"));
        assert_eq!(host_of(&headers, &uri("http://evil.example/")), None);
        assert_eq!(host_of(&HeaderMap::new(), &uri("http://localhost:3008/")), Host::read("localhost:3008"));
        headers.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(host_of(&headers, &uri("/")), None);
    }

    #[test]
    fn only_the_own_page_and_scripts_may_write() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            headers
        };
        let host = "localhost:3008";
        let host = &Host::read(host).unwrap();
        for (pairs, own) in [
            (&[][..], true),
            (&[("origin", "http://localhost:3008")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], true),
            (&[("origin", "null"), ("sec-fetch-site", "none")], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-site")], false),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")], false),
            (&[("origin", "http://LOCALHOST.:3008")], true),
            (&[("origin", "http://localhost:3008/")], false),
            (&[("origin", "http://localhost:9999")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("referer", "http://localhost:3008/founder/scaling-mode?environment=demo")], true),
            (&[("referer", "http://evil.example/")], false),
            (&[("referer", "http://localhost:3008@evil.example/")], false),
            (&[("referer", "nonsense")], false),
            // What browsers say by the other two is more exact.
            (&[("origin", "http://localhost:3008"), ("referer", "http://evil.example/")], true),
        ] {
            assert_eq!(is_own_page(&headers(pairs), host, false), own, "{pairs:?}");
        }
    }

    #[test]
    fn hosts_and_origins_are_compared_as_what_they_mean() {
        for (host, origin, own) in [
            ("app.example:443", "https://app.example", true),
            ("app.example", "https://app.example:443", true),
            ("app.example:80", "http://app.example", true),
            ("app.example", "http://app.example:80", true),
            ("App.Example.", "https://app.example", true),
            ("app.example", "https://APP.EXAMPLE.", true),
            ("[0:0:0:0:0:0:0:1]:3008", "http://[::1]:3008", true),
            ("[::1]", "http://[::1]:80", true),
            ("app.example:443", "http://app.example", false),
            ("app.example:80", "https://app.example", false),
            ("app.example:8443", "https://app.example", false),
            ("app.example:443", "https://app.example:8443", false),
            ("app.example", "https://app.example.evil", false),
            ("app.example", "https://evil.example", false),
            ("app.example", "https://app.example@evil.example", false),
            ("app.example", "ftp://app.example", false),
            ("app.example", "app.example", false),
            ("app.example", "", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
            let host = Host::read(host).unwrap();
            assert_eq!(is_own_page(&headers, &host, false), own, "{host:?}, {origin}");
            // What has come by HTTPS was not sent by a page of plain HTTP.
            let is_secure = origin.starts_with("https");
            assert_eq!(is_own_page(&headers, &host, true), own && is_secure, "{host:?}, {origin}");
            let page = HeaderMap::from_iter([(header::REFERER, HeaderValue::from_static(origin))]);
            assert!(is_secure || origin.is_empty() || !is_own_page(&page, &host, true), "{host:?}, {origin}");
        }
    }

    #[test]
    fn an_address_leaves_out_what_its_scheme_says() {
        for (host, scheme, address) in [
            ("App.Example.:443", "https", "https://app.example"),
            ("app.example:443", "http", "http://app.example:443"),
            ("app.example:80", "http", "http://app.example"),
            ("localhost:3008", "http", "http://localhost:3008"),
            ("[::1]:3008", "https", "https://[::1]:3008"),
        ] {
            assert_eq!(Host::read(host).unwrap().under(scheme), address);
        }
    }

    #[test]
    fn only_the_probes_answer_to_any_host() {
        for (method, path, is_one) in [
            (Method::GET, "/healthz", true),
            (Method::HEAD, "/readyz", true),
            (Method::POST, "/healthz", false),
            (Method::GET, "/readyz/", false),
            (Method::GET, "/metrics", false),
            (Method::GET, "/api/openapi.json", false),
        ] {
            let request = Request::builder().method(&method).uri(path).body(axum::body::Body::empty()).unwrap();
            assert_eq!(is_probe(&request), is_one, "{method} {path}");
        }
    }
}

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
    let host = host_of(request.headers(), request.uri())
        .ok_or_else(|| WireError::new(Code::ForeignHost, "The request names no host."))?;
    if !is_own_host(state, host) {
        return Err(WireError::new(
            Code::ForeignHost,
            "The request is addressed to a name that this server does not know as its own. Add it with --allowed-host if it is.",
        ));
    }
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if writes && !is_own_page(request.headers(), host) {
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

/// The host that the request is addressed to, with its port where it has one. What is no host and port is none, and of two that differ neither
/// counts: a proxy in front may have read the other.
fn host_of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, authority) = (hosts.next(), uri.authority().map(Authority::as_str));
    let named = match (host, authority) {
        (Some(_), _) if hosts.next().is_some() => return None,
        (Some(host), None) => host.to_str().ok()?,
        (Some(host), Some(authority)) => host.to_str().ok().filter(|host| authority.eq_ignore_ascii_case(host))?,
        (None, authority) => authority?,
    };
    let name = name_of(named);
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "-._".contains(character))
    };
    let is_host = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(name),
    };
    let is_port = match &named[name.len()..] {
        "" => true,
        port => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
    };
    (is_host && is_port).then_some(named)
}

/// This server's address as a request names it, such as `https://scaling.example`.
pub fn base_url(parts: &Parts) -> String {
    let host = host_of(&parts.headers, &parts.uri).unwrap_or("localhost:3008");
    let is_https = parts.extensions.get::<Peer>().is_some_and(|peer| peer.is_https);
    format!("{}://{host}", if is_https { "https" } else { "http" })
}

/// The name of a host without its port; an IPv6 address keeps its brackets.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &host[..end + 2],
        None => host.split(':').next().unwrap_or(host),
    }
}

/// A page that has had its name rebound to this machine still sends its own name.
fn is_own_host(state: &AppState, host: &str) -> bool {
    let name = name_of(host);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
        || name == state.settings.addr.ip().to_string()
        || state.settings.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

/// Whether a write comes from this server's own page, or from no page at all (scripts send neither header).
fn is_own_page(headers: &HeaderMap, host: &str) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let same_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let same_origin = text("origin").is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && authority.eq_ignore_ascii_case(host)
        })
    });
    // A browser that says neither says at least which page it was on.
    let says_nothing = !headers.contains_key("origin") && !headers.contains_key("sec-fetch-site");
    let same_page = !says_nothing
        || text("referer").is_none_or(|page| {
            page.parse::<Uri>().is_ok_and(|page| {
                page.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
            })
        });
    same_site && same_origin && same_page
}

/// Whether a request is addressed to this machine by a name that means it everywhere, and to the port that it came to.
pub fn is_this_machine(headers: &HeaderMap, uri: &Uri, port: Option<u16>) -> bool {
    host_of(headers, uri).is_some_and(|host| {
        let name = name_of(host);
        let named: Option<u16> = match host[name.len()..].strip_prefix(':') {
            Some(port) => port.parse().ok(),
            None => Some(80),
        };
        ["localhost", "127.0.0.1", "[::1]"].contains(&name) && (port.is_none() || named == port)
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
            ("localhost:3008@evil.example", false),
            ("localhost:", false),
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
        assert_eq!(host_of(&headers, &uri("/")), Some("localhost:3008"));
        assert_eq!(host_of(&headers, &uri("http://LOCALHOST:3008/")), Some("localhost:3008"));
        assert_eq!(host_of(&headers, &uri("http://evil.example/")), None);
        assert_eq!(host_of(&HeaderMap::new(), &uri("http://localhost:3008/")), Some("localhost:3008"));
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
        for (pairs, own) in [
            (&[][..], true),
            (&[("origin", "http://localhost:3008")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
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
            assert_eq!(is_own_page(&headers(pairs), host), own, "{pairs:?}");
        }
    }
}

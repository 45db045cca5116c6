//! Owns requests to other systems: only to addresses that may be asked, resolved once and held to, without redirects, within
//! limits of time and size. Must not know what is asked for.

use super::inflate::LARGEST;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take, from the first byte sent to the last received.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Why nothing came back. The words are for founders; causes with secrets in them are never among them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("the address {0} is not one that may be asked")]
    Forbidden(String),
    #[error("{0} is no address of a server: it needs http:// or https:// and a name")]
    NoAddress(String),
    #[error("the settings file does not bind its secret to the host {0}")]
    OtherHost(String),
    #[error("the name {0} cannot be found")]
    UnknownName(String),
    #[error("nothing answers there")]
    Unreachable,
    #[error("it did not answer within {} seconds", TIME_LIMIT.as_secs())]
    Slow,
    #[error("it refused who asked (status {0})")]
    Unauthorised(u16),
    #[error("it sent the request on to another address, which is never followed (status {0})")]
    Redirected(u16),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is larger than {} MiB", LARGEST / 1024 / 1024)]
    TooLarge,
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
    #[error("it refused who asked")]
    Denied,
    #[error("it did not accept the statement: {0}")]
    Statement(String),
    #[error("{0}")]
    Rows(String),
    #[error("a statement gives more than {} rows for a single minute", super::sql::MOST_ROWS)]
    TooManyRows,
    #[error("the file {0}, which is to hold its credentials, cannot be read")]
    NoCredentialsFile(String),
    #[error(
        "its credentials are not there: neither the environment variable {0} nor {0}_FILE, nor a credential of systemd of that name"
    )]
    NoCredentials(String),
    #[error("what it said could not be stored")]
    NotStored,
}

impl AskError {
    /// A stable name for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            AskError::Forbidden(_) => "forbidden-address",
            AskError::NoAddress(_) => "no-address",
            AskError::OtherHost(_) => "secret-not-bound",
            AskError::UnknownName(_) => "unknown-name",
            AskError::Unreachable => "unreachable",
            AskError::Slow => "slow",
            AskError::Unauthorised(_) => "unauthorised",
            AskError::Redirected(_) => "redirected",
            AskError::Status(_) => "status",
            AskError::TooLarge => "too-large",
            AskError::Unreadable(_) => "unreadable",
            AskError::Denied => "unauthorised",
            AskError::Statement(_) => "statement",
            AskError::Rows(_) => "rows",
            AskError::TooManyRows => "too-many-rows",
            AskError::NoCredentials(_) | AskError::NoCredentialsFile(_) => "no-credentials",
            AskError::NotStored => "not-stored",
        }
    }

    /// What to do about it.
    pub const fn cure(&self) -> &'static str {
        match self {
            AskError::Forbidden(_) => "Name the address in the source's allow_addresses if it is meant.",
            AskError::NoAddress(_) => "Correct the source's url in the settings file.",
            AskError::OtherHost(_) => "Add the host to hosts of its [[secret]] in the settings file if it is meant.",
            AskError::UnknownName(_) => "Check the name in the source's url, and that this machine can resolve it.",
            AskError::Unreachable => "Check that the system runs, and that this machine reaches its port.",
            AskError::Slow => "Ask for less: a narrower query, or a longer step.",
            AskError::Unauthorised(_) => "Check the token that the source's token_env names.",
            AskError::Redirected(_) => "Put the address that it redirects to into the source's url.",
            AskError::Status(_) => "Look into the log of the system that answered.",
            AskError::TooLarge => "Ask for fewer series: aggregate in the query.",
            AskError::Unreadable(_) => "Check that the url is the system's own, not a page in front of it.",
            AskError::Denied => "Check the role and the password in the source's url.",
            AskError::Statement(_) => "Correct the signal's query; try it in the database's own console first.",
            AskError::Rows(_) => "Correct the signal's query: its columns are at and value.",
            AskError::TooManyRows => "Add rows up in the query, by the minute.",
            AskError::NoCredentialsFile(_) => "Check the source's url_file, and that the server may read it.",
            AskError::NoCredentials(_) => {
                "Set the variable (or the one with _FILE, which names a file) where the server is started, and start it again."
            }
            AskError::NotStored => "The cause is in the server's log.",
        }
    }
}

/// What is said in place of a problem's own words to everyone but founders: those words come from the system that was asked, and
/// can hold what is stored there. Nothing if the words of that code are this program's own.
pub fn general(code: &str) -> Option<&'static str> {
    match code {
        "statement" => Some("it did not accept a statement; its own words are shown to founders only"),
        "rows" => Some("what a statement gave cannot be used; the details are shown to founders only"),
        "unreadable" => Some("its answer cannot be read; the details are shown to founders only"),
        _ => None,
    }
}

/// A host that a secret may be sent to, at any port or at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `10.0.0.7`, `db.example.com:5432` or `[::1]:5432`.
    pub fn read(text: &str) -> Option<Host> {
        let is_plain_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !is_plain_v6 && !text.ends_with(']') => {
                (name, Some(port.parse().ok().filter(|port| *port > 0)?))
            }
            _ => (text, None),
        };
        let name = bare(name);
        let is_name = !name.is_empty()
            && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_'));
        (is_name || name.parse::<std::net::Ipv6Addr>().is_ok()).then_some(Host { name, port })
    }

    /// Whether it is this host and port.
    pub fn is(&self, host: &str, port: u16) -> bool {
        self.name == bare(host) && self.port.is_none_or(|own| own == port)
    }
}

/// A host's name without brackets and the dot of its root, in lower case.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// Which addresses may be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The hosts that the secret of this source may be sent to; `None` if it is not bound to any.
    pub hosts: Option<Vec<Host>>,
    /// Addresses that are never asked unless they are named, and are named.
    pub named: Vec<IpAddr>,
}

impl Allowed {
    /// Whether what opens the source may be sent to a host.
    pub(super) fn sends_to(&self, host: &str, port: u16) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|allowed| allowed.is(host, port)))
    }

    pub(super) fn permits(&self, address: IpAddr) -> bool {
        self.named.contains(&address) || !is_dangerous(address)
    }
}

/// Addresses at which clouds keep credentials, or that are no single machine's.
/// Addresses beside the link-local ones at which clouds keep credentials: Alibaba, Azure, Oracle.
const CLOUDS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

fn is_dangerous(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified() || CLOUDS.contains(&v4)
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return is_dangerous(IpAddr::V4(v4));
            }
            if let Some(v4) = translated(v6) {
                return is_dangerous(IpAddr::V4(v4));
            }
            let [first, second, ..] = v6.segments();
            (first & 0xffc0) == 0xfe80
                || v6.is_multicast()
                || v6.is_unspecified()
                || [(0xfd00, 0xec2), (0xfd20, 0xce)].contains(&(first, second))
        }
    }
}

/// The IPv4 address that a gateway would ask in the place of this one: NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = v6.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0x64, 0xff9b, _, _, _, _, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Resolves a name once; the connection is made to what was checked.
struct Checked {
    allowed: Allowed,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|_| AskError::UnknownName(name.as_str().to_owned()))?;
            let permitted: Vec<SocketAddr> = found.filter(|address| allowed.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(AskError::Forbidden(name.as_str().to_owned()).into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// A client for one source.
#[derive(Clone, Debug)]
pub struct Outgoing {
    allowed: Allowed,
    client: Client,
}

impl Outgoing {
    /// # Errors
    /// Where this machine's certificates cannot be read.
    pub fn new(allowed: Allowed) -> Result<Outgoing, AskError> {
        // Where one has been chosen already, that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(TIME_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .no_proxy()
            .user_agent(concat!("scaling-mode/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Checked { allowed: allowed.clone() }))
            .build()
            .map_err(|error| AskError::Unreadable(error.without_url().to_string()))?;
        Ok(Outgoing { allowed, client })
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// [`AskError`], in words for a founder.
    pub async fn get(
        &self,
        url: &Url,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Vec<u8>, AskError> {
        let (status, body) = self.answer(url, prepare).await?;
        of_status(status).map(|()| body)
    }

    /// Asks, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// [`AskError`], in words for a founder.
    pub async fn answer(
        &self,
        url: &Url,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<(StatusCode, Vec<u8>), AskError> {
        self.check(url)?;
        let response = prepare(self.client.get(url.clone())).send().await.map_err(of_request)?;
        Ok((response.status(), whole(response).await?))
    }

    /// Sends a body of JSON by POST; what is answered beyond the status is not looked at.
    ///
    /// # Errors
    /// [`AskError`], in words for a founder.
    pub async fn post_json(&self, url: &Url, body: Vec<u8>) -> Result<(), AskError> {
        self.check(url)?;
        let request = self.client.post(url.clone()).header("content-type", "application/json").body(body);
        of_status(request.send().await.map_err(of_request)?.status())
    }

    /// Sends a request of a library that speaks a protocol over HTTP, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`AskError`], in words for a founder.
    pub async fn send(&self, request: axum::http::Request<Vec<u8>>) -> Result<axum::http::Response<Vec<u8>>, AskError> {
        let request = reqwest::Request::try_from(request)
            .map_err(|error| AskError::Unreadable(error.without_url().to_string()))?;
        self.check(request.url())?;
        let response = self.client.execute(request).await.map_err(of_request)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = axum::http::Response::new(whole(response).await?);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    /// An address that is written as numbers is not resolved, and so is checked here.
    fn check(&self, url: &Url) -> Result<(), AskError> {
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let Some(host) = host else {
            return Err(AskError::NoAddress(url.scheme().to_owned()));
        };
        if !self.allowed.sends_to(host, url.port_or_known_default().unwrap_or(0)) {
            return Err(AskError::OtherHost(host.to_owned()));
        }
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.allowed.permits(address) => Err(AskError::Forbidden(host.to_owned())),
            _ => Ok(()),
        }
    }
}

/// A whole answer, up to the largest that is read.
async fn whole(mut response: reqwest::Response) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(of_request)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(AskError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn of_status(status: StatusCode) -> Result<(), AskError> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(AskError::Unauthorised(status.as_u16())),
        status if status.is_redirection() => Err(AskError::Redirected(status.as_u16())),
        status => Err(AskError::Status(status.as_u16())),
    }
}

fn of_request(error: reqwest::Error) -> AskError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<AskError>() {
            return own.clone();
        }
        cause = error.source();
    }
    if error.is_timeout() {
        AskError::Slow
    } else if error.is_connect() {
        AskError::Unreachable
    } else {
        AskError::Unreadable(error.without_url().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// ASVS 13.2.4.
    #[test]
    fn where_clouds_keep_credentials_is_asked_only_where_it_is_named() {
        let allowed = Allowed::default();
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "fd20:ce::254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(!allowed.permits(address), "{address}");
            assert!(Allowed { hosts: None, named: vec![address] }.permits(address));
        }
        for address in ["127.0.0.1", "10.0.0.7", "192.168.1.1", "::1", "93.184.216.34"] {
            assert!(allowed.permits(address.parse().unwrap()), "{address}");
        }
    }

    /// ASVS 1.3.6.
    #[tokio::test]
    async fn what_may_not_be_asked_is_refused_before_anything_is_sent() {
        let outgoing = Outgoing::new(Allowed::default()).unwrap();
        let ask = async |url: &str| outgoing.get(&url.parse().unwrap(), |request| request).await.unwrap_err();
        assert_eq!(
            ask("http://169.254.169.254/latest/meta-data").await,
            AskError::Forbidden("169.254.169.254".to_owned())
        );
        assert_eq!(ask("http://[fe80::1]/").await.code(), "forbidden-address");
        assert_eq!(ask("file:///etc/passwd").await.code(), "no-address");
        assert_eq!(ask("http://127.0.0.1:1/").await, AskError::Unreachable);
    }

    /// ASVS 15.3.2.
    #[tokio::test]
    async fn a_redirect_is_said_and_not_followed() {
        let (asked, elsewhere) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        elsewhere.set_nonblocking(true).unwrap();
        let url: Url = format!("http://{}/", asked.local_addr().unwrap()).parse().unwrap();
        let to = elsewhere.local_addr().unwrap();
        let outgoing = Outgoing::new(Allowed::default()).unwrap();
        for status in [301_u16, 302, 303, 307, 308] {
            let listener = asked.try_clone().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                let head = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{to}/\r\ncontent-length: 0");
                stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
            });
            let answer = outgoing.get(&url, |request| request).await;
            assert_eq!(answer, Err(AskError::Redirected(status)));
            server.join().unwrap();
        }
        assert!(elsewhere.accept().is_err(), "it was followed");
    }
}

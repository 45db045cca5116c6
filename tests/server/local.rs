//! Before the first account, only programs of the server's own user on this machine need no credential. A proxy or forwarder between
//! opens nothing, regardless of its user and its headers, if it takes what other machines send: tried with nginx, socat and systemd, over
//! IPv4, IPv6 and UDP. What the same user forwards in another way is that user, and the program says so.

use crate::serving::{Server, answer, free_port};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that is ended with the test, by its own id, together with what it has started.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..100 {
            if self.0.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn is_there(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|found| found.success())
}

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .expect("a client")
}

/// Everything that somebody without a credential would try: reading, acting, and becoming the founder.
async fn tried(request: impl Fn(Method, &str) -> RequestBuilder) -> Vec<u16> {
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "not mine to do"});
    let mut statuses = Vec::new();
    for request in [
        request(Method::GET, "/api/scaling-mode/config"),
        request(Method::GET, "/api/scaling-mode/health"),
        request(Method::GET, "/founder/scaling-mode"),
        request(Method::GET, "/metrics"),
        request(Method::PUT, "/api/scaling-mode/config").json(&freeze),
        request(Method::POST, "/api/telemetry").json(&json!({"source": "x", "samples": []})),
        request(Method::POST, "/api/scaling-mode/forms/create-founder")
            .header("content-type", "application/x-www-form-urlencoded"),
        request(Method::POST, "/api/scaling-mode/forms/invite")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("email=eve%40example.com&environment=*&role=founder"),
    ] {
        statuses.push(answer(request).await.status);
    }
    statuses
}

async fn starts(url: &str) {
    for _ in 0..200 {
        if client().get(url).send().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} does not answer");
}

/// nginx in front of the server, as a program of this user, listening on an address that other machines reach.
fn nginx(folder: &std::path::Path, port: u16, to: &str, headers: &str, user: &str) -> Running {
    let folder = folder.display();
    // Only root's nginx can run its workers as a certain user.
    let user = if is_root() { format!("user {user};") } else { String::new() };
    let conf = format!(
        "{user} daemon off; pid {folder}/pid; error_log stderr crit; events {{}}
         http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
           uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
           server {{ listen 0.0.0.0:{port}; listen [::]:{port}; location / {{ proxy_pass {to}; {headers} }} }} }}"
    );
    let file = format!("{folder}/nginx.conf");
    std::fs::write(&file, conf).expect("it is written");
    let child =
        Command::new("nginx").env("PATH", path()).args(["-c", &file, "-e", "stderr"]).stdin(Stdio::null()).spawn();
    Running(child.expect("nginx starts"))
}

pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

pub fn path() -> String {
    // The environment is the test's own.
    #[expect(clippy::disallowed_methods, reason = "a test starts programs that are kept off the usual path")]
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:/usr/sbin")
}

#[tokio::test]
async fn a_proxy_opens_nothing_no_matter_what_it_adds_or_leaves_out() {
    assert!(is_there("nginx"), "run scripts/setup.sh databases");
    let snippets = [
        ("nothing, with workers of another user", ""),
        ("nothing", ""),
        ("the host", "proxy_set_header Host $host;"),
        ("the host as localhost with the port", "proxy_set_header Host localhost:SERVER;"),
        ("the scheme", "proxy_set_header X-Forwarded-Proto $scheme;"),
        (
            "a web socket",
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
        ),
        (
            "all",
            "proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        ),
    ];
    for (name, headers) in snippets {
        let server = Server::start().await;
        let (_, port_of_server) = server.url.rsplit_once(':').expect("a port");
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let _nginx = nginx(
            folder.path(),
            port,
            &server.url,
            &headers.replace("SERVER", port_of_server),
            if name.contains("another user") { "daemon" } else { "root" },
        );
        let client = client();
        for base in [format!("http://127.0.0.1:{port}"), format!("http://[::1]:{port}")] {
            starts(&format!("{base}/healthz")).await;
            let statuses = tried(|method, path| client.request(method, format!("{base}{path}"))).await;
            assert!(
                statuses.iter().all(|status| [303, 401, 403, 404].contains(status)),
                "{name}, {base}: {statuses:?}"
            );
            let host = format!("localhost:{port_of_server}");
            let statuses =
                tried(|method, path| client.request(method, format!("{base}{path}")).header("host", &host)).await;
            assert!(
                statuses.iter().all(|status| [303, 401, 403, 404].contains(status)),
                "{name}, {base}: {statuses:?}"
            );
        }
        let history = server.command(&["history", "--json", "--log", "warn"]).1;
        assert!(!history.contains("not mine to do"), "{name}: {history}");
    }
}

#[tokio::test]
async fn another_user_of_this_machine_needs_a_credential() {
    if !is_root() {
        eprintln!("NOT TESTED: only root can start a program as another user");
        return;
    }
    let server = Server::start().await;
    let status = |uid: u32| {
        let url = format!("{}/api/scaling-mode/config", server.url);
        let output = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", &url])
            .uid(uid)
            .output()
            .expect("curl runs");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(status(0), "200");
    assert_eq!(status(65_534), "401");
}

#[tokio::test]
async fn what_the_same_user_forwards_on_purpose_is_that_user() {
    assert!(is_there("socat"), "run scripts/setup.sh databases");
    let server = Server::start().await;
    let (_, to) = server.url.rsplit_once('/').expect("an address");
    let port = free_port();
    let child = Command::new("socat")
        .args([&format!("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"), &format!("TCP:{to}")])
        .spawn()
        .expect("socat starts");
    let _socat = Running(child);
    starts(&format!("http://127.0.0.1:{port}/healthz")).await;
    let request = client().get(format!("http://127.0.0.1:{port}/api/scaling-mode/config")).header("host", to);
    assert_eq!(answer(request).await.status, 200);
    // Once it listens to other machines, it is theirs.
    let exposed = free_port();
    let child = Command::new("socat")
        .args([&format!("TCP-LISTEN:{exposed},fork,reuseaddr"), &format!("TCP:{to}")])
        .spawn()
        .expect("socat starts");
    let _exposed = Running(child);
    starts(&format!("http://127.0.0.1:{exposed}/healthz")).await;
    let statuses =
        tried(|method, path| client().request(method, format!("http://127.0.0.1:{exposed}{path}")).header("host", to))
            .await;
    assert!(statuses.iter().all(|status| [303, 401, 403, 404].contains(status)), "{statuses:?}");
}

/// An address of this machine that other machines reach; nothing is sent to find it.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("203.0.113.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// A free port that no program gets by connecting.
fn low_port() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 8_000).expect("a small number");
    (start..30_000).find(|port| is_free(*port)).expect("a free port")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("0.0.0.0", port)).is_ok()
}

/// Starts a forwarder, and waits until it listens without connecting to it: it may take one connection only.
async fn forwarder(program: &str, arguments: &[&str], port: u16) -> Running {
    let running = Running(Command::new(program).env("PATH", path()).args(arguments).spawn().expect("it starts"));
    for _ in 0..200 {
        if !is_free(port) {
            return running;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{program} does not listen");
}

/// What the one connection that a forwarder takes is answered.
async fn forwarded(address: IpAddr, port: u16, to: &str, method: Method) -> u16 {
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "not mine to do"});
    let request = client().request(method.clone(), format!("http://{address}:{port}/api/scaling-mode/config"));
    let request = request.header("host", to).header("connection", "close");
    answer(if method == Method::PUT { request.json(&freeze) } else { request }).await.status
}

#[tokio::test]
async fn a_forwarder_that_has_stopped_listening_opens_nothing() {
    assert!(is_there("socat"), "run scripts/setup.sh databases");
    let Some(address) = own_address() else {
        eprintln!("NOT TESTED: this machine has no address but its own");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let flags = ["--no-demo", "--log-format", "json"];
    let server = Server::start_logging(folder.path(), &flags, &[], ("debug", into)).await;
    let (_, to) = server.url.rsplit_once('/').expect("an address");
    // Without fork socat closes its listener once somebody has connected.
    for method in [Method::GET, Method::PUT] {
        let port = low_port();
        let _socat = forwarder("socat", &[&format!("TCP-LISTEN:{port},reuseaddr"), &format!("TCP:{to}")], port).await;
        assert_eq!(forwarded(address, port, to, method).await, 401);
    }
    // On a port that programs also connect from, the server has to have seen the listener.
    let port = free_port();
    let _socat = forwarder("socat", &[&format!("TCP-LISTEN:{port},reuseaddr"), &format!("TCP:{to}")], port).await;
    let line = format!("\"message\":\"other machines reach a port of this machine\",\"port\":{port}");
    for attempt in 0.. {
        if std::fs::read_to_string(&log).expect("the log").contains(&line) {
            break;
        }
        assert!(attempt < 600, "the listener is not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(forwarded(address, port, to, Method::PUT).await, 401);
    let history = server.command(&["history", "--json", "--log", "warn"]).1;
    assert!(!history.contains("not mine to do"), "{history}");
}

#[tokio::test]
async fn a_socket_that_systemd_hands_over_opens_nothing() {
    if !is_there("systemd-socket-activate") || !is_there("socat") {
        eprintln!("NOT TESTED: there is no systemd-socket-activate");
        return;
    }
    let server = Server::start().await;
    let (_, to) = server.url.rsplit_once('/').expect("an address");
    let local = "127.0.0.1".parse().expect("an address");
    let port = low_port();
    let listen = format!("0.0.0.0:{port}");
    // Each connection is handed to a program of its own, which has no listener.
    let socat = ["-l", &listen, "--accept", "--inetd", "socat", "STDIO", &format!("TCP:{to}")];
    let _activated = forwarder("systemd-socket-activate", &socat, port).await;
    assert_eq!(forwarded(local, port, to, Method::PUT).await, 401);
}

#[tokio::test]
async fn a_relay_of_udp_opens_nothing() {
    assert!(is_there("socat"), "run scripts/setup.sh databases");
    let Some(address) = own_address() else {
        eprintln!("NOT TESTED: this machine has no address but its own");
        return;
    };
    let server = Server::start().await;
    let (_, to) = server.url.rsplit_once('/').expect("an address");
    let port = low_port();
    let child = Command::new("socat").args([&format!("UDP-LISTEN:{port}"), &format!("TCP:{to}")]).spawn();
    let _socat = Running(child.expect("socat starts"));
    let request = format!("GET /api/scaling-mode/config HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n");
    let socket = tokio::net::UdpSocket::bind((address, 0)).await.expect("a socket");
    socket.connect((address, port)).await.expect("an address");
    let mut bytes = [0; 16_384];
    for _ in 0..100 {
        // Until socat listens nobody answers, and the system says so.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _ = socket.send(request.as_bytes()).await;
        if let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut bytes)).await {
            let answer = String::from_utf8_lossy(&bytes[..count]);
            assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
            return;
        }
    }
    panic!("socat does not answer");
}

#[tokio::test]
async fn a_program_in_another_network_opens_nothing() {
    if !is_root() || !is_there("unshare") {
        eprintln!("NOT TESTED: only root can start a program in another network");
        return;
    }
    let server = Server::start().await;
    let (_, to) = server.url.rsplit_once('/').expect("an address");
    let (_, port) = to.split_once(':').expect("a port");
    let ask = format!(
        "printf 'GET /api/scaling-mode/config HTTP/1.1\\r\\nHost: {to}\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -n 1 <&3"
    );
    let status = |before: &str| {
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; exec {before} sh -c \"$0\"");
        let output = Command::new("bash").args(["-c", &script, &ask]).output().expect("bash runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(status(""), "HTTP/1.1 200 OK");
    assert_eq!(status("unshare -n"), "HTTP/1.1 401 Unauthorized");
}

/// Forwarders that the server cannot tell from a person are named wherever somebody reads who needs no credential.
#[tokio::test]
async fn the_page_the_doctor_and_the_document_say_who_else_acts_as_the_user() {
    let server = Server::start().await;
    let page = server.get("/founder/scaling-mode").await.text;
    assert!(page.contains("so can anyone to whom that user forwards the port"), "{page}");
    let (code, said, _) = server.command(&["doctor", "--log", "warn"]);
    assert_eq!(code, 1, "{said}");
    for told in ["need no sign-in", "forwards the port", "ssh -R", "socat", "a tunnel that dials out"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md")).expect("a document");
    for named in ["`ssh -R`", "`cloudflared`", "`ngrok`", "Unix socket", "pipe", "UDP"] {
        assert!(document.contains(named), "{named}");
    }
}

#[tokio::test]
async fn the_first_mark_of_a_proxy_ends_it_until_a_person_exists() {
    for mark in [
        "x-forwarded-for",
        "x-forwarded-proto",
        "forwarded",
        "via",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "x-client-ip",
        "x-envoy-external-address",
        "fly-client-ip",
        "x-forwarded-server",
        "x-amzn-trace-id",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Server::start_in(folder.path(), &["--no-demo"]).await;
        assert_eq!(server.get("/api/scaling-mode/config").await.status, 200, "{mark}");
        // A probe that names another host says nothing of this server's: a page of that name can send one.
        let probe = server.request(Method::GET, "/readyz").header("host", "evil.example").header(mark, "203.0.113.9");
        assert_eq!(answer(probe).await.status, 200, "{mark}");
        assert_eq!(server.get("/api/scaling-mode/config").await.status, 200, "{mark}");
        let marked = server.request(Method::GET, "/api/scaling-mode/config").header(mark, "203.0.113.9");
        assert_eq!(answer(marked).await.status, 401, "{mark}");
        assert_eq!(server.get("/api/scaling-mode/config").await.status, 401, "{mark}");
        if mark == "via" {
            // A restart does not forget it, and the link still creates the first account.
            server.kill();
            let server = Server::start_in(folder.path(), &["--no-demo"]).await;
            assert_eq!(server.get("/api/scaling-mode/config").await.status, 401, "{mark}");
            assert!(server.founders_link().starts_with("/founder/join/"));
        }
    }
}

#[tokio::test]
async fn the_printed_link_ends_with_the_first_person() {
    let server = Server::start().await;
    let link = server.founders_link();
    crate::people::create(&server, "anna@example.com", "founder", None);
    let secret = link.strip_prefix("/founder/join/").expect("a secret");
    let joining = server
        .request(Method::POST, "/api/scaling-mode/forms/join")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("link={secret}&email=eve%40example.com&name=Eve&password=zebra+lamp+quietly"));
    assert_eq!(answer(joining).await.status, 404);
}

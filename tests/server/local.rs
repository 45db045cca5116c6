//! Before the first account, only programs of the server's own user on this machine need no credential. A proxy or forwarder between
//! opens nothing, regardless of its user and its headers: tried with nginx and socat, over IPv4 and IPv6.

use crate::serving::{Server, answer, free_port};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
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
async fn a_proxy_opens_nothing_whatever_it_adds_or_leaves_out() {
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

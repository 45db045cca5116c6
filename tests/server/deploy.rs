//! Holds docs/deploy.md to the program: nginx runs with the configuration of the document and live events pass through it, the requests that
//! other proxies pass on are understood, and the probes answer as Kubernetes asks.

use crate::local::{Running, is_root, is_there, path};
use crate::people::{PASSWORD, create, sign_in};
use crate::serving::{Server, answer, free_port};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, Method, RequestBuilder};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

const NAME: &str = "mode.example.com";
const ORIGIN: &str = "https://mode.example.com";

/// The blocks of the document in a language.
fn blocks(language: &str) -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy.md");
    let text = std::fs::read_to_string(file).expect("the document");
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("```").next().expect("a block").to_owned()).collect()
}

/// The text with one thing in it replaced, which must be there once.
fn with(text: &str, what: &str, by: &str) -> String {
    assert_eq!(text.matches(what).count(), 1, "{what} is not once in\n{text}");
    text.replace(what, by)
}

/// A server with the settings of the document, and a founder.
async fn started(folder: &std::path::Path) -> Server {
    let all = blocks("toml");
    let [settings] = &all[..] else { panic!("one block of settings") };
    std::fs::write(folder.join("scaling-mode.toml"), settings).expect("it is written");
    let server = Server::start_in(folder, &["--no-demo"]).await;
    create(&server, "anna@example.com", "founder", None);
    server
}

/// As a browser writes from a page of the server.
fn from_its_page(request: RequestBuilder) -> RequestBuilder {
    request.header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_as_the_document_configures_it_passes_everything_on_and_live_events_immediately() {
    assert!(is_there("nginx"), "run scripts/setup.sh databases");
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path()).await;
    let (outside, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let place = outside.path().display();
    let key = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(vec![NAME.to_owned()]).expect("a name").self_signed(&key).expect("a certificate");
    std::fs::write(outside.path().join("key.pem"), key.serialize_pem()).expect("it is written");
    std::fs::write(outside.path().join("certificate.pem"), certificate.pem()).expect("it is written");
    let all = blocks("nginx");
    let [block] = &all[..] else { panic!("one block for nginx") };
    let block = with(block, "listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"));
    let block = with(&block, "http://127.0.0.1:3008", &server.url);
    let live = "/etc/letsencrypt/live/mode.example.com";
    let block = with(&block, &format!("{live}/fullchain.pem"), &format!("{place}/certificate.pem"));
    let block = with(&block, &format!("{live}/privkey.pem"), &format!("{place}/key.pem"));
    let user = if is_root() { "user root;" } else { "" };
    let configuration = format!(
        "{user} daemon off; pid {place}/pid; error_log stderr crit; events {{}}
         http {{ access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f;
           uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
           {block} }}"
    );
    let file = format!("{place}/nginx.conf");
    std::fs::write(&file, configuration).expect("it is written");
    let nginx =
        Command::new("nginx").env("PATH", path()).args(["-c", &file, "-e", "stderr"]).stdin(Stdio::null()).spawn();
    let _nginx = Running(nginx.expect("nginx starts"));
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(certificate.pem().as_bytes()).expect("a certificate")])
        .resolve(NAME, SocketAddr::from(([127, 0, 0, 1], port)))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let request = |method: Method, path: &str| client.request(method, format!("{ORIGIN}:{port}{path}"));
    let mut tries = 0;
    while request(Method::GET, "/healthz").send().await.is_err() {
        tries += 1;
        assert!(tries < 200, "nginx does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Without a credential nothing is open, and the server knows that it was spoken to over HTTPS.
    let refused = request(Method::GET, "/api/scaling-mode/config").send().await.expect("an answer");
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("strict-transport-security")), (401, true));
    // Signing in by the page's form.
    let body = format!("email=anna%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let form = request(Method::POST, "/api/scaling-mode/forms/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .body(body);
    let signed_in = from_its_page(form).send().await.expect("an answer");
    assert_eq!(signed_in.headers()["location"], "/founder/scaling-mode");
    let cookies: Vec<String> = signed_in
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().expect("text").split(';').next().expect("a cookie").to_owned())
        .collect();
    let cookies = cookies.join("; ");
    let page =
        request(Method::GET, "/founder/scaling-mode").header("cookie", &cookies).send().await.expect("an answer");
    let page = page.text().await.expect("a page");
    assert!(page.contains(&format!("{ORIGIN}/api/telemetry")), "its addresses are the public ones: {page}");
    // A live page listens, and hears of an act that comes by the same way while it listens.
    let listening =
        request(Method::GET, "/api/scaling-mode/events?environment=production").header("cookie", &cookies).send().await;
    let mut listening = listening.expect("an answer");
    assert_eq!(
        (listening.status().as_u16(), &listening.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let freeze = request(Method::PUT, "/api/scaling-mode/config").header("cookie", &cookies);
    let freeze = freeze.json(&json!({"action": "freeze", "reason": "through the proxy"}));
    assert_eq!(answer(from_its_page(freeze)).await.status, 200);
    let mut heard = String::new();
    while !heard.contains("\"type\":\"frozen\"") {
        let chunk = tokio::time::timeout(Duration::from_secs(30), listening.chunk()).await;
        let chunk = chunk.unwrap_or_else(|_| panic!("nothing more came than {heard}")).expect("the stream goes on");
        heard.push_str(&String::from_utf8_lossy(&chunk.expect("the stream goes on")));
    }
    // A foreign page writes nothing, and a body is held to the server's limit, not to nginx's own.
    let foreign = request(Method::PUT, "/api/scaling-mode/config").header("cookie", &cookies);
    let foreign =
        foreign.header("origin", "https://evil.example").json(&json!({"action": "unfreeze", "reason": "mischief"}));
    assert_eq!(answer(foreign).await.status, 403);
    let large =
        request(Method::POST, "/api/telemetry").header("cookie", &cookies).header("content-type", "application/json");
    assert_eq!(answer(from_its_page(large.body(" ".repeat(3 << 20)))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_that_other_proxies_pass_on_are_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path()).await;
    let cookies = sign_in(&server, "anna@example.com").await;
    let requests = blocks("http");
    assert_eq!(requests.len(), 3, "Caddy, Traefik, Cloudflare");
    for (place, text) in requests.iter().enumerate() {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("GET /founder/scaling-mode HTTP/1.1"));
        let headers: Vec<(&str, &str)> = lines.map(|line| line.split_once(": ").expect("a header")).collect();
        assert!(headers.contains(&("Host", NAME)) && headers.contains(&("X-Forwarded-For", "203.0.113.9")), "{text}");
        let passed_on = |method: Method, path: &str| {
            let request = server.request(method, path).header("cookie", &cookies);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let page = passed_on(Method::GET, "/founder/scaling-mode").send().await.expect("an answer");
        assert_eq!(page.status(), 200, "{text}");
        assert!(page.headers().contains_key("strict-transport-security"), "{text}");
        assert!(page.text().await.expect("a page").contains(&format!("{ORIGIN}/api/telemetry")), "{text}");
        let (action, reason) = (if place % 2 == 0 { "freeze" } else { "unfreeze" }, format!("act {place}"));
        let act = passed_on(Method::PUT, "/api/scaling-mode/config").json(&json!({"action": action, "reason": reason}));
        assert_eq!(answer(from_its_page(act)).await.status, 200, "{text}");
        let act = passed_on(Method::PUT, "/api/scaling-mode/config").json(&json!({"action": action, "reason": reason}));
        assert_eq!(answer(act.header("origin", "https://evil.example")).await.status, 403, "{text}");
    }
    let history =
        server.request(Method::GET, "/api/scaling-mode/history?event_type=frozen,unfrozen").header("cookie", &cookies);
    let events = answer(history).await.json["events"].as_array().expect("events").clone();
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event["address"] == "203.0.113.9"), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_of_the_document_answer_as_the_kubelet_asks() {
    let server = Server::start().await;
    let probes: Vec<String> = blocks("yaml")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(line.split_once("httpGet: { path: ")?.1.split_once(", port: 3008 }")?.0.to_owned()))
        .collect();
    assert_eq!(probes, ["/healthz", "/healthz", "/readyz"]);
    let hosts =
        ["10.244.1.17:3008", "[fd00::17]:3008", "ip-10-0-0-5.ec2.internal", "scaling-mode.default.svc.cluster.local"];
    for path in &probes {
        for host in hosts {
            for method in [Method::GET, Method::HEAD] {
                let asked = answer(server.request(method.clone(), path).header("host", host)).await;
                assert_eq!(asked.status, 200, "{method} {path} of {host}");
            }
        }
        // A load balancer that speaks HTTP/1.0 names no host.
        let mut plain = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
        plain.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("it is sent");
        let mut text = String::new();
        plain.read_to_string(&mut text).expect("an answer");
        assert!(text.starts_with("HTTP/1.0 200") || text.starts_with("HTTP/1.1 200"), "{path}: {text}");
    }
    // Nothing else does, and the answer to a probe names nothing.
    let told = answer(server.request(Method::GET, "/readyz").header("host", "10.244.1.17:3008")).await;
    assert_eq!(told.json["scheduler_failing"], json!([]));
    for (method, path) in [
        (Method::GET, "/metrics"),
        (Method::GET, "/api/openapi.json"),
        (Method::GET, "/founder/sign-in"),
        (Method::GET, "/readyz/"),
        (Method::POST, "/readyz"),
        (Method::POST, "/healthz"),
    ] {
        let asked = answer(server.request(method.clone(), path).header("host", "10.244.1.17:3008")).await;
        assert_eq!(asked.status, 403, "{method} {path}");
    }
}

/// Widespread configurations pass on the port, or the name as somebody typed it.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_and_origins_are_compared_as_what_they_mean() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = started(folder.path()).await;
    let cookies = sign_in(&server, "anna@example.com").await;
    let write = async |host: &str, origin: Option<&str>, site: Option<&str>| {
        let mut request = server
            .request(Method::POST, "/api/scaling-mode/health")
            .header("host", host)
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-forwarded-proto", "https")
            .header("cookie", &cookies);
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        answer(request.json(&json!({}))).await.status
    };
    for (host, origin, site, status) in [
        ("mode.example.com:443", Some(ORIGIN), None, 200),
        ("mode.example.com", Some("https://mode.example.com:443"), None, 200),
        ("Mode.Example.com.", Some(ORIGIN), Some("same-origin"), 200),
        ("mode.example.com", Some("null"), Some("same-origin"), 200),
        ("mode.example.com", Some("null"), None, 403),
        ("mode.example.com", Some("null"), Some("cross-site"), 403),
        ("mode.example.com:443", Some("https://mode.example.com:8443"), None, 403),
        ("mode.example.com:8443", Some(ORIGIN), None, 403),
        ("mode.example.com:443", Some("http://mode.example.com"), None, 403),
        ("mode.example.com", Some("https://evil.example"), Some("same-origin"), 403),
        ("evil.example", Some("https://evil.example"), Some("same-origin"), 403),
    ] {
        assert_eq!(write(host, origin, site).await, status, "{host} {origin:?} {site:?}");
    }
    // What it calls itself has no port that goes without saying: a provider compares the way back to the letter.
    let invite = server
        .request(Method::POST, "/api/scaling-mode/forms/invite")
        .header("host", "MODE.example.com.:443")
        .header("x-forwarded-proto", "https")
        .header("cookie", &cookies)
        .header("origin", ORIGIN)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("email=bob%40example.com&environment=production&role=viewer");
    let link = answer(invite).await.json["secret"].as_str().expect("a link").to_owned();
    assert!(link.starts_with("https://mode.example.com/founder/join/"), "{link}");
}

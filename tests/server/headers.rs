//! Owns what every answer of the real server tells a browser, and that nothing is shown that nobody asked to be served.

use crate::serving::Server;
use reqwest::{Method, RequestBuilder};
use std::io::{Read, Write};
use std::net::TcpStream;

/// The answer to a request that is refused by the length that it announces, before anything looks at it.
fn announces_too_much(server: &Server) -> String {
    let host = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let head = format!("POST /api/telemetry HTTP/1.1\r\nHost: {host}\r\nContent-Length: 17825792\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the head is sent");
    let mut answer = [0u8; 2048];
    let read = stream.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// ASVS 3.2.1, 3.4.2, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 14.2.2, 14.3.2.
#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do_with_it() {
    let server = Server::start().await;
    let get = |path: &str| server.request(Method::GET, path);
    let asked: [(RequestBuilder, u16); 7] = [
        (get("/founder/scaling-mode"), 200),
        (get("/api/scaling-mode/health"), 200),
        (get("/healthz"), 200),
        (get("/nowhere"), 404),
        (get("/api/nothing"), 404),
        (get("/founder/scaling-mode").header("host", "evil.example"), 403),
        (server.request(Method::PUT, "/api/scaling-mode/config").header("origin", "http://evil.example"), 403),
    ];
    for (request, status) in asked {
        let answer = request.send().await.expect("an answer");
        let (path, headers) = (answer.url().path().to_owned(), answer.headers());
        assert_eq!(answer.status().as_u16(), status, "{path}");
        for (name, part) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("content-security-policy", "base-uri 'none'"),
        ] {
            let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            assert!(value.contains(part), "{path}: {name}: {value}");
        }
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        assert!(!headers.contains_key("server"), "{path}");
    }
    let refused = announces_too_much(&server).to_ascii_lowercase();
    assert!(refused.starts_with("http/1.1 413"), "{refused}");
    for part in ["x-content-type-options: nosniff", "cache-control: no-store", "frame-ancestors 'none'"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

/// ASVS 5.3.2, 13.4.1, 13.4.3, 13.4.4.
#[tokio::test]
async fn no_folder_is_listed_no_request_is_sent_back_and_no_file_beside_the_site_is_served() {
    let server = Server::start().await;
    let trace = server.request(Method::TRACE, "/founder/scaling-mode").header("x-said", "s3cr3t").send().await;
    let trace = trace.expect("an answer");
    assert_eq!(trace.status().as_u16(), 405);
    assert!(!trace.text().await.expect("a body").contains("s3cr3t"));
    for path in
        ["/pkg/", "/pkg", "/.git/config", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/Cargo.toml", "/scaling-mode.db"]
    {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}

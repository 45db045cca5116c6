//! What waits for a peer has a limit, and keeps nobody else waiting: bodies that stop in the middle, requests that never end, bodies that
//! are too large, more connections than the process may have.

use crate::people::{create, token};
use crate::serving::{Server, answer};
use reqwest::Method;
use scaling_mode::server::clock;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection on which something was sent.
fn sent(server: &Server, bytes: &[u8]) -> TcpStream {
    let (_, address) = server.url.split_once("://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("it connects");
    stream.write_all(bytes).expect("it is written");
    stream
}

fn head(path: &str, length: usize, more: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n")
        .into_bytes()
}

/// The status of the answer on a connection.
fn status_of(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let mut said = [0; 12];
    stream.read_exact(&mut said).expect("an answer");
    String::from_utf8_lossy(&said[9..]).into_owned()
}

/// The memory of a process that is in use, in MiB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process())).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// ASVS 15.2.2.
#[tokio::test]
async fn senders_that_stop_in_the_middle_keep_nobody_waiting() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let sender = token(&server, "sender", &["telemetry:write"], Some("production"));
    let authorised = format!("authorization: Bearer {sender}\r\n");
    let mut stalled = Vec::new();
    for path in
        ["/api/stripe", "/api/telemetry", "/v1/metrics", "/api/alertmanager", "/api/v1/write?environment=production"]
    {
        for _ in 0..60 {
            let more = if path == "/api/stripe" { "" } else { authorised.as_str() };
            stalled.push(sent(&server, &[head(path, 100, more), b"{".to_vec()].concat()));
        }
    }
    for _ in 0..20 {
        let export =
            server.request(Method::POST, "/v1/metrics").bearer_auth(&sender).json(&json!({"resourceMetrics": []}));
        assert_eq!(answer(export).await.status, 200);
        let alerts = json!({"version": "4", "alerts": []});
        let alerts = server.request(Method::POST, "/api/alertmanager").bearer_auth(&sender).json(&alerts);
        assert_ne!(answer(alerts).await.status, 503);
        assert_eq!(server.get("/readyz").await.status, 200);
    }
    // Each gets an answer when its time is over, the senders of OTLP too.
    let mut first = stalled.swap_remove(150);
    assert_eq!(status_of(&mut first), "408");
    // A sender without the right to use Stripe's endpoint gets the refusal before the body is there.
    assert_eq!(status_of(&mut stalled[0]), "401");
}

/// A credential that ends while a body arrives does nothing any more.
#[tokio::test]
async fn an_act_whose_token_was_revoked_meanwhile_is_not_done() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let late = token(&server, "late", &["config:write"], Some("production"));
    let body = json!({"environment": "production", "action": "freeze", "reason": "too late"}).to_string();
    let (first, rest) = body.split_at(body.len() - 5);
    let head = format!(
        "PUT /api/scaling-mode/config HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer {late}\r\n\
         content-length: {}\r\n\r\n{first}",
        body.len()
    );
    let mut stream = sent(&server, head.as_bytes());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.command(&["token", "revoke", "late", "--log", "warn"]).0, 0);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    stream.write_all(rest.as_bytes()).expect("it is written");
    assert_eq!(status_of(&mut stream), "401");
    assert!(!server.command(&["history", "--log", "error"]).1.contains("too late"));
}

/// One sender's telemetry leaves room for what others do.
#[tokio::test]
async fn large_bodies_of_one_token_leave_room_for_acts() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let greedy = token(&server, "greedy", &["telemetry:write"], Some("production"));
    let other = token(&server, "other", &["telemetry:write", "config:write"], Some("production"));
    let length = 15 * 1024 * 1024;
    let authorised = format!("authorization: Bearer {greedy}\r\n");
    let held: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut stream = sent(&server, &head("/v1/metrics", length, &authorised));
            stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a limit");
            // A refused sender may be cut off in the middle.
            let _ = stream.write_all(&vec![b' '; length - 10]);
            stream
        })
        .collect();
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "all the same"});
    let act = server.request(Method::PUT, "/api/scaling-mode/config").bearer_auth(&other).json(&freeze);
    assert_eq!(answer(act).await.status, 200);
    let export = server.request(Method::POST, "/v1/metrics").bearer_auth(&other).json(&json!({"resourceMetrics": []}));
    assert_eq!(answer(export).await.status, 200);
    drop(held);
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_end_the_longest_silent_ones() {
    // 300 files, of which 128 are kept for other things.
    let server = Server::start_with_files(300).await;
    let half: Vec<TcpStream> = (0..600).map(|_| sent(&server, b"GET / HTTP/1.1\r\nhost: local")).collect();
    for _ in 0..20 {
        // Each on a connection of its own: one that was kept open may have been the longest silent one.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        for path in ["/healthz", "/api/scaling-mode/config"] {
            assert_eq!(answer(client.get(format!("{}{path}", server.url))).await.status, 200, "{path}");
        }
    }
    drop(half);
}

#[tokio::test]
async fn connections_whose_bodies_never_come_make_room_for_others() {
    let server = Server::start_with_files(300).await;
    let head = "POST /api/scaling-mode/forms/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\n";
    // Each is busy before the next one comes: the server asks for its body.
    let silent = |_| {
        let mut stream = sent(&server, head.as_bytes());
        assert_eq!(status_of(&mut stream), "100");
        stream
    };
    let mut all: Vec<TcpStream> = (0..400).map(silent).collect();
    for _ in 0..10 {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        assert_eq!(answer(client.get(format!("{}/healthz", server.url))).await.status, 200);
    }
    // The first was closed to make room, and not answered with 408 because its time was over.
    let mut rest = Vec::new();
    let _ = all[0].read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("408"), "{}", String::from_utf8_lossy(&rest));
}

/// One thread does everything that doesn't wait here, so a body that takes long to read would stop the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_keeps_no_other_request_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("TOKIO_WORKER_THREADS", "1")]).await;
    let sample = json!({"signal": "nope", "at": "never", "value": "1", "unit": "none"});
    let large = json!({"environment": "production", "source": "large", "samples": vec![sample; 150_000]}).to_string();
    let mut sent_first = Box::pin(answer(
        server.request(Method::POST, "/api/telemetry").header("content-type", "application/json").body(large),
    ));
    let (began, mut probed, mut longest) = (clock::instant(), clock::instant(), Duration::ZERO);
    let refused = loop {
        tokio::select! {
            biased;
            refused = &mut sent_first => break refused,
            probe = server.get("/healthz") => {
                assert_eq!(probe.status, 200);
                longest = longest.max(probed.elapsed());
                probed = clock::instant();
            }
        }
    };
    // One that is under way when the large body is answered counts, too.
    longest = longest.max(probed.elapsed());
    assert_eq!(refused.status, 422, "{}", refused.text.chars().take(300).collect::<String>());
    let whole = began.elapsed();
    assert!(longest < whole / 2, "a probe took {longest:?} of {whole:?}");
}

#[tokio::test]
async fn heads_that_never_end_are_refused_when_they_are_large() {
    let server = Server::start().await;
    let half = [b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ".to_vec(), vec![b'x'; 100_000]].concat();
    let mut stream = sent(&server, &half);
    // Immediately, and not when its time is over.
    assert_eq!(status_of(&mut stream), "431");
    let whole = [b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ".to_vec(), vec![b'x'; 40_000], b"\r\n\r\n".to_vec()];
    assert_eq!(status_of(&mut sent(&server, &whole.concat())), "200");
}

/// ASVS 1.4.3, 5.2.1.
#[tokio::test]
async fn bodies_at_open_endpoints_are_small_and_memory_comes_back() {
    let server = Server::start().await;
    let before = memory(&server);
    let form = "content-type: application/x-www-form-urlencoded";
    for path in ["/api/scaling-mode/forms/sign-in", "/api/scaling-mode/forms/passkey-sign-in", "/founder/theme"] {
        for _ in 0..100 {
            let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{form}\r\ncontent-length: 2097152\r\n\r\n");
            assert_eq!(status_of(&mut sent(&server, head.as_bytes())), "413", "{path}");
        }
        // Without a length it is read no further than it may be.
        let chunked = [
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n")
                .into_bytes(),
            format!("{:x}\r\n", 32 * 1024).into_bytes(),
            vec![b'x'; 32 * 1024],
            b"\r\n".to_vec(),
        ]
        .concat();
        assert_eq!(status_of(&mut sent(&server, &chunked)), "413", "{path}");
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown <= 64, "{grown} MiB");
}

#[tokio::test]
async fn telemetry_takes_16_mib_as_the_documents_say() {
    let server = Server::start().await;
    let filler = "x".repeat(15 * 1024 * 1024);
    let sent = server.post("/api/telemetry", &json!({"source": filler, "samples": []})).await;
    assert_eq!(sent.status, 422, "it is read, and refused for what it says: {}", sent.text);
    let head = head("/api/telemetry", 17 * 1024 * 1024, "");
    assert_eq!(status_of(&mut self::sent(&server, &head)), "413");
}

/// A frame of HTTP/2: its kind, flags, stream and content.
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a short one").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

/// A peer of HTTP/2 that asks for the whole description of the interface 32 times and never lets any of it come (RFC 9113, 6.9.2).
fn takes_nothing(server: &Server) -> TcpStream {
    let (_, host) = server.url.split_once("://").expect("an address");
    let field = |name: &str, value: &str| {
        let texts =
            [name, value].map(|text| [&[u8::try_from(text.len()).expect("a short one")], text.as_bytes()].concat());
        [vec![0], texts.concat()].concat()
    };
    let request = [
        field(":method", "GET"),
        field(":scheme", "http"),
        field(":path", "/api/openapi.json"),
        field(":authority", host),
    ]
    .concat();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    for request_of in 0..32u32 {
        bytes.extend(frame(1, 0x5, 2 * request_of + 1, &request));
    }
    sent(server, &bytes)
}

/// How long it takes until the server ends a connection whose peer answers that it is alive.
fn ended_after(mut stream: TcpStream) -> Duration {
    let began = clock::instant();
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).expect("a length");
        let mut content = vec![0; length];
        if stream.read_exact(&mut content).is_err() {
            break;
        }
        let answer = match (head[3], head[4]) {
            (4, 0) => frame(4, 1, 0, &[]),
            (6, 0) => frame(6, 1, 0, &content),
            _ => continue,
        };
        if stream.write_all(&answer).is_err() {
            break;
        }
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_a_peer_of_http2_does_not_take_are_bounded_in_time_and_number() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/openapi.json").await.status, 200);
    let before = memory(&server);
    // 64 connections with 2.7 MB each are more than may wait: some are ended immediately.
    let peers: Vec<_> =
        (0..64).map(|_| takes_nothing(&server)).map(|peer| std::thread::spawn(|| ended_after(peer))).collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(memory(&server) < before + 128, "{} MiB, {before} before", memory(&server));
    assert_eq!(server.get("/readyz").await.status, 200);
    // All the others end after 30 s in which nothing was taken: who ends before has made room.
    let lasted: Vec<_> = peers.into_iter().map(|peer| peer.join().expect("it ends")).collect();
    let made_room = lasted.iter().filter(|lasted| **lasted < Duration::from_secs(30)).count();
    assert!((10..64).contains(&made_room), "{made_room} made room: {lasted:?}");
}

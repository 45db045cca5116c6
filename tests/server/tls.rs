//! Owns what the real server promises over TLS: HTTPS with the certificate of the settings and with a renewed one, nothing to
//! those who speak none, no start with a certificate that clients would refuse.

use crate::serving::{Server, command};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, Version};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A certificate of its own for 127.0.0.1, in `folder` with its key: what a client must know to trust it.
fn certified(folder: &Path, ends: i32) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    parameters.not_after = rcgen::date_time_ymd(ends, 1, 1);
    let certificate = parameters.self_signed(&key).expect("a certificate").pem();
    write_key(folder, &key.serialize_pem(), 0o600);
    std::fs::write(folder.join("certificate.pem"), &certificate).expect("the certificate's file");
    Certificate::from_pem(certificate.as_bytes()).expect("a certificate")
}

fn write_key(folder: &Path, key: &str, mode: u32) {
    let path = folder.join("key.pem");
    std::fs::write(&path, key).expect("the key's file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
}

const FLAGS: [&str; 5] = ["--no-demo", "--tls-certificate", "certificate.pem", "--tls-key", "key.pem"];

fn client(trusted: Certificate) -> Client {
    // Where another test was first, its choice is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let idle = Duration::from_secs(8);
    let client = Client::builder().tls_certs_only([trusted]).pool_idle_timeout(idle).timeout(Duration::from_secs(20));
    client.build().expect("a client")
}

fn signal(server: &Server, name: &str) {
    let sent = Command::new("kill").args([name, &server.process().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// ASVS 4.1.2, 12.2.1.
#[tokio::test]
async fn https_is_spoken_and_nothing_else_at_that_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = certified(folder.path(), 2100);
    let mut server = Server::start_over_tls(folder.path(), &FLAGS, client(trusted)).await;

    // Each cookie in a header of its own, as browsers send them over HTTP/2.
    let page = server.request(reqwest::Method::GET, "/founder/scaling-mode").header("cookie", "first=1");
    let page = page.header("cookie", "scaling-mode-theme=dark").send().await.expect("an answer");
    assert_eq!((page.status().as_u16(), page.version()), (200, Version::HTTP_2));
    assert_eq!(page.headers()["strict-transport-security"], "max-age=31536000");
    let page = page.text().await.expect("a page");
    assert!(page.contains(&format!("{}/api/telemetry", server.url)) && page.contains("data-theme=\"dark\""), "{page}");
    let written = server
        .put("/api/scaling-mode/config", &serde_json::json!({"action": "set_mode", "mode": "pilot", "old_mode": "lab"}))
        .await;
    assert_eq!(written.status, 200, "{written:?}");

    // A client that says nothing keeps nobody waiting; one that speaks no TLS is not answered, and not left waiting.
    let host = server.url.trim_start_matches("https://").to_owned();
    let _silent = std::net::TcpStream::connect(&host).expect("a connection");
    let mut plain = std::net::TcpStream::connect(&host).expect("a connection");
    plain.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    plain.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).expect("it is sent");
    let mut answered = Vec::new();
    match plain.read_to_end(&mut answered) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert!(!String::from_utf8_lossy(&answered).contains("HTTP"), "{answered:?}");
    assert_eq!(server.get("/healthz").await.status, 200);

    // With that connection still open, the server ends as it always did.
    signal(&server, "-TERM");
    assert_eq!(server.ended(Duration::from_secs(8)).await, Some(0));
}

#[tokio::test]
async fn clients_that_never_shake_hands_keep_nobody_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = certified(folder.path(), 2100);
    let server = Server::start_over_tls(folder.path(), &FLAGS, client(trusted.clone())).await;
    let host = server.url.trim_start_matches("https://").to_owned();
    // More than shake hands at the same time.
    let silent: Vec<_> = (0..700).map(|_| std::net::TcpStream::connect(&host).expect("a connection")).collect();
    let answer = client(trusted.clone()).get(format!("{}/healthz", server.url)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    // It did not wait until all of those that came first had had their 10 s: most of them are still shaking hands.
    let is_open = |stream: &&std::net::TcpStream| {
        stream.set_nonblocking(true).expect("a socket");
        stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let (first, open) = (!is_open(&&silent[0]), silent[..512].iter().filter(is_open).count());
    assert!(first && open > 100, "the first has ended: {first}; {open} of the first 512 are open");
}

/// ASVS 12.2.2.
#[tokio::test]
async fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = certified(folder.path(), 2100);
    let server = Server::start_over_tls(folder.path(), &FLAGS, client(first.clone())).await;
    let url = format!("{}/healthz", server.url);
    let answers = async |trusted: &Certificate| client(trusted.clone()).get(&url).send().await.is_ok();

    let elsewhere = tempfile::tempdir().expect("a folder");
    let second = certified(elsewhere.path(), 2100);
    std::fs::copy(elsewhere.path().join("key.pem"), folder.path().join("key.pem")).expect("a copy");
    signal(&server, "-HUP");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(answers(&first).await, "half of the new files ended the old certificate");

    std::fs::copy(elsewhere.path().join("certificate.pem"), folder.path().join("certificate.pem")).expect("a copy");
    signal(&server, "-HUP");
    for _ in 0..100 {
        if answers(&second).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(answers(&second).await && !answers(&first).await, "the new certificate is not in use");
}

#[tokio::test]
async fn a_certificate_that_clients_would_refuse_ends_the_start_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let (code, _, error) = command(folder.path(), &[&["serve", "--addr", "127.0.0.1:0"], &FLAGS[..]].concat());
        assert!(!error.contains("PRIVATE"), "{error}");
        (code, error)
    };
    let said = |words: &str| {
        let (code, error) = start();
        assert!(code == 3 && error.contains(words) && error.contains("HTTPS cannot be spoken"), "{code}: {error}");
    };
    said("the file certificate.pem cannot be read");
    let _ = certified(folder.path(), 2020);
    said("the certificate in certificate.pem ended on 2020-01-01");
    let _ = certified(folder.path(), 2100);
    write_key(folder.path(), &KeyPair::generate().unwrap().serialize_pem(), 0o644);
    said("key.pem can be read by others: chmod 600 key.pem");
    write_key(folder.path(), &KeyPair::generate().unwrap().serialize_pem(), 0o640);
    said("do not belong together");
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    said("the file key.pem holds no private key in PEM form");
    std::fs::write(folder.path().join("certificate.pem"), "").unwrap();
    said("the file certificate.pem holds no certificate in PEM form");
    assert!(!folder.path().join("scaling-mode.db").exists(), "the start wrote a store before it was refused");
    let (code, _, error) = command(folder.path(), &["serve", "--tls-key", "key.pem"]);
    assert!(code == 2 && error.contains("tls_certificate is missing"), "{code}: {error}");
}

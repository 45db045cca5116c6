//! Before the first account, a program needs a credential as soon as it holds anything by which other machines could reach it: a socket of
//! another network or of another kind, in any of its threads, at any time. What browsers and scripts hold opens the server as before.

use crate::local::is_root;
use crate::serving::Server;
use serde_json::json;
use std::process::{Child, Command, Stdio};

/// A program of the server's user: it opens what it gets as its argument, and says what the server answers it.
const PROGRAM: &str = include_str!("local_sockets.py");

fn program(server: &Server, holds: &str) -> Child {
    let (_, port) = server.url.rsplit_once(':').expect("a port");
    Command::new("python3")
        .args(["-c", PROGRAM, port, holds])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts")
}

/// The last line that the program has said, if this system has what it should hold.
fn said(server: &Server, holds: &str) -> Option<String> {
    let output = program(server, holds).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{holds}: {said}");
    if said.ends_with("not supported") {
        eprintln!("NOT TESTED: this system has no {holds}");
        return None;
    }
    Some(said)
}

#[tokio::test]
async fn a_listener_in_another_network_opens_nothing_whichever_program_or_thread_holds_it() {
    if !is_root() {
        eprintln!("NOT TESTED: only root can make another network");
        return;
    }
    let server = Server::start().await;
    for holds in ["a listener of another network", "a thread in another network", "a socket of another network"] {
        if let Some(said) = said(&server, holds) {
            assert_eq!(said, "200 401", "{holds}");
        }
    }
}

#[tokio::test]
async fn sockets_of_other_kinds_open_nothing() {
    let server = Server::start().await;
    for holds in [
        "a listener of vsock",
        "a socket of UDP-Lite",
        "a raw socket",
        "a packet socket",
        "a listener of MPTCP",
        "a listener of SCTP",
        "a listener of DCCP",
        "packets by netlink",
        "a network device",
        "a listener in io_uring",
        "a listener of a thread with files of its own",
        "a socket of UDP",
    ] {
        if let Some(said) = said(&server, holds) {
            assert_eq!(said, "200 401", "{holds}");
        }
    }
}

#[tokio::test]
async fn what_browsers_and_scripts_hold_needs_no_credential() {
    let server = Server::start().await;
    for holds in [
        "nothing",
        "Unix sockets",
        "Unix sockets of another network",
        "routes by netlink",
        "a connection that has broken",
        "a connected socket of UDP",
        "a listener on loopback",
        "an empty io_uring",
        "threads",
    ] {
        if holds.contains("another network") && !is_root() {
            eprintln!("NOT TESTED: only root can make another network");
            continue;
        }
        if let Some(said) = said(&server, holds) {
            assert_eq!(said, "200 200", "{holds}");
        }
    }
}

#[tokio::test]
async fn a_connection_from_before_the_listener_opens_nothing_after_it() {
    let server = Server::start().await;
    for holds in ["a connection", "a body", "a connection for an act"] {
        assert_eq!(said(&server, holds).expect("every system has it"), "200 401", "{holds}");
    }
    let history = server.command(&["history", "--json", "--log", "warn"]).1;
    assert!(!history.contains("not mine to do"), "{history}");
}

#[tokio::test]
async fn a_live_stream_ends_once_its_program_listens() {
    use std::io::{BufRead, BufReader, Read, Write};
    let server = Server::start().await;
    let mut child = program(&server, "a stream");
    let mut input = child.stdin.take().expect("its input");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "200 and listens\n");
    // Somebody acts: the stream would tell it.
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "for the founder alone"});
    assert_eq!(server.put("/api/scaling-mode/config", &freeze).await.status, 200);
    input.write_all(b"acted\n").expect("it listens");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("its end");
    let _ = child.wait();
    assert_eq!(rest, "ended without the event\n");
}

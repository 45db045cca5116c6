//! Owns what the live stream promises: an open page hears of a new event within a second, of what it missed first, and the
//! end of nothing else.

use crate::serving::Server;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

const EVENTS: &str = "/api/scaling-mode/events";

/// One message as it is in the stream.
#[derive(Debug, PartialEq)]
struct Told {
    data: Value,
    event: String,
    id: Option<u64>,
}

/// A stream that is being listened to.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(server: &Server, query: &str, last: Option<u64>) -> Stream {
        Stream::open_at(server, query, last.map(|last| last.to_string()).as_deref()).await
    }

    async fn open_at(server: &Server, query: &str, last: Option<&str>) -> Stream {
        let mut request = server.client.get(format!("{}{EVENTS}{query}", server.url));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, text: String::new() }
    }

    /// The next message; beats, which show that the connection is alive, don't count.
    async fn next(&mut self) -> Told {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = message.to_owned();
                self.text = rest.to_owned();
                let field = |name: &str| {
                    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
                };
                if let Some(event) = field("event").filter(|event| event != "beat") {
                    let id = field("id").map(|id| id.parse().unwrap());
                    return Told { data: serde_json::from_str(&field("data").unwrap()).unwrap(), event, id };
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.expect("a message in time").unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

async fn freeze(server: &Server, action: &str) {
    let changed = server.put("/api/scaling-mode/config", &json!({"action": action, "reason": "to see it told"})).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

#[tokio::test]
async fn a_new_event_is_sent_and_what_was_missed_comes_first() {
    let server = Server::start().await;
    let mut stream = Stream::open(&server, "", None).await;
    freeze(&server, "freeze").await;
    let told = stream.next().await;
    assert_eq!((told.event.as_str(), &told.data["type"]), ("history", &json!("frozen")));
    let seen = told.id.unwrap();
    drop(stream);
    freeze(&server, "unfreeze").await;
    let mut again = Stream::open(&server, "", Some(seen)).await;
    let mut next = again.next().await;
    // The act is followed by a fresh answer, no matter in which order the stream was left.
    while next.data["type"] == "snapshot_recorded" {
        next = again.next().await;
    }
    assert_eq!(next.data["type"], "unfrozen");
    assert!(next.id.unwrap() > seen);
}

#[tokio::test]
async fn a_page_goes_on_from_where_it_was_made_and_hears_nothing_twice() {
    let server = Server::start().await;
    freeze(&server, "freeze").await;
    let history = server.get("/api/scaling-mode/history?limit=1").await;
    let head = history.json["events"][0]["seq"].as_u64().unwrap();
    let mut stream = Stream::open(&server, &format!("?environment=production&after={head}"), None).await;
    freeze(&server, "unfreeze").await;
    assert_eq!(stream.next().await.id, Some(head + 1));
    assert_eq!(stream.next().await.id, Some(head + 2));
}

#[tokio::test]
async fn a_listener_who_knows_more_than_the_history_has_is_sent_to_look_again() {
    let server = Server::start().await;
    freeze(&server, "freeze").await;
    let history = server.get("/api/scaling-mode/history?limit=1").await;
    let head = history.json["events"][0]["seq"].as_u64().unwrap();
    // As after a backup was restored: by the header of a browser, by the parameter of a page, and by what is no place at all.
    for (query, last) in [
        (String::new(), Some((head + 7).to_string())),
        (String::new(), Some("18446744073709551615".to_owned())),
        (String::new(), Some("soon".to_owned())),
        (format!("?environment=production&after={}", head + 1), None),
        ("?environment=production&after=9223372036854775808".to_owned(), None),
    ] {
        let mut stream = Stream::open_at(&server, &query, last.as_deref()).await;
        let told = stream.next().await;
        assert_eq!((told.event.as_str(), told.id), ("behind", Some(head)), "{query} {last:?}");
    }
    // A listener that knows the newest event hears only what happens next, and so does one that got the head.
    let mut known = Stream::open(&server, "", Some(head)).await;
    let mut beyond = Stream::open(&server, "", Some(head + 7)).await;
    assert_eq!(beyond.next().await.event, "behind");
    freeze(&server, "unfreeze").await;
    for stream in [&mut known, &mut beyond] {
        assert_eq!(stream.next().await.id, Some(head + 1));
    }
}

#[tokio::test]
async fn a_listener_who_missed_much_gets_the_oldest_of_it_and_that_there_is_more() {
    let server = Server::start().await;
    for turn in 0..101 {
        freeze(&server, if turn % 2 == 0 { "freeze" } else { "unfreeze" }).await;
    }
    let history = server.get("/api/scaling-mode/history?limit=1").await;
    let head = history.json["events"][0]["seq"].as_u64().unwrap();
    assert!(head > 201, "{head}");
    let mut stream = Stream::open(&server, "", Some(1)).await;
    for seq in 2..=201 {
        assert_eq!(stream.next().await.id, Some(seq));
    }
    let told = stream.next().await;
    assert_eq!((told.event.as_str(), told.id), ("behind", Some(head)));
    freeze(&server, "unfreeze").await;
    assert_eq!(stream.next().await.id, Some(head + 1));
}

#[tokio::test]
async fn arriving_telemetry_is_announced_to_its_own_environment() {
    let server = Server::start().await;
    let mut stream = Stream::open(&server, "?environment=production", None).await;
    #[expect(clippy::disallowed_methods, reason = "a test sends a sample of now, as a source does")]
    let at = (chrono::Utc::now() - chrono::Duration::minutes(1)).to_rfc3339();
    let sample = json!({"signal": "clients.active", "at": at, "value": 3, "unit": "clients"});
    let sent = server.post("/api/telemetry", &json!({"source": "test", "samples": [sample]})).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let told = stream.next().await;
    assert_eq!((told.event.as_str(), told.id), ("telemetry", None));
    assert_eq!(told.data["signals"], json!(["clients.active"]));
    // A listener who was on the way when it came gets it, and one who has it already does not.
    let mut late = Stream::open(&server, "?environment=production&since=1", None).await;
    assert_eq!(late.next().await.event, "telemetry");
    let mut later = Stream::open(&server, "?environment=production&since=32503680000000", None).await;
    freeze(&server, "freeze").await;
    assert_eq!(later.next().await.event, "history");
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_said_so() {
    let server = Server::start().await;
    let answer = server.get(&format!("{EVENTS}?environment=nowhere")).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (404, "application/problem+json"));
}

#[tokio::test]
async fn a_parameter_that_cannot_be_read_is_malformed_and_opens_nothing() {
    let server = Server::start().await;
    for query in ["after=soon", "aftr=7"] {
        let answer = server.get(&format!("{EVENTS}?{query}")).await;
        assert_eq!(
            (answer.status, &answer.json["type"]),
            (400, &json!("urn:scaling-mode:problem:malformed")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_page_is_made_again_as_soon_as_something_is_committed() {
    let server = Server::start().await;
    let page = "/founder/scaling-mode";
    assert!(!server.get(page).await.text.contains("Frozen by the founder."));
    freeze(&server, "freeze").await;
    assert!(server.get(page).await.text.contains("Frozen by the founder."));
}

/// ASVS 1.3.2, 14.2.3.
#[tokio::test]
async fn every_page_comes_under_a_policy_that_lets_nothing_inline_run_but_its_own() {
    let server = Server::start().await;
    for page in ["/founder/scaling-mode", "/founder/scaling-mode", "/founder/scaling-mode/events/1", "/nowhere"] {
        let response = server.client.get(format!("{}{page}", server.url)).send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let body = response.text().await.unwrap();
        assert!(!policy.contains("unsafe-inline") && policy.contains("default-src 'none'"), "{policy}");
        assert!(["'unsafe-eval'", "http:", "https:"].iter().all(|allowed| !policy.contains(allowed)), "{policy}");
        let scripts: Vec<&str> = body
            .split("<script")
            .skip(1)
            .filter_map(|rest| rest.split_once('>')?.1.split_once("</script"))
            .map(|(script, _)| script)
            .collect();
        for script in &scripts {
            let hash = BASE64_STANDARD.encode(Sha256::digest(script.as_bytes()));
            assert!(script.is_empty() || policy.contains(&format!("'sha256-{hash}'")), "{page}: {script:.80}");
        }
        assert_eq!(
            policy.matches("'sha256-").count(),
            scripts.iter().filter(|script| !script.is_empty()).count(),
            "{page}"
        );
        assert!(!body.contains(" nonce="), "{page}");
        assert!(!body.contains(" style=\"") && !body.contains("<style"), "{page} has an inline style");
    }
}

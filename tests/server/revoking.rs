//! A server remembers who a credential belongs to. A revoked credential must act nowhere after a second: revoked by this server, by
//! the command line, or by another server on the same database.

use crate::database_failures::{Way, until, url, way_to};
use crate::databases;
use crate::people::{Caller, create, sign_in, token};
use crate::serving::{Server, answer};
use reqwest::Method;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const HEALTH: &str = "/api/scaling-mode/health?environment=production";
const EMAIL: &str = "vera@example.com";

/// How long what another process revokes may go on acting.
const LATEST: Duration = Duration::from_secs(1);

/// The requests that are refused once something is revoked, with their status.
type Case<'a> = (&'a Caller, u16, &'static str);

/// Revokes something that is remembered, and asks once more when it must act no longer.
async fn refused_after(asked: &Server, wait: Duration, (caller, refused, what): Case<'_>, revoke: impl AsyncFnOnce()) {
    // The second answer is given from memory.
    for _ in 0..2 {
        assert_eq!(status(asked, caller).await, 200, "{what}");
    }
    revoke().await;
    tokio::time::sleep(wait).await;
    assert_eq!(status(asked, caller).await, refused, "{what}");
}

async fn status(server: &Server, caller: &Caller) -> u16 {
    answer(caller.dress(server.request(Method::GET, HEALTH))).await.status
}

/// Posts a form as the founder.
async fn act(server: &Server, founder: &str, form: &str, body: &str) {
    let request = server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{form}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", founder)
        .header("sec-fetch-site", "same-origin")
        .body(body.to_owned());
    let answer = answer(request).await;
    assert_eq!(answer.status, 200, "{form}: {}", answer.text);
}

/// The id of a token, as a founder sees it.
async fn id_of(server: &Server, founder: &str, name: &str) -> i64 {
    let request = server.request(Method::GET, "/api/scaling-mode/people").header("cookie", founder);
    let people = answer(request).await;
    let tokens = people.json["tokens"].as_array().expect("a list");
    let found = tokens.iter().find(|token| token["name"] == name).expect("it is there");
    found["id"].as_i64().expect("an id")
}

/// Everything that can be revoked, each by its own way, with what it opens before.
async fn each_is_refused_after(asked: &Server, revoking: &Server, arguments: &[&str], wait: Duration) {
    create(revoking, EMAIL, "founder", None);
    let founder = sign_in(revoking, EMAIL).await;
    let viewer = |number: u32| format!("viewer{number}@example.com");
    for number in 1..=3 {
        create(revoking, &viewer(number), "viewer", Some("production"));
    }
    tokio::time::sleep(wait).await;
    let of_token = |name: &str| Caller::Token {
        scopes: vec!["health:read"],
        token: token(revoking, name, &["health:read"], Some("production")),
    };
    let of_person = async |number: u32| Caller::Person { cookie: sign_in(asked, &viewer(number)).await, role: 'v' };
    let command = |more: &[&str]| {
        let all: Vec<&str> = more.iter().chain(arguments).copied().collect();
        let (code, _, error) = revoking.command(&all);
        assert_eq!(code, 0, "{error}");
    };
    let (one, other, role, session, person) =
        (of_token("one"), of_token("other"), of_person(1).await, of_person(2).await, of_person(3).await);
    let cookie = |caller: &Caller| match caller {
        Caller::Person { cookie, .. } => cookie.clone(),
        _ => String::new(),
    };
    let id = id_of(revoking, &founder, "other").await;
    let (signed_in, founder) = (cookie(&session), founder.as_str());
    refused_after(asked, wait, (&one, 401, "a token, by the command line"), async || {
        command(&["token", "revoke", "one"])
    })
    .await;
    refused_after(asked, wait, (&other, 401, "a token, by a founder"), async || {
        act(revoking, founder, "revoke-token", &format!("id={id}")).await;
    })
    .await;
    refused_after(asked, wait, (&role, 403, "a role, by a founder"), async || {
        act(revoking, founder, "set-role", "email=viewer1%40example.com&environment=production&role=").await;
    })
    .await;
    refused_after(asked, wait, (&session, 401, "a session, by signing out"), async || {
        act(revoking, &signed_in, "sign-out", "").await;
    })
    .await;
    refused_after(asked, wait, (&person, 401, "a person, by the command line"), async || {
        command(&["person", "disable", "viewer3@example.com"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_revoked_on_sqlite_acts_no_more() {
    let server = Server::start().await;
    each_is_refused_after(&server, &server, &["--log", "warn"], LATEST).await;
}

fn folder_of_key() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secrets.key");
    std::fs::write(&path, "07".repeat(32)).expect("a key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its permissions");
    folder
}

#[tokio::test]
async fn what_another_server_revokes_acts_no_more_a_second_later() {
    let database = databases::Server::postgres();
    let url = format!("postgres://founder@127.0.0.1:{}/postgres", database.port);
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    // Several servers on one database share the key that sessions are sealed with.
    let key = folder_of_key();
    let key = key.path().join("secrets.key").display().to_string();
    let variables = [("DATABASE_URL", url.as_str()), ("SCALING_MODE_SECRETS_KEY_FILE", &key)];
    let asked = Server::start_in_with(here.path(), &["--no-demo"], &variables).await;
    let revoking = Server::start_in_with(there.path(), &["--no-demo"], &variables).await;
    std::fs::write(there.path().join("scaling-mode.toml"), format!("database_url = \"{url}\"\n")).expect("settings");
    each_is_refused_after(&asked, &revoking, &["--log", "warn"], LATEST).await;
}

#[tokio::test]
async fn a_page_that_listens_hears_nothing_a_second_after_its_token_is_revoked() {
    let server = Server::start().await;
    create(&server, EMAIL, "founder", None);
    let reading = token(&server, "reading", &["health:read"], Some("production"));
    let acting = token(&server, "acting", &["config:write"], Some("production"));
    let freeze = async |action: &str| {
        let body = json!({"environment": "production", "action": action, "reason": "a test"});
        let request = server.request(Method::PUT, "/api/scaling-mode/config").bearer_auth(&acting).json(&body);
        assert_eq!(answer(request).await.status, 200);
    };
    let request = server.request(Method::GET, "/api/scaling-mode/events?environment=production").bearer_auth(&reading);
    let mut stream = request.send().await.expect("a stream");
    assert_eq!(stream.status(), 200);
    freeze("freeze").await;
    let heard = stream.chunk().await.expect("it goes on").expect("an event");
    assert!(String::from_utf8_lossy(&heard).contains("event: history"), "{heard:?}");
    assert_eq!(server.command(&["token", "revoke", "reading", "--log", "warn"]).0, 0);
    tokio::time::sleep(LATEST).await;
    freeze("unfreeze").await;
    while let Some(heard) = stream.chunk().await.expect("it ends") {
        let text = String::from_utf8_lossy(&heard).into_owned();
        assert!(!text.contains("unfrozen"), "{text}");
    }
}

/// How a caller's reading is answered: its status, and whether it is from memory because the database is away.
async fn reading(server: &Server, caller: &Caller) -> (u16, bool) {
    let response = caller.dress(server.request(Method::GET, HEALTH)).send().await.expect("an answer in time");
    (response.status().as_u16(), response.headers().contains_key("cache-status"))
}

/// While the database is away those who were known go on reading, but nobody whose right this server has taken away itself; what
/// others have revoked is known as soon as the database answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_database_brings_no_revoked_right_back() {
    let database = databases::Server::postgres();
    let (port, way) = way_to(database.port).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("DATABASE_URL", &url(port))]).await;
    // The command line reaches the database at any time.
    std::fs::write(folder.path().join("scaling-mode.toml"), format!("database_url = \"{}\"\n", url(database.port)))
        .expect("settings");
    create(&server, EMAIL, "founder", None);
    let founder = sign_in(&server, EMAIL).await;
    let of_token = |name: &str| Caller::Token {
        scopes: vec!["health:read"],
        token: token(&server, name, &["health:read"], Some("production")),
    };
    let (gone, kept) = (of_token("gone"), of_token("kept"));
    let signed_out = Caller::Person { cookie: sign_in(&server, EMAIL).await, role: 'f' };
    let Caller::Person { cookie, .. } = &signed_out else { unreachable!("a person") };
    // Somebody who reads two environments, and loses one of them.
    assert_eq!(server.command(&["environment", "create", "trial", "--kind", "live", "--log", "warn"]).0, 0);
    create(&server, "vera@example.org", "viewer", Some("production"));
    act(&server, &founder, "set-role", "email=vera%40example.org&environment=trial&role=viewer").await;
    let vera = Caller::Person { cookie: sign_in(&server, "vera@example.org").await, role: 'v' };
    let trial = async || {
        let config = "/api/scaling-mode/config?environment=trial";
        answer(vera.dress(server.request(Method::GET, config))).await.status
    };
    let id = id_of(&server, &founder, "gone").await;
    until("both are read", async || reading(&server, &vera).await == (200, false) && trial().await == 200).await;
    for caller in [&gone, &kept, &signed_out] {
        until("it is read", async || reading(&server, caller).await == (200, false)).await;
    }
    act(&server, &founder, "revoke-token", &format!("id={id}")).await;
    act(&server, cookie, "sign-out", "").await;
    act(&server, &founder, "set-role", "email=vera%40example.org&environment=production&role=").await;
    assert_eq!(trial().await, 200);
    assert_eq!(reading(&server, &kept).await.0, 200);
    way.send_replace(Way::Shut);
    until("the outage is noticed", async || reading(&server, &kept).await == (200, true)).await;
    for (caller, what) in [(&gone, "a token"), (&signed_out, "a session")] {
        let (status, _) = reading(&server, caller).await;
        assert!([401, 503].contains(&status), "{what}, revoked by this server: {status}");
    }
    assert_eq!(trial().await, 200, "she goes on reading what is hers");
    let (status, _) = reading(&server, &vera).await;
    assert!([403, 404, 503].contains(&status), "what she read under a role that was taken from her: {status}");
    // This one is revoked while the server cannot know it: it reads what was read before, and no more.
    assert_eq!(server.command(&["token", "revoke", "kept", "--log", "warn"]).0, 0);
    assert_eq!(reading(&server, &kept).await, (200, true));
    way.send_replace(Way::Open);
    until("the database answers again", async || {
        let (status, is_from_memory) = reading(&server, &kept).await;
        assert!(is_from_memory || status != 200, "nothing that is new is read");
        status == 401
    })
    .await;
}

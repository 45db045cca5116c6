//! Owns what signing in promises: nobody is let in by anything but their proof, a session is new at each sign-in and ends where it should,
//! guesses are slowed down and lock nobody out, no foreign page acts, and no secret is where it could be read.

use crate::people::{PASSWORD, create, sign_in, token};
use crate::serving::{Answer, Server, answer};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

const HEALTH: &str = "/api/scaling-mode/health";

fn form(server: &Server, name: &str, body: &str) -> RequestBuilder {
    server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_owned())
}

/// The same as a browser sends it from the page.
fn from_the_page(server: &Server, name: &str, body: &str, cookies: &str) -> RequestBuilder {
    form(server, name, body)
        .header("accept", "text/html")
        .header("origin", &server.url)
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies)
}

async fn reads(server: &Server, cookies: &str) -> u16 {
    answer(server.request(Method::GET, HEALTH).header("cookie", cookies)).await.status
}

fn session(cookies: &str) -> &str {
    cookies.split("; ").find(|cookie| cookie.starts_with("__Host-scaling-mode=")).expect("a session")
}

async fn with_founder() -> Server {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    server
}

#[tokio::test]
async fn the_first_run_is_open_until_somebody_exists_and_only_to_this_machine() {
    let server = Server::start().await;
    assert_eq!(server.get(HEALTH).await.status, 200);
    let page = server.get("/founder/scaling-mode").await;
    assert!(page.text.contains("Sign-in is off.") && !page.text.contains("/founder/join/"), "{}", page.text);
    for host in ["rebound.example", "localhost:1", "localhost"] {
        let refused = answer(server.request(Method::GET, HEALTH).header("host", host)).await;
        assert!(matches!(refused.status, 401 | 403), "{host}: {refused:?}");
    }
    assert_eq!(server.get(HEALTH).await.status, 200);
    create(&server, "anna@example.com", "founder", None);
    let refused = server.get(HEALTH).await;
    assert_eq!((refused.status, &refused.json["type"]), (401, &json!("urn:scaling-mode:problem:sign-in-required")));
    let led = answer(
        server.request(Method::GET, "/founder/scaling-mode?environment=production").header("accept", "text/html"),
    )
    .await;
    assert_eq!(led.status, 303);
    assert_eq!(led.location.unwrap(), "/founder/sign-in?next=%2Ffounder%2Fscaling%2Dmode%3Fenvironment%3Dproduction");
}

#[test]
fn another_address_is_refused_until_somebody_exists_who_could_sign_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, error) = crate::serving::command(folder.path(), &["serve", "--addr", "0.0.0.0:0", "--log", "warn"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("scaling-mode person create"), "{error}");
}

/// ASVS 6.3.2.
#[tokio::test]
async fn the_founder_comes_by_a_link_that_works_once() {
    let server = Server::start().await;
    let link = server.founders_link();
    let secret = link.strip_prefix("/founder/join/").expect("the page of the link").to_owned();
    assert!(server.get(&link).await.text.contains("founder everywhere"));
    for (password, says) in [("short", "password-short"), ("password123", "password-common")] {
        let body = format!("link={secret}&email=Anna%40Example.com&name=Anna&password={password}");
        let led = answer(from_the_page(&server, "join", &body, "")).await;
        assert!(led.location.as_deref().is_some_and(|to| to.ends_with(says)), "{led:?}");
    }
    let body = format!("link={secret}&email=Anna%40Example.com&name=Anna&password={}", PASSWORD.replace(' ', "+"));
    let joined = from_the_page(&server, "join", &body, "").send().await.unwrap();
    assert_eq!(joined.headers()["location"], "/founder/scaling-mode");
    let cookies: Vec<&str> =
        joined.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    for cookie in &cookies {
        for part in ["__Host-", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
    let cookies = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ");
    assert_eq!(reads(&server, &cookies).await, 200);
    let again = answer(form(&server, "join", &body)).await;
    assert_eq!((again.status, &again.json["type"]), (404, &json!("urn:scaling-mode:problem:link-unusable")));
    let history = answer(
        server.request(Method::GET, "/api/scaling-mode/history?event_type=access_changed").header("cookie", &cookies),
    )
    .await;
    let event = &history.json["events"][0];
    assert_eq!(
        (&event["actor"], &event["address"]),
        (&json!("person:anna@example.com"), &json!("127.0.0.1")),
        "{history:?}"
    );
}

/// ASVS 7.2.4, 7.4.1, 14.3.1.
#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_gone_with_signing_out() {
    let server = with_founder().await;
    // A session id that was planted before is not the one that signing in gives.
    let planted = format!("__Host-scaling-mode={}", "a".repeat(64));
    let body = format!("email=anna%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let response = from_the_page(&server, "sign-in", &body, &planted).send().await.unwrap();
    let cookie = response.headers().get_all("set-cookie").iter().next().unwrap().to_str().unwrap().to_owned();
    assert!(!cookie.contains(&"a".repeat(64)));
    assert_eq!(reads(&server, &planted).await, 401);
    let one = sign_in(&server, "anna@example.com").await;
    let response = from_the_page(&server, "sign-in", &body, &one).send().await.unwrap();
    assert_eq!(response.headers()["location"], "/founder/scaling-mode");
    assert_eq!(reads(&server, &one).await, 401, "the session of before ends with signing in anew");
    let other = sign_in(&server, "anna@example.com").await;
    assert_eq!(reads(&server, &other).await, 200);
    let out = from_the_page(&server, "sign-out", "", &other).send().await.unwrap();
    assert_eq!(out.headers()["location"], "/founder/sign-in?notice=signed-out");
    assert_eq!(out.headers()["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(reads(&server, &other).await, 401);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_are_answered_alike() {
    let server = with_founder().await;
    let tried = |email: &'static str, password: &'static str| {
        let server = &server;
        async move { answer(form(server, "sign-in", &format!("email={email}&password={password}"))).await }
    };
    let (wrong, unknown) =
        (tried("anna%40example.com", "not+this+one").await, tried("bob%40example.com", "not+this+one").await);
    assert_eq!((wrong.status, &wrong.text), (401, &unknown.text));
    assert_eq!(unknown.status, 401);
}

/// ASVS 6.1.1, 6.3.1.
#[tokio::test]
async fn guesses_are_slowed_down_and_keep_nobody_out_of_the_browser_they_know() {
    let server = with_founder().await;
    let known = sign_in(&server, "anna@example.com").await;
    let device = known
        .split("; ")
        .find(|cookie| cookie.starts_with("__Host-scaling-mode-device="))
        .expect("a device")
        .to_owned();
    let mut refused = 0;
    for _ in 0..40 {
        let guess = answer(form(&server, "sign-in", "email=anna%40example.com&password=a+wrong+one")).await;
        assert!(matches!(guess.status, 401 | 429), "{guess:?}");
        if guess.status == 429 {
            refused += 1;
            assert!(guess.json["retry_after"].as_u64().is_some_and(|seconds| (1..=31).contains(&seconds)), "{guess:?}");
        }
    }
    assert!(refused >= 25, "{refused} of 40 were refused");
    let body = format!("email=anna%40example.com&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(answer(form(&server, "sign-in", &body)).await.status, 429);
    assert_eq!(answer(form(&server, "sign-in", &body).header("cookie", device)).await.status, 200);
    // A user who is signed in already notices nothing of it.
    assert_eq!(reads(&server, &known).await, 200);
}

/// ASVS 3.5.1.
#[tokio::test]
async fn a_foreign_page_signs_nobody_in_and_acts_for_nobody() {
    let server = with_founder().await;
    let cookies = sign_in(&server, "anna@example.com").await;
    let names: Vec<String> = leptos::server_fn::axum::server_fn_paths()
        .filter(|(_, method)| *method != Method::GET)
        .map(|(path, method)| format!("{method} {path}"))
        .collect();
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        let (method, path) = name.split_once(' ').unwrap();
        let kind = if path.contains("/forms/") { "application/x-www-form-urlencoded" } else { "application/json" };
        for (header, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = server
                .request(Method::from_bytes(method.as_bytes()).unwrap(), path)
                .header("content-type", kind)
                .header("cookie", &cookies)
                .header(header, value)
                .body("{}");
            let refused = answer(request).await;
            assert_eq!(
                (refused.status, &refused.json["type"]),
                (403, &json!("urn:scaling-mode:problem:foreign-origin")),
                "{name} {header}"
            );
        }
        // With the cookie alone, saying nothing of a page, nobody writes.
        if !["sign-in", "sign-in-code", "join", "open-share"].iter().any(|open| path.ends_with(open)) {
            let request = server
                .request(Method::from_bytes(method.as_bytes()).unwrap(), path)
                .header("content-type", kind)
                .header("cookie", &cookies)
                .body("{}");
            assert_eq!(answer(request).await.status, 403, "{name}");
        }
    }
    assert_eq!(reads(&server, &cookies).await, 200);
}

/// ASVS 14.2.1.
#[tokio::test]
async fn a_secret_is_shown_once_and_stored_nowhere() {
    let server = with_founder().await;
    let cookies = sign_in(&server, "anna@example.com").await;
    let made =
        from_the_page(&server, "make-token", "name=ci&environment=production&days=30&scope.health%3Aread=on", &cookies)
            .send()
            .await
            .unwrap();
    assert_eq!(made.headers()["location"], "/founder/scaling-mode/people#made");
    let shown = made.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let people = |cookies: String| {
        let server = &server;
        async move {
            let response = server
                .request(Method::GET, "/founder/scaling-mode/people")
                .header("cookie", cookies)
                .send()
                .await
                .unwrap();
            let forgets = response
                .headers()
                .get_all("set-cookie")
                .iter()
                .any(|cookie| cookie.to_str().unwrap().contains("-made=; "));
            (response.text().await.unwrap(), forgets)
        }
    };
    let (page, forgets) = people(format!("{cookies}; {shown}")).await;
    assert!(forgets);
    let token = page
        .split("value=\"sm_")
        .nth(1)
        .map(|rest| format!("sm_{}", rest.split('"').next().unwrap()))
        .expect("the token");
    assert_eq!(token.len(), 67);
    assert_eq!(answer(server.request(Method::GET, HEALTH).bearer_auth(&token)).await.status, 200);
    assert!(!people(cookies).await.0.contains(&token));
    for file in std::fs::read_dir(&server.data_dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{}", path.display());
            assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()), "{}", path.display());
        }
    }
}

#[tokio::test]
async fn roles_change_immediately_and_somebody_stays_who_may_do_everything() {
    let server = with_founder().await;
    let anna = sign_in(&server, "anna@example.com").await;
    create(&server, "bob@example.com", "viewer", Some("production"));
    let bob = sign_in(&server, "bob@example.com").await;
    let evaluates = |cookies: String| {
        let server = &server;
        async move {
            answer(
                from_the_page(server, "evaluate", "environment=production", &cookies)
                    .header("accept", "application/json"),
            )
            .await
        }
    };
    assert_eq!(evaluates(bob.clone()).await.status, 403);
    let role = |body: &'static str| {
        let (server, anna) = (&server, &anna);
        async move {
            let request = form(server, "set-role", body).header("sec-fetch-site", "same-origin").header("cookie", anna);
            answer(request).await
        }
    };
    assert_eq!(role("email=bob%40example.com&environment=production&role=operator").await.status, 200);
    assert_eq!(
        answer(
            form(&server, "evaluate", "environment=production")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", &bob)
        )
        .await
        .status,
        200
    );
    assert_eq!(role("email=bob%40example.com&environment=production&role=none").await.status, 200);
    assert_eq!(reads(&server, &bob).await, 403);
    let last = role("email=anna%40example.com&environment=*&role=viewer").await;
    assert_eq!((last.status, &last.json["type"]), (409, &json!("urn:scaling-mode:problem:last-founder")));
    assert_eq!(server.command(&["person", "disable", "anna@example.com", "--log", "warn"]).0, 1);
    assert_eq!(reads(&server, &anna).await, 200);
}

/// ASVS 8.1.2, 8.2.3.
#[tokio::test]
async fn a_share_link_shows_what_was_chosen_and_no_more_until_it_is_revoked() {
    let server = with_founder().await;
    let anna = sign_in(&server, "anna@example.com").await;
    let act = |name: &'static str, body: String| {
        let (server, anna) = (&server, &anna);
        async move { answer(form(server, name, &body).header("sec-fetch-site", "same-origin").header("cookie", anna)).await }
    };
    assert_eq!(act("freeze", "environment=production&reason=the+runway+is+short".to_owned()).await.status, 200);
    let made = act(
        "make-share-link",
        "name=Seed+round&environment=production&days=7&passphrase=kettle+orbit+green&view.timeline=on".to_owned(),
    )
    .await;
    assert_eq!(made.status, 200, "{made:?}");
    let secret = made.json["secret"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    // Looking at the link opens nothing and is not counted.
    let door = server.request(Method::GET, &format!("/founder/share/{secret}")).send().await.unwrap();
    assert_eq!(door.headers()["x-robots-tag"], "noindex, nofollow, noarchive");
    assert!(door.text().await.unwrap().contains("Passphrase"));
    let open = |passphrase: &'static str| {
        let (server, secret) = (&server, &secret);
        async move { form(server, "open-share", &format!("link={secret}&passphrase={passphrase}")).send().await.unwrap() }
    };
    assert_eq!(open("wrong").await.status(), 401);
    let opened = open("kettle+orbit+green").await;
    assert_eq!(opened.status(), 200);
    let guest = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let as_guest = |path: &'static str| {
        let (server, guest) = (&server, &guest);
        async move { answer(server.request(Method::GET, path).header("cookie", guest)).await }
    };
    let shared = as_guest("/api/scaling-mode/shared").await;
    assert_eq!(shared.status, 200, "{shared:?}");
    assert_eq!(
        (&shared.json["answer"], &shared.json["scores"], &shared.json["views"]),
        (&json!(null), &json!([]), &json!(["timeline"]))
    );
    assert_eq!(shared.json["events"][0]["event_type"], "frozen");
    assert!(!shared.text.contains("runway") && !shared.text.contains("anna@"), "{shared:?}");
    for path in [
        "/api/scaling-mode/health",
        "/api/scaling-mode/config",
        "/api/scaling-mode/history",
        "/api/scaling-mode/page",
        "/metrics",
    ] {
        assert_eq!(as_guest(path).await.status, 403, "{path}");
    }
    assert_eq!(as_guest("/api/scaling-mode/shared?environment=this-server").await.status, 404);
    let people: Answer = answer(server.request(Method::GET, "/api/scaling-mode/people").header("cookie", &anna)).await;
    assert_eq!(people.json["share_links"][0]["opened"], 1);
    let history =
        answer(server.request(Method::GET, "/api/scaling-mode/history?event_type=accessed").header("cookie", &anna))
            .await;
    assert_eq!(history.json["events"][0]["actor"], "share-link:Seed round");
    let id = people.json["share_links"][0]["id"].as_i64().unwrap();
    assert_eq!(act("revoke-share-link", format!("id={id}")).await.status, 200);
    assert_eq!(as_guest("/api/scaling-mode/shared").await.status, 401);
    assert_eq!(open("kettle+orbit+green").await.status(), 404);
}

/// ASVS 6.2.2, 6.2.3, 7.1.2, 7.4.3, 7.5.2.
#[tokio::test]
async fn one_sees_and_ends_ones_own_sessions_and_changes_ones_password() {
    let server = with_founder().await;
    let (one, other) = (sign_in(&server, "anna@example.com").await, sign_in(&server, "anna@example.com").await);
    let account = answer(server.request(Method::GET, "/api/scaling-mode/account").header("cookie", &one)).await;
    let sessions = account.json["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["is_this"] == true).count(), 1);
    assert!(
        !account.text.contains(&scaling_mode::server::access::secret::hash(session(&one).split('=').nth(1).unwrap()))
    );
    let id = sessions.iter().find(|session| session["is_this"] == false).unwrap()["id"].as_str().unwrap();
    let act = |name: &'static str, body: String| {
        let (server, one) = (&server, &one);
        async move { answer(form(server, name, &body).header("sec-fetch-site", "same-origin").header("cookie", one)).await }
    };
    assert_eq!(act("end-session", format!("id={id}")).await.status, 200);
    assert_eq!((reads(&server, &one).await, reads(&server, &other).await), (200, 401));
    assert_eq!(act("change-password", "current=wrong&new=kettle+orbit+green".to_owned()).await.status, 401);
    let third = sign_in(&server, "anna@example.com").await;
    let current = PASSWORD.replace(' ', "+");
    assert_eq!(act("change-password", format!("current={current}&new=short")).await.status, 400);
    assert_eq!(act("change-password", format!("current={current}&new=kettle+orbit+green")).await.status, 200);
    assert_eq!((reads(&server, &one).await, reads(&server, &third).await), (200, 401));
}

#[tokio::test]
async fn a_token_sends_telemetry_and_nothing_comes_without_one() {
    let server = with_founder().await;
    let sends = token(&server, "collector", &["telemetry:write"], Some("production"));
    let batch = json!({"source": "test", "samples": []});
    let post = |path: &'static str| server.request(Method::POST, path).json(&batch);
    for path in ["/api/telemetry", "/v1/metrics", "/api/alertmanager"] {
        assert_eq!(answer(post(path)).await.status, 401, "{path}");
    }
    assert_eq!(answer(post("/v1/metrics").bearer_auth(&sends)).await.status, 200);
    assert_eq!(answer(server.request(Method::GET, HEALTH).bearer_auth(&sends)).await.status, 403);
    let basic = answer(server.request(Method::GET, HEALTH).basic_auth("anna@example.com", Some(PASSWORD))).await;
    assert_eq!(basic.status, 401);
}

/// ASVS 2.4.1.
#[tokio::test]
async fn a_credential_that_calls_too_often_is_held_off_and_nobody_else() {
    let server = Server::start_with(&["--no-demo", "--calls-per-second", "1"]).await;
    create(&server, "anna@example.com", "founder", None);
    let (hasty, calm) = (token(&server, "hasty", &["health:read"], None), sign_in(&server, "anna@example.com").await);
    let mut let_in = 0;
    let last = loop {
        let read = answer(server.request(Method::GET, HEALTH).header("authorization", format!("Bearer {hasty}"))).await;
        if read.status != 200 {
            break read;
        }
        let_in += 1;
        assert!(let_in < 1_000, "nobody is held off");
    };
    assert!(let_in >= 10, "{let_in}");
    assert_eq!((last.status, &last.json["type"]), (429, &json!("urn:scaling-mode:problem:too-many-requests")));
    assert!(last.json["retry_after"].as_u64().is_some_and(|seconds| seconds >= 1), "{last:?}");
    assert_eq!(reads(&server, &calm).await, 200);
    // Senders of telemetry would give up what is held off.
    let sender = token(&server, "sender", &["telemetry:write"], None);
    for _ in 0..40 {
        let sent = server.request(Method::POST, "/api/telemetry").header("authorization", format!("Bearer {sender}"));
        assert_eq!(answer(sent.json(&json!({}))).await.status, 400);
    }
    // Requests that anybody may make aren't counted.
    let server = Server::start_with(&["--no-demo", "--calls-per-second", "0"]).await;
    create(&server, "anna@example.com", "founder", None);
    let mine = sign_in(&server, "anna@example.com").await;
    for _ in 0..40 {
        assert_eq!(reads(&server, &mine).await, 200);
    }
}

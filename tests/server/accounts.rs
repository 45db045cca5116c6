//! Whose account is whose: who may set whose password, how often a share link is counted, how much of the live feed is one reader's, that
//! what people write is shown as text and cannot look like something else, and what the log says of who comes.

use crate::people::{PASSWORD, create, sign_in, token};
use crate::second_proof::{code, turn_on};
use crate::serving::{Answer, Server, answer};
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Stdio;

async fn act(server: &Server, name: &str, body: &str, cookie: &str) -> Answer {
    let request = server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookie)
        .body(body.to_owned());
    answer(request).await
}

#[tokio::test]
async fn only_a_founder_of_everything_sends_an_account_a_link() {
    let server = Server::start().await;
    assert_eq!(server.command(&["environment", "create", "trial", "--kind", "live", "--log", "warn"]).0, 0);
    create(&server, "anna@example.com", "founder", None);
    create(&server, "tom@example.com", "founder", Some("trial"));
    create(&server, "vera@example.com", "viewer", Some("production"));
    let (anna, tom) = (sign_in(&server, "anna@example.com").await, sign_in(&server, "tom@example.com").await);
    let vera = sign_in(&server, "vera@example.com").await;
    // Without a role at the moment she is nobody's, and all the same not his.
    let without = act(&server, "set-role", "email=vera%40example.com&environment=production&role=none", &anna).await;
    assert_eq!(without.status, 200, "{without:?}");
    for (form, body) in [
        ("invite", "email=vera%40example.com&environment=trial&role=viewer"),
        ("reset-proofs", "email=vera%40example.com"),
        ("disable-person", "email=vera%40example.com"),
    ] {
        let refused = act(&server, form, body, &tom).await;
        assert!(matches!(refused.status, 403 | 404 | 409), "{form}: {refused:?}");
        assert!(!refused.text.contains("/founder/join/"), "{form}: {refused:?}");
    }
    let still = answer(server.request(Method::GET, "/founder/account").header("cookie", &vera)).await;
    assert_eq!(still.status, 200, "she stays signed in: {still:?}");
    // Somebody new is his to invite, and an account is a founder's of everything.
    let new = act(&server, "invite", "email=new%40example.com&environment=trial&role=viewer", &tom).await;
    assert_eq!(new.status, 200, "{new:?}");
    let link = act(&server, "invite", "email=vera%40example.com&environment=production&role=viewer", &anna).await;
    assert_eq!(link.status, 200, "{link:?}");
    // A role that he gives or takes in his environment does not end a link that reaches beyond it, nor a session.
    for role in ["founder", "none"] {
        let body = format!("email=vera%40example.com&environment=trial&role={role}");
        assert_eq!(act(&server, "set-role", &body, &tom).await.status, 200, "{role}");
    }
    let secret = link.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    assert_eq!(server.get(&format!("/founder/join/{secret}")).await.status, 200, "her link still opens");
    let still = answer(server.request(Method::GET, "/founder/account").header("cookie", &vera)).await;
    assert_eq!(still.status, 200, "she stays signed in: {still:?}");
    // Nor does he end a link that reaches further than his own.
    let wide = act(&server, "invite", "email=carl%40example.com&environment=*&role=founder", &anna).await;
    let refused = act(&server, "invite", "email=carl%40example.com&environment=trial&role=viewer", &tom).await;
    assert_eq!((refused.status, &refused.json["type"]), (409, &json!("urn:scaling-mode:problem:person-exists")));
    let secret = wide.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    let joined = act(&server, "join", &format!("link={secret}&name=Carl&password=zebra+lamp+slowly"), "").await;
    assert_eq!(joined.status, 200, "{joined:?}");
    // A link that he made while she had no account ends when she gets one.
    create(&server, "new@example.com", "viewer", Some("production"));
    let secret = new.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    let joined = act(&server, "join", &format!("link={secret}&name=New&password=zebra+lamp+slowly"), "").await;
    assert_eq!(joined.status, 404, "{joined:?}");
    let body = format!("email=new%40example.com&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(act(&server, "sign-in", &body, "").await.status, 200);
}

#[tokio::test]
async fn a_visitor_of_a_share_link_is_counted_once_a_session() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let anna = sign_in(&server, "anna@example.com").await;
    let made = act(&server, "make-share-link", "name=Seed&environment=production&days=7&view.timeline=on", &anna).await;
    let secret = made.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    let mut guest = String::new();
    for _ in 0..40 {
        let opened = server
            .request(Method::POST, "/api/scaling-mode/forms/open-share")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &guest)
            .body(format!("link={secret}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(opened.status(), 200);
        if let Some(cookie) = opened.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()) {
            guest = cookie.split(';').next().expect("a cookie").to_owned();
        }
    }
    let events = |kind: &str| {
        let request = server.request(Method::GET, &format!("/api/scaling-mode/history?event_type={kind}&limit=200"));
        answer(request.header("cookie", &anna))
    };
    let counted = |history: Answer| history.json["events"].as_array().map_or(0, Vec::len);
    assert_eq!(counted(events("accessed").await), 1);
    // A caller who throws the session away each time is slowed down like one who guesses, and does not fill the history.
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(act(&server, "open-share", &format!("link={secret}"), "").await.status == 429);
    }
    assert!(refused > 100, "{refused} of 200 were slowed down");
    assert!(counted(events("accessed").await) < 100);
}

#[tokio::test]
async fn the_live_feed_has_room_for_others_than_one_reader() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let greedy = token(&server, "greedy", &["health:read"], Some("production"));
    let mut listening = Vec::new();
    let listen = |token: String| {
        server.request(Method::GET, "/api/scaling-mode/events?environment=production").bearer_auth(token).send()
    };
    for _ in 0..64 {
        let response = listen(greedy.clone()).await.expect("an answer");
        assert_eq!(response.status(), 200);
        listening.push(response);
    }
    let one_more = listen(greedy).await.expect("an answer");
    assert_eq!(one_more.status(), 503);
    let problem: Value = one_more.json().await.expect("a problem");
    assert!(!problem["title"].as_str().is_some_and(|title| title.contains("store")), "{problem}");
    let other = token(&server, "other", &["health:read"], Some("production"));
    assert_eq!(listen(other).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn what_people_write_cannot_look_like_something_else() {
    let server = Server::start().await;
    for text in [
        "\u{1b}]0;owned\u{7}\u{1b}[31m",
        "one\n2026 forged line",
        "safe\u{202e}gnirts",
        "a\u{200b}b",
        "\u{0}",
        "\u{9b}31m",
    ] {
        let freeze = json!({"environment": "production", "action": "freeze", "reason": format!("why {text} not")});
        let refused = server.put("/api/scaling-mode/config", &freeze).await;
        assert_eq!((refused.status, &refused.json["field"]), (400, &json!("reason")), "{text:?}: {refused:?}");
        let source = json!({"source": format!("shop{text}"), "samples": []});
        assert_eq!(server.post("/api/telemetry", &source).await.status, 422, "{text:?}");
        let (code, _, error) = server.command(&[
            "environment",
            "create",
            &format!("x{}", text.replace('\0', "\u{1}")),
            "--kind",
            "live",
            "--log",
            "warn",
        ]);
        assert_ne!(code, 0, "{text:?}");
        assert!(!error.contains('\u{1b}') && !error.contains('\u{202e}'), "{error:?}");
    }
    // Joined letters and other scripts are words like any other.
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "Zahlungsausfall – 支払い 🙂 عطل"});
    assert_eq!(server.put("/api/scaling-mode/config", &freeze).await.status, 200);
}

/// ASVS 1.1.2, 1.2.1, 1.2.3, 3.2.2.
#[tokio::test]
async fn what_people_write_is_kept_as_it_is_and_shown_as_text() {
    let server = Server::start().await;
    let reason = "</script><img src=x onerror=alert(1)> & \"so on'";
    let freeze = json!({"environment": "production", "action": "freeze", "reason": reason});
    assert_eq!(server.put("/api/scaling-mode/config", &freeze).await.status, 200);
    let history = server.get("/api/scaling-mode/history?event_type=frozen").await;
    assert_eq!(history.json["events"][0]["reason"], reason);
    let event = format!("/founder/scaling-mode/events/{}", history.json["events"][0]["seq"]);
    for path in ["/founder/scaling-mode", &event] {
        let page = server.get(path).await.text;
        assert!(page.contains("&lt;img src=x") && !page.contains("<img src=x"), "{path}: {page}");
    }
    // The same in an attribute: where to go on to after signing in.
    create(&server, "anna@example.com", "founder", None);
    let page = server.get("/founder/sign-in?next=/founder/%22%3E%3Cimg/src=x%3E").await.text;
    assert!(page.contains("/founder/&quot;") && !page.contains("<img/src=x"), "{page}");
}

/// ASVS 16.2.1, 16.2.2, 16.2.4.
#[tokio::test]
async fn the_log_says_in_json_who_signs_in_and_what_a_door_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let flags = ["--no-demo", "--log-format", "json"];
    let server = Server::start_logging(folder.path(), &flags, &[], ("info", into)).await;
    create(&server, "anna@example.com", "founder", None);
    create(&server, "vera@example.com", "viewer", Some("production"));
    let vera = sign_in(&server, "vera@example.com").await;
    // The second would be a line of its own, if line ends came through.
    for email in ["anna%40example.com", "eve%0A%7B%22level%22%3A%22INFO%22%7D%0A"] {
        let wrong = act(&server, "sign-in", &format!("email={email}&password=a+wrong+one"), "").await;
        assert_eq!(wrong.status, 401, "{email}");
    }
    assert_eq!(act(&server, "freeze", "environment=production&reason=mischief", &vera).await.status, 403);
    let unknown = server.request(Method::GET, "/api/scaling-mode/health").bearer_auth("sm_nothing");
    assert_eq!(answer(unknown).await.status, 401);
    let foreign = server.request(Method::PUT, "/api/scaling-mode/config").header("origin", "https://evil.example");
    assert_eq!(answer(foreign).await.status, 403);

    let text = std::fs::read_to_string(&log).expect("the log");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    for line in &lines {
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
        assert!(line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let is_said = |fields: &[(&str, &str)]| {
        lines.iter().any(|line| fields.iter().all(|(name, value)| line["fields"][*name] == *value))
    };
    let (freeze, health) = ("/api/scaling-mode/forms/freeze", "/api/scaling-mode/health");
    for fields in [
        [("message", "signed in"), ("account", "vera@example.com"), ("address", "127.0.0.1")],
        [("message", "a sign-in failed"), ("account", "anna@example.com"), ("address", "127.0.0.1")],
        [("path", freeze), ("problem", "not-allowed"), ("address", "127.0.0.1")],
        [("path", health), ("problem", "invalid-credential"), ("address", "127.0.0.1")],
        [("path", "/api/scaling-mode/config"), ("problem", "foreign-origin"), ("method", "PUT")],
    ] {
        assert!(is_said(&fields), "{fields:?}: {text}");
    }
}

/// The lines of a log in JSON, as soon as one of them has all of these fields.
fn is_logged(text: &str, fields: &[(&str, &str)]) -> bool {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["fields"].clone()).any(|line| fields.iter().all(|(name, value)| line[*name] == *value))
}

/// Each way in with its proof, each refusal, each try to get round a rule, with who or from where.
///
/// ASVS 16.3.1, 16.3.2, 16.3.3.
#[tokio::test]
async fn the_log_says_by_which_proof_somebody_came_and_who_was_refused_where() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scaling-mode.toml"), "[stripe]\nsecret_env = \"STRIPE_SECRET\"\n")
        .expect("settings");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let (flags, variables) = (["--no-demo", "--log-format", "json"], [("STRIPE_SECRET", "whsec_secret")]);
    let server = Server::start_logging(folder.path(), &flags, &variables, ("info", into)).await;
    assert_eq!(server.command(&["environment", "create", "trial", "--kind", "live", "--log", "warn"]).0, 0);
    create(&server, "anna@example.com", "founder", None);
    create(&server, "otto@example.com", "operator", Some("trial"));
    let anna = sign_in(&server, "anna@example.com").await;

    // Ways in: a link, a password with a code, a wrong code, passphrase, passkey and answer of a provider.
    let link = act(&server, "invite", "email=new%40example.com&environment=production&role=viewer", &anna).await;
    let secret = link.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    assert_eq!(
        act(&server, "join", &format!("link={secret}&name=New&password=zebra+lamp+slowly"), "").await.status,
        200
    );
    let body = "name=seed&environment=production&days=7&passphrase=kettle+orbit+green&view.answer=on";
    let share = act(&server, "make-share-link", body, &anna).await;
    let share = share.json["secret"].as_str().and_then(|link| link.rsplit('/').next()).expect("a link").to_owned();
    assert_eq!(act(&server, "open-share", &format!("link={share}&passphrase=wrong"), "").await.status, 401);
    act(&server, "passkey-sign-in", "ceremony=x&answer=x", "").await;
    server.get("/founder/sign-in/callback?state=x&code=x").await;
    let (codes, ..) = turn_on(&server, &anna).await;
    let request = server
        .request(Method::POST, "/api/scaling-mode/forms/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("email=anna%40example.com&password={}", PASSWORD.replace(' ', "+")));
    let half = request.send().await.expect("an answer").headers()["set-cookie"].to_str().expect("text").to_owned();
    let half = half.split(';').next().expect("a cookie").to_owned();
    assert_eq!(act(&server, "sign-in-code", "code=000000", &half).await.status, 401);
    assert_eq!(act(&server, "sign-in-code", &format!("code={}", code(&codes, 1)), &half).await.status, 200);

    // Refused in one environment, though allowed in another; a session that has ended; a signature; rows.
    let otto = sign_in(&server, "otto@example.com").await;
    assert_eq!(
        act(&server, "set-role", "email=otto%40example.com&environment=production&role=viewer", &anna).await.status,
        200
    );
    assert_eq!(act(&server, "freeze", "environment=production&reason=mischief", &otto).await.status, 403);
    act(&server, "sign-out", "", &otto).await;
    assert_eq!(act(&server, "freeze", "environment=trial&reason=late", &otto).await.status, 401);
    assert_eq!(server.post("/api/stripe", &json!({"object": "event"})).await.status, 401);
    let send = token(&server, "shop", &["telemetry:write"], None);
    let rows = json!({"source": "shop", "samples": [{"signal": "clients.active", "at": "never", "value": 1, "unit": "clients"}]});
    let refused = answer(server.request(Method::POST, "/api/telemetry").bearer_auth(&send).json(&rows)).await;
    assert!(refused.status >= 400, "{refused:?}");

    let text = std::fs::read_to_string(&log).expect("the log");
    let (at, freeze) = (("address", "127.0.0.1"), "/api/scaling-mode/forms/freeze");
    for fields in [
        vec![("message", "signed in"), ("account", "new@example.com"), ("proof", "link"), at],
        vec![("message", "signed in"), ("account", "otto@example.com"), ("proof", "password"), at],
        vec![("message", "a code is needed, too"), ("account", "anna@example.com"), ("proof", "password"), at],
        vec![("message", "signed in"), ("account", "anna@example.com"), ("proof", "password and code"), at],
        vec![("message", "a code was wrong"), ("account", "anna@example.com"), at],
        vec![("message", "a share link's passphrase was wrong"), ("account", "share-link 1"), at],
        vec![("message", "a sign-in by a passkey failed"), at],
        vec![("message", "a sign-in by the provider failed"), ("problem", "provider-failed"), at],
        vec![
            ("message", "refused in an environment"),
            ("who", "person:otto@example.com"),
            ("environment", "production"),
        ],
        vec![("message", "a session that has ended, or is none, was used"), ("path", freeze), at],
        vec![("message", "an event of Stripe was refused"), ("problem", "invalid-signature"), at],
        vec![("message", "rows of telemetry were refused"), ("who", "token:shop")],
    ] {
        assert!(is_logged(&text, &fields), "{fields:?}: {text}");
    }
    for secret in [&secret, &share, &codes, &send] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
}

//! Owns what codes and passkeys promise over HTTP: the password alone opens nothing where codes are on, a code works once, a lost phone
//! is no way round, and no secret is in the store unencrypted.

use crate::people::{PASSWORD, create, sign_in};
use crate::serving::{Answer, Server, answer, seconds};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use totp_rs::{Builder, Secret};

const HEALTH: &str = "/api/scaling-mode/health";

fn problem(name: &str) -> serde_json::Value {
    json!(format!("urn:scaling-mode:problem:{name}"))
}

fn form(server: &Server, name: &str, body: &str, cookies: &str) -> RequestBuilder {
    server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies)
        .body(body.to_owned())
}

async fn posted(server: &Server, name: &str, body: &str, cookies: &str) -> Answer {
    answer(form(server, name, body, cookies)).await
}

async fn reads(server: &Server, cookies: &str) -> u16 {
    answer(server.request(Method::GET, HEALTH).header("cookie", cookies)).await.status
}

fn password() -> String {
    PASSWORD.replace(' ', "+")
}

/// Tries to sign in; the status, the problem, and the cookies that the browser has then.
async fn tried(server: &Server, name: &str, body: &str, cookies: &str) -> (u16, serde_json::Value, String) {
    let response = form(server, name, body, cookies).send().await.expect("an answer");
    let set = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned());
    let set: Vec<String> = set.map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect();
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    (status, json["type"].clone(), set.join("; "))
}

async fn with_password(server: &Server) -> (u16, serde_json::Value, String) {
    with_password_in(server, "").await
}

/// The same in a browser that has cookies already, such as the mark of one in which somebody has signed in before.
async fn with_password_in(server: &Server, cookies: &str) -> (u16, serde_json::Value, String) {
    let body = format!("email=anna%40example.com&password={}", password());
    let (status, kind, set) = tried(server, "sign-in", &body, cookies).await;
    (status, kind, format!("{set}; {cookies}"))
}

/// The code of so many steps from now.
pub fn code(secret: &str, steps: u64) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).expect("a secret");
    let totp = Builder::new().with_secret(secret).with_account_name("anna").build().expect("codes");
    totp.generate(seconds() + 30 * steps).to_string()
}

/// Turns codes on: the secret, the code that did it, and the recovery codes.
pub async fn turn_on(server: &Server, cookies: &str) -> (String, String, Vec<String>) {
    assert_eq!(posted(server, "begin-codes", &format!("current={}", password()), cookies).await.status, 200);
    let view = answer(server.request(Method::GET, "/api/scaling-mode/codes").header("cookie", cookies)).await;
    let secret = view.json["picture"]["typed"].as_str().expect("a secret").to_owned();
    assert!(view.json["picture"]["address"].as_str().is_some_and(|to| to.starts_with("otpauth://totp/")), "{view:?}");
    let wrong = posted(server, "confirm-codes", "code=000000", cookies).await;
    assert_eq!((wrong.status, &wrong.json["type"]), (401, &problem("wrong-code")));
    let first = code(&secret, 0);
    let made = posted(server, "confirm-codes", &format!("code={first}"), cookies).await;
    assert_eq!((made.status, &made.json["kind"]), (200, &json!("recovery_codes")), "{made:?}");
    let recovery = made.json["secret"].as_str().expect("codes").lines().map(str::to_owned).collect();
    (secret, first, recovery)
}

/// ASVS 6.3.4, 6.5.1, 6.5.2.
#[tokio::test]
async fn where_codes_are_on_the_password_alone_opens_nothing_and_a_code_works_once() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let (mine, other) = (sign_in(&server, "anna@example.com").await, sign_in(&server, "anna@example.com").await);
    for wrong in ["current=wrong", ""] {
        let refused = posted(&server, "begin-codes", wrong, &mine).await;
        assert_eq!((refused.status, &refused.json["type"]), (401, &problem("sign-in-failed")), "{wrong}");
    }
    let (secret, first, recovery) = turn_on(&server, &mine).await;
    assert_eq!((reads(&server, &mine).await, reads(&server, &other).await), (200, 401), "others are signed out");

    let (status, kind, half) = with_password(&server).await;
    assert_eq!((status, kind), (401, problem("second-proof-required")));
    assert_eq!(reads(&server, &half).await, 401);
    let page = answer(server.request(Method::GET, "/founder/sign-in/code").header("cookie", &half)).await;
    assert!(page.text.contains("or a recovery code"), "{}", page.text);
    // The code that turned codes on was used; the next one is not, once.
    for used in [first, "000000".to_owned(), "nothing".to_owned(), String::new()] {
        let (status, kind, _) = tried(&server, "sign-in-code", &format!("code={used}"), &half).await;
        assert_eq!((status, kind), (401, problem("wrong-code")), "{used}");
    }
    let next = format!("code={}", code(&secret, 1));
    let (status, _, whole) = tried(&server, "sign-in-code", &next, &half).await;
    assert_eq!((status, reads(&server, &whole).await), (200, 200));
    assert_eq!(tried(&server, "sign-in-code", &next, &half).await.0, 401, "half a session ends with its code");
    // In the browser that is known from here on, so that these tries don't count as a stranger's.
    let known = mine.split("; ").find(|cookie| cookie.contains("-device=")).expect("a mark");
    let (_, _, again) = with_password_in(&server, known).await;
    assert_eq!(tried(&server, "sign-in-code", &next, &again).await.1, problem("wrong-code"));

    // A recovery code works once, and its use is in the history.
    let typed = format!("code={}", recovery[0].to_uppercase().replace('-', "+"));
    let (status, _, recovered) = tried(&server, "sign-in-code", &typed, &again).await;
    assert_eq!((status, reads(&server, &recovered).await), (200, 200));
    let (_, _, third) = with_password_in(&server, known).await;
    assert_eq!(tried(&server, "sign-in-code", &typed, &third).await.1, problem("wrong-code"));
    let account = answer(server.request(Method::GET, "/api/scaling-mode/account").header("cookie", &recovered)).await;
    assert_eq!(account.json["codes"], json!(recovery.len() - 1));
    let history = answer(
        server.request(Method::GET, "/api/scaling-mode/history?event_type=access_changed").header("cookie", &recovered),
    )
    .await;
    assert_eq!(history.json["events"][0]["reason"], json!("signed in with a recovery code"));

    // Nothing of it is in the store unencrypted.
    let raw: String = secret.split(' ').collect();
    let sealed = Secret::try_from_base32(&raw).expect("a secret");
    for file in ["scaling-mode.db", "scaling-mode.db-wal"] {
        let bytes = std::fs::read(server.data_dir.join(file)).unwrap_or_default();
        for marker in [raw.as_bytes(), sealed.as_ref(), recovery[1].as_bytes(), recovery[1].replace('-', "").as_bytes()]
        {
            assert!(!bytes.windows(marker.len()).any(|window| window == marker), "{file} holds a secret as it is");
        }
    }
}

/// ASVS 6.4.3, 6.4.4, 6.5.4.
#[tokio::test]
async fn a_lost_password_is_no_way_round_codes_and_a_founder_takes_them_from_who_lost_both() {
    let mut server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let mine = sign_in(&server, "anna@example.com").await;
    turn_on(&server, &mine).await;
    let (code, out, error) = server.command(&["person", "reset", "anna@example.com", "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    let link = out.split("/founder/join/").nth(1).expect("a link").trim().to_owned();
    let body = format!("link={link}&name=Anna&password={}", password());
    let (status, kind, half) = tried(&server, "join", &body, "").await;
    assert_eq!((status, kind), (401, problem("second-proof-required")));
    assert_eq!(reads(&server, &half).await, 401);
    // Guesses at the code are held off like those at the password.
    let mut refused = 0;
    for _ in 0..20 {
        let (status, _, _) = tried(&server, "sign-in-code", "code=000000", &half).await;
        refused += u32::from(status == 429);
    }
    assert!(refused >= 8, "{refused}");
    assert_eq!(server.command(&["person", "reset-proofs", "anna@example.com", "--log", "warn"]).0, 0);
    assert_eq!(answer(form(&server, "sign-in-code", "code=000000", &half)).await.status, 401);
    // By another server, which has counted no guesses.
    server.kill();
    let elsewhere = Server::start_in(&server.data_dir, &["--no-demo"]).await;
    assert_eq!(reads(&elsewhere, &sign_in(&elsewhere, "anna@example.com").await).await, 200);
}

#[tokio::test]
async fn codes_are_turned_off_by_who_knows_the_password_and_with_another_key_they_are_not_guessed_at() {
    let mut server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let mine = sign_in(&server, "anna@example.com").await;
    let (secret, ..) = turn_on(&server, &mine).await;
    // A server that has another key says so, and lets nobody in for it.
    let key = server.data_dir.join("other.key");
    std::fs::write(&key, "ab".repeat(32)).expect("a key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }
    let key = key.display().to_string();
    server.kill();
    let stranger =
        Server::start_in_with(&server.data_dir, &["--no-demo"], &[("SCALING_MODE_SECRETS_KEY_FILE", &key)]).await;
    let (_, _, half) = with_password(&stranger).await;
    let (status, kind, _) = tried(&stranger, "sign-in-code", &format!("code={}", code(&secret, 1)), &half).await;
    assert_eq!((status, kind), (409, problem("not-set-up")));
    drop(stranger);

    let folder = server.data_dir.clone();
    let server = Server::start_in(&folder, &["--no-demo"]).await;
    assert_eq!(posted(&server, "end-codes", "current=wrong", &mine).await.status, 401);
    assert_eq!(posted(&server, "end-codes", &format!("current={}", password()), &mine).await.status, 200);
    let (status, _, whole) = with_password(&server).await;
    assert_eq!((status, reads(&server, &whole).await), (200, 200));
}

/// ASVS 6.3.3.
#[tokio::test]
async fn where_everybody_needs_codes_only_the_account_is_open_until_they_are_on() {
    let server = Server::start_with(&["--no-demo", "--require-codes"]).await;
    create(&server, "anna@example.com", "founder", None);
    let mine = sign_in(&server, "anna@example.com").await;
    let get = |path: &str| server.request(Method::GET, path).header("cookie", mine.clone());
    for (name, body) in
        [("freeze", "reason=why"), ("make-token", "name=a&scope=health%3Aread"), ("invite", "role=viewer")]
    {
        let refused = posted(&server, name, body, &mine).await;
        assert_eq!((refused.status, &refused.json["type"]), (403, &problem("codes-required")), "{name}");
    }
    let refused = answer(get(HEALTH)).await;
    assert_eq!((refused.status, &refused.json["type"]), (403, &problem("codes-required")));
    for page in ["/founder/scaling-mode", "/founder/scaling-mode/people", "/founder/scaling-mode/settings"] {
        let led = answer(get(page).header("accept", "text/html")).await;
        let account = Some("/founder/account?notice=codes-required#notice");
        assert_eq!((led.status, led.location.as_deref()), (303, account), "{page}");
    }
    let account = answer(get("/founder/account?notice=codes-required")).await;
    assert_eq!(account.status, 200);
    assert!(account.text.contains("Everybody here signs in with a code too."), "{}", account.text);
    // None of this concerns a script with a token.
    let (code, token, error) =
        server.command(&["token", "create", "script", "--scope", "health:read", "--log", "warn"]);
    assert_eq!(code, 0, "{error}");
    let token = token.split_whitespace().find(|word| word.starts_with("sm_")).expect("a token").to_owned();
    let read = server.request(Method::GET, HEALTH).header("authorization", format!("Bearer {token}"));
    assert_eq!(answer(read).await.status, 200);

    turn_on(&server, &mine).await;
    assert_eq!(reads(&server, &mine).await, 200);
    // Without a key nobody could turn them on, and everybody would be kept out: such a server does not start.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("keys"), "in the way").expect("a file");
    let (code, _, error) = crate::serving::command(folder.path(), &["serve", "--no-demo", "--require-codes"]);
    assert!(code == 3 && error.contains("codes are required"), "{code}: {error}");
    // Turning them off again leads back to the beginning.
    assert_eq!(posted(&server, "end-codes", &format!("current={}", password()), &mine).await.status, 200);
    assert_eq!(reads(&server, &mine).await, 403);
}

#[tokio::test]
async fn a_passkey_is_asked_for_by_a_name_and_what_proves_nothing_opens_nothing() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let mine = sign_in(&server, "anna@example.com").await;
    let host = server.url.replace("http://127.0.0.1", "localhost");
    let at = |request: RequestBuilder| request.header("host", host.clone());
    // An address of numbers has none.
    let none = posted(&server, "begin-passkey-sign-in", "", "").await;
    assert_eq!((none.status, &none.json["type"]), (409, &problem("not-set-up")));
    for credential in ["", "%7B%7D", "null"] {
        let asked = answer(at(form(&server, "begin-passkey-sign-in", "", ""))).await;
        let options: serde_json::Value = serde_json::from_str(asked.json["options"].as_str().unwrap()).unwrap();
        assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
        let body = format!("ceremony={}&credential={credential}", asked.json["ceremony"].as_str().unwrap());
        // The answer proves nothing; and what was asked once is not asked again.
        for says in ["It is not known here, was cancelled", "answered before"] {
            let refused = answer(at(form(&server, "passkey-sign-in", &body, ""))).await;
            assert_eq!((refused.status, &refused.json["type"]), (401, &problem("passkey-failed")), "{refused:?}");
            assert!(refused.json["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{refused:?}");
        }
    }
    // Adding one asks for the password, and ends in the session in which it began.
    let refused = answer(at(form(&server, "begin-passkey", "current=wrong", &mine))).await;
    assert_eq!(refused.status, 401);
    let asked = answer(at(form(&server, "begin-passkey", &format!("current={}", password()), &mine))).await;
    let ceremony = asked.json["ceremony"].as_str().expect("a name").to_owned();
    let other = sign_in(&server, "anna@example.com").await;
    // In another session nothing of it is known; in its own it is answered once.
    for (cookies, says) in [(&other, "answered before"), (&mine, "was cancelled"), (&mine, "answered before")] {
        let body = format!("ceremony={ceremony}&name=x&credential=%7B%7D");
        let refused = answer(at(form(&server, "add-passkey", &body, cookies))).await;
        assert_eq!((refused.status, &refused.json["type"]), (401, &problem("passkey-failed")), "{refused:?}");
        assert!(refused.json["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{refused:?}");
    }
}

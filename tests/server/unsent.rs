//! Owns what becomes of a form that a browser posts once its session has ended: it is not done, what was entered waits in that browser, is
//! offered after signing in, and is done only by a click. No secret waits, and nothing of a foreign page does.

use crate::people::{PASSWORD, create, sign_in};
use crate::serving::{Server, answer};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

const REASON: &str = "reason=payments+are+down+since+nine%2C+wait+for+the+bank";

fn posted(server: &Server, form: &str, body: &str, cookies: &str) -> RequestBuilder {
    server
        .request(Method::POST, &format!("/api/scaling-mode/forms/{form}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html,application/xhtml+xml")
        .header("origin", &server.url)
        .header("referer", format!("{}/founder/scaling-mode?environment=production", server.url))
        .header("sec-fetch-site", "same-origin")
        .header("cookie", cookies)
        .body(body.to_owned())
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().expect("an address").to_owned()
}

/// The cookie that a form waits in, as a browser sends it back; nothing where none was set.
fn waiting(response: &Response) -> Option<String> {
    let cookies = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().expect("text"));
    let found = cookies.filter(|cookie| cookie.starts_with("__Host-scaling-mode-unsent=")).collect::<Vec<_>>();
    found.first().map(|cookie| cookie.split(';').next().expect("a cookie").to_owned())
}

async fn with_founder() -> Server {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    server
}

async fn is_frozen(server: &Server, cookies: &str) -> bool {
    let config = server.request(Method::GET, "/api/scaling-mode/config").header("cookie", cookies);
    answer(config).await.json["frozen"] == json!(true)
}

#[tokio::test]
async fn a_form_of_an_ended_session_waits_and_is_done_by_a_click_alone() {
    let server = with_founder().await;
    let ended = sign_in(&server, "anna@example.com").await;
    posted(&server, "sign-out", "", &ended).send().await.expect("an answer");
    for cookies in ["", ended.as_str()] {
        let response = posted(&server, "freeze", &format!("environment=production&{REASON}"), cookies)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 303);
        assert_eq!(location(&response), "/founder/sign-in?next=%2Ffounder%2Funsent&notice=form-kept");
        let cookie = waiting(&response).expect("it waits");
        let page = server.get(&location(&response)).await.text;
        assert!(page.contains("sign in, and you can send it with one click"), "{page}");

        // Every way of signing in leads on to where `next` says.
        let body = format!("email=anna%40example.com&password={}&next=%2Ffounder%2Funsent", PASSWORD.replace(' ', "+"));
        let led = posted(&server, "sign-in", &body, &cookie).send().await.expect("an answer");
        assert_eq!(location(&led), "/founder/unsent");
        let session = sign_in(&server, "anna@example.com").await;
        let all = format!("{session}; {cookie}");
        let offered = answer(server.request(Method::GET, "/founder/unsent").header("cookie", &all)).await.text;
        for part in [
            "payments are down since nine, wait for the bank",
            "forms/freeze",
            "Send: Freeze",
            "Send it only if that was you",
            "/founder/scaling-mode?environment=production",
        ] {
            assert!(offered.contains(part), "{part}: {offered}");
        }
        assert!(!is_frozen(&server, &session).await, "looking at the offer does nothing");

        let done = posted(&server, "freeze", &format!("environment=production&{REASON}"), &all)
            .send()
            .await
            .expect("an answer");
        assert_eq!(waiting(&done).as_deref(), Some("__Host-scaling-mode-unsent="), "it waits no longer");
        assert!(is_frozen(&server, &session).await);
        posted(&server, "unfreeze", "environment=production&reason=and+back", &session)
            .send()
            .await
            .expect("an answer");
        assert!(!is_frozen(&server, &session).await);
    }
}

#[tokio::test]
async fn who_is_not_signed_in_sees_no_waiting_form_and_another_form_leaves_it_waiting() {
    let server = with_founder().await;
    let response = posted(&server, "freeze", REASON, "").send().await.expect("an answer");
    let cookie = waiting(&response).expect("it waits");
    let refused =
        answer(server.request(Method::GET, "/founder/unsent").header("accept", "text/html").header("cookie", &cookie))
            .await;
    assert_eq!((refused.status, refused.text.contains("payments")), (303, false));
    let session = sign_in(&server, "anna@example.com").await;
    let all = format!("{session}; {cookie}");
    let other = posted(&server, "evaluate", "environment=production", &all).send().await.expect("an answer");
    assert_eq!(waiting(&other), None);
    let out = posted(&server, "sign-out", "", &all).send().await.expect("an answer");
    assert_eq!(waiting(&out).as_deref(), Some("__Host-scaling-mode-unsent="), "signing out forgets it");
}

/// A foreign page plants nothing.
#[tokio::test]
async fn a_foreign_page_makes_nothing_wait() {
    let server = with_founder().await;
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
    {
        let request = server
            .request(Method::POST, "/api/scaling-mode/forms/freeze")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html")
            .header(name, value)
            .body(REASON);
        let response = request.send().await.expect("an answer");
        assert_eq!((response.status().as_u16(), waiting(&response)), (403, None), "{name}: {value}");
    }
    // A script gets a problem document and no cookie.
    let script = server
        .request(Method::POST, "/api/scaling-mode/forms/freeze")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(REASON);
    let response = script.send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), waiting(&response)), (401, None));
}

#[tokio::test]
async fn no_password_waits_and_the_sign_in_page_says_so() {
    let server = with_founder().await;
    for (form, body) in [
        ("change-password", "current=zebra+lamp+quietly&new=otter+ladder+quartz"),
        ("begin-codes", "current=zebra+lamp+quietly"),
        ("confirm-codes", "code=123456"),
        ("remove-passkey", "id=1&current=zebra+lamp+quietly"),
        // What changes who may act is entered by who is signed in.
        ("make-share-link", "name=Seed&passphrase=only+they+know&scores=on"),
        ("invite", "role=founder&email=mallory%40example.com"),
        ("set-role", "id=1&role=founder"),
    ] {
        let response = posted(&server, form, body, "").send().await.expect("an answer");
        assert_eq!((waiting(&response), location(&response).contains("notice=form-not-kept")), (None, true), "{form}");
    }
    let page = server.get("/founder/sign-in?notice=form-not-kept").await.text;
    assert!(page.contains("could not be kept"), "{page}");
    let out = posted(&server, "sign-out", "", "").send().await.expect("an answer");
    assert_eq!(location(&out), "/founder/sign-in?notice=signed-out");
    // A secret in another form is asked for again.
    let response = posted(&server, "freeze", "environment=production&passphrase=only+they+know", "")
        .send()
        .await
        .expect("an answer");
    let all = format!("{}; {}", sign_in(&server, "anna@example.com").await, waiting(&response).expect("it waits"));
    let offered = answer(server.request(Method::GET, "/founder/unsent").header("cookie", &all)).await.text;
    assert!(!offered.contains("only they know"), "{offered}");
    assert!(offered.contains("name=\"passphrase\" type=\"password\" required"), "{offered}");
}

/// The address of the settings with every field filled in is long, and comes back after signing in.
#[tokio::test]
async fn a_long_form_that_is_read_comes_back_by_its_address() {
    let server = with_founder().await;
    let fields: String = (0..80).map(|place| format!("&limits.pilot.some_field_{place}=123456")).collect();
    let address = format!("/founder/scaling-mode/settings?environment=production&limits.lab.max_clients=4{fields}");
    let led = answer(server.request(Method::GET, &address).header("accept", "text/html")).await;
    let to = led.location.expect("an address");
    let next = to.strip_prefix("/founder/sign-in?next=").expect("where to go on").to_owned();
    let body = format!("email=anna%40example.com&password={}&next={next}", PASSWORD.replace(' ', "+"));
    let response = posted(&server, "sign-in", &body, "").send().await.expect("an answer");
    assert_eq!(location(&response), address);
}

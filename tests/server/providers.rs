//! Signing in with the tokens and answers that real providers send: each shape is that provider's own, with its odd forms of times and
//! truths, and claims that only it knows. What decides (signature, issuer, audience, nonce, times) is the same for all of them.

use crate::people::{PASSWORD, create, sign_in};
use crate::provider::{Says, Scene};
use crate::serving::{answer, seconds};
use reqwest::Method;
use serde_json::{Value, json};

struct Shape {
    name: &'static str,
    /// Of the issuer.
    path: &'static str,
    /// What the ID token says beside what decides.
    claims: fn(now: i64) -> Value,
    /// What the account is called, if it is asked.
    info: Value,
    /// What the answer to a code says beside the tokens.
    answer: Value,
    /// What the provider adds to the way back.
    query: &'static str,
    /// What the account is then called.
    label: &'static str,
}

fn shapes() -> Vec<Shape> {
    let none = || json!({});
    vec![
        Shape {
            name: "Auth0",
            path: "/",
            claims: |_| {
                json!({"nickname": "anna", "name": "anna@example.com", "picture": "https://s.gravatar.example/a.png",
                    "updated_at": "2026-11-20T10:59:07.841Z", "email": "anna@example.com", "email_verified": true, "sid": "v6BWj"})
            },
            info: none(),
            answer: json!({"scope": "openid profile email", "expires_in": 86_400}),
            query: "",
            label: "anna@example.com",
        },
        Shape {
            name: "Okta",
            path: "/oauth2/default",
            claims: |now| {
                json!({"ver": 1, "jti": "ID.x", "amr": ["pwd"], "idp": "00o1", "auth_time": now - 5, "at_hash": "x", "zoneinfo":
                    "America/Los_Angeles", "locale": "en_US", "updated_at": 1_763_000_000, "email": "anna@example.com",
                    "email_verified": true, "preferred_username": "anna@example.com", "groups": ["Everyone"]})
            },
            info: none(),
            answer: json!({"scope": "openid email profile", "expires_in": 3_600}),
            query: "",
            label: "anna@example.com",
        },
        Shape {
            name: "Entra v1",
            path: "/72f988bf-86f1-41af-91ab-2d7cd011db47/",
            claims: |now| {
                json!({"ver": "1.0", "amr": ["pwd", "rsa"], "family_name": "Berg", "given_name": "Anna", "ipaddr": "203.0.113.9", "name":
                    "Anna Berg", "oid": "0f1a", "tid": "72f9", "unique_name": "anna@example.com", "upn": "anna@example.com",
                    "nbf": now, "pwd_exp": "120391", "uti": "x", "email_verified": null})
            },
            info: none(),
            answer: json!({"expires_in": "3599", "ext_expires_in": "3599", "expires_on": "1764500000", "not_before": "1764496400",
                "resource": "00000002-0000-0000-c000-000000000000", "scope": "openid"}),
            query: "&session_state=a1b2",
            label: "anna@example.com",
        },
        Shape {
            name: "Entra v2",
            path: "/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            claims: |now| {
                json!({"ver": "2.0", "nbf": now, "aio": "x", "name": "Anna Berg", "oid": "0f1a", "rh": "0.A", "tid": "72f9", "uti": "x",
                    "preferred_username": "anna@example.com", "xms_edov": "1"})
            },
            info: json!({"sub": "1", "name": "Anna Berg", "picture": "https://graph.example/v1.0/me/photo/$value"}),
            answer: json!({"expires_in": 3_599, "ext_expires_in": 3_599, "scope": "openid profile email"}),
            query: "&session_state=a1b2",
            label: "anna@example.com",
        },
        Shape {
            name: "Google",
            path: "",
            claims: |_| {
                json!({"azp": "scaling-mode", "at_hash": "x", "hd": "example.com", "email": "anna@example.com", "email_verified": true,
                    "name": "Anna Berg", "picture": "https://lh3.example/a=s96-c", "given_name": "Anna", "family_name": "Berg"})
            },
            info: none(),
            answer: json!({"expires_in": 3_599, "scope": "openid https://www.example.com/auth/userinfo.email"}),
            query: "&scope=email+openid&authuser=0&hd=example.com&prompt=none",
            label: "anna@example.com",
        },
        Shape {
            name: "Keycloak",
            path: "/realms/shop",
            claims: |now| {
                json!({"jti": "x", "typ": "ID", "azp": "scaling-mode", "auth_time": now - 5, "sid": "x", "at_hash": "x", "acr": "1",
                    "session_state": "x", "address": {}, "email_verified": false, "name": "Anna Berg", "preferred_username": "anna",
                    "email": "anna@example.com", "locale": "de", "realm_access": {"roles": ["a"]}})
            },
            info: none(),
            answer: json!({"expires_in": 300, "refresh_expires_in": 1_800, "refresh_token": "x", "not-before-policy": 0,
                "session_state": "x", "scope": "openid email profile"}),
            query: "&session_state=a1b2",
            label: "anna@example.com",
        },
        Shape {
            name: "JumpCloud",
            path: "/",
            claims: |_| json!({"at_hash": "x", "rat": 1_763_000_000, "email": "anna@example.com", "email_verified": "true", "name": "Anna Berg"}),
            info: none(),
            answer: json!({"expires_in": 3_599, "scope": "openid email profile"}),
            query: "",
            label: "anna@example.com",
        },
        Shape {
            name: "Cognito",
            path: "/eu-central-1_abc",
            claims: |now| {
                json!({"at_hash": "x", "cognito:groups": ["a"], "cognito:username": "anna", "origin_jti": "x", "event_id": "x",
                    "token_use": "id", "auth_time": now - 5, "identities": [{"userId": "1", "primary": "true", "dateCreated": "1"}]})
            },
            info: json!({"sub": "1", "email": "anna@example.com", "email_verified": "true", "username": "anna", "updated_at": "soon"}),
            answer: json!({"expires_in": 3_600, "refresh_token": "x"}),
            query: "",
            label: "anna@example.com",
        },
        Shape {
            name: "better-auth",
            path: "/api/auth",
            claims: |_| {
                json!({"name": "Anna", "email": "anna@example.com", "email_verified": true, "picture": null,
                    "updated_at": "2026-11-20T10:59:07.000Z", "acr": "urn:mace:incommon:iap:silver"})
            },
            info: none(),
            answer: json!({"expires_in": 3_600, "expires_at": "2026-11-20T11:59:07.000Z", "scope": "openid profile email"}),
            query: "",
            label: "anna@example.com",
        },
        Shape {
            name: "times as text, one audience in a list, one method as text",
            path: "",
            claims: |now| {
                json!({"aud": ["scaling-mode"], "iat": now.to_string(), "exp": (now + 300).to_string(), "amr": "pwd", "name": "",
                    "auth_time": (now - 5).to_string(), "email": "anna@example.com", "locale": "de_DE", "website": "", "gender": 7})
            },
            info: none(),
            answer: json!({"expires_in": 3_600.0, "token_type": "bearer", "scope": ["openid"]}),
            query: "",
            label: "anna@example.com",
        },
    ]
}

fn as_it_says(shape: &Shape) -> impl FnOnce(&mut Says) {
    let (claims, info, answer) =
        ((shape.claims)(i64::try_from(seconds()).expect("a time")), shape.info.clone(), shape.answer.clone());
    move |says| (says.claims, says.info, says.answer) = (claims, info, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_providers_own_tokens_sign_in() {
    for shape in shapes() {
        let scene = Scene::at(shape.path).await;
        create(&scene.server, "anna@example.com", "founder", None);
        let cookies = sign_in(&scene.server, "anna@example.com").await;
        let current = format!("current={}", PASSWORD.replace(' ', "+"));
        assert_eq!(scene.form("allow-provider", &current, &cookies).await, 200);
        let (to, _) = scene.round_with(("?connect=yes", shape.query), &cookies, as_it_says(&shape)).await;
        assert_eq!(to, "/founder/account?notice=connected#notice", "{}", shape.name);
        let (to, session) = scene.round_with(("", shape.query), "", as_it_says(&shape)).await;
        assert_eq!((to.as_str(), scene.reads(&session).await), ("/founder/scaling-mode", 200), "{}", shape.name);
        let account = scene.server.request(Method::GET, "/api/scaling-mode/account").header("cookie", &session);
        let account = answer(account).await.json["provider"]["accounts"][0].clone();
        assert_eq!((&account["label"], &account["subject"]), (&json!(shape.label), &json!("1")), "{}", shape.name);
        // Their oddities excuse nothing that decides.
        let (to, none) = scene
            .round_with(("", shape.query), "", |says| {
                as_it_says(&shape)(says);
                says.claims["aud"] = json!("another");
            })
            .await;
        assert_eq!((to.as_str(), none.as_str()), ("/founder/sign-in?notice=provider-failed", ""), "{}", shape.name);
        let (to, none) = scene
            .round_with(("", shape.query), "", |says| {
                as_it_says(&shape)(says);
                says.claims["exp"] = json!((i64::try_from(seconds()).expect("a time") - 600).to_string());
            })
            .await;
        assert_eq!((to.as_str(), none.as_str()), ("/founder/sign-in?notice=provider-failed", ""), "{}", shape.name);
    }
}

#[tokio::test]
async fn a_time_as_text_proves_a_fresh_sign_in() {
    let scene = Scene::at("").await;
    create(&scene.server, "anna@example.com", "founder", None);
    let cookies = sign_in(&scene.server, "anna@example.com").await;
    let current = format!("current={}", PASSWORD.replace(' ', "+"));
    assert_eq!(scene.form("allow-provider", &current, &cookies).await, 200);
    scene.round("?connect=yes", &cookies, |_| {}).await;
    let invited = scene.invited(&cookies).await;
    let (_, bob) = scene.round(&format!("?join={invited}"), "", |says| says.subject = "3").await;
    for (auth_time, notice) in [
        (json!(seconds().to_string()), "proved"),
        (json!((seconds() - 90).to_string()), "not-asked-anew"),
        (json!("just now"), "not-asked-anew"),
    ] {
        let (to, _) = scene
            .round("?confirm=yes", &bob, |says| {
                says.subject = "3";
                says.claims = json!({"auth_time": auth_time});
            })
            .await;
        assert_eq!(to, format!("/founder/account?notice={notice}#notice"), "{auth_time}");
    }
}

//! Owns who may do what, over the real server: every endpoint, asked by every role and every kind of token, with no credential, an
//! ended one, a revoked one, and one for elsewhere. The expected results are written down here again, apart from the program's own table.

use crate::people::{Caller, Cast};
use crate::serving::answer;
use reqwest::Method;
use scaling_mode::domain::access::{Permission, Scope};
use scaling_mode::server::http::doors::{Door, ENTRIES};
use std::collections::BTreeSet;

/// The callers who may pass.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Anybody,
    /// Everybody who is somebody.
    Known,
    /// Roles by their first letters (f, o, v, i), and the scope that lets a token in.
    Some(&'static str, Option<&'static str>),
}

use Who::{Anybody, Known};

const READ: Who = Who::Some("fov", Some("health:read"));
const MODE: Who = Who::Some("f", Some("config:write"));
const FREEZE: Who = Who::Some("fo", Some("config:write"));
const EVALUATE: Who = Who::Some("fo", Some("health:write"));
const ADD_SOURCES: Who = Who::Some("f", None);
const SOURCES: Who = Who::Some("fo", Some("sources:write"));
const SEND: Who = Who::Some("f", Some("telemetry:write"));
const MANAGE: Who = Who::Some("f", None);
const SHARED: Who = Who::Some("fovi", Some("health:read"));

/// Every endpoint with who may pass, and what is sent: JSON where it begins with a brace, a form otherwise.
const TABLE: &[(&str, &str, Who, &str)] = &[
    ("GET", "/founder/scaling-mode", READ, ""),
    ("GET", "/founder/scaling-mode/snapshots/{snapshot}", READ, ""),
    ("GET", "/founder/scaling-mode/compare?from={snapshot}", READ, ""),
    ("GET", "/founder/scaling-mode/connections", READ, ""),
    ("GET", "/founder/scaling-mode/events/1", READ, ""),
    ("GET", "/founder/scaling-mode/backtest", READ, ""),
    ("GET", "/founder/scaling-mode/settings", READ, ""),
    ("GET", "/founder/scaling-mode/rules", READ, ""),
    (
        "GET",
        "/founder/scaling-mode/samples?signal=clients.active&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
        READ,
        "",
    ),
    ("GET", "/founder/scaling-mode/what-if", READ, ""),
    ("GET", "/founder/scaling-mode/people", MANAGE, ""),
    ("GET", "/founder/shared", SHARED, ""),
    ("GET", "/api/scaling-mode/page", READ, ""),
    ("GET", "/api/scaling-mode/page/backtest", READ, ""),
    ("GET", "/api/scaling-mode/event?seq=1", READ, ""),
    ("GET", "/api/scaling-mode/snapshot?id={snapshot}", READ, ""),
    ("GET", "/api/scaling-mode/rules", READ, ""),
    ("GET", "/api/scaling-mode/compare?from={snapshot}", READ, ""),
    ("GET", "/api/scaling-mode/what-if", READ, ""),
    ("GET", "/api/scaling-mode/settings", READ, ""),
    ("GET", "/api/scaling-mode/connections", READ, ""),
    ("GET", "/api/scaling-mode/source-form", READ, ""),
    ("GET", "/api/scaling-mode/people", MANAGE, ""),
    ("GET", "/api/scaling-mode/shared", SHARED, ""),
    ("GET", "/api/scaling-mode/config", READ, ""),
    ("PUT", "/api/scaling-mode/config", MODE, r#"{"action":"set_mode","mode":"lab","old_mode":"lab"}"#),
    ("PUT", "/api/scaling-mode/config", MODE, r#"{"action":"set_auto_mode","enabled":false}"#),
    ("PUT", "/api/scaling-mode/config", MODE, r#"{"action":"accept_proposal","proposal_id":"none"}"#),
    ("PUT", "/api/scaling-mode/config", MODE, r#"{"action":"dismiss_proposal","proposal_id":"none"}"#),
    ("PUT", "/api/scaling-mode/config", MODE, r#"{"action":"update","version":1}"#),
    ("PUT", "/api/scaling-mode/config", FREEZE, r#"{"action":"freeze","reason":"a test"}"#),
    ("PUT", "/api/scaling-mode/config", FREEZE, r#"{"action":"unfreeze","reason":"a test"}"#),
    ("GET", "/api/scaling-mode/health", READ, ""),
    ("GET", "/api/scaling-mode/health?type=latest", READ, ""),
    ("GET", "/api/scaling-mode/health?type=list", READ, ""),
    ("POST", "/api/scaling-mode/health", EVALUATE, "{}"),
    ("GET", "/api/scaling-mode/history", READ, ""),
    (
        "GET",
        "/api/scaling-mode/samples?signal=clients.active&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
        READ,
        "",
    ),
    ("GET", "/api/scaling-mode/events", READ, ""),
    ("POST", "/api/scaling-mode/backtest", READ, r#"{"guardrails":{"max_churn_risk":0.1}}"#),
    ("POST", "/api/scaling-mode/sources", SOURCES, r#"{"action":"remove","name":"nothing"}"#),
    ("POST", "/api/scaling-mode/sources", ADD_SOURCES, r#"{"action":"add","name":"x"}"#),
    ("POST", "/api/scaling-mode/sources", ADD_SOURCES, r#"{"action":"add_signal","name":"nothing"}"#),
    ("POST", "/api/scaling-mode/forms/evaluate", EVALUATE, ""),
    ("POST", "/api/scaling-mode/forms/set-mode", MODE, "mode=lab&old_mode=lab"),
    ("POST", "/api/scaling-mode/forms/freeze", FREEZE, "reason=a+test"),
    ("POST", "/api/scaling-mode/forms/unfreeze", FREEZE, "reason=a+test"),
    ("POST", "/api/scaling-mode/forms/auto-mode", MODE, "enabled=false"),
    ("POST", "/api/scaling-mode/forms/accept-proposal", MODE, "proposal_id=none"),
    ("POST", "/api/scaling-mode/forms/dismiss-proposal", MODE, "proposal_id=none"),
    ("POST", "/api/scaling-mode/forms/update", MODE, "version=1"),
    ("POST", "/api/scaling-mode/forms/ask-source", SOURCES, "source=nothing"),
    ("POST", "/api/scaling-mode/forms/add-source", ADD_SOURCES, "name=x"),
    ("POST", "/api/scaling-mode/forms/add-signal", ADD_SOURCES, "source=nothing"),
    ("POST", "/api/scaling-mode/forms/remove-source", SOURCES, "source=nothing"),
    ("POST", "/api/scaling-mode/forms/retire-source", ADD_SOURCES, "source=nothing"),
    ("POST", "/api/scaling-mode/forms/close-alert", ADD_SOURCES, "source=nothing&alert=a&reason=it+is+tried"),
    ("POST", "/api/scaling-mode/forms/end-client", ADD_SOURCES, "source=nothing&client=a&reason=it+is+tried"),
    // Only while nobody exists.
    ("POST", "/api/scaling-mode/forms/invite", MANAGE, "email=wrong&role=viewer"),
    ("POST", "/api/scaling-mode/forms/set-role", MANAGE, "email=wrong&role=viewer"),
    ("POST", "/api/scaling-mode/forms/disable-person", MANAGE, "email=wrong&disabled=true"),
    ("POST", "/api/scaling-mode/forms/reset-proofs", MANAGE, "email=wrong"),
    ("POST", "/api/scaling-mode/forms/make-token", MANAGE, "name="),
    ("POST", "/api/scaling-mode/forms/revoke-token", MANAGE, "id=0"),
    ("POST", "/api/scaling-mode/forms/make-share-link", MANAGE, "name="),
    ("POST", "/api/scaling-mode/forms/revoke-share-link", MANAGE, "id=0"),
    ("POST", "/api/telemetry", SEND, r#"{"source":"test","samples":[]}"#),
    ("POST", "/api/alertmanager", SEND, r#"{"version":"4","alerts":[]}"#),
    ("POST", "/api/v1/write", SEND, "{}"),
    ("POST", "/v1/metrics", SEND, r#"{"resourceMetrics":[]}"#),
    ("POST", "/api/stripe", SEND, "{}"),
    ("GET", "/metrics", Who::Some("fo", Some("metrics:read")), ""),
    ("GET", "/api/scaling-mode/styleguide", Known, ""),
    ("GET", "/founder/account", Known, ""),
    ("GET", "/founder/account/codes", Known, ""),
    ("GET", "/api/scaling-mode/account", Known, ""),
    ("GET", "/api/scaling-mode/codes", Known, ""),
    ("GET", "/founder/unsent", Known, ""),
    ("GET", "/api/scaling-mode/unsent", Known, ""),
    ("POST", "/api/scaling-mode/forms/begin-codes", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/confirm-codes", Known, "code=000000"),
    ("POST", "/api/scaling-mode/forms/end-codes", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/begin-passkey", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/add-passkey", Known, "name=x"),
    ("POST", "/api/scaling-mode/forms/remove-passkey", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/allow-provider", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/disconnect-provider", Known, "current=wrong"),
    ("POST", "/api/scaling-mode/forms/end-session", Known, "id=nothing"),
    ("POST", "/api/scaling-mode/forms/change-password", Known, "current=wrong&new=wrong"),
    ("POST", "/api/scaling-mode/forms/sign-out", Known, ""),
    ("GET", "/founder/sign-in", Anybody, ""),
    ("GET", "/founder/sign-in/code", Anybody, ""),
    ("GET", "/founder/sign-in/provider", Anybody, ""),
    ("GET", "/founder/sign-in/callback", Anybody, ""),
    ("GET", "/founder/join/nothing", Anybody, ""),
    ("GET", "/founder/share/nothing", Anybody, ""),
    ("GET", "/api/scaling-mode/sign-in", Anybody, ""),
    ("GET", "/api/scaling-mode/sign-in-code", Anybody, ""),
    ("GET", "/api/scaling-mode/join?link=nothing", Anybody, ""),
    ("GET", "/api/scaling-mode/share?link=nothing", Anybody, ""),
    ("POST", "/api/scaling-mode/forms/sign-in", Anybody, ""),
    ("POST", "/api/scaling-mode/forms/sign-in-code", Anybody, ""),
    ("POST", "/api/scaling-mode/forms/begin-passkey-sign-in", Anybody, ""),
    ("POST", "/api/scaling-mode/forms/passkey-sign-in", Anybody, ""),
    ("POST", "/api/scaling-mode/forms/join", Anybody, "link=nothing"),
    ("POST", "/api/scaling-mode/forms/open-share", Anybody, "link=nothing"),
    ("GET", "/api/openapi.json", Anybody, ""),
    ("POST", "/founder/theme", Anybody, "theme=dark"),
];

/// Asks in an environment, which is in the address and in the body alike: whichever the endpoint reads.
async fn ask(
    cast: &Cast,
    caller: &Caller,
    (method, path, _, body): &(&str, &str, Who, &str),
    environment: &str,
) -> (u16, String) {
    let snapshot = if environment == "trial" { &cast.snapshot_of_trial } else { &cast.snapshot };
    let path = path.replace("{snapshot}", snapshot);
    // Pages and endpoints that know no environment are left without.
    let takes_none = [
        "/people",
        "/account",
        "/styleguide",
        "/sign-in",
        "/unsent",
        "/codes",
        "/join",
        "/share?",
        "/share/",
        "/openapi",
        "/metrics",
        "/snapshot",
        "/compare",
        "/theme",
    ];
    let reads_a_query = *method == "GET";
    let path = if reads_a_query && !takes_none.iter().any(|part| path.contains(part))
        || path.starts_with("/api/v1/")
        || path.starts_with("/api/alert")
        || path.starts_with("/api/stripe")
    {
        format!("{path}{}environment={environment}", if path.contains('?') { "&" } else { "?" })
    } else {
        path
    };
    let request = caller.dress(cast.server.request(Method::from_bytes(method.as_bytes()).unwrap(), &path));
    let request = if body.starts_with('{') {
        let mut json: serde_json::Value = serde_json::from_str(body).unwrap();
        if path.starts_with("/api/scaling-mode/") || path == "/api/telemetry" {
            json["environment"] = environment.into();
        }
        let kind = if path.starts_with("/api/v1/write") { "application/x-protobuf" } else { "application/json" };
        request.header("content-type", kind).body(json.to_string())
    } else if *method == "POST" {
        let form = if path.contains("/forms/")
            && !path.contains("sign-")
            && !path.contains("join")
            && !path.contains("share?")
        {
            format!("environment={environment}&{body}")
        } else {
            (*body).to_owned()
        };
        request.header("content-type", "application/x-www-form-urlencoded").body(form)
    } else {
        request
    };
    if path.starts_with("/api/scaling-mode/events") {
        // It does not end by itself where it is allowed.
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = if status == 200 { String::new() } else { response.text().await.expect("a body") };
        return (status, text);
    }
    let answer = answer(request).await;
    (answer.status, answer.location.unwrap_or(answer.text))
}

/// Whether an answer is a refusal for want of a right: 401, 403, the environment that is not there for them, or the way to their own page.
fn is_refused(status: u16, text: &str) -> bool {
    let way_to_their_own = status == 303 && text == "/founder/shared";
    // A request that is let in and then proves nothing gets that answer.
    let proved_nothing =
        ["sign-in-failed", "wrong-code", "passkey-failed", "password first"].iter().any(|code| text.contains(code));
    matches!(status, 401 | 403) && !proved_nothing
        || way_to_their_own
        || status == 404
            && (text.contains("that you may see")
                || text.contains("unknown-snapshot")
                || text.contains("There is no such snapshot"))
}

fn expected(who: Who, caller: &Caller) -> bool {
    match (who, caller) {
        (Anybody, _) => true,
        (_, Caller::Nobody) => false,
        (Known, _) => true,
        (Who::Some(roles, _), Caller::Person { role, .. }) => roles.contains(*role),
        (Who::Some(_, scope), Caller::Token { scopes, .. }) => scope.is_some_and(|scope| scopes.contains(&scope)),
    }
}

/// ASVS 8.1.1, 8.2.1, 8.3.1, 13.4.5, 14.2.4.
#[tokio::test]
async fn every_endpoint_opens_to_those_who_may_and_to_nobody_else() {
    let cast = Cast::gather().await;
    let mut callers = vec![("nobody", Caller::Nobody)];
    callers.extend(cast.of_production());
    let mut wrong = Vec::new();
    for entry in TABLE {
        for (name, caller) in &callers {
            // That signing out ends access is tried elsewhere.
            if entry.1.ends_with("/sign-out") && *caller != Caller::Nobody {
                continue;
            }
            let (status, text) = ask(&cast, caller, entry, "production").await;
            let may = expected(entry.2, caller);
            // Which may only be asked for by a person says so with 403 to a token that is somebody.
            let is_own = entry.2 == Known && matches!(caller, Caller::Token { .. }) && status == 403;
            if is_refused(status, &text) == may && !is_own || status >= 500 {
                wrong.push(format!(
                    "{} {} by {name}: {status}, may {may}: {}",
                    entry.0,
                    entry.1,
                    text.chars().take(160).collect::<String>()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// ASVS 7.1.1, 7.2.1, 7.3.1, 7.3.2, 7.4.2, 7.4.5, 8.2.2.
#[tokio::test]
async fn what_was_ended_revoked_or_is_for_elsewhere_opens_nothing() {
    let cast = Cast::gather().await;
    let mut wrong = Vec::new();
    for entry in TABLE.iter().filter(|entry| !matches!(entry.2, Anybody)) {
        for (name, caller) in cast.spent().await {
            let (status, text) = ask(&cast, &caller, entry, "production").await;
            if status != 401 {
                wrong.push(format!(
                    "{} {} by {name}: {status}: {}",
                    entry.0,
                    entry.1,
                    text.chars().take(160).collect::<String>()
                ));
            }
        }
        // Those who are everything in another environment, and nothing here.
        if matches!(entry.2, Who::Some(..)) && !["/people", "/metrics"].iter().any(|part| entry.1.contains(part)) {
            for (name, caller) in cast.of_trial() {
                let scope_is_missing = matches!(entry.2, Who::Some(_, None)) && matches!(caller, Caller::Token { .. });
                let (status, text) = ask(&cast, &caller, entry, "production").await;
                let is_without_place =
                    ["/disable-person", "/reset-proofs", "/revoke-token", "/revoke-share-link", "/v1/metrics"]
                        .iter()
                        .any(|part| entry.1.ends_with(part));
                if !is_refused(status, &text) && !is_without_place {
                    wrong.push(format!(
                        "{} {} in production by {name}: {status}: {}",
                        entry.0,
                        entry.1,
                        text.chars().take(160).collect::<String>()
                    ));
                }
                let (status, text) = ask(&cast, &caller, entry, "trial").await;
                if is_refused(status, &text) && !scope_is_missing && !is_without_place {
                    wrong.push(format!(
                        "{} {} in trial by {name}: {status}: {}",
                        entry.0,
                        entry.1,
                        text.chars().take(160).collect::<String>()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_here_has_every_door_and_every_server_function_has_a_door() {
    let path = |path: &str| {
        path.split('?')
            .next()
            .unwrap()
            .replace("{snapshot}", "*")
            .replace("/nothing", "/*")
            .replace("/events/1", "/events/*")
    };
    let here: BTreeSet<(String, String)> = TABLE.iter().map(|entry| (entry.0.to_owned(), path(entry.1))).collect();
    let doors: BTreeSet<(String, String)> =
        ENTRIES.iter().map(|entry| (entry.method.to_string(), entry.path.to_owned())).collect();
    assert_eq!(here, doors);
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert!(doors.contains(&(method.to_string(), path.to_owned())), "{method} {path} has no door");
    }
    for entry in ENTRIES {
        let is_own = matches!(entry.door, Door::Open | Door::SignedIn);
        let is_reading = entry.method == Method::GET;
        // Nothing that writes asks for less than a permission that writes.
        if let Door::Needs(any) = entry.door {
            let reads = [Permission::Read, Permission::ReadShared, Permission::ReadMetrics];
            let is_dry = entry.path == "/api/scaling-mode/backtest";
            assert!(is_reading || is_dry || any.iter().all(|permission| !reads.contains(permission)), "{}", entry.path);
        }
        assert!(is_own || !entry.path.ends_with("sign-in"));
    }
    assert_eq!(Scope::ALL.len(), 6, "a new scope needs callers here");
}

//! Owns that no secret of the settings is ever shown: a marker in each of them is in no line of the fullest log, no answer and
//! no error, wherever it came from. Nor does the log hold what lets somebody in.

use crate::people::{PASSWORD, create, sign_in, token};
use crate::serving::{Server, answer};
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const MARKER: &str = "s3cr3t-marker";

/// What the program says, in its fullest log, before it ends with this exit code.
fn said(folder: &Path, arguments: &[&str], variables: &[(&str, String)], code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .args(arguments)
        .args(["--log", "trace"])
        .current_dir(folder)
        .envs(variables.iter().cloned())
        .output()
        .expect("the program runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(!said.contains(MARKER), "{arguments:?}: {said}");
    said
}

/// ASVS 13.3.1.
#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("postgres://app:{MARKER}@127.0.0.1:9/x?connect_timeout=1&sslmode=disable");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("url"), format!("{url}\n")).expect("a file");
    std::fs::write(path("DATABASE_URL"), &url).expect("a credential");
    std::fs::write(path("by-value.toml"), format!("database_url = \"{url}\"\n")).expect("a file");
    std::fs::write(path("by-file.toml"), format!("database_url_file = \"{}\"\n", path("url"))).expect("a file");
    let (by_value, by_file) = (path("by-value.toml"), path("by-file.toml"));
    let here = folder.path().display().to_string();
    let named_file = path("url");
    // Each way in which the url may come: all of them reach for the database, and none says what opens it.
    let cases = [
        (vec!["status", "--database-url", &url], vec![]),
        (vec!["status", "--database-url-file", &named_file], vec![]),
        (vec!["status", "--settings", &by_value], vec![]),
        (vec!["status", "--settings", &by_file], vec![]),
        (vec!["status"], vec![("DATABASE_URL", url.clone())]),
        (vec!["status"], vec![("SCALING_MODE_DATABASE_URL", url.clone())]),
        (vec!["status"], vec![("DATABASE_URL_FILE", path("url"))]),
        (vec!["status"], vec![("SCALING_MODE_DATABASE_URL_FILE", path("url"))]),
        (vec!["status"], vec![("CREDENTIALS_DIRECTORY", here)]),
        (vec!["migrate-store", "--from", &url, "--to", "sqlite://there.db"], vec![]),
        (vec!["serve", "--addr", "127.0.0.1:0"], vec![("DATABASE_URL", url.clone())]),
    ];
    // Beside each other: each tries for some seconds before it gives up.
    let folder = folder.path();
    std::thread::scope(|threads| {
        for (arguments, variables) in &cases {
            threads.spawn(move || {
                let said = said(folder, arguments, variables, 3);
                assert!(said.contains("the store is not available"), "{arguments:?} {variables:?}: {said}");
            });
        }
    });
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in [
        format!("database_url = \"mysql://app:{MARKER}@x/y\""),
        format!("database_url = [\"postgres://app:{MARKER}@x/y\"]"),
        format!("database_ulr = \"postgres://app:{MARKER}@x/y\""),
        format!("database_url = \"postgres://app:{MARKER}@x/y"),
        format!("[stripe]\nsecret_env = \"whsec-{MARKER} \""),
        format!("[stripe]\nsecret = \"{MARKER}\""),
        format!(
            "[[source]]\nname = \"s\"\nkind = \"postgres\"\nenvironment = \"production\"\nurl = \"postgres://a:{MARKER}@x/y\""
        ),
        format!(
            "[[source]]\nname = \"s\"\nkind = \"prometheus\"\nenvironment = \"production\"\nurl = \"http://a:{MARKER}@x\""
        ),
    ] {
        std::fs::write(folder.path().join("scaling-mode.toml"), text).expect("a file");
        said(folder.path(), &["status"], &[], 2);
    }
    said(
        folder.path(),
        &["status", "--settings", "/dev/null", "--database-url", &format!("mysql://a:{MARKER}@x")],
        &[],
        2,
    );
}

#[tokio::test]
async fn sources_that_do_not_answer_say_nothing_of_what_opens_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = r#"
        [stripe]
        secret_env = "STRIPE_SECRET"
        [[source]]
        name = "metrics"
        kind = "prometheus"
        environment = "production"
        url = "http://127.0.0.1:9"
        every_seconds = 5
        token_env = "METRICS_TOKEN"
        signal = [{ signal = "infra.requests", query = "up" }]
        [[source]]
        name = "shop"
        kind = "postgres"
        environment = "production"
        url_env = "SHOP_URL"
        every_seconds = 5
        signal = [{ signal = "clients.active", query = "SELECT 1 AS value" }]
        [[source]]
        name = "mounted"
        kind = "mysql"
        environment = "production"
        url_file = "mounted-url"
        every_seconds = 5
        signal = [{ signal = "clients.at_risk", query = "SELECT 1 AS value" }]
    "#;
    std::fs::write(folder.path().join("scaling-mode.toml"), settings).expect("a file");
    std::fs::write(folder.path().join("mounted-url"), format!("mysql://a:{MARKER}@127.0.0.1:9/x")).expect("a file");
    std::fs::write(folder.path().join("shop-url"), format!("postgres://a:{MARKER}@127.0.0.1:9/x")).expect("a file");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let shop = folder.path().join("shop-url").display().to_string();
    let variables = [("STRIPE_SECRET", MARKER), ("METRICS_TOKEN", MARKER), ("SHOP_URL_FILE", shop.as_str())];
    let server = Server::start_logging(folder.path(), &["--no-demo"], &variables, ("trace", into)).await;
    let connections = "/api/scaling-mode/connections?environment=production";
    let mut asked = server.get(connections).await;
    for _ in 0..200 {
        let failed = |name: &str| {
            let source = asked.json["sources"].as_array().into_iter().flatten().find(|source| source["name"] == name);
            source.is_some_and(|source| source["failure"].is_object())
        };
        if ["metrics", "shop", "mounted"].into_iter().all(failed) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        asked = server.get(connections).await;
    }
    let failures = asked.text.matches("\"failure\":{").count();
    assert_eq!(failures, 3, "{}", asked.text);
    assert!(!asked.text.contains("no-credentials"), "a secret was not found: {}", asked.text);
    let unsigned = server.post("/api/stripe", &json!({"object": "event"})).await;
    assert!(unsigned.status >= 400, "{unsigned:?}");
    let page = server.get("/founder/scaling-mode/connections?environment=production").await;
    let (_, doctor, errors) = server.command(&["doctor"]);
    let log = std::fs::read_to_string(&log).expect("the log");
    assert!(log.contains("TRACE") && log.contains("a source failed"), "{}", log.len());
    for text in [asked.text, unsigned.text, page.text, doctor, errors, log] {
        assert!(!text.contains(MARKER), "{}", text.lines().find(|line| line.contains(MARKER)).unwrap_or_default());
    }
}

/// ASVS 16.2.5.
#[tokio::test]
async fn no_line_of_the_log_holds_what_lets_somebody_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let into = Stdio::from(std::fs::File::create(&log).expect("a file"));
    let server = Server::start_logging(folder.path(), &["--no-demo"], &[], ("debug", into)).await;
    let link = server.founders_link();
    assert_eq!(server.get(&link).await.status, 200);
    create(&server, "anna@example.com", "founder", None);
    let cookies = sign_in(&server, "anna@example.com").await;
    let token = token(&server, "reading", &["health:read"], None);
    let health = "/api/scaling-mode/health";
    let form = |name: &str, body: String| {
        let request = server.request(Method::POST, &format!("/api/scaling-mode/forms/{name}"));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let secret = link.rsplit('/').next().expect("a secret");
    // Each is refused, and what is refused is logged.
    for (request, status) in [
        (server.request(Method::GET, &link).header("host", "evil.example"), 403),
        (server.request(Method::POST, health).bearer_auth(&token).json(&json!({})), 403),
        (server.request(Method::GET, health).bearer_auth(token.replacen("sm_", "sm-", 1)), 401),
        (form("evaluate", String::new()).header("cookie", &cookies).header("origin", "https://evil.example"), 403),
        (form("join", format!("link={secret}&email=eve%40example.com&name=Eve&password=zebra+lamp+slowly")), 404),
        (form("sign-in", "email=anna%40example.com&password=zebra+lamp+slowly".to_owned()), 401),
    ] {
        let refused = answer(request).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    let log = std::fs::read_to_string(&log).expect("the log");
    for said in ["/founder/join/*", "invalid-credential", "not-allowed", "foreign-origin", "a sign-in failed"] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
    let of_cookies = cookies.split("; ").filter_map(|cookie| cookie.split_once('=')).map(|(_, value)| value);
    let digits = token.trim_start_matches("sm_");
    for hidden in of_cookies.chain([secret, digits, PASSWORD, "lamp slowly", "lamp+slowly"]) {
        assert!(hidden.len() > 8 && !log.contains(hidden), "{hidden} is in {log}");
    }
}

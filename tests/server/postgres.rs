//! Owns what the program promises on PostgreSQL, through its door: the same answers, the last good ones while the database is
//! away, and writes that are settled under their key when it is back.

use crate::databases;
use crate::serving::{Server, answer};
use reqwest::Method;
use serde_json::json;

const PAGE: &str = "/founder/scaling-mode?environment=production";
const HEALTH: &str = "/api/scaling-mode/health?environment=production";
const CONFIG: &str = "/api/scaling-mode/config?environment=production";

/// ASVS 16.5.2.
#[tokio::test]
async fn while_the_database_is_away_reading_says_its_age_and_writing_is_settled_later() {
    let mut database = databases::Server::postgres();
    let url = format!("postgres://founder@127.0.0.1:{}/postgres", database.port);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("DATABASE_URL", &url)]).await;
    let act = |key: &str, action: &str, reason: &str| {
        let body = json!({"environment": "production", "action": action, "reason": reason});
        server.request(Method::PUT, "/api/scaling-mode/config").header("idempotency-key", key).json(&body)
    };
    assert_eq!(answer(act("one", "freeze", "before")).await.status, 200);
    assert_eq!(
        answer(act("nul", "unfreeze", "a\0b")).await.status,
        400,
        "a text that cannot be stored is the client's"
    );
    let before = [server.get(HEALTH).await, server.get(CONFIG).await];
    let page = server.get(PAGE).await;
    assert!(before.iter().all(|answer| answer.status == 200) && page.status == 200);
    assert!(!page.text.contains("cannot be reached"), "{}", page.text);

    database.kill();
    for (path, before) in [HEALTH, CONFIG].into_iter().zip(before) {
        let request = server.get_as_last_known(path).await;
        assert_eq!(request.status(), 200, "{path}");
        let age: u64 = request.headers()["age"].to_str().expect("text").parse().expect("seconds");
        assert!(age < 120, "{age}");
        assert_eq!(request.headers()["cache-status"], "scaling-mode; hit; detail=store-unreachable");
        assert_eq!(request.json::<serde_json::Value>().await.expect("JSON"), before.json);
    }
    // What the page kept for this minute may still be answered; what it was never asked for is not made up.
    let never = server.get("/api/scaling-mode/history?environment=production&limit=3").await;
    assert_eq!(never.status, 503, "{}", never.text);
    let refused = act("two", "unfreeze", "while it was away").send().await.expect("an answer");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "2");
    let sentence = refused.text().await.expect("text");
    assert!(sentence.contains("urn:scaling-mode:problem:unavailable"), "{sentence}");
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/healthz").await.status, 200);

    database.start_again();
    let mut settled = 503;
    for _ in 0..100 {
        settled = answer(act("two", "unfreeze", "while it was away")).await.status;
        if settled == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(settled, 200, "without a restart of the server");
    assert_eq!(answer(act("two", "unfreeze", "while it was away")).await.status, 200);
    let history = server.get("/api/scaling-mode/history?environment=production&event_type=unfrozen").await;
    assert_eq!(history.json["events"].as_array().map(Vec::len), Some(1), "{}", history.text);
    assert_eq!(server.get("/readyz").await.status, 200);
    let (code, said, complained) = server.command(&["verify", "--database-url", &url]);
    assert_eq!(code, 0, "{said}{complained}");
}

#[tokio::test]
async fn a_page_says_that_it_is_as_it_was() {
    let mut database = databases::Server::postgres();
    let url = format!("postgres://founder@127.0.0.1:{}/postgres", database.port);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in_with(folder.path(), &["--no-demo"], &[("DATABASE_URL", &url)]).await;
    assert_eq!(server.get(PAGE).await.status, 200);
    // A commit ends the copy of the page that was kept for this minute.
    let freeze = json!({"environment": "this-server", "action": "freeze", "reason": "another environment's"});
    assert_eq!(server.put("/api/scaling-mode/config", &freeze).await.status, 200);
    database.kill();
    let page = server.get(PAGE).await;
    assert_eq!(page.status, 200);
    let main = page.text.split("<main").nth(1).expect("a main part");
    assert!(main.contains("The store cannot be reached.") && main.contains("Nothing can be changed"), "{main}");
    let unseen = server.get("/founder/scaling-mode/settings?environment=production").await;
    assert_eq!(unseen.status, 503);
    let (code, _, complained) = server.command(&["status", "--database-url", &url]);
    assert_eq!(code, 3, "{complained}");
    assert!(complained.contains("the store is not available") && !complained.contains("founder@"), "{complained}");
}

#[tokio::test]
async fn two_servers_on_one_database_show_each_others_changes_and_move_a_store_there_and_back() {
    let database = databases::Server::postgres();
    let url = format!("postgres://founder@127.0.0.1:{}/postgres", database.port);
    let file = tempfile::tempdir().expect("a folder");
    let mut first = Server::start_in(file.path(), &["--no-demo"]).await;
    let freeze = json!({"environment": "production", "action": "freeze", "reason": "before the move"});
    assert_eq!(first.put("/api/scaling-mode/config", &freeze).await.status, 200);
    first.kill();
    let sqlite = format!("sqlite://{}", file.path().join("scaling-mode.db").display());
    let (code, said, complained) = first.command(&["migrate-store", "--from", &sqlite, "--to", &url]);
    assert_eq!(code, 0, "{said}{complained}");
    assert!(said.contains("every table is the same"), "{said}");
    let (code, _, complained) = first.command(&["migrate-store", "--from", &sqlite, "--to", &url]);
    assert_eq!(code, 1, "{complained}");
    assert!(complained.contains("holds a store already"), "{complained}");

    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let variables = [("DATABASE_URL", url.as_str())];
    let one = Server::start_in_with(folders[0].path(), &["--no-demo"], &variables).await;
    let two = Server::start_in_with(folders[1].path(), &["--no-demo"], &variables).await;
    let page = two.get(PAGE).await.text;
    assert!(page.contains("before the move"), "{page}");
    let unfreeze = json!({"environment": "production", "action": "unfreeze", "reason": "after the move"});
    assert_eq!(one.put("/api/scaling-mode/config", &unfreeze).await.status, 200);
    let mut is_seen = false;
    for _ in 0..100 {
        is_seen = two.get(PAGE).await.text.contains("after the move");
        if is_seen {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(is_seen, "the other server's page follows");
    let backup = folders[0].path().join("backup.db");
    let (code, said, complained) = one.command(&["backup", backup.to_str().expect("a path"), "--database-url", &url]);
    assert_eq!(code, 0, "{said}{complained}");
    let back = format!("sqlite://{}", folders[1].path().join("restored.db").display());
    let (code, said, complained) = one.command(&["restore", backup.to_str().expect("a path"), "--database-url", &back]);
    assert_eq!(code, 0, "{said}{complained}");
    let (code, said, complained) = one.command(&["verify", "--database-url", &back]);
    assert_eq!(code, 0, "{said}{complained}");
}

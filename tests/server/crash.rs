//! Owns what a power cut may cost: nothing that was acknowledged, and nothing stays half done. The server is ended with
//! SIGKILL while batches and acts are under way, again and again, on one store.

use crate::serving::Server;
use chrono::{DateTime, Duration, Utc};
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How often the server is killed.
const KILLS: u64 = 50;

/// The writes that were acknowledged: samples by their number, and the newest configuration version.
#[derive(Default)]
struct Acknowledged {
    batches: Mutex<Vec<u64>>,
    version: AtomicU64,
}

/// Two samples of one batch: both are stored or none.
fn batch(number: u64) -> serde_json::Value {
    let at = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).expect("a time")
        + Duration::seconds(i64::try_from(number).expect("small"));
    json!({"source": "crash", "samples": [
        {"signal": "infra.requests", "at": at.to_rfc3339(), "value": 10, "unit": "requests", "id": format!("r-{number}")},
        {"signal": "infra.errors", "at": at.to_rfc3339(), "value": 1, "unit": "requests", "id": format!("e-{number}")},
    ]})
}

async fn send_batches(client: reqwest::Client, url: String, next: Arc<AtomicU64>, done: Arc<Acknowledged>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let sent = client.post(format!("{url}/api/telemetry")).json(&batch(number)).send().await;
        match sent {
            Ok(response) => {
                let is_success = response.status().is_success();
                if response.bytes().await.is_ok() && is_success {
                    done.batches.lock().expect("the list").push(number);
                }
            }
            Err(_) => return,
        }
    }
}

async fn toggle_auto_mode(client: reqwest::Client, url: String, done: Arc<Acknowledged>) {
    let mut enabled = true;
    loop {
        let body = json!({"action": "set_auto_mode", "enabled": enabled});
        let sent = client.request(Method::PUT, format!("{url}/api/scaling-mode/config")).json(&body).send().await;
        let Ok(response) = sent else { return };
        if let Ok(config) = response.json::<serde_json::Value>().await
            && let Some(version) = config["version"].as_u64()
        {
            done.version.fetch_max(version, Ordering::Relaxed);
        }
        enabled = !enabled;
    }
}

/// ASVS 2.3.3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let next = Arc::new(AtomicU64::new(0));
    let done = Arc::new(Acknowledged::default());
    for kill in 0..KILLS {
        let mut server = Server::start_in(folder.path(), &["--no-demo", "--raw-sample-days", "3650"]).await;
        let work = [
            tokio::spawn(send_batches(server.client.clone(), server.url.clone(), next.clone(), done.clone())),
            tokio::spawn(send_batches(server.client.clone(), server.url.clone(), next.clone(), done.clone())),
            tokio::spawn(toggle_auto_mode(server.client.clone(), server.url.clone(), done.clone())),
        ];
        // Another moment of the work each time, once there is work.
        let before = done.batches.lock().expect("the list").len();
        for _ in 0..200 {
            if done.batches.lock().expect("the list").len() > before + 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(kill * 37 % 60)).await;
        server.kill();
        for task in work {
            task.await.expect("the work ends");
        }
    }
    let (code, _, errors) = crate::serving::command(folder.path(), &["verify"]);
    assert_eq!(code, 0, "{errors}");
    everything_acknowledged_is_there(folder.path(), &next, &done).await;
}

async fn everything_acknowledged_is_there(folder: &std::path::Path, next: &AtomicU64, done: &Acknowledged) {
    let server = Server::start_in(folder, &["--no-demo", "--raw-sample-days", "3650"]).await;
    let acknowledged = done.batches.lock().expect("the list").clone();
    assert!(acknowledged.len() as u64 > KILLS, "work was under way at each kill");
    let config = server.get("/api/scaling-mode/config").await.json;
    let version = config["version"].as_u64().expect("a version");
    assert!(version >= done.version.load(Ordering::Relaxed), "an acknowledged act was lost");
    let acts = server.get("/api/scaling-mode/history?event_type=auto_mode_changed&limit=500").await;
    let newest = &acts.json["events"][0];
    assert_eq!(newest["reason"] == "switched on", config["auto_mode"] == true, "the act and its event are one");
    let last = next.load(Ordering::Relaxed);
    let mut half = 0;
    for number in 0..last {
        let again = server.post("/api/telemetry", &batch(number)).await;
        let duplicates = again.json["duplicates"].as_u64().expect("a receipt");
        half += u64::from(duplicates == 1);
        if acknowledged.contains(&number) {
            assert_eq!(duplicates, 2, "batch {number} was acknowledged and is gone");
        }
    }
    assert_eq!(half, 0, "a batch was stored by half");
    println!(
        "{KILLS} kills, {} batches acknowledged of {last}, configuration at version {version}",
        acknowledged.len()
    );
}

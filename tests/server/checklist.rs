//! Owns what the checklist of the founder's page promises: each of its commands, run in a terminal as the page shows it with numbers put in,
//! makes its signals count; and the README's quick start goes on counting.

use crate::people::{create, sign_in, token};
use crate::serving::{Server, answer};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What a shell prints; it has to end well.
fn shell(folder: &Path, path: &str, script: &str) -> String {
    let ran = Command::new("sh").args(["-ec", script]).current_dir(folder).env("PATH", path).output().expect("a shell");
    let (out, error) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}\n{out}\n{error}");
    out.into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test finds the programs that a person at the terminal has")]
fn path() -> String {
    std::env::var("PATH").expect("a path")
}

fn unescaped(html: &str) -> String {
    let text = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
    text.replace("&#39;", "'").replace("&amp;", "&")
}

/// The commands of a page, as they are copied from it.
fn commands(page: &str) -> Vec<String> {
    let (_, checklist) = page.split_once("id=\"connect\"").expect("a checklist");
    checklist
        .split("<code>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</code>"))
        // A comment of the markup is no text that is copied.
        .map(|(text, _)| unescaped(&text.replace("<!>", "").replace("<!---->", "")))
        .filter(|text| text.contains("curl"))
        .collect()
}

/// A command with numbers in the places of its capitals, the longer names first.
fn filled(command: &str, token: &str) -> String {
    let numbers = [
        ("YOUR_TOKEN", token),
        ("BEFORE_REQUESTS", "91200"),
        ("NEWEST_REQUESTS", "80"),
        ("BEFORE_ERRORS", "31"),
        ("NEWEST_ERRORS", "0"),
        ("BEFORE_P95_MS", "230"),
        ("NEWEST_P95_MS", "240.5"),
        ("YOUR_NUMBER", "3"),
    ];
    let text = numbers.iter().fold(command.to_owned(), |text, (name, number)| text.replace(name, number));
    assert!(!text.contains("YOUR_") && !text.contains("NEWEST_") && !text.contains("BEFORE_"), "{text}");
    text
}

/// What the inputs of a new evaluation are, by signal and window.
async fn states(server: &Server, dress: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut request = server.request(Method::POST, "/api/scaling-mode/health").json(&json!({}));
    for (name, value) in dress {
        request = request.header(*name, *value);
    }
    let snapshot = answer(request).await;
    assert_eq!(snapshot.status, 200, "{snapshot:?}");
    let of = |input: &Value| {
        (format!("{} {} {}", input["signal"], input["severity"], input["window"]["name"]), input["state"].to_string())
    };
    snapshot.json["inputs"].as_array().expect("inputs").iter().map(of).collect()
}

fn all_known(states: &[(String, String)]) {
    assert_eq!(states.len(), 16, "{states:?}");
    for (input, state) in states {
        assert_eq!(state, "\"known\"", "{input}: {states:?}");
    }
}

#[tokio::test]
async fn every_command_of_the_checklist_run_as_shown_makes_its_signals_count() {
    let server = Server::start().await;
    let page = server.get("/founder/scaling-mode").await.text;
    let all = commands(&page);
    assert_eq!(all.len(), 9, "{all:?}");
    for command in &all {
        let said = shell(&server.data_dir, &path(), &filled(command, ""));
        assert!(said.contains("\"accepted\"") && !said.contains("problem"), "{command}\n{said}");
    }
    all_known(&states(&server, &[]).await);
    let page = server.get("/founder/scaling-mode").await.text;
    assert!(page.contains("11 of 11 signals connected, 11 count in the newest answer"), "{page}");
    assert!(commands(&page).is_empty());
}

#[tokio::test]
async fn each_command_counts_without_the_others() {
    let server = Server::start().await;
    let page = server.get("/founder/scaling-mode").await.text;
    let mut known = 0;
    for command in commands(&page) {
        shell(&server.data_dir, &path(), &filled(&command, ""));
        let states = states(&server, &[]).await;
        let now = states.iter().filter(|(_, state)| state == "\"known\"").count();
        assert!(now > known, "{command}: {states:?}");
        assert!(
            states.iter().all(|(_, state)| state == "\"known\"" || state == "\"missing\""),
            "{command}: {states:?}"
        );
        known = now;
    }
}

#[tokio::test]
async fn with_people_there_a_command_shows_where_the_token_goes_and_works_with_it() {
    let server = Server::start().await;
    create(&server, "anna@example.com", "founder", None);
    let cookie = sign_in(&server, "anna@example.com").await;
    let page = || async {
        answer(
            server
                .request(Method::GET, "/founder/scaling-mode")
                .header("cookie", &cookie)
                .header("accept", "text/html"),
        )
        .await
        .text
    };
    let shown = page().await;
    assert!(shown.contains("a token with the scope telemetry:write"), "{shown}");
    let token = token(&server, "my script", &["telemetry:write"], None);
    for command in commands(&shown) {
        let refused = shell(&server.data_dir, &path(), &filled(&command, "sm_nothing"));
        assert!(refused.contains("invalid-credential"), "{refused}");
        let said = shell(&server.data_dir, &path(), &filled(&command, &token));
        assert!(said.contains("\"accepted\""), "{command}\n{said}");
    }
    all_known(&states(&server, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await);
}

/// The README's commands, by a text in each.
fn block(readme: &str, holding: &str) -> String {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block);
    let found: Vec<&str> = blocks.filter(|block| block.contains(holding)).collect();
    assert_eq!(found.len(), 1, "{holding}: {found:?}");
    found[0].to_owned()
}

/// The quick start was followed twenty minutes ago: without its job what it has sent of the CPU is too old by now; with the job, which has
/// run then and runs now, everything counts.
#[tokio::test]
async fn the_quick_start_ends_in_a_job_that_keeps_its_numbers_counting() {
    let server = Server::start().await;
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let here = |holding: &str| block(&readme, holding).replace("http://localhost:3008", &server.url);
    let folder = server.data_dir.join("somewhere");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Clocks of twenty and of nineteen minutes ago, which is all that the commands read of the time.
    let clock = |ago: u32| {
        let own = server.data_dir.join(format!("clock-{ago}"));
        std::fs::create_dir_all(&own).expect("a folder");
        let date = shell(&folder, &path(), "command -v date").trim().to_owned();
        let script = format!(
            "#!/bin/sh\nif [ \"$*\" = +%s ]; then echo $(($({date} +%s) - {ago})); else exec {date} \"$@\"; fi\n"
        );
        std::fs::write(own.join("date"), script).expect("a script");
        shell(&own, &path(), "chmod +x date");
        format!("{}:{}", own.display(), path())
    };
    let (then, a_minute_later) = (clock(1_200), clock(1_140));
    // A CPU that was sampled every minute, as monitoring exports it.
    let csv = "at() { date -u -d \"@$1\" +%FT%TZ 2>/dev/null || date -u -r \"$1\" +%FT%TZ; }\n\
               T=$(date +%s); echo timestamp,value >cpu.csv; M=60\n\
               while [ $M -ge 0 ]; do echo \"$(at $((T - 60 * M))),30\" >>cpu.csv; M=$((M - 1)); done";
    shell(&folder, &then, csv);
    let job = here("send-numbers.sh <<");
    let (script, runs) = job.split_once("\nEND\n").expect("a script and what runs it");
    assert!(runs.starts_with("sh send-numbers.sh\n") && runs.contains("| crontab -"), "{runs}");
    let job = format!("{script}\nEND\nsh send-numbers.sh");
    shell(&folder, &then, &here("# What is, now: clients and open warnings."));
    let import = ["import", "cpu.csv", "--environment", "production", "--signal", "infra.cpu", "--unit", "percent"];
    let csv = folder.join("cpu.csv");
    let arguments: Vec<&str> = import
        .iter()
        .map(|part| if *part == "cpu.csv" { csv.to_str().expect("a name") } else { part })
        .chain(["--source", "host"])
        .collect();
    let (code, _, error) = server.command(&arguments);
    assert_eq!(code, 0, "{error}");
    let said = shell(&folder, &a_minute_later, &job);
    assert_eq!(said.matches("\"accepted\"").count(), 3, "{said}");
    let before = states(&server, &[]).await;
    let cpu =
        |states: &[(String, String)]| states.iter().find(|(input, _)| input.contains("infra.cpu")).unwrap().1.clone();
    assert_eq!(cpu(&before), "\"stale\"", "{before:?}");
    let said = shell(&folder, &path(), "sh send-numbers.sh");
    let cpu_is_measured = Path::new("/proc/stat").exists();
    assert_eq!(said.matches("\"accepted\"").count(), if cpu_is_measured { 4 } else { 3 }, "{said}");
    let after = states(&server, &[]).await;
    if cpu_is_measured {
        all_known(&after);
    }
}

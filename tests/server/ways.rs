//! Runs each act of the catalogue by all its ways, and compares state, history, recommendation and refusal. Each way has its own store, each
//! case its own environment.

use crate::people::PASSWORD;
use crate::serving::{Answer, Server, answer};
use crate::ways_cases::{Case, cases};
use chrono::Duration;
use reqwest::Method;
use scaling_mode::server::acts::catalogue::{ACTS, Act, Way};
use scaling_mode::server::clock;
use serde_json::{Value, json};
use sqlx::Connection;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// The founder who sends forms and JSON once people exist.
const FOUNDER: &str = "anna@example.com";

/// A server with a store, for one way.
pub struct Scene {
    cookie: Option<String>,
    pub server: Server,
}

/// What an act changed, and how it ended.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    /// People, invitations, tokens and links of the environment, as the page lists them.
    access: Vec<Value>,
    /// The snapshots evaluated on demand, by configuration version.
    answers: Vec<Value>,
    /// `done`, or the code of the refusal.
    code: String,
    config: Value,
    events: Vec<Value>,
}

/// Acts that need a new evaluation.
const DECIDING: [&str; 5] = [
    "configuration::change accept_proposal",
    "configuration::change freeze",
    "configuration::change set_mode",
    "configuration::change unfreeze",
    "configuration::change update",
];

impl Outcome {
    /// True if the newest snapshot has the current configuration, or if nothing was changed.
    fn is_answered(&self) -> bool {
        self.config["version"] == 1 || self.answers.last().is_some_and(|answer| answer[0] == self.config["version"])
    }
}

impl Scene {
    /// Without people, each way acts as `local`. With people, forms and JSON act as the founder.
    async fn new(has_people: bool) -> Scene {
        let server = Server::start_with(&["--no-demo", "--tick-minutes", "1440"]).await;
        if !has_people {
            return Scene { cookie: None, server };
        }
        crate::people::create(&server, FOUNDER, "founder", None);
        let cookie = Some(crate::people::sign_in(&server, FOUNDER).await);
        Scene { cookie, server }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.server.request(method, path).header("sec-fetch-site", "same-origin");
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path)).await.json
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let sent = answer(self.request(method, path).json(body)).await;
        assert_eq!(sent.status, 200, "{path}: {sent:?}");
        sent.json
    }

    /// Runs a command, with a password in case it asks for one.
    pub fn command(&self, line: &[&str]) -> (i32, String, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
            .args(line)
            .args(["--log", "error", "--data-dir"])
            .arg(&self.server.data_dir)
            .current_dir(&self.server.data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A command that reads no password may have ended already.
        let _ = child.stdin.take().expect("its input").write_all(format!("{PASSWORD}\n").as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    /// Runs an SQL statement, for a state that no act makes.
    pub async fn execute(&self, statement: &'static str, values: &[&str]) {
        let address = format!("sqlite://{}", self.server.data_dir.join("scaling-mode.db").display());
        let mut db = sqlx::SqliteConnection::connect(&address).await.expect("the store");
        let mut query = sqlx::query(statement);
        for value in values {
            query = query.bind(*value);
        }
        assert_eq!(query.execute(&mut db).await.expect("it is done").rows_affected(), 1, "{statement}");
        db.close().await.expect("it closes");
    }

    /// Posts a form like a script, which gets the refusal instead of a redirect.
    pub async fn form(&self, name: &str, body: String) -> Answer {
        let request = self
            .request(Method::POST, &format!("/api/scaling-mode/forms/{name}"))
            .header("content-type", "application/x-www-form-urlencoded");
        answer(request.body(body)).await
    }

    /// Replaces the placeholders of a case.
    async fn fill(&self, text: &str, environment: &str) -> String {
        let mut text =
            text.replace("ENV", environment).replace("LONG", &"x".repeat(501)).replace("A_MINUTE_AGO", &a_minute_ago());
        for (word, list) in [("TOKEN", "tokens"), ("LINK", "share_links")] {
            if text.contains(word) {
                let page = self.get("/api/scaling-mode/people").await;
                let lines = page[list].as_array().expect("a list").iter();
                let mut ids = lines.filter(|line| line.to_string().contains(environment)).map(|line| &line["id"]);
                text = text.replace(word, &ids.next().expect("one that was made").to_string());
            }
        }
        text
    }

    /// Asks for an act; returns `done` or the code of the refusal.
    async fn ask(&self, way: Way, case: &Case, environment: &str) -> String {
        match way {
            Way::Json(door) => {
                let (method, path) = door.split_once(' ').expect("a method and a path");
                let text = self.fill(case.json, environment).await;
                if method == "GET" {
                    return code(&answer(self.request(Method::GET, &format!("{path}?{text}"))).await);
                }
                let body: Value = serde_json::from_str(&text).expect("JSON");
                let method = Method::from_bytes(method.as_bytes()).expect("a method");
                code(&answer(self.request(method, path).json(&body)).await)
            }
            Way::Form(name) => code(&self.form(name, self.fill(case.form, environment).await).await),
            Way::Schedule => unreachable!(),
            Way::Command(words) => {
                let rest = self.fill(case.command, environment).await;
                let line: Vec<&str> = words.split(' ').chain(rest.split('|').filter(|_| !rest.is_empty())).collect();
                let (exit, _, said) = self.command(&line);
                if exit == 0 {
                    return "done".to_owned();
                }
                let code = said.trim_end().rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
                let code = code.unwrap_or_else(|| panic!("a refusal without a code: {line:?}: {said}"));
                assert!([1, 2].contains(&exit), "{exit}: {said}");
                code.to_owned()
            }
        }
    }

    /// The changes of access in all environments, newest first.
    async fn access_changes(&self) -> Vec<Value> {
        let path = "/api/scaling-mode/history?environment=production&event_type=access_changed&limit=500";
        self.get(path).await["events"].as_array().expect("events").clone()
    }

    async fn outcome(&self, code: String, environment: &str, before: usize) -> Outcome {
        let mut config = self.get(&format!("/api/scaling-mode/config?environment={environment}")).await;
        let history = self.get(&format!("/api/scaling-mode/history?environment={environment}&limit=100")).await;
        let snapshots = self.get(&format!("/api/scaling-mode/health?environment={environment}&type=list")).await;
        for field in ["policy_since", "last_mode_change_at"] {
            config[field] = json!(!config[field].is_null());
        }
        let fields = ["config_version", "mode", "frozen", "recommendation", "target_mode", "verdict", "headroom"];
        // The scheduler may evaluate at any time; its snapshots don't count.
        let asked_for = snapshots["snapshots"].as_array().expect("snapshots").iter();
        let asked_for = asked_for.filter(|snapshot| snapshot["origin"] == "on_demand");
        let mut answers: Vec<Value> = asked_for.map(|one| json!(fields.map(|field| one[field].clone()))).collect();
        answers.sort_by_key(|answer| answer[0].as_u64());
        let everywhere = self.access_changes().await;
        let new = everywhere.len() - before;
        let all = history["events"].as_array().expect("events").iter().chain(&everywhere[..new]);
        let events =
            all.filter(|event| event["actor"] != "scheduler").map(|event| without_times(event, environment)).collect();
        let people = if self.cookie.is_some() { self.get("/api/scaling-mode/people").await } else { Value::Null };
        let lines = ["people", "invitations", "tokens", "share_links"].into_iter().flat_map(|list| {
            let all = people[list].as_array().cloned().unwrap_or_default();
            all.into_iter().filter(|line| line.to_string().contains(environment))
        });
        let access = lines.map(|line| without_times(&line, environment)).collect();
        Outcome { access, code, answers, config: without_times(&config, environment), events }
    }

    async fn run(&self, way: Way, case: &Case, environment: &str) -> Outcome {
        let (exit, _, said) = self.command(&["environment", "create", environment, "--kind", case.kind()]);
        assert_eq!(exit, 0, "{said}");
        case.prepare(self, environment).await;
        let before = self.access_changes().await.len();
        let code = self.ask(way, case, environment).await;
        self.outcome(code, environment, before).await
    }
}

fn a_minute_ago() -> String {
    (clock::now() - Duration::minutes(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A record without times, ids, hashes and addresses, which differ in each run. Checks the actor, and keeps lifetimes in days.
fn without_times(recorded: &Value, environment: &str) -> Value {
    let mut left = serde_json::Map::new();
    let time =
        |field: &str| recorded[field].as_str().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
    for (field, value) in recorded.as_object().expect("fields") {
        let value = match field.as_str() {
            "actor" | "created_by" => {
                assert!([json!("local"), json!(format!("person:{FOUNDER}"))].contains(value), "{recorded}");
                continue;
            }
            "expires_at" => json!(time("expires_at").zip(time("created_at")).map(|(to, from)| (to - from).num_days())),
            "address" | "at" | "created_at" | "hash" | "id" | "prefix" | "prev_hash" | "seq" => continue,
            "digest" | "opened_at" | "revoked_at" | "snapshot_id" | "used_at" => json!(!value.is_null()),
            _ => value.clone(),
        };
        left.insert(field.clone(), value);
    }
    serde_json::from_str(&Value::Object(left).to_string().replace(environment, "ENV")).expect("JSON")
}

fn code(answer: &Answer) -> String {
    if answer.status < 400 {
        return "done".to_owned();
    }
    let problem = answer.json["type"].as_str().unwrap_or_else(|| panic!("no problem: {answer:?}"));
    problem.rsplit(':').next().unwrap_or_default().to_owned()
}

/// Runs all cases of these acts by all their ways.
async fn by_every_way(acts: &[&Act], has_people: bool) {
    let mut kinds: Vec<(&str, Scene)> = Vec::new();
    for kind in ["json", "form", "command"] {
        kinds.push((kind, Scene::new(has_people).await));
    }
    for (number, act) in acts.iter().enumerate() {
        for (turn, case) in cases(act.name).iter().enumerate() {
            let environment = format!("act-{number}-{turn}");
            let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
            for way in act.ways {
                let kind = match way {
                    Way::Command(_) => "command",
                    Way::Form(_) => "form",
                    Way::Json(_) => "json",
                    Way::Schedule => continue,
                };
                let (_, scene) = kinds.iter().find(|(own, _)| *own == kind).expect("a scene for each kind");
                outcomes.insert(kind, scene.run(*way, case, &environment).await);
            }
            for (kind, outcome) in &outcomes {
                assert_eq!(outcome.code, case.code, "{} by {kind}: {case:?}", act.name);
                let (other, first) = outcomes.iter().next().expect("a way");
                assert!(!DECIDING.contains(&act.name) || outcome.is_answered(), "{} by {kind}: {case:?}", act.name);
                assert_eq!(outcome, first, "{} by {kind} and by {other}: {case:?}", act.name);
            }
        }
    }
}

fn changes_access(act: &Act) -> bool {
    ["people::", "invitations::", "tokens::", "share_links::"].iter().any(|file| act.name.starts_with(file))
}

#[tokio::test]
async fn an_act_on_an_environment_does_the_same_by_every_way() {
    let acts: Vec<&Act> = ACTS.iter().filter(|act| !changes_access(act)).collect();
    by_every_way(&acts, false).await;
}

#[tokio::test]
async fn an_act_that_changes_access_does_the_same_by_every_way() {
    let acts: Vec<&Act> = ACTS.iter().filter(|act| changes_access(act)).collect();
    by_every_way(&acts, true).await;
}

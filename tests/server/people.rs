//! Owns the people and tokens that tests of access are made with, on a real server. Must not assert what they may do.

use crate::serving::{Server, answer};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sqlx::Connection;
use std::io::Write;
use std::process::{Command, Stdio};

/// The password of everybody here.
pub const PASSWORD: &str = "zebra lamp quietly";

/// A caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Caller {
    Nobody,
    Person { cookie: String, role: char },
    Token { scopes: Vec<&'static str>, token: String },
}

impl Caller {
    /// The request with what they have.
    pub fn dress(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Caller::Nobody => request,
            Caller::Person { cookie, .. } => request.header("cookie", cookie).header("sec-fetch-site", "same-origin"),
            Caller::Token { token, .. } => request.bearer_auth(token),
        }
    }
}

/// A server with people and tokens of every kind.
pub struct Cast {
    pub server: Server,
    pub snapshot: String,
    pub snapshot_of_trial: String,
    people: Vec<(&'static str, Caller)>,
    tokens: Vec<(&'static str, Caller)>,
    trial: Vec<(&'static str, Caller)>,
}

/// Creates a person on the command line.
pub fn create(server: &Server, email: &str, role: &str, environment: Option<&str>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scaling-mode"));
    command.args(["person", "create", email, "--role", role, "--log", "warn", "--data-dir"]).arg(&server.data_dir);
    if let Some(environment) = environment {
        command.args(["--environment", environment]);
    }
    let mut child = command
        .current_dir(&server.data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("its input").write_all(format!("{PASSWORD}\n").as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "{email}");
}

/// Signs somebody in as a script would; the cookies that they have from then on.
pub async fn sign_in(server: &Server, email: &str) -> String {
    let request = server
        .request(Method::POST, "/api/scaling-mode/forms/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+")));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{email}");
    let cookies = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    cookies.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// Makes a token on the command line.
pub fn token(server: &Server, name: &str, scopes: &[&str], environment: Option<&str>) -> String {
    let scopes = scopes.join(",");
    let mut arguments = vec!["token", "create", name, "--scope", &scopes, "--log", "warn"];
    if let Some(environment) = environment {
        arguments.extend(["--environment", environment]);
    }
    let (code, out, error) = server.command(&arguments);
    assert_eq!(code, 0, "{error}");
    out.trim().to_owned()
}

const SCOPES: [&str; 6] =
    ["config:write", "health:read", "health:write", "metrics:read", "sources:write", "telemetry:write"];

impl Cast {
    /// Gathers everybody: each role and each scope in production, and a person with every role in another environment.
    pub async fn gather() -> Cast {
        let server = Server::start().await;
        let snapshot = |environment: &'static str| {
            let server = &server;
            async move {
                let made = server.post("/api/scaling-mode/health", &json!({"environment": environment})).await;
                made.json["id"].as_str().expect("a snapshot").to_owned()
            }
        };
        let (code, _, error) = server.command(&["environment", "create", "trial", "--kind", "live", "--log", "warn"]);
        assert_eq!(code, 0, "{error}");
        let (in_production, in_trial) = (snapshot("production").await, snapshot("trial").await);
        create(&server, "anna@example.com", "founder", None);
        let mut people = vec![("the founder", person(&server, "anna@example.com", 'f').await)];
        for (name, role, letter) in
            [("an operator", "operator", 'o'), ("a viewer", "viewer", 'v'), ("an investor", "investor", 'i')]
        {
            let email = format!("{role}@example.com");
            create(&server, &email, role, Some("production"));
            people.push((name, person(&server, &email, letter).await));
        }
        create(&server, "trial@example.com", "founder", Some("trial"));
        let all = token(&server, "trial", &SCOPES, Some("trial"));
        let trial = vec![
            ("the founder of trial", person(&server, "trial@example.com", 'f').await),
            ("a token of trial", Caller::Token { scopes: SCOPES.to_vec(), token: all }),
        ];
        let tokens = SCOPES
            .into_iter()
            .map(|scope| {
                let token = token(&server, scope, &[scope], Some("production"));
                (scope, Caller::Token { scopes: vec![scope], token })
            })
            .collect();
        Cast { server, snapshot: in_production, snapshot_of_trial: in_trial, people, tokens, trial }
    }

    pub fn of_production(&self) -> Vec<(&'static str, Caller)> {
        self.people.iter().chain(&self.tokens).cloned().collect()
    }

    pub fn of_trial(&self) -> Vec<(&'static str, Caller)> {
        self.trial.clone()
    }

    /// Credentials that opened everything once, and open nothing now. They are made once; then the same are given.
    pub async fn spent(&self) -> Vec<(&'static str, Caller)> {
        let file = self.server.data_dir.join("spent");
        if !file.exists() {
            let signed_out = sign_in(&self.server, "anna@example.com").await;
            let out = self
                .server
                .request(Method::POST, "/api/scaling-mode/forms/sign-out")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("cookie", &signed_out)
                .header("sec-fetch-site", "same-origin");
            assert_eq!(answer(out).await.status, 200);
            let (old, unused) =
                (sign_in(&self.server, "anna@example.com").await, sign_in(&self.server, "anna@example.com").await);
            let half = sign_in(&self.server, "anna@example.com").await;
            let expired = token(&self.server, "expired", &SCOPES, None);
            let revoked = token(&self.server, "revoked", &SCOPES, None);
            assert_eq!(self.server.command(&["token", "revoke", "revoked", "--log", "warn"]).0, 0);
            create(&self.server, "gone@example.com", "founder", None);
            let gone = sign_in(&self.server, "gone@example.com").await;
            assert_eq!(self.server.command(&["person", "disable", "gone@example.com", "--log", "warn"]).0, 0);
            self.age(&[
                ("UPDATE sessions SET created_at = created_at - 2678400000 WHERE token_hash = ?", &hash_of(&old)),
                ("UPDATE sessions SET seen_at = seen_at - 259200001 WHERE token_hash = ?", &hash_of(&unused)),
                ("UPDATE sessions SET is_whole = 0 WHERE token_hash = ?", &hash_of(&half)),
                ("UPDATE tokens SET expires_at = created_at WHERE secret_hash = ?", &hash(&expired)),
            ])
            .await;
            let lines = [signed_out, old, unused, half, gone, expired, revoked].join("\n");
            std::fs::write(&file, lines).expect("a note");
        }
        let lines = std::fs::read_to_string(&file).expect("the note");
        let lines: Vec<&str> = lines.lines().collect();
        let names = ["signed out", "past its end", "long unused", "half signed in", "shut out"];
        let person = |cookie: &str| Caller::Person { cookie: cookie.to_owned(), role: 'f' };
        let token = |token: &str| Caller::Token { scopes: SCOPES.to_vec(), token: token.to_owned() };
        let people = names.into_iter().zip(&lines).map(|(name, line)| (name, person(line)));
        people
            .chain([("an expired token", token(lines[5])), ("a revoked token", token(lines[6]))])
            .chain([("an unknown token", token(&format!("sm_{}", "0".repeat(64))))])
            .collect()
    }

    async fn age(&self, statements: &[(&'static str, &str)]) {
        let address = format!("sqlite://{}", self.server.data_dir.join("scaling-mode.db").display());
        let mut db = sqlx::SqliteConnection::connect(&address).await.expect("the store");
        for (statement, hash) in statements {
            let done = sqlx::query(*statement).bind(*hash).execute(&mut db).await.expect("it is done");
            assert_eq!(done.rows_affected(), 1, "{statement}");
            seal(&mut db, hash).await;
        }
        db.close().await.expect("it closes");
    }
}

/// Seals a session as the program does: only its age and state are tried here, not its seal.
async fn seal(db: &mut sqlx::SqliteConnection, hash: &str) {
    type Columns = (Option<i64>, Option<i64>, i64, i64, bool, String, String);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT person_id, link_id, created_at, seen_at, is_whole, address, agent FROM sessions WHERE token_hash = ?",
    )
    .bind(hash)
    .fetch_optional(&mut *db)
    .await
    .expect("it is read");
    let Some((person, link, created_at, seen_at, is_whole, address, agent)) = row else { return };
    let (of, times) = ((person, link), (created_at, seen_at));
    let text = format!("{hash} {of:?} {times:?} {is_whole} {address:?} {agent:?}");
    let digest = scaling_mode::domain::canonical::digest(text.as_bytes());
    let done =
        sqlx::query("UPDATE sessions SET seal = ? WHERE token_hash = ?").bind(digest).bind(hash).execute(db).await;
    done.expect("it is sealed");
}

async fn person(server: &Server, email: &str, role: char) -> Caller {
    Caller::Person { cookie: sign_in(server, email).await, role }
}

fn hash(secret: &str) -> String {
    scaling_mode::server::access::secret::hash(secret)
}

/// The hash of the session among cookies.
fn hash_of(cookies: &str) -> String {
    let session =
        cookies.split("; ").find_map(|cookie| cookie.strip_prefix("__Host-scaling-mode=")).expect("a session");
    hash(session)
}

//! Owns a real server for tests: the program itself, on a free port of the loopback, in a folder of its own; ended by its
//! own process id.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A running server.
pub struct Server {
    child: Child,
    pub client: Client,
    folder: Option<TempDir>,
    pub data_dir: PathBuf,
    /// What the program has printed.
    said: Arc<Mutex<String>>,
    pub url: String,
}

/// An answer: its status, its content type, its JSON where it is some.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub location: Option<String>,
    pub json: Value,
    pub text: String,
}

/// Seconds since 1970, as a phone or another server reads them.
#[expect(clippy::disallowed_methods, reason = "a test stands for a machine with a clock of its own")]
pub fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Server {
    /// Starts a server on an empty store, without the demo.
    pub async fn start() -> Server {
        Server::start_with(&["--no-demo"]).await
    }

    pub async fn start_with(arguments: &[&str]) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().to_owned();
        let mut server = Server::start_in(&data_dir, arguments).await;
        server.folder = Some(folder);
        server
    }

    /// Starts a server that may have so many files open.
    pub async fn start_with_files(files: u32) -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let data_dir = folder.path().to_owned();
        let mut server = Server::start_in_with(&data_dir, &["--no-demo"], &[("FILES", &files.to_string())]).await;
        server.folder = Some(folder);
        server
    }

    /// Starts a server on the store of a folder.
    pub async fn start_in(data_dir: &Path, arguments: &[&str]) -> Server {
        Server::start_in_with(data_dir, arguments, &[]).await
    }

    /// The same, with environment variables.
    pub async fn start_in_with(data_dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        Server::start_logging(data_dir, arguments, variables, ("warn", Stdio::inherit())).await
    }

    /// The same, with as much of a log as is asked for, and where it goes.
    pub async fn start_logging(
        data_dir: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        (log, into): (&str, Stdio),
    ) -> Server {
        let url = format!("http://127.0.0.1:{}", free_port());
        // Where another test was first, its choice is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // The server closes a connection that has waited for 15 s. Used at that moment, it would lose a request.
            .pool_idle_timeout(Duration::from_secs(8))
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a client");
        Server::start_at(url, client, data_dir, arguments, variables, (log, into)).await
    }

    /// A server that speaks TLS, with a client that trusts its certificate.
    pub async fn start_over_tls(data_dir: &Path, arguments: &[&str], client: Client) -> Server {
        let url = format!("https://127.0.0.1:{}", free_port());
        Server::start_at(url, client, data_dir, arguments, &[], ("off", Stdio::inherit())).await
    }

    async fn start_at(
        url: String,
        client: Client,
        data_dir: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        (log, into): (&str, Stdio),
    ) -> Server {
        let (_, address) = url.split_once("://").expect("a url");
        let files =
            variables.iter().find_map(|(name, value)| (*name == "FILES").then_some(*value)).unwrap_or("unlimited");
        let limited = format!("[ {files} = unlimited ] || ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_scaling-mode")])
            .args(["serve", "--log", log, "--addr", address])
            .args(arguments)
            .arg("--data-dir")
            .arg(data_dir)
            .current_dir(data_dir)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(into)
            .spawn()
            .expect("the program starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (mut output, into) = (child.stdout.take().expect("its output"), said.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                into.lock().expect("the lock").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let server = Server { child, client, folder: None, data_dir: data_dir.to_owned(), said, url };
        for _ in 0..600 {
            if server.request(Method::GET, "/healthz").send().await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server did not come up");
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    /// The path of the link, printed at the start, by which the first founder's account is created.
    pub fn founders_link(&self) -> String {
        for _ in 0..200 {
            let said = self.said.lock().expect("the lock").clone();
            let path = said.find("/founder/join/").map(|index| &said[index..]);
            if let Some((path, _)) = path.and_then(|path| path.split_once(' ')) {
                return path.to_owned();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no link was printed");
    }

    /// The answer to a reading once the server has noticed that its database is away: what it has read within the last second is
    /// answered as it is.
    pub async fn get_as_last_known(&self, path: &str) -> reqwest::Response {
        for _ in 0..100 {
            let response = self.request(Method::GET, path).send().await.expect("an answer in time");
            if response.headers().contains_key("age") {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} is answered as if the database were there");
    }

    /// The process's id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The exit code, where the process ends of itself within that time.
    pub async fn ended(&mut self, within: Duration) -> Option<i32> {
        for _ in 0..within.as_millis() / 50 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// Ends the process immediately, as a power cut does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Runs a command of the program on the server's store.
    pub fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        command(&self.data_dir, arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command of the program on the store of a folder: exit code, output, errors.
pub fn command(data_dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_scaling-mode"))
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .current_dir(data_dir)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Sends a request and reads all of its answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let content_type = header("content-type").unwrap_or_default();
    let location = header("location");
    let text = response.text().await.expect("a body");
    Answer { status, content_type, location, json: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

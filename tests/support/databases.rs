//! Owns real database servers for tests: PostgreSQL and MariaDB, each in a folder of its own, on a free port of this machine,
//! ended with the test that started it. Must not assert anything.

use scaling_mode::server::clock;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// The newest binaries of a Debian package that are not on the path, or the path's own.
fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    let found = found.or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|path| path.exists()));
    found.unwrap_or_else(|| PathBuf::from(name))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port()
}

/// Whether the tests run as root, as whom neither server wants to.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A command of a server, as the account that Debian's package made for it where the tests run as root.
fn command(account: &str, folder: &Path, name: &str) -> Command {
    let program = binary(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={account}"), &format!("--regid={account}"), "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn run(mut command: Command) {
    let done = command.stderr(Stdio::piped()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn folder(account: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        let mut chown = Command::new("chown");
        chown.arg(account).arg(folder.path());
        run(chown);
    }
    folder
}

fn wait_for(child: &mut Child, is_ready: impl Fn() -> bool) {
    let deadline = clock::instant() + Duration::from_secs(60);
    while !is_ready() {
        assert!(clock::instant() < deadline, "the server did not start within a minute");
        assert!(child.try_wait().is_ok_and(|status| status.is_none()), "the server ended while it was to start");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A new PostgreSQL, with what starts it and its port.
fn postgres() -> (TempDir, Command, u16) {
    postgres_of(&[])
}

/// The same, made in a way of its own.
fn postgres_of(how: &[&str]) -> (TempDir, Command, u16) {
    let folder = folder("postgres");
    let data = folder.path().join("data");
    let mut init = command("postgres", folder.path(), "initdb");
    init.args(["-U", "founder", "--auth=trust", "-E", "UTF8", "--no-sync"]).args(how).arg("-D").arg(&data);
    run(init);
    let rules = "host all founder 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(data.join("pg_hba.conf"), rules).expect("the rules are written");
    let port = free_port();
    let serve = serve_postgres(folder.path(), port);
    (folder, serve, port)
}

/// What starts the PostgreSQL of a folder. What a power cut would lose is in the machine's memory, which a kill does not touch.
fn serve_postgres(folder: &Path, port: u16) -> Command {
    let mut serve = command("postgres", folder, "postgres");
    serve.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string(), "-k", ""]);
    serve.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]);
    serve
}

/// It listens before it answers.
fn is_ready(port: u16) -> bool {
    let mut ask = Command::new(binary("pg_isready"));
    ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    ask.status().is_ok_and(|status| status.success())
}

/// A server that ends with the test.
#[allow(dead_code, reason = "each test binary uses its own part of this")]
pub struct Server {
    child: Child,
    folder: TempDir,
    pub port: u16,
}

#[allow(dead_code, reason = "each test binary uses its own part of this")]
impl Server {
    /// PostgreSQL with the superuser `founder`, who needs no password from this machine; all others need theirs.
    pub fn postgres() -> Server {
        let (folder, mut serve, port) = postgres();
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        Server { child, folder, port }
    }

    /// PostgreSQL as it is operated, which writes to the disk what it acknowledges; for measurements.
    pub fn durable_postgres() -> Server {
        let (folder, mut serve, port) = postgres();
        serve.args(["-c", "fsync=on", "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"]);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        Server { child, folder, port }
    }

    /// PostgreSQL whose log is in small files, so that a limit to the size of files is met by what it stores alone.
    pub fn postgres_of_small_files() -> Server {
        let (folder, mut serve, port) = postgres_of(&["--wal-segsize=1"]);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        Server { child, folder, port }
    }

    /// PostgreSQL that takes its time from a library that is loaded before all others.
    pub fn postgres_with_clock(library: &Path, variables: &[(&str, &str)]) -> Server {
        let (folder, mut serve, port) = postgres();
        serve.env("LD_PRELOAD", library).envs(variables.iter().copied());
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        Server { child, folder, port }
    }

    /// Has no file of it grow beyond a size, as on a disk that is full; `None` gives it room again.
    pub fn limit_files(&self, size: Option<u64>) {
        let own = self.child.id().to_string();
        let is_its = |stat: &str| {
            let (name, rest) = stat.rsplit_once(')')?;
            let (pid, parent) = (name.split(' ').next()?, rest.split_whitespace().nth(1)?);
            (pid == own || parent == own).then(|| pid.to_owned())
        };
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
        let soft = size.map_or("unlimited".to_owned(), |size| size.to_string());
        for pid in stats.filter_map(|stat| is_its(&stat)) {
            // As the server's own account: others may not, and need not.
            let mut limit = command("postgres", self.folder.path(), "prlimit");
            limit.args(["--pid", &pid, &format!("--fsize={soft}:unlimited")]);
            let is_set = limit.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
            // One of its children may have ended meanwhile.
            assert!(is_set || pid != own, "the size of files cannot be limited");
        }
    }

    /// The processor time that it and its children have used so far, in seconds.
    pub fn processor_seconds(&self) -> f64 {
        let own = self.child.id().to_string();
        let ticks = |stat: &str, is_of: &dyn Fn(&str, &str) -> bool| {
            let (name, rest) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let pid = name.split(' ').next()?;
            let all: &[usize] = if pid == own { &[11, 12, 13, 14] } else { &[11, 12] };
            is_of(pid, fields.get(1)?).then(|| all.iter().filter_map(|at| fields[*at].parse::<f64>().ok()).sum::<f64>())
        };
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
        stats.filter_map(|stat| ticks(&stat, &|pid, parent| pid == own || parent == own)).sum::<f64>() / 100.0
    }

    /// PostgreSQL with a standby that every commit is on before it is acknowledged.
    pub fn postgres_pair() -> (Server, Server) {
        let (primary_folder, mut serve, port) = postgres();
        let rules = primary_folder.path().join("data/pg_hba.conf");
        let mut text = std::fs::read_to_string(&rules).expect("the rules");
        text.push_str("host replication founder 127.0.0.1/32 trust\n");
        std::fs::write(rules, text).expect("the rules are written");
        serve.args(["-c", "synchronous_standby_names=standby"]);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        let primary = Server { child, folder: primary_folder, port };

        let folder = folder("postgres");
        let mut copy = command("postgres", folder.path(), "pg_basebackup");
        let from = format!("host=127.0.0.1 port={port} user=founder application_name=standby");
        copy.args(["-R", "-X", "stream", "-c", "fast", "-D"]).arg(folder.path().join("data")).args(["-d", &from]);
        run(copy);
        let standby = Server::serve(folder, free_port());
        (primary, standby)
    }

    fn serve(folder: TempDir, port: u16) -> Server {
        let mut serve = serve_postgres(folder.path(), port);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        wait_for(&mut child, || is_ready(port));
        Server { child, folder, port }
    }

    /// Ends it from one moment to the next, as a power cut does.
    pub fn kill(&mut self) {
        // Its children end with it; none may be left that still holds the folder.
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        let pid = self.folder.path().join("data/postmaster.pid");
        std::thread::sleep(Duration::from_millis(100));
        std::fs::remove_file(pid).expect("what it left");
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        let mut serve = serve_postgres(self.folder.path(), self.port);
        self.child = serve.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
        let port = self.port;
        wait_for(&mut self.child, || is_ready(port));
    }

    /// Makes a standby the one that takes writes.
    pub fn promote(&self) {
        let mut promote = command("postgres", self.folder.path(), "pg_ctl");
        promote.args(["promote", "-w", "-D"]).arg(self.folder.path().join("data"));
        run(promote);
    }

    /// PgBouncer before a PostgreSQL: each transaction may have another connection.
    pub fn pgbouncer(of: u16) -> Server {
        let folder = folder("postgres");
        let port = free_port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={of} user=founder\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 4\nmax_client_conn = 200\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("its settings are written");
        let mut serve = command("postgres", folder.path(), "pgbouncer");
        serve.arg("-q").arg(&file);
        let mut child = serve.stderr(Stdio::null()).spawn().expect("PgBouncer starts");
        wait_for(&mut child, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Server { child, folder, port }
    }

    /// The one PostgreSQL that all tests of this process share, for a database of their own each. It ends with the process, however
    /// that ends: the process that waits beside it for the end of its input then ends it and deletes its folder.
    pub fn shared_postgres() -> u16 {
        static SHARED: OnceLock<(Child, u16)> = OnceLock::new();
        let (_, port) = SHARED.get_or_init(|| {
            let (folder, mut serve, port) = postgres();
            let folder = folder.keep();
            let mut guarded = Command::new("sh");
            let end = r#"trap '' INT TERM HUP; "$@" & own=$!; cat >/dev/null; kill -INT $own; wait $own; rm -rf "$0""#;
            guarded.args(["-c", end]).arg(&folder).arg(serve.get_program()).args(serve.get_args());
            guarded.current_dir(&folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::piped()).stdout(Stdio::null());
            serve.stdin(Stdio::null());
            let mut child = guarded.stderr(Stdio::null()).spawn().expect("PostgreSQL starts");
            wait_for(&mut child, || is_ready(port));
            (child, port)
        });
        *port
    }

    /// MariaDB with the superuser `root`, who needs no password.
    pub fn mariadb() -> Server {
        let folder = folder("mysql");
        let data = folder.path().join("data");
        let mut init = command("mysql", folder.path(), "mariadb-install-db");
        init.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        init.arg(format!("--datadir={}", data.display()));
        run(init);
        let port = free_port();
        let mut serve = command("mysql", folder.path(), "mariadbd");
        serve.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        serve.arg(format!("--datadir={}", data.display())).arg(format!("--port={port}"));
        serve.arg(format!("--socket={}", folder.path().join("socket").display()));
        serve.arg(format!("--pid-file={}", folder.path().join("pid").display()));
        let mut child = serve.stderr(Stdio::null()).spawn().expect("MariaDB starts");
        wait_for(&mut child, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Server { child, folder, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own process, by its own id; what it held is thrown away with its folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Owns serving: environments of the first run, background tasks, listening, and a clean end.

use super::{CliError, open};
use crate::app::set_file_names;
use crate::domain::history::{EventType, NewEvent};
use crate::domain::mode::Mode;
use crate::domain::policy::{EnvironmentKind, Policy};
use crate::domain::snapshot::Origin;
use crate::domain::telemetry::AcceptedBatch;
use crate::server::access::calls::Calls;
use crate::server::access::provider::Provider;
use crate::server::access::seal::{SealKeyError, Sealer};
use crate::server::acts::environments::{self, Wanted};
use crate::server::acts::invitations::invite_first_founder;
use crate::server::acts::{Context, DEFAULT_ENVIRONMENT, Principal, Refusal};
use crate::server::commits::Commits;
use crate::server::config::Settings;
use crate::server::evaluation::{Occasion, evaluate_and_record};
use crate::server::housekeeping::{ClockState, housekeeping};
use crate::server::http::identity::Access;
use crate::server::http::kept::KeptAnswers;
use crate::server::http::over_time::Drawn;
use crate::server::http::snapshot_lines::SnapshotLines;
use crate::server::http::{AppState, PAGE, Shared, joining, probes, router};
use crate::server::key_file::KeyFileError;
use crate::server::leadership::{Leadership, Pace};
use crate::server::live::Feed;
use crate::server::newest::NewestAnswers;
use crate::server::puller::Supervisor;
use crate::server::scheduler::Scheduler;
use crate::server::signing::heads::Keeper;
use crate::server::signing::keys::{self, KeyError};
use crate::server::site::{self, Site};
use crate::server::sources::THIS_SERVER;
use crate::server::sources::host::Host;
use crate::server::sources::requests::RequestLog;
use crate::server::store::access::Entry;
use crate::server::store::{Place, Store, StoreError};
use crate::server::tls::{Certificate, TlsListener};
use crate::server::{clock, continuity, demo, listen, local, observability};
use axum::serve::ListenerExt;
use chrono::{DateTime, Utc};
use leptos::config::{LeptosOptions, get_configuration};
use rustls::ServerConfig;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long open requests may take to end once the server is told to.
const DRAIN: Duration = Duration::from_secs(10);

/// Without this a small answer waits for the delayed acknowledgement of the one before: 40 ms.
fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
}

/// What HTTPS is spoken with. A certificate that cannot be used ends the start before anything is written.
fn certificate(settings: &Settings) -> Result<Option<(Arc<Certificate>, ServerConfig)>, CliError> {
    let wrong =
        |source: Box<dyn std::error::Error + Send + Sync>| CliError::Serve { what: "HTTPS cannot be spoken", source };
    let Some(files) = &settings.tls else { return Ok(None) };
    let certificate = Certificate::read(files).map_err(|error| wrong(Box::new(error)))?;
    let tls = certificate.server_config().map_err(|error| wrong(Box::new(error)))?;
    Ok(Some((certificate, tls)))
}

/// What signs the heads of the history. Where no key is named and the data folder takes none, as in a container that keeps nothing, the
/// server does all the rest, and says so.
fn keeper(settings: &Settings) -> Result<Option<Keeper>, CliError> {
    let key = match keys::load_or_make(settings) {
        Ok(key) => key,
        Err(error @ KeyError::File { .. }) if settings.signing_key_file.is_none() => {
            observability::log_error("heads of the history are not signed: name a key with signing_key_file", &error);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let keeper = Keeper::new(settings, key).map_err(|source| CliError::Serve {
        what: "signed heads could not be sent from here",
        source: Box::new(source),
    })?;
    Ok(Some(keeper))
}

/// What people are let in by. Where no key is named and the data folder takes none, passwords are all there is, and the log says so.
fn access(settings: &Settings) -> Result<Access, CliError> {
    let sealer = match Sealer::load_or_make(settings) {
        Ok(sealer) => Some(Arc::new(sealer)),
        // Where everybody has to turn codes on, a server without a key would keep everybody out.
        Err(error @ SealKeyError::File(KeyFileError::File { .. }))
            if settings.secrets_key_file.is_none() && !settings.require_codes =>
        {
            let what = "codes, passkeys and the provider of sign-in are off: name a key with secrets_key_file";
            observability::log_error(what, &error);
            None
        }
        Err(error) => {
            let what = if settings.require_codes {
                "codes are required, and their secrets could not be sealed"
            } else {
                "stored secrets could not be opened"
            };
            return Err(CliError::Serve { what, source: Box::new(error) });
        }
    };
    let provider = settings.openid.clone().map(Provider::new).transpose().map_err(|source| CliError::Serve {
        what: "the provider of sign-in could not be asked from here",
        source: Box::new(source),
    })?;
    Ok(Access::new(provider, sealer, Calls::new(settings.calls_per_second), &settings.data_dir))
}

/// Sessions that another key has sealed open nothing here: that has to be known where several servers share a database.
async fn tell_of_other_keys(store: &dyn Store) -> Result<(), StoreError> {
    let sessions = store.sessions_of_other_keys().await?;
    if sessions > 0 {
        tracing::warn!(
            sessions,
            "sessions that another secrets key has sealed are not accepted: give all servers on this database the same secrets_key_file"
        );
    }
    Ok(())
}

/// Serves until it is told to stop.
pub(super) async fn run(settings: Settings) -> Result<(), CliError> {
    let (certificate, tls) = certificate(&settings)?.unzip();
    // Before anything is made: a port that is taken leaves nothing behind.
    let listener = tokio::net::TcpListener::bind(settings.addr).await.map_err(|source| CliError::File {
        what: format!("the address {} cannot be listened on", settings.addr),
        source,
    })?;
    let _alone = alone(&settings)?;
    let store = open(&settings).await?;
    goes_on(store.as_ref(), &settings).await?;
    first_run(&store, &settings).await?;
    take_stock(store.as_ref()).await?;
    let founders_link = first_founder(&store, &settings).await?;
    let keeper = keeper(&settings)?;
    let settings = Arc::new(settings);
    let stop = CancellationToken::new();
    let leadership = Leadership::new(&replica(), Pace::default());
    leadership.renew(store.as_ref()).await;
    let access = access(&settings)?;
    if let Some(sealer) = &access.sealer {
        store.seal_sessions_with(sealer.session_key());
        tell_of_other_keys(store.as_ref()).await?;
    }
    let state = AppState::new(Shared {
        access,
        asking: Supervisor::default(),
        bodies: Arc::default(),
        buckets: Arc::default(),
        clock: ClockState::default(),
        commits: Commits::of(store.clone()),
        feed: Feed::new(stop.clone()),
        kept: KeptAnswers::default(),
        leptos: leptos_options(&settings)?,
        lines: SnapshotLines::default(),
        metrics: Arc::default(),
        newest: NewestAnswers::default(),
        drawn: Drawn::default(),
        requests: Arc::new(RequestLog::default()),
        scheduler: Scheduler::default(),
        settings: settings.clone(),
        store: store.clone(),
        write_check: probes::WriteCheck::default(),
    });
    let address = listener.local_addr().unwrap_or(settings.addr);
    let tasks = TaskTracker::new();
    state.requests.start(clock::now());
    tasks.spawn(state.scheduler.clone().run(store.clone(), settings.clone(), leadership.clone(), stop.clone()));
    if let Some(keeper) = keeper {
        tasks.spawn(keeper.run(store.clone(), state.scheduler.daily.clone(), leadership.clone(), stop.clone()));
    }
    tasks.spawn(state.commits.clone().run(stop.clone()));
    tasks.spawn(continuity::run(store.clone(), settings.clone(), stop.clone()));
    tasks.spawn(Access::forget_at_changes(state.clone(), stop.clone()));
    if founders_link.is_some() {
        tasks.spawn(local::watch(store.clone(), stop.clone()));
    }
    tasks.spawn(probes::check_writes(state.clone(), stop.clone()));
    tasks.spawn(state.feed.clone().run(store.clone()));
    tasks.spawn(housekeeping(store.clone(), settings.clone(), leadership.clone(), state.clock.clone(), stop.clone()));
    tasks.spawn(state.asking.clone().run(
        store.clone(),
        settings.clone(),
        state.feed.clone(),
        leadership.clone(),
        stop.clone(),
    ));
    tasks.spawn(own_figures(store.clone(), state.requests.clone(), leadership.clone(), stop.clone()));
    tasks.spawn(leadership.run(store.clone(), stop.clone()));
    if let Some(certificate) = &certificate {
        tasks.spawn(certificate.clone().renew(stop.clone()));
    }
    tasks.close();
    announce(address, certificate.is_some(), founders_link.as_deref());
    let router = router(state);
    let server = match tls {
        None => tokio::spawn(listen::serve(listener.tap_io(|stream| without_delay(stream)), router, stop.clone())),
        Some(tls) => {
            let listener = TlsListener::new(listener, tls);
            let listener = listener.tap_io(|stream| without_delay(stream.get_ref().0));
            tokio::spawn(listen::serve(listener, router, stop.clone()))
        }
    };
    stop_signal().await;
    tracing::info!("stopping");
    stop.cancel();
    if tokio::time::timeout(DRAIN, server).await.is_err() {
        tracing::warn!("some requests were still open and were cut off");
    }
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some tasks were still at work and were cut off");
    }
    store.close().await;
    Ok(())
}

/// Holds the folder of a SQLite file for this server alone, as long as it runs.
///
/// # Errors
/// [`CliError::Usage`] with the other server's process id, where one has it.
fn alone(settings: &Settings) -> Result<Option<std::fs::File>, CliError> {
    let Place::Sqlite(path) = &settings.store else { return Ok(None) };
    let lock = path.with_extension("lock");
    let failed = |source| CliError::File { what: format!("the file {} cannot be used", lock.display()), source };
    if let Some(folder) = lock.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file =
        std::fs::File::options().create(true).read(true).write(true).truncate(false).open(&lock).map_err(failed)?;
    if file.try_lock().is_err() {
        let mut other = String::new();
        let _ = file.read_to_string(&mut other);
        return Err(CliError::Usage(format!(
            "another server (process {}) serves {} already: stop it first, or give this one its own --data-dir",
            other.trim(),
            path.display()
        )));
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(Some(file))
}

/// A name for this server that no other one on the same store has.
fn replica() -> String {
    let mut random = [0; 8];
    let random = getrandom::fill(&mut random).map_or_else(|_| clock::now().to_rfc3339(), |()| hex::encode(random));
    format!("{}-{random}", std::process::id())
}

fn announce(address: SocketAddr, is_tls: bool, founders_link: Option<&str>) {
    let base = address_of(address, is_tls);
    say!("Scaling Mode serves {base}{PAGE}");
    if let Some(secret) = founders_link {
        if local::IS_POSSIBLE {
            say!("Sign-in is off for programs of your user on this computer. To turn it on, create your account:");
        } else {
            say!(
                "This operating system doesn't say who connects, so every request needs a sign-in. Create your account:"
            );
        }
        say!("{base}{} (works once, for a day)", joining::address(secret));
    }
    tracing::info!(%address, "serving");
}

/// The address that a browser on this machine reaches the server by.
pub(super) fn address_of(address: SocketAddr, is_tls: bool) -> String {
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { address.ip().to_string() };
    let host = if address.is_ipv6() && !address.ip().is_loopback() { format!("[{host}]") } else { host };
    format!("{}://{host}:{}", if is_tls { "https" } else { "http" }, address.port())
}

/// The history must continue from the newest signed head: an empty store beside signed heads is a lost one, not a new one.
async fn goes_on(store: &dyn Store, settings: &Settings) -> Result<(), CliError> {
    if let Some(parted) = continuity::check(store, settings).await? {
        return Err(CliError::Found(format!(
            "{parted}. Restore a backup (scaling-mode restore FILE), or bring the lost database back. To continue with {} as it is, \
             run scaling-mode accept-history --reason TEXT",
            settings.store
        )));
    }
    Ok(continuity::tell_of_loss(store, settings).await?)
}

/// Once, in a store that is older than records of who may act.
async fn take_stock(store: &dyn Store) -> Result<(), StoreError> {
    let mut event = NewEvent::new(EventType::AccessChanged, "scaling-mode", clock::now());
    event.reason = Some("took stock of who may act".to_owned());
    store.take_stock(&Entry { environment: DEFAULT_ENVIRONMENT.to_owned(), event }).await.map(|_| ())
}

/// While nobody exists: a new link by which the founder is created, where only this machine reaches the server.
///
/// # Errors
/// [`CliError::Usage`] with the command that creates somebody, where other machines would reach it.
async fn first_founder(store: &Arc<dyn Store>, settings: &Settings) -> Result<Option<String>, CliError> {
    if store.has_people().await? {
        return Ok(None);
    }
    if !settings.addr.ip().is_loopback() {
        return Err(CliError::Usage(format!(
            "{} is reached by other machines, and nobody has been created who could sign in. Create the founder first: \
             scaling-mode person create anna@example.com",
            settings.addr
        )));
    }
    Ok(Some(invite_first_founder(store.as_ref(), clock::now()).await?))
}

/// Makes the environments that every store has, where they are not there yet. Nothing is connected to `production`.
pub(super) async fn first_run(store: &Arc<dyn Store>, settings: &Settings) -> Result<(), Refusal> {
    let now = clock::now();
    let principal = Principal::command_line();
    let context = Context { now, observer: &(), principal: &principal, settings, store: store.as_ref() };
    for name in [DEFAULT_ENVIRONMENT, THIS_SERVER] {
        let (kind, mode, policy) = (EnvironmentKind::Live, Mode::Lab, Policy::default());
        match environments::create(&context, Wanted { kind, mode, name: name.to_owned(), policy }).await {
            // The page has an answer with its reason at once, not only at the next tick.
            Ok(_) => {
                let occasion = Occasion {
                    actor: "scheduler".into(),
                    as_of: now,
                    origin: Origin::OnDemand,
                    tick_minutes: settings.tick_minutes,
                };
                evaluate_and_record(store.as_ref(), name, occasion, None).await?;
            }
            Err(Refusal::Store(StoreError::EnvironmentExists(_))) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    if settings.demo {
        make_demo(store, settings, now).await?;
    }
    Ok(())
}

/// A folder that no system has.
const NO_SITE: &str = "/dev/null/no-site";

/// How long a process of its own may take to make the demo: it takes seconds.
const DEMO_LIMIT: Duration = Duration::from_secs(120);

/// Makes the demo, where it is not there yet, in a process of its own: the memory that it takes, more than serving ever does, is given
/// back with that process.
async fn make_demo(store: &Arc<dyn Store>, settings: &Settings, now: DateTime<Utc>) -> Result<(), StoreError> {
    if store.environments().await?.iter().any(|environment| environment.name == demo::DEMO) {
        return Ok(());
    }
    let made = match std::env::current_exe() {
        Ok(program) => tokio::time::timeout(DEMO_LIMIT, demo_process(&program, settings)).await,
        Err(error) => Ok(Err(error)),
    };
    match made {
        Ok(Ok(status)) if status.success() => Ok(()),
        made => {
            tracing::debug!(?made, "the demo is made in this process");
            demo::create(store, now).await.map(|_| ())
        }
    }
}

async fn demo_process(program: &Path, settings: &Settings) -> std::io::Result<ExitStatus> {
    tokio::process::Command::new(program)
        .args(["demo", "--log", "error"])
        .env("DATABASE_URL", settings.store.url())
        .env_remove("DATABASE_URL_FILE")
        .env("SCALING_MODE_DATA_DIR", &settings.data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
}

/// Every minute: this host's CPU and this server's own requests, into `this-server` and nowhere else. A source that
/// fails leaves a gap, is logged, and stops nothing.
///
/// Of several servers the one that leads tells its own: a source is one machine at a time.
async fn own_figures(
    store: Arc<dyn Store>,
    requests: Arc<RequestLog>,
    leadership: Leadership,
    stop: CancellationToken,
) {
    let mut host = Host::default();
    let _ = host.read(clock::now());
    loop {
        let into_minute = u64::try_from(clock::now().timestamp_millis().rem_euclid(60_000)).unwrap_or(0);
        let until_minute = Duration::from_millis(60_000 - into_minute);
        let last = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(until_minute) => false,
        };
        let now = clock::now();
        let batches = [host.read(now), Some(requests.take(now))];
        for batch in batches.into_iter().flatten().filter(|_| leadership.leads()) {
            keep(store.as_ref(), &batch).await;
        }
        if last {
            return;
        }
    }
}

async fn keep(store: &dyn Store, batch: &AcceptedBatch) {
    if let Err(error) = store.ingest(THIS_SERVER, batch, clock::now(), None).await {
        observability::log_error("the server's own figures could not be kept", &error);
    }
}

/// The options of Leptos, from its file if that is in the working folder. The site is the one in the binary, unless a folder is
/// named; a debug build has none, and serves the one beside it.
fn leptos_options(settings: &Settings) -> Result<LeptosOptions, CliError> {
    let file = std::path::Path::new("Leptos.toml").exists().then_some("Leptos.toml");
    let mut options = match file {
        Some(file) => {
            get_configuration(Some(file))
                .map_err(|source| CliError::Serve { what: "Leptos.toml cannot be read", source: Box::new(source) })?
                .leptos_options
        }
        // Without a site there is no folder to serve, least of all the one that the server was started in, with the data in it.
        None => LeptosOptions::builder().output_name("scaling-mode").site_root(NO_SITE).build(),
    };
    options.site_addr = settings.addr;
    let embedded = site::embedded()
        .map_err(|source| CliError::Serve { what: "the site cannot be served", source: Box::new(source) })?;
    options.hash_files = embedded.is_some();
    if let Some(folder) = settings.site.clone().or_else(|| embedded.is_none().then(site_beside_binary).flatten()) {
        if let Some(site) = &embedded {
            is_of_this_build(&folder, site, &options)?;
        }
        options.site_root = folder.to_string_lossy().into_owned().into();
    }
    if let Some(site) = embedded {
        set_file_names(site.names.clone());
        if settings.site.is_none() {
            if site.names.scripts.is_none() {
                tracing::warn!("this build has no scripts: pages work without JavaScript");
            }
            site::serve(site);
        }
    }
    Ok(options)
}

/// Refuses a folder that has no style sheet of this build: its pages would have neither style nor scripts.
fn is_of_this_build(folder: &Path, site: &Site, options: &LeptosOptions) -> Result<(), CliError> {
    let style = folder.join(options.site_pkg_dir.as_ref()).join(format!("{}.css", site.names.style));
    if style.is_file() {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{} isn't the site of this build: it has no {}. Leave out --site to serve the site in the binary.",
        folder.display(),
        style.strip_prefix(folder).unwrap_or(&style).display()
    )))
}

/// `target/debug/scaling-mode` has its site at `target/site`.
fn site_beside_binary() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let folder = binary.parent()?;
    [folder.join("site"), folder.parent()?.join("site")].into_iter().find(|site| site.is_dir())
}

/// Waits for Ctrl-C or, where there is one, the signal that service managers send.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

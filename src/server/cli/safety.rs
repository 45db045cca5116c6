//! Owns the commands that keep a store safe: verify, backup, restore, demo, doctor.

use super::read::Format;
use super::{CliError, bundles, open, print_json};
use crate::domain::asked_notes::Notes;
use crate::domain::history::store_head;
use crate::domain::input::{Input, InputState, WindowName};
use crate::domain::policy::EnvironmentKind;
use crate::domain::signed_head::Places;
use crate::server::access::seal::Sealer;
use crate::server::config::{PulledSource, Settings};
use crate::server::evaluation::read_inputs;
use crate::server::lived::Lived;
use crate::server::proof::{Report, examine, examine_signed};
use crate::server::signing::heads::{self, HeadsError};
use crate::server::store::sqlite::SqliteStore;
use crate::server::store::{PullState, Store, StoreError, restore as restore_store};
use crate::server::{clock, continuity, demo as synthetic, local, puller};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// A head that was kept elsewhere: `environment:seq:hash`, or the head of the whole store. Finds rows cut off the end.
    #[arg(long, value_name = "HEAD")]
    head: Option<String>,
    /// A bundle to prove instead of the store, which is not opened. Needs --public-key.
    #[arg(long, value_name = "FILE", requires = "public_key", conflicts_with_all = ["head", "signed_heads"])]
    bundle: Option<PathBuf>,
    /// Signed heads that were kept elsewhere: each must lie on a chain of the store. Finds a history that was rewritten as a whole.
    #[arg(long, value_name = "FILE")]
    signed_heads: Option<PathBuf>,
    /// The public key that is trusted, or a file of such keys. [default for --signed-heads: the keys that this server has had]
    #[arg(long, value_name = "KEY|FILE")]
    public_key: Option<String>,
    #[command(flatten)]
    format: Format,
}

#[derive(Args, Debug)]
pub(super) struct Backup {
    /// File to write; it must not be there yet.
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The backup.
    file: PathBuf,
}

pub(super) async fn verify(arguments: Verify, settings: &Settings) -> Result<(), CliError> {
    if let Some(bundle) = &arguments.bundle {
        let trusted = bundles::trusted(arguments.public_key.as_deref(), settings)?;
        return bundles::verify(bundle, &trusted, &arguments.format);
    }
    let signed = match &arguments.signed_heads {
        None => Places::default(),
        Some(path) => {
            let trusted = bundles::trusted(arguments.public_key.as_deref(), settings)?;
            heads::read(path, &trusted).map_err(|error| match error {
                HeadsError::File(source) => {
                    CliError::File { what: format!("the file {} cannot be used", path.display()), source }
                }
                wrong @ HeadsError::Line { .. } => CliError::Found(wrong.to_string()),
            })?
        }
    };
    if let Some(path) = arguments.signed_heads.as_ref().filter(|_| signed.is_empty()) {
        return Err(CliError::Found(format!("{} holds no signed head: nothing could be compared", path.display())));
    }
    let store = open(settings).await?;
    let has_key = know_sessions(store.as_ref(), settings)?;
    let report = examine_signed(store.as_ref(), arguments.head.as_deref(), &signed).await?;
    store.close().await;
    if arguments.format.json {
        print_json(&report);
    }
    match report.problem {
        Some(problem) => {
            let place = problem.seq.map_or_else(String::new, |seq| format!(" event {seq}"));
            Err(CliError::Found(format!("{}: {}:{place} {}", problem.environment, problem.table, problem.what)))
        }
        None => {
            if !arguments.format.json {
                print_report(&report, signed.len());
                if !has_key {
                    say!("Sessions were not checked: the secrets key of the server is not here.");
                }
            }
            Ok(())
        }
    }
}

/// Gives the store the key of sessions, so that forged ones are found. Says whether there is a key here.
fn know_sessions(store: &dyn Store, settings: &Settings) -> Result<bool, CliError> {
    let sealer = Sealer::find(settings)
        .map_err(|error| CliError::Serve { what: "sessions could not be checked", source: Box::new(error) })?;
    if let Some(sealer) = &sealer {
        store.seal_sessions_with(sealer.session_key());
    }
    Ok(sealer.is_some())
}

fn print_report(report: &Report, signed: usize) {
    say!(
        "Whole: {} events; {} snapshots proved by evaluating them again, {} of other engine versions checked by digest.",
        report.events,
        report.proved,
        report.other_version
    );
    if signed > 0 {
        say!("Every one of {signed} signed places lies on it.");
    }
    say!("Keep these heads elsewhere and compare with --head:");
    for head in &report.heads {
        say!("  {head}");
    }
    say!("  {} (the whole store)", report.store_head);
}

pub(super) async fn backup(arguments: Backup, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    store.backup(&arguments.file).await?;
    let heads = store.heads().await?;
    store.close().await;
    say!("{} holds a consistent copy. Its head: {}", arguments.file.display(), store_head(&heads));
    Ok(())
}

pub(super) async fn restore(arguments: Restore, settings: &Settings) -> Result<(), CliError> {
    let copy = SqliteStore::open_read_only(&arguments.file).await?;
    let report = examine(&copy, None).await?;
    copy.close().await;
    if let Some(problem) = report.problem {
        return Err(CliError::Found(format!(
            "{} is not whole: {}: {}",
            arguments.file.display(),
            problem.environment,
            problem.what
        )));
    }
    let heads = restore_store(&arguments.file, &settings.store).await?;
    // A restore accepts an older history on purpose.
    let store = open(settings).await?;
    if let Some(parted) = continuity::check(store.as_ref(), settings).await? {
        continuity::accept(store.as_ref(), settings, "cli", &format!("restored {}", arguments.file.display())).await?;
        say!("Events recorded after this backup are lost: {parted}.");
    }
    continuity::forget_acknowledged(settings);
    store.close().await;
    say!("Restored to {}: every chain is whole. The head: {}", settings.store, store_head(&heads));
    Ok(())
}

#[derive(Args, Debug)]
pub(super) struct AcceptHistory {
    /// Why the history differs; it is recorded in the history.
    #[arg(long)]
    reason: String,
}

/// Lets a server continue with a history that differs from the signed one.
pub(super) async fn accept_history(arguments: AcceptHistory, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let parted = continuity::check(store.as_ref(), settings).await?;
    let Some(parted) = parted else {
        store.close().await;
        say!("There is nothing to accept: the history continues from the newest signed head.");
        return Ok(());
    };
    let kept = continuity::accept(store.as_ref(), settings, "cli", &arguments.reason).await?;
    store.close().await;
    say!("Accepted, though {parted}.");
    if let Some(kept) = kept {
        say!("The earlier signed heads are in {}.", kept.display());
    }
    Ok(())
}

pub(super) async fn demo(format: Format, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let invented = synthetic::create(&store, clock::now()).await?;
    store.close().await;
    if format.json {
        print_json(&serde_json::json!({"environment": synthetic::DEMO, "invented": invented}));
    } else if invented == 0 {
        say!("{} is there already.", synthetic::DEMO);
    } else {
        say!("{} holds {invented} synthetic samples. They decide nothing.", synthetic::DEMO);
    }
    Ok(())
}

/// One thing that the doctor has looked at.
#[derive(Debug, Serialize)]
struct Finding {
    ok: bool,
    what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

fn finding(ok: bool, what: impl Into<String>, cure: &str) -> Finding {
    Finding { ok, what: what.into(), cure: (!ok).then(|| cure.to_owned()) }
}

pub(super) async fn doctor(format: Format, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    know_sessions(store.as_ref(), settings)?;
    let mut findings = vec![who_may_act(store.has_people().await?, settings.addr)];
    let writable = store.ready().await;
    findings.push(finding(
        writable.is_ok(),
        format!("the store {} is writable and its migrations are applied", settings.store),
        "look at the disk's space and the file's permissions",
    ));
    let report = examine(store.as_ref(), None).await?;
    findings.push(match &report.problem {
        None => finding(true, format!("{} events and {} snapshots are whole", report.events, report.proved), ""),
        Some(problem) => {
            finding(false, format!("{}: {}", problem.environment, problem.what), "restore a backup made before it")
        }
    });
    findings.push(match continuity::check(store.as_ref(), settings).await? {
        None => finding(true, "the history continues from the newest signed head", ""),
        Some(parted) => finding(
            false,
            parted.to_string(),
            "restore a backup, or accept it: scaling-mode accept-history --reason TEXT. Until then the server refuses to start",
        ),
    });
    findings.push(clock_finding(store.lived().await?, store.newest_recorded().await?, clock::now()));
    for environment in store.environments().await? {
        findings.extend(sources(store.as_ref(), &environment.name).await?);
    }
    for known in puller::known(settings, store.as_ref(), None).await? {
        findings.push(match &known.source {
            Ok(source) => asked(store.as_ref(), source).await?,
            Err(unasked) => {
                let name = format!("{}: {}", known.environment, known.name);
                finding(false, format!("{name}: cannot be asked: {}", unasked.problem), &unasked.cure)
            }
        });
    }
    store.close().await;
    let ill = findings.iter().filter(|finding| !finding.ok).count();
    if format.json {
        print_json(&findings);
    } else {
        for finding in &findings {
            say!("{} {}", if finding.ok { "ok  " } else { "look" }, finding.what);
            if let Some(cure) = &finding.cure {
                say!("     {cure}");
            }
        }
    }
    if ill == 0 { Ok(()) } else { Err(CliError::Found(format!("{ill} things need a look"))) }
}

/// Whether anybody acts without a credential on a server at this address, and who.
fn who_may_act(has_people: bool, address: SocketAddr) -> Finding {
    if has_people {
        return finding(true, format!("{address}: every request needs a sign-in or a token"), "");
    }
    let create = "create an account: scaling-mode person create EMAIL";
    if !address.ip().is_loopback() {
        return finding(false, format!("{address}: no account exists, so the server refuses to listen there"), create);
    }
    if !local::IS_POSSIBLE {
        return finding(true, format!("{address}: no account exists, and every request needs a token"), "");
    }
    finding(
        false,
        format!(
            "{address}: no account exists, so programs of the server's user on this computer need no sign-in, and neither does anyone to whom that user forwards the port (ssh -R, socat, a tunnel that dials out)"
        ),
        create,
    )
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whether the clock agrees with what the store has recorded.
fn clock_finding(lived: Option<Lived>, newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Finding {
    let cure = "compare the server's time with a clock that is right (timedatectl), then see docs/runbook.md";
    if let Some(jump) = lived.and_then(|lived| lived.jump) {
        return finding(false, format!("{}, noticed at {}", jump.words(), minute(jump.at)), cure);
    }
    let latest = lived.map(|lived| lived.seen_at).max(newest);
    match latest.filter(|latest| *latest > now + clock::LEEWAY) {
        Some(latest) => finding(
            false,
            format!("the clock shows {}, before the store's newest time, {}", minute(now), minute(latest)),
            cure,
        ),
        None => finding(true, "the clock agrees with what the store has recorded", ""),
    }
}

/// Each connected signal of a live environment, as an evaluation would read it now.
async fn sources(store: &dyn Store, environment: &str) -> Result<Vec<Finding>, StoreError> {
    if store.config(environment).await?.kind != EnvironmentKind::Live {
        return Ok(Vec::new());
    }
    let inputs = read_inputs(store, environment, clock::now()).await?;
    let connected = inputs.iter().filter(|input| input.source.is_some() && input.window.name != WindowName::Today);
    Ok(connected.map(|input| reading(environment, input)).collect())
}

/// A source that the server asks, as its newest attempt went.
async fn asked(store: &dyn Store, source: &PulledSource) -> Result<Finding, StoreError> {
    let name = format!("{}: {}, asked at {}", source.environment, source.name, source.address());
    let states = match store.pull_states(&source.environment).await {
        Ok(states) => states,
        Err(StoreError::UnknownEnvironment { .. }) => {
            return Ok(finding(
                false,
                format!("{name}: there is no such environment"),
                "make it, or correct the source",
            ));
        }
        Err(error) => return Err(error),
    };
    let state = states.into_iter().find(|(own, _)| *own == source.name).map(|(_, state)| state);
    Ok(match state {
        None => finding(false, format!("{name}: never asked yet"), "start the server: it asks by itself"),
        Some(PullState { failure: Some(failure), attempted_at, .. }) => finding(
            false,
            format!("{name}: {} ({}) at {}", failure.problem, failure.code, attempted_at.format("%Y-%m-%d %H:%M UTC")),
            &failure.cure,
        ),
        Some(PullState { notice: Some(notice), .. }) => {
            let words = Notes::read(Some(&notice)).words(true).unwrap_or_default();
            finding(false, format!("{name}: {words}"), "see docs/sources.md")
        }
        Some(state) => {
            let at = state.succeeded_at.unwrap_or(state.attempted_at);
            finding(true, format!("{name}: answered at {}", at.format("%Y-%m-%d %H:%M UTC")), "")
        }
    })
}

fn reading(environment: &str, input: &Input) -> Finding {
    let name = match input.severity {
        Some(severity) => format!("{} ({})", input.signal, severity.name()),
        None => input.signal.to_string(),
    };
    let through =
        input.data_through.map_or_else(|| "nothing yet".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
    let note = input.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
    let source = input.source.as_deref().unwrap_or_default();
    let usable = matches!(input.state, InputState::Known | InputState::Partial | InputState::NotApplicable);
    finding(
        usable,
        format!("{environment}: {name} from {source} is {}, data through {through}{note}", input.state.name()),
        match input.state {
            InputState::Contradictory => "two numbers cannot both be true: see which source is wrong",
            _ => "the source has gone silent: see that it is running and sends to this server",
        },
    )
}

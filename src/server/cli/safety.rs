//! Owns the commands that keep a store safe: verify, backup, restore, demo, doctor.

use super::read::Format;
use super::replay::progress_bar;
use super::{CliError, open, print_json};
use crate::domain::evaluate::{Proof, SealedConfig, prove};
use crate::domain::history::{ChainBreak, ChainVerifier, Head, store_head};
use crate::domain::snapshot::Snapshot;
use crate::server::config::Settings;
use crate::server::store::sqlite::backup::restore as restore_store;
use crate::server::store::{Store, StoreError};
use crate::server::{clock, demo as synthetic};
use clap::Args;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// Rows read at a time while verifying.
const PAGE: u32 = 1_000;

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// A head that was kept elsewhere: `environment:seq:hash`, or the head of the whole store. Finds rows cut off the end.
    #[arg(long, value_name = "HEAD")]
    head: Option<String>,
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

/// What verifying found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Snapshots whose inputs give the same bytes once more.
    proved: u64,
    /// Snapshots of another engine version, whose digest alone was checked.
    other_version: u64,
    events: u64,
    heads: Vec<Head>,
    /// The head of the whole store.
    store_head: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Serialize)]
struct Problem {
    environment: String,
    /// The first bad sequence number, where the history is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    what: String,
}

impl From<ChainBreak> for Problem {
    fn from(broken: ChainBreak) -> Problem {
        Problem {
            environment: broken.environment,
            seq: Some(broken.seq),
            what: broken.what,
        }
    }
}

pub(super) async fn verify(arguments: Verify, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let report = examine(store.as_ref(), arguments.head.as_deref()).await?;
    store.close().await;
    if arguments.format.json {
        print_json(&report);
    }
    match report.problem {
        Some(problem) => {
            let place = problem.seq.map_or_else(String::new, |seq| format!(" event {seq}"));
            Err(CliError::Found(format!("{}:{place} {}", problem.environment, problem.what)))
        }
        None => {
            if !arguments.format.json {
                print_report(&report);
            }
            Ok(())
        }
    }
}

fn print_report(report: &Report) {
    println!(
        "Whole: {} events; {} snapshots proved by evaluating them again, {} of other engine versions checked by digest.",
        report.events, report.proved, report.other_version
    );
    println!("Keep these heads elsewhere and compare with --head:");
    for head in &report.heads {
        println!("  {head}");
    }
    println!("  {} (the whole store)", report.store_head);
}

/// Walks every chain and proves every snapshot; stops at the first thing that is not whole.
async fn examine(store: &dyn Store, kept: Option<&str>) -> Result<Report, StoreError> {
    let mut report = Report::default();
    for environment in store.environments().await? {
        match walk(store, &environment.name, kept, &mut report).await? {
            Ok(head) => report.heads.push(head),
            Err(problem) => {
                report.problem = Some(problem);
                return Ok(report);
            }
        }
        if let Some(problem) = prove_snapshots(store, &environment.name, &mut report).await? {
            report.problem = Some(problem);
            return Ok(report);
        }
    }
    report.store_head = store_head(&report.heads);
    if let Some(kept) = kept.filter(|kept| !kept.contains(':'))
        && kept != report.store_head
    {
        report.problem = Some(Problem {
            environment: "the whole store".to_owned(),
            seq: None,
            what: "has another head than the one that was kept: something was added since, or cut off".to_owned(),
        });
    }
    Ok(report)
}

/// Walks one chain; a kept head of it must lie on the way.
async fn walk(store: &dyn Store, environment: &str, kept: Option<&str>, report: &mut Report) -> Result<Result<Head, Problem>, StoreError> {
    let kept = kept.filter(|kept| kept.starts_with(&format!("{environment}:")));
    let mut met = kept.is_none();
    let mut verifier = ChainVerifier::new(environment);
    loop {
        let mut events = match store.events_after(environment, verifier.head().seq, PAGE).await {
            // A row that cannot even be read is the first bad one.
            Err(StoreError::Corrupt { .. }) => {
                return Ok(Err(ChainBreak {
                    environment: environment.to_owned(),
                    seq: verifier.head().seq + 1,
                    what: "cannot be read".to_owned(),
                }
                .into()));
            }
            events => events?,
        };
        let is_last = events.len() < PAGE as usize;
        for event in &mut events {
            if let Err(broken) = verifier.next(event) {
                return Ok(Err(broken.into()));
            }
            report.events += 1;
            met |= kept.is_some_and(|kept| kept == verifier.head().to_string());
        }
        if is_last {
            break;
        }
    }
    let head = verifier.head().clone();
    let stored = store.heads().await?.into_iter().find(|stored| stored.environment == environment);
    let cut = |what: &str| Problem {
        environment: environment.to_owned(),
        seq: Some(head.seq + 1),
        what: what.to_owned(),
    };
    if stored.is_some_and(|stored| stored != head) {
        return Ok(Err(cut("is missing: the newest events were cut off")));
    }
    if !met {
        return Ok(Err(cut("is missing: the head that was kept is not in this history")));
    }
    Ok(Ok(head))
}

/// Proves each snapshot of an environment.
async fn prove_snapshots(store: &dyn Store, environment: &str, report: &mut Report) -> Result<Option<Problem>, StoreError> {
    let mut configs: HashMap<u64, Option<SealedConfig>> = HashMap::new();
    let mut after = 0;
    let bar = progress_bar(0, "snapshots");
    loop {
        let rows = store.snapshot_bytes(environment, after, PAGE).await?;
        for (row, id, digest, bytes) in &rows {
            after = *row;
            bar.inc(1);
            if Snapshot::id_of(digest) != *id {
                return Ok(Some(snapshot_problem(environment, id, "its id is not that of its digest")));
            }
            let version = config_version(bytes);
            if !configs.contains_key(&version) {
                let config = store.config_at(environment, version).await?.map(SealedConfig::new);
                configs.insert(version, config);
            }
            match prove(bytes, digest, configs.get(&version).and_then(Option::as_ref)) {
                Proof::Proved => report.proved += 1,
                Proof::OtherVersion => report.other_version += 1,
                Proof::Broken(why) => return Ok(Some(snapshot_problem(environment, id, &why))),
            }
        }
        if rows.len() < PAGE as usize {
            bar.finish_and_clear();
            return Ok(None);
        }
    }
}

fn snapshot_problem(environment: &str, id: &str, why: &str) -> Problem {
    Problem {
        environment: environment.to_owned(),
        seq: None,
        what: format!("{id}: {why}"),
    }
}

/// Which configuration a snapshot says it was made with; 0, which none has, where it does not say.
fn config_version(bytes: &[u8]) -> u64 {
    #[derive(serde::Deserialize)]
    struct Named {
        config_version: u64,
    }
    serde_json::from_slice::<Named>(bytes).map_or(0, |named| named.config_version)
}

pub(super) async fn backup(arguments: Backup, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    store.backup(&arguments.file).await?;
    let heads = store.heads().await?;
    store.close().await;
    println!("{} holds a consistent copy. Its head: {}", arguments.file.display(), store_head(&heads));
    Ok(())
}

pub(super) async fn restore(arguments: Restore, settings: &Settings) -> Result<(), CliError> {
    if let Some(folder) = settings.store_file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| CliError::File {
            what: format!("the folder {} cannot be made", folder.display()),
            source,
        })?;
    }
    let heads = restore_store(&arguments.file, &settings.store_file).await?;
    println!(
        "Restored to {}: every chain is whole. The head: {}",
        settings.store_file.display(),
        store_head(&heads)
    );
    Ok(())
}

pub(super) async fn demo(format: Format, settings: &Settings) -> Result<(), CliError> {
    let store = open(settings).await?;
    let invented = synthetic::create(&store, clock::now()).await?;
    store.close().await;
    if format.json {
        print_json(&serde_json::json!({"environment": synthetic::DEMO, "invented": invented}));
    } else if invented == 0 {
        println!("{} is there already.", synthetic::DEMO);
    } else {
        println!("{} holds {invented} synthetic samples. They decide nothing.", synthetic::DEMO);
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
    Finding {
        ok,
        what: what.into(),
        cure: (!ok).then(|| cure.to_owned()),
    }
}

pub(super) async fn doctor(format: Format, settings: &Settings) -> Result<(), CliError> {
    let mut findings = vec![finding(
        settings.addr.ip().is_loopback(),
        format!("the server would listen on {}", settings.addr),
        "everyone who reaches it can act as the founder: put a proxy that signs people in before it",
    )];
    let store = open(settings).await?;
    let writable = store.ready().await;
    findings.push(finding(
        writable.is_ok(),
        format!("the store {} is writable and its migrations are applied", settings.store_file.display()),
        "look at the disk's space and the file's permissions",
    ));
    let report = examine(store.as_ref(), None).await?;
    findings.push(match &report.problem {
        None => finding(true, format!("{} events and {} snapshots are whole", report.events, report.proved), ""),
        Some(problem) => finding(false, format!("{}: {}", problem.environment, problem.what), "restore a backup made before it"),
    });
    for environment in store.environments().await? {
        findings.extend(sources(store.as_ref(), &environment.name).await?);
    }
    store.close().await;
    let ill = findings.iter().filter(|finding| !finding.ok).count();
    if format.json {
        print_json(&findings);
    } else {
        for finding in &findings {
            println!("{} {}", if finding.ok { "ok  " } else { "look" }, finding.what);
            if let Some(cure) = &finding.cure {
                println!("     {cure}");
            }
        }
    }
    if ill == 0 { Ok(()) } else { Err(CliError::Found(format!("{ill} things need a look"))) }
}

/// Each source of a live environment: whether it is still sending.
async fn sources(store: &dyn Store, environment: &str) -> Result<Vec<Finding>, StoreError> {
    use crate::domain::policy::EnvironmentKind;
    let config = store.config(environment).await?;
    if config.kind != EnvironmentKind::Live {
        return Ok(Vec::new());
    }
    let now = clock::now();
    let most = chrono::Duration::hours(i64::from(config.policy.windows.gauge_max_age_hours));
    let findings = store.sources(environment).await?.into_iter().map(|source| {
        let through = source.data_through.or(source.last_at);
        let fresh = through.is_some_and(|through| now - through <= most);
        let when = through.map_or_else(|| "nothing yet".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
        finding(
            fresh,
            format!("{environment}: {} from {}, data through {when}", source.series.label(), source.source),
            "the source has gone silent: see that it is running and sends to this server",
        )
    });
    Ok(findings.collect())
}

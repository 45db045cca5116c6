//! Owns the proof of a whole store: every chain is walked, every configuration and snapshot is compared with the event that
//! recorded it, every snapshot is evaluated once more. Must not write anything.

use super::store::{Store, StoreError};
use crate::domain::evaluate::{Proof, SealedConfig, prove};
use crate::domain::history::{ChainBreak, ChainVerifier, Event, EventType, Head, store_head};
use crate::domain::signed_head::{Place, Places};
use crate::domain::snapshot::Snapshot;
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Rows read at a time.
const PAGE: u32 = 1_000;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub events: u64,
    pub heads: Vec<Head>,
    /// Snapshots of another engine version, whose digest alone was checked.
    pub other_version: u64,
    /// The first thing that is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Snapshots whose inputs give the same bytes once more.
    pub proved: u64,
    /// The head of the whole store.
    pub store_head: String,
}

/// What is not whole, and where.
#[derive(Debug, Serialize)]
pub struct Problem {
    pub environment: String,
    /// The first bad sequence number, where the history is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    pub what: String,
}

impl Problem {
    fn of(environment: &str, seq: Option<u64>, what: impl Into<String>) -> Problem {
        Problem { environment: environment.to_owned(), seq, what: what.into() }
    }
}

impl From<ChainBreak> for Problem {
    fn from(broken: ChainBreak) -> Problem {
        Problem { environment: broken.environment, seq: Some(broken.seq), what: broken.what }
    }
}

/// What a chain says was recorded.
#[derive(Default)]
struct Recorded {
    configs: HashSet<String>,
    /// Digest and sequence number of each snapshot, by its id.
    snapshots: HashMap<String, (String, u64)>,
}

impl Recorded {
    fn add(&mut self, event: &Event) {
        match (event.event_type, &event.snapshot_id, &event.digest) {
            (EventType::SnapshotRecorded, Some(id), Some(digest)) => {
                self.snapshots.insert(id.clone(), (digest.clone(), event.seq));
            }
            (_, _, Some(digest)) => {
                self.configs.insert(digest.clone());
            }
            _ => {}
        }
    }
}

/// Examines a store; stops at the first thing that is not whole. `kept` is a head that was kept elsewhere:
/// `environment:seq:hash`, which must lie on its chain, or the head of the whole store.
///
/// # Errors
/// What the store says, other than that a row cannot be read: that is a finding.
pub async fn examine(store: &dyn Store, kept: Option<&str>) -> Result<Report, StoreError> {
    examine_signed(store, kept, &Places::default()).await
}

/// The same, and every place that signed heads name must be in its chain as it was signed.
///
/// # Errors
/// As those of [`examine`].
pub async fn examine_signed(store: &dyn Store, kept: Option<&str>, signed: &Places) -> Result<Report, StoreError> {
    let mut report = Report::default();
    report.problem = find_problem(store, kept, signed, &mut report).await?;
    Ok(report)
}

async fn find_problem(
    store: &dyn Store,
    kept: Option<&str>,
    signed: &Places,
    report: &mut Report,
) -> Result<Option<Problem>, StoreError> {
    let environments = store.environments().await?;
    let is_there = |name: &str| environments.iter().any(|environment| environment.name == name);
    if let Some(gone) = signed.environments().find(|name| !is_there(name)) {
        return Ok(Some(Problem::of(gone, None, "is missing: the environment of a signed head is gone")));
    }
    for environment in &environments {
        let name = environment.name.as_str();
        let recorded = match walk(store, name, kept, signed, report).await? {
            Ok(recorded) => recorded,
            Err(problem) => return Ok(Some(problem)),
        };
        if let Some(problem) = check_configs(store, name, &recorded).await? {
            return Ok(Some(problem));
        }
        if let Some(problem) = check_snapshots(store, name, recorded, report).await? {
            return Ok(Some(problem));
        }
    }
    report.store_head = store_head(&report.heads);
    Ok(match kept {
        Some(kept) if kept.contains(':') => {
            let named = kept.split(':').next().unwrap_or("");
            (!is_there(named)).then(|| Problem::of(named, None, "is missing: the environment of the kept head is gone"))
        }
        Some(kept) if kept != report.store_head => Some(Problem::of(
            "the whole store",
            None,
            "has another head than the one that was kept: something was added since, or cut off",
        )),
        _ => None,
    })
}

/// Walks one chain; a kept head of it must lie on the way.
async fn walk(
    store: &dyn Store,
    environment: &str,
    kept: Option<&str>,
    signed: &Places,
    report: &mut Report,
) -> Result<Result<Recorded, Problem>, StoreError> {
    let kept = kept.filter(|kept| kept.starts_with(&format!("{environment}:")));
    let mut met = kept.is_none();
    let mut signed = signed.of(environment).peekable();
    let mut recorded = Recorded::default();
    let mut verifier = ChainVerifier::new(environment);
    loop {
        let seq = verifier.head().seq;
        let mut events = match store.events_after(environment, seq, PAGE).await {
            Err(StoreError::Corrupt { .. }) => {
                return Ok(Err(Problem::of(environment, Some(seq + 1), "cannot be read")));
            }
            events => events?,
        };
        for event in &mut events {
            if let Err(broken) = verifier.next(event) {
                return Ok(Err(broken.into()));
            }
            if let Some((_, place)) = signed.next_if(|(seq, _)| *seq == event.seq)
                && place.hash != event.hash
            {
                return Ok(Err(Problem::of(environment, Some(event.seq), not_signed(place))));
            }
            recorded.add(event);
            report.events += 1;
            met |= kept.is_some_and(|kept| kept == verifier.head().to_string());
        }
        if events.is_empty() {
            break;
        }
    }
    let head = verifier.head().clone();
    let cut = |what: &str| Ok(Err(Problem::of(environment, Some(head.seq + 1), what)));
    let stored = store.heads().await?.into_iter().find(|stored| stored.environment == environment);
    if stored.is_some_and(|stored| stored != head) {
        return cut("is missing: the newest events were cut off");
    }
    if let Some((seq, _)) = signed.next() {
        return cut(&format!(
            "is missing: the history was signed up to event {seq}, and its newest events were cut off"
        ));
    }
    if !met {
        return cut("is missing: the head that was kept is not in this history");
    }
    report.heads.push(head);
    Ok(Ok(recorded))
}

fn not_signed(place: &Place) -> String {
    format!(
        "is not the one that was signed at {}: this history, or what comes before, was rewritten since",
        place.signed_at.format("%Y-%m-%d %H:%M:%S UTC")
    )
}

/// Every version of the configuration must be one that an event recorded.
async fn check_configs(
    store: &dyn Store,
    environment: &str,
    recorded: &Recorded,
) -> Result<Option<Problem>, StoreError> {
    for version in 1..=store.config(environment).await?.version {
        let Some(config) = store.config_at(environment, version).await? else {
            return Ok(Some(Problem::of(
                environment,
                None,
                format!("version {version} of the configuration is missing"),
            )));
        };
        if !recorded.configs.contains(&SealedConfig::new(config).digest) {
            let what = format!("version {version} of the configuration is not the one that was recorded");
            return Ok(Some(Problem::of(environment, None, what)));
        }
    }
    Ok(None)
}

/// Every stored snapshot must be one that an event recorded, and every recorded one must be stored.
async fn check_snapshots(
    store: &dyn Store,
    environment: &str,
    mut recorded: Recorded,
    report: &mut Report,
) -> Result<Option<Problem>, StoreError> {
    let mut configs: HashMap<u64, Option<SealedConfig>> = HashMap::new();
    let mut after = 0;
    loop {
        let rows = store.snapshot_bytes(environment, after, PAGE).await?;
        for (row, id, digest, bytes) in &rows {
            after = *row;
            let broken = |what: &str| Ok(Some(Problem::of(environment, None, format!("{id}: {what}"))));
            if Snapshot::id_of(digest) != *id {
                return broken("its id is not that of its digest");
            }
            match recorded.snapshots.remove(id) {
                Some((known, _)) if known == *digest => {}
                Some(_) => return broken("its digest is not the one that was recorded"),
                None => return broken("no event recorded it"),
            }
            let version = config_version(bytes);
            if let Entry::Vacant(vacant) = configs.entry(version) {
                vacant.insert(store.config_at(environment, version).await?.map(SealedConfig::new));
            }
            match prove(bytes, digest, configs.get(&version).and_then(Option::as_ref)) {
                Proof::Proved => report.proved += 1,
                Proof::OtherVersion => report.other_version += 1,
                Proof::Broken(why) => return broken(&why),
            }
        }
        if rows.is_empty() {
            break;
        }
    }
    let first = recorded.snapshots.into_iter().min_by_key(|(_, (_, seq))| *seq);
    Ok(first.map(|(id, (_, seq))| Problem::of(environment, Some(seq), format!("recorded {id}, which is missing"))))
}

/// Which configuration a snapshot says it was made with; 0, which none has, where it does not say.
fn config_version(bytes: &[u8]) -> u64 {
    #[derive(serde::Deserialize)]
    struct Named {
        config_version: u64,
    }
    serde_json::from_slice::<Named>(bytes).map_or(0, |named| named.config_version)
}

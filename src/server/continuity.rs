//! Compares a store with the history that this server signed and acknowledged before. Two files beside the database hold the newest
//! signed head and the newest acknowledged event of each chain. The server refuses a history that is shorter or different until a
//! person accepts it. Must not repair anything.

use super::clock;
use super::config::Settings;
use super::observability::log_error;
use super::signing::{PublicKey, heads, keys, verify};
use super::store::{Store, StoreError};
use crate::domain::history::{EventType, Head, NewEvent};
use crate::domain::signed_head::SignedHead;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the newest acknowledged events are noted, at most.
const EVERY: Duration = Duration::from_secs(1);

/// The file of the newest acknowledged events.
fn file(settings: &Settings) -> PathBuf {
    settings.data_dir.join("newest.json")
}

/// The first difference between a store's history and the signed one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    #[error("the environment {environment} is missing, whose history was known at {signed_at}")]
    Gone { environment: String, signed_at: String },
    #[error("the history of {environment} ends with event {ends}, but event {signed} was signed at {signed_at}")]
    Shorter { ends: u64, environment: String, signed: u64, signed_at: String },
    #[error("the file {} of signed heads cannot be read", .0.display())]
    Unreadable(PathBuf),
    #[error("event {seq} of {environment} is not the one that was signed at {signed_at}")]
    Other { environment: String, seq: u64, signed_at: String },
}

/// The newest signed head beside the database. Without a key that verifies one, the newest readable head counts: its claim can only
/// keep a server from starting. `None` without a file.
///
/// # Errors
/// [`Break::Unreadable`] if the file holds no readable head.
fn newest_signed(settings: &Settings) -> Result<Option<SignedHead>, Break> {
    let path = heads::file(settings);
    let text = match std::fs::read(&path) {
        Ok(text) if text.iter().all(u8::is_ascii_whitespace) => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(Break::Unreadable(path)),
    };
    let trusted: Vec<PublicKey> = keys::read_public(&keys::public_file(settings)).unwrap_or_default();
    // A crash can leave half a line.
    let mut readable: Vec<SignedHead> =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let verified = readable.iter().rposition(|signed| verify(signed, &trusted).is_ok());
    let newest = match verified {
        Some(place) => Some(readable.swap_remove(place)),
        None => readable.pop(),
    };
    newest.map(Some).ok_or(Break::Unreadable(path))
}

/// The newest acknowledged events; nothing without the file, or if it cannot be read.
fn acknowledged(settings: &Settings) -> Vec<Head> {
    let text = std::fs::read(file(settings)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The first head that is not in its chain.
async fn parts_from(store: &dyn Store, known: &[Head], signed_at: &str) -> Result<Option<Break>, StoreError> {
    let heads = store.heads().await?;
    for head in known.iter().filter(|head| head.seq > 0) {
        let environment = head.environment.clone();
        let signed_at = signed_at.to_owned();
        let Some(now) = heads.iter().find(|now| now.environment == head.environment) else {
            return Ok(Some(Break::Gone { environment, signed_at }));
        };
        if now.seq < head.seq {
            return Ok(Some(Break::Shorter { ends: now.seq, environment, signed: head.seq, signed_at }));
        }
        let event = store.events_after(&head.environment, head.seq - 1, 1).await?.pop();
        if event.is_none_or(|event| event.seq != head.seq || event.hash != head.hash) {
            return Ok(Some(Break::Other { environment, seq: head.seq, signed_at }));
        }
    }
    Ok(None)
}

/// Compares a store with the newest signed head beside it.
///
/// # Errors
/// Errors of the store. A store that differs from the head is an `Ok` answer.
pub async fn check(store: &dyn Store, settings: &Settings) -> Result<Option<Break>, StoreError> {
    match newest_signed(settings) {
        Ok(Some(signed)) => {
            let signed_at = signed.signed_at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
            parts_from(store, &signed.heads, &signed_at).await
        }
        // A store that has lost whole environments is a lost store, even if no head was signed yet.
        Ok(None) => {
            let heads = store.heads().await?;
            let known = acknowledged(settings);
            let gone = known.iter().find(|head| heads.iter().all(|now| now.environment != head.environment));
            Ok(gone.map(|head| Break::Gone {
                environment: head.environment.clone(),
                signed_at: "an earlier start".to_owned(),
            }))
        }
        Err(unreadable) => Ok(Some(unreadable)),
    }
}

/// Logs acknowledged events that are missing, such as after a lost write-ahead log, and records it in the history. No signed head
/// covers them yet, and they cannot be restored.
///
/// # Errors
/// Errors of the store.
pub async fn tell_of_loss(store: &dyn Store, settings: &Settings) -> Result<(), StoreError> {
    let known = acknowledged(settings);
    let heads = store.heads().await?;
    for now in heads {
        let Some(head) = known.iter().find(|head| head.environment == now.environment && head.seq > now.seq) else {
            continue;
        };
        let lost = format!(
            "events {} to {} were acknowledged before this start and are missing: the database or its write-ahead log was damaged",
            now.seq + 1,
            head.seq
        );
        tracing::error!(environment = now.environment, lost, "acknowledged events are missing");
        let mut event = NewEvent::new(EventType::Note, "scaling-mode", clock::now());
        event.reason = Some(lost);
        store.append(&now.environment, event).await?;
    }
    Ok(())
}

/// Forgets the newest acknowledged events, since another history takes the place of the one that had them.
pub fn forget_acknowledged(settings: &Settings) {
    let _ = std::fs::remove_file(file(settings));
}

/// Accepts a history that differs from the signed one: adds an event that says so, and renames the file of the earlier heads. The
/// server signs the accepted history when it starts.
///
/// # Errors
/// Errors of the store or the file system.
pub async fn accept(
    store: &dyn Store,
    settings: &Settings,
    actor: &str,
    reason: &str,
) -> Result<Option<PathBuf>, StoreError> {
    let now = clock::now();
    for head in store.heads().await? {
        let mut event = NewEvent::new(EventType::Note, actor, now);
        event.reason = Some(format!("accepted a history that differs from the signed one: {reason}"));
        store.append(&head.environment, event).await?;
    }
    let path = heads::file(settings);
    let of_file = |source| StoreError::File { path: path.clone(), source };
    forget_acknowledged(settings);
    if !path.exists() {
        return Ok(None);
    }
    let kept = path.with_extension(format!("{}.jsonl", now.format("%Y%m%dT%H%M%SZ")));
    std::fs::rename(&path, &kept).map_err(of_file)?;
    Ok(Some(kept))
}

/// Notes the newest event of every chain after each change, until told to stop.
pub async fn run(store: Arc<dyn Store>, settings: Arc<Settings>, stop: CancellationToken) {
    let mut commits = store.commits();
    let mut noted = Vec::new();
    let mut is_failing = false;
    loop {
        if let Ok(heads) = store.heads().await
            && heads != noted
        {
            let (path, now) = (file(&settings), heads.clone());
            match tokio::task::spawn_blocking(move || note(&path, &now)).await {
                Ok(Ok(())) => (noted, is_failing) = (heads, false),
                // Said once, not after every commit: a container may keep no files at all.
                Ok(Err(error)) => {
                    if !is_failing {
                        log_error("the newest acknowledged events could not be noted beside the database", &error);
                    }
                    is_failing = true;
                }
                Err(_) => return,
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = commits.changed() => if changed.is_err() { return },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Writes under another name first: a crash never leaves half a file.
fn note(path: &Path, heads: &[Head]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(&serde_json::to_vec(heads)?)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

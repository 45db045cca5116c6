//! Owns whole files: a backup while the store is in use, the proof that a file is a whole store, and putting one in
//! place. Nothing is ever overwritten.

use super::super::proving::ProvingStore;
use super::super::{Store, StoreError};
use super::{MIGRATIONS, SqliteStore};
use crate::domain::canonical;
use crate::domain::history::{ChainVerifier, Head};
use sqlx::{SqliteConnection, SqlitePool};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Events, or snapshots, read at once while a store is proved.
const PAGE: u32 = 500;

/// Whether every migration of this program is applied, and none that it does not know.
pub(super) async fn check_migrations(db: &mut SqliteConnection) -> Result<(), StoreError> {
    let not_a_store = |what: String| Err(StoreError::NotAStore(what));
    let is_there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')")
            .fetch_one(&mut *db)
            .await
            .map_err(super::not_a_store)?;
    if !is_there {
        return not_a_store("it is a database, but not of this program".to_owned());
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("SELECT version, success, checksum FROM _sqlx_migrations").fetch_all(db).await?;
    for (version, success, checksum) in &applied {
        match MIGRATIONS.iter().find(|migration| migration.version == *version) {
            None => {
                return not_a_store(format!(
                    "a newer version of this program made it (migration {version} is unknown here)"
                ));
            }
            Some(migration) if !success || *migration.checksum != **checksum => {
                return not_a_store(format!("its migration {version} is not this program's"));
            }
            Some(_) => {}
        }
    }
    match MIGRATIONS.iter().find(|migration| applied.iter().all(|(version, ..)| *version != migration.version)) {
        Some(missing) => not_a_store(format!(
            "migration {} is not applied: start this version of the program on it once",
            missing.version
        )),
        None => Ok(()),
    }
}

/// A consistent copy of the store in a new file.
pub(super) async fn backup(readers: &SqlitePool, file: &Path) -> Result<(), StoreError> {
    in_place(file, async |temporary| {
        let name = temporary.to_str().ok_or_else(|| StoreError::File {
            path: file.to_owned(),
            source: Error::new(ErrorKind::InvalidFilename, "the name is not UTF-8"),
        })?;
        sqlx::query("VACUUM INTO $1").bind(name).execute(readers).await?;
        Ok(())
    })
    .await
}

/// Has a new file made under another name; complete on disk it gets its own.
pub(in super::super) async fn in_place(
    file: &Path,
    make: impl AsyncFnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if exists(file).await? {
        return Err(StoreError::FileExists(file.to_owned()));
    }
    let temporary = beside(file, "part");
    let made = made_in_place(&temporary, file, make).await;
    // Removed where something failed; after success it has its name already.
    tokio::fs::remove_file(&temporary).await.ok();
    made
}

async fn made_in_place(
    temporary: &Path,
    file: &Path,
    make: impl AsyncFnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let used = |source| StoreError::File { path: file.to_owned(), source };
    match tokio::fs::remove_file(temporary).await {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(used(error)),
        _ => {}
    }
    make(temporary).await?;
    tokio::fs::File::open(temporary).await.map_err(used)?.sync_all().await.map_err(used)?;
    // Unlike a rename, a link never replaces a file that came in between.
    match tokio::fs::hard_link(temporary, file).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(StoreError::FileExists(file.to_owned()));
        }
        Err(_) => tokio::fs::rename(temporary, file).await.map_err(used)?,
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tokio::fs::File::open(folder).await.map_err(used)?.sync_all().await.map_err(used)
}

async fn exists(path: &Path) -> Result<bool, StoreError> {
    tokio::fs::try_exists(path).await.map_err(|source| StoreError::File { path: path.to_owned(), source })
}

fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Proves that `from` is a whole store and puts a copy of it in the place `to`, where no file may be. Returns its heads.
///
/// # Errors
/// [`StoreError::NotAStore`] says what is wrong with it; nothing is put in place then.
pub async fn restore(from: &Path, to: &Path) -> Result<Vec<Head>, StoreError> {
    for place in [to.to_owned(), beside_wal(to)] {
        if exists(&place).await? {
            return Err(StoreError::FileExists(place));
        }
    }
    let store = SqliteStore::open_read_only(from).await?;
    let restored = match prove(&store).await {
        Ok(heads) => backup(&store.readers, to).await.map(|()| heads),
        Err(error) => Err(damaged(error)),
    };
    store.close().await;
    restored
}

/// Proves that a file is a whole store; returns its heads.
///
/// # Errors
/// [`StoreError::NotAStore`] says what is wrong with it.
pub(in super::super) async fn prove_file(file: &Path) -> Result<Vec<Head>, StoreError> {
    let store = SqliteStore::open_read_only(file).await?;
    let proved = prove(&store).await.map_err(damaged);
    store.close().await;
    proved
}

/// The write-ahead log of a store that was there before would be taken for the new one's.
fn beside_wal(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// What cannot be read of a file under proof is damage of it, not a failure of ours.
fn damaged(error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { what, .. } => StoreError::NotAStore(format!("it holds {what} that cannot be read")),
        StoreError::Unavailable(sqlx::Error::Database(error)) => {
            StoreError::NotAStore(format!("the database is damaged ({})", error.message()))
        }
        StoreError::Unavailable(sqlx::Error::ColumnDecode { .. }) => {
            StoreError::NotAStore("it holds a text that is damaged".to_owned())
        }
        other => other,
    }
}

/// Proves the file's structure, every chain with its head, and every snapshot's digest.
async fn prove(store: &SqliteStore) -> Result<Vec<Head>, StoreError> {
    let damage: Option<String> = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_optional(&store.readers).await?;
    if let Some(damage) = damage.filter(|damage| damage != "ok") {
        return Err(StoreError::NotAStore(format!("the database is damaged: {damage}")));
    }
    if sqlx::query("PRAGMA foreign_key_check").fetch_optional(&store.readers).await?.is_some() {
        return Err(StoreError::NotAStore("the database is damaged: a row refers to one that is missing".to_owned()));
    }
    let heads = store.heads().await?;
    for head in &heads {
        prove_chain(store, head).await?;
        prove_snapshots(store, &head.environment).await?;
        store.config(&head.environment).await?;
    }
    Ok(heads)
}

async fn prove_chain(store: &SqliteStore, head: &Head) -> Result<(), StoreError> {
    let mut verifier = ChainVerifier::new(&head.environment);
    loop {
        let mut events = store.events_after(&head.environment, verifier.head().seq, PAGE).await?;
        if events.is_empty() {
            break;
        }
        for event in &mut events {
            verifier.next(event).map_err(|broken| StoreError::NotAStore(broken.to_string()))?;
        }
    }
    if verifier.head() == head {
        return Ok(());
    }
    let reached = verifier.head().seq;
    Err(StoreError::NotAStore(format!(
        "{}: the history ends with event {reached}, its head is {}",
        head.environment, head.seq
    )))
}

async fn prove_snapshots(store: &SqliteStore, environment: &str) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page = store.snapshot_rows(environment, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.row;
        for row in &page {
            if canonical::digest(&row.bytes()?) != row.digest {
                return Err(StoreError::NotAStore(format!("the content of {} does not give its digest", row.id)));
            }
        }
    }
}

//! Owns where a store is: a file of SQLite or a database of PostgreSQL; opening it, copying it to another place, and putting a backup
//! in an empty one. Must not say a password.

use super::moving::{self, Rows};
use super::postgres::PostgresStore;
use super::sqlite::{self, SqliteStore};
use super::{Store, StoreError};
use crate::domain::history::Head;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A url, with all that it takes to reach it.
    Postgres(String),
    Sqlite(PathBuf),
}

impl Place {
    /// The place that a url names: `sqlite://path` or `postgres://...`; `None` where it is neither.
    pub fn read(url: &str) -> Option<Place> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Place::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite:").filter(|path| !path.trim_start_matches('/').is_empty())?;
        Some(Place::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
    }

    /// The url that names this place, with all that it takes to reach it: a secret.
    pub fn url(&self) -> String {
        match self {
            Place::Postgres(url) => url.clone(),
            Place::Sqlite(path) => format!("sqlite://{}", path.display()),
        }
    }

    /// Opens the store, making what is not there yet: the folder, the file, the tables.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] also where a copy into it was begun and has not come to its end.
    pub async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Place::Sqlite(path) => Arc::new(whole(open_file(path).await?).await?),
            Place::Postgres(url) => Arc::new(whole(PostgresStore::open(url).await?).await?),
        })
    }

    async fn rows(&self) -> Result<Arc<dyn Copied>, StoreError> {
        Ok(match self {
            Place::Sqlite(path) => Arc::new(open_file(path).await?),
            Place::Postgres(url) => Arc::new(PostgresStore::open(url).await?),
        })
    }

    /// Copies the store to another place, where none may be but what an earlier attempt has left, and holds the two against each
    /// other, table by table. `told` hears how many rows there are, and then how many more have been written.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] where something else is there, or the two are not the same afterwards.
    pub async fn copy_to(&self, other: &Place, told: &(dyn Fn(Progress) + Sync)) -> Result<(), StoreError> {
        if let Place::Sqlite(path) = self
            && !tokio::fs::try_exists(path).await.unwrap_or(true)
        {
            return Err(StoreError::NotAStore("there is no such file".to_owned()));
        }
        let (from, to) = (self.rows().await?, other.rows().await?);
        let copied = copy(from.as_ref(), to.as_ref(), told).await;
        from.close().await;
        to.close().await;
        copied
    }
}

/// Without what it takes to reach it.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Sqlite(path) => write!(out, "{}", path.display()),
            Place::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let authority = rest.split('?').next().unwrap_or_default();
                write!(out, "postgres://{}", authority.rsplit_once('@').map_or(authority, |(_, host)| host))
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many rows are to be copied, of which so many are there already.
    Begun {
        rows: u64,
        there: u64,
    },
    Written(u64),
    /// All are written; now the two are held against each other.
    Comparing,
}

/// A store whose rows are copied.
trait Copied: Rows + Store {}
impl<S: Rows + Store> Copied for S {}

async fn copy(from: &dyn Copied, to: &dyn Copied, told: &(dyn Fn(Progress) + Sync)) -> Result<(), StoreError> {
    told(Progress::Begun { rows: from.count().await?, there: to.count().await? });
    moving::copy(from, to, &|rows| told(Progress::Written(rows))).await?;
    told(Progress::Comparing);
    // Read anew: what was written to the one while it was copied is found here.
    moving::compare(&moving::sums(from).await?, &moving::sums(to).await?)?;
    to.mark(false).await
}

async fn open_file(path: &Path) -> Result<SqliteStore, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = tokio::fs::create_dir_all(folder).await;
        made.map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
    }
    SqliteStore::open(path).await
}

/// A store that no copy is going on into.
async fn whole<S: Copied>(store: S) -> Result<S, StoreError> {
    if store.is_moving().await? {
        store.close().await;
        return Err(StoreError::NotAStore(
            "a copy into it was begun and has not come to its end: give the command migrate-store again".to_owned(),
        ));
    }
    Ok(store)
}

/// Puts a backup, which is a file of SQLite, in an empty place.
///
/// # Errors
/// [`StoreError::NotAStore`] says what is wrong with the backup; nothing is put in place then.
pub async fn restore(file: &Path, to: &Place) -> Result<Vec<Head>, StoreError> {
    match to {
        Place::Sqlite(path) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                let made = tokio::fs::create_dir_all(folder).await;
                made.map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
            }
            sqlite::restore(file, path).await
        }
        Place::Postgres(url) => {
            let heads = sqlite::prove_file(file).await?;
            let from = SqliteStore::open_read_only(file).await?;
            let to = PostgresStore::open(url).await?;
            let copied = copy(&from, &to, &|_| {}).await;
            from.close().await;
            to.close().await;
            copied.map(|()| heads)
        }
    }
}

/// Writes the state of one moment of a store that is in use to a new file of SQLite, complete before it has its name.
pub(super) async fn back_up(store: &dyn Rows, file: &Path) -> Result<(), StoreError> {
    sqlite::backup::in_place(file, async |temporary| {
        let copy = SqliteStore::open(temporary).await?;
        let copied = async {
            let sent = moving::copy(store, &copy, &|_| {}).await?;
            moving::compare(&sent, &moving::sums(&copy).await?)?;
            copy.mark(false).await
        };
        let copied = copied.await;
        copy.close().await;
        copied
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_its_password() {
        let place = Place::read("postgres://app:hunter2@db.internal:5432/scaling?sslmode=require").expect("a place");
        assert_eq!(place.to_string(), "postgres://db.internal:5432/scaling");
        assert_eq!(format!("{place:?}"), "postgres://db.internal:5432/scaling");
        assert_eq!(Place::read("sqlite://data/a.db"), Some(Place::Sqlite("data/a.db".into())));
        assert_eq!(Place::read("sqlite://"), None);
        assert_eq!(Place::read("mysql://a/b"), None);
    }
}

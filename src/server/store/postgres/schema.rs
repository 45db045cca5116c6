//! Owns the schema in PostgreSQL: applying the migrations that are missing, one replica at a time, and whether this program may
//! work on what it finds. Migrations first add and only later, in another version, take away: an older program keeps working
//! beside a newer one until `readable_from` says otherwise.

use super::{PostgresStore, StoreError};
use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};
use std::collections::BTreeSet;

/// The one that applies migrations holds this lock; the number means nothing.
const LOCK: i64 = 7_361_955_002_817;

fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("./migrations/postgres");
    // Its own lock is a session's, which a pooler does not keep together.
    migrations.set_locking(false).set_ignore_missing(true);
    migrations
}

/// The migrations that are applied here; none where there is no store yet.
async fn applied(db: &mut PgConnection) -> Result<Option<BTreeSet<i64>>, StoreError> {
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *db).await?;
    if !is_there {
        return Ok(None);
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(db).await?;
    Ok(Some(applied.into_iter().collect()))
}

/// Whether this program may work on the schema as it is.
///
/// # Errors
/// [`StoreError::NotAStore`] says why not.
pub(super) async fn check(db: &mut PgConnection) -> Result<(), StoreError> {
    let ours: BTreeSet<i64> = migrations().iter().map(|migration| migration.version).collect();
    let applied = applied(&mut *db)
        .await?
        .ok_or_else(|| StoreError::NotAStore("it is a database, but not of this program".to_owned()))?;
    if let Some(missing) = ours.difference(&applied).next() {
        return Err(StoreError::NotAStore(format!(
            "migration {missing} is not applied: start this version of the program on it once"
        )));
    }
    if let Some(unknown) = applied.difference(&ours).last() {
        let readable_from: i64 =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'readable_from'").fetch_one(db).await?;
        if ours.last().is_none_or(|last| *last < readable_from) {
            return Err(StoreError::NotAStore(format!(
                "a newer version of this program made it (migration {unknown} is unknown here)"
            )));
        }
    }
    Ok(())
}

/// Applies the migrations that are missing, unless another replica is at it, which is waited for.
pub(super) async fn apply(store: &PostgresStore) -> Result<(), StoreError> {
    let is_done = async || {
        let mut tx = store.reading().await?;
        match applied(&mut tx).await? {
            Some(applied) if migrations().iter().all(|migration| applied.contains(&migration.version)) => {
                check(&mut tx).await.map(|()| true)
            }
            _ => Ok(false),
        }
    };
    // A role that may not change the schema never tries to.
    if is_done().await? {
        return Ok(());
    }
    if holds_something_else(store).await? {
        return Err(StoreError::NotAStore(
            "it holds tables of another program: make a database for this one alone".to_owned(),
        ));
    }
    let mut lock = store.begin("BEGIN").await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *lock).await?;
    if !is_done().await? {
        migrations().run(&mut *lock).await.map_err(not_migrated)?;
    }
    Ok(lock.commit().await?)
}

/// Whether a database has tables, and none of them says that they are of a program like this.
async fn holds_something_else(store: &PostgresStore) -> Result<bool, StoreError> {
    let mut tx = store.reading().await?;
    if applied(&mut tx).await?.is_some() {
        return Ok(false);
    }
    let holds = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema())");
    Ok(holds.fetch_one(&mut *tx).await?)
}

fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMismatch(version) => {
            StoreError::NotAStore(format!("its migration {version} is not this program's"))
        }
        MigrateError::Execute(error) => StoreError::Unavailable(error),
        other => StoreError::Unavailable(sqlx::Error::Migrate(Box::new(other))),
    }
}

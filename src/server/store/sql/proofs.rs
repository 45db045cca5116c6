//! Owns one-time and recovery codes, passkeys, accounts at providers, and ceremonies. Must not know how any of them is checked.

use super::super::StoreError;
use super::super::access::{Entry, Person};
use super::super::proofs::{Ceremony, Codes, Passkey, ProofStore, ProviderAccount};
use super::super::rows::{At, corrupt_by, unsigned};
use super::contract::{READ, WRITE, change, read, write};
use super::{Backend, Connection, people};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

async fn set_codes(
    db: &mut Connection,
    person: i64,
    codes: Option<Codes<'_>>,
    keep: Option<&str>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let step = codes.map_or(0, |codes| codes.step);
    sqlx::query("UPDATE people SET totp = $1, totp_step = $2 WHERE id = $3")
        .bind(codes.map(|codes| codes.secret))
        .bind(i64::try_from(step).map_err(|error| corrupt_by("a time step", error))?)
        .bind(person)
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM recovery_codes WHERE person_id = $1").bind(person).execute(&mut *db).await?;
    for code_hash in codes.map_or(&[][..], |codes| codes.recovery) {
        sqlx::query("INSERT INTO recovery_codes (person_id, code_hash) VALUES ($1, $2)")
            .bind(person)
            .bind(code_hash)
            .execute(&mut *db)
            .await?;
    }
    people::end_sessions(db, person, keep).await?;
    people::write_entry(db, entry).await
}

async fn use_totp_step(db: &mut Connection, person: i64, step: u64) -> Result<bool, StoreError> {
    let step = i64::try_from(step).map_err(|error| corrupt_by("a time step", error))?;
    let done = sqlx::query("UPDATE people SET totp_step = $1 WHERE id = $2 AND totp_step < $1")
        .bind(step)
        .bind(person)
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn use_recovery_code(
    db: &mut Connection,
    person: i64,
    code_hash: &str,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE recovery_codes SET used_at = $1 WHERE person_id = $2 AND code_hash = $3 AND used_at IS NULL",
    )
    .bind(At::of(now))
    .bind(person)
    .bind(code_hash)
    .execute(&mut *db)
    .await?;
    let is_taken = done.rows_affected() == 1;
    if is_taken {
        people::write_entry(db, entry).await?;
    }
    Ok(is_taken)
}

async fn recovery_codes_left(db: &mut Connection, person: i64) -> Result<u64, StoreError> {
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM recovery_codes WHERE person_id = $1 AND used_at IS NULL")
        .bind(person)
        .fetch_one(db)
        .await?;
    unsigned(left)
}

#[derive(sqlx::FromRow)]
struct PasskeyRow {
    credential_id: String,
    person_id: i64,
    name: String,
    credential: String,
    created_at: At,
    used_at: Option<At>,
}

impl PasskeyRow {
    fn passkey(self) -> Result<Passkey, StoreError> {
        Ok(Passkey {
            created_at: self.created_at.time()?,
            credential: self.credential,
            id: self.credential_id,
            name: self.name,
            used_at: self.used_at.map(At::time).transpose()?,
        })
    }
}

async fn passkeys(db: &mut Connection, person: i64) -> Result<Vec<Passkey>, StoreError> {
    let rows: Vec<PasskeyRow> =
        sqlx::query_as("SELECT * FROM passkeys WHERE person_id = $1 ORDER BY created_at DESC, credential_id")
            .bind(person)
            .fetch_all(db)
            .await?;
    rows.into_iter().map(PasskeyRow::passkey).collect()
}

async fn passkey(db: &mut Connection, id: &str) -> Result<Option<(Person, Passkey)>, StoreError> {
    let row: Option<PasskeyRow> = sqlx::query_as("SELECT * FROM passkeys WHERE credential_id = $1")
        .bind(id)
        .fetch_optional(&mut *db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let person = people::by_id(db, row.person_id).await?;
    Ok(Some((person, row.passkey()?)))
}

async fn add_passkey(
    db: &mut Connection,
    person: i64,
    passkey: &Passkey,
    keep: &str,
    entry: &Entry,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO passkeys (credential_id, person_id, name, credential, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (credential_id) DO NOTHING",
    )
    .bind(&passkey.id)
    .bind(person)
    .bind(&passkey.name)
    .bind(&passkey.credential)
    .bind(At::of(passkey.created_at))
    .execute(&mut *db)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::NameTaken(passkey.name.clone()));
    }
    people::end_sessions(db, person, Some(keep)).await?;
    people::write_entry(db, entry).await
}

async fn use_passkey(
    db: &mut Connection,
    before: &Passkey,
    credential: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE passkeys SET credential = $1, used_at = $2 WHERE credential_id = $3 AND credential = $4",
    )
    .bind(credential)
    .bind(At::of(now))
    .bind(&before.id)
    .bind(&before.credential)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A person must keep something to sign in by.
async fn keep_a_way_in(db: &mut Connection, person: i64) -> Result<(), StoreError> {
    let is_one_left: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM people WHERE id = $1 AND password IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM passkeys WHERE person_id = $1) OR EXISTS (SELECT 1 FROM identities WHERE person_id = $1)",
    )
    .bind(person)
    .fetch_one(db)
    .await?;
    if is_one_left { Ok(()) } else { Err(StoreError::LastWayIn) }
}

async fn remove_passkey(
    db: &mut Connection,
    person: i64,
    id: &str,
    keep: &str,
    entry: &Entry,
) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM passkeys WHERE credential_id = $1 AND person_id = $2")
        .bind(id)
        .bind(person)
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    keep_a_way_in(db, person).await?;
    people::end_sessions(db, person, Some(keep)).await?;
    people::write_entry(db, entry).await
}

async fn person_of(db: &mut Connection, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError> {
    let id: Option<i64> = sqlx::query_scalar("SELECT person_id FROM identities WHERE issuer = $1 AND subject = $2")
        .bind(issuer)
        .bind(subject)
        .fetch_optional(&mut *db)
        .await?;
    match id {
        Some(id) => people::by_id(db, id).await.map(Some),
        None => Ok(None),
    }
}

async fn provider_accounts(db: &mut Connection, person: i64) -> Result<Vec<ProviderAccount>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT issuer, label, subject FROM identities WHERE person_id = $1 ORDER BY connected_at, issuer, subject",
    )
    .bind(person)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(issuer, label, subject)| ProviderAccount { issuer, label, subject }).collect())
}

/// Gives an account to a person, without an event of its own.
pub(super) async fn put_account(
    db: &mut Connection,
    person: i64,
    account: &ProviderAccount,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO identities (issuer, subject, person_id, label, connected_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (issuer, subject) DO NOTHING",
    )
    .bind(&account.issuer)
    .bind(&account.subject)
    .bind(person)
    .bind(&account.label)
    .bind(At::of(now))
    .execute(db)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::NameTaken(account.label.clone())) }
}

async fn connect(
    db: &mut Connection,
    person: i64,
    account: &ProviderAccount,
    keep: &str,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<(), StoreError> {
    put_account(db, person, account, now).await?;
    people::end_sessions(db, person, Some(keep)).await?;
    people::write_entry(db, entry).await
}

async fn disconnect(
    db: &mut Connection,
    person: i64,
    account: &ProviderAccount,
    keep: &str,
    entry: &Entry,
) -> Result<(), StoreError> {
    let done = sqlx::query("DELETE FROM identities WHERE issuer = $1 AND subject = $2 AND person_id = $3")
        .bind(&account.issuer)
        .bind(&account.subject)
        .bind(person)
        .execute(&mut *db)
        .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    keep_a_way_in(db, person).await?;
    people::end_sessions(db, person, Some(keep)).await?;
    people::write_entry(db, entry).await
}

/// Removes every way in but the password: passkeys and accounts at providers.
pub(super) async fn remove_ways_in(db: &mut Connection, person: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM passkeys WHERE person_id = $1").bind(person).execute(&mut *db).await?;
    sqlx::query("DELETE FROM identities WHERE person_id = $1").bind(person).execute(db).await?;
    Ok(())
}

async fn reset_proofs(db: &mut Connection, person: i64, entry: &Entry) -> Result<(), StoreError> {
    remove_ways_in(db, person).await?;
    set_codes(db, person, None, None, entry).await
}

async fn begin_ceremony(db: &mut Connection, ceremony: Ceremony<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO ceremonies (id_hash, kind, sealed, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (id_hash) DO UPDATE SET kind = excluded.kind, sealed = excluded.sealed, expires_at = excluded.expires_at",
    )
    .bind(ceremony.id_hash)
    .bind(ceremony.kind)
    .bind(ceremony.sealed)
    .bind(At::of(ceremony.expires_at))
    .execute(db)
    .await?;
    Ok(())
}

async fn ceremony(
    db: &mut Connection,
    id_hash: &str,
    kind: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar("SELECT sealed FROM ceremonies WHERE id_hash = $1 AND kind = $2 AND expires_at > $3")
        .bind(id_hash)
        .bind(kind)
        .bind(At::of(now))
        .fetch_optional(db)
        .await?)
}

async fn take_ceremony(
    db: &mut Connection,
    id_hash: &str,
    kind: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, StoreError> {
    // Of two at once one finds nothing to take.
    Ok(sqlx::query_scalar(
        "DELETE FROM ceremonies WHERE id_hash = $1 AND kind = $2 AND expires_at > $3 RETURNING sealed",
    )
    .bind(id_hash)
    .bind(kind)
    .bind(At::of(now))
    .fetch_optional(db)
    .await?)
}

#[async_trait]
impl ProofStore for Backend {
    async fn set_codes(&self, person: i64, codes: Option<Codes<'_>>, keep: Option<&str>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| set_codes(&mut tx, person, codes, keep, entry))
    }

    async fn use_totp_step(&self, person: i64, step: u64) -> Result<bool, StoreError> {
        write!(self, |tx| use_totp_step(&mut tx, person, step))
    }

    async fn use_recovery_code(&self, person: i64, code_hash: &str, now: DateTime<Utc>, entry: &Entry) -> Result<bool, StoreError> {
        write!(self, |tx| use_recovery_code(&mut tx, person, code_hash, now, entry))
    }

    async fn recovery_codes_left(&self, person: i64) -> Result<u64, StoreError> {
        read!(self, |tx| { recovery_codes_left(&mut tx, person).await })
    }

    async fn passkeys(&self, person: i64) -> Result<Vec<Passkey>, StoreError> {
        read!(self, |tx| { passkeys(&mut tx, person).await })
    }

    async fn passkey(&self, id: &str) -> Result<Option<(Person, Passkey)>, StoreError> {
        read!(self, |tx| { passkey(&mut tx, id).await })
    }

    async fn add_passkey(&self, person: i64, passkey: &Passkey, keep: &str, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| add_passkey(&mut tx, person, passkey, keep, entry))
    }

    async fn use_passkey(&self, before: &Passkey, credential: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        write!(self, |tx| use_passkey(&mut tx, before, credential, now))
    }

    async fn remove_passkey(&self, person: i64, id: &str, keep: &str, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| remove_passkey(&mut tx, person, id, keep, entry))
    }

    async fn person_of(&self, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError> {
        read!(self, |tx| { person_of(&mut tx, issuer, subject).await })
    }

    async fn provider_accounts(&self, person: i64) -> Result<Vec<ProviderAccount>, StoreError> {
        read!(self, |tx| { provider_accounts(&mut tx, person).await })
    }

    async fn connect(&self, person: i64, account: &ProviderAccount, keep: &str, now: DateTime<Utc>, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| connect(&mut tx, person, account, keep, now, entry))
    }

    async fn disconnect(&self, person: i64, account: &ProviderAccount, keep: &str, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| disconnect(&mut tx, person, account, keep, entry))
    }

    async fn reset_proofs(&self, person: i64, entry: &Entry) -> Result<(), StoreError> {
        change!(self, |tx| reset_proofs(&mut tx, person, entry))
    }

    async fn begin_ceremony(&self, ceremony: Ceremony<'_>) -> Result<(), StoreError> {
        write!(self, |tx| begin_ceremony(&mut tx, ceremony))
    }

    async fn ceremony(&self, id_hash: &str, kind: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        read!(self, |tx| { ceremony(&mut tx, id_hash, kind, now).await })
    }

    async fn take_ceremony(&self, id_hash: &str, kind: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>, StoreError> {
        write!(self, |tx| take_ceremony(&mut tx, id_hash, kind, now))
    }
}

//! Owns people, their roles, and the invitations by which they come. Must not know how a password is made or checked.

use super::super::access::{Entry, Invitation, JoinedBy, Person, Proofs};
use super::super::rows::{At, corrupt, corrupt_by, unsigned};
use super::super::StoreError;
use super::{Connection, access_rows, history, proofs as proofs_of};
use crate::domain::access::{Reach, Role};
use crate::domain::history::EventType;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

#[derive(sqlx::FromRow)]
struct PersonRow {
    id: i64,
    email: String,
    name: String,
    password: Option<String>,
    totp: Option<Vec<u8>>,
    totp_step: i64,
    created_at: At,
    disabled_at: Option<At>,
}

impl PersonRow {
    fn proofs(self, roles: Vec<(Reach, Role)>) -> Result<Proofs, StoreError> {
        let person = Person {
            created_at: self.created_at.time()?,
            disabled_at: self.disabled_at.map(At::time).transpose()?,
            email: self.email,
            has_password: self.password.is_some(),
            has_totp: self.totp.is_some(),
            id: self.id,
            name: self.name,
            roles,
        };
        Ok(Proofs { person, password: self.password, totp: self.totp, totp_step: unsigned(self.totp_step)? })
    }
}

fn role((environment, role): (String, String)) -> Result<(Reach, Role), StoreError> {
    let role = Role::from_name(&role).ok_or_else(|| corrupt("a person's role"))?;
    Ok((Reach::from_text(&environment), role))
}

async fn roles_of(db: &mut Connection, person: i64) -> Result<Vec<(Reach, Role)>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT environment, role FROM roles WHERE person_id = $1 ORDER BY environment")
            .bind(person)
            .fetch_all(db)
            .await?;
    rows.into_iter().map(role).collect()
}

pub(super) async fn any(db: &mut Connection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM people)").fetch_one(db).await?)
}

pub(super) async fn all(db: &mut Connection) -> Result<Vec<Person>, StoreError> {
    let rows: Vec<PersonRow> = sqlx::query_as("SELECT * FROM people ORDER BY email").fetch_all(&mut *db).await?;
    let of_all: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT person_id, environment, role FROM roles ORDER BY person_id, environment")
            .fetch_all(db)
            .await?;
    let mut roles: BTreeMap<i64, Vec<(Reach, Role)>> = BTreeMap::new();
    for (person, environment, name) in of_all {
        roles.entry(person).or_default().push(role((environment, name))?);
    }
    rows.into_iter()
        .map(|row| {
            let own = roles.remove(&row.id).unwrap_or_default();
            Ok(row.proofs(own)?.person)
        })
        .collect()
}

pub(super) async fn proofs(db: &mut Connection, email: &str) -> Result<Option<Proofs>, StoreError> {
    let row: Option<PersonRow> =
        sqlx::query_as("SELECT * FROM people WHERE email = $1").bind(email).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(None) };
    let roles = roles_of(db, row.id).await?;
    row.proofs(roles).map(Some)
}

pub(super) async fn by_id(db: &mut Connection, id: i64) -> Result<Person, StoreError> {
    let row: Option<PersonRow> =
        sqlx::query_as("SELECT * FROM people WHERE id = $1").bind(id).fetch_optional(&mut *db).await?;
    let row = row.ok_or(StoreError::UnknownPerson)?;
    let roles = roles_of(db, id).await?;
    Ok(row.proofs(roles)?.person)
}

/// Somebody must be left who may do everything everywhere.
async fn keep_a_founder(db: &mut Connection) -> Result<(), StoreError> {
    let is_one_left: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM roles JOIN people ON people.id = person_id \
         WHERE role = 'founder' AND environment = '*' AND disabled_at IS NULL)",
    )
    .fetch_one(db)
    .await?;
    if is_one_left { Ok(()) } else { Err(StoreError::LastFounder) }
}

async fn put_role(db: &mut Connection, person: i64, reach: &Reach, role: Role) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO roles (person_id, environment, role) VALUES ($1, $2, $3) \
         ON CONFLICT (person_id, environment) DO UPDATE SET role = excluded.role",
    )
    .bind(person)
    .bind(reach.text())
    .bind(role.name())
    .execute(db)
    .await?;
    Ok(())
}

/// Adds the event of a change. One of who may act carries a digest of what it leaves, under a number that counts such changes, so that
/// neither the tables nor the number of changes can be put back unnoticed.
pub(super) async fn write_entry(db: &mut Connection, entry: &Entry) -> Result<(), StoreError> {
    let mut event = entry.event.clone();
    if event.event_type == EventType::AccessChanged {
        // A second change waits here, or begins again: each counts those before it.
        count_change(db).await?;
        forget_invitations(db, event.at - forgotten_after()).await?;
        let changes = access_changes(db).await? + 1;
        event.digest = access_rows::digest_and_list(db, changes).await?;
    }
    history::append_one(db, &entry.environment, &event).await.map(|_| ())
}

/// Tells every server that somebody's rights, or a session of theirs, have changed: what they know of credentials is looked up again.
pub(super) async fn count_change(db: &mut Connection) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('access_changes', 1) \
         ON CONFLICT (name) DO UPDATE SET value = meta.value + 1",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How long an invitation stays after its end.
fn forgotten_after() -> chrono::Duration {
    chrono::Duration::days(30)
}

/// Only with a change that is recorded: they are part of what its digest covers.
async fn forget_invitations(db: &mut Connection, before: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM invitations WHERE expires_at < $1 AND email <> ''")
        .bind(At::of(before))
        .execute(db)
        .await?;
    Ok(())
}

/// How many changes of who may act carry a digest, in all histories together.
async fn access_changes(db: &mut Connection) -> Result<u64, StoreError> {
    let changes: i64 = sqlx::query_scalar(
        "SELECT CAST(coalesce(sum((SELECT count(*) FROM history WHERE environment_id = environments.id \
         AND type = 'access_changed' AND digest IS NOT NULL)), 0) AS bigint) FROM environments",
    )
    .fetch_one(db)
    .await?;
    unsigned(changes)
}

/// Links to choose a password end with whatever makes somebody more: whoever holds one could not have made it for who they are now.
async fn end_links(db: &mut Connection, email: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM invitations WHERE email = $1 AND used_at IS NULL").bind(email).execute(db).await?;
    Ok(())
}

/// The same, but a link that reaches further stays: somebody of that reach has made it, and who sets a role here may not end it.
async fn end_links_within(db: &mut Connection, email: &str, reach: &Reach) -> Result<(), StoreError> {
    if *reach == Reach::All {
        return end_links(db, email).await;
    }
    let links: Vec<InvitationRow> = sqlx::query_as(
        "SELECT token_hash, email, roles, created_by, created_at, expires_at FROM invitations \
         WHERE email = $1 AND used_at IS NULL",
    )
    .bind(email)
    .fetch_all(&mut *db)
    .await?;
    for link in links {
        let link = link.invitation()?;
        if link.roles.iter().all(|(of, _)| of == reach) {
            sqlx::query("DELETE FROM invitations WHERE token_hash = $1").bind(link.token_hash).execute(&mut *db).await?;
        }
    }
    Ok(())
}

pub(super) async fn add(
    db: &mut Connection,
    (email, name): (&str, &str),
    password: Option<&str>,
    roles: &[(Reach, Role)],
    now: DateTime<Utc>,
) -> Result<Person, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO people (email, name, password, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (email) DO NOTHING RETURNING id",
    )
    .bind(email)
    .bind(name)
    .bind(password)
    .bind(At::of(now))
    .fetch_optional(&mut *db)
    .await?;
    let id = id.ok_or_else(|| StoreError::PersonExists(email.to_owned()))?;
    end_links(db, email).await?;
    // The link to be the first founder is for nobody once somebody exists, however they came.
    end_links(db, "").await?;
    for (reach, role) in roles {
        put_role(db, id, reach, *role).await?;
    }
    by_id(db, id).await
}

pub(super) async fn invite(db: &mut Connection, invitation: &Invitation) -> Result<(), StoreError> {
    let roles = serde_json::to_string(&invitation.roles).map_err(|error| corrupt_by("an invitation's roles", error))?;
    end_links(db, &invitation.email).await?;
    sqlx::query(
        "INSERT INTO invitations (token_hash, email, roles, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&invitation.token_hash)
    .bind(&invitation.email)
    .bind(roles)
    .bind(&invitation.created_by)
    .bind(At::of(invitation.created_at))
    .bind(At::of(invitation.expires_at))
    .execute(db)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    token_hash: String,
    email: String,
    roles: String,
    created_by: String,
    created_at: At,
    expires_at: At,
}

impl InvitationRow {
    fn invitation(self) -> Result<Invitation, StoreError> {
        Ok(Invitation {
            created_at: self.created_at.time()?,
            created_by: self.created_by,
            email: self.email,
            expires_at: self.expires_at.time()?,
            roles: serde_json::from_str(&self.roles)
                .map_err(|error| corrupt_by("an invitation's roles", error))?,
            token_hash: self.token_hash,
        })
    }
}

pub(super) async fn invitation(
    db: &mut Connection,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Invitation>, StoreError> {
    let row: Option<InvitationRow> = sqlx::query_as(
        "SELECT token_hash, email, roles, created_by, created_at, expires_at FROM invitations \
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
    )
    .bind(token_hash)
    .bind(At::of(now))
    .fetch_optional(db)
    .await?;
    row.map(InvitationRow::invitation).transpose()
}

pub(super) async fn invitations(db: &mut Connection, now: DateTime<Utc>) -> Result<Vec<Invitation>, StoreError> {
    let rows: Vec<InvitationRow> = sqlx::query_as(
        "SELECT token_hash, email, roles, created_by, created_at, expires_at FROM invitations \
         WHERE used_at IS NULL AND expires_at > $1 ORDER BY created_at DESC, token_hash",
    )
    .bind(At::of(now))
    .fetch_all(db)
    .await?;
    rows.into_iter().map(InvitationRow::invitation).collect()
}

pub(super) async fn join(
    db: &mut Connection,
    token_hash: &str,
    (email, name): (&str, &str),
    by: JoinedBy<'_>,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Person, StoreError> {
    let found = invitation(db, token_hash, now).await?.ok_or(StoreError::NoInvitation)?;
    // The link that the start printed is for the first person: it ends with them, whoever they are and however they came.
    if found.email.is_empty() && any(db).await? {
        return Err(StoreError::NoInvitation);
    }
    // Taken in the statement itself: of two at once one finds nothing to take.
    let taken = sqlx::query("UPDATE invitations SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL")
        .bind(At::of(now))
        .bind(token_hash)
        .execute(&mut *db)
        .await?;
    if taken.rows_affected() != 1 {
        return Err(StoreError::NoInvitation);
    }
    let email = if found.email.is_empty() { email } else { &found.email };
    let person = match proofs(db, email).await? {
        None => add(db, (email, name), None, &found.roles, now).await?,
        // A provider account from the link's owner must not bypass somebody's own proofs.
        Some(_) if matches!(by, JoinedBy::Provider(_)) => return Err(StoreError::PersonExists(email.to_owned())),
        Some(known) => {
            for (reach, role) in &found.roles {
                put_role(db, known.person.id, reach, *role).await?;
            }
            // The account begins again: a passkey or provider account that somebody else has added opens nothing. Codes stay, since
            // they open nothing by themselves.
            proofs_of::remove_ways_in(db, known.person.id).await?;
            known.person
        }
    };
    match by {
        JoinedBy::Password(password) => put_password(db, person.id, password, None).await?,
        JoinedBy::Provider(account) => proofs_of::put_account(db, person.id, account, now).await?,
    }
    let person = by_id(db, person.id).await?;
    write_entry(db, entry).await?;
    Ok(person)
}

async fn put_password(
    db: &mut Connection,
    person: i64,
    password: &str,
    keep: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET password = $1 WHERE id = $2").bind(password).bind(person).execute(&mut *db).await?;
    end_sessions(db, person, keep).await
}

/// Ends a person's sessions except one, which must still be there: what somebody changes by a session that was ended meanwhile is not
/// changed.
pub(super) async fn end_sessions(db: &mut Connection, person: i64, keep: Option<&str>) -> Result<(), StoreError> {
    if let Some(keep) = keep {
        let own = sqlx::query("SELECT 1 FROM sessions WHERE person_id = $1 AND token_hash = $2")
            .bind(person)
            .bind(keep)
            .fetch_optional(&mut *db)
            .await?;
        own.ok_or(StoreError::SessionEnded)?;
    }
    sqlx::query("DELETE FROM sessions WHERE person_id = $1 AND token_hash <> $2")
        .bind(person)
        .bind(keep.unwrap_or_default())
        .execute(&mut *db)
        .await?;
    count_change(db).await
}

pub(super) async fn set_password(
    db: &mut Connection,
    person: i64,
    password: &str,
    keep: Option<&str>,
    entry: &Entry,
) -> Result<(), StoreError> {
    put_password(db, person, password, keep).await?;
    write_entry(db, entry).await
}

pub(super) async fn set_role(
    db: &mut Connection,
    person: i64,
    reach: &Reach,
    role: Option<Role>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let known = by_id(db, person).await?;
    end_links_within(db, &known.email, reach).await?;
    match role {
        Some(role) => put_role(db, person, reach, role).await?,
        None => {
            sqlx::query("DELETE FROM roles WHERE person_id = $1 AND environment = $2")
                .bind(person)
                .bind(reach.text())
                .execute(&mut *db)
                .await?;
        }
    }
    keep_a_founder(db).await?;
    write_entry(db, entry).await
}

pub(super) async fn set_disabled(
    db: &mut Connection,
    person: i64,
    disabled_at: Option<DateTime<Utc>>,
    entry: &Entry,
) -> Result<(), StoreError> {
    by_id(db, person).await?;
    sqlx::query("UPDATE people SET disabled_at = $1 WHERE id = $2")
        .bind(disabled_at.map(At::of))
        .bind(person)
        .execute(&mut *db)
        .await?;
    if disabled_at.is_some() {
        end_sessions(db, person, None).await?;
    }
    keep_a_founder(db).await?;
    write_entry(db, entry).await
}

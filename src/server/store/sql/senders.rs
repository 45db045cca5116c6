//! Owns which sources there are, whose each is, and which have gone. Must not know what a source sends.

use super::super::rows::At;
use super::super::StoreError;
use super::{Connection, environments, history, seals};
use crate::domain::access::Reach;
use crate::domain::history::NewEvent;
use crate::domain::sender::{Sender, Speaker};

/// A source as one sender meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub id: i64,
    /// Whether this sender may change what the source has said.
    pub may_revise: bool,
}

/// The source of that name, made if there is room for one more, and back if it was retired.
pub(super) async fn source(
    db: &mut Connection,
    environment: i64,
    name: &str,
    sender: &Sender,
) -> Result<Source, StoreError> {
    if !sender.speaks_for(name) {
        return Err(StoreError::NotForSource(name.to_owned()));
    }
    let found: Option<(i64, Option<i64>, Option<At>)> =
        sqlx::query_as("SELECT id, token_id, retired_at FROM sources WHERE environment_id = $1 AND name = $2")
            .bind(environment)
            .bind(name)
            .fetch_optional(&mut *db)
            .await?;
    let Some((id, owner, retired_at)) = found else {
        return made(db, environment, name, sender).await;
    };
    if retired_at.is_some() {
        // Only its owner brings a source back: the source counts as the owner's.
        let is_anothers = |token| owner.is_some_and(|owner| owner != token && owner != NO_TOKEN);
        if let Speaker::Token { id: token, .. } = &sender.speaker
            && is_anothers(*token)
            && !sender.is_bound_to(name)
        {
            return Err(StoreError::SourceOfAnother(name.to_owned()));
        }
        room(db, environment, name, sender).await?;
        sqlx::query("UPDATE sources SET retired_at = NULL WHERE id = $1").bind(id).execute(&mut *db).await?;
        seals::reseal_source(db, id).await?;
    }
    let may_revise = match &sender.speaker {
        Speaker::Asked | Speaker::Person => true,
        Speaker::Token { .. } if sender.is_bound_to(name) => true,
        // A bound source is sent by its tokens alone.
        Speaker::Token { .. } if is_bound(db, environment, name).await? => {
            return Err(StoreError::NotForSource(name.to_owned()));
        }
        // A source that the server polls, or that Stripe sends to, is no token's, even if a token named it first.
        Speaker::Token { .. } if is_asked(db, id).await? => false,
        Speaker::Token { id: token, .. } => match owner {
            Some(owner) => owner == *token,
            None => claim(db, id, *token).await?,
        },
    };
    Ok(Source { id, may_revise })
}

/// Gives a source without an owner to the first token that sends as it.
async fn claim(db: &mut Connection, source: i64, token: i64) -> Result<bool, StoreError> {
    sqlx::query("UPDATE sources SET token_id = $1 WHERE id = $2").bind(token).bind(source).execute(&mut *db).await?;
    seals::reseal_source(db, source).await?;
    Ok(true)
}

/// The owner of a source that the server has polled: no token has this number, so that none inherits the source.
const NO_TOKEN: i64 = 0;

/// Whether a source belongs to a token.
pub(super) async fn has_owner(db: &mut Connection, source: i64) -> Result<bool, StoreError> {
    let owner: Option<i64> =
        sqlx::query_scalar("SELECT token_id FROM sources WHERE id = $1").bind(source).fetch_one(db).await?;
    Ok(owner.is_some_and(|owner| owner != NO_TOKEN))
}

/// Keeps a source that the server no longer polls from being claimed by a token.
pub(super) async fn disown(db: &mut Connection, environment: i64, name: &str) -> Result<(), StoreError> {
    let id: Option<i64> =
        sqlx::query_scalar("UPDATE sources SET token_id = $1 WHERE environment_id = $2 AND name = $3 RETURNING id")
            .bind(NO_TOKEN)
            .bind(environment)
            .bind(name)
            .fetch_optional(&mut *db)
            .await?;
    match id {
        Some(id) => seals::reseal_source(db, id).await,
        None => Ok(()),
    }
}

async fn made(db: &mut Connection, environment: i64, name: &str, sender: &Sender) -> Result<Source, StoreError> {
    room(db, environment, name, sender).await?;
    let token = match &sender.speaker {
        // A token that is bound to a source owns it, and no other may name it.
        Speaker::Token { .. } if !sender.is_bound_to(name) && is_bound(db, environment, name).await? => {
            return Err(StoreError::NotForSource(name.to_owned()));
        }
        Speaker::Token { id, .. } => Some(*id),
        Speaker::Asked | Speaker::Person => None,
    };
    let id = sqlx::query_scalar("INSERT INTO sources (environment_id, name, token_id) VALUES ($1, $2, $3) RETURNING id")
        .bind(environment)
        .bind(name)
        .bind(token)
        .fetch_one(&mut *db)
        .await?;
    seals::reseal_source(db, id).await?;
    Ok(Source { id, may_revise: true })
}

/// Whether the server polls it, or Stripe itself sends to it: a list of a token's own keeps its owner.
async fn is_asked(db: &mut Connection, source: i64) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM pulls WHERE source_id = $1) \
         OR EXISTS (SELECT 1 FROM subscription_lists JOIN sources ON sources.id = source_id \
                    WHERE source_id = $1 AND coalesce(token_id, $2) = $2)",
    )
    .bind(source)
    .bind(NO_TOKEN)
    .fetch_one(db)
    .await?)
}

/// Whether a founder has bound a token of this environment to a source of this name, and not revoked it.
async fn is_bound(db: &mut Connection, environment: i64, name: &str) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM token_sources JOIN tokens ON tokens.id = token_id \
         WHERE token_sources.name = $1 AND revoked_at IS NULL \
         AND (tokens.environment = $2 OR tokens.environment = (SELECT name FROM environments WHERE id = $3))",
    )
    .bind(name)
    .bind(Reach::All.text())
    .bind(environment)
    .fetch_one(db)
    .await?;
    Ok(count > 0)
}

/// Whether one more source may be named. Sources that the server polls do not count: a founder chose them. One token does not take all the
/// room, unless a founder has bound it to the source.
async fn room(db: &mut Connection, environment: i64, name: &str, sender: &Sender) -> Result<(), StoreError> {
    if sender.speaker == Speaker::Asked {
        return Ok(());
    }
    let token = match &sender.speaker {
        Speaker::Token { id, .. } => Some(*id),
        Speaker::Asked | Speaker::Person => None,
    };
    let (all, own): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE token_id = $2) FROM sources WHERE environment_id = $1 \
         AND retired_at IS NULL AND NOT EXISTS (SELECT 1 FROM pulls WHERE source_id = sources.id)",
    )
    .bind(environment)
    .bind(token)
    .fetch_one(&mut *db)
    .await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    if count(all) >= sender.most_sources {
        return Err(StoreError::TooManySources { most: sender.most_sources, name: name.to_owned() });
    }
    let is_of_its_own = token.is_some() && !sender.is_bound_to(name);
    if is_of_its_own && count(own) >= sender.most_of_token(count(all - own)) {
        return Err(StoreError::TooManySourcesOfToken { name: name.to_owned(), own: count(own) });
    }
    Ok(())
}

/// The id of a source that is expected to send.
pub(super) async fn expected(db: &mut Connection, environment: i64, name: &str) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT id FROM sources WHERE environment_id = $1 AND name = $2 AND retired_at IS NULL")
        .bind(environment)
        .bind(name)
        .fetch_optional(db)
        .await?
        .ok_or_else(|| StoreError::UnknownSource(name.to_owned()))
}

/// Retires a source, with its event: it is no longer expected, until it sends again. What it has said stays.
pub(super) async fn retire(db: &mut Connection, environment: &str, name: &str, event: &NewEvent) -> Result<(), StoreError> {
    let found = environments::find(db, environment).await?;
    let known: Option<(i64, Option<At>)> =
        sqlx::query_as("SELECT id, retired_at FROM sources WHERE environment_id = $1 AND name = $2")
            .bind(found.id)
            .bind(name)
            .fetch_optional(&mut *db)
            .await?;
    let (id, retired_at) = known.ok_or_else(|| StoreError::UnknownSource(name.to_owned()))?;
    if retired_at.is_some() {
        return Ok(());
    }
    sqlx::query("UPDATE sources SET retired_at = $1 WHERE id = $2")
        .bind(At::of(event.at))
        .bind(id)
        .execute(&mut *db)
        .await?;
    seals::reseal_source(db, id).await?;
    history::append_new(db, found.id, found.head, [event.clone()]).await?;
    Ok(())
}

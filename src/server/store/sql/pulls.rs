//! Owns how asking a source went: the newest attempt, the newest success, and what went wrong.

use super::super::moving::Value;
use super::super::rows::At;
use super::super::{PullFailure, PullState, StoreError};
use super::{Connection, environments, seals, senders};
use crate::domain::sender::Sender;

type PullColumns =
    (String, At, Option<At>, Option<At>, Option<String>, Option<String>, Option<String>, Option<String>);

/// How asking each source of an environment went, by name.
pub(super) async fn of_environment(
    db: &mut Connection,
    environment: i64,
) -> Result<Vec<(String, PullState)>, StoreError> {
    let rows: Vec<PullColumns> = sqlx::query_as(
        "SELECT name, attempted_at, succeeded_at, asked_through, code, problem, cure, notice \
         FROM sources JOIN pulls ON source_id = sources.id WHERE environment_id = $1 ORDER BY name",
    )
    .bind(environment)
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|(name, attempted_at, succeeded_at, asked_through, code, problem, cure, notice)| {
            let failure =
                code.zip(problem).zip(cure).map(|((code, problem), cure)| PullFailure { code, cure, problem });
            let state = PullState {
                asked_through: asked_through.map(At::time).transpose()?,
                attempted_at: attempted_at.time()?,
                failure,
                notice,
                succeeded_at: succeeded_at.map(At::time).transpose()?,
            };
            Ok((name, state))
        })
        .collect()
}

/// Notes how asking a source went; what was reached before stays where an attempt failed.
pub(super) async fn note(
    db: &mut Connection,
    environment: &str,
    source: &str,
    state: &PullState,
) -> Result<(), StoreError> {
    let found = environments::find(db, environment).await?;
    let source = senders::source(db, found.id, source, &Sender::asked()).await?.id;
    let failure = state.failure.as_ref();
    sqlx::query(
        "INSERT INTO pulls (source_id, attempted_at, succeeded_at, asked_through, code, problem, cure, notice) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source_id) DO UPDATE SET \
         attempted_at = excluded.attempted_at, succeeded_at = coalesce(excluded.succeeded_at, pulls.succeeded_at), \
         asked_through = coalesce(excluded.asked_through, pulls.asked_through), \
         code = excluded.code, problem = excluded.problem, cure = excluded.cure, notice = excluded.notice",
    )
    .bind(source)
    .bind(At::of(state.attempted_at))
    .bind(state.succeeded_at.map(At::of))
    .bind(state.asked_through.map(At::of))
    .bind(failure.map(|failure| &failure.code))
    .bind(failure.map(|failure| &failure.problem))
    .bind(failure.map(|failure| &failure.cure))
    .bind(&state.notice)
    .execute(&mut *db)
    .await?;
    seals::reseal(db, "pulls", &[Value::Whole(source)]).await
}

//! Owns proposals. Only their status ever changes.

use super::super::StoreError;
use super::super::rows::{At, corrupt, mode};
use super::{Connection, Db};
use crate::domain::decision::Recommendation;
use crate::domain::proposal::{Proposal, ProposalStatus};
use sqlx::QueryBuilder;

#[derive(sqlx::FromRow)]
struct ProposalRow {
    id: String,
    opened_at: At,
    expires_at: At,
    recommendation: String,
    target_mode: Option<String>,
    snapshot_id: String,
    status: String,
}

impl ProposalRow {
    fn proposal(self) -> Result<Proposal, StoreError> {
        Ok(Proposal {
            expires_at: self.expires_at.time()?,
            id: self.id,
            opened_at: self.opened_at.time()?,
            recommendation: Recommendation::from_name(&self.recommendation)
                .ok_or_else(|| corrupt("a recommendation"))?,
            snapshot_id: self.snapshot_id,
            status: ProposalStatus::from_name(&self.status).ok_or_else(|| corrupt("a proposal's status"))?,
            target_mode: mode(self.target_mode)?,
        })
    }
}

const COLUMNS: &str =
    "SELECT id, opened_at, expires_at, recommendation, target_mode, snapshot_id, status FROM proposals ";

pub(super) async fn one(db: &mut Connection, environment: i64, id: &str) -> Result<Option<Proposal>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(COLUMNS);
    query.push("WHERE id = ").push_bind(id).push(" AND environment_id = ").push_bind(environment);
    let row: Option<ProposalRow> = query.build_query_as().fetch_optional(db).await?;
    row.map(ProposalRow::proposal).transpose()
}

pub(super) async fn page(
    db: &mut Connection,
    environment: i64,
    status: Option<ProposalStatus>,
    limit: u32,
) -> Result<Vec<Proposal>, StoreError> {
    let mut query = QueryBuilder::<Db>::new(COLUMNS);
    query.push("WHERE environment_id = ").push_bind(environment);
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status.name());
    }
    query.push(" ORDER BY opened_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<ProposalRow> = query.build_query_as().fetch_all(db).await?;
    rows.into_iter().map(ProposalRow::proposal).collect()
}

/// The id of the open proposal.
pub(super) async fn open_id(db: &mut Connection, environment: i64) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM proposals WHERE environment_id = $1 AND status = 'open'")
        .bind(environment)
        .fetch_optional(db)
        .await?)
}

pub(super) async fn set_status(db: &mut Connection, id: &str, status: ProposalStatus) -> Result<(), StoreError> {
    sqlx::query("UPDATE proposals SET status = $1 WHERE id = $2").bind(status.name()).bind(id).execute(db).await?;
    Ok(())
}

pub(super) async fn open(db: &mut Connection, environment: i64, proposal: &Proposal) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO proposals (id, environment_id, opened_at, expires_at, recommendation, target_mode, snapshot_id, status) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&proposal.id)
    .bind(environment)
    .bind(At::of(proposal.opened_at))
    .bind(At::of(proposal.expires_at))
    .bind(proposal.recommendation.name())
    .bind(proposal.target_mode.map(crate::domain::mode::Mode::name))
    .bind(&proposal.snapshot_id)
    .bind(proposal.status.name())
    .execute(db)
    .await?;
    Ok(())
}

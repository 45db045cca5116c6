//! Reads what the founder's page shows, all of it from one state of the store.

use super::super::{FounderPage, FounderPageQuery, ListedSnapshot, Newest, StoreError, TrendReading};
use super::{Connection, environments, history, points, proposals, snapshots, streams};
use crate::domain::proposal::ProposalStatus;
use chrono::{DateTime, Utc};

pub(super) async fn newest(
    db: &mut Connection,
    environment: &str,
    now: DateTime<Utc>,
) -> Result<Newest, StoreError> {
    let found = environments::find(db, environment).await?;
    Ok(Newest {
        config: environments::config_in_force(db, &found).await?,
        proposal: proposals::page(db, found.id, Some(ProposalStatus::Open), 1).await?.pop(),
        snapshot: snapshots::newest(db, &found, now).await?,
    })
}

pub(super) async fn founder_page(
    db: &mut Connection,
    environment: &str,
    query: &FounderPageQuery,
) -> Result<FounderPage, StoreError> {
    let found = environments::find(db, environment).await?;
    let config = environments::config_in_force(db, &found).await?;
    let ids = snapshots::newest_ids(db, &found, query.snapshots, query.trend.now).await?;
    let mut snapshots = Vec::with_capacity(ids.len());
    let mut newest = None;
    for (index, id) in ids.into_iter().enumerate() {
        if index > 0 && query.known.contains(&id) {
            snapshots.push(ListedSnapshot::Known(id));
            continue;
        }
        let snapshot = snapshots::one(db, &id).await?;
        newest = newest.or(Some(snapshot.body.as_of));
        snapshots.push(ListedSnapshot::Read(Box::new(snapshot)));
    }
    let span = query.trend.span(config.kind, newest);
    let is_drawn = query.drawn.as_ref().is_some_and(|drawn| *drawn == (found.head.seq, span.to));
    let trend = if is_drawn {
        None
    } else {
        let days = match span.days() {
            Some(days) => points::trend(db, found.id, &days).await?,
            None => Vec::new(),
        };
        Some(TrendReading {
            days,
            events: history::page(db, &found, &span.changes(), TrendReading::MOST_EVENTS).await?,
            points: points::trend(db, found.id, &span.points()).await?,
        })
    };
    Ok(FounderPage {
        environments: environments::all(db).await?,
        events: history::page(db, &found, &query.events, query.event_rows).await?,
        head: found.head.seq,
        proposal: proposals::page(db, found.id, Some(ProposalStatus::Open), 1).await?.pop(),
        snapshots,
        sources: streams::sources(db, found.id).await?,
        span,
        trend,
        config,
    })
}

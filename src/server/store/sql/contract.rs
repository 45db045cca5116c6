//! Owns which module does the work of each of the store's methods, and in which kind of transaction: the contract of every
//! backend. Must not know a dialect.

use super::super::{
    AddedSource, Changed, EnvironmentSummary, EventFilter, FounderPage, FounderPageQuery, IdempotencyKey, Lead, Newest, PullState, Recording, SourceEdit,
    SourceSummary, Store, StoreError, StoredSample, TrendQuery, rows,
};
use super::{
    Backend, added, alerts, counters, environments, founder_page, history, idempotency, ingest, points, proposals, pulls, recorded,
    recording, senders, snapshots, streams, subscriptions,
};
use crate::domain::act::Act;
use crate::domain::alert::{Alert, AlertCounts, KnownAlert};
use crate::domain::backtest::Recorded;
use crate::domain::history::{Actor, Event, Head, NewEvent};
use crate::domain::policy::Config;
use crate::domain::proposal::{Proposal, ProposalStatus};
use crate::domain::recent::Tick;
use crate::domain::sender::Sender;
use crate::domain::signal::Series;
use crate::domain::snapshot::{Origin, Snapshot};
use crate::domain::stream::{Span, Stream};
use crate::domain::subscription::{Clients, Taken, Told};
use crate::domain::telemetry::{AcceptedBatch, Receipt};
use crate::domain::trend::TrendPoint;
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use std::path::Path;
use tokio::sync::{mpsc, watch};

/// How long is waited for what is read: longer than for a connection, so that a database that is away is known to be.
pub(super) const READ: std::time::Duration = std::time::Duration::from_secs(6);
/// How long is waited for a write, with all its new beginnings.
pub(super) const WRITE: std::time::Duration = std::time::Duration::from_secs(12);
/// The same for deleting what is old, which nobody waits for.
const CLEANING: std::time::Duration = std::time::Duration::from_secs(60);

/// Reads one state of the store, in time.
macro_rules! read {
    ($store:ident, |$tx:ident| $work:block) => {
        super::in_time(READ, async {
            let mut $tx = $store.reading().await?;
            $work
        })
        .await
    };
}

/// Does a write in a transaction of its own, from its beginning again where another write has come between.
macro_rules! write {
    ($store:ident, |$tx:ident| $work:expr) => {
        write!($store, WRITE, |$tx| $work)
    };
    ($store:ident, $limit:ident, |$tx:ident| $work:expr) => {
        write!($store, $limit, commit, |$tx| $work)
    };
    ($store:ident, $limit:ident, $commit:ident, |$tx:ident| $work:expr) => {
        super::in_time($limit, async {
            let mut tries = super::Tries::default();
            loop {
                let mut $tx = $store.writing().await?;
                let done = match $work.await {
                    Ok(done) => $store.$commit($tx).await.map(|()| done),
                    Err(error) => Err(error),
                };
                match done {
                    Err(error) if tries.again(&error).await => {}
                    done => break done,
                }
            }
        })
        .await
    };
}
/// The same for a write that can take a right away, or end a session.
macro_rules! change {
    ($store:ident, |$tx:ident| $work:expr) => {
        write!($store, WRITE, commit_access, |$tx| $work)
    };
}
pub(super) use {change, read, write};

#[async_trait]
impl Store for Backend {
    async fn create_environment(&self, config: &Config, actor: Actor<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        write!(self, |tx| environments::create(&mut tx, config, actor, now))
    }

    async fn environments(&self) -> Result<Vec<EnvironmentSummary>, StoreError> {
        read!(self, |tx| { environments::all(&mut tx).await })
    }

    async fn config(&self, environment: &str) -> Result<Config, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            environments::config_in_force(&mut tx, &found).await
        })
    }

    async fn config_at(&self, environment: &str, version: u64) -> Result<Option<Config>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            environments::config_at(&mut tx, found.id, version).await
        })
    }

    async fn act(
        &self,
        environment: &str,
        act: &Act,
        actor: Actor<'_>,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Changed, StoreError> {
        write!(self, |tx| environments::act(&mut tx, environment, act, actor, now, key))
    }

    async fn append(&self, environment: &str, event: NewEvent) -> Result<Event, StoreError> {
        write!(self, |tx| history::append_one(&mut tx, environment, &event))
    }

    async fn ingest(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Receipt, StoreError> {
        self.make_room_for(batch).await?;
        write!(self, |tx| ingest::ingest(&mut tx, environment, batch, now, key))
    }

    async fn revise(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        event: NewEvent,
        now: DateTime<Utc>,
    ) -> Result<Receipt, StoreError> {
        self.make_room_for(batch).await?;
        write!(self, |tx| ingest::revise(&mut tx, environment, batch, &event, now))
    }

    async fn ingest_once(
        &self,
        environment: &str,
        batch: &AcceptedBatch,
        now: DateTime<Utc>,
        once: &IdempotencyKey,
    ) -> Result<Receipt, StoreError> {
        self.make_room_for(batch).await?;
        write!(self, |tx| ingest::ingest_once(&mut tx, environment, batch, now, once))
    }

    async fn take_alerts(
        &self,
        environment: &str,
        source: &str,
        sender: &Sender,
        alerts: &[Alert],
        repeated_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<AlertCounts, StoreError> {
        write!(self, |tx| alerts::take(&mut tx, environment, (source, sender), alerts, repeated_within, now))
    }

    async fn open_alerts(
        &self,
        environment: &str,
        sources: &[String],
        repeated_within: Duration,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, KnownAlert)>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            alerts::open(&mut tx, found.id, sources, repeated_within, now).await
        })
    }

    async fn close_alert(
        &self,
        environment: &str,
        source: &str,
        fingerprint: &str,
        repeated_within: Duration,
        event: NewEvent,
    ) -> Result<AlertCounts, StoreError> {
        write!(self, |tx| alerts::close(&mut tx, environment, (source, fingerprint), repeated_within, &event))
    }

    async fn subscribers(&self, environment: &str, sources: &[String]) -> Result<Vec<String>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            subscriptions::told_by(&mut tx, found.id, sources).await
        })
    }

    async fn end_client(
        &self,
        environment: &str,
        source: &str,
        client: &str,
        event: NewEvent,
    ) -> Result<Option<Clients>, StoreError> {
        write!(self, |tx| subscriptions::end_client(&mut tx, environment, (source, client), &event))
    }

    async fn take_subscriptions(
        &self,
        environment: &str,
        source: &str,
        sender: &Sender,
        told: &Told,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        write!(self, |tx| subscriptions::take(&mut tx, environment, (source, sender), told, now))
    }

    async fn streams(&self, environment: &str, span: Span) -> Result<Vec<Stream>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            streams::within(&mut tx, found.id, span, None).await
        })
    }

    async fn streams_of(&self, environment: &str, span: Span, sources: &[String]) -> Result<Vec<Stream>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            streams::within(&mut tx, found.id, span, Some(sources)).await
        })
    }

    async fn sources(&self, environment: &str) -> Result<Vec<SourceSummary>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            streams::sources(&mut tx, found.id).await
        })
    }

    async fn retire_source(&self, environment: &str, name: &str, event: NewEvent) -> Result<(), StoreError> {
        write!(self, |tx| senders::retire(&mut tx, environment, name, &event))
    }

    async fn extent(&self, environment: &str) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            streams::extent(&mut tx, found.id).await
        })
    }

    async fn samples(
        &self,
        environment: &str,
        series: Series,
        span: Span,
        limit: u32,
    ) -> Result<Vec<StoredSample>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            streams::samples(&mut tx, found.id, series, span, limit).await
        })
    }

    async fn prune_samples(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.prune_samples_before(before).await
    }

    async fn record(
        &self,
        environment: &str,
        recordings: &[Recording<'_>],
        key: Option<&IdempotencyKey>,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let bodies = rows::compress(recordings.iter().map(|recording| recording.bytes))?;
        write!(self, |tx| recording::record(&mut tx, environment, recordings, &bodies, key))
    }

    async fn pull_states(&self, environment: &str) -> Result<Vec<(String, PullState)>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            pulls::of_environment(&mut tx, found.id).await
        })
    }

    async fn note_pull(&self, environment: &str, source: &str, state: &PullState) -> Result<(), StoreError> {
        write!(self, |tx| pulls::note(&mut tx, environment, source, state))
    }

    async fn added_sources(&self, environment: Option<&str>) -> Result<Vec<AddedSource>, StoreError> {
        read!(self, |tx| { added::all(&mut tx, environment).await })
    }

    async fn source_changed_under(
        &self,
        environment: &str,
        key: &IdempotencyKey,
    ) -> Result<Option<String>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            added::under(&mut tx, found.id, key).await
        })
    }

    async fn change_source(
        &self,
        environment: &str,
        edit: &SourceEdit,
        event: NewEvent,
        key: Option<&IdempotencyKey>,
    ) -> Result<(), StoreError> {
        write!(self, |tx| added::change(&mut tx, environment, edit, &event, key))
    }

    async fn prune_counters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        write!(self, CLEANING, |tx| counters::prune(&mut tx, before))
    }

    async fn prune_keys(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        write!(self, CLEANING, |tx| idempotency::prune(&mut tx, before))
    }

    async fn recorded_under(&self, environment: &str, key: &IdempotencyKey) -> Result<Option<Snapshot>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            recording::under(&mut tx, found.id, key)
                .await
                .map(|snapshots| snapshots.and_then(|snapshots| snapshots.into_iter().next()))
        })
    }

    async fn ticks(
        &self,
        environment: &str,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Result<Vec<Tick>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            snapshots::ticks(&mut tx, &found, from, before).await
        })
    }

    async fn recorded_ticks(
        &self,
        environment: &str,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        pages: mpsc::Sender<Vec<Recorded>>,
    ) -> Result<(), StoreError> {
        let mut tx = self.reading().await?;
        let found = environments::find(&mut tx, environment).await?;
        recorded::ticks(&mut tx, &found, from, to, &pages).await
    }

    async fn trend(&self, environment: &str, query: &TrendQuery) -> Result<Vec<TrendPoint>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            points::trend(&mut tx, found.id, query).await
        })
    }

    async fn has_tick(&self, environment: &str, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            Ok(snapshots::standing_tick(&mut tx, &found, at, now).await?.is_some())
        })
    }

    async fn latest_daily(&self, environment: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            snapshots::latest_daily(&mut tx, &found, now).await
        })
    }

    async fn newest(&self, environment: &str, now: DateTime<Utc>) -> Result<Newest, StoreError> {
        read!(self, |tx| { founder_page::newest(&mut tx, environment, now).await })
    }

    async fn founder_page(&self, environment: &str, query: &FounderPageQuery) -> Result<FounderPage, StoreError> {
        read!(self, |tx| { founder_page::founder_page(&mut tx, environment, query).await })
    }

    async fn latest_snapshot(&self, environment: &str, now: DateTime<Utc>) -> Result<Option<Snapshot>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            snapshots::newest(&mut tx, &found, now).await
        })
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, StoreError> {
        read!(self, |tx| { snapshots::one(&mut tx, id).await })
    }

    async fn snapshots(
        &self,
        environment: &str,
        limit: u32,
        before: Option<(DateTime<Utc>, String)>,
        origin: Option<Origin>,
    ) -> Result<Vec<Snapshot>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            snapshots::page(&mut tx, found.id, limit, before, origin).await
        })
    }

    async fn open_proposal(&self, environment: &str) -> Result<Option<Proposal>, StoreError> {
        Ok(self.proposals(environment, Some(ProposalStatus::Open), 1).await?.pop())
    }

    async fn proposals(
        &self,
        environment: &str,
        status: Option<ProposalStatus>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            proposals::page(&mut tx, found.id, status, limit).await
        })
    }

    async fn events(&self, environment: &str, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            history::page(&mut tx, &found, filter, limit).await
        })
    }

    async fn events_after(&self, environment: &str, seq: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        read!(self, |tx| {
            let found = environments::find(&mut tx, environment).await?;
            history::after(&mut tx, &found, seq, limit).await
        })
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        read!(self, |tx| { environments::heads(&mut tx).await })
    }

    async fn lead(&self, holder: &str, how_long: Duration) -> Result<Lead, StoreError> {
        self.take_lead(holder, how_long).await
    }

    async fn resign(&self, holder: &str) -> Result<(), StoreError> {
        self.give_lead(holder).await
    }

    async fn backup(&self, file: &Path) -> Result<(), StoreError> {
        self.backup_to(file).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check_ready().await
    }

    fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    async fn notice_outside_commits(&self) -> Result<(), StoreError> {
        self.look_outside().await
    }

    fn outside_mark(&self) -> u64 {
        self.mark()
    }

    async fn close(&self) {
        self.end().await;
    }
}

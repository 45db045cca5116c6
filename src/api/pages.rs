//! Owns the functions that pages are made from. Must not draw anything.

use crate::domain::history::Event;
use crate::domain::policy::{Config, EnvironmentKind};
use crate::domain::snapshot::Snapshot;
use crate::domain::trend::Chart;
use crate::error::WireError;
use crate::views::overview::{Notice, PageData, SampleLine};
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The founder's page with what a form has just done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FounderPage {
    pub data: PageData,
    pub notice: Option<Notice>,
}

/// What a what-if starts from: the configuration in force and the newest snapshot, where there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIfStart {
    pub config: Config,
    pub snapshot: Option<Snapshot>,
}

/// Raw samples behind a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SamplePage {
    /// The samples as a chart; nothing where there are too few, or where each is a distribution.
    pub chart: Option<Chart>,
    pub environment: String,
    /// For how many days raw samples are kept.
    pub kept_days: u32,
    pub kind: EnvironmentKind,
    /// Newest first, at most 500.
    pub samples: Vec<SampleLine>,
}

/// All that the founder's page shows, read from one state of the store.
#[server(name = ReadFounderPage, prefix = "/api", endpoint = "scaling-mode/page", input = GetUrl, output = Json)]
pub async fn founder_page(
    #[server(default)] environment: Option<String>,
    #[server(default)] before: Option<String>,
    #[server(default)] event_type: Option<String>,
    #[server(default)] actor: Option<String>,
    #[server(default)] from: Option<String>,
    #[server(default)] to: Option<String>,
    #[server(default)] range: Option<String>,
    #[server(default)] notice: Option<String>,
) -> Result<FounderPage, WireError> {
    use crate::server::http::{context, notices, timeline::Asked, views};
    let asked = Asked { actor, before, event_type, from, to };
    let data = context::with_status(views::page(environment, asked, range).await)?;
    Ok(FounderPage { notice: notices::notice(notice.as_deref(), &data.config), data })
}

/// One event, with its place among its neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    pub event: Event,
    pub kind: EnvironmentKind,
    /// The event after it, where there is one.
    pub next: Option<u64>,
}

/// One event of an environment, by its number.
#[server(name = ReadEvent, prefix = "/api", endpoint = "scaling-mode/event", input = GetUrl, output = Json)]
pub async fn event_page(
    #[server(default)] environment: Option<String>,
    #[server(default)] seq: String,
) -> Result<EventView, WireError> {
    use crate::server::http::{context, timeline};
    context::with_status(timeline::event(environment, &seq).await)
}

/// One snapshot.
#[server(name = ReadSnapshot, prefix = "/api", endpoint = "scaling-mode/snapshot", input = GetUrl, output = Json)]
pub async fn snapshot_page(#[server(default)] id: String) -> Result<Snapshot, WireError> {
    use crate::server::http::context;
    context::with_status(context::snapshot(&id).await)
}

/// What the worked rules are worked under.
#[server(name = ReadRules, prefix = "/api", endpoint = "scaling-mode/rules", input = GetUrl, output = Json)]
pub async fn rules_page(#[server(default)] environment: Option<String>) -> Result<Config, WireError> {
    use crate::server::http::context;
    context::with_status(context::config(environment).await)
}

/// Two snapshots of one environment, the earlier one first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotPair {
    pub after: Snapshot,
    pub before: Snapshot,
}

/// Two snapshots to compare; the newest of the environment where the second is left out.
#[server(name = ReadSnapshotPair, prefix = "/api", endpoint = "scaling-mode/compare", input = GetUrl, output = Json)]
pub async fn compare_page(
    #[server(default)] from: String,
    #[server(default)] to: Option<String>,
) -> Result<SnapshotPair, WireError> {
    use crate::server::http::{context, views};
    context::with_status(views::pair(&from, to).await)
}

/// The samples behind a number.
#[server(prefix = "/api", endpoint = "scaling-mode/samples", input = GetUrl, output = Json)]
pub async fn sample_lines(
    #[server(default)] environment: Option<String>,
    #[server(default)] signal: String,
    #[server(default)] severity: Option<String>,
    #[server(default)] from: String,
    #[server(default)] to: String,
) -> Result<SamplePage, WireError> {
    use crate::server::http::{context, views};
    context::with_status(views::samples(environment, signal, severity, from, to).await)
}

/// What a what-if starts from.
#[server(name = ReadWhatIf, prefix = "/api", endpoint = "scaling-mode/what-if", input = GetUrl, output = Json)]
pub async fn what_if_start(#[server(default)] environment: Option<String>) -> Result<WhatIfStart, WireError> {
    use crate::server::http::{context, views};
    context::with_status(views::what_if(environment).await)
}

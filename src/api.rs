//! Owns every server function: one a path and method, each a few lines that call the store and the domain.
//! The same functions are the JSON endpoints for scripts. Must name `crate::server` only inside bodies.

mod access;
mod account;
mod backtest;
mod connections;
mod encoding;
mod forms;
mod pages;
mod settings;
mod styleguide;

pub use access::*;
pub use account::*;
pub use backtest::*;
pub use connections::*;
pub use encoding::{PostBody, PutBody};
pub use forms::*;
pub use pages::*;
pub use settings::*;
pub use styleguide::*;

use crate::domain::change::ConfigChange;
use crate::domain::history::Event;
use crate::domain::snapshot::Snapshot;
use crate::domain::telemetry::{Batch, Receipt};
use crate::error::WireError;
use crate::views::overview::{ConfigView, Overview};
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of `POST /api/scaling-mode/health`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest {
    /// `production` when left out.
    #[serde(default)]
    pub environment: Option<String>,
}

/// A page of snapshots, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotPage {
    /// What to pass as `before` for the next page; absent at the end.
    pub next: Option<String>,
    pub snapshots: Vec<Snapshot>,
}

/// What `GET health` answers with, by `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HealthAnswer {
    Latest(Box<Snapshot>),
    List(SnapshotPage),
    Overview(Box<Overview>),
}

/// A page of history, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    pub events: Vec<Event>,
    /// What to pass as `before` for the next page; absent at the end.
    pub next: Option<u64>,
}

/// The configuration in force.
#[server(prefix = "/api", endpoint = "scaling-mode/config", input = GetUrl, output = Json)]
pub async fn read_config(#[server(default)] environment: Option<String>) -> Result<ConfigView, WireError> {
    use crate::server::http::context;
    context::config(environment).await.map(|config| ConfigView::from(&config))
}

/// The founder's acts: mode, auto-mode, freeze, proposals, configuration.
#[server(prefix = "/api", endpoint = "scaling-mode/config", input = PutBody, output = Json)]
pub async fn change_config(body: ConfigChange) -> Result<ConfigView, WireError> {
    use crate::server::acts::configuration;
    use crate::server::http::context::{ActRequest, idempotency};
    let key = idempotency(&body).await?;
    let changed = configuration::change(&ActRequest::here()?.context(), body, key.as_ref()).await?;
    Ok(ConfigView::from(&changed.config))
}

/// The newest answer: overview, newest snapshot, or a page of snapshots.
#[server(prefix = "/api", endpoint = "scaling-mode/health", input = GetUrl, output = Json)]
pub async fn read_health(
    #[server(default)] environment: Option<String>,
    #[server(default)]
    #[server(rename = "type")]
    view: Option<String>,
    #[server(default)] limit: Option<String>,
    #[server(default)] before: Option<String>,
) -> Result<HealthAnswer, WireError> {
    use crate::server::http::views;
    views::health(environment, view, limit, before).await
}

/// Evaluates now, stores the snapshot and returns it.
#[server(prefix = "/api", endpoint = "scaling-mode/health", input = PostBody, output = Json)]
pub async fn evaluate_now(body: EvaluateRequest) -> Result<Snapshot, WireError> {
    use crate::server::acts::evaluation;
    use crate::server::http::context::{ActRequest, idempotency};
    let (key, request) = (idempotency(&body).await?, ActRequest::here()?);
    Ok(evaluation::evaluate(&request.context(), body.environment.as_deref(), key.as_ref()).await?)
}

/// Events, newest first.
#[server(prefix = "/api", endpoint = "scaling-mode/history", input = GetUrl, output = Json)]
pub async fn read_history(
    #[server(default)] environment: Option<String>,
    #[server(default)] event_type: Option<String>,
    #[server(default)] actor: Option<String>,
    #[server(default)] from: Option<String>,
    #[server(default)] to: Option<String>,
    #[server(default)] limit: Option<String>,
    #[server(default)] before: Option<String>,
) -> Result<HistoryPage, WireError> {
    use crate::server::http::timeline::{self, Asked};
    timeline::history(environment, Asked { actor, before, event_type, from, to }, limit).await
}

/// Telemetry in: every row of a batch that can be taken is stored, and every other is named.
#[server(prefix = "/api", endpoint = "telemetry", input = PostBody, output = Json)]
pub async fn send_telemetry(body: Batch) -> Result<Receipt, WireError> {
    use crate::server::acts::telemetry::{Once, take};
    use crate::server::http::context::{ActRequest, idempotency};
    let key = idempotency(&body).await?;
    Ok(take(&ActRequest::here()?.context(), &body, Once::Key(key.as_ref())).await?)
}

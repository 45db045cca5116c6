//! Owns the functions of the page of connections.

use crate::api::PostBody;
use crate::domain::connection::Connections;
use crate::domain::source::{SourceChange, SourceView};
use crate::error::WireError;
use crate::views::source_form::SourceForm;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json, PostUrl};
use std::collections::BTreeMap;

/// A page of an environment's sources, each with what it covers and what is wrong with it.
#[server(name = ReadConnections, prefix = "/api", endpoint = "scaling-mode/connections", input = GetUrl, output = Json)]
pub async fn connections_page(
    #[server(default)] environment: Option<String>,
    #[server(default)] after: Option<String>,
    #[server(default)] limit: Option<String>,
) -> Result<Connections, WireError> {
    use crate::server::http::{connections, context};
    context::with_status(connections::connections(environment, after, limit).await)
}

/// Asks a source immediately.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/ask-source", input = PostUrl, output = Json)]
pub async fn ask_source_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
) -> Result<(), WireError> {
    use crate::server::http::{connections, context, notices};
    let asked = connections::ask_now(environment.clone(), &source).await;
    notices::lead_to(&notices::connections_address(&context::name(environment)), asked)
}

/// Adds a source that is asked, adds signals to it, or removes it.
#[server(prefix = "/api", endpoint = "scaling-mode/sources", input = PostBody, output = Json)]
pub async fn change_source(body: SourceChange) -> Result<SourceView, WireError> {
    use crate::server::http::{context, sources};
    let key = context::idempotency(&body).await?;
    sources::change(body, key).await
}

/// What the form of sources is filled with, after it was led back to with what was entered.
#[server(name = ReadSourceForm, prefix = "/api", endpoint = "scaling-mode/source-form", input = GetUrl, output = Json)]
pub async fn source_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] notice: Option<String>,
    #[server(default)] to: Option<String>,
    #[server(flatten)] entered: BTreeMap<String, String>,
) -> Result<SourceForm, WireError> {
    use crate::server::http::{context, sources};
    context::with_status(sources::form(environment, notice, to, &entered).await)
}

/// Adds a source with its first signal.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/add-source", input = PostUrl, output = Json)]
pub async fn add_source_form(
    #[server(default)] environment: Option<String>,
    #[server(flatten)] fields: BTreeMap<String, String>,
) -> Result<(), WireError> {
    use crate::server::http::sources;
    sources::add_by_form(environment, &fields).await
}

/// Adds a signal to a source that was added.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/add-signal", input = PostUrl, output = Json)]
pub async fn add_signal_form(
    #[server(default)] environment: Option<String>,
    #[server(flatten)] fields: BTreeMap<String, String>,
) -> Result<(), WireError> {
    use crate::server::http::sources;
    sources::add_signal_by_form(environment, &fields).await
}

/// Removes a source that was added.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/remove-source", input = PostUrl, output = Json)]
pub async fn remove_source_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::source::SourceAction;
    use crate::server::http::sources;
    sources::end_by_form(SourceChange { reason, ..SourceChange::of(SourceAction::Remove, environment, &source) }).await
}

/// Retires a source that has gone.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/retire-source", input = PostUrl, output = Json)]
pub async fn retire_source_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::source::SourceAction;
    use crate::server::http::sources;
    sources::end_by_form(SourceChange { reason, ..SourceChange::of(SourceAction::Retire, environment, &source) }).await
}

/// Closes an alert that nobody resolves.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/close-alert", input = PostUrl, output = Json)]
pub async fn close_alert_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
    #[server(default)] alert: Option<String>,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::source::SourceAction;
    use crate::server::http::sources;
    let change = SourceChange::of(SourceAction::CloseAlert, environment, &source);
    sources::end_by_form(SourceChange { alert, reason, ..change }).await
}

/// Ends a client that Stripe no longer has.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/end-client", input = PostUrl, output = Json)]
pub async fn end_client_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
    #[server(default)] client: Option<String>,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::source::SourceAction;
    use crate::server::http::sources;
    let change = SourceChange::of(SourceAction::EndClient, environment, &source);
    sources::end_by_form(SourceChange { client, reason, ..change }).await
}

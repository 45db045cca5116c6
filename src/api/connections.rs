//! Owns the functions of the page of connections.

use crate::domain::connection::Connections;
use crate::error::WireError;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json, PostUrl};

/// Every source of an environment, with what it covers and what is wrong with it.
#[server(name = ReadConnections, prefix = "/api", endpoint = "scaling-mode/connections", input = GetUrl, output = Json)]
pub async fn connections_page(#[server(default)] environment: Option<String>) -> Result<Connections, WireError> {
    use crate::server::http::{connections, context};
    context::with_status(connections::connections(environment).await)
}

/// Asks a source at once.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/ask-source", input = PostUrl, output = Json)]
pub async fn ask_source_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] source: String,
) -> Result<(), WireError> {
    use crate::server::http::{connections, context, notices};
    let asked = connections::ask_now(environment.clone(), &source).await;
    notices::lead_to(&notices::connections_address(&context::name(environment)), asked)
}

//! Owns the functions of the page of settings: what it is made from, and where its form posts to. Must not hold a rule.

use crate::error::WireError;
use crate::views::settings::SettingsData;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json, PostUrl};
use std::collections::BTreeMap;

/// All that the page of settings shows.
#[server(name = ReadSettingsPage, prefix = "/api", endpoint = "scaling-mode/settings", input = GetUrl, output = Json)]
pub async fn settings_page(
    #[server(default)] environment: Option<String>,
    #[server(default)] version: Option<String>,
    #[server(default)] restore: Option<String>,
    #[server(default)] time_zone: Option<String>,
    #[server(default)] notice: Option<String>,
) -> Result<SettingsData, WireError> {
    use crate::server::http::{context, settings};
    context::with_status(settings::page(environment, version, restore, time_zone, notice).await)
}

/// Saves the fields of the policy that are sent by name, if the configuration is still at the version that was read.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/update", input = PostUrl, output = Json)]
pub async fn update_form(
    #[server(default)] environment: Option<String>,
    version: u64,
    #[server(default)] reason: Option<String>,
    #[server(flatten)] fields: BTreeMap<String, String>,
) -> Result<(), WireError> {
    use crate::server::http::settings;
    settings::save(environment, version, reason, fields).await
}

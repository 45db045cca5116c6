//! Owns the functions of the backtest: the endpoint and what its page is made from. Must not judge anything.

use super::PostBody;
use crate::domain::backtest::{BacktestReport, BacktestRequest};
use crate::domain::policy::{Config, FieldError};
use crate::error::WireError;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that the page of the backtest shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestView {
    /// In force now.
    pub config: Config,
    /// What keeps the proposal from being tested, by field.
    pub errors: Vec<FieldError>,
    /// Where something was asked for and could be tested.
    pub report: Option<BacktestReport>,
    /// The text of each field of the form, by its dotted path.
    pub texts: BTreeMap<String, String>,
}

/// What a proposed policy would have answered on the stored inputs. It writes nothing.
#[server(prefix = "/api", endpoint = "scaling-mode/backtest", input = PostBody, output = Json)]
pub async fn backtest(body: BacktestRequest) -> Result<BacktestReport, WireError> {
    use crate::server::http::backtests;
    backtests::run(body).await
}

/// The page of the backtest: `fields` holds the proposed fields of the policy by their dotted paths, and `from` and `to`.
#[server(name = ReadBacktestPage, prefix = "/api", endpoint = "scaling-mode/page/backtest", input = GetUrl, output = Json)]
pub async fn backtest_page(
    #[server(default)] environment: Option<String>,
    #[server(default)] fields: BTreeMap<String, String>,
) -> Result<BacktestView, WireError> {
    use crate::server::http::{backtests, context};
    context::with_status(backtests::page(environment, fields).await)
}

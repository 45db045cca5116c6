//! Owns the function of the styleguide. Must not draw anything.

use crate::domain::trend::{Chart, OverTime};
use crate::error::WireError;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Example charts: nothing in them was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StyleguideCharts {
    pub calendar: Vec<Chart>,
    pub over_time: OverTime,
}

/// The charts of the styleguide; 404 unless the server was started with it.
#[server(name = ReadStyleguide, prefix = "/api", endpoint = "scaling-mode/styleguide", input = GetUrl, output = Json)]
pub async fn styleguide_charts() -> Result<StyleguideCharts, WireError> {
    use crate::server::{http::context, styleguide};
    context::with_status(context::state().and_then(|state| styleguide::charts(&state)))
}

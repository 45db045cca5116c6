//! Owns the two probes: alive, and ready (the store is writable, migrations are applied, the scheduler is alive).

use super::AppState;
use crate::server::{clock, observability};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

/// Answers as long as the process does.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// What is ready and what is not.
#[derive(Debug, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub scheduler_alive: bool,
    /// Environments whose last tick failed.
    pub scheduler_failing: Vec<String>,
    pub store_writable: bool,
}

/// 200 when everything that serving needs is there, else 503.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let store_writable = match state.store.ready().await {
        Ok(()) => true,
        Err(error) => {
            observability::log_error("the store is not ready", &error);
            false
        }
    };
    let scheduler_alive = state.scheduler.is_alive(clock::now());
    let status = state.scheduler.status();
    let readiness = Readiness {
        ready: store_writable && scheduler_alive,
        scheduler_alive,
        scheduler_failing: status.failing.into_iter().map(|(environment, _)| environment).collect(),
        store_writable,
    };
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(readiness))
}

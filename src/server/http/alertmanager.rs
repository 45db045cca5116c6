//! Owns the door that the webhooks of Alertmanager and Grafana send alerts through. Must not know what an alert means; what is acknowledged
//! is stored.

use super::receive;
use super::{AppState, identity, problem};
use crate::domain::access::Permission;
use crate::domain::alert::{self, AlertCounts, NotificationError};
use crate::domain::signal::{Severity, Signal};
use crate::error::{Code, WireError};
use crate::server::acts::DEFAULT_ENVIRONMENT;
use crate::server::clock;
use crate::server::live::Message;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// The source of alerts where none is named.
const DEFAULT_SOURCE: &str = "alertmanager";

/// The query of a notification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    environment: Option<String>,
    source: Option<String>,
}

/// `POST /api/alertmanager`: Alertmanager's webhook, version 4, or Grafana's, version 1.
pub async fn receive(
    State(state): State<AppState>,
    sender: Result<Query<Sender>, QueryRejection>,
    request: Request,
) -> Response {
    let Ok(Query(sender)) = sender else {
        return problem::response(&WireError::new(
            Code::Malformed,
            "The parameters here are environment and source, each once.",
        ));
    };
    match take(&state, sender, request).await {
        Ok(counts) => axum::Json(counts).into_response(),
        Err(error) => problem::response(&error),
    }
}

async fn take(state: &AppState, sender: Sender, request: Request) -> Result<AlertCounts, WireError> {
    let environment = sender.environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
    let identity = identity::of(&request)?;
    identity::allow(&identity, Permission::SendTelemetry, &environment)?;
    let speaks = identity.sender(state.settings.most_sources);
    let source = receive::source(sender.source, DEFAULT_SOURCE)?;
    let whole = receive::body(request, None).await.map_err(|refusal| refusal.error)?;
    let alerts = alert::read(&whole.bytes).map_err(refused)?;
    let counts = state
        .store
        .take_alerts(&environment, &source, &speaks, &alerts, state.settings.alert_repeats, clock::now())
        .await
        .map_err(problem::of_store)?;
    state.metrics.count_samples(Severity::ALL.len() as u64);
    state.feed.tell(&environment, &Message::Telemetry { signals: vec![Signal::WarningsOpen] });
    Ok(counts)
}

/// What a sender is told whose notification cannot be taken.
pub(super) fn refused(error: NotificationError) -> WireError {
    match error {
        NotificationError::Unreadable(sentence) => WireError::new(Code::Malformed, sentence),
        NotificationError::Wrong(errors) => {
            let first = errors.first().map_or_else(String::new, |error| format!("{} {}. ", error.field, error.detail));
            WireError::new(Code::Rejected, format!("{first}Nothing of the notification was stored."))
                .with_errors(errors)
        }
    }
}

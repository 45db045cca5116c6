//! Owns the functions that plain HTML forms post to. Each does what its JSON twin does and leads the browser back to the
//! page with a notice. Must not hold a rule of its own.

use crate::domain::mode::Mode;
use crate::error::WireError;
use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};

/// Evaluates now.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/evaluate", input = PostUrl, output = Json)]
pub async fn evaluate_form(#[server(default)] environment: Option<String>) -> Result<(), WireError> {
    use crate::server::http::notices;
    notices::evaluate_and_lead_back(environment).await
}

/// Sets the mode, if it is still the one that the founder saw.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/set-mode", input = PostUrl, output = Json)]
pub async fn set_mode_form(
    #[server(default)] environment: Option<String>,
    mode: Mode,
    old_mode: Mode,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::SetMode, environment);
    (change.mode, change.old_mode) = (Some(mode), Some(old_mode));
    change.reason = reason.filter(|reason| !reason.trim().is_empty());
    notices::change_and_lead_back(change, "mode-set").await
}

/// Freezes the environment.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/freeze", input = PostUrl, output = Json)]
pub async fn freeze_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] reason: String,
) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::Freeze, environment);
    change.reason = Some(reason);
    notices::change_and_lead_back(change, "frozen").await
}

/// Unfreezes the environment.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/unfreeze", input = PostUrl, output = Json)]
pub async fn unfreeze_form(
    #[server(default)] environment: Option<String>,
    #[server(default)] reason: String,
) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::Unfreeze, environment);
    change.reason = Some(reason);
    notices::change_and_lead_back(change, "unfrozen").await
}

/// Switches auto-mode on or off.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/auto-mode", input = PostUrl, output = Json)]
pub async fn auto_mode_form(#[server(default)] environment: Option<String>, enabled: bool) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::SetAutoMode, environment);
    change.enabled = Some(enabled);
    notices::change_and_lead_back(change, if enabled { "auto-mode-on" } else { "auto-mode-off" }).await
}

/// Accepts a proposal, if the recommendation is still the same.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/accept-proposal", input = PostUrl, output = Json)]
pub async fn accept_proposal_form(
    #[server(default)] environment: Option<String>,
    proposal_id: String,
) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::AcceptProposal, environment);
    change.proposal_id = Some(proposal_id);
    notices::change_and_lead_back(change, "proposal-accepted").await
}

/// Dismisses a proposal.
#[server(prefix = "/api", endpoint = "scaling-mode/forms/dismiss-proposal", input = PostUrl, output = Json)]
pub async fn dismiss_proposal_form(
    #[server(default)] environment: Option<String>,
    proposal_id: String,
    #[server(default)] reason: Option<String>,
) -> Result<(), WireError> {
    use crate::domain::change::{Action, ConfigChange};
    use crate::server::http::notices;
    let mut change = ConfigChange::of(Action::DismissProposal, environment);
    change.proposal_id = Some(proposal_id);
    change.reason = reason.filter(|reason| !reason.trim().is_empty());
    notices::change_and_lead_back(change, "proposal-dismissed").await
}

//! Ends what a sender doesn't end itself: a source that no longer sends, an alert that is never resolved, a client that Stripe no longer
//! has. Repeating an act changes nothing.

use super::sources::{checked_reason, mistake};
use super::{Context, Refusal};
use crate::domain::alert::AlertCounts;
use crate::domain::history::EventType;
use crate::domain::signal::Signal;
use crate::domain::source::{SourceChange, wrong};
use crate::domain::subscription::Clients;
use crate::error::{Code, WireError};
use crate::server::puller;

/// Retires a source: evaluations no longer expect it, and it counts against no limit, until it sends again. Its data stays.
pub(super) async fn retire(context: &Context<'_>, body: &SourceChange, environment: &str) -> Result<(), Refusal> {
    let name = body.name.as_str();
    let why = checked_reason(body, false)?.map(|why| format!(": {why}")).unwrap_or_default();
    let polled = puller::known(context.settings, context.store, Some(environment)).await?;
    if polled.iter().any(|known| known.name == name) {
        // The next poll would bring it back.
        let sentence = format!(
            "The server asks the source \"{name}\": remove it first, on the connections page or from the settings file."
        );
        return Err(WireError::new(Code::SourceExists, sentence).at("name").into());
    }
    let reason = format!("source {name} was retired and is no longer expected; its numbers stay{why}");
    Ok(context.store.retire_source(environment, name, context.event(EventType::Note, reason)).await?)
}

/// Closes an open alert. It opens again if its sender repeats it.
pub(super) async fn close_alert(
    context: &Context<'_>,
    body: &SourceChange,
    environment: &str,
) -> Result<AlertCounts, Refusal> {
    let fingerprint = named("alert", body.alert.as_deref(), body)?;
    let reason = checked_reason(body, true)?.unwrap_or_default();
    let (source, within) = (body.name.as_str(), context.settings.alert_repeats);
    let open = context.store.open_alerts(environment, &[source.to_owned()], within, context.now).await?;
    let name = match open.into_iter().find(|(_, alert)| alert.fingerprint == fingerprint) {
        Some((_, alert)) if !alert.name.is_empty() => format!("{} ({fingerprint})", alert.name),
        _ => fingerprint.to_owned(),
    };
    let event = context.event(EventType::Note, format!("alert {name} of {source} was closed: {reason}"));
    let counts = context.store.close_alert(environment, source, fingerprint, within, event).await?;
    context.observer.telemetry_changed(environment, vec![Signal::WarningsOpen]);
    Ok(counts)
}

/// Ends a client, by the id of its customer or of a subscription. It counts again if Stripe sends an event for it later.
pub(super) async fn end_client(
    context: &Context<'_>,
    body: &SourceChange,
    environment: &str,
) -> Result<Option<Clients>, Refusal> {
    let client = named("client", body.client.as_deref(), body)?;
    let reason = checked_reason(body, true)?.unwrap_or_default();
    let source = body.name.as_str();
    let event = context.event(EventType::Note, format!("client {client} of {source} was ended: {reason}"));
    let left = context.store.end_client(environment, source, client, event).await?;
    context.observer.telemetry_changed(environment, vec![Signal::ClientsActive, Signal::ClientsAtRisk]);
    Ok(left)
}

/// A required field without surrounding spaces.
fn named<'b>(field: &str, text: Option<&'b str>, body: &SourceChange) -> Result<&'b str, Refusal> {
    let named = text.map(str::trim).filter(|named| !named.is_empty());
    named.ok_or_else(|| mistake(wrong(field, format!("{field} is required by {}", body.action.name()))).into())
}

//! Owns closing what its sender will not: an alert that nobody resolves, a client that Stripe no longer has. The page, scripts and the command
//! line all come here. Must not know who asks.

use super::clock;
use super::config::Settings;
use super::store::{Store, StoreError};
use crate::domain::access::is_hidden;
use crate::domain::act::MAX_REASON;
use crate::domain::alert::AlertCounts;
use crate::domain::history::{Actor, EventType, NewEvent};
use crate::domain::subscription::Clients;

/// Why nothing was closed.
#[derive(Debug, thiserror::Error)]
pub enum ClosingError {
    /// What is wrong with the reason, as a sentence's end.
    #[error("the reason {0}")]
    Reason(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason as the history keeps it.
fn checked(reason: Option<&str>) -> Result<&str, ClosingError> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or(ClosingError::Reason("is required: say why, for those who read the history"))?;
    if reason.chars().count() > MAX_REASON {
        return Err(ClosingError::Reason("is longer than 500 characters"));
    }
    if reason.chars().any(is_hidden) {
        return Err(ClosingError::Reason("must not hold characters that cannot be seen"));
    }
    Ok(reason)
}

fn note(text: String, actor: Actor<'_>) -> NewEvent {
    let mut event = NewEvent::new(EventType::Note, actor, clock::now());
    event.reason = Some(text);
    event
}

/// Closes an open alert of a source. It is open again if its sender repeats it.
///
/// # Errors
/// If the reason is missing or cannot be kept, if the source has no such open alert, or if the store is unavailable.
pub async fn close_alert(
    settings: &Settings,
    store: &dyn Store,
    (environment, source, fingerprint): (&str, &str, &str),
    actor: Actor<'_>,
    reason: Option<&str>,
) -> Result<AlertCounts, ClosingError> {
    let reason = checked(reason)?;
    let open = store.open_alerts(environment, &[source.to_owned()], settings.alert_repeats, clock::now()).await?;
    let known = open.into_iter().find(|(_, alert)| alert.fingerprint == fingerprint);
    let name = match known {
        Some((_, alert)) if !alert.name.is_empty() => format!("{} ({fingerprint})", alert.name),
        _ => fingerprint.to_owned(),
    };
    let event = note(format!("alert {name} of {source} was closed: {reason}"), actor);
    Ok(store.close_alert(environment, source, fingerprint, settings.alert_repeats, event).await?)
}

/// Ends a client of a source, named by the id of its customer or of a subscription. It counts again if Stripe sends something about it later.
///
/// # Errors
/// If the reason is missing or cannot be kept, if the source counts no such client, or if the store is unavailable.
pub async fn end_client(
    store: &dyn Store,
    (environment, source, client): (&str, &str, &str),
    actor: Actor<'_>,
    reason: Option<&str>,
) -> Result<Option<Clients>, ClosingError> {
    let reason = checked(reason)?;
    let event = note(format!("client {client} of {source} was ended: {reason}"), actor);
    Ok(store.end_client(environment, source, client, event).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_there_and_can_be_read() {
        assert_eq!(checked(Some("  silenced for good ")).unwrap(), "silenced for good");
        let long = "x".repeat(MAX_REASON + 1);
        for wrong in [None, Some(""), Some("  "), Some(long.as_str()), Some("a\u{1b}[31m"), Some("a\u{202e}b")] {
            assert!(matches!(checked(wrong), Err(ClosingError::Reason(_))), "{wrong:?}");
        }
    }
}

//! The sources of an environment as forms and JSON change them: both become the same change. `server/acts/sources.rs` does it.

use super::context::{self, ActRequest};
use super::notices;
use crate::domain::access::Permission;
use crate::domain::policy::FieldError;
use crate::domain::source::{SourceAction, SourceChange, SourceView, kept};
use crate::error::{Code, WireError};
use crate::server::acts::sources::{self, judge, mistake};
use crate::server::store::IdempotencyKey;
use crate::views::overview::Notice;
use crate::views::source_form::SourceForm;
use leptos_router::location::Url;
use std::collections::BTreeMap;

/// Changes a source; how it stands then.
pub async fn change(body: SourceChange, key: Option<IdempotencyKey>) -> Result<SourceView, WireError> {
    Ok(sources::change(&ActRequest::here()?.context(), &body, key.as_ref()).await?.view)
}

/// Adds a source by a form, and leads the browser back.
pub async fn add_by_form(environment: Option<String>, fields: &BTreeMap<String, String>) -> Result<(), WireError> {
    by_form(SourceAction::Add, environment, fields).await
}

/// Adds a signal to a source by a form, and leads the browser back.
pub async fn add_signal_by_form(
    environment: Option<String>,
    fields: &BTreeMap<String, String>,
) -> Result<(), WireError> {
    by_form(SourceAction::AddSignal, environment, fields).await
}

async fn by_form(
    action: SourceAction,
    environment: Option<String>,
    fields: &BTreeMap<String, String>,
) -> Result<(), WireError> {
    let result = match SourceChange::of_form(action, environment.clone(), fields) {
        Ok(body) => change(body, None).await.map(|_| ()),
        Err(why) => Err(mistake(why)),
    };
    let name = context::name(environment);
    let address = match &result {
        Ok(()) if action == SourceAction::Add => address(&name, "source-added"),
        Ok(()) => address(&name, "signal-added"),
        Err(error) => {
            let is_named = matches!(
                error.code(),
                Some(Code::OutOfRange | Code::Malformed | Code::SecretNotBound | Code::SourceExists)
            );
            let to = fields.get("name").filter(|_| action == SourceAction::AddSignal);
            let to = to.map(|to| format!("&to={}", Url::escape(to))).unwrap_or_default();
            let entered: String =
                kept(fields).iter().map(|(name, text)| format!("&{name}={}", Url::escape(text))).collect();
            format!("{}{to}{entered}", address(&name, if is_named { "source-wrong" } else { error.code_name() }))
        }
    };
    notices::lead_to(&format!("{address}#notice"), result)
}

/// Removes or retires a source, closes one of its alerts, or ends one of its clients by a form, and leads the browser back.
pub async fn end_by_form(mut body: SourceChange) -> Result<(), WireError> {
    body.reason = body.reason.filter(|reason| !reason.trim().is_empty());
    let (action, environment) = (body.action, body.environment.clone());
    let result = change(body, None).await.map(|_| ());
    let notice = match &result {
        Ok(()) => match action {
            SourceAction::CloseAlert => "alert-closed",
            SourceAction::EndClient => "client-ended",
            SourceAction::Retire => "source-retired",
            SourceAction::Add | SourceAction::AddSignal | SourceAction::Remove => "source-removed",
        },
        Err(error) => error.code_name(),
    };
    let address = address(&context::name(environment), notice);
    notices::lead_to(&format!("{address}#notice"), result)
}

fn address(environment: &str, notice: &str) -> String {
    format!("{}&notice={notice}", notices::connections_address(environment))
}

/// What the form is filled with: what was entered, judged again.
pub async fn form(
    environment: Option<String>,
    notice: Option<String>,
    to: Option<String>,
    entered: &BTreeMap<String, String>,
) -> Result<SourceForm, WireError> {
    // Only who sees the environment is asked what is to be added to it.
    context::config(environment.clone()).await?;
    let entered = kept(entered);
    let mut form = SourceForm { notice: notice.as_deref().and_then(words), to, ..SourceForm::default() };
    if notice.as_deref() == Some("source-wrong") {
        context::allowed(Permission::AddSources, environment.clone()).await?;
        let action = if form.to.is_some() { SourceAction::AddSignal } else { SourceAction::Add };
        form.errors = errors(action, environment, &entered).await?;
    }
    form.entered = entered;
    Ok(form)
}

/// What is wrong with what was entered, each with its field and a sentence.
async fn errors(
    action: SourceAction,
    environment: Option<String>,
    entered: &BTreeMap<String, String>,
) -> Result<Vec<FieldError>, WireError> {
    let judged = match SourceChange::of_form(action, environment, entered) {
        Ok(body) => judge(&ActRequest::here()?.context(), &body).await.map_err(WireError::from),
        Err(why) => Err(mistake(why)),
    };
    Ok(judged.err().map(|error| FieldError::new(error.field.unwrap_or_default(), error.detail)).into_iter().collect())
}

/// The words of a notice on this page.
fn words(code: &str) -> Option<Notice> {
    let (is_error, text) = match code {
        "source-added" => (false, "The source was added, and is asked at once. The change stands in the history."),
        "signal-added" => {
            (false, "The signal was added, and its source is asked at once. The change stands in the history.")
        }
        "source-removed" => (false, "The source was removed and is no longer asked. Its numbers stay."),
        "source-retired" => (false, "The source was retired. Its numbers stay, and it is back when it sends again."),
        "alert-closed" => (false, "The alert was closed. It is open again if its sender repeats it."),
        "client-ended" => (false, "The client was ended. It counts again if Stripe sends it."),
        "source-wrong" => (true, "Nothing was added: something that was entered cannot be. It is named below."),
        code => return notices::of_problem(code, "Nothing was changed."),
    };
    Some(Notice { is_error, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_codes_say_anything() {
        assert_eq!(words("You have won a prize"), None);
        assert!(words("source-added").is_some_and(|notice| !notice.is_error));
        assert!(words("unknown-source").is_some_and(|notice| notice.is_error));
    }
}

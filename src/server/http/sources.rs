//! Owns what a founder does to the sources that are asked: adding one, adding signals to it, removing it; by JSON and by forms,
//! which become the same change. Must not hold rules: those of the settings file judge.

use super::context::{self, state};
use super::{AppState, notices, problem};
use crate::domain::access::{Permission, is_hidden};
use crate::domain::act::MAX_REASON;
use crate::domain::history::{EventType, NewEvent};
use crate::domain::policy::FieldError;
use crate::domain::signal::Signal;
use crate::domain::source::{SourceAction, SourceChange, SourceView, kept, wrong};
use crate::domain::telemetry::RowError;
use crate::error::{Code, WireError};
use crate::server::clock;
use crate::server::closing::{self, ClosingError};
use crate::server::config::{Added, Unbound};
use crate::server::live::Message;
use crate::server::retiring::{self, RetiringError};
use crate::server::store::{AddedSource, IdempotencyKey, SourceEdit};
use crate::views::overview::Notice;
use crate::views::source_form::SourceForm;
use leptos_router::location::Url;
use std::collections::BTreeMap;

/// A change that may be made, with what the history says of it.
struct Prepared {
    edit: SourceEdit,
    environment: String,
    reason: String,
    view: SourceView,
}

/// Changes the sources that are asked; what is asked anew is asked at once.
pub async fn change(body: SourceChange, key: Option<IdempotencyKey>) -> Result<SourceView, WireError> {
    let state = state()?;
    let environment = context::allowed(permission(body.action), body.environment.clone()).await?.environment;
    match body.action {
        SourceAction::Retire => return retire(&state, &body, environment).await,
        SourceAction::CloseAlert | SourceAction::EndClient => return close(&state, &body, environment).await,
        SourceAction::Add | SourceAction::AddSignal | SourceAction::Remove => {}
    }
    if let Some(key) = &key
        && let Some(left) = state.store.source_changed_under(&environment, key).await.map_err(problem::of_store)?
    {
        return Ok(view_of(&environment, &body.name, &left));
    }
    let Prepared { edit, environment, reason, view } = prepared(&state, &body, environment).await?;
    let mut event = NewEvent::new(EventType::Note, context::asker()?.actor(), clock::now());
    event.reason = Some(reason);
    state.store.change_source(&environment, &edit, event, key.as_ref()).await.map_err(problem::of_store)?;
    state.asking.look_again();
    Ok(view)
}

/// The permission for a change. Adding a source decides what the server asks and believes: only founders may.
const fn permission(action: SourceAction) -> Permission {
    match action {
        // What is retired, closed or ended can no longer hold growth back.
        SourceAction::Add
        | SourceAction::AddSignal
        | SourceAction::CloseAlert
        | SourceAction::EndClient
        | SourceAction::Retire => Permission::AddSources,
        SourceAction::Remove => Permission::OperateSources,
    }
}

/// Judges a change and says what it does.
async fn prepared(state: &AppState, body: &SourceChange, environment: String) -> Result<Prepared, WireError> {
    if let Some(field) = body.stray() {
        return Err(mistake(wrong(field, format!("{field} does not belong to {}", body.action.name()))));
    }
    let rows = state.store.added_sources(Some(&environment)).await.map_err(problem::of_store)?;
    let row = rows.into_iter().find(|row| row.name == body.name);
    let is_of_file =
        state.settings.sources.iter().any(|source| source.environment == environment && source.name == body.name);
    let name = body.name.clone();
    match body.action {
        SourceAction::Add => {
            let added = Added::of(&environment, body).map_err(mistake)?;
            let added = state.settings.bindings.hold(added).map_err(not_bound)?;
            if is_of_file {
                let detail = format!("The settings file names a source \"{name}\" here already: it is changed there.");
                return Err(WireError::new(Code::SourceExists, detail).at("name"));
            }
            if row.is_some() {
                let detail =
                    format!("A source \"{name}\" was added here already: add a signal to it, or remove it first.");
                return Err(WireError::new(Code::SourceExists, detail).at("name"));
            }
            let view = added.view();
            let of = if view.signals.is_empty() { String::new() } else { format!(", for {}", view.signals.join(", ")) };
            let (kind, every) = (added.kind(), added.pulled.every.num_seconds());
            let address = added.pulled.address();
            let with = added.token_variable().map(|name| format!(" with the token in ${name}")).unwrap_or_default();
            let reason = format!("source {name} was added: {kind}, asked every {every} s at {address}{with}{of}");
            let edit = SourceEdit { after: Some(added.definition()), before: None, name };
            Ok(Prepared { edit, environment, reason, view })
        }
        SourceAction::AddSignal => {
            let row = found(row, &name, is_of_file)?;
            let kept = Added::read(&row.definition).map_err(|problem| unaskable(&name, &problem))?;
            let added = kept.with_signals(&body.signal).map_err(mistake)?;
            let added = state.settings.bindings.hold(added).map_err(not_bound)?;
            let asked: Vec<&str> = body.signal.iter().map(|asked| asked.signal.as_str()).collect();
            let reason = format!("source {name} is asked for {} as well", asked.join(", "));
            let edit = SourceEdit { after: Some(added.definition()), before: Some(row.definition), name };
            Ok(Prepared { edit, environment, reason, view: added.view() })
        }
        SourceAction::Remove => {
            let row = found(row, &name, is_of_file)?;
            let why = why(body)?;
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let reason = format!("source {name} was removed and is no longer asked; its numbers stay{why}");
            let view = view_of(&environment, &name, &row.definition);
            let edit = SourceEdit { after: None, before: Some(row.definition), name };
            Ok(Prepared { edit, environment, reason, view })
        }
        SourceAction::CloseAlert | SourceAction::EndClient | SourceAction::Retire => {
            Err(mistake(wrong("action", format!("{} changes no definition", body.action.name()))))
        }
    }
}

/// Retires a source. Again, it changes nothing: no key is needed.
async fn retire(state: &AppState, body: &SourceChange, environment: String) -> Result<SourceView, WireError> {
    if let Some(field) = body.stray() {
        return Err(mistake(wrong(field, format!("{field} does not belong to {}", body.action.name()))));
    }
    let asker = context::asker()?;
    let done =
        retiring::retire(&state.settings, state.store.as_ref(), (&environment, &body.name), asker.actor(), why(body)?);
    done.await.map_err(|error| match error {
        RetiringError::Asked(_) => {
            WireError::new(Code::SourceExists, format!("{}.", problem::capital(&error.to_string()))).at("name")
        }
        RetiringError::Store(error) => problem::of_store(error),
    })?;
    Ok(view_of(&environment, &body.name, ""))
}

/// Closes an alert, or ends a client, that its sender will not.
async fn close(state: &AppState, body: &SourceChange, environment: String) -> Result<SourceView, WireError> {
    if let Some(field) = body.stray() {
        return Err(mistake(wrong(field, format!("{field} does not belong to {}", body.action.name()))));
    }
    let (field, named, signals) = match body.action {
        SourceAction::CloseAlert => ("alert", &body.alert, vec![Signal::WarningsOpen]),
        _ => ("client", &body.client, vec![Signal::ClientsActive, Signal::ClientsAtRisk]),
    };
    let named = named.as_deref().map(str::trim).filter(|named| !named.is_empty());
    let named = named.ok_or_else(|| mistake(wrong(field, format!("{field} is required by {}", body.action.name()))))?;
    let (asker, store) = (context::asker()?, state.store.as_ref());
    let (place, reason) = ((environment.as_str(), body.name.as_str(), named), body.reason.as_deref());
    let done = match body.action {
        SourceAction::CloseAlert => {
            closing::close_alert(&state.settings, store, place, asker.actor(), reason).await.map(|_| ())
        }
        _ => closing::end_client(store, place, asker.actor(), reason).await.map(|_| ()),
    };
    done.map_err(|error| match error {
        ClosingError::Reason(_) => mistake(wrong("reason", error.to_string())),
        ClosingError::Store(error) => problem::of_store(error),
    })?;
    state.feed.tell(&environment, &Message::Telemetry { signals });
    Ok(view_of(&environment, &body.name, ""))
}

/// The reason that was given, if any.
fn why(body: &SourceChange) -> Result<Option<&str>, WireError> {
    let why = body.reason.as_deref().map(str::trim).filter(|why| !why.is_empty());
    if why.is_some_and(|why| why.chars().count() > MAX_REASON) {
        return Err(mistake(wrong("reason", format!("a reason has at most {MAX_REASON} characters"))));
    }
    if why.is_some_and(|why| why.chars().any(is_hidden)) {
        return Err(mistake(wrong("reason", "a reason must not hold characters that cannot be seen".to_owned())));
    }
    Ok(why)
}

fn found(row: Option<AddedSource>, name: &str, is_of_file: bool) -> Result<AddedSource, WireError> {
    row.ok_or_else(|| {
        let name: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
        let detail = if is_of_file {
            format!("The settings file names the source \"{name}\": it is changed there.")
        } else {
            format!("No source \"{name}\" was added here.")
        };
        WireError::new(Code::UnknownSource, detail).at("name")
    })
}

/// As a source stands, or stood; one that cannot be asked as it is kept can still be removed.
fn view_of(environment: &str, name: &str, definition: &str) -> SourceView {
    Added::read(definition).map(|added| added.view()).unwrap_or_else(|_| SourceView {
        address: None,
        environment: environment.to_owned(),
        every_seconds: None,
        kind: None,
        name: name.to_owned(),
        signals: Vec::new(),
    })
}

fn unaskable(name: &str, problem: &str) -> WireError {
    let detail = format!("The source \"{name}\" cannot be asked as it is kept: {problem}. Remove it, and add it anew.");
    WireError::new(Code::SourceUnreadable, detail).at("name")
}

/// A variable that the settings file does not let this source use.
fn not_bound(Unbound { cure, field, problem }: Unbound) -> WireError {
    let sentence = format!("{}. {cure}", problem::capital(&problem));
    WireError::new(Code::SecretNotBound, sentence).at(field)
}

fn mistake(why: RowError) -> WireError {
    // The name of a key stays as it is written.
    let first = why.detail.split(' ').next().unwrap_or_default();
    let is_key = first == why.field || first.contains(['_', '.']);
    let sentence = if is_key { format!("{}.", why.detail) } else { format!("{}.", problem::capital(&why.detail)) };
    WireError::new(Code::OutOfRange, sentence).with_errors(vec![why])
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
    let judged = match SourceChange::of_form(action, environment.clone(), entered) {
        Ok(body) => {
            let environment = context::config(environment).await?.environment;
            prepared(&state()?, &body, environment).await.map(|_| ())
        }
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

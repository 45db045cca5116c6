//! Changes of sources: add a polled source, add signals to it, remove it, retire a source, close an alert, end a client. A
//! [`SourceChange`] names the action and its values.

use super::{Context, Refusal, source_ends};
use crate::domain::access::{Permission, is_hidden};
use crate::domain::act::MAX_REASON;
use crate::domain::alert::AlertCounts;
use crate::domain::history::EventType;
use crate::domain::source::{SourceAction, SourceChange, SourceView, wrong};
use crate::domain::subscription::Clients;
use crate::domain::telemetry::RowError;
use crate::error::{Code, WireError};
use crate::server::config::{Added, Unbound};
use crate::server::problems::capital;
use crate::server::store::{AddedSource, IdempotencyKey, SourceEdit};

/// The result of a change.
#[derive(Clone, Debug)]
pub struct Done {
    /// The remaining open alerts, after one was closed.
    pub alerts: Option<AlertCounts>,
    /// The remaining clients, after one was ended and if their number is known.
    pub clients: Option<Clients>,
    pub view: SourceView,
}

/// A checked change, with its reason for the history.
struct Prepared {
    edit: SourceEdit,
    environment: String,
    reason: String,
    view: SourceView,
}

/// Changes a source. An added or changed polled source is polled immediately.
///
/// # Errors
/// `unknown-environment`, `not-allowed`, `out-of-range`, `unknown-source`, `unknown-alert`, `unknown-client`, `source-exists`,
/// `source-unreadable`, `secret-not-bound`, `too-many-sources`, `conflict`, `idempotency-key-reused`, and what the store says.
pub async fn change(context: &Context<'_>, body: &SourceChange, key: Option<&IdempotencyKey>) -> Result<Done, Refusal> {
    let environment = context.config(permission(body.action), body.environment.as_deref()).await?.environment;
    refuse_stray(body)?;
    let done = |view| Done { alerts: None, clients: None, view };
    let view = match body.action {
        SourceAction::Add | SourceAction::AddSignal | SourceAction::Remove => {
            edit(context, body, environment, key).await?
        }
        SourceAction::CloseAlert => {
            let alerts = Some(source_ends::close_alert(context, body, &environment).await?);
            return Ok(Done { alerts, ..done(view_of(&environment, &body.name, "")) });
        }
        SourceAction::EndClient => {
            let clients = source_ends::end_client(context, body, &environment).await?;
            return Ok(Done { clients, ..done(view_of(&environment, &body.name, "")) });
        }
        SourceAction::Retire => {
            source_ends::retire(context, body, &environment).await?;
            view_of(&environment, &body.name, "")
        }
    };
    Ok(done(view))
}

/// Checks a change of a polled source without making it.
///
/// # Errors
/// As [`change`].
pub async fn judge(context: &Context<'_>, body: &SourceChange) -> Result<(), Refusal> {
    let environment = context.config(permission(body.action), body.environment.as_deref()).await?.environment;
    refuse_stray(body)?;
    prepared(context, body, environment).await.map(|_| ())
}

/// Changes a polled source. Looks up the key before the checks, which would refuse a change that is already made.
async fn edit(
    context: &Context<'_>,
    body: &SourceChange,
    environment: String,
    key: Option<&IdempotencyKey>,
) -> Result<SourceView, Refusal> {
    if let Some(key) = key
        && let Some(left) = context.store.source_changed_under(&environment, key).await?
    {
        return Ok(view_of(&environment, &body.name, &left));
    }
    let Prepared { edit, environment, reason, view } = prepared(context, body, environment).await?;
    context.store.change_source(&environment, &edit, context.event(EventType::Note, reason), key).await?;
    context.observer.sources_changed();
    Ok(view)
}

/// The permission for an action. Only founders can add sources, because that decides which data the server polls and trusts.
const fn permission(action: SourceAction) -> Permission {
    match action {
        // A retired source, closed alert or ended client no longer limits growth.
        SourceAction::Add
        | SourceAction::AddSignal
        | SourceAction::CloseAlert
        | SourceAction::EndClient
        | SourceAction::Retire => Permission::AddSources,
        SourceAction::Remove => Permission::OperateSources,
    }
}

fn refuse_stray(body: &SourceChange) -> Result<(), Refusal> {
    match body.stray() {
        Some(field) => Err(mistake(wrong(field, format!("{field} does not belong to {}", body.action.name()))).into()),
        None => Ok(()),
    }
}

/// Checks a change and prepares it.
async fn prepared(context: &Context<'_>, body: &SourceChange, environment: String) -> Result<Prepared, Refusal> {
    let rows = context.store.added_sources(Some(&environment)).await?;
    let row = rows.into_iter().find(|row| row.name == body.name);
    let is_of_file =
        context.settings.sources.iter().any(|source| source.environment == environment && source.name == body.name);
    let name = body.name.clone();
    match body.action {
        SourceAction::Add => {
            let added = Added::of(&environment, body).map_err(mistake)?;
            let added = context.settings.bindings.hold(added).map_err(not_bound)?;
            if is_of_file {
                let detail = format!("The settings file names a source \"{name}\" here already: it is changed there.");
                return Err(WireError::new(Code::SourceExists, detail).at("name").into());
            }
            if row.is_some() {
                let detail =
                    format!("A source \"{name}\" was added here already: add a signal to it, or remove it first.");
                return Err(WireError::new(Code::SourceExists, detail).at("name").into());
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
            let added = context.settings.bindings.hold(added).map_err(not_bound)?;
            let asked: Vec<&str> = body.signal.iter().map(|asked| asked.signal.as_str()).collect();
            let reason = format!("source {name} is asked for {} as well", asked.join(", "));
            let edit = SourceEdit { after: Some(added.definition()), before: Some(row.definition), name };
            Ok(Prepared { edit, environment, reason, view: added.view() })
        }
        SourceAction::Remove => {
            let row = found(row, &name, is_of_file)?;
            let why = checked_reason(body, false)?.map(|why| format!(": {why}")).unwrap_or_default();
            let reason = format!("source {name} was removed and is no longer asked; its numbers stay{why}");
            let view = view_of(&environment, &name, &row.definition);
            let edit = SourceEdit { after: None, before: Some(row.definition), name };
            Ok(Prepared { edit, environment, reason, view })
        }
        SourceAction::CloseAlert | SourceAction::EndClient | SourceAction::Retire => {
            Err(mistake(wrong("action", format!("{} changes no definition", body.action.name()))).into())
        }
    }
}

/// The reason, trimmed and checked. Blank counts as missing.
pub(super) fn checked_reason(body: &SourceChange, required: bool) -> Result<Option<&str>, Refusal> {
    let refuse = |sentence: &str| Err(mistake(wrong("reason", format!("the reason {sentence}"))).into());
    match body.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
        None if required => refuse("is required: say why, for those who read the history"),
        Some(reason) if reason.chars().count() > MAX_REASON => refuse("is longer than 500 characters"),
        Some(reason) if reason.chars().any(is_hidden) => refuse("must not hold characters that cannot be seen"),
        reason => Ok(reason),
    }
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

/// The view of a source. If its stored definition can't be read, only its name is known, so that it can still be removed.
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
    let detail =
        format!("The source \"{name}\" cannot be asked as it is kept: {problem}. Remove it, and add it again.");
    WireError::new(Code::SourceUnreadable, detail).at("name")
}

/// `secret-not-bound`: the settings file doesn't allow this source to use a variable.
fn not_bound(Unbound { cure, field, problem }: Unbound) -> WireError {
    let sentence = format!("{}. {cure}", capital(&problem));
    WireError::new(Code::SecretNotBound, sentence).at(field)
}

/// `out-of-range` at the field of a mistake.
pub fn mistake(why: RowError) -> WireError {
    // The name of a key stays as it is written.
    let first = why.detail.split(' ').next().unwrap_or_default();
    let is_key = first == why.field || first.contains(['_', '.']);
    let sentence = if is_key { format!("{}.", why.detail) } else { format!("{}.", capital(&why.detail)) };
    WireError::new(Code::OutOfRange, sentence).with_errors(vec![why])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_there_where_it_must_be_and_can_be_read() {
        let body = |reason: Option<&str>| SourceChange {
            reason: reason.map(str::to_owned),
            ..SourceChange::of(SourceAction::CloseAlert, None, "alertmanager")
        };
        let spaced = body(Some("  silenced for good "));
        assert_eq!(checked_reason(&spaced, true).unwrap(), Some("silenced for good"));
        assert_eq!(checked_reason(&body(Some("  ")), false).unwrap(), None);
        let long = "x".repeat(MAX_REASON + 1);
        for wrong in [None, Some(""), Some("  "), Some(long.as_str()), Some("a\u{1b}[31m"), Some("a\u{202e}b")] {
            let problem = WireError::from(checked_reason(&body(wrong), true).unwrap_err());
            assert_eq!(
                (problem.code(), problem.field.as_deref()),
                (Some(Code::OutOfRange), Some("reason")),
                "{wrong:?}"
            );
        }
    }
}

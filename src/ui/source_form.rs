//! Owns the forms of a founder's own sources: adding one, adding a signal to it, removing it. Must not judge what is entered: the
//! server does, and says what is wrong with it.

use super::widgets::EnvironmentField;
use super::{links, words};
use crate::domain::act::MAX_REASON;
use crate::domain::signal::{Aggregation, Severity, Signal};
use crate::domain::source::{KINDS, VARIABLE_PREFIX};
use crate::views::source_form::SourceForm;
use leptos::prelude::*;

/// A form with what was entered into it; ids begin with the form's own part, since several are on the page.
#[derive(Clone)]
struct Fields {
    form: SourceForm,
    id: String,
}

impl Fields {
    fn entered(&self, name: &str) -> String {
        self.form.entered.get(name).cloned().unwrap_or_default()
    }

    fn error(&self, name: &str) -> String {
        let found = self.form.errors.iter().find(|error| error.field == name);
        found.map(|error| error.detail.clone()).unwrap_or_default()
    }

    fn id(&self, name: &str) -> String {
        [&self.id, "-", name].concat()
    }

    /// A field with its label, its help and what is wrong with it around the control.
    fn field(&self, name: &str, label: &'static str, help: impl Into<String>, control: AnyView) -> AnyView {
        view! {
            <div class="setting">
                <label for=self.id(name)>{label}</label>
                <p class="quiet" id=self.id(&["help-", name].concat())>
                    {help.into()}
                </p>
                {control}
                <p class="field-error" id=self.id(&["error-", name].concat()) aria-live="polite">
                    {self.error(name)}
                </p>
            </div>
        }
        .into_any()
    }

    fn described_by(&self, name: &str) -> String {
        [self.id(&["help-", name].concat()), self.id(&["error-", name].concat())].join(" ")
    }

    fn invalid(&self, name: &str) -> Option<&'static str> {
        (!self.error(name).is_empty()).then_some("true")
    }

    fn text(&self, name: &'static str, label: &'static str, help: impl Into<String>) -> AnyView {
        let is_number = name == "every_seconds";
        let control = view! {
            <input
                id=self.id(name)
                name=name
                type="text"
                inputmode=is_number.then_some("numeric")
                value=self.entered(name)
                autocomplete="off"
                spellcheck="false"
                aria-describedby=self.described_by(name)
                aria-invalid=self.invalid(name)
            />
        };
        self.field(name, label, help, control.into_any())
    }

    fn choice(
        &self,
        name: &'static str,
        label: &'static str,
        help: impl Into<String>,
        options: Vec<(&'static str, &'static str)>,
    ) -> AnyView {
        let entered = self.entered(name);
        let options: Vec<_> = options
            .into_iter()
            .map(|(value, words)| view! { <option value=value selected=value == entered>{words}</option> })
            .collect();
        let control = view! {
            <select
                id=self.id(name)
                name=name
                aria-describedby=self.described_by(name)
                aria-invalid=self.invalid(name)
            >
                {options}
            </select>
        };
        self.field(name, label, help, control.into_any())
    }

    /// The query for one signal.
    fn signal(&self) -> AnyView {
        let none = [("", "None")];
        let signals = [("", "Choose a signal")]
            .into_iter()
            .chain(Signal::ALL.into_iter().map(|signal| (signal.name(), words::signal(signal, None))));
        let severities = none.into_iter().chain(Severity::ALL.into_iter().map(|of| (of.name(), of.name())));
        let aggregations =
            none.into_iter().chain([Aggregation::P95, Aggregation::Mean].into_iter().map(|of| (of.name(), of.name())));
        let whole = vec![("", "Not known: no rows are no data"), ("now", "Now: no rows are none")];
        let query = view! {
            <textarea
                id=self.id("query")
                name="query"
                rows="4"
                autocomplete="off"
                spellcheck="false"
                aria-describedby=self.described_by("query")
                aria-invalid=self.invalid("query")
                inner_html=escaped(&self.entered("query"))
            ></textarea>
        };
        view! {
            <div class="settings-grid">
                {self.choice("signal", "Signal", "What the query gives.", signals.collect())}
                {self.choice("severity", "Severity", "Of open warnings only.", severities.collect())}
                {self
                    .choice(
                        "complete_through",
                        "Complete through",
                        "Of a database's table of what happens: up to when it is whole.",
                        whole,
                    )}
                {self
                    .choice("aggregation", "Aggregation", "Of latency from a database only.", aggregations.collect())}
            </div>
            {self
                .field(
                    "query",
                    "Query",
                    "A Prometheus is asked in PromQL; a database with one SELECT, whose columns are at and value.",
                    query.into_any(),
                )}
        }
        .into_any()
    }
}

/// A text as the content of an element. Leptos writes the children of a text area as they are, so that what was entered could end it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Adds a source with its first signal.
#[component]
pub fn AddSource(environment: String, form: SourceForm) -> impl IntoView {
    // Text that was entered for another source's signal is shown there.
    let form = if form.to.is_some() { SourceForm::default() } else { form };
    let fields = Fields { form, id: "add-source".to_owned() };
    let kinds = ["Prometheus", "PostgreSQL", "MySQL or MariaDB", "LiteLLM's log"];
    let kinds = KINDS.into_iter().zip(kinds).collect();
    view! {
        <section id="add-source" class="panel" aria-labelledby="add-source-title">
            <h2 id="add-source-title">"Add a source"</h2>
            <p>
                "A system that this server asks by itself. Passwords and tokens are never entered here: an environment variable of the server holds them, and its name is entered."
            </p>
            <form method="post" action=links::form("add-source") class="settings">
                <EnvironmentField environment=environment />
                <div class="settings-grid">
                    {fields.text("name", "Name", "As it is shown here, and in the history.")}
                    {fields.choice("kind", "Kind", "SQLite files are named in the settings file.", kinds)}
                    {fields
                        .text("every_seconds", "Asked every, in seconds", "Empty: 60 for Prometheus, 300 for databases.")}
                    {fields.text("url", "Address", "url of a Prometheus, without credentials: http://127.0.0.1:9090")}
                    {fields
                        .text(
                            "token_env",
                            "Variable with the token",
                            format!("token_env of a Prometheus that asks for one. Begins with {VARIABLE_PREFIX}"),
                        )}
                    {fields
                        .text(
                            "url_env",
                            "Variable with the database's address",
                            format!("url_env of a database; it holds the password too. Begins with {VARIABLE_PREFIX}"),
                        )}
                </div>
                {fields.signal()}
                <div class="button-row">
                    <button type="submit" class="button button-primary">
                        "Add source"
                    </button>
                </div>
                <p class="quiet">
                    "It is asked at once; more signals are added to it afterwards. LiteLLM's log needs no signal and no query."
                </p>
            </form>
        </section>
    }
    .into_any()
}

/// Adds a signal to a source that was added.
#[component]
pub fn AddSignal(environment: String, place: usize, source: String, form: SourceForm) -> impl IntoView {
    let is_meant = form.to.as_ref() == Some(&source);
    let form = if is_meant { form } else { SourceForm::default() };
    let fields = Fields { form, id: format!("source-{place}") };
    let other = fields.form.errors.iter().find(|error| error.field == "name").map(|error| error.detail.clone());
    view! {
        <details open=is_meant>
            <summary>{format!("Add a signal to {source}")}</summary>
            <div class="details-body">
                <form method="post" action=links::form("add-signal") class="settings">
                    <EnvironmentField environment=environment />
                    <input type="hidden" name="name" value=source.clone() />
                    {other.map(|detail| view! { <p class="field-error">{detail}</p> })}
                    {fields.signal()}
                    <div class="button-row">
                        <button type="submit" class="button">
                            {format!("Add this signal to {source}")}
                        </button>
                    </div>
                </form>
            </div>
        </details>
    }
    .into_any()
}

/// Removes a source that was added, once its reader has opened what says what that means.
#[component]
pub fn RemoveSource(environment: String, place: usize, source: String) -> impl IntoView {
    let id = format!("source-{place}-reason");
    view! {
        <details>
            <summary>{format!("Remove {source}")}</summary>
            <div class="details-body">
                <form method="post" action=links::form("remove-source") class="act">
                    <p class="quiet">
                        "It is no longer asked. Its numbers stay, and its signals become unknown as they grow old."
                    </p>
                    <EnvironmentField environment=environment />
                    <input type="hidden" name="source" value=source.clone() />
                    <label for=id.clone()>"Reason (optional)"</label>
                    <input id=id name="reason" type="text" maxlength=MAX_REASON autocomplete="off" />
                    <button type="submit" class="button button-danger">
                        {format!("Remove {source} now")}
                    </button>
                </form>
            </div>
        </details>
    }
    .into_any()
}

/// Retires a source that has gone, once its reader has opened what says what that means.
#[component]
pub fn RetireSource(environment: String, place: usize, source: String) -> impl IntoView {
    let id = format!("source-{place}-reason");
    view! {
        <details>
            <summary>{format!("Retire {source}")}</summary>
            <div class="details-body">
                <form method="post" action=links::form("retire-source") class="act">
                    <p class="quiet">
                        "Nothing is expected of it any more, so its signals become unknown. Its numbers stay. It is back when it sends again."
                    </p>
                    <EnvironmentField environment=environment />
                    <input type="hidden" name="source" value=source.clone() />
                    <label for=id.clone()>"Reason (optional)"</label>
                    <input id=id name="reason" type="text" maxlength=MAX_REASON autocomplete="off" />
                    <button type="submit" class="button button-danger">
                        {format!("Retire {source} now")}
                    </button>
                </form>
            </div>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_entered_cannot_end_its_text_area() {
        assert_eq!(escaped("a </textarea><b>&amp;"), "a &lt;/textarea&gt;&lt;b&gt;&amp;amp;");
    }
}

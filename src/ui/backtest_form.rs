//! Owns the form of the backtest: the fields of the policy that can be tested, as they are in force or as they were
//! asked for. Must not read or check a text: the domain's list of fields does.

use super::widgets::EnvironmentField;
use super::{links, policy_words, words};
use crate::api::BacktestView;
use crate::domain::mode::Mode;
use crate::domain::policy::FieldError;
use crate::domain::policy_fields::{Group, PolicyField};
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn BacktestForm(page: BacktestView) -> impl IntoView {
    let page = Arc::new(page);
    let modes = Mode::ALL.map(|mode| {
        let title = format!("Limits of {}", words::mode(mode));
        view! { <Fields title=title id=format!("limits.{mode}") group=Group::Limits(mode) page=page.clone() /> }
    });
    let parts = [(Group::Guardrails, "guardrails"), (Group::Weights, "weights"), (Group::Scoring, "scoring")].map(
        |(group, id)| {
            let title = policy_words::group(group).to_owned();
            view! { <Fields title=title id=id.to_owned() group=group page=page.clone() /> }
        },
    );
    let environment = page.config.environment.clone();
    view! {
        <section class="panel" aria-labelledby="proposal-title">
            <h2 id="proposal-title">"What to test"</h2>
            <p class="quiet">"The fields hold what is in force. Change what you want to try; the address then holds your proposal, to keep or to share."</p>
            <form method="get" action=links::BACKTEST class="backtest-form">
                <EnvironmentField environment=environment.clone() />
                <fieldset>
                    <legend>"Which evaluations"</legend>
                    <div class="backtest-fields">
                        <Day name="from" label="First day" blank="the first evaluation" page=page.clone() />
                        <Day name="to" label="Last day" blank="the newest evaluation" page=page.clone() />
                    </div>
                </fieldset>
                {modes}
                {parts}
                <div class="button-row">
                    <button type="submit" class="button button-primary">
                        "Run the backtest"
                    </button>
                    <a class="button" href=links::backtest(&environment)>
                        "Back to what is in force"
                    </a>
                </div>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn Day(name: &'static str, label: &'static str, blank: &'static str, page: Arc<BacktestView>) -> impl IntoView {
    let text = page.texts.get(name).cloned().unwrap_or_default();
    let help = format!("In UTC, such as 2026-11-24. Blank: {blank}.");
    view! { <Field name=name.to_owned() label=label.to_owned() help=help text=text errors=page.errors.clone() /> }
}

/// The fields of one part of the policy.
#[component]
fn Fields(title: String, id: String, group: Group, page: Arc<BacktestView>) -> impl IntoView {
    let fields: Vec<_> = PolicyField::of_group(group)
        .map(|field| {
            let label = match group {
                Group::Limits(_) => policy_words::cap(field.kind()),
                _ => policy_words::label(field),
            };
            let in_force = field.text(&page.config.policy);
            let text = page.texts.get(field.path()).cloned().unwrap_or_else(|| in_force.clone());
            let help = if text == in_force {
                policy_words::unit(field).to_owned()
            } else {
                format!("{}; in force: {in_force}", policy_words::unit(field))
            };
            view! {
                <Field name=field.path().to_owned() label=label.to_owned() help=help text=text errors=page.errors.clone() />
            }
        })
        .collect();
    // Text that applies to the limits of every mode is said once.
    let is_repeated = matches!(group, Group::Limits(mode) if mode != Mode::Lab);
    let about = (!is_repeated).then(|| view! { <p class="quiet">{policy_words::about(group)}</p> });
    view! {
        <fieldset id=id>
            <legend>{title}</legend>
            {about}
            <div class="backtest-fields">{fields}</div>
        </fieldset>
    }
    .into_any()
}

/// One text field with its unit and what is wrong with it.
#[component]
fn Field(name: String, label: String, help: String, text: String, errors: Vec<FieldError>) -> impl IntoView {
    let note = format!("{name}-note");
    let wrong = errors.iter().find(|error| error.field == name).map(|error| format!("{label} {}.", error.detail));
    let invalid = wrong.is_some().then_some("true");
    let error = wrong.map(|wrong| view! { <span class="backtest-wrong">{wrong}</span> });
    view! {
        <div class="backtest-field">
            <label for=name.clone()>{label}</label>
            <input
                id=name.clone()
                name=name
                type="text"
                autocomplete="off"
                value=text
                aria-invalid=invalid
                aria-describedby=note.clone()
            />
            <span id=note class="note">
                {error}
                {help}
            </span>
        </div>
    }
    .into_any()
}

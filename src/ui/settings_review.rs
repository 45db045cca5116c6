//! Owns what is shown when changes are reviewed: what is wrong, or what would change and mean, to be confirmed.
//! Must not decide either: both come from the domain.

use super::links;
use super::policy_words;
use super::widgets::{EnvironmentField, TableRegion};
use super::words;
use crate::domain::act::MAX_REASON;
use crate::domain::consequence::{Load, of_policy};
use crate::domain::policy::{Config, FieldError, Policy};
use crate::domain::policy_fields::{FieldChange, Group, PolicyField};
use leptos::prelude::*;

/// Everything that is wrong, each with the way to its field.
#[component]
pub fn ErrorSummary(errors: Vec<FieldError>) -> impl IntoView {
    let title = match errors.len() {
        1 => "One thing needs correcting".to_owned(),
        many => format!("{many} things need correcting"),
    };
    let items: Vec<_> = errors
        .into_iter()
        .map(|error| {
            let name = match PolicyField::by_path(&error.field) {
                Some(field) => policy_words::label(field).to_owned(),
                None if error.field == "weights" => policy_words::group(Group::Weights).to_owned(),
                None => error.field.chars().take(64).collect(),
            };
            let text = format!("{name}: {}.", error.detail);
            view! {
                <li>
                    <a href=format!("#{}", error.field)>{text}</a>
                </li>
            }
        })
        .collect();
    view! {
        <section id="errors" class="panel error-summary" role="alert" aria-labelledby="errors-title">
            <h2 id="errors-title">{title}</h2>
            <ul>{items}</ul>
        </section>
    }
    .into_any()
}

/// What would change and what that means, with the form that saves it.
#[component]
pub fn ReviewChanges(
    changes: Vec<FieldChange>,
    config: Config,
    load: Load,
    policy: Policy,
    /// The texts that were entered before the form was led back.
    reason: String,
) -> impl IntoView {
    let meaning: Vec<_> =
        meaning(&config, &policy, &load).into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect();
    let hidden: Vec<_> = changes
        .iter()
        .map(|change| view! { <input type="hidden" name=change.field.path() value=change.to.clone() /> })
        .collect();
    view! {
        <section id="review" class="panel panel-proposal" aria-labelledby="review-title">
            <h2 id="review-title">"Changes to confirm"</h2>
            <ChangeTable changes=changes />
            <ul class="consequence">{meaning}</ul>
            <form method="post" action=links::form("update") class="act">
                <EnvironmentField environment=config.environment />
                <input type="hidden" name="version" value=config.version />
                {hidden}
                <label for="update-reason">"Reason (optional)"</label>
                <input id="update-reason" name="reason" type="text" maxlength=MAX_REASON autocomplete="off" value=reason />
                <button type="submit" class="button button-primary">
                    "Save these changes"
                </button>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn ChangeTable(changes: Vec<FieldChange>) -> impl IntoView {
    let rows: Vec<_> = changes
        .into_iter()
        .map(|change| {
            view! {
                <tr>
                    <th scope="row">{policy_words::label(change.field)}</th>
                    <td>{policy_words::value(change.field, &change.from)}</td>
                    <td>
                        <strong>{policy_words::value(change.field, &change.to)}</strong>
                    </td>
                </tr>
            }
        })
        .collect();
    view! {
        <TableRegion label="Settings that change">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Setting"</th>
                        <th scope="col">"Now"</th>
                        <th scope="col">"New"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// What saving the policy means, sentence by sentence.
fn meaning(config: &Config, policy: &Policy, load: &Load) -> Vec<String> {
    let found = of_policy(config, policy, load);
    let mut sentences = Vec::new();
    if found.restarts {
        sentences.push(format!(
            "Stabilization starts anew: no Increase before its conditions have held for {} hours from now. A held answer ends.",
            policy.guardrails.stabilization_hours
        ));
    } else if policy.decides_differently(&config.policy) {
        sentences
            .push("A recording is judged under one policy from its first sample on: nothing starts anew.".to_owned());
    } else {
        sentences.push("Answers stay as they are. The daily decision falls in the new time zone.".to_owned());
    }
    sentences.extend(found.limits.map(|limits| words::consequence(&limits, &found.load, config.mode)));
    sentences.push("It becomes a new version. The versions before stay, and each can be restored.".to_owned());
    sentences
}

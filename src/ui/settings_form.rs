//! Owns the form of all settings, part by part. It only asks for a review; saving is another form. Must not judge a value.

use super::links;
use super::policy_validation::{FORM, PolicyValidation, message_id};
use super::policy_words;
use super::setting_field::{Setting, SettingField};
use super::settings_limits::SettingsLimits;
use super::widgets::EnvironmentField;
use crate::domain::mode::Mode;
use crate::domain::policy_fields::{Draft, Group, PolicyField};
use leptos::prelude::*;

/// The parts in the order that they are shown, each with its id.
const PARTS: [(&str, Group); 6] = [
    ("limits", Group::Limits(Mode::Lab)),
    ("guardrails", Group::Guardrails),
    ("weights", Group::Weights),
    ("windows", Group::Windows),
    ("scoring", Group::Scoring),
    ("business", Group::Business),
];

#[component]
pub fn SettingsForm(
    environment: String,
    draft: Draft,
    /// The version of the configuration that the form is filled from.
    version: u64,
) -> impl IntoView {
    let parts: Vec<_> =
        PARTS.into_iter().map(|(id, group)| view! { <Part id=id group=group draft=draft.clone() /> }).collect();
    let fresh = links::settings(&environment);
    // The browser's own messages would speak before the domain's and say less.
    view! {
        <form id=FORM method="get" action=links::SETTINGS novalidate=true class="settings">
            <EnvironmentField environment=environment />
            <input type="hidden" name="version" value=version />
            <input type="hidden" name="review" value="1" />
            {parts}
            <div class="settings-end">
                <PolicyValidation />
                <div class="button-row">
                    <button type="submit" class="button button-primary">
                        "Review changes"
                    </button>
                    <a class="button" href=fresh>
                        "Start over from what is in force"
                    </a>
                </div>
                <p class="quiet">"Nothing is saved yet: the changes are shown first."</p>
            </div>
        </form>
    }
    .into_any()
}

/// Links to the parts of the form and to the versions below it.
#[component]
pub fn SettingsParts() -> impl IntoView {
    let links: Vec<_> = PARTS
        .into_iter()
        .map(|(id, group)| (id, policy_words::group(group)))
        .chain([("versions", "Versions")])
        .map(|(id, name)| {
            view! {
                <li>
                    <a href=["#", id].concat()>{name}</a>
                </li>
            }
        })
        .collect();
    view! {
        <nav class="on-this-page" aria-label="On this page">
            <ul>{links}</ul>
        </nav>
    }
    .into_any()
}

#[component]
fn Part(id: &'static str, group: Group, draft: Draft) -> impl IntoView {
    let title = [id, "-title"].concat();
    let wrong = (group == Group::Weights).then(|| {
        let error = draft.error(id).map_or_else(String::new, |error| policy_words::sentence(&error.detail));
        view! {
            <p class="field-error" id=message_id(id) aria-live="polite">
                {error}
            </p>
        }
    });
    let content = if id == "limits" {
        view! { <SettingsLimits draft=draft /> }.into_any()
    } else {
        let fields: Vec<_> = PolicyField::of_group(group)
            .map(|field| view! { <SettingField setting=Setting::of(field, &draft) /> })
            .collect();
        view! { <div class="settings-grid">{fields}</div> }.into_any()
    };
    view! {
        <section id=id class="panel" aria-labelledby=title>
            <h2 id=title.clone()>{policy_words::group(group)}</h2>
            <p class="quiet">{policy_words::about(group)}</p>
            {wrong}
            {content}
        </section>
    }
    .into_any()
}

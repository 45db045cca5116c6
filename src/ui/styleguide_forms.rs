//! Owns the fields and notices of the styleguide. The fields are those of the settings and of the timeline, with example
//! values. Must not send anything anywhere.

use super::notice_region::NoticeRegion;
use super::setting_field::{Setting, SettingField};
use super::styleguide_example::{Example, Section};
use crate::domain::policy::Policy;
use crate::domain::policy_fields::{Draft, PolicyField};
use crate::views::overview::Notice;
use leptos::prelude::*;

/// Settings by name, with what is typed into each.
const FIELDS: [(&str, &str); 5] = [
    ("guardrails.min_health_for_increase", "80"),
    ("guardrails.max_churn_risk", "0.15"),
    ("guardrails.max_warning_density", "1001"),
    ("time_zone", "UTC"),
    ("not_applicable", "infra.cpu"),
];

#[component]
pub fn Fields() -> impl IntoView {
    let pairs = FIELDS.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let policy = Policy::default();
    let draft = Draft::of(&pairs, &policy, &policy);
    let settings: Vec<_> = FIELDS
        .into_iter()
        .filter_map(|(name, _)| PolicyField::by_path(name))
        .map(|field| view! { <SettingField setting=Setting::of(field, &draft) /> })
        .collect();
    view! {
        <Section id="fields" title="Fields">
            <Example id="settings" title="Number, changed number, number with an error, text, checkboxes">
                <div class="settings-grid">{settings}</div>
            </Example>
            <Example id="plain" title="Select, date, radio">
                <div class="inline-form">
                    <span class="field">
                        <label for="select">"Select"</label>
                        <select id="select">
                            <option>"The first"</option>
                            <option>"The second"</option>
                        </select>
                    </span>
                    <span class="field">
                        <label for="date">"Date"</label>
                        <input id="date" type="date" value="2026-03-10" />
                    </span>
                    <span class="field">
                        <label for="wrong">"Date with an error"</label>
                        <input id="wrong" type="date" aria-invalid="true" aria-describedby="wrong-note" />
                        <span class="field-error" id="wrong-note">
                            "The day is missing."
                        </span>
                    </span>
                    <label class="setting-box">
                        <input type="radio" name="guide-radio" checked />
                        "Radio, chosen"
                    </label>
                    <label class="setting-box">
                        <input type="radio" name="guide-radio" />
                        "Radio"
                    </label>
                </div>
            </Example>
        </Section>
    }
    .into_any()
}

#[component]
pub fn Notices() -> impl IntoView {
    let done = Notice { is_error: false, text: "Done: the mode is pilot.".to_owned() };
    let error = Notice { is_error: true, text: "Not done: the mode was changed in between.".to_owned() };
    view! {
        <Section id="notices" title="Notices">
            <Example id="notice-done" title="Done">
                <NoticeRegion notice=Some(done) />
            </Example>
            <Example id="notice-error" title="Error">
                <NoticeRegion notice=Some(error) />
            </Example>
        </Section>
    }
    .into_any()
}

//! Owns one setting as a part of a form: label, help, input with its unit, the default beside it, what is wrong.
//! Must not judge a value: errors come with it.

use super::policy_validation::{mark_id, message_id};
use super::{policy_words, words};
use crate::domain::policy::Policy;
use crate::domain::policy_fields::{Draft, Group, Kind, PolicyField};
use crate::domain::signal::Signal;
use leptos::prelude::*;

/// A field with what is to be shown of it.
#[derive(Clone)]
pub struct Setting {
    pub default: String,
    /// The mistake, as a sentence; empty if there isn't any.
    pub error: String,
    pub field: PolicyField,
    pub is_default: bool,
    /// As it was typed, else as it is in force.
    pub value: String,
}

impl Setting {
    pub fn of(field: PolicyField, draft: &Draft) -> Setting {
        let default = field.text(&Policy::default());
        Setting {
            error: draft.error(field.path()).map_or_else(String::new, |error| policy_words::sentence(&error.detail)),
            is_default: field.text(&draft.policy) == default,
            value: draft.text(field),
            default,
            field,
        }
    }
}

/// A setting with its label and its help.
#[component]
pub fn SettingField(setting: Setting) -> impl IntoView {
    let field = setting.field;
    if field.kind() == Kind::Signals {
        return view! { <SignalBoxes setting=setting /> }.into_any();
    }
    view! {
        <div class="setting">
            <label for=field.path()>{policy_words::label(field)}</label>
            <p class="quiet" id=help_id(field)>
                {policy_words::help(field)}
            </p>
            <SettingInput setting=setting has_help=true />
        </div>
    }
    .into_any()
}

/// The input with its unit, its default and what is wrong. Its label is its surroundings' to give.
#[component]
pub fn SettingInput(setting: Setting, has_help: bool) -> impl IntoView {
    let field = setting.field;
    let path = field.path();
    let is_number = field.is_number();
    let mut described = vec![["default-", path].concat(), message_id(path)];
    if has_help {
        described.insert(0, help_id(field));
    }
    if field.group() == Group::Weights {
        described.push(message_id("weights"));
    }
    // The steps of a number begin at its least value: money goes by whole cents.
    let least = if field.kind() == Kind::Usd { "0".to_owned() } else { field.min().to_string() };
    view! {
        <div class="setting-value">
            <input
                id=path
                name=path
                type=if is_number { "number" } else { "text" }
                inputmode=is_number.then_some("decimal")
                step=is_number.then(|| field.step())
                min=is_number.then_some(least)
                max=field.max().map(|max| max.to_string())
                value=setting.value
                autocomplete="off"
                spellcheck="false"
                aria-describedby=described.join(" ")
                aria-invalid=(!setting.error.is_empty()).then_some("true")
            />
            <span class="quiet">{policy_words::unit(field)}</span>
        </div>
        <p class="quiet" id=["default-", path].concat()>
            {format!("default {} ", setting.default)}
            <span class="mark" id=mark_id(path) hidden=setting.is_default>
                "not the default"
            </span>
        </p>
        <p class="field-error" id=message_id(path) aria-live="polite">
            {setting.error}
        </p>
    }
    .into_any()
}

/// The signals that may be declared not to exist, each with a box. The blank one says that the boxes were there.
#[component]
fn SignalBoxes(setting: Setting) -> impl IntoView {
    let path = setting.field.path();
    let named: Vec<&str> = setting.value.split(',').map(str::trim).collect();
    let boxes: Vec<_> = Signal::ALL
        .into_iter()
        .filter(|signal| signal.may_be_not_applicable())
        .map(|signal| {
            view! {
                <label class="setting-box">
                    <input type="checkbox" name=path value=signal.name() checked=named.contains(&signal.name()) />
                    {words::signal(signal, None)}
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="setting" id=path aria-describedby=[help_id(setting.field), message_id(path)].join(" ")>
            <legend>{policy_words::label(setting.field)}</legend>
            <p class="quiet" id=help_id(setting.field)>
                {policy_words::help(setting.field)}
            </p>
            <input type="hidden" name=path value="" />
            {boxes}
            <p class="quiet">
                "default none "
                <span class="mark" id=mark_id(path) hidden=setting.is_default>
                    "not the default"
                </span>
            </p>
            <p class="field-error" id=message_id(path) aria-live="polite">
                {setting.error}
            </p>
        </fieldset>
    }
    .into_any()
}

fn help_id(field: PolicyField) -> String {
    ["help-", field.path()].concat()
}

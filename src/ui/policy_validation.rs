//! Owns the check of the settings as they are typed: the domain's own validation, in the browser, with each message beside
//! its field. It listens to the form that the server has made and draws none of it; without JavaScript the server says
//! the same when the changes are reviewed. Must not keep anything from being sent.

use super::policy_words;
use crate::domain::policy::{FieldError, Policy};
use crate::domain::policy_fields::{Kind, PolicyField, read};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Document, FormData, HtmlFormElement, HtmlInputElement};

/// The id of the form that is listened to.
pub const FORM: &str = "settings-form";

/// The id of the message about a field, or about a part of the policy.
pub fn message_id(path: &str) -> String {
    ["error-", path].concat()
}

/// The id of the mark of a field that is not at its default.
pub fn mark_id(path: &str) -> String {
    ["mark-", path].concat()
}

#[island]
pub fn PolicyValidation() -> impl IntoView {
    let state = RwSignal::new(String::new());
    Effect::new(move |_| {
        window_event_listener(leptos::ev::input, move |event| {
            let typed = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
            let form = typed.as_ref().and_then(HtmlInputElement::form).filter(|form| form.id() == FORM);
            if let (Some(typed), Some(form)) = (typed, form) {
                state.set(check(&form, &typed.name()));
            }
        });
    });
    view! { <p class="form-state">{move || state.get()}</p> }
}

/// Judges all of the form, shows what is wrong and what differs from the defaults; says how much there is to correct.
fn check(form: &HtmlFormElement, typed: &str) -> String {
    let Ok(data) = FormData::new_with_form(form) else {
        return String::new();
    };
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for field in PolicyField::ALL {
        let texts = data.get_all(field.path());
        pairs.extend(texts.iter().filter_map(|text| Some((field.path(), text.as_string()?))));
    }
    let defaults = Policy::default();
    let (policy, errors) = read(pairs.iter().map(|(name, text)| (*name, text.as_str())), &defaults);
    let document = document();
    for field in PolicyField::ALL {
        let error = errors.iter().find(|error| error.field == field.path());
        // Only the server knows the zones: what it has said stays until another is typed.
        if field.kind() == Kind::TimeZone && error.is_none() && typed != field.path() {
            continue;
        }
        say(&document, field.path(), error);
        if field.kind() != Kind::Signals {
            set_attribute(&document, field.path(), "aria-invalid", error.is_some());
        }
        let is_default = field.text(&policy) == field.text(&defaults);
        set_attribute(&document, &mark_id(field.path()), "hidden", is_default);
    }
    say(&document, "weights", errors.iter().find(|error| error.field == "weights"));
    match errors.len() {
        0 => String::new(),
        1 => "One thing needs correcting.".to_owned(),
        many => [&many.to_string(), " things need correcting."].concat(),
    }
}

/// Puts a message where it belongs. One that is there already is left alone, so that it is not read out again.
fn say(document: &Document, path: &str, error: Option<&FieldError>) {
    let text = error.map_or_else(String::new, |error| policy_words::sentence(&error.detail));
    if let Some(place) = document.get_element_by_id(&message_id(path))
        && place.text_content().as_deref() != Some(text.as_str())
    {
        place.set_text_content(Some(&text));
    }
}

fn set_attribute(document: &Document, id: &str, name: &str, is_set: bool) {
    let Some(element) = document.get_element_by_id(id) else {
        return;
    };
    // Neither name can be refused.
    let _ = if is_set { element.set_attribute(name, "true") } else { element.remove_attribute(name) };
}

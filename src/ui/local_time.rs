//! Owns the one place where a time is shown in the reader's own zone. The server writes UTC; the browser adds its time
//! beside it.

use super::format;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::Element;
use leptos::web_sys::js_sys::{Date, Object, Reflect};

/// A time in UTC, and in the browser's zone where that is another.
#[component]
pub fn ReaderTime(at: DateTime<Utc>) -> impl IntoView {
    view! {
        <time datetime=format::rfc3339(at)>{format::utc(at)}</time>
        " "
        <span class="local-time"></span>
    }
}

/// Adds the reader's time beside every time of the page that has a place for it.
pub fn localise() {
    let Ok(places) = document().query_selector_all("time + .local-time:empty") else {
        return;
    };
    for place in 0..places.length() {
        let Some(place) = places.item(place).and_then(|node| node.dyn_into::<Element>().ok()) else {
            continue;
        };
        let time = place.previous_element_sibling().and_then(|time| time.get_attribute("datetime"));
        if let Some(text) = time.and_then(|time| local_text(&time)) {
            place.set_text_content(Some(&text));
        }
    }
}

/// The time in the browser's zone; `None` where that is UTC.
fn local_text(at: &str) -> Option<String> {
    let date = Date::new(&JsValue::from_str(at));
    if date.get_timezone_offset() == 0.0 {
        return None;
    }
    let options = Object::new();
    for (key, value) in
        [("day", "numeric"), ("month", "short"), ("hour", "2-digit"), ("minute", "2-digit"), ("timeZoneName", "short")]
    {
        Reflect::set(&options, &JsValue::from_str(key), &JsValue::from_str(value)).ok()?;
    }
    let text = String::from(date.to_locale_string("en-GB", &options));
    Some(["(", &text, ")"].concat())
}

//! Owns the one place where a time is shown in the reader's own zone. The server writes UTC; the browser adds its time
//! once it has taken over, so that both render the same first.

use super::format;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use leptos::web_sys::js_sys::{Date, Object, Reflect};

/// A time in UTC, and in the browser's zone where that is another.
#[component]
pub fn ReaderTime(at: DateTime<Utc>) -> impl IntoView {
    view! { <LocalTime at=format::rfc3339(at) utc=format::utc(at) /> }
}

#[island]
fn LocalTime(
    /// RFC 3339.
    at: String,
    /// What the server writes.
    utc: String,
) -> impl IntoView {
    let local = RwSignal::new(None);
    let parsed = at.clone();
    Effect::new(move |_| local.set(local_text(&parsed)));
    view! {
        <time datetime=at>{utc}</time>
        " "
        <span class="local-time">{move || local.get()}</span>
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
    Some(format!("({})", String::from(date.to_locale_string("en-GB", &options))))
}

//! Owns the one place where a time is shown in the reader's own zone, or as an age. The server writes UTC; the browser adds its time
//! and the age beside it, which moves on. Without JavaScript only the time is there, which stays true.

use super::{browser, format};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::Element;
use leptos::web_sys::js_sys::{Date, Object, Reflect};
use std::cell::Cell;

/// Clocks that differ by less than this are taken for the same, in milliseconds: a page can be a minute old.
const SAME_CLOCK: f64 = 120_000.0;

thread_local! {
    /// By how much the server's clock is ahead of the reader's, in milliseconds.
    static AHEAD: Cell<f64> = const { Cell::new(0.0) };
}

/// A time in UTC, and in the browser's zone where that is another.
#[component]
pub fn ReaderTime(at: DateTime<Utc>) -> impl IntoView {
    view! {
        <time datetime=format::rfc3339(at)>{format::utc(at)}</time>
        " "
        <span class="local-time"></span>
    }
}

/// How long ago the time before it was. The browser fills it.
#[component]
pub fn Age() -> impl IntoView {
    view! { <span class="age"></span> }
}

/// Begins with the times and ages of the page. `made` is when the server made the page, in milliseconds since 1970; 0 where it does not say.
pub fn attach(made: i64) {
    let ahead = made as f64 - browser::time();
    if made > 0 && ahead.abs() > SAME_CLOCK {
        AHEAD.set(ahead);
    }
    localise();
}

/// A time of the reader's clock as hour and minute: `14:32 UTC`.
pub fn clock(at: f64) -> String {
    let text = String::from(Date::new(&JsValue::from_f64(at)).to_iso_string());
    [text.get(11..16).unwrap_or_default(), " UTC"].concat()
}

/// Brings the ages up to date.
pub fn tell_ages() {
    let now = browser::time() + AHEAD.get();
    for age in browser::elements(".age") {
        let mut before = age.previous_element_sibling();
        while let Some(other) = before.as_ref().filter(|before| before.tag_name() != "TIME") {
            before = other.previous_element_sibling();
        }
        let Some(at) = before.and_then(|time| time.get_attribute("datetime")) else { continue };
        let words = format::age(((now - Date::parse(&at)) / 1_000.0) as i64);
        // Compared with what was written, not with the page: a translation can have changed that.
        if age.get_attribute("data-said").as_ref() != Some(&words) {
            let _ = age.set_attribute("data-said", &words);
            age.set_text_content(Some(&words));
        }
    }
}

/// Adds the reader's time beside every time of the page that has a place for it.
pub fn localise() {
    tell_ages();
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

//! Owns keeping an open page up to date: it listens to the server's events and loads the page as it is now. Without
//! JavaScript the page is brought up to date by loading it again. Must not know what a part shows.

use super::live_connection::{self, Heard};
use super::{live_parts, local_time};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::web_sys::Document;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

/// Events that come together are shown together.
const GATHERED: Duration = Duration::from_millis(120);

/// Where it stands whether the page hears of news, and what has changed is said to readers of the screen.
#[component]
pub fn LivePage() -> impl IntoView {
    view! {
        <p id="live-state" class="live-state" hidden></p>
        <p id="live-said" class="visually-hidden" aria-live="polite"></p>
    }
}

/// Follows an environment's events after a place in its history, and its telemetry since a time.
pub fn attach(environment: &str, after: u64, since: i64) {
    let waiting = Rc::new(Cell::new(false));
    live_connection::open(environment, after, since, move |heard| match heard {
        Heard::Connected => state("Live"),
        Heard::Lost => state("Reconnecting"),
        Heard::News => {
            if !waiting.replace(true) {
                let waiting = waiting.clone();
                set_timeout(
                    move || {
                        waiting.set(false);
                        load();
                    },
                    GATHERED,
                );
            }
        }
    });
}

fn state(word: &str) {
    if let Some(place) = document().get_element_by_id("live-state") {
        place.set_text_content(Some(word));
        let _ = place.set_attribute("data-live", word);
        let _ = place.remove_attribute("hidden");
    }
}

/// Loads the page as it is now and takes over what has changed.
fn load() {
    let Ok(request) = XmlHttpRequest::new() else {
        return;
    };
    let Some(address) = document().location().and_then(|location| location.href().ok()) else {
        return;
    };
    // Without its fragment, and without what a form had just done.
    let address = address.split('#').next().unwrap_or_default();
    if request.open("GET", address).is_err() {
        return;
    }
    request.set_response_type(XmlHttpRequestResponseType::Document);
    let answered = request.clone();
    let done = Closure::once_into_js(move || {
        if answered.status() == Ok(200)
            && let Ok(Some(fresh)) = answered.response_xml()
        {
            take_over(&fresh);
        }
    });
    request.set_onload(Some(done.unchecked_ref()));
    let _ = request.send();
}

/// Takes over what has changed, and says a new answer to readers of the screen.
fn take_over(fresh: &Document) {
    let before = verdict(&document());
    live_parts::take_over(fresh);
    document().set_title(&fresh.title());
    local_time::localise();
    let now = verdict(fresh);
    if before != now
        && let Some(said) = document().get_element_by_id("live-said")
    {
        said.set_text_content(Some(&["New answer: ", &now].concat()));
    }
}

fn verdict(page: &Document) -> String {
    page.query_selector(".verdict").ok().flatten().and_then(|verdict| verdict.text_content()).unwrap_or_default()
}

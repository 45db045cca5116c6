//! Owns keeping an open page up to date: it listens to the server's events and loads the page as it is now. Without JavaScript the page is brought up to date by loading it again. Must not know what a part shows.

use super::live_connection::{self, Heard};
use super::live_parts;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::web_sys::Document;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

/// Events that come together are shown together.
const GATHERED: Duration = Duration::from_millis(120);

#[island]
pub fn LivePage(
    environment: String,
    /// The newest event that the page was made with.
    after: u64,
) -> impl IntoView {
    let state = RwSignal::new("");
    let said = RwSignal::new(String::new());
    Effect::new(move |_| {
        let waiting = Rc::new(RefCell::new(false));
        live_connection::open(&environment, after, move |heard| match heard {
            Heard::Connected => state.set("Live"),
            Heard::Lost => state.set("Reconnecting"),
            Heard::News => {
                if !waiting.replace(true) {
                    let waiting = waiting.clone();
                    set_timeout(
                        move || {
                            waiting.replace(false);
                            load(said);
                        },
                        GATHERED,
                    );
                }
            }
        });
    });
    view! {
        <p class="live-state" data-live=move || state.get() hidden=move || state.get().is_empty()>
            {move || state.get()}
        </p>
        <p class="visually-hidden" aria-live="polite">
            {move || said.get()}
        </p>
    }
}

/// Loads the page as it is now and takes over what has changed.
fn load(said: RwSignal<String>) {
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
            let verdict_before = verdict(&document());
            live_parts::take_over(&fresh);
            document().set_title(&fresh.title());
            let verdict_now = verdict(&fresh);
            if verdict_now != verdict_before {
                said.set(format!("New answer: {verdict_now}"));
            }
        }
    });
    request.set_onload(Some(done.unchecked_ref()));
    let _ = request.send();
}

fn verdict(page: &Document) -> String {
    page.query_selector(".verdict").ok().flatten().and_then(|verdict| verdict.text_content()).unwrap_or_default()
}

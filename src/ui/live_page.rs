//! Owns keeping an open page up to date: it listens to the server's events and puts the new parts of the page in the place
//! of the old ones. Without JavaScript the page is brought up to date by loading it again. Must not know what a part shows.

use super::live_connection::{self, Heard};
use leptos::prelude::*;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Function, Reflect};
use leptos::web_sys::{Document, Element, NodeList};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use web_sys::{XmlHttpRequest, XmlHttpRequestResponseType};

/// Events that come together are shown together.
const GATHERED: Duration = Duration::from_millis(120);

/// The parts of the page that are replaced, each by its id. Forms that somebody is filling in are left alone.
const PARTS: [&str; 9] =
    ["banners", "answer", "proposal-place", "connect", "decision", "health", "over-time", "history", "snapshots"];

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
            take_over(&fresh, said);
        }
    });
    request.set_onload(Some(done.unchecked_ref()));
    let _ = request.send();
}

fn take_over(fresh: &Document, said: RwSignal<String>) {
    let verdict = |page: &Document| {
        page.query_selector(".verdict").ok().flatten().and_then(|verdict| verdict.text_content()).unwrap_or_default()
    };
    let (before, now) = (verdict(&document()), verdict(fresh));
    for id in PARTS {
        if let (Some(old), Some(new)) = (document().get_element_by_id(id), fresh.get_element_by_id(id))
            && !is_in_use(&old)
            && !old.is_equal_node(Some(&new))
        {
            keep_open(&old, &new);
            old.replace_with_with_node_1(&new).unwrap_or_default();
            hydrate(&new);
        }
    }
    document().set_title(&fresh.title());
    if before != now {
        said.set(format!("New answer: {now}"));
    }
}

/// Whether somebody is at work in a part: it has a field with the focus.
fn is_in_use(part: &Element) -> bool {
    document().active_element().is_some_and(|active| {
        part.contains(Some(&active)) && active.matches("input, select, textarea, button").unwrap_or(false)
    })
}

/// What the reader has opened stays open.
fn keep_open(old: &Element, new: &Element) {
    let all = |part: &Element| part.query_selector_all("details").ok();
    let Some((old, new)) = all(old).zip(all(new)).filter(|(old, new)| old.length() == new.length()) else {
        return;
    };
    let at = |list: &NodeList, place| list.item(place).and_then(|node| node.dyn_into::<Element>().ok());
    for place in 0..old.length() {
        if let (Some(old), Some(new)) = (at(&old, place), at(&new, place)) {
            if old.has_attribute("open") {
                let _ = new.set_attribute("open", "");
            } else {
                let _ = new.remove_attribute("open");
            }
        }
    }
}

/// Takes over the islands of a new part, as the page's own script does at its start.
fn hydrate(part: &Element) {
    let Ok(hydrate) = Reflect::get(&window(), &JsValue::from_str("__hydrateIsland")) else {
        return;
    };
    let (Ok(hydrate), Ok(islands)) = (hydrate.dyn_into::<Function>(), part.query_selector_all("leptos-island")) else {
        return;
    };
    for place in 0..islands.length() {
        if let Some(island) = islands.item(place).and_then(|node| node.dyn_into::<Element>().ok())
            && let Some(name) = island.get_attribute("data-component")
        {
            let _ = hydrate.call2(&JsValue::NULL, &island, &JsValue::from_str(&name));
        }
    }
}

//! Owns the watch over the what-if's result: the page shows what was judged, or says that it does not. Must not judge.

use super::browser;
use super::icons::{self, Icon};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::web_sys::Element;
use std::cell::RefCell;
use web_sys::{MutationObserver, MutationObserverInit};

/// The place of the result.
const RESULT: &str = ".what-if-result";
/// On the what-if while its result follows the fields.
const LIVE: &str = "is-live";
/// On the what-if from a change of a field until its result is shown.
const BEHIND: &str = "is-behind";

thread_local! {
    static WATCH: RefCell<Option<MutationObserver>> = const { RefCell::new(None) };
    /// The text of what was judged last.
    static JUDGED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The parts around the result: the words for when it is behind, and the answer for readers of the screen. No translation touches what was
/// judged: it would have to be done again at every move of a slider, and until then an old answer would be beside new numbers.
#[component]
pub fn WatchedResult(children: Children) -> impl IntoView {
    view! {
        <div class="banner what-if-behind" role="alert">
            <Icon shape=icons::ATTENTION />
            <p>
                <strong>"This page does not follow your changes."</strong>
                " Something in this browser, such as a translation or an extension, has changed the result below, so it is not the answer to your numbers. Press “Show this scenario” under the numbers: the server then answers."
            </p>
        </div>
        <p id="what-if-said" class="visually-hidden" aria-live="polite" translate="no"></p>
        <div class="what-if-result" translate="no">
            {children()}
        </div>
    }
}

/// Says that the result does not follow the fields yet.
pub fn mark_behind() {
    mark(false);
}

fn mark(is_live: bool) {
    for around in browser::elements(".what-if") {
        let classes = around.class_list();
        // A class that cannot be set would leave the page saying that it is not live.
        let _ = classes.toggle_with_force(BEHIND, !is_live).and_then(|_| classes.toggle_with_force(LIVE, is_live));
    }
}

/// Puts a result that was just judged in the place of the old one, and watches over it.
pub fn put(place: &Element) {
    place.set_class_name("what-if-result");
    let _ = place.set_attribute("translate", "no");
    let text = place.text_content().unwrap_or_default();
    let answer = place.query_selector(".side-supposed .side-answer").ok().flatten();
    let answer = answer.and_then(|answer| answer.text_content()).unwrap_or_default();
    for old in browser::elements(RESULT) {
        let scrolled = old.scroll_top();
        let sideways: Vec<i32> = regions(&old).iter().map(Element::scroll_left).collect();
        let _ = old.replace_with_with_node_1(place);
        place.set_scroll_top(scrolled);
        for (region, left) in regions(place).iter().zip(sideways) {
            region.set_scroll_left(left);
        }
    }
    JUDGED.set(text);
    watch(place);
    mark(is_as_judged());
    if let Some(said) = document().get_element_by_id("what-if-said")
        && said.get_attribute("data-said").as_ref() != Some(&answer)
    {
        // The first one is on the page when it opens: only a change is said.
        if said.has_attribute("data-said") {
            said.set_text_content(Some(&answer));
        }
        let _ = said.set_attribute("data-said", &answer);
    }
}

fn regions(result: &Element) -> Vec<Element> {
    let Ok(found) = result.query_selector_all(".table-region") else { return Vec::new() };
    (0..found.length()).filter_map(|place| found.item(place)?.dyn_into().ok()).collect()
}

/// Whether the page shows exactly what was judged.
fn is_as_judged() -> bool {
    let shown = browser::elements(RESULT);
    JUDGED.with_borrow(|judged| matches!(shown.as_slice(), [only] if only.text_content().as_ref() == Some(judged)))
}

/// Looks again whenever something on the page changes the result.
fn watch(place: &Element) {
    WATCH.with_borrow_mut(|watch| {
        if watch.is_none() {
            let look = Closure::<dyn Fn()>::new(|| {
                if !is_as_judged() {
                    mark_behind();
                }
            });
            *watch = MutationObserver::new(look.as_ref().unchecked_ref()).ok();
            look.forget();
        }
        if let Some(watch) = watch {
            let options = MutationObserverInit::new();
            options.set_child_list(true);
            options.set_character_data(true);
            options.set_subtree(true);
            watch.disconnect();
            // Without a watch the page is looked at as often as a field changes.
            let _ = watch.observe_with_options(place, &options);
        }
    });
}

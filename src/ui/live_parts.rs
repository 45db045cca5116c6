//! Owns putting the new parts of a page in the place of the old ones, without taking anything from somebody who is at work:
//! what is opened stays open, what has the focus keeps it, a form that is being filled in is left alone. Must not know what
//! a part shows.

use super::chart_readout;
use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::Reflect;
use leptos::web_sys::{Document, Element, HtmlElement, Node, NodeList};

/// The parts of the page that are replaced, each by its id, in their order on the page.
const PARTS: [&str; 11] = [
    "banners",
    "answer",
    "proposal-place",
    "on-this-page",
    "connect",
    "decision",
    "health",
    "actions",
    "over-time",
    "history",
    "snapshots",
];

/// All that may have the focus in a part.
const FOCUSABLE: &str = "a[href], button, input, select, summary, [tabindex]";

/// Takes over from a fresh page what has changed.
pub fn take_over(fresh: &Document) {
    for id in PARTS {
        match (document().get_element_by_id(id), fresh.get_element_by_id(id)) {
            (Some(old), Some(new)) if !is_in_use(&old) => {
                keep_open(&old, &new);
                if !is_same(&old, &new) {
                    replace(&old, &new);
                }
            }
            (None, Some(new)) => add(&new),
            _ => {}
        }
    }
}

/// The names of what stays on a page whose numbers are taken away.
const STAYS: [&str; 3] = ["live-state", "live-said", "signed-out"];

/// Hides all that the page shows.
pub fn hide() {
    if let Some(main) = document().get_element_by_id("main") {
        let _ = main.set_attribute("hidden", "");
    }
}

/// Takes everything off the page that the server has said, and says why it is gone.
pub fn take_away() {
    let Some(main) = document().get_element_by_id("main") else { return };
    let stay = STAYS.map(|id| document().get_element_by_id(id));
    main.set_inner_html("");
    for place in stay.into_iter().flatten() {
        let _ = place.remove_attribute("hidden");
        let _ = main.append_child(&place);
    }
}

fn replace(old: &Element, new: &Element) {
    let focused = place_of_focus(old);
    if old.replace_with_with_node_1(new).is_ok() {
        if new.id() == "over-time" {
            chart_readout::attach();
        }
        if let Some(focus) = focused {
            focus_again(new, focus);
        }
    }
}

/// A part that the page did not have yet, behind the part that it follows.
fn add(new: &Element) {
    let before = new.previous_element_sibling().map(|before| before.id()).filter(|id| !id.is_empty());
    let place = before.and_then(|id| document().get_element_by_id(&id));
    if let Some(place) = place {
        // Where it cannot be put the page lacks it until it is loaded again.
        let _ = place.after_with_node_1(new);
    }
}

/// Whether somebody is at work in a part: a field of it has the focus, or holds what the server did not put there.
fn is_in_use(part: &Element) -> bool {
    let has_focus = document().active_element().is_some_and(|active| {
        part.contains(Some(&active)) && active.matches("input, select, textarea, button").unwrap_or(false)
    });
    has_focus
        || elements(part, "input:not([type=range])").iter().any(|field| {
            property(field, "value") != property(field, "defaultValue")
                || property(field, "checked") != property(field, "defaultChecked")
        })
        || elements(part, "select").iter().any(is_chosen_again)
}

/// Whether another option is chosen than the server's, which is the first where it marked none.
fn is_chosen_again(select: &Element) -> bool {
    let marked = elements(select, "option").iter().position(|option| option.has_attribute("selected")).unwrap_or(0);
    property(select, "selectedIndex").as_f64().is_some_and(|chosen| chosen as usize != marked)
}

fn property(element: &Element, name: &str) -> JsValue {
    Reflect::get(element, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Whether the server says the same in both. What the browser has added plays no part.
fn is_same(old: &Element, new: &Element) -> bool {
    let bare = |part: &Element| -> Option<Node> {
        let copy = part.clone_node_with_deep(true).ok()?;
        for added in elements(copy.unchecked_ref(), ".local-time, .age") {
            added.set_inner_html("");
            let _ = added.remove_attribute("data-said");
        }
        for read in elements(copy.unchecked_ref(), "#chart-readout") {
            read.remove();
        }
        for charts in elements(copy.unchecked_ref(), "#charts") {
            let _ = charts.set_attribute("class", "charts").and_then(|()| charts.remove_attribute("style"));
        }
        Some(copy)
    };
    bare(old).zip(bare(new)).is_some_and(|(old, new)| old.is_equal_node(Some(&new)))
}

/// What the reader has opened stays open: by its id, or by its place where both have as many.
fn keep_open(old: &Element, new: &Element) {
    let (old, new) = (elements(old, "details"), elements(new, "details"));
    let are_as_many = old.len() == new.len();
    for (place, new) in new.iter().enumerate() {
        let by_id = (!new.id().is_empty()).then(|| old.iter().find(|old| old.id() == new.id())).flatten();
        let by_place = if are_as_many { old.get(place) } else { None };
        // An attribute that cannot be written leaves a part closed; it is there all the same.
        let _ = match by_id.or(by_place) {
            Some(old) if old.has_attribute("open") => new.set_attribute("open", ""),
            Some(_) => new.remove_attribute("open"),
            None => Ok(()),
        };
    }
}

/// Where the focus is: the nearest element around it that has an id, and which of how many it is in there.
struct Focus {
    anchor: String,
    place: usize,
    count: usize,
}

fn place_of_focus(part: &Element) -> Option<Focus> {
    let active = document().active_element().filter(|active| part.contains(Some(active)))?;
    let anchor = active.closest("[id]:not([id=''])").ok()??;
    let all = focusable(&anchor);
    let place = all.iter().position(|one| *one == active)?;
    Some(Focus { anchor: anchor.id(), place, count: all.len() })
}

/// Gives the focus to the element that is now where it was. In a whole part that has grown it is counted from the end, since what is new
/// comes first; an element with an id inside a part keeps its order.
fn focus_again(part: &Element, focus: Focus) {
    let anchor = document().get_element_by_id(&focus.anchor).unwrap_or_else(|| part.clone());
    let all = focusable(&anchor);
    let grown = if anchor == *part { all.len().saturating_sub(focus.count) } else { 0 };
    if let Some(element) = all.get(focus.place + grown).and_then(|element| element.dyn_ref::<HtmlElement>()) {
        let _ = element.focus();
    }
}

/// What may have the focus in an element, itself first.
fn focusable(anchor: &Element) -> Vec<Element> {
    let itself = anchor.matches(FOCUSABLE).unwrap_or(false).then(|| anchor.clone());
    itself.into_iter().chain(elements(anchor, FOCUSABLE)).collect()
}

fn elements(part: &Element, selector: &str) -> Vec<Element> {
    let list: Option<NodeList> = part.query_selector_all(selector).ok();
    list.into_iter()
        .flat_map(|list| (0..list.length()).filter_map(move |place| list.item(place)))
        .filter_map(|node| node.dyn_into().ok())
        .collect()
}

//! Owns the few things that only a browser can do: its clock, its marks of how long something took, its address bar, and
//! the field that an event came from. Must not be called while a page is rendered.

use leptos::prelude::*;
use leptos::wasm_bindgen::convert::FromWasmAbi;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Date, Function, Object, Reflect, global};
use leptos::web_sys::{Element, Event, EventTarget, HtmlInputElement};

/// What a slider says while its field is empty.
pub const NOT_SET: &str = "not set";

/// `performance[name](...arguments)`; `undefined` where the browser has no such thing.
fn performance(name: &str, one: &JsValue, two: &JsValue) -> JsValue {
    let call = || {
        let performance = Reflect::get(&global(), &JsValue::from_str("performance")).ok()?;
        let function: Function = Reflect::get(&performance, &JsValue::from_str(name)).ok()?.dyn_into().ok()?;
        function.call2(&performance, one, two).ok()
    };
    call().unwrap_or(JsValue::UNDEFINED)
}

/// All elements of the page that a selector names.
pub fn elements(selector: &str) -> Vec<Element> {
    let Ok(found) = document().query_selector_all(selector) else {
        return Vec::new();
    };
    (0..found.length()).filter_map(|place| found.item(place)?.dyn_into().ok()).collect()
}

/// Listens for as long as the page is there.
pub fn on<E: FromWasmAbi + 'static>(target: &EventTarget, event: &str, act: impl Fn(E) + 'static) {
    let listener = Closure::<dyn Fn(E)>::new(act);
    let _ = target.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Milliseconds since 1970, by the reader's clock.
pub fn time() -> f64 {
    Date::now()
}

/// Milliseconds since the page began.
pub fn now() -> f64 {
    performance("now", &JsValue::UNDEFINED, &JsValue::UNDEFINED).as_f64().unwrap_or(0.0)
}

/// Leaves a measure from `started` to now in the browser's performance timeline.
pub fn measure(name: &str, started: f64) {
    let options = Object::new();
    if Reflect::set(&options, &JsValue::from_str("start"), &JsValue::from_f64(started)).is_ok() {
        performance("measure", &JsValue::from_str(name), &options);
    }
}

/// Runs `then` once the page shows what signals have changed: redraws are tasks, and tasks run in their order.
pub fn after_redraw(then: impl FnOnce() + 'static) {
    leptos::task::spawn_local(async move { then() });
}

/// Puts another address into the address bar, without leaving the page.
pub fn replace_address(address: &str) {
    if let Ok(history) = window().history() {
        // A browser that refuses leaves the old address, from which the page can be loaded all the same.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// The name and text of the field that an event came from. A slider is beside the number field that it moves, in one
/// element: each of the two follows the other.
pub fn changed_field(event: &Event) -> Option<(String, String)> {
    // Selects have the same properties.
    let field: HtmlInputElement = event.target()?.unchecked_into();
    let text = field.value();
    if field.type_() == "range" {
        let number = beside(&field, "input[type=number]")?;
        number.set_value(&text);
        mark(&field, true);
        return Some((number.name(), text));
    }
    move_slider(&field, &text);
    Some((field.name(), text))
}

/// Writes a text into the field of that name, and moves its slider.
pub fn set_field(name: &str, text: &str) {
    if let Some(field) = document().get_element_by_id(name) {
        let field: HtmlInputElement = field.unchecked_into();
        field.set_value(text);
        move_slider(&field, text);
    }
}

fn move_slider(number: &HtmlInputElement, text: &str) {
    if let Some(slider) = beside(number, "input[type=range]") {
        if !text.is_empty() {
            slider.set_value(text);
        }
        mark(&slider, !text.is_empty());
    }
}

/// A slider whose field is empty says so. An attribute that cannot be written changes nothing that counts.
fn mark(slider: &HtmlInputElement, is_set: bool) {
    let _ = if is_set {
        slider.remove_attribute("aria-valuetext")
    } else {
        slider.set_attribute("aria-valuetext", NOT_SET)
    };
}

fn beside(field: &HtmlInputElement, selector: &str) -> Option<HtmlInputElement> {
    field.parent_element()?.query_selector(selector).ok()?.map(JsCast::unchecked_into)
}

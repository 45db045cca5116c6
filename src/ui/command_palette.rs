//! Owns the command palette: every place and act of a page, found by typing. Opened by Ctrl+K or Cmd+K, or by its button;
//! without JavaScript neither is there, and the same places are linked on the page. Must not know what a place holds.

use super::browser::{elements, on};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, HtmlInputElement};
use web_sys::{Event, HtmlDialogElement, KeyboardEvent};

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub href: String,
    pub name: String,
}

impl Command {
    pub fn new(name: impl Into<String>, href: impl Into<String>) -> Command {
        Command { href: href.into(), name: name.into() }
    }
}

/// Whether every word that was typed is in the name.
fn answers(name: &str, typed: &str) -> bool {
    let (name, typed) = (name.to_ascii_lowercase(), typed.to_ascii_lowercase());
    typed.split_ascii_whitespace().all(|word| name.contains(word))
}

#[component]
pub fn CommandPalette(commands: Vec<Command>) -> impl IntoView {
    let options: Vec<_> = commands
        .into_iter()
        .enumerate()
        .map(|(place, command)| {
            view! {
                <li
                    id=format!("command-{place}")
                    role="option"
                    aria-selected="false"
                    class="command-option"
                    data-href=command.href
                >
                    {command.name}
                </li>
            }
        })
        .collect();
    view! {
        <button
            id="palette-button"
            type="button"
            class="button palette-button"
            hidden
            aria-haspopup="dialog"
            aria-keyshortcuts="Control+K Meta+K"
        >
            "Go to "
            <kbd>"Ctrl K"</kbd>
        </button>
        <dialog id="palette" class="palette" aria-label="Go to">
            <input
                id="palette-field"
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="commands"
                aria-label="A place or an act"
                autocomplete="off"
                placeholder="Type a place or an act"
            />
            <ul id="commands" role="listbox" aria-label="Places and acts">
                {options}
            </ul>
            <p id="palette-none" role="status"></p>
            <p class="quiet">"Arrows choose, Enter goes there, Escape closes."</p>
        </dialog>
    }
    .into_any()
}

/// Lets the palette be opened, where the page has one.
pub fn attach() {
    let document = document();
    let (Some(button), Some(field)) =
        (document.get_element_by_id("palette-button"), document.get_element_by_id("palette-field"))
    else {
        return;
    };
    let _ = button.remove_attribute("hidden");
    on(&button, "click", |_: Event| open());
    on(&document, "keydown", |event: KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            open();
        }
    });
    on(&field, "input", |_: Event| find());
    if let Some(list) = document.get_element_by_id("commands") {
        on(&list, "click", |event: Event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            go(target.and_then(|target| target.closest("[data-href]").ok().flatten()).as_ref());
        });
    }
    on(&field, "keydown", steer);
}

fn dialog() -> Option<HtmlDialogElement> {
    document().get_element_by_id("palette")?.dyn_into().ok()
}

fn field() -> Option<HtmlInputElement> {
    document().get_element_by_id("palette-field")?.dyn_into().ok()
}

fn open() {
    if let (Some(dialog), Some(field)) = (dialog(), field()) {
        field.set_value("");
        find();
        if !dialog.open() {
            let _ = dialog.show_modal();
        }
        let _ = field.focus();
    }
}

/// The commands that answer what is typed.
fn found() -> Vec<Element> {
    elements("#commands > li:not([hidden])")
}

/// Shows the commands that answer what is typed, the first of them chosen.
fn find() {
    let typed = field().map(|field| field.value()).unwrap_or_default();
    for option in elements("#commands > li") {
        let _ = match answers(&option.text_content().unwrap_or_default(), &typed) {
            true => option.remove_attribute("hidden"),
            false => option.set_attribute("hidden", ""),
        };
    }
    let none = found().is_empty();
    if let Some(said) = document().get_element_by_id("palette-none") {
        said.set_text_content(none.then_some("Nothing has these words."));
    }
    if none && let Some(field) = field() {
        let _ = field.remove_attribute("aria-activedescendant");
    }
    choose(0);
}

fn choose(place: usize) {
    for (other, option) in found().into_iter().enumerate() {
        let is_chosen = other == place;
        let _ = option.set_attribute("aria-selected", if is_chosen { "true" } else { "false" });
        if is_chosen && let Some(field) = field() {
            let _ = field.set_attribute("aria-activedescendant", &option.id());
            option.scroll_into_view_with_bool(false);
        }
    }
}

fn steer(event: KeyboardEvent) {
    let found = found();
    let chosen = found.iter().position(|option| option.get_attribute("aria-selected").as_deref() == Some("true"));
    let (chosen, count) = (chosen.unwrap_or(0), found.len());
    let key = event.key();
    match key.as_str() {
        "ArrowDown" if count > 0 => choose((chosen + 1) % count),
        "ArrowUp" if count > 0 => choose((chosen + count - 1) % count),
        "Enter" => go(found.get(chosen)),
        _ => return,
    }
    event.prevent_default();
}

/// Goes where a command leads. The palette is closed first, which gives the focus back to where it was: the place that is gone
/// to may take it from there.
fn go(option: Option<&Element>) {
    let address = option.and_then(|option| option.get_attribute("data-href"));
    if let (Some(address), Some(dialog)) = (address, dialog()) {
        dialog.close();
        let _ = window().location().set_href(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_typed_word_must_be_in_the_name() {
        for (typed, holds) in [("", true), ("MODE", true), ("mode set", true), ("mode freeze", false)] {
            assert_eq!(answers("Set mode of production", typed), holds, "{typed}");
        }
    }
}

//! Owns the command palette: every place and act of a page, found by typing. Opened by Ctrl+K or Cmd+K, or by its button;
//! without JavaScript neither is there, and the same places are linked on the page. Must not know what a place holds.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::prelude::Closure;
use serde::{Deserialize, Serialize};
use web_sys::{HtmlDialogElement, KeyboardEvent};

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub href: String,
    pub name: String,
}

impl Command {
    pub fn new(name: impl Into<String>, href: impl Into<String>) -> Command {
        Command { href: href.into(), name: name.into() }
    }

    /// Whether every word that was typed is in its name.
    fn answers(&self, typed: &str) -> bool {
        let name = self.name.to_lowercase();
        typed.to_lowercase().split_whitespace().all(|word| name.contains(word))
    }
}

#[island]
pub fn CommandPalette(commands: Vec<Command>) -> impl IntoView {
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    let field = NodeRef::<leptos::html::Input>::new();
    let ready = RwSignal::new(false);
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let commands = StoredValue::new(commands);
    let found = Memo::new(move |_| -> Vec<Command> {
        let typed = typed.get();
        commands.with_value(|commands| commands.iter().filter(|command| command.answers(&typed)).cloned().collect())
    });
    let open = move || {
        typed.set(String::new());
        chosen.set(0);
        if let Some(dialog) = dialog.get_untracked() {
            let dialog: &HtmlDialogElement = &dialog;
            if !dialog.open() {
                let _ = dialog.show_modal();
            }
        }
        if let Some(field) = field.get_untracked() {
            field.set_value("");
            let _ = field.focus();
        }
    };
    Effect::new(move |_| {
        ready.set(true);
        on_shortcut(open);
    });
    let steer = move |event: KeyboardEvent| {
        let count = found.with(Vec::len);
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => count.saturating_sub(1),
            "Enter" => {
                event.prevent_default();
                if let Some(command) = found.with(|found| found.get(chosen.get()).cloned()) {
                    let _ = window().location().set_href(&command.href);
                    if let Some(dialog) = dialog.get_untracked() {
                        dialog.close();
                    }
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        if count > 0 {
            chosen.update(|place| *place = (*place + step) % count);
            show(chosen.get_untracked());
        }
    };
    let option = move |place: usize, command: Command| {
        view! {
            <li
                id=option_id(place)
                role="option"
                aria-selected=move || (chosen.get() == place).to_string()
                class="command-option"
            >
                <a href=command.href tabindex="-1">
                    {command.name}
                </a>
            </li>
        }
    };
    view! {
        <button
            type="button"
            class="button palette-button"
            hidden=move || !ready.get()
            aria-haspopup="dialog"
            aria-keyshortcuts="Control+K Meta+K"
            on:click=move |_| open()
        >
            "Go to" <kbd>"Ctrl K"</kbd>
        </button>
        <dialog node_ref=dialog class="palette" aria-label="Go to">
            <input
                node_ref=field
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="commands"
                aria-label="A place or an act"
                aria-activedescendant=move || found.with(|found| !found.is_empty()).then(|| option_id(chosen.get()))
                autocomplete="off"
                placeholder="Type a place or an act"
                on:input=move |event| {
                    typed.set(event_target_value(&event));
                    chosen.set(0);
                }
                on:keydown=steer
            />
            <ul id="commands" role="listbox" aria-label="Places and acts">
                {move || {
                    found.get().into_iter().enumerate().map(|(place, command)| option(place, command)).collect_view()
                }}
            </ul>
            <p role="status">{move || found.with(Vec::is_empty).then_some("Nothing has these words.")}</p>
            <p class="quiet">"Arrows choose, Enter goes there, Escape closes."</p>
        </dialog>
    }
}

fn option_id(place: usize) -> String {
    format!("command-{place}")
}

/// Brings the chosen one into sight, where the list is longer than its room.
fn show(place: usize) {
    let Some((option, list)) = document().get_element_by_id(&option_id(place)).and_then(|option| {
        let list = option.parent_element()?;
        Some((option.get_bounding_client_rect(), list))
    }) else {
        return;
    };
    let room = list.get_bounding_client_rect();
    let (above, below) = (room.top() - option.top(), option.bottom() - room.bottom());
    if above > 0.0 {
        list.set_scroll_top(list.scroll_top() - above.ceil() as i32);
    } else if below > 0.0 {
        list.set_scroll_top(list.scroll_top() + below.ceil() as i32);
    }
}

fn on_shortcut(open: impl Fn() + 'static) {
    let pressed = Closure::<dyn Fn(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            open();
        }
    });
    let _ = document().add_event_listener_with_callback("keydown", pressed.as_ref().unchecked_ref());
    // For as long as the page is there.
    pressed.forget();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_typed_word_must_be_in_the_name() {
        let command = Command::new("Set mode of production", "#actions");
        for (typed, answers) in [("", true), ("MODE", true), ("mode set", true), ("mode freeze", false)] {
            assert_eq!(command.answers(typed), answers, "{typed}");
        }
    }
}

//! Owns the choice of a mode, and the sentence that says what the chosen one would mean before it is set: the domain's
//! own arithmetic, in the browser. Without JavaScript the sentence is that of the mode in force.

use super::words;
use crate::domain::consequence::{Load, consequence};
use crate::domain::mode::Mode;
use crate::domain::policy::Limits;
use leptos::prelude::*;

#[island]
pub fn ModeConsequence(limits: Limits, load: Load, current: Mode) -> impl IntoView {
    let chosen = RwSignal::new(current);
    let sentence = move || words::consequence(&consequence(&limits, &load, chosen.get()), &load, current);
    let choose = move |event| {
        if let Ok(mode) = event_target_value(&event).parse() {
            chosen.set(mode);
        }
    };
    let options: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| view! { <option value=mode.name() selected=mode == current>{words::mode(mode)}</option> })
        .collect();
    view! {
        <label for="set-mode-mode">"New mode"</label>
        <select id="set-mode-mode" name="mode" aria-describedby="mode-consequence" on:change=choose>
            {options}
        </select>
        <p id="mode-consequence" class="consequence" aria-live="polite">
            {sentence}
        </p>
    }
}

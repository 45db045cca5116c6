//! Owns the choice of a mode, and the sentence that says what the chosen one would mean before it is set: the domain's own
//! arithmetic, one sentence for each mode. The style sheet shows that of the mode that is chosen, with JavaScript or without.

use super::words;
use crate::domain::consequence::{Load, consequence};
use crate::domain::mode::Mode;
use crate::domain::policy::Limits;
use leptos::prelude::*;

#[component]
pub fn ModeConsequence(limits: Limits, load: Load, current: Mode) -> impl IntoView {
    let options: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| view! { <option value=mode.name() selected=mode == current>{words::mode(mode)}</option> })
        .collect();
    let sentences: Vec<_> = Mode::ALL
        .into_iter()
        .map(|mode| {
            let sentence = words::consequence(&consequence(&limits, &load, mode), &load, current);
            view! { <span class=format!("consequence-of consequence-{mode}")>{sentence}</span> }
        })
        .collect();
    view! {
        <label for="set-mode-mode">"New mode"</label>
        <select id="set-mode-mode" name="mode" aria-describedby="mode-consequence">
            {options}
        </select>
        <p id="mode-consequence" class="consequence" aria-live="polite">
            {sentences}
        </p>
    }
}

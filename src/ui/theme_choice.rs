//! Owns the choice between light, dark and what the system says: a plain form. Must not know how a choice is kept.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// What the reader has chosen: `light` or `dark`; nothing where the system decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme(pub Option<&'static str>);

#[component]
pub fn ThemeChoice() -> impl IntoView {
    let theme = use_context::<Theme>().unwrap_or_default().0;
    let location = use_location();
    let query = location.query.read_untracked().to_query_string();
    let back = format!("{}{query}", location.pathname.get_untracked());
    let buttons: Vec<_> = [
        (None, "system", "System"),
        (Some("light"), "light", "Light"),
        (Some("dark"), "dark", "Dark"),
    ]
    .into_iter()
    .map(|(choice, value, name)| {
        view! {
            <button type="submit" name="theme" value=value class="button" aria-pressed=(theme == choice).to_string()>
                {name}
            </button>
        }
    })
    .collect();
    view! {
        <form method="post" action="/founder/theme" class="theme-choice">
            <input type="hidden" name="back" value=back />
            <fieldset>
                <legend>"Colours"</legend>
                {buttons}
            </fieldset>
        </form>
    }
    .into_any()
}

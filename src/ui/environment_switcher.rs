//! Owns the choice of the environment that is shown: a plain GET form. Must not know what an environment holds.

use super::links;
use crate::views::overview::EnvironmentName;
use leptos::prelude::*;

#[component]
pub fn EnvironmentSwitcher(environments: Vec<EnvironmentName>, current: String) -> impl IntoView {
    let options: Vec<_> = environments
        .into_iter()
        .map(|environment| {
            let selected = environment.name == current;
            let text = format!("{} ({})", environment.name, environment.kind.name());
            view! {
                <option value=environment.name selected=selected>
                    {text}
                </option>
            }
        })
        .collect();
    view! {
        <form method="get" action=links::PAGE class="inline-form switcher">
            <label for="environment">"Environment"</label>
            <select id="environment" name="environment">
                {options}
            </select>
            <button type="submit" class="button">
                "Switch"
            </button>
        </form>
    }
    .into_any()
}

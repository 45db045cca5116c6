//! Owns the links to the parts of the founder's page, and from it to its settings, what-if and backtest. Must not know what is in them.

use super::links;
use leptos::prelude::*;

#[component]
pub fn OnThisPage(environment: String, has_proof: bool) -> impl IntoView {
    let links: Vec<_> = [
        ("#decision", "Decision", has_proof),
        ("#health", "Health", has_proof),
        ("#actions", "Act", true),
        ("#over-time", "Over time", true),
        ("#history", "History", true),
        ("#snapshots", "Snapshots", true),
        ("#connect", "Connect", true),
    ]
    .into_iter()
    .filter(|(_, _, is_there)| *is_there)
    .map(|(href, text, _)| {
        view! {
            <li>
                <a href=href>{text}</a>
            </li>
        }
    })
    .collect();
    view! {
        <nav id="on-this-page" class="on-this-page" aria-label="On this page">
            <ul>
                {links}
                <li>
                    <a href=links::connections(&environment)>"Connections"</a>
                </li>
                <li>
                    <a href=links::settings(&environment)>"Limits and guardrails"</a>
                </li>
                <li>
                    <a href=links::what_if(&environment, &[])>"What if"</a>
                </li>
                <li>
                    <a href=links::rules(&environment)>"The rules"</a>
                </li>
                <li>
                    <a href=links::backtest(&environment)>"Backtest"</a>
                </li>
            </ul>
        </nav>
    }
    .into_any()
}

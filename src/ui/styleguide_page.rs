//! Owns the page that shows every component in every state, for those who work on the page: served only where the server
//! was started with it. Must not show a number that was measured; no island may refer to it or to its parts.

use super::command_palette::CommandPalette;
use super::icons::{self, Icon};
use super::page_commands::commands;
use super::page_error::{NotFound, PageError};
use super::page_frame::PageFrame;
use super::styleguide_badges::{Badges, Buttons};
use super::styleguide_bars::{Bars, LoadExamples, Tracks};
use super::styleguide_forms::{Fields, Notices};
use super::styleguide_history::{Charts, Lists};
use super::styleguide_proof::Proofs;
use super::styleguide_samples::{mixed, states};
use super::styleguide_snapshots::EXAMPLE;
use super::styleguide_states::{Banners, Overviews};
use super::styleguide_tokens::Tokens;
use crate::api::{self, StyleguideCharts};
use leptos::prelude::*;
use leptos_meta::Title;

/// The parts of the page: their ids and names.
const PARTS: [(&str, &str); 15] = [
    ("colours", "Colours"),
    ("sizes", "Sizes"),
    ("badges", "Badges"),
    ("buttons", "Buttons"),
    ("fields", "Fields"),
    ("notices", "Notices"),
    ("banners", "Banners"),
    ("bars", "Bars"),
    ("tracks", "Mode track"),
    ("loads", "Loads"),
    ("overviews", "Overview"),
    ("proofs", "Proof"),
    ("lists", "Lists"),
    ("empty", "Empty states"),
    ("charts", "Charts"),
];

#[component]
pub fn StyleguidePage() -> impl IntoView {
    let charts = OnceResource::new_blocking(api::styleguide_charts());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match charts.await {
                    Ok(charts) => view! { <Styleguide charts=charts /> }.into_any(),
                    // Where it is not served the address is like any other that leads nowhere.
                    Err(error) if error.status == 404 => view! { <NotFound /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Styleguide(charts: StyleguideCharts) -> impl IntoView {
    let samples = states();
    let with_loads = samples.iter().filter(|sample| ["increase", "missing"].contains(&sample.name)).cloned();
    let loads = with_loads.chain([mixed()]).collect();
    let spans = charts.over_time.spans.clone();
    let palette = view! { <CommandPalette commands=commands(EXAMPLE, &[]) /> }.into_any();
    let parts = PARTS.map(|(id, name)| {
        view! {
            <li>
                <a href=["#guide-", id].concat()>{name}</a>
            </li>
        }
    });
    view! {
        <Title text="Styleguide · Scaling Mode" />
        <PageFrame aside=Some(palette)>
            <h1>"Styleguide"</h1>
            <div class="banner banner-synthetic">
                <Icon shape=icons::ATTENTION />
                <p>
                    <strong>"Examples: nothing here was measured."</strong>
                    " Every component of the page in every state; the answers are the engine's, of invented businesses."
                </p>
            </div>
            <nav class="on-this-page" aria-label="On this page">
                <ul>{parts}</ul>
            </nav>
            <Tokens />
            <Badges />
            <Buttons />
            <Fields />
            <Notices />
            <Banners samples=samples.clone() />
            <Bars />
            <Tracks />
            <LoadExamples samples=loads />
            <Overviews samples=samples.clone() />
            <Proofs samples=vec![mixed()] />
            <Lists samples=samples spans=spans />
            <Charts charts=charts />
        </PageFrame>
    }
    .into_any()
}

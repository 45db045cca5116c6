//! Owns the page of the what-if: the address read, the start fetched, the mark that nothing on it is a measurement.
//! Must not hold a rule; the island and the domain do the rest.

use super::icons::{self, Icon};
use super::links;
use super::page_banners::KindBanner;
use super::page_error::PageError;
use super::page_frame::PageFrame;
use super::what_if::{self, Start, WhatIf};
use super::what_if_fields::WhatIfFields;
use super::what_if_watch::WatchedResult;
use super::widgets::{EnvironmentField, KindMark};
use crate::api::{self, WhatIfStart};
use crate::domain::baseline::{Baseline, SentBaseline};
use crate::domain::scenario::Scenario;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn WhatIfPage() -> impl IntoView {
    let query = use_query_map();
    let query = query.read_untracked();
    let pairs: Vec<(String, String)> = query
        .latest_values()
        .map(|(name, text)| (name.to_string(), text.to_string()))
        .filter(|(name, _)| name != "environment")
        .collect();
    let pairs = StoredValue::new(pairs);
    let environment = query.get("environment").filter(|environment| !environment.is_empty());
    let start = OnceResource::new_blocking(api::what_if_start(environment));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match start.await {
                    Ok(start) => view! { <Panels start=start pairs=pairs.get_value() /> }.into_any(),
                    Err(error) => view! { <PageError error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Panels(start: WhatIfStart, pairs: Vec<(String, String)>) -> impl IntoView {
    let WhatIfStart { config, snapshot } = start;
    let environment = config.environment.clone();
    let body = match snapshot {
        Some(snapshot) => {
            let baseline = Baseline::of(&snapshot, &config);
            let (scenario, _) = Scenario::read(&pairs, &baseline);
            let sent = SentBaseline::from(&baseline);
            let result = what_if::result(&Start::of(baseline.clone()), &pairs);
            view! {
                <WhatIf sent=sent pairs=pairs.clone()>
                    <WatchedResult>{result}</WatchedResult>
                    <WhatIfFields baseline=baseline scenario=scenario pairs=pairs />
                </WhatIf>
            }
            .into_any()
        }
        None => view! { <NothingYet environment=environment.clone() /> }.into_any(),
    };
    view! {
        <Title text=format!("What if · {environment} · hypothetical · Scaling Mode") />
        <PageFrame>
            <nav aria-label="Where this stands">
                <a href=links::page(&environment)>{format!("Back to {environment}")}</a>
            </nav>
            <div class="banners">
                <KindBanner kind=config.kind />
                <div class="banner banner-hypothetical">
                    <Icon shape=icons::ATTENTION />
                    <p>
                        <strong>"Hypothetical."</strong>
                        " What is marked so was never measured. Nothing of it is stored, and nothing is decided on it."
                    </p>
                </div>
            </div>
            <div class="panel-head">
                <h1>{format!("What if, in {environment}?")}</h1>
                <KindMark kind=config.kind />
            </div>
            {body}
        </PageFrame>
    }
    .into_any()
}

/// The text if there is nothing to start from.
#[component]
fn NothingYet(environment: String) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby="nothing-title">
            <h2 id="nothing-title">"Nothing has been evaluated here yet"</h2>
            <p>"A what-if starts from the newest snapshot. Generate the first one, then come back."</p>
            <form method="post" action=links::form("evaluate")>
                <EnvironmentField environment=environment />
                <button type="submit" class="button button-primary">
                    "Generate snapshot"
                </button>
            </form>
        </section>
    }
    .into_any()
}

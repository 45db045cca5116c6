//! Owns the place of the health chart, its title and the table that says the same. Must not draw: the server does.

use super::snapshot_list::SnapshotTable;
use super::widgets::PanelHead;
use crate::domain::overview::SnapshotLine;
use crate::domain::policy::EnvironmentKind;
use leptos::prelude::*;

#[component]
pub fn TrendChart(kind: EnvironmentKind, svg: String, snapshots: Vec<SnapshotLine>) -> impl IntoView {
    let chart = if svg.is_empty() {
        view! { <p>"There is too little to draw yet: the chart begins with the second snapshot."</p> }.into_any()
    } else {
        view! {
            <figure>
                <div class="chart" role="region" aria-label="Chart of overall health" tabindex="0">
                    <div role="img" aria-label="Overall health over time; the table below says the same" inner_html=svg></div>
                </div>
                <figcaption class="quiet">
                    "Overall health, at best and (dashed) at worst: what the evidence allowed at each time."
                </figcaption>
            </figure>
            <details>
                <summary>"The chart's newest points as a table"</summary>
                <div class="details-body">
                    <SnapshotTable caption="Overall health, snapshot by snapshot, newest first" snapshots=snapshots />
                </div>
            </details>
        }
        .into_any()
    };
    view! {
        <section id="trend" class="panel" aria-labelledby="trend-title">
            <PanelHead title="Over time" id="trend-title" kind=kind />
            {chart}
        </section>
    }
    .into_any()
}

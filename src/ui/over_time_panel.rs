//! Owns the panel of charts over time: which range is shown, the charts, and the table that says the same. Must not draw:
//! the charts come from the server.

use super::chart_readout::ChartReadout;
use super::format::{self, Measure};
use super::widgets::{PanelHead, TableRegion, TimeStamp};
use super::{links, words};
use crate::domain::input::Value;
use crate::domain::interval::Count;
use crate::domain::policy::EnvironmentKind;
use crate::domain::trend::{Chart, OverTime, Range, TrendPoint};
use leptos::prelude::*;

#[component]
pub fn OverTimePanel(environment: String, kind: EnvironmentKind, over_time: OverTime) -> impl IntoView {
    let charts = if over_time.charts.is_empty() {
        view! { <p>"There is too little to draw yet: the charts begin with the second evaluation in this time."</p> }
            .into_any()
    } else {
        view! { <Charts over_time=over_time.clone() /> }.into_any()
    };
    view! {
        <section id="over-time" class="panel" aria-labelledby="over-time-title">
            <PanelHead title="Over time" id="over-time-title" kind=kind />
            <RangeChoice environment=environment range=over_time.range />
            {charts}
        </section>
    }
    .into_any()
}

#[component]
fn RangeChoice(environment: String, range: Range) -> impl IntoView {
    let links: Vec<_> = Range::ALL
        .into_iter()
        .map(|choice| {
            let current = (choice == range).then_some("true");
            view! {
                <li>
                    <a href=links::over_time(&environment, choice.days()) aria-current=current>
                        {format!("{} days", choice.days())}
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <nav class="range-choice" aria-label="Range of the charts">
            <ul>{links}</ul>
        </nav>
    }
    .into_any()
}

#[component]
fn Charts(over_time: OverTime) -> impl IntoView {
    let figures: Vec<_> = over_time.charts.into_iter().map(figure).collect();
    let rows: Vec<_> = over_time.points.iter().map(row).collect();
    let last = rows.len().saturating_sub(1);
    view! {
        <div class="charts" id="charts">
            {figures}
        </div>
        <ChartReadout
            last=u32::try_from(last).unwrap_or(u32::MAX)
            from=over_time.from.timestamp()
            to=over_time.to.timestamp()
        />
        <p class="quiet">
            "Shaded is the range of what was possible with the evidence at hand; upright dotted lines are changes of the mode. Lines across are the guardrails and limits in force now."
        </p>
        <details>
            <summary>"The same as a table"</summary>
            <div class="details-body">
                <TableRegion label="Over time, point by point">
                    <table id="over-time-points">
                        <caption>
                            {format!(
                                "Each row covers up to {} hours, oldest first: the widest range and the most cautious answer in it",
                                over_time.range.step_hours(),
                            )}
                        </caption>
                        <thead>
                            <tr>
                                <th scope="col">"Up to"</th>
                                <th scope="col">"Overall health"</th>
                                <th scope="col">"Fullest load"</th>
                                <th scope="col">"Clients"</th>
                                <th scope="col">"Mode"</th>
                                <th scope="col">"Answer"</th>
                                <th scope="col">"Snapshots"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </TableRegion>
            </div>
        </details>
    }
    .into_any()
}

/// A chart with its title.
pub fn figure(chart: Chart) -> AnyView {
    view! {
        <figure class="chart-figure">
            <figcaption>{chart.title}</figcaption>
            <div class="chart" inner_html=chart.svg></div>
        </figure>
    }
    .into_any()
}

fn row(point: &TrendPoint) -> AnyView {
    let clients = Value::Count(Count { lo: point.clients_lo, hi: point.clients_hi.unwrap_or(Count::UNBOUNDED) });
    view! {
        <tr>
            <th scope="row">
                <TimeStamp at=point.at />
            </th>
            <td class="number">{format::interval(point.overall, Measure::Points)}</td>
            <td class="number">{format::interval(point.load, Measure::Share)}</td>
            <td class="number">{format::value(clients, Measure::CLIENTS)}</td>
            <td>{words::mode(point.mode)}</td>
            <td>{words::answer(point.answer)}</td>
            <td class="number">{format::whole(point.snapshots)}</td>
        </tr>
    }
    .into_any()
}

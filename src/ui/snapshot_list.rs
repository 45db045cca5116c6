//! Owns the list of the newest snapshots, each with the way to its whole record. Must not know how one is made.

use super::format::{self, Measure};
use super::widgets::{AnswerBadge, PanelHead, TableRegion, TimeStamp};
use super::{links, words};
use crate::domain::policy::EnvironmentKind;
use crate::views::overview::SnapshotLine;
use leptos::prelude::*;

#[component]
pub fn SnapshotList(kind: EnvironmentKind, snapshots: Vec<SnapshotLine>) -> impl IntoView {
    let list = if snapshots.is_empty() {
        view! { <p>"No snapshot yet. The first is made at the next quarter of an hour, or when you ask for one."</p> }
            .into_any()
    } else {
        view! {
            <form method="get" action=links::COMPARE class="compare-form">
                <SnapshotTable
                    caption="The newest snapshots; the time of each leads to its whole record"
                    snapshots=snapshots
                />
                <p>
                    <button type="submit" class="button">
                        "Compare the two chosen"
                    </button>
                </p>
            </form>
        }
        .into_any()
    };
    view! {
        <section id="snapshots" class="panel" aria-labelledby="snapshots-title">
            <PanelHead title="Snapshots" id="snapshots-title" kind=kind />
            {list}
        </section>
    }
    .into_any()
}

#[component]
fn SnapshotTable(caption: &'static str, snapshots: Vec<SnapshotLine>) -> impl IntoView {
    let rows: Vec<_> = snapshots
        .iter()
        .enumerate()
        .map(|(place, line)| {
            let held = line.held.then(|| view! { <span class="note">"held"</span> });
            view! {
                <tr>
                    <td>{choice("from", "first", line, place == 1)} {choice("to", "second", line, place == 0)}</td>
                    <th scope="row">
                        <a href=links::snapshot(&line.id)>
                            <TimeStamp at=line.as_of />
                        </a>
                    </th>
                    <td>
                        <AnswerBadge answer=line.recommendation />
                        {held}
                    </td>
                    <td>{words::mode(line.mode)}</td>
                    <td class="number">{format::interval(line.overall, Measure::Points)}</td>
                    <td class="number">{format::completeness(line.confidence)}</td>
                    <td>{words::origin(line.origin)}</td>
                    <td class="wide">{line.verdict.clone()}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <TableRegion label=caption>
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Compare"</th>
                        <th scope="col">"As of"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Mode"</th>
                        <th scope="col">"Overall health"</th>
                        <th scope="col">"Evidence complete to"</th>
                        <th scope="col">"Made"</th>
                        <th scope="col">"Verdict"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// Chooses a snapshot as the first or the second of two to compare.
fn choice(name: &'static str, place: &'static str, line: &SnapshotLine, checked: bool) -> AnyView {
    let label = format!("{place} to compare: {}", format::utc(line.as_of));
    view! { <input type="radio" class="compare-choice" name=name value=line.id.clone() checked=checked aria-label=label /> }
        .into_any()
}

//! Owns the list of the stretches in which a proposed policy would have answered differently. Must not know why it
//! would: the report says so.

use super::widgets::{AnswerBadge, TableRegion, TimeStamp};
use super::{format, links, words};
use crate::domain::backtest::Difference;
use leptos::prelude::*;

#[component]
pub fn BacktestDifferences(differences: Vec<Difference>, total: u64) -> impl IntoView {
    if differences.is_empty() {
        return ().into_any();
    }
    let caption = "Where the answers part; the time of each leads to its stored snapshot";
    let more = total.saturating_sub(differences.len() as u64);
    let more = (more > 0).then(|| {
        let text = format!("{} more are not listed: narrow the days to see them.", format::whole(more));
        view! { <p>{text}</p> }
    });
    let rows: Vec<_> = differences.into_iter().map(row).collect();
    view! {
        <TableRegion label=caption>
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"From"</th>
                        <th scope="col">"To"</th>
                        <th scope="col">"Evaluations"</th>
                        <th scope="col">"Mode"</th>
                        <th scope="col">"As it was"</th>
                        <th scope="col">"As proposed"</th>
                        <th scope="col">"Why"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
        {more}
    }
    .into_any()
}

fn row(difference: Difference) -> AnyView {
    view! {
        <tr>
            <th scope="row">
                <a href=links::snapshot(&difference.snapshot_id)>
                    <TimeStamp at=difference.from />
                </a>
            </th>
            <td>
                <TimeStamp at=difference.to />
            </td>
            <td class="number">{format::whole(difference.evaluations)}</td>
            <td>{words::mode(difference.mode)}</td>
            <td>
                <AnswerBadge answer=difference.recorded />
            </td>
            <td>
                <AnswerBadge answer=difference.proposed />
            </td>
            <td class="wide">{format!("{}.", difference.why)}</td>
        </tr>
    }
    .into_any()
}

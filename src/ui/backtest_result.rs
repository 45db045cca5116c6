//! Owns the result of a backtest on the page: the sentence, the answers side by side, where they part. Must not judge an
//! evaluation; every number is the report's.

use super::backtest_differences::BacktestDifferences;
use super::widgets::{AnswerBadge, TableRegion, TimeStamp};
use super::{format, links, words};
use crate::domain::backtest::BacktestReport;
use crate::domain::decision::Recommendation;
use leptos::prelude::*;

#[component]
pub fn BacktestResult(report: BacktestReport) -> impl IntoView {
    let span = report.from.zip(report.to).map(|(from, to)| {
        view! {
            <p class="quiet">
                "From " <TimeStamp at=from /> " to " <TimeStamp at=to /> "."
            </p>
        }
    });
    let first = report.first().map(|first| {
        view! {
            <p>
                "First: "
                <a href=links::snapshot(&first.snapshot_id)>
                    <TimeStamp at=first.from />
                </a>
                " would have been " <AnswerBadge answer=first.proposed /> " instead of "
                <AnswerBadge answer=first.recorded /> ". " {format!("{}.", first.why)}
            </p>
        }
    });
    let notes: Vec<_> = report.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect();
    let table = (report.evaluations > 0).then(|| view! { <SideBySide report=report.clone() /> });
    view! {
        <section id="backtest" class="panel backtest-result" aria-labelledby="backtest-result-title">
            <div class="panel-head">
                <h2 id="backtest-result-title">{format!("{}.", report.headline)}</h2>
                <span class="mark backtest-mark">"Hypothetical"</span>
            </div>
            {span}
            {first}
            {table}
            <BacktestDifferences differences=report.differences total=report.differences_total />
            <ul class="plain quiet">{notes}</ul>
        </section>
    }
    .into_any()
}

#[component]
fn SideBySide(report: BacktestReport) -> impl IntoView {
    let caption = "The answers as they were and as they would have been";
    let answers = Recommendation::ALL.map(|answer| {
        let (recorded, proposed) = (report.recorded.of(answer), report.proposed.of(answer));
        let cell = |evaluations: u64, times: u64| match (evaluations, times) {
            (0, _) => "never".to_owned(),
            (evaluations, 1) => format!("{} evaluations, once", format::whole(evaluations)),
            (evaluations, times) => {
                format!("{} evaluations, {} times", format::whole(evaluations), format::whole(times))
            }
        };
        row(
            words::answer(answer),
            cell(recorded.evaluations, recorded.times),
            cell(proposed.evaluations, proposed.times),
        )
    });
    let changes =
        row("Changes of the answer", format::whole(report.recorded.changes), format::whole(report.proposed.changes));
    let modes: Vec<_> = report
        .modes
        .iter()
        .map(|share| {
            let text = format!(
                "{}: {} of {} different",
                words::mode(share.mode),
                format::whole(share.different),
                format::whole(share.evaluations)
            );
            view! { <li>{text}</li> }
        })
        .collect();
    view! {
        <TableRegion label=caption>
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"As it was"</th>
                        <th scope="col">"As proposed"</th>
                    </tr>
                </thead>
                <tbody>{answers} {changes}</tbody>
            </table>
        </TableRegion>
        <ul class="plain">{modes}</ul>
    }
    .into_any()
}

fn row(name: &'static str, recorded: String, proposed: String) -> AnyView {
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>{recorded}</td>
            <td>{proposed}</td>
        </tr>
    }
    .into_any()
}

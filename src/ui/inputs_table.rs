//! Owns the table of inputs: state, value, source, window, coverage, both times and the way to the samples behind each.
//! Must not compute anything from them.

use super::widgets::{StateBadge, TableRegion, TimeStamp};
use super::{format, links, words};
use crate::domain::input::{Input, InputState};
use crate::domain::signal::Signal;
use chrono::{DateTime, Utc};
use leptos::prelude::*;

#[component]
pub fn InputsTable(environment: String, caption: &'static str, inputs: Vec<Input>) -> impl IntoView {
    let rows: Vec<_> = inputs.iter().map(|input| row(&environment, input)).collect();
    view! {
        <TableRegion label=caption>
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Input"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Value"</th>
                        <th scope="col">"Window"</th>
                        <th scope="col">"Covered"</th>
                        <th scope="col">"Source"</th>
                        <th scope="col">"Data through"</th>
                        <th scope="col">"Fetched at"</th>
                        <th scope="col">"Samples"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

fn row(environment: &str, input: &Input) -> AnyView {
    let name = words::signal(input.signal, input.severity);
    let latency = (input.signal == Signal::InfraLatency).then(|| words::aggregation(input.aggregation));
    let samples = if input.samples == 0 {
        "none".into_any()
    } else {
        let count = format::whole(input.samples);
        let label = format!("{count} samples behind {name}, {}", words::window(&input.window));
        view! {
            <a class="samples-link" href=links::samples(environment, input) aria-label=label>
                {count}
            </a>
        }
        .into_any()
    };
    view! {
        <tr>
            <th scope="row">
                {name} {latency.map(|latency| view! { <span class="note">{latency}</span> })}
                {input.note.as_ref().map(|note| view! { <span class="note">{note.to_string()}</span> })}
            </th>
            <td>
                <StateBadge state=input.state />
            </td>
            <td class="number">{value(input)}</td>
            <td>{words::window(&input.window)}</td>
            <td class="number">{coverage(input)}</td>
            <td>{input.source.clone().unwrap_or_else(|| "no source".to_owned())}</td>
            <td>{time(input.data_through)}</td>
            <td>{time(input.fetched_at)}</td>
            <td class="number">{samples}</td>
        </tr>
    }
    .into_any()
}

fn value(input: &Input) -> String {
    if input.state == InputState::NotApplicable {
        return "not applicable".to_owned();
    }
    input.value.map_or_else(|| format::UNKNOWN.to_owned(), |value| format::value(value, words::measure(input.unit)))
}

fn coverage(input: &Input) -> String {
    match input.state {
        InputState::NotApplicable => "not applicable".to_owned(),
        InputState::Missing => "nothing".to_owned(),
        _ => format::share(input.coverage),
    }
}

fn time(at: Option<DateTime<Utc>>) -> AnyView {
    at.map_or_else(|| format::UNKNOWN.into_any(), |at| view! { <TimeStamp at=at /> }.into_any())
}

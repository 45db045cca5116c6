//! Owns the checklist of signals: which are connected and count, and the command that makes each of the others count.
//! Must not invent a number: a command works only once its reader has put one in.

use super::checklist_commands::{Command, commands};
use super::visitor::Visitor;
use super::widgets::{StateBadge, TimeStamp};
use super::{format, links, words};
use crate::domain::input::InputState;
use crate::domain::policy::{EnvironmentKind, Windows};
use crate::domain::signal::Unit;
use crate::views::overview::ChecklistItem;
use leptos::prelude::*;

#[component]
pub fn FirstRunChecklist(
    environment: String,
    kind: EnvironmentKind,
    items: Vec<ChecklistItem>,
    /// This server's own address.
    base_url: String,
    /// The environment's windows, in hours, minutes and days: how far back a number must reach to count.
    windows: Windows,
) -> impl IntoView {
    let connected = items.iter().filter(|item| item.connected || item.state == InputState::NotApplicable).count();
    let counting = items.iter().filter(|item| counts(item)).count();
    let total = items.len();
    let is_done = counting == total;
    let is_live = kind == EnvironmentKind::Live;
    let needs_token = !Visitor::here().is_local();
    let commands = if is_live { commands(&environment, &base_url, &items, &windows, needs_token) } else { Vec::new() };
    let rows: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(place, item)| row(item, commands.iter().find(|command| command.place == place)))
        .collect();
    let advice = match kind {
        EnvironmentKind::Synthetic => "This environment is filled with synthetic data; there is nothing to connect.",
        EnvironmentKind::Recorded => "This environment is filled by import and replay: see scaling-mode import --help.",
        EnvironmentKind::Live if is_done => "Every signal is connected and counts.",
        EnvironmentKind::Live => {
            "An Increase is not recommended while important data is missing. Run the command of each signal in a terminal, with your own number in each place in capitals, then press Generate snapshot. To keep the numbers counting, send new ones from a job: step 5 of the README has one. If your business has no posts or servers, mark them as not applicable in the settings."
        }
    };
    let token = (needs_token && !commands.is_empty()).then(|| {
        view! {
            <p>
                "In each command, replace YOUR_TOKEN by a token with the scope telemetry:write. A founder makes one on the "
                <a href=links::PEOPLE>"People page"</a>
                "."
            </p>
        }
    });
    view! {
        <section id="connect" class="panel" aria-labelledby="connect-title">
            <details open=!is_done && is_live>
                <summary>
                    <h2 id="connect-title">"Connect your numbers"</h2>
                    <span class="quiet">
                        {format!("{connected} of {total} signals connected, {counting} count in the newest answer")}
                    </span>
                </summary>
                <div class="details-body">
                    <p>{advice}</p>
                    {token}
                    <ul class="checklist">{rows}</ul>
                </div>
            </details>
        </section>
    }
    .into_any()
}

/// Whether nothing has to be done for a signal.
fn counts(item: &ChecklistItem) -> bool {
    matches!(item.state, InputState::Known | InputState::Synthetic | InputState::NotApplicable)
}

fn row(item: &ChecklistItem, command: Option<&Command>) -> AnyView {
    let name = words::signal(item.signal, item.severity);
    let status = if item.connected {
        let from = item.sources.join(", ");
        view! {
            <span class="quiet">
                {format!("from {from}, data through ")}
                {match item.data_through {
                    Some(at) => view! { <TimeStamp at=at /> }.into_any(),
                    None => format::UNKNOWN.into_any(),
                }}
            </span>
        }
        .into_any()
    } else {
        view! { <span class="quiet">{format!("not connected; unit: {}", unit(item))}</span> }.into_any()
    };
    let command = command.map(|command| {
        view! {
            <details class="command">
                <summary>{format!("Command for {name}")}</summary>
                <p>{command.meaning.clone()}</p>
                <pre tabindex="0" aria-label=format!("Command for {name}") translate="no">
                    <code>{command.text.clone()}</code>
                </pre>
            </details>
        }
    });
    view! {
        <li class=if counts(item) { "is-connected" } else { "is-open" }>
            <p>
                <strong>{name}</strong>
                <StateBadge state=item.state />
                {status}
            </p>
            {command}
        </li>
    }
    .into_any()
}

fn unit(item: &ChecklistItem) -> &'static str {
    if item.unit == Unit::Ratio { "ratio, 0 to 1" } else { item.unit.name() }
}

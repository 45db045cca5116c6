//! Owns the checklist of signals: which are connected, and the command that connects each of the others.
//! Must not invent a number: a command works only once its reader has put one in.

use super::widgets::{StateBadge, TimeStamp};
use super::{format, words};
use crate::domain::input::InputState;
use crate::domain::policy::EnvironmentKind;
use crate::domain::signal::{Signal, Unit};
use crate::views::overview::ChecklistItem;
use leptos::prelude::*;

#[component]
pub fn FirstRunChecklist(
    environment: String,
    kind: EnvironmentKind,
    items: Vec<ChecklistItem>,
    /// This server's own address.
    base_url: String,
) -> impl IntoView {
    let connected = items.iter().filter(|item| item.connected || item.state == InputState::NotApplicable).count();
    let total = items.len();
    let whole = connected == total;
    let commands = kind == EnvironmentKind::Live;
    let rows: Vec<_> = items.iter().map(|item| row(&environment, &base_url, item, commands)).collect();
    let advice = match kind {
        EnvironmentKind::Synthetic => "This environment is filled with synthetic data; there is nothing to connect.",
        EnvironmentKind::Recorded => "This environment is filled by import and replay: see scaling-mode import --help.",
        EnvironmentKind::Live if whole => "Every signal is connected.",
        EnvironmentKind::Live => {
            "Until a signal is connected it is unknown, and an Increase that it could undo is not given. Send its numbers with the command shown; put your number in the place of YOUR_NUMBER. What your business does not have (posts, servers of its own) can be declared not applicable in the configuration."
        }
    };
    view! {
        <section id="connect" class="panel" aria-labelledby="connect-title">
            <details open=!whole && commands>
                <summary>
                    <h2 id="connect-title">"Connect your numbers"</h2>
                    <span class="quiet">{format!("{connected} of {total} signals connected")}</span>
                </summary>
                <div class="details-body">
                    <p>{advice}</p>
                    <ul class="checklist">{rows}</ul>
                </div>
            </details>
        </section>
    }
    .into_any()
}

fn row(environment: &str, base_url: &str, item: &ChecklistItem, commands: bool) -> AnyView {
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
    let command = (commands && !item.connected && item.state != InputState::NotApplicable).then(|| {
        view! {
            <details class="command">
                <summary>{format!("Command for {name}")}</summary>
                <pre tabindex="0" aria-label=format!("Command for {name}")>
                    <code>{command(environment, base_url, item)}</code>
                </pre>
            </details>
        }
    });
    view! {
        <li class=if item.connected { "is-connected" } else { "is-open" }>
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

/// The command that sends one sample, now.
fn command(environment: &str, base_url: &str, item: &ChecklistItem) -> String {
    let severity =
        item.severity.map_or_else(String::new, |severity| format!(", \"severity\": \"{}\"", severity.name()));
    let latency =
        if item.signal == Signal::InfraLatency { ", \"aggregation\": \"p95\", \"count\": YOUR_REQUESTS" } else { "" };
    let now = "'\"$(date -u +%FT%TZ)\"'";
    format!(
        "curl -X POST {base_url}/api/telemetry -H 'Content-Type: application/json' -d '{{\n  \"environment\": \"{environment}\", \"source\": \"my-script\", \"data_through\": \"{now}\",\n  \"samples\": [{{\"signal\": \"{}\"{severity}, \"at\": \"{now}\", \"value\": YOUR_NUMBER, \"unit\": \"{}\"{latency}}}]}}'",
        item.signal, item.unit,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signal::Severity;

    #[test]
    fn a_command_names_its_signal_and_works_only_with_a_number_of_ones_own() {
        let item = ChecklistItem {
            connected: false,
            data_through: None,
            severity: Some(Severity::Critical),
            signal: Signal::WarningsOpen,
            sources: vec![],
            state: InputState::Missing,
            unit: Unit::Events,
        };
        let command = command("production", "http://localhost:3008", &item);
        let body = command.split("-d '").nth(1).unwrap().trim_end_matches('\'');
        let sent = body.replace("'\"$(date -u +%FT%TZ)\"'", "2026-11-24T03:00:00Z").replace("YOUR_NUMBER", "0");
        let batch: crate::domain::telemetry::Batch = serde_json::from_str(&sent).unwrap();
        assert_eq!(batch.samples[0].severity.as_deref(), Some("critical"));
        assert!(serde_json::from_str::<serde_json::Value>(body).is_err());
    }
}

//! Owns the timeline: what happened in an environment, newest first, by type, page by page.
//! Must not know how events are chained or stored; it shows the hash so that it can be checked elsewhere.

use super::local_time::ReaderTime;
use super::widgets::{EnvironmentField, PanelHead};
use super::{links, words};
use crate::domain::history::{Event, EventType};
use crate::domain::policy::EnvironmentKind;
use leptos::prelude::*;

#[component]
pub fn ScalingModeTimeline(
    environment: String,
    kind: EnvironmentKind,
    events: Vec<Event>,
    /// Where the next page begins.
    next: Option<u64>,
    /// Only events of this type are shown.
    filter: Option<EventType>,
    /// Events before this one are shown: not the newest page.
    before: Option<u64>,
) -> impl IntoView {
    let only = filter.map(EventType::name);
    let rows: Vec<_> = events.iter().map(row).collect();
    let list = if rows.is_empty() {
        let text = if filter.is_some() || before.is_some() {
            "No such events here."
        } else {
            "Nothing has happened yet. Every act and every changed answer will stand here."
        };
        view! { <p>{text}</p> }.into_any()
    } else {
        view! { <ol class="timeline">{rows}</ol> }.into_any()
    };
    let newest = before.map(|_| view! { <a href=links::timeline(&environment, only, None)>"Newest events"</a> });
    let older = next
        .map(|next| view! { <a rel="next" href=links::timeline(&environment, only, Some(next))>"Older events"</a> });
    view! {
        <section id="history" class="panel" aria-labelledby="history-title">
            <PanelHead title="History" id="history-title" kind=kind />
            <TypeFilter environment=environment.clone() filter=filter />
            {list}
            <nav class="pager" aria-label="Pages of the history">
                {newest}
                {older}
            </nav>
        </section>
    }
    .into_any()
}

/// Which events to show; a plain GET form.
#[component]
fn TypeFilter(environment: String, filter: Option<EventType>) -> impl IntoView {
    let options: Vec<_> = EventType::ALL
        .into_iter()
        .map(|event_type| {
            view! {
                <option value=event_type.name() selected=filter == Some(event_type)>
                    {words::event(event_type)}
                </option>
            }
        })
        .collect();
    view! {
        <form method="get" action=format!("{}#history", links::PAGE) class="inline-form">
            <EnvironmentField environment=environment />
            <label for="history-type">"Events"</label>
            <select id="history-type" name="type">
                <option value="">"All but snapshots"</option>
                {options}
            </select>
            <button type="submit" class="button">
                "Show"
            </button>
        </form>
    }
    .into_any()
}

fn row(event: &Event) -> AnyView {
    let change = match (event.old_mode, event.new_mode) {
        (Some(old), Some(new)) if old != new => Some(format!("{} → {}", words::mode(old), words::mode(new))),
        _ => None,
    };
    let snapshot = event.snapshot_id.as_ref().map(|id| {
        let label = format!("Snapshot of event {}", event.seq);
        view! { <a href=links::snapshot(id) aria-label=label>"Snapshot"</a> }
    });
    let class = format!("event event-{}", event.event_type.name());
    view! {
        <li class=class id=format!("event-{}", event.seq)>
            <p class="event-title">
                <strong>{words::event(event.event_type)}</strong>
                {change.map(|change| view! { <span class="event-change">{change}</span> })}
                {snapshot}
            </p>
            {event.reason.as_ref().map(|reason| view! { <p class="event-reason">{reason.clone()}</p> })}
            <p class="quiet">
                <ReaderTime at=event.at />
                {format!(" · by {} · event {} · ", event.actor, event.seq)}
                <code title=event.hash.clone()>{event.hash.chars().take(10).collect::<String>()}</code>
            </p>
        </li>
    }
    .into_any()
}
